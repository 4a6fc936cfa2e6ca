//! No script breaks the planner: not by depth, not by length, not by nonsense.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use irmak_planner::{Format, Outcome, Request, plan};
use proptest::prelude::*;

fn planned(text: &str) -> Result<(), String> {
    let result = plan(&Request { file: "-", text, format: Format::Sql, configuration: &BTreeMap::new() });
    result.map(|_| ()).map_err(|error| error.code)
}

/// On a small stack, as a server's threads have.
fn on_a_small_stack(run: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn ten_thousand_parentheses_are_an_error_not_a_crash() {
    on_a_small_stack(|| {
        let deep = |open: &str, inner: &str, close: &str| format!("SELECT {}{inner}{}", open.repeat(10_000), close.repeat(10_000));
        for text in [
            deep("(", "1", ")"),
            deep("(", "1", ""),
            deep("-", "x", ""),
            deep("NOT ", "TRUE", ""),
            deep("CASE WHEN TRUE THEN ", "1", " END"),
            deep("ABS(", "1", ")"),
            deep("CAST(", "1", " AS INT)"),
            deep("ARRAY[", "1", "]"),
            format!("SELECT {}1", "1 + ".repeat(10_000)),
            format!("SELECT 1 FROM {}", "(SELECT 1 FROM ".repeat(10_000)),
            format!("SELECT {}", "x[".repeat(10_000)),
            format!("SELECT CAST(NULL AS {}INT{})", "ARRAY<".repeat(10_000), ">".repeat(10_000)),
            format!("CREATE TABLE t (a {}INT{}) WITH ('connector' = 'datagen')", "ARRAY<".repeat(10_000), ">".repeat(10_000)),
            format!("{}SELECT 1", "EXPLAIN ".repeat(10_000)),
            format!("SELECT 1 FROM t{}", " JOIN t".repeat(10_000)),
            format!("SELECT a{}", ".b".repeat(10_000)),
        ] {
            assert!(planned(&text).is_err(), "{}", &text[..40]);
        }
    });
}

#[test]
fn long_is_not_deep() {
    on_a_small_stack(|| {
        let long = format!("SELECT TRUE{}{}", " AND TRUE".repeat(5_000), " OR FALSE".repeat(5_000));
        assert_eq!(planned(&long), Ok(()));
        let union = format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(1_000));
        assert_eq!(planned(&union), Ok(()));
    });
}

#[test]
fn forty_columns_are_joined_to_one_text() {
    on_a_small_stack(|| {
        let chain = " || '-' || s".repeat(40);
        let text = format!("CREATE TABLE t (s STRING) WITH ('connector' = 'datagen'); SELECT s{chain} FROM t");
        assert_eq!(planned(&text), Ok(()));
    });
}

#[test]
fn views_on_views_are_bounded_too() {
    on_a_small_stack(|| {
        let views: String = (1..500).map(|n| format!("CREATE VIEW v{n} AS SELECT x + 1 AS x FROM v{};\n", n - 1)).collect();
        let text = format!("CREATE VIEW v0 AS SELECT 1 AS x;\n{views}SELECT * FROM v499;");
        assert_eq!(planned(&text), Err("E0104".into()));
    });
}

#[test]
fn every_accepted_plan_survives_its_json() {
    on_a_small_stack(|| {
        // Deeper ones are refused: a plan that cannot be read again is none.
        for depth in [5, 15, 25, 40, 60, 90] {
            let text = format!(
                "CREATE TABLE t (x INT) WITH ('connector' = 'datagen'); SELECT {}x{} FROM t",
                "(x + ".repeat(depth),
                ")".repeat(depth)
            );
            let statements = match plan(&Request { file: "-", text: &text, format: Format::Sql, configuration: &BTreeMap::new() }) {
                Ok(statements) => statements,
                Err(error) => {
                    assert_eq!(error.code, "E0104", "{error}");
                    continue;
                }
            };
            let Outcome::Job(graph) = &statements[1].outcome else { panic!("no job") };
            let json = serde_json::to_string(graph).unwrap();
            assert_eq!(serde_json::from_str::<irmak_common::job_graph::JobGraph>(&json).unwrap(), *graph, "depth {depth}");
        }
    });
}

const WORDS: [&str; 60] = [
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP",
    "BY",
    "HAVING",
    "CREATE",
    "TABLE",
    "VIEW",
    "AS",
    "WITH",
    "(",
    ")",
    ",",
    ";",
    ".",
    "*",
    "+",
    "-",
    "=",
    "<>",
    "'x'",
    "1",
    "1.5",
    "t",
    "id",
    "`q`",
    "TUMBLE",
    "INTERVAL",
    "'5'",
    "SECOND",
    "DESCRIPTOR",
    "CAST",
    "INT",
    "ARRAY",
    "[",
    "]",
    "<",
    ">",
    "CASE",
    "WHEN",
    "THEN",
    "END",
    "NOT",
    "NULL",
    "BETWEEN",
    "AND",
    "IN",
    "LIKE",
    "IS",
    "UNION",
    "ALL",
    "INSERT",
    "INTO",
    "VALUES",
    "JOIN",
    "ON",
    "OVER",
    "=>",
    "||",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn word_salad_is_refused_politely(words in prop::collection::vec(prop::sample::select(&WORDS[..]), 0..40)) {
        let text = words.join(" ");
        let _ = planned(&text);
        let _ = planned(&format!("CREATE TABLE t (id INT) WITH ('connector' = 'datagen'); SELECT {text}"));
    }

    #[test]
    fn any_text_is_refused_politely(text in "\\PC{0,80}") {
        let _ = planned(&text);
        for format in [Format::Yaml, Format::Json] {
            let _ = plan(&Request { file: "-", text: &text, format, configuration: &BTreeMap::new() });
        }
    }
}
