//! How rows flow through subtasks: Flink's `metrics` object and Irmak's own `irmak` object, of one subtask or of a whole vertex.

use irmak_common::id::{SubtaskId, VertexId};
use irmak_common::job_graph::Vertex;
use irmak_common::metrics::TaskMetrics;
use irmak_common::status::{ExecutionState, JobStatus};
use irmak_common::time::Millis;
use serde_json::{Map, Value, json};

use crate::core::execution_graph::Execution;
use crate::core::figures::Figures;
use crate::core::job::Job;

/// The subtasks of a vertex that were placed, by index. None before the first attempt, and none of a job that ended under an
/// earlier JobManager.
pub(super) fn executions(job: &Job, vertex: VertexId) -> Vec<&Execution> {
    let subtask = |index| SubtaskId { vertex, index };
    job.executions.range(subtask(0)..=subtask(u32::MAX)).map(|(_, execution)| execution).collect()
}

/// The states of all subtasks of a vertex, placed or not.
pub(super) fn states(job: &Job, vertex: &Vertex) -> Vec<ExecutionState> {
    let subtask = |index| job.executions.get(&SubtaskId { vertex: vertex.id, index });
    (0..vertex.parallelism).map(|index| subtask(index).map_or_else(|| unplaced(job.status), |execution| execution.state)).collect()
}

/// What a subtask without a place is.
pub(super) fn unplaced(status: JobStatus) -> ExecutionState {
    match status {
        JobStatus::Finished => ExecutionState::Finished,
        JobStatus::Canceled | JobStatus::Failed => ExecutionState::Canceled,
        JobStatus::Reconciling => ExecutionState::Reconciling,
        _ => ExecutionState::Created,
    }
}

/// How many are in each state, under Flink's upper case names.
pub(super) fn by_state(states: &[ExecutionState]) -> Value {
    let count = |state| states.iter().filter(|other| **other == state).count();
    ExecutionState::ALL.into_iter().map(|state| (state.as_str().to_owned(), json!(count(state)))).collect::<Map<_, _>>().into()
}

/// `start-time`, `end-time` (-1: not yet) and `duration` of what began and maybe ended.
pub(super) fn span(into: &mut Map<String, Value>, start: Option<Millis>, end: Option<Millis>, now: Millis) {
    into.insert("start-time".to_owned(), json!(start.unwrap_or(-1)));
    into.insert("end-time".to_owned(), json!(end.unwrap_or(-1)));
    into.insert("duration".to_owned(), json!(start.map_or(-1, |start| (end.unwrap_or(now) - start).max(0))));
}

/// The same for many together: from the first start to the last end, once all have ended.
pub(super) fn span_of(into: &mut Map<String, Value>, executions: &[&Execution], now: Millis) {
    let start = executions.iter().filter_map(|execution| execution.started_at()).min();
    let ends: Vec<Millis> = executions.iter().filter_map(|execution| execution.ended_at()).collect();
    let all = !ends.is_empty() && ends.len() == executions.len();
    span(into, start, ends.into_iter().max().filter(|_| all), now);
}

/// Flink's `metrics` of a vertex or subtask. A source's `read-records` counts what it read from outside; Flink's is always 0.
pub(super) fn totals(executions: &[&Execution]) -> Value {
    let sum = |of: fn(&TaskMetrics) -> u64| executions.iter().map(|execution| of(&execution.figures.metrics)).sum::<u64>();
    let complete = executions.iter().all(|execution| execution.figures.at.is_some());
    json!({
        "read-bytes": sum(|metrics| metrics.bytes_in),
        "read-bytes-complete": complete,
        "write-bytes": sum(|metrics| metrics.bytes_out),
        "write-bytes-complete": complete,
        "read-records": sum(|metrics| metrics.records_in),
        "read-records-complete": complete,
        "write-records": sum(|metrics| metrics.records_out),
        "write-records-complete": complete,
        "accumulated-backpressured-time": sum(|metrics| metrics.backpressured_ms),
        "accumulated-idle-time": sum(|metrics| metrics.idle_ms),
        "accumulated-busy-time": sum(|metrics| metrics.busy_ms) as f64,
    })
}

/// The `irmak` object. Rates and counts are sums; shares are those of the subtask that idles least, which is the one that holds the
/// others up; the watermark is the lowest; the message is the first that any subtask has.
pub(super) fn irmak(executions: &[&Execution]) -> Value {
    let figures = || executions.iter().map(|execution| &execution.figures);
    let sum = |of: fn(&TaskMetrics) -> u64| figures().map(|figures| of(&figures.metrics)).sum::<u64>();
    let shares = least_idle(figures()).map(|figures| figures.rates).unwrap_or_default();
    json!({
        "records-in-per-second": figures().map(|figures| figures.rates.records_in).sum::<f64>(),
        "records-out-per-second": figures().map(|figures| figures.rates.records_out).sum::<f64>(),
        "busy-ratio": shares.busy,
        "backpressured-ratio": shares.backpressured,
        "idle-ratio": shares.idle,
        "watermark": watermark(executions),
        "late-records": sum(|metrics| metrics.late_records),
        "skipped-records": sum(|metrics| metrics.skipped_records),
        "pending-records": figures().filter_map(|figures| figures.metrics.pending_records).reduce(|a, b| a + b),
        "message": figures().find_map(|figures| figures.metrics.message.as_deref()),
    })
}

/// The lowest watermark that any subtask has.
pub(super) fn watermark(executions: &[&Execution]) -> Option<Millis> {
    executions.iter().filter_map(|execution| execution.figures.metrics.watermark).min()
}

fn least_idle<'a>(figures: impl Iterator<Item = &'a Figures>) -> Option<&'a Figures> {
    let used = |figures: &Figures| figures.rates.busy + figures.rates.backpressured;
    figures.max_by(|a, b| used(a).total_cmp(&used(b)))
}
