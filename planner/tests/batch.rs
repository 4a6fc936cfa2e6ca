//! Batch mode: which operators queries become, which tables are refused, and what the job is told.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use irmak_common::error::Diagnostic;
use irmak_common::job_graph::JobGraph;
use irmak_planner::{Format, Outcome, Request, plan};

const TABLES: &str = "CREATE TABLE bid (auction BIGINT, price BIGINT, channel STRING, dt TIMESTAMP(3), pt AS PROCTIME(), \
    WATERMARK FOR dt AS dt - INTERVAL '2' SECOND) WITH ('connector' = 'filesystem', 'path' = '/in', 'format' = 'json');\n\
    CREATE TABLE out_files (c STRING, n BIGINT) WITH ('connector' = 'filesystem', 'path' = '/out', 'format' = 'json');\n";

#[allow(clippy::result_large_err)]
fn graph(script: &str) -> Result<JobGraph, Diagnostic> {
    let text = format!("SET 'execution.runtime-mode' = 'BATCH';\n{TABLES}{script};");
    let configuration = BTreeMap::from([("parallelism.default".to_owned(), "4".to_owned())]);
    let statements = plan(&Request { file: "t.sql", text: &text, format: Format::Sql, configuration: &configuration })?;
    let Outcome::Job(graph) = statements.into_iter().last().unwrap().outcome else { panic!("no job") };
    Ok(graph)
}

/// The operators that are more than a projection, with their parallelism.
#[track_caller]
fn check(query: &str, expected: &[&str]) {
    let graph = graph(query).unwrap_or_else(|error| panic!("{error}"));
    let plain = ["Calc", "ConstraintEnforcer", "Sink: Collect table sink", "Source: bid"];
    let names = graph.vertices.iter().flat_map(|vertex| vertex.chain.iter().map(|node| (node.name.clone(), vertex.parallelism)));
    let named = names.filter(|(name, _)| !plain.contains(&name.as_str())).map(|(name, parallelism)| format!("{name} ({parallelism})"));
    assert_eq!(named.collect::<Vec<_>>(), expected, "{query}");
}

#[track_caller]
fn refused(script: &str, code: &str, words: &str) {
    let error = graph(script).expect_err(script);
    assert!(error.code == code && error.message.contains(words), "{script}: {error}");
}

#[test]
fn queries_become_operators_that_speak_at_the_end() {
    check("SELECT channel, COUNT(*) FROM bid GROUP BY channel", &["HashAggregate (4)"]);
    check("SELECT COUNT(*) FROM bid", &["HashAggregate (1)"]);
    check("SELECT channel FROM bid ORDER BY price", &["Sort (1)"]);
    check("SELECT channel FROM bid ORDER BY price LIMIT 3 OFFSET 2", &["SortLimit (1)", "Limit (1)"]);
    check("SELECT channel FROM bid OFFSET 2", &["Limit (1)"]);
    check("SELECT channel FROM bid INTERSECT SELECT channel FROM bid", &["Union (4)", "SetOperation (4)"]);
    check("SELECT a.price FROM bid a LEFT JOIN bid b ON a.auction = b.auction AND a.dt > b.dt", &["HashJoin (4)"]);
    check("SELECT a.price FROM bid a JOIN bid b ON a.price < b.price", &["NestedLoopJoin (1)"]);
}

#[test]
fn patterns_are_looked_for_in_any_order() {
    let query = |order: &str, within: &str| {
        format!(
            "SELECT * FROM bid MATCH_RECOGNIZE (PARTITION BY auction ORDER BY {order} MEASURES A.price AS p, MATCH_ROWTIME() AS t \
             PATTERN (A B) {within} DEFINE B AS B.price > A.price)"
        )
    };
    let within = "WITHIN INTERVAL '1' MINUTE";
    check(&query("dt, price", within), &["Match (4)"]);
    check(&query("dt DESC", ""), &["Sort (1)", "Match (4)"]);
    check(&query("price, channel", ""), &["Sort (1)", "Match (4)"]);
    refused(&query("price", within), "E0306", "WITHIN needs an order of time");
    refused(&query("dt DESC", within), "E0306", "WITHIN needs an order of time");
    let columns = graph(&query("dt", "")).unwrap().collect.unwrap();
    let types: Vec<String> = columns.fields.iter().map(|field| field.ty.to_string()).collect();
    assert_eq!(types, ["BIGINT", "BIGINT", "TIMESTAMP(3) NOT NULL"]);
}

#[test]
fn windows_are_over_any_timestamp_and_their_columns_are_columns() {
    let tumble = "TABLE(TUMBLE(TABLE bid, DESCRIPTOR(dt), INTERVAL '10' SECOND))";
    check(&format!("SELECT window_start, COUNT(*) FROM {tumble} GROUP BY window_start"), &["WindowTableFunction (4)", "HashAggregate (4)"]);
    check("SELECT COUNT(*) FROM bid GROUP BY TUMBLE(CAST(dt AS TIMESTAMP(6)), INTERVAL '1' MINUTE)", &["GroupWindowAggregate (1)"]);
    let columns = graph(&format!("SELECT dt, pt, window_time FROM {tumble}")).unwrap().collect.unwrap();
    let types: Vec<String> = columns.fields.iter().map(|field| field.ty.to_string()).collect();
    assert_eq!(types, ["TIMESTAMP(3)", "TIMESTAMP_LTZ(3) NOT NULL", "TIMESTAMP(3) NOT NULL"]);
}

#[test]
fn calls_over_one_order_share_an_operator_whatever_their_frames() {
    check(
        "SELECT RANK() OVER w, SUM(price) OVER w, LEAD(price) OVER w FROM bid WINDOW w AS (PARTITION BY auction ORDER BY channel)",
        &["OverAggregate (4)"],
    );
    check(
        "SELECT SUM(price) OVER (ORDER BY dt ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING), \
         SUM(price) OVER (ORDER BY dt RANGE BETWEEN INTERVAL '1' SECOND PRECEDING AND UNBOUNDED FOLLOWING), \
         COUNT(*) OVER (PARTITION BY channel) FROM bid",
        &["OverAggregate (1)", "OverAggregate (4)"],
    );
    refused("SELECT RANK() OVER (PARTITION BY auction) FROM bid", "E0101", "require ORDER BY");
    refused("SELECT NTILE(0) OVER (ORDER BY dt) FROM bid", "E0301", "from 1");
    refused("SELECT LEAD(price) OVER (ORDER BY dt ROWS CURRENT ROW) FROM bid", "E0101", "takes no ROWS");
    let over = |frame: &str| format!("SELECT SUM(price) OVER (ORDER BY channel {frame}) FROM bid");
    refused(&over("RANGE 1 PRECEDING"), "E0301", "Data Type mismatch");
    refused(&over("ROWS BETWEEN UNBOUNDED FOLLOWING AND CURRENT ROW"), "E0101", "lower frame boundary");
    refused(&over("ROWS BETWEEN CURRENT ROW AND 1 PRECEDING"), "E0101", "cannot end before it");
    refused("SELECT SUM(price) OVER (ORDER BY dt, price RANGE 1 PRECEDING) FROM bid", "E0301", "exactly one column");
}

#[test]
fn a_batch_job_writes_anywhere_and_takes_no_checkpoints() {
    let job = graph("INSERT INTO out_files SELECT channel, COUNT(*) FROM bid GROUP BY channel").unwrap();
    assert_eq!((job.options.checkpointing, job.warnings), (None, Vec::new()));
}

#[test]
fn tables_without_end_and_tables_that_change_are_refused() {
    let reading = |with: &str| format!("CREATE TABLE t (a BIGINT, PRIMARY KEY (a) NOT ENFORCED) WITH ({with}); SELECT a FROM t");
    let endless = "Querying an unbounded table 'default_catalog.default_database.t' in batch mode is not allowed";
    refused(&reading("'connector' = 'datagen'"), "E0501", endless);
    graph(&reading("'connector' = 'datagen', 'number-of-rows' = '5'")).unwrap();
    graph(&reading("'connector' = 'datagen', 'fields.a.kind' = 'sequence', 'fields.a.start' = '1', 'fields.a.end' = '2'")).unwrap();
    let files = "'connector' = 'filesystem', 'path' = '/in'";
    refused(&reading(&format!("{files}, 'format' = 'json', 'source.monitor-interval' = '1 s'")), "E0501", endless);
    refused(&reading(&format!("{files}, 'format' = 'debezium-json'")), "E0501", "INSERT-only");
    let kafka = "'connector' = 'kafka', 'topic' = 't', 'properties.bootstrap.servers' = 'h:1', 'format' = 'json', \
                 'scan.startup.mode' = 'earliest-offset'";
    let kafka_table = |more: &str| format!("CREATE TABLE t (a BIGINT) WITH ({kafka}{more}); SELECT a FROM t");
    refused(&kafka_table(""), "E0501", endless);
    graph(&kafka_table(", 'scan.bounded.mode' = 'latest-offset'")).unwrap();
}

#[test]
fn only_flinks_two_modes_are_taken() {
    refused("SET 'execution.runtime-mode' = 'automatic'", "E0406", "Unsupported mode 'AUTOMATIC'");
    refused("SET 'execution.runtime-mode' = 'bulk'", "E0406", "`execution.runtime-mode` cannot be `bulk`");
}
