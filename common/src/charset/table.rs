//! Charsets that are tables: the Encoding Standard's, read and written as Java does.

use encoding_rs::{EncoderResult, Encoding};

/// A charset that is a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    encoding: &'static Encoding,
    controls: Controls,
    /// Characters that Java has otherwise: (Java's, the table's).
    swaps: &'static [(char, char)],
}

/// What bytes from 0x80 to 0x9F mean that the table takes for control characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Controls {
    /// What the table says.
    AsTable,
    /// Nothing.
    Undefined,
    /// All of these bytes are control characters, whatever the table says.
    All,
}

/// The control characters in question.
fn is_control(character: char) -> bool {
    ('\u{80}'..='\u{9f}').contains(&character)
}

impl Table {
    /// The charset as the Encoding Standard has it.
    pub(super) const fn of(encoding: &'static Encoding) -> Self {
        Self { encoding, controls: Controls::AsTable, swaps: &[] }
    }

    /// The same, where bytes without a character are undefined.
    pub(super) const fn of_windows(encoding: &'static Encoding) -> Self {
        Self { encoding, controls: Controls::Undefined, swaps: &[] }
    }

    /// The ISO charset that the standard gives the characters of a code page of Windows.
    pub(super) const fn of_iso(encoding: &'static Encoding) -> Self {
        Self { encoding, controls: Controls::All, swaps: &[] }
    }

    /// The same, but for these characters: (Java's, the table's).
    pub(super) const fn but(self, swaps: &'static [(char, char)]) -> Self {
        Self { swaps, ..self }
    }

    /// Appends the text of these bytes, in UTF-8.
    pub(super) fn decode(self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut push = |character: char| out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        if self.controls == Controls::All {
            // One byte is one character.
            for byte in bytes {
                match byte {
                    0x80..=0x9F => push(char::from(*byte)),
                    _ => self.encoding.decode_without_bom_handling(&[*byte]).0.chars().for_each(&mut push),
                }
            }
            return;
        }
        let (text, _) = self.encoding.decode_without_bom_handling(bytes);
        let javas = |character: char| match self.swaps.iter().find(|(_, table)| *table == character) {
            Some((java, _)) => *java,
            None if self.controls == Controls::Undefined && is_control(character) => '\u{fffd}',
            None => character,
        };
        text.chars().for_each(|character| push(javas(character)));
    }

    /// Appends the bytes of a text.
    pub(super) fn encode(self, text: &str, out: &mut Vec<u8>) {
        for character in text.chars() {
            self.encode_one(character, out);
        }
    }

    fn encode_one(self, character: char, out: &mut Vec<u8>) {
        let swapped = self.swaps.iter().find(|(java, _)| *java == character);
        let character = match swapped {
            Some(('\u{fffd}', _)) => return out.push(b'?'),
            Some((_, table)) => *table,
            None if self.swaps.iter().any(|(_, table)| *table == character) => return out.push(b'?'),
            None => character,
        };
        match (self.controls, is_control(character)) {
            (Controls::All, true) => return out.push(character as u32 as u8),
            (Controls::Undefined, true) => return out.push(b'?'),
            // The standard's own addition; Java has the place that GB18030 gave it.
            _ if character == '€' && self.encoding == encoding_rs::GBK => return out.extend([0xA2, 0xE3]),
            _ => {}
        }
        let at = out.len();
        self.encode_as_table(character, out);
        if self.controls == Controls::All && matches!(out.get(at), Some(0x80..=0x9F)) {
            out[at] = b'?';
        }
    }

    fn encode_as_table(self, character: char, out: &mut Vec<u8>) {
        let mut encoder = self.encoding.new_encoder();
        // The longest form there is has four bytes.
        let mut bytes = [0; 16];
        let (result, _, written) = encoder.encode_from_utf8_without_replacement(character.encode_utf8(&mut [0; 4]), &mut bytes, true);
        match result {
            EncoderResult::InputEmpty => out.extend_from_slice(&bytes[..written]),
            EncoderResult::OutputFull | EncoderResult::Unmappable(_) => out.push(b'?'),
        }
    }
}
