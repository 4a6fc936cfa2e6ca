//! What a process has used, as the kernel counts it in /proc: processor seconds, memory now and at its highest.
//!
//! The kernel counts a process's time in ticks of 10 ms, so a figure below a tenth of a second means little.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// Bytes of a megabyte, here and in the table: 10^6.
pub(crate) const MB: f64 = 1e6;

/// One line of /proc/PID/stat.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stat {
    /// Whether the process has ended and only waits to be collected.
    pub(crate) ended: bool,
    /// Processor seconds in user and kernel mode, those of its collected children included.
    pub(crate) cpu_s: f64,
}

/// What process `pid` has used so far.
pub(crate) fn stat(pid: u32) -> Result<Stat> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| format!("reading {path}: has the process ended?"))?;
    parse_stat(&text, rustix::param::clock_ticks_per_second() as f64).with_context(|| format!("{path}: {text}"))
}

/// Source of the fields: proc(5). The name, in parentheses, may hold anything, so fields are counted from the last parenthesis.
fn parse_stat(text: &str, ticks_per_second: f64) -> Result<Stat> {
    let (_, rest) = text.rsplit_once(')').context("no process name")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let state = fields.first().context("no state")?;
    let times = fields.get(11..15).context("no times")?;
    let ticks = times.iter().map(|field| field.parse::<f64>()).sum::<Result<f64, _>>()?;
    Ok(Stat { ended: matches!(*state, "Z" | "X"), cpu_s: ticks / ticks_per_second })
}

/// Processor time that this thread has used so far, to the last few milliseconds.
///
/// # Errors
/// A kernel that keeps no such count.
pub(crate) fn this_thread() -> Result<Duration> {
    let path = "/proc/thread-self/schedstat";
    let text = fs::read_to_string(path).with_context(|| format!("reading {path}"))?;
    let nanoseconds = text.split_whitespace().next().and_then(|field| field.parse().ok());
    nanoseconds.map(Duration::from_nanos).with_context(|| format!("{path} does not begin with nanoseconds: {text}"))
}

/// Resident memory of process `pid`, in bytes: now and at its highest. `None` when it has ended.
pub(crate) fn memory(pid: u32) -> Option<Memory> {
    parse_memory(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

/// Resident memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Now.
    pub(crate) now: u64,
    /// The most that the process ever had (VmHWM).
    pub(crate) peak: u64,
}

fn parse_memory(status: &str) -> Option<Memory> {
    let field = |name: &str| -> Option<u64> {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
    };
    Some(Memory { now: field("VmRSS:")?, peak: field("VmHWM:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_that_of_the_process_and_its_collected_children() {
        let text = "7 (a) b) S 1 7 7 0 -1 4194560 900 0 0 0 150 50 20 30 20 0 9 0 100 1 2 3";
        assert_eq!(parse_stat(text, 100.0).unwrap(), Stat { ended: false, cpu_s: 2.5 });
        assert!(parse_stat(&text.replace(" S ", " Z "), 100.0).unwrap().ended);
        assert!(parse_stat("7 (a", 100.0).is_err());
    }

    #[test]
    fn memory_is_read_in_bytes() {
        let status = "Name:\tirmak\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(parse_memory(status), Some(Memory { now: 1 << 20, peak: 2 << 20 }));
        assert_eq!(parse_memory("Name:\tzombie\n"), None);
    }

    #[test]
    fn this_process_has_used_something() {
        assert!(memory(std::process::id()).unwrap().peak > 100_000);
        assert!(!stat(std::process::id()).unwrap().ended);
    }
}
