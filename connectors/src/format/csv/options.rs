//! The options of the `csv` format, under Flink's keys.

use crate::error::ConnectorError;
use crate::options::Options;

/// The options, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CsvOptions {
    /// `field-delimiter`
    pub(crate) delimiter: u8,
    /// `quote-character`; `None` with `disable-quote-character`.
    pub(crate) quote: Option<u8>,
    /// `escape-character`
    pub(crate) escape: Option<u8>,
    /// `null-literal`
    pub(crate) null_literal: Option<String>,
    /// `array-element-delimiter`
    pub(crate) array_delimiter: String,
    /// `allow-comments`: lines that begin with `#` are none.
    pub(crate) allow_comments: bool,
    /// `ignore-parse-errors`
    pub(crate) ignore_parse_errors: bool,
    /// `write-bigdecimal-in-scientific-notation`
    pub(crate) scientific_decimals: bool,
    /// `record-row-delimiter` (ours: Flink always ends rows with LF, and refuses the key).
    pub(crate) row_delimiter: String,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            delimiter: b',',
            quote: Some(b'"'),
            escape: None,
            null_literal: None,
            array_delimiter: ";".to_owned(),
            allow_comments: false,
            ignore_parse_errors: false,
            scientific_decimals: true,
            row_delimiter: "\n".to_owned(),
        }
    }
}

impl CsvOptions {
    /// Reads the options below `prefix`: `csv.`, `value.csv.`.
    ///
    /// # Errors
    /// A value that is not understood; a quote character together with its being disabled.
    pub(crate) fn read(options: &Options<'_>, prefix: &str) -> Result<Self, ConnectorError> {
        let key = |name: &str| format!("{prefix}{name}");
        let quote_key = key("quote-character");
        let disabled = options.bool(&key("disable-quote-character"), false)?;
        if let Some(quote) = options.get(&quote_key).filter(|_| disabled) {
            return Err(options.bad(&quote_key, quote, "no quote character, while disable-quote-character is true"));
        }
        // Flink resolves escapes in the field delimiter only.
        for name in ["quote-character", "escape-character", "array-element-delimiter"] {
            let key = key(name);
            if let Some(value) = options.get(&key).filter(|value| value.encode_utf16().count() != 1) {
                return Err(options.bad(&key, value, "a single character, as it is"));
            }
        }
        let default = Self::default();
        Ok(Self {
            delimiter: options.ascii_char(&key("field-delimiter"))?.unwrap_or(default.delimiter),
            quote: if disabled { None } else { options.ascii_char(&quote_key)?.or(default.quote) },
            escape: options.ascii_char(&key("escape-character"))?,
            null_literal: options.get(&key("null-literal")).map(str::to_owned),
            array_delimiter: options.get(&key("array-element-delimiter")).map_or(default.array_delimiter, str::to_owned),
            allow_comments: options.bool(&key("allow-comments"), false)?,
            ignore_parse_errors: options.bool(&key("ignore-parse-errors"), false)?,
            scientific_decimals: options.bool(&key("write-bigdecimal-in-scientific-notation"), true)?,
            row_delimiter: row_delimiter(options, &key("record-row-delimiter"), &key("line-delimiter"))?,
        })
    }
}

/// Two old names of one option; Flink ends every row with LF and knows neither any more.
fn row_delimiter(options: &Options<'_>, key: &str, older: &str) -> Result<String, ConnectorError> {
    let Some((key, value)) = options.get(key).map(|value| (key, value)).or_else(|| options.get(older).map(|value| (older, value))) else {
        return Ok("\n".to_owned());
    };
    match value {
        "\\n" | "\n" => Ok("\n".to_owned()),
        "\\r\\n" | "\r\n" => Ok("\r\n".to_owned()),
        other => Err(options.bad(key, other, "\\n or \\r\\n")),
    }
}
