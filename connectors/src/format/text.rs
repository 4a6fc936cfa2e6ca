//! Small pieces of text that several formats write.

/// How characters beyond the basic plane are written inside JSON strings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surrogates {
    /// As they are: Jackson writing to a string.
    Plain,
    /// As two `\u` escapes: Jackson writing bytes.
    Escaped,
}

/// Appends a text as a JSON string, quotes included, escaped as Jackson does: only what must be, digits in upper case.
pub(crate) fn push_json_string(out: &mut String, text: &str, surrogates: Surrogates) {
    out.push('"');
    let mut from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let wide = byte >= 0xF0 && surrogates == Surrogates::Escaped;
        if byte >= b' ' && byte != b'"' && byte != b'\\' && !wide {
            continue;
        }
        out.push_str(&text[from..at]);
        from = at + 1;
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(byte)]),
            8 => out.push_str("\\b"),
            12 => out.push_str("\\f"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0..b' ' => out.push_str(&format!("\\u{byte:04X}")),
            _ => {
                for character in text[at..].chars().take(1) {
                    character.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04X}")));
                    from = at + character.len_utf8();
                }
            }
        }
    }
    out.push_str(&text[from..]);
    out.push('"');
}

/// Appends a whole number.
pub(crate) fn push_integer(out: &mut String, value: i64) {
    out.push_str(itoa::Buffer::new().format(value));
}

/// Appends `unscaled / 10^scale` without trailing zeros of the fraction and without an exponent.
pub(crate) fn push_plain_decimal(out: &mut String, unscaled: i128, scale: u32) {
    let (mut unscaled, mut scale) = (unscaled, scale);
    while scale > 0 && unscaled % 10 == 0 {
        unscaled /= 10;
        scale -= 1;
    }
    irmak_common::text::write_decimal(out, unscaled, scale);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strings_are_escaped_as_jackson_does() {
        for (text, expected) in [
            ("a\u{1}b\u{1f}", r#""a\u0001b\u001F""#),
            ("\u{8}\u{c}\n\r\t", r#""\b\f\n\r\t""#),
            ("</script>&'", r#""</script>&'""#),
            ("😀é", r#""\uD83D\uDE00é""#),
            ("\u{7f}\u{2028}", "\"\u{7f}\u{2028}\""),
            ("", r#""""#),
        ] {
            let mut out = String::new();
            push_json_string(&mut out, text, Surrogates::Escaped);
            assert_eq!(out, expected);
        }
    }

    proptest! {
        #[test]
        fn a_text_survives_its_json(text in any::<String>(), escaped in any::<bool>()) {
            let mut out = String::new();
            push_json_string(&mut out, &text, if escaped { Surrogates::Escaped } else { Surrogates::Plain });
            prop_assert_eq!(serde_json::from_str::<String>(&out).unwrap(), text);
        }
    }
}
