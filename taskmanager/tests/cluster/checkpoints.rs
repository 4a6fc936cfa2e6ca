//! Checkpoints of whole jobs: cut, acknowledge, restore at another parallelism.

use std::collections::BTreeMap;

use irmak_common::checkpoint::{StateHandle, TaskSnapshot};
use irmak_common::element::CheckpointKind;
use irmak_common::id::{CheckpointId, VertexId};
use irmak_common::task::TaskRestore;

use super::jobmanager::Cluster;
use super::jobs::{Job, collected, rows};

fn restore_of(checkpoint: u64, snapshots: &[TaskSnapshot]) -> BTreeMap<VertexId, TaskRestore> {
    let mut restore: BTreeMap<VertexId, TaskRestore> = BTreeMap::new();
    for snapshot in snapshots {
        let empty = || TaskRestore { checkpoint: CheckpointId(checkpoint), snapshots: Vec::new() };
        restore.entry(snapshot.subtask.vertex).or_insert_with(empty).snapshots.push(snapshot.clone());
    }
    restore
}

/// Runs a job whose windows all close at the end, takes a checkpoint somewhere in the middle, lets the job be cancelled, and goes on
/// from the checkpoint at another parallelism: the result must be as if nothing had happened.
async fn check(from: u32, to: u32, keys: i64) -> Vec<TaskSnapshot> {
    let dir = tempfile::tempdir().unwrap();
    let mut job = Job::new(rows(60_000, keys), from);
    job.window_ms = 86_400_000;
    job.checkpoint_dir = format!("file://{}", dir.path().display());
    let mut cluster = Cluster::start(2).await;
    job.deploy(&mut cluster).await;
    cluster.until_all("RUNNING").await;
    cluster.trigger(1, CheckpointKind::Checkpoint).await;
    let count = cluster.tasks().len();
    cluster.until("checkpoint 1", |cluster| cluster.acknowledged.get(&1).is_some_and(|acks| acks.len() == count)).await;
    let snapshots = cluster.acknowledged[&1].clone();
    cluster.cancel_all().await;
    cluster.until_all("CANCELED").await;

    cluster.forget();
    job.attempt = 1;
    job.parallelism = to;
    job.restore = restore_of(1, &snapshots);
    job.deploy(&mut cluster).await;
    cluster.run_to_the_end(2).await;
    assert_eq!(collected(&cluster), job.expected());
    snapshots
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_goes_on_from_its_checkpoint_at_a_higher_parallelism() {
    check(2, 4, 50).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_goes_on_from_its_checkpoint_at_a_lower_parallelism() {
    check(3, 1, 5_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_cannot_be_stored_is_declined_and_the_job_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    let mut job = Job::new(rows(60_000, 20_000), 1);
    job.window_ms = 86_400_000;
    job.checkpoint_dir = format!("file://{}/below", file.display());
    let mut cluster = Cluster::start(1).await;
    job.deploy(&mut cluster).await;
    cluster.until_all("RUNNING").await;
    // The source emits a batch between two looks at its commands: a later checkpoint holds more than travels inline.
    for checkpoint in 1..=6 {
        cluster.trigger(checkpoint, CheckpointKind::Checkpoint).await;
    }
    cluster.until("a checkpoint is declined", |cluster| !cluster.declined.is_empty() || cluster.ended.len() == 3).await;
    if let Some((_, reason)) = cluster.declined.first() {
        assert!(reason.contains("a-file"), "{reason}");
    }
    assert_eq!(cluster.failure(), None);
    cluster.run_to_the_end(7).await;
    assert_eq!(collected(&cluster), job.expected());
}

#[tokio::test(flavor = "multi_thread")]
async fn large_states_are_objects_and_small_ones_travel_inline() {
    let dir = tempfile::tempdir().unwrap();
    let mut job = Job::new(rows(60_000, 20_000), 1);
    job.window_ms = 86_400_000;
    job.checkpoint_dir = format!("file://{}", dir.path().display());
    let mut cluster = Cluster::start(1).await;
    job.deploy(&mut cluster).await;
    cluster.until_all("RUNNING").await;
    let mut handles = Vec::new();
    for checkpoint in 1..=20 {
        cluster.trigger(checkpoint, CheckpointKind::Checkpoint).await;
        cluster.until("the checkpoint", |cluster| cluster.acknowledged.get(&checkpoint).is_some_and(|acks| acks.len() == 3)).await;
        handles.extend(cluster.acknowledged[&checkpoint].iter().filter_map(|snapshot| snapshot.state.clone()));
    }
    for handle in handles {
        if let StateHandle::Object { uri, size, .. } = handle {
            let path = uri.strip_prefix("file://").unwrap();
            assert_eq!(std::fs::metadata(path).unwrap().len(), size);
        } else {
            assert!(handle.size() <= 20 << 10);
        }
    }
}
