//! The rows of a closing SELECT: decoded as they stream in, shown, and the job's end awaited.
//!
//! Whoever leaves (Ctrl-C) leaves the job without an audience, so it is cancelled.

use std::io::Cursor;

use arrow::ipc::reader::StreamReader;
use arrow::record_batch::RecordBatch;
use irmak_common::types::Schema;
use irmak_proto::v1;
use tokio_stream::StreamExt;

use crate::args::OutputFormat;
use crate::connect::Client;
use crate::error::SubmitterError;
use crate::output;
use crate::progress;

/// Until when rows were shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watched {
    /// The job finished.
    ToItsEnd,
    /// Ctrl-C cancelled it.
    UntilInterrupted,
}

pub(crate) async fn collect(client: &mut Client, job: &v1::SubmittedJob, format: OutputFormat) -> Result<Watched, SubmitterError> {
    let schema: Schema = serde_json::from_slice(&job.collect_schema).map_err(|error| SubmitterError::Answer(error.to_string()))?;
    let mut printer = output::printer(format, &schema).map_err(SubmitterError::Output)?;
    tokio::select! {
        end = show_all(client.clone(), &job.job_id, printer.as_mut()) => end?,
        _ = tokio::signal::ctrl_c() => {
            client.cancel(v1::CancelRequest { job_id: job.job_id.clone() }).await?;
            printer.finish().map_err(SubmitterError::Output)?;
            return Ok(Watched::UntilInterrupted);
        }
    }
    printer.finish().map_err(SubmitterError::Output)?;
    outcome(client, &job.job_id).await.map(|()| Watched::ToItsEnd)
}

async fn show_all(mut client: Client, job: &str, printer: &mut dyn output::Printer) -> Result<(), SubmitterError> {
    let mut stream = client.collect(v1::CollectRequest { job_id: job.to_owned() }).await?.into_inner();
    while let Some(part) = stream.next().await {
        for batch in decode(&part?.arrow_ipc)? {
            printer.rows(&batch).map_err(SubmitterError::Output)?;
        }
        printer.flush().map_err(SubmitterError::Output)?;
    }
    Ok(())
}

/// Waits for the job's last state: rows may all be there a moment before the job has ended, or it may have failed.
async fn outcome(client: &mut Client, job: &str) -> Result<(), SubmitterError> {
    let mut stream = client.watch(v1::WatchRequest { job_id: job.to_owned() }).await?.into_inner();
    while let Some(progress) = stream.next().await {
        if let Some(end) = progress::ended(job, &progress?) {
            return end;
        }
    }
    Err(SubmitterError::Answer("the job's progress ended before the job".to_owned()))
}

fn decode(bytes: &[u8]) -> Result<Vec<RecordBatch>, SubmitterError> {
    let unreadable = |error: arrow::error::ArrowError| SubmitterError::Answer(error.to_string());
    StreamReader::try_new(Cursor::new(bytes), None).map_err(unreadable)?.collect::<Result<_, _>>().map_err(unreadable)
}
