//! Jobs that need no broker: generated rows into windows, a JSON file into an aggregate, and the operators that keep rows
//! ([`operators`]). Each is one `irmak run -t local FILE`.
//!
//! What stands beside them was measured elsewhere with Flink 1.20.5, on two cores, and is never measured here. A job counts only when it
//! has read as many rows as it should have, which the client's last line says.

mod operators;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use irmak_e2e::listings::Listings;
use irmak_e2e::places;
use irmak_e2e::process::tied;

use crate::measure::{self, Spent};
use crate::table::{median, thousands};
use crate::usage::MB;

const DEADLINE: Duration = Duration::from_secs(600);
/// Rows of the generator; those of the figures that stand beside.
const GENERATED: u64 = 20_000_000;
/// Rows of the JSON file.
const WRITTEN: u32 = 2_000_000;

/// A job and what is known of it.
pub(crate) struct Statement {
    /// As the table names it.
    what: String,
    file: &'static str,
    rows: u64,
    /// Flink's CPU seconds, the lowest that was seen; where known.
    flink_cpu_s: Option<f64>,
    sql: String,
    runs: Vec<Spent>,
}

/// Those whose name holds `filter`, or all. The JSON file is written below `dir`.
pub(crate) fn all(listings: &Listings, dir: &Path, filter: Option<&str>) -> Result<Vec<Statement>> {
    let json = dir.join("listings.json");
    let mut file = BufWriter::new(File::create(&json).with_context(|| format!("creating {}", json.display()))?);
    for id in 0..WRITTEN {
        writeln!(file, "{}", listings.json(id))?;
    }
    file.flush()?;
    let window = |what: &str, file, flink_cpu_s, kind: &str, sizes: &str| Statement {
        what: what.to_owned(),
        file,
        rows: GENERATED,
        flink_cpu_s,
        sql: generated(kind, sizes),
        runs: Vec::new(),
    };
    let mut all = vec![
        window("datagen, 1,000 keys, TUMBLE 1 s", "tumble", Some(22.0), "TUMBLE", "INTERVAL '1' SECOND"),
        window("datagen, 1,000 keys, HOP 10 s / 1 s", "hop", None, "HOP", "INTERVAL '1' SECOND, INTERVAL '10' SECOND"),
        window("datagen, 1,000 keys, HOP 1 h / 1 s", "hop-hour", None, "HOP", "INTERVAL '1' SECOND, INTERVAL '1' HOUR"),
        window("datagen, 1,000 keys, SESSION 1 s", "session", None, "SESSION", "INTERVAL '1' SECOND"),
        Statement {
            what: "JSON file, TUMBLE 2 min by product".to_owned(),
            file: "json",
            rows: u64::from(WRITTEN),
            flink_cpu_s: Some(12.4),
            sql: from_json(&json),
            runs: Vec::new(),
        },
    ];
    all.extend(operators::all());
    all.retain(|statement| filter.is_none_or(|text| statement.what.contains(text)));
    Ok(all)
}

/// 100 rows a millisecond of event time, so that 200 windows of a second close.
fn generated(kind: &str, sizes: &str) -> String {
    format!(
        "CREATE TABLE g (n BIGINT, k INT, v BIGINT, ts AS TO_TIMESTAMP_LTZ(n / 100, 3), WATERMARK FOR ts AS ts - INTERVAL '0.001' SECOND)
  WITH ('connector' = 'datagen', 'rows-per-second' = '1000000000', 'fields.n.kind' = 'sequence', 'fields.n.start' = '0',
        'fields.n.end' = '{}', 'fields.k.min' = '0', 'fields.k.max' = '999');
CREATE TABLE s (k INT, w TIMESTAMP(3), n BIGINT, v BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO s SELECT k, {kind}_START(ts, {sizes}), COUNT(*), SUM(v) FROM g GROUP BY k, {kind}(ts, {sizes});\n",
        GENERATED - 1
    )
}

fn from_json(path: &Path) -> String {
    format!(
        "CREATE TABLE listings (id INT, product STRING, description STRING, price INT, kdv DOUBLE, timestamp_column TIMESTAMP(3),
  WATERMARK FOR timestamp_column AS timestamp_column - INTERVAL '5' SECOND)
  WITH ('connector' = 'filesystem', 'path' = '{}', 'format' = 'json');
CREATE TABLE s (product STRING, w TIMESTAMP(3), n BIGINT, total DOUBLE) WITH ('connector' = 'blackhole');
INSERT INTO s SELECT product, TUMBLE_START(timestamp_column, INTERVAL '2' MINUTE), COUNT(*), SUM(price * (1 + kdv))
  FROM listings GROUP BY product, TUMBLE(timestamp_column, INTERVAL '2' MINUTE);\n",
        places::uri(path)
    )
}

impl Statement {
    /// Runs it once more. `dir` exists and is its own.
    pub(crate) fn run(&mut self, dir: &Path) -> Result<()> {
        let script = dir.join(format!("{}.sql", self.file));
        fs::write(&script, &self.sql)?;
        let mut command = tied(&places::binary()?);
        command.args(["run", "-t", "local"]).arg(&script);
        let spent = measure::run(command, &dir.join(format!("{}.log", self.file)), DEADLINE).with_context(|| self.what.clone())?;
        ensure!(
            spent.stdout.contains(&format!("FINISHED  in {} rows", self.rows)),
            "{}: not all rows were read: {}",
            self.what,
            spent.stdout
        );
        eprintln!("{}: {:.2} CPU-s, {:.2} s, {:.0} MB", self.what, spent.cpu_s, spent.wall.as_secs_f64(), spent.peak as f64 / MB);
        self.runs.push(spent);
        Ok(())
    }

    fn median(&self, of: fn(&Spent) -> f64) -> f64 {
        median(self.runs.iter().map(of).collect())
    }
}

/// Their table.
pub(crate) fn render(statements: &[Statement]) -> String {
    let mut out = String::from(
        "| `irmak run -t local` | rows | rows per CPU-s | CPU-s | CPU-s a million rows | seconds | peak MB | Flink 1.20.5, elsewhere | Flink / Irmak |\n",
    );
    out += "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    for statement in statements {
        let cpu_s = statement.median(|run| run.cpu_s);
        let (flink, ratio) = match statement.flink_cpu_s {
            Some(flink) => (format!("{flink} CPU-s"), format!("{:.1}x", flink / cpu_s)),
            None => Default::default(),
        };
        // Infallible: writing to a String.
        let _ = writeln!(
            out,
            "| {} | {} | {} | {cpu_s:.2} | {:.3} | {:.2} | {:.0} | {flink} | {ratio} |",
            statement.what,
            thousands(statement.rows as f64),
            thousands(statement.rows as f64 / cpu_s),
            cpu_s * 1e6 / statement.rows as f64,
            statement.median(|run| run.wall.as_secs_f64()),
            statement.median(|run| run.peak as f64) / MB,
        );
    }
    out + "\nThe aim: a sixth of Flink's CPU seconds.\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_the_ratio_where_flink_was_measured() {
        let spent = Spent { wall: Duration::from_secs(2), cpu_s: 2.0, peak: 50_000_000, stdout: String::new() };
        let statement = |flink_cpu_s| Statement {
            what: "w".to_owned(),
            file: "f",
            rows: 20_000_000,
            flink_cpu_s,
            sql: String::new(),
            runs: vec![spent.clone()],
        };
        let text = render(&[statement(Some(22.0)), statement(None)]);
        assert!(text.contains("| w | 20,000,000 | 10,000,000 | 2.00 | 0.100 | 2.00 | 50 | 22 CPU-s | 11.0x |"), "{text}");
        assert!(text.contains("| w | 20,000,000 | 10,000,000 | 2.00 | 0.100 | 2.00 | 50 |  |  |"), "{text}");
    }
}
