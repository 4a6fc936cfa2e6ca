//! Keys of OVER that nothing has reached for `table.exec.state.ttl`, by the clock: they are forgotten, and begin anew when a row comes.
//!
//! Over all rows by processing time a key lives exactly so long. Elsewhere its timer is half as long late, and is moved only when a row would
//! outlive it; a key whose rows still wait for the watermark stays. Source: Flink's `ProcTimeUnboundedPrecedingFunction`, a state with a TTL, and
//! its `KeyedProcessFunctionWithCleanupState`. Frames of RANGE over a time have timers of their own, and no TTL.

use std::collections::BTreeSet;

use irmak_common::time::Millis;

/// Keys without a timer have this; also in stored state.
pub(super) const NEVER: Millis = Millis::MIN;

#[derive(Debug)]
pub(super) struct Idle {
    ttl: Millis,
    /// How much later a timer is than it must be.
    slack: Millis,
    keys: Vec<Life>,
    timers: BTreeSet<(Millis, u32)>,
}

#[derive(Clone, Copy, Debug)]
struct Life {
    /// When the key is forgotten.
    until: Millis,
    /// Its rows whose time has not come.
    waiting: u32,
}

const UNKNOWN: Life = Life { until: NEVER, waiting: 0 };

impl Idle {
    /// With a TTL in milliseconds. `exact`: keys live no longer than that.
    pub(super) fn new(ttl_ms: u64, exact: bool) -> Self {
        let ttl = Millis::try_from(ttl_ms).unwrap_or(Millis::MAX);
        Self { ttl, slack: if exact { 0 } else { ttl / 2 }, keys: Vec::new(), timers: BTreeSet::new() }
    }

    fn life(&mut self, key: u32) -> &mut Life {
        let key = key as usize;
        if key >= self.keys.len() {
            self.keys.resize(key + 1, UNKNOWN);
        }
        &mut self.keys[key]
    }

    /// A row of the key has come.
    pub(super) fn reached(&mut self, key: u32, now: Millis) {
        let needed = now.saturating_add(self.ttl);
        if self.life(key).until < needed {
            let until = needed.saturating_add(self.slack);
            self.set(key, until);
        }
    }

    /// A timer as it was stored.
    pub(super) fn set(&mut self, key: u32, until: Millis) {
        let before = std::mem::replace(&mut self.life(key).until, until);
        self.timers.remove(&(before, key));
        if until != NEVER {
            self.timers.insert((until, key));
        }
    }

    /// When a key is forgotten, or [`NEVER`].
    pub(super) fn until(&self, key: u32) -> Millis {
        self.keys.get(key as usize).map_or(NEVER, |life| life.until)
    }

    /// A row of the key waits for its time.
    pub(super) fn waits(&mut self, key: u32) {
        self.life(key).waiting += 1;
    }

    /// Its time has come.
    pub(super) fn leaves(&mut self, key: u32) {
        let life = self.life(key);
        life.waiting = life.waiting.saturating_sub(1);
    }

    /// When the clock is asked next.
    pub(super) fn next(&self) -> Option<Millis> {
        self.timers.first().map(|(until, _)| *until)
    }

    /// Takes out the keys that are to be forgotten.
    pub(super) fn due(&mut self, now: Millis) -> Vec<u32> {
        let mut due = Vec::new();
        while let Some(&(until, key)) = self.timers.first()
            && until <= now
        {
            self.set(key, NEVER);
            if self.life(key).waiting > 0 {
                self.reached(key, now);
            } else {
                due.push(key);
            }
        }
        due
    }

    /// Keys have new numbers: `moved[old]` is the new one, `u32::MAX` where the key is gone.
    pub(super) fn renumber(&mut self, moved: &[u32]) {
        let keys = std::mem::take(&mut self.keys);
        self.timers.clear();
        for (life, &key) in keys.into_iter().zip(moved).filter(|(_, key)| **key != u32::MAX) {
            self.life(key).waiting = life.waiting;
            self.set(key, life.until);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_lives_exactly_its_time_or_up_to_half_as_long_more() {
        let mut exact = Idle::new(10, true);
        let mut late = Idle::new(10, false);
        for now in [100, 104] {
            exact.reached(7, now);
            late.reached(7, now);
        }
        assert_eq!((exact.due(113), exact.due(114), exact.next()), (vec![], vec![7], None));
        assert_eq!((late.due(114), late.due(115), late.next()), (vec![], vec![7], None));
    }

    #[test]
    fn a_key_whose_rows_wait_stays_and_is_asked_again() {
        let mut idle = Idle::new(10, false);
        idle.reached(1, 0);
        idle.waits(1);
        assert_eq!((idle.due(15), idle.next()), (vec![], Some(30)));
        idle.leaves(1);
        assert_eq!(idle.due(30), vec![1]);
    }

    #[test]
    fn keys_keep_their_timers_under_new_numbers() {
        let mut idle = Idle::new(10, true);
        idle.reached(0, 0);
        idle.reached(2, 5);
        idle.renumber(&[u32::MAX, u32::MAX, 0]);
        assert_eq!((idle.until(0), idle.due(15), idle.next()), (15, vec![0], None));
    }
}
