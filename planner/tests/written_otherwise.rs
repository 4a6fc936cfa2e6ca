//! What people write in more than one way: fields of rows, windows made of windows, numbers of rows, ranks bounded by a column, the first
//! rows of a LATERAL subquery.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use irmak_planner::{Format, Outcome, Request, plan};

const TABLES: &str = "CREATE TABLE t (k INT, s STRING, v INT, r ROW<a INT, b ROW<c STRING>>, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) \
    WITH ('connector' = 'datagen');\n";

fn planned(statement: &str) -> Result<Outcome, String> {
    let text = format!("{TABLES}{statement};");
    let request = Request { file: "job", text: &text, format: Format::Sql, configuration: &BTreeMap::new() };
    plan(&request).map(|mut all| all.pop().unwrap().outcome).map_err(|error| error.to_string())
}

/// The columns of the result.
#[track_caller]
fn columns(query: &str, expected: &[&str]) {
    let Outcome::Job(graph) = planned(query).unwrap_or_else(|error| panic!("{error}")) else { panic!("no job") };
    let fields = graph.collect.unwrap().fields;
    let told: Vec<String> = fields.iter().map(|field| format!("{} {}", field.name, field.ty)).collect();
    assert_eq!(told, expected, "{query}");
}

/// Parts of the plan.
#[track_caller]
fn explained(query: &str, expected: &[&str]) {
    let Outcome::Table { rows, .. } = planned(&format!("EXPLAIN {query}")).unwrap_or_else(|error| panic!("{error}")) else { panic!() };
    let text = rows[0][0].clone().unwrap();
    expected.iter().for_each(|part| assert!(text.contains(part), "{query}\n{part}\n{text}"));
}

#[track_caller]
fn refused(query: &str, code: &str, words: &str) {
    let error = planned(query).expect_err(query);
    assert!(error.starts_with(&format!("error[{code}]")) && error.contains(words), "{query}\n{error}");
}

#[test]
fn a_field_of_a_row_is_read_by_name_and_by_place() {
    columns("SELECT r[1] AS x, r['b'] AS y, r[2]['c'] AS z FROM t", &["x INT", "y ROW<`c` STRING>", "z STRING"]);
    columns("SELECT ROW(1, 'x')[2] AS x", &["x CHAR(1) NOT NULL"]);
    for place in ["0", "3", "k", "'nothing'"] {
        refused(&format!("SELECT r[{place}] FROM t"), "E0209", "");
    }
}

#[test]
fn the_only_column_of_values_is_called_as_their_table() {
    columns("SELECT * FROM (VALUES (1), (2E0)) AS x", &["x DOUBLE NOT NULL"]);
    columns("SELECT x FROM (VALUES 1, 2) AS x WHERE x.x > 1", &["x INT NOT NULL"]);
    columns("SELECT * FROM (VALUES 1, 2) AS x (y)", &["y INT NOT NULL"]);
    columns("SELECT * FROM (VALUES 1, 2)", &["EXPR$0 INT NOT NULL"]);
    columns("SELECT * FROM (VALUES (1, 2)) AS x", &["EXPR$0 INT NOT NULL", "EXPR$1 INT NOT NULL"]);
    columns("SELECT * FROM (VALUES (ROW(1, 'a')), (ROW(2, 'bc'))) AS x", &["EXPR$0 INT NOT NULL", "EXPR$1 VARCHAR(2) NOT NULL"]);
}

#[test]
fn fields_of_rows_are_grouped_by() {
    columns("SELECT r.b.c, COUNT(*) AS n FROM t GROUP BY r.b.c", &["c STRING", "n BIGINT NOT NULL"]);
    columns("SELECT o.r.b.c AS x, MAX(v) AS m FROM t AS o GROUP BY o.r.b HAVING o.r.b.c <> 'y'", &["x STRING", "m INT"]);
    columns("SELECT UPPER(r.b.c) AS x FROM t GROUP BY r.b.c, r.a", &["x STRING"]);
    refused("SELECT r.a, COUNT(*) FROM t GROUP BY r.b.c", "E0208", "`r.a` is not being grouped");
    refused("SELECT r, COUNT(*) FROM t GROUP BY r.b.c", "E0208", "`r` is not being grouped");
}

#[test]
fn a_window_is_made_of_one_before_it() {
    let declared = "FROM t WINDOW w AS (PARTITION BY k), u AS (w ORDER BY ts)";
    explained(
        &format!("SELECT SUM(v) OVER (u ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS x {declared}"),
        &["OverAggregate(partitionBy=[k], orderBy=[ts ASC], window=[ ROWS BETWEEN 2 PRECEDING AND CURRENT ROW]"],
    );
    explained(&format!("SELECT SUM(v) OVER u AS x {declared}"), &["window=[ RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW]"]);
    refused(&format!("SELECT SUM(v) OVER (u ORDER BY ts) {declared}"), "E0101", "cannot be given ORDER BY anew");
    refused(&format!("SELECT SUM(v) OVER (u PARTITION BY s) {declared}"), "E0101", "cannot be given PARTITION BY anew");
    refused("SELECT SUM(v) OVER (w ORDER BY ts) FROM t WINDOW w AS (w)", "E0209", "there is no window `w`");
}

#[test]
fn a_rank_is_bounded_by_a_column_that_parts_it() {
    let ranked = |by: &str, bound: &str| {
        format!("SELECT k, v, rn FROM (SELECT k, v, ROW_NUMBER() OVER (PARTITION BY {by} ORDER BY v DESC) AS rn FROM t) WHERE {bound}")
    };
    for bound in ["rn <= k", "k >= rn"] {
        explained(&ranked("k", bound), &["Rank(strategy=[AppendFastStrategy], rankType=[ROW_NUMBER], rankRange=[rankStart=1, rankEnd=k]"]);
    }
    // What is not all of it is asked once more above.
    for bound in ["rn < k", "rn = k", "rn <= k AND rn >= 2 AND v > 3"] {
        explained(&ranked("k", bound), &["rankEnd=k]", "Calc"]);
    }
    explained(&ranked("s", "rn <= 1 + 1"), &["rankEnd=2]"]);
    refused(&ranked("s", "rn <= k"), "E0306", "needs an upper bound");
    refused(&ranked("k", "rn >= k"), "E0306", "needs an upper bound");
}

#[test]
fn a_lateral_subquery_has_the_first_rows_for_each_row_before_it() {
    let lateral = |tail: &str| {
        format!("SELECT o.k, i.v FROM (SELECT DISTINCT k FROM t) AS o, LATERAL (SELECT v, s AS name FROM t WHERE t.k = o.k {tail}) AS i")
    };
    for (tail, order) in [("v DESC LIMIT 2", "v DESC"), ("name LIMIT 2", "s ASC"), ("1 DESC LIMIT 2", "v DESC")] {
        explained(
            &lateral(&format!("ORDER BY {tail}")),
            &[&format!("rankEnd=2], partitionBy=[k], orderBy=[{order}]"), "Join(joinType=[InnerJoin]"],
        );
    }
    explained(&lateral("ORDER BY v LIMIT 2 OFFSET 1"), &["rankRange=[rankStart=2, rankEnd=3]"]);
    refused(&lateral("ORDER BY o.k LIMIT 2"), "E0501", "ordered by its own columns");
    refused(&lateral("AND t.v > o.k ORDER BY v LIMIT 2"), "E0501", "compares by `=`");
}

#[test]
fn a_row_that_may_be_null_has_fields_that_may() {
    let declared = |ty: &str, told: &str| {
        let script = format!("CREATE TABLE u (x {ty}) WITH ('connector' = 'datagen'); SELECT x FROM u");
        columns(&script, &[&format!("x {told}")]);
    };
    declared("ROW<a INT NOT NULL, b INT>", "ROW<`a` INT, `b` INT>");
    declared("ROW<a INT NOT NULL, b INT> NOT NULL", "ROW<`a` INT NOT NULL, `b` INT> NOT NULL");
    declared("ARRAY<ROW<a INT NOT NULL, b ROW<c INT NOT NULL> NOT NULL>>", "ARRAY<ROW<`a` INT, `b` ROW<`c` INT>>>");
    declared("ROW<n ROW<e ARRAY<INT NOT NULL>> NOT NULL>", "ROW<`n` ROW<`e` ARRAY<INT NOT NULL>>>");
    columns("SELECT CAST(ROW(1, 2) AS ROW<a INT NOT NULL, b INT>) AS x", &["x ROW<`a` INT NOT NULL, `b` INT> NOT NULL"]);
    columns("SELECT CAST(NULL AS ROW<a INT NOT NULL>) AS x", &["x ROW<`a` INT>"]);
}
