//! The clock: the only place that asks the machine what time it is.

use std::time::SystemTime;

use irmak_common::time::Millis;

/// Milliseconds since 1970-01-01 00:00:00 UTC.
#[allow(clippy::disallowed_methods, reason = "the one room that may")]
pub fn now_ms() -> Millis {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        // A clock before 1970 is a machine not yet set; time then begins at the epoch.
        Err(_) => 0,
    }
}
