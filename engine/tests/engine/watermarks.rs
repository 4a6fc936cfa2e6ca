//! The watermark operator, case by case.

use irmak_common::element::Element;
use irmak_common::expr::Expr;
use irmak_common::operator_spec::{OperatorSpec, WatermarkSpec};
use irmak_common::split::SplitEvent;
use irmak_common::types::TypeKind;
use irmak_engine::EngineError;

use crate::harness::*;

pub(crate) fn watermark_node(gap: i64, idle_timeout_ms: Option<u64>) -> irmak_common::job_graph::OperatorNode {
    let expr = Expr::column(MARK, TypeKind::timestamp(3).nullable());
    node(OperatorSpec::Watermark(WatermarkSpec { rowtime: TIME, expr, idle_timeout_ms, emit_gap_ms: gap, exact: false }), input())
}

/// A row at `time` with the watermark `mark`.
fn at(time: i64, mark: i64) -> Row {
    Row { mark: Some(mark), ..row("k", 0, time) }
}

/// The sizes of batches and the watermarks between them.
fn shape(out: &[Element]) -> Vec<String> {
    out.iter()
        .map(|element| match element {
            Element::Batch(batch) => format!("{} rows", batch.num_rows()),
            Element::Watermark(watermark) => format!("--- {}", watermark.0),
            other => format!("{other:?}"),
        })
        .collect()
}

#[track_caller]
fn check_batch(gap: i64, rows: &[Row], expected: &[&str]) {
    let mut cluster = Cluster::new(watermark_node(gap, None), 1).unwrap();
    assert_eq!(shape(&cluster.rows(rows).unwrap()), expected);
}

#[test]
fn rows_ahead_of_the_watermark_stay_in_one_batch() {
    check_batch(0, &[at(1_000, 500), at(2_000, 1_500), at(1_600, 1_100), at(3_000, 2_500)], &["4 rows", "--- 2500"]);
}

#[test]
fn a_batch_is_cut_in_front_of_a_row_that_may_be_late() {
    check_batch(0, &[at(1_000, 500), at(2_000, 1_500), at(1_500, 1_000), at(1_400, 900)], &["2 rows", "--- 1500", "2 rows"]);
    check_batch(0, &[at(2_000, 1_500), at(1_502, 0), at(1_501, 0)], &["2 rows", "--- 1500", "1 rows"]);
}

#[test]
fn where_rows_ask_for_the_watermark_it_comes_right_behind_the_row_that_moves_it() {
    let mut asked = watermark_node(0, None);
    if let OperatorSpec::Watermark(spec) = &mut asked.spec {
        spec.exact = true;
    }
    let mut cluster = Cluster::new(asked, 1).unwrap();
    let rows = [at(1_000, 500), at(2_000, 1_500), at(1_600, 1_100)];
    assert_eq!(shape(&cluster.rows(&rows).unwrap()), ["1 rows", "--- 500", "1 rows", "--- 1500", "1 rows"]);
}

#[test]
fn a_small_advance_waits_for_the_gap_or_for_the_clock() {
    let mut cluster = Cluster::new(watermark_node(200, None), 1).unwrap();
    assert_eq!(shape(&cluster.rows(&[at(1_000, 1_000)]).unwrap()), ["1 rows", "--- 1000"]);
    assert_eq!(shape(&cluster.rows(&[at(1_200, 1_200), at(1_100, 1_100)]).unwrap()), ["2 rows"]);
    assert_eq!(shape(&cluster.clock(199).unwrap()), [""; 0]);
    assert_eq!(shape(&cluster.clock(200).unwrap()), ["--- 1200"]);
    assert_eq!(shape(&cluster.rows(&[at(1_401, 1_401)]).unwrap()), ["1 rows", "--- 1401"]);
}

#[test]
fn a_null_watermark_moves_nothing_and_a_null_time_fails() {
    check_batch(0, &[at(1_000, 1_000), Row { mark: None, ..at(2_000, 0) }], &["2 rows", "--- 1000"]);
    let mut cluster = Cluster::new(watermark_node(0, None), 1).unwrap();
    let error = cluster.rows(&[at(1, 1), Row { time: None, ..at(0, 2) }]).unwrap_err();
    assert!(matches!(error, EngineError::Null { row: 1, .. }));
}

#[test]
fn nothing_before_1970_is_a_watermark() {
    check_batch(0, &[at(-5_000, -5_000), at(-9_000, -9_000)], &["2 rows"]);
}

fn added(split: u32) -> SplitEvent {
    SplitEvent::Added { split, name: format!("topic[{split}]") }
}

fn tell(cluster: &mut Cluster, event: SplitEvent) -> Vec<String> {
    shape(&cluster.each(|subtask, context, out| subtask.on_split(context, &event, out)).unwrap())
}

fn rows_of(cluster: &mut Cluster, split: u32, rows: &[Row]) -> Vec<String> {
    cluster.split = Some(split);
    shape(&cluster.rows(rows).unwrap())
}

#[test]
fn the_slowest_split_decides() {
    let mut cluster = Cluster::new(watermark_node(0, None), 1).unwrap();
    tell(&mut cluster, added(0));
    tell(&mut cluster, added(1));
    assert_eq!(rows_of(&mut cluster, 0, &[at(5_000, 5_000)]), ["1 rows"]);
    assert_eq!(rows_of(&mut cluster, 1, &[at(3_000, 3_000), at(9_000, 9_000)]), ["2 rows", "--- 5000"]);
    assert_eq!(rows_of(&mut cluster, 0, &[at(7_000, 7_000)]), ["1 rows", "--- 7000"]);
    // A split that is found later never sets event time back.
    tell(&mut cluster, added(2));
    assert_eq!(rows_of(&mut cluster, 2, &[at(1_000, 1_000)]), ["1 rows"]);
    assert_eq!(tell(&mut cluster, SplitEvent::Finished { split: 2 }), [""; 0]);
    assert_eq!(tell(&mut cluster, SplitEvent::Finished { split: 0 }), ["--- 9000"]);
}

#[test]
fn only_a_split_that_is_caught_up_becomes_idle() {
    let mut cluster = Cluster::new(watermark_node(0, Some(1_000)), 1).unwrap();
    tell(&mut cluster, added(0));
    tell(&mut cluster, added(1));
    assert_eq!(rows_of(&mut cluster, 0, &[at(5_000, 5_000)]), ["1 rows"]);
    assert_eq!(shape(&cluster.clock(5_000).unwrap()), [""; 0]);
    tell(&mut cluster, SplitEvent::CaughtUp { split: 1 });
    assert_eq!(shape(&cluster.clock(5_999).unwrap()), [""; 0]);
    assert_eq!(shape(&cluster.clock(6_000).unwrap()), ["--- 5000"]);
    // It wakes up, and is behind; event time stands.
    assert_eq!(rows_of(&mut cluster, 1, &[at(4_000, 4_000)]), ["1 rows"]);
    assert_eq!(rows_of(&mut cluster, 0, &[at(8_000, 8_000)]), ["1 rows"]);
    tell(&mut cluster, SplitEvent::CaughtUp { split: 0 });
    assert_eq!(shape(&cluster.clock(7_000).unwrap()), ["--- 8000", "Idle"]);
    assert_eq!(rows_of(&mut cluster, 0, &[at(9_000, 9_000)]), ["1 rows", "--- 9000"]);
}

#[test]
fn a_silent_split_is_named_with_the_remedy() {
    let mut cluster = Cluster::new(watermark_node(0, None), 1).unwrap();
    cluster.now = 1_739_689_200_000;
    tell(&mut cluster, added(0));
    tell(&mut cluster, added(1));
    rows_of(&mut cluster, 0, &[at(5_000, 5_000)]);
    tell(&mut cluster, SplitEvent::CaughtUp { split: 1 });
    assert_eq!(cluster.metrics()[0].message, None);
    cluster.clock(1_739_689_205_000).unwrap();
    let message = cluster.metrics()[0].message.clone().unwrap();
    assert!(message.starts_with("topic[1] has had no row since 2025-02-16T07:00:00Z and holds event time back"), "{message}");
    assert!(message.contains("'table.exec.source.idle-timeout'"), "{message}");
}

#[test]
fn a_restored_split_remembers_its_event_time_by_name() {
    let mut cluster = Cluster::new(watermark_node(0, None), 1).unwrap();
    tell(&mut cluster, added(0));
    tell(&mut cluster, added(1));
    rows_of(&mut cluster, 0, &[at(5_000, 5_000)]);
    rows_of(&mut cluster, 1, &[at(8_000, 8_000)]);
    cluster.rescale(1).unwrap();
    tell(&mut cluster, SplitEvent::Added { split: 7, name: "topic[1]".into() });
    tell(&mut cluster, SplitEvent::Added { split: 3, name: "topic[0]".into() });
    // What was emitted before is emitted again: the new downstream has not heard it.
    assert_eq!(shape(&cluster.clock(1).unwrap()), ["--- 5000"]);
    assert_eq!(rows_of(&mut cluster, 3, &[at(6_000, 6_000)]), ["1 rows", "--- 6000"]);
    assert_eq!(rows_of(&mut cluster, 3, &[at(9_000, 9_000)]), ["1 rows", "--- 8000"]);
}

#[test]
fn a_subtask_that_knows_no_splits_yet_holds_event_time_back_for_as_long_as_it_takes() {
    let mut cluster = Cluster::new(watermark_node(0, None), 1).unwrap();
    assert_eq!(shape(&cluster.clock(1_000).unwrap()), [""; 0]);
    assert_eq!(shape(&cluster.clock(9_999_000).unwrap()), [""; 0], "its broker may be away for hours");
    assert_eq!(tell(&mut cluster, SplitEvent::NoSplits), ["Idle"]);
    assert_eq!(shape(&cluster.clock(9_999_999).unwrap()), [""; 0]);
}

#[test]
fn the_end_of_time_passes() {
    let mut cluster = Cluster::new(watermark_node(0, None), 1).unwrap();
    assert_eq!(shape(&cluster.watermark(77).unwrap()), [""; 0]);
    assert_eq!(render(&cluster.watermark(i64::MAX).unwrap()), ["--- end of time"]);
}
