//! Flink's list of endpoints, and which of them are not here.

use super::calls::site;
use crate::core::tests::setup::JOB;
use irmak_common::id::VertexId;

/// GETs of Flink that have no meaning here, or none yet.
const NOT_HERE: &[&str] = &[
    "/datasets",
    "/datasets/delete/:triggerid",
    "/jars/:jarid/plan",
    "/jobmanager/logs",
    "/jobmanager/profiler",
    "/jobmanager/thread-dump",
    "/jobs/:jobid/checkpoints/:triggerid",
    "/jobs/:jobid/jobmanager/log-url",
    "/jobs/:jobid/rescaling/:triggerid",
    "/jobs/:jobid/resource-requirements",
    "/jobs/:jobid/savepoints/:triggerid",
    "/jobs/:jobid/taskmanagers/:taskmanagerid/log-url",
    "/jobs/:jobid/vertices/:vertexid/flamegraph",
    "/savepoint-disposal/:triggerid",
    "/taskmanagers/:taskmanagerid/logs",
    "/taskmanagers/:taskmanagerid/profiler",
    "/taskmanagers/:taskmanagerid/thread-dump",
];

#[tokio::test(flavor = "multi_thread")]
async fn every_get_of_flink_is_answered_or_on_the_list_of_those_that_are_not() {
    let list = include_str!("../../../tests/rest/endpoints.tsv");
    let gets = list.lines().skip(1).filter_map(|line| {
        let mut columns = line.split('\t');
        let (url, method) = (columns.next()?, columns.next()?);
        (method == "GET").then_some(url)
    });
    let (site, mut missing) = (site().await, Vec::new());
    let vertex = VertexId::of_text("source").to_string();
    for url in gets {
        let path = url
            .replace(":jobid", &JOB.to_string())
            .replace(":vertexid", &vertex)
            .replace(":checkpointid", "1")
            .replace(":subtaskindex", "0")
            .replace(":attempt", "0");
        let (_, answer) = site.get(&path).await;
        if answer["errors"][0].as_str().is_some_and(|words| words.starts_with("there is nothing at")) {
            missing.push(url);
        }
    }
    assert_eq!(missing, NOT_HERE);
}
