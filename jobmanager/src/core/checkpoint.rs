//! One job's checkpoints: when to take one, whose part is still missing, which are kept.
//!
//! One at a time: trigger, collect the acknowledgement of every subtask, have the manifest written, and only then complete. A
//! checkpoint whose manifest is being written cannot be given up: it may exist already. Ids only rise, over attempts and restarts.
//!
//! Source: Carbone et al., "Lightweight Asynchronous Snapshots for Distributed Dataflows", 2015; Flink's `CheckpointCoordinator`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use irmak_common::checkpoint::{MANIFEST_VERSION, Manifest, StateHandle, TaskSnapshot};
use irmak_common::element::CheckpointKind;
use irmak_common::id::{CheckpointId, JobId, SubtaskId};
use irmak_common::job_graph::CheckpointOptions;
use irmak_common::limits::CHECKPOINT_HISTORY_MAX;
use irmak_common::time::Millis;

use super::checkpoint_history::{Counts, Entry, Outcome, Restored};
use super::liveness::seconds;
use super::record::PastCheckpoint;

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    Collecting,
    Writing,
}

#[derive(Debug)]
struct Pending {
    entry: Entry,
    waiting_for: BTreeSet<SubtaskId>,
    stage: Stage,
}

/// What an acknowledgement led to.
#[derive(Debug, PartialEq)]
pub enum Acknowledged {
    /// Others are missing.
    Waiting,
    /// It was the last: this is to be written.
    Write(Arc<Manifest>),
    /// Nobody asked (any more): these objects are garbage.
    Stray(Vec<String>),
}

/// What a failed checkpoint means for the job.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Tolerated,
    /// Too many in a row.
    TooMany(String),
}

/// The coordinator of one job.
#[derive(Debug)]
pub struct Checkpoints {
    job: JobId,
    max_parallelism: u16,
    /// What the job asked for; `None`: only the final checkpoint is taken.
    periodic: Option<CheckpointOptions>,
    last_id: u64,
    pending: Option<Pending>,
    retained: VecDeque<Arc<Manifest>>,
    next_at: Millis,
    failures_in_a_row: u32,
    history: VecDeque<Entry>,
    counts: Counts,
    restored: Option<Restored>,
    completed_in_attempt: bool,
}

impl Checkpoints {
    /// None taken yet; ids begin behind `last_id`.
    pub fn new(job: JobId, max_parallelism: u16, periodic: Option<CheckpointOptions>, last_id: u64) -> Self {
        Self {
            job,
            max_parallelism,
            periodic,
            last_id,
            pending: None,
            retained: VecDeque::new(),
            next_at: Millis::MAX,
            failures_in_a_row: 0,
            history: VecDeque::new(),
            counts: Counts::default(),
            restored: None,
            completed_in_attempt: false,
        }
    }

    fn options(&self) -> CheckpointOptions {
        self.periodic.clone().unwrap_or_default()
    }

    /// What the job asked for.
    pub fn periodic(&self) -> Option<&CheckpointOptions> {
        self.periodic.as_ref()
    }

    /// The tasks of an attempt all run: the first checkpoint is due one interval from now.
    pub fn all_running(&mut self, now: Millis) {
        self.next_at = self.periodic.as_ref().map_or(Millis::MAX, |options| now + options.interval_ms as i64);
        self.failures_in_a_row = 0;
    }

    /// Whether a periodic checkpoint is due.
    pub fn is_due(&self, now: Millis) -> bool {
        self.pending.is_none() && now >= self.next_at
    }

    /// When to look again: the next trigger or the pending one's timeout.
    pub fn next_deadline(&self) -> Option<Millis> {
        match &self.pending {
            Some(Pending { stage: Stage::Collecting, entry, .. }) => Some(entry.triggered_at + self.options().timeout_ms as i64),
            Some(_) => None,
            None => (self.next_at != Millis::MAX).then_some(self.next_at),
        }
    }

    /// Whether one is under way.
    pub fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Whether a manifest is being written: until its answer nobody may restart the job.
    pub fn is_writing(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| pending.stage == Stage::Writing)
    }

    /// Which subtasks the pending checkpoint waits for.
    pub fn waiting_for(&self) -> Option<(&Entry, &BTreeSet<SubtaskId>)> {
        self.pending.as_ref().map(|pending| (&pending.entry, &pending.waiting_for))
    }

    /// Begins one; the caller journals the id and tells the sources.
    pub fn begin(&mut self, now: Millis, kind: CheckpointKind, subtasks: BTreeSet<SubtaskId>) -> CheckpointId {
        self.last_id += 1;
        self.counts.total += 1;
        let entry = Entry {
            id: CheckpointId(self.last_id),
            kind,
            triggered_at: now,
            updated_at: now,
            outcome: Outcome::InProgress,
            expected: subtasks.len(),
            acknowledged: BTreeMap::new(),
            discarded: false,
            recalled: None,
        };
        self.pending = Some(Pending { entry, waiting_for: subtasks, stage: Stage::Collecting });
        CheckpointId(self.last_id)
    }

    /// A subtask's part came.
    pub fn acknowledge(&mut self, now: Millis, id: CheckpointId, snapshot: TaskSnapshot) -> Acknowledged {
        let stray = |snapshot: &TaskSnapshot| Acknowledged::Stray(objects_of(std::slice::from_ref(snapshot)));
        let Some(pending) = self.pending.as_mut().filter(|pending| pending.entry.id == id) else {
            return stray(&snapshot);
        };
        if pending.stage == Stage::Writing || !pending.waiting_for.remove(&snapshot.subtask) {
            // Said twice: the first stands, and names the same object.
            return Acknowledged::Waiting;
        }
        pending.entry.updated_at = now;
        pending.entry.acknowledged.insert(snapshot.subtask, (snapshot, now));
        if !pending.waiting_for.is_empty() {
            return Acknowledged::Waiting;
        }
        pending.stage = Stage::Writing;
        let manifest = Manifest {
            version: MANIFEST_VERSION,
            job: self.job,
            checkpoint: id,
            kind: pending.entry.kind,
            max_parallelism: self.max_parallelism,
            triggered_at: pending.entry.triggered_at,
            tasks: pending.entry.acknowledged.values().map(|(snapshot, _)| snapshot.clone()).collect(),
        };
        Acknowledged::Write(Arc::new(manifest))
    }

    /// The manifest exists. Returns its kind and the checkpoints that are no longer kept; `None`: nobody waited for it.
    pub fn written(&mut self, now: Millis, manifest: Arc<Manifest>) -> Option<(CheckpointKind, Vec<Arc<Manifest>>)> {
        let id = manifest.checkpoint;
        let mut pending = self.pending.take_if(|pending| pending.entry.id == id && pending.stage == Stage::Writing)?;
        pending.entry.outcome = Outcome::Completed;
        let (kind, triggered_at) = (pending.entry.kind, pending.entry.triggered_at);
        self.remember(pending.entry);
        self.counts.completed += 1;
        self.failures_in_a_row = 0;
        self.completed_in_attempt = true;
        self.schedule_next(now, triggered_at);
        self.retained.push_back(manifest);
        Some((kind, self.drop_excess()))
    }

    /// The pending checkpoint that has waited longer than the timeout: the reason to give it up.
    pub fn overdue(&self, now: Millis) -> Option<(CheckpointId, String)> {
        let timeout_ms = self.options().timeout_ms as i64;
        let pending = self.pending.as_ref().filter(|pending| pending.stage == Stage::Collecting)?;
        let overdue = now - pending.entry.triggered_at >= timeout_ms;
        let (have, all) = (pending.entry.acknowledged.len(), pending.entry.expected);
        let words =
            format!("checkpoint {} expired after {}: {have} of {all} tasks had acknowledged it", pending.entry.id, seconds(timeout_ms));
        overdue.then_some((pending.entry.id, words))
    }

    /// Gives one up and says what that means. Returns garbage objects too; nothing where `id` is not pending.
    pub fn fail(&mut self, now: Millis, id: CheckpointId, reason: String) -> Option<(Verdict, Vec<String>)> {
        let mut pending = self.pending.take_if(|pending| pending.entry.id == id)?;
        // A manifest that may have been written all the same needs what it names.
        let garbage = if pending.stage == Stage::Writing { Vec::new() } else { objects_of_entry(&pending.entry) };
        pending.entry.outcome = Outcome::Failed { reason: reason.clone() };
        pending.entry.updated_at = now;
        let triggered_at = pending.entry.triggered_at;
        self.remember(pending.entry);
        self.counts.failed += 1;
        self.failures_in_a_row += 1;
        self.schedule_next(now, triggered_at);
        let tolerable = self.options().tolerable_failures;
        let verdict = if self.failures_in_a_row > tolerable {
            Verdict::TooMany(format!("{reason} (execution.checkpointing.tolerable-failed-checkpoints is {tolerable})"))
        } else {
            Verdict::Tolerated
        };
        Some((verdict, garbage))
    }

    /// The attempt is over: a checkpoint that still collects is given up without counting against the job. Returns its garbage;
    /// `None`: there was none.
    pub fn abort(&mut self, now: Millis, reason: &str) -> Option<Vec<String>> {
        self.next_at = Millis::MAX;
        self.completed_in_attempt = false;
        let mut pending = self.pending.take_if(|pending| pending.stage == Stage::Collecting)?;
        pending.entry.outcome = Outcome::Failed { reason: reason.to_owned() };
        pending.entry.updated_at = now;
        let garbage = objects_of_entry(&pending.entry);
        self.remember(pending.entry);
        self.counts.failed += 1;
        Some(garbage)
    }

    /// What storage holds, by rising id: the newest are kept. Returns those that are not.
    pub fn loaded(&mut self, manifests: Vec<Manifest>) -> Vec<Arc<Manifest>> {
        self.retained = manifests.into_iter().map(Arc::new).collect();
        self.last_id = self.last_id.max(self.retained.back().map_or(0, |manifest| manifest.checkpoint.0));
        for entry in self.history.iter_mut().filter(|entry| entry.recalled.is_some()) {
            entry.discarded = self.retained.iter().all(|manifest| manifest.checkpoint != entry.id);
        }
        self.drop_excess()
    }

    /// The newest complete checkpoint.
    pub fn latest(&self) -> Option<&Arc<Manifest>> {
        self.retained.back()
    }

    /// All complete checkpoints that are kept, by rising id.
    pub fn retained(&self) -> impl Iterator<Item = &Arc<Manifest>> {
        self.retained.iter()
    }

    /// Forgets all of them, for their deletion.
    pub fn drain_retained(&mut self) -> Vec<Arc<Manifest>> {
        self.history.iter_mut().filter(|entry| entry.outcome == Outcome::Completed).for_each(|entry| entry.discarded = true);
        self.retained.drain(..).collect()
    }

    /// An attempt began with a checkpoint.
    pub fn restored_from(&mut self, restored: Restored) {
        self.counts.restored += 1;
        self.restored = Some(restored);
    }

    /// The checkpoint that the current attempt began with.
    pub fn restored(&self) -> Option<&Restored> {
        self.restored.as_ref()
    }

    /// Whether the current attempt has completed a checkpoint: it made progress.
    pub fn progressed(&self) -> bool {
        self.completed_in_attempt
    }

    /// The newest first; the pending one before all.
    pub fn history(&self) -> impl Iterator<Item = &Entry> {
        self.pending.iter().map(|pending| &pending.entry).chain(self.history.iter())
    }

    /// Counts since the JobManager knows the job.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The checkpoint that was over last, for the journal.
    pub fn newest_past(&self) -> Option<PastCheckpoint> {
        let entry = self.history.front()?;
        let failure = match &entry.outcome {
            Outcome::Failed { reason } => Some(reason.clone()),
            _ => None,
        };
        Some(PastCheckpoint {
            id: entry.id,
            kind: entry.kind,
            triggered_at: entry.triggered_at,
            updated_at: entry.updated_at,
            expected: entry.expected,
            acknowledged: entry.acknowledged_count(),
            size: entry.size(),
            failure,
        })
    }

    /// Takes over what an earlier JobManager knew: its history, oldest first, and its counts.
    pub fn recover(&mut self, past: &[PastCheckpoint], completed: u64, failed: u64) {
        self.history = past.iter().rev().map(Entry::recalled).collect();
        self.counts = Counts { total: completed + failed, completed, failed, restored: self.counts.restored };
    }

    fn schedule_next(&mut self, now: Millis, triggered_at: Millis) {
        self.next_at = match &self.periodic {
            Some(options) => (triggered_at + options.interval_ms as i64).max(now + options.min_pause_ms as i64).max(now + 1),
            None => Millis::MAX,
        };
    }

    fn drop_excess(&mut self) -> Vec<Arc<Manifest>> {
        let keep = self.options().retained.max(1) as usize;
        let excess = self.retained.len().saturating_sub(keep);
        let dropped: Vec<Arc<Manifest>> = self.retained.drain(..excess).collect();
        let gone = |id: CheckpointId| dropped.iter().any(|manifest| manifest.checkpoint == id);
        self.history.iter_mut().filter(|entry| gone(entry.id)).for_each(|entry| entry.discarded = true);
        dropped
    }

    /// Keeps an entry for REST, without the states that it carried.
    fn remember(&mut self, mut entry: Entry) {
        for (snapshot, _) in entry.acknowledged.values_mut() {
            snapshot.stats.size = snapshot.stats.size.max(snapshot.state.as_ref().map_or(0, StateHandle::size));
            snapshot.state = None;
        }
        self.history.push_front(entry);
        self.history.truncate(CHECKPOINT_HISTORY_MAX);
    }
}

fn objects_of_entry(entry: &Entry) -> Vec<String> {
    entry.acknowledged.values().flat_map(|(snapshot, _)| objects_of(std::slice::from_ref(snapshot))).collect()
}

/// The URIs of all state objects that these snapshots name.
pub fn objects_of(snapshots: &[TaskSnapshot]) -> Vec<String> {
    let object = |snapshot: &TaskSnapshot| match &snapshot.state {
        Some(StateHandle::Object { uri, .. }) => Some(uri.clone()),
        _ => None,
    };
    snapshots.iter().filter_map(object).collect()
}
