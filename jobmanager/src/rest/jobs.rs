//! Jobs: the lists, and one with its vertices.

use irmak_common::job_graph::{RestartStrategy, Vertex};
use irmak_common::operator_spec::redact;
use irmak_common::status::{ExecutionState, JobStatus};
use serde_json::{Map, Value, json};

use super::asked::{Answer, Asked};
use super::flow;
use crate::actor::View;
use crate::core::execution_graph::aggregate;
use crate::core::job::Job;

/// `/jobs`
pub(super) fn ids(view: &View<'_>, _: &Asked) -> Answer {
    let jobs: Vec<Value> = view.core.jobs().map(|job| json!({ "id": job.id.to_string(), "status": job.status.as_str() })).collect();
    Ok(json!({ "jobs": jobs }))
}

/// `/jobs/overview`
pub(super) fn overview(view: &View<'_>, _: &Asked) -> Answer {
    Ok(json!({ "jobs": view.core.jobs().map(|job| summary(view, job)).collect::<Vec<Value>>() }))
}

fn summary(view: &View<'_>, job: &Job) -> Value {
    let states: Vec<ExecutionState> = job.graph.vertices.iter().flat_map(|vertex| flow::states(job, vertex)).collect();
    let count = |state| states.iter().filter(|other| **other == state).count();
    let mut tasks: Map<String, Value> =
        ExecutionState::ALL.into_iter().map(|state| (state.as_str().to_ascii_lowercase(), json!(count(state)))).collect();
    tasks.insert("total".to_owned(), json!(states.len()));
    let mut summary = named(job);
    flow::span(&mut summary, Some(job.submitted_at), job.ended_at(), view.now);
    summary.insert("state".to_owned(), json!(job.status.as_str()));
    let changes = job.executions.values().flat_map(|execution| execution.since.values()).chain(job.timestamps.values());
    summary.insert("last-modification".to_owned(), json!(changes.max()));
    summary.insert("tasks".to_owned(), tasks.into());
    summary.into()
}

fn named(job: &Job) -> Map<String, Value> {
    Map::from_iter([("jid".to_owned(), json!(job.id.to_string())), ("name".to_owned(), json!(job.graph.name))])
}

/// `/jobs/:id`
pub(super) fn details(view: &View<'_>, asked: &Asked) -> Answer {
    let job = asked.job(view)?;
    let vertices = &job.graph.vertices;
    let statuses: Vec<ExecutionState> = vertices.iter().map(|vertex| aggregate(flow::states(job, vertex).into_iter())).collect();
    let since = |status: JobStatus| job.timestamps.get(&status).copied().unwrap_or(0);
    let timestamps: Map<String, Value> =
        JobStatus::ALL.into_iter().map(|status| (status.as_str().to_owned(), json!(since(status)))).collect();
    let mut details = named(job);
    details.insert("isStoppable".to_owned(), json!(!job.status.is_terminal() && !job.is_batch()));
    details.insert("state".to_owned(), json!(job.status.as_str()));
    details.insert("job-type".to_owned(), json!(if job.is_batch() { "BATCH" } else { "STREAMING" }));
    flow::span(&mut details, Some(job.submitted_at), job.ended_at(), view.now);
    details.insert("maxParallelism".to_owned(), json!(job.graph.max_parallelism.get()));
    details.insert("now".to_owned(), json!(view.now));
    details.insert("timestamps".to_owned(), timestamps.into());
    details.insert("vertices".to_owned(), vertices.iter().map(|of| vertex(view, job, of)).collect());
    details.insert("status-counts".to_owned(), flow::by_state(&statuses));
    details.insert("plan".to_owned(), nodes(job));
    details.insert("irmak".to_owned(), needs(view, job));
    Ok(details.into())
}

/// Slots that the job needs, those that it has or could take, and why it stands still.
fn needs(view: &View<'_>, job: &Job) -> Value {
    let cluster = view.core.cluster();
    let held: usize = cluster.all().map(|manager| manager.held.values().filter(|holder| **holder == job.id).count()).sum();
    json!({
        "slots-required": job.graph.slots_required(),
        "slots-available": held as u32 + cluster.slots_free(),
        "message": job.message(view.now, cluster),
    })
}

fn vertex(view: &View<'_>, job: &Job, vertex: &Vertex) -> Value {
    let executions = flow::executions(job, vertex.id);
    let states = flow::states(job, vertex);
    let mut entry = Map::from_iter([
        ("id".to_owned(), json!(vertex.id.to_string())),
        // One group for all: a slot hosts one subtask of each vertex.
        ("slotSharingGroupId".to_owned(), json!(job.id.to_string())),
        ("name".to_owned(), json!(vertex.name)),
        ("maxParallelism".to_owned(), json!(job.graph.max_parallelism.get())),
        ("parallelism".to_owned(), json!(vertex.parallelism)),
        ("status".to_owned(), json!(aggregate(states.iter().copied()).as_str())),
    ]);
    flow::span_of(&mut entry, &executions, view.now);
    entry.insert("tasks".to_owned(), flow::by_state(&states));
    entry.insert("metrics".to_owned(), flow::totals(&executions));
    entry.insert("irmak".to_owned(), flow::irmak(&executions));
    entry.into()
}

/// `/jobs/:id/plan`
pub(super) fn plan(view: &View<'_>, asked: &Asked) -> Answer {
    Ok(json!({ "plan": nodes(asked.job(view)?) }))
}

fn nodes(job: &Job) -> Value {
    let mut plan = irmak_planner::explain::json(&job.graph);
    if let Value::Object(plan) = &mut plan {
        plan.insert("jid".to_owned(), json!(job.id.to_string()));
    }
    plan
}

/// `/jobs/:id/config`
pub(super) fn configuration(view: &View<'_>, asked: &Asked) -> Answer {
    let job = asked.job(view)?;
    let user: Map<String, Value> =
        job.graph.options.configuration.iter().map(|(key, value)| (key.clone(), json!(redact(key, value)))).collect();
    let mut config = named(job);
    config.insert(
        "execution-config".to_owned(),
        json!({
            "execution-mode": "PIPELINED",
            "restart-strategy": restart(&job.graph.options.restart),
            "job-parallelism": job.graph.slots_required(),
            "object-reuse-mode": true,
            "user-config": user,
        }),
    );
    Ok(config.into())
}

fn restart(strategy: &RestartStrategy) -> String {
    match strategy {
        RestartStrategy::None => "none: the first failure fails the job".to_owned(),
        RestartStrategy::FixedDelay { attempts, delay_ms } => format!("fixed-delay: {attempts} restarts, {delay_ms} ms before each"),
        RestartStrategy::FailureRate { max_failures, interval_ms, delay_ms } => {
            format!("failure-rate: at most {max_failures} failures in {interval_ms} ms, {delay_ms} ms before each restart")
        }
        RestartStrategy::ExponentialDelay { initial_ms, max_ms, multiplier, .. } => {
            format!("exponential-delay: {initial_ms} ms before the first restart, times {multiplier} up to {max_ms} ms")
        }
    }
}

/// `/jobs/:id/status`
pub(super) fn status(view: &View<'_>, asked: &Asked) -> Answer {
    Ok(json!({ "status": asked.job(view)?.status.as_str() }))
}

/// `/jobs/:id/accumulators`: there are none.
pub(super) fn accumulators(view: &View<'_>, asked: &Asked) -> Answer {
    asked.job(view)?;
    Ok(json!({ "job-accumulators": [], "user-task-accumulators": [], "serialized-user-task-accumulators": {} }))
}

/// `/jobs/:id/execution-result`
pub(super) fn execution_result(view: &View<'_>, asked: &Asked) -> Answer {
    let job = asked.job(view)?;
    let Some(ended_at) = job.ended_at() else { return Ok(json!({ "status": { "id": "IN_PROGRESS" } })) };
    let application_status = match job.status {
        JobStatus::Finished => "SUCCEEDED",
        JobStatus::Canceled => "CANCELED",
        _ => "FAILED",
    };
    let mut result = json!({
        "id": job.id.to_string(),
        "application-status": application_status,
        "accumulator-results": {},
        "net-runtime": ended_at - job.submitted_at,
    });
    if let (JobStatus::Failed, Some(failure)) = (job.status, job.failures.back()) {
        result["failure-cause"] = json!({ "class": failure.name, "stack-trace": failure.message, "serialized-throwable": "" });
    }
    Ok(json!({ "status": { "id": "COMPLETED" }, "job-execution-result": result }))
}
