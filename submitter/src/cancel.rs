//! `irmak cancel`: ends a job where it stands.

use irmak_proto::v1;

use crate::args::JobArgs;
use crate::connect::{Client, connect};
use crate::error::SubmitterError;

pub(crate) async fn cancel(args: JobArgs) -> Result<(), SubmitterError> {
    let mut client = connect(&args.cluster).await?;
    let job = find(&mut client, &args.job).await?;
    client.cancel(v1::CancelRequest { job_id: job.clone() }).await?;
    println!("Cancelled job {job}.");
    Ok(())
}

/// The id that a person means by `text`: a whole one, or the beginning of exactly one job's.
pub(crate) async fn find(client: &mut Client, text: &str) -> Result<String, SubmitterError> {
    if text.len() == 32 {
        return Ok(text.to_owned());
    }
    let jobs = client.list(v1::ListRequest {}).await?.into_inner().jobs;
    let mut found = jobs.into_iter().map(|job| job.job_id).filter(|id| !text.is_empty() && id.starts_with(text));
    match (found.next(), found.next()) {
        (Some(id), None) => Ok(id),
        (None, _) => Err(SubmitterError::Refused(format!("error: no job's id begins with `{text}`; `irmak list -a` shows them all"))),
        (Some(_), Some(_)) => Err(SubmitterError::Refused(format!("error: several jobs' ids begin with `{text}`; give more digits"))),
    }
}
