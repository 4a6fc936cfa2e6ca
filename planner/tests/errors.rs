//! How errors read: code, place, snippet, what was meant.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;

use irmak_planner::{Format, Request, plan};

const TABLE: &str = "CREATE TABLE t (id INT, price INT, ts TIMESTAMP(3), WATERMARK FOR ts AS ts)
WITH ('connector' = 'datagen');
";

fn refused(text: &str, format: Format) -> String {
    match plan(&Request { file: "job", text, format, configuration: &BTreeMap::new() }) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("accepted: {text}"),
    }
}

/// The statement stands in line 3 of its script.
fn check(statement: &str, expected: &str) {
    let told = refused(&format!("{TABLE}{statement}"), Format::Sql);
    assert_eq!(
        told.lines().map(str::trim_end).collect::<Vec<_>>(),
        expected.trim_matches('\n').lines().collect::<Vec<_>>(),
        "{statement}\n{told}"
    );
}

#[test]
fn an_unknown_column_points_at_itself_and_names_the_nearest() {
    check(
        "SELECT id, prise FROM t;",
        "
error[E0207]: column `prise` is not in table `t`
 --> job:3:12
  |
3 | SELECT id, prise FROM t;
  |            ^^^^^ did you mean `price`?
  = columns: id, price, ts",
    );
}

#[test]
fn each_kind_of_error_has_its_code_and_place() {
    let mut wrong = Vec::new();
    for (statement, code, place, label) in [
        ("SELECT id FROM tt;", "E0201", "3:16", "did you mean `t`?"),
        ("SELECT x.id FROM t;", "E0201", "3:8", ""),
        ("SELECT uper('a') FROM t;", "E0205", "3:8", ""),
        ("SELEC id FROM t;", "E0101", "3:1", "did you mean `SELECT`?"),
        ("SELECT id FROM t WHERE price;", "E0303", "3:24", "this is an INT"),
        ("SELECT id FROM t WHERE;", "E0101", "3:23", "an expression expected"),
        ("SELECT 'abc FROM t;", "E0102", "3:8", ""),
        ("SELECT 1 != 2;", "E0101", "3:10", "write `<>`"),
        ("SELECT id AS value FROM t;", "E0103", "3:14", "as a name, write it in backticks: `value`"),
        ("SELECT price, COUNT(*) FROM t GROUP BY TUMBLE(ts, INTERVAL '1' SECOND);", "E0208", "3:8", "group by it, or aggregate it"),
        ("SELECT COUNT(*) FROM t GROUP BY TUMBLE(price, INTERVAL '1' SECOND);", "E0306", "3:40", ""),
        ("SELECT COUNT(*) FROM t GROUP BY TUMBLE(ts, INTERVAL '1' MONTH);", "E0307", "3:44", ""),
        (
            "CREATE TABLE f (id INT, n BIGINT) WITH ('connector' = 'filesystem', 'path' = '/f', 'format' = 'json'); \
             INSERT INTO f SELECT id, COUNT(*) FROM t GROUP BY id;",
            "E0502",
            "3:116",
            "",
        ),
        ("SELECT COUNT(*) FROM (SELECT DISTINCT ts FROM t) GROUP BY TUMBLE(ts, INTERVAL '1' SECOND);", "E0306", "3:66", ""),
        ("SELECT CAST(1 AS INTT);", "E0206", "3:18", "did you mean `INT`?"),
        ("SELECT id FROM t ORDER BY id;", "E0501", "3:27", ""),
        ("CREATE TABLE t (id INT) WITH ('connector' = 'datagen');", "E0202", "3:14", ""),
        ("CREATE TABLE u (a INT, a INT) WITH ('connector' = 'datagen');", "E0203", "3:24", ""),
        ("CREATE TABLE u (a INT) WITH ('conector' = 'x'); SELECT * FROM u;", "E0404", "3:30", "did you mean `connector`?"),
        ("CREATE TABLE u (a INT) WITH ('connector' = 'kafak'); SELECT * FROM u;", "E0401", "3:44", "did you mean `kafka`?"),
        (
            "CREATE TABLE u (a INT) WITH ('connector' = 'datagen', 'rows-per-secnd' = '1'); SELECT * FROM u;",
            "E0403",
            "3:55",
            "did you mean `rows-per-second`?",
        ),
        ("CREATE TABLE u (a INT) WITH ('connector' = 'datagen', 'rows-per-second' = 'x'); SELECT * FROM u;", "E0405", "3:75", ""),
        ("SET 'parallelism.default' = 'many';", "E0406", "3:29", "expected: a whole number from 1"),
        ("INSERT INTO t SELECT id FROM t;", "E0304", "3:15", ""),
        ("SELECT id, prise FROM (SELECT id, price FROM t) AS q;", "E0207", "3:12", "did you mean `price`?"),
    ] {
        let told = refused(&format!("{TABLE}{statement}"), Format::Sql);
        let labelled = label.is_empty() || told.contains(&format!("^ {label}"));
        let good = told.starts_with(&format!("error[{code}]")) && told.contains(&format!(" --> job:{place}\n")) && labelled;
        if !good {
            wrong.push(format!("expected {code} at {place} with `{label}`:\n{told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn an_error_in_a_spec_names_its_path() {
    let spec = |operator: &str| {
        format!(
            "sources:\n  - name: t\n    columns: [{{ name: id, type: INT }}]\n    with: {{ connector: datagen }}\noperators:\n  - {operator}\n\
             sinks:\n  - name: s\n    columns: [{{ name: id, type: INT }}]\n    with: {{ connector: blackhole }}\n\
             edges:\n  - {{ from: t, to: f }}\n  - {{ from: f, to: s }}\n"
        )
    };
    for (operator, expected) in [
        ("{ name: f, type: filter, where: idd > 1 }", "error[E0207]: operators[0].where: column `idd` is not in table `t`"),
        ("{ name: f, type: filter, where: id > }", "error[E0101]: operators[0].where: unexpected the end of the script"),
        ("{ name: f, type: filter }", "error[E0107]: operators[0].where: an operator of type filter needs `where`"),
        ("{ name: f, type: filtr, where: id > 1 }", "error[E0107]: operators[0].type: unknown variant `filtr`"),
        ("{ name: f, type: filter, were: id > 1 }", "error[E0107]: operators[0]"),
        ("{ name: g, type: filter, where: id > 1 }", "error[E0209]: edges[0].to: there is no source, operator or sink `f`"),
    ] {
        let told = refused(&spec(operator), Format::Yaml);
        assert!(told.starts_with(expected), "{expected} expected:\n{told}");
    }
    let told = refused(&spec("{ name: f, type: filter, where: idd > 1 }"), Format::Yaml);
    assert!(told.contains("--> job:6:37"), "the place in the document:\n{told}");
}

/// What people who come from Flink or another database get wrong first: each gets its place, and the words to write instead.
#[test]
fn the_usual_mistakes_are_told_with_what_to_write() {
    let mut wrong = Vec::new();
    for (statement, code, place, words) in [
        ("SELECT id, COUNTT(*) FROM t;", "E0205", "3:12", "did you mean `count`?"),
        ("SELECT conct(id, 'x') FROM t;", "E0205", "3:8", " ^^^^^ did you mean `concat`?"),
        ("SELECT id price ts FROM t;", "E0101", "3:17", "one of `,`"),
        ("SELECT id, FROM t;", "E0101", "3:12", "the comma before it is one too many"),
        ("CREATE TABLE s (id INT name STRING) WITH ('connector' = 'datagen');", "E0101", "3:24", "one of `,`, `)` expected"),
        ("CREATE TABLE s (id INT,) WITH ('connector' = 'datagen');", "E0101", "3:24", "the comma before it is one too many"),
        ("CREATE TABLE s (id INT) WITH ('connector' = 'datagen' 'x' = 'y');", "E0101", "3:55", "one of `,`, `)` expected"),
        ("CREATE TABLE s (id INT) WITH (connector = 'datagen');", "E0101", "3:31", "an option in quotes"),
        ("CREATE TABLE s (id TEXT) WITH ('connector' = 'datagen');", "E0206", "3:20", "did you mean `STRING`?"),
        ("CREATE TABLE s (id INT) WITH ('conector' = 'datagen'); SELECT * FROM s;", "E0404", "3:31", "did you mean `connector`?"),
        ("CREATE TABLE s (id INT) WITH ('connector' = 'jdbc'); SELECT * FROM s;", "E0401", "3:45", "in Flink it is a jar"),
        ("SELECT \"id\" FROM t;", "E0102", "3:8", "a name stands in backticks: `id`"),
        ("SELECT id FROM t WHERE id == 1;", "E0102", "3:27", "write `=`"),
        ("SELECT id FROM t WHERE ts > ts - INTERVAL MINUTE;", "E0101", "3:43", "a length, as in INTERVAL '5' SECOND"),
        ("SELECT id FROM t GROUP id;", "E0101", "3:24", "`BY` expected"),
        ("SELECT id FROM t ORDER id;", "E0101", "3:24", "`BY` expected"),
        ("SELECT ts + INTERVAL '1' WEEK FROM t;", "E0101", "3:26", "one of `DAY`, `HOUR`"),
        ("SELECT id FROM t WHERE ts > ts - INTERVAL '5 MINUTES';", "E0101", "3:54", "write INTERVAL '5' MINUTES"),
        ("SELECT * FROM TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' DAY);", "E0101", "3:15", "write TABLE( before it"),
        ("SELECT * FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(price), INTERVAL '1' DAY));", "E0306", "3:48", "a column with a WATERMARK"),
        (
            "CREATE TABLE s (tm STRING, WATERMARK FOR tm AS tm) WITH ('connector' = 'datagen');",
            "E0306",
            "3:42",
            "`tm_time` AS TO_TIMESTAMP(`tm`)",
        ),
        (
            "CREATE TABLE s (tm BIGINT, WATERMARK FOR tm AS tm) WITH ('connector' = 'datagen');",
            "E0306",
            "3:42",
            "TO_TIMESTAMP_LTZ(`tm`, 3)",
        ),
        ("ADD JAR '/a.jar';", "E0501", "3:1", "there are no jars"),
    ] {
        let told = refused(&format!("{TABLE}{statement}"), Format::Sql);
        let good = told.starts_with(&format!("error[{code}]")) && told.contains(&format!("job:{place}\n")) && told.contains(words);
        if !good {
            wrong.push(format!("{statement}: {code} at {place} with {words:?}\n{told}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
