//! The decoders of JSON and CSV beside Arrow's own, in one process and turn by turn: rows per processor second of one thread.
//!
//! Both sides read the same bytes into the same columns, batches of as many rows, and what they read is compared before anything is
//! timed. Records come one by one, as from a topic; CSV comes as one text, as from a file.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use arrow::array::ArrayRef;
use irmak_connectors::probe::{CsvText, JsonRecords};

use crate::decoders::rows::Rows;
use crate::table::thousands;
use crate::usage;

mod rows;

pub(crate) use rows::all;

/// Rows of a batch, on both sides.
const BATCH: usize = 8_192;
/// How often each side runs. The least processor time of them counts: whatever disturbs only adds to it.
const ROUNDS: usize = 7;
/// What the rows per processor second should be, at least, of what Arrow's decoder does.
const AIM: f64 = 0.8;

/// One line of the table.
pub(crate) struct Measured {
    what: String,
    rows: usize,
    bytes: usize,
    ours: Duration,
    arrow: Duration,
}

/// Measures the decoders over these rows.
///
/// # Errors
/// A decoder that refuses a row, or two that do not read the same.
pub(crate) fn measure(rows: &Rows) -> Result<Vec<Measured>> {
    let mut measured = vec![pair(rows, "JSON", &rows.json.concat(), rows.json.len(), || ours_json(rows), || arrow_json(rows))?];
    if let Some(csv) = &rows.csv {
        measured.push(pair(rows, "CSV", csv, rows.json.len(), || ours_csv(rows, csv), || arrow_csv(rows, csv))?);
    }
    Ok(measured)
}

fn pair(
    rows: &Rows,
    format: &str,
    text: &str,
    count: usize,
    ours: impl Fn() -> Result<Vec<Vec<ArrayRef>>>,
    arrow: impl Fn() -> Result<Vec<Vec<ArrayRef>>>,
) -> Result<Measured> {
    let what = format!("{format}, {}", rows.what);
    same(&ours()?, &arrow()?).with_context(|| what.clone())?;
    let (mut best_ours, mut best_arrow) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        best_ours = best_ours.min(timed(&ours)?);
        best_arrow = best_arrow.min(timed(&arrow)?);
    }
    let measured = Measured { what, rows: count, bytes: text.len(), ours: best_ours, arrow: best_arrow };
    eprintln!("{}: {:.2} of Arrow's", measured.what, measured.ratio());
    Ok(measured)
}

/// Both sides read the same values into columns of the same types.
fn same(ours: &[Vec<ArrayRef>], arrow: &[Vec<ArrayRef>]) -> Result<()> {
    ensure!(ours.len() == arrow.len(), "{} batches, Arrow's decoder has {}", ours.len(), arrow.len());
    for (ours, arrow) in ours.iter().flatten().zip(arrow.iter().flatten()) {
        ensure!(ours == arrow, "read differently: {ours:?} and {arrow:?}");
    }
    Ok(())
}

/// The processor time that a run takes.
fn timed<T>(run: impl Fn() -> Result<T>) -> Result<Duration> {
    let start = usage::this_thread()?;
    black_box(run()?);
    Ok(usage::this_thread()?.saturating_sub(start))
}

fn ours_json(rows: &Rows) -> Result<Vec<Vec<ArrayRef>>> {
    let mut decoder = JsonRecords::new(&rows.schema);
    let batch = |records: &[String]| {
        records
            .iter()
            .try_for_each(|record| decoder.decode(record.as_bytes()))
            .and_then(|()| decoder.finish())
            .map_err(|error| anyhow!(error))
    };
    rows.json.chunks(BATCH).map(batch).collect()
}

fn arrow_json(rows: &Rows) -> Result<Vec<Vec<ArrayRef>>> {
    let mut decoder = arrow::json::ReaderBuilder::new(rows.schema.to_arrow()).with_batch_size(BATCH).build_decoder()?;
    let mut batch = |records: &[String]| {
        for record in records {
            ensure!(decoder.decode(record.as_bytes())? == record.len(), "a record was not read to its end");
        }
        Ok(decoder.flush()?.context("no rows")?.columns().to_vec())
    };
    rows.json.chunks(BATCH).map(&mut batch).collect()
}

fn ours_csv(rows: &Rows, text: &str) -> Result<Vec<Vec<ArrayRef>>> {
    CsvText::new(&rows.schema).batches(text.as_bytes(), BATCH).map_err(|error| anyhow!(error))
}

fn arrow_csv(rows: &Rows, text: &str) -> Result<Vec<Vec<ArrayRef>>> {
    let mut decoder = arrow::csv::ReaderBuilder::new(rows.schema.to_arrow()).with_batch_size(BATCH).build_decoder();
    let (mut rest, mut batches) = (text.as_bytes(), Vec::new());
    loop {
        let read = decoder.decode(rest)?;
        rest = &rest[read..];
        if read == 0 || decoder.capacity() == 0 {
            match decoder.flush()? {
                Some(batch) => batches.push(batch.columns().to_vec()),
                None => return Ok(batches),
            }
        }
    }
}

impl Measured {
    /// Our rows per processor second, as a share of Arrow's.
    fn ratio(&self) -> f64 {
        self.arrow.as_secs_f64() / self.ours.as_secs_f64()
    }
}

/// Their table.
pub(crate) fn render(all: &[Measured]) -> String {
    let mut out =
        String::from("| decoding, one thread | rows | rows per CPU-s | MB per CPU-s | Arrow's rows per CPU-s | Irmak / Arrow |\n");
    out += "| --- | ---: | ---: | ---: | ---: | ---: |\n";
    for line in all {
        let per_second = |took: Duration, count: usize| count as f64 / took.as_secs_f64();
        // Infallible: writing to a String.
        let _ = writeln!(
            out,
            "| {} | {} | {} | {:.0} | {} | {:.2}x{} |",
            line.what,
            thousands(line.rows as f64),
            thousands(per_second(line.ours, line.rows)),
            per_second(line.ours, line.bytes) / 1e6,
            thousands(per_second(line.arrow, line.rows)),
            line.ratio(),
            if line.ratio() < AIM { " (below the aim)" } else { "" },
        );
    }
    let _ = writeln!(out, "\nThe aim: {AIM} of the rows per processor second of Arrow's decoders.");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_read_the_same_rows() {
        for rows in all(20_000).unwrap() {
            same(&ours_json(&rows).unwrap(), &arrow_json(&rows).unwrap()).unwrap();
            if let Some(csv) = &rows.csv {
                same(&ours_csv(&rows, csv).unwrap(), &arrow_csv(&rows, csv).unwrap()).unwrap();
            }
        }
    }

    #[test]
    fn a_line_below_the_aim_says_so() {
        let second = Duration::from_secs(1);
        let line = |ours| Measured { what: "w".to_owned(), rows: 3_000_000, bytes: 300_000_000, ours, arrow: second };
        let text = render(&[line(second / 2), line(second * 2)]);
        assert!(text.contains("| w | 3,000,000 | 6,000,000 | 600 | 3,000,000 | 2.00x |"), "{text}");
        assert!(text.contains("| w | 3,000,000 | 1,500,000 | 150 | 3,000,000 | 0.50x (below the aim) |"), "{text}");
    }
}
