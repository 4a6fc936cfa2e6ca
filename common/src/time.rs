//! Event time and watermarks: milliseconds since 1970-01-01 00:00:00, without a zone.
//!
//! Knows nothing of clocks. Where processing time is needed, it arrives as an argument.

use serde::{Deserialize, Serialize};

/// Milliseconds since the epoch, of an event or of the clock.
pub type Millis = i64;

/// "No row with a time at or before this one will come any more" (later ones are late).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Watermark(pub Millis);

impl Watermark {
    /// Before all time: what an input says that has said nothing yet.
    pub const MIN: Self = Self(i64::MIN);
    /// After all time: sent at the end of the input, so that every window closes.
    pub const MAX: Self = Self(i64::MAX);
}
