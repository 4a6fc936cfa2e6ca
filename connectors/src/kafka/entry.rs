//! What a Kafka source leaves in a checkpoint: where it stands in each partition, and that it has looked for partitions.

use serde::{Deserialize, Serialize};

use super::partition::owner;
use crate::error::ConnectorError;

const VERSION: u32 = 1;

/// Where reading goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Next {
    /// At the first record that the broker has.
    Earliest,
    /// At this offset.
    Offset(i64),
}

/// One union entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Entry {
    /// A partition's position.
    Partition {
        /// Its topic.
        topic: String,
        /// Its number.
        partition: i32,
        /// Where reading goes on.
        next: Next,
        /// Where reading ends (exclusive), fixed when the source first saw the partition; `None`: never.
        stop: Option<i64>,
    },
    /// Subtask `subtask` of `parallelism` knew all of its partitions: one that is not among the entries is new since, and is read from
    /// its beginning whatever the startup mode says.
    Discovered {
        /// Which subtask.
        subtask: u32,
        /// Of how many.
        parallelism: u32,
    },
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    version: u32,
    kafka_source: Entry,
}

impl Entry {
    pub(super) fn encode(self, table: &str) -> Result<Vec<u8>, ConnectorError> {
        serde_json::to_vec(&Envelope { version: VERSION, kafka_source: self })
            .map_err(|error| ConnectorError::Internal { table: table.to_owned(), what: format!("a position cannot be encoded: {error}") })
    }

    pub(super) fn decode(table: &str, bytes: &[u8]) -> Result<Self, ConnectorError> {
        let state = |reason: String| ConnectorError::State { table: table.to_owned(), reason };
        let envelope: Envelope = serde_json::from_slice(bytes).map_err(|error| state(error.to_string()))?;
        if envelope.version != VERSION {
            return Err(state(format!("it is of version {}, known is {VERSION}", envelope.version)));
        }
        Ok(envelope.kafka_source)
    }
}

/// Whether a partition that is not among a checkpoint's entries came to be after it: its owner of then had looked.
pub(super) fn is_new(markers: &[(u32, u32)], topic: &str, partition: i32) -> bool {
    markers.iter().any(|(subtask, parallelism)| owner(topic, partition, *parallelism) == *subtask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_survives() {
        for entry in [
            Entry::Partition { topic: "t".into(), partition: 3, next: Next::Offset(7), stop: Some(9) },
            Entry::Partition { topic: "t".into(), partition: 3, next: Next::Earliest, stop: None },
            Entry::Discovered { subtask: 1, parallelism: 2 },
        ] {
            assert_eq!(Entry::decode("t", &entry.clone().encode("t").unwrap()).unwrap(), entry);
        }
        assert!(Entry::decode("t", b"junk").is_err());
    }

    #[test]
    fn a_partition_is_new_only_if_its_owner_had_looked() {
        let mine = owner("t", 5, 2);
        assert!(is_new(&[(mine, 2)], "t", 5));
        assert!(!is_new(&[(1 - mine, 2)], "t", 5));
        assert!(!is_new(&[], "t", 5));
    }
}
