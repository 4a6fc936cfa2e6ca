//! Date patterns of Java, taken apart: `yyyy-MM-dd'T'HH:mm:ss.SSS`.

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A letter, so many times.
    Field(char, usize),
    /// Text as it stands.
    Literal(String),
    /// `[`
    OptionalStart,
    /// `]`
    OptionalEnd,
}

/// The pieces of a pattern. `optional`: whether brackets mean something (they do to `DateTimeFormatter`, not to `SimpleDateFormat`).
pub(super) fn tokens(pattern: &str, optional: bool) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut literal = String::new();
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\'' {
            if chars.next_if_eq(&'\'').is_some() {
                literal.push('\'');
                continue;
            }
            loop {
                match chars.next() {
                    Some('\'') if chars.next_if_eq(&'\'').is_some() => literal.push('\''),
                    Some('\'') => break,
                    Some(quoted) => literal.push(quoted),
                    None => return Err(format!("Pattern ends with an incomplete string literal: {pattern}")),
                }
            }
            continue;
        }
        let structural = c.is_ascii_alphabetic() || optional && matches!(c, '[' | ']');
        if !structural {
            literal.push(c);
            continue;
        }
        if !literal.is_empty() {
            tokens.push(Token::Literal(std::mem::take(&mut literal)));
        }
        tokens.push(match c {
            '[' => Token::OptionalStart,
            ']' => Token::OptionalEnd,
            letter => {
                let mut count = 1;
                while chars.next_if_eq(&letter).is_some() {
                    count += 1;
                }
                Token::Field(letter, count)
            }
        });
    }
    if !literal.is_empty() {
        tokens.push(Token::Literal(literal));
    }
    Ok(tokens)
}

/// Appends a number with at least so many digits.
pub(super) fn push_padded(out: &mut String, value: i64, width: usize) {
    use std::fmt::Write;
    if value < 0 {
        out.push('-');
    }
    // Writing to a String cannot fail.
    let _ = write!(out, "{:0width$}", value.unsigned_abs());
}

/// An offset at the start of the text: `Z` (where `zulu`), `+02`, `+0200`, `+02:00`; seconds and bytes read.
pub(super) fn read_offset(text: &str, zulu: bool) -> Option<(i64, usize)> {
    let bytes = text.as_bytes();
    let sign = match bytes.first()? {
        b'Z' if zulu => return Some((0, 1)),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let two = |at: usize| {
        let pair = bytes.get(at..at + 2)?;
        pair.iter().all(u8::is_ascii_digit).then(|| i64::from(pair[0] - b'0') * 10 + i64::from(pair[1] - b'0'))
    };
    let hours = two(1)?;
    let (minutes, length) = match (bytes.get(3), two(3)) {
        (Some(b':'), _) => two(4).map_or((0, 3), |minutes| (minutes, 6)),
        (_, Some(minutes)) => (minutes, 5),
        _ => (0, 3),
    };
    Some((sign * (hours * 3_600 + minutes * 60), length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_letters_and_quoted_text() {
        let field = Token::Field;
        let literal = |text: &str| Token::Literal(text.into());
        for (pattern, expected) in [
            ("yyyy-MM", vec![field('y', 4), literal("-"), field('M', 2)]),
            ("'T'HH", vec![literal("T"), field('H', 2)]),
            ("yyyy''MM", vec![field('y', 4), literal("'"), field('M', 2)]),
            ("'o''clock'", vec![literal("o'clock")]),
            ("d[.M]", vec![field('d', 1), Token::OptionalStart, literal("."), field('M', 1), Token::OptionalEnd]),
        ] {
            assert_eq!(tokens(pattern, true).unwrap(), expected);
        }
        assert!(tokens("'open", true).is_err());
    }

    #[test]
    fn offsets_have_three_shapes() {
        assert_eq!(read_offset("+02:30x", false), Some((9_000, 6)));
        assert_eq!(read_offset("-0230", false), Some((-9_000, 5)));
        assert_eq!(read_offset("Z", true), Some((0, 1)));
        assert_eq!(read_offset("Z", false), None);
    }
}
