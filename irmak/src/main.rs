//! The one binary: the daemons, the local cluster, the demo, and the client's verbs.
//!
//! Only starts things and turns their errors into words and exit codes; what they are lives in their own rooms.

mod cluster;
mod daemon;
mod demo;
mod local;
mod parent;
mod produce;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use irmak_runtime::telemetry;
use irmak_submitter::args::{RunTarget, key_value};

// The allocator decides a good part of the memory that a busy exchange holds; measured in bench/README.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A stream-processing cluster: Flink SQL without the JVM.
#[derive(Debug, Parser)]
#[command(name = "irmak", version, about, max_term_width = 100, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    #[command(flatten)]
    Client(irmak_submitter::Verb),
    /// Start a JobManager: schedules jobs, serves REST and the dashboard
    Jobmanager(DaemonArgs),
    /// Start a TaskManager: offers slots to a JobManager
    Taskmanager(DaemonArgs),
    /// Start a JobManager and TaskManagers in this one process
    Local(LocalArgs),
    /// Show the reference job at work, with a Kafka broker and a producer of its own
    Demo(demo::DemoArgs),
    /// Send the sample listings to a Kafka topic, 22 rows every 5 seconds
    Produce(produce::ProduceArgs),
}

/// What both daemons take.
#[derive(Clone, Debug, Args)]
struct DaemonArgs {
    /// A configuration key; wins over config.yaml (in IRMAK_CONF_DIR) and IRMAK_PROPERTIES
    #[arg(short = 'D', value_name = "KEY=VALUE", value_parser = key_value)]
    configuration: Vec<(String, String)>,
    /// End when standard input does: for a parent that must leave nothing behind
    #[arg(long, hide = true)]
    with_parent: bool,
}

#[derive(Clone, Debug, Args)]
struct LocalArgs {
    #[command(flatten)]
    daemon: DaemonArgs,
    /// How many TaskManagers
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u32).range(1..=64))]
    taskmanagers: u32,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.verb {
        Verb::Client(verb) => client(verb),
        Verb::Jobmanager(args) => daemon::jobmanager(&args),
        Verb::Taskmanager(args) => daemon::taskmanager(&args),
        Verb::Local(args) => daemon::local(&args),
        Verb::Demo(args) => demo::demo(args),
        Verb::Produce(args) => produce::produce(args),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::from(failure.code)
        }
    }
}

/// Why the process ends with another code than 0.
#[derive(Debug)]
struct Failure {
    message: String,
    code: u8,
}

impl Failure {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), code: 1 }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Client errors begin with "error[...]" or "error:" already.
        if self.message.starts_with("error") { f.write_str(&self.message) } else { write!(f, "error: {}", self.message) }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(inner) = cause {
            let text = inner.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            cause = inner.source();
        }
        Self::new(message)
    }
}

fn client(verb: irmak_submitter::Verb) -> Result<ExitCode, Failure> {
    telemetry::init("error");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match verb {
        irmak_submitter::Verb::Run(args) if args.target == RunTarget::Local => local::run(args),
        irmak_submitter::Verb::Sql(args) if args.target == RunTarget::Local => local::sql(args),
        irmak_submitter::Verb::Sql(_) => {
            // The prompt holds its thread while somebody types; the connection lives on another.
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
            finish(runtime.block_on(irmak_submitter::execute(verb)))
        }
        verb => finish(runtime.block_on(irmak_submitter::execute(verb))),
    }
}

/// The exit code of a client verb.
fn finish(outcome: Result<(), irmak_submitter::SubmitterError>) -> Result<ExitCode, Failure> {
    outcome.map(|()| ExitCode::SUCCESS).map_err(|error| Failure { message: error.to_string(), code: error.exit_code() })
}
