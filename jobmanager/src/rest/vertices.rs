//! A vertex of a job, and its subtasks one by one. Only the newest attempt is known.

use std::collections::BTreeMap;

use irmak_common::id::SubtaskId;
use irmak_common::job_graph::Vertex;
use irmak_common::status::ExecutionState;
use irmak_common::time::Millis;
use serde_json::{Map, Value, json};

use super::asked::{Answer, Asked};
use super::flow;
use super::refused::Refused;
use super::statistics::Summary;
use crate::actor::View;
use crate::core::execution_graph::{Execution, aggregate};
use crate::core::job::Job;

/// Where a subtask without a slot runs.
const UNASSIGNED: &str = "(unassigned)";
/// The states whose length Flink tells.
const TIMED: [ExecutionState; 5] =
    [ExecutionState::Created, ExecutionState::Scheduled, ExecutionState::Deploying, ExecutionState::Initializing, ExecutionState::Running];

/// `/jobs/:id/vertices/:vid`
pub(super) fn details(view: &View<'_>, asked: &Asked) -> Answer {
    let job = asked.job(view)?;
    let vertex = asked.vertex(job)?;
    let subtasks: Vec<Value> = (0..vertex.parallelism).map(|index| subtask_entry(job, vertex, index, view.now)).collect();
    let mut details = named(vertex);
    details.insert("parallelism".to_owned(), json!(vertex.parallelism));
    details.insert("maxParallelism".to_owned(), json!(job.graph.max_parallelism.get()));
    details.insert("now".to_owned(), json!(view.now));
    details.insert("subtasks".to_owned(), json!(subtasks));
    details.insert("aggregated".to_owned(), aggregated(&flow::executions(job, vertex.id), view.now));
    details.insert("irmak".to_owned(), flow::irmak(&flow::executions(job, vertex.id)));
    Ok(details.into())
}

fn named(vertex: &Vertex) -> Map<String, Value> {
    Map::from_iter([("id".to_owned(), json!(vertex.id.to_string())), ("name".to_owned(), json!(vertex.name))])
}

/// `/jobs/:id/vertices/:vid/subtasks/:i`
pub(super) fn subtask(view: &View<'_>, asked: &Asked) -> Answer {
    let job = asked.job(view)?;
    let vertex = asked.vertex(job)?;
    Ok(subtask_entry(job, vertex, index(vertex, asked)?, view.now))
}

/// `/jobs/:id/vertices/:vid/subtasks/:i/attempts/:a`
pub(super) fn attempt(view: &View<'_>, asked: &Asked) -> Answer {
    is_current(asked.job(view)?, asked)?;
    subtask(view, asked)
}

fn is_current(job: &Job, asked: &Asked) -> Result<(), Refused> {
    let (wanted, newest) = (asked.number::<u32>("attempt")?, job.attempt.unwrap_or_default());
    match wanted == newest {
        true => Ok(()),
        false => Err(Refused::not_found(format!("attempt {wanted} is not known: only the newest is, which is {newest}"))),
    }
}

/// The subtask of the path.
pub(super) fn index(vertex: &Vertex, asked: &Asked) -> Result<u32, Refused> {
    let index: u32 = asked.number("subtask")?;
    let there = index < vertex.parallelism;
    there.then_some(index).ok_or_else(|| {
        Refused::not_found(format!("`{}` has no subtask {index}: they are counted from 0 to {}", vertex.name, vertex.parallelism - 1))
    })
}

fn subtask_entry(job: &Job, vertex: &Vertex, index: u32, now: Millis) -> Value {
    let execution = job.executions.get(&SubtaskId { vertex: vertex.id, index });
    let state = execution.map_or_else(|| flow::unplaced(job.status), |execution| execution.state);
    let one: Vec<&Execution> = execution.into_iter().collect();
    let mut entry = Map::from_iter([
        ("subtask".to_owned(), json!(index)),
        ("status".to_owned(), json!(state.as_str())),
        ("attempt".to_owned(), json!(job.attempt.unwrap_or_default())),
        ("host".to_owned(), json!(endpoint(execution))),
        ("endpoint".to_owned(), json!(endpoint(execution))),
    ]);
    flow::span_of(&mut entry, &one, now);
    // Flink says it twice.
    entry.insert("start_time".to_owned(), entry["start-time"].clone());
    entry.insert("metrics".to_owned(), flow::totals(&one));
    entry.insert("taskmanager-id".to_owned(), json!(task_manager(execution)));
    entry.insert("status-duration".to_owned(), execution.map_or_else(|| json!({}), |execution| durations_json(execution, now)));
    entry.insert("irmak".to_owned(), flow::irmak(&one));
    entry.into()
}

fn endpoint(execution: Option<&Execution>) -> &str {
    execution.filter(|execution| execution.slot.is_some()).map_or(UNASSIGNED, |execution| &execution.location)
}

fn task_manager(execution: Option<&Execution>) -> &str {
    execution.and_then(|execution| execution.slot.as_ref()).map_or(UNASSIGNED, |slot| &slot.task_manager.0)
}

/// How long it was in each state; -1: never.
fn durations(execution: &Execution, now: Millis) -> [(ExecutionState, i64); 5] {
    let mut order: Vec<(Millis, ExecutionState)> = execution.since.iter().map(|(state, at)| (*at, *state)).collect();
    order.sort();
    TIMED.map(|state| {
        let Some(place) = order.iter().position(|(_, reached)| *reached == state) else { return (state, -1) };
        let until = order.get(place + 1).map_or(now, |(at, _)| *at);
        (state, (until - order[place].0).max(0))
    })
}

fn durations_json(execution: &Execution, now: Millis) -> Value {
    durations(execution, now).into_iter().map(|(state, ms)| (state.as_str().to_owned(), json!(ms))).collect::<Map<_, _>>().into()
}

/// Flink's statistics over the subtasks.
fn aggregated(executions: &[&Execution], now: Millis) -> Value {
    type Figure = (&'static str, fn(&irmak_common::metrics::TaskMetrics) -> u64);
    const FIGURES: [Figure; 7] = [
        ("read-bytes", |metrics| metrics.bytes_in),
        ("write-bytes", |metrics| metrics.bytes_out),
        ("read-records", |metrics| metrics.records_in),
        ("write-records", |metrics| metrics.records_out),
        ("accumulated-backpressured-time", |metrics| metrics.backpressured_ms),
        ("accumulated-idle-time", |metrics| metrics.idle_ms),
        ("accumulated-busy-time", |metrics| metrics.busy_ms),
    ];
    let over = |of: fn(&irmak_common::metrics::TaskMetrics) -> u64| {
        executions.iter().map(|execution| of(&execution.figures.metrics) as i64).collect::<Summary>().quartiles()
    };
    let metrics: Map<String, Value> = FIGURES.into_iter().map(|(name, of)| (name.to_owned(), over(of))).collect();
    let all: Vec<_> = executions.iter().map(|execution| durations(execution, now)).collect();
    let in_state = |at: usize| all.iter().map(|durations| durations[at].1).collect::<Summary>().quartiles();
    let states: Map<String, Value> = TIMED.iter().enumerate().map(|(at, state)| (state.as_str().to_owned(), in_state(at))).collect();
    json!({ "metrics": metrics, "status-duration": states })
}

/// `/jobs/:id/vertices/:vid/subtasktimes`
pub(super) fn times(view: &View<'_>, asked: &Asked) -> Answer {
    let job = asked.job(view)?;
    let vertex = asked.vertex(job)?;
    let entry = |execution: &&Execution| {
        let since = |state: ExecutionState| execution.since.get(&state).copied().unwrap_or(0);
        let timestamps: Map<String, Value> =
            ExecutionState::ALL.into_iter().map(|state| (state.as_str().to_owned(), json!(since(state)))).collect();
        let end = execution.ended_at().unwrap_or(view.now);
        json!({
            "subtask": execution.subtask.index,
            "host": endpoint(Some(execution)),
            "endpoint": endpoint(Some(execution)),
            "duration": execution.started_at().map_or(-1, |start| (end - start).max(0)),
            "timestamps": timestamps,
        })
    };
    let mut times = named(vertex);
    times.insert("now".to_owned(), json!(view.now));
    times.insert("subtasks".to_owned(), flow::executions(job, vertex.id).iter().map(entry).collect());
    Ok(times.into())
}

/// `/jobs/:id/vertices/:vid/taskmanagers`
pub(super) fn task_managers(view: &View<'_>, asked: &Asked) -> Answer {
    let job = asked.job(view)?;
    let vertex = asked.vertex(job)?;
    let mut by_manager: BTreeMap<&str, Vec<&Execution>> = BTreeMap::new();
    for execution in flow::executions(job, vertex.id) {
        by_manager.entry(task_manager(Some(execution))).or_default().push(execution);
    }
    let entry = |(id, executions): (&str, Vec<&Execution>)| {
        let states: Vec<ExecutionState> = executions.iter().map(|execution| execution.state).collect();
        let place = endpoint(executions.first().copied());
        let mut entry = Map::from_iter([
            ("host".to_owned(), json!(place)),
            ("endpoint".to_owned(), json!(place)),
            ("status".to_owned(), json!(aggregate(states.iter().copied()).as_str())),
        ]);
        flow::span_of(&mut entry, &executions, view.now);
        entry.insert("metrics".to_owned(), flow::totals(&executions));
        entry.insert("status-counts".to_owned(), flow::by_state(&states));
        entry.insert("taskmanager-id".to_owned(), json!(id));
        entry.insert("aggregated".to_owned(), aggregated(&executions, view.now));
        Value::from(entry)
    };
    let mut shown = named(vertex);
    shown.insert("now".to_owned(), json!(view.now));
    shown.insert("taskmanagers".to_owned(), by_manager.into_iter().map(entry).collect());
    Ok(shown.into())
}

/// `/jobs/:id/vertices/:vid/backpressure`
pub(super) fn backpressure(view: &View<'_>, asked: &Asked) -> Answer {
    let job = asked.job(view)?;
    let executions = flow::executions(job, asked.vertex(job)?.id);
    let subtask = |execution: &&Execution| {
        let rates = &execution.figures.rates;
        json!({
            "subtask": execution.subtask.index,
            "attempt-number": job.attempt.unwrap_or_default(),
            "backpressure-level": level(rates.backpressured),
            "backpressureLevel": level(rates.backpressured),
            "ratio": rates.backpressured,
            "idleRatio": rates.idle,
            "busyRatio": rates.busy,
        })
    };
    let worst = executions.iter().map(|execution| execution.figures.rates.backpressured).fold(0.0, f64::max);
    Ok(json!({
        "status": "ok",
        "backpressure-level": level(worst),
        "backpressureLevel": level(worst),
        "end-timestamp": view.now,
        "subtasks": executions.iter().map(subtask).collect::<Vec<Value>>(),
    }))
}

/// Source: Flink's `JobVertexBackPressureHandler.getBackPressureLevel`.
fn level(ratio: f64) -> &'static str {
    match ratio {
        ratio if ratio <= 0.1 => "ok",
        ratio if ratio <= 0.5 => "low",
        _ => "high",
    }
}

/// `/jobs/:id/vertices/:vid/watermarks`
pub(super) fn watermarks(view: &View<'_>, asked: &Asked) -> Answer {
    let job = asked.job(view)?;
    let entry = |execution: &Execution| {
        let at = execution.figures.metrics.watermark?;
        Some(json!({ "id": format!("{}.currentInputWatermark", execution.subtask.index), "value": at.to_string() }))
    };
    Ok(flow::executions(job, asked.vertex(job)?.id).into_iter().filter_map(entry).collect())
}

/// `/jobs/:id/vertices/:vid/accumulators`: there are none.
pub(super) fn accumulators(view: &View<'_>, asked: &Asked) -> Answer {
    let vertex = asked.vertex(asked.job(view)?)?;
    Ok(json!({ "id": vertex.id.to_string(), "user-accumulators": [] }))
}

/// `/jobs/:id/vertices/:vid/subtasks/accumulators`: there are none.
pub(super) fn subtask_accumulators(view: &View<'_>, asked: &Asked) -> Answer {
    let job = asked.job(view)?;
    let vertex = asked.vertex(job)?;
    let entry = |execution: &&Execution| {
        json!({
            "subtask": execution.subtask.index,
            "attempt": job.attempt.unwrap_or_default(),
            "host": endpoint(Some(execution)),
            "endpoint": endpoint(Some(execution)),
            "user-accumulators": [],
        })
    };
    let subtasks: Vec<Value> = flow::executions(job, vertex.id).iter().map(entry).collect();
    Ok(json!({ "id": vertex.id.to_string(), "parallelism": vertex.parallelism, "subtasks": subtasks }))
}

/// `/jobs/:id/vertices/:vid/subtasks/:i/attempts/:a/accumulators`: there are none.
pub(super) fn attempt_accumulators(view: &View<'_>, asked: &Asked) -> Answer {
    let job = asked.job(view)?;
    let (vertex, number) = (asked.vertex(job)?, asked.number::<u32>("attempt")?);
    is_current(job, asked)?;
    let index = index(vertex, asked)?;
    Ok(json!({ "subtask": index, "attempt": number, "id": format!("{}_{index}_{number}", vertex.id), "user-accumulators": [] }))
}
