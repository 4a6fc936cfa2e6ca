//! Windows, case by case. Several are the recordings of `golden/windows`, with times in milliseconds from the first minute.

use irmak_common::operator_spec::{WindowKind, WindowProperty, WindowStyle};
use irmak_common::types::TypeKind;
use irmak_engine::EngineError;

use crate::harness::*;

const TUMBLE: WindowKind = WindowKind::Tumble { size: 10_000, offset: 0 };

fn count_of(kind: WindowKind, style: WindowStyle) -> irmak_common::job_graph::OperatorNode {
    let mut spec = window(kind, style, vec![call("COUNT", None, TypeKind::BigInt), call("SUM", Some(NUMBER), TypeKind::Int)]);
    spec.keys.clear();
    window_node(spec)
}

/// The rows of `golden/input/late.json`, a watermark two seconds behind after every row; `v` is the id.
fn late_rows() -> Vec<Step> {
    let times = [1_000, 9_000, 11_999, 2_000, 12_000, 3_000, 9_999, 10_000, 25_000, 12_500, 22_000, 23_001];
    let mut watermark = i64::MIN;
    let mut steps = Vec::new();
    for (at, time) in times.into_iter().enumerate() {
        steps.push(Step::Rows(vec![row("k", at as i32 + 1, time)]));
        if time - 2_000 > watermark {
            watermark = time - 2_000;
            steps.push(Step::Watermark(watermark));
        }
    }
    steps.push(Step::Watermark(i64::MAX));
    steps
}

/// Runs the late rows and drops the watermark lines.
fn late_results(kind: WindowKind, style: WindowStyle) -> Vec<String> {
    let mut cluster = Cluster::new(count_of(kind, style), 1).unwrap();
    let mut lines = Vec::new();
    for step in late_rows() {
        let out = match step {
            Step::Rows(rows) => cluster.rows(&rows).unwrap(),
            Step::Watermark(watermark) => cluster.watermark(watermark).unwrap(),
            _ => Vec::new(),
        };
        lines.extend(render(&out).into_iter().filter(|line| !line.starts_with("---")));
    }
    lines
}

#[test]
fn a_row_at_the_watermark_is_late_in_a_tumble() {
    for style in [WindowStyle::Group, WindowStyle::TableFunction] {
        assert_eq!(late_results(TUMBLE, style), ["2 3 0 10000", "3 16 10000 20000", "3 32 20000 30000"]);
    }
}

#[test]
fn a_row_that_is_late_for_a_hop_window_counts_in_the_next() {
    let expected =
        ["1 1 -5000 5000", "2 3 0 10000", "5 25 5000 15000", "3 16 10000 20000", "2 23 15000 25000", "3 32 20000 30000", "1 9 25000 35000"];
    let hop = WindowKind::Hop { size: 10_000, slide: 5_000, offset: 0 };
    assert_eq!(late_results(hop.clone(), WindowStyle::Group), expected);
    assert_eq!(late_results(hop, WindowStyle::TableFunction), expected);
}

#[test]
fn a_row_that_is_late_for_a_step_counts_in_later_steps() {
    let cumulate = WindowKind::Cumulate { size: 20_000, step: 5_000, offset: 0 };
    assert_eq!(
        late_results(cumulate, WindowStyle::TableFunction),
        [
            "1 1 0 5000",
            "2 3 0 10000",
            "8 36 0 15000",
            "8 36 0 20000",
            "2 23 20000 25000",
            "3 32 20000 30000",
            "3 32 20000 35000",
            "3 32 20000 40000"
        ]
    );
}

#[test]
fn late_rows_are_counted() {
    let mut cluster = Cluster::new(count_of(TUMBLE, WindowStyle::Group), 1).unwrap();
    cluster.rows(&[row("k", 1, 5_000)]).unwrap();
    cluster.watermark(9_999).unwrap();
    cluster.rows(&[row("k", 1, 9_999), row("k", 2, 10_000), row("k", 3, 0)]).unwrap();
    assert_eq!(cluster.late(), 2);
}

#[test]
fn windows_come_in_order_of_their_ends_and_keys_in_order_of_arrival() {
    let node = window_node(window(TUMBLE, WindowStyle::Group, usual_calls()));
    check(
        node,
        &[
            Step::Rows(vec![row("b", 5, 12_000), row("a", 1, 1_000), row("b", 2, 2_000), row("a", 3, 9_999)]),
            Step::Watermark(9_998),
            Step::Watermark(9_999),
            Step::Rows(vec![row("a", -7, 10_000)]),
            Step::Watermark(i64::MAX),
        ],
        &[
            "--- 9998",
            "a 2 4 1 3 2 0 10000",
            "b 1 2 2 2 2 0 10000",
            "--- 9999",
            "b 1 5 5 5 5 10000 20000",
            "a 1 -7 -7 -7 -7 10000 20000",
            "--- end of time",
        ],
    );
}

#[test]
fn a_window_without_aggregates_gives_each_key_once() {
    let mut spec = window(TUMBLE, WindowStyle::Group, vec![]);
    spec.keys = vec![KEY, NUMBER];
    spec.properties = vec![WindowProperty::Start];
    check(
        window_node(spec),
        &[
            Step::Rows(vec![row("a", 1, 0), row("a", 1, 5), row("a", 2, 7), Row { time: Some(8), ..Row::default() }]),
            Step::Rows(vec![Row { time: Some(9), ..Row::default() }]),
            Step::Watermark(20_000),
        ],
        &["a 1 0", "a 2 0", "- - 0", "--- 20000"],
    );
}

#[test]
fn sums_and_averages_of_int_stay_int_and_wrap() {
    let node = window_node(window(TUMBLE, WindowStyle::TableFunction, usual_calls()));
    let nothing = |time| Row { key: Some("b".into()), time: Some(time), ..Row::default() };
    let rows = vec![row("a", i32::MAX, 0), row("a", 1, 1), row("a", -5, 3), row("c", i32::MAX, 0), row("c", 1, 0), nothing(4), nothing(5)];
    check(
        node,
        &[Step::Rows(rows), Step::Watermark(i64::MAX)],
        &[
            "a 3 2147483643 -5 2147483647 715827881 0 10000",
            "c 2 -2147483648 1 2147483647 1073741824 0 10000",
            "b 2 - - - - 0 10000",
            "--- end of time",
        ],
    );
}

#[test]
fn a_null_time_is_left_out_of_group_windows_and_fails_table_functions() {
    let rows = vec![Row { time: None, ..row("k", 1, 0) }, row("k", 2, 0)];
    check(
        count_of(TUMBLE, WindowStyle::Group),
        &[Step::Rows(rows.clone()), Step::Watermark(i64::MAX)],
        &["1 2 0 10000", "--- end of time"],
    );
    let error = Cluster::new(count_of(TUMBLE, WindowStyle::TableFunction), 1).unwrap().rows(&rows).unwrap_err();
    assert!(matches!(&error, EngineError::Null { column, row: 0 } if column == "ts"));
    assert!(error.to_string().starts_with("RowTime field should not be null, please convert it to a non-null long value."));
}

#[test]
fn a_hop_with_a_wide_slide_loses_rows_between_windows_but_calls_none_late() {
    let node = count_of(WindowKind::Hop { size: 5_000, slide: 20_000, offset: 0 }, WindowStyle::Group);
    let mut cluster = Cluster::new(node, 1).unwrap();
    cluster.rows(&[row("k", 1, 4_999), row("k", 2, 5_000), row("k", 3, 19_999), row("k", 4, 20_000)]).unwrap();
    assert_eq!(render(&cluster.watermark(i64::MAX).unwrap()), ["1 1 0 5000", "1 4 20000 25000", "--- end of time"]);
    assert_eq!(cluster.late(), 0);
}

#[test]
fn an_hour_by_a_second_is_right_though_blocks_are_kept() {
    let node = count_of(WindowKind::Hop { size: 3_600_000, slide: 1_000, offset: 0 }, WindowStyle::TableFunction);
    let mut cluster = Cluster::new(node, 1).unwrap();
    let (mut rows, mut results) = (0, 0);
    for second in 0..4_000 {
        cluster.rows(&[row("k", 1, second * 1_000), row("k", 1, (second * 1_000 - 1_800_000).max(0))]).unwrap();
        rows += 2;
        for line in render(&cluster.watermark(second * 1_000 + 999).unwrap()) {
            if let Some((count, _)) = line.split_once(' ').filter(|_| !line.starts_with("---")) {
                results += 1;
                let in_first_hour = if second < 3_600 { rows } else { i64::MAX };
                assert!(count.parse::<i64>().unwrap() <= in_first_hour);
                if second < 3_600 {
                    assert_eq!(count.parse::<i64>().unwrap(), rows, "at {second}");
                }
            }
        }
    }
    assert_eq!(results, 4_000);
}

#[test]
fn processing_time_windows_close_by_the_clock_and_show_the_rest_at_the_end() {
    let mut spec = window(TUMBLE, WindowStyle::TableFunction, vec![call("COUNT", None, TypeKind::BigInt)]);
    spec.window.time = None;
    spec.properties.push(WindowProperty::Proctime);
    check(
        window_node(spec),
        &[
            Step::Clock(5_000),
            Step::Rows(vec![row("a", 1, 77), row("b", 1, 78)]),
            Step::Clock(9_999),
            Step::Rows(vec![row("a", 1, 99)]),
            Step::Clock(10_000),
            Step::Clock(12_000),
            Step::Rows(vec![row("a", 1, 0)]),
            Step::Rescale(1),
            Step::Clock(13_000),
            Step::End,
        ],
        &["a 2 0 10000 10000", "b 1 0 10000 10000", "a 1 10000 20000 13000"],
    );
}

#[test]
fn windows_are_cut_in_local_time_and_close_at_the_instant() {
    let mut spec = window(WindowKind::Tumble { size: 3_600_000, offset: 0 }, WindowStyle::TableFunction, vec![]);
    spec.window.zone = Some("Asia/Kolkata".into());
    // 00:10 UTC is 05:40 there, which lies in 05:00 to 06:00: the window closes at 00:30 UTC.
    check(
        window_node(spec),
        &[Step::Rows(vec![row("a", 1, 600_000)]), Step::Watermark(1_799_998), Step::Watermark(1_799_999)],
        &["--- 1799998", "a 18000000 21600000", "--- 1799999"],
    );
}

#[test]
fn attached_windows_are_taken_as_they_come() {
    let mut spec = window(WindowKind::Attached { start: TIME, end: MARK }, WindowStyle::TableFunction, usual_calls());
    spec.keys.clear();
    let at = |number, start, end| Row { mark: Some(end), ..row("k", number, start) };
    check(
        window_node(spec),
        &[
            Step::Rows(vec![at(1, 0, 20), at(2, 0, 10), at(3, 0, 20), at(4, 5, 10)]),
            Step::Watermark(9),
            Step::Rows(vec![at(5, 0, 10)]),
            Step::Watermark(19),
        ],
        &["1 2 2 2 2 0 10", "1 4 4 4 4 5 10", "--- 9", "2 4 1 3 2 0 20", "--- 19"],
    );
}

#[test]
fn attached_windows_without_keys_move_by_window() {
    let mut spec = window(WindowKind::Attached { start: TIME, end: MARK }, WindowStyle::TableFunction, usual_calls());
    spec.keys.clear();
    let mut cluster = Cluster::new(window_node(spec), 1).unwrap();
    let rows: Vec<Row> = (0..50).map(|at| Row { mark: Some(at + 10), ..row("k", 1, at) }).collect();
    for parallelism in [4, 3, 1, 5] {
        cluster.rows(&rows).unwrap();
        cluster.rescale(parallelism).unwrap();
    }
    let mut lines = render(&cluster.watermark(100).unwrap());
    lines.retain(|line| !line.starts_with("---"));
    lines.sort();
    let mut expected: Vec<String> = (0..50).map(|at| format!("4 4 1 1 1 {at} {}", at + 10)).collect();
    expected.sort();
    assert_eq!(lines, expected);
}

#[test]
fn state_of_another_query_is_refused() {
    let mut cluster = Cluster::new(window_node(window(TUMBLE, WindowStyle::Group, usual_calls())), 1).unwrap();
    cluster.rows(&[row("a", 1, 0)]).unwrap();
    let restored = cluster.rescale(1).unwrap();
    let other = window_node(window(TUMBLE, WindowStyle::Group, vec![]));
    let environment = irmak_engine::OperatorEnvironment { parallelism: 1, restored, ..Default::default() };
    let Err(error) = irmak_engine::build(&other, &[input()], &environment) else { panic!("restored") };
    assert!(error.to_string().contains("other keys or aggregates"), "{error}");
}

#[test]
fn cut_or_damaged_state_is_refused_and_never_panics() {
    let node = window_node(window(TUMBLE, WindowStyle::Group, usual_calls()));
    let mut cluster = Cluster::new(node.clone(), 1).unwrap();
    cluster.rows(&[row("a", 1, 0)]).unwrap();
    let good = cluster.rescale(1).unwrap();
    let (group, bytes) = good[0].keyed.iter().next().unwrap();
    for length in 0..bytes.len() {
        let mut cut = good.clone();
        cut[0].keyed.insert(*group, bytes[..length].to_vec());
        let environment = irmak_engine::OperatorEnvironment { parallelism: 1, restored: cut, ..Default::default() };
        let built = irmak_engine::build(&node, &[input()], &environment);
        // Arrow's end-of-stream mark may be missing without harm.
        assert!(built.is_err() || length + 8 >= bytes.len(), "cut at {length} of {}", bytes.len());
    }
}

#[test]
fn large_windows_come_in_bounded_batches() {
    let node = window_node(window(TUMBLE, WindowStyle::Group, vec![]));
    let mut cluster = Cluster::new(node, 1).unwrap();
    let rows: Vec<Row> = (0..20_000).map(|at| row(&format!("key {at}"), 0, at % 20_000)).collect();
    rows.chunks(8_192).for_each(|rows| drop(cluster.rows(rows).unwrap()));
    let out = cluster.watermark(30_000).unwrap();
    let sizes: Vec<usize> = out
        .iter()
        .filter_map(|element| if let irmak_common::element::Element::Batch(batch) = element { Some(batch.num_rows()) } else { None })
        .collect();
    assert_eq!(sizes, [8_192, 8_192, 3_616]);
}

const SESSION: WindowKind = WindowKind::Session { gap: 10 };

#[test]
fn sessions_take_a_row_exactly_one_gap_away_and_meet() {
    let node = window_node(window(SESSION, WindowStyle::Group, usual_calls()));
    check(
        node,
        &[
            Step::Rows(vec![row("a", 1, 0), row("a", 2, 10), row("a", 4, 30), row("b", 9, 5)]),
            Step::Rescale(1),
            Step::Rows(vec![row("a", 8, 20)]),
            Step::Watermark(14),
            Step::Watermark(40),
        ],
        &["b 1 9 9 9 9 5 15", "--- 14", "a 4 15 1 8 3 0 40", "--- 40"],
    );
}

#[test]
fn a_late_row_that_meets_an_open_session_is_not_late() {
    let mut cluster = Cluster::new(window_node(window(SESSION, WindowStyle::Group, usual_calls())), 1).unwrap();
    cluster.rows(&[row("a", 1, 20)]).unwrap();
    cluster.watermark(25).unwrap();
    cluster.rows(&[row("a", 2, 12), row("a", 4, 1), row("b", 8, 12)]).unwrap();
    assert_eq!(cluster.late(), 2);
    assert_eq!(render(&cluster.watermark(29).unwrap()), ["a 2 3 1 2 1 12 30", "--- 29"]);
}

#[test]
fn a_session_slot_that_is_used_again_remembers_nothing() {
    let mut distinct = call("COUNT", Some(NUMBER), TypeKind::BigInt);
    distinct.distinct = true;
    let aggregates = vec![distinct, call("MAX", Some(KEY), TypeKind::STRING)];
    let mut cluster = Cluster::new(window_node(window(SESSION, WindowStyle::Group, aggregates)), 1).unwrap();
    for round in 0..8_000_i64 {
        let time = round * 20;
        let key = format!("{}", round % 3_000);
        cluster.rows(&[row(&key, 1, time), row(&key, 1, time + 1), row(&key, round as i32 + 2, time + 2)]).unwrap();
        assert_eq!(render(&cluster.watermark(time + 15).unwrap())[0], format!("{key} 2 {key} {time} {}", time + 12));
    }
}

#[test]
fn processing_time_sessions_end_with_the_clock() {
    let mut spec = window(SESSION, WindowStyle::Group, vec![call("COUNT", None, TypeKind::BigInt)]);
    spec.window.time = None;
    let rows = |count| Step::Rows(vec![row("a", 1, 0); count]);
    check(
        window_node(spec),
        &[Step::Clock(100), rows(1), Step::Clock(108), rows(2), Step::Clock(117), Step::Clock(118), rows(1), Step::End],
        &["a 3 100 118", "a 1 118 128"],
    );
}
