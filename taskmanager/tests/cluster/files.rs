//! Exactly once, into files: a job that is cut down and restored again and again leaves each row in the visible files once.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use irmak_common::checkpoint::TaskSnapshot;
use irmak_common::element::CheckpointKind;
use irmak_common::id::{CheckpointId, VertexId};
use irmak_common::operator_spec::{ConnectorSpec, OperatorSpec, SinkSpec, SourceSpec};
use irmak_common::task::{TaskDescriptor, TaskRestore};

use super::jobmanager::Cluster;
use super::jobs::{Job, rows};

/// Rows 0 to `count` of a source that takes its time, straight into files.
fn from_a_slow_source(tasks: Vec<TaskDescriptor>, count: u64, rows_per_second: u64, dir: &Path) -> Vec<TaskDescriptor> {
    let mut tasks = into_files(tasks, dir);
    for task in &mut tasks {
        if task.vertex_name == "window" {
            task.chain.remove(0);
            let node = &mut task.chain[0];
            node.output = task.input_schemas[0].clone();
            if let OperatorSpec::Sink(sink) = &mut node.spec {
                sink.schema = node.output.clone();
            }
            continue;
        }
        task.chain.truncate(1);
        let node = &mut task.chain[0];
        let options = [
            ("rows-per-second", rows_per_second.to_string()),
            ("fields.k.kind", "sequence".to_owned()),
            ("fields.k.start", "0".to_owned()),
            ("fields.k.end", (count - 1).to_string()),
        ];
        node.spec = OperatorSpec::Source(SourceSpec {
            primary_key: Vec::new(),
            table: "made_up".to_owned(),
            database: Default::default(),
            connector: ConnectorSpec {
                connector: "datagen".to_owned(),
                options: options.map(|(key, value)| (key.to_owned(), value)).into(),
            },
            physical: node.output.clone(),
            projection: vec![0, 1],
            partition_by: Vec::new(),
            metadata: Vec::new(),
        });
    }
    tasks
}

/// The window job's window vertex writes CSV files instead of sending its results on.
fn into_files(tasks: Vec<TaskDescriptor>, dir: &Path) -> Vec<TaskDescriptor> {
    let mut tasks: Vec<TaskDescriptor> = tasks.into_iter().filter(|task| task.vertex_name != "collect").collect();
    for task in tasks.iter_mut().filter(|task| task.vertex_name == "window") {
        let mut sink = task.chain[0].clone();
        let options = [("path".to_owned(), format!("file://{}", dir.display())), ("format".to_owned(), "csv".to_owned())];
        sink.spec = OperatorSpec::Sink(SinkSpec {
            ends_old_keys: false,
            table: "out".to_owned(),
            database: Default::default(),
            connector: ConnectorSpec { connector: "filesystem".to_owned(), options: options.into() },
            schema: sink.output.clone(),
            partition_by: Vec::new(),
            primary_key: Vec::new(),
            metadata: Vec::new(),
        });
        (sink.id, sink.name) = (5, "Sink: out".to_owned());
        task.chain.push(sink);
        task.outputs.clear();
    }
    tasks
}

async fn deploy(cluster: &mut Cluster, job: &Job, change: impl Fn(Vec<TaskDescriptor>) -> Vec<TaskDescriptor>) {
    let addresses: Vec<String> = (0..cluster.members.len()).map(|member| cluster.address(member)).collect();
    let place = |vertex: &str, index: u32| if vertex == "window" { index as usize % addresses.len() } else { 0 };
    let tasks = change(job.descriptors(|vertex, index| addresses[place(vertex, index)].clone()));
    let placed: Vec<_> = tasks.into_iter().map(|task| (place(&task.vertex_name, task.subtask().index), task)).collect();
    cluster.deploy(&placed).await;
}

fn restore_of(checkpoint: u64, snapshots: &[TaskSnapshot]) -> BTreeMap<VertexId, TaskRestore> {
    let mut restore: BTreeMap<VertexId, TaskRestore> = BTreeMap::new();
    for snapshot in snapshots {
        let empty = || TaskRestore { checkpoint: CheckpointId(checkpoint), snapshots: Vec::new() };
        restore.entry(snapshot.subtask.vertex).or_insert_with(empty).snapshots.push(snapshot.clone());
    }
    restore
}

/// (key, count) lines of all visible files, with how often each stands there.
fn visible(dir: &Path) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_string_lossy().starts_with('.') {
            continue;
        }
        for line in std::fs::read_to_string(&path).unwrap().lines() {
            *lines.entry(line.to_owned()).or_insert(0) += 1;
        }
    }
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn files_hold_each_row_once_although_the_job_is_cut_down_before_and_after_its_commits() {
    let (out, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut job = Job::new(rows(80_000, 200), 2);
    job.checkpoint_dir = format!("file://{}", state.path().display());
    let mut cluster = Cluster::start(2).await;
    let mut checkpoint = 0;
    for round in 0..4 {
        job.attempt = round;
        job.parallelism = 1 + round % 3;
        deploy(&mut cluster, &job, |tasks| into_files(tasks, out.path())).await;
        cluster.until_all("RUNNING").await;
        checkpoint += 1;
        cluster.trigger(checkpoint, CheckpointKind::Checkpoint).await;
        let count = cluster.tasks().len();
        cluster.until("the checkpoint", |cluster| cluster.acknowledged.get(&checkpoint).is_some_and(|acks| acks.len() == count)).await;
        job.restore = restore_of(checkpoint, &cluster.acknowledged[&checkpoint]);
        // Its manifest exists; every other time nobody lives to hear of it.
        if round % 2 == 0 {
            cluster.complete(checkpoint).await;
            cluster.until("the commit", |cluster| cluster.committed.get(&checkpoint).is_some_and(|tasks| tasks.len() == count)).await;
        }
        cluster.cancel_all().await;
        cluster.until_all("CANCELED").await;
        cluster.forget();
    }
    job.attempt = 4;
    deploy(&mut cluster, &job, |tasks| into_files(tasks, out.path())).await;
    cluster.run_to_the_end(checkpoint + 1).await;
    let found = visible(out.path());
    assert!(found.values().all(|times| *times == 1), "a row stands twice");
    let expected: BTreeMap<(i64, i64), i64> = job.expected();
    assert_eq!(found.len(), expected.len());
    for ((key, start), count) in expected {
        let prefix = format!("{key},{count},");
        let second = start / 1_000;
        let stamp = format!("\"1970-01-01 {:02}:{:02}:{:02}\"", second / 3_600, second / 60 % 60, second % 60);
        assert!(found.contains_key(&format!("{prefix}{stamp}")), "{prefix}{stamp} is missing, for example {:?}", found.keys().next());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_cut_down_in_the_middle_goes_on_at_its_position() {
    const ROWS: u64 = 40_000;
    let (out, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut job = Job::new(rows(1, 1), 1);
    job.checkpoint_dir = format!("file://{}", state.path().display());
    let mut cluster = Cluster::start(2).await;
    for round in 0..4 {
        (job.attempt, job.parallelism) = (round, 1 + (round * 2) % 3);
        // Slow enough that no stall of the machine reaches the end.
        deploy(&mut cluster, &job, |tasks| from_a_slow_source(tasks, ROWS, 400, out.path())).await;
        cluster.until_all("RUNNING").await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        let checkpoint = u64::from(round) + 1;
        cluster.trigger(checkpoint, CheckpointKind::Checkpoint).await;
        let count = cluster.tasks().len();
        cluster.until("the checkpoint", |cluster| cluster.acknowledged.get(&checkpoint).is_some_and(|acks| acks.len() == count)).await;
        assert!(cluster.ended.is_empty(), "the cut was meant to be in the middle");
        job.restore = restore_of(checkpoint, &cluster.acknowledged[&checkpoint]);
        // Rows that nobody will see: they are behind the checkpoint.
        tokio::time::sleep(Duration::from_millis(100)).await;
        cluster.cancel_all().await;
        cluster.until_all("CANCELED").await;
        cluster.forget();
    }
    job.attempt = 4;
    deploy(&mut cluster, &job, |tasks| from_a_slow_source(tasks, ROWS, 40_000, out.path())).await;
    cluster.run_to_the_end(5).await;
    let mut keys: Vec<u64> = Vec::new();
    for (line, times) in visible(out.path()) {
        keys.extend(std::iter::repeat_n(line.split(',').next().unwrap().parse::<u64>().unwrap(), times));
    }
    keys.sort_unstable();
    assert_eq!(keys.len() as u64, ROWS, "rows were lost or doubled");
    assert!(keys.into_iter().eq(0..ROWS));
}
