//! What the planner refuses, and where: codes, spans, and how they become a [`Diagnostic`].
//!
//! Codes are stable: `E01xx` syntax, `E02xx` names, `E03xx` types, `E04xx` options and settings, `E05xx` what Irmak does not do.

use irmak_common::error::{Diagnostic, Position, nearest};

/// What kind of problem it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// E0101: another token was expected.
    Syntax,
    /// E0102: a literal, comment or quoted name that does not end, or a character that SQL does not have.
    Token,
    /// E0103: a reserved word stands where a name must; it wants backticks.
    Reserved,
    /// E0104: nested deeper than `limits::SQL_DEPTH_MAX`.
    TooDeep,
    /// E0105: a clause that may stand once stands twice.
    Twice,
    /// E0106: a literal whose text is not of its type.
    Literal,
    /// E0107: a document that is no YAML or JSON, or not of the job spec's shape.
    Document,
    /// E0108: nothing to run.
    Empty,
    /// E0201: no such table or view.
    UnknownTable,
    /// E0202: the name is taken.
    Exists,
    /// E0203: two columns of one name.
    DuplicateColumn,
    /// E0204: the name could mean several columns.
    Ambiguous,
    /// E0205: no such function.
    UnknownFunction,
    /// E0206: no such type.
    UnknownType,
    /// E0207: no such column.
    UnknownColumn,
    /// E0208: neither grouped nor aggregated.
    NotGrouped,
    /// E0209: no such field of a row, operator of a spec, window.
    UnknownField,
    /// E0301: the operands or arguments have the wrong types.
    Types,
    /// E0302: the cast is not allowed.
    Cast,
    /// E0303: a condition that is not BOOLEAN.
    NotBoolean,
    /// E0304: the sides do not have as many columns, or the query not as many as the sink.
    ColumnCount,
    /// E0305: types of two queries, or of query and sink, do not go together.
    Incompatible,
    /// E0306: a time attribute is needed.
    TimeAttribute,
    /// E0307: window sizes that make no window.
    WindowSize,
    /// E0308: an aggregate where none may stand.
    Aggregate,
    /// E0401: no such connector.
    UnknownConnector,
    /// E0402: no such format.
    UnknownFormat,
    /// E0403: the connector or format has no such option.
    UnknownOption,
    /// E0404: a required option is missing.
    MissingOption,
    /// E0405: the option's value is not one that it takes.
    OptionValue,
    /// E0406: a setting's value is not one that it takes.
    SettingValue,
    /// E0501: Irmak does not do this.
    Unsupported,
    /// E0502: the query makes updates and deletes, which Irmak does not run yet.
    Changelog,
}

impl Code {
    /// `E0101` and so on.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "E0101",
            Self::Token => "E0102",
            Self::Reserved => "E0103",
            Self::TooDeep => "E0104",
            Self::Twice => "E0105",
            Self::Literal => "E0106",
            Self::Document => "E0107",
            Self::Empty => "E0108",
            Self::UnknownTable => "E0201",
            Self::Exists => "E0202",
            Self::DuplicateColumn => "E0203",
            Self::Ambiguous => "E0204",
            Self::UnknownFunction => "E0205",
            Self::UnknownType => "E0206",
            Self::UnknownColumn => "E0207",
            Self::NotGrouped => "E0208",
            Self::UnknownField => "E0209",
            Self::Types => "E0301",
            Self::Cast => "E0302",
            Self::NotBoolean => "E0303",
            Self::ColumnCount => "E0304",
            Self::Incompatible => "E0305",
            Self::TimeAttribute => "E0306",
            Self::WindowSize => "E0307",
            Self::Aggregate => "E0308",
            Self::UnknownConnector => "E0401",
            Self::UnknownFormat => "E0402",
            Self::UnknownOption => "E0403",
            Self::MissingOption => "E0404",
            Self::OptionValue => "E0405",
            Self::SettingValue => "E0406",
            Self::Unsupported => "E0501",
            Self::Changelog => "E0502",
        }
    }
}

/// A stretch of the script. Lines and columns from 1, columns in characters; the end is behind the last character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) end_line: u32,
    pub(crate) end_column: u32,
}

impl Span {
    /// From the start of this to the end of `last`.
    pub(crate) fn to(self, last: Self) -> Self {
        Self { end_line: last.end_line, end_column: last.end_column, ..self }
    }

    /// As a diagnostic says it; a stretch over several lines is underlined to the end of its first.
    fn position(self) -> Position {
        let length = if self.line == self.end_line { self.end_column.saturating_sub(self.column).max(1) } else { u32::MAX };
        Position { line: self.line, column: self.column, length }
    }
}

/// One refusal, before it meets its script.
#[derive(Debug)]
pub(crate) struct PlanError(Box<Refusal>);

#[derive(Debug)]
struct Refusal {
    diagnostic: Diagnostic,
    span: Option<Span>,
}

/// What every step of the planner returns.
pub(crate) type Planned<T> = Result<T, PlanError>;

impl PlanError {
    /// A refusal in one sentence: lower case, no full stop.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Refusal { diagnostic: Diagnostic::new(code.as_str(), message), span: None }))
    }

    /// The same, at this place unless it has one.
    pub(crate) fn at(mut self, span: Span) -> Self {
        self.0.span.get_or_insert(span);
        self
    }

    /// The same, with words under the caret.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.0.diagnostic.label = Some(label.into());
        self
    }

    /// The same, with `did you mean` under the caret where one of the candidates is near.
    pub(crate) fn suggest<'a>(self, name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(name, candidates) {
            Some(near) => self.label(format!("did you mean `{near}`?")),
            None => self,
        }
    }

    /// The same, with one more line of what would be accepted.
    pub(crate) fn note(mut self, note: impl Into<String>) -> Self {
        self.0.diagnostic.notes.push(note.into());
        self
    }

    /// For a person: in this script of this name.
    pub(crate) fn in_script(self, file: &str, text: &str) -> Diagnostic {
        let Refusal { mut diagnostic, span } = *self.0;
        if let Some(span) = span {
            diagnostic = diagnostic.at(text, span.position());
            let room = diagnostic.snippet.as_deref().map_or(0, |line| line.chars().count() as u32).saturating_sub(span.column - 1).max(1);
            if let Some(position) = &mut diagnostic.position {
                position.length = position.length.min(room);
            }
        }
        diagnostic.file = Some(file.to_owned());
        diagnostic
    }

    /// The line it is about, if it has a place.
    pub(crate) fn line(&self) -> Option<u32> {
        self.0.span.map(|span| span.line)
    }

    /// Whether a name is not known, or means nothing here.
    pub(crate) fn is_unknown_name(&self) -> bool {
        [Code::UnknownTable, Code::UnknownColumn].iter().any(|code| self.0.diagnostic.code == code.as_str())
    }

    /// The same, its place moved.
    pub(crate) fn moved(mut self, shift: &impl Fn(Span) -> Span) -> Self {
        self.0.span = self.0.span.map(shift);
        self
    }
}
