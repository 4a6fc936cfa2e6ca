//! The tokens of a script with their places, and a cursor over them.
//!
//! sqlparser's tokenizer does the reading; comments and white space fall away here, hints (`/*+ ... */`) stay.

use irmak_common::limits;
use sqlparser::tokenizer::{Span as SqlSpan, Token as SqlToken, Tokenizer, Whitespace};

use crate::dialect::{FlinkDialect, is_reserved};
use crate::error::{Code, PlanError, Planned, Span};
use crate::unicode;

/// A token's kind.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenKind {
    /// A keyword or name.
    Word { text: String, quoted: bool },
    /// Digits, perhaps with point and exponent.
    Number(String),
    /// A text.
    String(String),
    /// `X'0aff'`: the digits.
    Hex(String),
    /// `(`, `<>`, `=>` and so on.
    Symbol(&'static str),
    /// The inside of `/*+ ... */`.
    Hint(String),
    /// Behind the last token.
    End,
}

/// A token at its place.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) span: Span,
}

impl Token {
    /// How a message names it.
    pub(crate) fn told(&self) -> String {
        match &self.kind {
            TokenKind::Word { text, quoted: true } => format!("`{text}`"),
            TokenKind::Word { text, .. } | TokenKind::Number(text) => format!("`{text}`"),
            TokenKind::String(text) if text.chars().count() > 30 => format!("`'{}...'`", text.chars().take(27).collect::<String>()),
            TokenKind::String(text) => format!("`'{text}'`"),
            TokenKind::Hex(text) => format!("`X'{text}'`"),
            TokenKind::Symbol(symbol) => format!("`{symbol}`"),
            TokenKind::Hint(_) => "a hint".into(),
            TokenKind::End => "the end of the script".into(),
        }
    }
}

/// A name as written, at its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) span: Span,
}

pub(crate) fn span_of(span: SqlSpan) -> Span {
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    Span {
        line: small(span.start.line),
        column: small(span.start.column),
        end_line: small(span.end.line),
        end_column: small(span.end.column),
    }
}

/// The tokens of a script, `End` last.
pub(crate) fn tokenize(text: &str) -> Planned<Vec<Token>> {
    let raw = Tokenizer::new(&FlinkDialect, text).tokenize_with_location().map_err(|error| {
        let (line, column) = (error.location.line as u32, error.location.column as u32);
        let span = Span { line, column, end_line: line, end_column: column + 1 };
        let message = error.message.split(" at Line").next().unwrap_or(&error.message).to_lowercase();
        PlanError::new(Code::Token, message).at(span).label("begins here and never ends")
    })?;
    let mut tokens = Vec::with_capacity(raw.len() / 2 + 1);
    let mut end = Span { line: 1, column: 1, end_line: 1, end_column: 1 };
    let bangs: Vec<&str> = if text.contains("!=") { text.lines().collect() } else { Vec::new() };
    for token in unicode::join(raw)? {
        let span = span_of(token.span);
        if token.token == SqlToken::Neq && is_bang(&bangs, span) {
            return Err(PlanError::new(Code::Syntax, "`!=` is not allowed in Flink SQL").at(span).label("write `<>`"));
        }
        if token.token == SqlToken::ShiftRight {
            // The end of `ARRAY<ARRAY<INT>>`: Flink SQL has no shift.
            tokens.extend([TokenKind::Symbol(">"), TokenKind::Symbol(">")].map(|kind| Token { kind, span }));
            continue;
        }
        let Some(kind) = kind_of(token.token, span)? else { continue };
        end = Span { line: span.end_line, column: span.end_column, end_line: span.end_line, end_column: span.end_column + 1 };
        tokens.push(Token { kind, span });
    }
    tokens.push(Token { kind: TokenKind::End, span: end });
    Ok(tokens)
}

fn is_bang(lines: &[&str], span: Span) -> bool {
    let line = lines.get(span.line as usize - 1);
    line.and_then(|line| line.chars().nth(span.column as usize - 1)) == Some('!')
}

fn kind_of(token: SqlToken, span: Span) -> Planned<Option<TokenKind>> {
    use SqlToken as T;
    Ok(match token {
        T::Whitespace(Whitespace::MultiLineComment(text)) => text.strip_prefix('+').map(|hint| TokenKind::Hint(hint.to_owned())),
        T::Whitespace(_) | T::EOF => None,
        T::Word(word) => Some(TokenKind::Word { text: word.value, quoted: word.quote_style.is_some() }),
        T::Number(text, _) => Some(TokenKind::Number(text)),
        T::SingleQuotedString(text) | T::NationalStringLiteral(text) => Some(TokenKind::String(text)),
        T::HexStringLiteral(text) => Some(TokenKind::Hex(text)),
        other => Some(TokenKind::Symbol(symbol(&other).ok_or_else(|| no_token(&other.to_string(), span))?)),
    })
}

fn no_token(told: &str, span: Span) -> PlanError {
    let error = PlanError::new(Code::Token, format!("`{told}` is not part of Flink SQL")).at(span);
    match crate::advice::symbol(told) {
        Some(advice) => error.label(advice),
        None => error,
    }
}

/// The symbols that Flink SQL has.
fn symbol(token: &SqlToken) -> Option<&'static str> {
    use SqlToken as T;
    Some(match token {
        T::Comma => ",",
        T::LParen => "(",
        T::RParen => ")",
        T::LBracket => "[",
        T::RBracket => "]",
        T::LBrace => "{",
        T::RBrace => "}",
        T::Period => ".",
        T::SemiColon => ";",
        T::Colon => ":",
        T::Eq => "=",
        T::Neq => "<>",
        T::Lt => "<",
        T::Gt => ">",
        T::LtEq => "<=",
        T::GtEq => ">=",
        T::Plus => "+",
        T::Minus => "-",
        T::Mul => "*",
        T::Div => "/",
        T::Mod => "%",
        T::StringConcat => "||",
        T::RArrow => "=>",
        T::Arrow => "->",
        T::Placeholder(_) | T::Question => "?",
        T::Caret => "^",
        T::Pipe => "|",
        _ => return None,
    })
}

/// A place in the tokens, and how deep the reader has gone.
#[derive(Debug)]
pub(crate) struct Cursor {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// The token behind the last list that was read: a comma may be missing before it.
    behind_list: usize,
    /// Whether the type that is read is a CAST's: precisions above the largest are the largest.
    pub(crate) clamps: bool,
}

impl Cursor {
    /// At the first token. `tokens` end with `End`.
    pub(crate) fn new(tokens: Vec<Token>) -> Self {
        Self { tokens, at: 0, depth: 0, behind_list: usize::MAX, clamps: false }
    }

    /// The token `ahead` of the next one; the last one behind it.
    pub(crate) fn look(&self, ahead: usize) -> &Token {
        &self.tokens[(self.at + ahead).min(self.tokens.len() - 1)]
    }

    /// The next token.
    pub(crate) fn peek(&self) -> &Token {
        self.look(0)
    }

    /// The next token's place.
    pub(crate) fn span(&self) -> Span {
        self.peek().span
    }

    /// The place of the token just read.
    pub(crate) fn last_span(&self) -> Span {
        self.tokens[self.at.saturating_sub(1)].span
    }

    /// Reads one token.
    pub(crate) fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        token
    }

    /// Whether the tokens ahead are these unquoted words.
    pub(crate) fn at_words(&self, words: &[&str]) -> bool {
        words.iter().enumerate().all(|(i, word)| self.is_word_at(i, word))
    }

    fn is_word_at(&self, ahead: usize, word: &str) -> bool {
        matches!(&self.look(ahead).kind, TokenKind::Word { text, quoted: false } if text.eq_ignore_ascii_case(word))
    }

    /// Whether the token `ahead` is this symbol.
    pub(crate) fn is_symbol_at(&self, ahead: usize, symbol: &str) -> bool {
        matches!(&self.look(ahead).kind, TokenKind::Symbol(found) if *found == symbol)
    }

    /// Whether the next token is this symbol.
    pub(crate) fn at_symbol(&self, symbol: &str) -> bool {
        self.is_symbol_at(0, symbol)
    }

    /// Whether nothing follows.
    pub(crate) fn at_end(&self) -> bool {
        self.peek().kind == TokenKind::End
    }

    /// Reads these words if they are next.
    pub(crate) fn eat(&mut self, words: &[&str]) -> bool {
        let here = self.at_words(words);
        if here {
            self.at += words.len();
        }
        here
    }

    /// Reads this symbol if it is next.
    pub(crate) fn eat_symbol(&mut self, symbol: &str) -> bool {
        let here = self.at_symbol(symbol);
        if here {
            self.at += 1;
        }
        here
    }

    /// Reads these words.
    pub(crate) fn expect_words(&mut self, words: &[&str]) -> Planned<()> {
        for word in words {
            if !self.eat(&[word]) {
                return Err(self.unexpected(&[word]));
            }
        }
        Ok(())
    }

    /// Reads this symbol.
    pub(crate) fn expect_symbol(&mut self, symbol: &'static str) -> Planned<()> {
        if self.eat_symbol(symbol) { Ok(()) } else { Err(self.unexpected(&[symbol])) }
    }

    /// Reads a text.
    pub(crate) fn string(&mut self, what: &str) -> Planned<String> {
        match &self.peek().kind {
            TokenKind::String(text) => {
                let text = text.clone();
                self.next();
                Ok(text)
            }
            _ => Err(self.unexpected(&[what])),
        }
    }

    /// Reads a whole number that fits.
    pub(crate) fn number<N: std::str::FromStr>(&mut self, what: &str) -> Planned<N> {
        let parsed = match &self.peek().kind {
            TokenKind::Number(text) => text.parse().ok(),
            _ => None,
        };
        let number = parsed.ok_or_else(|| self.unexpected(&[what]))?;
        self.next();
        Ok(number)
    }

    /// Reads a number of rows: what is behind its point is left out, as in Flink.
    pub(crate) fn row_count(&mut self) -> Planned<u64> {
        let parsed = match &self.peek().kind {
            TokenKind::Number(text) => row_count(text),
            _ => None,
        };
        let count = parsed.ok_or_else(|| self.unexpected(&["a number of rows"]))?;
        self.next();
        Ok(count)
    }

    /// Reads a name: quoted, or a word that is not reserved.
    pub(crate) fn name(&mut self, what: &str) -> Planned<Name> {
        let token = self.peek();
        match &token.kind {
            TokenKind::Word { text, quoted } if *quoted || !is_reserved(text) => {
                let name = Name { text: text.clone(), span: token.span };
                self.next();
                Ok(name)
            }
            TokenKind::Word { text, .. } => Err(PlanError::new(Code::Reserved, format!("`{text}` is a reserved word, {what} is expected"))
                .at(token.span)
                .label(format!("as a name, write it in backticks: `{text}`"))),
            _ => Err(self.unexpected(&[what])),
        }
    }

    /// Reads whatever word is next, reserved or not.
    pub(crate) fn word(&mut self, what: &str) -> Planned<Name> {
        match &self.peek().kind {
            TokenKind::Word { text, .. } => {
                let name = Name { text: text.clone(), span: self.span() };
                self.next();
                Ok(name)
            }
            _ => Err(self.unexpected(&[what])),
        }
    }

    /// Reads `a`, `a.b` or `a.b.c`.
    pub(crate) fn path(&mut self, what: &str) -> Planned<Vec<Name>> {
        let mut path = vec![self.name(what)?];
        while self.eat_symbol(".") {
            path.push(self.name(what)?);
        }
        Ok(path)
    }

    /// Reads items with commas between them.
    pub(crate) fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Planned<T>) -> Planned<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.eat_symbol(",") {
            if self.is_behind_last_comma() {
                let error = PlanError::new(Code::Syntax, format!("unexpected {}", self.peek().told())).at(self.span());
                return Err(error.label("the comma before it is one too many"));
            }
            items.push(item(self)?);
        }
        self.behind_list = self.at;
        Ok(items)
    }

    /// Whether what comes can begin no item of any list, so that the comma just read should not be there.
    fn is_behind_last_comma(&self) -> bool {
        let clauses = ["FROM", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "WITH"];
        self.at_end()
            || [")", ";", "]", ","].iter().any(|symbol| self.at_symbol(symbol))
            || clauses.iter().any(|word| is_reserved(word) && self.at_words(&[word]))
    }

    /// Reads something that may hold the like of itself, to a bounded depth.
    pub(crate) fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Planned<T>) -> Planned<T> {
        if self.depth >= limits::SQL_DEPTH_MAX {
            return Err(too_deep(self.span()));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// The error of finding the next token where one of these is expected.
    pub(crate) fn unexpected(&self, expected: &[&str]) -> PlanError {
        let token = self.peek();
        let quoted =
            |what: &&str| if what.chars().next().is_some_and(char::is_lowercase) { (*what).to_owned() } else { format!("`{what}`") };
        let comma = (self.behind_list == self.at && !expected.contains(&",")).then_some(&",");
        let expected: Vec<&&str> = comma.into_iter().chain(expected).collect();
        let list = expected.iter().map(|what| quoted(what)).collect::<Vec<_>>().join(", ");
        let expected = if expected.len() == 1 { format!("{list} expected") } else { format!("one of {list} expected") };
        PlanError::new(Code::Syntax, format!("unexpected {}", token.told())).at(token.span).label(expected)
    }

    /// A place to come back to.
    pub(crate) fn mark(&self) -> usize {
        self.at
    }

    /// Back to a place that [`Self::mark`] gave.
    pub(crate) fn back_to(&mut self, mark: usize) {
        self.at = mark;
    }
}

/// The error of nesting too deep at a place.
pub(crate) fn too_deep(span: Span) -> PlanError {
    PlanError::new(Code::TooDeep, format!("nested deeper than {} levels", limits::SQL_DEPTH_MAX))
        .at(span)
        .note("put a part of it into a view or a subquery of its own")
}

/// What a written number says of rows; `None`: nothing, it is too large or has a sign.
fn row_count(text: &str) -> Option<u64> {
    if text.contains(['e', 'E']) {
        let number: f64 = text.parse().ok()?;
        return (0.0..9e15).contains(&number).then_some(number as u64);
    }
    let whole = text.split('.').next().unwrap_or(text);
    if whole.is_empty() { Some(0) } else { whole.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::row_count;

    #[test]
    fn a_number_of_rows_loses_its_fraction() {
        for (text, rows) in [
            ("3", Some(3)),
            ("1.5", Some(1)),
            ("2.9", Some(2)),
            ("0.5", Some(0)),
            (".5", Some(0)),
            ("1e1", Some(10)),
            ("1E-1", Some(0)),
            ("-1", None),
            ("-1e1", None),
            ("1e300", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(row_count(text), rows, "{text}");
        }
    }
}
