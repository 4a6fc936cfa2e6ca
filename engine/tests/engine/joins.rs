//! Joins: tables of what comes and goes, and models that join from scratch.

use std::collections::BTreeMap;

use arrow::array::{ArrayRef, Int32Array, TimestampMillisecondArray, UInt8Array};
use arrow::datatypes::{DataType, Field as ArrowField, Schema as ArrowSchema};
use arrow::record_batch::RecordBatch;
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::{Element, ROW_KIND_COLUMN};
use irmak_common::expr::Expr;
use irmak_common::job_graph::OperatorNode;
use irmak_common::join_spec::{JoinKind, JoinSpec, JoinTiming};
use irmak_common::key_group::{KeyGroup, MaxParallelism};
use irmak_common::operator_spec::OperatorSpec;
use irmak_common::time::Watermark;
use irmak_common::types::{Field, Schema, TimeAttribute, TypeKind};
use irmak_engine::key::KeyEncoder;
use irmak_engine::operator::{Operator, OperatorContext};
use irmak_engine::{OperatorEnvironment, build};
use proptest::prelude::*;

use crate::harness::{node, render};

/// (row kind, key, value, time)
pub(crate) type Row = (u8, Option<i32>, i32, i64);

pub(crate) const INSERT: u8 = 0;
const BEFORE: u8 = 1;
const AFTER: u8 = 2;
pub(crate) const DELETE: u8 = 3;

/// `k INT, v INT, ts TIMESTAMP(3) *ROWTIME*, e TIMESTAMP(3)`: the end is that of the window of 10 ms.
fn schema() -> Schema {
    let rowtime = TypeKind::Timestamp { precision: 3, attribute: TimeAttribute::Rowtime };
    Schema::new(vec![
        Field::new("k", TypeKind::Int.nullable()),
        Field::new("v", TypeKind::Int.nullable()),
        Field::new("ts", rowtime.nullable()),
        Field::new("e", TypeKind::timestamp(3).nullable()),
    ])
}

fn batch(rows: &[Row], kinds: bool) -> RecordBatch {
    let mut columns: Vec<ArrayRef> = vec![
        std::sync::Arc::new(Int32Array::from_iter(rows.iter().map(|row| row.1))),
        std::sync::Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.2))),
        std::sync::Arc::new(TimestampMillisecondArray::from_iter_values(rows.iter().map(|row| row.3))),
        std::sync::Arc::new(TimestampMillisecondArray::from_iter_values(rows.iter().map(|row| row.3.div_euclid(10) * 10 + 10))),
    ];
    let mut fields: Vec<_> = schema().to_arrow().fields().iter().cloned().collect();
    if kinds {
        columns.push(std::sync::Arc::new(UInt8Array::from_iter_values(rows.iter().map(|row| row.0))));
        fields.push(std::sync::Arc::new(ArrowField::new(ROW_KIND_COLUMN, DataType::UInt8, false)));
    }
    RecordBatch::try_new(std::sync::Arc::new(ArrowSchema::new(fields)), columns).unwrap()
}

pub(crate) fn spec(kind: JoinKind, timing: JoinTiming, changelog: bool) -> JoinSpec {
    let windowed = matches!(timing, JoinTiming::Window { .. });
    let keys = if windowed { vec![0, 3] } else { vec![0] };
    let null_safe = vec![false; keys.len()];
    JoinSpec { kind, timing, keys: [keys.clone(), keys], null_safe, condition: None, changelog, state_ttl_ms: [0; 2] }
}

fn interval(lower: i64, upper: i64) -> JoinTiming {
    JoinTiming::Interval { times: [2, 2], lower, upper, rowtime: true }
}

fn window() -> JoinTiming {
    JoinTiming::Window { windows: [[3, 3], [3, 3]], rowtime: true, zone: None }
}

/// A join at some parallelism.
struct Joined {
    node: OperatorNode,
    subtasks: Vec<Box<dyn Operator>>,
    encoder: KeyEncoder,
    kinds: bool,
    now: i64,
}

impl Joined {
    fn new(spec: JoinSpec) -> Self {
        let nullable = |field: &Field| Field::new(&field.name, field.ty.with_nullable(true));
        let mut fields: Vec<Field> = schema().fields.iter().map(nullable).collect();
        if !spec.kind.left_only() {
            fields.extend(schema().fields.iter().map(nullable));
        }
        let encoder = KeyEncoder::new(&schema(), &spec.keys[0]).unwrap();
        let kinds = spec.changelog;
        let node = node(OperatorSpec::Join(spec), Schema::new(fields));
        let mut joined = Self { node, subtasks: Vec::new(), encoder, kinds, now: 0 };
        joined.start(1, &[]);
        joined
    }

    fn start(&mut self, parallelism: u32, restored: &[OperatorSnapshot]) {
        let environment = |subtask_index| OperatorEnvironment {
            subtask_index,
            parallelism,
            restored: restored.to_vec(),
            ..OperatorEnvironment::default()
        };
        self.subtasks = (0..parallelism).map(|index| build(&self.node, &[schema(), schema()], &environment(index)).unwrap()).collect();
    }

    fn rescale(&mut self, parallelism: u32) {
        let snapshots: Vec<OperatorSnapshot> = self.subtasks.iter_mut().map(|subtask| subtask.snapshot().unwrap()).collect();
        self.start(parallelism, &snapshots);
    }

    fn rows(&mut self, input: usize, rows: &[Row]) -> Vec<Element> {
        let mut hashes = Vec::new();
        self.encoder.hashes(&batch(rows, false), &mut hashes).unwrap();
        let (max, count) = (MaxParallelism::default(), self.subtasks.len() as u32);
        let mut out = Vec::new();
        for (index, subtask) in self.subtasks.iter_mut().enumerate() {
            let owned = rows.iter().zip(&hashes).filter(|(_, hash)| KeyGroup::of_hash(**hash, max).owner(count, max) == index as u32);
            let owned: Vec<Row> = owned.map(|(row, _)| *row).collect();
            if !owned.is_empty() {
                let context = OperatorContext { now: self.now, split: None };
                subtask.on_batch(&context, input, batch(&owned, self.kinds), &mut out).unwrap();
            }
        }
        out
    }

    fn watermark(&mut self, watermark: Watermark) -> Vec<Element> {
        let mut out = Vec::new();
        for subtask in &mut self.subtasks {
            subtask.on_watermark(&OperatorContext { now: 0, split: None }, watermark, &mut out).unwrap();
        }
        out
    }

    fn late(&self) -> u64 {
        self.subtasks.iter().map(|subtask| subtask.metrics().late_records).sum()
    }

    fn kept(&self) -> f64 {
        self.subtasks.iter().flat_map(|subtask| subtask.metrics().more).map(|(_, figure)| figure).sum()
    }
}

/// What a script does.
pub(crate) enum Step {
    Left(Vec<Row>),
    Right(Vec<Row>),
    Watermark(i64),
    End,
    Rescale(u32),
    Clock(i64),
}
use Step::{End, Left, Rescale, Right, Watermark as Mark};

/// Rows shown without their window's end: `k v ts | k v ts` and the row kind where there is one.
fn lines(elements: &[Element]) -> Vec<String> {
    let short = |line: String| -> String {
        let cells: Vec<&str> = line.split(' ').collect();
        match cells.len() {
            8 => format!("{} | {}", cells[..3].join(" "), cells[4..7].join(" ")),
            9 => format!("{} {} | {}", sign(cells[8]), cells[..3].join(" "), cells[4..7].join(" ")),
            4 if cells[0] != "---" => cells[..3].join(" "),
            5 => format!("{} {}", sign(cells[4]), cells[..3].join(" ")),
            _ => line,
        }
    };
    render(elements).into_iter().map(short).collect()
}

fn sign(kind: &str) -> &str {
    ["+I", "-U", "+U", "-D"][kind.parse::<usize>().unwrap()]
}

#[track_caller]
pub(crate) fn check(spec: JoinSpec, script: Vec<Step>, expected: &[&str]) {
    let mut joined = Joined::new(spec);
    let mut found = Vec::new();
    for step in script {
        let out = match step {
            Left(rows) => joined.rows(0, &rows),
            Right(rows) => joined.rows(1, &rows),
            Mark(watermark) => joined.watermark(Watermark(watermark)),
            End => joined.watermark(Watermark::MAX),
            Rescale(parallelism) => {
                joined.rescale(parallelism);
                Vec::new()
            }
            Step::Clock(now) => {
                joined.now = now;
                Vec::new()
            }
        };
        found.extend(lines(&out).into_iter().filter(|line| !line.starts_with("---")));
    }
    assert_eq!(found, expected);
}

pub(crate) fn row(key: i32, value: i32) -> Row {
    (INSERT, Some(key), value, 0)
}

fn at(key: i32, value: i32, time: i64) -> Row {
    (INSERT, Some(key), value, time)
}

#[test]
fn an_inner_join_of_inserts_only_inserts() {
    check(
        spec(JoinKind::Inner, JoinTiming::Always, false),
        vec![Left(vec![row(1, 10), row(2, 20)]), Right(vec![row(1, 5), row(1, 6), row(3, 7)]), Left(vec![row(3, 30), row(3, 30)])],
        &["1 10 0 | 1 5 0", "1 10 0 | 1 6 0", "3 30 0 | 3 7 0", "3 30 0 | 3 7 0"],
    );
}

#[test]
fn nulls_meet_nulls_only_where_they_are_safe() {
    let null: Row = (INSERT, None, 1, 0);
    let script = || vec![Left(vec![null]), Right(vec![null])];
    check(spec(JoinKind::Inner, JoinTiming::Always, false), script(), &[]);
    let mut safe = spec(JoinKind::Inner, JoinTiming::Always, false);
    safe.null_safe = vec![true];
    check(safe, script(), &["- 1 0 | - 1 0"]);
}

#[test]
fn a_left_join_takes_back_the_row_that_stood_alone() {
    check(
        spec(JoinKind::Left, JoinTiming::Always, true),
        vec![
            Left(vec![row(1, 10), (INSERT, None, 9, 0)]),
            Right(vec![row(1, 5), row(1, 6)]),
            Right(vec![(DELETE, Some(1), 5, 0), (DELETE, Some(1), 6, 0)]),
        ],
        &[
            "+I 1 10 0 | - - -",
            "+I - 9 0 | - - -",
            "-D 1 10 0 | - - -",
            "+I 1 10 0 | 1 5 0",
            "+I 1 10 0 | 1 6 0",
            "-D 1 10 0 | 1 5 0",
            "-D 1 10 0 | 1 6 0",
            "+I 1 10 0 | - - -",
        ],
    );
}

#[test]
fn an_inner_join_passes_on_the_kinds_of_updates() {
    check(
        spec(JoinKind::Inner, JoinTiming::Always, true),
        vec![Left(vec![row(1, 10)]), Right(vec![row(1, 5)]), Left(vec![(BEFORE, Some(1), 10, 0), (AFTER, Some(1), 11, 0)])],
        &["+I 1 10 0 | 1 5 0", "-U 1 10 0 | 1 5 0", "+U 1 11 0 | 1 5 0"],
    );
}

#[test]
fn a_full_join_pads_both_sides_and_a_right_join_the_right_one() {
    let script = || vec![Left(vec![row(1, 10)]), Right(vec![row(2, 5)]), Rescale(2), Left(vec![row(2, 20)])];
    let padded = ["+I 1 10 0 | - - -", "+I - - - | 2 5 0", "-D - - - | 2 5 0", "+I 2 20 0 | 2 5 0"];
    check(spec(JoinKind::Full, JoinTiming::Always, true), script(), &padded);
    check(spec(JoinKind::Right, JoinTiming::Always, true), script(), &padded[1..]);
}

#[test]
fn semi_and_anti_follow_the_number_of_partners() {
    let script = || {
        vec![
            Left(vec![row(1, 10), row(2, 20)]),
            Right(vec![row(1, 5), row(1, 6)]),
            Rescale(3),
            Right(vec![(DELETE, Some(1), 5, 0)]),
            Right(vec![(DELETE, Some(1), 6, 0)]),
        ]
    };
    check(spec(JoinKind::Semi, JoinTiming::Always, true), script(), &["+I 1 10 0", "-D 1 10 0"]);
    check(spec(JoinKind::Anti, JoinTiming::Always, true), script(), &["+I 1 10 0", "+I 2 20 0", "-D 1 10 0", "+I 1 10 0"]);
}

#[test]
fn a_condition_decides_on_pairs_of_equal_keys() {
    let mut larger = spec(JoinKind::Left, JoinTiming::Always, true);
    let int = || TypeKind::Int.nullable();
    larger.condition = Some(Expr::call("<", vec![Expr::column(1, int()), Expr::column(5, int())], TypeKind::Boolean.nullable()));
    check(
        larger,
        vec![Left(vec![row(1, 10)]), Right(vec![row(1, 5)]), Right(vec![row(1, 15), row(1, 16)])],
        &["+I 1 10 0 | - - -", "-D 1 10 0 | - - -", "+I 1 10 0 | 1 15 0", "+I 1 10 0 | 1 16 0"],
    );
}

#[test]
fn both_bounds_of_an_interval_are_inclusive() {
    check(
        spec(JoinKind::Inner, interval(0, 8), false),
        vec![Right(vec![at(1, 1, 10), at(2, 1, 10)]), Left(vec![at(1, 1, 9), at(1, 2, 10), at(1, 3, 18), at(1, 4, 19)])],
        &["1 2 10 | 1 1 10", "1 3 18 | 1 1 10"],
    );
}

#[test]
fn a_row_without_partner_comes_out_when_nobody_can_come_any_more() {
    check(
        spec(JoinKind::Full, interval(0, 8), false),
        vec![
            Left(vec![at(1, 1, 10), at(2, 2, 10)]),
            Right(vec![at(1, 3, 5), at(3, 4, 10)]),
            Mark(14),
            Rescale(2),
            Mark(15),
            Mark(22),
            Mark(23),
            End,
        ],
        // Left rows wait for right ones up to their own time, right rows for left ones 8 ms longer; the timer is half the interval late.
        &["1 1 10 | 1 3 5", "2 2 10 | - - -", "- - - | 3 4 10"],
    );
}

#[test]
fn an_interval_join_lets_go_of_what_is_over_and_holds_event_time_back() {
    let mut joined = Joined::new(spec(JoinKind::Inner, interval(-5, 5), false));
    joined.rows(0, &[at(1, 1, 10), at(2, 1, 20)]);
    joined.rows(1, &[at(3, 1, 10)]);
    assert_eq!(lines(&joined.watermark(Watermark(21))), ["--- 16"]);
    assert!(joined.kept() == 1.0, "{}", joined.kept());
    assert_eq!(lines(&joined.watermark(Watermark::MAX)), ["--- end of time"]);
    assert!(joined.kept() == 0.0);
}

#[test]
fn windows_are_joined_when_they_are_over() {
    let script = || {
        vec![
            Left(vec![at(1, 1, 1), at(1, 2, 2), at(1, 3, 11), at(2, 4, 3)]),
            Right(vec![at(1, 5, 9), at(1, 6, 10), at(3, 7, 4)]),
            Mark(8),
            Rescale(2),
            Mark(9),
            Left(vec![at(1, 8, 5)]),
            End,
        ]
    };
    let sorted = |kind, mut expected: Vec<&str>| {
        let mut joined = Joined::new(spec(kind, window(), false));
        let mut found = Vec::new();
        for step in script() {
            found.extend(lines(&match step {
                Left(rows) => joined.rows(0, &rows),
                Right(rows) => joined.rows(1, &rows),
                Mark(watermark) => joined.watermark(Watermark(watermark)),
                End => joined.watermark(Watermark::MAX),
                Rescale(parallelism) => {
                    joined.rescale(parallelism);
                    Vec::new()
                }
                Step::Clock(now) => {
                    joined.now = now;
                    Vec::new()
                }
            }));
        }
        found.retain(|line| !line.starts_with("---"));
        found.sort();
        expected.sort_unstable();
        assert_eq!(found, expected, "{kind:?}");
        assert_eq!(joined.late(), 1);
        assert!(joined.kept() == 0.0);
    };
    let inner = ["1 1 1 | 1 5 9", "1 2 2 | 1 5 9", "1 3 11 | 1 6 10"];
    let (left, right) = (["2 4 3 | - - -"], ["- - - | 3 7 4"]);
    sorted(JoinKind::Inner, inner.to_vec());
    sorted(JoinKind::Left, [&inner[..], &left].concat());
    sorted(JoinKind::Right, [&inner[..], &right].concat());
    sorted(JoinKind::Full, [&inner[..], &left, &right].concat());
    sorted(JoinKind::Semi, vec!["1 1 1", "1 2 2", "1 3 11"]);
    sorted(JoinKind::Anti, vec!["2 4 3"]);
}

#[test]
fn a_left_row_meets_the_version_that_held_at_its_time() {
    let version = JoinTiming::Version { times: [2, 2] };
    let script = || {
        vec![
            Left(vec![at(1, 1, 4), at(1, 2, 5), at(1, 3, 12), at(2, 4, 5), at(1, 5, 30)]),
            Right(vec![at(1, 50, 5), at(1, 60, 10), (DELETE, Some(1), 60, 20)]),
            Mark(4),
            Rescale(2),
            Mark(12),
            End,
        ]
    };
    let all = ["+I 1 1 4 | - - -", "+I 1 2 5 | 1 50 5", "+I 2 4 5 | - - -", "+I 1 3 12 | 1 60 10", "+I 1 5 30 | - - -"];
    let run = |kind| {
        let mut joined = Joined::new(spec(kind, version.clone(), true));
        let mut found = Vec::new();
        for step in script() {
            found.extend(lines(&match step {
                Left(rows) => joined.rows(0, &rows),
                Right(rows) => joined.rows(1, &rows),
                Mark(watermark) => joined.watermark(Watermark(watermark)),
                End => joined.watermark(Watermark::MAX),
                Rescale(parallelism) => {
                    joined.rescale(parallelism);
                    Vec::new()
                }
                Step::Clock(now) => {
                    joined.now = now;
                    Vec::new()
                }
            }));
        }
        found.retain(|line| !line.starts_with("---"));
        found.sort();
        found
    };
    let mut expected: Vec<&str> = all.to_vec();
    expected.sort_unstable();
    assert_eq!(run(JoinKind::Left), expected);
    expected.retain(|line| !line.ends_with("- - -"));
    assert_eq!(run(JoinKind::Inner), expected);
}

#[test]
fn state_of_another_join_is_refused() {
    let mut joined = Joined::new(spec(JoinKind::Inner, JoinTiming::Always, false));
    joined.rows(0, &[row(1, 1)]);
    let snapshot = joined.subtasks[0].snapshot().unwrap();
    let other = Joined::new(spec(JoinKind::Inner, window(), false));
    let environment = OperatorEnvironment { parallelism: 1, restored: vec![snapshot], ..OperatorEnvironment::default() };
    let error = build(&other.node, &[schema(), schema()], &environment).err().unwrap();
    assert!(error.to_string().contains("another") || error.to_string().contains("other"), "{error}");
}

/// A changelog, applied.
fn apply(counts: &mut BTreeMap<String, i64>, elements: &[Element]) {
    for line in lines(elements) {
        let (kind, rest) = line.split_at(2);
        *counts.entry(rest.trim().to_owned()).or_default() += if kind == "+I" || kind == "+U" { 1 } else { -1 };
    }
    counts.retain(|_, count| *count != 0);
}

/// The join of two lists, from scratch.
fn model(kind: JoinKind, sides: [&[Row]; 2]) -> BTreeMap<String, i64> {
    let text = |row: &Row| format!("{} {} {}", row.1.map_or("-".into(), |key| key.to_string()), row.2, row.3);
    let meet = |left: &Row, right: &Row| left.1.is_some() && left.1 == right.1;
    let mut lines = Vec::new();
    for left in sides[0] {
        let partners: Vec<&Row> = sides[1].iter().filter(|right| meet(left, right)).collect();
        match kind {
            JoinKind::Semi | JoinKind::Anti => lines.extend((partners.is_empty() == (kind == JoinKind::Anti)).then(|| text(left))),
            _ => lines.extend(partners.iter().map(|right| format!("{} | {}", text(left), text(right)))),
        }
        if partners.is_empty() && kind.pads(0) {
            lines.push(format!("{} | - - -", text(left)));
        }
    }
    let lonely = sides[1].iter().filter(|right| kind.pads(1) && !sides[0].iter().any(|left| meet(left, right)));
    lines.extend(lonely.map(|right| format!("- - - | {}", text(right))));
    let mut counts = BTreeMap::new();
    lines.into_iter().for_each(|line| *counts.entry(line).or_default() += 1);
    counts
}

fn any_kind() -> impl Strategy<Value = JoinKind> {
    prop::sample::select(vec![JoinKind::Inner, JoinKind::Left, JoinKind::Right, JoinKind::Full, JoinKind::Semi, JoinKind::Anti])
}

proptest! {
    #[test]
    fn a_regular_join_is_always_the_join_of_what_is_there(
        kind in any_kind(),
        steps in prop::collection::vec((0..2usize, prop::collection::vec((any::<bool>(), prop::option::weighted(0.9, 0..3i32), 0..3i32), 1..8), 0..4u32), 1..12),
    ) {
        let mut joined = Joined::new(spec(kind, JoinTiming::Always, true));
        let mut there: [Vec<Row>; 2] = [Vec::new(), Vec::new()];
        let mut counts = BTreeMap::new();
        for (side, changes, rescale) in steps {
            let mut rows = Vec::new();
            for (add, key, value) in changes {
                let place = there[side].iter().position(|row| row.1 == key && row.2 == value);
                match place {
                    Some(place) if !add => {
                        there[side].remove(place);
                        rows.push((DELETE, key, value, 0));
                    }
                    _ => {
                        there[side].push((INSERT, key, value, 0));
                        rows.push((INSERT, key, value, 0));
                    }
                }
            }
            apply(&mut counts, &joined.rows(side, &rows));
            if rescale > 0 {
                joined.rescale(rescale);
            }
            prop_assert_eq!(&counts, &model(kind, [&there[0], &there[1]]));
        }
    }

    #[test]
    fn an_interval_join_of_rows_in_time_finds_every_pair_once(
        (lower, upper) in (-6..6i64, 0..6i64).prop_map(|(lower, more)| (lower, lower + more)),
        rows in prop::collection::vec((0..2usize, 0..2i32, 0..4i64, any::<bool>()), 1..40),
        kind in prop::sample::select(vec![JoinKind::Inner, JoinKind::Left, JoinKind::Right, JoinKind::Full]),
    ) {
        let mut joined = Joined::new(spec(kind, interval(lower, upper), false));
        let (mut time, mut out, mut there) = (0, Vec::new(), [Vec::new(), Vec::new()]);
        for (number, (side, key, step, mark)) in rows.into_iter().enumerate() {
            time += step;
            let row: Row = (INSERT, Some(key), number as i32, time);
            there[side].push(row);
            out.extend(joined.rows(side, &[row]));
            if mark {
                out.extend(joined.watermark(Watermark(time - 1)));
                joined.rescale(1 + number as u32 % 3);
            }
        }
        out.extend(joined.watermark(Watermark::MAX));
        let mut found: Vec<String> = lines(&out).into_iter().filter(|line| !line.starts_with("---")).collect();
        found.sort();
        let text = |row: &Row| format!("{} {} {}", row.1.unwrap(), row.2, row.3);
        let meet = |left: &Row, right: &Row| left.1 == right.1 && (lower..=upper).contains(&(left.3 - right.3));
        let mut expected = Vec::new();
        for left in &there[0] {
            let partners: Vec<&Row> = there[1].iter().filter(|right| meet(left, right)).collect();
            expected.extend(partners.iter().map(|right| format!("{} | {}", text(left), text(right))));
            if partners.is_empty() && kind.pads(0) {
                expected.push(format!("{} | - - -", text(left)));
            }
        }
        for right in there[1].iter().filter(|right| kind.pads(1) && !there[0].iter().any(|left| meet(left, right))) {
            expected.push(format!("- - - | {}", text(right)));
        }
        expected.sort();
        prop_assert_eq!(found, expected);
        prop_assert!(joined.kept() == 0.0);
    }
}

#[test]
fn in_batch_mode_every_kind_of_join_says_its_answer_once_at_the_end() {
    let null = |value| (INSERT, None, value, 0);
    let script = || {
        let early = [Left(vec![null(9), row(1, 11)]), Right(vec![null(8)]), Right(vec![row(1, 21), row(3, 23)])];
        early.into_iter().chain([Left(vec![row(2, 12), row(1, 13)]), Mark(50), Left(vec![row(4, 14)]), End]).collect::<Vec<_>>()
    };
    let pairs = ["1 11 0 | 1 21 0", "1 13 0 | 1 21 0"];
    let lefts = ["- 9 0 | - - -", "2 12 0 | - - -", "4 14 0 | - - -"];
    let rights = ["- - - | - 8 0", "- - - | 3 23 0"];
    for (kind, mut expected) in [
        (JoinKind::Inner, pairs.to_vec()),
        (JoinKind::Left, [&pairs[..], &lefts].concat()),
        (JoinKind::Right, [&pairs[..], &rights].concat()),
        (JoinKind::Full, [&pairs[..], &lefts, &rights].concat()),
        (JoinKind::Semi, vec!["1 11 0", "1 13 0"]),
        (JoinKind::Anti, vec!["- 9 0", "2 12 0", "4 14 0"]),
    ] {
        let mut joined = Joined::new(spec(kind, JoinTiming::AtEnd, false));
        let mut found = Vec::new();
        for step in script() {
            let out = match step {
                Left(rows) => joined.rows(0, &rows),
                Right(rows) => joined.rows(1, &rows),
                Mark(watermark) => joined.watermark(Watermark(watermark)),
                _ => {
                    assert!(found.is_empty(), "{kind:?} speaks before the end: {found:?}");
                    joined.watermark(Watermark::MAX)
                }
            };
            found.extend(lines(&out).into_iter().filter(|line| !line.starts_with("---")));
        }
        // Which key comes first is nobody's promise.
        found.sort();
        expected.sort_unstable();
        assert_eq!(found, expected, "{kind:?}");
    }
}

#[test]
fn a_window_join_brings_no_nulls_together() {
    let null: Row = (INSERT, None, 1, 0);
    let script = || vec![Left(vec![null]), Right(vec![null]), End];
    check(spec(JoinKind::Inner, window(), false), script(), &[]);
    check(spec(JoinKind::Full, window(), false), script(), &["- 1 0 | - - -", "- - - | - 1 0"]);
}
