//! What the machine says of this process: memory, processors, and how much of them is in use. Linux; elsewhere zeros.

use std::time::Instant;

/// Ticks a second in `/proc/self/stat`: fixed by the kernel's interface on every architecture that we run on.
const TICKS: f64 = 100.0;

/// Bytes that the process may use: its cgroup's bound, else the machine's memory.
pub(crate) fn memory_bytes() -> u64 {
    let machine = meminfo_total().unwrap_or(0);
    let cgroup = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
    let bound = cgroup.iter().find_map(|path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok());
    bound.map_or(machine, |bound| if machine == 0 { bound } else { bound.min(machine) })
}

/// Processors that the process may use.
pub(crate) fn cpu_cores() -> u32 {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32)
}

/// Bytes of memory that the process holds.
pub(crate) fn memory_used_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    kilobytes(&status, "VmRSS:").unwrap_or(0)
}

fn meminfo_total() -> Option<u64> {
    kilobytes(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")
}

fn kilobytes(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes << 10)
}

/// Processors in use between two looks.
#[derive(Debug)]
pub(crate) struct CpuLoad {
    at: Instant,
    seconds: f64,
}

impl CpuLoad {
    /// A first look.
    pub(crate) fn new() -> Self {
        Self { at: Instant::now(), seconds: cpu_seconds() }
    }

    /// Cores in use since the last look.
    pub(crate) fn look(&mut self) -> f64 {
        let (now, seconds) = (Instant::now(), cpu_seconds());
        let passed = now.duration_since(self.at).as_secs_f64();
        let load = if passed > 0.0 { (seconds - self.seconds) / passed } else { 0.0 };
        *self = Self { at: now, seconds };
        load.max(0.0)
    }
}

impl Default for CpuLoad {
    fn default() -> Self {
        Self::new()
    }
}

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The command's name, in parentheses, may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / TICKS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_says_something() {
        assert!(memory_bytes() > 1 << 20 && memory_used_bytes() > 1 << 20 && cpu_cores() >= 1);
        assert!(memory_used_bytes() < memory_bytes());
    }
}
