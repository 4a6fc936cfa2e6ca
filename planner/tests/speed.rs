//! How long planning takes: every recorded query, the best of some runs.
//!
//! `cargo test --release -p irmak-planner --test speed -- --nocapture` prints the slowest.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use irmak_planner::{Format, Request, plan};

/// What a plan may cost. Without optimisation a plan takes some ten times as long, and the machine may be several times slower than ours.
const LIMIT: Duration = Duration::from_millis(if cfg!(debug_assertions) { 500 } else { 10 });
/// Others may be at work on the machine: only a query that is slow each time is slow.
const RUNS: usize = 20;

fn planning_time(text: &str) -> Duration {
    let mut best = Duration::MAX;
    for run in 0..RUNS {
        let start = Instant::now();
        let _ = plan(&Request { file: "job", text, format: Format::Sql, configuration: &BTreeMap::new() });
        best = best.min(start.elapsed());
        if run >= 2 && best < LIMIT / 2 {
            break;
        }
    }
    best
}

#[test]
fn every_recorded_query_is_planned_in_10_ms() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../golden");
    let mut times = Vec::new();
    for area in ["windows", "errors", "scalar", "formats", "relational", "explain"] {
        for case in std::fs::read_dir(golden.join(area)).unwrap() {
            let case = case.unwrap().path();
            let Ok(text) = std::fs::read_to_string(case.join("query.sql")) else { continue };
            let text = text.replace("${INPUT}", "/in").replace("${OUTPUT}", "/out");
            times.push((planning_time(&text), format!("{area}/{}", case.file_name().unwrap().to_string_lossy())));
        }
    }
    times.sort();
    let (slowest, case) = times.last().unwrap();
    println!("planning {} queries: median {:?}, slowest {slowest:?} ({case})", times.len(), times[times.len() / 2].0);
    assert!(*slowest < LIMIT, "{case} takes {slowest:?} to plan");
}
