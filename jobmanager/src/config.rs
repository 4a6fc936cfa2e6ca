//! What a JobManager is told when it starts, read once from the configuration and checked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use irmak_runtime::address::{is_loopback, join, prometheus_ports};
use irmak_runtime::config::{Configuration, keys};
use irmak_runtime::roots::FileRoots;

use crate::core::Settings;
use crate::error::JobManagerError;
use crate::wire::HeartbeatTimes;

/// See the module's page.
#[derive(Clone, Debug)]
pub struct JobManagerConfig {
    /// `host:port` of REST, page and submission; port 0: any free one.
    pub rest_address: String,
    /// `host:port` of the TaskManagers' streams; port 0: any free one.
    pub rpc_address: String,
    /// Where the journal lies.
    pub data_dir: PathBuf,
    /// The core's bounds.
    pub settings: Settings,
    /// Ports to try for Prometheus metrics, in order; none: no metrics port.
    pub prometheus_ports: Vec<u16>,
    /// Where jobs may keep checkpoints, and begin with one.
    pub roots: FileRoots,
    /// How often TaskManagers are asked, and when they are lost.
    pub heartbeat: HeartbeatTimes,
    /// All keys as given, below those of a submission.
    pub configuration: BTreeMap<String, String>,
}

impl JobManagerConfig {
    /// Reads and checks it.
    ///
    /// # Errors
    /// A value that is not valid, or a wide bind that nobody allowed.
    pub fn from_configuration(config: &Configuration) -> Result<Self, JobManagerError> {
        let rest = bind(config, &keys::REST_BIND_ADDRESS)?;
        let rpc = bind(config, &keys::JOBMANAGER_BIND_HOST)?;
        let data_dir = config.find(&keys::DATA_DIR)?.map_or_else(default_data_dir, PathBuf::from);
        let timeout_ms = config.get(&keys::HEARTBEAT_TIMEOUT)?.as_millis() as i64;
        let checkpoint_dir = match config.find(&keys::CHECKPOINTS_DIR)? {
            Some(dir) => dir,
            None => format!("file://{}/checkpoints", std::path::absolute(&data_dir).unwrap_or_else(|_| data_dir.clone()).display()),
        };
        Ok(Self {
            rest_address: join(&rest, config.get(&keys::REST_PORT)?),
            rpc_address: join(&rpc, config.get(&keys::JOBMANAGER_PORT)?),
            settings: Settings {
                heartbeat_timeout_ms: timeout_ms,
                reconcile_timeout_ms: timeout_ms,
                cancellation_timeout_ms: 30_000,
                checkpoint_dir,
            },
            heartbeat: HeartbeatTimes {
                interval_ms: config.get(&keys::HEARTBEAT_INTERVAL)?.as_millis() as u64,
                timeout_ms: timeout_ms as u64,
            },
            data_dir,
            roots: FileRoots::from_configuration(config, !is_loopback(&rest) || !is_loopback(&rpc))?,
            prometheus_ports: prometheus_ports(config)?,
            configuration: config.values().clone(),
        })
    }
}

fn bind(config: &Configuration, key: &keys::Key<String>) -> Result<String, JobManagerError> {
    let host = config.get(key)?;
    if is_loopback(&host) || config.get(&keys::ALLOW_UNAUTHENTICATED)? {
        Ok(host)
    } else {
        Err(JobManagerError::Unprotected { key: key.name, host })
    }
}

fn default_data_dir() -> PathBuf {
    let home = std::env::var_os("IRMAK_DATA_DIR").map(PathBuf::from);
    home.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share/irmak")))
        .unwrap_or_else(|| std::env::temp_dir().join("irmak"))
        .join("jobmanager")
}
