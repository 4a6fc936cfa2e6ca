//! Operators that update and delete: what they say, added up, is what a person would compute from the rows that are left, whatever
//! the batches, the parallelism and the restarts in between.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int32Array, StringArray, TimestampMillisecondArray, UInt8Array};
use arrow::datatypes::{DataType, Field as ArrowField, Schema as ArrowSchema, UInt8Type};
use arrow::record_batch::RecordBatch;
use irmak_common::call_spec::{AggregateCall, SortKey};
use irmak_common::changelog_spec::{
    DeduplicateSpec, GroupAggregateSpec, Keep, MaterializeSpec, MiniBatch, NormalizeSpec, RankSpec, RankStrategy, SetKind,
    SetOperationSpec, WindowEnd,
};
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::{Element, ROW_KIND_COLUMN};
use irmak_common::job_graph::OperatorNode;
use irmak_common::key_group::{KeyGroup, MaxParallelism};
use irmak_common::operator_spec::OperatorSpec;
use irmak_common::time::Watermark;
use irmak_common::types::{Field, Schema, TypeKind};
use irmak_engine::key::KeyEncoder;
use irmak_engine::operator::{Operator, OperatorContext};
use irmak_engine::{OperatorEnvironment, build};
use proptest::prelude::*;

use crate::harness::{lines_of, node};

/// `+I` and the like, key, value, side.
type Row = (u8, Option<&'static str>, Option<i32>, i32);

const ADD: u8 = 0;
const BEFORE: u8 = 1;
const AFTER: u8 = 2;
const GONE: u8 = 3;

fn schema() -> Schema {
    Schema::new(vec![
        Field::new("k", TypeKind::STRING.nullable()),
        Field::new("v", TypeKind::Int.nullable()),
        Field::new("side", TypeKind::Int.not_null()),
    ])
}

fn batch(rows: &[Row], kinds: bool) -> RecordBatch {
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter(rows.iter().map(|row| row.1))),
        Arc::new(Int32Array::from_iter(rows.iter().map(|row| row.2))),
        Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.3))),
    ];
    let mut fields: Vec<_> = schema().to_arrow().fields().iter().cloned().collect();
    if kinds {
        columns.push(Arc::new(UInt8Array::from_iter_values(rows.iter().map(|row| row.0))));
        fields.push(Arc::new(ArrowField::new(ROW_KIND_COLUMN, DataType::UInt8, false)));
    }
    RecordBatch::try_new(Arc::new(ArrowSchema::new(fields)), columns).unwrap()
}

struct Cluster {
    node: OperatorNode,
    keys: Vec<usize>,
    subtasks: Vec<Box<dyn Operator>>,
    now: i64,
}

impl Cluster {
    fn new(node: OperatorNode, keys: &[usize]) -> Self {
        let mut cluster = Self { node, keys: keys.to_vec(), subtasks: Vec::new(), now: 0 };
        cluster.subtasks = cluster.start(1, Vec::new());
        cluster
    }

    fn start(&self, parallelism: u32, restored: Vec<irmak_common::checkpoint::OperatorSnapshot>) -> Vec<Box<dyn Operator>> {
        let environment = |subtask_index| OperatorEnvironment {
            subtask_index,
            parallelism,
            restored: restored.clone(),
            ..OperatorEnvironment::default()
        };
        (0..parallelism).map(|index| build(&self.node, &[schema()], &environment(index)).unwrap()).collect()
    }

    fn rescale(&mut self, parallelism: u32) {
        let snapshots = self.subtasks.iter_mut().map(|subtask| subtask.snapshot().unwrap()).collect();
        self.subtasks = self.start(parallelism, snapshots);
    }

    /// Lines of kind and row, in order.
    fn rows(&mut self, rows: &[Row], kinds: bool) -> Vec<String> {
        let mut hashes = Vec::new();
        KeyEncoder::new(&schema(), &self.keys).unwrap().hashes(&batch(rows, false), &mut hashes).unwrap();
        let (parallelism, max) = (self.subtasks.len() as u32, MaxParallelism::default());
        let mut out = Vec::new();
        for (index, subtask) in self.subtasks.iter_mut().enumerate() {
            let mine = rows.iter().zip(&hashes).filter(|(_, hash)| KeyGroup::of_hash(**hash, max).owner(parallelism, max) == index as u32);
            let mine: Vec<Row> = mine.map(|(row, _)| *row).collect();
            if !mine.is_empty() {
                subtask.on_batch(&OperatorContext { now: self.now, split: None }, 0, batch(&mine, kinds), &mut out).unwrap();
            }
        }
        told(&out)
    }
}

fn told(elements: &[Element]) -> Vec<String> {
    let mut lines = Vec::new();
    for element in elements {
        let Element::Batch(batch) = element else { continue };
        let at = batch.num_columns() - 1;
        assert_eq!(batch.schema_ref().field(at).name(), ROW_KIND_COLUMN);
        let kinds = batch.column(at).as_primitive::<UInt8Type>().values().to_vec();
        let columns = batch.project(&(0..at).collect::<Vec<_>>()).unwrap();
        lines.extend(
            lines_of(&columns).into_iter().zip(kinds).map(|(line, kind)| format!("{} {line}", ["+I", "-U", "+U", "-D"][kind as usize])),
        );
    }
    lines
}

/// What is left of a changelog, which never takes back what is not there.
fn applied(lines: &[String]) -> Vec<String> {
    let mut left: Vec<String> = Vec::new();
    for line in lines {
        let (kind, row) = line.split_at(3);
        if kind.starts_with('+') {
            left.push(row.to_owned());
        } else {
            let at = left.iter().position(|known| known == row).unwrap_or_else(|| panic!("{line} of {left:?}"));
            left.remove(at);
        }
    }
    left.sort();
    left
}

fn call(function: &str, distinct: bool, kind: TypeKind) -> AggregateCall {
    let arg = (function != "COUNT(*)").then_some(1);
    AggregateCall {
        function: function.replace("(*)", ""),
        args: arg.into_iter().collect(),
        arg_types: arg.map(|_| TypeKind::Int.nullable()).into_iter().collect(),
        distinct,
        filter: None,
        ty: kind.nullable(),
        name: function.to_lowercase(),
    }
}

fn calls() -> Vec<AggregateCall> {
    vec![
        call("COUNT(*)", false, TypeKind::BigInt),
        call("COUNT", true, TypeKind::BigInt),
        call("SUM", false, TypeKind::Int),
        call("SUM", true, TypeKind::Int),
        call("AVG", false, TypeKind::Int),
        call("MIN", false, TypeKind::Int),
        call("MAX", false, TypeKind::Int),
        call("FIRST_VALUE", false, TypeKind::Int),
        call("LAST_VALUE", false, TypeKind::Int),
        call("ARRAY_AGG", false, TypeKind::Array(Box::new(TypeKind::Int.nullable()))),
        call("VAR_POP", false, TypeKind::Int),
    ]
}

fn aggregate(aggregates: Vec<AggregateCall>, retracts: bool, mini_batch: Option<MiniBatch>, state_ttl_ms: u64) -> OperatorNode {
    let mut fields = vec![schema().fields[0].clone()];
    fields.extend(aggregates.iter().map(|call| Field::new(&call.name, call.ty.clone())));
    let spec =
        GroupAggregateSpec { keys: vec![0], aggregates, retracts, never_back: Vec::new(), mini_batch, window_end: None, state_ttl_ms };
    node(OperatorSpec::GroupAggregate(spec), Schema::new(fields))
}

fn text<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// The groups of some rows, computed anew.
fn grouped(rows: &[(Option<&'static str>, Option<i32>)]) -> Vec<String> {
    let mut groups: BTreeMap<Option<&str>, Vec<Option<i32>>> = BTreeMap::new();
    rows.iter().for_each(|(key, value)| groups.entry(*key).or_default().push(*value));
    let line = |(key, values): (&Option<&str>, &Vec<Option<i32>>)| {
        let there: Vec<i32> = values.iter().copied().flatten().collect();
        let mut distinct = there.clone();
        distinct.sort();
        distinct.dedup();
        let any = !there.is_empty();
        let sum: i32 = there.iter().sum();
        // Of integers in integers, as Flink computes it.
        let count = there.len().max(1) as i32;
        let variance = (there.iter().map(|value| value * value).sum::<i32>() - sum * sum / count) / count;
        let list = values.iter().map(|value| text(*value)).collect::<Vec<_>>().join(", ");
        [
            text(*key),
            values.len().to_string(),
            distinct.len().to_string(),
            text(any.then_some(sum)),
            text(any.then_some(distinct.iter().sum::<i32>())),
            text(any.then(|| sum / there.len() as i32)),
            text(distinct.first()),
            text(distinct.last()),
            text(there.first()),
            text(there.last()),
            format!("[{list}]"),
            text(any.then_some(variance)),
        ]
        .join(" ")
    };
    let mut lines: Vec<String> = groups.iter().map(line).collect();
    lines.sort();
    lines
}

/// Key and value of a row.
type Pair = (Option<&'static str>, Option<i32>);

/// Rows that come, and rows of those that go, with the rows that are left.
fn changelog() -> impl Strategy<Value = (Vec<Row>, Vec<Pair>)> {
    let key = prop::sample::select(vec![Some("a"), Some("b"), None]);
    let step = (key, prop::option::of(-3..4i32), any::<prop::sample::Index>(), 0..5u8);
    prop::collection::vec(step, 1..60).prop_map(|steps| {
        let (mut rows, mut left): (Vec<Row>, Vec<Pair>) = (Vec::new(), Vec::new());
        for (key, value, which, what) in steps {
            if what < 2 && !left.is_empty() {
                let (key, value) = left[which.index(left.len())];
                // The oldest of its kind goes.
                let at = left.iter().position(|row| *row == (key, value)).unwrap();
                left.remove(at);
                rows.push((if what == 0 { GONE } else { BEFORE }, key, value, 0));
            } else {
                left.push((key, value));
                rows.push((if what == 3 { AFTER } else { ADD }, key, value, 0));
            }
        }
        (rows, left)
    })
}

proptest! {
    #[test]
    fn updates_of_groups_add_up_to_the_groups_of_the_rows_that_are_left((rows, left) in changelog(), cut in 1..9usize, bundle in 0..4u64) {
        let mini_batch = (bundle > 0).then_some(MiniBatch { rows: bundle, latency_ms: 1 });
        let mut cluster = Cluster::new(aggregate(calls(), true, mini_batch, 0), &[0]);
        let mut lines = Vec::new();
        for (at, rows) in rows.chunks(cut).enumerate() {
            lines.extend(cluster.rows(rows, true));
            cluster.rescale([1, 3, 2][at % 3]);
        }
        prop_assert_eq!(applied(&lines), grouped(&left));
    }

    #[test]
    fn aggregates_of_inserts_are_those_of_changelogs(rows in prop::collection::vec((prop::sample::select(vec![Some("a"), None]), prop::option::of(-3..4i32)), 1..40), cut in 1..9usize) {
        let all: Vec<Row> = rows.iter().map(|(key, value)| (ADD, *key, *value, 0)).collect();
        let mut cluster = Cluster::new(aggregate(calls(), false, None, 0), &[0]);
        let mut lines = Vec::new();
        for rows in all.chunks(cut) {
            lines.extend(cluster.rows(rows, false));
            cluster.rescale(2);
        }
        prop_assert_eq!(applied(&lines), grouped(&rows));
    }

    #[test]
    fn set_operations_are_those_of_multisets(rows in prop::collection::vec((0..2i32, prop::option::of(0..3i32), any::<bool>()), 1..60), all in any::<bool>(), except in any::<bool>()) {
        let kind = if except { SetKind::Except } else { SetKind::Intersect };
        let output = Schema::new(schema().fields[..2].to_vec());
        let mut cluster = Cluster::new(node(OperatorSpec::SetOperation(SetOperationSpec { kind, all }), output), &[0, 1]);
        let (mut lines, mut counts) = (Vec::new(), BTreeMap::<Option<i32>, [i64; 2]>::new());
        for (at, (side, value, gone)) in rows.into_iter().enumerate() {
            let count = &mut counts.entry(value).or_default()[side as usize];
            let gone = gone && *count > 0;
            *count += if gone { -1 } else { 1 };
            lines.extend(cluster.rows(&[(if gone { GONE } else { ADD }, Some("a"), value, side)], true));
            cluster.rescale([1, 3][at % 2]);
        }
        let mut expected = Vec::new();
        for (value, [left, right]) in counts {
            let times = match (kind, all) {
                (SetKind::Intersect, true) => left.min(right),
                (SetKind::Intersect, false) => left.min(right).min(1),
                (SetKind::Except, true) => (left - right).max(0),
                (SetKind::Except, false) => i64::from(left > 0 && right == 0),
            };
            (0..times).for_each(|_| expected.push(format!("a {}", text(value))));
        }
        expected.sort();
        prop_assert_eq!(applied(&lines), expected);
    }

    #[test]
    fn a_top_n_is_the_first_rows_of_what_is_left((rows, left) in changelog(), cut in 1..9usize, start in 1..3u64, number in any::<bool>()) {
        let mut cluster = Cluster::new(top_n(RankStrategy::Retract, start, start + 1, number), &[0]);
        let mut lines = Vec::new();
        for (at, rows) in rows.chunks(cut).enumerate() {
            lines.extend(cluster.rows(rows, true));
            cluster.rescale([1, 3, 2][at % 3]);
        }
        let mut expected = Vec::new();
        for key in [Some("a"), Some("b"), None] {
            let mut values: Vec<Option<i32>> = left.iter().filter(|row| row.0 == key).map(|row| row.1).collect();
            values.sort_by_key(|value| std::cmp::Reverse(*value));
            for (at, value) in values.into_iter().enumerate().skip(start as usize - 1).take(2) {
                let rank = if number { format!(" {}", at + 1) } else { String::new() };
                expected.push(format!("{} {} 0{rank}", text(key), text(value)));
            }
        }
        expected.sort();
        prop_assert_eq!(applied(&lines), expected);
    }
}

/// The greatest values of each key, NULL last.
fn top_n(strategy: RankStrategy, start: u64, end: u64, number: bool) -> OperatorNode {
    let order_by = vec![SortKey { column: 1, descending: true, nulls_first: false }];
    let mut fields = schema().fields;
    if number {
        fields.push(Field::new("rn", TypeKind::BigInt.not_null()));
    }
    let spec = RankSpec { partition_by: vec![0], order_by, start, end, end_by: None, number, strategy, state_ttl_ms: 0 };
    node(OperatorSpec::Rank(spec), Schema::new(fields))
}

#[test]
fn a_group_speaks_for_its_first_row_its_changes_and_its_end() {
    let mut cluster = Cluster::new(aggregate(vec![call("SUM", false, TypeKind::Int)], true, None, 0), &[0]);
    let a = |kind, value| (kind, Some("a"), Some(value), 0);
    let lines = cluster.rows(&[a(GONE, 9), a(ADD, 1), a(ADD, 0), a(BEFORE, 1), a(AFTER, 5), a(GONE, 0), a(GONE, 5), a(ADD, 2)], true);
    let expected = ["+I a 1", "-U a 1", "+U a 0", "-U a 0", "+U a 5", "-D a 5", "+I a 2"];
    assert_eq!(lines, expected);
}

#[test]
fn a_bundle_says_each_group_once() {
    let mini_batch = Some(MiniBatch { rows: 3, latency_ms: 1 });
    let mut cluster = Cluster::new(aggregate(vec![call("COUNT(*)", false, TypeKind::BigInt)], false, mini_batch, 0), &[0]);
    let rows: Vec<Row> = ["a", "b", "a", "b", "a", "b", "c"].iter().map(|key| (ADD, Some(*key), Some(1), 0)).collect();
    assert_eq!(cluster.rows(&rows, false), ["+I a 2", "+I b 1", "-U b 1", "+U b 3", "-U a 2", "+U a 3", "+I c 1"]);
}

#[test]
fn a_group_that_nobody_reaches_is_forgotten_after_its_time() {
    let mut cluster = Cluster::new(aggregate(vec![call("COUNT(*)", false, TypeKind::BigInt)], false, None, 1_000), &[0]);
    let row: [Row; 1] = [(ADD, Some("a"), Some(1), 0)];
    assert_eq!(cluster.rows(&row, false), ["+I a 1"]);
    cluster.now = 999;
    assert_eq!(cluster.rows(&row, false), ["-U a 1", "+U a 2"]);
    cluster.rescale(2);
    cluster.now = 1_999;
    assert_eq!(cluster.rows(&row, false), ["+I a 1"]);
}

#[test]
fn many_groups_that_come_and_go_leave_nothing_behind() {
    let mut cluster = Cluster::new(aggregate(calls(), true, None, 0), &[1]);
    let keys: Vec<String> = (0..6_000).map(|at| format!("k{at}")).collect();
    let leaked: Vec<&'static str> = keys.into_iter().map(|key| &*key.leak()).collect();
    let rows = |kind| leaked.iter().map(|key| (kind, Some(*key), Some(1), 0)).collect::<Vec<Row>>();
    let mut lines = cluster.rows(&[(ADD, Some("stays"), Some(4), 0)], true);
    lines.extend(cluster.rows(&rows(ADD), true));
    lines.extend(cluster.rows(&rows(GONE), true));
    lines.extend(cluster.rows(&[(ADD, Some("stays"), Some(5), 0)], true));
    assert_eq!(applied(&lines), grouped(&[(Some("stays"), Some(4)), (Some("stays"), Some(5))]));
    let snapshot = cluster.subtasks[0].snapshot().unwrap();
    assert_eq!(snapshot.keyed.len(), 1, "one group is left");
}

#[test]
fn deduplication_keeps_the_first_or_the_last_by_arrival() {
    for (keep, expected) in [(Keep::First, vec!["+I a 1 0"]), (Keep::Last, vec!["+I a 1 0", "-U a 1 0", "+U a 2 0"])] {
        let spec = DeduplicateSpec { keys: vec![0], rowtime: None, keep, state_ttl_ms: 0 };
        let mut cluster = Cluster::new(node(OperatorSpec::Deduplicate(spec), schema()), &[0]);
        let mut lines = cluster.rows(&[(ADD, Some("a"), Some(1), 0), (ADD, Some("a"), Some(1), 0)], false);
        cluster.rescale(2);
        lines.extend(cluster.rows(&[(ADD, Some("a"), Some(2), 0)], false));
        assert_eq!(lines, expected, "{keep:?}");
    }
}

#[test]
fn a_top_n_of_inserts_lets_go_of_what_falls_behind() {
    let mut cluster = Cluster::new(top_n(RankStrategy::AppendFast, 1, 1, false), &[0]);
    let row = |value| (ADD, Some("a"), Some(value), 0);
    assert_eq!(cluster.rows(&[row(1), row(3), row(2)], false), ["+I a 1 0", "-U a 1 0", "+U a 3 0"]);
    let bytes: usize = cluster.subtasks[0].snapshot().unwrap().keyed.values().map(Vec::len).sum();
    cluster.rescale(3);
    assert_eq!(cluster.rows(&[row(2), row(3)], false), [""; 0]);
    assert!(bytes < 120, "{bytes} bytes for one row");
}

#[test]
fn a_top_n_of_updates_by_key_passes_over_what_was_before() {
    let strategy = RankStrategy::UpdateFast { primary_keys: vec![0, 2] };
    let mut cluster = Cluster::new(top_n(strategy, 1, 1, true), &[0]);
    let row = |kind, value, side| (kind, Some("a"), Some(value), side);
    let lines = cluster.rows(&[row(ADD, 1, 7), row(ADD, 1, 8), row(BEFORE, 1, 8), row(AFTER, 2, 8)], true);
    cluster.rescale(2);
    assert_eq!(lines, ["+I a 1 7 1", "-U a 1 7 1", "+U a 2 8 1"]);
    assert_eq!(cluster.rows(&[row(AFTER, 3, 8)], true), ["-U a 2 8 1", "+U a 3 8 1"]);
}

/// The greatest values of each side, as many as its number says.
fn top_side(strategy: RankStrategy) -> OperatorNode {
    let order_by = vec![SortKey { column: 1, descending: true, nulls_first: false }];
    let partition_by = vec![2];
    let spec = RankSpec { partition_by, order_by, start: 1, end: u64::MAX, end_by: Some(2), number: false, strategy, state_ttl_ms: 0 };
    node(OperatorSpec::Rank(spec), schema())
}

#[test]
fn a_top_n_whose_end_is_a_column_keeps_so_many_rows_of_each_partition() {
    let row = |kind, value, side| (kind, Some("a"), Some(value), side);
    let mut cluster = Cluster::new(top_side(RankStrategy::AppendFast), &[2]);
    let lines = cluster.rows(&[row(ADD, 5, 1), row(ADD, 6, 1), row(ADD, 4, 2), row(ADD, 5, 2), row(ADD, 9, 0), row(ADD, 9, -1)], false);
    assert_eq!(lines, ["+I a 5 1", "-D a 5 1", "+I a 6 1", "+I a 4 2", "+I a 5 2"]);
    cluster.rescale(3);
    assert_eq!(cluster.rows(&[row(ADD, 6, 2)], false), ["-D a 4 2", "+I a 6 2"]);
}

#[test]
fn a_top_n_whose_end_is_a_column_takes_rows_back_after_a_restart() {
    let row = |kind, value, side| (kind, Some("a"), Some(value), side);
    let mut cluster = Cluster::new(top_side(RankStrategy::Retract), &[2]);
    assert_eq!(cluster.rows(&[row(ADD, 5, 1), row(ADD, 4, 1), row(ADD, 4, 2)], true), ["+I a 5 1", "+I a 4 2"]);
    cluster.rescale(2);
    assert_eq!(cluster.rows(&[row(GONE, 5, 1)], true), ["-D a 5 1", "+I a 4 1"]);
    assert_eq!(cluster.rows(&[row(ADD, 3, 2), row(ADD, 2, 2)], true), ["+I a 3 2"]);
}

/// COUNT(*) by `k` in windows that speak before or behind their end.
struct WindowCounts {
    input: Schema,
    node: OperatorNode,
}

impl WindowCounts {
    fn new(hold: bool, lateness_ms: u64) -> Self {
        let input = Schema::new(vec![
            Field::new("k", TypeKind::STRING.nullable()),
            Field::new("v", TypeKind::Int.nullable()),
            Field::new("side", TypeKind::Int.not_null()),
            Field::new("w$end", TypeKind::timestamp(3).not_null()),
        ]);
        let output = Schema::new(vec![input.fields[0].clone(), input.fields[3].clone(), Field::new("c", TypeKind::BigInt.not_null())]);
        let spec = GroupAggregateSpec {
            keys: vec![0, 3],
            aggregates: vec![call("COUNT(*)", false, TypeKind::BigInt)],
            retracts: false,
            never_back: Vec::new(),
            mini_batch: None,
            window_end: Some(WindowEnd { key: 1, zone: None, hold, lateness_ms, assign: None }),
            state_ttl_ms: 0,
        };
        Self { input, node: node(OperatorSpec::GroupAggregate(spec), output) }
    }

    fn start(&self, restored: Vec<OperatorSnapshot>) -> Box<dyn Operator> {
        let environment = OperatorEnvironment { parallelism: 1, restored, ..OperatorEnvironment::default() };
        build(&self.node, std::slice::from_ref(&self.input), &environment).unwrap()
    }

    /// A row of `a` for each of these window ends.
    fn rows(&self, ends: &[i64]) -> RecordBatch {
        let rows: Vec<Row> = ends.iter().map(|_| (ADD, Some("a"), Some(1), 0)).collect();
        let mut columns = batch(&rows, false).columns().to_vec();
        columns.push(Arc::new(TimestampMillisecondArray::from(ends.to_vec())));
        RecordBatch::try_new(self.input.to_arrow(), columns).unwrap()
    }
}

#[test]
fn a_window_that_fires_early_speaks_with_every_row_until_the_watermark_closes_it() {
    let counts = WindowCounts::new(false, 0);
    let (start, rows) = (|restored| counts.start(restored), |ends: &[i64]| counts.rows(ends));
    let context = OperatorContext { now: 0, split: None };
    let (mut operator, mut out) = (start(Vec::new()), Vec::new());
    operator.on_batch(&context, 0, rows(&[10, 20, 10]), &mut out).unwrap();
    assert_eq!(told(&out), ["+I a 10 1", "+I a 20 1", "-U a 10 1", "+U a 10 2"]);
    out.clear();
    operator.on_watermark(&context, Watermark(9), &mut out).unwrap();
    assert_eq!(told(&out), [""; 0], "all has been said");
    let snapshot = operator.snapshot().unwrap();
    let mut operator = start(vec![snapshot]);
    operator.on_batch(&context, 0, rows(&[10, 20]), &mut out).unwrap();
    assert_eq!(told(&out), ["-U a 20 1", "+U a 20 2"]);
    assert_eq!(operator.metrics().late_records, 1);
    operator.on_watermark(&context, Watermark(19), &mut out).unwrap();
    assert!(operator.snapshot().unwrap().keyed.is_empty(), "nothing is left of windows that are over");
}

#[test]
fn a_window_that_fires_late_is_held_until_it_is_over_and_speaks_with_every_late_row() {
    let counts = WindowCounts::new(true, 5);
    let (start, rows) = (|restored| counts.start(restored), |ends: &[i64]| counts.rows(ends));
    let context = OperatorContext { now: 0, split: None };
    let (mut operator, mut out) = (start(Vec::new()), Vec::new());
    operator.on_batch(&context, 0, rows(&[20, 10, 10]), &mut out).unwrap();
    assert_eq!(told(&out), [""; 0], "no window is over");
    let mut operator = start(vec![operator.snapshot().unwrap()]);
    operator.on_watermark(&context, Watermark(9), &mut out).unwrap();
    assert_eq!(told(&out), ["+I a 10 2"]);
    out.clear();
    // What has spoken is part of the state: restored, it does not begin anew.
    let mut operator = start(vec![operator.snapshot().unwrap()]);
    operator.on_batch(&context, 0, rows(&[10, 20, 9]), &mut out).unwrap();
    assert_eq!(told(&out), ["-U a 10 2", "+U a 10 3", "+I a 9 1"]);
    out.clear();
    operator.on_watermark(&context, Watermark(14), &mut out).unwrap();
    operator.on_batch(&context, 0, rows(&[10]), &mut out).unwrap();
    assert_eq!(told(&out), [""; 0], "its lateness is over too");
    assert_eq!(operator.metrics().late_records, 1);
    operator.on_watermark(&context, Watermark(24), &mut out).unwrap();
    assert_eq!(told(&out), ["+I a 20 2"]);
    assert!(operator.snapshot().unwrap().keyed.is_empty(), "nothing is left of windows that are over");
}

/// ChangelogNormalize by key.
fn normalize(update_before: bool, state_ttl_ms: u64) -> OperatorNode {
    node(OperatorSpec::ChangelogNormalize(NormalizeSpec { keys: vec![0], update_before, state_ttl_ms }), schema())
}

#[test]
fn normalized_rows_are_added_changed_and_taken_back_as_they_were() {
    let a = |kind, value| (kind, Some("a"), value, 0);
    let rows = [
        a(GONE, None),
        a(AFTER, Some(1)),
        a(AFTER, Some(1)),
        a(AFTER, Some(2)),
        (GONE, Some("a"), None, 7),
        a(GONE, None),
        a(ADD, Some(3)),
        a(ADD, Some(4)),
        a(BEFORE, Some(9)),
    ];
    let both = ["+I a 1 0", "-U a 1 0", "+U a 2 0", "-D a 2 0", "+I a 3 0", "-U a 3 0", "+U a 4 0", "-D a 4 0"];
    assert_eq!(Cluster::new(normalize(true, 0), &[0]).rows(&rows, true), both);
    let after: Vec<&str> = both.into_iter().filter(|line| !line.starts_with("-U")).collect();
    assert_eq!(Cluster::new(normalize(false, 0), &[0]).rows(&rows, true), after);
}

#[test]
fn with_a_ttl_an_equal_row_is_said_again_and_a_forgotten_one_is_new() {
    let mut cluster = Cluster::new(normalize(true, 1_000), &[0]);
    let row = [(AFTER, Some("a"), Some(1), 0)];
    assert_eq!(cluster.rows(&row, true), ["+I a 1 0"]);
    assert_eq!(cluster.rows(&row, true), ["-U a 1 0", "+U a 1 0"]);
    cluster.now = 5_000;
    cluster.rescale(2);
    assert_eq!(cluster.rows(&[(GONE, Some("a"), None, 0)], true), Vec::<String>::new());
    assert_eq!(cluster.rows(&row, true), ["+I a 1 0"]);
}

#[test]
fn old_contents_are_dropped_and_nothing_else() {
    let mut cluster = Cluster::new(node(OperatorSpec::DropUpdateBefore, schema()), &[0]);
    let a = |kind, value| (kind, Some("a"), Some(value), 0);
    assert_eq!(cluster.rows(&[a(ADD, 1), a(BEFORE, 1), a(AFTER, 2), a(GONE, 2)], true), ["+I a 1 0", "+U a 2 0", "-D a 2 0"]);
    assert_eq!(cluster.rows(&[a(BEFORE, 1)], true), Vec::<String>::new());
}

proptest! {
    #[test]
    fn normalized_changes_add_up_to_the_last_row_of_each_key(
        rows in prop::collection::vec((0..4u8, prop::sample::select(vec![Some("a"), Some("b"), None]), prop::option::of(-3..4i32)), 1..60),
        cut in 1..9usize,
    ) {
        let all: Vec<Row> = rows.iter().map(|(kind, key, value)| (*kind, *key, *value, 0)).collect();
        let mut cluster = Cluster::new(normalize(true, 0), &[0]);
        let mut lines = Vec::new();
        for (at, rows) in all.chunks(cut).enumerate() {
            lines.extend(cluster.rows(rows, true));
            cluster.rescale([1, 3, 2][at % 3]);
        }
        let mut last: BTreeMap<Option<&str>, Option<i32>> = BTreeMap::new();
        for (kind, key, value) in rows {
            if kind == ADD || kind == AFTER { last.insert(key, value); } else { last.remove(&key); }
        }
        let mut expected: Vec<String> = last.into_iter().map(|(key, value)| format!("{} {} 0", text(key), text(value))).collect();
        expected.sort();
        prop_assert_eq!(applied(&lines), expected);
    }
}

/// SinkMaterializer by `k`; rows are told apart by `side`, or by nothing.
fn materializer(upsert_key: &[usize]) -> OperatorNode {
    let spec = MaterializeSpec { keys: vec![0], upsert_key: upsert_key.to_vec(), state_ttl_ms: 0 };
    node(OperatorSpec::SinkMaterializer(spec), schema())
}

#[test]
fn a_sinks_key_is_the_last_of_its_rows_that_is_left() {
    let a = |kind, value, side| (kind, Some("a"), Some(value), side);
    let rows = [
        a(ADD, 1, 1),
        a(ADD, 2, 2),
        // Not the last one: nothing changes.
        a(GONE, 1, 1),
        a(ADD, 3, 3),
        // The last one: the one before is the key's row again.
        a(BEFORE, 3, 3),
        a(GONE, 9, 9),
        a(GONE, 2, 2),
    ];
    for upsert_key in [&[][..], &[2]] {
        let mut cluster = Cluster::new(materializer(upsert_key), &[0]);
        let mut lines = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            lines.extend(cluster.rows(&[*row], true));
            cluster.rescale([1, 3, 2][at % 3]);
        }
        assert_eq!(lines, ["+I a 1 1", "+U a 2 2", "+U a 3 3", "+U a 2 2", "-D a 2 2"], "{upsert_key:?}");
    }
    // With a key of its own a row is replaced where it stands.
    let mut cluster = Cluster::new(materializer(&[2]), &[0]);
    let lines = cluster.rows(&[a(ADD, 1, 1), a(ADD, 2, 2), a(AFTER, 5, 1), a(GONE, 7, 2), a(GONE, 5, 1)], true);
    assert_eq!(lines, ["+I a 1 1", "+U a 2 2", "+U a 5 1", "+U a 5 1", "-D a 5 1"]);
}
