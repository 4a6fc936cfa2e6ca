//! When a file is long or old enough to be finished.
//!
//! Decided at checkpoints (and, for size and rows, while writing). Defaults, chosen so that output is neither hidden for minutes nor
//! comes in crumbs: a subtask's first file is finished at the first checkpoint, later ones when they are twice as old as the one
//! before had to be, from 10 s up to 60 s; at 128 MB at any time; at 16 MB at the next checkpoint; and when a whole 20 s brought no row.
//! So a person sees rows within two checkpoints, and a slow stream makes at most one file a minute and subtask.
//! Flink's defaults (30 minutes of age) hide the rows of a slow job for half an hour.

use std::time::Duration;

use irmak_common::element::CheckpointKind;
use irmak_common::time::Millis;

use crate::error::ConnectorError;
use crate::options::Options;

const FILE_SIZE: u64 = 128 << 20;
const CHECKPOINT_SIZE: u64 = 16 << 20;
const FIRST_AGE_MS: i64 = 10_000;
const AGE_MS_MAX: i64 = 60_000;
const INACTIVITY_MS: i64 = 20_000;

/// The rules, from the table's options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RollingPolicy {
    /// `sink.rolling-policy.file-size`, bytes.
    file_size: u64,
    /// Finished at a checkpoint from so many bytes on; not where the user said what a file's size is.
    checkpoint_size: u64,
    /// `sink.rolling-policy.rollover-rows` (ours).
    rows: Option<u64>,
    /// `sink.rolling-policy.rollover-interval`, milliseconds; `None`: growing with the number of files.
    interval: Option<i64>,
    /// `sink.rolling-policy.inactivity-interval`, milliseconds.
    inactivity: i64,
    /// `sink.rolling-policy.check-interval`, milliseconds: age is looked at no more often.
    check_interval: i64,
}

/// What the rules look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileFacts {
    pub(super) bytes: u64,
    pub(super) rows: u64,
    /// When its first row came.
    pub(super) opened_at: Millis,
    /// When its last row came.
    pub(super) written_at: Millis,
    /// How many files of this subtask were finished before.
    pub(super) finished_before: u64,
    /// When age was last looked at.
    pub(super) checked_at: Millis,
}

impl RollingPolicy {
    pub(super) fn read(options: &Options<'_>) -> Result<Self, ConnectorError> {
        let millis = |duration: Option<Duration>| duration.map(|duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX));
        let size_key = "sink.rolling-policy.file-size";
        let file_size = options.memory_size(size_key)?;
        if file_size == Some(0) {
            return Err(options.bad(size_key, "0", "a size above 0, such as 128MB"));
        }
        let rows_key = "sink.rolling-policy.rollover-rows";
        let rows = options.parsed::<u64>(rows_key, "a whole number above 0")?;
        if rows == Some(0) {
            return Err(options.bad(rows_key, "0", "a whole number above 0"));
        }
        Ok(Self {
            file_size: file_size.unwrap_or(FILE_SIZE),
            checkpoint_size: file_size.unwrap_or(CHECKPOINT_SIZE),
            rows,
            interval: millis(options.duration("sink.rolling-policy.rollover-interval")?),
            inactivity: millis(options.duration("sink.rolling-policy.inactivity-interval")?).unwrap_or(INACTIVITY_MS),
            check_interval: millis(options.duration("sink.rolling-policy.check-interval")?).unwrap_or(0),
        })
    }

    /// Whether the file takes no more rows, whenever its checkpoint may come.
    pub(super) fn is_full(&self, file: &FileFacts) -> bool {
        file.bytes >= self.file_size || self.rows.is_some_and(|rows| file.rows >= rows)
    }

    /// Rows that still fit.
    pub(super) fn rows_left(&self, rows: u64) -> u64 {
        self.rows.map_or(u64::MAX, |max| max.saturating_sub(rows))
    }

    /// Whether the file is finished at this checkpoint.
    pub(super) fn rolls(&self, file: &FileFacts, kind: CheckpointKind, now: Millis) -> bool {
        // A savepoint outlives the job: what it holds must not depend on a file that goes on growing.
        if kind != CheckpointKind::Checkpoint || self.is_full(file) || file.bytes >= self.checkpoint_size {
            return true;
        }
        if now.saturating_sub(file.checked_at) < self.check_interval {
            return false;
        }
        let age_max = self.interval.unwrap_or_else(|| match file.finished_before {
            0 => 0,
            before => (FIRST_AGE_MS << (before - 1).min(8)).min(AGE_MS_MAX),
        });
        now.saturating_sub(file.opened_at) >= age_max || now.saturating_sub(file.written_at) >= self.inactivity
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use irmak_common::operator_spec::ConnectorSpec;

    use super::*;

    fn policy(options: &[(&str, &str)]) -> Result<RollingPolicy, ConnectorError> {
        let options: BTreeMap<_, _> =
            options.iter().map(|(key, value)| (format!("sink.rolling-policy.{key}"), (*value).to_owned())).collect();
        let connector = ConnectorSpec { connector: "filesystem".into(), options };
        RollingPolicy::read(&Options::new("t", &connector))
    }

    /// At which of the checkpoints (every 10 s, a row just before each) a file is finished.
    fn rolls_at(options: &[(&str, &str)], checkpoints: u64) -> Vec<u64> {
        let policy = policy(options).unwrap();
        let (mut rolled, mut opened_at, mut checked_at) = (Vec::new(), None, 0);
        for checkpoint in 1..=checkpoints {
            let now = checkpoint as i64 * 10_000;
            let opened = *opened_at.get_or_insert(now - 1);
            let finished_before = rolled.len() as u64;
            let file = FileFacts { bytes: 100, rows: 1, opened_at: opened, written_at: now - 1, finished_before, checked_at };
            if policy.rolls(&file, CheckpointKind::Checkpoint, now) {
                rolled.push(checkpoint);
                opened_at = None;
            }
            checked_at = now;
        }
        rolled
    }

    #[test]
    fn the_first_rows_are_seen_at_once_and_later_files_come_once_a_minute() {
        assert_eq!(rolls_at(&[], 30), [1, 3, 6, 11, 18, 25]);
    }

    #[test]
    fn what_the_user_says_counts() {
        assert_eq!(rolls_at(&[("rollover-interval", "20 s")], 9), [3, 6, 9]);
        assert_eq!(rolls_at(&[("rollover-rows", "1")], 3), [1, 2, 3]);
        assert!(policy(&[("file-size", "0")]).is_err());
        assert!(policy(&[("rollover-interval", "soon")]).unwrap_err().to_string().contains("rollover-interval"));
    }

    #[test]
    fn a_file_that_nobody_writes_to_is_finished() {
        let policy = policy(&[]).unwrap();
        let file = FileFacts { bytes: 1, rows: 1, opened_at: 0, written_at: 0, finished_before: 9, checked_at: 0 };
        assert!(!policy.rolls(&file, CheckpointKind::Checkpoint, 19_999));
        assert!(policy.rolls(&file, CheckpointKind::Checkpoint, 20_000));
        assert!(policy.rolls(&file, CheckpointKind::Savepoint, 0));
        assert!(policy.rolls(&file, CheckpointKind::Final, 0));
        assert!(policy.is_full(&FileFacts { bytes: 128 << 20, ..file }));
    }
}
