//! What the files of a sink are called.
//!
//! Visible: `part-<uuid>-<subtask>-<n>`. Before that, hidden: `.part-<uuid>-<subtask>-<n>.inprogress.<attempt>`. The uuid is a function of
//! job and operator, so that a later attempt knows its predecessors' files; the attempt is in the hidden name, so that two attempts
//! never write to one file, even if the older one wakes up late.

use irmak_common::id::JobId;
use uuid::Uuid;

/// Names for one sink subtask's files.
#[derive(Clone, Debug)]
pub(super) struct Names {
    uuid: String,
    pub(super) subtask: u32,
    attempt: u32,
}

impl Names {
    pub(super) fn new(job: JobId, operator: u32, subtask: u32, attempt: u32) -> Self {
        let id = JobId::of_text(&format!("{job} filesystem sink {operator}")).to_string();
        let bits = u128::from_str_radix(&id, 16).unwrap_or_default();
        // Marked as version 8, the one for values of one's own making.
        let uuid = uuid::Builder::from_custom_bytes(bits.to_be_bytes()).into_uuid();
        Self { uuid: Uuid::to_string(&uuid), subtask, attempt }
    }

    pub(super) fn visible(&self, number: u64) -> String {
        format!("part-{}-{}-{number}", self.uuid, self.subtask)
    }

    pub(super) fn hidden(&self, number: u64) -> String {
        format!(".{}.inprogress.{}", self.visible(number), self.attempt)
    }

    /// The hidden name of a file that is finished for a checkpoint, where others must be able to see that.
    pub(super) fn ready(&self, hidden: &str, checkpoint: u64) -> String {
        format!("{hidden}.ready-{checkpoint}")
    }

    /// A hidden name as it was before the file was finished.
    pub(super) fn before_ready(name: &str) -> &str {
        name.split_once(".ready-").map_or(name, |(before, _)| before)
    }

    /// The checkpoint that a hidden file of another subtask of this sink is finished for.
    pub(super) fn ready_for(&self, name: &str) -> Option<u64> {
        let (subtask, _) = self.hidden_by(name)?;
        let (_, checkpoint) = name.rsplit_once(".ready-")?;
        checkpoint.parse().ok().filter(|_| subtask != self.subtask)
    }

    /// A file that is written and removed to see whether files can be written; the next attempt takes the same.
    pub(super) fn probe(&self) -> String {
        format!(".probe-{}-{}", self.uuid, self.subtask)
    }

    /// Subtask and attempt of a hidden file of this sink; `None` for everything else.
    pub(super) fn hidden_by(&self, name: &str) -> Option<(u32, u32)> {
        let rest = name.strip_prefix(".part-")?.strip_prefix(self.uuid.as_str())?.strip_prefix('-')?;
        let (place, attempt) = rest.split_once(".inprogress.")?;
        let attempt = Self::before_ready(attempt);
        let (subtask, number) = place.split_once('-')?;
        number.parse::<u64>().ok()?;
        Some((subtask.parse().ok()?, attempt.parse().ok()?))
    }

    /// Whether a hidden file was left by an earlier attempt, and is this subtask's to remove.
    pub(super) fn left_over(&self, name: &str, parallelism: u32) -> bool {
        self.hidden_by(name).is_some_and(|(subtask, attempt)| attempt < self.attempt && subtask % parallelism.max(1) == self.subtask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_knows_its_predecessors_files_and_nobody_elses() {
        let job = JobId::from_u128(7);
        let (first, second) = (Names::new(job, 3, 1, 0), Names::new(job, 3, 1, 1));
        assert_eq!(first.visible(4), second.visible(4));
        assert_ne!(first.hidden(4), second.hidden(4));
        assert!(second.left_over(&first.hidden(4), 2));
        assert!(!first.left_over(&second.hidden(4), 2), "a later attempt's file is none of an earlier one's business");
        assert!(!second.left_over(&second.hidden(4), 2));
        assert!(!second.left_over(&first.visible(4), 2));
        assert!(!second.left_over(&Names::new(job, 4, 1, 0).hidden(4), 2), "another sink's file");
        assert!(!second.left_over(".part-x", 2));
        let ready = first.ready(&first.hidden(4), 9);
        assert!(second.left_over(&ready, 2));
        assert_eq!(second.ready_for(&ready), None, "one's own are known");
        assert_eq!(Names::new(job, 3, 0, 1).ready_for(&ready), Some(9));
    }
}
