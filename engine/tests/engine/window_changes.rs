//! Windows over streams that update: what they say is what windows over the rows that are left would say.

use irmak_common::element::RowKind;
use irmak_common::operator_spec::{WindowKind, WindowProperty, WindowStyle};
use irmak_common::types::TypeKind;
use proptest::prelude::*;

use crate::harness::*;

fn over_changes(kind: WindowKind, style: WindowStyle) -> irmak_common::job_graph::OperatorNode {
    window_node(irmak_common::operator_spec::WindowAggregateSpec { retracts: true, ..window(kind, style, usual_calls()) })
}

fn lines(elements: &[irmak_common::element::Element]) -> Vec<String> {
    render(elements).into_iter().filter(|line| !line.starts_with("---")).collect()
}

fn kinds() -> impl Strategy<Value = WindowKind> {
    prop_oneof![
        Just(WindowKind::Tumble { size: 10, offset: 3 }),
        Just(WindowKind::Hop { size: 20, slide: 5, offset: 0 }),
        Just(WindowKind::Cumulate { size: 30, step: 10, offset: 0 }),
    ]
}

proptest! {
    #[test]
    fn windows_over_changes_are_those_of_the_rows_that_are_left(
        kind in kinds(),
        style in prop_oneof![Just(WindowStyle::Group), Just(WindowStyle::TableFunction)],
        steps in prop::collection::vec((0..2u8, -4..5i32, 0..60i64, any::<prop::sample::Index>(), 0..5u8), 1..50),
        cut in 1..7usize,
    ) {
        let mut changing = Cluster::new(over_changes(kind.clone(), style), 1).unwrap();
        let (mut left, mut changes): (Vec<Row>, Vec<(RowKind, Row)>) = (Vec::new(), Vec::new());
        for (key, number, time, which, what) in steps {
            if what < 2 && !left.is_empty() {
                let gone = left.remove(which.index(left.len()));
                // The oldest of its kind goes: equal rows are one another's.
                changes.push((if what == 0 { RowKind::Delete } else { RowKind::UpdateBefore }, gone));
            } else {
                left.push(row(["a", "b"][key as usize], number, time));
                changes.push((if what == 2 { RowKind::Insert } else { RowKind::UpdateAfter }, left.last().unwrap().clone()));
            }
        }
        let mut found = Vec::new();
        for (at, some) in changes.chunks(cut).enumerate() {
            found.extend(lines(&changing.changes(some).unwrap()));
            changing.rescale([1, 3, 2][at % 3]).unwrap();
        }
        let half = 30;
        found.extend(lines(&changing.watermark(half).unwrap()));
        changing.rescale(2).unwrap();
        found.extend(lines(&changing.watermark(i64::MAX).unwrap()));
        let mut plain = Cluster::new(window_node(window(kind, style, usual_calls())), 1).unwrap();
        plain.rows(&left).unwrap();
        let mut expected = lines(&plain.watermark(half).unwrap());
        expected.extend(lines(&plain.watermark(i64::MAX).unwrap()));
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_group_that_was_taken_back_whole_says_nothing_and_late_changes_are_dropped() {
    let tumble = WindowKind::Tumble { size: 10, offset: 0 };
    let mut cluster = Cluster::new(over_changes(tumble, WindowStyle::Group), 1).unwrap();
    let (a, b) = (row("a", 1, 5), row("b", 2, 5));
    let script = [(RowKind::Insert, a.clone()), (RowKind::Insert, b.clone()), (RowKind::Delete, a), (RowKind::Delete, row("c", 1, 5))];
    cluster.changes(&script).unwrap();
    assert_eq!(lines(&cluster.watermark(9).unwrap()), ["b 1 2 2 2 2 0 10"]);
    cluster.changes(&[(RowKind::UpdateBefore, b.clone()), (RowKind::UpdateAfter, row("b", 3, 15))]).unwrap();
    assert_eq!(cluster.late(), 1);
    assert_eq!(lines(&cluster.watermark(19).unwrap()), ["b 1 3 3 3 3 10 20"]);
}

#[test]
fn windows_of_the_clock_take_changes_back_too() {
    let mut spec = window(WindowKind::Tumble { size: 1_000, offset: 0 }, WindowStyle::Group, vec![call("COUNT", None, TypeKind::BigInt)]);
    (spec.window.time, spec.retracts, spec.properties) = (None, true, vec![WindowProperty::End]);
    let mut cluster = Cluster::new(window_node(spec), 1).unwrap();
    cluster.now = 100;
    cluster.changes(&[(RowKind::Insert, row("a", 1, 0)), (RowKind::Insert, row("a", 2, 0)), (RowKind::Delete, row("a", 1, 0))]).unwrap();
    cluster.rescale(2).unwrap();
    assert_eq!(lines(&cluster.clock(999).unwrap()), [""; 0]);
    assert_eq!(lines(&cluster.clock(1_000).unwrap()), ["a 1 1000"]);
}

#[test]
fn a_table_function_passes_changes_on_with_their_windows() {
    let spec = window(WindowKind::Tumble { size: 10, offset: 0 }, WindowStyle::TableFunction, Vec::new()).window;
    let mut schema = input();
    for name in ["window_start", "window_end", "window_time"] {
        schema.fields.push(irmak_common::types::Field::new(name, TypeKind::timestamp(3).not_null()));
    }
    let mut cluster = Cluster::new(node(irmak_common::operator_spec::OperatorSpec::WindowAssign { window: spec }, schema), 1).unwrap();
    let out = cluster.changes(&[(RowKind::UpdateBefore, row("a", 1, 5)), (RowKind::UpdateAfter, row("a", 2, 15))]).unwrap();
    assert_eq!(lines(&out), ["a 1 - - 5 5 0 10 9 1", "a 2 - - 15 15 10 20 19 2"]);
}

proptest! {
    #[test]
    fn rows_that_come_and_go_beside_others_leave_sessions_as_they_were(
        style in prop_oneof![Just(WindowStyle::Group), Just(WindowStyle::TableFunction)],
        rows in prop::collection::vec((0..2u8, -4..5i32, 0..60i64, prop::option::of(-4..5i32)), 1..30),
        cut in 1..7usize,
    ) {
        let kind = WindowKind::Session { gap: 5 };
        let mut changing = Cluster::new(over_changes(kind.clone(), style), 1).unwrap();
        let (mut left, mut changes, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for (key, number, time, ghost) in rows {
            let key = ["a", "b"][key as usize];
            left.push(row(key, number, time));
            changes.push((RowKind::Insert, row(key, number, time)));
            if let Some(ghost) = ghost {
                changes.push((RowKind::UpdateAfter, row(key, ghost, time)));
                gone.push((RowKind::Delete, row(key, ghost, time)));
            }
        }
        changes.extend(gone);
        for (at, some) in changes.chunks(cut).enumerate() {
            changing.changes(some).unwrap();
            changing.rescale([1, 3, 2][at % 3]).unwrap();
        }
        let mut found = lines(&changing.watermark(30).unwrap());
        changing.rescale(2).unwrap();
        found.extend(lines(&changing.watermark(i64::MAX).unwrap()));
        let mut plain = Cluster::new(window_node(window(kind, style, usual_calls())), 1).unwrap();
        plain.rows(&left).unwrap();
        let mut expected = lines(&plain.watermark(30).unwrap());
        expected.extend(lines(&plain.watermark(i64::MAX).unwrap()));
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_session_is_as_long_as_the_rows_that_were_taken_back_made_it_and_silent_when_none_is_left() {
    let mut cluster = Cluster::new(over_changes(WindowKind::Session { gap: 5 }, WindowStyle::Group), 1).unwrap();
    let (first, last, b) = (row("a", 1, 0), row("a", 2, 4), row("b", 7, 3));
    let script = [
        (RowKind::Insert, first),
        (RowKind::Insert, last.clone()),
        (RowKind::Insert, b.clone()),
        (RowKind::Delete, last),
        (RowKind::Delete, b),
    ];
    cluster.changes(&script).unwrap();
    assert_eq!(lines(&cluster.watermark(7).unwrap()), [""; 0]);
    assert_eq!(lines(&cluster.watermark(8).unwrap()), ["a 1 1 1 1 1 0 9"]);
    // Its own session is over.
    cluster.changes(&[(RowKind::Delete, row("a", 1, 0))]).unwrap();
    assert_eq!(cluster.late(), 1);
}
