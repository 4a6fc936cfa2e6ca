//! Waiting for what can be seen from outside, with a deadline that says what it waited for.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How often the deadline that a story names it really gets: stories name what a quiet machine needs with room to spare, and a busy one
/// may stand still for a while. Nobody waits longer for it but a story that fails.
const PATIENCE: u32 = 6;

/// Asks `look` ten times a second until it has a value. An error of `look` counts as "not yet"; the last one is in the message.
///
/// Errors: after six times `deadline`, in words: what was waited for, how long, and what was seen last.
pub fn until<T>(what: &str, deadline: Duration, mut look: impl FnMut() -> Result<Seen<T>>) -> Result<T> {
    let (start, deadline) = (Instant::now(), deadline * PATIENCE);
    loop {
        let last = match look() {
            Ok(Seen::Yes(value)) => return Ok(value),
            Ok(Seen::NotYet(state)) => state,
            Err(error) => format!("{error:#}"),
        };
        if start.elapsed() >= deadline {
            bail!("waited {:.1} s for {what}; last seen: {last}", start.elapsed().as_secs_f64());
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// What a look found.
pub enum Seen<T> {
    /// It is there.
    Yes(T),
    /// Not yet; the words say what is there instead.
    NotYet(String),
}

/// `Yes(())` when `holds`, else `NotYet` with the words of `state`.
pub fn when(holds: bool, state: impl FnOnce() -> String) -> Result<Seen<()>> {
    Ok(if holds { Seen::Yes(()) } else { Seen::NotYet(state()) })
}

/// Seconds as a duration; keeps tests readable.
pub const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Checks during `span` that `holds` stays true, ten times a second.
pub fn stays(what: &str, span: Duration, mut holds: impl FnMut() -> Result<()>) -> Result<()> {
    let start = Instant::now();
    while start.elapsed() < span {
        if let Err(error) = holds() {
            bail!("{what}: no longer after {:.1} s: {error:#}", start.elapsed().as_secs_f64());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
