//! Ports that a process can be started on again and again.
//!
//! They come from below the kernel's ephemeral range (32768 and up), so that no outgoing connection takes one while its owner is down.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};

const FIRST: u32 = 15_000;
const COUNT: u32 = 16_000;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A port of 127.0.0.1 that nobody listens on, given out once a test process.
pub fn free() -> Result<u16> {
    // Test processes that run side by side start at different places.
    let base = std::process::id().wrapping_mul(131);
    for _ in 0..COUNT {
        let port = (FIRST + base.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT) as u16;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port in {FIRST}..{}", FIRST + COUNT)
}

/// Whether somebody accepts connections on a port of 127.0.0.1.
pub fn answers(port: u16) -> bool {
    TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), Duration::from_millis(500)).is_ok()
}
