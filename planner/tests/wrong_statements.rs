//! Wrong statements, each wrong in one way: which error it is, and that it points at the token.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use irmak_planner::{Format, Request, plan};

const TABLE: &str = "CREATE TABLE t (id INT, price INT, name STRING, d DATE, arr ARRAY<INT>, r ROW<a INT>, ts TIMESTAMP(3), \
                     WATERMARK FOR ts AS ts) WITH ('connector' = 'datagen');";

/// Statement, error code, column.
const WRONG: &[(&str, &str, u32)] = &[
    ("SELECT name + 1 FROM t", "E0301", 8),
    ("SELECT id || name FROM t", "E0301", 8),
    ("SELECT price AND TRUE FROM t", "E0303", 8),
    ("SELECT NOT price FROM t", "E0303", 12),
    ("SELECT UPPER(id) FROM t", "E0301", 8),
    ("SELECT UPPER(name, name) FROM t", "E0301", 8),
    ("SELECT SUBSTRING(name) FROM t", "E0101", 22),
    ("SELECT CHAR_LENGTH(1)", "E0301", 8),
    ("SELECT COUNT(id, name, *) FROM t", "E0101", 24),
    ("SELECT SUM(name) FROM t", "E0301", 8),
    ("SELECT SUM(DISTINCT) FROM t", "E0101", 20),
    ("SELECT MAX(arr) FROM t", "E0301", 8),
    ("SELECT CAST(d AS INT) FROM t", "E0302", 8),
    ("SELECT CAST(id AS ARRAY<INT>) FROM t", "E0302", 8),
    ("SELECT CAST(name AS DECIMAL(5, 7)) FROM t", "E0206", 29),
    ("SELECT CAST(name AS TIME(12)) FROM t", "E0206", 26),
    ("CREATE TABLE u (a DECIMAL(40, 2)) WITH ('connector'='datagen')", "E0206", 27),
    ("SELECT CAST(name AS VARCHAR(0)) FROM t", "E0206", 29),
    ("SELECT arr['a'] FROM t", "E0301", 8),
    ("SELECT id[1] FROM t", "E0301", 8),
    ("SELECT r.b FROM t", "E0209", 10),
    ("SELECT id.a FROM t", "E0209", 11),
    ("SELECT ARRAY[1, 'a']", "E0301", 8),
    ("SELECT MAP['a']", "E0301", 8),
    ("SELECT CASE WHEN 1 THEN 2 END", "E0303", 18),
    ("SELECT CASE WHEN TRUE THEN 1 ELSE 'a' END", "E0301", 8),
    ("SELECT COALESCE(1, 'a')", "E0301", 8),
    ("SELECT IF(1, 2, 3)", "E0301", 8),
    ("SELECT id LIKE 'a' FROM t", "E0301", 8),
    ("SELECT EXTRACT(FOO FROM ts) FROM t", "E0301", 8),
    ("SELECT TIMESTAMPADD(FOO, 1, ts) FROM t", "E0301", 8),
    ("SELECT FLOOR(ts TO FOO) FROM t", "E0301", 8),
    ("SELECT EXTRACT(YEAR FROM name) FROM t", "E0301", 8),
    ("SELECT DATE '2025-13-01'", "E0106", 8),
    ("SELECT TIMESTAMP 'abc'", "E0106", 8),
    ("SELECT INTERVAL '1' FOO", "E0101", 21),
    ("SELECT INTERVAL 'x' DAY", "E0106", 8),
    ("SELECT INTERVAL '1:2' DAY TO SECOND", "E0106", 8),
    ("SELECT ts + 1 FROM t", "E0301", 8),
    ("SELECT ts > d FROM t", "E0301", 8),
    ("SELECT 1 / 'a'", "E0301", 8),
    ("SELECT -name FROM t", "E0301", 8),
    ("SELECT ROW(1, 2) = ROW(1)", "E0301", 8),
    ("SELECT JSON_VALUE('{}', '$.a' RETURNING DATE)", "E0301", 8),
    ("SELECT JSON_VALUE('{}')", "E0101", 23),
    ("VALUES (1), (NULL)", "E0301", 14),
    ("SELECT * FROM (VALUES ('a'), (NULL)) AS x", "E0301", 31),
    ("SELECT d FROM t UNION ALL SELECT ts FROM t", "E0305", 27),
    ("VALUES (DATE '2025-01-01'), (TIMESTAMP '2025-01-01 00:00:00')", "E0305", 1),
    ("SELECT TRY_CAST(1)", "E0101", 18),
    ("SELECT CAST(1)", "E0101", 14),
    ("SELECT CAST(1 AS)", "E0101", 17),
    ("SELECT id, FROM t", "E0101", 12),
    ("SELECT id FROM t WHERE SUM(id) > 1", "E0308", 24),
    ("SELECT id FROM t GROUP BY", "E0101", 26),
    ("SELECT id FROM t HAVING id > 1", "E0208", 8),
    ("SELECT SUM(SUM(id)) FROM t", "E0308", 8),
    ("SELECT * FROM t WHERE id", "E0303", 23),
    ("SELECT id AS a, a + 1 FROM t", "E0207", 17),
    ("SELECT t2.id FROM t", "E0201", 8),
    ("SELECT x.* FROM t", "E0201", 8),
    ("SELECT *, FROM t", "E0101", 11),
    ("SELECT DISTINCT", "E0101", 16),
    ("SELECT id id2 id3 FROM t", "E0101", 15),
    ("SELECT `id FROM t", "E0102", 8),
    ("SELECT 'a FROM t", "E0102", 8),
    ("SELECT 1 +", "E0101", 11),
    ("SELECT (1", "E0101", 10),
    ("SELECT 1)", "E0101", 9),
    ("SELECT 1 FROM", "E0101", 14),
    ("SELECT 1 FORM t", "E0101", 15),
    ("SELECT id FROM t LIMIT -1", "E0101", 24),
    ("SELECT id FROM t LIMIT a", "E0101", 24),
    ("SELECT id FROM t ORDER BY foo", "E0207", 27),
    ("SELECT id FROM t UNION SELECT name FROM t", "E0305", 24),
    ("SELECT id FROM t UNION ALL SELECT id, name FROM t", "E0304", 28),
    ("SELECT 99999999999999999999999999999999999999999", "E0106", 8),
    ("SELECT CHR('a')", "E0301", 8),
    ("SELECT LPAD(name, 'a', 'b') FROM t", "E0301", 8),
    ("SELECT ROUND(name) FROM t", "E0301", 8),
    ("SELECT POWER('a', 2)", "E0301", 8),
    ("SELECT GREATEST(1, 'a')", "E0301", 8),
    ("SELECT DATE_FORMAT(id, 'yyyy') FROM t", "E0301", 8),
    ("SELECT TO_DATE(1)", "E0301", 8),
    ("SELECT REGEXP_EXTRACT(name, 1) FROM t", "E0301", 8),
    ("SELECT ARRAY_CONTAINS(arr, 'a') FROM t", "E0301", 8),
    ("SELECT ARRAY_CONCAT(arr, 1) FROM t", "E0301", 8),
    ("SELECT CARDINALITY(id) FROM t", "E0301", 8),
    ("SELECT MAP_KEYS(arr) FROM t", "E0301", 8),
    ("SELECT ELEMENT(id) FROM t", "E0301", 8),
    ("SELECT NOW(1)", "E0301", 8),
    ("SELECT PI(1)", "E0301", 8),
    ("SELECT OVERLAY('a' PLACING 'b')", "E0101", 31),
    ("SELECT POSITION('a', 'b')", "E0101", 20),
    ("SELECT TRIM(1)", "E0301", 8),
    ("SELECT id IS TRUE FROM t", "E0301", 8),
    ("SELECT id IS NOT DISTINCT name FROM t", "E0101", 18),
    ("SELECT * FROM t AS (a)", "E0101", 20),
    ("VALUES (1, 2), (3)", "E0304", 17),
    ("VALUES (1), ('a')", "E0305", 1),
    ("CREATE TABLE u (a INT PRIMARY KEY) WITH ('connector'='datagen')", "E0501", 23),
    ("CREATE TABLE u (a INT, PRIMARY KEY (b) NOT ENFORCED) WITH ('connector'='datagen')", "E0207", 37),
    ("CREATE TABLE u (a INT, WATERMARK FOR b AS b) WITH ('connector'='datagen')", "E0207", 38),
    ("CREATE TABLE u (a INT, WATERMARK FOR a AS a) WITH ('connector'='datagen')", "E0306", 38),
    ("CREATE TABLE u (a INT, b AS c + 1) WITH ('connector'='datagen')", "E0207", 29),
    ("CREATE TABLE u (a INTT) WITH ('connector'='datagen')", "E0206", 19),
    ("CREATE TABLE u (a INT) WITH ('connector')", "E0101", 41),
    ("CREATE TABLE u a INT", "E0101", 16),
    ("INSERT INTO t SELECT 1", "E0304", 15),
    ("INSERT INTO nope SELECT 1", "E0201", 13),
    ("DROP TABLE nope", "E0201", 12),
    ("DESCRIBE nope", "E0201", 10),
    ("SHOW FOO", "E0101", 6),
    ("SET 'a'", "E0101", 8),
    ("USE CATALOG nope", "E0201", 13),
    ("SELECT ts - ts FROM t", "E0301", 8),
    ("SELECT d - d FROM t", "E0301", 8),
    ("SELECT (id - d) DAY FROM t", "E0301", 8),
    ("SELECT MOD(1.5E0, 2)", "E0301", 8),
    ("SELECT JSON_OBJECTAGG(id VALUE id) FROM t", "E0301", 8),
    ("EXPLAIN CHANGELOG_MODE, SELECT 1", "E0101", 25),
    ("SELECT t.id FROM t JOIN t AS u", "E0101", 20),
    ("SELECT t.id FROM t CROSS JOIN t AS u ON TRUE", "E0101", 20),
    ("SELECT * FROM t a JOIN t a ON TRUE", "E0105", 26),
    ("SELECT * FROM t JOIN t ON TRUE", "E0105", 22),
    ("SELECT INTERVAL '100' SECOND", "E0106", 8),
    ("SELECT INTERVAL '1-12' YEAR TO MONTH", "E0106", 8),
    ("SELECT INTERVAL '1 24' DAY TO HOUR", "E0106", 8),
    ("SELECT id FROM t WHERE EXISTS (SELECT nope FROM t AS u WHERE u.id = t.id)", "E0207", 39),
    ("SELECT DISTINCT id FROM t ORDER BY price LIMIT 3", "E0208", 36),
    ("SELECT GROUPING(price) FROM t GROUP BY CUBE (id)", "E0208", 17),
    ("SELECT GROUPING(price) FROM t", "E0208", 17),
    ("SELECT APPROX_COUNT_DISTINCT(id) FROM t", "E0501", 8),
    ("SELECT id FROM t GROUP BY id HAVING 1 + APPROX_COUNT_DISTINCT(price) > 2", "E0501", 41),
    ("SELECT COUNT(id, name) FROM t", "E0301", 18),
    ("SELECT COUNT(DISTINCT id, name) FROM t", "E0301", 27),
    ("SELECT COUNT(id, name) OVER (ORDER BY ts) FROM t", "E0301", 18),
    ("SELECT id, NULL FROM t", "E0301", 12),
    ("SELECT x FROM (SELECT NULL AS x)", "E0301", 23),
    ("SELECT id FROM t UNION ALL SELECT NULL", "E0301", 35),
    ("SELECT id > 1 AND NULL FROM t", "E0301", 19),
    ("SELECT NULL OR id > 1 FROM t", "E0301", 8),
    ("SELECT NOT NULL", "E0301", 12),
    ("SELECT NULL IS NOT TRUE", "E0301", 8),
    ("SELECT NULL IS UNKNOWN", "E0301", 8),
    ("SELECT 'a' || NULL", "E0301", 15),
    ("SELECT CONCAT('a', NULL)", "E0301", 20),
    ("SELECT CONCAT_WS(',', 'a', NULL)", "E0301", 28),
    ("SELECT IF(NULL, 1, 2)", "E0301", 11),
    ("SELECT IF(id > 1, NULL, 2) FROM t", "E0301", 19),
    ("SELECT COALESCE(NULL, NULL)", "E0301", 17),
    ("SELECT CASE WHEN id > 1 THEN d ELSE ts END FROM t", "E0301", 8),
    ("SELECT CASE WHEN id > 1 THEN NULL END FROM t", "E0301", 8),
    ("SELECT id + NULL FROM t", "E0301", 13),
    ("SELECT UPPER(NULL)", "E0301", 14),
    ("SELECT SUBSTRING(name, NULL) FROM t", "E0301", 24),
    ("SELECT COUNT(NULL) FROM t", "E0301", 14),
    ("SELECT NULLIF(NULL, 1)", "E0301", 15),
    ("SELECT ROW(1, NULL)", "E0301", 15),
    ("SELECT 1e400", "E0106", 8),
    ("SELECT CURRENT_DATE()", "E0101", 8),
    ("SELECT CAST(id AS BIGINT NOT NULL) FROM t", "E0101", 30),
    ("SELECT LISTAGG(name, name) FROM t", "E0301", 22),
    ("SELECT LAG(id, 1, 'x') OVER (ORDER BY ts) FROM t", "E0301", 19),
    ("SELECT SUM(id) OVER w FROM t WINDOW w AS (ORDER BY ts), w AS (ORDER BY ts)", "E0105", 57),
    ("SELECT COUNT(*) FROM t GROUP BY TUMBLE(ts, INTERVAL '1' MINUTE, INTERVAL '5' SECOND)", "E0301", 65),
    ("SELECT COUNT(*) FROM t GROUP BY TUMBLE(ts, INTERVAL '1' MINUTE, TIME '00:00:05')", "E0501", 65),
    ("SELECT INTERVAL '1' WEEK", "E0101", 21),
    ("SELECT INTERVAL '2' QUARTERS", "E0101", 21),
    ("SELECT COUNT(*) FROM t GROUP BY HOP(ts, INTERVAL '1' MINUTE, INTERVAL '2' MINUTE, INTERVAL '5' SECOND)", "E0301", 83),
    ("SELECT name LIKE NULL FROM t", "E0301", 8),
    ("SELECT id FROM (SELECT *, id FROM t)", "E0204", 8),
    ("SELECT v.x FROM (SELECT id AS x, price AS x FROM t) AS v", "E0204", 8),
    ("WITH v AS (SELECT *, id FROM t) SELECT COUNT(id) FROM v", "E0204", 46),
    ("CREATE TABLE u (a INT)", "E0404", 14),
    ("CREATE TABLE u LIKE t (EXCLUDING OPTIONS)", "E0404", 14),
];

/// What Flink takes, though it looks like what it refuses.
const ACCEPTED: &[&str] = &[
    "SELECT NULL = NULL, NULL IS NULL, NULL IS DISTINCT FROM NULL, NULL IS NOT DISTINCT FROM 1",
    "SELECT id IN (1, NULL), id = NULL FROM t",
    "SELECT COALESCE(NULL, 1), NULLIF('a', NULL), IFNULL(NULL, 'x'), 'abc' LIKE NULL",
    "SELECT CASE WHEN id > 1 THEN NULL ELSE 'x' END FROM t",
    "SELECT ARRAY[1, NULL], CAST(NULL AS INT), CAST(NULL AS STRING) || 'a'",
    "SELECT x FROM (VALUES (1), (CAST(NULL AS INT))) AS v (x)",
    "SELECT (id, NULL) = (1, 2), (id, name) IN ((1, NULL)) FROM t",
    "SELECT ARRAY_AGG(id IGNORE NULLS), ARRAY_AGG(name RESPECT NULLS) FROM t",
    "SELECT 1. + 5.",
    "SELECT TIMESTAMP '2025-02-16'",
    "SELECT id, id0 FROM (SELECT id, * FROM t)",
    "SELECT price FROM (SELECT *, id FROM t)",
    "SELECT a FROM (SELECT id, id FROM t) AS v (a, b)",
    "SELECT CAST(name AS DECIMAL(50, 2)), CAST(ts AS TIMESTAMP(12)) FROM t",
    "CREATE TABLE u LIKE t",
    "SELECT 'a' NOT LIKE NULL, NULL LIKE 'a'",
];

#[test]
fn every_wrong_statement_is_refused_at_its_token() {
    let mut differing = Vec::new();
    for (statement, code, column) in WRONG {
        let text = format!("{TABLE}\n{statement};");
        let told = match plan(&Request { file: "job", text: &text, format: Format::Sql, configuration: &BTreeMap::new() }) {
            Err(error) => error.to_string(),
            Ok(_) => "accepted".to_owned(),
        };
        let placed = told.contains(&format!(" --> job:2:{column}\n"));
        if !told.starts_with(&format!("error[{code}]")) || !placed || !told.contains('^') {
            differing.push(format!("{statement}: expected {code} at column {column}\n{told}"));
        }
    }
    assert!(differing.is_empty(), "{} of {}:\n{}", differing.len(), WRONG.len(), differing.join("\n\n"));
}

#[test]
fn what_flink_accepts_is_accepted() {
    for statement in ACCEPTED {
        let text = format!("{TABLE}\n{statement};");
        if let Err(error) = plan(&Request { file: "job", text: &text, format: Format::Sql, configuration: &BTreeMap::new() }) {
            panic!("{statement}: {error}");
        }
    }
}

#[test]
fn an_option_given_twice_is_the_last_with_a_warning_and_casts_are_clamped() {
    let text = "CREATE TABLE u (a INT) WITH ('connector' = 'datagen', 'connector' = 'print'); SHOW CREATE TABLE u;
                CREATE VIEW v AS SELECT CAST(a AS DECIMAL(40, 2)) AS d, CAST('x' AS TIMESTAMP(10)) AS t FROM (VALUES (1)) AS w (a); DESCRIBE v;";
    let planned = plan(&Request { file: "job", text, format: Format::Sql, configuration: &BTreeMap::new() }).unwrap();
    let warning =
        "option 'connector' is given twice: 'datagen' (line 1, column 44 of the statement) gives way to 'print' (line 1, column 69)";
    assert_eq!(planned[0].warnings, [warning]);
    let told = |at: usize| format!("{:?}", planned[at].outcome);
    assert!(told(1).contains("print") && !told(1).contains("datagen"), "{}", told(1));
    assert!(told(3).contains("DECIMAL(38, 2)") && told(3).contains("TIMESTAMP(9)"), "{}", told(3));
}
