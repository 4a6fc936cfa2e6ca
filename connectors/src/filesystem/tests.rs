//! The sink as a machine that is written to, killed at any point and restored: no row lost, none doubled, nothing visible ever changed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Int32Array, StringArray};
use arrow::record_batch::RecordBatch;
use irmak_common::element::CheckpointKind;
use irmak_common::id::{CheckpointId, JobId};
use irmak_common::operator_spec::{ConnectorSpec, SinkSpec};
use irmak_common::types::{Field, Schema, TypeKind};
use proptest::prelude::*;

use super::FilesystemSink;
use crate::context::{FileAccess, SinkContext, no_kill_point};
use crate::error::ConnectorError;
use crate::sink::Sink;

fn spec(root: &Path, more: &[(&str, &str)]) -> SinkSpec {
    let mut options = BTreeMap::from([("path".to_owned(), format!("file://{}", root.display())), ("format".to_owned(), "csv".to_owned())]);
    options.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    SinkSpec {
        ends_old_keys: false,
        table: "out".into(),
        database: Default::default(),
        connector: ConnectorSpec { connector: "filesystem".into(), options },
        schema: Schema::new(vec![Field::new("id", TypeKind::Int.nullable()), Field::new("day", TypeKind::STRING.nullable())]),
        partition_by: Vec::new(),
        primary_key: Vec::new(),
        metadata: Vec::new(),
    }
}

fn context(subtask: u32, parallelism: u32, attempt: u32, restored: Option<Vec<Vec<u8>>>) -> SinkContext {
    SinkContext {
        job: JobId::from_u128(1),
        operator: 2,
        subtask,
        parallelism,
        attempt,
        checkpoint: restored.as_ref().map(|_| CheckpointId(1)),
        restored,
        files: FileAccess::Anywhere,
        zone: "UTC".into(),
        clock: || 0,
        kill_point: no_kill_point,
    }
}

fn rows(ids: impl IntoIterator<Item = i32>) -> RecordBatch {
    let ids: Vec<i32> = ids.into_iter().collect();
    let days: Vec<String> = ids.iter().map(|id| format!("d{}", id % 3)).collect();
    let columns: Vec<arrow::array::ArrayRef> = vec![Arc::new(Int32Array::from(ids)), Arc::new(StringArray::from(days))];
    RecordBatch::try_new(spec(Path::new("/"), &[]).schema.to_arrow(), columns).unwrap()
}

/// Every visible file and its contents, by path below the root.
fn visible(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !name.starts_with('.') {
                found.insert(path.strip_prefix(root).unwrap().display().to_string(), std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    found
}

fn hidden(root: &Path) -> Vec<String> {
    let names = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with('.')).collect()
}

fn ids(files: &BTreeMap<String, String>) -> Vec<i32> {
    let mut ids: Vec<i32> =
        files.values().flat_map(|text| text.lines().map(|line| line.split(',').next().unwrap().parse().unwrap())).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn rows_become_visible_with_their_checkpoint_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = FilesystemSink::open(&spec(folder.path(), &[]), &context(0, 1, 0, None)).unwrap();
    sink.write(&rows(0..5), 0).unwrap();
    sink.pre_commit(CheckpointId(1), CheckpointKind::Checkpoint, 1_000).unwrap();
    assert!(visible(folder.path()).is_empty());
    sink.commit(CheckpointId(1)).unwrap();
    let files = visible(folder.path());
    assert_eq!(ids(&files), [0, 1, 2, 3, 4]);
    assert_eq!(files.values().next().unwrap(), "0,d0\n1,d1\n2,d2\n3,d0\n4,d1\n");
    let name = files.keys().next().unwrap();
    assert!(name.starts_with("part-") && name.ends_with("-0-0"), "{name}");
    assert!(hidden(folder.path()).is_empty());
}

#[test]
fn partitions_are_folders_and_their_columns_stand_in_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let spec = SinkSpec { partition_by: vec![1], ..spec(folder.path(), &[]) };
    let mut sink = FilesystemSink::open(&spec, &context(0, 1, 0, None)).unwrap();
    sink.write(&rows(0..6), 0).unwrap();
    sink.pre_commit(CheckpointId(1), CheckpointKind::Final, 0).unwrap();
    sink.commit(CheckpointId(1)).unwrap();
    let files: Vec<_> = visible(folder.path()).into_iter().map(|(path, text)| (path.split('/').next().unwrap().to_owned(), text)).collect();
    let expected = [("day=d0", "0\n3\n"), ("day=d1", "1\n4\n"), ("day=d2", "2\n5\n")];
    assert_eq!(files, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
}

#[test]
fn rows_roll_where_the_user_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink =
        FilesystemSink::open(&spec(folder.path(), &[("sink.rolling-policy.rollover-rows", "3")]), &context(0, 1, 0, None)).unwrap();
    sink.write(&rows(0..8), 0).unwrap();
    sink.pre_commit(CheckpointId(1), CheckpointKind::Final, 0).unwrap();
    sink.commit(CheckpointId(1)).unwrap();
    let lengths: Vec<_> = visible(folder.path()).values().map(|text| text.lines().count()).collect();
    assert_eq!(lengths, [3, 3, 2]);
}

#[test]
fn a_zombie_writes_into_the_void() {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(folder.path(), &[("sink.rolling-policy.rollover-interval", "1 h"), ("sink.rolling-policy.inactivity-interval", "1 h")]);
    let mut zombie = FilesystemSink::open(&spec, &context(0, 1, 0, None)).unwrap();
    zombie.write(&rows(0..3), 0).unwrap();
    let entries = zombie.pre_commit(CheckpointId(1), CheckpointKind::Checkpoint, 0).unwrap();
    zombie.commit(CheckpointId(1)).unwrap();
    let mut successor = FilesystemSink::open(&spec, &context(0, 1, 1, Some(entries))).unwrap();
    zombie.write(&rows(100..103), 0).unwrap();
    successor.write(&rows(3..5), 0).unwrap();
    zombie.pre_commit(CheckpointId(2), CheckpointKind::Checkpoint, 0).unwrap();
    successor.pre_commit(CheckpointId(2), CheckpointKind::Final, 0).unwrap();
    successor.commit(CheckpointId(2)).unwrap();
    assert_eq!(ids(&visible(folder.path())), [0, 1, 2, 3, 4]);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let error = FilesystemSink::open(&spec(&file.join("out"), &[]), &context(0, 1, 0, None)).map(|_| ()).unwrap_err();
    assert!(matches!(error, ConnectorError::File { .. }) && error.to_string().contains("file/out"), "{error}");
    let roots = SinkContext { files: FileAccess::Roots(vec![folder.path().join("allowed")]), ..context(0, 1, 0, None) };
    let error = FilesystemSink::open(&spec(&folder.path().join("other"), &[]), &roots).map(|_| ()).unwrap_err();
    assert!(matches!(error, ConnectorError::Forbidden { .. }), "{error}");
}

/// What happens to the job.
#[derive(Clone, Debug)]
enum Step {
    /// So many rows for each subtask.
    Write(u8),
    /// A checkpoint: `complete` says whether its manifest is written, `commits` how many subtasks hear of it.
    Checkpoint { complete: bool, commits: u8 },
    /// All processes die and come back, perhaps at another parallelism, from the last complete checkpoint.
    Crash { parallelism: u8 },
    /// Time passes.
    Wait(u16),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1u8..40).prop_map(Step::Write),
        4 => (any::<bool>(), 0u8..4).prop_map(|(complete, commits)| Step::Checkpoint { complete, commits }),
        2 => (1u8..4).prop_map(|parallelism| Step::Crash { parallelism }),
        2 => (0u16..40_000).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..40)
}

/// A job of nothing but a sink, with a source whose position is the next id.
struct Job {
    folder: tempfile::TempDir,
    spec: SinkSpec,
    sinks: Vec<FilesystemSink>,
    attempt: u32,
    next_id: i32,
    now: i64,
    checkpoint: u64,
    /// Of the last complete checkpoint: entries and the source's position.
    complete: Option<(Vec<Vec<u8>>, i32)>,
    seen: BTreeMap<String, String>,
}

impl Job {
    fn new(partitioned: bool, rows: Option<u64>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut spec = spec(folder.path(), &[]);
        if partitioned {
            spec.partition_by = vec![1];
        }
        if let Some(rows) = rows {
            spec.connector.options.insert("sink.rolling-policy.rollover-rows".into(), rows.to_string());
        }
        let mut job =
            Self { folder, spec, sinks: Vec::new(), attempt: 0, next_id: 0, now: 0, checkpoint: 0, complete: None, seen: BTreeMap::new() };
        job.start(2);
        job
    }

    fn start(&mut self, parallelism: u32) {
        let restored = self.complete.as_ref().map(|(entries, _)| entries.clone());
        let open = |subtask| FilesystemSink::open(&self.spec, &context(subtask, parallelism, self.attempt, restored.clone())).unwrap();
        self.sinks = (0..parallelism).map(open).collect();
    }

    fn run(&mut self, step: &Step) {
        match step {
            Step::Write(count) => {
                for sink in &mut self.sinks {
                    sink.write(&rows(self.next_id..self.next_id + i32::from(*count)), self.now).unwrap();
                    self.next_id += i32::from(*count);
                }
            }
            Step::Wait(millis) => self.now += i64::from(*millis),
            Step::Checkpoint { complete, commits } => self.take_checkpoint(CheckpointKind::Checkpoint, *complete, usize::from(*commits)),
            Step::Crash { parallelism } => {
                self.attempt += 1;
                self.next_id = self.complete.as_ref().map_or(0, |(_, id)| *id);
                self.start(u32::from(*parallelism));
            }
        }
        self.nothing_visible_has_changed();
    }

    fn take_checkpoint(&mut self, kind: CheckpointKind, complete: bool, commits: usize) {
        self.checkpoint += 1;
        let id = CheckpointId(self.checkpoint);
        let entries: Vec<_> = self.sinks.iter_mut().flat_map(|sink| sink.pre_commit(id, kind, self.now).unwrap()).collect();
        if complete {
            self.complete = Some((entries, self.next_id));
            self.sinks.iter_mut().take(commits).for_each(|sink| sink.commit(id).unwrap());
        }
    }

    fn nothing_visible_has_changed(&mut self) {
        let now = visible(self.folder.path());
        for (path, text) in &self.seen {
            assert_eq!(now.get(path), Some(text), "{path} has changed");
        }
        self.seen = now;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_happens_every_row_is_there_once(steps in steps(), partitioned in any::<bool>(), rolled in proptest::option::of(1u64..30)) {
        let mut job = Job::new(partitioned, rolled);
        for step in &steps {
            job.run(step);
        }
        job.take_checkpoint(CheckpointKind::Final, true, usize::MAX);
        job.nothing_visible_has_changed();
        prop_assert_eq!(ids(&visible(job.folder.path())), (0..job.next_id).collect::<Vec<_>>());
        if !partitioned {
            prop_assert_eq!(hidden(job.folder.path()), Vec::<String>::new());
        }
    }
}
