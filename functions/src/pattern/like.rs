//! LIKE, and how a pattern of LIKE or SIMILAR TO is matched.
//!
//! Source: Flink 1.20, `SqlLikeUtils`. Patterns of LIKE without `_` that are a prefix, a suffix, a middle or the whole are compared
//! without a regular expression. Without ESCAPE no character escapes another.

use fancy_regex::Regex;
use irmak_common::types::TypeKind;

use super::Cache;
use crate::column::{Column, build_bools};
use crate::error::{EvalError, FunctionError};
use crate::function::{Function, Kernel, kernel};
use crate::signature::{Arg, Signature, Want, refuse, strict};

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::partial("LIKE", signature, |_| matching("LIKE", like_matcher)),
    Function::partial("SIMILAR TO", signature, |_| matching("SIMILAR TO", similar_matcher)),
];

fn signature(args: &[Arg<'_>]) -> Signature {
    if args.iter().any(|arg| *arg.kind() == TypeKind::Null) {
        return refuse("<STRING>, <STRING>[, <STRING>]");
    }
    strict(args, &[Want::Text, Want::Text, Want::Text], 1, TypeKind::Boolean)
}

/// A compiled pattern.
enum Matcher {
    Equal(String),
    Prefix(String),
    Suffix(String),
    Middle(String),
    Regex(Box<Regex>),
}

impl Matcher {
    fn matches(&self, text: &str) -> Result<bool, String> {
        Ok(match self {
            Self::Equal(whole) => text == whole,
            Self::Prefix(prefix) => text.starts_with(prefix),
            Self::Suffix(suffix) => text.ends_with(suffix),
            Self::Middle(middle) => text.contains(middle),
            Self::Regex(regex) => regex.is_match(text).map_err(|error| error.to_string())?,
        })
    }
}

fn similar_matcher(pattern: &str, escape: Option<char>) -> Result<Matcher, String> {
    super::similar::compile(pattern, escape).map(|regex| Matcher::Regex(Box::new(regex)))
}

type Make = fn(&str, Option<char>) -> Result<Matcher, String>;

fn matching(function: &'static str, make: Make) -> Result<Kernel, FunctionError> {
    // Pattern and escape character share a key: the escape stands first, NUL for none.
    let cache = Cache::new(move |key: &str| {
        let mut chars = key.chars();
        let escape = chars.next().filter(|escape| *escape != '\0');
        make(chars.as_str(), escape)
    });
    kernel(move |args, scope| {
        let (texts, patterns) = (args[0].strings()?, args[1].strings()?);
        let escapes = args.get(2).map(Column::strings).transpose()?;
        let refused = |message: String, row: usize| EvalError::new(function, message).at(row);
        let compiled = |row: usize| -> Result<Option<std::sync::Arc<Result<Matcher, String>>>, EvalError> {
            let escape = match &escapes {
                None => None,
                Some(escapes) => match escapes.get(row).map(|escape| (escape, escape.chars().next(), escape.chars().count())) {
                    Some((_, escape, 1)) => escape,
                    Some((escape, ..)) => return Err(refused(format!("Invalid escape character '{escape}'"), row)),
                    None => return Ok(None),
                },
            };
            Ok(patterns.get(row).map(|pattern| cache.get(&format!("{}{pattern}", escape.unwrap_or('\0')))))
        };
        let constant = if patterns.constant().is_some() && escapes.as_ref().is_none_or(|escapes| escapes.constant().is_some()) {
            Some(compiled(0)?)
        } else {
            None
        };
        build_bools(scope.rows, |row| {
            let matcher = match &constant {
                Some(matcher) => matcher.clone(),
                None => compiled(row)?,
            };
            let Some((matcher, text)) = matcher.zip(texts.get(row)) else { return Ok(None) };
            let matches = matcher.as_ref().as_ref().map_err(Clone::clone).and_then(|matcher| matcher.matches(text));
            matches.map(Some).map_err(|message| refused(message, row))
        })
    })
}

fn like_matcher(pattern: &str, escape: Option<char>) -> Result<Matcher, String> {
    if !pattern.contains('_') && !escape.is_some_and(|escape| pattern.contains(escape)) {
        let inner = pattern.trim_matches('%');
        if !inner.contains('%') {
            let own = inner.to_owned();
            return Ok(match (pattern.starts_with('%'), pattern.ends_with('%')) {
                (false, false) => Matcher::Equal(own),
                (false, true) => Matcher::Prefix(own),
                (true, false) => Matcher::Suffix(own),
                (true, true) => Matcher::Middle(own),
            });
        }
    }
    let mut regex = String::from("(?s)\\A");
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            c if Some(c) == escape => match chars.next() {
                Some(next) if next == '_' || next == '%' || next == c => regex.push_str(&fancy_regex::escape(&next.to_string())),
                _ => return Err(format!("Invalid escape sequence in '{pattern}'")),
            },
            '_' => regex.push('.'),
            '%' => regex.push_str(".*"),
            c => regex.push_str(&fancy_regex::escape(&c.to_string())),
        }
    }
    regex.push_str("\\z");
    Regex::new(&regex).map(|regex| Matcher::Regex(Box::new(regex))).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use crate::Environment;
    use crate::tests::{check, run, text};

    #[test]
    fn like_knows_two_wildcards_and_an_escape() {
        for (input, pattern, matches) in [
            ("abc", "a%", true),
            ("abc", "%c", true),
            ("abc", "%b%", true),
            ("abc", "abc", true),
            ("abc", "a_c", true),
            ("a\nc", "a_c", true),
            ("abc", "A%", false),
            ("abc", "a%c%", true),
            ("a_c", r"a\_c", false),
            (r"a\c", r"a\c", true),
            (r"a\bc", r"a\_c", true),
            ("", "%", true),
            ("😀", "_", true),
            ("a.c", "a.c", true),
        ] {
            check("LIKE", &[text(input), text(pattern)], Some(if matches { "TRUE" } else { "FALSE" }));
        }
        check("LIKE", &[text("a%c"), text("a!%c"), text("!")], Some("TRUE"));
        check("LIKE", &[text("abc"), text("a!%c"), text("!")], Some("FALSE"));
        assert!(run("LIKE", &[text("abc"), text("a!bc"), text("!")], &Environment::default()).is_err());
    }
}
