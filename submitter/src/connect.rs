//! Finding the JobManager: tries until it answers, so that scripts need no sleep.

use std::time::{Duration, Instant};

use irmak_common::limits::FRAME_BYTES_MAX;
use irmak_common::retry::Backoff;
use irmak_proto::v1;
use irmak_proto::v1::jobs_client::JobsClient;
use tonic::transport::{Channel, Endpoint};

use crate::args::Target;
use crate::error::SubmitterError;

pub(crate) type Client = JobsClient<Channel>;

const PATIENCE: Backoff = Backoff { initial_ms: 20, max_ms: 1_000, multiplier: 1.6, jitter: 0.0 };

/// A client of a JobManager that has answered.
pub(crate) async fn connect(target: &Target) -> Result<Client, SubmitterError> {
    let wrong = || SubmitterError::Address { address: target.jobmanager.clone() };
    let authority = target.jobmanager.trim_start_matches("http://").trim_end_matches('/');
    authority.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok()).ok_or_else(wrong)?;
    let endpoint = Endpoint::from_shared(format!("http://{authority}")).map_err(|_| wrong())?;
    let endpoint = endpoint.connect_timeout(Duration::from_secs(5)).tcp_nodelay(true);

    let begin = Instant::now();
    let mut failures = 0;
    loop {
        let reason = match try_once(&endpoint).await {
            Ok(client) => return Ok(client),
            Err(reason) => reason,
        };
        let waited = begin.elapsed();
        if waited >= target.wait {
            return Err(SubmitterError::Unreachable { address: authority.to_owned(), waited_s: target.wait.as_secs(), reason });
        }
        failures += 1;
        if failures == 8 {
            eprintln!("waiting for the JobManager at {authority} ({reason})");
        }
        tokio::time::sleep(Duration::from_millis(PATIENCE.delay_ms(failures, 0.0)).min(target.wait - waited)).await;
    }
}

async fn try_once(endpoint: &Endpoint) -> Result<Client, String> {
    let channel = endpoint.connect().await.map_err(|error| root_cause(&error))?;
    let mut client = JobsClient::new(channel).max_decoding_message_size(FRAME_BYTES_MAX);
    client.health(v1::HealthRequest {}).await.map_err(|status| status.message().to_owned())?;
    Ok(client)
}

/// The innermost cause: tonic's outer ones all say "transport error".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
