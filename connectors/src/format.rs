//! Formats: bytes of the outside world into columns, and rows into bytes.
//!
//! A closed list (`json`, `csv`, `raw`, and the changelogs `debezium-json` and its like), each with Flink's rules. Decoders append record by record to columns of their own and hand
//! them out as arrays; encoders append row by row to a text. Neither knows where bytes come from or go to.

pub(crate) mod cells;
pub(crate) mod changelog;
pub(crate) mod charset;
pub(crate) mod column;
pub(crate) mod csv;
pub(crate) mod hash_order;
pub(crate) mod json;
pub(crate) mod number;
pub(crate) mod raw;
#[cfg(test)]
pub(crate) mod recordings;
pub(crate) mod records;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod value;

use arrow::error::ArrowError;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Base64 as Java writes it, read with padding or without.
pub(crate) const BASE64: GeneralPurpose =
    GeneralPurpose::new(&base64::alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

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
