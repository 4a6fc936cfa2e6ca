//! The changelog formats: `debezium-json`, `canal-json`, `maxwell-json` and `ogg-json`: records that say what became of a row.
//!
//! Each wraps rows in an envelope of JSON; what is inside is read and written by the `json` format. A batch that is read has the row kinds
//! behind its columns (`ROW_KIND_COLUMN`).
//!
//! Source: Flink 1.20's `DebeziumJson`, `CanalJson`, `MaxwellJson` and `OggJson` `DeserializationSchema` and `SerializationSchema`.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

use regex::Regex;

use crate::error::ConnectorError;
use crate::format::json::JsonOptions;
use crate::options::Options;

pub(crate) use decode::ChangelogDecoder;
pub(crate) use encode::ChangelogEncoder;

/// Whose envelope.
#[derive(Clone, Debug)]
pub(crate) enum Dialect {
    /// `{"before": row, "after": row, "op": "c"}`, inside of `{"schema": ..., "payload": ...}` with `schema-include`.
    Debezium { schema_include: bool },
    /// `{"data": [rows], "old": [rows], "type": "INSERT"}`; only of these databases and tables.
    Canal { database: Option<Regex>, table: Option<Regex> },
    /// `{"data": row, "old": row, "type": "insert"}`
    Maxwell,
    /// `{"before": row, "after": row, "op_type": "I"}`
    Ogg,
}

/// Which way records go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

impl Dialect {
    /// The dialect of this name; `None`: the name is none of theirs. `prefix` is where its options stand: `debezium-json.`.
    ///
    /// # Errors
    /// Options that are not understood, or that reading knows and writing does not.
    pub(crate) fn read(name: &str, options: &Options<'_>, prefix: &str, direction: Direction) -> Result<Option<Self>, ConnectorError> {
        let regex = |name: &str| {
            let key = format!("{prefix}{name}");
            let whole = |text| {
                let wrong = |error| options.bad(&key, text, &format!("a regular expression for the whole name ({error})"));
                Regex::new(&format!("^(?:{text})$")).map_err(wrong)
            };
            options.get(&key).map(whole).transpose()
        };
        Ok(Some(match name {
            "debezium-json" => {
                let key = format!("{prefix}schema-include");
                let schema_include = options.bool(&key, false)?;
                if schema_include && direction == Direction::Write {
                    return Err(options.bad(&key, "true", "false where records are written: Flink writes no schema either"));
                }
                Self::Debezium { schema_include }
            }
            "canal-json" => Self::Canal { database: regex("database.include")?, table: regex("table.include")? },
            "maxwell-json" => Self::Maxwell,
            "ogg-json" => Self::Ogg,
            _ => return Ok(None),
        }))
    }

    /// What the fields of the envelope are called: (rows before or changed, rows after, what happened).
    fn keys(&self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Debezium { .. } => ("before", "after", "op"),
            Self::Ogg => ("before", "after", "op_type"),
            Self::Canal { .. } | Self::Maxwell => ("old", "data", "type"),
        }
    }
}

/// The options of the rows inside: those of `json`, read from a tree as Flink does here.
pub(crate) fn row_options(options: &Options<'_>, prefix: &str) -> Result<JsonOptions, ConnectorError> {
    Ok(JsonOptions { tree: true, fail_on_missing_field: false, ..JsonOptions::read(options, prefix)? })
}
