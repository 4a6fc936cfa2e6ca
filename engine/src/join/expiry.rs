//! How long a regular join keeps its rows: `table.exec.state.ttl` and the hint STATE_TTL, by the clock.
//!
//! A record lives so long after it was written last: when its row came, when one just like it came or went, and on a side that comes out
//! without partner whenever the number of its partners changed. To be looked at is not to be written. What has outlived its time is not
//! there, whether it has been removed or not. Source: Flink's `JoinRecordStateViews` and `OuterJoinRecordStateViews` under a `StateTtlConfig` of
//! `OnCreateAndWrite` and `NeverReturnExpired`.
//!
//! A record's time is when it was written; 0: by a job without such a limit, which the first batch takes for now.

use irmak_common::time::Millis;

use super::store::Store;

/// Which records are there still. A side's limit is 0 where it keeps all.
#[derive(Debug)]
pub(super) struct Expiry {
    ttl: [Millis; 2],
    swept: [Millis; 2],
    /// Restored records have no time yet.
    untimed: bool,
}

impl Expiry {
    /// Limits in milliseconds, left and right.
    pub(super) fn new(ttl_ms: [u64; 2]) -> Self {
        let ttl = ttl_ms.map(|ttl| Millis::try_from(ttl).unwrap_or(Millis::MAX));
        Self { ttl, swept: [0; 2], untimed: true }
    }

    /// Whether a side keeps all rows for ever.
    pub(super) fn keeps_all(&self, side: usize) -> bool {
        self.ttl[side] == 0
    }

    /// Whether a side's record that was written at `time` is there at `now`.
    pub(super) fn lives(&self, side: usize, time: Millis, now: Millis) -> bool {
        self.keeps_all(side) || now.saturating_sub(time) < self.ttl[side]
    }

    /// Before a batch: removes what has outlived its time, once in as long as records live.
    pub(super) fn sweep(&mut self, stores: &mut [Store; 2], now: Millis) {
        if std::mem::take(&mut self.untimed) {
            (0..2).filter(|side| !self.keeps_all(*side)).for_each(|side| stores[side].give_times(now));
        }
        for (side, store) in stores.iter_mut().enumerate() {
            if self.keeps_all(side) || now.saturating_sub(self.swept[side]) < self.ttl[side] {
                continue;
            }
            self.swept[side] = now;
            let gone: Vec<u32> = store.all().filter(|id| !self.lives(side, store.time(*id), now)).collect();
            gone.into_iter().for_each(|id| store.remove(id));
        }
    }
}
