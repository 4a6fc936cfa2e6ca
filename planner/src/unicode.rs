//! `U&'\00e9'`: texts with characters written as their UTF-16 codes, perhaps behind another sign (`U&'!00e9' UESCAPE '!'`).
//!
//! The tokenizer gives `U`, `&` and a text without anything between; here they become one text. Two codes may make one character.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use crate::error::{Code, PlanError, Planned};
use crate::token::span_of;

/// The tokens with such texts put together.
pub(crate) fn join(raw: Vec<TokenWithSpan>) -> Planned<Vec<TokenWithSpan>> {
    if !raw.iter().any(|token| token.token == Token::Ampersand) {
        return Ok(raw);
    }
    let mut joined = Vec::with_capacity(raw.len());
    let mut at = 0;
    while at < raw.len() {
        let Some(text) = text_at(&raw[at..]) else {
            joined.push(raw[at].clone());
            at += 1;
            continue;
        };
        let mut token = raw[at + 2].clone();
        token.span.start = raw[at].span.start;
        at += 3;
        let mut escape = '\\';
        if let Some((sign, taken)) = escape_at(&raw[at..]) {
            (escape, at) = (sign, at + taken);
        }
        let refused = || {
            PlanError::new(Code::Literal, format!("`{text}` holds an escape that is none"))
                .at(span_of(token.span))
                .label(format!("write `{escape}` and four hexadecimal digits, or `{escape}{escape}`"))
        };
        token.token = Token::SingleQuotedString(decode(text, escape).ok_or_else(refused)?);
        joined.push(token);
    }
    Ok(joined)
}

fn text_at(tokens: &[TokenWithSpan]) -> Option<&str> {
    match tokens {
        [u, ampersand, text, ..] => match (&u.token, &ampersand.token, &text.token) {
            (Token::Word(word), Token::Ampersand, Token::SingleQuotedString(text))
                if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("u") =>
            {
                Some(text)
            }
            _ => None,
        },
        _ => None,
    }
}

/// `UESCAPE '!'`: the sign, and how many tokens that is.
fn escape_at(tokens: &[TokenWithSpan]) -> Option<(char, usize)> {
    let mut seen = tokens.iter().enumerate().filter(|(_, token)| !matches!(token.token, Token::Whitespace(_)));
    match (&seen.next()?.1.token, seen.next()?) {
        (Token::Word(word), (last, text)) if word.value.eq_ignore_ascii_case("uescape") => match &text.token {
            Token::SingleQuotedString(sign) if sign.chars().count() == 1 => Some((sign.chars().next()?, last + 1)),
            _ => None,
        },
        _ => None,
    }
}

fn decode(text: &str, escape: char) -> Option<String> {
    let mut units = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        if c != escape {
            units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
        } else if let Some(behind) = rest.strip_prefix(escape) {
            units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
            rest = behind;
        } else {
            let code = rest.get(..4).filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
            units.push(u16::from_str_radix(code, 16).ok()?);
            rest = &rest[4..];
        }
    }
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_become_characters() {
        for (text, escape, decoded) in [
            ("\\00e9A", '\\', Some("éA")),
            ("\\D83D\\DE00", '\\', Some("😀")),
            ("a\\\\b", '\\', Some("a\\b")),
            ("!00e9\\", '!', Some("é\\")),
            ("\\D83D", '\\', None),
            ("\\00g1", '\\', None),
            ("\\00", '\\', None),
            ("", '\\', Some("")),
        ] {
            assert_eq!(decode(text, escape).as_deref(), decoded, "{text}");
        }
    }
}
