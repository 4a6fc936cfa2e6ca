//! The first section of EXPLAIN: the query as it was understood, before any rewrite, under the names of Calcite's operators.

use crate::algebra::{Rel, RelNode, Root, Target};
use crate::describe;
use crate::tree::Tree;

/// `== Abstract Syntax Tree ==` of some queries.
pub(crate) fn text(roots: &[Root]) -> String {
    let mut out = String::from("== Abstract Syntax Tree ==\n");
    for root in roots {
        let mut read = tree(&root.rel);
        if let Target::Sink { spec, .. } = &root.target {
            let fields = describe::fields(&spec.schema);
            read = read.under(format!("LogicalSink(table=[{}], fields=[{fields}])", spec.database.dotted(&spec.table)));
        }
        out.push_str(&read.draw());
        out.push('\n');
    }
    out
}

fn tree(rel: &Rel) -> Tree {
    if let RelNode::Table { input, .. } | RelNode::Normalize { input, .. } = &rel.node {
        return tree(input);
    }
    Tree { line: line(rel), inputs: rel.inputs().into_iter().map(tree).collect() }
}

fn line(rel: &Rel) -> String {
    let below = rel.inputs().first().map(|input| input.schema.clone()).unwrap_or_default();
    match &rel.node {
        RelNode::Scan(source) => format!("LogicalTableScan(table=[[{}]])", source.database.listed(&source.table)),
        RelNode::Table { name, .. } => name.clone(),
        RelNode::Values(rows) => format!("LogicalValues(tuples=[{} rows])", rows.len()),
        RelNode::Watermark { spec, .. } => {
            let rowtime = below.fields.get(spec.rowtime).map_or("", |field| field.name.as_str());
            format!("LogicalWatermarkAssigner(rowtime=[{rowtime}], watermark=[{}])", describe::expr(&spec.expr, &below))
        }
        RelNode::Project { exprs, .. } => {
            let item = |(expr, field): (&irmak_common::expr::Expr, &irmak_common::types::Field)| {
                format!("{}=[{}]", field.name, describe::expr(expr, &below))
            };
            format!("LogicalProject({})", exprs.iter().zip(&rel.schema.fields).map(item).collect::<Vec<_>>().join(", "))
        }
        RelNode::Filter { predicate, .. } => format!("LogicalFilter(condition=[{}])", describe::expr(predicate, &below)),
        RelNode::WindowAggregate { spec, .. } => {
            describe::aggregate(spec, &below).replacen(describe::aggregate_name(spec), "LogicalAggregate", 1)
        }
        RelNode::WindowAssign { window, .. } => format!("LogicalTableFunctionScan(invocation=[{}])", describe::window(window, &below)),
        RelNode::GroupAggregate { spec, .. } => {
            describe::group_aggregate(spec, &below).replacen("GroupAggregate", "LogicalAggregate", 1).replace("groupBy=", "group=")
        }
        RelNode::Rank { spec, .. } => describe::rank(spec, &below, &rel.schema).replacen("Rank", "LogicalRank", 1),
        RelNode::Deduplicate { spec, .. } => describe::deduplicate(spec, &below).replacen("Deduplicate", "LogicalRank", 1),
        RelNode::Normalize { spec, .. } => describe::normalize(spec, &below).replacen("ChangelogNormalize", "LogicalNormalize", 1),
        RelNode::SetOperation { spec, .. } => format!("Logical{}", describe::set_operation(spec, &rel.schema)),
        RelNode::Over { spec, .. } => describe::ordered::over(spec, &below).replacen("OverAggregate", "LogicalOverAggregate", 1),
        RelNode::BatchOver { spec, .. } => describe::batch::over(spec, &below).replacen("OverAggregate", "LogicalOverAggregate", 1),
        RelNode::RowNumber { spec, .. } => describe::ordered::row_number(spec, &below),
        RelNode::WindowRank { spec, window, .. } => describe::ordered::window_rank(spec, window, &below, &rel.schema),
        RelNode::TemporalSort { order_by, .. } => {
            describe::ordered::temporal_sort(order_by, &below).replacen("TemporalSort", "LogicalSort", 1)
        }
        RelNode::Match { spec, .. } => describe::matched::matched(spec, &below, &rel.schema).replacen("Match", "LogicalMatch", 1),
        RelNode::Unnest { spec, .. } => describe::ordered::unnest(spec, &below, &rel.schema).replacen("Correlate", "LogicalCorrelate", 1),
        RelNode::Join(join) => describe::join::logical(join),
        RelNode::Union(_) => "LogicalUnion(all=[true])".into(),
        RelNode::Limit { offset, count, .. } => format!("LogicalSort(offset=[{offset}], fetch=[{count}])"),
    }
}
