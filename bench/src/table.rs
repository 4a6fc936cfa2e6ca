//! The figures as one table that a person reads, in Markdown so that it can be kept.

use std::fmt::Write as _;

use crate::quiet::Quiet;
use crate::reference::Figures;
use crate::usage::MB;

/// One kind of run, all its repetitions.
pub(crate) struct Line {
    /// Who did the job.
    pub(crate) who: &'static str,
    /// Partitions of the topic.
    pub(crate) partitions: u32,
    /// The job's parallelism.
    pub(crate) parallelism: u32,
    /// A run each.
    pub(crate) runs: Vec<Figures>,
}

/// The hand-written loop, as the table names it.
pub(crate) const LOOP: &str = "hand-written loop";
/// Irmak, as the table names it.
pub(crate) const IRMAK: &str = "Irmak";

/// What Flink was measured at elsewhere; never by this program.
const FLINK: &str = "| Flink 1.20.5, measured elsewhere | | 2 | 143,000 | | 22-26 | 3,000-5,000 | | |";

/// The whole report.
pub(crate) fn render(rows: u32, lines: &[Line], quiet: &[Quiet]) -> String {
    let mut out = String::new();
    let repeat = lines.first().map_or(0, |line| line.runs.len());
    // Infallible: writing to a String.
    let _ = writeln!(out, "The reference job, {} rows, median of {repeat}\n", thousands(f64::from(rows)));
    out += "| | partitions | parallelism | rows/s | seconds | CPU-s | peak MB | LOST | DUP |\n";
    out += "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n";
    for line in lines {
        let seconds = line.median(|run| run.seconds);
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {seconds:.2} | {:.2} | {:.0} | {} | {} |",
            line.who,
            line.partitions,
            line.parallelism,
            thousands(f64::from(rows) / seconds),
            line.median(|run| run.cpu_s),
            line.median(|run| run.peak as f64) / MB,
            line.worst(|run| run.lost),
            line.worst(|run| run.doubled),
        );
        if let Some(peer) = lines.iter().find(|other| line.who == IRMAK && other.who == LOOP && other.partitions == line.partitions) {
            let ratio = |of: fn(&Figures) -> f64| line.median(of) / peer.median(of);
            let _ = writeln!(
                out,
                "| Irmak / loop | {} | | {:.2}x | {:.2}x | {:.2}x | {:.2}x | | |",
                line.partitions,
                1.0 / ratio(|run| run.seconds),
                ratio(|run| run.seconds),
                ratio(|run| run.cpu_s),
                ratio(|run| run.peak as f64),
            );
        }
    }
    out += FLINK;
    out += "\n";
    if !quiet.is_empty() {
        out += "\n| JobManager and one TaskManager | measured | aim |\n| --- | ---: | ---: |\n";
        let of = |read: fn(&Quiet) -> f64| median(quiet.iter().map(read).collect());
        let _ = writeln!(out, "| process start to all slots in REST | {:.3} s | 0.5 s |", of(|quiet| quiet.start_up_s));
        let _ = writeln!(out, "| `irmak run -d` to every subtask RUNNING | {:.3} s | 0.3 s |", of(|quiet| quiet.to_running_s));
        let _ = writeln!(out, "| idle memory, resident | {:.1} MB | 60 MB |", of(|quiet| quiet.idle_bytes as f64) / MB);
        let _ = writeln!(out, "| CPU-s in 10 idle seconds | {:.2} | |", of(|quiet| quiet.idle_cpu_s));
    }
    out += "\nAims for the reference job: 4.5 CPU-s and 400 MB for 2,000,000 rows.\n";
    out
}

impl Line {
    fn median(&self, of: fn(&Figures) -> f64) -> f64 {
        median(self.runs.iter().map(of).collect())
    }

    fn worst(&self, of: fn(&Figures) -> usize) -> usize {
        self.runs.iter().map(of).max().unwrap_or(0)
    }
}

/// The middle one; of an even number, the mean of the two in the middle. Of none, not a number.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.as_slice() {
        [] => f64::NAN,
        all if all.len() % 2 == 1 => all[middle],
        all => (all[middle - 1] + all[middle]) / 2.0,
    }
}

/// A count with a comma every three digits.
pub(crate) fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(who: &'static str, cpu_s: [f64; 3]) -> Line {
        let run = |cpu_s| Figures { seconds: 2.0, cpu_s, peak: 100_000_000, lost: 0, doubled: 0 };
        Line { who, partitions: 1, parallelism: 1, runs: cpu_s.map(run).to_vec() }
    }

    #[test]
    fn a_line_is_the_median_and_irmak_is_compared_with_the_loop_of_its_topic() {
        let text = render(2_000_000, &[line(LOOP, [9.0, 4.0, 1.0]), line(IRMAK, [2.0, 2.0, 7.0])], &[]);
        assert!(text.contains("| hand-written loop | 1 | 1 | 1,000,000 | 2.00 | 4.00 | 100 | 0 | 0 |"), "{text}");
        assert!(text.contains("| Irmak / loop | 1 | | 1.00x | 1.00x | 0.50x | 1.00x | | |"), "{text}");
    }

    #[test]
    fn the_median_of_an_even_number_lies_between() {
        for (values, middle) in [(vec![3.0, 1.0, 2.0], 2.0), (vec![4.0, 1.0, 2.0, 3.0], 2.5), (vec![1.0], 1.0)] {
            assert_eq!(median(values), middle);
        }
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn counts_are_grouped_by_three() {
        for (value, text) in [(0.0, "0"), (999.0, "999"), (1_000.0, "1,000"), (1_234_567.4, "1,234,567")] {
            assert_eq!(thousands(value), text);
        }
    }
}
