//! The reference job: its plan is the recorded one, and SQL, YAML and JSON say the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use irmak_common::job_graph::{JobGraph, Partitioning};
use irmak_planner::{Format, Outcome, Request, explain, plan};

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(here().join(path)).unwrap()
}

fn job(text: &str, format: Format, options: &[(&str, &str)]) -> JobGraph {
    let configuration: BTreeMap<String, String> = options.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    let statements = plan(&Request { file: "kdv", text, format, configuration: &configuration }).unwrap_or_else(|error| panic!("{error}"));
    match statements.into_iter().last().unwrap().outcome {
        Outcome::Job(graph) => graph,
        other => panic!("no job: {other:?}"),
    }
}

/// The recorded text, or a new recording where `UPDATE_PLANS` is set.
fn holds(file: &str, actual: &str) {
    let path = here().join("tests/plans").join(file);
    if std::env::var_os("UPDATE_PLANS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, actual).unwrap();
    }
    let recorded = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, recorded, "{file} differs from its recording; UPDATE_PLANS=1 records it anew");
}

#[test]
fn the_reference_job_has_its_recorded_plan() {
    let graph = job(&read("../examples/kdv/kdv.sql"), Format::Sql, &[("parallelism.default", "2")]);
    holds("kdv.json", &(serde_json::to_string_pretty(&graph).unwrap() + "\n"));
    holds("kdv.explain.txt", &explain::text(&graph));
    holds("kdv.rest.json", &(serde_json::to_string_pretty(&explain::json(&graph)).unwrap() + "\n"));
}

#[test]
fn the_reference_job_is_two_chains_with_a_keyed_exchange_between() {
    let graph = job(&read("../examples/kdv/kdv.sql"), Format::Sql, &[("parallelism.default", "2")]);
    let names: Vec<&str> = graph.vertices.iter().map(|vertex| vertex.name.as_str()).collect();
    assert_eq!(
        names,
        ["Source: sahibinden[1] -> Calc[2] -> WatermarkAssigner[3]", "GroupWindowAggregate[4] -> Calc[5] -> Sink: write_csv"]
    );
    assert_eq!(graph.edges.len(), 1);
    assert_eq!(graph.edges[0].partitioning, Partitioning::Hash { columns: (0..6).collect() });
    assert_eq!(graph.slots_required(), 2);
    assert_eq!(graph.options.checkpointing.as_ref().map(|checkpoints| checkpoints.interval_ms), Some(10_000));
}

#[test]
fn sql_yaml_and_json_make_the_same_job_graph() {
    let yaml = read("../examples/kdv/kdv.yaml");
    let document: serde_json::Value = serde_yaml_ng::from_str(&yaml).unwrap();
    let json = serde_json::to_string_pretty(&document).unwrap();
    let options = [("parallelism.default", "3")];
    let sql = job(&read("../examples/kdv/kdv.sql"), Format::Sql, &options);
    assert_eq!(job(&yaml, Format::Yaml, &options), sql);
    assert_eq!(job(&json, Format::Json, &options), sql);
}

#[test]
fn the_spec_that_the_manual_shows_is_planned() {
    let manual = read("../docs/job-spec.md");
    let document = manual.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let names: Vec<String> = job(document, Format::Yaml, &[]).vertices.into_iter().map(|vertex| vertex.name).collect();
    assert!(names.len() == 2 && names[1].ends_with("Sink: out"), "{names:?}");
}

#[test]
fn a_job_planned_twice_has_the_same_ids() {
    let text = read("../examples/kdv/kdv.sql");
    let ids = |graph: JobGraph| graph.vertices.iter().map(|vertex| vertex.id).collect::<Vec<_>>();
    let once = ids(job(&text, Format::Sql, &[]));
    assert_eq!(once, ids(job(&text, Format::Sql, &[("parallelism.default", "4")])));
}

#[test]
fn the_graph_survives_its_json() {
    let graph = job(&read("../examples/kdv/kdv.sql"), Format::Sql, &[]);
    let text = serde_json::to_string(&graph).unwrap();
    assert_eq!(serde_json::from_str::<JobGraph>(&text).unwrap(), graph);
}
