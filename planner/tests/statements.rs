//! Statements about tables: SHOW, DESCRIBE, ALTER, LIKE, temporary tables, CREATE TABLE AS. What each leaves behind, and what is refused.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use irmak_planner::{Format, Outcome, Request, plan};

const TABLES: &str = "CREATE TABLE bid (auction BIGINT, price BIGINT, dt TIMESTAMP(3), WATERMARK FOR dt AS dt) \
     WITH ('connector' = 'filesystem', 'path' = '/b', 'format' = 'json'); \
     CREATE TABLE bh (a INT, s STRING, total AS a + 1) WITH ('connector' = 'blackhole'); \
     CREATE TABLE keyed (k INT, v INT, PRIMARY KEY (k) NOT ENFORCED) WITH ('connector' = 'blackhole'); \
     CREATE VIEW most AS SELECT auction, price FROM bid;";

fn planned(statements: &str) -> Result<Vec<Outcome>, String> {
    let text = format!("{TABLES}\n{statements}");
    let planned = plan(&Request { file: "job", text: &text, format: Format::Sql, configuration: &BTreeMap::new() });
    planned.map(|all| all.into_iter().map(|one| one.outcome).collect()).map_err(|error| error.to_string())
}

/// The first cells of the last statement's answer.
fn answer(statements: &str) -> String {
    match planned(statements).unwrap_or_else(|error| panic!("{statements}\n{error}")).pop() {
        Some(Outcome::Table { rows, .. }) => {
            rows.into_iter().map(|row| row.into_iter().next().flatten().unwrap_or_default()).collect::<Vec<_>>().join(" ")
        }
        other => panic!("{statements}: {other:?}"),
    }
}

fn check_answers(cases: &[(&str, &str)]) {
    for (statements, expected) in cases {
        assert_eq!(answer(statements).split_whitespace().collect::<Vec<_>>().join(" "), *expected, "{statements}");
    }
}

/// Statement, code, column of the last line.
fn check_refused(cases: &[(&str, &str, u32)]) {
    let mut wrong = Vec::new();
    for (statement, code, column) in cases {
        match planned(statement) {
            Ok(_) => wrong.push(format!("accepted: {statement}")),
            Err(told) if told.starts_with(&format!("error[{code}]")) && told.contains(&format!("job:2:{column}\n")) => {}
            Err(told) => wrong.push(format!("{statement}: {code} at {column} expected\n{told}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn show_lists_what_a_pattern_takes() {
    check_answers(&[
        ("SHOW TABLES;", "bh bid keyed most"),
        ("SHOW TABLES LIKE 'b%';", "bh bid"),
        ("SHOW TABLES NOT LIKE '%d';", "bh most"),
        ("SHOW TABLES FROM default_database LIKE '_id';", "bid"),
        ("SHOW TABLES IN default_catalog.default_database;", "bh bid keyed most"),
        ("SHOW VIEWS LIKE '%';", "most"),
        ("SHOW FUNCTIONS LIKE 'lower';", "lower"),
        ("SHOW FUNCTIONS ILIKE 'LOWER';", "lower"),
        ("SHOW USER FUNCTIONS;", ""),
        ("SHOW CATALOGS LIKE 'default%';", "default_catalog"),
        ("SHOW DATABASES FROM default_catalog;", "default_database"),
        ("SHOW CURRENT CATALOG;", "default_catalog"),
        ("SHOW CURRENT DATABASE;", "default_database"),
        ("SHOW MODULES;", "core"),
        ("SHOW FULL MODULES;", "core"),
        ("SHOW PROCEDURES;", ""),
        ("SHOW JARS;", ""),
        ("SHOW COLUMNS FROM bid;", "auction price dt"),
        ("SHOW COLUMNS IN bid NOT LIKE 'd_';", "auction price"),
        ("DESCRIBE EXTENDED bh;", "a s total"),
        ("DESC most;", "auction price"),
        ("USE default_database; USE CATALOG default_catalog; USE default_catalog.default_database; USE MODULES core; SHOW VIEWS;", "most"),
    ]);
    check_refused(&[
        ("SHOW TABLES FROM nope;", "E0201", 18),
        ("SHOW COLUMNS bid;", "E0101", 14),
        ("SHOW COLUMNS FROM nope;", "E0201", 19),
        ("SHOW TABLES LIKE b;", "E0101", 18),
        ("SHOW PARTITIONS bid;", "E0501", 6),
        ("USE nope.default_database;", "E0201", 5),
    ]);
}

const MEMORY: &str = "WITH ('type' = 'generic_in_memory')";
const TABLE: &str = "(id INT) WITH ('connector' = 'datagen')";

#[test]
fn catalogs_and_databases_are_made_used_and_dropped() {
    let catalog = format!("CREATE CATALOG c {MEMORY};");
    let full = format!("CREATE DATABASE d; CREATE TABLE d.t {TABLE}; CREATE VIEW d.v AS SELECT id FROM d.t;");
    check_answers(&[
        (&format!("{catalog} SHOW CATALOGS;"), "c default_catalog"),
        (&format!("{catalog} CREATE CATALOG IF NOT EXISTS c {MEMORY}; USE CATALOG c; SHOW CURRENT DATABASE;"), "default"),
        ("CREATE CATALOG c WITH ('type' = 'generic_in_memory', 'default-database' = 'mine'); SHOW DATABASES IN c;", "mine"),
        (&format!("{catalog} DROP CATALOG c; DROP CATALOG IF EXISTS c; SHOW CATALOGS;"), "default_catalog"),
        (&format!("{catalog} USE CATALOG c; DROP CATALOG default_catalog; SHOW CATALOGS;"), "c"),
        ("CREATE DATABASE zz; CREATE DATABASE IF NOT EXISTS zz; CREATE DATABASE aa; SHOW DATABASES;", "aa default_database zz"),
        ("CREATE DATABASE d; USE d; SHOW TABLES; USE CATALOG default_catalog; SHOW CURRENT DATABASE;", "d"),
        ("CREATE DATABASE d; USE d; SELECT 1; USE default_database; SHOW CURRENT DATABASE;", "default_database"),
        (
            "CREATE DATABASE d COMMENT 'x' WITH ('k' = 'v'); ALTER DATABASE d SET ('a' = 'b'); DESCRIBE DATABASE EXTENDED d;",
            "name catalog comment property:a property:k",
        ),
        (&format!("{full} SHOW TABLES IN d;"), "t v"),
        (&format!("{full} USE d; SHOW VIEWS;"), "v"),
        (&format!("{full} DROP DATABASE d CASCADE; SHOW DATABASES;"), "default_database"),
        (&format!("{full} DROP DATABASE d CASCADE; CREATE DATABASE d; SHOW TABLES IN d;"), ""),
        (&format!("{full} ALTER TABLE d.t RENAME TO e; SHOW TABLES FROM d;"), "e v"),
        (&format!("CREATE TEMPORARY TABLE d.t {TABLE}; DESCRIBE d.t;"), "id"),
        (&format!("CREATE DATABASE d; CREATE TEMPORARY TABLE d.t {TABLE}; DROP DATABASE d; DESCRIBE d.t;"), "id"),
        ("DROP TABLE IF EXISTS nope.t; SHOW DATABASES;", "default_database"),
        (&format!("{catalog} ALTER CATALOG c COMMENT 'x'; DESCRIBE CATALOG c;"), "name type comment"),
    ]);
    check_refused(&[
        ("USE nope;", "E0201", 5),
        ("USE a.b.c;", "E0101", 5),
        ("USE CATALOG nope;", "E0201", 13),
        (&format!("{catalog} CREATE CATALOG c {MEMORY};"), "E0202", 70),
        ("CREATE CATALOG c;", "E0404", 16),
        ("CREATE CATALOG c WITH ('type' = 'jdbc');", "E0405", 33),
        ("CREATE CATALOG c WITH ('type' = 'generic_in_memory', 'x' = 'y');", "E0403", 54),
        (&format!("{catalog} USE CATALOG c; DROP CATALOG c;"), "E0202", 83),
        ("DROP CATALOG nope;", "E0201", 14),
        ("CREATE DATABASE default_database;", "E0202", 17),
        ("CREATE DATABASE nope.d;", "E0201", 17),
        ("CREATE DATABASE d; USE d; DROP DATABASE d;", "E0202", 41),
        (&format!("CREATE DATABASE d; CREATE TABLE d.t {TABLE}; DROP DATABASE d;"), "E0202", 92),
        ("DROP DATABASE nope;", "E0201", 15),
        ("DROP DATABASE IF EXISTS nope.x;", "E0201", 25),
        ("SHOW TABLES IN nope;", "E0201", 16),
        ("SHOW DATABASES IN nope;", "E0201", 19),
        (&format!("CREATE TABLE d.t {TABLE};"), "E0201", 14),
        ("CREATE VIEW d.v AS SELECT 1 AS x;", "E0201", 13),
        ("SHOW CREATE CATALOG default_catalog;", "E0201", 21),
        ("CREATE DATABASE Abc; USE abc;", "E0201", 26),
    ]);
}

#[test]
fn names_are_looked_up_in_the_database_in_use() {
    let two = format!("CREATE DATABASE d; CREATE TABLE t {TABLE}; CREATE TABLE d.t (x INT) WITH ('connector' = 'datagen');");
    check_answers(&[
        (&format!("{two} DESCRIBE d.t;"), "x"),
        (&format!("{two} USE d; DESCRIBE t;"), "x"),
        (&format!("{two} USE d; DESCRIBE default_catalog.default_database.t;"), "id"),
        (&format!("{two} CREATE VIEW v AS SELECT * FROM t; USE d; DESCRIBE default_database.v;"), "id"),
        (&format!("{two} USE d; CREATE VIEW v AS SELECT * FROM t; USE default_database; DESCRIBE d.v;"), "x"),
        (&format!("{two} CREATE TABLE d.u LIKE t; DESCRIBE d.u;"), "id"),
        (&format!("{two} CREATE VIEW v AS SELECT d.t.x, default_catalog.d.t.x AS y FROM d.t; DESCRIBE v;"), "x y"),
        (&format!("{two} CREATE VIEW v AS SELECT d.t.* FROM d.t; DESCRIBE v;"), "x"),
    ]);
    check_refused(&[
        (&format!("{two} SELECT default_database.t.x FROM d.t;"), "E0201", 140),
        ("CREATE DATABASE d; USE d; SELECT * FROM bid;", "E0201", 41),
    ]);
    let told = planned("CREATE DATABASE shop; USE shpo;").unwrap_err();
    assert!(told.contains("did you mean `shop`?"), "{told}");
    let told = planned("CREATE DATABASE d; USE d; SELECT * FROM bid;").unwrap_err();
    assert!(told.contains("there is `default_catalog`.`default_database`.`bid`"), "{told}");
}

#[test]
fn what_a_format_cannot_hold_is_refused_where_it_is_declared() {
    let csv = "CREATE TABLE f (id INT, m MAP<STRING, INT>) WITH ('connector' = 'filesystem', 'path' = '/x', 'format' = 'csv');";
    let json = "CREATE TABLE f (id INT, m MAP<INT, INT>) WITH ('connector' = 'filesystem', 'path' = '/x', 'format' = 'json');";
    let raw = "CREATE TABLE f (d DATE) WITH ('connector' = 'filesystem', 'path' = '/x', 'format' = 'raw');";
    check_refused(&[
        (&format!("{csv} SELECT id FROM f;"), "E0501", 25),
        (&format!("{csv} EXPLAIN SELECT id FROM f;"), "E0501", 25),
        (&format!("{json} SELECT * FROM f;"), "E0501", 25),
        (&format!("{json} INSERT INTO f SELECT 1, MAP[1, 2];"), "E0501", 25),
        (&format!("{raw} SELECT * FROM f;"), "E0501", 17),
    ]);
    assert!(planned(&format!("{json} SELECT id FROM f;")).is_ok(), "a column that nobody reads is no matter of JSON's");
    let charset = raw.replace("'raw')", "'raw', 'raw.charset' = 'windows-125')").replace("DATE", "STRING");
    let told = planned(&format!("{charset} SELECT * FROM f;")).unwrap_err();
    assert!(told.contains("E0405") && told.contains("did you mean `windows-125"), "{told}");
}

#[test]
fn alter_table_changes_the_description() {
    check_answers(&[
        ("ALTER TABLE bh RENAME TO nil; SHOW TABLES;", "bid keyed most nil"),
        ("ALTER TABLE bh ADD z INT; DESCRIBE bh;", "a s total z"),
        ("ALTER TABLE bh ADD (z INT FIRST, y AS z + 1 AFTER a); DESCRIBE bh;", "z a y s total"),
        ("ALTER TABLE bh MODIFY s INT FIRST; DESCRIBE bh;", "s a total"),
        ("ALTER TABLE bh DROP s; DESCRIBE bh;", "a total"),
        ("ALTER TABLE bh DROP (a, total); DESCRIBE bh;", "s"),
        ("ALTER TABLE bh RENAME s TO text; DESCRIBE bh;", "a text total"),
        ("ALTER TABLE keyed RENAME k TO id; SHOW COLUMNS FROM keyed;", "id v"),
        ("ALTER TABLE IF EXISTS nope SET ('a' = 'b'); SHOW VIEWS;", "most"),
        ("ALTER VIEW most RENAME TO few; SHOW VIEWS;", "few"),
        ("ALTER VIEW most AS SELECT dt FROM bid; DESCRIBE most;", "dt"),
    ]);
    let text = answer(
        "ALTER TABLE bid SET ('format' = 'csv', 'csv.ignore-parse-errors' = 'true'); ALTER TABLE bid RESET ('csv.ignore-parse-errors'); \
         ALTER TABLE bid MODIFY WATERMARK FOR dt AS dt - INTERVAL '1' SECOND; ALTER TABLE bid ADD PRIMARY KEY (auction) NOT ENFORCED; \
         SHOW CREATE TABLE bid;",
    );
    assert!(text.contains("'format' = 'csv'") && !text.contains("ignore-parse-errors") && !text.contains("'json'"), "{text}");
    assert!(text.contains("PRIMARY KEY (`auction`)") && text.contains("WATERMARK FOR `dt` AS dt - INTERVAL '1' SECOND"), "{text}");
    let text = answer("ALTER TABLE bid DROP WATERMARK; ALTER TABLE keyed DROP PRIMARY KEY; SHOW CREATE TABLE bid;");
    assert!(!text.contains("WATERMARK"), "{text}");
    assert!(planned("ALTER TABLE bh MODIFY a BIGINT; INSERT INTO bh SELECT auction, 'x' FROM bid;").is_ok());
}

#[test]
fn alter_table_refuses_what_would_leave_a_broken_table() {
    check_refused(&[
        ("ALTER TABLE nope SET ('a' = 'b');", "E0201", 13),
        ("ALTER TABLE most SET ('a' = 'b');", "E0201", 13),
        ("ALTER VIEW bid RENAME TO x;", "E0201", 12),
        ("ALTER TABLE bh RENAME TO bid;", "E0202", 26),
        ("ALTER TABLE bh ADD a INT;", "E0203", 20),
        ("ALTER TABLE bh ADD z INT AFTER q;", "E0207", 32),
        ("ALTER TABLE bh ADD WATERMARK FOR a AS a;", "E0306", 34),
        ("ALTER TABLE bid ADD WATERMARK FOR dt AS dt;", "E0105", 35),
        ("ALTER TABLE keyed ADD PRIMARY KEY (v) NOT ENFORCED;", "E0105", 23),
        ("ALTER TABLE bh MODIFY q INT;", "E0207", 23),
        ("ALTER TABLE bh MODIFY WATERMARK FOR a AS a;", "E0207", 37),
        ("ALTER TABLE bh DROP q;", "E0207", 21),
        ("ALTER TABLE bh DROP a;", "E0501", 21),
        ("ALTER TABLE bid DROP dt;", "E0501", 22),
        ("ALTER TABLE keyed DROP k;", "E0501", 24),
        ("ALTER TABLE bh DROP WATERMARK;", "E0207", 21),
        ("ALTER TABLE bh DROP PRIMARY KEY;", "E0207", 21),
        ("ALTER TABLE bh RENAME q TO r;", "E0207", 23),
        ("ALTER TABLE bh RENAME a TO b;", "E0501", 23),
        ("ALTER TABLE bh RENAME s TO a;", "E0203", 28),
        ("ALTER TABLE bh RESET ('connector');", "E0405", 23),
        ("ALTER TABLE bh FLY;", "E0101", 16),
        ("ALTER DATABASE d SET ('a' = 'b');", "E0201", 16),
    ]);
}

#[test]
fn a_temporary_table_hides_another_until_it_is_dropped() {
    let temporary = "CREATE TEMPORARY TABLE bid (x INT) WITH ('connector' = 'datagen');";
    check_answers(&[
        (&format!("{temporary} DESCRIBE bid;"), "x"),
        (&format!("{temporary} DROP TEMPORARY TABLE bid; DESCRIBE bid;"), "auction price dt"),
        ("CREATE TEMPORARY VIEW bh AS SELECT 1 AS uno; DROP TEMPORARY VIEW IF EXISTS bh; DESCRIBE bh;", "a s total"),
        ("DROP TABLE IF EXISTS most; DROP VIEW IF EXISTS bid; DROP FUNCTION IF EXISTS f; SHOW VIEWS;", "most"),
    ]);
    check_refused(&[
        (&format!("{temporary} DROP TABLE bid;"), "E0201", 79),
        ("DROP TEMPORARY TABLE bid;", "E0201", 22),
        ("DROP VIEW bid;", "E0201", 11),
        ("DROP FUNCTION f;", "E0201", 15),
        ("CREATE VIEW v (a, a) AS SELECT auction, price FROM bid;", "E0203", 19),
    ]);
}

#[test]
fn like_takes_over_what_its_options_say() {
    check_answers(&[
        ("CREATE TABLE c (z INT) LIKE bid; DESCRIBE c;", "auction price dt z"),
        ("CREATE TABLE c (total AS a + 2) LIKE bh (OVERWRITING GENERATED); DESCRIBE c;", "a s total"),
        ("CREATE TABLE c WITH ('connector' = 'datagen') LIKE bh (EXCLUDING ALL); DESCRIBE c;", "a s"),
    ]);
    check_refused(&[
        ("CREATE TABLE c LIKE nope;", "E0201", 21),
        ("CREATE TABLE c WITH ('format' = 'csv') LIKE bid (INCLUDING OPTIONS);", "E0105", 22),
        ("CREATE TABLE c (WATERMARK FOR dt AS dt) LIKE bid;", "E0105", 31),
        ("CREATE TABLE c (PRIMARY KEY (v) NOT ENFORCED) LIKE keyed;", "E0105", 17),
        ("CREATE TABLE c LIKE bid (INCLUDING ALL INCLUDING ALL);", "E0105", 40),
        ("CREATE TABLE c LIKE bid (OVERWRITING CONSTRAINTS);", "E0101", 26),
        ("CREATE TABLE c (total AS a + 2) LIKE bh;", "E0203", 17),
    ]);
    assert!(planned("CREATE TABLE c (WATERMARK FOR dt AS dt) WITH ('format' = 'csv') LIKE bid (OVERWRITING WATERMARKS);").is_ok());
}

#[test]
fn create_table_as_makes_the_table_and_the_job() {
    let outcomes =
        planned("CREATE TABLE c WITH ('connector' = 'blackhole') AS SELECT auction, price + 1 AS p, dt FROM bid; DESCRIBE c;").unwrap();
    let [.., Outcome::Job(graph), Outcome::Table { rows, .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!(graph.name, "insert-into_default_catalog.default_database.c");
    let cells: Vec<Vec<&str>> = rows.iter().map(|row| row.iter().take(2).map(|cell| cell.as_deref().unwrap_or("")).collect()).collect();
    assert_eq!(cells, [["auction", "BIGINT"], ["p", "BIGINT"], ["dt", "TIMESTAMP(3)"]]);
    check_answers(&[(
        "CREATE TABLE c (z STRING, price INT, PRIMARY KEY (auction) NOT ENFORCED) WITH ('connector' = 'blackhole') \
          AS SELECT auction, CAST(price AS INT) AS price FROM bid; DESCRIBE c;",
        "z price auction",
    )]);
    check_refused(&[
        ("CREATE TEMPORARY TABLE c WITH ('connector' = 'blackhole') AS SELECT 1 AS a;", "E0501", 59),
        ("CREATE TABLE c WITH ('connector' = 'blackhole') AS SELECT nope FROM bid;", "E0207", 59),
        ("CREATE TABLE bid WITH ('connector' = 'blackhole') AS SELECT 1 AS a;", "E0202", 14),
        ("CREATE TABLE c (a AS 1) WITH ('connector' = 'blackhole') AS SELECT 1 AS a;", "E0203", 17),
    ]);
}

#[test]
fn texts_and_numbers_are_ordered_but_not_equated() {
    for accepted in ["price > '5'", "price BETWEEN '1' AND '2'", "price IN ('1', '2')", "'a' IN ('a', 'b')"] {
        assert!(planned(&format!("SELECT {accepted} FROM bid;")).is_ok(), "{accepted}");
    }
    check_refused(&[
        ("SELECT price = '5' FROM bid;", "E0301", 8),
        ("SELECT '5' <> price FROM bid;", "E0301", 8),
        ("SELECT price IS DISTINCT FROM '5' FROM bid;", "E0301", 8),
        ("SELECT CASE price WHEN '5' THEN 1 END FROM bid;", "E0301", 24),
        ("SELECT NULLIF(price, '5') FROM bid;", "E0301", 8),
        ("SELECT COUNT() FROM bid;", "E0301", 8),
        ("SELECT bid.price.* FROM bid;", "E0301", 8),
    ]);
}

#[test]
fn a_row_and_a_joined_table_give_their_columns_in_order() {
    let rows = "CREATE TABLE rows_ (id INT, r ROW<x INT, y STRING>) WITH ('connector' = 'datagen');";
    let joined = "CREATE TABLE l (p INT, k INT, q INT) WITH ('connector' = 'datagen'); \
                  CREATE TABLE r (s INT, k INT, t INT) WITH ('connector' = 'datagen');";
    check_answers(&[
        (&format!("{rows} CREATE VIEW v AS SELECT r.*, id FROM rows_; DESCRIBE v;"), "x y id"),
        (&format!("{rows} CREATE VIEW v AS SELECT rows_.r.* FROM rows_; DESCRIBE v;"), "x y"),
        (&format!("{joined} CREATE VIEW v AS SELECT * FROM l JOIN r USING (k); DESCRIBE v;"), "k p q s t"),
        (&format!("{joined} CREATE VIEW v AS SELECT l.*, t FROM l JOIN r USING (k); DESCRIBE v;"), "p k q t"),
        (&format!("{joined} CREATE VIEW v AS SELECT r.* FROM l NATURAL JOIN r; DESCRIBE v;"), "s k t"),
        (&format!("{joined} CREATE VIEW v AS SELECT * FROM l NATURAL JOIN r; DESCRIBE v;"), "k p q s t"),
    ]);
}

#[test]
fn an_interval_counts_the_units_that_it_is_written_in() {
    for (expr, constant) in [
        ("CAST(INTERVAL '90' MINUTE AS BIGINT)", "Int(90)"),
        ("CAST(INTERVAL '3.7' SECOND AS BIGINT)", "Int(4)"),
        ("CAST(INTERVAL '7' YEAR AS INT)", "Int(7)"),
        ("CAST(5 AS INTERVAL DAY)", "Int(432000000)"),
        ("INTERVAL 500 DAY", "Int(43200000000)"),
        ("_UTF8'abc'", "String(\"abc\")"),
    ] {
        let told = format!("{:?}", planned(&format!("SELECT auction, {expr} FROM bid;")));
        assert!(told.contains(constant), "{expr}: {told}");
    }
    check_refused(&[
        ("SELECT CAST(INTERVAL '1 02' DAY TO HOUR AS BIGINT) FROM bid;", "E0302", 8),
        ("SELECT CAST(INTERVAL '1' DAY AS SMALLINT) FROM bid;", "E0302", 8),
        ("SELECT CAST(5 AS INTERVAL DAY TO SECOND) FROM bid;", "E0302", 34),
    ]);
}

#[test]
fn a_column_is_no_interval_and_a_sink_takes_no_text_of_any_length_as_char() {
    check_refused(&[
        ("CREATE TABLE u (a INT, b ROW<x INTERVAL DAY>) WITH ('connector' = 'blackhole')", "E0206", 26),
        ("CREATE TABLE cs (c CHAR(3)) WITH ('connector' = 'blackhole'); INSERT INTO cs SELECT CAST(price AS STRING) FROM bid", "E0305", 85),
        ("CREATE TABLE cs (c BINARY(3)) WITH ('connector' = 'blackhole'); INSERT INTO cs SELECT CAST('abc' AS BYTES)", "E0305", 87),
    ]);
}

#[test]
fn a_time_column_has_no_fraction_whatever_was_written() {
    let outcome = planned("CREATE TABLE u (a TIME(3), b ROW<x TIME(6)>) WITH ('connector' = 'blackhole'); DESCRIBE u").unwrap().pop();
    let Some(Outcome::Table { rows, .. }) = outcome else { panic!("{outcome:?}") };
    let types: Vec<_> = rows.into_iter().map(|row| row.into_iter().nth(1).flatten().unwrap_or_default()).collect();
    assert_eq!(types, ["TIME(0)", "ROW<`x` TIME(0)>"]);
}
