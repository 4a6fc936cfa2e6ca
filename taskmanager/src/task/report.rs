//! What a task says to its TaskManager, which passes it on to the JobManager.

use irmak_common::id::AttemptId;
use irmak_common::status::ExecutionState;
use irmak_proto::v1;
use irmak_proto::v1::task_manager_event::Event;
use tokio::sync::mpsc;

/// One thing that a task says.
#[derive(Clone, Debug)]
pub enum TaskEvent {
    /// It has another state.
    State {
        /// Which task.
        attempt: AttemptId,
        /// Which state.
        state: ExecutionState,
        /// With FAILED: the sentence for a person.
        failure: String,
        /// With FAILED: another attempt would fail in the same way.
        unrecoverable: bool,
    },
    /// For the JobManager as it is.
    Wire(Event),
    /// Its thread has let go of everything: its slot is free.
    Gone(AttemptId),
}

/// One task's way to its TaskManager. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reporter {
    attempt: AttemptId,
    events: mpsc::Sender<TaskEvent>,
}

impl Reporter {
    /// Of this task.
    pub fn new(attempt: AttemptId, events: mpsc::Sender<TaskEvent>) -> Self {
        Self { attempt, events }
    }

    /// Says something from the task's thread. When the TaskManager is gone, nobody listens, and that is no matter of the task.
    pub fn say(&self, event: TaskEvent) {
        let _ = self.events.blocking_send(event);
    }

    /// A new state, from the task's thread.
    pub fn state(&self, state: ExecutionState, failure: String) {
        self.say(TaskEvent::State { attempt: self.attempt, state, failure, unrecoverable: false });
    }

    /// The task failed for this reason, from its thread.
    pub fn failed(&self, failure: String, unrecoverable: bool) {
        self.say(TaskEvent::State { attempt: self.attempt, state: ExecutionState::Failed, failure, unrecoverable });
    }

    /// Says something from a tokio task.
    pub async fn tell(&self, event: TaskEvent) {
        let _ = self.events.send(event).await;
    }

    /// Rows of a collect sink; waits for room.
    pub async fn rows(&self, rows: v1::CollectedRows) {
        self.tell(TaskEvent::Wire(Event::CollectedRows(rows))).await;
    }
}
