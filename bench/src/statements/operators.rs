//! The operators that keep rows or accumulators for ever, or send rows that replace others: what a row costs each of them.
//!
//! All read the generator and write into nothing, so what a row costs without any operator (the first of them) can be taken off. They end
//! with all of their state in memory: what their peak has above that of the first one is the size of it.

use super::Statement;

/// Rows that each job reads, of both sides together where there are two.
const ROWS: u64 = 4_000_000;

/// Keys: few, so that most rows change what is there; many, so that most rows are new.
const FEW: u64 = 1_000;
const MANY: u64 = 1_000_000;

/// What they compute: as the table names it, the file's name, keys, the columns of the sink, and the query over `g` (or `l` and `r`).
const JOBS: [(&str, &str, u64, &str, &str); 17] = [
    ("no operator", "none", FEW, "k INT, n BIGINT, v BIGINT", "SELECT k, n, v FROM g"),
    ("GROUP BY, COUNT SUM MAX", "group-few", FEW, "k INT, n BIGINT, s BIGINT, m BIGINT", GROUP),
    ("GROUP BY, COUNT SUM MAX", "group-many", MANY, "k INT, n BIGINT, s BIGINT, m BIGINT", GROUP),
    ("GROUP BY, COUNT(DISTINCT)", "distinct", FEW, "k INT, n BIGINT", "SELECT k, COUNT(DISTINCT v % 1000) FROM g GROUP BY k"),
    (
        "GROUP BY over GROUP BY",
        "twice",
        MANY,
        "c BIGINT, n BIGINT",
        "SELECT c, COUNT(*) FROM (SELECT k, COUNT(*) AS c FROM g GROUP BY k) GROUP BY c",
    ),
    ("DISTINCT", "distinct-rows", MANY, "k INT", "SELECT DISTINCT k FROM g"),
    ("Top-10 by key", "top-few", FEW, "k INT, v BIGINT, p BIGINT", TOP),
    ("Top-10 by key", "top-many", MANY, "k INT, v BIGINT, p BIGINT", TOP),
    ("first row by key", "first", MANY, "k INT, n BIGINT, v BIGINT", FIRST),
    ("last row by key", "last-few", FEW, "k INT, n BIGINT, v BIGINT", LAST),
    ("last row by key", "last-many", MANY, "k INT, n BIGINT, v BIGINT", LAST),
    ("join, all rows of both sides", "join", MANY, "k INT, v BIGINT, w BIGINT", "SELECT l.k, l.v, r.v FROM l JOIN r ON l.k = r.k"),
    ("LEFT JOIN", "left-join", MANY, "k INT, v BIGINT, w BIGINT", "SELECT l.k, l.v, r.v FROM l LEFT JOIN r ON l.k = r.k"),
    ("join of two aggregates", "join-aggregates", MANY, "k INT, v BIGINT, w BIGINT", JOIN_AGGREGATES),
    ("interval join, 1 s", "interval", MANY, "k INT, v BIGINT, w BIGINT", INTERVAL),
    ("OVER, 10 rows", "over-rows", FEW, "k INT, s BIGINT, m BIGINT", OVER_ROWS),
    ("OVER, 1 s", "over-range", FEW, "k INT, s BIGINT, m BIGINT", OVER_RANGE),
];

const GROUP: &str = "SELECT k, COUNT(*), SUM(v), MAX(v) FROM g GROUP BY k";
const TOP: &str = "SELECT k, v, p FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY v DESC) AS p FROM g) WHERE p <= 10";
const FIRST: &str = "SELECT k, n, v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts) AS p FROM g) WHERE p = 1";
const LAST: &str = "SELECT k, n, v FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY k ORDER BY ts DESC) AS p FROM g) WHERE p = 1";
const JOIN_AGGREGATES: &str = "SELECT a.k, a.s, b.s FROM (SELECT k, SUM(v) AS s FROM l GROUP BY k) a
  JOIN (SELECT k, SUM(v) AS s FROM r GROUP BY k) b ON a.k = b.k";
const INTERVAL: &str = "SELECT l.k, l.v, r.v FROM l JOIN r ON l.k = r.k
  AND l.ts BETWEEN r.ts - INTERVAL '1' SECOND AND r.ts + INTERVAL '1' SECOND";
const OVER_ROWS: &str = "SELECT k, SUM(v) OVER w, MAX(v) OVER w FROM g
  WINDOW w AS (PARTITION BY k ORDER BY ts ROWS BETWEEN 9 PRECEDING AND CURRENT ROW)";
const OVER_RANGE: &str = "SELECT k, SUM(v) OVER w, MAX(v) OVER w FROM g
  WINDOW w AS (PARTITION BY k ORDER BY ts RANGE BETWEEN INTERVAL '1' SECOND PRECEDING AND CURRENT ROW)";

/// All of them.
pub(super) fn all() -> Vec<Statement> {
    let statement = |(what, file, keys, columns, query): (&str, &'static str, u64, &str, &str)| Statement {
        what: format!("{what}, {} keys", crate::table::thousands(keys as f64)),
        file,
        rows: ROWS,
        flink_cpu_s: None,
        sql: script(keys, columns, query),
        runs: Vec::new(),
    };
    JOBS.map(statement).into()
}

fn script(keys: u64, columns: &str, query: &str) -> String {
    let (mut sql, two_sides) = (String::new(), query.contains("FROM l"));
    let tables: &[&str] = if two_sides { &["l", "r"] } else { &["g"] };
    for table in tables {
        sql += &generator(table, keys, ROWS / tables.len() as u64);
    }
    sql + &format!("CREATE TABLE s ({columns}) WITH ('connector' = 'blackhole');\nINSERT INTO s {query};\n")
}

/// 100 rows a millisecond of event time.
fn generator(table: &str, keys: u64, rows: u64) -> String {
    format!(
        "CREATE TABLE {table} (n BIGINT, k INT, v BIGINT, ts AS TO_TIMESTAMP_LTZ(n / 100, 3), WATERMARK FOR ts AS ts - INTERVAL '0.001' SECOND)
  WITH ('connector' = 'datagen', 'rows-per-second' = '1000000000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '0',
        'fields.n.end' = '{}', 'fields.k.min' = '0', 'fields.k.max' = '{}', 'fields.v.min' = '0', 'fields.v.max' = '1000000');\n",
        rows - 1,
        keys - 1
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_job_has_a_name_and_a_file_of_its_own() {
        let all = all();
        for of in [|job: &Statement| job.what.clone(), |job: &Statement| job.file.to_owned()] {
            assert_eq!(all.iter().map(of).collect::<BTreeSet<_>>().len(), all.len());
        }
    }
}
