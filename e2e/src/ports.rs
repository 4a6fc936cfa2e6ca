//! Ports that a process can be started on again and again.
//!
//! They come from below the kernel's ephemeral range (32768 and up), so that no outgoing connection takes one while its owner is down.
//! Test processes that run side by side hold a locked file for each port of theirs, so that none takes another's while its owner is down
//! or has not begun yet; the kernel frees the locks when a test process ends.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};

const FIRST: u32 = 15_000;
const COUNT: u32 = 16_000;

static NEXT: AtomicU32 = AtomicU32::new(0);
/// The locks of this process; kept until it ends.
static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port of 127.0.0.1 that nobody listens on, given out once a machine while this process lives.
pub fn free() -> Result<u16> {
    row(1)
}

/// The first of `length` ports side by side, all of them as [`free`] gives one.
pub fn row(length: u16) -> Result<u16> {
    // Test processes that run side by side start at different places.
    let base = std::process::id().wrapping_mul(131);
    for _ in 0..COUNT {
        let at = base.wrapping_add(NEXT.fetch_add(u32::from(length), Ordering::Relaxed)) % (COUNT - u32::from(length));
        let first = (FIRST + at) as u16;
        let locks: Option<Vec<File>> = (first..first + length).map(take).collect::<Result<_>>()?;
        if let Some(locks) = locks {
            HELD.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).extend(locks);
            return Ok(first);
        }
    }
    bail!("no free port in {FIRST}..{}", FIRST + COUNT)
}

/// The lock of a port that nobody listens on and no test process holds.
fn take(port: u16) -> Result<Option<File>> {
    // Another user's folder could not be written to.
    let dir = std::env::temp_dir().join(format!("irmak-test-ports-{}", rustix::process::geteuid().as_raw()));
    fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
    let path = dir.join(port.to_string());
    let lock = File::options().create(true).append(true).open(&path).with_context(|| format!("opening {}", path.display()))?;
    let free = lock.try_lock().is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok();
    Ok(free.then_some(lock))
}

/// Whether somebody accepts connections on a port of 127.0.0.1.
pub fn answers(port: u16) -> bool {
    TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), Duration::from_millis(500)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_port_is_given_twice_and_a_row_is_side_by_side() {
        let first = row(3).unwrap();
        assert!((first..first + 3).all(|port| take(port).unwrap().is_none()), "held by this process, also while nobody listens");
        let distinct: BTreeSet<u16> = (0..20).map(|_| free().unwrap()).chain(first..first + 3).collect();
        assert_eq!(distinct.len(), 23);
    }
}
