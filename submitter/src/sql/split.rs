//! Where one statement ends and the next begins: at a `;` that is in no text, comment or quoted name, nor inside a statement set.
//!
//! Reads no grammar: what a statement means is the JobManager's matter.

/// One statement, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// From the statement's first token to its `;`, if it has one. Whatever stands before it in its line is blanked, so that columns are
    /// those of the script.
    pub(crate) text: String,
    /// The line of the script that it begins in, from 1.
    pub(crate) line: u32,
    /// Whether its `;` was there.
    pub(crate) ended: bool,
}

/// The statements of a script, in order. A last one without `;` is not ended; empty ones are left out.
pub(crate) fn split(script: &str) -> Vec<Piece> {
    let (mut pieces, mut statement) = (Vec::new(), Open::default());
    let mut rest = 0;
    while let Some((token, at, end)) = next(script, rest) {
        rest = end;
        statement.begin.get_or_insert(at);
        if statement.ends_with(&token) {
            pieces.extend(statement.piece(script, end, true));
            statement = Open::default();
        }
    }
    pieces.extend(statement.piece(script, script.len(), false));
    pieces
}

/// A statement that is being read.
#[derive(Debug, Default)]
struct Open {
    begin: Option<usize>,
    /// Its words up to the third.
    first: Vec<String>,
    /// The last three words, none where something else stood between them.
    last: [String; 3],
    /// Tokens since the last `;` or since BEGIN, and whether the first of them is END.
    since: usize,
    end_is_first: bool,
    in_set: bool,
}

impl Open {
    /// Takes one token; says whether the statement ends with it.
    fn ends_with(&mut self, token: &Token<'_>) -> bool {
        match token {
            Token::End if !self.in_set && !self.begins_old_set() => true,
            Token::End => {
                let over = self.in_set && self.since == 1 && self.end_is_first;
                (self.in_set, self.since, self.end_is_first) = (true, 0, false);
                over
            }
            Token::Word(word) => {
                self.word(word.to_uppercase());
                false
            }
            Token::Other => {
                self.last = Default::default();
                self.since += 1;
                false
            }
        }
    }

    fn word(&mut self, word: String) {
        if self.first.len() < 3 {
            self.first.push(word.clone());
        }
        self.since += 1;
        self.end_is_first = if self.since == 1 { word == "END" } else { self.end_is_first };
        self.last.rotate_left(1);
        self.last[2] = word;
        let set = self.last.each_ref().map(String::as_str) == ["STATEMENT", "SET", "BEGIN"];
        if set && self.first.first().is_some_and(|first| first == "EXECUTE" || first == "EXPLAIN") {
            (self.in_set, self.since, self.end_is_first) = (true, 0, false);
        }
    }

    /// `BEGIN STATEMENT SET;`, the SQL client's old form.
    fn begins_old_set(&self) -> bool {
        self.since == 3 && self.first == ["BEGIN", "STATEMENT", "SET"]
    }

    fn piece(&self, script: &str, end: usize, ended: bool) -> Option<Piece> {
        let begin = self.begin?;
        let before = &script[..begin];
        let column = before.chars().rev().take_while(|c| *c != '\n').count();
        let text = format!("{}{}", " ".repeat(column), script[begin..end].trim_end());
        let line = u32::try_from(before.matches('\n').count()).unwrap_or(u32::MAX - 1) + 1;
        // A `;` alone says nothing.
        (text.trim() != ";").then_some(Piece { text, line, ended })
    }
}

#[derive(Debug, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    /// `;`
    End,
    Other,
}

/// The first token at or behind a byte offset, with where it begins and ends. What is quoted and never closed reaches to the end.
fn next(script: &str, from: usize) -> Option<(Token<'_>, usize, usize)> {
    let mut at = from;
    loop {
        let rest = &script[at..];
        let first = rest.chars().next()?;
        let until = |close: &str| rest[close.len()..].find(close).map_or(rest.len(), |found| found + 2 * close.len());
        let (token, length) = match first {
            _ if first.is_whitespace() => (None, first.len_utf8()),
            _ if rest.starts_with("--") => (None, rest.find('\n').unwrap_or(rest.len())),
            // A hint is a token; for the end of a statement it is as good as a comment.
            _ if rest.starts_with("/*") => (None, rest[2..].find("*/").map_or(rest.len(), |found| found + 4)),
            // A doubled quote inside reads as two texts side by side, which comes to the same end.
            '\'' => (Some(Token::Other), until("'")),
            '"' => (Some(Token::Other), until("\"")),
            '`' => (Some(Token::Other), until("`")),
            ';' => (Some(Token::End), 1),
            _ if word(first) => {
                let length = rest.find(|c| !word(c)).unwrap_or(rest.len());
                (Some(Token::Word(&rest[..length])), length)
            }
            _ => (Some(Token::Other), first.len_utf8()),
        };
        match token {
            Some(token) => return Some((token, at, at + length)),
            None => at += length,
        }
    }
}

fn word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

/// Whether something quoted or commented is still open at the end: what comes next belongs to it.
pub(crate) fn is_open(script: &str) -> bool {
    let mut at = 0;
    let mut end_of_last = 0;
    while let Some((_, begin, end)) = next(script, at) {
        let text = &script[begin..end];
        let quote = text.chars().next().filter(|c| "'\"`".contains(*c));
        if quote.is_some_and(|quote| text.len() < 2 || !text.ends_with(quote)) {
            return true;
        }
        (at, end_of_last) = (end, end);
    }
    let tail = script[end_of_last..].lines().map(|line| line.split("--").next().unwrap_or(line)).collect::<Vec<_>>().join("\n");
    tail.rfind("/*").is_some_and(|open| !tail[open + 2..].contains("*/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(script: &str, expected: &[(&str, u32, bool)]) {
        let found = split(script);
        let found: Vec<(&str, u32, bool)> = found.iter().map(|piece| (piece.text.as_str(), piece.line, piece.ended)).collect();
        assert_eq!(found, expected, "{script}");
    }

    #[test]
    fn a_statement_ends_where_its_semicolon_is_no_part_of_a_text_comment_or_name() {
        check("SELECT 1;", &[("SELECT 1;", 1, true)]);
        check("SELECT 1", &[("SELECT 1", 1, false)]);
        check(" ; ;\n-- only words;\n/* and ; more */", &[]);
        let second = format!("{}SELECT 2", " ".repeat(32));
        check("SELECT ';', 'it''s;' FROM `a;b`;SELECT 2", &[("SELECT ';', 'it''s;' FROM `a;b`;", 1, true), (&second, 1, false)]);
        check("-- one;\nSELECT 1 -- two;\n;\n\n  SELECT 2;", &[("SELECT 1 -- two;\n;", 2, true), ("  SELECT 2;", 5, true)]);
        check("SELECT 'never ends; ", &[("SELECT 'never ends;", 1, false)]);
    }

    #[test]
    fn a_statement_set_is_one_statement() {
        let set = "EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT CASE WHEN x THEN 1 END FROM t; INSERT INTO b SELECT 1; END;";
        check(set, &[(set, 1, true)]);
        let old = "BEGIN STATEMENT SET;\nINSERT INTO a SELECT 1;\nEND;";
        check(old, &[(old, 1, true)]);
        let explain = "explain statement set begin insert into a select 1; end;";
        check(explain, &[(explain, 1, true)]);
        check("EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1;", &[("EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT 1;", 1, false)]);
    }

    #[test]
    fn what_is_open_waits_for_its_end() {
        for (script, open) in
            [("SELECT 'a", true), ("SELECT 'a'", false), ("/* a", true), ("/* a */", false), ("-- '", false), ("SELECT `a;", true)]
        {
            assert_eq!(is_open(script), open, "{script}");
        }
    }

    #[test]
    fn nothing_of_a_script_is_lost() {
        let script = "CREATE TABLE ç (a INT);\nINSERT INTO ç SELECT 'ü;' ;SELECT \u{1F600};";
        let words: String = split(script).iter().map(|piece| piece.text.trim_start().to_owned()).collect();
        let dense = |text: &str| text.split_whitespace().collect::<String>();
        assert_eq!(dense(&words), dense(script));
    }
}
