//! How long a query takes to plan: every recorded query of `golden/`, one after the other in one process.
//!
//! The least of some runs counts: whatever disturbs only adds to it. Queries that Flink refused are planned as well, up to
//! where they are refused.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use irmak_planner::{Format, Request, plan};

/// How often each query is planned.
const ROUNDS: usize = 5;
/// What a query should take at most.
const AIM: Duration = Duration::from_millis(10);

/// A query, and the least time that planning it took.
pub(crate) struct Planned {
    took: Duration,
    /// As `area/case`.
    case: String,
}

/// Plans all of them; the quickest first.
///
/// # Errors
/// The recordings cannot be read, or there are none.
pub(crate) fn measure() -> Result<Vec<Planned>> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../golden");
    let mut planned = Vec::new();
    for area in fs::read_dir(&golden).with_context(|| format!("listing {}", golden.display()))? {
        let area = area?;
        if !area.file_type()?.is_dir() {
            continue;
        }
        for case in fs::read_dir(area.path())? {
            let case = case?;
            let Ok(text) = fs::read_to_string(case.path().join("query.sql")) else { continue };
            let text = text.replace("${INPUT}", "/in").replace("${OUTPUT}", "/out");
            let case = format!("{}/{}", area.file_name().display(), case.file_name().display());
            planned.push(Planned { took: least(&text), case });
        }
    }
    ensure!(!planned.is_empty(), "{} has no recorded queries", golden.display());
    planned.sort_by_key(|planned| planned.took);
    Ok(planned)
}

fn least(text: &str) -> Duration {
    let (configuration, mut least) = (BTreeMap::new(), Duration::MAX);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        // An answer, or an error of the query: both took their time.
        let _ = std::hint::black_box(plan(&Request { file: "job", text, format: Format::Sql, configuration: &configuration }));
        least = least.min(start.elapsed());
    }
    least
}

/// Their table.
pub(crate) fn render(planned: &[Planned]) -> String {
    let mut out = String::from("| planning the recorded queries | queries | median ms | slowest ms | which | aim ms |\n");
    out += "| --- | ---: | ---: | ---: | --- | ---: |\n";
    let millis = |took: Duration| took.as_secs_f64() * 1e3;
    if let (Some(median), Some(slowest)) = (planned.get(planned.len() / 2), planned.last()) {
        // Infallible: writing to a String.
        let _ = writeln!(
            out,
            "| one thread, least of {ROUNDS} runs | {} | {:.2} | {:.2}{} | {} | {:.0} |",
            planned.len(),
            millis(median.took),
            millis(slowest.took),
            if slowest.took > AIM { " (above the aim)" } else { "" },
            slowest.case,
            millis(AIM),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_query_is_named_and_judged() {
        let planned = |took| Planned { took: Duration::from_micros(took), case: format!("area/{took}") };
        let text = render(&[planned(100), planned(300), planned(12_500)]);
        assert!(text.contains("| 3 | 0.30 | 12.50 (above the aim) | area/12500 | 10 |"), "{text}");
        assert!(!render(&[planned(100), planned(9_000)]).contains("above"));
    }
}
