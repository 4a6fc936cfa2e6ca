//! Group windows that speak before they are over (`table.exec.emit.early-fire.*`) or still after it (`late-fire.*`): rows are put into
//! windows, and windows are groups whose result is updated with every row, until the watermark closes them.
//!
//! By the clock, the operator puts a row into its window when it comes, so that no window is over before its rows are there.
//!
//! The delays say how seldom Flink speaks; the last word is the same, so here every row is said whatever the delay. Without early fires
//! a window is held until it is over.

use irmak_common::changelog_spec::{GroupAggregateSpec, WindowEnd};
use irmak_common::expr::Expr;
use irmak_common::operator_spec::{WindowProperty, WindowStyle};
use irmak_common::types::{Field, Schema, TypeKind};

use crate::algebra::{Rel, RelNode, is_session};
use crate::error::{Code, PlanError, Planned, Span};

use super::Binder;
use super::fuse::{Projection, aggregate_calls, column_names};
use super::group::Grouping;
use super::window::GroupWindow;
use crate::settings::Fires;

impl Binder<'_> {
    /// The aggregate of group windows that speak more than once. Output as that of windows that speak once.
    pub(crate) fn often_fired(&mut self, input: Rel, grouping: &Grouping, window: &GroupWindow, fires: Fires, span: Span) -> Planned<Rel> {
        let width = grouping.keys.len();
        let spec = self.window_spec(window.kind.clone(), width, &window.time.ty, WindowStyle::Group, span)?;
        let refused = |what: &str| {
            let name = if fires.early { "early" } else { "late" };
            let message = format!("`table.exec.emit.{name}-fire.enabled` is not supported for {what}");
            Err(PlanError::new(Code::Unsupported, message).at(span).label("RESET it before this statement"))
        };
        if is_session(&spec) {
            return refused("SESSION windows, as in Flink");
        }
        let mut exprs = grouping.keys.clone();
        exprs.push(window.time.clone());
        let mut pre = Projection::of(exprs);
        let aggregates = aggregate_calls(&mut pre, grouping, span)?;
        let names = column_names(&pre.exprs, &input.schema);
        let below = input.project(pre.exprs, names);
        let zone = spec.zone.clone();
        let assign = spec.time.is_none().then(|| spec.clone());
        let (assigned, first) = assigned(below, spec);
        let keys: Vec<usize> = (0..width).chain(first..first + 3).collect();
        let mut fields: Vec<Field> = keys.iter().map(|key| assigned.schema.fields[*key].clone()).collect();
        fields.extend(aggregates.iter().map(|call| Field::new(&call.name, call.ty.clone())));
        let spec = GroupAggregateSpec {
            keys,
            aggregates,
            retracts: false,
            never_back: Vec::new(),
            mini_batch: None,
            window_end: Some(WindowEnd { key: width + 1, zone, hold: !fires.early, lateness_ms: fires.lateness_ms, assign }),
            state_ttl_ms: 0,
        };
        let node = RelNode::GroupAggregate { input: Box::new(assigned), spec: Box::new(spec) };
        Ok(arranged(Rel { node, schema: Schema::new(fields) }, grouping))
    }
}

/// The rows with their windows, and where the windows' columns begin.
fn assigned(below: Rel, window: irmak_common::operator_spec::WindowSpec) -> (Rel, usize) {
    let first = below.schema.len();
    let mut schema = below.schema.clone();
    let time = window.time.map_or_else(|| TypeKind::timestamp(3).not_null(), |time| below.schema.fields[time].ty.with_nullable(false));
    schema.fields.push(Field::new("w$start", TypeKind::timestamp(3).not_null()));
    schema.fields.push(Field::new("w$end", TypeKind::timestamp(3).not_null()));
    schema.fields.push(Field::new("w$rowtime", time));
    let node = RelNode::WindowAssign { input: Box::new(below), window, partition_by: Vec::new() };
    (Rel { node, schema }, first)
}

/// Keys, aggregates, properties, of keys, start, end, rowtime, aggregates.
fn arranged(rel: Rel, grouping: &Grouping) -> Rel {
    let width = grouping.keys.len();
    let all = rel.columns();
    let column = |at: usize| (all[at].clone(), rel.schema.fields[at].name.clone());
    let mut columns: Vec<(Expr, String)> = (0..width).chain(width + 3..all.len()).map(column).collect();
    for property in &grouping.properties {
        let at = match property {
            WindowProperty::Start => 0,
            WindowProperty::End => 1,
            WindowProperty::Rowtime | WindowProperty::Proctime => 2,
        };
        let ty = grouping.property_type(*property);
        let (expr, name) = column(width + at);
        let told = match property {
            WindowProperty::Proctime => Expr::call("PROCTIME", Vec::new(), ty),
            _ => Expr { ty, ..expr },
        };
        columns.push((told, name));
    }
    let (exprs, names) = columns.into_iter().unzip();
    rel.project(exprs, names)
}
