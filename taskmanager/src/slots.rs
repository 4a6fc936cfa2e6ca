//! Which task runs in which slot, and which must wait for an older one to go. Pure bookkeeping.
//!
//! A slot is shared by the tasks of one attempt of one job (Flink's slot sharing). A task whose job still has tasks of an older attempt
//! here waits until they are gone: two attempts of one job never run side by side in one TaskManager.

use std::collections::BTreeMap;

use irmak_common::id::{AttemptId, JobId};
use irmak_common::status::ExecutionState;
use irmak_common::task::TaskDescriptor;

/// What becomes of a task that is to be deployed.
#[derive(Debug, PartialEq)]
pub enum Deployment {
    /// Start it now.
    Start(Box<TaskDescriptor>),
    /// It is kept until these are gone; cancel them.
    Await(Vec<AttemptId>),
    /// It is here already.
    Known,
    /// It cannot run here.
    Refused(String),
}

/// A task that is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occupant {
    /// Its slot.
    pub slot: u32,
    /// Its state, as last reported.
    pub state: ExecutionState,
}

/// See the module's page.
#[derive(Debug)]
pub struct Slots {
    count: u32,
    tasks: BTreeMap<AttemptId, Occupant>,
    waiting: Vec<TaskDescriptor>,
}

impl Slots {
    /// So many, all free.
    pub fn new(count: u32) -> Self {
        Self { count, tasks: BTreeMap::new(), waiting: Vec::new() }
    }

    /// The tasks that are here, waiting ones aside.
    pub fn tasks(&self) -> impl Iterator<Item = (AttemptId, Occupant)> {
        self.tasks.iter().map(|(attempt, occupant)| (*attempt, *occupant))
    }

    /// How many tasks are here.
    pub fn len(&self) -> usize {
        self.tasks.len()
    }

    /// Whether no task is here.
    pub fn is_empty(&self) -> bool {
        self.tasks.is_empty()
    }

    /// A task is to be deployed.
    pub fn deploy(&mut self, task: TaskDescriptor) -> Deployment {
        let (attempt, slot) = (task.attempt, task.slot);
        if self.tasks.contains_key(&attempt) || self.waiting.iter().any(|waiting| waiting.attempt == attempt) {
            return Deployment::Known;
        }
        if slot >= self.count {
            return Deployment::Refused(format!("there is no slot {slot}: this TaskManager has {}", self.count));
        }
        if let Some(newest) = self.newest(attempt.job).filter(|newest| *newest > attempt.attempt) {
            return Deployment::Refused(format!("attempt {} of the job is over: attempt {newest} runs here", attempt.attempt));
        }
        let mut in_slot = self.tasks.iter().filter(|(_, occupant)| occupant.slot == slot && !occupant.state.is_terminal());
        if let Some((other, _)) = in_slot.find(|(other, _)| other.job != attempt.job) {
            return Deployment::Refused(format!("slot {slot} belongs to job {}", other.job));
        }
        let older = self.older(attempt);
        if older.is_empty() {
            self.tasks.insert(attempt, Occupant { slot, state: ExecutionState::Deploying });
            return Deployment::Start(Box::new(task));
        }
        self.waiting.push(task);
        Deployment::Await(older)
    }

    /// A task has another state.
    pub fn on_state(&mut self, attempt: AttemptId, state: ExecutionState) {
        if let Some(occupant) = self.tasks.get_mut(&attempt) {
            occupant.state = state;
        }
    }

    /// A task is gone. Returns those that waited for it and may start now.
    pub fn gone(&mut self, attempt: AttemptId) -> Vec<TaskDescriptor> {
        self.tasks.remove(&attempt);
        let (waiting, mut ready) = (std::mem::take(&mut self.waiting), Vec::new());
        for task in waiting {
            if self.older(task.attempt).is_empty() {
                self.tasks.insert(task.attempt, Occupant { slot: task.slot, state: ExecutionState::Deploying });
                ready.push(task);
            } else {
                self.waiting.push(task);
            }
        }
        ready
    }

    /// Forgets a task that waits. `false`: it does not wait.
    pub fn forget_waiting(&mut self, attempt: AttemptId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|task| task.attempt != attempt);
        self.waiting.len() < before
    }

    /// Forgets all tasks that wait, and returns them.
    pub fn forget_all_waiting(&mut self) -> Vec<AttemptId> {
        std::mem::take(&mut self.waiting).into_iter().map(|task| task.attempt).collect()
    }

    fn older(&self, attempt: AttemptId) -> Vec<AttemptId> {
        let older = |other: &&AttemptId| other.job == attempt.job && other.attempt < attempt.attempt;
        self.tasks.keys().filter(older).copied().collect()
    }

    fn newest(&self, job: JobId) -> Option<u32> {
        let here = self.tasks.keys().copied().chain(self.waiting.iter().map(|task| task.attempt));
        here.filter(|attempt| attempt.job == job).map(|attempt| attempt.attempt).max()
    }
}

#[cfg(test)]
mod tests {
    use irmak_common::id::{SubtaskId, VertexId};

    use super::*;
    use crate::task::tests_support::descriptor;

    fn id(job: &str, subtask: u32, attempt: u32) -> AttemptId {
        let subtask = SubtaskId { vertex: VertexId::of_text("v"), index: subtask };
        AttemptId { job: JobId::of_text(job), subtask, attempt }
    }

    enum Say {
        Deploy(&'static str, u32, u32, u32),
        Gone(&'static str, u32, u32),
    }
    use Say::*;

    /// Runs (job, subtask, attempt, slot) deployments and ends over two slots; compares what each leads to, in words.
    fn check(script: &[(Say, &str)]) {
        let mut slots = Slots::new(2);
        for (step, (say, expected)) in script.iter().enumerate() {
            let found = match say {
                Deploy(job, subtask, attempt, slot) => {
                    let mut task = descriptor(id(job, *subtask, *attempt));
                    task.slot = *slot;
                    match slots.deploy(task) {
                        Deployment::Start(_) => "start".to_owned(),
                        Deployment::Await(older) => format!("cancel {}", older.len()),
                        Deployment::Known => "known".to_owned(),
                        Deployment::Refused(reason) => reason,
                    }
                }
                Gone(job, subtask, attempt) => format!("start {}", slots.gone(id(job, *subtask, *attempt)).len()),
            };
            assert!(found.contains(expected), "step {step}: {found}");
        }
    }

    #[test]
    fn tasks_of_one_attempt_share_a_slot() {
        check(&[(Deploy("a", 0, 0, 0), "start"), (Deploy("a", 1, 0, 0), "start"), (Deploy("a", 1, 0, 0), "known")]);
    }

    #[test]
    fn a_newer_attempt_waits_until_the_older_one_is_gone() {
        check(&[
            (Deploy("a", 0, 0, 0), "start"),
            (Deploy("a", 1, 0, 1), "start"),
            (Deploy("a", 0, 1, 0), "cancel 2"),
            (Gone("a", 0, 0), "start 0"),
            (Gone("a", 1, 0), "start 1"),
            (Deploy("a", 1, 0, 1), "attempt 0 of the job is over: attempt 1 runs here"),
        ]);
    }

    #[test]
    fn a_slot_belongs_to_one_job_and_must_exist() {
        check(&[
            (Deploy("a", 0, 0, 0), "start"),
            (Deploy("b", 0, 0, 0), "slot 0 belongs to job"),
            (Deploy("b", 0, 0, 2), "there is no slot 2"),
        ]);
    }
}
