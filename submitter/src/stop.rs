//! `irmak stop`: a job reads no further, writes out what it has read, takes its final checkpoint and finishes.

use irmak_proto::v1;

use crate::args::JobArgs;
use crate::cancel::find;
use crate::connect::{Client, connect};
use crate::error::SubmitterError;

pub(crate) async fn stop(args: JobArgs) -> Result<(), SubmitterError> {
    let mut client = connect(&args.cluster).await?;
    stop_job(&mut client, &args.job).await
}

/// The same, of a JobManager that has answered.
pub(crate) async fn stop_job(client: &mut Client, job: &str) -> Result<(), SubmitterError> {
    let job = find(client, job).await?;
    let state = client.stop(v1::StopRequest { job_id: job.clone() }).await?.into_inner().state;
    println!("Stopped job {job}: {state}.");
    Ok(())
}
