//! The SQL inside a document: each text gets lines of its own in one long script, so that a place in that script says which text of
//! the document it is in.

use irmak_common::error::{Diagnostic, Position};

use crate::Request;
use crate::error::{PlanError, Planned, Span};
use crate::token::{Cursor, tokenize};

/// A refusal, and the path in the document where no text of it is to blame.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) error: PlanError,
    pub(crate) path: String,
}

impl Failure {
    /// At a path.
    pub(crate) fn at(path: impl Into<String>, error: PlanError) -> Self {
        Self { error, path: path.into() }
    }
}

/// All texts so far.
#[derive(Debug, Default)]
pub(crate) struct Expressions {
    script: String,
    /// First line (from 1), path, text.
    texts: Vec<(u32, String, String)>,
    lines: u32,
}

impl Expressions {
    /// Reads a text at a path with a reader of the grammar, to its end.
    pub(crate) fn read<T>(&mut self, path: &str, text: &str, read: impl FnOnce(&mut Cursor) -> Planned<T>) -> Result<T, Failure> {
        let before = self.lines;
        self.texts.push((before + 1, path.to_owned(), text.to_owned()));
        self.script.push_str(text);
        self.script.push('\n');
        self.lines += text.split('\n').count() as u32;
        let shifted = |span: Span| Span { line: span.line + before, end_line: span.end_line + before, ..span };
        let parsed = tokenize(text).map_err(|error| error.moved(&shifted)).and_then(|mut tokens| {
            tokens.iter_mut().for_each(|token| token.span = shifted(token.span));
            let mut cursor = Cursor::new(tokens);
            let value = read(&mut cursor)?;
            if cursor.at_end() { Ok(value) } else { Err(cursor.unexpected(&["the end of the text"])) }
        });
        parsed.map_err(|error| Failure::at(path, error))
    }

    /// A place for something that has no text: the path alone.
    pub(crate) fn place(&mut self, path: &str, text: &str) -> Span {
        self.lines += 1;
        self.texts.push((self.lines, path.to_owned(), text.to_owned()));
        self.script.push_str(&text.replace(['\n', '\r'], " "));
        self.script.push('\n');
        Span { line: self.lines, column: 1, end_line: self.lines, end_column: text.chars().count() as u32 + 1 }
    }

    /// For a person: the path, and the place in the document where the text stands only once.
    pub(crate) fn diagnostic(&self, failure: Failure, request: &Request<'_>) -> Diagnostic {
        let mut diagnostic = failure.error.in_script(request.file, &self.script);
        let Some(position) = diagnostic.position else {
            diagnostic.message = format!("{}: {}", failure.path, diagnostic.message);
            return diagnostic;
        };
        let found = self.texts.iter().rev().find(|(line, _, _)| *line <= position.line);
        let (path, placed) = match found {
            Some((line, path, text)) => {
                (path.as_str(), in_document(request.text, text, Position { line: position.line - line + 1, ..position }))
            }
            None => (failure.path.as_str(), None),
        };
        diagnostic.message = format!("{path}: {}", diagnostic.message);
        match placed {
            Some(place) => diagnostic.at(request.text, place),
            None => {
                // The place is right in the text, which stands in the document in another form or more than once.
                diagnostic.position = Some(Position { line: 1, ..position });
                diagnostic.file = Some(format!("{} ({path})", request.file));
                diagnostic
            }
        }
    }
}

/// A place of a text, as a place of the document, where the document holds the text exactly once.
fn in_document(document: &str, text: &str, place: Position) -> Option<Position> {
    let mut found = document.match_indices(text).map(|(at, _)| at);
    let (only, None) = (found.next()?, found.next()) else { return None };
    let before = &document[..only];
    let line = before.matches('\n').count() as u32 + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() as u32;
    let column = if place.line == 1 { column + place.column } else { place.column };
    Some(Position { line: line + place.line - 1, column, length: place.length })
}
