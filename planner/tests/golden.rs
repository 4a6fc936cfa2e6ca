//! Every recorded query of `golden/` is planned: column types are those that Flink recorded, and what Flink refused while planning is
//! refused here, with a code and at a place.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use irmak_planner::{Format, Outcome, Request, plan};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../golden")
}

fn cases(area: &str) -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = std::fs::read_dir(corpus().join(area)).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|case| case.join("query.sql").exists());
    cases.sort();
    cases
}

/// `Ok`: as recorded. `Err`: what differs.
fn judge(case: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(case.join("query.sql")).unwrap().replace("${INPUT}", "/in").replace("${OUTPUT}", "/out");
    let configuration = BTreeMap::new();
    let planned = plan(&Request { file: "query.sql", text: &text, format: Format::Sql, configuration: &configuration });
    let phase = std::fs::read_to_string(case.join("phase.txt")).unwrap_or_default();
    let refused_by_flink = case.join("error.txt").exists() && phase.contains("plan");
    match planned {
        Err(error) if refused_by_flink => {
            if error.position.is_some() || !error.message.is_empty() {
                Ok(())
            } else {
                Err(format!("no place: {error}"))
            }
        }
        Err(error) => Err(format!("refused: {error}")),
        Ok(_) if refused_by_flink => {
            let told = std::fs::read_to_string(case.join("error.txt")).unwrap();
            Err(format!("accepted, but Flink says: {}", told.lines().last().unwrap_or_default()))
        }
        Ok(statements) => compare(case, &statements.last().unwrap().outcome),
    }
}

fn compare(case: &Path, outcome: &Outcome) -> Result<(), String> {
    let recorded = ["expected.jsonl", "expected_final.jsonl"].iter().find_map(|file| std::fs::read_to_string(case.join(file)).ok());
    let Some(recorded) = recorded else { return Ok(()) };
    let first: serde_json::Value = serde_json::from_str(recorded.lines().next().unwrap()).unwrap();
    let wanted: Vec<(String, String)> = serde_json::from_value(first["columns"].clone()).unwrap();
    let have: Vec<(String, String)> = match outcome {
        Outcome::Job(graph) => match &graph.collect {
            Some(schema) => schema.fields.iter().map(|field| (field.name.clone(), field.ty.to_string())).collect(),
            None => return Err("no columns".into()),
        },
        _ => return Ok(()),
    };
    let differing: Vec<String> =
        have.iter().zip(&wanted).filter(|(have, want)| have != want).map(|(have, want)| format!("{have:?} instead of {want:?}")).collect();
    if differing.is_empty() && have.len() == wanted.len() { Ok(()) } else { Err(format!("columns: {}", differing.join("; "))) }
}

#[test]
fn recorded_queries_are_planned_with_flinks_types_or_refused() {
    let verbose = std::env::var_os("GOLDEN_VERBOSE").is_some();
    let least: BTreeMap<&str, usize> = LEAST.iter().copied().collect();
    let mut short = Vec::new();
    for area in ["windows", "errors", "scalar", "formats", "relational", "explain"] {
        let cases = cases(area);
        let judged: Vec<(PathBuf, Result<(), String>)> = cases.into_iter().map(|case| (case.clone(), judge(&case))).collect();
        let good = judged.iter().filter(|(_, result)| result.is_ok()).count();
        println!("{area}: {good} of {}", judged.len());
        for (case, result) in &judged {
            if let Err(difference) = result
                && verbose
            {
                println!("  {}: {difference}", case.file_name().unwrap().to_string_lossy());
            }
        }
        if good < least[area] {
            short.push(format!("{area}: {good} planned as recorded, {} were", least[area]));
        }
    }
    assert!(short.is_empty(), "{short:?}");
}

/// How many cases of each area have been planned as recorded: these numbers only grow.
const LEAST: [(&str, usize); 6] = [("windows", 50), ("errors", 46), ("scalar", 83), ("formats", 67), ("relational", 46), ("explain", 11)];
