//! The lease: how long a TaskManager may work without having heard from its JobManager.
//!
//! A JobManager gives a silent TaskManager's work to another after `heartbeat.timeout`. So a TaskManager that has not heard from it for
//! so long, whether the JobManager was away or this process was stopped, must assume that another runs its tasks, and write nothing
//! more. Tasks ask before each element; a lease that has run out stays so, and what is heard afterwards does not bring it back.
//!
//! Monotonic time goes on while a process is stopped (SIGSTOP); so the first question after SIGCONT is answered right.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// See the module's page. Shared by the control stream, which hears, and the tasks, which ask.
#[derive(Debug)]
pub struct Lease {
    start: Instant,
    /// Milliseconds after `start`.
    heard_ms: AtomicU64,
    timeout_ms: AtomicU64,
    lost: AtomicBool,
}

impl Lease {
    /// A lease that begins now.
    pub fn new(now: Instant, timeout: Duration) -> Self {
        Self { start: now, heard_ms: AtomicU64::new(0), timeout_ms: AtomicU64::new(millis(timeout)), lost: AtomicBool::new(false) }
    }

    /// The JobManager was heard. `false`: too late, the lease had run out.
    pub fn hear(&self, now: Instant) -> bool {
        if self.is_lost(now) {
            return false;
        }
        self.heard_ms.store(millis(now.saturating_duration_since(self.start)), Ordering::SeqCst);
        true
    }

    /// The JobManager named another timeout.
    pub fn set_timeout(&self, timeout: Duration) {
        self.timeout_ms.store(millis(timeout), Ordering::SeqCst);
    }

    /// Whether the lease has run out.
    pub fn is_lost(&self, now: Instant) -> bool {
        if self.lost.load(Ordering::SeqCst) {
            return true;
        }
        let silence = millis(now.saturating_duration_since(self.start)).saturating_sub(self.heard_ms.load(Ordering::SeqCst));
        let lost = silence >= self.timeout_ms.load(Ordering::SeqCst);
        if lost {
            self.lost.store(true, Ordering::SeqCst);
        }
        lost
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Say {
        Hear(bool),
        Lost(bool),
    }
    use Say::*;

    /// Runs a script of (milliseconds, what is said or asked with its answer) over a lease of 100 ms.
    fn check(script: &[(u64, Say)]) {
        let start = Instant::now();
        let lease = Lease::new(start, Duration::from_millis(100));
        for (at, say) in script {
            let now = start + Duration::from_millis(*at);
            match say {
                Hear(expected) => assert_eq!(lease.hear(now), *expected, "heard at {at}"),
                Lost(expected) => assert_eq!(lease.is_lost(now), *expected, "asked at {at}"),
            }
        }
    }

    #[test]
    fn a_lease_lasts_from_what_was_heard_last() {
        check(&[(99, Lost(false)), (99, Hear(true)), (198, Lost(false)), (199, Lost(true))]);
    }

    #[test]
    fn a_lease_that_ran_out_is_not_brought_back_by_a_heartbeat_that_waited() {
        check(&[(50, Hear(true)), (5_000, Hear(false)), (5_001, Lost(true)), (5_002, Hear(false))]);
    }
}
