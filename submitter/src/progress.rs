//! Staying with a job: one line of progress on standard error, rewritten on a terminal, every 10 s elsewhere.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use irmak_proto::v1;
use tokio_stream::StreamExt;

use crate::connect::Client;
use crate::error::SubmitterError;

const EVERY: Duration = Duration::from_secs(10);

/// Returns when the job has finished; an error when it ended otherwise.
pub(crate) async fn follow(client: &mut Client, job: &str) -> Result<(), SubmitterError> {
    let mut line = Line::new();
    loop {
        let mut stream = client.watch(v1::WatchRequest { job_id: job.to_owned() }).await?.into_inner();
        loop {
            match stream.next().await {
                Some(Ok(progress)) => {
                    line.show(&progress);
                    if let Some(end) = ended(job, &progress) {
                        line.close();
                        return end;
                    }
                }
                // The JobManager went away; it comes back with its journal, and the job with it.
                Some(Err(status)) if status.code() == tonic::Code::NotFound => return Err(status.into()),
                Some(Err(_)) | None => break,
            }
        }
        line.away();
        reconnect(client, job).await?;
    }
}

async fn reconnect(client: &mut Client, job: &str) -> Result<(), SubmitterError> {
    for _ in 0..120 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if client.health(v1::HealthRequest {}).await.is_ok() {
            return Ok(());
        }
    }
    Err(SubmitterError::Refused(format!("error: the JobManager has been away for a minute; job {job} may still run")))
}

/// How a job ended, if it has.
pub(crate) fn ended(job: &str, progress: &v1::JobProgress) -> Option<Result<(), SubmitterError>> {
    let otherwise = |state| SubmitterError::JobEnded { job: job.to_owned(), state, message: progress.message.clone() };
    match progress.state.as_str() {
        "FINISHED" => Some(Ok(())),
        "FAILED" => Some(Err(otherwise("failed"))),
        "CANCELED" => Some(Err(otherwise("was canceled"))),
        _ => None,
    }
}

struct Line {
    terminal: bool,
    shown: Option<(String, Instant)>,
}

impl Line {
    fn new() -> Self {
        Self { terminal: std::io::stderr().is_terminal(), shown: None }
    }

    fn show(&mut self, progress: &v1::JobProgress) {
        let text = describe(progress);
        if self.terminal {
            eprint!("\r\x1b[2K{text}");
            let _ = std::io::stderr().flush();
            self.shown = Some((progress.state.clone(), Instant::now()));
            return;
        }
        let due = self.shown.as_ref().is_none_or(|(state, at)| *state != progress.state || at.elapsed() >= EVERY);
        if due {
            eprintln!("{text}");
            self.shown = Some((progress.state.clone(), Instant::now()));
        }
    }

    fn away(&mut self) {
        self.close();
        eprintln!("connection to the JobManager lost; waiting for it to come back");
    }

    fn close(&mut self) {
        if self.terminal && self.shown.is_some() {
            eprintln!();
        }
        self.shown = None;
    }
}

fn describe(progress: &v1::JobProgress) -> String {
    let mut text = format!(
        "{}  in {} rows ({}/s)  out {} rows  checkpoints {}",
        progress.state,
        progress.records_in,
        progress.records_in_per_second.round() as u64,
        progress.records_out,
        progress.checkpoints_completed
    );
    for (count, what) in
        [(u64::from(progress.restarts), "restarts"), (progress.late_records, "late"), (progress.skipped_records, "skipped")]
    {
        if count > 0 {
            text.push_str(&format!("  {what} {count}"));
        }
    }
    if !progress.message.is_empty() {
        text.push_str(&format!("  {}", progress.message));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_finished_job_ended_well() {
        let progress = |state: &str| v1::JobProgress { state: state.to_owned(), message: "why".to_owned(), ..Default::default() };
        assert!(matches!(ended("j", &progress("FINISHED")), Some(Ok(()))));
        assert_eq!(ended("j", &progress("FAILED")).unwrap().unwrap_err().to_string(), "job j failed: why");
        assert!(ended("j", &progress("RESTARTING")).is_none());
    }

    #[test]
    fn what_never_happened_is_not_shown() {
        let progress = v1::JobProgress { state: "RUNNING".into(), records_in: 22, skipped_records: 1, ..Default::default() };
        assert_eq!(describe(&progress), "RUNNING  in 22 rows (0/s)  out 0 rows  checkpoints 0  skipped 1");
    }
}
