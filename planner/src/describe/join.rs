//! Joins in Flink's words.

use irmak_common::expr::Expr;
use irmak_common::join_spec::{JoinSpec, JoinTiming};
use irmak_common::types::Schema;

use super::{expr, fields};
use crate::join::JoinRel;

/// Flink's name of the operator.
pub(crate) fn name(spec: &JoinSpec) -> &'static str {
    match spec.timing {
        JoinTiming::Always => "Join",
        JoinTiming::Interval { .. } => "IntervalJoin",
        JoinTiming::Window { .. } => "WindowJoin",
        JoinTiming::Version { .. } => "TemporalJoin",
        JoinTiming::AtEnd if spec.keys[0].is_empty() => "NestedLoopJoin",
        JoinTiming::AtEnd => "HashJoin",
    }
}

/// `Join(joinType=[InnerJoin], where=[(auction = id)], select=[auction, id], leftInputSpec=[NoUniqueKey], rightInputSpec=[NoUniqueKey])`
pub(crate) fn join(join: &JoinRel, output: &Schema) -> String {
    described(join, &join.spec(false), output)
}

/// The same of a join that is already settled.
pub(crate) fn described(join: &JoinRel, spec: &JoinSpec, output: &Schema) -> String {
    let (both, kind, name) = (join.both(), spec.kind.name(), name(spec));
    let condition = condition(&join.condition, &both);
    let select = fields(output);
    match &spec.timing {
        JoinTiming::Always => {
            format!(
                "{name}(joinType=[{kind}], where=[{condition}], select=[{select}], leftInputSpec=[NoUniqueKey], rightInputSpec=[NoUniqueKey])"
            )
        }
        JoinTiming::AtEnd => format!("{name}(joinType=[{kind}], where=[{condition}], select=[{select}])"),
        JoinTiming::Interval { times, lower, upper, rowtime } => format!(
            "{name}(joinType=[{kind}], windowBounds=[isRowTime={rowtime}, leftLowerBound={lower}, leftUpperBound={upper}, \
             leftTimeIndex={}, rightTimeIndex={}], where=[{condition}], select=[{select}])",
            times[0], times[1]
        ),
        JoinTiming::Window { windows, .. } => {
            let window = |side: usize, schema: &Schema| {
                let column = |at: usize| schema.fields.get(windows[side][at]).map_or("", |field| field.name.as_str());
                format!("win_start=[{}], win_end=[{}]", column(0), column(1))
            };
            let (left, right) = (window(0, &join.left.schema), window(1, &join.right.schema));
            format!("{name}(leftWindow=[{left}], rightWindow=[{right}], joinType=[{kind}], where=[{condition}], select=[{select}])")
        }
        JoinTiming::Version { times } => {
            let column = |at: usize| both.fields.get(at).map_or("", |field| field.name.as_str());
            let (left, right) = (column(times[0]), column(join.left.schema.len() + times[1]));
            format!("{name}(joinType=[{kind}], where=[({condition} AND __TEMPORAL_JOIN_CONDITION({left}, {right}))], select=[{select}])")
        }
    }
}

/// The condition before anything is made of it.
pub(crate) fn logical(join: &JoinRel) -> String {
    let kind = format!("{:?}", join.kind).to_lowercase();
    format!("LogicalJoin(condition=[{}], joinType=[{kind}])", condition(&join.condition, &join.both()))
}

fn condition(condition: &Expr, both: &Schema) -> String {
    expr(condition, both)
}
