//! A real Apache Kafka broker on loopback: started, stopped, killed, frozen and started again on the same data and ports.
//!
//! [`shared`] is one broker for the whole test process, with topics named by their test; a test that hurts the broker starts its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::process::{Process, Recipe, output, tied};
use crate::wait::seconds;
use crate::{places, ports, wait};

/// A KRaft cluster id; any 16 bytes in base64 do.
const CLUSTER_ID: &str = "4L6g3nShT-eMCtK--X86sw";

/// One node, broker and controller.
#[derive(Debug)]
pub struct Kafka {
    process: Process,
    libs: PathBuf,
    port: u16,
}

/// The broker that the tests of this process share, started on first use.
pub fn shared() -> Result<&'static Kafka> {
    static SHARED: Mutex<Option<&'static Kafka>> = Mutex::new(None);
    let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some(kafka) = *shared {
        return Ok(kafka);
    }
    let dir = places::scenario_dir(&format!("shared-kafka-{}", std::process::id()))?;
    let kafka: &'static Kafka = Box::leak(Box::new(Kafka::start(&dir)?));
    *shared = Some(kafka);
    Ok(kafka)
}

impl Kafka {
    /// Fetches the broker when the cache has none, formats `dir` and starts it; returns when it answers.
    pub fn start(dir: &Path) -> Result<Self> {
        Self::start_at(dir, ports::free()?)
    }

    /// The same on a port chosen before, for a broker that comes later than its clients.
    pub fn start_at(dir: &Path, port: u16) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let libs = libs()?;
        let controller = ports::free()?;
        let config = dir.join("server.properties");
        fs::write(&config, properties(dir, port, controller))?;
        let mut format = java(&libs);
        format.args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"]).arg(&config);
        let said = output(format, seconds(60))?;
        ensure!(said.code == Some(0), "formatting Kafka's storage: {}", said.all());
        let mut args: Vec<String> = JAVA.iter().map(|arg| (*arg).to_owned()).collect();
        args.extend(["-Xmx768m".into(), "-cp".into(), format!("{}/*", libs.display()), "kafka.Kafka".into(), config.display().to_string()]);
        let process = Process::start(Recipe {
            name: "kafka".into(),
            program: "java".into(),
            args,
            env: Vec::new(),
            dir: dir.to_owned(),
            log: dir.join("kafka.log"),
        })?;
        let kafka = Self { process, libs, port };
        kafka.ready()?;
        Ok(kafka)
    }

    /// `127.0.0.1:PORT`, the bootstrap server.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Returns when the broker answers a metadata request.
    pub fn ready(&self) -> Result<()> {
        wait::until("the Kafka broker to answer", seconds(60), || {
            let mut list = tied(Path::new("kcat"));
            list.args(["-L", "-m", "2", "-b", &self.address()]);
            let said = output(list, seconds(30))?;
            wait::when(said.code == Some(0) && said.stdout.contains(" brokers:") && !said.stdout.contains(" 0 brokers:"), || {
                format!("{}\n--- the broker's log\n{}", said.all(), self.process.log_tail(2_000))
            })
        })
    }

    /// Creates a topic; returns when the broker knows it. `config` is `key=value`, as the topic command takes it.
    pub fn create_topic(&self, name: &str, partitions: u32, config: &[&str]) -> Result<()> {
        let mut create = java(&self.libs);
        create.args(["org.apache.kafka.tools.TopicCommand", "--bootstrap-server", &self.address(), "--create", "--topic", name]);
        create.args(["--replication-factor", "1", "--partitions", &partitions.to_string()]);
        for entry in config {
            create.args(["--config", entry]);
        }
        let said = output(create, seconds(60))?;
        ensure!(said.code == Some(0), "creating topic {name}: {}", said.all());
        // The broker may hear of it a moment after the controller has made it.
        wait::until(&format!("topic {name} at the broker"), seconds(20), || {
            let mut list = tied(Path::new("kcat"));
            list.args(["-L", "-t", name, "-m", "10", "-b", &self.address()]);
            let said = output(list, seconds(30))?;
            wait::when(said.stdout.contains(&format!("\"{name}\" with {partitions} partitions")), || said.all())
        })
    }

    /// SIGTERM, and waits for its orderly end.
    pub fn stop(&mut self) -> Result<()> {
        self.process.stop(seconds(60)).map(|_| ())
    }

    /// kill -9.
    pub fn kill(&mut self) -> Result<()> {
        self.process.kill()
    }

    /// SIGSTOP: connections stay open and nobody answers.
    pub fn freeze(&self) -> Result<()> {
        self.process.freeze()
    }

    /// SIGCONT.
    pub fn thaw(&self) -> Result<()> {
        self.process.thaw()
    }

    /// Starts it again on the same data and ports; returns when it answers.
    pub fn start_again(&mut self) -> Result<()> {
        self.process.start_again()?;
        self.ready()
    }
}

/// Arguments of every JVM here: small and quick to start, as nothing is measured on it.
const JAVA: [&str; 4] = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"];

fn java(libs: &Path) -> Command {
    let mut command = tied(Path::new("java"));
    command.args(JAVA).args(["-Xmx256m", "-cp"]).arg(format!("{}/*", libs.display()));
    command
}

/// The folder of the broker's jars; `tools/kafka-libs` fetches them once.
fn libs() -> Result<PathBuf> {
    let said = output(tied(&places::repository().join("tools/kafka-libs")), Duration::from_secs(300))?;
    ensure!(said.code == Some(0), "fetching Apache Kafka: {}", said.all());
    said.stdout.lines().last().map(PathBuf::from).context("tools/kafka-libs printed no folder")
}

/// Its settings. It keeps what it was given, of any time: tests write records of 1970, which a week's retention deletes at its first round,
/// minutes into a run, and a broker refuses records of tomorrow unless it is told otherwise.
fn properties(dir: &Path, port: u16, controller: u16) -> String {
    format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
         controller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n\
         controller.quorum.voters=1@127.0.0.1:{controller}\n\
         log.dirs={}\n\
         auto.create.topics.enable=false\n\
         num.partitions=4\n\
         offsets.topic.replication.factor=1\n\
         offsets.topic.num.partitions=4\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         transaction.state.log.num.partitions=4\n\
         group.initial.rebalance.delay.ms=0\n\
         log.retention.ms=-1\n\
         log.message.timestamp.after.max.ms=9223372036854775807\n\
         message.max.bytes=73400320\n",
        dir.join("data").display()
    )
}
