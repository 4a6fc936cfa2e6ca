//! What statements become: parallelism, exchanges, checkpoints, shared sources, pruned columns.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use irmak_common::job_graph::{JobGraph, RestartStrategy};
use irmak_common::operator_spec::{OperatorSpec, WindowKind};
use irmak_planner::{Format, Outcome, Request, Statement, plan};

const BID: &str = "CREATE TABLE bid (auction BIGINT, bidder BIGINT, price BIGINT, channel STRING, dt TIMESTAMP(3), \
    WATERMARK FOR dt AS dt - INTERVAL '2' SECOND) WITH ('connector' = 'filesystem', 'path' = '/in', 'format' = 'json');\n";

fn statements(script: &str) -> Vec<Statement> {
    let text = format!("{BID}{script}");
    let configuration = BTreeMap::from([("parallelism.default".to_owned(), "4".to_owned())]);
    plan(&Request { file: "t.sql", text: &text, format: Format::Sql, configuration: &configuration })
        .unwrap_or_else(|error| panic!("{error}"))
}

fn job(script: &str) -> JobGraph {
    match statements(script).into_iter().last().unwrap().outcome {
        Outcome::Job(graph) => graph,
        other => panic!("no job: {other:?}"),
    }
}

/// `name (parallelism)` of each vertex, then `source -> target: STRATEGY` of each edge, by position.
fn shape(graph: &JobGraph) -> Vec<String> {
    let at = |id| graph.vertices.iter().position(|vertex| vertex.id == id).unwrap() + 1;
    let vertices = graph.vertices.iter().map(|vertex| format!("{} ({})", vertex.name, vertex.parallelism));
    let edges = graph.edges.iter().map(|edge| format!("{} -> {}: {}", at(edge.source), at(edge.target), edge.partitioning.ship_strategy()));
    vertices.chain(edges).collect()
}

fn check(script: &str, expected: &[&str]) {
    assert_eq!(shape(&job(script)), expected, "{script}");
}

#[test]
fn a_select_ends_in_one_collecting_task() {
    check(
        "SELECT auction FROM bid WHERE price > 1;",
        &["Source: bid[1] -> WatermarkAssigner[2] -> Calc[3] -> Calc[4] (4)", "Sink: Collect table sink (1)", "1 -> 2: GLOBAL"],
    );
}

#[test]
fn a_window_without_keys_is_aggregated_in_one_place() {
    check(
        "SELECT COUNT(*) AS c FROM bid GROUP BY TUMBLE(dt, INTERVAL '1' MINUTE);",
        &["Source: bid[1] -> WatermarkAssigner[2] (4)", "GroupWindowAggregate[3] -> Sink: Collect table sink (1)", "1 -> 2: GLOBAL"],
    );
}

#[test]
fn a_window_table_function_is_fused_into_its_aggregate() {
    let graph = job(
        "SELECT window_start, auction, COUNT(*) AS c FROM TABLE(HOP(TABLE bid, DESCRIPTOR(dt), INTERVAL '5' SECOND, INTERVAL '10' SECOND)) \
         WHERE price > 3 GROUP BY window_start, window_end, auction;",
    );
    assert!(graph.vertices.iter().flat_map(|vertex| &vertex.chain).all(|node| !matches!(node.spec, OperatorSpec::WindowAssign { .. })));
    let kinds = graph.vertices.iter().flat_map(|vertex| &vertex.chain).filter_map(|node| match &node.spec {
        OperatorSpec::WindowAggregate(spec) => Some(spec.window.kind.clone()),
        _ => None,
    });
    assert_eq!(kinds.collect::<Vec<_>>(), [WindowKind::Hop { size: 10_000, slide: 5_000, offset: 0 }]);
}

#[test]
fn columns_that_nobody_reads_are_not_decoded() {
    let graph = job("SELECT auction FROM bid WHERE price > 1;");
    let OperatorSpec::Source(source) = &graph.vertices[0].chain[0].spec else { panic!("no source") };
    assert_eq!(source.projection, [0, 2, 4]);
    assert_eq!(graph.vertices[0].chain[0].output.len(), 3);
}

#[test]
fn a_statement_set_reads_a_shared_table_once() {
    check(
        "CREATE TABLE a (x BIGINT) WITH ('connector' = 'blackhole'); CREATE TABLE b (c STRING) WITH ('connector' = 'blackhole');
         EXECUTE STATEMENT SET BEGIN INSERT INTO a SELECT auction FROM bid; INSERT INTO b SELECT channel FROM bid; END;",
        &[
            "Source: bid[1] -> WatermarkAssigner[2] (4)",
            "Calc[3] -> Sink: a (4)",
            "Calc[5] -> Sink: b (4)",
            "1 -> 2: FORWARD",
            "1 -> 3: FORWARD",
        ],
    );
}

#[test]
fn sink_parallelism_is_the_sinks_own() {
    check(
        "CREATE TABLE a (x BIGINT) WITH ('connector' = 'blackhole', 'sink.parallelism' = '2'); INSERT INTO a SELECT auction FROM bid;",
        &["Source: bid[1] -> WatermarkAssigner[2] -> Calc[3] (4)", "Sink: a (2)", "1 -> 2: REBALANCE"],
    );
}

#[test]
fn union_all_is_a_vertex_of_its_own() {
    check(
        "SELECT 1 AS x UNION ALL SELECT CAST(auction AS INT) FROM bid;",
        &[
            "Source: Values[1] (1)",
            "Source: bid[2] -> WatermarkAssigner[3] -> Calc[4] (4)",
            "Union[5] (4)",
            "Sink: Collect table sink (1)",
            "1 -> 3: REBALANCE",
            "2 -> 3: FORWARD",
            "3 -> 4: GLOBAL",
        ],
    );
}

#[test]
fn checkpoints_and_restarts_follow_the_sinks_unless_set() {
    let interval = |script: &str| job(script).options.checkpointing.map(|checkpoints| checkpoints.interval_ms);
    let sink = "CREATE TABLE f (x BIGINT) WITH ('connector' = 'filesystem', 'path' = '/out', 'format' = 'csv');";
    let insert = "INSERT INTO f SELECT auction FROM bid;";
    assert_eq!(interval(&format!("{sink}{insert}")), Some(10_000));
    assert_eq!(interval(&format!("SET 'execution.checkpointing.interval' = '3 s';{sink}{insert}")), Some(3_000));
    assert_eq!(interval("SELECT auction FROM bid;"), None);
    assert_eq!(job("SELECT auction FROM bid;").options.restart, RestartStrategy::None);
    let off = statements(&format!("SET 'execution.checkpointing.interval' = '0';{sink}{insert}"));
    assert!(off.last().unwrap().warnings.iter().any(|warning| warning.contains("visible only when the job ends")));
    let fixed = job(&format!(
        "SET 'restart-strategy' = 'fixed-delay'; SET 'restart-strategy.fixed-delay.attempts' = '3'; \
         SET 'restart-strategy.fixed-delay.delay' = '2 s';{sink}{insert}"
    ));
    assert_eq!(fixed.options.restart, RestartStrategy::FixedDelay { attempts: 3, delay_ms: 2_000 });
}

#[test]
fn an_unknown_setting_is_a_warning_that_names_the_nearest() {
    let warnings = &statements("SET 'pipeline.nmae' = 'x';")[1].warnings;
    assert_eq!(warnings, &["setting `pipeline.nmae` is not known and has no effect; did you mean `pipeline.name`?"]);
}

#[test]
fn an_insert_with_a_column_list_writes_null_to_the_rest() {
    let graph = job(
        "CREATE TABLE a (x BIGINT, y STRING, z BIGINT) WITH ('connector' = 'blackhole'); INSERT INTO a (z, x) SELECT auction, price FROM bid;",
    );
    let chain = &graph.vertices[0].chain;
    assert_eq!(chain[chain.len() - 2].description, "Calc(select=[price AS x, null:STRING AS y, auction AS z])");
}

#[test]
fn grouping_sets_without_windows_are_one_aggregation_of_expanded_rows() {
    let graph = job("SELECT auction, channel, GROUPING(channel) AS g, COUNT(*) AS c FROM bid GROUP BY CUBE (auction, channel);");
    let names: Vec<&str> = graph.vertices.iter().flat_map(|vertex| &vertex.chain).map(|node| node.name.as_str()).collect();
    assert_eq!(names.iter().filter(|name| **name == "GroupAggregate").count(), 1, "{names:?}");
    let types: Vec<String> = graph.collect.unwrap().fields.iter().map(|field| field.ty.to_string()).collect();
    assert_eq!(types, ["BIGINT", "STRING", "BIGINT NOT NULL", "BIGINT NOT NULL"]);
}

#[test]
fn a_subquery_is_not_sorted_and_a_top_n_leaves_out_its_offset_once() {
    let names = |query: &str| -> Vec<String> {
        let graph = job(query);
        graph.vertices.iter().flat_map(|vertex| &vertex.chain).map(|node| node.name.clone()).collect()
    };
    let sub = names("SELECT COUNT(*) AS c FROM (SELECT auction FROM bid ORDER BY price);");
    assert!(!sub.iter().any(|name| name.contains("Sort")), "{sub:?}");
    let top = names("SELECT auction, price FROM bid ORDER BY price LIMIT 3 OFFSET 2;");
    assert!(top.contains(&"Rank".to_owned()) && !top.iter().any(|name| name.contains("Limit")), "{top:?}");
}

#[test]
fn grouping_sets_are_one_aggregation_each() {
    let graph = job("SELECT auction, channel, COUNT(*) AS c FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(dt), INTERVAL '5' SECOND)) \
         GROUP BY window_start, window_end, ROLLUP (auction, channel);");
    let aggregates = graph.vertices.iter().flat_map(|vertex| &vertex.chain).filter(|node| node.name == "WindowAggregate").count();
    assert_eq!(aggregates, 3);
    let sources = graph.vertices.iter().filter(|vertex| vertex.is_source()).count();
    assert_eq!(sources, 1, "the table is read once: {:?}", shape(&graph));
    let types: Vec<String> = graph.collect.unwrap().fields.iter().map(|field| field.ty.to_string()).collect();
    assert_eq!(types, ["BIGINT", "STRING", "BIGINT NOT NULL"]);
}

#[test]
fn views_and_ctes_are_their_queries() {
    let plain = job("SELECT auction AS a FROM bid WHERE price > 1;");
    let view = job("CREATE VIEW v AS SELECT auction AS a, price FROM bid; SELECT a FROM v WHERE price > 1;");
    let cte = job("WITH v (a, p) AS (SELECT auction, price FROM bid) SELECT a FROM v WHERE p > 1;");
    assert_eq!(shape(&view), shape(&plain));
    assert_eq!(view.collect, plain.collect);
    assert_eq!(shape(&cte), shape(&plain));
}

#[test]
fn show_and_describe_answer_without_a_job() {
    let cells = |script: &str| match statements(script).into_iter().last().unwrap().outcome {
        Outcome::Table { rows, .. } => {
            rows.into_iter().map(|row| row.into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>().join("|")).collect::<Vec<_>>()
        }
        other => panic!("no table: {other:?}"),
    };
    assert_eq!(cells("SHOW TABLES;"), ["bid"]);
    assert_eq!(cells("DESCRIBE bid;")[4], "dt|TIMESTAMP(3) *ROWTIME*|TRUE|||dt - INTERVAL '2' SECOND");
    assert!(cells("SHOW CREATE TABLE bid;")[0].contains("WATERMARK FOR `dt`"));
    let explained = &cells("EXPLAIN SELECT price * 2 AS twice FROM bid WHERE auction > 1;")[0];
    for line in [
        "== Abstract Syntax Tree ==",
        "LogicalProject(twice=[(price * CAST(2 AS BIGINT))])",
        "== Optimized Physical Plan ==",
        "Calc(select=[auction, price, dt], where=[(auction > 1)])",
        "== Optimized Execution Plan ==",
    ] {
        assert!(explained.contains(line), "{line} is missing in:\n{explained}");
    }
}

#[test]
fn writers_of_partitions_that_event_time_completes_see_the_same_watermarks() {
    let sink = "CREATE TABLE parts (auction BIGINT, m STRING) PARTITIONED BY (m) WITH ('connector' = 'filesystem', 'path' = '/out', \
        'format' = 'csv', 'sink.partition-commit.policy.kind' = 'success-file'TRIGGER);";
    let by_event_time = sink.replace("TRIGGER", ", 'sink.partition-commit.trigger' = 'partition-time'");
    let rows = "INSERT INTO parts SELECT auction, DATE_FORMAT(dt, 'yyyy-MM-dd HH:mm') FROM bid;";
    check(
        &format!("{by_event_time} {rows}"),
        &["Source: bid[1] -> WatermarkAssigner[2] -> Calc[3] (4)", "Sink: parts (4)", "1 -> 2: REBALANCE"],
    );
    // By the clock there is nothing to agree on; behind a window's exchange they agree already.
    check(&format!("{} {rows}", sink.replace("TRIGGER", "")), &["Source: bid[1] -> WatermarkAssigner[2] -> Calc[3] -> Sink: parts (4)"]);
    check(
        &format!(
            "{by_event_time} INSERT INTO parts SELECT auction, DATE_FORMAT(TUMBLE_START(dt, INTERVAL '1' MINUTE), 'yyyy-MM-dd HH:mm') \
             FROM bid GROUP BY auction, TUMBLE(dt, INTERVAL '1' MINUTE);"
        ),
        &["Source: bid[1] -> WatermarkAssigner[2] (4)", "GroupWindowAggregate[3] -> Calc[4] -> Sink: parts (4)", "1 -> 2: HASH"],
    );
}
