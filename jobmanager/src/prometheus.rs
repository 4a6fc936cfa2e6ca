//! The JobManager's figures for Prometheus, under Flink's names, on a port of their own.

use std::fmt::Write;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use irmak_runtime::address::bind_first;
use irmak_runtime::shutdown::Shutdown;

use crate::actor::{Handle, View};
use crate::rest::measured::{Metric, of_job, of_job_manager};

/// Serves the page on the first free of `ports`, at the address that REST is bound to; a warning if none is.
pub(crate) async fn serve(actor: Handle, rest_address: String, ports: Vec<u16>, shutdown: Shutdown) {
    let Some(first) = ports.first().copied() else { return };
    let host = rest_address.rsplit_once(':').map_or("localhost", |(host, _)| host).trim_matches(['[', ']']);
    let Some(listener) = bind_first(host, &ports).await else {
        tracing::warn!("no Prometheus metrics: port {first} of {host} and its successors are in use (`metrics.reporter.prom.port`)");
        return;
    };
    if let Ok(address) = listener.local_addr() {
        tracing::info!("Prometheus metrics on http://{address}/metrics");
    }
    let router = Router::new().route("/", get(answer)).route("/metrics", get(answer)).with_state(actor);
    let waits = shutdown.clone();
    // A scraper that keeps its connection open does not keep the daemon.
    let served = tokio::select! {
        served = std::future::IntoFuture::into_future(axum::serve(listener, router)) => served,
        () = waits.wait() => Ok(()),
    };
    if let Err(error) = served {
        tracing::warn!("no more Prometheus metrics: {error}");
    }
}

async fn answer(State(actor): State<Handle>) -> Response {
    match actor.look(page).await {
        Ok(page) => ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], page).into_response(),
        Err(status) => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", status.message())).into_response(),
    }
}

/// The page. Jobs that have ended are left out: their figures change no more.
fn page(view: &View<'_>) -> String {
    let mut page = String::new();
    for (name, value) in of_job_manager(view) {
        // Writing to a String cannot fail.
        let _ = writeln!(page, "# TYPE flink_jobmanager_{name} gauge\nflink_jobmanager_{name} {value}");
    }
    let jobs: Vec<(String, Vec<Metric>)> = view
        .core
        .jobs()
        .filter(|job| !job.status.is_terminal())
        .map(|job| (format!("job_id=\"{}\",job_name=\"{}\"", job.id, escape(&job.graph.name)), of_job(view, job)))
        .collect();
    let names = jobs.first().map(|(_, metrics)| metrics.as_slice()).unwrap_or_default();
    for (at, (name, _)) in names.iter().enumerate().filter(|(_, (_, value))| value.is_number()) {
        let _ = writeln!(page, "# TYPE flink_jobmanager_job_{name} gauge");
        for (labels, metrics) in &jobs {
            if let Some((_, value)) = metrics.get(at) {
                let _ = writeln!(page, "flink_jobmanager_job_{name}{{{labels}}} {value}");
            }
        }
    }
    page
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rest::tests::world::World;

    #[test]
    fn the_page_has_flinks_names_and_the_jobs_labels() {
        let world = World::restarted();
        let page = page(&View { core: &world.core, refusals: &world.refusals, now: world.now });
        for line in [
            "flink_jobmanager_numRunningJobs 1",
            "flink_jobmanager_taskSlotsTotal 3",
            "flink_jobmanager_taskSlotsAvailable 1",
            "flink_jobmanager_job_numRestarts{job_id=\"0000000000000000000000000000000a\",job_name=\"test\"} 1",
            "flink_jobmanager_job_numberOfCompletedCheckpoints{job_id=\"0000000000000000000000000000000a\",job_name=\"test\"} 2",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
        }
        assert!(!page.contains("ExternalPath"), "a text is no figure");
    }
}
