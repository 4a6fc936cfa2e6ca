//! The operators that make updates and deletes, in Flink's words.

use irmak_common::call_spec::{AggregateCall, SortKey};
use irmak_common::changelog_spec::{
    DeduplicateSpec, GroupAggregateSpec, Keep, NormalizeSpec, RankSpec, RankStrategy, SetKind, SetOperationSpec,
};
use irmak_common::types::Schema;

use super::{aggregate_call, fields};
use crate::algebra::{Rel, RelNode};

fn names(columns: &[usize], input: &Schema) -> String {
    columns.iter().map(|at| name(*at, input)).collect::<Vec<_>>().join(", ")
}

fn name(column: usize, input: &Schema) -> &str {
    input.fields.get(column).map_or("", |field| field.name.as_str())
}

/// `GroupAggregate(groupBy=[auction], select=[auction, COUNT(*) AS c])`
pub(crate) fn group_aggregate(spec: &GroupAggregateSpec, input: &Schema) -> String {
    let keys = names(&spec.keys, input);
    let mut select: Vec<String> = spec.keys.iter().map(|at| name(*at, input).to_owned()).collect();
    select.extend(spec.aggregates.iter().enumerate().map(|(at, call)| {
        let told = taking_back(call, aggregate_call(call, input), spec.retracts && !spec.never_back.contains(&at));
        format!("{told} AS {}", call.name)
    }));
    let group_by = if keys.is_empty() { String::new() } else { format!("groupBy=[{keys}], ") };
    let name = if spec.window_end.is_some() { "GroupWindowAggregate" } else { "GroupAggregate" };
    let emit = match spec.window_end.as_ref().map(|end| &end.assign) {
        Some(Some(window)) => format!(", window=[{}], emit=[early no delay]", super::window(window, input)),
        Some(None) => ", emit=[early no delay]".to_owned(),
        None => String::new(),
    };
    format!("{name}({group_by}select=[{}]{emit})", select.join(", "))
}

/// A call as it is told, `COUNT_RETRACT(*)` where it takes values back.
pub(super) fn taking_back(call: &AggregateCall, told: String, retracts: bool) -> String {
    told.replacen('(', "_RETRACT(", usize::from(retracts && has_retraction(&call.function)))
}

/// Aggregates of which Flink shows the retracting form by its name.
fn has_retraction(function: &str) -> bool {
    matches!(function, "SUM" | "MIN" | "MAX" | "FIRST_VALUE" | "LAST_VALUE" | "LISTAGG" | "COUNT" | "AVG")
}

/// `Rank(strategy=[AppendFastStrategy], rankType=[ROW_NUMBER], rankRange=[rankStart=1, rankEnd=2], partitionBy=[a], orderBy=[b DESC], select=[a, b])`
pub(crate) fn rank(spec: &RankSpec, input: &Schema, output: &Schema) -> String {
    let strategy = match &spec.strategy {
        RankStrategy::AppendFast => "AppendFastStrategy".to_owned(),
        RankStrategy::UpdateFast { primary_keys } => {
            format!("UpdateFastStrategy[{}]", primary_keys.iter().map(usize::to_string).collect::<Vec<_>>().join(","))
        }
        RankStrategy::Retract => "RetractStrategy".to_owned(),
    };
    let order = |key: &SortKey| format!("{} {}", name(key.column, input), if key.descending { "DESC" } else { "ASC" });
    let orders = spec.order_by.iter().map(order).collect::<Vec<_>>().join(", ");
    let partition = names(&spec.partition_by, input);
    let partition = if partition.is_empty() { String::new() } else { format!("partitionBy=[{partition}], ") };
    let mut select: Vec<String> = input.fields.iter().map(|field| field.name.clone()).collect();
    if spec.number {
        select.push(output.fields.last().map_or_else(|| "w0$o0".to_owned(), |field| format!("w0$o0 AS {}", field.name)));
    }
    format!(
        "Rank(strategy=[{strategy}], rankType=[ROW_NUMBER], rankRange=[rankStart={}, rankEnd={}], {partition}orderBy=[{orders}], select=[{}])",
        spec.start,
        spec.end_by.map_or_else(|| spec.end.to_string(), |column| name(column, input).to_owned()),
        select.join(", ")
    )
}

/// `Deduplicate(keep=[LastRow], key=[auction], order=[ROWTIME])`
pub(crate) fn deduplicate(spec: &DeduplicateSpec, input: &Schema) -> String {
    let keep = if spec.keep == Keep::First { "FirstRow" } else { "LastRow" };
    let order = if spec.rowtime.is_some() { "ROWTIME" } else { "PROCTIME" };
    format!("Deduplicate(keep=[{keep}], key=[{}], order=[{order}])", names(&spec.keys, input))
}

/// `ChangelogNormalize(key=[id])`
pub(crate) fn normalize(spec: &NormalizeSpec, input: &Schema) -> String {
    format!("ChangelogNormalize(key=[{}])", names(&spec.keys, input))
}

/// `Intersect(all=[false], select=[k])`
pub(crate) fn set_operation(spec: &SetOperationSpec, output: &Schema) -> String {
    let name = if spec.kind == SetKind::Intersect { "Intersect" } else { "Except" };
    format!("{name}(all=[{}], select=[{}])", spec.all, fields(output))
}

/// An operator that makes updates, with what it does.
pub(crate) fn relation(rel: &Rel) -> String {
    let below = rel.inputs().first().map(|input| input.schema.clone()).unwrap_or_default();
    match &rel.node {
        RelNode::GroupAggregate { spec, .. } => group_aggregate(spec, &below),
        RelNode::Rank { spec, .. } => rank(spec, &below, &rel.schema),
        RelNode::Deduplicate { spec, .. } => deduplicate(spec, &below),
        RelNode::Normalize { spec, .. } => normalize(spec, &below),
        RelNode::SetOperation { spec, .. } => set_operation(spec, &rel.schema),
        RelNode::WindowAggregate { spec, .. } => super::aggregate(spec, &below),
        RelNode::Scan(source) => super::scan(source, &rel.schema),
        RelNode::Join(join) => super::join::join(join, &rel.schema),
        _ => format!("with the columns {}", fields(&rel.schema)),
    }
}
