//! Shutdown: one request that everybody hears.
//!
//! Cheap to clone; a request is never taken back.

use tokio_util::sync::CancellationToken;

/// A handle on a shutdown: ask for it, wait for it, look whether it was asked for.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    token: CancellationToken,
}

impl Shutdown {
    /// A shutdown that nobody has asked for yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A shutdown that also follows this one: triggering the child leaves the parent alone.
    pub fn child(&self) -> Self {
        Self { token: self.token.child_token() }
    }

    /// Asks for it.
    pub fn trigger(&self) {
        self.token.cancel();
    }

    /// Whether somebody asked.
    pub fn is_requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Returns when somebody asks.
    pub async fn wait(&self) {
        self.token.cancelled().await;
    }

    /// Triggers on SIGINT and SIGTERM, from now on until the process ends.
    ///
    /// # Errors
    /// When the process may not listen for signals.
    pub fn on_signals(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        self.on_termination()?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let shutdown = self.clone();
        crate::tasks::spawn("signals", async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                () = shutdown.wait() => {}
            }
            shutdown.trigger();
        });
        Ok(())
    }

    /// The same for SIGTERM alone: for a process where Ctrl-C has another meaning.
    ///
    /// # Errors
    /// Where the signal cannot be listened to.
    pub fn on_termination(&self) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let shutdown = self.clone();
        crate::tasks::spawn("signals", async move {
            tokio::select! {
                _ = terminate.recv() => {}
                () = shutdown.wait() => {}
            }
            shutdown.trigger();
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_child_follows_its_parent_and_not_the_other_way() {
        let parent = Shutdown::new();
        let (child, other) = (parent.child(), parent.child());
        other.trigger();
        assert!(!parent.is_requested() && !child.is_requested());
        parent.trigger();
        child.wait().await;
    }
}
