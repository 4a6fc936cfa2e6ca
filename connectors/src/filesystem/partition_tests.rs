//! Partitions that are marked complete: not before their files are visible, in the end all of them, whoever is killed when.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Int32Array, StringArray};
use arrow::record_batch::RecordBatch;
use irmak_common::element::CheckpointKind;
use irmak_common::id::{CheckpointId, JobId};
use irmak_common::operator_spec::{ConnectorSpec, SinkSpec};
use irmak_common::time::Watermark;
use irmak_common::types::{Field, Schema, TypeKind};
use proptest::prelude::*;

use super::FilesystemSink;
use crate::context::{FileAccess, SinkContext, no_kill_point};
use crate::error::ConnectorError;
use crate::sink::Sink;

const HOUR: i64 = 3_600_000;
/// 2025-02-16.
const DAY: i64 = 20_135 * 24 * HOUR;

const SUCCESS: (&str, &str) = ("sink.partition-commit.policy.kind", "success-file");
const BY_TIME: [(&str, &str); 4] = [
    SUCCESS,
    ("sink.partition-commit.trigger", "partition-time"),
    ("sink.partition-commit.delay", "1 h"),
    ("partition.time-extractor.timestamp-pattern", "2025-02-16 $hour:00:00"),
];

fn spec(root: &Path, more: &[(&str, &str)]) -> SinkSpec {
    let path = root.display().to_string();
    let given = [("path", path.as_str()), ("format", "csv"), ("sink.rolling-policy.rollover-interval", "1 h")];
    let options: BTreeMap<_, _> = given.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    SinkSpec {
        ends_old_keys: false,
        table: "out".into(),
        database: Default::default(),
        connector: ConnectorSpec { connector: "filesystem".into(), options },
        schema: Schema::new(vec![Field::new("id", TypeKind::Int.nullable()), Field::new("hour", TypeKind::STRING.nullable())]),
        partition_by: vec![1],
        primary_key: Vec::new(),
        metadata: Vec::new(),
    }
}

fn open(spec: &SinkSpec, place: (u32, u32), attempt: u32, restored: Option<(u64, Vec<Vec<u8>>)>) -> Result<FilesystemSink, ConnectorError> {
    let context = SinkContext {
        job: JobId::from_u128(1),
        operator: 2,
        subtask: place.0,
        parallelism: place.1,
        attempt,
        checkpoint: restored.as_ref().map(|(checkpoint, _)| CheckpointId(*checkpoint)),
        restored: restored.map(|(_, entries)| entries),
        files: FileAccess::Anywhere,
        zone: "UTC".into(),
        clock: || 0,
        kill_point: no_kill_point,
    };
    FilesystemSink::open(spec, &context)
}

fn rows(hours: &[&str]) -> RecordBatch {
    let ids: arrow::array::ArrayRef = Arc::new(Int32Array::from_iter_values(0..hours.len() as i32));
    RecordBatch::try_from_iter([("id", ids), ("hour", Arc::new(StringArray::from(hours.to_vec())) as _)]).unwrap()
}

fn marked(root: &Path) -> Vec<String> {
    let mut found: Vec<String> = std::fs::read_dir(root)
        .unwrap()
        .filter_map(|entry| entry.ok().filter(|entry| entry.path().join("_SUCCESS").exists())?.file_name().into_string().ok())
        .collect();
    found.sort();
    found
}

/// Files that are not visible yet, by partition.
fn hidden(root: &Path, partition: &str) -> usize {
    let names = std::fs::read_dir(root.join(partition)).into_iter().flatten().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_str().unwrap().starts_with('.')).count()
}

fn checkpoint(sink: &mut FilesystemSink, id: u64, now: i64) -> Vec<Vec<u8>> {
    let entries = sink.pre_commit(CheckpointId(id), CheckpointKind::Checkpoint, now).unwrap();
    sink.commit(CheckpointId(id)).unwrap();
    entries
}

#[test]
fn a_partition_is_marked_when_the_watermark_has_passed_its_time_and_the_delay() {
    let folder = tempfile::tempdir().unwrap();
    let mut sink = open(&spec(folder.path(), &BY_TIME), (0, 1), 0, None).unwrap();
    sink.write(&rows(&["07", "08"]), 0).unwrap();
    sink.on_watermark(Watermark(DAY + 8 * HOUR), 0).unwrap();
    checkpoint(&mut sink, 1, 0);
    assert!(marked(folder.path()).is_empty(), "the watermark must be behind the time, not at it");
    // Not finished by the rolling policy: its checkpoint age is an hour.
    assert_eq!(hidden(folder.path(), "hour=07"), 1);
    sink.on_watermark(Watermark(DAY + 8 * HOUR + 1), 0).unwrap();
    sink.pre_commit(CheckpointId(2), CheckpointKind::Checkpoint, 0).unwrap();
    assert!(marked(folder.path()).is_empty(), "no mark before the files are visible");
    sink.commit(CheckpointId(2)).unwrap();
    assert_eq!(marked(folder.path()), ["hour=07"]);
    assert_eq!((hidden(folder.path(), "hour=07"), hidden(folder.path(), "hour=08")), (0, 1));
    // A late row: marked again, with the next checkpoint.
    std::fs::remove_file(folder.path().join("hour=07/_SUCCESS")).unwrap();
    sink.write(&rows(&["07"]), 0).unwrap();
    checkpoint(&mut sink, 3, 0);
    assert_eq!(marked(folder.path()), ["hour=07"]);
}

#[test]
fn a_file_that_a_lost_checkpoint_found_finished_grows_on_from_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let spec = spec(folder.path(), &BY_TIME);
    let mut sink = open(&spec, (0, 1), 0, None).unwrap();
    sink.write(&rows(&["07"]), 0).unwrap();
    let growing = checkpoint(&mut sink, 1, 0);
    // The second checkpoint finishes the partition's file, under another name, and never completes.
    sink.write(&rows(&["07"]), 0).unwrap();
    sink.on_watermark(Watermark(DAY + 9 * HOUR), 0).unwrap();
    sink.pre_commit(CheckpointId(2), CheckpointKind::Checkpoint, 0).unwrap();
    drop(sink);
    // The next attempt dies too, before a checkpoint of its own: what it began with must still be there.
    drop(open(&spec, (0, 1), 1, Some((1, growing.clone()))).unwrap());
    let mut sink = open(&spec, (0, 1), 2, Some((1, growing))).unwrap();
    sink.write(&rows(&["07"]), 0).unwrap();
    sink.on_watermark(Watermark(DAY + 9 * HOUR), 0).unwrap();
    checkpoint(&mut sink, 3, 0);
    assert_eq!((marked(folder.path()), hidden(folder.path(), "hour=07")), (vec!["hour=07".to_owned()], 0));
    let files = std::fs::read_dir(folder.path().join("hour=07")).unwrap().map(|entry| entry.unwrap().path());
    let text: String = files.map(|path| std::fs::read_to_string(path).unwrap()).collect();
    assert_eq!(text, "0\n0\n", "a row of the lost checkpoint, or none of the one before");
}

#[test]
fn a_partition_is_marked_when_its_first_row_is_so_old() {
    let folder = tempfile::tempdir().unwrap();
    let options = [SUCCESS, ("sink.partition-commit.delay", "10 s"), ("sink.partition-commit.success-file.name", "_SUCCESS")];
    let mut sink = open(&spec(folder.path(), &options), (0, 1), 0, None).unwrap();
    sink.write(&rows(&["a"]), 1_000).unwrap();
    checkpoint(&mut sink, 1, 11_000);
    assert!(marked(folder.path()).is_empty());
    let entries = sink.pre_commit(CheckpointId(2), CheckpointKind::Checkpoint, 11_001).unwrap();
    // A row between the checkpoint and its commit is none of its rows, and does not keep the mark away.
    sink.write(&rows(&["a"]), 11_002).unwrap();
    sink.commit(CheckpointId(2)).unwrap();
    assert_eq!(marked(folder.path()), ["hour=a"]);
    // Killed before the commit: the next attempt makes files visible, and then the mark.
    std::fs::remove_file(folder.path().join("hour=a/_SUCCESS")).unwrap();
    drop(sink);
    open(&spec(folder.path(), &options), (0, 1), 1, Some((2, entries))).unwrap();
    assert_eq!(marked(folder.path()), ["hour=a"]);
}

#[test]
fn what_cannot_be_done_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |more: &[(&str, &str)]| open(&spec(folder.path(), more), (0, 1), 0, None).map(|_| ()).unwrap_err().to_string();
    assert!(refused(&[("sink.partition-commit.policy.kind", "metastore,success-file")]).contains("metastore"));
    assert!(refused(&[("sink.partition-commit.policy.kind", "custom")]).contains("success-file"));
    assert!(refused(&[("sink.partition-commit.policy.kind", "x")]).contains("accepted is success-file"));
    assert!(refused(&[BY_TIME[0], BY_TIME[1], ("partition.time-extractor.kind", "custom")]).contains("timestamp-pattern"));
    assert!(refused(&[SUCCESS, ("sink.partition-commit.success-file.name", "../x")]).contains("success-file.name"));
    assert!(refused(&[BY_TIME[0], BY_TIME[1], ("sink.partition-commit.watermark-time-zone", "Mars")]).contains("Mars"));
    assert!(refused(&[("auto-compaction", "true")]).contains("rolling-policy.file-size"));
    let mut sink = open(&spec(folder.path(), &BY_TIME), (0, 1), 0, None).unwrap();
    let error = sink.write(&rows(&["soon"]), 0).unwrap_err().to_string();
    assert!(error.contains("2025-02-16 soon:00:00") && error.contains("timestamp-pattern"), "{error}");
}

#[test]
fn the_watermark_is_compared_in_the_zone_that_was_named() {
    let folder = tempfile::tempdir().unwrap();
    let zone = ("sink.partition-commit.watermark-time-zone", "Europe/Istanbul");
    let mut sink = open(&spec(folder.path(), &[&BY_TIME[..], &[zone]].concat()), (0, 1), 0, None).unwrap();
    sink.write(&rows(&["07"]), 0).unwrap();
    // 07:00 and an hour in Istanbul is 05:00 UTC.
    sink.on_watermark(Watermark(DAY + 5 * HOUR), 0).unwrap();
    checkpoint(&mut sink, 1, 0);
    assert!(marked(folder.path()).is_empty());
    sink.on_watermark(Watermark(DAY + 5 * HOUR + 1), 0).unwrap();
    checkpoint(&mut sink, 2, 0);
    assert_eq!(marked(folder.path()), ["hour=07"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Subtasks commit in any order, and are all killed somewhere in between.
    #[test]
    fn marks_come_behind_files_and_in_the_end_to_every_partition(
        steps in proptest::collection::vec((proptest::collection::vec(0u8..4, 0..4), any::<bool>(), 0u32..3), 1..6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let spec = spec(folder.path(), &[SUCCESS]);
        let parallelism = 3;
        let all = |attempt, restored: Option<(u64, Vec<Vec<u8>>)>| -> Vec<FilesystemSink> {
            (0..parallelism).map(|subtask| open(&spec, (subtask, parallelism), attempt, restored.clone()).unwrap()).collect()
        };
        let mut sinks = all(0, None);
        let mut used = std::collections::BTreeSet::new();
        for (number, (hours, killed, first)) in steps.iter().enumerate() {
            let id = number as u64 + 1;
            for (at, hour) in hours.iter().enumerate() {
                let hour = hour.to_string();
                sinks[at % 3].write(&rows(&[&hour]), 0).unwrap();
                used.insert(format!("hour={hour}"));
            }
            let entries: Vec<Vec<u8>> =
                sinks.iter_mut().flat_map(|sink| sink.pre_commit(CheckpointId(id), CheckpointKind::Checkpoint, 0).unwrap()).collect();
            for turn in 0..parallelism {
                if *killed && turn == *first {
                    break;
                }
                sinks[((first + turn) % parallelism) as usize].commit(CheckpointId(id)).unwrap();
            }
            if *killed {
                sinks = all(id as u32, Some((id, entries)));
            }
        }
        for sink in &mut sinks {
            sink.on_watermark(Watermark::MAX, 0).unwrap();
        }
        let last = CheckpointId(steps.len() as u64 + 1);
        sinks.iter_mut().for_each(|sink| drop(sink.pre_commit(last, CheckpointKind::Final, 0).unwrap()));
        for sink in &mut sinks {
            sink.commit(last).unwrap();
        }
        prop_assert_eq!(marked(folder.path()), used.iter().cloned().collect::<Vec<_>>());
        for partition in &used {
            prop_assert_eq!(hidden(folder.path(), partition), 0);
        }
    }
}
