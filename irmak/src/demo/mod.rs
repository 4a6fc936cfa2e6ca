//! `irmak demo`: the reference job on a cluster of real processes, with a Kafka protocol broker and a producer in this one.
//!
//! The broker is librdkafka's mock cluster: no Java, no container. Event time runs faster than the clock, so that 2-minute windows
//! close every few seconds. Everything that is started ends with this process; only the output folder stays.

mod check;
mod children;
mod job;
pub(crate) mod listings;
pub(crate) mod producer;
mod watch;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use irmak_runtime::shutdown::Shutdown;
use irmak_runtime::telemetry;
use irmak_submitter::args::key_value;
use rdkafka::mocking::MockCluster;

use crate::Failure;
use children::Children;

/// `irmak demo`
#[derive(Clone, Debug, Args)]
pub(crate) struct DemoArgs {
    /// Send a fixed number of rows, wait for the job to finish, check its output, and say in one line whether it is right
    #[arg(long)]
    once: bool,
    /// With --once: how many rows
    #[arg(long, value_name = "N", default_value = "5280", value_parser = clap::value_parser!(u64).range(1..=90_000))]
    rows: u64,
    /// Seconds of event time in a second of the clock
    #[arg(long, value_name = "FACTOR", default_value = "40", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    speed: u32,
    /// Where the CSV files go
    #[arg(long, value_name = "DIR", default_value = "out_data/demo")]
    output: PathBuf,
    /// Partitions of the topic
    #[arg(long, value_name = "N", default_value = "4", value_parser = clap::value_parser!(i32).range(1..=64))]
    partitions: i32,
    /// A configuration key for the cluster's processes
    #[arg(short = 'D', value_name = "KEY=VALUE", value_parser = key_value)]
    configuration: Vec<(String, String)>,
}

/// Runs the demo until it is done (`--once`) or interrupted.
pub(crate) fn demo(args: DemoArgs) -> Result<ExitCode, Failure> {
    telemetry::init("error");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let shutdown = Shutdown::new();
        shutdown.on_signals()?;
        run(args, shutdown).await
    })
}

async fn run(args: DemoArgs, shutdown: Shutdown) -> Result<ExitCode, Failure> {
    let output = prepare(&args.output)?;
    let broker = MockCluster::new(1).map_err(|error| Failure::new(format!("the demo's Kafka broker does not start: {error}")))?;
    broker
        .create_topic(listings::TOPIC, args.partitions, 1)
        .map_err(|error| Failure::new(format!("the demo's topic cannot be made: {error}")))?;
    let servers = broker.bootstrap_servers();

    let cluster = Children::start(&args.configuration).await?;
    println!("dashboard   http://127.0.0.1:{}", cluster.rest_port);
    println!("output      {}", output.display());
    println!("broker      {servers} (topic {}, {} partitions)", listings::TOPIC, args.partitions);

    let sql = job::sql(&servers, &output, args.once);
    let outcome = if args.once {
        once(&args, &cluster, &servers, &sql, &output, &shutdown).await
    } else {
        forever(&args, &cluster, &servers, &sql, &output, &shutdown).await
    };
    cluster.stop().await;
    drop(broker);
    outcome
}

async fn once(
    args: &DemoArgs,
    cluster: &Children,
    servers: &str,
    sql: &str,
    output: &std::path::Path,
    shutdown: &Shutdown,
) -> Result<ExitCode, Failure> {
    producer::send(servers, 0..args.rows, args.partitions).await?;
    println!("sent        {} rows", args.rows);
    let job = job::submit(cluster.rest_port, sql).await?;
    println!("job         {job}");
    let ended = tokio::select! {
        ended = watch::until_ended(cluster.rest_port, &job) => ended?,
        () = shutdown.wait() => return Err(Failure::new("interrupted before the job ended")),
    };
    let verdict = check::compare(output, args.rows)?;
    println!("{}", verdict.summary(&ended));
    Ok(if verdict.holds() && ended == "FINISHED" { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn forever(
    args: &DemoArgs,
    cluster: &Children,
    servers: &str,
    sql: &str,
    output: &std::path::Path,
    shutdown: &Shutdown,
) -> Result<ExitCode, Failure> {
    let producing = producer::produce(servers.to_owned(), args.speed, args.partitions, shutdown.clone())?;
    let job = job::submit(cluster.rest_port, sql).await?;
    println!("job         {job}");
    println!("Ctrl-C ends everything; the output folder stays.\n");
    tokio::select! {
        ended = watch::show(cluster.rest_port, &job, output, &producing) => ended?,
        () = shutdown.wait() => {}
    }
    println!("\nstopping");
    Ok(ExitCode::SUCCESS)
}

/// The output folder, absolute, without the files of an earlier demo.
fn prepare(folder: &std::path::Path) -> Result<PathBuf, Failure> {
    let named = |error: std::io::Error| {
        Failure::new(format!("the output folder {} cannot be used: {error}; name another with --output", folder.display()))
    };
    std::fs::create_dir_all(folder).map_err(named)?;
    for entry in std::fs::read_dir(folder).map_err(named)? {
        let path = entry.map_err(named)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with("part-") || name.starts_with(".part-") {
            std::fs::remove_file(&path).map_err(named)?;
        }
    }
    folder.canonicalize().map_err(named)
}
