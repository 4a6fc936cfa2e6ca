//! When a partition is complete, and the mark that says so: `_SUCCESS`, which readers of the folder wait for.
//!
//! A partition that rows were written to is due when its time has come (`partition-time`: the watermark passed the time in its name and the
//! delay; `process-time`: the clock passed its first row and the delay), or when the input ends. What is due at a checkpoint gets its mark
//! once every file that any subtask finished for that checkpoint or an earlier one is visible: the subtask that commits last writes it.
//! Later rows make the partition due again, and the mark is written again.
//!
//! Source: Flink 1.20's `PartitionCommitter`, `PartitionTimeCommitTrigger`, `ProcTimeCommitTrigger`, `SuccessFileCommitPolicy`.

use std::collections::BTreeMap;
use std::path::Path;

use irmak_common::time::{Millis, Watermark};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::entry::Partition;
use super::names::Names;
use super::part_file::sync_folder;
use super::partition::unescape;
use super::partition_time::PartitionTime;
use crate::error::ConnectorError;
use crate::options::Options;

const POLICY: &str = "sink.partition-commit.policy.kind";

/// What makes a partition due.
#[derive(Clone, Debug)]
enum Trigger {
    ProcessTime,
    PartitionTime { time: PartitionTime, zone: Option<TimeZone> },
}

/// The partitions of one sink subtask that are not complete yet.
pub(super) struct PartitionCommit {
    table: String,
    trigger: Trigger,
    delay: Millis,
    success_file: String,
    watermark: Millis,
    open: BTreeMap<String, Open>,
}

/// A partition that rows were written to since its last mark.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// When its first row came, processing time.
    since: Millis,
    /// The time in its name; 0 where nobody asks.
    time: Millis,
    /// From which checkpoint on it is complete.
    due: Option<u64>,
    /// When the first row came behind the rows of that checkpoint: it will have to be marked again.
    again: Option<Millis>,
}

impl PartitionCommit {
    /// What the options ask for; `None`: nothing.
    ///
    /// # Errors
    /// Policies that need a JVM or a metastore; options that are not understood.
    pub(super) fn read(options: &Options<'_>, partitioned: bool) -> Result<Option<Self>, ConnectorError> {
        let Some(kinds) = options.get(POLICY) else { return Ok(None) };
        for kind in kinds.split(',').map(str::trim) {
            let instead = match kind.to_ascii_lowercase().as_str() {
                "success-file" => continue,
                "metastore" => "a folder has no metastore: use 'success-file'",
                "custom" => "there is no JVM to load a class: use 'success-file'",
                _ => return Err(options.bad(POLICY, kinds, "success-file")),
            };
            return Err(options.unsupported(format!("'{POLICY}' = '{kind}'"), instead));
        }
        if !partitioned {
            tracing::warn!(table = options.table, "'{POLICY}' has no effect: the table has no PARTITIONED BY");
            return Ok(None);
        }
        let trigger_key = "sink.partition-commit.trigger";
        let by_partition = options.one_of(trigger_key, &[("process-time", false), ("partition-time", true)], false)?;
        let trigger = match by_partition {
            false => Trigger::ProcessTime,
            true => Trigger::PartitionTime { time: PartitionTime::read(options)?, zone: zone(options)? },
        };
        let name_key = "sink.partition-commit.success-file.name";
        let success_file = options.get(name_key).unwrap_or("_SUCCESS");
        if success_file.is_empty() || success_file.contains('/') || success_file == "." || success_file == ".." {
            return Err(options.bad(name_key, success_file, "the name of a file, such as _SUCCESS"));
        }
        let delay = options.duration("sink.partition-commit.delay")?.unwrap_or_default();
        Ok(Some(Self {
            table: options.table.to_owned(),
            trigger,
            delay: Millis::try_from(delay.as_millis()).unwrap_or(Millis::MAX),
            success_file: success_file.to_owned(),
            watermark: Millis::MIN,
            open: BTreeMap::new(),
        }))
    }

    /// Event time has advanced.
    pub(super) fn on_watermark(&mut self, watermark: Watermark) {
        self.watermark = self.watermark.max(watermark.0);
    }

    /// A row is written to this folder.
    ///
    /// # Errors
    /// The folder's values hold no time, and one is asked for.
    pub(super) fn on_row(&mut self, folder: &str, now: Millis) -> Result<(), ConnectorError> {
        if let Some(open) = self.open.get_mut(folder) {
            if open.due.is_some() {
                open.again.get_or_insert(now);
            }
            return Ok(());
        }
        let open = Open { since: now, time: self.time_of(folder)?, due: None, again: None };
        self.open.insert(folder.to_owned(), open);
        Ok(())
    }

    fn time_of(&self, folder: &str) -> Result<Millis, ConnectorError> {
        let Trigger::PartitionTime { time, zone } = &self.trigger else { return Ok(0) };
        let values: Vec<(String, String)> =
            folder.split('/').filter_map(|part| part.split_once('=')).map(|(name, value)| (unescape(name), unescape(value))).collect();
        let local = time.of(&values).map_err(|text| ConnectorError::Row {
            table: self.table.clone(),
            column: folder.to_owned(),
            reason: format!(
                "the partition's time `{text}` is no timestamp (yyyy-MM-dd HH:mm:ss) and 'sink.partition-commit.trigger' is \
                 'partition-time'; see 'partition.time-extractor.timestamp-pattern' and '.timestamp-formatter'"
            ),
        })?;
        Ok(zone.as_ref().map_or(local, |zone| instant(local, zone)))
    }

    /// The partitions that are complete with this checkpoint: what is written to them must be finished now.
    pub(super) fn due(&mut self, checkpoint: u64, input_ended: bool, now: Millis) -> Vec<String> {
        let (trigger, delay, watermark) = (&self.trigger, self.delay, self.watermark);
        let passed = |since: Millis, time: Millis| match trigger {
            Trigger::ProcessTime => delay == 0 || now > since.saturating_add(delay),
            Trigger::PartitionTime { .. } => watermark > time.saturating_add(delay),
        };
        let all = input_ended && watermark == Watermark::MAX.0;
        let mut folders = Vec::new();
        for (folder, open) in &mut self.open {
            let rows_since = if open.due.is_none() { Some(open.since) } else { open.again };
            if rows_since.is_some_and(|since| all || passed(since, open.time)) {
                (open.due, open.again) = (Some(checkpoint), None);
                folders.push(folder.clone());
            }
        }
        folders
    }

    /// Marks what was due at this checkpoint or before, where no subtask has files left to be made visible.
    pub(super) fn complete(&mut self, root: &Path, names: &Names, checkpoint: u64) -> Result<(), ConnectorError> {
        let due: Vec<String> =
            self.open.iter().filter(|(_, open)| open.due.is_some_and(|due| due <= checkpoint)).map(|(folder, _)| folder.clone()).collect();
        for folder in due {
            let path = root.join(&folder);
            if self.waits(&path, names, checkpoint)? {
                continue;
            }
            let mark = path.join(&self.success_file);
            std::fs::create_dir_all(&path).map_err(|error| ConnectorError::file(&self.table, "create folder", &path, error))?;
            std::fs::write(&mark, b"").map_err(|error| ConnectorError::file(&self.table, "write", &mark, error))?;
            sync_folder(&self.table, &path)?;
            match self.open.get_mut(&folder) {
                Some(Open { since, due, again: again @ Some(_), .. }) => (*since, *due) = (again.take().unwrap_or(*since), None),
                _ => drop(self.open.remove(&folder)),
            }
        }
        Ok(())
    }

    /// Whether another subtask has files of this checkpoint in the folder that are not visible yet.
    fn waits(&self, folder: &Path, names: &Names, checkpoint: u64) -> Result<bool, ConnectorError> {
        let failed = |error| ConnectorError::file(&self.table, "list", folder, error);
        let entries = match std::fs::read_dir(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
            entries => entries.map_err(failed)?,
        };
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            if name.to_str().and_then(|name| names.ready_for(name)).is_some_and(|ready| ready <= checkpoint) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What a checkpoint keeps.
    pub(super) fn snapshot(&self, subtask: u32) -> impl Iterator<Item = Partition> {
        self.open.iter().map(move |(folder, open)| {
            let Open { since, due, again, .. } = *open;
            Partition { subtask, folder: folder.clone(), since, due, again }
        })
    }

    /// Takes over a partition of an earlier attempt.
    pub(super) fn restore(&mut self, partition: &Partition) -> Result<(), ConnectorError> {
        let time = self.time_of(&partition.folder)?;
        let earlier = self.open.get(&partition.folder).copied();
        let since = earlier.map_or(partition.since, |open| open.since.min(partition.since));
        // Two subtasks' partitions come together: it is complete when the later of the two is.
        let due = earlier.map_or(partition.due, |open| Some(open.due?.max(partition.due?)));
        let again = earlier.and_then(|open| open.again).into_iter().chain(partition.again).min();
        self.open.insert(partition.folder.clone(), Open { since, time, due, again });
        Ok(())
    }
}

fn zone(options: &Options<'_>) -> Result<Option<TimeZone>, ConnectorError> {
    let key = "sink.partition-commit.watermark-time-zone";
    match options.get(key).map(str::trim) {
        None | Some("UTC" | "Z" | "") => Ok(None),
        Some(name) => {
            let accepted = "a time zone by its name, such as UTC or Europe/Istanbul";
            TimeZone::get(name).map(Some).map_err(|_| options.bad(key, name, accepted))
        }
    }
}

/// The instant at which the wall clock of the zone shows this.
fn instant(local: Millis, zone: &TimeZone) -> Millis {
    let shown = |at: DateTime| at.to_zoned(zone.clone()).map(|zoned| zoned.timestamp().as_millisecond());
    let civil = jiff::Timestamp::from_millisecond(local).map(|at| at.to_zoned(TimeZone::UTC).datetime());
    civil.and_then(shown).unwrap_or(local)
}
