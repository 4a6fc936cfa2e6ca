//! A session: statements of before are there for those of now, and errors point into the one that they are about.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::result_large_err)]

use std::collections::BTreeMap;

use irmak_common::error::Diagnostic;
use irmak_planner::{Format, Outcome, Part, Request, Statement, plan_in};

const TABLE: Part<'_> = Part { file: "tables.sql", text: "CREATE TABLE t (id INT)\nWITH ('connector' = 'datagen') -- the end", line: 7 };
const VIEW: Part<'_> = Part { file: "tables.sql", text: "CREATE VIEW v AS SELECT id\nFROM t;", line: 20 };
const WRONG: Part<'_> = Part { file: "tables.sql", text: "CREATE TABLE w (id INT) WITH (\n'connector' = 'kafka');", line: 30 };

fn plan(earlier: &[Part<'_>], text: &str) -> Result<Vec<Statement>, Diagnostic> {
    plan_in(earlier, 5, &Request { file: "sql", text, format: Format::Sql, configuration: &BTreeMap::new() })
}

#[test]
fn earlier_statements_are_there_and_their_outcomes_are_not() {
    let planned = plan(&[TABLE, VIEW], "SELECT id FROM v;").unwrap();
    assert!(matches!(planned[..], [Statement { outcome: Outcome::Job(_), .. }]), "{planned:?}");
    let planned = plan(&[TABLE, VIEW], "SHOW CREATE VIEW v; SHOW TABLES").unwrap();
    let [Statement { outcome: Outcome::Table { rows, .. }, .. }, Statement { .. }] = &planned[..] else { panic!("{planned:?}") };
    assert!(rows[0][0].as_ref().unwrap().contains("AS SELECT id\nFROM t"), "{rows:?}");
}

#[test]
fn an_error_is_told_in_the_lines_of_its_own_file() {
    let error = plan(&[TABLE], "\nSELECT ix FROM t;").unwrap_err().to_string();
    assert!(error.contains("--> sql:6:8") && error.contains("6 | SELECT ix"), "{error}");
}

#[test]
fn an_error_in_an_earlier_statement_points_there() {
    let error = plan(&[TABLE, WRONG], "SELECT id FROM w;").unwrap_err().to_string();
    assert!(error.contains("--> tables.sql:30:") || error.contains("--> tables.sql:31:"), "{error}");
}

#[test]
fn the_sql_clients_form_of_a_statement_set_is_one_job() {
    let sink = Part { file: "sql", text: "CREATE TABLE s (id INT) WITH ('connector' = 'blackhole');", line: 1 };
    let set = "BEGIN STATEMENT SET;\nINSERT INTO s SELECT id FROM t;\nINSERT INTO s SELECT id + 1 FROM t;\nEND;";
    let planned = plan(&[TABLE, sink], set).unwrap();
    assert!(matches!(planned[..], [Statement { outcome: Outcome::Job(_), .. }]), "{planned:?}");
}
