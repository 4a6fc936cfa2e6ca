//! Characters as bytes and back, in the charsets that `raw.charset`, ENCODE and DECODE may name.
//!
//! What is no text in its charset becomes a replacement character when it is read, and a question mark when it is written, as in Java.
//! Unicode's own charsets, Latin-1 and ASCII are written out here; tables of other charsets are those of the Encoding Standard
//! (`encoding_rs`), put right where Java has them otherwise: what they call controls is undefined in Java's code pages of Windows.

mod names;
mod table;

use table::Table;

/// A charset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8.
    Utf8,
    /// ISO-8859-1: the first 256 characters of Unicode.
    Latin1,
    /// US-ASCII.
    Ascii,
    /// UTF-16. A byte order mark says the order when it is read; it is written, and big-endian.
    Utf16,
    /// UTF-16BE.
    Utf16Be,
    /// UTF-16LE.
    Utf16Le,
    /// UTF-32, without a mark when it is written.
    Utf32,
    /// UTF-32BE.
    Utf32Be,
    /// UTF-32LE.
    Utf32Le,
    /// One with a table of characters.
    Other(Table),
}

impl Charset {
    /// The charset of this name or of one of its other names in Java, in any case.
    pub fn named(name: &str) -> Option<Self> {
        names::ALL.iter().find(|(_, names)| names.iter().any(|known| known.eq_ignore_ascii_case(name))).map(|(charset, _)| *charset)
    }

    /// Java's own names of all of them.
    pub fn names() -> impl Iterator<Item = &'static str> {
        names::ALL.iter().filter_map(|(_, names)| names.first().copied())
    }

    /// What is accepted in the place of a name that no charset has: the nearest one, or all.
    pub fn accepted(name: &str) -> String {
        match crate::error::nearest(name, Self::names()) {
            Some(near) => format!("a charset; did you mean `{near}`?"),
            None => format!("a charset: {}", Self::names().collect::<Vec<_>>().join(", ")),
        }
    }

    /// Appends the text of these bytes, in UTF-8.
    pub fn decode(self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut push = |character: char| out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        match self {
            Self::Utf8 => out.extend_from_slice(String::from_utf8_lossy(bytes).as_bytes()),
            Self::Latin1 => bytes.iter().for_each(|byte| push(char::from(*byte))),
            Self::Ascii => bytes.iter().for_each(|byte| push(if byte.is_ascii() { char::from(*byte) } else { '\u{fffd}' })),
            Self::Utf16 | Self::Utf16Be | Self::Utf16Le => {
                let (little, bytes) = match (self, bytes) {
                    (Self::Utf16, [0xFF, 0xFE, rest @ ..]) => (true, rest),
                    (Self::Utf16, [0xFE, 0xFF, rest @ ..]) => (false, rest),
                    _ => (self == Self::Utf16Le, bytes),
                };
                let (pairs, rest) = bytes.as_chunks::<2>();
                let units = pairs.iter().map(|pair| if little { u16::from_le_bytes(*pair) } else { u16::from_be_bytes(*pair) });
                char::decode_utf16(units).for_each(|found| push(found.unwrap_or('\u{fffd}')));
                if !rest.is_empty() {
                    push('\u{fffd}');
                }
            }
            Self::Utf32 | Self::Utf32Be | Self::Utf32Le => {
                let (little, bytes) = match (self, bytes) {
                    (Self::Utf32, [0xFF, 0xFE, 0, 0, rest @ ..]) => (true, rest),
                    (Self::Utf32, [0, 0, 0xFE, 0xFF, rest @ ..]) => (false, rest),
                    _ => (self == Self::Utf32Le, bytes),
                };
                let (units, rest) = bytes.as_chunks::<4>();
                let units = units.iter().map(|unit| if little { u32::from_le_bytes(*unit) } else { u32::from_be_bytes(*unit) });
                units.for_each(|unit| push(char::from_u32(unit).unwrap_or('\u{fffd}')));
                if !rest.is_empty() {
                    push('\u{fffd}');
                }
            }
            Self::Other(table) => table.decode(bytes, out),
        }
    }

    /// Appends the bytes of a text.
    pub fn encode(self, text: &str, out: &mut Vec<u8>) {
        let narrow = |character: char, largest: u32| if (character as u32) <= largest { character as u32 as u8 } else { b'?' };
        match self {
            Self::Utf8 => out.extend_from_slice(text.as_bytes()),
            Self::Latin1 => out.extend(text.chars().map(|character| narrow(character, 0xFF))),
            Self::Ascii => out.extend(text.chars().map(|character| narrow(character, 0x7F))),
            Self::Utf16 | Self::Utf16Be => {
                if self == Self::Utf16 && !text.is_empty() {
                    out.extend([0xFE, 0xFF]);
                }
                out.extend(text.encode_utf16().flat_map(u16::to_be_bytes));
            }
            Self::Utf16Le => out.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
            Self::Utf32 | Self::Utf32Be => out.extend(text.chars().flat_map(|character| u32::from(character).to_be_bytes())),
            Self::Utf32Le => out.extend(text.chars().flat_map(|character| u32::from(character).to_le_bytes())),
            Self::Other(table) => table.encode(text, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(name: &str, text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        Charset::named(name).unwrap().encode(text, &mut out);
        out
    }

    fn decoded(name: &str, bytes: &[u8]) -> String {
        let mut out = Vec::new();
        Charset::named(name).unwrap().decode(bytes, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn texts_survive_charsets_that_have_their_characters() {
        for (name, text, bytes) in [
            ("utf-8", "é😀", &[0xC3, 0xA9, 0xF0, 0x9F, 0x98, 0x80][..]),
            ("ISO-8859-1", "é", &[0xE9]),
            ("us-ascii", "e", b"e"),
            ("UTF-16", "é", &[0xFE, 0xFF, 0, 0xE9]),
            ("UTF-16LE", "😀", &[0x3D, 0xD8, 0, 0xDE]),
            ("UTF-32LE", "é", &[0xE9, 0, 0, 0]),
            ("windows-1252", "€é", &[0x80, 0xE9]),
            ("Cp1251", "Привет", &[0xCF, 0xF0, 0xE8, 0xE2, 0xE5, 0xF2]),
            ("windows-1254", "ığŞ", &[0xFD, 0xF0, 0xDE]),
            ("ISO-8859-9", "ığŞ\u{80}", &[0xFD, 0xF0, 0xDE, 0x80]),
            ("ISO-8859-15", "€", &[0xA4]),
            ("KOI8-R", "Я", &[0xF1]),
            ("GBK", "中文a", &[0xD6, 0xD0, 0xCE, 0xC4, b'a']),
            ("gb18030", "😀", &[0x94, 0x39, 0xFC, 0x36]),
            ("Big5", "中文", &[0xA4, 0xA4, 0xA4, 0xE5]),
            ("Shift_JIS", "日本ｶ", &[0x93, 0xFA, 0x96, 0x7B, 0xB6]),
            ("Shift_JIS", "〜¢", &[0x81, 0x60, 0x81, 0x91]),
            ("GBK", "€", &[0xA2, 0xE3]),
            ("EUC-JP", "日本", &[0xC6, 0xFC, 0xCB, 0xDC]),
            ("EUC-KR", "한국", &[0xC7, 0xD1, 0xB1, 0xB9]),
        ] {
            assert_eq!(encoded(name, text), bytes, "{name}");
            assert_eq!(decoded(name, bytes), text, "{name}");
        }
        assert_eq!(Charset::named("EBCDIC"), None);
        assert_eq!(Charset::accepted("windows-1255X"), "a charset; did you mean `windows-1255`?");
        assert!(Charset::accepted("EBCDIC").contains("UTF-8, "));
    }

    #[test]
    fn what_a_charset_does_not_have_is_replaced() {
        assert_eq!(encoded("ISO-8859-1", "é中"), [0xE9, b'?']);
        assert_eq!(encoded("windows-1252", "a中😀\u{81}b"), b"a???b");
        assert_eq!(encoded("ISO-8859-9", "€"), b"?");
        assert_eq!(encoded("GBK", "a😀b"), b"a?b");
        assert_eq!(decoded("US-ASCII", &[b'a', 0xE9]), "a\u{fffd}");
        assert_eq!(decoded("windows-1252", &[0x80, 0x81]), "€\u{fffd}");
        assert_eq!(decoded("UTF-16LE", &[0x3D, 0xD8, 1]), "\u{fffd}\u{fffd}");
        assert_eq!(decoded("UTF-32BE", &[0, 0, 0xD8, 0, 0]), "\u{fffd}\u{fffd}");
    }

    #[test]
    fn names_are_javas_and_each_stands_once() {
        let all: Vec<String> = names::ALL.iter().flat_map(|(_, names)| names.iter()).map(|name| name.to_ascii_lowercase()).collect();
        for (at, name) in all.iter().enumerate() {
            assert!(!all[..at].contains(name), "{name}");
        }
        for name in Charset::names() {
            assert_eq!(decoded(name, &encoded(name, "Irmak 7")), "Irmak 7", "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_charset_fail(bytes in prop::collection::vec(any::<u8>(), 0..40), text in any::<String>()) {
            for name in Charset::names() {
                let read = decoded(name, &bytes);
                prop_assert_eq!(decoded(name, &encoded(name, "x")), "x");
                encoded(name, &read);
                encoded(name, &text);
            }
        }
    }
}
