//! What a person types: verbs and their options, under the names of Flink's command line.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use irmak_common::duration::parse_duration;

/// The client verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Type Flink SQL and see its results, or run a file of it statement by statement
    Sql(SqlArgs),
    /// Run a script (SQL, YAML or JSON) on a cluster and wait for it to end
    Run(RunArgs),
    /// List the jobs of a cluster
    List(ListArgs),
    /// Cancel a job
    Cancel(JobArgs),
    /// Stop a job: read no further, write out what was read, finish
    Stop(JobArgs),
    /// Show the plan of a script without running it
    Info(InfoArgs),
}

/// Which cluster.
#[derive(Clone, Debug, Args)]
pub struct Target {
    /// The JobManager's REST address
    #[arg(short = 'm', long = "jobmanager", value_name = "HOST:PORT", default_value = "localhost:8081", env = "IRMAK_JOBMANAGER")]
    pub jobmanager: String,
    /// How long to wait for the JobManager to answer
    #[arg(long, value_name = "DURATION", default_value = "60 s", value_parser = duration)]
    pub wait: Duration,
}

/// Where a script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RunTarget {
    /// On the cluster that `-m` names
    Remote,
    /// In a cluster inside this process, which ends with the job
    Local,
}

/// How rows of a closing SELECT are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// Flink's table, growing
    Table,
    /// One JSON array a row, after a line with the columns
    Jsonl,
}

/// How a script is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScriptFormat {
    /// Flink SQL
    Sql,
    /// A job spec in YAML
    Yaml,
    /// A job spec in JSON
    Json,
}

/// `irmak run`
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub cluster: Target,
    /// Where to run
    #[arg(short = 't', long = "target", value_enum, default_value = "remote")]
    pub target: RunTarget,
    /// Do not wait for the job to end
    #[arg(short = 'd', long)]
    pub detached: bool,
    /// Subtasks of each vertex, where the script does not say
    #[arg(short = 'p', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=32_768))]
    pub parallelism: Option<u32>,
    /// The checkpoint or savepoint to begin with
    #[arg(short = 's', long = "fromSavepoint", value_name = "PATH")]
    pub savepoint: Option<String>,
    /// A configuration key, as SET in the script
    #[arg(short = 'D', value_name = "KEY=VALUE", value_parser = key_value)]
    pub configuration: Vec<(String, String)>,
    /// How rows of a closing SELECT are shown
    #[arg(long, value_enum, default_value = "table")]
    pub output: OutputFormat,
    /// How the script is written; by default its file name tells
    #[arg(long, value_enum)]
    pub format: Option<ScriptFormat>,
    /// The script; `-` for standard input
    #[arg(value_name = "FILE")]
    pub file: String,
}

/// `irmak sql`
#[derive(Clone, Debug, Args)]
#[command(after_help = SQL_HELP)]
pub struct SqlArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub cluster: Target,
    /// Where to run
    #[arg(short = 't', long = "target", value_enum, default_value = "remote")]
    pub target: RunTarget,
    /// Carry out the statements of a file, stop at the first that fails, leave; `-` for standard input
    #[arg(short = 'f', long, value_name = "FILE", conflicts_with_all = ["execute", "script"])]
    pub file: Option<String>,
    /// Carry out these statements, stop at the first that fails, leave
    #[arg(short = 'e', long, value_name = "STATEMENTS", conflicts_with = "script")]
    pub execute: Option<String>,
    /// Statements to begin the session with: tables, views, settings
    #[arg(short = 'i', long, value_name = "FILE")]
    pub init: Option<String>,
    /// A configuration key, as SET in the session
    #[arg(short = 'D', value_name = "KEY=VALUE", value_parser = key_value)]
    pub configuration: Vec<(String, String)>,
    /// How rows and answers are shown
    #[arg(long, value_enum, default_value = "table")]
    pub output: OutputFormat,
    /// Where typed statements are kept; by default irmak/sql_history in XDG_STATE_HOME (~/.local/state)
    #[arg(long, alias = "hist", value_name = "FILE", env = "IRMAK_SQL_HISTORY")]
    pub history: Option<std::path::PathBuf>,
    /// The same as -f
    #[arg(value_name = "FILE")]
    pub script: Option<String>,
}

const SQL_HELP: &str = "\
Without a file, statements are typed at a prompt, or read from standard input if that is no terminal: there, a
statement that fails does not end the session, and the exit code is 1 in the end.

INSERT submits a job, prints its id and does not wait (SET 'table.dml-sync' = 'true' waits); SELECT streams its rows
until Ctrl-C, which cancels the query and nothing else. HELP; lists the statements.

  irmak sql                                    a prompt, against the cluster on localhost:8081
  irmak sql -t local                           the same, with a cluster inside this process
  irmak sql -i tables.sql -e 'SELECT * FROM orders;'
  irmak sql -f job.sql -m jobmanager:8081";

/// `irmak list`
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub cluster: Target,
    /// All jobs, also those that have ended
    #[arg(short = 'a', long)]
    pub all: bool,
    /// Only running jobs
    #[arg(short = 'r', long)]
    pub running: bool,
    /// Only jobs that wait for slots
    #[arg(short = 's', long)]
    pub scheduled: bool,
}

/// A verb about one job.
#[derive(Clone, Debug, Args)]
pub struct JobArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub cluster: Target,
    /// The job: 32 hexadecimal digits, or enough of the first to be unique
    #[arg(value_name = "ID")]
    pub job: String,
}

/// `irmak info`
#[derive(Clone, Debug, Args)]
pub struct InfoArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub cluster: Target,
    /// Subtasks of each vertex, where the script does not say
    #[arg(short = 'p', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=32_768))]
    pub parallelism: Option<u32>,
    /// A configuration key, as SET in the script
    #[arg(short = 'D', value_name = "KEY=VALUE", value_parser = key_value)]
    pub configuration: Vec<(String, String)>,
    /// The plan as JSON
    #[arg(long)]
    pub json: bool,
    /// How the script is written; by default its file name tells
    #[arg(long, value_enum)]
    pub format: Option<ScriptFormat>,
    /// The script; `-` for standard input
    #[arg(value_name = "FILE")]
    pub file: String,
}

/// `KEY=VALUE`, split at the first `=`.
///
/// # Errors
/// When there is no key or no `=`.
pub fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("KEY=VALUE is expected, as in rest.port=8082".to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    parse_duration(text).map_err(|error| error.to_string())
}
