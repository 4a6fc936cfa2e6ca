//! What a filesystem sink leaves in a checkpoint: files to commit, files to go on with, and the number of the next file.
//!
//! Paths are relative to the table's folder and checked when they are read back: a checkpoint cannot make a sink touch anything else.

use std::path::{Component, Path};

use irmak_common::time::Millis;
use serde::{Deserialize, Serialize};

use crate::error::ConnectorError;

/// The version of the entries' encoding (JSON). A reader refuses what it does not know.
const VERSION: u32 = 1;

/// One union entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Entry {
    /// Complete, synced, waiting for its checkpoint to be complete.
    Pending(Pending),
    /// Goes on growing; valid up to `length`.
    InProgress(InProgress),
    /// Not complete yet, or complete and not marked so.
    Partition(Partition),
    /// Where numbering goes on.
    Counter {
        /// The number of the next file. Larger than any number used so far by this subtask and by those it took over from.
        next: u64,
    },
}

/// A file that a commit makes visible.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) subtask: u32,
    pub(super) checkpoint: u64,
    pub(super) hidden: String,
    pub(super) visible: String,
    pub(super) bytes: u64,
}

/// A file that recovery goes on with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InProgress {
    pub(super) subtask: u32,
    /// The partition's folder; empty where there are no partitions.
    pub(super) folder: String,
    pub(super) hidden: String,
    pub(super) length: u64,
    pub(super) rows: u64,
    pub(super) opened_at: Millis,
}

/// A partition that waits for its mark.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Partition {
    pub(super) subtask: u32,
    pub(super) folder: String,
    pub(super) since: Millis,
    /// From which checkpoint on it is complete.
    pub(super) due: Option<u64>,
    /// When the first row came behind those.
    pub(super) again: Option<Millis>,
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    version: u32,
    filesystem_sink: Entry,
}

impl Entry {
    pub(super) fn encode(self, table: &str) -> Result<Vec<u8>, ConnectorError> {
        serde_json::to_vec(&Envelope { version: VERSION, filesystem_sink: self })
            .map_err(|error| ConnectorError::Internal { table: table.to_owned(), what: format!("an entry cannot be encoded: {error}") })
    }

    pub(super) fn decode(table: &str, bytes: &[u8]) -> Result<Self, ConnectorError> {
        let state = |reason: String| ConnectorError::State { table: table.to_owned(), reason };
        let envelope: Envelope = serde_json::from_slice(bytes).map_err(|error| state(error.to_string()))?;
        if envelope.version != VERSION {
            return Err(state(format!("it is of version {}, known is {VERSION}", envelope.version)));
        }
        let entry = envelope.filesystem_sink;
        let paths: &[&str] = match &entry {
            Self::Pending(file) => &[&file.hidden, &file.visible],
            Self::InProgress(file) => &[&file.hidden, &file.folder],
            Self::Partition(partition) => &[&partition.folder],
            Self::Counter { .. } => &[],
        };
        for path in paths {
            if !Path::new(path).components().all(|part| matches!(part, Component::Normal(_))) {
                return Err(state(format!("`{path}` is no path inside of the table's folder")));
            }
        }
        Ok(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_survives_and_cannot_leave_the_folder() {
        let entry = |hidden: &str| {
            let file = Pending { subtask: 1, checkpoint: 2, hidden: hidden.into(), visible: "b".into(), bytes: 3 };
            Entry::Pending(file)
        };
        let good = entry("k=v/.a");
        assert_eq!(Entry::decode("t", &good.clone().encode("t").unwrap()).unwrap(), good);
        for bad in ["../a", "/etc/passwd", "a/../../b"] {
            assert!(Entry::decode("t", &entry(bad).encode("t").unwrap()).is_err(), "{bad}");
        }
        assert!(Entry::decode("t", b"{}").is_err());
        assert!(
            Entry::decode("t", br#"{"version":2,"filesystem_sink":{"Counter":{"next":1}}}"#).unwrap_err().to_string().contains("version 2")
        );
    }
}
