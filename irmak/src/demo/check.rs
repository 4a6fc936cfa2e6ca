//! Whether the output is right: every row of every visible file against rows computed here, without the engine.

use std::collections::HashMap;
use std::path::Path;

use super::listings::{event_seconds, listings, timestamp};
use crate::Failure;

const WINDOW_SECONDS: i64 = 120;

/// How output and expectation differ.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    expected: u64,
    lost: u64,
    duplicated: u64,
    wrong: u64,
    files: u64,
    first_difference: Option<String>,
}

impl Verdict {
    pub(super) fn holds(&self) -> bool {
        self.lost == 0 && self.duplicated == 0 && self.wrong == 0
    }

    /// One line for the terminal.
    pub(super) fn summary(&self, state: &str) -> String {
        let sign = if self.holds() && state == "FINISHED" { "OK" } else { "FAILED" };
        let mut line = format!(
            "{sign}: job {state}, {} rows expected in {} files, LOST={} DUP={} WRONG={}",
            self.expected, self.files, self.lost, self.duplicated, self.wrong
        );
        if let Some(difference) = &self.first_difference {
            line.push_str(&format!("; first difference: {difference}"));
        }
        line
    }
}

/// Compares the visible files of a folder with the rows `0..rows`.
pub(super) fn compare(folder: &Path, rows: u64) -> Result<Verdict, Failure> {
    let listings = listings()?;
    let mut open: HashMap<String, u64> = HashMap::new();
    for id in 0..rows {
        let listing = &listings[(id % listings.len() as u64) as usize];
        let window = event_seconds(id).div_euclid(WINDOW_SECONDS) * WINDOW_SECONDS;
        let total = listing.price as f64 * (1.0 + listing.kdv);
        let (product, description) = (quoted(&listing.product), quoted(&listing.description));
        let line =
            format!("{id},{product},{description},{},{},{},\"{}\"", listing.price, java(listing.kdv), java(total), timestamp(window));
        *open.entry(line).or_default() += 1;
    }
    let mut verdict = Verdict { expected: rows, ..Verdict::default() };
    for line in visible_lines(folder, &mut verdict)? {
        match open.get_mut(&line) {
            Some(left) if *left > 0 => *left -= 1,
            Some(_) => verdict.duplicated += 1,
            None => {
                verdict.wrong += 1;
                verdict.first_difference.get_or_insert_with(|| format!("unexpected row `{line}`"));
            }
        }
    }
    verdict.lost = open.values().sum();
    if let Some((line, _)) = open.iter().filter(|(_, left)| **left > 0).min() {
        verdict.first_difference.get_or_insert_with(|| format!("missing row `{line}`"));
    }
    Ok(verdict)
}

fn visible_lines(folder: &Path, verdict: &mut Verdict) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    for path in visible_files(folder)? {
        verdict.files += 1;
        lines.extend(std::fs::read_to_string(path)?.lines().map(str::to_owned));
    }
    Ok(lines)
}

/// The visible files of a folder, sorted by name.
pub(super) fn visible_files(folder: &Path) -> std::io::Result<Vec<std::path::PathBuf>> {
    let paths = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?;
    let mut paths: Vec<_> =
        paths.into_iter().filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("part-"))).collect();
    paths.sort();
    Ok(paths)
}

/// A text cell as Flink's CSV writes it: the sample holds no quotes, so only spaces and length ask for them.
fn quoted(text: &str) -> String {
    let plain = text.encode_utf16().count() <= 24 && text.chars().all(|c| c > ',' && c != '\\');
    if plain { text.to_owned() } else { format!("\"{text}\"") }
}

/// A double as Java prints it, for magnitudes that the sample has.
fn java(value: f64) -> String {
    if value != 0.0 && !(1e-3..1e7).contains(&value.abs()) {
        let text = format!("{value:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let point = if digits.contains('.') { "" } else { ".0" };
        return format!("{digits}{point}E{exponent}");
    }
    format!("{value:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_written_as_java_writes_them() {
        for (value, text) in
            [(21240.0, "21240.0"), (1.95e8, "1.95E8"), (50000.0 * (1.0 + 0.10), "55000.00000000001"), (0.3, "0.3"), (1e7, "1.0E7")]
        {
            assert_eq!(java(value), text);
        }
    }

    #[test]
    fn a_lost_a_doubled_and_a_wrong_row_are_each_counted() {
        let dir = tempfile::tempdir().unwrap();
        let rows = [
            "0,Araba,\"ikinci el opel araba\",900000,0.3,1170000.0,\"2025-02-16 07:40:00\"",
            "0,Araba,\"ikinci el opel araba\",900000,0.3,1170000.0,\"2025-02-16 07:40:00\"",
            "9,Araba",
        ];
        std::fs::write(dir.path().join("part-x-0-0"), rows.join("\n")).unwrap();
        let verdict = compare(dir.path(), 2).unwrap();
        assert_eq!((verdict.lost, verdict.duplicated, verdict.wrong), (1, 1, 1));
        assert!(!verdict.holds());
    }
}
