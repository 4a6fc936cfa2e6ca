//! The operators of batch mode: nothing is said before the end, and then everything once.

use irmak_common::batch_spec::{BatchFrame, BatchOverCall, BatchOverSpec, BatchSpec, FrameEdge};
use irmak_common::call_spec::{AggregateCall, SortKey};
use irmak_common::changelog_spec::{SetKind, SetOperationSpec};
use irmak_common::element::Element;
use irmak_common::job_graph::OperatorNode;
use irmak_common::operator_spec::OperatorSpec;
use irmak_common::time::{Millis, Watermark};
use irmak_common::types::{Field, LogicalType, Schema, TypeKind};
use irmak_engine::operator::{Operator, OperatorContext};
use irmak_engine::{OperatorEnvironment, build};
use proptest::prelude::*;

use crate::harness::*;

const CONTEXT: OperatorContext = OperatorContext { now: 0, split: None };

fn key(column: usize, descending: bool) -> SortKey {
    SortKey { column, descending, nulls_first: !descending }
}

fn of(function: &str, args: &[usize], ty: LogicalType) -> AggregateCall {
    let schema = input();
    let arg_types = args.iter().map(|column| schema.fields[*column].ty.clone()).collect();
    AggregateCall { args: args.to_vec(), arg_types, ty, ..call(function, None, TypeKind::BigInt) }
}

fn batch_node(spec: BatchSpec) -> OperatorNode {
    let columns = input().fields;
    let fields = match &spec {
        BatchSpec::Aggregate { keys, aggregates } => {
            let calls = aggregates.iter().map(|call| Field::new(&call.name, call.ty.clone()));
            keys.iter().map(|column| columns[*column].clone()).chain(calls).collect()
        }
        BatchSpec::Over(spec) => {
            let calls = spec.calls.iter().map(|call| Field::new(&call.call.name, call.call.ty.clone()));
            columns.into_iter().chain(calls).collect()
        }
        _ => columns,
    };
    node(OperatorSpec::Batch(spec), Schema::new(fields))
}

fn started(spec: BatchSpec) -> Box<dyn Operator> {
    build(&batch_node(spec), &[input()], &OperatorEnvironment::default()).unwrap()
}

/// What comes out at the end, when nothing has come out before.
fn answer(operator: &mut dyn Operator, batches: &[Vec<Row>]) -> Vec<String> {
    let mut out = Vec::new();
    for rows in batches {
        operator.on_batch(&CONTEXT, 0, batch(rows), &mut out).unwrap();
    }
    operator.on_watermark(&CONTEXT, Watermark(7), &mut out).unwrap();
    assert!(out.is_empty(), "{:?}", render(&out));
    operator.on_watermark(&CONTEXT, Watermark::MAX, &mut out).unwrap();
    operator.on_end(&CONTEXT, &mut out).unwrap();
    let end = out.pop();
    assert!(matches!(end, Some(Element::Watermark(Watermark::MAX))), "the end of time comes behind the rows: {end:?}");
    render(&out)
}

#[track_caller]
fn check(spec: BatchSpec, rows: &[Row], expected: &[&str]) {
    // However the rows are cut into batches.
    for size in [1, 3, 100] {
        let batches: Vec<Vec<Row>> = rows.chunks(size).map(<[Row]>::to_vec).collect();
        assert_eq!(answer(started(spec.clone()).as_mut(), &batches), expected, "batches of {size}");
    }
}

fn numbers(of: &[(&str, i32)]) -> Vec<Row> {
    of.iter().enumerate().map(|(at, (key, number))| row(key, *number, at as Millis)).collect()
}

#[test]
fn a_group_is_said_once_and_everything_together_also_when_there_is_nothing() {
    let count = || vec![of("COUNT", &[], TypeKind::BigInt.not_null()), of("SUM", &[NUMBER], TypeKind::Int.nullable())];
    let rows = numbers(&[("a", 1), ("b", 2), ("a", 4)]);
    check(BatchSpec::Aggregate { keys: vec![KEY], aggregates: count() }, &rows, &["a 2 5", "b 1 2"]);
    check(BatchSpec::Aggregate { keys: vec![KEY], aggregates: Vec::new() }, &rows, &["a", "b"]);
    check(BatchSpec::Aggregate { keys: vec![KEY], aggregates: count() }, &[], &[]);
    check(BatchSpec::Aggregate { keys: Vec::new(), aggregates: count() }, &rows, &["3 7"]);
    check(BatchSpec::Aggregate { keys: Vec::new(), aggregates: count() }, &[], &["0 -"]);
}

#[test]
fn any_column_sorts_and_null_stands_where_it_is_put() {
    let mut rows = numbers(&[("b", 1), ("a", 2), ("a", 3)]);
    rows[0].key = None;
    let sort = |order_by: Vec<SortKey>, first| BatchSpec::Sort { order_by, first };
    let order = vec![key(KEY, false), key(NUMBER, true)];
    check(sort(order.clone(), None), &rows, &["- 1 - - 0 0", "a 3 - - 2 2", "a 2 - - 1 1"]);
    check(sort(order.clone(), Some(2)), &rows, &["- 1 - - 0 0", "a 3 - - 2 2"]);
    check(sort(order, Some(0)), &rows, &[]);
    let last = SortKey { column: KEY, descending: false, nulls_first: false };
    check(sort(vec![last], Some(2)), &rows, &["a 2 - - 1 1", "a 3 - - 2 2"]);
}

#[test]
fn the_first_of_very_many_rows_need_no_more_memory_than_some_of_them() {
    let mut operator = started(BatchSpec::Sort { order_by: vec![key(NUMBER, false)], first: Some(2) });
    let batches: Vec<Vec<Row>> =
        (0..40).map(|at| (0..5_000).map(|row| self::row("a", 1_000_000 - at * 5_000 - row, 0)).collect()).collect();
    assert_eq!(answer(operator.as_mut(), &batches), ["a 800001 - - 0 0", "a 800002 - - 0 0"]);
}

fn over(calls: &[(&str, &[usize], TypeKind, FrameEdge, FrameEdge)]) -> BatchSpec {
    let call = |(function, args, kind, start, end): &(&str, &[usize], TypeKind, FrameEdge, FrameEdge)| BatchOverCall {
        call: of(function, args, kind.clone().nullable()),
        frame: BatchFrame { start: start.clone(), end: end.clone() },
    };
    let calls = calls.iter().map(call).collect();
    BatchSpec::Over(BatchOverSpec { partition_by: vec![KEY], order_by: vec![key(NUMBER, false)], sorted: false, calls })
}

/// The calls' columns alone.
fn results(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| line.split(' ').skip(6).collect::<Vec<_>>().join(" ")).collect()
}

#[track_caller]
fn check_over(spec: BatchSpec, rows: &[Row], expected: &[&str]) {
    let batches: Vec<Vec<Row>> = rows.chunks(2).map(<[Row]>::to_vec).collect();
    assert_eq!(results(&answer(started(spec).as_mut(), &batches)), expected);
}

#[test]
fn ranks_count_rows_peers_and_shares() {
    use FrameEdge::{Peers, Unbounded};
    let rank = |name: &'static str, kind| (name, &[][..], kind, Unbounded, Peers);
    let spec = over(&[
        rank("ROW_NUMBER", TypeKind::BigInt),
        rank("RANK", TypeKind::BigInt),
        rank("DENSE_RANK", TypeKind::BigInt),
        rank("PERCENT_RANK", TypeKind::Double),
        rank("CUME_DIST", TypeKind::Double),
    ]);
    let rows = numbers(&[("a", 3), ("b", 9), ("a", 1), ("a", 1), ("a", 4), ("a", 3)]);
    check_over(spec, &rows, &["1 1 1 0.0 0.2", "2 1 1 0.0 0.4", "3 3 2 0.5 0.6", "4 3 2 0.5 0.8", "5 5 3 1.0 1.0", "1 1 1 0.0 1.0"]);
}

#[test]
fn lead_and_lag_stay_within_their_part() {
    use FrameEdge::{Peers, Unbounded};
    let spec = over(&[
        ("LEAD", &[NUMBER], TypeKind::Int, Unbounded, Peers),
        ("LAG", &[NUMBER], TypeKind::Int, Unbounded, Peers),
        // Two rows on (the column `v` of the row itself says how far), and the row's own number where there is none.
        ("LEAD", &[NUMBER, NUMBER, NUMBER], TypeKind::Int, Unbounded, Peers),
    ]);
    let rows = numbers(&[("a", 1), ("b", 7), ("a", 2), ("a", 3)]);
    check_over(spec, &rows, &["2 - 2", "3 1 2", "- 2 3", "- - 7"]);
}

#[test]
fn frames_look_back_and_ahead() {
    use FrameEdge::{Peers, Rows, Unbounded};
    let sum = |start, end| ("SUM", &[NUMBER][..], TypeKind::Int, start, end);
    let spec = over(&[
        sum(Rows(-1), Rows(1)),
        sum(Rows(0), Unbounded),
        sum(Unbounded, Unbounded),
        sum(Unbounded, Rows(0)),
        sum(Unbounded, Peers),
        sum(Rows(1), Rows(2)),
        sum(Unbounded, Rows(-1)),
    ]);
    let rows = numbers(&[("a", 4), ("a", 1), ("b", 16), ("a", 2), ("a", 2)]);
    check_over(spec, &rows, &["3 9 9 1 1 4 -", "5 8 9 3 5 6 1", "8 6 9 5 5 4 3", "6 4 9 9 9 - 5", "16 16 16 16 16 - -"]);
}

#[test]
fn a_range_reaches_by_value_and_nulls_see_each_other() {
    // `d` is the limit here: what a plan computes as v - 1.0.
    let range = FrameEdge::Range { key: 3, limit: 3, descending: false, nulls_first: true };
    let call = BatchOverCall {
        call: of("COUNT", &[], TypeKind::BigInt.not_null()),
        frame: BatchFrame { start: range, end: FrameEdge::Unbounded },
    };
    let spec = BatchOverSpec { partition_by: Vec::new(), order_by: vec![key(3, false)], sorted: false, calls: vec![call] };
    let rows: Vec<Row> = [None, Some(1.0), Some(2.0), None].into_iter().map(|double| Row { double, ..row("a", 0, 0) }).collect();
    check_over(BatchSpec::Over(spec), &rows, &["4", "4", "2", "1"]);
}

#[test]
fn sides_are_compared_when_both_are_known() {
    let schema = Schema::new(vec![input().fields[NUMBER].clone(), Field::new("side", TypeKind::Int.not_null())]);
    let output = Schema::new(vec![input().fields[NUMBER].clone()]);
    let columns = |rows: &[(i32, i32)]| {
        let column = |values: Vec<i32>| -> arrow::array::ArrayRef { std::sync::Arc::new(arrow::array::Int32Array::from(values)) };
        let columns = vec![column(rows.iter().map(|row| row.0).collect()), column(rows.iter().map(|row| row.1).collect())];
        arrow::record_batch::RecordBatch::try_new(schema.to_arrow(), columns).unwrap()
    };
    for (kind, all, expected) in [
        (SetKind::Intersect, false, &["1"][..]),
        (SetKind::Intersect, true, &["1", "1"]),
        (SetKind::Except, false, &["2"]),
        (SetKind::Except, true, &["1", "2"]),
    ] {
        let spec = OperatorSpec::Batch(BatchSpec::SetOperation(SetOperationSpec { kind, all }));
        let mut operator = build(&node(spec, output.clone()), std::slice::from_ref(&schema), &OperatorEnvironment::default()).unwrap();
        let mut out = Vec::new();
        for rows in [&[(1, 0), (2, 0), (1, 1)][..], &[(1, 0), (1, 0), (3, 1), (1, 1)]] {
            operator.on_batch(&CONTEXT, 0, columns(rows), &mut out).unwrap();
        }
        operator.on_watermark(&CONTEXT, Watermark::MAX, &mut out).unwrap();
        out.pop();
        assert_eq!(render(&out), expected, "{kind:?} {all}");
    }
}

#[test]
fn a_snapshot_in_the_midst_is_refused_and_one_behind_the_end_is_empty() {
    let mut operator = started(BatchSpec::Sort { order_by: vec![key(NUMBER, false)], first: None });
    assert!(operator.snapshot().unwrap().keyed.is_empty());
    operator.on_batch(&CONTEXT, 0, batch(&numbers(&[("a", 1)])), &mut Vec::new()).unwrap();
    let refusal = operator.snapshot().unwrap_err().to_string();
    assert!(refusal.contains("a savepoint of a batch job"), "{refusal}");
    operator.on_watermark(&CONTEXT, Watermark::MAX, &mut Vec::new()).unwrap();
    assert!(operator.snapshot().unwrap().keyed.is_empty());
}

proptest! {
    #[test]
    fn frames_are_what_adding_up_by_hand_says(
        rows in prop::collection::vec((0..3u8, 0..6i32), 0..60),
        start in -4..4i64,
        length in 0..5i64,
        whole in any::<(bool, bool)>(),
    ) {
        let edge = |unbounded, rows| if unbounded { FrameEdge::Unbounded } else { FrameEdge::Rows(rows) };
        let spec = over(&[("SUM", &[NUMBER], TypeKind::Int, edge(whole.0, start), edge(whole.1, start + length))]);
        let given: Vec<Row> = rows.iter().map(|(key, number)| row(&key.to_string(), *number, 0)).collect();
        let got = results(&answer(started(spec).as_mut(), &[given]));
        let mut sorted = rows;
        sorted.sort_unstable();
        let mut expected = Vec::new();
        for part in sorted.chunk_by(|a, b| a.0 == b.0) {
            for at in 0..part.len() as i64 {
                let (from, to) = (if whole.0 { 0 } else { at + start }, if whole.1 { part.len() as i64 - 1 } else { at + start + length });
                let seen = part.iter().enumerate().filter(|(other, _)| (from..=to).contains(&(*other as i64))).map(|(_, row)| row.1);
                expected.push(seen.reduce(|a, b| a + b).map_or("-".to_owned(), |sum| sum.to_string()));
            }
        }
        prop_assert_eq!(got, expected);
    }
}
