//! Columns that nobody reads are left out, down to the source, so that the format never decodes them.

mod joined;
mod keyed;
mod matched;
mod ordered;

use std::collections::{BTreeMap, BTreeSet};

use irmak_common::call_spec::AggregateCall;
use irmak_common::expr::Expr;
use irmak_common::operator_spec::{SourceSpec, WatermarkSpec, WindowAggregateSpec, WindowKind, WindowSpec};
use irmak_common::types::Schema;

use super::share::Needs;
use crate::algebra::{Rel, RelNode, collect_columns, shift_columns};

/// Where each kept column of a relation is now.
type Positions = BTreeMap<usize, usize>;

/// The relation with the same output, and nothing below it that nobody in the job reads.
pub(crate) fn prune(rel: Rel, needs: &mut Needs) -> Rel {
    let all: BTreeSet<usize> = (0..rel.schema.len()).collect();
    let (pruned, positions) = keep(rel, &all, needs);
    let in_place = positions.iter().all(|(old, new)| old == new) && positions.len() == pruned.schema.len();
    if in_place { pruned } else { narrowed(pruned, &positions) }
}

/// The relation with at least the wanted columns, in their old order.
fn keep(rel: Rel, wanted: &BTreeSet<usize>, needs: &mut Needs) -> (Rel, Positions) {
    let schema = rel.schema;
    match rel.node {
        RelNode::Scan(source) => scan(*source, schema, wanted),
        RelNode::Table { input, name } => {
            let wanted = needs.add(&name, wanted);
            let (input, positions) = keep(*input, &wanted, needs);
            let schema = input.schema.clone();
            (Rel { node: RelNode::Table { input: Box::new(input), name }, schema }, positions)
        }
        RelNode::Values(rows) => {
            let node = RelNode::Values(rows.into_iter().map(|row| pick(row, wanted)).collect());
            done(node, &schema, wanted)
        }
        RelNode::Project { input, exprs } => project(*input, exprs, &schema, wanted, needs),
        RelNode::Filter { input, predicate } => filter(*input, predicate, wanted, needs),
        RelNode::Watermark { input, spec } => watermark(*input, spec, &schema, wanted, needs),
        RelNode::WindowAggregate { input, spec } => aggregate(*input, *spec, &schema, wanted, needs),
        RelNode::WindowAssign { input, window, partition_by } => assign(*input, window, partition_by, &schema, wanted, needs),
        RelNode::GroupAggregate { input, spec } => keyed::group_aggregate(*input, *spec, &schema, wanted, needs),
        RelNode::Rank { input, spec } => keyed::rank(*input, *spec, &schema, wanted, needs),
        RelNode::Deduplicate { input, spec } => keyed::deduplicate(*input, spec, &schema, wanted, needs),
        RelNode::Normalize { input, spec } => keyed::normalize(*input, spec, &schema, wanted, needs),
        RelNode::SetOperation { input, spec } => keyed::set_operation(*input, spec, &schema, needs),
        node @ (RelNode::Over { .. }
        | RelNode::BatchOver { .. }
        | RelNode::RowNumber { .. }
        | RelNode::WindowRank { .. }
        | RelNode::TemporalSort { .. }
        | RelNode::Match { .. }
        | RelNode::Unnest { .. }) => ordered::keep(node, &schema, wanted, needs),
        RelNode::Limit { input, offset, count } => {
            let (input, positions) = keep(*input, wanted, needs);
            let schema = input.schema.clone();
            (Rel { node: RelNode::Limit { input: Box::new(input), offset, count }, schema }, positions)
        }
        RelNode::Join(join) => joined::join(*join, &schema, wanted, needs),
        RelNode::Union(inputs) => union(inputs, &schema, wanted, needs),
    }
}

fn pick<T>(items: Vec<T>, wanted: &BTreeSet<usize>) -> Vec<T> {
    items.into_iter().enumerate().filter(|(at, _)| wanted.contains(at)).map(|(_, item)| item).collect()
}

fn done(node: RelNode, schema: &Schema, wanted: &BTreeSet<usize>) -> (Rel, Positions) {
    let fields = pick(schema.fields.clone(), wanted);
    let positions = wanted.iter().enumerate().map(|(new, old)| (*old, new)).collect();
    (Rel { node, schema: Schema::new(fields) }, positions)
}

/// A batch without columns would have no rows to speak of: something is always kept.
fn at_least_one(wanted: &BTreeSet<usize>, width: usize) -> BTreeSet<usize> {
    if wanted.is_empty() && width > 0 { BTreeSet::from([0]) } else { wanted.clone() }
}

fn shift(column: &mut Option<usize>, positions: &Positions) {
    if let Some(column) = column {
        *column = positions.get(column).copied().unwrap_or(*column);
    }
}

/// The fields of `schema` at their new places; what else the input kept has the input's.
fn moved(schema: &Schema, positions: &Positions, input: &Schema) -> Schema {
    let mut fields = input.fields.clone();
    for (old, new) in positions {
        fields[*new] = schema.fields[*old].clone();
    }
    Schema::new(fields)
}

fn scan(mut source: SourceSpec, schema: Schema, wanted: &BTreeSet<usize>) -> (Rel, Positions) {
    let wanted = at_least_one(wanted, schema.len());
    let physical = source.projection.len();
    source.projection = source.projection.iter().enumerate().filter(|(at, _)| wanted.contains(at)).map(|(_, column)| *column).collect();
    let metadata = source.metadata.into_iter().enumerate().filter(|(at, _)| wanted.contains(&(physical + at)));
    source.metadata = metadata.map(|(_, column)| column).collect();
    done(RelNode::Scan(Box::new(source)), &schema, &wanted)
}

fn project(input: Rel, exprs: Vec<Expr>, schema: &Schema, wanted: &BTreeSet<usize>, needs: &mut Needs) -> (Rel, Positions) {
    let wanted = at_least_one(wanted, schema.len());
    let mut exprs = pick(exprs, &wanted);
    let mut below = BTreeSet::new();
    exprs.iter().for_each(|expr| collect_columns(expr, &mut below));
    let (input, positions) = keep(input, &below, needs);
    exprs.iter_mut().for_each(|expr| shift_columns(expr, &positions));
    done(RelNode::Project { input: Box::new(input), exprs }, schema, &wanted)
}

fn filter(input: Rel, mut predicate: Expr, wanted: &BTreeSet<usize>, needs: &mut Needs) -> (Rel, Positions) {
    let mut below = wanted.clone();
    collect_columns(&predicate, &mut below);
    let (input, positions) = keep(input, &below, needs);
    shift_columns(&mut predicate, &positions);
    (input.filter(predicate), positions)
}

fn watermark(input: Rel, mut spec: Box<WatermarkSpec>, schema: &Schema, wanted: &BTreeSet<usize>, needs: &mut Needs) -> (Rel, Positions) {
    let mut below = wanted.clone();
    below.insert(spec.rowtime);
    collect_columns(&spec.expr, &mut below);
    let (input, positions) = keep(input, &below, needs);
    shift_columns(&mut spec.expr, &positions);
    spec.rowtime = positions.get(&spec.rowtime).copied().unwrap_or(spec.rowtime);
    let schema = moved(schema, &positions, &input.schema);
    (Rel { node: RelNode::Watermark { input: Box::new(input), spec }, schema }, positions)
}

fn assign(
    input: Rel,
    mut window: WindowSpec,
    mut partition_by: Vec<usize>,
    schema: &Schema,
    wanted: &BTreeSet<usize>,
    needs: &mut Needs,
) -> (Rel, Positions) {
    let width = input.schema.len();
    let mut below: BTreeSet<usize> = wanted.iter().copied().filter(|column| *column < width).collect();
    below.extend(&window.time);
    below.extend(&partition_by);
    let (input, mut positions) = keep(input, &below, needs);
    shift(&mut window.time, &positions);
    partition_by.iter_mut().for_each(|column| *column = positions.get(column).copied().unwrap_or(*column));
    let mut fields = input.schema.fields.clone();
    fields.extend(schema.fields[width..].iter().cloned());
    // The three window columns always come; what is above leaves out what it does not read.
    (0..3).for_each(|at| {
        positions.insert(width + at, input.schema.len() + at);
    });
    let node = RelNode::WindowAssign { input: Box::new(input), window, partition_by };
    (Rel { node, schema: Schema::new(fields) }, positions)
}

fn union(inputs: Vec<Rel>, schema: &Schema, wanted: &BTreeSet<usize>, needs: &mut Needs) -> (Rel, Positions) {
    let wanted = at_least_one(wanted, schema.len());
    let inputs = inputs.into_iter().map(|input| {
        let (input, positions) = keep(input, &wanted, needs);
        exactly(input, &positions, &wanted)
    });
    let node = RelNode::Union(inputs.collect());
    done(node, schema, &wanted)
}

fn aggregate(input: Rel, mut spec: WindowAggregateSpec, schema: &Schema, wanted: &BTreeSet<usize>, needs: &mut Needs) -> (Rel, Positions) {
    let keys = spec.keys.len();
    let first_property = keys + spec.aggregates.len();
    let mut kept: BTreeSet<usize> = (0..keys).collect();
    kept.extend(wanted);
    spec.aggregates = spec.aggregates.into_iter().enumerate().filter(|(at, _)| kept.contains(&(keys + at))).map(|(_, call)| call).collect();
    let properties = spec.properties.into_iter().enumerate().filter(|(at, _)| kept.contains(&(first_property + at)));
    spec.properties = properties.map(|(_, property)| property).collect();
    if kept.is_empty() {
        // A window without keys of which nothing is read: its start stands for it.
        spec.properties.push(irmak_common::operator_spec::WindowProperty::Start);
    }
    let mut below: BTreeSet<usize> = grouping_columns(&mut spec.keys, &mut spec.aggregates).map(|column| *column).collect();
    below.extend(window_reads(&spec.window));
    let (input, positions) = keep(input, &below, needs);
    let at = |column: &mut usize| *column = positions.get(column).copied().unwrap_or(*column);
    grouping_columns(&mut spec.keys, &mut spec.aggregates).for_each(at);
    spec.window.time.iter_mut().for_each(at);
    if let WindowKind::Attached { start, end } = &mut spec.window.kind {
        at(start);
        at(end);
    }
    if kept.is_empty() {
        let field = irmak_common::types::Field::new("window_start", irmak_common::types::TypeKind::timestamp(3).not_null());
        let rel = Rel { node: RelNode::WindowAggregate { input: Box::new(input), spec: Box::new(spec) }, schema: Schema::new(vec![field]) };
        return (rel, Positions::new());
    }
    done(RelNode::WindowAggregate { input: Box::new(input), spec: Box::new(spec) }, schema, &kept)
}

/// Every column that a grouping reads: its keys, and the arguments and filters of its aggregates.
fn grouping_columns<'a>(keys: &'a mut [usize], calls: &'a mut [AggregateCall]) -> impl Iterator<Item = &'a mut usize> {
    keys.iter_mut().chain(calls.iter_mut().flat_map(|call| call.args.iter_mut().chain(call.filter.iter_mut())))
}

fn window_reads(window: &WindowSpec) -> Vec<usize> {
    let mut reads: Vec<usize> = window.time.into_iter().collect();
    if let WindowKind::Attached { start, end } = window.kind {
        reads.extend([start, end]);
    }
    reads
}

/// The relation with exactly the wanted columns.
fn exactly(rel: Rel, positions: &Positions, wanted: &BTreeSet<usize>) -> Rel {
    if rel.schema.len() == wanted.len() {
        return rel;
    }
    let positions: Positions = wanted.iter().filter_map(|old| positions.get(old).map(|new| (*old, *new))).collect();
    narrowed(rel, &positions)
}

/// A projection to some columns.
fn narrowed(rel: Rel, positions: &Positions) -> Rel {
    let columns = rel.columns();
    let names = positions.values().map(|at| rel.schema.fields[*at].name.clone()).collect();
    rel.project(positions.values().map(|at| columns[*at].clone()).collect(), names)
}
