//! What a sink checks of every row before it takes it, in front of the sink: NULL in NOT NULL columns, the length of texts and bytes.
//!
//! A type's NOT NULL is a promise that a source may break, so it is held where rows leave the job, for a query's result too. Flink's
//! name for it is ConstraintEnforcer; `table.exec.sink.not-null-enforcer` and `table.exec.sink.type-length-enforcer` say what it does.

use irmak_common::call_spec::AggregateCall;
use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::types::{LogicalType, Schema, TypeKind};

use crate::algebra::{Rel, RelNode, Root, Target};
use crate::condition::all_of;
use crate::error::Planned;
use crate::settings::Settings;

const NOT_NULL: &str = "$NOT NULL";
const LENGTH: &str = "$LENGTH";

/// What NULL in a NOT NULL column does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NullEnforcer {
    /// It fails the job.
    Error,
    /// Its row is left out.
    Drop,
}

/// What a text does that is longer than its column, or shorter than a CHAR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LengthEnforcer {
    /// It is written as it is.
    Ignore,
    /// It is cut or padded.
    TrimPad,
    /// It fails the job.
    Error,
}

/// The query with the checks that its target asks for.
pub(crate) fn enforce(root: Root, settings: &Settings) -> Planned<Root> {
    let (nulls, lengths) = (settings.null_enforcer()?, settings.length_enforcer()?);
    let (target, lengths) = match &root.target {
        Target::Sink { spec, .. } => (spec.schema.clone(), lengths),
        // A result on the terminal declares no lengths.
        Target::Collect => (root.rel.schema.clone(), LengthEnforcer::Ignore),
    };
    let rel = match nulls {
        NullEnforcer::Drop => without_nulls(root.rel, &target),
        NullEnforcer::Error => root.rel,
    };
    let mut changed = false;
    let columns = rel.columns().into_iter().zip(&target.fields).enumerate().map(|(at, (column, field))| {
        let checked = sized(column.clone(), &field.ty, &field.name, lengths);
        let must = nulls == NullEnforcer::Error && !field.ty.nullable && !is_certain(&rel, at);
        let checked = if must { call(NOT_NULL, checked, &field.name) } else { checked };
        changed |= checked != column;
        checked
    });
    let columns: Vec<Expr> = columns.collect();
    if !changed {
        return Ok(Root { rel, ..root });
    }
    let names = rel.schema.fields.iter().map(|field| field.name.clone()).collect();
    Ok(Root { rel: rel.project(columns, names), ..root })
}

fn call(function: &str, value: Expr, column: &str) -> Expr {
    let ty = value.ty.clone();
    Expr::call(function, vec![value, Expr::literal(Value::String(column.into()), TypeKind::Symbol.not_null())], ty)
}

fn sized(column: Expr, ty: &LogicalType, name: &str, lengths: LengthEnforcer) -> Expr {
    use irmak_common::types::MAX_LENGTH;
    let limited = match ty.kind {
        TypeKind::Char(length) | TypeKind::Varchar(length) | TypeKind::Binary(length) | TypeKind::Varbinary(length) => length < MAX_LENGTH,
        _ => false,
    };
    match lengths {
        LengthEnforcer::TrimPad if limited => {
            let any = if matches!(ty.kind, TypeKind::Char(_) | TypeKind::Varchar(_)) { TypeKind::STRING } else { TypeKind::BYTES };
            let nullable = column.ty.nullable;
            Expr { ty: any.nullable().with_nullable(nullable), ..column }.cast(ty.with_nullable(nullable))
        }
        LengthEnforcer::Error if limited => call(LENGTH, column, name),
        _ => column,
    }
}

/// Whether a column cannot be NULL, whatever a source does.
fn is_certain(rel: &Rel, column: usize) -> bool {
    match &rel.node {
        RelNode::Project { input, exprs } => match exprs.get(column).map(|expr| &expr.node) {
            Some(ExprNode::Literal(value)) => *value != Value::Null,
            Some(ExprNode::Column(below)) => is_certain(input, *below),
            _ => false,
        },
        RelNode::Values(rows) => rows.iter().all(|row| row.get(column).is_some_and(|value| *value != Value::Null)),
        RelNode::Filter { input, .. } | RelNode::Limit { input, .. } => is_certain(input, column),
        RelNode::GroupAggregate { input, spec } => aggregated(input, &spec.keys, &spec.aggregates, column),
        RelNode::WindowAggregate { input, spec } => aggregated(input, &spec.keys, &spec.aggregates, column),
        _ => false,
    }
}

/// Keys first, then aggregates, then what a window says of itself, which is never NULL.
fn aggregated(input: &Rel, keys: &[usize], aggregates: &[AggregateCall], column: usize) -> bool {
    match (keys.get(column), aggregates.get(column.wrapping_sub(keys.len()))) {
        (Some(key), _) => is_certain(input, *key),
        (_, Some(call)) => matches!(call.function.as_str(), "COUNT" | "SUM0" | "COLLECT"),
        _ => true,
    }
}

/// The rows without those that have NULL where the sink has NOT NULL.
fn without_nulls(rel: Rel, sink: &Schema) -> Rel {
    let required = sink.fields.iter().enumerate().filter(|(at, field)| !field.ty.nullable && !is_certain(&rel, *at));
    let columns = rel.columns();
    let tests: Vec<Expr> = required
        .filter_map(|(at, _)| columns.get(at).cloned())
        .map(|column| Expr::call("IS NOT NULL", vec![column], TypeKind::Boolean.not_null()))
        .collect();
    if tests.is_empty() { rel } else { rel.filter(all_of(tests)) }
}

/// What a projection is called that only checks: `ConstraintEnforcer(NotNullEnforcer(fields=[a]))`.
pub(crate) fn described(exprs: &[Expr]) -> Option<String> {
    let checks: Vec<(&str, &str)> = exprs.iter().flat_map(checks).collect();
    if checks.is_empty() {
        return None;
    }
    let fields = |function: &str, title: &str| {
        let names: Vec<&str> = checks.iter().filter(|(known, _)| *known == function).map(|(_, name)| *name).collect();
        (!names.is_empty()).then(|| format!("{title}(fields=[{}])", names.join(", ")))
    };
    let told: Vec<String> = [fields(NOT_NULL, "NotNullEnforcer"), fields(LENGTH, "LengthEnforcer")].into_iter().flatten().collect();
    Some(format!("ConstraintEnforcer({})", told.join(", ")))
}

/// The value behind what checks it.
pub(crate) fn unchecked(expr: &Expr) -> &Expr {
    match &expr.node {
        ExprNode::Call { function, args } if function == NOT_NULL || function == LENGTH => args.first().map_or(expr, unchecked),
        _ => expr,
    }
}

fn checks(expr: &Expr) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    let mut at = expr;
    while let ExprNode::Call { function, args } = &at.node {
        let [value, Expr { node: ExprNode::Literal(Value::String(name)), .. }] = args.as_slice() else { break };
        if function != NOT_NULL && function != LENGTH {
            break;
        }
        found.push((function.as_str(), name.as_str()));
        at = value;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(at: usize, kind: TypeKind) -> Expr {
        Expr::column(at, kind.not_null())
    }

    #[test]
    fn a_projection_that_checks_says_which_columns() {
        let checked = call(NOT_NULL, call(LENGTH, column(0, TypeKind::Varchar(3)), "a"), "a");
        let told = described(&[checked, call(NOT_NULL, column(1, TypeKind::Int), "b"), column(2, TypeKind::Int)]);
        assert_eq!(told.as_deref(), Some("ConstraintEnforcer(NotNullEnforcer(fields=[a, b]), LengthEnforcer(fields=[a]))"));
        assert_eq!(described(&[column(0, TypeKind::Int)]), None);
    }

    #[test]
    fn what_cannot_be_null_is_not_checked() {
        let schema = Schema::new(vec![irmak_common::types::Field::new("a", TypeKind::Int.not_null())]);
        let values = |value: Value| Rel { node: RelNode::Values(vec![vec![value]]), schema: schema.clone() };
        let root = |rel: Rel| Root { rel, target: Target::Collect, span: Default::default() };
        let settings = Settings::new(&Default::default());
        let sure = root(values(Value::Int(1)));
        assert_eq!(enforce(sure.clone(), &settings).unwrap(), sure);
        let broken = enforce(root(values(Value::Null)), &settings).unwrap();
        assert!(matches!(&broken.rel.node, RelNode::Project { exprs, .. } if described(exprs).is_some()));
        let drops = Settings::new(&[("table.exec.sink.not-null-enforcer".to_owned(), "DROP".to_owned())].into());
        assert!(matches!(enforce(root(values(Value::Null)), &drops).unwrap().rel.node, RelNode::Filter { .. }));
        let unclear = Settings::new(&[("table.exec.sink.not-null-enforcer".to_owned(), "MAYBE".to_owned())].into());
        assert!(enforce(sure, &unclear).is_err());
    }
}
