//! Any text as statements of a session that has tables: planned or refused. What is planned can be explained and told apart from nonsense.

#![no_main]

use std::collections::BTreeMap;

use irmak_planner::{Format, Outcome, Part, Request, explain, plan_in};

const TABLES: Part<'static> = Part {
    file: "tables.sql",
    line: 1,
    text: "CREATE TABLE t (id INT, s STRING, d DECIMAL(10, 2), ts TIMESTAMP(3), a ARRAY<INT>, r ROW<x INT, y STRING>, m MAP<STRING, BIGINT>,
        p AS PROCTIME(), WATERMARK FOR ts AS ts - INTERVAL '5' SECOND) WITH ('connector' = 'datagen');
        CREATE TABLE k (id INT) WITH ('connector' = 'blackhole');
        CREATE VIEW v AS SELECT id, COUNT(*) AS c, window_start AS ws FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' MINUTE))
        GROUP BY id, window_start, window_end;",
};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let request = Request { file: "fuzz.sql", text, format: Format::Sql, configuration: &BTreeMap::new() };
    match plan_in(&[TABLES], 1, &request) {
        Ok(statements) => statements.iter().for_each(|statement| {
            if let Outcome::Job(graph) = &statement.outcome {
                assert!(!explain::text(graph).is_empty() && explain::json(graph).is_object());
            }
        }),
        Err(error) => assert!(error.to_string().starts_with("error[E0"), "{error}"),
    }
});
