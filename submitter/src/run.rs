//! `irmak run`: submits a script, then stays with each of its jobs until it ends, unless detached.

use std::collections::HashMap;

use irmak_proto::v1;
use irmak_proto::v1::statement_outcome::Outcome;

use crate::args::RunArgs;
use crate::collect;
use crate::connect::{Client, connect};
use crate::error::SubmitterError;
use crate::output::result_table;
use crate::progress;
use crate::script::{self, Script};

pub(crate) async fn run(args: RunArgs) -> Result<(), SubmitterError> {
    let script = script::read(&args.file, args.format)?;
    let mut client = connect(&args.cluster).await?;
    let request = request(&args, script);
    let response = submit(&mut client, request).await?;
    for outcome in response.outcomes {
        outcome.warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
        match outcome.outcome {
            Some(Outcome::Table(table)) => result_table::print(&table, args.output).map_err(SubmitterError::Output)?,
            Some(Outcome::Job(job)) => follow(&mut client, job, &args).await?,
            None => {}
        }
    }
    Ok(())
}

async fn follow(client: &mut Client, job: v1::SubmittedJob, args: &RunArgs) -> Result<(), SubmitterError> {
    if args.detached {
        println!("Job has been submitted with JobID {}", job.job_id);
        return Ok(());
    }
    if !job.collect_schema.is_empty() {
        return collect::collect(client, &job, args.output).await.map(|_| ());
    }
    eprintln!("Job has been submitted with JobID {}", job.job_id);
    progress::follow(client, &job.job_id).await
}

fn request(args: &RunArgs, script: Script) -> v1::SubmitRequest {
    let mut configuration: HashMap<String, String> = args.configuration.iter().cloned().collect();
    if let Some(parallelism) = args.parallelism {
        configuration.insert("parallelism.default".to_owned(), parallelism.to_string());
    }
    v1::SubmitRequest {
        submission_id: uuid::Uuid::new_v4().simple().to_string(),
        file_name: script.file,
        format: script.format.wire().to_owned(),
        script: script.text,
        configuration,
        savepoint_path: args.savepoint.clone().unwrap_or_default(),
        ..Default::default()
    }
}

/// Submits; a lost answer is asked for again under the same submission id, which starts no second job.
pub(crate) async fn submit(client: &mut Client, request: v1::SubmitRequest) -> Result<v1::SubmitResponse, SubmitterError> {
    let mut tries = 0;
    loop {
        match client.submit(request.clone()).await {
            Ok(response) => return Ok(response.into_inner()),
            Err(status) if status.code() == tonic::Code::Unavailable && tries < 5 => {
                tries += 1;
                tokio::time::sleep(std::time::Duration::from_millis(200 * tries)).await;
            }
            Err(status) => return Err(status.into()),
        }
    }
}
