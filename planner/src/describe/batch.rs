//! Operators of batch mode in Flink's words.

use irmak_common::batch_spec::{BatchFrame, BatchOverSpec, BatchSpec, FrameEdge};
use irmak_common::types::Schema;

use super::ordered::{partition_by, sort};
use super::{aggregate_call, set_operation};

/// Flink's name of an operator, and what it does.
pub(crate) fn operator(spec: &BatchSpec, input: &Schema, output: &Schema) -> (&'static str, String) {
    match spec {
        BatchSpec::Aggregate { keys, aggregates } => {
            let names: Vec<&str> = keys.iter().filter_map(|at| input.fields.get(*at)).map(|field| field.name.as_str()).collect();
            let calls = aggregates.iter().map(|call| format!("{} AS {}", aggregate_call(call, input), call.name));
            let select: Vec<String> = names.iter().map(|name| (*name).to_owned()).chain(calls).collect();
            let group_by = if names.is_empty() { String::new() } else { format!("groupBy=[{}], ", names.join(", ")) };
            ("HashAggregate", format!("HashAggregate(isMerge=[false], {group_by}select=[{}])", select.join(", ")))
        }
        BatchSpec::Sort { order_by, first: None } => ("Sort", format!("Sort(orderBy=[{}])", sort(order_by, input))),
        BatchSpec::Sort { order_by, first: Some(rows) } => {
            ("SortLimit", format!("SortLimit(orderBy=[{}], offset=[0], fetch=[{rows}], global=[true])", sort(order_by, input)))
        }
        BatchSpec::Over(spec) => ("OverAggregate", over(spec, input)),
        BatchSpec::SetOperation(spec) => ("SetOperation", set_operation(spec, output)),
    }
}

/// `OverAggregate(partitionBy=[a], orderBy=[b ASC], window#0=[SUM(c) AS w0$o0 RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW], select=[a, b, c, w0$o0])`
pub(crate) fn over(spec: &BatchOverSpec, input: &Schema) -> String {
    let window = |(at, call): (usize, &irmak_common::batch_spec::BatchOverCall)| {
        format!("window#{at}=[{} AS {} {}]", aggregate_call(&call.call, input), call.call.name, frame(&call.frame, input))
    };
    let windows: Vec<String> = spec.calls.iter().enumerate().map(window).collect();
    let names = input.fields.iter().map(|field| field.name.as_str());
    let select: Vec<&str> = names.chain(spec.calls.iter().map(|call| call.call.name.as_str())).collect();
    let order = if spec.order_by.is_empty() { String::new() } else { format!("orderBy=[{}], ", sort(&spec.order_by, input)) };
    format!("OverAggregate({}{order}{}, select=[{}])", partition_by(&spec.partition_by, input), windows.join(", "), select.join(", "))
}

fn frame(frame: &BatchFrame, input: &Schema) -> String {
    let rows = [&frame.start, &frame.end].iter().any(|edge| matches!(edge, FrameEdge::Rows(_)));
    let edge = |edge: &FrameEdge, end: &str| match edge {
        FrameEdge::Unbounded => format!("UNBOUNDED {end}"),
        FrameEdge::Rows(0) | FrameEdge::Peers => "CURRENT ROW".to_owned(),
        FrameEdge::Rows(rows) if *rows < 0 => format!("{} PRECEDING", rows.unsigned_abs()),
        FrameEdge::Rows(rows) => format!("{rows} FOLLOWING"),
        FrameEdge::Range { limit, .. } => input.fields.get(*limit).map_or_else(String::new, |field| format!("UP TO {}", field.name)),
    };
    let kind = if rows { "ROWS" } else { "RANGE" };
    format!("{kind} BETWEEN {} AND {}", edge(&frame.start, "PRECEDING"), edge(&frame.end, "FOLLOWING"))
}
