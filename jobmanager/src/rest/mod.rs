//! REST under Flink's paths, each with and without `/v1`: field names and types as Flink 1.20 has them, figures in Irmak's own
//! `irmak` objects, errors as `{"errors": ["a sentence"]}`. What is no REST path is a file of the page.
//!
//! Every answer is a pure function of what the actor shows ([`asked::read`]); two calls change something ([`control`]). Knows nothing
//! of gRPC, which shares the port.

mod asked;
mod checkpoints;
mod cluster;
mod control;
mod exceptions;
mod facts;
mod flow;
pub(crate) mod guard;
mod jobs;
pub(crate) mod measured;
mod metrics;
pub(crate) mod refused;
mod statistics;
mod task_managers;
#[cfg(test)]
pub(crate) mod tests;
mod vertices;

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post};

use self::asked::read;
use self::facts::Facts;
use self::refused::Refused;
use crate::actor::Handle;
use crate::config::JobManagerConfig;
use crate::ui;

/// What every handler has at hand.
#[derive(Clone)]
struct Rest {
    actor: Handle,
    facts: Arc<Facts>,
}

/// The routes, to be merged with those of gRPC. Claims `/` and every path that nobody else does; sets no fallback.
pub(crate) fn router(actor: Handle, config: &JobManagerConfig) -> Router {
    let rest = Rest { actor, facts: Arc::new(Facts::new(config)) };
    Router::new()
        .merge(api())
        .nest("/v1", api())
        .route("/", get(ui::index))
        .route("/{*path}", any(ui::file))
        .method_not_allowed_fallback(other_method)
        .layer(from_fn_with_state(rest.clone(), guard::check))
        .with_state(rest)
}

async fn other_method(method: Method, uri: Uri) -> Refused {
    Refused::new(StatusCode::METHOD_NOT_ALLOWED, format!("{method} means nothing at {}", uri.path()))
}

fn api() -> Router<Rest> {
    Router::new()
        .route("/overview", read(cluster::overview))
        .route("/config", read(cluster::dashboard))
        .route("/jars", read(cluster::jars))
        .route("/jobmanager/config", read(cluster::configuration))
        .route("/jobmanager/environment", read(cluster::environment))
        .route("/jobmanager/metrics", read(metrics::of_job_manager))
        .route("/taskmanagers", read(task_managers::list))
        .route("/taskmanagers/metrics", read(metrics::over_task_managers))
        .route("/taskmanagers/{manager}", read(task_managers::details))
        .route("/taskmanagers/{manager}/metrics", read(metrics::of_task_manager))
        .route("/jobs", read(jobs::ids))
        .route("/jobs/overview", read(jobs::overview))
        .route("/jobs/metrics", read(metrics::over_jobs))
        .route("/jobs/{job}", read(jobs::details).patch(control::cancel).delete(control::cancel))
        .nest("/jobs/{job}", of_job())
        .nest("/jobs/{job}/checkpoints", of_checkpoints())
        .route("/jobs/{job}/vertices/{vertex}", read(vertices::details))
        .nest("/jobs/{job}/vertices/{vertex}", of_vertex())
        .nest("/jobs/{job}/vertices/{vertex}/subtasks", of_subtasks())
}

fn of_job() -> Router<Rest> {
    Router::new()
        .route("/stop", post(control::stop))
        .route("/plan", read(jobs::plan))
        .route("/config", read(jobs::configuration))
        .route("/status", read(jobs::status))
        .route("/metrics", read(metrics::of_job))
        .route("/accumulators", read(jobs::accumulators))
        .route("/execution-result", read(jobs::execution_result))
        .route("/exceptions", read(exceptions::of_job))
        .route("/checkpoints", read(checkpoints::statistics))
        .route("/jobmanager/config", read(cluster::configuration))
        .route("/jobmanager/environment", read(cluster::environment))
}

fn of_checkpoints() -> Router<Rest> {
    Router::new()
        .route("/config", read(checkpoints::configuration))
        .route("/details/{checkpoint}", read(checkpoints::details))
        .route("/details/{checkpoint}/subtasks/{vertex}", read(checkpoints::subtasks))
}

fn of_vertex() -> Router<Rest> {
    Router::new()
        .route("/metrics", read(metrics::of_vertex))
        .route("/jm-operator-metrics", read(metrics::of_coordinators))
        .route("/watermarks", read(vertices::watermarks))
        .route("/backpressure", read(vertices::backpressure))
        .route("/subtasktimes", read(vertices::times))
        .route("/taskmanagers", read(vertices::task_managers))
        .route("/accumulators", read(vertices::accumulators))
}

fn of_subtasks() -> Router<Rest> {
    Router::new()
        .route("/metrics", read(metrics::over_subtasks))
        .route("/accumulators", read(vertices::subtask_accumulators))
        .route("/{subtask}", read(vertices::subtask))
        .route("/{subtask}/metrics", read(metrics::of_subtask))
        .route("/{subtask}/attempts/{attempt}", read(vertices::attempt))
        .route("/{subtask}/attempts/{attempt}/accumulators", read(vertices::attempt_accumulators))
}
