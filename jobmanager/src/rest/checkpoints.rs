//! A job's checkpoints: counts, the latest, the history, and one by task and subtask.

use std::collections::BTreeMap;

use irmak_common::checkpoint::Manifest;
use irmak_common::element::CheckpointKind;
use irmak_common::id::{CheckpointId, VertexId};
use irmak_common::job_graph::Vertex;
use serde_json::{Map, Value, json};

use super::asked::{Answer, Asked};
use super::refused::Refused;
use super::statistics::Summary;
use crate::actor::View;
use crate::core::checkpoint_history::{Entry, Outcome};
use crate::core::job::Job;

/// What Flink's page takes as "no periodic checkpoints".
const NEVER: i64 = i64::MAX;

/// `/jobs/:id/checkpoints`
pub(super) fn statistics(view: &View<'_>, asked: &Asked) -> Answer {
    let job = asked.job(view)?;
    let history: Vec<Entry> = history(job);
    let counts = job.checkpoints.counts();
    let find = |is: fn(&Entry) -> bool| history.iter().find(|entry| is(entry)).map(|found| entry(view, job, found));
    let restored = job.checkpoints.restored().map(|restored| {
        json!({
            "id": restored.id.0,
            "restore_timestamp": restored.at,
            "is_savepoint": restored.savepoint,
            "external_path": restored.path,
        })
    });
    Ok(json!({
        "counts": {
            "restored": counts.restored,
            "total": counts.total,
            "in_progress": u64::from(job.checkpoints.is_pending()),
            "completed": counts.completed,
            "failed": counts.failed,
        },
        "summary": summary(&history),
        "latest": {
            "completed": find(|entry| entry.outcome == Outcome::Completed && entry.kind != CheckpointKind::Savepoint),
            "savepoint": find(|entry| entry.outcome == Outcome::Completed && entry.kind == CheckpointKind::Savepoint),
            "failed": find(|entry| matches!(entry.outcome, Outcome::Failed { .. })),
            "restored": restored,
        },
        "history": history.iter().map(|of| entry(view, job, of)).collect::<Vec<Value>>(),
    }))
}

/// The newest first; with the one that an earlier JobManager left, of which only the manifest is known.
fn history(job: &Job) -> Vec<Entry> {
    let mut history: Vec<Entry> = job.checkpoints.history().cloned().collect();
    if let Some(manifest) = job.checkpoints.latest().filter(|manifest| history.iter().all(|entry| entry.id != manifest.checkpoint)) {
        history.push(of_manifest(manifest));
    }
    history
}

fn of_manifest(manifest: &Manifest) -> Entry {
    let at = manifest.triggered_at;
    Entry {
        id: manifest.checkpoint,
        kind: manifest.kind,
        triggered_at: at,
        updated_at: at,
        outcome: Outcome::Completed,
        expected: manifest.tasks.len(),
        acknowledged: manifest.tasks.iter().map(|task| (task.subtask, (task.clone(), at))).collect(),
        discarded: false,
        recalled: None,
    }
}

fn summary(history: &[Entry]) -> Value {
    let completed = || history.iter().filter(|entry| entry.outcome == Outcome::Completed);
    let sizes: Summary = completed().map(|entry| entry.size() as i64).collect();
    let nothing: Summary = completed().map(|_| 0).collect();
    json!({
        "checkpointed_size": sizes.json(),
        "state_size": sizes.json(),
        "end_to_end_duration": completed().map(Entry::duration_ms).collect::<Summary>().json(),
        "alignment_buffered": nothing.json(),
        "processed_data": nothing.json(),
        "persisted_data": nothing.json(),
    })
}

fn entry(view: &View<'_>, job: &Job, entry: &Entry) -> Value {
    let (class, status) = match entry.outcome {
        Outcome::InProgress => ("in_progress", "IN_PROGRESS"),
        Outcome::Completed => ("completed", "COMPLETED"),
        Outcome::Failed { .. } => ("failed", "FAILED"),
    };
    let duration = if entry.outcome == Outcome::InProgress { view.now - entry.triggered_at } else { entry.duration_ms() };
    let mut shown = json!({
        "className": class,
        "id": entry.id.0,
        "status": status,
        "is_savepoint": entry.kind == CheckpointKind::Savepoint,
        "savepointFormat": null,
        "trigger_timestamp": entry.triggered_at,
        "latest_ack_timestamp": entry.last_acknowledged_at().unwrap_or(-1),
        "checkpointed_size": entry.size(),
        "state_size": entry.size(),
        "end_to_end_duration": duration.max(0),
        "alignment_buffered": 0,
        "processed_data": 0,
        "persisted_data": 0,
        "num_subtasks": entry.expected,
        "num_acknowledged_subtasks": entry.acknowledged_count(),
        "checkpoint_type": if entry.kind == CheckpointKind::Savepoint { "SAVEPOINT" } else { "CHECKPOINT" },
        "tasks": {},
    });
    match &entry.outcome {
        Outcome::InProgress => {}
        Outcome::Completed => {
            shown["external_path"] = json!(format!("{}/chk-{}", job.checkpoint_folder(view.core.settings()), entry.id));
            shown["discarded"] = json!(entry.discarded);
        }
        Outcome::Failed { reason } => {
            shown["failure_timestamp"] = json!(entry.updated_at);
            shown["failure_message"] = json!(reason);
        }
    }
    shown
}

/// `/jobs/:id/checkpoints/config`
pub(super) fn configuration(view: &View<'_>, asked: &Asked) -> Answer {
    let job = asked.job(view)?;
    let periodic = job.checkpoints.periodic();
    let options = periodic.cloned().unwrap_or_default();
    Ok(json!({
        "mode": "exactly_once",
        "interval": periodic.map_or(NEVER, |options| options.interval_ms as i64),
        "timeout": options.timeout_ms,
        "min_pause": options.min_pause_ms,
        "max_concurrent": 1,
        "externalization": { "enabled": true, "delete_on_cancellation": false },
        "state_backend": "HashMapStateBackend",
        "checkpoint_storage": "FileSystemCheckpointStorage",
        "unaligned_checkpoints": false,
        "tolerable_failed_checkpoints": options.tolerable_failures,
        "aligned_checkpoint_timeout": 0,
        "checkpoints_after_tasks_finish": true,
        "state_changelog_enabled": false,
        "changelog_periodic_materialization_interval": 600_000,
        "changelog_storage": "memory",
    }))
}

/// `/jobs/:id/checkpoints/details/:checkpoint`
pub(super) fn details(view: &View<'_>, asked: &Asked) -> Answer {
    let job = asked.job(view)?;
    let found = find(job, asked)?;
    let tasks: Map<String, Value> = job.graph.vertices.iter().map(|vertex| (vertex.id.to_string(), task(&found, vertex).into())).collect();
    let mut shown = entry(view, job, &found);
    shown["tasks"] = tasks.into();
    Ok(shown)
}

fn find(job: &Job, asked: &Asked) -> Result<Entry, Refused> {
    let id = CheckpointId(asked.number("checkpoint")?);
    let found = history(job).into_iter().find(|entry| entry.id == id);
    found.ok_or_else(|| Refused::not_found(format!("checkpoint {id} of job {} is not known (any more)", job.id)))
}

type Part<'a> = (u32, &'a irmak_common::checkpoint::SnapshotStats, i64);

/// The acknowledged parts of a vertex: subtask, how it went, when it came.
fn parts(entry: &Entry, vertex: VertexId) -> Vec<Part<'_>> {
    let of = entry.acknowledged.iter().filter(move |(subtask, _)| subtask.vertex == vertex);
    of.map(|(subtask, (snapshot, at))| (subtask.index, &snapshot.stats, *at)).collect()
}

fn task(entry: &Entry, vertex: &Vertex) -> Map<String, Value> {
    let parts = parts(entry, vertex.id);
    let size: u64 = parts.iter().map(|(_, stats, _)| stats.size).sum();
    let last = parts.iter().map(|(_, _, at)| *at).max();
    let status = match entry.outcome {
        Outcome::InProgress => "IN_PROGRESS",
        Outcome::Completed => "COMPLETED",
        Outcome::Failed { .. } => "FAILED",
    };
    Map::from_iter([
        ("id".to_owned(), json!(entry.id.0)),
        ("status".to_owned(), json!(status)),
        ("latest_ack_timestamp".to_owned(), json!(last.unwrap_or(-1))),
        ("checkpointed_size".to_owned(), json!(size)),
        ("state_size".to_owned(), json!(size)),
        ("end_to_end_duration".to_owned(), json!(last.map_or(-1, |last| (last - entry.triggered_at).max(0)))),
        ("alignment_buffered".to_owned(), json!(0)),
        ("processed_data".to_owned(), json!(0)),
        ("persisted_data".to_owned(), json!(0)),
        ("num_subtasks".to_owned(), json!(vertex.parallelism)),
        ("num_acknowledged_subtasks".to_owned(), json!(parts.len())),
    ])
}

/// `/jobs/:id/checkpoints/details/:checkpoint/subtasks/:vertex`
pub(super) fn subtasks(view: &View<'_>, asked: &Asked) -> Answer {
    let job = asked.job(view)?;
    let (found, vertex) = (find(job, asked)?, asked.vertex(job)?);
    let parts: BTreeMap<u32, Part<'_>> = parts(&found, vertex.id).into_iter().map(|part| (part.0, part)).collect();
    let over = |of: &dyn Fn(&Part<'_>) -> i64| parts.values().map(of).collect::<Summary>().json();
    let mut shown = task(&found, vertex);
    shown.insert(
        "summary".to_owned(),
        json!({
            "checkpointed_size": over(&|(_, stats, _)| stats.size as i64),
            "state_size": over(&|(_, stats, _)| stats.size as i64),
            "end_to_end_duration": over(&|(_, _, at)| (at - found.triggered_at).max(0)),
            "checkpoint_duration": {
                "sync": over(&|(_, stats, _)| stats.sync_ms as i64),
                "async": over(&|(_, stats, _)| stats.async_ms as i64),
            },
            "alignment": {
                "buffered": over(&|_| 0),
                "processed": over(&|_| 0),
                "persisted": over(&|_| 0),
                "duration": over(&|(_, stats, _)| stats.alignment_ms as i64),
            },
            "start_delay": over(&|(_, stats, _)| stats.start_delay_ms as i64),
        }),
    );
    let all = (0..vertex.parallelism).map(|index| subtask(index, parts.get(&index), &found));
    shown.insert("subtasks".to_owned(), all.collect());
    Ok(shown.into())
}

fn subtask(index: u32, part: Option<&Part<'_>>, entry: &Entry) -> Value {
    let Some((_, stats, at)) = part else { return json!({ "index": index, "status": "pending_or_failed" }) };
    json!({
        "index": index,
        "status": "completed",
        "ack_timestamp": at,
        "end_to_end_duration": (at - entry.triggered_at).max(0),
        "checkpointed_size": stats.size,
        "state_size": stats.size,
        "checkpoint": { "sync": stats.sync_ms, "async": stats.async_ms },
        "alignment": { "buffered": 0, "processed": 0, "persisted": 0, "duration": stats.alignment_ms },
        "start_delay": stats.start_delay_ms,
        "unaligned_checkpoint": false,
        "aborted": false,
    })
}
