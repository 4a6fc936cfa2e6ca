//! Aggregation without windows: GROUP BY, DISTINCT, UNION, INTERSECT and EXCEPT. Their results are updated as rows come.

use irmak_common::changelog_spec::{GroupAggregateSpec, SetKind, SetOperationSpec};
use irmak_common::expr::{Expr, Value};
use irmak_common::types::{Field, Schema, TypeKind};

use crate::algebra::{Rel, RelNode, WindowColumns, plain};
use crate::ast;
use crate::error::{Code, PlanError, Planned, Span};

use super::Binder;
use super::fuse::{Projection, aggregate_calls, column_names};
use super::group::{Aggregate, Grouping, Windows};
use super::scope::Scope;

impl Binder<'_> {
    /// The aggregate over its input: what it needs is projected first.
    pub(crate) fn group_aggregate(&mut self, input: Rel, grouping: &Grouping, span: Span) -> Planned<Rel> {
        if !self.settings.batch() {
            grouping.aggregates.iter().try_for_each(|aggregate| tells_apart(aggregate, span))?;
        }
        let mut pre = Projection::of(grouping.keys.clone());
        let aggregates = aggregate_calls(&mut pre, grouping, span)?;
        let names = column_names(&pre.exprs, &input.schema);
        let below = input.project(pre.exprs, names);
        let keys: Vec<usize> = (0..grouping.keys.len()).collect();
        // A group has no time of its own: its key is a plain timestamp.
        let mut fields: Vec<Field> = keys.iter().map(|key| &below.schema.fields[*key]).map(without_time).collect();
        fields.extend(aggregates.iter().map(|call| Field::new(&call.name, call.ty.clone())));
        let spec = GroupAggregateSpec {
            keys,
            aggregates,
            retracts: false,
            window_end: None,
            never_back: Vec::new(),
            mini_batch: self.settings.mini_batch()?,
            state_ttl_ms: self.life_of_groups()?,
        };
        Ok(Rel { node: RelNode::GroupAggregate { input: Box::new(below), spec: Box::new(spec) }, schema: Schema::new(fields) })
    }

    /// Each row once.
    pub(crate) fn distinct(&mut self, rel: Rel, span: Span) -> Planned<Rel> {
        let windows = match rel.window_columns().filter(|_| !self.settings.batch()) {
            Some(columns) => Windows::Attached(columns),
            None => Windows::None,
        };
        let mut grouping = Grouping::new(rel.columns(), windows, Scope::of(&rel.schema, None), rel.schema.clone());
        let Windows::Attached(columns) = grouping.windows.clone() else { return self.group_aggregate(rel, &grouping, span) };
        let names: Vec<String> = rel.schema.fields.iter().map(|field| field.name.clone()).collect();
        let columns_below = rel.columns();
        grouping.take_window_keys(&columns);
        let mut exprs: Vec<Expr> = columns_below.iter().filter_map(|column| grouping.find(column)).collect();
        exprs.iter_mut().for_each(|expr| grouping.settle(expr));
        Ok(self.window_aggregate(rel, grouping, span)?.project(exprs, names))
    }

    /// INTERSECT or EXCEPT of two relations that `union` has brought to common types.
    pub(crate) fn set_operation(&mut self, union: Rel, kind: ast::SetKind, all: bool) -> Rel {
        let RelNode::Union(inputs) = union.node else { return union };
        let kind = if kind == ast::SetKind::Intersect { SetKind::Intersect } else { SetKind::Except };
        let fields: Vec<Field> = union.schema.fields.iter().map(without_time).collect();
        let mut inputs = inputs.into_iter();
        let Some(first) = inputs.next() else { return Rel { node: RelNode::Union(Vec::new()), schema: union.schema } };
        inputs.fold(first, |left, right| {
            let mut sided = fields.clone();
            sided.push(Field::new("$side", TypeKind::Int.not_null()));
            let both = RelNode::Union(vec![with_side(left, 0), with_side(right, 1)]);
            let both = Rel { node: both, schema: Schema::new(sided) };
            let spec = SetOperationSpec { kind, all };
            Rel { node: RelNode::SetOperation { input: Box::new(both), spec }, schema: Schema::new(fields.clone()) }
        })
    }
}

impl Grouping {
    /// Takes the columns of attached windows out of the keys: they are properties of the window.
    pub(crate) fn take_window_keys(&mut self, columns: &WindowColumns) {
        use irmak_common::operator_spec::WindowProperty;
        self.properties.extend([WindowProperty::Start, WindowProperty::End]);
        let (properties, keys) = (&mut self.properties, std::mem::take(&mut self.keys));
        self.keys = keys
            .into_iter()
            .filter(|key| match key.as_column() {
                Some(index) if index == columns.start || index == columns.end => false,
                Some(index) if Some(index) == columns.time => {
                    properties.push(WindowProperty::Rowtime);
                    false
                }
                _ => true,
            })
            .collect();
    }
}

/// Refuses DISTINCT of values that Flink has no state for. Source: Flink's `AggregateUtil.createDistinctKeyType`.
fn tells_apart(aggregate: &Aggregate, span: Span) -> Planned<()> {
    let nested = |kind: &TypeKind| matches!(kind, TypeKind::Array(_) | TypeKind::Map(..) | TypeKind::Multiset(_) | TypeKind::Row(_));
    match aggregate.args.iter().find(|arg| nested(&arg.ty.kind)).filter(|_| aggregate.distinct) {
        Some(arg) => {
            let message = format!("Distinct aggregate function does not support type: {}", arg.ty.kind);
            Err(PlanError::new(Code::Types, message).at(span).note("COUNT(DISTINCT CAST(x AS STRING)) tells their texts apart"))
        }
        None => Ok(()),
    }
}

fn without_time(field: &Field) -> Field {
    Field::new(&field.name, plain(&field.ty))
}

fn with_side(rel: Rel, side: i64) -> Rel {
    let mut names: Vec<String> = rel.schema.fields.iter().map(|field| field.name.clone()).collect();
    let mut exprs = rel.columns();
    names.push("$side".into());
    exprs.push(Expr::literal(Value::Int(side), TypeKind::Int.not_null()));
    rel.project(exprs, names)
}
