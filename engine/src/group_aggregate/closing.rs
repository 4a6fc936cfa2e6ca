//! Groups that are windows (`table.exec.emit.early-fire.*`, `late-fire.*`): when a window speaks, and when it is let go.
//!
//! One that fires early speaks with every row. One that does not is held until it is over, speaks then, and from then on with every late
//! row, for as long as lateness is allowed. What comes later is dropped and counted. Watermarks close windows, or by processing time the
//! clock. State: how far time has come, as a union entry.

use arrow::record_batch::RecordBatch;
use irmak_common::changelog_spec::WindowEnd;
use irmak_common::time::{Millis, Watermark};

use crate::error::EngineError;
use crate::state::rescale::Owned;
use crate::watermark::millis;
use crate::window::Progress;
use crate::zone::LocalTime;

pub(super) struct Closing {
    /// The input column of `window_end`.
    column: usize,
    progress: Progress,
    pub(super) late: u64,
    /// Windows speak when they are over, not before.
    pub(super) hold: bool,
    lateness_ms: Millis,
    /// The first end among open windows at which something is to be done, or an earlier one.
    next: Millis,
    /// The clock closes them, not watermarks.
    clock: bool,
}

impl Closing {
    pub(super) fn new(spec: &WindowEnd, column: usize, owned: &Owned<'_>) -> Result<Self, EngineError> {
        let mut progress = Progress::new(LocalTime::new(spec.zone.as_deref())?);
        let restored = owned.union().map(|entry| entry.try_into().map(Millis::from_le_bytes)).collect::<Result<Vec<_>, _>>();
        let restored = restored.map_err(|_| EngineError::state("a window's watermark is cut short"))?;
        progress.reached = restored.into_iter().min().unwrap_or(Millis::MIN);
        // Which windows were open is not known yet: the next watermark looks.
        let lateness_ms = Millis::try_from(spec.lateness_ms).unwrap_or(Millis::MAX);
        Ok(Self { column, progress, late: 0, hold: spec.hold, lateness_ms, next: Millis::MIN, clock: spec.assign.is_some() })
    }

    /// The end of each row's window.
    pub(super) fn ends(&self, batch: &RecordBatch) -> Result<Vec<Millis>, EngineError> {
        Ok(millis(self.column, batch.columns().get(self.column))?.0.to_vec())
    }

    /// Whether a window takes no rows any more; one that does will close.
    pub(super) fn is_late(&mut self, end: Millis) -> bool {
        if self.progress.is_over(end.saturating_add(self.lateness_ms)) {
            self.late += 1;
            return true;
        }
        self.next = self.next.min(end);
        false
    }

    /// How far time has come.
    pub(super) fn reached(&self) -> Millis {
        self.progress.reached
    }

    /// Whether some window may close with this watermark.
    pub(super) fn by_watermark(&mut self, watermark: Watermark) -> bool {
        !self.clock && self.advance(watermark.0)
    }

    /// Whether some window may close at this time of the clock: a window's last millisecond must be past.
    pub(super) fn by_clock(&mut self, now: Millis) -> bool {
        self.clock && self.advance(now.saturating_sub(1))
    }

    /// When the clock is asked next.
    pub(super) fn timer(&self) -> Option<Millis> {
        (self.clock && self.next < Millis::MAX).then(|| self.progress.trigger(self.next).saturating_add(1))
    }

    fn advance(&mut self, reached: Millis) -> bool {
        self.progress.reached = self.progress.reached.max(reached);
        let closes = self.progress.is_over(self.next);
        if closes {
            self.next = Millis::MAX;
        }
        closes
    }

    /// Whether a row may speak of its window.
    pub(super) fn speaks(&self, end: Millis) -> bool {
        !self.hold || self.progress.is_over(end)
    }

    /// Whether a window takes no rows any more; of those that do the first will be next.
    pub(super) fn closes(&mut self, end: Millis) -> bool {
        let closed = end.saturating_add(self.lateness_ms);
        let over = self.progress.is_over(closed);
        if !over {
            self.next = self.next.min(if self.speaks(end) { closed } else { end });
        }
        over
    }

    pub(super) fn snapshot(&self) -> Vec<Vec<u8>> {
        vec![self.progress.reached.to_le_bytes().to_vec()]
    }
}
