//! OVER, ranks, sorts and UNNEST in Flink's words.

use irmak_common::call_spec::SortKey;
use irmak_common::operator_spec::{OverFrame, OverSpec, UnnestSpec, WindowRankSpec, WindowSpec};
use irmak_common::types::Schema;

use crate::algebra::RowNumberSpec;

use super::{aggregate_call, expr, fields, window};

/// `OverAggregate(partitionBy=[a], orderBy=[ts ASC], window=[ ROWS BETWEEN 2 PRECEDING AND CURRENT ROW], select=[a, ts, SUM(b) AS w0$o0])`
pub(crate) fn over(spec: &OverSpec, input: &Schema) -> String {
    let time = spec.time.and_then(|at| input.fields.get(at)).map_or("proctime", |field| field.name.as_str());
    let frame = match spec.frame {
        OverFrame::RowsUnbounded => "ROWS BETWEEN UNBOUNDED PRECEDING".to_owned(),
        OverFrame::RangeUnbounded => "RANGE BETWEEN UNBOUNDED PRECEDING".to_owned(),
        OverFrame::Rows { preceding } => format!("ROWS BETWEEN {preceding} PRECEDING"),
        OverFrame::Range { preceding_ms } => format!("RANGE BETWEEN {preceding_ms} PRECEDING"),
    };
    let mut select: Vec<String> = input.fields.iter().map(|field| field.name.clone()).collect();
    select.extend(spec.aggregates.iter().map(|call| format!("{} AS {}", aggregate_call(call, input), call.name)));
    let partition = partition_by(&spec.partition_by, input);
    format!("OverAggregate({partition}orderBy=[{time} ASC], window=[ {frame} AND CURRENT ROW], select=[{}])", select.join(", "))
}

/// `LogicalRank(rankType=[ROW_NUMBER], rankRange=[rankStart=1, rankEnd=3], partitionBy=[a], orderBy=[b DESC])`
pub(crate) fn row_number(spec: &RowNumberSpec, input: &Schema) -> String {
    let range = rank_range(spec.start, spec.end);
    let by = format!("partitionBy=[{}], orderBy=[{}]", names(&spec.partition_by, input), sort(&spec.order_by, input));
    format!("LogicalRank(rankType=[{}], rankRange=[{range}], {by})", spec.function)
}

/// `WindowRank(...)`, or `WindowDeduplicate(...)` where it keeps the first or last row by time.
pub(crate) fn window_rank(spec: &WindowRankSpec, windows: &WindowSpec, input: &Schema, output: &Schema) -> String {
    let ends = format!("win_start=[{}], win_end=[{}]", name(spec.window_start, input), name(spec.window_end, input));
    let kind = window(windows, &Schema::default());
    let (function, rest) = kind.split_once('(').unwrap_or((&kind, ")"));
    // The time column is the input's no longer; its windows are.
    let sizes = rest.split_once(", ").map_or(")", |(_, sizes)| sizes);
    let windows = format!("{function}({ends}, {sizes}");
    let partition = names(&spec.partition_by, input);
    if spec.deduplicate {
        let descending = spec.order_by.first().is_some_and(|key| key.descending);
        let (keep, by) = (if descending { "LastRow" } else { "FirstRow" }, spec.order_by.first().map_or(0, |key| key.column));
        let order = name(by, input);
        return format!(
            "WindowDeduplicate(window=[{windows}], keep=[{keep}], partitionKeys=[{partition}], orderKey=[{order}], order=[ROWTIME])"
        );
    }
    let by = format!("partitionBy=[{partition}], orderBy=[{}]", sort(&spec.order_by, input));
    let range = rank_range(spec.start, Some(spec.end));
    format!("WindowRank(window=[{windows}], rankType=[ROW_NUMBER], rankRange=[{range}], {by}, select=[{}])", fields(output))
}

/// Flink's name of the operator.
pub(crate) fn window_rank_name(spec: &WindowRankSpec) -> &'static str {
    if spec.deduplicate { "WindowDeduplicate" } else { "WindowRank" }
}

/// `TemporalSort(orderBy=[ts ASC, v DESC])`
pub(crate) fn temporal_sort(order_by: &[SortKey], input: &Schema) -> String {
    format!("TemporalSort(orderBy=[{}])", sort(order_by, input))
}

/// `Correlate(invocation=[$UNNEST_ROWS$1(arr)], ...)`
pub(crate) fn unnest(spec: &UnnestSpec, input: &Schema, output: &Schema) -> String {
    let call = format!("$UNNEST_ROWS$1({})", expr(&spec.collection, input));
    let kind = if spec.outer { "LEFT" } else { "INNER" };
    format!("Correlate(invocation=[{call}], correlate=[table({call})], select=[{}], joinType=[{kind}])", fields(output))
}

fn rank_range(start: u64, end: Option<u64>) -> String {
    let end = end.map_or_else(|| "?".to_owned(), |end| end.to_string());
    format!("rankStart={start}, rankEnd={end}")
}

pub(super) fn sort(order_by: &[SortKey], input: &Schema) -> String {
    let key = |key: &SortKey| format!("{} {}", name(key.column, input), if key.descending { "DESC" } else { "ASC" });
    order_by.iter().map(key).collect::<Vec<_>>().join(", ")
}

pub(super) fn partition_by(columns: &[usize], input: &Schema) -> String {
    if columns.is_empty() { String::new() } else { format!("partitionBy=[{}], ", names(columns, input)) }
}

fn names(columns: &[usize], input: &Schema) -> String {
    columns.iter().map(|column| name(*column, input)).collect::<Vec<_>>().join(", ")
}

fn name(column: usize, input: &Schema) -> &str {
    input.fields.get(column).map_or("", |field| field.name.as_str())
}
