//! The operators that keep rows until time says their order: OVER, ORDER BY time, ranks within windows.

use irmak_common::call_spec::{AggregateCall, SortKey};
use irmak_common::job_graph::OperatorNode;
use irmak_common::operator_spec::{OperatorSpec, OverFrame, OverSpec, WindowRankSpec};
use irmak_common::types::{Field, TypeKind};
use proptest::prelude::*;

use crate::harness::*;

fn sum() -> AggregateCall {
    call("SUM", Some(NUMBER), TypeKind::Int)
}

fn over(frame: OverFrame, time: Option<usize>, aggregates: Vec<AggregateCall>) -> OperatorNode {
    let mut schema = input();
    schema.fields.extend(aggregates.iter().map(|call| Field::new(&call.name, call.ty.clone())));
    node(OperatorSpec::Over(OverSpec { partition_by: vec![KEY], time, frame, aggregates, state_ttl_ms: 0 }), schema)
}

fn ascending(column: usize) -> SortKey {
    SortKey { column, descending: false, nulls_first: true }
}

fn descending(column: usize) -> SortKey {
    SortKey { column, descending: true, nulls_first: false }
}

/// Rows of this number and time, all of one key.
fn rows(of: &[(i32, i64)]) -> Step {
    Step::Rows(of.iter().map(|&(number, time)| row("a", number, time)).collect())
}

#[test]
fn rows_of_one_time_share_a_result_over_range_and_not_over_rows() {
    let script = [rows(&[(1, 5), (2, 5), (4, 3)]), Step::Watermark(5), rows(&[(8, 6)]), Step::Watermark(9)];
    let range = ["a 4 - - 3 3 4", "a 1 - - 5 5 7", "a 2 - - 5 5 7", "--- 5", "a 8 - - 6 6 15", "--- 9"];
    check(over(OverFrame::RangeUnbounded, Some(TIME), vec![sum()]), &script, &range);
    let by_rows = ["a 4 - - 3 3 4", "a 1 - - 5 5 5", "a 2 - - 5 5 7", "--- 5", "a 8 - - 6 6 15", "--- 9"];
    check(over(OverFrame::RowsUnbounded, Some(TIME), vec![sum()]), &script, &by_rows);
}

#[test]
fn frames_reach_back_through_a_restart() {
    let script =
        [rows(&[(1, 1), (2, 2), (4, 4)]), Step::Watermark(3), Step::Rescale(4), rows(&[(8, 5)]), Step::Rescale(2), Step::Watermark(5)];
    let two = ["a 1 - - 1 1 1", "a 2 - - 2 2 3", "--- 3", "a 4 - - 4 4 6", "a 8 - - 5 5 12", "--- 5", "--- 5"];
    check(over(OverFrame::Rows { preceding: 1 }, Some(TIME), vec![sum()]), &script, &two);
    let range = ["a 1 - - 1 1 1", "a 2 - - 2 2 3", "--- 3", "a 4 - - 4 4 6", "a 8 - - 5 5 12", "--- 5", "--- 5"];
    check(over(OverFrame::Range { preceding_ms: 2 }, Some(TIME), vec![sum()]), &script, &range);
}

#[test]
fn what_the_watermark_has_passed_is_late_over_all_rows() {
    let mut cluster = Cluster::new(over(OverFrame::RowsUnbounded, Some(TIME), vec![sum()]), 1).unwrap();
    cluster.watermark(10).unwrap();
    cluster.rows(&[row("a", 1, 10), row("a", 2, 11)]).unwrap();
    assert_eq!((cluster.late(), render(&cluster.watermark(11).unwrap())), (1, vec!["a 2 - - 11 11 2".into(), "--- 11".into()]));
}

#[test]
fn only_what_a_key_has_said_already_is_late_over_some_rows() {
    let mut cluster = Cluster::new(over(OverFrame::Rows { preceding: 1 }, Some(TIME), vec![sum()]), 1).unwrap();
    cluster.rows(&[row("a", 1, 5)]).unwrap();
    cluster.watermark(10).unwrap();
    cluster.rows(&[row("a", 2, 5), row("a", 4, 6)]).unwrap();
    assert_eq!((cluster.late(), render(&cluster.watermark(11).unwrap())), (1, vec!["a 4 - - 6 6 5".into(), "--- 11".into()]));
}

#[test]
fn a_key_over_time_is_forgotten_when_nothing_comes() {
    let mut cluster = Cluster::new(over(OverFrame::Range { preceding_ms: 10 }, Some(TIME), vec![sum()]), 1).unwrap();
    cluster.rows(&[row("a", 1, 5)]).unwrap();
    cluster.watermark(20).unwrap();
    let held = |cluster: &mut Cluster| cluster.rescale(1).unwrap().iter().map(|snapshot| snapshot.size()).sum::<u64>();
    let before = held(&mut cluster);
    cluster.watermark(21).unwrap();
    assert!(held(&mut cluster) < before);
}

#[test]
fn lag_looks_back_and_keeps_no_more_than_it_needs() {
    let mut lag = call("LAG", Some(NUMBER), TypeKind::Int);
    lag.name = "lag".into();
    check(
        over(OverFrame::RangeUnbounded, Some(TIME), vec![lag]),
        &[rows(&[(1, 1), (2, 2)]), Step::Watermark(2), Step::Rescale(1), rows(&[(3, 3)]), Step::Watermark(3)],
        &["a 1 - - 1 1 -", "a 2 - - 2 2 1", "--- 2", "a 3 - - 3 3 2", "--- 3"],
    );
}

#[test]
fn rows_of_one_time_share_their_place() {
    let calls = || ["RANK", "DENSE_RANK"].map(|function| call(function, Some(TIME), TypeKind::BigInt)).to_vec();
    check(
        over(OverFrame::RangeUnbounded, Some(TIME), calls()),
        &[rows(&[(1, 5), (2, 5), (4, 3)]), Step::Watermark(5), Step::Rescale(1), rows(&[(8, 6), (9, 6), (16, 9)]), Step::Watermark(9)],
        &[
            "a 4 - - 3 3 1 1",
            "a 1 - - 5 5 2 2",
            "a 2 - - 5 5 2 2",
            "--- 5",
            "a 8 - - 6 6 4 3",
            "a 9 - - 6 6 4 3",
            "a 16 - - 9 9 6 4",
            "--- 9",
        ],
    );
    // By the clock no two rows are of one time.
    let numbers = ["RANK", "DENSE_RANK"].map(|function| call(function, None, TypeKind::BigInt)).to_vec();
    let lines = ["a 1 - - 0 0 1 1", "a 2 - - 0 0 2 2"];
    check(over(OverFrame::RangeUnbounded, None, numbers), &[Step::Clock(100), rows(&[(1, 0), (2, 0)])], &lines);
}

#[test]
fn processing_time_says_rows_as_they_come() {
    let script = [Step::Clock(100), rows(&[(1, 0), (2, 0)]), Step::Clock(105), rows(&[(4, 0)]), Step::Clock(200), rows(&[(8, 0)])];
    check(
        over(OverFrame::Range { preceding_ms: 10 }, None, vec![sum()]),
        &script,
        &["a 1 - - 0 0 3", "a 2 - - 0 0 3", "a 4 - - 0 0 7", "a 8 - - 0 0 8"],
    );
    check(
        over(OverFrame::RangeUnbounded, None, vec![sum()]),
        &script,
        &["a 1 - - 0 0 1", "a 2 - - 0 0 3", "a 4 - - 0 0 7", "a 8 - - 0 0 15"],
    );
}

#[test]
fn a_null_time_is_refused_in_words() {
    let mut cluster = Cluster::new(over(OverFrame::RowsUnbounded, Some(TIME), vec![sum()]), 1).unwrap();
    let error = cluster.rows(&[Row { time: None, ..row("a", 1, 1) }]).unwrap_err();
    assert!(error.to_string().contains("`ts`"), "{error}");
}

/// What comes out in the end, sorted, when these rows come in batches with restarts between them.
fn outcome(node: OperatorNode, batches: &[Vec<(u8, i32, i64)>], parallelism: &[u32]) -> Vec<String> {
    let mut cluster = Cluster::new(node, 1).unwrap();
    let mut lines = Vec::new();
    for (at, batch) in batches.iter().enumerate() {
        let rows: Vec<Row> = batch.iter().map(|&(key, number, time)| row(&key.to_string(), number, time)).collect();
        lines.extend(render(&cluster.rows(&rows).unwrap()));
        lines.extend(render(&cluster.watermark(at as i64 * 7).unwrap()));
        if let Some(&parallelism) = parallelism.get(at) {
            cluster.rescale(parallelism).unwrap();
        }
    }
    lines.extend(render(&cluster.watermark(i64::MAX).unwrap()));
    lines.retain(|line| !line.starts_with("---"));
    lines.sort();
    lines
}

fn batches() -> impl Strategy<Value = Vec<Vec<(u8, i32, i64)>>> {
    prop::collection::vec(prop::collection::vec((0..3u8, -9..9i32, 1..60i64), 0..12), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn restarts_and_parallelism_change_nothing(batches in batches(), parallelism in prop::collection::vec(1..5u32, 0..8), which in 0..4usize) {
        let frame = [OverFrame::RowsUnbounded, OverFrame::RangeUnbounded, OverFrame::Rows { preceding: 2 }, OverFrame::Range { preceding_ms: 9 }][which];
        let node = || over(frame, Some(TIME), usual_calls());
        prop_assert_eq!(outcome(node(), &batches, &parallelism), outcome(node(), &batches, &[]));
        prop_assert_eq!(outcome(rank(2), &batches, &parallelism), outcome(rank(2), &batches, &[]));
    }

    #[test]
    fn frames_hold_what_a_model_says(rows in prop::collection::vec((0..3u8, -9..9i32, 1..60i64), 0..40), which in 0..4usize) {
        let frame = [OverFrame::RowsUnbounded, OverFrame::RangeUnbounded, OverFrame::Rows { preceding: 2 }, OverFrame::Range { preceding_ms: 9 }][which];
        let mut sorted: Vec<(usize, &(u8, i32, i64))> = rows.iter().enumerate().collect();
        sorted.sort_by_key(|(at, row)| (row.2, *at));
        let mut expected: Vec<String> = sorted.iter().enumerate().map(|(at, (_, row))| {
            let of_key: Vec<usize> = (0..sorted.len()).filter(|other| sorted[*other].1.0 == row.0).collect();
            let place = of_key.iter().position(|other| *other == at).unwrap();
            let frame = of_key.iter().enumerate().filter(|(other, index)| {
                let time = sorted[**index].1.2;
                match frame {
                    OverFrame::RowsUnbounded => *other <= place,
                    OverFrame::RangeUnbounded => time <= row.2,
                    OverFrame::Rows { preceding } => *other <= place && other + preceding as usize >= place,
                    OverFrame::Range { preceding_ms } => time <= row.2 && time >= row.2 - preceding_ms,
                }
            });
            let numbers: Vec<i32> = frame.map(|(_, index)| sorted[*index].1.1).collect();
            let of = |pick: fn(&[i32]) -> Option<i32>| pick(&numbers).unwrap_or_default();
            let different = numbers.iter().collect::<std::collections::BTreeSet<_>>().len();
            format!(
                "{} {} - - {} {} {} {} {} {} {} {different}",
                row.0, row.1, row.2, row.2,
                numbers.iter().sum::<i32>(),
                of(|all| all.iter().min().copied()),
                of(|all| all.iter().max().copied()),
                of(|all| all.first().copied()),
                of(|all| all.last().copied()),
            )
        }).collect();
        expected.sort();
        let named = |function: &str| AggregateCall { name: function.to_lowercase(), ..call(function, Some(NUMBER), TypeKind::Int) };
        let mut calls: Vec<AggregateCall> = ["SUM", "MIN", "MAX", "FIRST_VALUE", "LAST_VALUE"].into_iter().map(named).collect();
        calls.push(AggregateCall { distinct: true, ..call("COUNT", Some(NUMBER), TypeKind::BigInt) });
        // In two pieces, so that the second slides on from what the first has left.
        let half = rows.len() / 2;
        prop_assert_eq!(outcome(over(frame, Some(TIME), calls.clone()), std::slice::from_ref(&rows), &[]), expected.clone());
        let earlier = rows[..half].iter().map(|row| row.2).max().unwrap_or(0);
        if rows[half..].iter().all(|row| row.2 > earlier) {
            prop_assert_eq!(outcome(over(frame, Some(TIME), calls), &[rows[..half].to_vec(), rows[half..].to_vec()], &[2]), expected);
        }
    }
}

#[test]
fn rows_leave_in_order_of_time_then_of_the_further_columns() {
    let spec = OperatorSpec::TemporalSort { order_by: vec![ascending(TIME), descending(NUMBER)], processing_time: false };
    let mut cluster = Cluster::new(node(spec, input()), 1).unwrap();
    cluster.rows(&[row("a", 1, 5), row("b", 2, 5), row("c", 3, 4), row("d", 4, 9)]).unwrap();
    cluster.rescale(1).unwrap();
    assert_eq!(render(&cluster.watermark(6).unwrap()), ["c 3 - - 4 4", "b 2 - - 5 5", "a 1 - - 5 5", "--- 6"]);
    // Behind the watermark, but not behind what has left.
    cluster.rescale(1).unwrap();
    cluster.rows(&[row("e", 5, 6), row("f", 6, 5)]).unwrap();
    assert_eq!(
        (cluster.late(), render(&cluster.watermark(10).unwrap())),
        (1, vec!["e 5 - - 6 6".into(), "d 4 - - 9 9".into(), "--- 10".into()])
    );
}

/// The first `end` rows by number, greatest first, of windows that begin at `ts` and end at `mark`.
fn rank(end: u64) -> OperatorNode {
    window_rank(end, vec![descending(NUMBER)], false)
}

fn window_rank(end: u64, order_by: Vec<SortKey>, deduplicate: bool) -> OperatorNode {
    let spec = WindowRankSpec {
        window_start: TIME,
        window_end: MARK,
        zone: None,
        partition_by: vec![KEY],
        order_by,
        start: 1,
        end,
        number: true,
        deduplicate,
    };
    let mut schema = input();
    schema.fields.push(Field::new("rn", TypeKind::BigInt.not_null()));
    node(OperatorSpec::WindowRank(spec), schema)
}

fn in_window(key: &str, number: i32, text: &str, end: i64) -> Row {
    Row { text: Some(text.into()), mark: Some(end), ..row(key, number, 0) }
}

#[test]
fn a_window_says_its_first_rows_when_it_is_over_and_drops_late_ones() {
    let mut cluster = Cluster::new(rank(2), 1).unwrap();
    let rows = [in_window("a", 1, "x", 10), in_window("a", 3, "y", 10), in_window("a", 3, "z", 10), in_window("a", 2, "w", 20)];
    cluster.rows(&rows).unwrap();
    cluster.rescale(3).unwrap();
    cluster.rescale(1).unwrap();
    assert_eq!(render(&cluster.watermark(9).unwrap()), ["a 3 y - 0 10 1", "a 3 z - 0 10 2", "--- 9"]);
    cluster.rows(&[in_window("a", 9, "late", 10)]).unwrap();
    assert_eq!((cluster.late(), render(&cluster.watermark(19).unwrap())), (1, vec!["a 2 w - 0 20 1".into(), "--- 19".into()]));
}

#[test]
fn deduplication_keeps_the_first_or_last_to_arrive_of_one_time() {
    for (order, kept) in [(ascending(TIME), "x"), (descending(TIME), "y")] {
        let mut cluster = Cluster::new(window_rank(1, vec![order], true), 1).unwrap();
        cluster.rows(&[in_window("a", 1, "x", 10), in_window("a", 1, "y", 10)]).unwrap();
        assert_eq!(render(&cluster.watermark(9).unwrap()), [format!("a 1 {kept} - 0 10 1"), "--- 9".into()]);
    }
}
