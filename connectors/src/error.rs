//! What can go wrong between Irmak and the outside world: what failed, where, and what a person may do.
//!
//! No variant ever holds a secret: option values pass through `redact` on their way in. Waiting for an absent broker is no error;
//! sources say so in their metrics and go on trying.

use std::fmt;
use std::path::{Path, PathBuf};

use irmak_common::error::ErrorCode;
use irmak_common::operator_spec::redact;

/// Characters of a bad record or value that a message shows.
const TEXT_CHARS_MAX: usize = 200;

/// Where a record stands outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordPlace {
    /// In a topic.
    Kafka {
        /// The topic.
        topic: String,
        /// From 0.
        partition: i32,
        /// From 0.
        offset: i64,
    },
    /// In a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line it begins on, from 1.
        line: u64,
    },
}

impl fmt::Display for RecordPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kafka { topic, partition, offset } => write!(f, "topic `{topic}`, partition {partition}, offset {offset}"),
            Self::File { path, line } => write!(f, "file {}, line {line}", path.display()),
        }
    }
}

/// Why a record cannot be read. The place is added by whoever knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// The column, dotted for nested fields; `None`: the record as a whole.
    pub column: Option<String>,
    /// Where in the record, in bytes.
    pub offset: usize,
    /// The offending text, shortened.
    pub text: String,
    /// Why, and what would be accepted: "`abc` is no INT".
    pub reason: String,
}

impl RecordError {
    /// A record that is wrong as a whole, from `offset` on.
    pub fn whole(record: &[u8], offset: usize, reason: impl Into<String>) -> Self {
        Self { column: None, offset, text: shorten(record), reason: reason.into() }
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "column `{column}` (byte {}): {}; text: {}", self.offset, self.reason, self.text),
            None => write!(f, "byte {}: {}; record: {}", self.offset, self.reason, self.text),
        }
    }
}

/// Bytes as a person may read them, cut after some 200 characters.
pub fn shorten(bytes: &[u8]) -> String {
    // Lossy conversion of no more than can be shown: a record may have 32 MB.
    let head = &bytes[..bytes.len().min(TEXT_CHARS_MAX * 4)];
    let text = String::from_utf8_lossy(head);
    let mut shown: String = text.chars().take(TEXT_CHARS_MAX).collect();
    if shown.len() < bytes.len() && (text.chars().count() > TEXT_CHARS_MAX || head.len() < bytes.len()) {
        shown.push_str(&format!("... ({} bytes)", bytes.len()));
    }
    shown
}

/// A failure of a source, a sink or a format.
#[derive(Debug, thiserror::Error)]
pub enum ConnectorError {
    /// An option's value is not understood.
    #[error("table `{table}`: option '{key}' = '{value}' is not understood: accepted is {accepted}")]
    Option {
        /// Whose option.
        table: String,
        /// The key as written.
        key: String,
        /// The value, covered where it is secret.
        value: String,
        /// What would be accepted.
        accepted: String,
    },
    /// An option that must be there is not.
    #[error("table `{table}`: option '{key}' is missing: {what}")]
    MissingOption {
        /// Whose option.
        table: String,
        /// The key.
        key: String,
        /// What it says, and an example.
        what: String,
    },
    /// No connector or format of this name.
    #[error("table `{table}`: {kind} '{name}' does not exist; there are {known}")]
    Unknown {
        /// Whose.
        table: String,
        /// `connector` or `format`.
        kind: &'static str,
        /// As written.
        name: String,
        /// The ones that exist.
        known: &'static str,
    },
    /// Flink can do this; Irmak cannot yet, or will not.
    #[error("table `{table}`: {what} is not supported; {instead}")]
    Unsupported {
        /// Whose.
        table: String,
        /// What was asked.
        what: String,
        /// What to do instead.
        instead: String,
    },
    /// A record that cannot be read, and no option that lets it be left out.
    #[error(
        "table `{table}`: bad record at {place}: {error}. To go on without such records, set 'json.ignore-parse-errors' or \
         'csv.ignore-parse-errors' = 'true' (they are counted), or 'scan.dead-letter' = 'file:///...' (they are kept aside)"
    )]
    BadRecord {
        /// The table read.
        table: String,
        /// Where the record stands.
        place: Box<RecordPlace>,
        /// What is wrong with it.
        error: Box<RecordError>,
    },
    /// A row that the format cannot write.
    #[error("table `{table}`: a row cannot be written: column `{column}`: {reason}")]
    Row {
        /// The table written.
        table: String,
        /// Which column.
        column: String,
        /// Why.
        reason: String,
    },
    /// The operating system refused something with a file.
    #[error("table `{table}`: cannot {action} {}: {source}; {advice}", path.display())]
    File {
        /// Whose file.
        table: String,
        /// `create`, `write`, `sync`, `rename`, ...
        action: &'static str,
        /// Which file or folder.
        path: PathBuf,
        /// What to do.
        advice: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// A path outside the folders that jobs may use.
    #[error("table `{table}`: path {} is outside the folders that jobs may use ({roots}); use one of them, or have it added to the configuration", path.display())]
    Forbidden {
        /// Whose path.
        table: String,
        /// The path, resolved.
        path: PathBuf,
        /// The allowed folders.
        roots: String,
    },
    /// A file that a checkpoint promised can be found neither under its hidden nor under its visible name.
    #[error(
        "table `{table}`: {} was written for a checkpoint and is gone, under its hidden name {} too; it was removed by something \
         else than this job. Put it back, or start the job anew without its checkpoint",
        visible.display(), hidden.display()
    )]
    FileLost {
        /// Whose file.
        table: String,
        /// The name before the commit.
        hidden: PathBuf,
        /// The name after the commit.
        visible: PathBuf,
    },
    /// A topic that the brokers do not have.
    #[error("table `{table}`: topic `{topic}` does not exist on {servers}{}", nearest.as_ref().map(|n| format!("; did you mean `{n}`?")).unwrap_or_default())]
    UnknownTopic {
        /// The table read.
        table: String,
        /// As written.
        topic: String,
        /// `properties.bootstrap.servers`.
        servers: String,
        /// The topic with the nearest name.
        nearest: Option<String>,
    },
    /// A position that the broker no longer has: rows were deleted before they were read.
    #[error(
        "table `{table}`: offset {offset} of topic `{topic}`, partition {partition} is not on the broker (any more): records were \
         deleted before they were read, or the topic was made anew. Start anew with another 'scan.startup.mode', or accept the loss with 'properties.auto.offset.reset' = 'earliest'"
    )]
    OffsetGone {
        /// The table read.
        table: String,
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset that was asked for.
        offset: i64,
    },
    /// Kafka says no, and trying again would not help.
    #[error("table `{table}`: {what}: {reason}; {advice}")]
    Kafka {
        /// The table.
        table: String,
        /// What was being done.
        what: String,
        /// In Kafka's words.
        reason: String,
        /// What to do.
        advice: &'static str,
    },
    /// A checkpoint's entry that this version does not understand.
    #[error("table `{table}`: the checkpoint's entry cannot be read: {reason}; it was written by another version or is damaged")]
    State {
        /// Whose entry.
        table: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Irmak's own fault.
    #[error("table `{table}`: {what}; this is a fault in Irmak, please report it")]
    Internal {
        /// Where.
        table: String,
        /// What happened.
        what: String,
    },
}

impl ConnectorError {
    /// The class of failure.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Option { .. } | Self::MissingOption { .. } | Self::Unknown { .. } | Self::Unsupported { .. } => {
                ErrorCode::InvalidArgument
            }
            Self::BadRecord { .. } | Self::Row { .. } | Self::State { .. } => ErrorCode::InvalidArgument,
            Self::UnknownTopic { .. } | Self::FileLost { .. } | Self::OffsetGone { .. } => ErrorCode::NotFound,
            Self::Forbidden { .. } => ErrorCode::Forbidden,
            Self::File { .. } | Self::Kafka { .. } => ErrorCode::Unavailable,
            Self::Internal { .. } => ErrorCode::Internal,
        }
    }

    /// A bad value of an option, covered where it is secret.
    pub(crate) fn option(table: &str, key: &str, value: &str, accepted: impl Into<String>) -> Self {
        Self::Option { table: table.to_owned(), key: key.to_owned(), value: redact(key, value), accepted: accepted.into() }
    }

    /// A failed file operation, with advice that fits what the system said.
    pub(crate) fn file(table: &str, action: &'static str, path: &Path, source: std::io::Error) -> Self {
        use std::io::ErrorKind;
        let advice = match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                "the disk is full: free some space; the job goes on from its last checkpoint and loses nothing"
            }
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                "give the user that runs the TaskManager the right to it, or choose another path"
            }
            ErrorKind::NotFound => "check the path; on several machines it must be on storage that all of them see",
            ErrorKind::NotADirectory | ErrorKind::IsADirectory => "something of another kind has that name: choose another path",
            _ => "check the disk and the path",
        };
        Self::File { table: table.to_owned(), action, path: path.to_owned(), advice, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_option_names_key_value_and_what_is_accepted_but_no_secret() {
        let error = ConnectorError::option("t", "scan.startup.mode", "soon", "earliest-offset or latest-offset");
        assert_eq!(
            error.to_string(),
            "table `t`: option 'scan.startup.mode' = 'soon' is not understood: accepted is earliest-offset or latest-offset"
        );
        let error = ConnectorError::option("t", "properties.sasl.jaas.config", "hunter2", "a login module");
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn a_long_record_is_shortened_for_people() {
        assert_eq!(shorten(b"short"), "short");
        let long = shorten(&vec![b'x'; 50 << 20]);
        assert!(long.len() < 300 && long.ends_with("... (52428800 bytes)"), "{long}");
    }
}
