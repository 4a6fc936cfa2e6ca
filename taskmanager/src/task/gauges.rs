//! A running task's figures: written by its thread and its channels, read with each heartbeat.
//!
//! Counters are atomics. Time is accounted by phase (busy, backpressured, idle); a reader sees the running phase up to now, also while
//! the thread is stuck in it.

use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use irmak_common::metrics::TaskMetrics;
use irmak_common::time::Watermark;

/// What the task's thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Computing, or in a source's or sink's call.
    Busy = 0,
    /// Waiting for room downstream.
    Backpressured = 1,
    /// Waiting for input.
    Idle = 2,
}

/// What the thread tells from time to time.
#[derive(Clone, Debug, Default)]
pub struct Slow {
    /// Rows dropped behind the watermark.
    pub late_records: u64,
    /// Records left out.
    pub skipped_records: u64,
    /// Rows behind the source's position.
    pub pending_records: Option<u64>,
    /// Why something stands still.
    pub message: Option<String>,
    /// (operator, name, value)
    pub operators: Vec<(u32, String, f64)>,
}

/// See the module's page.
#[derive(Debug)]
pub struct Gauges {
    start: Instant,
    phase: AtomicU8,
    /// Microseconds after `start` that the phase began.
    since: AtomicU64,
    /// Microseconds by phase.
    spent: [AtomicU64; 3],
    records_in: AtomicU64,
    records_out: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    /// `i64::MIN`: none yet.
    watermark: AtomicI64,
    slow: Mutex<Slow>,
}

impl Gauges {
    /// All zero, idle from now.
    pub fn new(now: Instant) -> Self {
        Self {
            start: now,
            phase: AtomicU8::new(Phase::Idle as u8),
            since: AtomicU64::new(0),
            spent: Default::default(),
            records_in: AtomicU64::new(0),
            records_out: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            watermark: AtomicI64::new(i64::MIN),
            slow: Mutex::default(),
        }
    }

    /// The thread does something else from now on.
    pub fn enter(&self, phase: Phase) {
        if self.phase.load(Relaxed) == phase as u8 {
            return;
        }
        let now = self.micros();
        let since = self.since.swap(now, Relaxed);
        let old = self.phase.swap(phase as u8, Relaxed);
        self.spent[usize::from(old)].fetch_add(now.saturating_sub(since), Relaxed);
    }

    /// So much of the time that the running phase has taken until now was spent otherwise.
    pub fn reassign(&self, time: Duration, phase: Phase) {
        let micros = time.as_micros() as u64;
        if micros == 0 {
            return;
        }
        let (now, since) = (self.micros(), self.since.load(Relaxed));
        // Only what the running phase holds can be taken from it.
        let micros = micros.min(now.saturating_sub(since));
        self.spent[phase as usize].fetch_add(micros, Relaxed);
        self.since.store(since + micros, Relaxed);
    }

    /// Rows came in.
    pub fn count_in(&self, rows: usize, bytes: u64) {
        self.records_in.fetch_add(rows as u64, Relaxed);
        self.bytes_in.fetch_add(bytes, Relaxed);
    }

    /// Bytes came in; their rows are counted where they are taken.
    pub fn count_bytes_in(&self, bytes: u64) {
        self.bytes_in.fetch_add(bytes, Relaxed);
    }

    /// Rows left.
    pub fn count_out(&self, rows: usize, bytes: u64) {
        self.records_out.fetch_add(rows as u64, Relaxed);
        self.bytes_out.fetch_add(bytes, Relaxed);
    }

    /// Event time is here.
    pub fn set_watermark(&self, watermark: Watermark) {
        self.watermark.store(watermark.0, Relaxed);
    }

    /// The thread's own report.
    pub fn publish(&self, slow: Slow) {
        *self.slow.lock().unwrap_or_else(PoisonError::into_inner) = slow;
    }

    /// Everything, as of now.
    pub fn read(&self) -> TaskMetrics {
        let slow = self.slow.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let watermark = self.watermark.load(Relaxed);
        TaskMetrics {
            records_in: self.records_in.load(Relaxed),
            records_out: self.records_out.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            busy_ms: self.millis_in(Phase::Busy),
            backpressured_ms: self.millis_in(Phase::Backpressured),
            idle_ms: self.millis_in(Phase::Idle),
            watermark: (watermark != i64::MIN).then_some(watermark),
            late_records: slow.late_records,
            skipped_records: slow.skipped_records,
            pending_records: slow.pending_records,
            message: slow.message,
            operators: slow.operators,
        }
    }

    fn millis_in(&self, phase: Phase) -> u64 {
        let running = self.phase.load(Relaxed) == phase as u8;
        let running = if running { self.micros().saturating_sub(self.since.load(Relaxed)) } else { 0 };
        (self.spent[phase as usize].load(Relaxed) + running) / 1_000
    }

    fn micros(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn time_is_accounted_to_the_phase_it_was_spent_in_also_before_the_phase_ends() {
        let gauges = Gauges::new(Instant::now());
        std::thread::sleep(Duration::from_millis(20));
        gauges.enter(Phase::Busy);
        std::thread::sleep(Duration::from_millis(20));
        let read = gauges.read();
        assert!(read.idle_ms >= 20 && read.busy_ms >= 20 && read.backpressured_ms == 0, "{read:?}");
    }

    #[test]
    fn busy_time_that_was_waiting_can_be_reassigned() {
        let begun = Instant::now();
        let gauges = Gauges::new(begun);
        gauges.enter(Phase::Busy);
        let from = Instant::now();
        std::thread::sleep(Duration::from_millis(20));
        gauges.reassign(from.elapsed(), Phase::Idle);
        let read = gauges.read();
        let all = begun.elapsed().as_millis() as u64;
        assert!(read.idle_ms >= 20 && read.busy_ms + read.idle_ms <= all, "{read:?} of {all} ms");
    }
}
