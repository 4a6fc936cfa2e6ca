//! The filesystem sink: rows into files that become visible with their checkpoint, and never change afterwards.
//!
//! write: rows go to hidden files, one a partition. pre_commit: finished files are synced and wait; the others are synced and their
//! length is noted. commit: what waits for that checkpoint is renamed. Restore: what waited is renamed (the checkpoint is complete),
//! what was growing is copied up to the noted length and goes on. Whatever else earlier attempts left hidden is removed. Partitions that
//! are complete get their mark when their files are visible (partition_commit.rs).

mod restore;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use arrow::array::AsArray;
use arrow::datatypes::UInt8Type;
use arrow::record_batch::RecordBatch;
use irmak_common::element::{CheckpointKind, ROW_KIND_COLUMN};
use irmak_common::id::CheckpointId;
use irmak_common::metrics::RECORDS_SENT;
use irmak_common::operator_spec::SinkSpec;
use irmak_common::time::{Millis, Watermark};
use irmak_common::types::Schema;

use super::commit::commit;
use super::entry::{Entry, InProgress, Pending};
use super::names::Names;
use super::part_file::{PartFile, below, sync_folder};
use super::partition::Partitioner;
use super::partition_commit::PartitionCommit;
use super::rolling::{FileFacts, RollingPolicy};
use crate::context::SinkContext;
use crate::error::ConnectorError;
use crate::format::value::ValueEncoder;
use crate::options::Options;
use crate::sink::Sink;
use restore::remove_quietly;

/// Rows that are encoded between two looks at the file's size.
const ROWS_A_STEP: u64 = 1_024;

/// Files that one subtask writes at a time: one a partition. Beyond, the partitions are too fine.
const OPEN_FILES_MAX: usize = 1_000;

/// A folder being written by one subtask.
pub(crate) struct FilesystemSink {
    table: String,
    root: PathBuf,
    names: Names,
    policy: RollingPolicy,
    partitioner: Partitioner,
    /// Marks partitions that are complete, where that is asked for.
    commits: Option<PartitionCommit>,
    /// Columns that stand in the files: all but the partition columns.
    written: Vec<usize>,
    columns: usize,
    encoder: ValueEncoder,
    kill_point: fn(&'static str),
    next: u64,
    finished: u64,
    open: BTreeMap<String, PartFile>,
    /// Finished since the last checkpoint.
    closed: Vec<Pending>,
    /// Pre-committed, not known to be committed.
    pending: Vec<Pending>,
    /// Copied at restore; removed once a later checkpoint is complete.
    superseded: Vec<PathBuf>,
    rows_written: u64,
    bytes_written: u64,
    files_committed: u64,
}

impl FilesystemSink {
    /// Opens the folder: creates it, commits what the checkpoint promised, goes on with what was growing.
    ///
    /// # Errors
    /// Bad options, a path that is not allowed or cannot be written, files of the checkpoint that are gone.
    pub(crate) fn open(spec: &SinkSpec, context: &SinkContext) -> Result<Self, ConnectorError> {
        let options = Options::new(&spec.table, &spec.connector);
        let path = options.required("path", "the folder that files are written to, such as file:///data/out")?;
        let format = options.required("format", "the format of the files: csv or json")?;
        refuse_unsupported(&options)?;
        let root = context.files.resolve(&spec.table, "path", path)?;
        let written: Vec<usize> = (0..spec.schema.len()).filter(|index| !spec.partition_by.contains(index)).collect();
        let in_files = Schema::new(written.iter().map(|index| spec.schema.fields[*index].clone()).collect());
        let mut sink = Self {
            table: spec.table.clone(),
            names: Names::new(context.job, context.operator, context.subtask, context.attempt),
            policy: RollingPolicy::read(&options)?,
            partitioner: Partitioner::new(&options, &spec.schema, &spec.partition_by)?,
            commits: PartitionCommit::read(&options, !spec.partition_by.is_empty())?,
            written,
            columns: spec.schema.len(),
            encoder: ValueEncoder::open(&options, "format", format, &in_files)?,
            kill_point: context.kill_point,
            root,
            next: 0,
            finished: 0,
            open: BTreeMap::new(),
            closed: Vec::new(),
            pending: Vec::new(),
            superseded: Vec::new(),
            rows_written: 0,
            bytes_written: 0,
            files_committed: 0,
        };
        sink.prepare_folder()?;
        sink.restore(context)?;
        Ok(sink)
    }

    /// Marks the partitions that are complete now that the checkpoint's files are visible.
    fn mark_complete(&mut self, checkpoint: CheckpointId) -> Result<(), ConnectorError> {
        self.commits.as_mut().map_or(Ok(()), |commits| commits.complete(&self.root, &self.names, checkpoint.0))
    }

    /// Finishes what is written to partitions that are complete with this checkpoint.
    fn close_due(&mut self, checkpoint: CheckpointId, kind: CheckpointKind, now: Millis) -> Result<(), ConnectorError> {
        let Some(commits) = &mut self.commits else { return Ok(()) };
        for folder in commits.due(checkpoint.0, kind == CheckpointKind::Final, now) {
            if let Some(mut part) = self.open.remove(&folder) {
                part.sync(&self.table)?;
                self.close(part);
            }
        }
        Ok(())
    }

    /// Where partitions are marked, the other subtasks must see which files are finished and not visible yet.
    fn show_ready(&mut self, checkpoint: CheckpointId) -> Result<(), ConnectorError> {
        if self.commits.is_none() {
            return Ok(());
        }
        for file in &mut self.closed {
            let (from, to) = (self.root.join(&file.hidden), self.names.ready(&file.hidden, checkpoint.0));
            std::fs::rename(&from, self.root.join(&to)).map_err(|error| ConnectorError::file(&self.table, "rename", &from, error))?;
            file.hidden = to;
        }
        Ok(())
    }

    fn take_number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// The file takes no more rows; its checkpoint will be the next one.
    fn close(&mut self, part: PartFile) {
        self.finished += 1;
        let visible = below(&part.folder, &self.names.visible(part.number));
        let bytes = part.bytes();
        self.closed.push(Pending { subtask: self.names.subtask, checkpoint: 0, hidden: part.hidden, visible, bytes });
    }

    fn facts(&self, part: &PartFile) -> FileFacts {
        FileFacts {
            bytes: part.bytes(),
            rows: part.rows,
            opened_at: part.opened_at,
            written_at: part.written_at,
            finished_before: self.finished,
            checked_at: part.checked_at,
        }
    }

    fn write_rows(&mut self, folder: &str, batch: &RecordBatch, mut rows: &[usize], now: Millis) -> Result<(), ConnectorError> {
        if let Some(commits) = &mut self.commits {
            commits.on_row(folder, now)?;
        }
        while !rows.is_empty() {
            if !self.open.contains_key(folder) {
                if self.open.len() >= OPEN_FILES_MAX {
                    let reason =
                        format!("rows of more than {OPEN_FILES_MAX} partitions arrive between two checkpoints; choose coarser partitions");
                    return Err(ConnectorError::Row { table: self.table.clone(), column: folder.to_owned(), reason });
                }
                let number = self.take_number();
                let part = PartFile::create(&self.table, &self.root, folder, &self.names.hidden(number), number, now)?;
                self.open.insert(folder.to_owned(), part);
            }
            let Some(part) = self.open.get_mut(folder) else { continue };
            let step = ROWS_A_STEP.min(self.policy.rows_left(part.rows)).max(1).min(rows.len() as u64);
            let (now_written, later) = rows.split_at(step as usize);
            let before = part.bytes();
            self.encoder.encode_bytes(batch, now_written.iter().copied(), &mut part.buffer)?;
            (part.rows, part.written_at) = (part.rows + step, now);
            part.relieve(&self.table)?;
            self.rows_written += step;
            self.bytes_written += part.bytes() - before;
            rows = later;
            self.close_if_full(folder)?;
        }
        Ok(())
    }

    fn close_if_full(&mut self, folder: &str) -> Result<(), ConnectorError> {
        if self.open.get(folder).is_some_and(|part| self.policy.is_full(&self.facts(part)))
            && let Some(mut part) = self.open.remove(folder)
        {
            part.sync(&self.table)?;
            self.close(part);
        }
        Ok(())
    }

    /// A sink of appended rows can take nothing else; the planner sees to that, and this makes sure.
    fn refuse_changes(&self, rows: &RecordBatch) -> Result<(), ConnectorError> {
        let kinds = rows.columns().get(self.columns).and_then(|column| column.as_primitive_opt::<UInt8Type>());
        if kinds.is_some_and(|kinds| kinds.values().iter().any(|kind| *kind != 0)) {
            let reason = "files take new rows only, and an update or delete arrived".to_owned();
            return Err(ConnectorError::Row { table: self.table.clone(), column: "row kind".to_owned(), reason });
        }
        Ok(())
    }
}

impl Sink for FilesystemSink {
    fn write(&mut self, rows: &RecordBatch, now: Millis) -> Result<(), ConnectorError> {
        let mut in_files = self.written.clone();
        if self.encoder.takes_changes() {
            in_files.extend(rows.schema_ref().index_of(ROW_KIND_COLUMN).ok());
        } else {
            self.refuse_changes(rows)?;
        }
        let folders = self.partitioner.split(&self.table, rows)?;
        let in_files = rows
            .project(&in_files)
            .map_err(|error| ConnectorError::Internal { table: self.table.clone(), what: format!("columns do not fit: {error}") })?;
        folders.iter().try_for_each(|(folder, positions)| self.write_rows(folder, &in_files, positions, now))
    }

    fn pre_commit(&mut self, checkpoint: CheckpointId, kind: CheckpointKind, now: Millis) -> Result<Vec<Vec<u8>>, ConnectorError> {
        self.close_due(checkpoint, kind, now)?;
        let mut folders: BTreeSet<PathBuf> = self.closed.iter().map(|file| self.folder_of(&file.hidden)).collect();
        let mut entries = Vec::new();
        for (folder, mut part) in std::mem::take(&mut self.open) {
            folders.insert(self.root.join(&folder));
            part.sync(&self.table)?;
            if self.policy.rolls(&self.facts(&part), kind, now) {
                self.close(part);
                continue;
            }
            part.checked_at = now;
            entries.push(Entry::InProgress(InProgress {
                subtask: self.names.subtask,
                folder: folder.clone(),
                hidden: part.hidden.clone(),
                length: part.bytes(),
                rows: part.rows,
                opened_at: part.opened_at,
            }));
            self.open.insert(folder, part);
        }
        self.show_ready(checkpoint)?;
        // The names must survive too, or a synced file could be lost all the same.
        folders.iter().try_for_each(|folder| sync_folder(&self.table, folder))?;
        let closed = std::mem::take(&mut self.closed);
        self.pending.extend(closed.into_iter().map(|file| Pending { checkpoint: checkpoint.0, ..file }));
        entries.extend(self.pending.iter().cloned().map(Entry::Pending));
        entries.extend(self.commits.iter().flat_map(|commits| commits.snapshot(self.names.subtask)).map(Entry::Partition));
        entries.push(Entry::Counter { next: self.next });
        entries.into_iter().map(|entry| entry.encode(&self.table)).collect()
    }

    fn commit(&mut self, checkpoint: CheckpointId) -> Result<(), ConnectorError> {
        // Each is taken off the list when it is done, so that a commit that failed goes on where it stood.
        while let Some(at) = self.pending.iter().position(|file| file.checkpoint <= checkpoint.0) {
            commit(&self.table, &self.root, &self.pending[at])?;
            (self.kill_point)("mid-commit");
            self.pending.remove(at);
            self.files_committed += 1;
        }
        for path in std::mem::take(&mut self.superseded) {
            remove_quietly(&self.table, &path);
        }
        self.mark_complete(checkpoint)
    }

    fn on_watermark(&mut self, watermark: Watermark, _now: Millis) -> Result<(), ConnectorError> {
        self.commits.iter_mut().for_each(|commits| commits.on_watermark(watermark));
        Ok(())
    }

    fn metrics(&self) -> Vec<(&'static str, f64)> {
        vec![
            (RECORDS_SENT, self.rows_written as f64),
            ("numBytesSend", self.bytes_written as f64),
            ("numFilesCommitted", self.files_committed as f64),
            ("numFilesPending", self.pending.len() as f64),
            ("numFilesInProgress", self.open.len() as f64),
        ]
    }
}

impl FilesystemSink {
    fn folder_of(&self, relative: &str) -> PathBuf {
        let path = self.root.join(relative);
        path.parent().map_or_else(|| self.root.clone(), Path::to_path_buf)
    }
}

/// Options that Flink has and this sink does not: said, not passed over.
fn refuse_unsupported(options: &Options<'_>) -> Result<(), ConnectorError> {
    if options.bool("auto-compaction", false)? {
        return Err(options
            .unsupported("'auto-compaction'", "set 'sink.rolling-policy.file-size' and '.rollover-interval' for fewer, larger files"));
    }
    Ok(())
}
