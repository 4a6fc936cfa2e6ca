//! Which topic and which partition a record goes to, where that is not left to the client.
//!
//! A topic is looked for before its first record: one that is not there is an error at once and not after a timeout. Brokers that do not answer are
//! no reason not to go on, unless the number of partitions is needed.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use irmak_common::error::nearest;
use rdkafka::error::RDKafkaErrorCode;

use super::produce::Producer;
use super::sink_config::{Choice, SinkConfig};
use crate::error::ConnectorError;

/// How long one question to the brokers may take.
const QUESTION: Duration = Duration::from_millis(500);
/// After so long the partitions are asked for again: there may be more.
const FRESH: Duration = Duration::from_secs(300);
/// A broker that creates topics when asked for them needs more than one question.
const TRIES: u32 = 4;
const BETWEEN_TRIES: Duration = Duration::from_millis(250);

/// What is known of the topics written to.
pub(super) struct Routes {
    choice: Choice,
    subtask: usize,
    topics: HashMap<String, Known>,
}

struct Known {
    partitions: Vec<i32>,
    asked: Instant,
    next: usize,
}

impl Routes {
    pub(super) fn new(choice: Choice, subtask: u32) -> Self {
        Self { choice, subtask: subtask as usize, topics: HashMap::new() }
    }

    /// The partition of a topic's next record; `None`: the client chooses.
    ///
    /// # Errors
    /// The topic is not there; the task shall end.
    pub(super) fn partition(&mut self, producer: &Producer, config: &SinkConfig, topic: &str) -> Result<Option<i32>, ConnectorError> {
        let is_due = match self.topics.get(topic) {
            None => true,
            Some(known) => self.choice != Choice::Default && known.asked.elapsed() > FRESH,
        };
        if is_due {
            let partitions = self.ask(producer, config, topic)?;
            let next = self.topics.get(topic).map_or(self.subtask, |known| known.next);
            self.topics.insert(topic.to_owned(), Known { partitions, asked: Instant::now(), next });
        }
        let Some(known) = self.topics.get_mut(topic).filter(|known| !known.partitions.is_empty()) else { return Ok(None) };
        Ok(match self.choice {
            Choice::Default => None,
            Choice::Fixed => Some(known.partitions[self.subtask % known.partitions.len()]),
            Choice::RoundRobin => {
                let partition = known.partitions[known.next % known.partitions.len()];
                known.next = known.next.wrapping_add(1);
                Some(partition)
            }
        })
    }

    fn ask(&self, producer: &Producer, config: &SinkConfig, topic: &str) -> Result<Vec<i32>, ConnectorError> {
        let mut missing = 0;
        loop {
            match producer.client().fetch_metadata(Some(topic), QUESTION) {
                Ok(metadata) => {
                    let found = metadata.topics().iter().find(|found| found.name() == topic);
                    let partitions: Vec<i32> = found.iter().flat_map(|found| found.partitions()).map(|partition| partition.id()).collect();
                    if !partitions.is_empty() {
                        return Ok(sorted(partitions));
                    }
                    let code = found.and_then(|found| found.error()).map(RDKafkaErrorCode::from);
                    if matches!(code, Some(RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::InvalidTopic)) {
                        // Said with the first record, by name.
                        return Ok(Vec::new());
                    }
                    missing += 1;
                    if missing >= TRIES {
                        return Err(unknown(producer, config, topic));
                    }
                }
                Err(error) if self.choice == Choice::Default => {
                    tracing::debug!(table = config.table, topic, %error, "the topic could not be asked for; its rows wait in the client");
                    return Ok(Vec::new());
                }
                Err(error) => tracing::debug!(table = config.table, topic, %error, "the topic's partitions could not be asked for"),
            }
            std::thread::sleep(BETWEEN_TRIES);
            producer.serve()?;
            producer.may_go_on()?;
        }
    }
}

fn sorted(mut partitions: Vec<i32>) -> Vec<i32> {
    partitions.sort_unstable();
    partitions
}

fn unknown(producer: &Producer, config: &SinkConfig, topic: &str) -> ConnectorError {
    let all = producer.client().fetch_metadata(None, QUESTION).ok();
    let names = all.iter().flat_map(|metadata| metadata.topics()).map(|topic| topic.name()).filter(|name| !name.starts_with("__"));
    ConnectorError::UnknownTopic {
        table: config.table.clone(),
        topic: topic.to_owned(),
        servers: config.servers.clone(),
        nearest: nearest(topic, names.filter(|name| *name != topic)).map(str::to_owned),
    }
}
