//! The only place that starts tokio tasks and threads. Each has a name, for logs and for debuggers.
//!
//! A task that panics is logged with its name; what depends on it sees its channel close. Nothing here restarts anything.

use std::future::Future;
use std::thread;

use tokio::task::JoinHandle;

/// Starts a task on the current tokio runtime. Dropping the handle leaves the task running.
#[allow(clippy::disallowed_methods, reason = "the one room that may")]
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(async move {
        let guard = PanicGuard(name);
        let output = future.await;
        std::mem::forget(guard);
        output
    })
}

/// Starts work that blocks (files, planning) on tokio's pool for such work.
pub fn spawn_blocking<F, R>(work: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    tokio::task::spawn_blocking(work)
}

/// Starts a thread of its own, for work that computes all its life.
///
/// # Errors
/// When the operating system gives no more threads.
pub fn spawn_thread<F, R>(name: &str, work: F) -> std::io::Result<thread::JoinHandle<R>>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    // Linux cuts thread names at 15 bytes; the rest is lost, not refused.
    let short: String = name.chars().filter(|c| *c != '\0').take(15).collect();
    thread::Builder::new().name(short).spawn(work)
}

/// Dropped only when its task panics or is aborted.
struct PanicGuard(&'static str);

impl Drop for PanicGuard {
    fn drop(&mut self) {
        if thread::panicking() {
            tracing::error!(task = self.0, "a background task panicked; this is a fault in Irmak, please report it");
        }
    }
}
