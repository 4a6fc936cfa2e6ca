//! What a cluster costs that has nothing to do, and how soon it has something: start-up, idle memory and processor time, submit to RUNNING.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use irmak_e2e::client::Client;
use irmak_e2e::places;
use irmak_e2e::process::{spawn, tail, tied};
use irmak_e2e::script::Script;

use crate::daemons::{Daemons, poll};
use crate::reference::Topic;

/// How long an idle cluster is watched.
const IDLE: Duration = Duration::from_secs(10);

/// One cluster's figures.
#[derive(Clone, Debug)]
pub(crate) struct Quiet {
    /// From the start of the first process until REST counted all slots, in seconds.
    pub(crate) start_up_s: f64,
    /// Resident memory of JobManager and TaskManager, idle, in bytes.
    pub(crate) idle_bytes: u64,
    /// Processor seconds that both use in 10 idle seconds.
    pub(crate) idle_cpu_s: f64,
    /// From the start of `irmak run -d` until REST says that every subtask runs, in seconds.
    pub(crate) to_running_s: f64,
}

/// Starts a cluster below `dir`, leaves it alone, then gives it the reference job (unbounded) over `topic`.
pub(crate) fn measure(dir: &Path, topic: &Topic<'_>) -> Result<Quiet> {
    let mut daemons = Daemons::start(dir)?;
    thread::sleep(Duration::from_secs(1));
    let before = daemons.cpu_s()?;
    thread::sleep(IDLE);
    let (idle_cpu_s, idle_bytes) = (daemons.cpu_s()? - before, daemons.memory()?.now);
    let to_running_s = to_running(dir, &daemons, topic)?;
    daemons.never_ended()?;
    Ok(Quiet { start_up_s: daemons.start_up.as_secs_f64(), idle_bytes, idle_cpu_s, to_running_s })
}

fn to_running(dir: &Path, daemons: &Daemons, topic: &Topic<'_>) -> Result<f64> {
    let script = Script::reference(&topic.name, &topic.kafka.address(), &dir.join("output"))?.write(dir, "quiet")?;
    let log = dir.join("run.log");
    let file = File::create(&log)?;
    let mut command = tied(&places::binary()?);
    command.args(["run", "-d", "-m", &format!("127.0.0.1:{}", daemons.port), "-p", &topic.parallelism().to_string()]).arg(&script);
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let client = Client::new(daemons.port, dir)?;
    let start = Instant::now();
    let mut child = spawn(command)?;
    poll("every subtask to be RUNNING", || {
        let jobs = client.get("/jobs/overview")?;
        let job = &jobs["jobs"][0];
        let tasks = &job["tasks"];
        Ok(job["state"] == "RUNNING" && tasks["total"].as_u64() > Some(0) && tasks["running"] == tasks["total"])
    })
    .with_context(|| tail(&log, 2_000))?;
    let seconds = start.elapsed().as_secs_f64();
    child.wait()?;
    Ok(seconds)
}
