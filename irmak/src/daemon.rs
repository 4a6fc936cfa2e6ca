//! Starting daemons: configuration in, a running JobManager or TaskManager until a signal, an exit code out.

use std::process::ExitCode;

use irmak_jobmanager::JobManagerConfig;
use irmak_runtime::config::{Configuration, keys};
use irmak_runtime::shutdown::Shutdown;
use irmak_runtime::telemetry;
use irmak_submitter::{RunArgs, Verb};
use irmak_taskmanager::TaskManagerConfig;
use tokio::runtime::Runtime;

use crate::cluster::LocalCluster;
use crate::{DaemonArgs, Failure, LocalArgs, finish, parent};

/// Slots of the cluster that `irmak run -t local` starts: a slot costs nothing until it is used, and a script may start several jobs.
const LOCAL_SLOTS: u32 = 256;

/// `irmak jobmanager`
pub(crate) fn jobmanager(args: &DaemonArgs) -> Result<ExitCode, Failure> {
    let config = configuration(&args.configuration)?;
    let (runtime, shutdown) = start(args, &config)?;
    let config = JobManagerConfig::from_configuration(&config)?;
    runtime.block_on(irmak_jobmanager::run(config, shutdown))?;
    Ok(ExitCode::SUCCESS)
}

/// `irmak taskmanager`
pub(crate) fn taskmanager(args: &DaemonArgs) -> Result<ExitCode, Failure> {
    let config = configuration(&args.configuration)?;
    let (runtime, shutdown) = start(args, &config)?;
    let config = TaskManagerConfig::from_configuration(&config)?;
    runtime.block_on(irmak_taskmanager::run(config, shutdown))?;
    Ok(ExitCode::SUCCESS)
}

/// `irmak local`
pub(crate) fn local(args: &LocalArgs) -> Result<ExitCode, Failure> {
    let config = configuration(&args.daemon.configuration)?;
    let (runtime, shutdown) = start(&args.daemon, &config)?;
    runtime.block_on(async {
        let cluster = LocalCluster::start(&config, args.taskmanagers, &shutdown).await?;
        eprintln!("dashboard and REST on http://{}; submit with: irmak run -m {} FILE", cluster.rest(), cluster.rest());
        cluster.wait().await
    })?;
    Ok(ExitCode::SUCCESS)
}

/// `irmak run -t local`: a cluster on free ports with data that is gone afterwards, and the verb against it.
pub(crate) fn run_local(mut args: RunArgs) -> Result<ExitCode, Failure> {
    let data = tempfile::Builder::new().prefix("irmak-local-").tempdir()?;
    let (mut config, warnings) = Configuration::load(&args.configuration)?;
    warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    let dir = data.path().display();
    for (key, value) in [
        (keys::REST_PORT.name, "0".to_owned()),
        (keys::JOBMANAGER_PORT.name, "0".to_owned()),
        (keys::PROMETHEUS_PORT.name, "off".to_owned()),
        (keys::DATA_DIR.name, format!("{dir}/jobmanager")),
        (keys::TASK_SLOTS.name, LOCAL_SLOTS.to_string()),
    ] {
        config.set(key, value);
    }
    if config.find(&keys::CHECKPOINTS_DIR)?.is_none() {
        config.set(keys::CHECKPOINTS_DIR.name, format!("file://{dir}/checkpoints"));
    }
    let runtime = tokio_runtime(&config)?;
    let outcome = runtime.block_on(async {
        let shutdown = Shutdown::new();
        shutdown.on_signals()?;
        let cluster = LocalCluster::start(&config, 1, &shutdown).await?;
        args.cluster.jobmanager = cluster.rest().to_string();
        let outcome = tokio::select! {
            outcome = irmak_submitter::execute(Verb::Run(args)) => finish(outcome),
            () = shutdown.wait() => Err(Failure { message: "interrupted".to_owned(), code: 130 }),
        };
        shutdown.trigger();
        cluster.wait().await?;
        outcome
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    outcome
}

fn configuration(dynamic: &[(String, String)]) -> Result<Configuration, Failure> {
    telemetry::init("info");
    let (config, warnings) = Configuration::load(dynamic)?;
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    Ok(config)
}

fn start(args: &DaemonArgs, config: &Configuration) -> Result<(Runtime, Shutdown), Failure> {
    let (runtime, shutdown) = (tokio_runtime(config)?, Shutdown::new());
    let entered = runtime.enter();
    shutdown.on_signals()?;
    drop(entered);
    if args.with_parent {
        parent::follow(&shutdown)?;
    }
    Ok((runtime, shutdown))
}

fn tokio_runtime(config: &Configuration) -> Result<Runtime, Failure> {
    let threads = config.get(&keys::IO_THREADS)? as usize;
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(threads).thread_name("irmak-io").enable_all().build()?)
}
