//! SIMILAR TO: SQL's regular expressions, written as Java's.
//!
//! Source: Flink 1.20, `SqlLikeUtils`. What is special to Java and not to SQL (a point, `\p{...}` behind an escape) stays what Java
//! makes of it, as there.

use fancy_regex::Regex;

use super::java::{self, Refusal};

const SQL_SPECIALS: &str = "[]()|^-+*_%?{}";
const JAVA_SPECIALS: &str = "[]()|^-+*?{}$\\.";

/// Classes that SQL names inside brackets, in capitals or small letters.
const CLASSES: [(&str, &str); 7] = [
    ("ALPHA", r"\p{Alpha}"),
    ("UPPER", r"\p{Upper}"),
    ("LOWER", r"\p{Lower}"),
    ("DIGIT", r"\d"),
    ("SPACE", " "),
    ("WHITESPACE", r"\s"),
    ("ALNUM", r"\p{Alnum}"),
];

/// The pattern, compiled: it must match the whole text.
///
/// # Errors
/// One sentence, when it is none.
pub(super) fn compile(pattern: &str, escape: Option<char>) -> Result<Regex, String> {
    let java = rewritten(pattern, escape)?;
    java::compile_whole(&java).map_err(|refusal| match refusal {
        Refusal::Invalid(why) => invalid_expression(pattern) + ": " + &why,
        Refusal::Unsupported(what) => format!("the pattern `{pattern}` needs what there is not here: {what}"),
    })
}

fn invalid_expression(pattern: &str) -> String {
    format!("Invalid regular expression '{pattern}'")
}

fn invalid_escape(pattern: &str) -> String {
    format!("Invalid escape sequence in '{pattern}'")
}

/// As an expression of Java.
fn rewritten(pattern: &str, escape: Option<char>) -> Result<String, String> {
    if escape == Some(':') && !(pattern.contains("[:") && pattern.contains(":]")) {
        return Err(invalid_escape(pattern));
    }
    let mut out = String::with_capacity(pattern.len() * 2);
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            c if Some(c) == escape => rest = escaped(rest, escape, &mut out).ok_or_else(|| invalid_escape(pattern))?,
            '_' => out.push('.'),
            '%' => out.push_str("(?s:.*)"),
            '[' => {
                out.push('[');
                rest = enumeration(rest, escape, &mut out).ok_or_else(|| invalid_expression(pattern))?;
                out.push(']');
            }
            ']' => return Err(invalid_expression(pattern)),
            '\\' | '$' => out.extend(['\\', c]),
            c => out.push(c),
        }
    }
    Ok(out)
}

/// What stands behind the escape character, and what is left.
fn escaped<'p>(rest: &'p str, escape: Option<char>, out: &mut String) -> Option<&'p str> {
    let c = rest.chars().next()?;
    if SQL_SPECIALS.contains(c) && JAVA_SPECIALS.contains(c) {
        out.push('\\');
    } else if !SQL_SPECIALS.contains(c) && Some(c) != escape {
        return None;
    }
    out.push(c);
    Some(&rest[c.len_utf8()..])
}

/// The inside of brackets, and what is left behind them.
fn enumeration<'p>(mut rest: &'p str, escape: Option<char>, out: &mut String) -> Option<&'p str> {
    loop {
        let c = rest.chars().next()?;
        let behind = &rest[c.len_utf8()..];
        if c == ']' {
            return Some(behind);
        } else if Some(c) == escape {
            rest = escaped(behind, escape, out)?;
        } else if let Some(named) = rest.strip_prefix("[:") {
            let (name, left) = named.split_once(":]")?;
            let known = |sql: &str| name == sql || name == sql.to_ascii_lowercase();
            out.push_str(CLASSES.iter().find(|(sql, _)| known(sql))?.1);
            rest = left;
        } else if SQL_SPECIALS.contains(c) && !matches!(c, '-' | '^') {
            return None;
        } else {
            out.push(c);
            rest = behind;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::compile;
    use crate::tests::{check, text};

    #[test]
    fn similar_to_knows_sqls_expressions() {
        for (input, pattern, matches) in [
            ("abc", "a%", true),
            ("ABC", "(abc|ABC)", true),
            ("abc", "[a-c]+", true),
            ("tab\nb", "%(b|B)%", true),
            ("abc", "_{3}", true),
            ("a.b*c", r"a.b\*c", false),
            ("ABC", "[^a]%", true),
            ("abc", "[^a]%", false),
            ("a1", "[[:ALPHA:]][[:digit:]]", true),
            ("abc", "a.c", true),
            ("abc", "%$", false),
        ] {
            check("SIMILAR TO", &[text(input), text(pattern)], Some(if matches { "TRUE" } else { "FALSE" }));
        }
        check("SIMILAR TO", &[text("a%c"), text("a!%c"), text("!")], Some("TRUE"));
    }

    #[test]
    fn what_is_none_is_refused() {
        for (pattern, escape) in
            [("[", None), ("]", None), ("(a", None), ("[[:nope:]]", None), ("a!b", Some('!')), ("a!", Some('!')), ("a", Some(':'))]
        {
            assert!(compile(pattern, escape).is_err(), "{pattern}");
        }
    }
}
