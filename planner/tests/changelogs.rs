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
    let expected = "Configuration 'table.exec.source.cdc-events-duplicate' is enabled which requires the changelog sources to define a PRIMARY \
                    KEY. However, table 'default_catalog.default_database.cdc' doesn't have one.";
    assert!(error.contains(expected), "{error}");
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

#[test]
fn explain_tells_which_kinds_of_rows_an_operator_makes_and_who_needs_the_old_ones() {
    let counts = "(SELECT k, COUNT(*) AS c FROM t GROUP BY k)";
    for (query, lines) in [
        (
            format!("SELECT c, COUNT(*) AS n FROM {counts} GROUP BY c"),
            vec!["AS n], changelogMode=[I,UA,D])", "AS c], changelogMode=[I,UB,UA])"],
        ),
        (format!("INSERT INTO screen SELECT k, c FROM {counts}"), vec!["AS c], changelogMode=[I,UB,UA])"]),
        (
            format!("SELECT k, c FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY c DESC) AS rn FROM {counts}) WHERE rn <= 3"),
            vec!["AS c], changelogMode=[I,UA])", "select=[k, c], changelogMode=[I,UA,D])"],
        ),
        ("SELECT k FROM t EXCEPT SELECT k FROM t".to_owned(), vec!["changelogMode=[I,D])"]),
    ] {
        let text = explained(&format!("CHANGELOG_MODE {query};"));
        for line in lines {
            assert!(text.contains(line), "{query}: {line}\n{text}");
        }
    }
}

#[test]
fn windows_that_fire_early_update_and_those_of_table_functions_cannot() {
    let early = "SET 'table.exec.emit.early-fire.enabled' = 'true'; SET 'table.exec.emit.early-fire.delay' = '0 s';";
    let error =
        planned(&format!("{early} INSERT INTO files SELECT k, COUNT(*) FROM t GROUP BY k, TUMBLE(ts, INTERVAL '1' SECOND);")).unwrap_err();
    assert!(error.contains("consuming update changes which is produced by node GroupWindowAggregate"), "{error}");
    let table_function =
        "SELECT COUNT(*) FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' SECOND)) GROUP BY window_start, window_end;";
    let error = planned(&format!("{early} {table_function}")).unwrap_err();
    assert!(error.contains("window table function based aggregate doesn't support early-fire"), "{error}");
    let by = |window: &str| format!("{early} SELECT COUNT(*) FROM (SELECT *, PROCTIME() AS pt FROM t) GROUP BY {window};");
    let error = planned(&by("SESSION(ts, INTERVAL '1' SECOND)")).unwrap_err();
    assert!(error.contains("early-fire.enabled` is not supported for"), "{error}");
    planned(&by("TUMBLE(pt, INTERVAL '1' SECOND)")).unwrap();
}

const UPSERT: &str = "CREATE TABLE u (id INT, name STRING, ts TIMESTAMP(3), more AS UPPER(name), WATERMARK FOR ts AS ts - INTERVAL '1' SECOND, \
                      PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 't', 'properties.bootstrap.servers' = 'h:1', \
                      'key.format' = 'json', 'value.format' = 'json');\n\
                      CREATE TABLE latest (name STRING, n BIGINT, PRIMARY KEY (name) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', \
                      'topic' = 'o', 'properties.bootstrap.servers' = 'h:1', 'key.format' = 'json', 'value.format' = 'json');\n";

fn tree(statement: &str) -> String {
    match planned(statement).unwrap() {
        Outcome::Table { rows, .. } => {
            let text = rows[0][0].clone().unwrap();
            let from = text.find("== Optimized Physical Plan ==").unwrap();
            text[from..].split("== Optimized Execution").next().unwrap().to_owned()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_source_of_upserts_is_put_in_order_by_its_key_in_front_of_everything_but_the_watermark() {
    let text = tree(&format!("{UPSERT}EXPLAIN CHANGELOG_MODE INSERT INTO latest SELECT more, COUNT(*) AS n FROM u GROUP BY more;"));
    let lines = [
        "GroupAggregate(groupBy=[more], select=[more, COUNT_RETRACT(*) AS n], changelogMode=[I,UA,D])",
        "Exchange(distribution=[hash[more]])",
        "ChangelogNormalize(key=[id], changelogMode=[I,UB,UA,D])",
        "Exchange(distribution=[hash[id]])",
        "WatermarkAssigner(rowtime=[ts], watermark=[(ts - 1000:INTERVAL SECOND)], changelogMode=[UA,D])",
        "TableSourceScan(table=[[default_catalog, default_database, u]], fields=[id, name, ts], changelogMode=[UA,D])",
    ];
    let mut rest = text.as_str();
    for line in lines {
        let at = rest.find(line).unwrap_or_else(|| panic!("{line} is not, or not in its place, in\n{text}"));
        rest = &rest[at..];
    }
}

#[test]
fn the_old_contents_are_made_only_where_somebody_reads_them() {
    let same = "CREATE TABLE copy (id INT, name STRING, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'c', \
                'properties.bootstrap.servers' = 'h:1', 'key.format' = 'json', 'value.format' = 'json');\n";
    for (query, mode) in [
        ("INSERT INTO copy SELECT id, name FROM u", "ChangelogNormalize(key=[id], changelogMode=[I,UA,D])"),
        ("INSERT INTO copy SELECT id, name FROM u WHERE name > 'b'", "ChangelogNormalize(key=[id], changelogMode=[I,UB,UA,D])"),
        ("INSERT INTO latest SELECT name, CAST(id AS BIGINT) FROM u", "ChangelogNormalize(key=[id], changelogMode=[I,UB,UA,D])"),
        ("INSERT INTO screen SELECT name, CAST(id AS BIGINT) FROM u", "ChangelogNormalize(key=[id], changelogMode=[I,UB,UA,D])"),
    ] {
        let text = tree(&format!("{UPSERT}{same}EXPLAIN CHANGELOG_MODE {query};"));
        assert!(text.contains(mode), "{query}\n{text}");
    }
    let both = "EXPLAIN CHANGELOG_MODE STATEMENT SET BEGIN INSERT INTO copy SELECT id, name FROM u; \
                INSERT INTO screen SELECT name, CAST(id AS BIGINT) FROM u; END;";
    let text = tree(&format!("{UPSERT}{same}{both}"));
    assert_eq!(text.matches("ChangelogNormalize(key=[id], changelogMode=[I,UB,UA,D])").count(), 2, "{text}");
}

#[test]
fn changes_that_may_come_twice_are_put_in_order_by_the_primary_key() {
    let table = "SET 'table.exec.source.cdc-events-duplicate' = 'true';\n\
                 CREATE TABLE cdc (id INT, k STRING, n BIGINT, PRIMARY KEY (id) NOT ENFORCED) WITH ('connector' = 'filesystem', 'path' = '/c', \
                 'format' = 'debezium-json');\n";
    let text = tree(&format!("{table}EXPLAIN CHANGELOG_MODE INSERT INTO screen SELECT k, n FROM cdc;"));
    let lines = [
        "ChangelogNormalize(key=[id], changelogMode=[I,UB,UA,D])",
        "Exchange(distribution=[hash[id]])",
        "DropUpdateBefore(changelogMode=[I,UA,D])",
        "TableSourceScan(table=[[default_catalog, default_database, cdc]], fields=[id, k, n], changelogMode=[I,UB,UA,D])",
    ];
    let mut rest = text.as_str();
    for line in lines {
        let at = rest.find(line).unwrap_or_else(|| panic!("{line} is not, or not in its place, in\n{text}"));
        rest = &rest[at..];
    }
}

#[test]
fn an_upsert_table_needs_a_key_and_formats_of_rows() {
    let table = |columns: &str, more: &str| {
        format!(
            "CREATE TABLE u (id INT, name STRING{columns}) WITH ('connector' = 'upsert-kafka', 'topic' = 't', \
             'properties.bootstrap.servers' = 'h:1', 'key.format' = 'json'{more});\nINSERT INTO screen SELECT name, 1 FROM u;"
        )
    };
    let key = ", PRIMARY KEY (id) NOT ENFORCED";
    for (columns, more, words) in [
        ("", ", 'value.format' = 'json'", "'upsert-kafka' tables require to define a PRIMARY KEY constraint"),
        (
            key,
            ", 'value.format' = 'debezium-json'",
            "'upsert-kafka' connector doesn't support 'debezium-json' as value format, because it's not in insert-only mode",
        ),
        (key, "", "required option `format` is missing"),
        (key, ", 'value.format' = 'json', 'scan.startup.mode' = 'latest-offset'", "has no option `scan.startup.mode`"),
        (key, ", 'value.format' = 'json', 'scan.bounded.mode' = 'timestamp'", "only with 'scan.bounded.timestamp-millis'"),
        (key, ", 'value.format' = 'json', 'key.fields-prefix' = 'i'", "EXCEPT_KEY"),
    ] {
        let error = planned(&table(columns, more)).unwrap_err();
        assert!(error.contains(words), "{words}\n{error}");
    }
}

#[test]
fn windows_aggregate_changes_and_only_insert() {
    let cdc = "CREATE TABLE cdc (k STRING, n BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'filesystem', 'path' = '/c', \
               'format' = 'debezium-json');\n";
    let second = "INTERVAL '1' SECOND";
    for (query, line) in [
        (
            format!("SELECT k, SUM(n) AS s FROM cdc GROUP BY k, TUMBLE(ts, {second})"),
            "GroupWindowAggregate(groupBy=[k], window=[TumblingGroupWindow('w$, ts, 1000)], select=[k, SUM_RETRACT(n) AS s], changelogMode=[I])",
        ),
        (
            format!(
                "SELECT k, COUNT(*) AS s FROM TABLE(HOP(TABLE cdc, DESCRIPTOR(ts), {second}, {second})) GROUP BY k, window_start, window_end"
            ),
            "WindowAggregate(groupBy=[k], window=[HOP(time_col=[ts], size=[1 s], slide=[1 s])], select=[k, COUNT_RETRACT(*) AS s",
        ),
        (
            format!("SELECT k, window_end FROM TABLE(TUMBLE(TABLE cdc, DESCRIPTOR(ts), {second}))"),
            "WindowTableFunction(window=[TUMBLE(time_col=[ts], size=[1 s])], changelogMode=[I,UA,D])",
        ),
    ] {
        let text = tree(&format!("{cdc}EXPLAIN CHANGELOG_MODE {query};"));
        assert!(text.contains(line), "{query}\n{text}");
    }
    // Their results are only added, so that files take them.
    planned(&format!("{cdc}INSERT INTO files SELECT k, SUM(n) FROM cdc GROUP BY k, TUMBLE(ts, {second});")).unwrap();
    let early = "SET 'table.exec.emit.early-fire.enabled' = 'true'; SET 'table.exec.emit.early-fire.delay' = '0 s';";
    planned(&format!("{cdc}{early}INSERT INTO screen SELECT k, SUM(n) FROM cdc GROUP BY k, TUMBLE(ts, {second});")).unwrap();
    planned(&format!("{cdc}INSERT INTO files SELECT k, SUM(n) FROM cdc GROUP BY k, SESSION(ts, {second});")).unwrap();
}

#[test]
fn a_sink_whose_key_is_not_the_rows_own_gets_a_materializer() {
    let pair = "CREATE TABLE pair (id INT, name STRING, PRIMARY KEY (id, name) NOT ENFORCED) WITH ('connector' = 'upsert-kafka', 'topic' = 'p', \
                'properties.bootstrap.servers' = 'h:1', 'key.format' = 'json', 'value.format' = 'json');\n";
    let force = "SET 'table.exec.sink.upsert-materialize' = 'FORCE';\n";
    let none = "SET 'table.exec.sink.upsert-materialize' = 'NONE';\n";
    for (setting, query, materializes, ends_old_keys) in [
        ("", "INSERT INTO latest SELECT name, CAST(id AS BIGINT) FROM u", true, false),
        (none, "INSERT INTO latest SELECT name, CAST(id AS BIGINT) FROM u", false, true),
        ("", "INSERT INTO latest SELECT name, COUNT(*) FROM u GROUP BY name", false, false),
        (force, "INSERT INTO latest SELECT name, COUNT(*) FROM u GROUP BY name", true, false),
        ("", "INSERT INTO latest SELECT k, CAST(v AS BIGINT) FROM t", false, false),
        // More than the rows' own key: they move, but never meet.
        ("", "INSERT INTO pair SELECT id, name FROM u", false, true),
        ("", "INSERT INTO screen SELECT name, CAST(id AS BIGINT) FROM u", false, false),
    ] {
        let text = tree(&format!("{UPSERT}{pair}{setting}EXPLAIN {query};"));
        assert_eq!(text.contains("upsertMaterialize=[true]") && text.contains("SinkMaterializer(pk=["), materializes, "{query}\n{text}");
        let Outcome::Job(graph) = planned(&format!("{UPSERT}{pair}{setting}{query};")).unwrap() else { panic!("{query}") };
        let told = serde_json::to_string(&graph).unwrap();
        assert_eq!(told.contains("ends_old_keys"), ends_old_keys, "{query}");
    }
    let error = planned(&format!("{UPSERT}SET 'table.exec.sink.upsert-materialize' = 'MAYBE';\nINSERT INTO screen SELECT name, 1 FROM u;"));
    assert!(error.unwrap_err().contains("AUTO, NONE, FORCE"));
}
