//! Calls OVER windows of rows, ranks, orders by time, UNNEST: which operators they become, and what is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use irmak_common::error::Diagnostic;
use irmak_planner::{Format, Outcome, Request, plan};

const BID: &str = "CREATE TABLE bid (auction BIGINT, bidder BIGINT, price BIGINT, tags ARRAY<STRING>, dt TIMESTAMP(3), pt AS PROCTIME(), \
    WATERMARK FOR dt AS dt - INTERVAL '2' SECOND) WITH ('connector' = 'filesystem', 'path' = '/in', 'format' = 'json');\n";

/// The operators behind the table that are more than a projection, and the strategies of the exchanges.
#[allow(clippy::result_large_err)]
fn shape(query: &str) -> Result<Vec<String>, Diagnostic> {
    let text = format!("{BID}{query};");
    let configuration = BTreeMap::from([("parallelism.default".to_owned(), "4".to_owned())]);
    let statements = plan(&Request { file: "t.sql", text: &text, format: Format::Sql, configuration: &configuration })?;
    let Outcome::Job(graph) = statements.into_iter().last().unwrap().outcome else { panic!("no job") };
    let plain = ["Calc", "ConstraintEnforcer", "WatermarkAssigner", "Sink: Collect table sink", "Source: bid"];
    let names = graph.vertices.iter().flat_map(|vertex| vertex.chain.iter().map(|node| (node.name.clone(), vertex.parallelism)));
    let named = names.filter(|(name, _)| !plain.contains(&name.as_str())).map(|(name, parallelism)| format!("{name} ({parallelism})"));
    Ok(named.collect())
}

#[track_caller]
fn check(query: &str, expected: &[&str]) {
    assert_eq!(shape(query).unwrap_or_else(|error| panic!("{error}")), expected, "{query}");
}

#[track_caller]
fn refused(query: &str, code: &str, words: &str) {
    let error = shape(query).expect_err(query);
    assert!(error.code == code && error.message.contains(words), "{query}: {error}");
}

#[test]
fn calls_over_one_window_are_one_operator() {
    check("SELECT SUM(price) OVER w, COUNT(*) OVER w FROM bid WINDOW w AS (PARTITION BY auction ORDER BY dt)", &["OverAggregate (4)"]);
    check("SELECT LAG(price, 2) OVER (ORDER BY dt) + 1 FROM bid", &["OverAggregate (1)"]);
    check("SELECT ROW_NUMBER() OVER (PARTITION BY auction ORDER BY pt) FROM bid", &["OverAggregate (4)"]);
}

#[test]
fn a_rank_is_what_its_bounds_and_windows_say() {
    let ranked = |order: &str, bound: &str| {
        format!("SELECT auction FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY auction ORDER BY {order}) AS rn FROM bid) WHERE {bound}")
    };
    check(&ranked("price DESC", "rn <= 3"), &["Rank (4)"]);
    check(&ranked("price", "3 > rn AND rn >= 2"), &["Rank (4)"]);
    check(&ranked("dt DESC", "rn = 1"), &["Deduplicate (4)"]);
    check(&ranked("pt", "rn < 2"), &["Deduplicate (4)"]);
    let windowed = |order: &str| {
        format!(
            "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY {order}) AS rn \
             FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(dt), INTERVAL '10' SECOND))) WHERE rn <= 1"
        )
    };
    check(&windowed("price"), &["WindowTableFunction (4)", "WindowRank (4)"]);
    check(&windowed("dt"), &["WindowTableFunction (4)", "WindowDeduplicate (4)"]);
    refused(&ranked("price", "rn >= 2"), "E0501", "upper bound");
    refused("SELECT ROW_NUMBER() OVER (ORDER BY price) FROM bid", "E0306", "needs an upper bound");
}

#[test]
fn places_by_time_are_calls_over_it_and_have_no_bounds() {
    check(
        "SELECT RANK() OVER (PARTITION BY auction ORDER BY dt), SUM(price) OVER (PARTITION BY auction ORDER BY dt) FROM bid",
        &["OverAggregate (4)"],
    );
    check("SELECT DENSE_RANK() OVER (ORDER BY pt) FROM bid", &["OverAggregate (1)"]);
    let first = |from: &str, order: &str| {
        format!("SELECT auction FROM (SELECT *, RANK() OVER (PARTITION BY auction {order}) AS r FROM {from}) WHERE r <= 3")
    };
    refused(&first("bid", "ORDER BY price"), "E0501", "RANK() on streaming table is not supported currently");
    refused(&first("bid", "ORDER BY dt"), "E0501", "RANK() on streaming table is not supported currently");
    let windows = "TABLE(TUMBLE(TABLE bid, DESCRIPTOR(dt), INTERVAL '10' SECOND))";
    refused(&first(windows, ", window_start, window_end ORDER BY price"), "E0501", "on Window TopN");
    refused("SELECT RANK() OVER (ORDER BY price) FROM bid", "E0306", "RANK ordered by what is no time attribute");
    refused("SELECT CUME_DIST() OVER (ORDER BY dt) FROM bid", "E0501", "CUME_DIST");
}

#[test]
fn a_stream_is_sorted_by_time_first_also_by_columns_that_are_not_selected() {
    check("SELECT auction FROM bid ORDER BY dt, price DESC NULLS LAST", &["TemporalSort (1)"]);
    check("SELECT dt AS t, auction FROM bid ORDER BY 1", &["TemporalSort (1)"]);
    check("SELECT auction FROM bid ORDER BY pt", &["TemporalSort (1)"]);
    refused("SELECT auction FROM bid ORDER BY price", "E0501", "sorted only by a time attribute");
    refused("SELECT auction FROM bid ORDER BY 2", "E0207", "ORDER BY 2");
}

#[test]
fn what_no_stream_can_keep_is_refused() {
    let over = |window: &str| format!("SELECT SUM(price) OVER ({window}) FROM bid");
    refused(&over("ORDER BY price"), "E0306", "time attribute");
    refused(&over("ORDER BY dt DESC"), "E0301", "ascending");
    refused(&over("PARTITION BY auction"), "E0306", "ordered by a time attribute");
    refused(&over("ORDER BY dt ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING"), "E0501", "FOLLOWING");
    refused(&over("ORDER BY dt RANGE BETWEEN 2 PRECEDING AND CURRENT ROW"), "E0301", "interval");
    refused("SELECT LEAD(price) OVER (ORDER BY dt) FROM bid", "E0501", "LEAD");
    refused("SELECT SUM(price) OVER (ORDER BY dt), SUM(price) OVER (PARTITION BY auction ORDER BY dt) FROM bid", "E0501", "same window");
    refused("SELECT SUM(price) OVER nobody FROM bid", "E0209", "nobody");
    refused("SELECT auction FROM bid WHERE SUM(price) OVER (ORDER BY dt) > 1", "E0308", "WHERE");
}

#[test]
fn unnest_goes_with_the_row_that_it_is_of() {
    check("SELECT auction, t FROM bid CROSS JOIN UNNEST(tags) AS u(t)", &["Correlate (4)"]);
    check("SELECT t, o FROM bid LEFT JOIN UNNEST(tags) WITH ORDINALITY AS u(t, o) ON TRUE", &["Correlate (4)"]);
    refused("SELECT 1 FROM bid CROSS JOIN UNNEST(price) AS u(t)", "E0301", "UNNEST takes");
    refused("SELECT 1 FROM bid CROSS JOIN UNNEST(tags) AS u(a, b)", "E0304", "2 columns");
}

#[test]
fn a_session_without_an_aggregate_says_its_rows_when_it_ends() {
    check(
        "SELECT * FROM TABLE(SESSION(TABLE bid PARTITION BY auction, DESCRIPTOR(dt), INTERVAL '5' SECOND))",
        &["WindowAggregate (4)", "Correlate (4)"],
    );
    check(
        "SELECT * FROM TABLE(SESSION(TABLE bid PARTITION BY auction, DESCRIPTOR(pt), INTERVAL '5' SECOND))",
        &["WindowAggregate (4)", "Correlate (4)"],
    );
}
