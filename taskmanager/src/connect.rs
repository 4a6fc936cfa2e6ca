//! The way to the JobManager: a connection, and the address that this machine has on it.

use std::time::Duration;

use irmak_common::limits::FRAME_BYTES_MAX;
use tokio::net::TcpStream;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use crate::shuffle::send::causes;

/// Bytes of one message: a deployment holds the small states of all old subtasks.
pub(crate) const MESSAGE_BYTES_MAX: usize = FRAME_BYTES_MAX;
const CONNECT_WAIT: Duration = Duration::from_secs(5);

/// A JobManager that answers on its port.
#[derive(Debug)]
pub(crate) struct Reached {
    /// The connection.
    pub(crate) connection: Channel,
    /// One's own address on the network that leads there.
    pub(crate) local_host: String,
}

/// Connects to `host:port`.
///
/// # Errors
/// Why not, in words.
pub(crate) async fn reach(address: &str) -> Result<Reached, String> {
    let probe = tokio::time::timeout(CONNECT_WAIT, TcpStream::connect(address)).await;
    let probe = probe.map_err(|_| "nothing answers".to_owned())?.map_err(|error| error.to_string())?;
    let local_host = probe.local_addr().map_err(|error| error.to_string())?.ip().to_canonical();
    drop(probe);
    let endpoint = Endpoint::from_shared(format!("http://{address}")).map_err(|error| error.to_string())?;
    let endpoint = endpoint
        .connect_timeout(CONNECT_WAIT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(5))
        .keep_alive_timeout(Duration::from_secs(10))
        .keep_alive_while_idle(true);
    let connection = endpoint.connect().await.map_err(|error| causes(&error))?;
    Ok(Reached { connection, local_host: local_host.to_string() })
}

/// A status in words.
pub(crate) fn words(status: &Status) -> String {
    match std::error::Error::source(status) {
        Some(source) => format!("{}: {}", status.message(), causes(source)),
        None => status.message().to_owned(),
    }
}
