//! What a TaskManager is told when it starts, read once from the configuration and checked.

use irmak_connectors::context::FileAccess;
use irmak_runtime::address::{is_loopback, join, prometheus_ports};
use irmak_runtime::config::{Configuration, keys};
use irmak_runtime::roots::FileRoots;

use crate::error::TaskManagerError;

/// See the module's page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskManagerConfig {
    /// `host:port` of the JobManager's control stream.
    pub jobmanager: String,
    /// `taskmanager.numberOfTaskSlots`
    pub slots: u32,
    /// `taskmanager.host`: how other TaskManagers reach this one; `None`: the address that it reaches the JobManager from.
    pub host: Option<String>,
    /// `taskmanager.bind-host`
    pub bind_host: String,
    /// `taskmanager.data.port`; 0: any free one.
    pub data_port: u16,
    /// Ports to try for Prometheus metrics, in order; none: no metrics port.
    pub prometheus_ports: Vec<u16>,
    /// Which files jobs may touch.
    pub files: FileAccess,
    /// `table.local-time-zone`, for jobs that say nothing of it.
    pub zone: String,
    /// `irmak.network.channel-window`: bytes in flight of one channel between two TaskManagers.
    pub channel_window: u32,
}

impl TaskManagerConfig {
    /// Reads and checks it.
    ///
    /// # Errors
    /// A value that is not valid, or a wide bind that nobody allowed.
    pub fn from_configuration(config: &Configuration) -> Result<Self, TaskManagerError> {
        let bind_host = config.get(&keys::TASKMANAGER_BIND_HOST)?;
        let wide = !is_loopback(&bind_host);
        if wide && !config.get(&keys::ALLOW_UNAUTHENTICATED)? {
            return Err(TaskManagerError::Unprotected { host: bind_host });
        }
        let window = config.get(&keys::CHANNEL_WINDOW)?;
        Ok(Self {
            jobmanager: join(&config.get(&keys::JOBMANAGER_ADDRESS)?, config.get(&keys::JOBMANAGER_PORT)?),
            slots: config.get(&keys::TASK_SLOTS)?,
            host: config.find(&keys::TASKMANAGER_HOST)?,
            bind_host,
            data_port: config.get(&keys::TASKMANAGER_DATA_PORT)?,
            prometheus_ports: prometheus_ports(config)?,
            files: file_access(FileRoots::from_configuration(config, wide)?),
            zone: config.get(&keys::LOCAL_TIME_ZONE)?,
            channel_window: u32::try_from(window).unwrap_or(u32::MAX).clamp(64 << 10, 16 << 20),
        })
    }
}

fn file_access(roots: FileRoots) -> FileAccess {
    match roots {
        FileRoots::Anywhere => FileAccess::Anywhere,
        FileRoots::Below(roots) => FileAccess::Roots(roots),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> Result<TaskManagerConfig, String> {
        let mut config = Configuration::default();
        pairs.iter().for_each(|(key, value)| config.set(*key, *value));
        TaskManagerConfig::from_configuration(&config).map_err(|error| error.to_string())
    }

    #[test]
    fn a_bare_configuration_listens_to_this_machine_only() {
        let config = config(&[]).unwrap();
        assert_eq!((config.jobmanager.as_str(), config.bind_host.as_str()), ("localhost:6123", "localhost"));
        assert_eq!((config.slots, config.files), (1, FileAccess::Anywhere));
    }

    #[test]
    fn a_wide_bind_needs_leave_and_narrows_files() {
        let error = config(&[("taskmanager.bind-host", "0.0.0.0")]).unwrap_err();
        assert!(error.contains("irmak.security.allow-unauthenticated: true"), "{error}");
        let wide = config(&[("taskmanager.bind-host", "0.0.0.0"), ("irmak.security.allow-unauthenticated", "true")]).unwrap();
        assert!(matches!(wide.files, FileAccess::Roots(roots) if roots.len() == 2));
    }
}
