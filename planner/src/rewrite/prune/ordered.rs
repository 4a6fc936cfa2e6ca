//! The same for the operators that put rows in an order or multiply them: their columns are the input's, then some of their own.

use std::collections::BTreeSet;

use irmak_common::batch_spec::{BatchOverSpec, FrameEdge};
use irmak_common::call_spec::SortKey;
use irmak_common::operator_spec::OverSpec;
use irmak_common::types::Schema;

use super::super::share::Needs;
use super::{Positions, keep as keep_input};
use crate::algebra::{Rel, RelNode, collect_columns, shift_columns};

/// The relation with at least the wanted columns.
pub(super) fn keep(node: RelNode, schema: &Schema, wanted: &BTreeSet<usize>, needs: &mut Needs) -> (Rel, Positions) {
    match node {
        RelNode::Over { input, spec } => over(*input, spec, schema, wanted, needs),
        RelNode::BatchOver { input, spec } => batch_over(*input, spec, schema, wanted, needs),
        RelNode::WindowRank { input, mut spec, window } => {
            let width = input.schema.len();
            let mut below = below(wanted, width);
            below.extend(spec.hash_columns());
            below.extend(spec.order_by.iter().map(|key| key.column));
            spec.number &= wanted.contains(&width);
            let own: Vec<usize> = if spec.number { vec![width] } else { Vec::new() };
            let (input, mut positions) = keep_input(*input, &below, needs);
            each(spec.partition_by.iter_mut().chain([&mut spec.window_start, &mut spec.window_end]), &positions);
            sort_shift(&mut spec.order_by, &positions);
            let schema = behind(&input.schema, schema, &own, &mut positions);
            (Rel { node: RelNode::WindowRank { input: Box::new(input), spec, window }, schema }, positions)
        }
        RelNode::TemporalSort { input, mut order_by, processing_time, first } => {
            let mut below = wanted.clone();
            below.extend(order_by.iter().map(|key| key.column));
            let (input, positions) = keep_input(*input, &below, needs);
            sort_shift(&mut order_by, &positions);
            let schema = input.schema.clone();
            (Rel { node: RelNode::TemporalSort { input: Box::new(input), order_by, processing_time, first }, schema }, positions)
        }
        RelNode::Match { input, spec } => super::matched::keep(*input, *spec, schema, needs),
        RelNode::Unnest { input, mut spec } => {
            let width = input.schema.len();
            let mut below = below(wanted, width);
            collect_columns(&spec.collection, &mut below);
            let (input, mut positions) = keep_input(*input, &below, needs);
            shift_columns(&mut spec.collection, &positions);
            let own: Vec<usize> = (width..schema.len()).collect();
            let schema = behind(&input.schema, schema, &own, &mut positions);
            (Rel { node: RelNode::Unnest { input: Box::new(input), spec }, schema }, positions)
        }
        node => (Rel { node, schema: schema.clone() }, (0..schema.len()).map(|at| (at, at)).collect()),
    }
}

fn over(input: Rel, mut spec: Box<OverSpec>, schema: &Schema, wanted: &BTreeSet<usize>, needs: &mut Needs) -> (Rel, Positions) {
    let width = input.schema.len();
    let mut below = below(wanted, width);
    below.extend(spec.partition_by.iter().chain(&spec.time));
    let kept = |at: usize| wanted.contains(&(width + at));
    let unused = spec.aggregates.iter().enumerate().all(|(at, _)| !kept(at));
    let calls = std::mem::take(&mut spec.aggregates).into_iter().enumerate();
    // Late rows are dropped whether a call's result is read or not: one call stays.
    let calls: Vec<_> = calls.filter(|(at, _)| kept(*at) || (unused && *at == 0)).collect();
    calls.iter().for_each(|(_, call)| below.extend(call.args.iter().chain(&call.filter)));
    let (input, mut positions) = keep_input(input, &below, needs);
    let own: Vec<usize> = calls.iter().map(|(at, _)| width + at).collect();
    spec.aggregates = calls.into_iter().map(|(_, call)| call).collect();
    each(spec.partition_by.iter_mut().chain(spec.time.iter_mut()), &positions);
    for call in &mut spec.aggregates {
        each(call.args.iter_mut().chain(call.filter.iter_mut()), &positions);
    }
    let schema = behind(&input.schema, schema, &own, &mut positions);
    (Rel { node: RelNode::Over { input: Box::new(input), spec }, schema }, positions)
}

fn batch_over(input: Rel, mut spec: Box<BatchOverSpec>, schema: &Schema, wanted: &BTreeSet<usize>, needs: &mut Needs) -> (Rel, Positions) {
    let width = input.schema.len();
    let calls = std::mem::take(&mut spec.calls).into_iter().enumerate().filter(|(at, _)| wanted.contains(&(width + at)));
    let (own, calls): (Vec<usize>, Vec<_>) = calls.map(|(at, call)| (width + at, call)).unzip();
    if calls.is_empty() {
        // It drops no row, so it goes with its calls.
        return keep_input(input, &below(wanted, width), needs);
    }
    spec.calls = calls;
    let mut below = below(wanted, width);
    below.extend(reads(&mut spec).map(|column| *column));
    let (input, mut positions) = keep_input(input, &below, needs);
    each(reads(&mut spec), &positions);
    let schema = behind(&input.schema, schema, &own, &mut positions);
    (Rel { node: RelNode::BatchOver { input: Box::new(input), spec }, schema }, positions)
}

/// Every column that calls OVER a window in batch mode read.
fn reads(spec: &mut BatchOverSpec) -> impl Iterator<Item = &mut usize> {
    let calls = spec.calls.iter_mut().flat_map(|call| {
        let edges = [&mut call.frame.start, &mut call.frame.end].into_iter().flat_map(|edge| match edge {
            FrameEdge::Range { key, limit, .. } => vec![key, limit],
            _ => Vec::new(),
        });
        call.call.args.iter_mut().chain(&mut call.call.filter).chain(edges)
    });
    spec.partition_by.iter_mut().chain(spec.order_by.iter_mut().map(|key| &mut key.column)).chain(calls)
}

/// The wanted columns that are the input's.
fn below(wanted: &BTreeSet<usize>, width: usize) -> BTreeSet<usize> {
    wanted.iter().copied().filter(|column| *column < width).collect()
}

fn sort_shift(order_by: &mut [SortKey], positions: &Positions) {
    each(order_by.iter_mut().map(|key| &mut key.column), positions);
}

fn each<'a>(columns: impl Iterator<Item = &'a mut usize>, positions: &Positions) {
    columns.for_each(|column| *column = positions.get(column).copied().unwrap_or(*column));
}

/// The input's columns and the operator's own behind them.
fn behind(input: &Schema, schema: &Schema, own: &[usize], positions: &mut Positions) -> Schema {
    let mut fields = input.fields.clone();
    for &column in own {
        positions.insert(column, fields.len());
        fields.push(schema.fields[column].clone());
    }
    Schema::new(fields)
}
