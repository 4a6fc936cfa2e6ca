//! `table.exec.state.ttl`: what joins and OVER forget, and when, by a clock that the tests set.

use irmak_common::job_graph::OperatorNode;
use irmak_common::join_spec::{JoinKind, JoinSpec, JoinTiming};
use irmak_common::operator_spec::{OperatorSpec, OverFrame, OverSpec};
use irmak_common::types::{Field, TypeKind};

use crate::harness::{self, Cluster, KEY, NUMBER, TIME, call, input, node, render};
use crate::joins::{DELETE, INSERT, Row, Step, check, row, spec};

/// A join that lets go of rows after 10 ms.
fn forgets(kind: JoinKind, changelog: bool) -> JoinSpec {
    JoinSpec { state_ttl_ms: [10; 2], ..spec(kind, JoinTiming::Always, changelog) }
}

#[test]
fn a_row_meets_nobody_when_its_time_is_over() {
    let script = vec![
        Step::Clock(100),
        Step::Left(vec![row(1, 10)]),
        Step::Clock(109),
        Step::Right(vec![row(1, 5)]),
        Step::Clock(110),
        Step::Right(vec![row(1, 6)]),
        Step::Left(vec![row(1, 11)]),
    ];
    check(forgets(JoinKind::Inner, false), script, &["1 10 0 | 1 5 0", "1 11 0 | 1 5 0", "1 11 0 | 1 6 0"]);
}

#[test]
fn each_side_has_a_time_of_its_own() {
    let kept = JoinSpec { state_ttl_ms: [10, 0], ..spec(JoinKind::Inner, JoinTiming::Always, false) };
    let script = vec![
        Step::Clock(100),
        Step::Left(vec![row(1, 10)]),
        Step::Right(vec![row(2, 5)]),
        Step::Clock(500),
        Step::Right(vec![row(1, 6)]),
        Step::Left(vec![row(2, 11)]),
    ];
    check(kept, script, &["2 11 0 | 2 5 0"]);
}

#[test]
fn to_be_looked_at_does_not_prolong_a_row_and_to_get_a_partner_does_where_partners_are_counted() {
    let script = || {
        vec![
            Step::Clock(100),
            Step::Left(vec![row(1, 10)]),
            Step::Clock(108),
            Step::Right(vec![row(1, 5)]),
            Step::Clock(112),
            Step::Right(vec![row(1, 6)]),
        ]
    };
    check(forgets(JoinKind::Inner, false), script(), &["1 10 0 | 1 5 0"]);
    let padded = ["+I 1 10 0 | - - -", "-D 1 10 0 | - - -", "+I 1 10 0 | 1 5 0", "+I 1 10 0 | 1 6 0"];
    check(forgets(JoinKind::Left, true), script(), &padded);
}

#[test]
fn rows_that_are_just_alike_are_written_together() {
    let script = vec![
        Step::Clock(100),
        Step::Left(vec![row(1, 10)]),
        Step::Clock(106),
        Step::Left(vec![row(1, 10)]),
        Step::Clock(112),
        Step::Right(vec![row(1, 5)]),
        Step::Left(vec![(DELETE, Some(1), 10, 0)]),
        Step::Clock(120),
        Step::Right(vec![row(1, 6)]),
    ];
    let both = ["+I 1 10 0 | 1 5 0", "+I 1 10 0 | 1 5 0", "-D 1 10 0 | 1 5 0", "+I 1 10 0 | 1 6 0"];
    check(forgets(JoinKind::Inner, true), script, &both);
}

#[test]
fn what_takes_back_a_forgotten_row_finds_nothing_to_take_back() {
    let script = vec![
        Step::Clock(100),
        Step::Left(vec![row(1, 10)]),
        Step::Clock(130),
        Step::Left(vec![(DELETE, Some(1), 10, 0), row(1, 11)]),
        Step::Right(vec![row(1, 5)]),
    ];
    check(forgets(JoinKind::Inner, true), script, &["+I 1 11 0 | 1 5 0"]);
}

#[test]
fn semi_and_anti_joins_forget_as_well() {
    let script = || {
        vec![
            Step::Clock(100),
            Step::Right(vec![row(1, 5)]),
            Step::Left(vec![row(2, 20)]),
            Step::Clock(110),
            Step::Left(vec![row(1, 10)]),
            Step::Right(vec![row(2, 6)]),
        ]
    };
    check(forgets(JoinKind::Semi, true), script(), &[]);
    check(forgets(JoinKind::Anti, true), script(), &["+I 2 20 0", "+I 1 10 0"]);
}

#[test]
fn the_times_of_rows_survive_a_restart() {
    let script = vec![
        Step::Clock(100),
        Step::Left(vec![row(1, 10), row(2, 20)]),
        Step::Clock(105),
        Step::Left(vec![row(1, 11)]),
        Step::Rescale(3),
        Step::Clock(111),
        Step::Right(vec![row(1, 5), row(2, 5)]),
        Step::Rescale(1),
        Step::Clock(116),
        Step::Right(vec![row(1, 6), (INSERT, None, 1, 0)] as Vec<Row>),
    ];
    check(forgets(JoinKind::Inner, false), script, &["1 11 0 | 1 5 0"]);
}

fn over(frame: OverFrame, time: Option<usize>) -> OperatorNode {
    let aggregates = vec![call("SUM", Some(NUMBER), TypeKind::Int)];
    let mut schema = input();
    schema.fields.extend(aggregates.iter().map(|call| Field::new(&call.name, call.ty.clone())));
    node(OperatorSpec::Over(OverSpec { partition_by: vec![KEY], time, frame, aggregates, state_ttl_ms: 10 }), schema)
}

fn one(number: i32, time: i64) -> harness::Step {
    harness::Step::Rows(vec![harness::row("a", number, time)])
}

#[test]
fn a_key_over_all_rows_of_processing_time_begins_anew_when_nothing_came_for_its_time() {
    use harness::Step::{Clock, Rescale};
    let script = [Clock(100), one(1, 0), Clock(109), one(2, 0), Rescale(2), Clock(118), one(4, 0), Clock(128), one(8, 0)];
    let lines = ["a 1 - - 0 0 1", "a 2 - - 0 0 3", "a 4 - - 0 0 7", "a 8 - - 0 0 8"];
    harness::check(over(OverFrame::RangeUnbounded, None), &script, &lines);
}

#[test]
fn elsewhere_a_key_lives_half_its_time_longer_and_no_row_that_waits_is_lost() {
    use harness::Step::{Clock, Rescale, Watermark};
    let script = [Clock(100), one(1, 5), Clock(400), Watermark(5), Rescale(2), Clock(409), one(2, 6), Clock(500), Watermark(6), Clock(900)];
    let lines = ["a 1 - - 5 5 1", "--- 5", "a 2 - - 6 6 3", "--- 6", "--- 6"];
    harness::check(over(OverFrame::RangeUnbounded, Some(TIME)), &script, &lines);
    let script = [Clock(100), one(1, 0), Clock(114), one(2, 0), Clock(128), Rescale(2), Clock(129), one(4, 0)];
    harness::check(over(OverFrame::Rows { preceding: 5 }, None), &script, &["a 1 - - 0 0 1", "a 2 - - 0 0 3", "a 4 - - 0 0 4"]);
}

#[test]
fn keys_that_are_forgotten_leave_no_state() {
    let mut cluster = Cluster::new(over(OverFrame::RowsUnbounded, None), 1).unwrap();
    let size = |cluster: &mut Cluster| cluster.rescale(1).unwrap().iter().map(|snapshot| snapshot.size()).sum::<u64>();
    let empty = size(&mut cluster);
    cluster.now = 100;
    let many: Vec<harness::Row> = (0..3_000).map(|key| harness::row(&format!("k{key}"), 1, 0)).collect();
    cluster.rows(&many).unwrap();
    assert!(size(&mut cluster) > empty);
    cluster.clock(110).unwrap();
    cluster.rows(&[harness::row("k7", 5, 0)]).unwrap();
    cluster.clock(120).unwrap();
    assert_eq!(size(&mut cluster), empty);
    assert_eq!(render(&cluster.rows(&[harness::row("k7", 2, 0)]).unwrap()), ["k7 2 - - 0 0 2"]);
}
