//! Metrics for Prometheus, under Flink's names, on a port of their own.
//!
//! Text format 0.0.4. The port serves one page to GET and nothing else; connections are few and short.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use irmak_runtime::address::bind_first;
use irmak_runtime::shutdown::Shutdown;
use irmak_runtime::tasks;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::host;
use crate::roster::{Member, Roster};

/// Scrapers at a time.
const CONNECTIONS_MAX: usize = 16;
/// Bytes of a request that are read.
const REQUEST_BYTES_MAX: usize = 8 << 10;
const REQUEST_WAIT: Duration = Duration::from_secs(5);

/// Serves the page on the first free of `ports`; a warning if none is.
pub(crate) async fn serve(bind_host: String, ports: Vec<u16>, host: String, roster: Arc<Roster>, shutdown: Shutdown) {
    let Some(first) = ports.first().copied() else { return };
    let Some(listener) = bind_first(&bind_host, &ports).await else {
        tracing::warn!("no Prometheus metrics: port {first} of {bind_host} and its successors are in use (`metrics.reporter.prom.port`)");
        return;
    };
    if let Ok(address) = listener.local_addr() {
        tracing::info!("Prometheus metrics on http://{address}/metrics");
    }
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.wait() => return,
        };
        let Ok((stream, _)) = accepted else {
            // Out of file handles, most likely: others need them more.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let Ok(permit) = permits.clone().try_acquire_owned() else { continue };
        let (roster, host) = (roster.clone(), host.clone());
        tasks::spawn("prometheus", async move {
            let _ = tokio::time::timeout(REQUEST_WAIT, answer(stream, &roster, &host)).await;
            drop(permit);
        });
    }
}

async fn answer(mut stream: TcpStream, roster: &Roster, host: &str) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut part = [0; 1_024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < REQUEST_BYTES_MAX {
        match stream.read(&mut part).await? {
            0 => return Ok(()),
            read => request.extend_from_slice(&part[..read]),
        }
    }
    let (status, body) = match request.starts_with(b"GET ") {
        true => ("200 OK", page(&roster.all(), host)),
        false => ("405 Method Not Allowed", "GET is accepted\n".to_owned()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

/// A figure of every task: Flink's name, its type, and its value.
type Figure = (&'static str, &'static str, fn(&irmak_common::metrics::TaskMetrics) -> Option<f64>);

const FIGURES: &[Figure] = &[
    ("numRecordsIn", "counter", |metrics| Some(metrics.records_in as f64)),
    ("numRecordsOut", "counter", |metrics| Some(metrics.records_out as f64)),
    ("numBytesIn", "counter", |metrics| Some(metrics.bytes_in as f64)),
    ("numBytesOut", "counter", |metrics| Some(metrics.bytes_out as f64)),
    ("accumulateBusyTimeMs", "counter", |metrics| Some(metrics.busy_ms as f64)),
    ("accumulateBackPressuredTimeMs", "counter", |metrics| Some(metrics.backpressured_ms as f64)),
    ("accumulateIdleTimeMs", "counter", |metrics| Some(metrics.idle_ms as f64)),
    ("currentInputWatermark", "gauge", |metrics| metrics.watermark.map(|at| at as f64)),
    ("numLateRecordsDropped", "counter", |metrics| Some(metrics.late_records as f64)),
    ("numRecordsSkipped", "counter", |metrics| Some(metrics.skipped_records as f64)),
    ("pendingRecords", "gauge", |metrics| metrics.pending_records.map(|rows| rows as f64)),
];

/// The page.
pub(crate) fn page(members: &[Member], host: &str) -> String {
    let mut page = String::new();
    let mut put = |line: std::fmt::Arguments<'_>| {
        // Writing to a String cannot fail.
        let _ = page.write_fmt(line);
    };
    put(format_args!("# TYPE flink_taskmanager_Status_Memory_Used gauge\n"));
    put(format_args!("flink_taskmanager_Status_Memory_Used{{host=\"{}\"}} {}\n", escape(host), host::memory_used_bytes()));
    let read: Vec<_> = members.iter().map(|member| (labels(member, host), member.control.gauges.read())).collect();
    for (name, kind, figure) in FIGURES {
        put(format_args!("# TYPE flink_taskmanager_job_task_{name} {kind}\n"));
        for (labels, metrics) in &read {
            if let Some(value) = figure(metrics) {
                put(format_args!("flink_taskmanager_job_task_{name}{{{labels}}} {value}\n"));
            }
        }
    }
    page
}

fn labels(member: &Member, host: &str) -> String {
    let attempt = member.control.attempt;
    format!(
        "host=\"{}\",job_id=\"{}\",job_name=\"{}\",task_id=\"{}\",task_name=\"{}\",subtask_index=\"{}\",task_attempt_num=\"{}\"",
        escape(host),
        attempt.job,
        escape(&member.job_name),
        attempt.subtask.vertex,
        escape(&member.vertex_name),
        attempt.subtask.index,
        attempt.attempt
    )
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use irmak_common::id::{AttemptId, JobId, SubtaskId, VertexId};
    use irmak_common::time::Watermark;

    use super::*;
    use crate::lease::Lease;
    use crate::task::control::Control;

    #[tokio::test]
    async fn the_page_has_flinks_names_and_escaped_labels() {
        let subtask = SubtaskId { vertex: VertexId::of_text("v"), index: 1 };
        let attempt = AttemptId { job: JobId::of_text("j"), subtask, attempt: 2 };
        let lease = Arc::new(Lease::new(Instant::now(), Duration::from_secs(10)));
        let control = Arc::new(Control::new(attempt, 0, lease, tokio::runtime::Handle::current()));
        control.gauges.count_in(7, 70);
        control.gauges.set_watermark(Watermark(5));
        let member = Member { control, job_name: "insert \"x\"".to_owned(), vertex_name: "Source: t[1]".to_owned() };
        let page = page(&[member], "tm");
        let line = page.lines().find(|line| line.starts_with("flink_taskmanager_job_task_numRecordsIn{")).unwrap();
        assert!(line.contains("job_name=\"insert \\\"x\\\"\"") && line.contains("subtask_index=\"1\"") && line.ends_with("} 7"), "{line}");
        assert!(page.contains("# TYPE flink_taskmanager_job_task_currentInputWatermark gauge"));
    }
}
