//! The demo's cluster: one JobManager and two TaskManagers, as processes of this same binary.
//!
//! Each child ends when this process does, whatever ends it: its standard input is a pipe from here.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;

use irmak_runtime::config::{Configuration, keys};
use tokio::process::{Child, Command};

use crate::Failure;

const TASK_MANAGERS: usize = 2;
const PATIENCE: Duration = Duration::from_secs(60);

/// Running processes and the folder that they keep their data in.
pub(super) struct Children {
    pub(super) rest_port: u16,
    processes: Vec<Child>,
    data: tempfile::TempDir,
}

impl Children {
    /// Starts all and returns when the TaskManagers' slots are there.
    pub(super) async fn start(configuration: &[(String, String)]) -> Result<Self, Failure> {
        let (config, _) = Configuration::load(configuration)?;
        let wanted_port = config.get(&keys::REST_PORT)?;
        let data = tempfile::Builder::new().prefix("irmak-demo-").tempdir()?;
        let (rest_port, rpc_port) = (free_port(wanted_port)?, free_port(0)?);
        let dir = data.path().display();
        let given = configuration.iter().map(|(key, value)| format!("{key}={value}"));
        let ours = [
            "jobmanager.rpc.address=127.0.0.1".to_owned(),
            format!("jobmanager.rpc.port={rpc_port}"),
            "metrics.reporter.prom.port=off".to_owned(),
        ];
        let shared: Vec<String> = given.chain(ours).collect();
        let jobmanager = [
            format!("rest.port={rest_port}"),
            format!("jobmanager.data-dir={dir}/jobmanager"),
            format!("state.checkpoints.dir=file://{dir}/checkpoints"),
        ];
        let taskmanager = ["taskmanager.numberOfTaskSlots=1".to_owned()];
        let mut children = Self { rest_port, processes: Vec::new(), data };
        children.spawn("jobmanager", shared.iter().chain(&jobmanager))?;
        for _ in 0..TASK_MANAGERS {
            children.spawn("taskmanager", shared.iter().chain(&taskmanager))?;
        }
        children.ready().await?;
        Ok(children)
    }

    fn spawn<'a>(&mut self, verb: &str, configuration: impl Iterator<Item = &'a String>) -> Result<(), Failure> {
        let log = std::fs::File::create(self.data.path().join(format!("{verb}-{}.log", self.processes.len())))?;
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(verb).arg("--with-parent").args(configuration.map(|pair| format!("-D{pair}")));
        // A group of its own: Ctrl-C reaches this process alone, which then ends the others in order.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).kill_on_drop(true).process_group(0);
        self.processes.push(command.spawn()?);
        Ok(())
    }

    async fn ready(&mut self) -> Result<(), Failure> {
        let begin = std::time::Instant::now();
        loop {
            if let Some(ended) = self.processes.iter_mut().position(|child| !matches!(child.try_wait(), Ok(None))) {
                return Err(Failure::new(format!("a process of the demo's cluster ended at its start:\n{}", self.log(ended))));
            }
            if slots(self.rest_port).await == Some(TASK_MANAGERS as u32) {
                return Ok(());
            }
            if begin.elapsed() > PATIENCE {
                return Err(Failure::new(format!("the demo's cluster is not ready after {} s:\n{}", PATIENCE.as_secs(), self.log(0))));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn log(&self, process: usize) -> String {
        let verb = if process == 0 { "jobmanager" } else { "taskmanager" };
        let text = std::fs::read_to_string(self.data.path().join(format!("{verb}-{process}.log"))).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Ends all and removes their data.
    pub(super) async fn stop(mut self) {
        for child in &mut self.processes {
            drop(child.stdin.take());
        }
        for child in &mut self.processes {
            if tokio::time::timeout(Duration::from_secs(3), child.wait()).await.is_err() {
                let _ = child.kill().await;
            }
        }
    }
}

/// `wanted` if nobody listens there, else a free one.
fn free_port(wanted: u16) -> Result<u16, Failure> {
    let listener = TcpListener::bind(("127.0.0.1", wanted)).or_else(|_| TcpListener::bind(("127.0.0.1", 0)))?;
    Ok(listener.local_addr()?.port())
}

async fn slots(port: u16) -> Option<u32> {
    let mut client = irmak_proto::v1::jobs_client::JobsClient::connect(format!("http://127.0.0.1:{port}")).await.ok()?;
    Some(client.health(irmak_proto::v1::HealthRequest {}).await.ok()?.into_inner().slots_available)
}
