//! A task's reins, shared by the daemon, the task's thread and its channels: cancel it, ask whether it may go on, wait cancellably.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use irmak_common::id::AttemptId;
use irmak_common::limits::COLLECT_ROWS_MAX;
use irmak_runtime::shutdown::Shutdown;
use tokio::runtime::Handle;

use super::gauges::{Gauges, Phase};
use super::inbox::Inbox;
use crate::error::TaskError;
use crate::lease::Lease;

/// How often a task that waits in a place without a wake-up looks whether it was cancelled.
const LOOK_AROUND: Duration = Duration::from_millis(20);

/// See the module's page.
#[derive(Debug)]
pub struct Control {
    /// Whose.
    pub attempt: AttemptId,
    /// Its queues.
    pub inbox: Arc<Inbox>,
    /// Its figures.
    pub gauges: Gauges,
    lease: Arc<Lease>,
    cancelled: AtomicBool,
    cancelled_at: OnceLock<Instant>,
    token: Shutdown,
    /// The runtime that its channels and uploads live on.
    handle: Handle,
    /// Rows that a collect sink may send since the attempt's start.
    collect_limit: Mutex<u64>,
    collect_room: Condvar,
    /// Why the task must fail, said from outside its thread.
    failure: OnceLock<String>,
    ended: AtomicBool,
}

impl Control {
    /// Of a task that has not begun.
    pub fn new(attempt: AttemptId, channels: usize, lease: Arc<Lease>, handle: Handle) -> Self {
        Self {
            attempt,
            inbox: Arc::new(Inbox::new(channels)),
            gauges: Gauges::new(Instant::now()),
            lease,
            cancelled: AtomicBool::new(false),
            cancelled_at: OnceLock::new(),
            token: Shutdown::new(),
            handle,
            collect_limit: Mutex::new(COLLECT_ROWS_MAX as u64),
            collect_room: Condvar::new(),
            failure: OnceLock::new(),
            ended: AtomicBool::new(false),
        }
    }

    /// The task shall end, wherever it is.
    pub fn cancel(&self) {
        self.cancelled_at.get_or_init(Instant::now);
        self.cancelled.store(true, Ordering::SeqCst);
        self.interrupt();
    }

    /// How long the task has been asked to end, if it was.
    pub fn cancelled_for(&self) -> Option<Duration> {
        self.cancelled_at.get().map(Instant::elapsed)
    }

    /// Fails the task with a sentence, from outside its thread. The first one counts.
    pub fn fail(&self, sentence: String) {
        let first = self.failure.set(sentence).is_ok();
        if first {
            self.interrupt();
        }
    }

    fn interrupt(&self) {
        self.token.trigger();
        self.inbox.wake();
        self.collect_room.notify_all();
    }

    /// Whether the task may go on: asked before anything is read, written or committed.
    ///
    /// # Errors
    /// [`TaskError::Canceled`] when it was cancelled or the lease ran out; the failure that somebody else has seen.
    pub fn check(&self) -> Result<(), TaskError> {
        if self.cancelled.load(Ordering::SeqCst) {
            return Err(TaskError::Canceled("the task was cancelled"));
        }
        if self.lease.is_lost(Instant::now()) {
            return Err(TaskError::Canceled("the JobManager was not heard for longer than `heartbeat.timeout`"));
        }
        match self.failure.get() {
            Some(sentence) => Err(TaskError::Channel(sentence.clone())),
            None => Ok(()),
        }
    }

    /// Waits, in the task's thread, for a future; the wait counts as backpressure and ends when the task is cancelled.
    ///
    /// # Errors
    /// [`TaskError::Canceled`]
    pub fn wait<F: Future>(&self, future: F) -> Result<F::Output, TaskError> {
        self.gauges.enter(Phase::Backpressured);
        let output = self.handle.block_on(async {
            let mut future = std::pin::pin!(future);
            loop {
                tokio::select! {
                    output = &mut future => return Ok(output),
                    () = self.token.wait() => return Err(self.interruption()),
                    () = tokio::time::sleep(LOOK_AROUND * 10) => self.check()?,
                }
            }
        });
        self.gauges.enter(Phase::Busy);
        output
    }

    /// Waits, in the task's thread, until it is cancelled or fails from outside.
    pub fn wait_for_cancel(&self) -> TaskError {
        match self.wait(std::future::pending::<()>()) {
            Err(error) => error,
            Ok(()) => self.interruption(),
        }
    }

    fn interruption(&self) -> TaskError {
        self.check().err().unwrap_or(TaskError::Canceled("the task was interrupted"))
    }

    /// Rows that a collect sink may send beyond `sent` now, at least one; waits for the client.
    ///
    /// # Errors
    /// [`TaskError::Canceled`]
    pub fn collect_credit(&self, sent: u64) -> Result<usize, TaskError> {
        let mut limit = self.collect_limit.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let credit = limit.saturating_sub(sent);
            if credit > 0 {
                self.gauges.enter(Phase::Busy);
                return Ok(credit as usize);
            }
            self.gauges.enter(Phase::Backpressured);
            self.check()?;
            limit = self.collect_room.wait_timeout(limit, LOOK_AROUND).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// A collect sink may send all rows below `offset`.
    pub fn allow_collect(&self, offset: u64) {
        let mut limit = self.collect_limit.lock().unwrap_or_else(PoisonError::into_inner);
        *limit = offset.max(*limit);
        self.collect_room.notify_all();
    }

    /// The task has seen the end of its inputs.
    pub fn set_ended(&self) {
        self.ended.store(true, Ordering::SeqCst);
    }

    /// Whether the task has seen the end of its inputs.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    /// The runtime for its background work.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}
