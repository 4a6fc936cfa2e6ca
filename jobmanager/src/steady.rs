//! The JobManager's time: the wall clock's, without its jumps and without the moments that this process did not live.
//!
//! Silence is measured in it. So neither a clock that is set nor a JobManager that was stopped (a debugger, a paused container, a
//! starved machine) makes TaskManagers look dead that spoke all the while. It follows the wall clock back at a tenth of real speed.

use std::time::{Duration, Instant};

use irmak_common::time::Millis;
use irmak_runtime::clock;

/// A longer gap between two readings means that this process was stopped: it reads every 50 ms.
const GAP_MAX: Duration = Duration::from_secs(1);

/// See the module's page.
#[derive(Debug)]
pub(crate) struct Steady {
    read_at: Instant,
    now_us: i64,
}

impl Steady {
    /// Begins at the wall clock's time.
    pub(crate) fn start() -> Self {
        Self { read_at: Instant::now(), now_us: clock::now_ms() * 1_000 }
    }

    /// Milliseconds since the epoch; never less than before.
    pub(crate) fn now(&mut self) -> Millis {
        self.read(Instant::now(), clock::now_ms())
    }

    fn read(&mut self, at: Instant, wall_ms: Millis) -> Millis {
        let lived = at.saturating_duration_since(self.read_at).min(GAP_MAX).as_micros() as i64;
        self.read_at = at;
        let straight = self.now_us + lived;
        let behind = wall_ms * 1_000 - straight;
        // Nobody notices a millisecond, which is what the wall clock is read to.
        let correction = if behind.abs() < 2_000 { 0 } else { behind.clamp(-lived / 10, lived / 10) };
        self.now_us = straight + correction;
        self.now_us / 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Millis = 1_000_000;

    /// Reads every 50 ms for so long, the wall clock being off by `offset_ms`; returns the last reading.
    fn live(steady: &mut Steady, from: Instant, for_ms: u64, offset_ms: Millis) -> (Instant, Millis) {
        let mut last = 0;
        for passed in (50..=for_ms).step_by(50) {
            let now = steady.read(from + Duration::from_millis(passed), START + offset_ms + passed as Millis);
            assert!(now >= last, "time ran back");
            last = now;
        }
        (from + Duration::from_millis(for_ms), last)
    }

    #[test]
    fn a_clock_that_is_set_is_followed_slowly() {
        let begin = Instant::now();
        let mut steady = Steady { read_at: begin, now_us: START * 1_000 };
        let (_, last) = live(&mut steady, begin, 1_000, 3_600_000);
        assert_eq!(last, START + 1_100, "an hour forward is a tenth faster");
        let mut steady = Steady { read_at: begin, now_us: START * 1_000 };
        let (_, last) = live(&mut steady, begin, 1_000, -3_600_000);
        assert_eq!(last, START + 900, "an hour back is a tenth slower");
    }

    #[test]
    fn a_process_that_was_stopped_has_not_waited() {
        let begin = Instant::now();
        let mut steady = Steady { read_at: begin, now_us: START * 1_000 };
        let woken = steady.read(begin + Duration::from_secs(60), START + 60_000);
        assert!(woken - START <= 1_100, "{}", woken - START);
        let (_, later) = live(&mut steady, begin + Duration::from_secs(60), 600_000, 60_000);
        assert_eq!(later - START, 660_000, "it has caught up");
    }
}
