//! What a person sees while the demo runs: a line of progress now and then, and the first rows when they become visible.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use irmak_proto::v1;
use irmak_proto::v1::jobs_client::JobsClient;
use tokio_stream::StreamExt;

use super::check::visible_files;
use super::listings::{event_seconds, timestamp};
use crate::Failure;

const FIRST_ROWS: usize = 5;
const EVERY: Duration = Duration::from_secs(3);

/// The state that the job ended in; an error when nobody can say.
pub(super) async fn until_ended(rest_port: u16, job: &str) -> Result<String, Failure> {
    let mut client = JobsClient::connect(format!("http://127.0.0.1:{rest_port}")).await?;
    let mut stream = client.watch(v1::WatchRequest { job_id: job.to_owned() }).await?.into_inner();
    while let Some(progress) = stream.next().await {
        let progress = progress?;
        if matches!(progress.state.as_str(), "FINISHED" | "FAILED" | "CANCELED") {
            if !progress.message.is_empty() {
                eprintln!("{}", progress.message);
            }
            return Ok(progress.state);
        }
    }
    Err(Failure::new("the JobManager went away before the job ended"))
}

/// Shows progress until the job ends, which it does only when something is wrong.
pub(super) async fn show(rest_port: u16, job: &str, output: &Path, sent: &Arc<AtomicU64>) -> Result<(), Failure> {
    let mut client = JobsClient::connect(format!("http://127.0.0.1:{rest_port}")).await?;
    let mut stream = client.watch(v1::WatchRequest { job_id: job.to_owned() }).await?.into_inner();
    let mut shown_rows = false;
    let mut last = tokio::time::Instant::now() - EVERY;
    while let Some(progress) = stream.next().await {
        let progress = progress?;
        if matches!(progress.state.as_str(), "FINISHED" | "FAILED" | "CANCELED") {
            return Err(Failure::new(format!("the job {}: {}", progress.state.to_lowercase(), progress.message)));
        }
        if !shown_rows {
            shown_rows = show_first_rows(output)?;
        }
        if last.elapsed() >= EVERY {
            last = tokio::time::Instant::now();
            println!("{}", line(&progress, output, sent.load(Ordering::Relaxed))?);
        }
    }
    Err(Failure::new("the JobManager went away"))
}

fn line(progress: &v1::JobProgress, output: &Path, sent: u64) -> Result<String, Failure> {
    let files = visible_files(output)?;
    let rows: usize = files
        .iter()
        .map(|path| std::fs::read(path).map(|bytes| bytes.iter().filter(|byte| **byte == b'\n').count()))
        .sum::<Result<_, _>>()?;
    let event_time = timestamp(event_seconds(sent.saturating_sub(1)));
    let mut line = format!(
        "{}  event time {event_time}  sent {sent}  read {}  visible {rows} rows in {} files  checkpoints {}",
        progress.state,
        progress.records_in,
        files.len(),
        progress.checkpoints_completed
    );
    if !progress.message.is_empty() {
        line.push_str(&format!("  {}", progress.message));
    }
    Ok(line)
}

fn show_first_rows(output: &Path) -> Result<bool, Failure> {
    let Some(first) = visible_files(output)?.into_iter().next() else { return Ok(false) };
    println!("first rows, in {}:", first.display());
    std::fs::read_to_string(&first)?.lines().take(FIRST_ROWS).for_each(|row| println!("  {row}"));
    Ok(true)
}
