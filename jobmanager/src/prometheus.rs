//! The JobManager's figures for Prometheus, under Flink's names, on a port of their own.

use std::fmt::Write;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use irmak_runtime::config::{ConfigError, Configuration, keys};
use irmak_runtime::shutdown::Shutdown;
use tokio::net::TcpListener;

use crate::actor::{Handle, View};
use crate::config::JobManagerConfig;
use crate::rest::measured::{Metric, of_job, of_job_manager};

/// `metrics.reporter.prom.port` as ports to try in order; none: switched off. One port means itself and its successors: several
/// daemons of one machine share a configuration.
///
/// # Errors
/// What is neither a port, a range, nor `off`.
pub(crate) fn ports(config: &JobManagerConfig) -> Result<Vec<u16>, ConfigError> {
    let mut given = Configuration::default();
    config.configuration.iter().for_each(|(key, value)| given.set(key, value));
    let text = given.get(&keys::PROMETHEUS_PORT)?;
    if text == "0" || text.eq_ignore_ascii_case("off") {
        return Ok(Vec::new());
    }
    let bad = |reason: String| ConfigError::Value {
        key: keys::PROMETHEUS_PORT.name.to_owned(),
        value: text.clone(),
        reason,
        accepts: keys::PROMETHEUS_PORT.accepts,
    };
    let port = |text: &str| text.trim().parse::<u16>().map_err(|error| bad(error.to_string()));
    let (first, last) = match text.split_once('-') {
        Some((first, last)) => (port(first)?, port(last)?),
        None => port(&text).map(|first| (first, first.saturating_add(31)))?,
    };
    if first > last || first == 0 { Err(bad("the range is empty".to_owned())) } else { Ok((first..=last).collect()) }
}

/// Serves the page on the first free of `ports`, at the address that REST is bound to; a warning if none is.
pub(crate) async fn serve(actor: Handle, rest_address: String, ports: Vec<u16>, shutdown: Shutdown) {
    let Some(first) = ports.first().copied() else { return };
    let host = rest_address.rsplit_once(':').map_or("localhost", |(host, _)| host).trim_matches(['[', ']']);
    let Some(listener) = bind(host, &ports).await else {
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

async fn bind(host: &str, ports: &[u16]) -> Option<TcpListener> {
    for port in ports {
        if let Ok(listener) = TcpListener::bind((host, *port)).await {
            return Some(listener);
        }
    }
    None
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
    use crate::rest::tests::world::{World, config};

    fn ports_of(text: &str) -> Result<Vec<u16>, String> {
        let mut config = config(std::path::Path::new("/"));
        config.configuration.insert("metrics.reporter.prom.port".to_owned(), text.to_owned());
        ports(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn ports_are_a_port_a_range_or_none() {
        assert_eq!(ports_of("9250-9252").unwrap(), [9250, 9251, 9252]);
        assert_eq!(ports_of("9249").unwrap().len(), 32);
        assert!(ports_of("off").unwrap().is_empty() && ports_of("0").unwrap().is_empty());
        assert!(ports_of("9300-9200").unwrap_err().contains("the range is empty"));
    }

    #[test]
    fn the_page_has_flinks_names_and_the_jobs_labels() {
        let world = World::restarted();
        let page = page(&View { core: &world.core, now: world.now });
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

    #[tokio::test]
    async fn a_busy_port_passes_the_turn_to_the_next() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let free = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let ports = [taken.local_addr().unwrap().port(), free.local_addr().unwrap().port()];
        drop(free);
        assert_eq!(bind("127.0.0.1", &ports).await.unwrap().local_addr().unwrap().port(), ports[1]);
        assert!(bind("127.0.0.1", &ports[..1]).await.is_none());
    }
}
