//! Whether a failed job is tried again, and after how long.
//!
//! Decided from the job's [`RestartStrategy`] and the failures so far. A lost TaskManager after a completed checkpoint starts the
//! exponential delay anew: the machine failed, not the job, and the job had made progress.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use irmak_common::id::JobId;
use irmak_common::job_graph::RestartStrategy;
use irmak_common::retry::Backoff;
use irmak_common::time::Millis;

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// A task, or a checkpoint.
    Job,
    /// What the job reads or how it is written: another attempt fails in the same way, so there is none.
    Input,
    /// A TaskManager that is gone.
    Machine,
    /// The JobManager was away too long: never counts against the job.
    JobManager,
}

/// The book of one job's failures.
#[derive(Debug)]
pub struct Restarts {
    strategy: RestartStrategy,
    /// Of this job alone, so that jobs that failed together do not come back together.
    seed: u64,
    in_a_row: u32,
    recent: VecDeque<Millis>,
    count: u32,
}

impl Restarts {
    /// No failure yet.
    pub fn new(job: JobId, strategy: RestartStrategy) -> Self {
        let mut hasher = DefaultHasher::new();
        job.hash(&mut hasher);
        Self { strategy, seed: hasher.finish(), in_a_row: 0, recent: VecDeque::new(), count: 0 }
    }

    /// Restarts so far.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// What the strategy is.
    pub fn strategy(&self) -> &RestartStrategy {
        &self.strategy
    }

    /// A failure: milliseconds until the next attempt, or `None` where there is none. `progressed`: the attempt completed a checkpoint.
    pub fn on_failure(&mut self, now: Millis, blame: Blame, progressed: bool) -> Option<u64> {
        let delay = match blame {
            Blame::JobManager => Some(0),
            Blame::Input => None,
            Blame::Job | Blame::Machine => self.delay(now, blame, progressed),
        };
        self.count += u32::from(delay.is_some());
        delay
    }

    fn delay(&mut self, now: Millis, blame: Blame, progressed: bool) -> Option<u64> {
        let last = self.recent.back().copied();
        match self.strategy {
            RestartStrategy::None => None,
            RestartStrategy::FixedDelay { attempts, delay_ms } => {
                self.in_a_row += 1;
                (self.in_a_row <= attempts).then_some(delay_ms)
            }
            RestartStrategy::FailureRate { max_failures, interval_ms, delay_ms } => {
                self.recent.push_back(now);
                self.recent.retain(|at| now - at < interval_ms as i64);
                (self.recent.len() <= max_failures as usize).then_some(delay_ms)
            }
            RestartStrategy::ExponentialDelay { initial_ms, max_ms, multiplier, reset_ms, jitter, attempts } => {
                let calm = last.is_some_and(|last| now - last >= reset_ms as i64);
                if calm || (blame == Blame::Machine && progressed) {
                    self.in_a_row = 0;
                }
                self.recent.clear();
                self.recent.push_back(now);
                self.in_a_row = self.in_a_row.saturating_add(1);
                let wait = || Backoff { initial_ms, max_ms, multiplier, jitter }.delay_ms(self.in_a_row, self.draw());
                (self.in_a_row <= attempts).then(wait)
            }
        }
    }

    /// In `0.0..1.0`, the same for the same job and failure: one seed replays.
    fn draw(&self) -> f64 {
        let mut hasher = DefaultHasher::new();
        (self.seed, self.count).hash(&mut hasher);
        (hasher.finish() >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::tests::setup::exponential;

    const JOB: Blame = Blame::Job;

    fn check(strategy: RestartStrategy, failures: &[(Millis, Blame, bool)], expected: &[Option<u64>]) {
        let mut book = Restarts::new(JobId::from_u128(1), strategy);
        let got: Vec<Option<u64>> = failures.iter().map(|(at, blame, progressed)| book.on_failure(*at, *blame, *progressed)).collect();
        assert_eq!(got, expected);
        assert_eq!(book.count(), expected.iter().flatten().count() as u32);
    }

    #[test]
    fn without_a_strategy_the_first_failure_is_the_last() {
        check(RestartStrategy::None, &[(0, JOB, false)], &[None]);
    }

    #[test]
    fn fixed_delay_ends_after_its_attempts() {
        let strategy = RestartStrategy::FixedDelay { attempts: 2, delay_ms: 7 };
        check(strategy, &[(0, JOB, false), (1, JOB, true), (2, JOB, false)], &[Some(7), Some(7), None]);
    }

    #[test]
    fn failure_rate_forgets_old_failures() {
        let strategy = RestartStrategy::FailureRate { max_failures: 1, interval_ms: 100, delay_ms: 5 };
        check(strategy, &[(0, JOB, false), (150, JOB, false), (200, JOB, false)], &[Some(5), Some(5), None]);
    }

    #[test]
    fn exponential_delay_grows_to_its_bound_and_resets_after_calm() {
        let times = [(0, JOB, false), (1, JOB, false), (2, JOB, false), (3, JOB, false), (4, JOB, false), (70_000, JOB, false)];
        check(exponential(), &times, &[Some(100), Some(200), Some(400), Some(800), Some(1_000), Some(100)]);
    }

    #[test]
    fn exponential_delay_ends_after_so_many_attempts_without_calm() {
        let RestartStrategy::ExponentialDelay { initial_ms, max_ms, multiplier, reset_ms, jitter, .. } = exponential() else { return };
        let strategy = RestartStrategy::ExponentialDelay { initial_ms, max_ms, multiplier, reset_ms, jitter, attempts: 1 };
        check(strategy, &[(0, JOB, false), (70_000, JOB, false), (70_001, JOB, false)], &[Some(100), Some(100), None]);
    }

    #[test]
    fn a_lost_machine_after_a_checkpoint_starts_the_delay_anew() {
        let times = [(0, JOB, false), (1, Blame::Machine, false), (2, Blame::Machine, true), (3, JOB, true)];
        check(exponential(), &times, &[Some(100), Some(200), Some(100), Some(200)]);
    }

    #[test]
    fn what_would_fail_again_in_the_same_way_is_not_tried_again() {
        check(exponential(), &[(0, JOB, false), (1, Blame::Input, false)], &[Some(100), None]);
    }

    #[test]
    fn a_restarted_jobmanager_costs_the_job_nothing() {
        check(RestartStrategy::None, &[(0, Blame::JobManager, false), (1, JOB, false)], &[Some(0), None]);
    }
}
