//! `irmak stop`: a job reads no further, writes out what it has read, takes its final checkpoint and finishes.

use irmak_proto::v1;

use crate::args::JobArgs;
use crate::cancel::find;
use crate::connect::connect;
use crate::error::SubmitterError;

pub(crate) async fn stop(args: JobArgs) -> Result<(), SubmitterError> {
    let mut client = connect(&args.cluster).await?;
    let job = find(&mut client, &args.job).await?;
    let state = client.stop(v1::StopRequest { job_id: job.clone() }).await?.into_inner().state;
    println!("Stopped job {job}: {state}.");
    Ok(())
}
