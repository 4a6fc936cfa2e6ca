//! Which partitions there are: asked of the brokers, at the start and now and then.

use std::time::Duration;

use irmak_common::error::nearest;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;

use super::client::{Consumer, Verdict, judge};
use super::config::{KafkaConfig, Topics};
use crate::error::ConnectorError;

/// Why a question to the brokers has no answer.
pub(super) enum Problem {
    /// Nobody answered, or not yet: try again.
    Unreachable(String),
    /// The answer is that it cannot be.
    Final(Box<ConnectorError>),
}

impl Problem {
    /// What a failed request means.
    pub(super) fn of(config: &KafkaConfig, what: &str, error: &KafkaError) -> Self {
        match judge(error) {
            Verdict::Final(advice) => Self::Final(Box::new(ConnectorError::Kafka {
                table: config.table.clone(),
                what: what.to_owned(),
                reason: error.to_string(),
                advice,
            })),
            _ => Self::Unreachable(match error.rdkafka_error_code() {
                // The client's last words on the connection say more than these.
                Some(RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::OperationTimedOut | RDKafkaErrorCode::AllBrokersDown) => {
                    String::new()
                }
                _ => error.to_string(),
            }),
        }
    }
}

/// All partitions of the table's topics, at most `timeout` for each question.
pub(super) fn partitions(consumer: &Consumer, config: &KafkaConfig, timeout: Duration) -> Result<Vec<(String, i32)>, Problem> {
    let what = "cannot ask for the topic's partitions";
    match &config.topics {
        Topics::Listed(names) => {
            let mut found = Vec::new();
            for name in names {
                let metadata = consumer.fetch_metadata(Some(name), timeout).map_err(|error| Problem::of(config, what, &error))?;
                match metadata.topics().iter().find(|topic| topic.name() == name) {
                    Some(topic) => found.extend(of_topic(consumer, config, topic, timeout)?),
                    None => return Err(unknown(consumer, config, name, timeout)),
                }
            }
            Ok(found)
        }
        Topics::Matching(pattern) => {
            let metadata = consumer.fetch_metadata(None, timeout).map_err(|error| Problem::of(config, what, &error))?;
            let mut found = Vec::new();
            for topic in metadata.topics().iter().filter(|topic| pattern.is_match(topic.name()) && !topic.name().starts_with("__")) {
                found.extend(of_topic(consumer, config, topic, timeout)?);
            }
            Ok(found)
        }
    }
}

fn of_topic(consumer: &Consumer, config: &KafkaConfig, topic: &MetadataTopic, timeout: Duration) -> Result<Vec<(String, i32)>, Problem> {
    match topic.error().map(RDKafkaErrorCode::from) {
        None | Some(RDKafkaErrorCode::NoError) => {}
        Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => {
            return Err(unknown(consumer, config, topic.name(), timeout));
        }
        Some(code) => {
            let what = format!("cannot read topic `{}`", topic.name());
            return Err(Problem::of(config, &what, &KafkaError::MetadataFetch(code)));
        }
    }
    if topic.partitions().is_empty() {
        return Err(Problem::Unreachable(format!("topic `{}` has no partitions yet", topic.name())));
    }
    Ok(topic.partitions().iter().map(|partition| (topic.name().to_owned(), partition.id())).collect())
}

fn unknown(consumer: &Consumer, config: &KafkaConfig, topic: &str, timeout: Duration) -> Problem {
    let all = consumer.fetch_metadata(None, timeout).ok();
    let names = all.iter().flat_map(|metadata| metadata.topics()).map(|topic| topic.name()).filter(|name| !name.starts_with("__"));
    Problem::Final(Box::new(ConnectorError::UnknownTopic {
        table: config.table.clone(),
        topic: topic.to_owned(),
        servers: config.servers.clone(),
        nearest: nearest(topic, names).map(str::to_owned),
    }))
}
