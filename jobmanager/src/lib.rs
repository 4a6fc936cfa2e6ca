//! The JobManager: takes scripts, schedules their jobs onto TaskManagers, keeps them going, and shows them.
//!
//! A daemon as a library: [`run`] lives until shutdown and may be started several times in one process. Decisions are made in
//! [`core`], which is pure; the rest carries them out: [`actor`] owns the core, [`journal`] remembers, `service` and `jobs` speak gRPC.

#![allow(clippy::result_large_err, reason = "every answer of a gRPC service is a Result of tonic's large Status")]

pub mod core;

pub mod actor;
pub mod collect;
pub mod config;
pub mod error;
pub mod journal;
pub mod refusals;

mod checkpoints;
mod jobs;
mod progress;
mod prometheus;
mod rest;
mod service;
mod steady;
mod ui;
pub mod wire;

use std::net::SocketAddr;
use std::sync::Arc;

use irmak_common::limits::{FRAME_BYTES_MAX, SCRIPT_BYTES_MAX};
use irmak_proto::v1::job_manager_server::JobManagerServer;
use irmak_proto::v1::jobs_server::JobsServer;
use irmak_runtime::shutdown::Shutdown;
use irmak_runtime::tasks;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_stream::wrappers::TcpListenerStream;

pub use config::JobManagerConfig;
pub use error::JobManagerError;

/// Where a JobManager listens.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// REST, page and submission.
    pub rest: SocketAddr,
    /// The TaskManagers' streams.
    pub rpc: SocketAddr,
}

/// Runs a JobManager until shutdown.
///
/// # Errors
/// A port in use, a journal that cannot be opened.
pub async fn run(config: JobManagerConfig, shutdown: Shutdown) -> Result<(), JobManagerError> {
    let (bound, _) = oneshot::channel();
    run_and_tell(config, shutdown, bound).await
}

/// The same; says where it listens as soon as it does.
///
/// # Errors
/// As [`run`].
pub async fn run_and_tell(config: JobManagerConfig, shutdown: Shutdown, bound: oneshot::Sender<Bound>) -> Result<(), JobManagerError> {
    let rest = listen(&config.rest_address, "rest.port").await?;
    let rpc = listen(&config.rpc_address, "jobmanager.rpc.port").await?;
    let actor = actor::start(config.settings.clone(), config.heartbeat, &config.data_dir, &shutdown)?;
    let address = |listener: &TcpListener, of: &str| {
        listener.local_addr().map_err(|error| JobManagerError::Served { address: of.to_owned(), reason: error.to_string() })
    };
    let addresses = Bound { rest: address(&rest, &config.rest_address)?, rpc: address(&rpc, &config.rpc_address)? };
    tracing::info!(
        "JobManager {} listens on {} (REST, dashboard, submission) and {} (TaskManagers)",
        env!("CARGO_PKG_VERSION"),
        addresses.rest,
        addresses.rpc
    );
    let _ = bound.send(addresses);

    tasks::spawn(
        "prometheus",
        prometheus::serve(actor.clone(), config.rest_address.clone(), config.prometheus_ports.clone(), shutdown.clone()),
    );
    let streams = tasks::spawn("task-managers", serve_streams(rpc, actor.clone(), shutdown.clone()));
    let jobs = jobs::Jobs {
        actor: actor.clone(),
        configuration: Arc::new(config.configuration.clone()),
        roots: config.roots.clone(),
        checkpoint_dir: config.settings.checkpoint_dir.clone(),
    };
    let jobs = JobsServer::new(jobs).max_decoding_message_size(SCRIPT_BYTES_MAX + (64 << 10)).max_encoding_message_size(FRAME_BYTES_MAX);
    let submission = tonic::service::Routes::new(jobs).into_axum_router().layer(axum::middleware::from_fn(rest::guard::no_page));
    let router = rest::router(actor, &config).merge(submission);
    let waits = shutdown.clone();
    let served = axum::serve(rest, router).with_graceful_shutdown(async move { waits.wait().await });
    let outcome = tokio::select! {
        served = std::future::IntoFuture::into_future(served) => served.map_err(|error| error.to_string()),
        // Open streams (watchers) would keep a graceful server for ever.
        () = async { shutdown.wait().await; tokio::time::sleep(std::time::Duration::from_millis(200)).await } => Ok(()),
    };
    shutdown.trigger();
    let _ = tokio::time::timeout(std::time::Duration::from_secs(1), streams).await;
    outcome.map_err(|reason| JobManagerError::Served { address: addresses.rest.to_string(), reason })
}

async fn listen(address: &str, key: &'static str) -> Result<TcpListener, JobManagerError> {
    TcpListener::bind(address).await.map_err(|source| JobManagerError::Bind { address: address.to_owned(), key, source })
}

async fn serve_streams(listener: TcpListener, actor: actor::Handle, shutdown: Shutdown) {
    let service = JobManagerServer::new(service::TaskManagers { actor })
        .max_decoding_message_size(FRAME_BYTES_MAX)
        .max_encoding_message_size(FRAME_BYTES_MAX);
    let server = tonic::transport::Server::builder().tcp_nodelay(true).add_service(service);
    let served = server.serve_with_incoming_shutdown(TcpListenerStream::new(listener), shutdown.wait());
    if let Err(error) = served.await {
        tracing::error!("the TaskManagers' port is closed: {error}");
        shutdown.trigger();
    }
}
