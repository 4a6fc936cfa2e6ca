//! What a filesystem source leaves in a checkpoint: how far each file was read, and which subtasks had listed theirs.
//!
//! Entries of all subtasks are handed to each at restore, which takes the files that it owns.

use serde::{Deserialize, Serialize};

use crate::error::ConnectorError;

/// The version of the entries' encoding (JSON). A reader refuses what it does not know.
const VERSION: u32 = 1;

/// One union entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Entry {
    /// A file of a subtask's, and where it stands.
    File {
        /// Its path below the table's.
        relative: String,
        /// Where the next record begins.
        offset: u64,
        /// The line that it begins on.
        line: u64,
        /// Nothing is left to be read.
        finished: bool,
    },
    /// Subtask `subtask` of `parallelism` had listed its files: others came later.
    Listed {
        /// Which one.
        subtask: u32,
        /// Of how many.
        parallelism: u32,
    },
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    version: u32,
    filesystem_source: Entry,
}

/// Where reading a file stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) offset: u64,
    pub(super) line: u64,
    pub(super) finished: bool,
}

impl Entry {
    pub(super) fn encode(self, table: &str) -> Result<Vec<u8>, ConnectorError> {
        serde_json::to_vec(&Envelope { version: VERSION, filesystem_source: self })
            .map_err(|error| ConnectorError::Internal { table: table.to_owned(), what: format!("a position cannot be encoded: {error}") })
    }

    pub(super) fn decode(table: &str, bytes: &[u8]) -> Result<Self, ConnectorError> {
        let state = |reason: String| ConnectorError::State { table: table.to_owned(), reason };
        let envelope: Envelope = serde_json::from_slice(bytes).map_err(|error| state(error.to_string()))?;
        if envelope.version != VERSION {
            return Err(state(format!("it is of version {}, known is {VERSION}", envelope.version)));
        }
        Ok(envelope.filesystem_source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_and_a_later_version_is_refused() {
        let entry = Entry::File { relative: "k=1/a".into(), offset: 7, line: 2, finished: false };
        assert_eq!(Entry::decode("t", &entry.clone().encode("t").unwrap()).unwrap(), entry);
        let later = br#"{"version":2,"filesystem_source":{"Listed":{"subtask":0,"parallelism":1}}}"#;
        assert!(Entry::decode("t", later).unwrap_err().to_string().contains("version 2"));
        assert!(Entry::decode("t", b"nothing").is_err());
    }
}
