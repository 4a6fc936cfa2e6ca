//! Characters as bytes and back, in the charsets that `raw.charset` may name.
//!
//! What is no text in its charset becomes a replacement character when it is read, and a question mark when it is written, as in Java.

/// A charset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Charset {
    Utf8,
    Latin1,
    Ascii,
    /// A byte order mark says the order when it is read; it is written, and big-endian.
    Utf16,
    Utf16Be,
    Utf16Le,
}

impl Charset {
    /// What the option accepts.
    pub(crate) const KNOWN: &'static str = "UTF-8, ISO-8859-1, US-ASCII, UTF-16, UTF-16BE or UTF-16LE";

    /// The charset of this name or of one of its other names in Java, in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_uppercase().as_str() {
            "UTF-8" | "UTF8" => Self::Utf8,
            "ISO-8859-1" | "ISO8859_1" | "ISO8859-1" | "ISO_8859-1" | "LATIN1" | "L1" | "CP819" => Self::Latin1,
            "US-ASCII" | "ASCII" | "ISO646-US" | "646" => Self::Ascii,
            "UTF-16" | "UTF16" | "UTF_16" | "UNICODE" => Self::Utf16,
            "UTF-16BE" | "UTF_16BE" | "X-UTF-16BE" => Self::Utf16Be,
            "UTF-16LE" | "UTF_16LE" | "X-UTF-16LE" => Self::Utf16Le,
            _ => return None,
        })
    }

    /// Appends the text of these bytes, in UTF-8.
    pub(crate) fn decode(self, bytes: &[u8], out: &mut Vec<u8>) {
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
        }
    }

    /// Appends the bytes of a text.
    pub(crate) fn encode(self, text: &str, out: &mut Vec<u8>) {
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
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_survive_charsets_that_have_their_characters() {
        for (name, text, bytes) in [
            ("utf-8", "é😀", &[0xC3, 0xA9, 0xF0, 0x9F, 0x98, 0x80][..]),
            ("ISO-8859-1", "é", &[0xE9]),
            ("us-ascii", "e", b"e"),
            ("UTF-16", "é", &[0xFE, 0xFF, 0, 0xE9]),
            ("UTF-16LE", "😀", &[0x3D, 0xD8, 0, 0xDE]),
        ] {
            let charset = Charset::named(name).unwrap();
            let (mut written, mut read) = (Vec::new(), Vec::new());
            charset.encode(text, &mut written);
            assert_eq!(written, bytes, "{name}");
            charset.decode(&written, &mut read);
            assert_eq!(read, text.as_bytes(), "{name}");
        }
        assert_eq!(Charset::named("EBCDIC"), None);
    }

    #[test]
    fn what_a_charset_does_not_have_is_replaced() {
        let (mut written, mut read) = (Vec::new(), Vec::new());
        Charset::Latin1.encode("é中", &mut written);
        assert_eq!(written, [0xE9, b'?']);
        Charset::Ascii.decode(&[b'a', 0xE9], &mut read);
        Charset::Utf16Le.decode(&[0x3D, 0xD8, 1], &mut read);
        assert_eq!(String::from_utf8(read).unwrap(), "a\u{fffd}\u{fffd}\u{fffd}");
    }
}
