//! Windows: which rows belong together in time, what is made of them, and when it is said.
//!
//! Rows are cut into *slices*: the smallest pieces of time that no window cuts apart. A tumbling window is one slice, a hopping one is
//! several, a cumulating one grows by slices. Each slice has a table of groups; sessions have intervals of their own per key.
//!
//! All window arithmetic is in local time (see [`crate::zone`]); watermarks and timers are instants.

pub(crate) mod aggregate;
pub(crate) mod assign;
pub(crate) mod changes;
mod cumulate;
mod emit;
mod frames;
mod hop;
pub(crate) mod session;
pub(crate) mod session_changes;
mod sessions;
mod slicer;
pub(crate) mod table_function;

use irmak_common::time::Millis;

use crate::zone::LocalTime;

/// A piece of local time, `[start, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slice {
    pub(crate) start: Millis,
    pub(crate) end: Millis,
}

/// How far time has come, in a zone: an event-time watermark, or processing time.
#[derive(Debug)]
pub(crate) struct Progress {
    pub(crate) zone: LocalTime,
    pub(crate) reached: Millis,
    /// What `reached` was when windows were fired last.
    pub(crate) before: Millis,
}

impl Progress {
    pub(crate) fn new(zone: LocalTime) -> Self {
        Self { zone, reached: Millis::MIN, before: Millis::MIN }
    }

    /// Whether a window with this end is over: its last millisecond has been reached.
    pub(crate) fn is_over(&self, end: Millis) -> bool {
        self.trigger(end) <= self.reached
    }

    /// Whether it was over when windows were fired last.
    pub(crate) fn was_over(&self, end: Millis) -> bool {
        self.trigger(end) <= self.before
    }

    /// The instant at which a window with this end is over.
    pub(crate) fn trigger(&self, end: Millis) -> Millis {
        self.zone.to_timer(end.saturating_sub(1))
    }
}
