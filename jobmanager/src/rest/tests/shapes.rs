//! Field names and types, held to the answers of a real Flink 1.20.5 in `tests/rest`.

use irmak_common::id::VertexId;
use serde_json::{Value, json};

use super::shape::differences;
use super::world::World;
use crate::actor::View;
use crate::core::event::Event;
use crate::core::tests::setup::JOB;
use crate::rest::asked::{Answer, Asked};
use crate::rest::{checkpoints, cluster, exceptions, jobs, metrics, task_managers, vertices};

fn recorded(name: &str) -> Value {
    let path = format!("{}/tests/rest/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn check(world: &World, answer: fn(&View<'_>, &Asked) -> Answer, path: &[(&str, &str)], recording: &str) {
    let ours = world.ask(answer, path, &[]).unwrap();
    // A source has no inputs; a failure of the whole job has no place.
    let optional = ["inputs", "taskName", "location", "endpoint", "taskManagerId", "failure_timestamp", "failure_message"];
    assert_eq!(differences(&ours, &recorded(recording), &optional), [""; 0], "{recording}: {ours:#}");
}

#[test]
fn a_running_job_has_flinks_fields_and_types() {
    let world = World::restarted();
    check(&world, cluster::overview, &[], "overview");
    check(&world, cluster::dashboard, &[], "config");
    check(&world, jobs::ids, &[], "jobs");
    check(&world, jobs::overview, &[], "jobs_overview");
    check(&world, jobs::details, &[], "job");
    check(&world, jobs::plan, &[], "job_plan");
    check(&world, jobs::configuration, &[], "job_config");
    check(&world, checkpoints::statistics, &[], "job_checkpoints");
    check(&world, checkpoints::configuration, &[], "job_checkpoints_config");
    check(&world, exceptions::of_job, &[], "job_failed_exceptions");
    check(&world, task_managers::list, &[], "taskmanagers");
    check(&world, task_managers::details, &[("manager", "a")], "taskmanager");
}

#[test]
fn a_job_that_waits_or_has_ended_has_them_too() {
    let mut waiting = World::waiting();
    check(&waiting, jobs::details, &[], "job");
    check(&waiting, exceptions::of_job, &[], "job_exceptions");
    waiting.tell(Event::Cancel(JOB));
    check(&waiting, jobs::details, &[], "job_finished");
    check(&waiting, jobs::overview, &[], "jobs_overview");
}

#[test]
fn a_waiting_job_says_how_many_slots_it_could_take() {
    let waiting = World::waiting().ask(jobs::details, &[], &[]).unwrap();
    assert_eq!(waiting["irmak"]["slots-available"], 0);
    assert!(waiting["irmak"]["message"].as_str().unwrap().starts_with("waits for 2 more slots"));
    let running = World::running().ask(jobs::details, &[], &[]).unwrap();
    assert_eq!(running["irmak"], json!({ "slots-required": 2, "slots-available": 3, "message": "the broker is away" }));
}

#[test]
fn a_vertex_sums_its_rows_and_shows_its_busiest_subtask() {
    let details = World::running().ask(jobs::details, &[], &[]).unwrap();
    let source = &details["vertices"][0];
    assert_eq!((&source["status"], &source["metrics"]["write-records"]), (&json!("RUNNING"), &json!(2_200)));
    let flow = &source["irmak"];
    assert_eq!((&flow["records-in-per-second"], &flow["busy-ratio"], &flow["idle-ratio"]), (&json!(2_000.0), &json!(0.5), &json!(0.5)));
    assert_eq!((&flow["watermark"], &flow["late-records"], &flow["skipped-records"]), (&json!(5), &json!(2), &json!(4)));
    assert_eq!(flow["message"], "the broker is away");
}

#[test]
fn no_answer_tells_a_secret() {
    let world = World::running();
    for answer in [jobs::configuration, jobs::details, jobs::plan, cluster::configuration] {
        let text = world.ask(answer, &[], &[]).unwrap().to_string();
        assert!(!text.contains("hush"), "{text}");
    }
    assert!(world.ask(jobs::configuration, &[], &[]).unwrap().to_string().contains("******"));
}

#[test]
fn a_checkpoint_is_told_by_task_and_subtask() {
    let world = World::running();
    let details = world.ask(checkpoints::details, &[("checkpoint", "1")], &[]).unwrap();
    let vertex = VertexId::of_text("source").to_string();
    assert_eq!((&details["status"], &details["state_size"]), (&json!("COMPLETED"), &json!(400)));
    assert_eq!(details["tasks"][&vertex]["num_acknowledged_subtasks"], 2);
    let subtasks = world.ask(checkpoints::subtasks, &[("checkpoint", "1"), ("vertex", &vertex)], &[]).unwrap();
    assert_eq!(subtasks["subtasks"][1]["checkpoint"], json!({ "sync": 3, "async": 4 }));
    assert_eq!(subtasks["summary"]["alignment"]["duration"]["max"], 2);
}

#[test]
fn the_newest_failure_comes_first_and_names_its_place() {
    let mut world = World::restarted();
    world.now += 1_000;
    world.fail();
    let told = world.ask(exceptions::of_job, &[], &[("maxExceptions", "1")]).unwrap();
    assert_eq!((&told["root-exception"], &told["truncated"]), (&json!("division by zero at row 7"), &json!(true)));
    let entry = &told["exceptionHistory"]["entries"][0];
    assert_eq!((&entry["taskName"], &entry["endpoint"]), (&json!("source (1/2) - execution #1"), &json!("b.host:6121")));
}

#[test]
fn a_job_has_the_metrics_that_flinks_has() {
    let world = World::running();
    let names = |list: &Value| {
        let mut names: Vec<String> = list.as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(&world.ask(metrics::of_job, &[], &[]).unwrap()), names(&recorded("job_metrics")));
    let values = world.ask(metrics::of_job, &[], &[("get", "numberOfCompletedCheckpoints,lastCheckpointExternalPath,nope")]).unwrap();
    assert_eq!(
        values,
        json!([
            { "id": "numberOfCompletedCheckpoints", "value": "1" },
            { "id": "lastCheckpointExternalPath", "value": format!("file:///c/{JOB}/chk-1") },
        ])
    );
}

#[test]
fn a_vertex_tells_its_subtasks_with_their_place_and_flow() {
    let world = World::running();
    let vertex = VertexId::of_text("source").to_string();
    let details = world.ask(vertices::details, &[("vertex", &vertex)], &[]).unwrap();
    let slow = &details["subtasks"][1];
    assert_eq!((&slow["status"], &slow["endpoint"], &slow["taskmanager-id"]), (&json!("RUNNING"), &json!("a.host:6121"), &json!("a")));
    assert_eq!((&slow["irmak"]["busy-ratio"], &slow["irmak"]["message"]), (&json!(0.5), &json!("the broker is away")));
    let flinks = &recorded("job")["vertices"][1]["metrics"];
    assert_eq!(differences(&slow["metrics"], flinks, &[]), [""; 0]);
    assert_eq!(details["aggregated"]["metrics"]["write-records"]["sum"], 2_200);
    assert_eq!(slow["status-duration"]["CREATED"], -1);
    let path = [("vertex", vertex.as_str()), ("subtask", "1"), ("attempt", "0")];
    assert_eq!(&world.ask(vertices::attempt, &path, &[]).unwrap(), slow);
    let missing = [("vertex", vertex.as_str()), ("subtask", "2")];
    assert!(world.ask(vertices::subtask, &missing, &[]).unwrap_err().message.contains("no subtask 2"));
}

#[test]
fn a_waiting_vertex_has_subtasks_without_a_place() {
    let vertex = VertexId::of_text("sink").to_string();
    let details = World::waiting().ask(vertices::details, &[("vertex", &vertex)], &[]).unwrap();
    let first = &details["subtasks"][0];
    assert_eq!((&first["status"], &first["taskmanager-id"]), (&json!("CREATED"), &json!("(unassigned)")));
    assert_eq!(details["subtasks"].as_array().unwrap().len(), 2);
}

#[test]
fn watermarks_and_backpressure_are_told_by_subtask() {
    let world = World::running();
    let vertex = VertexId::of_text("sink").to_string();
    let path = [("vertex", vertex.as_str())];
    let watermarks = world.ask(vertices::watermarks, &path, &[]).unwrap();
    assert_eq!(watermarks[1], json!({ "id": "1.currentInputWatermark", "value": "5" }));
    let pressure = world.ask(vertices::backpressure, &path, &[]).unwrap();
    assert_eq!((&pressure["status"], &pressure["backpressure-level"]), (&json!("ok"), &json!("ok")));
    assert_eq!((&pressure["subtasks"][1]["busyRatio"], &pressure["subtasks"][1]["idleRatio"]), (&json!(0.5), &json!(0.5)));
}

#[test]
fn metrics_of_subtasks_are_aggregated_as_asked() {
    let world = World::running();
    let vertex = VertexId::of_text("source").to_string();
    let path = [("vertex", vertex.as_str())];
    let ask = |query: &[(&str, &str)]| world.ask(metrics::over_subtasks, &path, query);
    let all = ask(&[("get", "accumulateBusyTimeMs")]).unwrap();
    assert_eq!(all, json!([{ "id": "accumulateBusyTimeMs", "min": 0.0, "max": 550.0, "avg": 275.0, "sum": 550.0, "skew": 100.0 }]));
    let one = ask(&[("get", "accumulateBusyTimeMs"), ("agg", "max"), ("subtasks", "0-0")]).unwrap();
    assert_eq!(one, json!([{ "id": "accumulateBusyTimeMs", "max": 0.0 }]));
    assert!(ask(&[("get", "numRecordsIn"), ("agg", "mode")]).unwrap_err().message.contains("`mode`"));
    assert!(ask(&[("subtasks", "x")]).unwrap_err().message.contains("`x`"));
    let by_subtask = world.ask(metrics::of_vertex, &path, &[("get", "1.numRecordsIn")]).unwrap();
    assert_eq!(by_subtask, json!([{ "id": "1.numRecordsIn", "value": "1100" }]));
}

#[test]
fn an_ended_job_says_how_it_ended() {
    let mut world = World::waiting();
    assert_eq!(world.ask(jobs::execution_result, &[], &[]).unwrap(), json!({ "status": { "id": "IN_PROGRESS" } }));
    world.tell(Event::Cancel(JOB));
    let result = world.ask(jobs::execution_result, &[], &[]).unwrap();
    assert_eq!(result["job-execution-result"]["application-status"], "CANCELED");
}
