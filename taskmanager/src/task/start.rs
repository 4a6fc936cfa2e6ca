//! A task's life, from its descriptor to its last word: restore, thread, run, clean up, report.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use irmak_common::status::ExecutionState;
use irmak_common::task::TaskDescriptor;
use irmak_runtime::tasks;

use super::build::{Surroundings, build};
use super::control::Control;
use super::report::{Reporter, TaskEvent};
use super::restore::{Restored, load};
use crate::error::TaskError;

/// Starts a task. Returns at once; what becomes of it is reported, and [`TaskEvent::Gone`] is the last word.
pub fn start(descriptor: TaskDescriptor, surroundings: Surroundings, control: Arc<Control>, reporter: Reporter) {
    tasks::spawn("task-restore", async move {
        let state = TaskEvent::State {
            attempt: descriptor.attempt,
            state: ExecutionState::Initializing,
            failure: String::new(),
            unrecoverable: false,
        };
        reporter.tell(state).await;
        let restored = load(&descriptor).await;
        let (name, attempt) = (thread_name(&descriptor), descriptor.attempt);
        let (registry, last_words) = (surroundings.network.registry.clone(), reporter.clone());
        let (kept, work_control) = (control.clone(), control);
        let started = tasks::spawn_thread(&name, move || live(&descriptor, restored, &surroundings, &work_control, &reporter));
        if let Err(error) = started {
            registry.remove(attempt);
            kept.inbox.close();
            let failure = format!("no thread for the task: {error}");
            last_words.tell(TaskEvent::State { attempt, state: ExecutionState::Failed, failure, unrecoverable: false }).await;
            last_words.tell(TaskEvent::Gone(attempt)).await;
        }
    });
}

/// Debuggers see 15 bytes: the subtask first.
fn thread_name(descriptor: &TaskDescriptor) -> String {
    format!("{}/{}", descriptor.subtask().index, descriptor.vertex_name)
}

/// The task's thread, from beginning to end.
fn live(
    descriptor: &TaskDescriptor,
    restored: Result<Restored, TaskError>,
    surroundings: &Surroundings,
    control: &Arc<Control>,
    reporter: &Reporter,
) {
    let outcome = catch_unwind(AssertUnwindSafe(|| work(descriptor, restored, surroundings, control, reporter)));
    let outcome = outcome.unwrap_or_else(|panic| Err(TaskError::Panic(panic_text(panic.as_ref()))));
    surroundings.network.registry.remove(descriptor.attempt);
    let name = format!("{} ({}/{})", descriptor.vertex_name, descriptor.subtask().index + 1, descriptor.parallelism);
    // Said before its channels close, so that nobody hears of the consequence before the cause.
    match outcome {
        Ok(()) => reporter.state(ExecutionState::Finished, String::new()),
        Err(error) if error.is_canceled() => {
            tracing::debug!(task = name, "canceled: {error}");
            reporter.state(ExecutionState::Canceled, String::new());
        }
        Err(error) => {
            let failure = format!("{name}: {}", error.sentence());
            tracing::warn!("task failed: {failure}");
            reporter.failed(failure, error.is_unrecoverable());
        }
    }
    control.inbox.close();
    reporter.say(TaskEvent::Gone(descriptor.attempt));
}

/// Everything that the task holds is let go when this returns.
fn work(
    descriptor: &TaskDescriptor,
    restored: Result<Restored, TaskError>,
    surroundings: &Surroundings,
    control: &Arc<Control>,
    reporter: &Reporter,
) -> Result<(), TaskError> {
    control.check()?;
    let mut task = build(descriptor, restored?, surroundings, control.clone(), reporter.clone())?;
    control.check()?;
    reporter.state(ExecutionState::Running, String::new());
    task.run()
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without words".to_owned())
}
