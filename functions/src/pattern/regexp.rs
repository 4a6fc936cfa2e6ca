//! REGEXP, REGEXP_REPLACE, REGEXP_EXTRACT.

use fancy_regex::Regex;
use irmak_common::types::TypeKind;

use super::Cache;
use super::java::{self, Refusal};
use crate::column::{Column, build_bools, build_strings};
use crate::error::{EvalError, FunctionError};
use crate::function::{Function, Kernel, kernel};
use crate::signature::{Want, forced, strict};

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::partial("REGEXP", |args| strict(args, &[Want::Text, Want::Text], 0, TypeKind::Boolean), |_| regexp()),
    Function::partial("REGEXP_REPLACE", |args| strict(args, &[Want::Text, Want::Text, Want::Text], 0, TypeKind::STRING), |_| replace()),
    Function::partial("REGEXP_EXTRACT", |args| forced(args, &[Want::Text, Want::Text, Want::Int], 1, TypeKind::STRING), |_| extract()),
];

/// Compiled patterns: `None` where Java has none of it, a sentence where we have none.
struct Patterns {
    function: &'static str,
    known: Cache<Result<Option<Regex>, String>>,
}

impl Patterns {
    fn of(function: &'static str) -> Self {
        let make = |pattern: &str| match java::compile(pattern) {
            Ok(regex) => Ok(Some(regex)),
            Err(Refusal::Invalid(_)) => Ok(None),
            Err(Refusal::Unsupported(what)) => Err(format!("the pattern `{pattern}` needs what there is not here: {what}")),
        };
        Self { function, known: Cache::new(make) }
    }

    /// What `run` makes of the compiled pattern; `None` where it is none.
    fn with<T>(
        &self,
        pattern: &str,
        row: usize,
        run: impl FnOnce(&Regex) -> Result<T, fancy_regex::Error>,
    ) -> Result<Option<T>, EvalError> {
        let refused = |message: String| EvalError::new(self.function, message).at(row);
        match self.known.get(pattern).as_ref() {
            Ok(None) => Ok(None),
            Ok(Some(regex)) => run(regex).map(Some).map_err(|error| refused(format!("the pattern `{pattern}` took too long: {error}"))),
            Err(message) => Err(refused(message.clone())),
        }
    }
}

/// Whether the expression occurs; never for an empty one, or one that is none.
fn regexp() -> Result<Kernel, FunctionError> {
    let patterns = Patterns::of("REGEXP");
    kernel(move |args, scope| {
        let (texts, wanted) = (args[0].strings()?, args[1].strings()?);
        build_bools(scope.rows, |row| {
            let Some((text, pattern)) = texts.get(row).zip(wanted.get(row)) else { return Ok(None) };
            if pattern.is_empty() {
                return Ok(Some(false));
            }
            Ok(Some(patterns.with(pattern, row, |regex| regex.is_match(text))?.unwrap_or(false)))
        })
    })
}

/// Every occurrence replaced, word for word (`$1` is two characters); NULL for a pattern that is none.
fn replace() -> Result<Kernel, FunctionError> {
    let patterns = Patterns::of("REGEXP_REPLACE");
    kernel(move |args, scope| {
        let (texts, wanted, news) = (args[0].strings()?, args[1].strings()?, args[2].strings()?);
        build_strings(scope.rows, |row, out| {
            let found = || Some((texts.get(row)?, wanted.get(row)?, news.get(row)?));
            let Some((text, pattern, new)) = found() else { return Ok(None) };
            if pattern.is_empty() {
                between_units(text, new, out);
                return Ok(Some(()));
            }
            patterns.with(pattern, row, |regex| replace_all(regex, text, new, out))
        })
    })
}

fn replace_all(regex: &Regex, text: &str, new: &str, out: &mut String) -> Result<(), fancy_regex::Error> {
    let (mut last, mut from) = (0, 0);
    // As Java searches: an empty match may stand right behind another match.
    while let Some(found) = if from <= text.len() { regex.find_from_pos(text, from)? } else { None } {
        out.push_str(&text[last..found.start()]);
        out.push_str(new);
        last = found.end();
        let behind = text[last..].chars().next().map_or(1, char::len_utf8);
        from = if found.start() == found.end() { last + behind } else { last };
    }
    out.push_str(&text[last..]);
    Ok(())
}

/// The empty pattern occurs between any two UTF-16 units, in the middle of a character too.
fn between_units(text: &str, new: &str, out: &mut String) {
    out.push_str(new);
    for c in text.chars() {
        if c.len_utf16() == 1 {
            out.push(c);
        } else {
            out.push('?');
            out.push_str(new);
            out.push('?');
        }
        out.push_str(new);
    }
}

/// A group of the first occurrence, the whole without a number; NULL where there is none.
fn extract() -> Result<Kernel, FunctionError> {
    let patterns = Patterns::of("REGEXP_EXTRACT");
    kernel(move |args, scope| {
        let (texts, wanted) = (args[0].strings()?, args[1].strings()?);
        let groups = args.get(2).map(Column::ints).transpose()?;
        build_strings(scope.rows, |row, out| {
            let found = || {
                let group = usize::try_from(groups.as_ref().map_or(Some(0), |groups| groups.get(row))?).ok()?;
                texts.get(row).zip(wanted.get(row)).map(|(text, pattern)| (group, text, pattern))
            };
            let Some((group, text, pattern)) = found() else { return Ok(None) };
            let captures = patterns.with(pattern, row, |regex| regex.captures(text))?.flatten();
            Ok(captures.as_ref().and_then(|captures| captures.get(group)).map(|found| out.push_str(found.as_str())))
        })
    })
}

#[cfg(test)]
mod tests {
    use crate::tests::{check, int, text};

    #[test]
    fn expressions_are_found_replaced_and_extracted() {
        for (input, pattern, found) in
            [("abc", "b", "TRUE"), ("abc", "^a.c$", "TRUE"), ("abc", "", "FALSE"), ("ABC", "b", "FALSE"), ("a(", "(", "FALSE")]
        {
            check("REGEXP", &[text(input), text(pattern)], Some(found));
        }
        for (input, pattern, new, output) in [
            ("abc", "[aeiou]", "*", Some("*bc")),
            ("abc", "(.)(b)", "$2$1", Some("$2$1c")),
            ("abc", "", "-", Some("-a-b-c-")),
            ("😀x", "", "-", Some("-?-?-x-")),
            ("abc", "(", "-", None),
            ("abc", "a", "\\$", Some("\\$bc")),
            ("aaa", "a*", "x", Some("xx")),
            ("bé", "x*", "-", Some("-b-é-")),
        ] {
            check("REGEXP_REPLACE", &[text(input), text(pattern), text(new)], output);
        }
        for (pattern, group, output) in [
            ("(a)(.)", Some(2), Some("b")),
            ("b", None, Some("b")),
            ("(a)(z)?", Some(2), None),
            ("(a)", Some(5), None),
            ("(", Some(1), None),
        ] {
            let mut args = vec![text("abc"), text(pattern)];
            args.extend(group.map(int));
            check("REGEXP_EXTRACT", &args, output);
        }
    }
}
