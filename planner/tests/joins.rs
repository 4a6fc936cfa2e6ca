//! What joins become: which operator, with which keys, and what is refused.

// Clippy knows tests by their attribute, and these are helpers of tests.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use irmak_planner::{Format, Outcome, Request, plan};

const TABLES: &str = "
CREATE TABLE a (k INT, v BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen');
CREATE TABLE b (k BIGINT, w BIGINT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'datagen');
CREATE TABLE files (x BIGINT) WITH ('connector' = 'filesystem', 'path' = '/tmp/x', 'format' = 'json');
";

fn planned(query: &str) -> Result<(Vec<String>, Vec<String>), String> {
    let text = format!("{TABLES}{query};");
    let request = Request { file: "test.sql", text: &text, format: Format::Sql, configuration: &BTreeMap::new() };
    let statements = plan(&request).map_err(|error| format!("{} {}", error.code, error.message))?;
    match statements.into_iter().last().map(|statement| statement.outcome) {
        Some(Outcome::Job(graph)) => {
            let nodes = graph.vertices.iter().flat_map(|vertex| &vertex.chain);
            Ok((nodes.map(|node| node.description.clone()).filter(|told| told.contains("Join(")).collect(), graph.warnings))
        }
        other => Err(format!("{other:?}")),
    }
}

#[track_caller]
fn check(query: &str, expected: &[&str]) {
    let (joins, _) = planned(query).unwrap();
    assert_eq!(joins.len(), expected.len(), "{joins:?}");
    for (join, expected) in joins.iter().zip(expected) {
        assert!(join.starts_with(expected), "{join}\ndoes not begin with\n{expected}");
    }
}

#[test]
fn the_condition_says_which_join_it_is() {
    check("SELECT a.v FROM a JOIN b ON a.v = b.w", &["Join(joinType=[InnerJoin], where=[(v = w)]"]);
    check(
        "SELECT a.v FROM a, b WHERE a.v = b.w AND a.ts BETWEEN b.ts - INTERVAL '1' SECOND AND b.ts",
        &["IntervalJoin(joinType=[InnerJoin], windowBounds=[isRowTime=true, leftLowerBound=-1000, leftUpperBound=0,"],
    );
    check(
        "SELECT a.v FROM a LEFT JOIN b ON a.v = b.w AND b.ts > a.ts AND b.ts < a.ts + INTERVAL '1' MINUTE",
        &["IntervalJoin(joinType=[LeftOuterJoin], windowBounds=[isRowTime=true, leftLowerBound=-59999, leftUpperBound=-1,"],
    );
    check("SELECT a.v FROM a LEFT JOIN b FOR SYSTEM_TIME AS OF a.ts AS b ON a.v = b.k", &["TemporalJoin(joinType=[LeftOuterJoin]"]);
    check("SELECT a.v FROM a JOIN b ON a.v = b.w AND a.ts > b.ts", &["Join("]);
}

#[test]
fn an_outer_join_whose_missing_rows_are_dropped_is_an_inner_one() {
    check("SELECT a.v FROM a LEFT JOIN b ON a.v = b.w WHERE b.k > 3", &["Join(joinType=[InnerJoin]"]);
    check("SELECT a.v FROM a FULL JOIN b ON a.v = b.w WHERE a.k = 1", &["Join(joinType=[LeftOuterJoin]"]);
    check("SELECT a.v FROM a LEFT JOIN b ON a.v = b.w WHERE b.k IS NULL", &["Join(joinType=[LeftOuterJoin]"]);
    assert!(planned("INSERT INTO files SELECT a.v FROM a LEFT JOIN b ON a.v = b.w WHERE b.k IS NOT NULL").is_ok());
    let refused = planned("INSERT INTO files SELECT a.v FROM a LEFT JOIN b ON a.v = b.w").unwrap_err();
    assert!(refused.starts_with("E0502") && refused.contains("update and delete changes"), "{refused}");
}

#[test]
fn what_every_branch_of_an_or_demands_is_a_key() {
    check(
        "SELECT a.v FROM a, b WHERE a.v = b.w AND a.k = 1 OR b.k = 2 AND a.v = b.w",
        &["Join(joinType=[InnerJoin], where=[((v = w) AND ("],
    );
    check("SELECT a.v FROM a, b WHERE a.v = b.w OR a.v = b.w AND b.k = 2", &["Join(joinType=[InnerJoin], where=[(v = w)]"]);
}

#[test]
fn keys_of_different_types_and_computed_keys_are_columns_below() {
    check("SELECT a.v FROM a JOIN b ON a.k = b.k", &["Join(joinType=[InnerJoin], where=[($f"]);
    check("SELECT a.v FROM a JOIN b ON a.v + 1 = b.w", &["Join(joinType=[InnerJoin], where=[($f"]);
}

#[test]
fn subqueries_become_semi_and_anti_joins() {
    check("SELECT v FROM a WHERE v IN (SELECT w FROM b)", &["Join(joinType=[LeftSemiJoin], where=[(v = w)]"]);
    check("SELECT v FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.w = a.v)", &["Join(joinType=[LeftAntiJoin], where=[(w = v)]"]);
    check(
        "SELECT v FROM a WHERE v NOT IN (SELECT w FROM b)",
        &["Join(joinType=[LeftAntiJoin], where=[(v IS NULL OR w IS NULL OR (v = w))]"],
    );
}

#[test]
fn what_cannot_be_is_refused() {
    for (query, code) in [
        ("SELECT v FROM a WHERE v IN (SELECT k, w FROM b)", "E0304"),
        ("SELECT v, (SELECT w, k FROM b) AS w FROM a", "E0304"),
        ("SELECT v FROM a RIGHT JOIN LATERAL (SELECT MAX(w) FROM b WHERE b.k = a.v) AS m(w) ON TRUE", "E0501"),
        ("SELECT v, (SELECT MAX(w) FROM b WHERE b.k > a.v) AS w FROM a", "E0501"),
        ("SELECT v, COUNT(*) AS c FROM a GROUP BY v HAVING v IN (SELECT w FROM b WHERE b.k = a.v)", "E0201"),
        (
            "SELECT v IN (SELECT w FROM b), v IN (SELECT w FROM b), v IN (SELECT w FROM b), v IN (SELECT w FROM b), v IN (SELECT w FROM b) FROM a",
            "E0104",
        ),
        ("SELECT v FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.nothing = a.v)", "E0207"),
        ("SELECT a.v FROM a JOIN b USING (nothing)", "E0207"),
        ("SELECT a.v FROM a JOIN (VALUES ('1')) AS c(w) ON a.v = c.w", "E0301"),
        ("SELECT a.v FROM a JOIN a FOR SYSTEM_TIME AS OF a.ts AS c ON a.k = c.k", "E0301"),
        ("SELECT a.v FROM a JOIN b FOR SYSTEM_TIME AS OF a.ts AS b ON a.v = b.w", "E0301"),
        // Not that the other table lacks what a join of that kind needs: it would not help.
        ("SELECT c.v FROM (SELECT v, k, PROCTIME() AS p FROM a) AS c JOIN a FOR SYSTEM_TIME AS OF c.p AS d ON c.k = d.k", "E0501"),
    ] {
        let error = planned(query).unwrap_err();
        assert!(error.starts_with(code), "{query}: {error}");
    }
}

#[test]
fn an_answer_of_in_or_exists_is_a_column_anywhere() {
    let kinds = |query: &str| -> Vec<String> {
        let (joins, _) = planned(query).unwrap();
        joins.iter().map(|join| join.split(['[', ']']).nth(1).unwrap_or_default().to_owned()).collect()
    };
    assert_eq!(kinds("SELECT v FROM a WHERE k = 1 OR EXISTS (SELECT 1 FROM b WHERE b.w = a.v)"), ["LeftSemiJoin", "LeftAntiJoin"]);
    // Where IN may answer UNKNOWN, a part of the rows of its own does.
    let parts = ["LeftSemiJoin", "LeftAntiJoin", "LeftSemiJoin", "LeftAntiJoin"];
    assert_eq!(kinds("SELECT CASE WHEN v IN (SELECT w FROM b) THEN 1 ELSE 2 END AS x FROM a"), parts);
    assert_eq!(kinds("SELECT v, COUNT(*) AS c FROM a GROUP BY v HAVING v IN (SELECT w FROM b)"), ["LeftSemiJoin"]);
}

#[test]
fn an_aggregate_that_looks_outside_is_grouped_and_joined() {
    check("SELECT v, (SELECT MAX(w) FROM b WHERE b.k = a.v) AS m FROM a", &["Join(joinType=[LeftOuterJoin], where=[(v = "]);
    check(
        "SELECT v FROM a WHERE v > (SELECT COUNT(*) + 1 FROM b WHERE a.v = b.k AND w > 3)",
        &["Join(joinType=[LeftOuterJoin], where=[(v = "],
    );
    check("SELECT v FROM a WHERE v > (SELECT MAX(w) FROM b WHERE a.v = b.k)", &["Join(joinType=[InnerJoin], where=[((v = "]);
    check("SELECT v, SUM(k) AS s, (SELECT MAX(w) FROM b) AS m FROM a GROUP BY v", &["Join(joinType=[LeftOuterJoin]"]);
}

#[test]
fn a_scalar_subquery_of_many_rows_is_planned_and_counted() {
    check("SELECT v, (SELECT w FROM b) AS w FROM a", &["Join(joinType=[LeftOuterJoin], where=[true]"]);
    check("SELECT v, (SELECT w FROM b WHERE b.k = a.v) AS w FROM a", &["Join(joinType=[LeftOuterJoin], where=[(v = "]);
    check("SELECT v FROM a WHERE v = (SELECT w FROM b ORDER BY w LIMIT 1)", &["Join(joinType=["]);
}

#[test]
fn any_and_all_are_semi_and_anti_joins() {
    check("SELECT v FROM a WHERE v > ANY (SELECT k FROM b)", &["Join(joinType=[LeftSemiJoin], where=[(v > k)]"]);
    check("SELECT v FROM a WHERE v = SOME (SELECT w FROM b)", &["Join(joinType=[LeftSemiJoin], where=[(v = w)]"]);
    check("SELECT v FROM a WHERE v < ALL (SELECT k FROM b)", &["Join(joinType=[LeftAntiJoin], where=[(v IS NULL OR (v >= k))]"]);
    check("SELECT v FROM a WHERE NOT v <> ALL (SELECT w FROM b)", &["Join(joinType=[LeftSemiJoin], where=[(v = w)]"]);
    check("SELECT v FROM a WHERE v > ALL (1, 2) AND v <= ANY (SELECT w FROM b)", &["Join(joinType=[LeftSemiJoin], where=[(v <= w)]"]);
}

#[test]
fn aggregates_in_lateral_are_grouped_by_what_they_look_at() {
    let query = "SELECT a.v, x.m, x.c FROM a, LATERAL (SELECT MAX(w) AS m, COUNT(*) AS c FROM b WHERE b.k = a.v) AS x";
    check(query, &["Join(joinType=[LeftOuterJoin], where=[(v = "]);
}

#[test]
fn subqueries_that_look_outside_do_not_double_the_work_without_end() {
    let deep =
        |depth: usize| format!("SELECT v FROM a WHERE {}nothing = 1{}", "EXISTS (SELECT 1 FROM b WHERE ".repeat(depth), ")".repeat(depth));
    assert!(planned(&deep(30)).is_err());
}
