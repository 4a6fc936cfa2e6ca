//! The target `local`: a cluster inside this process, on free ports and with data that is gone afterwards, and a verb against it.

use std::path::Path;
use std::process::ExitCode;

use irmak_runtime::config::{Configuration, keys};
use irmak_runtime::shutdown::Shutdown;
use irmak_submitter::{RunArgs, SqlArgs, Verb};

use crate::cluster::LocalCluster;
use crate::{Failure, daemon, finish};

/// Slots of the cluster: one costs nothing until it is used, and a script may start several jobs.
const SLOTS: u32 = 256;

/// What Ctrl-C ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CtrlC {
    /// The process.
    All,
    /// Whatever the verb says.
    Verb,
}

/// `irmak run -t local`
pub(crate) fn run(mut args: RunArgs) -> Result<ExitCode, Failure> {
    let configuration = std::mem::take(&mut args.configuration);
    with_cluster(&configuration.clone(), CtrlC::All, |jobmanager| {
        args.configuration = configuration;
        args.cluster.jobmanager = jobmanager;
        Verb::Run(args)
    })
}

/// `irmak sql -t local`
pub(crate) fn sql(mut args: SqlArgs) -> Result<ExitCode, Failure> {
    let configuration = std::mem::take(&mut args.configuration);
    with_cluster(&configuration.clone(), CtrlC::Verb, |jobmanager| {
        args.configuration = configuration;
        args.cluster.jobmanager = jobmanager;
        Verb::Sql(args)
    })
}

fn with_cluster(dynamic: &[(String, String)], ctrl_c: CtrlC, verb: impl FnOnce(String) -> Verb) -> Result<ExitCode, Failure> {
    let data = tempfile::Builder::new().prefix("irmak-local-").tempdir()?;
    let config = configuration(dynamic, data.path())?;
    let runtime = daemon::tokio_runtime(&config)?;
    let outcome = runtime.block_on(async {
        let shutdown = Shutdown::new();
        match ctrl_c {
            CtrlC::All => shutdown.on_signals()?,
            CtrlC::Verb => shutdown.on_termination()?,
        }
        let cluster = LocalCluster::start(&config, 1, &shutdown).await?;
        let verb = verb(cluster.rest().to_string());
        let outcome = tokio::select! {
            outcome = irmak_submitter::execute(verb) => finish(outcome),
            () = shutdown.wait() => Err(Failure { message: "interrupted".to_owned(), code: 130 }),
        };
        shutdown.trigger();
        cluster.wait().await?;
        outcome
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    outcome
}

fn configuration(dynamic: &[(String, String)], data: &Path) -> Result<Configuration, Failure> {
    let (mut config, warnings) = Configuration::load(dynamic)?;
    warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    let dir = data.display();
    for (key, value) in [
        (keys::REST_PORT.name, "0".to_owned()),
        (keys::JOBMANAGER_PORT.name, "0".to_owned()),
        (keys::PROMETHEUS_PORT.name, "off".to_owned()),
        (keys::DATA_DIR.name, format!("{dir}/jobmanager")),
        (keys::TASK_SLOTS.name, SLOTS.to_string()),
    ] {
        config.set(key, value);
    }
    if config.find(&keys::CHECKPOINTS_DIR)?.is_none() {
        config.set(keys::CHECKPOINTS_DIR.name, format!("file://{dir}/checkpoints"));
    }
    Ok(config)
}
