//! `table.exec.state.ttl` and the hint STATE_TTL: which operators are told, and which tables a hint may name.

// Clippy knows tests by their attribute, and these are helpers of tests.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use irmak_common::job_graph::{JobGraph, Partitioning};
use irmak_common::operator_spec::OperatorSpec;
use irmak_planner::{Format, Outcome, Request, plan};

const TABLES: &str = "
CREATE TABLE a (k INT, v BIGINT, ts TIMESTAMP(3), pt AS PROCTIME(), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen');
CREATE TABLE b (k INT, w BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen');
CREATE VIEW c AS SELECT k, w FROM b WHERE w > 3;
";

fn planned(query: &str) -> Result<JobGraph, String> {
    let text = format!("{TABLES}{query};");
    let configuration = BTreeMap::from([("parallelism.default".to_owned(), "2".to_owned())]);
    let request = Request { file: "test.sql", text: &text, format: Format::Sql, configuration: &configuration };
    let statements = plan(&request).map_err(|error| format!("{} {}", error.code, error.message))?;
    match statements.into_iter().last().map(|statement| statement.outcome) {
        Some(Outcome::Job(graph)) => Ok(graph),
        other => Err(format!("{other:?}")),
    }
}

/// How long each operator keeps its state, where it is asked: joins left and right, others once.
#[track_caller]
fn check(query: &str, expected: &[&[u64]]) {
    let graph = planned(query).unwrap();
    let told: Vec<Vec<u64>> = graph
        .vertices
        .iter()
        .flat_map(|vertex| &vertex.chain)
        .filter_map(|node| match &node.spec {
            OperatorSpec::Join(spec) => Some(spec.state_ttl_ms.to_vec()),
            OperatorSpec::GroupAggregate(spec) => Some(vec![spec.state_ttl_ms]),
            OperatorSpec::Over(spec) => Some(vec![spec.state_ttl_ms]),
            _ => None,
        })
        .collect();
    assert_eq!(told, expected, "{query}");
    assert!(graph.warnings.is_empty(), "{:?}", graph.warnings);
}

#[test]
fn joins_groups_and_calls_over_rows_heed_the_setting() {
    let hour = "SET 'table.exec.state.ttl' = '1 h'; ";
    check(&format!("{hour}SELECT a.v FROM a JOIN b ON a.k = b.k"), &[&[3_600_000, 3_600_000]]);
    check(&format!("{hour}SELECT k, COUNT(*) FROM a GROUP BY k"), &[&[3_600_000]]);
    check(&format!("{hour}SELECT SUM(v) OVER (PARTITION BY k ORDER BY ts) FROM a"), &[&[3_600_000]]);
    check(&format!("{hour}SELECT ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts) FROM a"), &[&[3_600_000]]);
    // What is near in time lives as long as it is near.
    check(&format!("{hour}SELECT a.v FROM a, b WHERE a.k = b.k AND a.ts BETWEEN b.ts AND b.ts + INTERVAL '1' SECOND"), &[&[0, 0]]);
    check("SELECT a.v FROM a JOIN b ON a.k = b.k", &[&[0, 0]]);
}

#[test]
fn a_hint_speaks_of_the_tables_of_its_select() {
    check("SELECT /*+ STATE_TTL('a' = '1 s', b = '2 s') */ a.v FROM a JOIN b ON a.k = b.k", &[&[1_000, 2_000]]);
    check("SELECT /*+ STATE_TTL('y' = '2 s') */ x.v FROM a AS x LEFT JOIN b AS y ON x.k = y.k", &[&[0, 2_000]]);
    let hour = "SET 'table.exec.state.ttl' = '1 h'; ";
    check(&format!("{hour}SELECT /*+ STATE_TTL('c' = '0 s') */ a.v FROM a JOIN c ON a.k = c.k"), &[&[3_600_000, 0]]);
    check("SELECT /*+ STATE_TTL('a' = '1 s') */ k, COUNT(*) FROM a GROUP BY k", &[&[1_000]]);
    // Not those of a SELECT inside.
    check(
        "SELECT /*+ STATE_TTL('g' = '5 s') */ a.v FROM a JOIN (SELECT k, COUNT(*) AS n FROM b GROUP BY k) AS g ON a.k = g.k",
        &[&[0], &[0, 5_000]],
    );
}

#[test]
fn a_hint_that_names_no_table_or_no_duration_is_refused() {
    let refused = |query: &str, words: &str| {
        let error = planned(query).unwrap_err();
        assert!(error.contains(words), "{query}: {error}");
    };
    refused("SELECT /*+ STATE_TTL('x' = '1 s') */ a.v FROM a JOIN b ON a.k = b.k", "cannot match the name of input tables");
    refused("SELECT /*+ STATE_TTL('a' = '1 s') */ x.v FROM a AS x JOIN b ON x.k = b.k", "cannot match the name of input tables");
    refused("SELECT /*+ STATE_TTL('a' = 'soon') */ a.v FROM a JOIN b ON a.k = b.k", "takes a duration");
    refused("SELECT /*+ STATE_TTL('a') */ a.v FROM a JOIN b ON a.k = b.k", "is not STATE_TTL(");
}

#[test]
fn windows_of_the_clock_that_fire_early_are_made_where_their_groups_are() {
    let early = "SET 'table.exec.emit.early-fire.enabled' = 'true'; SET 'table.exec.emit.early-fire.delay' = '0 s'; ";
    let graph = planned(&format!("{early}SELECT k, COUNT(*) FROM a GROUP BY k, TUMBLE(pt, INTERVAL '1' SECOND)")).unwrap();
    assert!(graph.vertices.iter().flat_map(|vertex| &vertex.chain).all(|node| node.name != "WindowTableFunction"));
    assert!(graph.edges.iter().any(|edge| edge.partitioning == Partitioning::Hash { columns: vec![0] }), "{:?}", graph.edges);
    let graph = planned(&format!("{early}SELECT COUNT(*) FROM a GROUP BY TUMBLE(pt, INTERVAL '1' SECOND)")).unwrap();
    assert!(graph.edges.iter().all(|edge| !matches!(edge.partitioning, Partitioning::Hash { .. })), "{:?}", graph.edges);
}
