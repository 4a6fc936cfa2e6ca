//! What the benchmark is asked to do.

use clap::Parser;

/// The reference job over a real Kafka broker, against a hand-written loop in the same run. Build in release mode; `bench/run.sh` does.
#[derive(Clone, Debug, Parser)]
#[command(name = "irmak-bench", max_term_width = 100)]
pub(crate) struct Args {
    /// Rows in each topic
    #[arg(long, default_value = "2000000", value_parser = clap::value_parser!(u32).range(1_000..))]
    pub(crate) rows: u32,
    /// Runs of each kind; the table shows medians
    #[arg(long, default_value = "1", value_parser = clap::value_parser!(u32).range(1..=99))]
    pub(crate) repeat: u32,
    /// Partition counts; 1 is run at parallelism 1, more at parallelism 2
    #[arg(long, value_delimiter = ',', default_value = "1,4")]
    pub(crate) partitions: Vec<u32>,
    /// Measure the hand-written loop only
    #[arg(long, group = "only")]
    pub(crate) loop_only: bool,
    /// Measure only the jobs that need no broker
    #[arg(long, group = "only")]
    pub(crate) statements_only: bool,
    /// Of the jobs that need no broker, only those whose name holds this text
    #[arg(long, value_name = "TEXT", requires = "statements_only")]
    pub(crate) statement: Option<String>,
    /// Measure only the decoders of JSON and CSV, beside Arrow's
    #[arg(long, group = "only")]
    pub(crate) decoders_only: bool,
    /// Measure only how long the recorded queries take to plan
    #[arg(long, group = "only")]
    pub(crate) planning_only: bool,
}
