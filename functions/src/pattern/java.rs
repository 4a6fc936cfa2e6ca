//! Java's regular expressions, in the syntax of `fancy-regex`.
//!
//! Source: `java.util.regex.Pattern` of Java 17. Flags are carried out here, not handed on: Java's `(?i)` folds ASCII only, its `.`
//! stops at five line terminators, its classes are ASCII's. Whatever is an error there is one here; what Java knows and we do not is
//! refused by name, never read as something else.

mod class;
mod escape;
mod property;

use std::fmt::Write as _;

use fancy_regex::Regex;

/// Groups within groups, at most.
const DEPTH_MAX: usize = 60;

/// Line terminators but for the pair `\r\n`, as the inside of a class.
const TERMINATORS: &str = r"\n\r\x{85}\x{2028}\x{2029}";

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Java refuses it too.
    Invalid(String),
    /// Java takes it, and there is nothing of the kind here.
    Unsupported(String),
}

type Translated<T> = Result<T, Refusal>;

/// The expression, ready to run.
///
/// # Errors
/// When it is none, or needs what there is not.
pub(crate) fn compile(pattern: &str) -> Result<Regex, Refusal> {
    built(&translated(pattern)?)
}

/// The same, to match a text as a whole.
///
/// # Errors
/// When it is none, or needs what there is not.
pub(crate) fn compile_whole(pattern: &str) -> Result<Regex, Refusal> {
    built(&format!("\\A(?:{})\\z", translated(pattern)?))
}

fn built(regex: &str) -> Result<Regex, Refusal> {
    // What Java takes and has been translated can only fail for what the engine lacks.
    Regex::new(regex).map_err(|error| Refusal::Unsupported(error.to_string()))
}

/// The same meaning in the other syntax.
fn translated(pattern: &str) -> Translated<String> {
    // A reference may stand before its group, so groups are counted first.
    let groups = Translator::run(pattern, usize::MAX)?.groups;
    Ok(Translator::run(pattern, groups)?.out)
}

fn invalid<T>(message: impl Into<String>) -> Translated<T> {
    Err(Refusal::Invalid(message.into()))
}

fn unsupported<T>(what: impl Into<String>) -> Translated<T> {
    Err(Refusal::Unsupported(what.into()))
}

/// Java's embedded flags.
#[derive(Clone, Copy, Debug, Default)]
struct Flags {
    /// `i`: letters match in any case.
    any_case: bool,
    /// `u`: those that are not ASCII too.
    unicode_case: bool,
    /// `U`: predefined classes are Unicode's.
    unicode_classes: bool,
    /// `m`: `^` and `$` stand at lines.
    multiline: bool,
    /// `s`: `.` matches line terminators.
    dot_all: bool,
    /// `d`: only `\n` ends a line.
    unix_lines: bool,
    /// `x`: white space and comments are skipped.
    comments: bool,
}

impl Flags {
    fn set(&mut self, flag: char, on: bool) -> Translated<()> {
        match flag {
            'i' => self.any_case = on,
            'u' => self.unicode_case = on,
            'U' => {
                self.unicode_classes = on;
                self.unicode_case = on;
            }
            'm' => self.multiline = on,
            's' => self.dot_all = on,
            'd' => self.unix_lines = on,
            'x' => self.comments = on,
            'c' => return unsupported("canonical equivalence, (?c)"),
            other => return invalid(format!("Unknown inline modifier `{other}`")),
        }
        Ok(())
    }
}

struct Translator {
    chars: Vec<char>,
    at: usize,
    out: String,
    flags: Flags,
    /// Capturing groups opened so far.
    groups: usize,
    /// All of them.
    groups_all: usize,
    names: Vec<(String, usize)>,
    depth: usize,
}

impl Translator {
    fn run(pattern: &str, groups_all: usize) -> Translated<Self> {
        let chars = unquoted(pattern);
        let mut translator =
            Self { chars, at: 0, out: String::new(), flags: Flags::default(), groups: 0, groups_all, names: Vec::new(), depth: 0 };
        translator.alternatives()?;
        match translator.peek() {
            None => Ok(translator),
            Some(_) => invalid("Unmatched closing ')'"),
        }
    }

    /// The next character, comments skipped where they are on.
    fn peek(&mut self) -> Option<char> {
        while self.flags.comments {
            match self.chars.get(self.at) {
                Some(' ' | '\t' | '\n' | '\x0B' | '\x0C' | '\r') => self.at += 1,
                Some('#') => self.at += self.chars[self.at..].iter().take_while(|c| !matches!(c, '\n' | '\r')).count(),
                _ => break,
            }
        }
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek();
        self.at += usize::from(next.is_some());
        next
    }

    /// The character behind, as it stands.
    fn raw(&mut self) -> Option<char> {
        let next = self.chars.get(self.at).copied();
        self.at += usize::from(next.is_some());
        next
    }

    fn takes(&mut self, wanted: char) -> bool {
        let found = self.chars.get(self.at) == Some(&wanted);
        self.at += usize::from(found);
        found
    }

    /// `a|b` up to the end or a closing parenthesis.
    fn alternatives(&mut self) -> Translated<()> {
        while let Some(c) = self.peek() {
            let start = self.out.len();
            match c {
                ')' => return Ok(()),
                '|' => {
                    self.at += 1;
                    self.out.push('|');
                    continue;
                }
                '*' | '+' | '?' => return invalid(format!("Dangling meta character '{c}'")),
                // A repetition of nothing.
                '{' => self.out.push_str("(?:)"),
                _ => {
                    self.at += 1;
                    if !self.atom(c)? {
                        continue;
                    }
                }
            }
            self.quantified(start)?;
        }
        Ok(())
    }

    /// What one character begins. False where it is no atom, but a change of flags.
    fn atom(&mut self, c: char) -> Translated<bool> {
        match c {
            '(' => return self.group(),
            '[' => {
                let class = self.class()?;
                self.out.push_str(&class);
            }
            '\\' => self.escape()?,
            '^' => self.out.push_str(&self.caret()),
            '$' => self.out.push_str(&self.dollar(self.flags.multiline)),
            '.' => {
                let dot = match (self.flags.dot_all, self.flags.unix_lines) {
                    (true, _) => r"(?s:.)".to_owned(),
                    (_, true) => r"[^\n]".to_owned(),
                    _ => format!("[^{TERMINATORS}]"),
                };
                self.out.push_str(&dot);
            }
            c => self.literal(c),
        }
        Ok(true)
    }

    fn literal(&mut self, c: char) {
        let Flags { any_case, unicode_case, .. } = self.flags;
        let code = u32::from(c);
        // Writing into a String cannot fail.
        let _ = match c {
            c if any_case && !unicode_case && c.is_ascii_alphabetic() => {
                write!(self.out, "[{}{}]", c.to_ascii_lowercase(), c.to_ascii_uppercase())
            }
            c if any_case && unicode_case && c.is_alphabetic() => write!(self.out, "(?i:{c})"),
            c if c.is_alphanumeric() => write!(self.out, "{c}"),
            _ => write!(self.out, "\\x{{{code:x}}}"),
        };
    }

    fn caret(&self) -> String {
        match (self.flags.multiline, self.flags.unix_lines) {
            (false, _) => r"\A".to_owned(),
            (true, true) => r"(?:\A|(?<=\n)(?!\z))".to_owned(),
            (true, false) => r"(?:\A|(?:(?<=[\n\x{85}\x{2028}\x{2029}])|(?<=\r)(?!\n))(?!\z))".to_owned(),
        }
    }

    /// The end, also before a last line terminator; with `lines` before every one.
    fn dollar(&self, lines: bool) -> String {
        match (lines, self.flags.unix_lines) {
            (false, true) => r"(?=\n?\z)",
            (true, true) => r"(?=\n|\z)",
            (false, false) => r"(?:(?=(?:\r\n|[\r\x{85}\x{2028}\x{2029}])?\z)|(?<!\r)(?=\n\z))",
            (true, false) => r"(?:(?=[\r\x{85}\x{2028}\x{2029}]|\z)|(?<!\r)(?=\n))",
        }
        .to_owned()
    }

    /// Behind an opening parenthesis.
    fn group(&mut self) -> Translated<bool> {
        let outer = self.flags;
        let open = match self.takes('?') {
            false => {
                self.groups += 1;
                "("
            }
            true => match self.raw() {
                Some(':') => "(?:",
                Some('=') => "(?=",
                Some('!') => "(?!",
                Some('>') => "(?>",
                Some('<') => match self.raw() {
                    Some('=') => "(?<=",
                    Some('!') => "(?<!",
                    Some(first) if first.is_ascii_alphabetic() => {
                        self.named(first)?;
                        "("
                    }
                    _ => return invalid("Unknown look-behind group"),
                },
                _ => {
                    self.at -= 1;
                    if self.flag_list()? {
                        return Ok(false);
                    }
                    "(?:"
                }
            },
        };
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return unsupported(format!("more than {DEPTH_MAX} groups within each other"));
        }
        self.out.push_str(open);
        self.alternatives()?;
        self.out.push(')');
        self.depth -= 1;
        self.flags = outer;
        // The parenthesis that stopped the alternatives.
        if self.takes(')') { Ok(true) } else { invalid("Unclosed group") }
    }

    fn named(&mut self, first: char) -> Translated<()> {
        let name = self.group_name(Some(first))?;
        if self.names.iter().any(|(known, _)| *known == name) {
            return invalid(format!("Named capturing group <{name}> is already defined"));
        }
        self.groups += 1;
        self.names.push((name, self.groups));
        Ok(())
    }

    /// Letters and digits up to `>`.
    fn group_name(&mut self, first: Option<char>) -> Translated<String> {
        let mut name: String = first.into_iter().collect();
        loop {
            match self.raw() {
                Some('>') if !name.is_empty() => return Ok(name),
                Some(c) if c.is_ascii_alphabetic() || c.is_ascii_digit() && !name.is_empty() => name.push(c),
                _ => return invalid("named capturing group is missing trailing '>'"),
            }
        }
    }

    /// `i-s)` or `i-s:`. Whether the list stands alone, for the rest of its group.
    fn flag_list(&mut self) -> Translated<bool> {
        let mut on = true;
        loop {
            match self.raw() {
                Some(')') => return Ok(true),
                Some(':') => return Ok(false),
                Some('-') if on => on = false,
                Some(flag) => self.flags.set(flag, on)?,
                None => return invalid("Unknown inline modifier"),
            }
        }
    }

    /// How often the atom that begins at `start` of the output is repeated.
    fn quantified(&mut self, start: usize) -> Translated<()> {
        let times = match self.peek() {
            Some(c @ ('*' | '+' | '?')) => {
                self.at += 1;
                c.to_string()
            }
            Some('{') => {
                self.at += 1;
                self.counted()?
            }
            _ => return Ok(()),
        };
        // What is repeated is one thing.
        self.out.insert_str(start, "(?:");
        self.out.push(')');
        self.out.push_str(&times);
        match self.peek() {
            Some('?') => {
                self.at += 1;
                self.out.push('?');
            }
            Some('+') => {
                self.at += 1;
                self.out.insert_str(start, "(?>");
                self.out.push(')');
            }
            _ => {}
        }
        Ok(())
    }

    /// `2}`, `2,}`, `2,5}`.
    fn counted(&mut self) -> Translated<String> {
        let Some(min) = self.number()? else { return invalid("Illegal repetition") };
        let comma = self.takes(',');
        let max = if comma { self.number()? } else { Some(min) };
        if !self.takes('}') {
            return invalid("Unclosed counted closure");
        }
        match max {
            Some(max) if max < min => invalid("Illegal repetition range"),
            Some(max) => Ok(format!("{{{min},{max}}}")),
            None => Ok(format!("{{{min},}}")),
        }
    }

    fn number(&mut self) -> Translated<Option<u32>> {
        let mut value: Option<u32> = None;
        while let Some(digit) = self.chars.get(self.at).and_then(|c| c.to_digit(10)) {
            self.at += 1;
            value = match value.unwrap_or(0).checked_mul(10).and_then(|tens| tens.checked_add(digit)) {
                Some(value) if value <= i32::MAX as u32 => Some(value),
                _ => return invalid("Illegal repetition range"),
            };
        }
        Ok(value)
    }
}

/// `\Q...\E` written with an escape for each character, as Java does it before anything else.
fn unquoted(pattern: &str) -> Vec<char> {
    let mut out = Vec::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    let (mut quoted, mut first) = (false, false);
    while let Some(c) = chars.next() {
        let opening = std::mem::take(&mut first);
        match (c, quoted) {
            ('\\', false) => match chars.next() {
                Some('Q') => (quoted, first) = (true, true),
                other => out.extend(std::iter::once(c).chain(other)),
            },
            ('\\', true) if chars.next_if_eq(&'E').is_some() => quoted = false,
            // A digit that opens the quotation would join a reference before it.
            (c, true) if opening && c.is_ascii_digit() => out.extend(['\\', 'x', '3', c]),
            (c, true) if c.is_ascii() && !c.is_ascii_alphanumeric() => out.extend(['\\', c]),
            (c, _) => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
