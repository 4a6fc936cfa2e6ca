//! What ends a JobManager, or keeps it from starting.

use std::path::PathBuf;

/// See the module's page.
#[derive(Debug, thiserror::Error)]
pub enum JobManagerError {
    /// A value of the configuration.
    #[error(transparent)]
    Config(#[from] irmak_runtime::config::ConfigError),
    /// A wide bind that nobody allowed.
    #[error(
        "`{key}: {host}` lets other machines in, and nobody has to log in; bind to localhost, or set irmak.security.allow-unauthenticated: true where the network is trusted"
    )]
    Unprotected {
        /// The key that asks for it.
        key: &'static str,
        /// The address.
        host: String,
    },
    /// A port that cannot be had.
    #[error("cannot listen on {address} ({key}): {source}; another process may hold the port: choose another with -D {key}=PORT")]
    Bind {
        /// host:port
        address: String,
        /// The key of the port.
        key: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The journal's disk.
    #[error("the journal {} cannot be used: {source}", path.display())]
    Journal {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another JobManager is at work.
    #[error("the folder {} is in use by another JobManager; choose another with -D jobmanager.data-dir=DIR", dir.display())]
    Locked {
        /// Which.
        dir: PathBuf,
    },
    /// A journal that was changed from outside.
    #[error("line {line} of the journal {} is damaged; what follows cannot be trusted. Move the file away to start without its jobs", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// A server ended.
    #[error("the server on {address} ended: {reason}")]
    Served {
        /// host:port
        address: String,
        /// Why.
        reason: String,
    },
}
