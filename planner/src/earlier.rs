//! A session: statements that were accepted before, and the ones to plan now, read as one script.
//!
//! Nobody keeps the session but its client, who sends it along each time. Planning it again costs a millisecond or two, and a
//! JobManager that restarts has nothing to forget. Each part keeps its own file name and lines, so that an error in a table that was
//! made ten statements ago points there.

use crate::error::{PlanError, Span};
use irmak_common::error::Diagnostic;

/// Statements as somebody wrote them, with the place they were written in.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// The file's name, for messages.
    pub file: &'a str,
    /// The statements.
    pub text: &'a str,
    /// The line of the file that the text begins in, from 1.
    pub line: u32,
}

/// Parts, and one text that holds them all.
pub(crate) struct Joined<'a> {
    /// Each with the line of the whole text that it begins in.
    parts: Vec<(u32, Part<'a>)>,
    /// One part behind the other, each ended by a `;` in a line of its own, which a comment at its end cannot swallow.
    pub(crate) text: String,
}

impl<'a> Joined<'a> {
    /// `last` behind `earlier`.
    pub(crate) fn new(earlier: &[Part<'a>], last: Part<'a>) -> Self {
        let mut joined = Self { parts: Vec::with_capacity(earlier.len() + 1), text: String::new() };
        let mut line = 1;
        for part in earlier {
            joined.parts.push((line, *part));
            joined.text.push_str(part.text);
            joined.text.push_str("\n;\n");
            line += u32::try_from(part.text.matches('\n').count()).unwrap_or(u32::MAX / 2) + 2;
        }
        joined.parts.push((line, last));
        joined.text.push_str(last.text);
        joined
    }

    /// Whether a place is in the last part.
    pub(crate) fn is_last(&self, span: Span) -> bool {
        self.parts.last().is_some_and(|(begin, _)| span.line >= *begin)
    }

    /// An error, told in the part that it is about; without a place, in the last one.
    pub(crate) fn told(&self, error: PlanError) -> Diagnostic {
        let about = |line: u32| self.parts.iter().rev().find(|(begin, _)| line >= *begin);
        let Some((begin, part)) = error.line().map_or(self.parts.last(), about) else {
            return error.in_script("-", &self.text);
        };
        let up = begin - 1;
        let error = error.moved(&|span| Span { line: span.line - up, end_line: span.end_line - up, ..span });
        let mut diagnostic = error.in_script(part.file, part.text);
        if let Some(position) = &mut diagnostic.position {
            position.line += part.line.max(1) - 1;
        }
        diagnostic
    }
}
