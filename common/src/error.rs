//! What a person is told when something is wrong: one value that renders the same on the terminal, in REST and on the page.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Classes of failure; each maps once to a gRPC status and an HTTP status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ErrorCode {
    /// The request is wrong: SQL, spec, option, id. Trying again does not help.
    InvalidArgument,
    /// What was named does not exist.
    NotFound,
    /// It exists already, or another state forbids it now.
    Conflict,
    /// Not allowed: outside the configured roots, foreign origin.
    Forbidden,
    /// The other side cannot be reached now; trying again may help.
    Unavailable,
    /// A bound of `limits` was passed.
    TooLarge,
    /// Irmak's own fault.
    Internal,
}

impl ErrorCode {
    /// The HTTP status.
    pub fn http_status(self) -> u16 {
        match self {
            Self::InvalidArgument => 400,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }
}

/// A place in a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
    /// Characters under the caret, at least 1.
    pub length: u32,
}

/// One problem, with its place and its remedy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// `E0207`, stable, listed in docs/errors.md.
    pub code: String,
    /// One sentence, lower case, no full stop: "column `prise` is not in table `sahibinden`".
    pub message: String,
    /// The file's name as the user gave it; `-` for standard input.
    pub file: Option<String>,
    /// Where.
    pub position: Option<Position>,
    /// The line of the script at `position`, secrets covered.
    pub snippet: Option<String>,
    /// Under the caret: "did you mean `price`?".
    pub label: Option<String>,
    /// What would be accepted, one a line: "columns: id, product".
    pub notes: Vec<String>,
}

impl Diagnostic {
    /// A problem without a place.
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), file: None, position: None, snippet: None, label: None, notes: Vec::new() }
    }

    /// The same at a place of `script`; the snippet is cut from it.
    #[must_use]
    pub fn at(mut self, script: &str, position: Position) -> Self {
        self.snippet = script.lines().nth(position.line.saturating_sub(1) as usize).map(crate::cover::cover);
        self.position = Some(position);
        self
    }

    /// The same with words under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The same with one more line of what would be accepted.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    /// As compilers of our time print it:
    ///
    /// ```text
    /// error[E0207]: column `prise` is not in table `sahibinden`
    ///   --> kdv.sql:23:9
    ///    |
    /// 23 |         prise,
    ///    |         ^^^^^ did you mean `price`?
    ///    = columns: id, product
    /// ```
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error[{}]: {}", self.code, self.message)?;
        let width = self.position.map_or(1, |position| position.line.to_string().len());
        if let Some(position) = self.position {
            let file = self.file.as_deref().unwrap_or("<script>");
            write!(f, "\n{:width$}--> {file}:{}:{}", "", position.line, position.column)?;
            if let Some(snippet) = &self.snippet {
                // Tabs would put the caret elsewhere than the reader's terminal does.
                let snippet = snippet.replace('\t', " ");
                let before = (position.column as usize).saturating_sub(1);
                let room = snippet.chars().count().saturating_sub(before).max(1);
                let carets = "^".repeat((position.length as usize).clamp(1, room));
                write!(f, "\n{:width$} |\n{} | {snippet}\n{:width$} | {:before$}{carets}", "", position.line, "", "")?;
                if let Some(label) = &self.label {
                    write!(f, " {label}")?;
                }
            }
        } else if let Some(label) = &self.label {
            write!(f, "\n{:width$} = {label}", "")?;
        }
        self.notes.iter().try_for_each(|note| write!(f, "\n{:width$} = {note}", ""))
    }
}

impl std::error::Error for Diagnostic {}

/// The name of `candidates` that is nearest to `name`, if any is near enough to be what was meant: an edit distance of at most a
/// third of its length, case ignored.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let bound = (wanted.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= bound)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Insertions, deletions, replacements and swaps of neighbours between two texts (optimal string alignment).
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    for (j, cell) in rows[0].iter_mut().enumerate() {
        *cell = j;
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_points_at_the_very_token() {
        let script = "SELECT\n        prise,\nFROM t";
        let mut diagnostic = Diagnostic::new("E0207", "column `prise` is not in table `sahibinden`")
            .at(script, Position { line: 2, column: 9, length: 5 })
            .label("did you mean `price`?")
            .note("columns: id, price");
        diagnostic.file = Some("kdv.sql".into());
        let expected = [
            "error[E0207]: column `prise` is not in table `sahibinden`",
            " --> kdv.sql:2:9",
            "  |",
            "2 |         prise,",
            "  |         ^^^^^ did you mean `price`?",
            "  = columns: id, price",
        ];
        assert_eq!(diagnostic.to_string(), expected.join("\n"));
    }

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let names = ["id", "price", "product"];
        assert_eq!(nearest("prise", names), Some("price"));
        assert_eq!(nearest("PRICE", names), Some("price"));
        assert_eq!(nearest("temperature", names), None);
    }
}
