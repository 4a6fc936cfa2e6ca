//! The job spec: a job written as a document (YAML or JSON) instead of SQL. Sources, operators, sinks, and edges between them;
//! expressions are SQL, options have Flink's keys.
//!
//! Pure shape: names are resolved and expressions read by the planner, which plans a spec to the same job graph as the SQL that
//! says the same. The published schema (`planner/schema/job-spec.schema.json`) describes these types.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};

/// A whole document.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// The job's name; left out, it is made from the sinks as SQL's is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What `SET` would say, by Flink's keys.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub options: BTreeMap<String, Text>,
    /// Tables that are read.
    pub sources: Vec<TableSpec>,
    /// What is done in between; left out, sources go straight into sinks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<OperatorDoc>,
    /// Tables that are written.
    pub sinks: Vec<TableSpec>,
    /// Who feeds whom.
    pub edges: Vec<EdgeDoc>,
}

/// A table: what `CREATE TABLE` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSpec {
    /// Its name, unique in the document.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<ColumnDoc>,
    /// Its event time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<WatermarkDoc>,
    /// Its primary key, which nobody enforces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub primary_key: Vec<String>,
    /// The columns that its files are partitioned by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitioned_by: Vec<String>,
    /// Connector, format and their options, by Flink's keys.
    pub with: BTreeMap<String, Text>,
}

/// A column: stored (`type`), computed (`as`), or metadata of the connector (`type` and `metadata`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnDoc {
    /// Its name.
    pub name: String,
    /// Its type, in SQL.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub ty: Option<String>,
    /// What it is computed as, in SQL.
    #[serde(default, rename = "as", skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// The connector's metadata that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<String>,
    /// Metadata that is only read.
    #[serde(default, rename = "virtual", skip_serializing_if = "std::ops::Not::not")]
    pub is_virtual: bool,
}

/// `WATERMARK FOR column AS as`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatermarkDoc {
    /// The time column.
    pub column: String,
    /// The watermark, in SQL.
    #[serde(rename = "as")]
    pub expression: String,
}

/// What an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OperatorKind {
    /// `select`, and `where` if given: one row in, at most one row out.
    Project,
    /// `where`: rows for which it is TRUE.
    Filter,
    /// `group_by`, `window`, `select`, and `where` and `having` if given.
    Aggregate,
    /// `window`: each row with the windows that it falls into (`window_start`, `window_end`, `window_time`).
    Window,
    /// The rows of several inputs.
    Union,
    /// `count` rows behind the first `offset`.
    Limit,
}

/// An operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorDoc {
    /// Its name, unique in the document.
    pub name: String,
    /// What it does.
    #[serde(rename = "type")]
    pub kind: OperatorKind,
    /// Output columns, as items of a SELECT list: `id`, `price * 2 AS double_price`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub select: Vec<String>,
    /// A condition on input rows, in SQL.
    #[serde(default, rename = "where", skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Grouping expressions, in SQL.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub group_by: Vec<String>,
    /// The windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<WindowDoc>,
    /// A condition on results, in SQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub having: Option<String>,
    /// Rows let through by a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Rows that a limit skips first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
}

/// Kinds of windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WindowType {
    /// `size`
    Tumble,
    /// `slide`, `size`
    Hop,
    /// `step`, `size`
    Cumulate,
    /// `gap`
    Session,
}

/// Windows over a time attribute. Lengths are SQL intervals: `INTERVAL '2' MINUTE`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowDoc {
    /// Which kind.
    #[serde(rename = "type")]
    pub kind: WindowType,
    /// The time attribute.
    pub time: String,
    /// How long a window is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<String>,
    /// How far apart windows begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slide: Option<String>,
    /// How much a window grows at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The silence that ends a session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
    /// How far windows are shifted from the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<String>,
    /// The columns that sessions are told apart by (window operators only).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partition_by: Vec<String>,
}

/// Rows go from one to the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EdgeDoc {
    /// A source or operator.
    pub from: String,
    /// An operator or sink.
    pub to: String,
}

/// A text that may be written as a number or truth value: `parallelism.default: 2`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Text(pub String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyText;
        impl Visitor<'_> for AnyText {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, true or false")
            }

            fn visit_str<E: de::Error>(self, value: &str) -> Result<Text, E> {
                Ok(Text(value.to_owned()))
            }

            fn visit_bool<E: de::Error>(self, value: bool) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }
        }
        deserializer.deserialize_any(AnyText)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn option_values_may_be_numbers_and_truth_values() {
        let read: BTreeMap<String, Text> = serde_json::from_str(r#"{"a": 2, "b": true, "c": "x", "d": 0.5}"#).unwrap();
        let texts: Vec<&str> = read.values().map(|text| text.0.as_str()).collect();
        assert_eq!(texts, ["2", "true", "x", "0.5"]);
    }

    #[test]
    fn an_unknown_field_is_refused() {
        let error = serde_json::from_str::<EdgeDoc>(r#"{"from": "a", "too": "b"}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field `too`"), "{error}");
    }
}
