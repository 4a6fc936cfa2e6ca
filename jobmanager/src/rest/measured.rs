//! Metrics by Flink's names: what each thing has, as (name, value). Shown by [`super::metrics`] and by Prometheus.

use irmak_common::job_graph::Vertex;
use irmak_common::status::JobStatus;
use serde_json::{Value, json};

use crate::actor::View;
use crate::core::checkpoint_history::{Entry, Outcome};
use crate::core::cluster::TaskManager;
use crate::core::execution_graph::Execution;
use crate::core::job::Job;

/// A name and a number; in one case a text.
pub(crate) type Metric = (String, Value);

fn metrics<const N: usize>(entries: [(&str, Value); N]) -> Vec<Metric> {
    entries.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Of the JobManager.
pub(crate) fn of_job_manager(view: &View<'_>) -> Vec<Metric> {
    let cluster = view.core.cluster();
    metrics([
        ("numRunningJobs", json!(view.core.jobs().filter(|job| !job.status.is_terminal()).count())),
        ("numRegisteredTaskManagers", json!(cluster.all().count())),
        ("taskSlotsTotal", json!(cluster.slots_total())),
        ("taskSlotsAvailable", json!(cluster.slots_free())),
    ])
}

/// Of a job.
pub(crate) fn of_job(view: &View<'_>, job: &Job) -> Vec<Metric> {
    let mut all = times(view, job);
    all.extend(metrics([("numRestarts", json!(job.restarts.count())), ("fullRestarts", json!(job.restarts.count()))]));
    all.extend(checkpoints(view, job));
    all
}

/// A state's time runs while the job is in it, and is 0 otherwise.
fn times(view: &View<'_>, job: &Job) -> Vec<Metric> {
    let since = |status: JobStatus| job.timestamps.get(&status).map_or(0, |at| (view.now - at).max(0));
    let current = |status: JobStatus| json!(if job.status == status { since(status) } else { 0 });
    let (uptime, downtime) = match job.status {
        JobStatus::Running => (since(JobStatus::Running), 0),
        status if status.is_terminal() => (-1, -1),
        _ if job.timestamps.contains_key(&JobStatus::Running) => (0, since(job.status)),
        _ => (0, 0),
    };
    let deploying = job.status == JobStatus::Running && job.executions.values().any(|execution| execution.state < RUNNING);
    metrics([
        ("uptime", json!(uptime)),
        ("downtime", json!(downtime)),
        ("initializingTime", current(JobStatus::Initializing)),
        ("createdTime", current(JobStatus::Created)),
        ("deployingTime", json!(if deploying { since(JobStatus::Running) } else { 0 })),
        ("runningTime", current(JobStatus::Running)),
        ("failingTime", current(JobStatus::Failing)),
        ("restartingTime", current(JobStatus::Restarting)),
        ("cancellingTime", current(JobStatus::Cancelling)),
    ])
}

const RUNNING: irmak_common::status::ExecutionState = irmak_common::status::ExecutionState::Running;

fn checkpoints(view: &View<'_>, job: &Job) -> Vec<Metric> {
    let counts = job.checkpoints.counts();
    let last = job.checkpoints.history().find(|entry| entry.outcome == Outcome::Completed);
    let of_last = |of: fn(&Entry) -> i64| json!(last.map_or(-1, of));
    let kept = job.checkpoints.latest();
    let path = kept.map(|manifest| format!("{}/chk-{}", job.checkpoint_folder(view.core.settings()), manifest.checkpoint));
    metrics([
        ("totalNumberOfCheckpoints", json!(counts.total)),
        ("numberOfInProgressCheckpoints", json!(u8::from(job.checkpoints.is_pending()))),
        ("numberOfCompletedCheckpoints", json!(counts.completed)),
        ("numberOfFailedCheckpoints", json!(counts.failed)),
        ("lastCompletedCheckpointId", json!(kept.map_or(-1, |manifest| manifest.checkpoint.0 as i64))),
        ("lastCheckpointDuration", of_last(Entry::duration_ms)),
        ("lastCheckpointSize", of_last(|entry| entry.size() as i64)),
        ("lastCheckpointFullSize", of_last(|entry| entry.size() as i64)),
        ("lastCheckpointProcessedData", of_last(|_| 0)),
        ("lastCheckpointPersistedData", of_last(|_| 0)),
        ("lastCheckpointRestoreTimestamp", json!(job.checkpoints.restored().map_or(-1, |restored| restored.at))),
        ("lastCheckpointExternalPath", json!(path.unwrap_or_else(|| "n/a".to_owned()))),
    ])
}

/// Of a TaskManager.
pub(super) fn of_task_manager(manager: &TaskManager) -> Vec<Metric> {
    metrics([
        ("Status.JVM.Memory.Heap.Used", json!(manager.memory_used)),
        ("Status.JVM.CPU.Load", json!(manager.cpu_load / f64::from(manager.cpu_cores.max(1)))),
        ("Status.Memory.Used", json!(manager.memory_used)),
        ("Status.Memory.Machine", json!(manager.memory_bytes)),
        ("Status.CPU.CoresUsed", json!(manager.cpu_load)),
    ])
}

/// Of a subtask: the task's own, then those of its operators as `Source__t[1].numRecordsOut`.
pub(super) fn of_subtask(vertex: &Vertex, execution: &Execution) -> Vec<Metric> {
    let (read, rates) = (&execution.figures.metrics, &execution.figures.rates);
    let ms_per_second = |share: f64| json!(share * 1_000.0);
    let mut all = metrics([
        ("numRecordsIn", json!(read.records_in)),
        ("numRecordsInPerSecond", json!(rates.records_in)),
        ("numRecordsOut", json!(read.records_out)),
        ("numRecordsOutPerSecond", json!(rates.records_out)),
        ("numBytesIn", json!(read.bytes_in)),
        ("numBytesInPerSecond", json!(rates.bytes_in)),
        ("numBytesOut", json!(read.bytes_out)),
        ("numBytesOutPerSecond", json!(rates.bytes_out)),
        ("busyTimeMsPerSecond", ms_per_second(rates.busy)),
        ("backPressuredTimeMsPerSecond", ms_per_second(rates.backpressured)),
        ("idleTimeMsPerSecond", ms_per_second(rates.idle)),
        ("accumulateBusyTimeMs", json!(read.busy_ms)),
        ("accumulateBackPressuredTimeMs", json!(read.backpressured_ms)),
        ("accumulateIdleTimeMs", json!(read.idle_ms)),
        ("isBackPressured", json!(rates.backpressured > 0.1)),
        ("numLateRecordsDropped", json!(read.late_records)),
        ("numRecordsSkipped", json!(read.skipped_records)),
    ]);
    all.extend(read.watermark.map(|at| ("currentInputWatermark".to_owned(), json!(at))));
    all.extend(read.pending_records.map(|rows| ("pendingRecords".to_owned(), json!(rows))));
    all.extend(read.operators.iter().map(|(id, name, value)| {
        let operator = vertex.chain.iter().find(|node| node.id == *id).map_or("operator", |node| node.name.as_str());
        (format!("{}[{id}].{name}", operator.replace([' ', ':', '.', ','], "_")), json!(value))
    }));
    all
}
