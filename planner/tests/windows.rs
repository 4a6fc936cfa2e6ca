//! Windows as the planner sees them: what time attributes are, which grouping sets are windowed, what windows that speak often need.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use irmak_planner::{Format, Outcome, Request, plan};

const TABLES: &str = "CREATE TABLE t (k STRING, ts TIMESTAMP(0), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen');
CREATE TABLE l (ms BIGINT, rt AS CAST(TO_TIMESTAMP_LTZ(ms, 3) AS TIMESTAMP_LTZ(0)), WATERMARK FOR rt AS rt) WITH ('connector' = 'datagen');
";

/// The cells of what the last statement shows; or the error.
fn shown(statements: &str) -> Result<String, String> {
    let text = format!("{TABLES}{statements}");
    let request = Request { file: "job", text: &text, format: Format::Sql, configuration: &BTreeMap::new() };
    match plan(&request).map_err(|error| error.to_string())?.pop().unwrap().outcome {
        Outcome::Table { rows, .. } => Ok(rows.into_iter().flatten().flatten().collect::<Vec<_>>().join(" ")),
        _ => Ok(String::new()),
    }
}

#[track_caller]
fn check(statements: &str, told: &[&str]) {
    let text = shown(statements).unwrap_or_else(|error| panic!("{statements}: {error}"));
    assert!(told.iter().all(|part| text.contains(part)), "{statements}\n{text}");
}

#[test]
fn a_rowtime_counts_milliseconds_whatever_the_precision_of_its_column() {
    let windowed = |table: &str, time: &str| {
        format!(
            "CREATE VIEW v AS SELECT {time}, window_time AS wt FROM TABLE(TUMBLE(TABLE {table}, DESCRIPTOR({time}), INTERVAL '1' SECOND)); DESCRIBE v;"
        )
    };
    check(&windowed("t", "ts"), &["ts TIMESTAMP(3) *ROWTIME*", "wt TIMESTAMP(3) *ROWTIME*"]);
    check(&windowed("l", "rt"), &["rt TIMESTAMP_LTZ(3) *ROWTIME*", "wt TIMESTAMP_LTZ(3) *ROWTIME*"]);
}

#[test]
fn grouping_sets_are_windowed_where_all_of_them_have_the_window() {
    let query = |sets: &str| {
        format!(
            "EXPLAIN SELECT k, COUNT(*) AS c FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' SECOND)) GROUP BY GROUPING SETS ({sets});"
        )
    };
    let all = shown(&query("(window_start, window_end, k), (window_start, window_end)")).unwrap();
    assert!(all.contains("WindowAggregate") && !all.contains("GroupAggregate"), "{all}");
    let some = shown(&query("(window_start, window_end, k), (k)")).unwrap();
    assert!(some.contains("GroupAggregate") && !some.contains("WindowAggregate"), "{some}");
}

#[test]
fn windows_that_fire_early_or_late_need_a_delay() {
    for (when, told) in [("early", "Early-fire delay"), ("late", "Late-fire delay")] {
        let query = "SELECT COUNT(*) AS c FROM t GROUP BY TUMBLE(ts, INTERVAL '1' SECOND);";
        let on = format!("SET 'table.exec.emit.{when}-fire.enabled' = 'true'; SET 'table.exec.emit.allow-lateness' = '1 s';");
        let error = shown(&format!("{on} {query}")).unwrap_err();
        assert!(error.contains(told) && error.contains(&format!("'table.exec.emit.{when}-fire.delay' = '0 s'")), "{error}");
        shown(&format!("{on} SET 'table.exec.emit.{when}-fire.delay' = '1 s'; {query}")).unwrap();
    }
}

#[test]
fn aggregates_of_frames_may_be_null_and_so_may_the_row_before() {
    let calls = "SUM(c) OVER w AS s, COUNT(c) OVER w AS n, LAG(c, 1, 0) OVER w AS l, LAG(k, 1, 'x') OVER w AS lk";
    let view =
        format!("CREATE VIEW v AS SELECT {calls} FROM (SELECT ts, k, CHAR_LENGTH(COALESCE(k, '')) AS c FROM t) WINDOW w AS (ORDER BY ts);");
    check(&format!("{view} DESCRIBE v;"), &["s INT TRUE", "n BIGINT FALSE", "l INT FALSE", "lk STRING TRUE"]);
}
