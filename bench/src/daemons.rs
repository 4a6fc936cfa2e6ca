//! One JobManager and one TaskManager with two slots, started anew for each run and watched from their first moment.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use irmak_e2e::client::Client;
use irmak_e2e::process::{Process, Recipe};
use irmak_e2e::{places, ports};

use crate::usage::{self, Memory};

const SLOTS: u64 = 2;
/// How often REST is asked while a moment is waited for: the error of that figure.
const LOOK: Duration = Duration::from_millis(5);

/// The two processes. They end when it is dropped.
pub(crate) struct Daemons {
    processes: [Process; 2],
    /// The REST port.
    pub(crate) port: u16,
    /// From the start of the first process until REST counted all slots.
    pub(crate) start_up: Duration,
}

impl Daemons {
    /// Starts both below `dir`, which it creates; returns when REST counts all slots.
    pub(crate) fn start(dir: &Path) -> Result<Self> {
        let (port, rpc_port) = (ports::free()?, ports::free()?);
        let recipe = |verb: &str, own: &[(&str, String)]| -> Result<Recipe> {
            let home = dir.join(verb);
            fs::create_dir_all(&home)?;
            let shared = [
                ("jobmanager.rpc.address", "127.0.0.1".to_owned()),
                ("jobmanager.rpc.port", rpc_port.to_string()),
                ("state.checkpoints.dir", places::uri(&dir.join("checkpoints"))),
                ("metrics.reporter.prom.port", ports::free()?.to_string()),
            ];
            let options = shared.iter().chain(own).flat_map(|(key, value)| ["-D".to_owned(), format!("{key}={value}")]);
            Ok(Recipe {
                name: verb.into(),
                program: places::binary()?,
                args: std::iter::once(verb.to_owned()).chain(options).collect(),
                env: Vec::new(),
                log: dir.join(format!("{verb}.log")),
                dir: home,
            })
        };
        let data_dir = dir.join("journal").display().to_string();
        let job_manager = recipe("jobmanager", &[("rest.port", port.to_string()), ("jobmanager.data-dir", data_dir)])?;
        let data_port = ports::free()?.to_string();
        let task_manager =
            recipe("taskmanager", &[("taskmanager.numberOfTaskSlots", SLOTS.to_string()), ("taskmanager.data.port", data_port)])?;
        let client = Client::new(port, dir)?;
        let start = Instant::now();
        let processes = [Process::start(job_manager)?, Process::start(task_manager)?];
        poll("all slots at the JobManager", || Ok(client.get("/overview")?["slots-total"].as_u64() == Some(SLOTS)))
            .with_context(|| format!("{}\n{}", processes[0].log_tail(2_000), processes[1].log_tail(2_000)))?;
        Ok(Self { processes, port, start_up: start.elapsed() })
    }

    /// Processor seconds of both since their start.
    pub(crate) fn cpu_s(&self) -> Result<f64> {
        self.processes.iter().map(|process| Ok(usage::stat(process.pid()?)?.cpu_s)).sum()
    }

    /// Resident memory of both together. The peaks need not have been at the same time; their sum is the upper bound.
    pub(crate) fn memory(&self) -> Result<Memory> {
        let mut sum = Memory { now: 0, peak: 0 };
        for process in &self.processes {
            let memory = usage::memory(process.pid()?).with_context(|| format!("{} has ended", process.name()))?;
            sum = Memory { now: sum.now + memory.now, peak: sum.peak + memory.peak };
        }
        Ok(sum)
    }

    /// Both have run from the first to now. Errors: one has ended, and so nothing that was measured counts.
    pub(crate) fn never_ended(&mut self) -> Result<()> {
        for process in &mut self.processes {
            let ended = process.exit_status();
            ensure!(ended.is_none(), "the {} ended ({ended:?}):\n{}", process.name(), process.log_tail(4_000));
        }
        Ok(())
    }
}

/// Asks `look` until it says yes, 30 s at most. Errors of `look` count as no; the last one is in the message.
pub(crate) fn poll(what: &str, mut look: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    let mut last = None;
    while start.elapsed() < Duration::from_secs(30) {
        match look() {
            Ok(true) => return Ok(()),
            Ok(false) => last = None,
            Err(error) => last = Some(error),
        }
        thread::sleep(LOOK);
    }
    match last {
        Some(error) => Err(error.context(format!("waited 30 s for {what}"))),
        None => bail!("waited 30 s for {what}"),
    }
}
