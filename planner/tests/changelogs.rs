//! Which queries update and delete, who may read them, and what EXPLAIN says of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use irmak_planner::{Format, Outcome, Request, plan};

const TABLES: &str = "CREATE TABLE t (k STRING, v INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen');
CREATE TABLE files (k STRING, n BIGINT) WITH ('connector' = 'filesystem', 'path' = '/f', 'format' = 'json');
CREATE TABLE screen (k STRING, n BIGINT) WITH ('connector' = 'print');
";

fn planned(statement: &str) -> Result<Outcome, String> {
    let text = format!("{TABLES}{statement}");
    let request = Request { file: "job", text: &text, format: Format::Sql, configuration: &BTreeMap::new() };
    plan(&request).map(|mut all| all.pop().unwrap().outcome).map_err(|error| error.to_string())
}

fn explained(query: &str) -> String {
    match planned(&format!("EXPLAIN {query}")).unwrap() {
        Outcome::Table { rows, .. } => rows[0][0].clone().unwrap().split("== Optimized Execution").next().unwrap().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_sink_of_files_refuses_updates_in_flinks_words() {
    for (query, what) in [
        (
            "SELECT k, COUNT(*) FROM t GROUP BY k",
            "update changes which is produced by node GroupAggregate(groupBy=[k], select=[k, COUNT(*) AS EXPR$1])",
        ),
        ("SELECT DISTINCT k, CAST(1 AS BIGINT) FROM t", "update changes which is produced by node GroupAggregate("),
        (
            "SELECT k, COUNT(*) FROM (SELECT k, v, COUNT(*) AS c FROM t GROUP BY k, v) GROUP BY k",
            "update and delete changes which is produced by node GroupAggregate(groupBy=[k], select=[k, COUNT_RETRACT(*) AS EXPR$1])",
        ),
        ("SELECT k, CAST(v AS BIGINT) FROM t INTERSECT SELECT k, CAST(v AS BIGINT) FROM t", "delete changes which is produced by node"),
    ] {
        let error = planned(&format!("INSERT INTO files {query};")).unwrap_err();
        let expected = format!("Table sink 'default_catalog.default_database.files' doesn't support consuming {what}");
        assert!(error.starts_with("error[E0502]") && error.contains(&expected), "{query}\n{error}");
        assert!(error.contains("--> job:4:13"), "{error}");
        planned(&format!("INSERT INTO screen {query};")).unwrap();
    }
}

#[test]
fn a_source_of_changes_updates_and_a_sink_of_changes_takes_them() {
    let tables = "CREATE TABLE cdc (k STRING, n BIGINT) WITH ('connector' = 'filesystem', 'path' = '/c', 'format' = 'debezium-json');\n";
    let error = planned(&format!("{tables}INSERT INTO files SELECT k, n FROM cdc WHERE n > 1;")).unwrap_err();
    let expected = "Table sink 'default_catalog.default_database.files' doesn't support consuming update and delete changes which is \
                    produced by node TableSourceScan(table=[[default_catalog, default_database, cdc]], fields=[k, n])";
    assert!(error.contains(expected), "{error}");
    planned(&format!("{tables}INSERT INTO screen SELECT k, n FROM cdc;")).unwrap();
    planned(&format!("{tables}INSERT INTO cdc SELECT k, COUNT(*) FROM t GROUP BY k;")).unwrap();
    let repeating = format!("{tables}SET 'table.exec.source.cdc-events-duplicate' = 'true';\nINSERT INTO screen SELECT k, n FROM cdc;");
    let error = planned(&repeating).unwrap_err();
    assert!(error.contains("'table.exec.source.cdc-events-duplicate' = 'true' is not supported yet"), "{error}");
}

#[test]
fn windows_read_inserts_only() {
    let updating = "(SELECT ts, COUNT(*) AS n FROM t GROUP BY ts)";
    let error =
        planned(&format!("SELECT n, COUNT(*) OVER (PARTITION BY n ORDER BY pt) FROM (SELECT n, PROCTIME() AS pt FROM {updating});"))
            .unwrap_err();
    let expected = "StreamPhysicalOverAggregate doesn't support consuming update changes which is produced by node GroupAggregate";
    assert!(error.contains(expected), "{error}");
    planned("SELECT COUNT(*) FROM t GROUP BY TUMBLE(ts, INTERVAL '1' SECOND);").unwrap();
}

#[test]
fn a_top_n_keeps_as_few_rows_as_its_input_allows() {
    let counts = "(SELECT k, v, COUNT(*) AS c, MIN(ts) AS least FROM t GROUP BY k, v)";
    for (input, order, strategy) in [
        ("t", "v", "AppendFastStrategy"),
        (counts, "c DESC, k", "UpdateFastStrategy[0,1]"),
        (counts, "c", "RetractStrategy"),
        (counts, "least", "UpdateFastStrategy[0,1]"),
        ("(SELECT k, v, c FROM (SELECT k, v, COUNT(*) AS c FROM t GROUP BY k, v) WHERE c < 3)", "c DESC", "RetractStrategy"),
        ("(SELECT k, COUNT(*) AS c FROM (SELECT k, v, COUNT(*) FROM t GROUP BY k, v) GROUP BY k)", "c DESC", "RetractStrategy"),
    ] {
        let text = explained(&format!("SELECT * FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY {order}) AS rn FROM {input}) WHERE rn <= 3;"));
        assert!(text.contains(&format!("Rank(strategy=[{strategy}]")), "{input} {order}\n{text}");
    }
}

#[test]
fn distinct_within_windows_is_an_aggregate_of_windows() {
    let query = "SELECT DISTINCT window_start, window_end, k FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' SECOND));";
    let text = explained(query);
    assert!(text.contains("WindowAggregate(groupBy=[k]"), "{text}");
    planned(&format!("INSERT INTO files SELECT k, CAST(1 AS BIGINT) FROM ({});", query.trim_end_matches(';'))).unwrap();
}

#[test]
fn explain_names_the_operators_that_update() {
    for (query, line) in [
        ("SELECT k, COUNT(*) AS c FROM t GROUP BY k;", "GroupAggregate(groupBy=[k], select=[k, COUNT(*) AS c])\n"),
        ("SELECT COUNT(*) AS c FROM t;", "GroupAggregate(select=[COUNT(*) AS c])\n"),
        ("SELECT k FROM t UNION SELECT k FROM screen2;", "GroupAggregate(groupBy=[k], select=[k])\n"),
        ("SELECT k FROM t EXCEPT ALL SELECT k FROM screen2;", "Except(all=[true], select=[k])\n"),
    ] {
        let query = query.replace("screen2", "(VALUES ('a')) AS q(k)");
        let text = explained(&query);
        assert!(text.contains(line), "{query}\n{text}");
    }
}
