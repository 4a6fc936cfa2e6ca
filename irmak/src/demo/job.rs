//! The reference job's SQL, pointed at the demo's broker and folder, and its submission through the client that everybody uses.

use std::path::Path;

use irmak_proto::v1;
use irmak_proto::v1::jobs_client::JobsClient;
use irmak_proto::v1::statement_outcome::Outcome;

use crate::Failure;

const SQL: &str = include_str!("../../../examples/kdv/kdv.sql");
const BROKER: &str = "localhost:9092";
const FOLDER: &str = "/opt/flink/data/output";
const STARTUP: &str = "'scan.startup.mode' = 'earliest-offset',";
const FORMAT: &str = "'format' = 'csv',";

/// The job's text. Rows become visible every few seconds instead of every minute, and with `bounded` the topic's present end is
/// the job's; nothing else is changed.
pub(super) fn sql(servers: &str, output: &Path, bounded: bool) -> String {
    let startup = if bounded { format!("{STARTUP}\n    'scan.bounded.mode' = 'latest-offset',") } else { STARTUP.to_owned() };
    SQL.replace(BROKER, servers)
        .replace(FOLDER, &output.display().to_string())
        .replace(STARTUP, &startup)
        .replace(FORMAT, &format!("{FORMAT}\n    'sink.rolling-policy.rollover-interval' = '3 s',"))
}

/// Submits the job and returns its id.
pub(super) async fn submit(rest_port: u16, sql: &str) -> Result<String, Failure> {
    let mut client = JobsClient::connect(format!("http://127.0.0.1:{rest_port}")).await?;
    let request = v1::SubmitRequest {
        submission_id: uuid::Uuid::new_v4().simple().to_string(),
        file_name: "kdv.sql".to_owned(),
        format: "sql".to_owned(),
        script: sql.to_owned(),
        configuration: [("parallelism.default", "2"), ("execution.checkpointing.interval", "2 s")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ..Default::default()
    };
    let outcomes = client.submit(request).await.map_err(irmak_submitter::SubmitterError::from)?.into_inner().outcomes;
    let job = outcomes.into_iter().find_map(|outcome| match outcome.outcome {
        Some(Outcome::Job(job)) => Some(job.job_id),
        _ => None,
    });
    job.ok_or_else(|| Failure::new("the script started no job"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_that_the_demo_changes_is_in_the_script() {
        for part in [BROKER, FOLDER, STARTUP, FORMAT] {
            assert_eq!(SQL.matches(part).count(), 1, "{part}");
        }
        let sql = sql("broker:1", Path::new("/out"), true);
        assert!(sql.contains("'broker:1'") && sql.contains("'file:///out'") && sql.contains("'scan.bounded.mode' = 'latest-offset'"));
    }
}
