//! A command run to its end, with what it used: watched from outside, so that every peer is measured by the same ruler.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use irmak_e2e::process::{spawn, tail};

use crate::usage;

/// How often a running process is looked at. Its last growth may be missed by as much.
const LOOK: Duration = Duration::from_millis(5);

/// What a command used.
#[derive(Clone, Debug)]
pub(crate) struct Spent {
    /// From its start to its end.
    pub(crate) wall: Duration,
    /// Processor seconds.
    pub(crate) cpu_s: f64,
    /// The most resident memory, in bytes.
    pub(crate) peak: u64,
    /// What it printed.
    pub(crate) stdout: String,
}

/// Runs `command` to its end. Its output goes to `log`. Errors: it fails, or it has not ended after `deadline` and is killed.
pub(crate) fn run(mut command: Command, log: &Path, deadline: Duration) -> Result<Spent> {
    let file = File::create(log).with_context(|| format!("creating {}", log.display()))?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let start = Instant::now();
    let mut child = spawn(command)?;
    let mut peak = 0;
    loop {
        let stat = usage::stat(child.id())?;
        if stat.ended {
            let wall = start.elapsed();
            let status = child.wait()?;
            ensure!(status.success(), "ended with {status}; it said:\n{}", tail(log, 4_000));
            return Ok(Spent { wall, cpu_s: stat.cpu_s, peak, stdout: fs::read_to_string(log)? });
        }
        peak = usage::memory(child.id()).map_or(peak, |memory| memory.peak.max(peak));
        if start.elapsed() >= deadline {
            child.kill()?;
            child.wait()?;
            bail!("not at its end after {deadline:?}; it said:\n{}", tail(log, 4_000));
        }
        thread::sleep(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use irmak_e2e::places::scenario_dir;
    use irmak_e2e::process::tied;

    use super::*;

    #[test]
    fn a_busy_command_is_charged_and_a_failing_one_is_quoted() {
        let log = scenario_dir("unit-measure").unwrap().join("log");
        let shell = |script: &str| {
            let mut command = tied(Path::new("sh"));
            command.args(["-c", script]);
            run(command, &log, Duration::from_secs(60))
        };
        let spent = shell("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo done").unwrap();
        assert!(spent.cpu_s > 0.0 && spent.wall > Duration::ZERO && spent.peak > 0, "{spent:?}");
        assert_eq!(spent.stdout, "done\n");
        assert!(shell("echo why; exit 3").unwrap_err().to_string().contains("why"));
    }
}
