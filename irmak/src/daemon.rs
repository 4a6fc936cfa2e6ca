//! Starting daemons: configuration in, a running JobManager or TaskManager until a signal, an exit code out.

use std::process::ExitCode;

use irmak_jobmanager::JobManagerConfig;
use irmak_runtime::config::{Configuration, keys};
use irmak_runtime::shutdown::Shutdown;
use irmak_runtime::telemetry;
use irmak_taskmanager::TaskManagerConfig;
use tokio::runtime::Runtime;

use crate::cluster::LocalCluster;
use crate::{DaemonArgs, Failure, LocalArgs, parent};

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

pub(crate) fn tokio_runtime(config: &Configuration) -> Result<Runtime, Failure> {
    let threads = config.get(&keys::IO_THREADS)? as usize;
    Ok(tokio::runtime::Builder::new_multi_thread().worker_threads(threads).thread_name("irmak-io").enable_all().build()?)
}
