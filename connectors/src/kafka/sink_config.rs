//! A Kafka table's options as a sink reads them, checked: which topic, which partition, how safe, as which client.

use irmak_common::kafka_fields::{KafkaFields, check_kafka};
use irmak_common::operator_spec::SinkSpec;
use irmak_common::table_options::{OptionError, Side};
use rdkafka::config::ClientConfig;
use regex::Regex;

use super::properties::translate;
use crate::context::SinkContext;
use crate::error::ConnectorError;
use crate::options::Options;

/// `sink.delivery-guarantee`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guarantee {
    /// Rows are sent and not asked after, but for the last ones of a job.
    None,
    /// A checkpoint waits until the brokers have every row before it. The default.
    AtLeastOnce,
}

/// `sink.partitioner`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// By the key's hash, as the Java client does; without a key the client's: a batch to one, the next to another.
    Default,
    /// Each subtask always to one.
    Fixed,
    /// One after the other.
    RoundRobin,
}

/// Which topics may be written.
#[derive(Clone, Debug)]
pub(super) enum Allowed {
    /// `topic`; with several, each row says which.
    Listed(Vec<String>),
    /// `topic-pattern`; each row says which.
    Matching(Regex),
}

impl Allowed {
    pub(super) fn contains(&self, topic: &str) -> bool {
        match self {
            Self::Listed(names) => names.iter().any(|name| name == topic),
            Self::Matching(pattern) => pattern.is_match(topic),
        }
    }
}

/// The options, checked.
pub(super) struct SinkConfig {
    pub(super) table: String,
    pub(super) topics: Allowed,
    /// `properties.bootstrap.servers`
    pub(super) servers: String,
    pub(super) guarantee: Guarantee,
    pub(super) choice: Choice,
    pub(super) fields: KafkaFields,
    /// `upsert-kafka`: the last record of a key is its row, one without a value its end.
    pub(super) upserts: bool,
    /// What was set aside, for the log.
    pub(super) notes: Vec<String>,
    client: ClientConfig,
    given: Vec<String>,
}

impl SinkConfig {
    pub(super) fn read(options: &Options<'_>, spec: &SinkSpec, context: &SinkContext) -> Result<Self, ConnectorError> {
        let servers = options.required("properties.bootstrap.servers", "the brokers, such as localhost:9092")?.to_owned();
        let is_metadata = |at: usize| spec.metadata.iter().any(|(position, _)| *position == at);
        let physical = spec.schema.fields.iter().enumerate().filter(|(at, _)| !is_metadata(*at));
        let columns: Vec<&str> = physical.map(|(_, field)| field.name.as_str()).collect();
        let metadata: Vec<&str> = spec.metadata.iter().map(|(_, key)| key.as_str()).collect();
        let refused = |error: OptionError| wrong(options, &error);
        let upserts = spec.connector.connector == "upsert-kafka";
        let mut all = spec.connector.options.clone();
        all.insert("connector".to_owned(), spec.connector.connector.clone());
        check_kafka(&all, Side::Sink, &columns, &metadata).map_err(refused)?;
        let fields = if upserts {
            let position =
                |key: &usize| columns.iter().position(|column| spec.schema.fields.get(*key).is_some_and(|field| field.name == *column));
            let key: Vec<usize> = spec.primary_key.iter().filter_map(position).collect();
            KafkaFields::upsert(&all, &columns, &key)
        } else {
            KafkaFields::read(&all, &columns)
        };
        let fields = fields.map_err(refused)?;
        let translated = translate(options, &context.files)?;
        let guarantees = [("none", Guarantee::None), ("at-least-once", Guarantee::AtLeastOnce)];
        let choices = [("default", Choice::Default), ("fixed", Choice::Fixed), ("round-robin", Choice::RoundRobin)];
        Ok(Self {
            table: spec.table.clone(),
            topics: topics(options)?,
            servers,
            guarantee: options.one_of("sink.delivery-guarantee", &guarantees, Guarantee::AtLeastOnce)?,
            choice: options.one_of("sink.partitioner", &choices, Choice::Default)?,
            fields,
            upserts,
            notes: translated.notes,
            given: translated.config.config_map().keys().map(|key| (*key).to_owned()).collect(),
            client: translated.config,
        })
    }

    /// librdkafka's configuration for a producer: the Java client's defaults where they mean something here, and bounds on what waits.
    pub(super) fn client(&self, context: &SinkContext) -> ClientConfig {
        let mut client = self.client.clone();
        let defaults: [(&[&str], String); 11] = [
            (&["message.timeout.ms", "delivery.timeout.ms"], "120000".to_owned()),
            (&["linger.ms", "queue.buffering.max.ms"], "5".to_owned()),
            (&["queue.buffering.max.kbytes"], "32768".to_owned()),
            (&["queue.buffering.max.messages"], "100000".to_owned()),
            (&["message.max.bytes"], "1048576".to_owned()),
            (&["partitioner"], "murmur2_random".to_owned()),
            (&["reconnect.backoff.max.ms"], "5000".to_owned()),
            (&["topic.metadata.propagation.max.ms"], "10000".to_owned()),
            (&["socket.keepalive.enable"], "true".to_owned()),
            (&["socket.nagle.disable"], "true".to_owned()),
            (&["client.id"], format!("irmak-{}-{}", self.table, context.subtask)),
        ];
        for (names, value) in defaults {
            if !self.is_given(names) {
                client.set(names[0], value);
            }
        }
        if !self.is_given(&["enable.idempotence"]) {
            client.set("enable.idempotence", if self.may_be_idempotent() { "true" } else { "false" });
        }
        client
    }

    fn is_given(&self, names: &[&str]) -> bool {
        self.given.iter().any(|given| names.contains(&given.as_str()))
    }

    /// As the Java client: on, unless another option contradicts it.
    fn may_be_idempotent(&self) -> bool {
        let value = |names: &[&str]| names.iter().find_map(|name| self.client.get(name)).map(str::trim);
        let all = value(&["acks", "request.required.acks"]).is_none_or(|acks| matches!(acks, "all" | "-1"));
        let retries = value(&["retries", "message.send.max.retries"]).is_none_or(|retries| retries != "0");
        let flying = value(&["max.in.flight.requests.per.connection", "max.in.flight"]);
        all && retries && flying.is_none_or(|flying| flying.parse::<u32>().is_ok_and(|flying| flying <= 5))
    }
}

/// An option's error in the words of a table's.
pub(super) fn wrong(options: &Options<'_>, error: &OptionError) -> ConnectorError {
    match error {
        OptionError::Value { key, value, expected } => options.bad(key, value, expected),
        other => ConnectorError::Internal { table: options.table.to_owned(), what: other.to_string() },
    }
}

fn topics(options: &Options<'_>) -> Result<Allowed, ConnectorError> {
    match (options.get("topic"), options.get("topic-pattern")) {
        (None, Some(pattern)) => {
            let regex = Regex::new(&format!("^(?:{pattern})$"));
            regex.map(Allowed::Matching).map_err(|error| options.bad("topic-pattern", pattern, &format!("a regular expression ({error})")))
        }
        _ => {
            let list = options.required("topic", "the topic to write to")?;
            Ok(Allowed::Listed(list.split(';').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()))
        }
    }
}
