//! Formats: bytes of the outside world into columns, and rows into bytes.
//!
//! A closed list (`json`, `csv`, `raw`, and the changelogs `debezium-json` and its like), each with Flink's rules. Decoders append record by record to columns of their own and hand
//! them out as arrays; encoders append row by row to a text. Neither knows where bytes come from or go to.

pub(crate) mod cells;
pub(crate) mod changelog;
pub(crate) mod column;
pub(crate) mod csv;
pub(crate) mod json;
pub(crate) mod number;
pub(crate) mod raw;
pub(crate) mod records;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod value;

use arrow::error::ArrowError;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Base64 as Jackson writes and reads it: padding must be there.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireCanonical).with_decode_allow_trailing_bits(true),
);

/// Appends the bytes of a text in base64, white space between its groups of four stepped over; `None`: it is none.
pub(crate) fn decode_base64(text: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let spaced = text.iter().any(|byte| *byte <= b' ');
    let dense: std::borrow::Cow<'_, [u8]> = if spaced { without_space(text)?.into() } else { text.into() };
    out.extend_from_slice(&base64::Engine::decode(&BASE64, dense).ok()?);
    Some(())
}

/// Base64 without white space, which may stand between groups of four characters only.
fn without_space(text: &[u8]) -> Option<Vec<u8>> {
    let mut dense = Vec::with_capacity(text.len());
    for byte in text {
        match byte {
            0..=b' ' if dense.len() % 4 != 0 => return None,
            0..=b' ' => {}
            _ => dense.push(*byte),
        }
    }
    Some(dense)
}

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    /// A row was appended.
    Row,
    /// The record is empty and means no row.
    Empty,
    /// The record is bad, and the options say to leave it out.
    Skipped,
}

/// Arrow refused columns that a decoder built: a fault of ours.
#[derive(Debug, thiserror::Error)]
#[error("columns do not fit together: {0}")]
pub(crate) struct FormatError(#[from] ArrowError);

#[cfg(test)]
pub(crate) mod tests {
    pub(crate) mod recordings;

    use super::*;

    #[test]
    fn base64_is_read_as_jackson_reads_it() {
        for (text, expected) in [
            ("YWI=", Some(&b"ab"[..])),
            (" YWJj YWI=\n", Some(b"abcab")),
            ("YW I=", None),
            ("YWI =", None),
            ("YWI", None),
            ("YWJ=", Some(b"ab")),
            ("", Some(b"")),
            ("Y?==", None),
        ] {
            let mut out = Vec::new();
            assert_eq!(decode_base64(text.as_bytes(), &mut out).map(|()| out.as_slice()), expected, "{text}");
        }
    }
}
