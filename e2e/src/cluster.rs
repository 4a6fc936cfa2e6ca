//! A cluster of separate processes: one JobManager and some TaskManagers, each on ports of its own below one folder.
//!
//! TaskManagers are told apart by index; index `i` always has the same data port and log, over all its restarts.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::client::Client;
use crate::process::{Process, Recipe};
use crate::wait::{self, Seen, seconds};
use crate::{places, ports};

/// What a cluster is made of.
#[derive(Clone, Debug)]
pub struct Layout {
    /// How many TaskManagers.
    pub task_managers: usize,
    /// Slots of each.
    pub slots: u32,
    /// Configuration that every process gets, Flink's keys.
    pub config: Vec<(String, String)>,
    /// Environment that every process gets.
    pub env: Vec<(String, String)>,
}

impl Layout {
    /// So many TaskManagers with so many slots each, nothing else set.
    pub fn of(task_managers: usize, slots: u32) -> Self {
        Self { task_managers, slots, config: Vec::new(), env: Vec::new() }
    }

    /// Adds a configuration entry.
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.config.push((key.into(), value.into()));
        self
    }

    /// Adds an environment variable.
    pub fn with_env(mut self, key: &str, value: &str) -> Self {
        self.env.push((key.into(), value.into()));
        self
    }

    /// A silent TaskManager is given up after 6 s, and not after two minutes. One that was killed is missed at once, by its connection.
    ///
    /// Not sooner: a busy machine may well stand still for two seconds, and whoever is alive would be found dead again and again.
    pub fn quick_heartbeat(self) -> Self {
        self.with("heartbeat.interval", "500 ms").with("heartbeat.timeout", "6 s")
    }
}

/// The running processes. All of them end when it is dropped.
pub struct Cluster {
    layout: Layout,
    job_manager: Process,
    task_managers: Vec<Process>,
    data_ports: Vec<u16>,
    rest_port: u16,
    rpc_port: u16,
    dir: PathBuf,
}

impl Cluster {
    /// Starts all processes below `dir` and waits until the JobManager knows every slot.
    pub fn start(dir: &Path, layout: Layout) -> Result<Self> {
        let (rest_port, rpc_port) = (ports::free()?, ports::free()?);
        let mut shared = vec![
            ("jobmanager.rpc.address".to_owned(), "127.0.0.1".to_owned()),
            ("jobmanager.rpc.port".to_owned(), rpc_port.to_string()),
            ("state.checkpoints.dir".to_owned(), places::uri(&dir.join("checkpoints"))),
        ];
        shared.extend(layout.config.iter().cloned());
        if shared.iter().all(|(key, _)| key != "heartbeat.timeout") {
            // Whoever is alive is not found dead, also where the machine stands still for a while.
            shared.push(("heartbeat.timeout".into(), "2 min".into()));
        }
        let recipe = |name: &str, verb: &str, own: &[(&str, String)]| -> Result<Recipe> {
            let home = dir.join(name);
            fs::create_dir_all(&home).with_context(|| format!("creating {}", home.display()))?;
            let mut config = shared.clone();
            config.extend(own.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
            config.push(("io.tmp.dirs".into(), home.join("tmp").display().to_string()));
            if shared.iter().all(|(key, _)| key != "metrics.reporter.prom.port") {
                config.push(("metrics.reporter.prom.port".into(), ports::free()?.to_string()));
            }
            let args = [verb.to_owned()]
                .into_iter()
                .chain(config.into_iter().flat_map(|(key, value)| ["-D".to_owned(), format!("{key}={value}")]));
            Ok(Recipe {
                name: name.into(),
                program: places::binary()?,
                args: args.collect(),
                env: layout.env.clone(),
                dir: home,
                log: dir.join(format!("{name}.log")),
            })
        };
        let job_manager = Process::start(recipe(
            "jobmanager",
            "jobmanager",
            &[("rest.port", rest_port.to_string()), ("jobmanager.data-dir", dir.join("journal").display().to_string())],
        )?)?;
        let mut task_managers = Vec::new();
        let mut data_ports = Vec::new();
        for index in 0..layout.task_managers {
            let data_port = ports::free()?;
            let own = [("taskmanager.numberOfTaskSlots", layout.slots.to_string()), ("taskmanager.data.port", data_port.to_string())];
            task_managers.push(Process::start(recipe(&format!("taskmanager-{index}"), "taskmanager", &own)?)?);
            data_ports.push(data_port);
        }
        let mut cluster = Self { layout, job_manager, task_managers, data_ports, rest_port, rpc_port, dir: dir.to_owned() };
        let slots = cluster.layout.task_managers as u64 * u64::from(cluster.layout.slots);
        // Whoever ended while it started has said why.
        cluster.wait_slots(slots).or_else(|waited| cluster.never_crashed().and(Err(waited)))?;
        Ok(cluster)
    }

    /// A client of it.
    pub fn client(&self) -> Result<Client> {
        Client::new(self.rest_port, &self.dir)
    }

    /// Every port that it listens on, metrics aside: REST, the TaskManagers' streams, the exchange of each TaskManager.
    pub fn ports(&self) -> Vec<u16> {
        [self.rest_port, self.rpc_port].into_iter().chain(self.data_ports.iter().copied()).collect()
    }

    /// The port of the TaskManagers' streams.
    pub fn rpc_port(&self) -> u16 {
        self.rpc_port
    }

    /// All its processes, the JobManager first.
    pub fn processes(&self) -> impl Iterator<Item = &Process> {
        std::iter::once(&self.job_manager).chain(&self.task_managers)
    }

    /// Waits until the JobManager counts `slots` slots, 20 s at most.
    pub fn wait_slots(&self, slots: u64) -> Result<()> {
        let client = self.client()?;
        wait::until(&format!("{slots} slots at the JobManager"), seconds(20), || {
            let overview = client.get("/overview")?;
            wait::when(overview["slots-total"].as_u64() == Some(slots), || overview.to_string())
        })
    }

    /// The JobManager's process.
    pub fn job_manager(&mut self) -> &mut Process {
        &mut self.job_manager
    }

    /// The process of TaskManager `index`.
    pub fn task_manager(&mut self, index: usize) -> Result<&mut Process> {
        self.task_managers.get_mut(index).with_context(|| format!("no TaskManager {index}"))
    }

    /// The indices of the TaskManagers that run something. Errors: after 20 s none does.
    pub fn busy_task_managers(&self) -> Result<Vec<usize>> {
        let client = self.client()?;
        wait::until("a TaskManager with a slot taken", seconds(20), || {
            let list = client.get("/taskmanagers")?;
            let busy =
                list["taskmanagers"].as_array().into_iter().flatten().filter(|tm| tm["freeSlots"].as_u64() < tm["slotsNumber"].as_u64());
            let index =
                |tm: &Value| tm["dataPort"].as_u64().and_then(|port| self.data_ports.iter().position(|own| u64::from(*own) == port));
            let found: Vec<usize> = busy.filter_map(index).collect();
            Ok(if found.is_empty() { Seen::NotYet(list.to_string()) } else { Seen::Yes(found) })
        })
    }

    /// Starts again every process that has ended by itself; returns how many.
    pub fn restart_dead(&mut self) -> Result<usize> {
        let mut count = 0;
        for process in std::iter::once(&mut self.job_manager).chain(&mut self.task_managers) {
            if !process.running() {
                process.start_again()?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Errors unless every process runs and none was started more than once: nobody crashed behind the test's back.
    pub fn never_crashed(&mut self) -> Result<()> {
        for process in std::iter::once(&mut self.job_manager).chain(&mut self.task_managers) {
            let ended = process.exit_status();
            ensure!(ended.is_none(), "{} ended by itself: {ended:?}; its last words:\n{}", process.name(), process.log_tail(2_000));
            ensure!(process.starts() == 1, "{} was started {} times", process.name(), process.starts());
        }
        self.nobody_panicked()
    }

    /// Errors when a process's log speaks of a panic.
    pub fn nobody_panicked(&self) -> Result<()> {
        for process in std::iter::once(&self.job_manager).chain(&self.task_managers) {
            let text = process.log_text();
            if let Some(line) = text.lines().find(|line| line.contains("panicked at")) {
                anyhow::bail!("{} panicked: {line}", process.name());
            }
        }
        Ok(())
    }

    /// Calls `step` until it says so or `deadline` is over, and starts again whatever ends between; returns the number of restarts.
    pub fn supervise(&mut self, what: &str, deadline: Duration, mut step: impl FnMut(usize) -> Result<Seen<()>>) -> Result<usize> {
        let mut restarts = 0;
        wait::until(what, deadline, || {
            restarts += self.restart_dead()?;
            step(restarts)
        })?;
        Ok(restarts)
    }
}
