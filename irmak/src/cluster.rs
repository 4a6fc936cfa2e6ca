//! A JobManager and TaskManagers inside this process: the same daemons, over loopback.

use std::net::SocketAddr;

use irmak_jobmanager::{Bound, JobManagerConfig};
use irmak_runtime::config::{Configuration, keys};
use irmak_runtime::shutdown::Shutdown;
use irmak_runtime::tasks;
use irmak_taskmanager::TaskManagerConfig;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::Failure;

/// A running cluster. It ends with the shutdown that it was started with, or when one of its daemons fails.
pub(crate) struct LocalCluster {
    bound: Bound,
    daemons: Vec<JoinHandle<Result<(), Failure>>>,
}

impl LocalCluster {
    /// Starts all; on return the JobManager listens and the TaskManagers are on their way.
    pub(crate) async fn start(config: &Configuration, task_managers: u32, shutdown: &Shutdown) -> Result<Self, Failure> {
        let (tell, bound) = oneshot::channel();
        let jobmanager = JobManagerConfig::from_configuration(config)?;
        let jobmanager = spawn("jobmanager", shutdown, irmak_jobmanager::run_and_tell(jobmanager, shutdown.clone(), tell));
        let Ok(bound) = bound.await else {
            // Nothing listens: the JobManager says why.
            return match jobmanager.await? {
                Err(failure) => Err(failure),
                Ok(()) => Err(Failure::new("the JobManager ended at its start")),
            };
        };
        let mut daemons = vec![jobmanager];
        let mut config = config.clone();
        config.set(keys::JOBMANAGER_ADDRESS.name, bound.rpc.ip().to_string());
        config.set(keys::JOBMANAGER_PORT.name, bound.rpc.port().to_string());
        for _ in 0..task_managers {
            let config = TaskManagerConfig::from_configuration(&config)?;
            daemons.push(spawn("taskmanager", shutdown, irmak_taskmanager::run(config, shutdown.clone())));
        }
        Ok(Self { bound, daemons })
    }

    /// Where REST, page and submission are.
    pub(crate) fn rest(&self) -> SocketAddr {
        self.bound.rest
    }

    /// Waits for the end of all; the first failure is the cluster's.
    pub(crate) async fn wait(self) -> Result<(), Failure> {
        for daemon in self.daemons {
            daemon.await??;
        }
        Ok(())
    }
}

fn spawn<E>(
    name: &'static str,
    shutdown: &Shutdown,
    daemon: impl Future<Output = Result<(), E>> + Send + 'static,
) -> JoinHandle<Result<(), Failure>>
where
    E: Into<Failure> + Send + 'static,
{
    let shutdown = shutdown.clone();
    tasks::spawn(name, async move {
        let outcome = daemon.await.map_err(Into::into);
        shutdown.trigger();
        outcome
    })
}
