//! Aligned barriers: a checkpoint's cut through all input channels.
//!
//! A channel that has delivered the barrier is blocked: what it holds behind the barrier stays in its queue until every other channel
//! has delivered the same barrier. Source: Carbone et al., "Lightweight Asynchronous Snapshots for Distributed Dataflows", 2015.
//!
//! Knows nothing of queues: it says which channels may be read.

use std::time::Instant;

use irmak_common::element::Barrier;
use irmak_common::id::CheckpointId;

/// What a barrier on one channel means for the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alignment {
    /// Other channels have yet to deliver it; this one is blocked.
    Waiting {
        /// A checkpoint that will never be aligned, because a newer one has begun.
        given_up: Option<CheckpointId>,
    },
    /// Every channel has delivered it: the cut is here. All channels are open again.
    Complete {
        /// The barrier.
        barrier: Barrier,
        /// When the first channel delivered it.
        first_at: Instant,
        /// As in `Waiting`.
        given_up: Option<CheckpointId>,
    },
    /// It belongs to a checkpoint that is over.
    Ignored,
}

#[derive(Clone, Copy, Debug)]
struct Pending {
    barrier: Barrier,
    first_at: Instant,
    missing: usize,
}

/// The alignment of a task with at least one input channel.
#[derive(Clone, Debug)]
pub struct Aligner {
    blocked: Vec<bool>,
    pending: Option<Pending>,
    /// The newest checkpoint that was cut, given up or begun.
    newest: Option<CheckpointId>,
}

impl Aligner {
    /// Over so many channels.
    pub fn new(channels: usize) -> Self {
        Self { blocked: vec![false; channels], pending: None, newest: None }
    }

    /// Which channels may not be read now, by channel.
    pub fn blocked(&self) -> &[bool] {
        &self.blocked
    }

    /// A barrier came on a channel (which was not blocked).
    pub fn on_barrier(&mut self, channel: usize, barrier: Barrier, now: Instant) -> Alignment {
        let mut given_up = None;
        let (first_at, missing) = match self.pending {
            Some(pending) if pending.barrier.checkpoint == barrier.checkpoint => (pending.first_at, pending.missing),
            Some(pending) if pending.barrier.checkpoint < barrier.checkpoint => {
                given_up = Some(pending.barrier.checkpoint);
                self.open();
                (now, self.blocked.len())
            }
            _ if self.newest.is_some_and(|newest| barrier.checkpoint <= newest) => return Alignment::Ignored,
            _ => (now, self.blocked.len()),
        };
        self.newest = Some(barrier.checkpoint);
        let missing = missing.saturating_sub(1);
        if missing == 0 {
            self.open();
            return Alignment::Complete { barrier, first_at, given_up };
        }
        if let Some(blocked) = self.blocked.get_mut(channel) {
            *blocked = true;
        }
        self.pending = Some(Pending { barrier, first_at, missing });
        Alignment::Waiting { given_up }
    }

    fn open(&mut self) {
        self.pending = None;
        self.blocked.fill(false);
    }
}

#[cfg(test)]
mod tests {
    use irmak_common::element::CheckpointKind;

    use super::*;

    enum Expect {
        Waits,
        Cuts,
        GivesUp(u64),
        Ignores,
    }
    use Expect::*;

    /// Runs (channel, checkpoint) barriers and compares what each means, and which channels are blocked behind it.
    fn check(channels: usize, script: &[(usize, u64, Expect, &[usize])]) {
        let mut aligner = Aligner::new(channels);
        let now = Instant::now();
        for (step, (channel, checkpoint, expect, blocked)) in script.iter().enumerate() {
            let barrier = Barrier { checkpoint: CheckpointId(*checkpoint), kind: CheckpointKind::Checkpoint, triggered_at: 0 };
            let expected = match expect {
                Waits => Alignment::Waiting { given_up: None },
                Cuts => Alignment::Complete { barrier, first_at: now, given_up: None },
                GivesUp(old) => Alignment::Waiting { given_up: Some(CheckpointId(*old)) },
                Ignores => Alignment::Ignored,
            };
            assert_eq!(aligner.on_barrier(*channel, barrier, now), expected, "step {step}");
            let found: Vec<usize> = (0..channels).filter(|channel| aligner.blocked()[*channel]).collect();
            assert_eq!(found, *blocked, "step {step}");
        }
    }

    #[test]
    fn a_channel_is_blocked_from_its_barrier_to_the_last_ones() {
        check(3, &[(1, 1, Waits, &[1]), (0, 1, Waits, &[0, 1]), (2, 1, Cuts, &[]), (0, 2, Waits, &[0])]);
    }

    #[test]
    fn one_channel_never_waits() {
        check(1, &[(0, 1, Cuts, &[]), (0, 2, Cuts, &[])]);
    }

    #[test]
    fn a_newer_barrier_gives_up_the_older_checkpoint() {
        check(2, &[(0, 1, Waits, &[0]), (1, 2, GivesUp(1), &[1]), (0, 2, Cuts, &[])]);
    }

    #[test]
    fn the_rest_of_a_checkpoint_that_was_given_up_is_ignored() {
        check(
            3,
            &[
                (0, 1, Waits, &[0]),
                (1, 2, GivesUp(1), &[1]),
                (2, 1, Ignores, &[1]),
                (2, 2, Waits, &[1, 2]),
                (0, 2, Cuts, &[]),
                (1, 2, Ignores, &[]),
            ],
        );
    }
}
