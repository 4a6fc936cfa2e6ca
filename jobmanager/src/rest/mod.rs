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
mod guard;
mod jobs;
pub(crate) mod refused;
mod statistics;
mod task_managers;
#[cfg(test)]
mod tests;

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
    let one_job = read(jobs::details).patch(control::cancel).delete(control::cancel);
    Router::new()
        .route("/overview", read(cluster::overview))
        .route("/config", read(cluster::dashboard))
        .route("/jars", read(cluster::jars))
        .route("/jobmanager/config", read(cluster::configuration))
        .route("/jobmanager/environment", read(cluster::environment))
        .route("/jobs", read(jobs::ids))
        .route("/jobs/overview", read(jobs::overview))
        .route("/jobs/{job}", one_job)
        .route("/jobs/{job}/stop", post(control::stop))
        .route("/jobs/{job}/plan", read(jobs::plan))
        .route("/jobs/{job}/config", read(jobs::configuration))
        .route("/jobs/{job}/status", read(jobs::status))
        .route("/jobs/{job}/accumulators", read(jobs::accumulators))
        .route("/jobs/{job}/execution-result", read(jobs::execution_result))
        .route("/jobs/{job}/exceptions", read(exceptions::of_job))
        .route("/jobs/{job}/checkpoints", read(checkpoints::statistics))
        .route("/jobs/{job}/checkpoints/config", read(checkpoints::configuration))
        .route("/jobs/{job}/checkpoints/details/{checkpoint}", read(checkpoints::details))
        .route("/jobs/{job}/checkpoints/details/{checkpoint}/subtasks/{vertex}", read(checkpoints::subtasks))
        .route("/taskmanagers", read(task_managers::list))
        .route("/taskmanagers/{manager}", read(task_managers::details))
}
