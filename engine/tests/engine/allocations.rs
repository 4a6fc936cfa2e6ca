//! What operators allocate: a row costs no allocation of its own, and a row that is kept costs little beside its bytes.
//!
//! Counts and not times, so that they are the same on every machine. `-- allocations --nocapture` prints them.

use std::sync::Arc;

use allocation_counter::measure;
use arrow::array::{ArrayRef, Int64Array, TimestampMillisecondArray};
use arrow::record_batch::RecordBatch;
use irmak_common::call_spec::{AggregateCall, SortKey};
use irmak_common::changelog_spec::{DeduplicateSpec, GroupAggregateSpec, Keep, RankSpec, RankStrategy};
use irmak_common::element::Element;
use irmak_common::join_spec::{JoinKind, JoinSpec, JoinTiming};
use irmak_common::operator_spec::{OperatorSpec, WindowAggregateSpec, WindowKind, WindowProperty, WindowSpec, WindowStyle};
use irmak_common::time::Watermark;
use irmak_common::types::{Field, Schema, TimeAttribute, TypeKind};
use irmak_engine::operator::{Operator, OperatorContext};
use irmak_engine::{OperatorEnvironment, build};

use crate::harness::node;

const BATCH: usize = 1_024;
const NOW: OperatorContext = OperatorContext { now: 0, split: None };

/// A row's columns, without anything around them.
const ROW_BYTES: f64 = 32.0;

/// `k BIGINT, n BIGINT, v BIGINT, ts TIMESTAMP(3) *ROWTIME*`
fn schema() -> Schema {
    let rowtime = TypeKind::Timestamp { precision: 3, attribute: TimeAttribute::Rowtime };
    let kinds = [("k", TypeKind::BigInt), ("n", TypeKind::BigInt), ("v", TypeKind::BigInt), ("ts", rowtime)];
    Schema::new(kinds.map(|(name, kind)| Field::new(name, kind.nullable())).into())
}

/// Rows `from..` of a number of keys, in turn; ten rows a millisecond.
fn batch(from: usize, keys: usize) -> RecordBatch {
    let rows = from..from + BATCH;
    let numbers = |of: &dyn Fn(usize) -> usize| Arc::new(Int64Array::from_iter_values(rows.clone().map(|row| of(row) as i64))) as ArrayRef;
    let times = TimestampMillisecondArray::from_iter_values(rows.clone().map(|row| row as i64 / 10));
    let columns = vec![numbers(&|row| row % keys), numbers(&|row| row), numbers(&|row| row.wrapping_mul(2_654_435_761) % 1_000_003)];
    RecordBatch::try_new(schema().to_arrow(), columns.into_iter().chain([Arc::new(times) as ArrayRef]).collect()).unwrap()
}

fn call(function: &str) -> AggregateCall {
    let column = schema().fields[2].ty.clone();
    let (args, arg_types) = if function == "COUNT" { (vec![], vec![]) } else { (vec![2], vec![column]) };
    let ty = TypeKind::BigInt.nullable();
    AggregateCall { function: function.into(), args, arg_types, distinct: false, filter: None, ty, name: function.into() }
}

fn fields_of(calls: &[AggregateCall]) -> Vec<Field> {
    let key = schema().fields[0].clone();
    std::iter::once(key).chain(calls.iter().map(|call| Field::new(&call.name, call.ty.clone()))).collect()
}

fn window(kind: WindowKind) -> (OperatorSpec, Schema) {
    let aggregates = vec![call("COUNT"), call("SUM")];
    let mut fields = fields_of(&aggregates);
    fields.push(Field::new("window_start", TypeKind::timestamp(3).not_null()));
    let window = WindowSpec { kind, time: Some(3), zone: None, style: WindowStyle::TableFunction };
    let properties = vec![WindowProperty::Start];
    let spec = WindowAggregateSpec { window, keys: vec![0], aggregates, properties, allowed_lateness_ms: 0, retracts: false };
    (OperatorSpec::WindowAggregate(spec), Schema::new(fields))
}

fn group(functions: &[&str], retracts: bool) -> (OperatorSpec, Schema) {
    let aggregates: Vec<_> = functions.iter().map(|function| call(function)).collect();
    let output = Schema::new(fields_of(&aggregates));
    let spec = GroupAggregateSpec {
        keys: vec![0],
        aggregates,
        retracts,
        never_back: Vec::new(),
        mini_batch: None,
        window_end: None,
        state_ttl_ms: 0,
    };
    (OperatorSpec::GroupAggregate(spec), output)
}

fn deduplicate(keep: Keep, rowtime: Option<usize>) -> (OperatorSpec, Schema) {
    (OperatorSpec::Deduplicate(DeduplicateSpec { keys: vec![0], rowtime, keep, state_ttl_ms: 0 }), schema())
}

fn top(strategy: RankStrategy, number: bool) -> (OperatorSpec, Schema) {
    let order_by = vec![SortKey { column: 2, descending: true, nulls_first: false }];
    let mut output = schema();
    if number {
        output.fields.push(Field::new("p", TypeKind::BigInt.not_null()));
    }
    (
        OperatorSpec::Rank(RankSpec {
            partition_by: vec![0],
            order_by,
            start: 1,
            end: 10,
            end_by: None,
            number,
            strategy,
            state_ttl_ms: 0,
        }),
        output,
    )
}

fn join(kind: JoinKind, timing: JoinTiming, changelog: bool) -> (OperatorSpec, Schema) {
    let keys = [vec![0], vec![0]];
    let output = Schema::new([schema().fields, schema().fields].concat());
    (OperatorSpec::Join(JoinSpec { kind, timing, keys, null_safe: vec![false], condition: None, changelog, state_ttl_ms: [0; 2] }), output)
}

fn operator((spec, output): (OperatorSpec, Schema)) -> Box<dyn Operator> {
    let inputs = vec![schema(); if matches!(spec, OperatorSpec::Join(_)) { 2 } else { 1 }];
    let environment = OperatorEnvironment { parallelism: 1, ..OperatorEnvironment::default() };
    build(&node(spec, output), &inputs, &environment).unwrap()
}

fn feed(operator: &mut dyn Operator, batches: &[RecordBatch], out: &mut Vec<Element>) {
    for batch in batches {
        let columns = batch.columns().last().unwrap();
        let times: &TimestampMillisecondArray = columns.as_any().downcast_ref().unwrap();
        operator.on_batch(&NOW, 0, batch.clone(), out).unwrap();
        operator.on_watermark(&NOW, Watermark(times.value(BATCH - 1)), out).unwrap();
        out.clear();
    }
}

/// Allocations a row, of rows of keys that are known; and bytes held for each row of many keys with four rows each.
fn measured(spec: impl Fn() -> (OperatorSpec, Schema)) -> (f64, f64) {
    let batches: Vec<_> = (0..12).map(|at| batch(at * BATCH, 100)).collect();
    let (mut steady, mut out) = (operator(spec()), Vec::new());
    feed(&mut *steady, &batches[..8], &mut out);
    let rows = batches[8..].len() * BATCH;
    let allocations = measure(|| feed(&mut *steady, &batches[8..], &mut out)).count_total as f64 / rows as f64;
    let batches: Vec<_> = (0..16).map(|at| batch(at * BATCH, 4 * BATCH)).collect();
    let (mut filled, rows) = (operator(spec()), batches.len() * BATCH);
    let held = measure(|| feed(&mut *filled, &batches, &mut out)).bytes_current as f64 / rows as f64;
    (allocations, held)
}

/// What is allowed of each.
struct Limits {
    allocations: f64,
    /// Of [`ROW_BYTES`].
    held: f64,
}

fn check(what: &str, limits: &Limits, spec: impl Fn() -> (OperatorSpec, Schema)) {
    let (allocations, held) = measured(spec);
    let times = held / ROW_BYTES;
    println!("{what}: {allocations:.3} allocations a row, {held:.0} bytes held a row ({times:.1}x)");
    assert!(allocations < limits.allocations, "{what}: {allocations:.3} allocations a row");
    assert!(times < limits.held, "{what}: {held:.0} bytes held a row");
}

#[test]
fn windows_allocate_nothing_for_a_row_and_keep_accumulators_only() {
    let limits = Limits { allocations: 0.3, held: 2.0 };
    check("TUMBLE", &limits, || window(WindowKind::Tumble { size: 100, offset: 0 }));
    check("HOP", &limits, || window(WindowKind::Hop { size: 1_000, slide: 100, offset: 0 }));
    check("CUMULATE", &limits, || window(WindowKind::Cumulate { size: 1_000, step: 100, offset: 0 }));
    check("SESSION", &limits, || window(WindowKind::Session { gap: 100 }));
}

#[test]
fn groups_allocate_nothing_for_a_row_and_keep_accumulators_only() {
    let limits = Limits { allocations: 0.3, held: 1.5 };
    check("GROUP BY", &limits, || group(&["COUNT", "SUM", "MAX"], false));
    check("GROUP BY, of changes", &limits, || group(&["COUNT", "SUM"], true));
    check("DISTINCT", &limits, || group(&[], false));
    // All values of the group are kept, in order.
    check("GROUP BY, MAX of changes", &Limits { allocations: 2.0, held: 4.0 }, || group(&["MAX"], true));
}

#[test]
fn deduplication_keeps_one_row_a_key_in_its_place() {
    let limits = Limits { allocations: 0.3, held: 1.5 };
    check("first row", &limits, || deduplicate(Keep::First, None));
    check("first row by time", &limits, || deduplicate(Keep::First, Some(3)));
    check("last row by time", &limits, || deduplicate(Keep::Last, Some(3)));
}

#[test]
fn a_small_partition_of_a_top_n_costs_little_beside_its_rows() {
    let limits = Limits { allocations: 0.5, held: 5.0 };
    check("Top-10", &limits, || top(RankStrategy::AppendFast, false));
    check("Top-10 with numbers", &limits, || top(RankStrategy::AppendFast, true));
    check("Top-10 of updates", &limits, || top(RankStrategy::UpdateFast { primary_keys: vec![0, 1] }, false));
    // All rows are kept.
    check("Top-10 of changes", &Limits { allocations: 3.0, held: 5.0 }, || top(RankStrategy::Retract, false));
}

#[test]
fn joins_allocate_nothing_for_a_row_that_they_keep() {
    let (always, limits) = (JoinTiming::Always, Limits { allocations: 0.3, held: 5.0 });
    let interval = JoinTiming::Interval { times: [3, 3], lower: -1_000_000, upper: 1_000_000, rowtime: true };
    check("join", &limits, || join(JoinKind::Inner, always.clone(), false));
    check("join of changes", &limits, || join(JoinKind::Inner, always.clone(), true));
    check("LEFT JOIN", &limits, || join(JoinKind::Left, always.clone(), true));
    check("interval join", &limits, || join(JoinKind::Inner, interval.clone(), false));
}
