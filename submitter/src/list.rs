//! `irmak list`: the cluster's jobs, a line each, in Flink's sections.

use irmak_common::status::JobStatus;
use irmak_proto::v1;

use crate::args::ListArgs;
use crate::connect::connect;
use crate::error::SubmitterError;

pub(crate) async fn list(args: ListArgs) -> Result<(), SubmitterError> {
    let mut client = connect(&args.cluster).await?;
    let jobs = client.list(v1::ListRequest {}).await?.into_inner().jobs;
    let waits = |job: &&v1::JobEntry| matches!(job.state.as_str(), "CREATED" | "INITIALIZING");
    let over = |job: &&v1::JobEntry| JobStatus::ALL.iter().any(|status| status.is_terminal() && status.as_str() == job.state);
    let every = !args.running && !args.scheduled;
    if every || args.all || args.running {
        section("Running/Restarting Jobs", "No running jobs.", jobs.iter().filter(|job| !waits(job) && !over(job)));
    }
    if every || args.all || args.scheduled {
        section("Scheduled Jobs", "No scheduled jobs.", jobs.iter().filter(waits));
    }
    if args.all {
        section("Terminated Jobs", "No terminated jobs.", jobs.iter().filter(over));
    }
    Ok(())
}

fn section<'a>(title: &str, none: &str, jobs: impl Iterator<Item = &'a v1::JobEntry>) {
    let lines: Vec<String> = jobs.map(line).collect();
    if lines.is_empty() {
        println!("{none}");
        return;
    }
    println!("{:-^62}", format!(" {title} "));
    lines.iter().for_each(|line| println!("{line}"));
    println!("{:-^62}", "");
}

fn line(job: &v1::JobEntry) -> String {
    let started = jiff::Timestamp::from_millisecond(job.start_time).map(|at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string());
    format!("{} : {} : {} ({})", started.unwrap_or_else(|_| "-".to_owned()), job.job_id, job.name, job.state)
}
