//! What can go wrong in a TaskManager: in the daemon ([`TaskManagerError`]) and in one task ([`TaskError`]).
//!
//! A task's error never ends the daemon: it becomes the task's FAILED with a sentence.

use std::error::Error;

use irmak_common::error::ErrorCode;
use irmak_common::id::CheckpointId;
use irmak_connectors::error::ConnectorError;
use irmak_engine::error::EngineError;

use crate::shuffle::frame::FrameError;

/// Why a TaskManager could not start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum TaskManagerError {
    /// A configuration value that cannot be used.
    #[error(transparent)]
    Config(#[from] irmak_runtime::config::ConfigError),
    /// The data port cannot be bound.
    #[error(
        "cannot listen on {address} for other TaskManagers (`taskmanager.bind-host`, `taskmanager.data.port`): {source}; another process may \
         hold the port: choose another with -D taskmanager.data.port=PORT, or 0 for any that is free"
    )]
    Bind {
        /// `host:port`.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// A wide bind that nobody allowed.
    #[error(
        "`taskmanager.bind-host: {host}` would let other machines in, and nobody has to log in; bind to localhost, or set \
         `irmak.security.allow-unauthenticated: true` if the network is trusted"
    )]
    Unprotected {
        /// As configured.
        host: String,
    },
    /// The JobManager's address is none.
    #[error("`{address}` is no address of a JobManager (`jobmanager.rpc.address`, `jobmanager.rpc.port`): {reason}")]
    JobManagerAddress {
        /// As configured.
        address: String,
        /// Why not.
        reason: String,
    },
    /// The JobManager does not want this TaskManager, and trying again would not help.
    #[error("the JobManager at {address} refused this TaskManager: {reason}")]
    Refused {
        /// Its address.
        address: String,
        /// Its words.
        reason: String,
    },
    /// A task that does not end, and holds what its successor needs.
    #[error("the task {task} was cancelled {seconds} s ago and does not end; the process must, so that another can take over")]
    Stuck {
        /// Its attempt.
        task: irmak_common::id::AttemptId,
        /// Since when.
        seconds: u64,
    },
    /// The operating system gives no more threads or sockets.
    #[error("the operating system refused a resource: {0}")]
    Resource(#[source] std::io::Error),
}

/// Why a task ended before its time.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// It was told to, or the JobManager was lost: not a failure.
    #[error("{0}")]
    Canceled(&'static str),
    /// An operator failed.
    #[error("operator {name}[{id}] failed: {source}")]
    Operator {
        /// Number in the plan.
        id: u32,
        /// Short name.
        name: String,
        /// Why.
        source: Box<EngineError>,
    },
    /// A source or sink failed.
    #[error("{name}[{id}]: {source}")]
    Connector {
        /// Number in the plan.
        id: u32,
        /// Short name, `Source: sahibinden`.
        name: String,
        /// Why.
        source: Box<ConnectorError>,
    },
    /// The other end of a channel, or what came from it.
    #[error("{0}")]
    Channel(String),
    /// A batch that cannot be sent.
    #[error("a batch for {target} cannot be sent: {source}")]
    Encode {
        /// The consuming subtask.
        target: String,
        /// Why.
        source: FrameError,
    },
    /// Rows cannot be divided among consumers.
    #[error("rows cannot be divided among the {consumers} consumers: {reason}")]
    Partition {
        /// How many.
        consumers: usize,
        /// Why.
        reason: String,
    },
    /// The state to begin with cannot be had.
    #[error("checkpoint {checkpoint} cannot be restored: {reason}")]
    Restore {
        /// Which.
        checkpoint: CheckpointId,
        /// What is wrong with which object.
        reason: String,
    },
    /// A descriptor that makes no task; the JobManager is of another mind than this TaskManager.
    #[error("the task cannot be built: {0}")]
    Descriptor(String),
    /// A fault of ours.
    #[error("the task panicked, which is a fault in Irmak, please report it: {0}")]
    Panic(String),
}

impl TaskError {
    /// An operator's failure.
    pub fn operator(id: u32, name: &str, source: EngineError) -> Self {
        Self::Operator { id, name: name.to_owned(), source: Box::new(source) }
    }

    /// A source's or sink's failure.
    pub fn connector(id: u32, name: &str, source: ConnectorError) -> Self {
        Self::Connector { id, name: name.to_owned(), source: Box::new(source) }
    }

    /// Whether it is the end that was asked for.
    pub fn is_canceled(&self) -> bool {
        matches!(self, Self::Canceled(_))
    }

    /// Whether another attempt would fail in the same way: the job itself or what it reads is wrong, not the world around it.
    ///
    /// An absent topic may be made, a full disk emptied, a lost file put back; a record stays as it is, and so does a statement.
    pub fn is_unrecoverable(&self) -> bool {
        match self {
            Self::Connector { source, .. } => {
                let wrong = matches!(source.code(), ErrorCode::InvalidArgument | ErrorCode::Forbidden);
                wrong || matches!(**source, ConnectorError::OffsetGone { .. })
            }
            Self::Operator { source, .. } => !matches!(**source, EngineError::Arrow { .. }),
            Self::Descriptor(_) => true,
            _ => false,
        }
    }

    /// The sentence for a person: the error, then its causes as far as they say something new.
    pub fn sentence(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let more = error.to_string();
            if !text.contains(&more) {
                text.push_str(": ");
                text.push_str(&more);
            }
            cause = error.source();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use irmak_connectors::error::{RecordError, RecordPlace};

    use super::*;

    fn check(source: ConnectorError, unrecoverable: bool) {
        let words = source.to_string();
        assert_eq!(TaskError::connector(1, "Source: t", source).is_unrecoverable(), unrecoverable, "{words}");
    }

    #[test]
    fn what_stays_wrong_is_told_from_what_may_heal() {
        let table = || "t".to_owned();
        let place = RecordPlace::Kafka { topic: table(), partition: 0, offset: 7 };
        let error = RecordError::whole(b"x", 0, "no JSON");
        check(ConnectorError::BadRecord { table: table(), place: Box::new(place), error: Box::new(error) }, true);
        check(ConnectorError::Forbidden { table: table(), path: "/etc".into(), roots: "/data".into() }, true);
        check(ConnectorError::OffsetGone { table: table(), topic: table(), partition: 0, offset: 7 }, true);
        check(ConnectorError::UnknownTopic { table: table(), topic: table(), servers: "s".into(), nearest: None }, false);
        check(ConnectorError::FileLost { table: table(), hidden: "a".into(), visible: "b".into() }, false);
        assert!(!TaskError::Channel("it broke".into()).is_unrecoverable());
        assert!(TaskError::Descriptor("no vertex".into()).is_unrecoverable());
    }
}
