//! The options of the `json` format, under Flink's keys.

use crate::error::ConnectorError;
use crate::format::time::Standard;
use crate::options::Options;

/// What a NULL key of a map is written as. `json.map-null-key.mode`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MapNullKey {
    /// Refused.
    Fail,
    /// The entry is left out.
    Drop,
    /// `json.map-null-key.literal`
    Literal,
}

/// The options, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonOptions {
    /// `fail-on-missing-field`: every column must be in every record.
    pub(crate) fail_on_missing_field: bool,
    /// `ignore-parse-errors`: a field that is no value of its type is NULL, a record that is no JSON is left out.
    pub(crate) ignore_parse_errors: bool,
    /// `timestamp-format.standard`
    pub(crate) standard: Standard,
    /// `map-null-key.mode`
    pub(crate) map_null_key: MapNullKey,
    /// `map-null-key.literal`
    pub(crate) map_null_literal: String,
    /// `encode.decimal-as-plain-number`
    pub(crate) plain_decimals: bool,
    /// `encode.ignore-null-fields`
    pub(crate) ignore_null_fields: bool,
    /// Read as Flink reads from a tree: `decode.json-parser.enabled` = false, and the changelog formats.
    pub(crate) tree: bool,
    /// Whether fractions in a tree are decimals rather than doubles, which they are as soon as some column is a DECIMAL.
    pub(crate) exact: bool,
}

impl Default for JsonOptions {
    fn default() -> Self {
        Self {
            fail_on_missing_field: false,
            ignore_parse_errors: false,
            standard: Standard::Sql,
            map_null_key: MapNullKey::Fail,
            map_null_literal: "null".to_owned(),
            plain_decimals: false,
            ignore_null_fields: false,
            tree: false,
            exact: false,
        }
    }
}

impl JsonOptions {
    /// Reads the options below `prefix`: `json.`, `value.json.`, `key.json.`.
    ///
    /// # Errors
    /// A value that is not understood; options that contradict each other.
    pub(crate) fn read(options: &Options<'_>, prefix: &str) -> Result<Self, ConnectorError> {
        let key = |name: &str| format!("{prefix}{name}");
        let modes = [("FAIL", MapNullKey::Fail), ("DROP", MapNullKey::Drop), ("LITERAL", MapNullKey::Literal)];
        let read = Self {
            fail_on_missing_field: options.bool(&key("fail-on-missing-field"), false)?,
            ignore_parse_errors: options.bool(&key("ignore-parse-errors"), false)?,
            standard: options.one_of(
                &key("timestamp-format.standard"),
                &[("SQL", Standard::Sql), ("ISO-8601", Standard::Iso8601)],
                Standard::Sql,
            )?,
            map_null_key: options.one_of(&key("map-null-key.mode"), &modes, MapNullKey::Fail)?,
            map_null_literal: options.get(&key("map-null-key.literal")).unwrap_or("null").to_owned(),
            plain_decimals: options.bool(&key("encode.decimal-as-plain-number"), false)?,
            ignore_null_fields: options.bool(&key("encode.ignore-null-fields"), false)?,
            tree: !options.bool(&key("decode.json-parser.enabled"), true)?,
            exact: false,
        };
        let standard = key("timestamp-format.standard");
        if let Some(name) = options.get(&standard).filter(|name| !matches!(*name, "SQL" | "ISO-8601")) {
            return Err(options.bad(&standard, name, "SQL or ISO-8601, in capitals"));
        }
        if read.fail_on_missing_field && read.ignore_parse_errors {
            let wrong = key("fail-on-missing-field");
            return Err(options.bad(&wrong, "true", "false, while ignore-parse-errors is true: the two contradict each other"));
        }
        Ok(read)
    }
}
