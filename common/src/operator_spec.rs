//! What one operator of a chain does: a closed list. The planner writes these, `engine::build` and `connectors::build` read them.
//!
//! Columns are positions in the operator's input. The output columns of each operator are stated with it; the schema itself stands
//! in [`crate::job_graph::OperatorNode::output`].

mod ordered;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::batch_spec::BatchSpec;
use crate::call_spec::AggregateCall;
use crate::call_spec::SortKey;
use crate::changelog_spec::{DeduplicateSpec, GroupAggregateSpec, MaterializeSpec, NormalizeSpec, RankSpec, SetOperationSpec};
use crate::database::Database;
use crate::expr::{Expr, Value};
use crate::join_spec::JoinSpec;
use crate::match_spec::MatchSpec;
use crate::types::{LogicalType, Schema};

pub use crate::window_spec::{WindowKind, WindowSpec, WindowStyle};
pub use ordered::{OverFrame, OverSpec, UnnestSpec, WindowRankSpec};

/// One operator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[allow(clippy::large_enum_variant)]
pub enum OperatorSpec {
    /// Reads a table. First of a chain.
    Source(SourceSpec),
    /// Constant rows, once, by subtask 0 only; then the end of input. First of a chain.
    Values {
        /// One `Value` a column.
        rows: Vec<Vec<Value>>,
    },
    /// Declares event time: passes rows through and emits watermarks. Runs behind a source, before anything that reorders.
    Watermark(WatermarkSpec),
    /// Output: one column an expression.
    Project {
        /// Over the input's columns.
        exprs: Vec<Expr>,
    },
    /// Rows for which the predicate is TRUE. Output: the input's columns.
    Filter {
        /// A BOOLEAN.
        predicate: Expr,
    },
    /// Groups by window and keys. Output: keys, aggregates, window properties, in this order.
    WindowAggregate(WindowAggregateSpec),
    /// A window table function on its own. Output: the input's columns, then `window_start`, `window_end` (TIMESTAMP(3)) and
    /// `window_time` (the rowtime's type): one row for each window that the row falls into.
    WindowAssign {
        /// Which windows.
        window: WindowSpec,
    },
    /// Aggregates over the rows before each row. Output: the input's columns, then one a call.
    Over(OverSpec),
    /// The first rows of each window and key. Output: the input's columns, then the row's number where asked for.
    WindowRank(WindowRankSpec),
    /// `ORDER BY` a time attribute and perhaps more. Parallelism 1. Output: the input's columns.
    TemporalSort {
        /// The time attribute first.
        order_by: Vec<SortKey>,
        /// Processing time: rows are in its order as they come.
        processing_time: bool,
    },
    /// MATCH_RECOGNIZE. Output: the partition's columns, then the measures.
    Match(Box<MatchSpec>),
    /// A row for each element of a collection. Output: the input's columns, the element's, and its number where asked for.
    Unnest(UnnestSpec),
    /// Several inputs of one schema, one after the other as they come. Output: the same schema.
    Union,
    /// Rows of two inputs that belong together. Input 0 is the left one.
    Join(JoinSpec),
    /// The first `count` rows behind the first `offset`. Parallelism 1.
    Limit {
        /// Rows skipped.
        offset: u64,
        /// Rows let through.
        count: u64,
    },
    /// Groups by keys, without windows. Output: keys, aggregates; a changelog.
    GroupAggregate(GroupAggregateSpec),
    /// Top-N. Output: the input's columns, and the row number where it is asked for; a changelog.
    Rank(RankSpec),
    /// One row a key. Output: the input's columns; a changelog but for the first row by arrival.
    Deduplicate(DeduplicateSpec),
    /// INTERSECT, EXCEPT. Output: the input's columns without the last; a changelog.
    SetOperation(SetOperationSpec),
    /// The last row of each key, behind a source that only says changes by key. Output: the input's columns; a changelog.
    ChangelogNormalize(NormalizeSpec),
    /// The last of the rows that a sink's key has. Output: the input's columns; a changelog by that key.
    SinkMaterializer(MaterializeSpec),
    /// All rows but `-U`: who reads keeps the old contents itself. Output: the input's columns.
    DropUpdateBefore,
    /// An operator of batch mode. Output: as it says; rows are only added.
    Batch(BatchSpec),
    /// Writes a table. Last of a chain.
    Sink(SinkSpec),
    /// Sends rows back to whoever submitted the script. Last of a chain, parallelism 1.
    Collect,
}

/// A connector and what was said to it: `WITH` options without `connector`, as written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectorSpec {
    /// `kafka`, `filesystem`, `datagen`, `print`, `blackhole`.
    pub connector: String,
    /// The table's options, by key. May hold secrets: shown only through [`ConnectorSpec::redacted`].
    pub options: BTreeMap<String, String>,
}

impl ConnectorSpec {
    /// The options with secrets covered, fit for logs, plans, REST and the page.
    pub fn redacted(&self) -> BTreeMap<String, String> {
        self.options.iter().map(|(key, value)| (key.clone(), redact(key, value))).collect()
    }
}

/// The value of an option, or `******` where its key names a secret.
pub fn redact(key: &str, value: &str) -> String {
    let key = key.to_ascii_lowercase();
    let secret = [
        "password",
        "secret",
        "token",
        "jaas",
        "credential",
        "apikey",
        "api-key",
        "access-key",
        "access.key",
        "private",
        "passphrase",
        "passwd",
        // Flink's own list: GlobalConfiguration.SENSITIVE_KEYS.
        "account.key",
        "auth-params",
        "service-key",
        "basic-auth",
        "http-headers",
        "sasl.",
    ];
    // `sasl.mechanism` says how, not with what.
    let harmless = key.ends_with("sasl.mechanism") || key.ends_with("sasl.mechanisms");
    if !harmless && secret.iter().any(|word| key.contains(word)) { "******".to_owned() } else { value.to_owned() }
}

/// A table that is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceSpec {
    /// The table's name, for messages: `sahibinden`.
    pub table: String,
    /// Where the table is, for plans.
    #[serde(default, skip_serializing_if = "Database::is_default")]
    pub database: Database,
    /// Where rows come from.
    pub connector: ConnectorSpec,
    /// All physical columns as declared, in order (formats that go by position need them all).
    pub physical: Schema,
    /// Which physical columns are produced, in order.
    pub projection: Vec<usize>,
    /// Metadata columns produced behind them: (metadata key, type).
    pub metadata: Vec<(String, LogicalType)>,
    /// `PARTITIONED BY`: physical columns whose values stand in the names of folders, not in files.
    #[serde(default)]
    pub partition_by: Vec<usize>,
    /// The declared PRIMARY KEY: physical columns; empty: none.
    #[serde(default)]
    pub primary_key: Vec<usize>,
}

/// Event time of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WatermarkSpec {
    /// The rowtime column. A NULL in it fails the job, as in Flink.
    pub rowtime: usize,
    /// The watermark, of a timestamp type, over the input's columns. NULL: the row does not move the watermark.
    pub expr: Expr,
    /// `table.exec.source.idle-timeout`: after so long without a row a split no longer holds event time back; `None`: it waits for ever.
    pub idle_timeout_ms: Option<u64>,
    /// A watermark is emitted when it is more than so much event time ahead of the last one emitted (Flink's 200 ms); 0: whenever it advanced.
    pub emit_gap_ms: i64,
    /// Whether rows ask for the watermark (`CURRENT_WATERMARK`): then it goes out right behind the row that moves it.
    #[serde(default)]
    pub exact: bool,
}

/// A window aggregation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowAggregateSpec {
    /// The windows.
    pub window: WindowSpec,
    /// The grouping columns.
    pub keys: Vec<usize>,
    /// One output column each.
    pub aggregates: Vec<AggregateCall>,
    /// One output column each.
    pub properties: Vec<WindowProperty>,
    /// `table.exec.emit.allow-lateness` in milliseconds: state stays so much longer.
    pub allowed_lateness_ms: i64,
    /// The input has updates or deletes, so that values must be taken back.
    #[serde(default)]
    pub retracts: bool,
}

/// What a window says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WindowProperty {
    /// Inclusive start, TIMESTAMP(3).
    Start,
    /// Exclusive end, TIMESTAMP(3).
    End,
    /// End minus 1 ms, the rowtime's type.
    Rowtime,
    /// The time of emission, TIMESTAMP_LTZ(3).
    Proctime,
}

/// A table that is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SinkSpec {
    /// The table's name, for messages.
    pub table: String,
    /// Where the table is, for plans.
    #[serde(default, skip_serializing_if = "Database::is_default")]
    pub database: Database,
    /// Where rows go.
    pub connector: ConnectorSpec,
    /// The columns, as declared; the input has exactly these.
    pub schema: Schema,
    /// Positions of `PARTITIONED BY` columns.
    pub partition_by: Vec<usize>,
    /// Positions of the primary key, when declared.
    pub primary_key: Vec<usize>,
    /// Columns that are the record's metadata and no part of its value: (position, metadata key).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<(usize, String)>,
    /// Rows move from one primary key to another: `-U` ends the row of the old one. Else what replaces it has the same key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ends_old_keys: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_covered_and_the_rest_is_not() {
        for (key, shown) in [
            ("properties.sasl.jaas.config", "******"),
            ("properties.ssl.key.password", "******"),
            ("properties.sasl.mechanism", "v"),
            ("properties.bootstrap.servers", "v"),
            ("topic", "v"),
        ] {
            assert_eq!(redact(key, "v"), shown, "{key}");
        }
    }
}
