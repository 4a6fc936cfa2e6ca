//! librdkafka's side of a sink: the producer of one subtask, what it says of each record, and waiting for it.
//!
//! Bounded: librdkafka holds so many bytes, and while it is full the task waits here, as for any slow receiver. A record that cannot be
//! delivered is an error of the next call, with its topic and partition: the first one counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};

use super::log;
use super::sink_config::SinkConfig;
use crate::context::SinkContext;
use crate::error::ConnectorError;

/// How long one wait for room or for the last record is, before it is asked whether the task shall end.
const WAIT: Duration = Duration::from_millis(2);

/// Whether the task shall end.
pub(super) type GiveUp = Arc<dyn Fn() -> bool + Send + Sync>;

/// A record that was not delivered.
#[derive(Clone, Debug)]
pub(super) struct Undelivered {
    pub(super) topic: String,
    pub(super) partition: i32,
    pub(super) error: KafkaError,
}

/// What librdkafka has said.
#[derive(Default)]
pub(super) struct Deliveries {
    first: Mutex<Option<Undelivered>>,
    last_reason: Mutex<String>,
    pub(super) delivered: AtomicU64,
    pub(super) failed: AtomicU64,
}

/// Receives librdkafka's callbacks.
pub(super) struct Context {
    deliveries: Arc<Deliveries>,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log::line(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, reason, "client error");
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            *self.deliveries.last_reason.lock().unwrap_or_else(PoisonError::into_inner) = reason.to_owned();
        }
    }
}

impl ProducerContext for Context {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        match result {
            Ok(_) => {
                self.deliveries.delivered.fetch_add(1, Ordering::Relaxed);
            }
            // What is still waiting when the sink is dropped belongs to an attempt that has ended.
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight), _)) => {}
            Err((error, message)) => {
                self.deliveries.failed.fetch_add(1, Ordering::Relaxed);
                let mut first = self.deliveries.first.lock().unwrap_or_else(PoisonError::into_inner);
                first.get_or_insert_with(|| Undelivered {
                    topic: message.topic().to_owned(),
                    partition: message.partition(),
                    error: error.clone(),
                });
            }
        }
    }
}

/// The producer of one subtask.
pub(super) struct Producer {
    table: String,
    servers: String,
    client: BaseProducer<Context>,
    pub(super) deliveries: Arc<Deliveries>,
    pub(super) give_up: GiveUp,
}

impl Producer {
    /// Makes the client. Asks nothing of the brokers yet.
    pub(super) fn open(config: &SinkConfig, context: &SinkContext) -> Result<Self, ConnectorError> {
        let deliveries = Arc::new(Deliveries::default());
        let created = config.client(context).create_with_context(Context { deliveries: deliveries.clone() });
        let client = created.map_err(|error| {
            // The words of librdkafka may hold the value of an option, and that a secret.
            let reason = match error {
                KafkaError::ClientConfig(_, _, key, _) => format!("librdkafka refuses the value of `{key}`"),
                KafkaError::ClientCreation(reason) => reason,
                other => other.to_string(),
            };
            let (table, what) = (config.table.clone(), "cannot make a Kafka client".to_owned());
            ConnectorError::Kafka { table, what, reason, advice: "check 'properties.*'" }
        })?;
        Ok(Self { table: config.table.clone(), servers: config.servers.clone(), client, deliveries, give_up: Arc::new(|| false) })
    }

    pub(super) fn client(&self) -> &rdkafka::client::Client<Context> {
        self.client.client()
    }

    /// Hands a record over; waits while there is no room.
    ///
    /// # Errors
    /// A record that Kafka will not take; an earlier one that was not delivered; the task shall end.
    pub(super) fn send(&self, record: BaseRecord<'_, [u8], [u8]>) -> Result<(), ConnectorError> {
        let mut record = record;
        loop {
            let (error, back) = match self.client.send(record) {
                Ok(()) => return Ok(()),
                Err(refused) => refused,
            };
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(self.undelivered(Undelivered { topic: back.topic.to_owned(), partition: back.partition.unwrap_or(-1), error }));
            }
            record = back;
            self.client.poll(WAIT);
            self.check()?;
            self.may_go_on()?;
        }
    }

    /// Takes in what librdkafka has to say.
    ///
    /// # Errors
    /// A record that was not delivered.
    pub(super) fn serve(&self) -> Result<(), ConnectorError> {
        self.client.poll(Duration::ZERO);
        self.check()
    }

    /// Waits until the brokers have every record.
    ///
    /// # Errors
    /// A record that was not delivered; the task shall end.
    pub(super) fn flush(&self) -> Result<(), ConnectorError> {
        while self.client.in_flight_count() > 0 {
            // An error here says no more than that some are left, or what `check` says too.
            let _ = self.client.flush(WAIT);
            self.check()?;
            self.may_go_on()?;
        }
        self.check()
    }

    pub(super) fn may_go_on(&self) -> Result<(), ConnectorError> {
        if !(self.give_up)() {
            return Ok(());
        }
        let what = "writing was given up".to_owned();
        let reason = "the task was asked to end".to_owned();
        Err(ConnectorError::Kafka { table: self.table.clone(), what, reason, advice: "nothing is to be done" })
    }

    fn check(&self) -> Result<(), ConnectorError> {
        let first = self.deliveries.first.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(undelivered) = first {
            return Err(self.undelivered(undelivered));
        }
        match self.client().fatal_error() {
            None => Ok(()),
            Some((code, reason)) => Err(ConnectorError::Kafka {
                table: self.table.clone(),
                what: format!("the producer cannot go on ({code})"),
                reason,
                advice: "the job goes on from its last checkpoint; if this comes again, set 'properties.enable.idempotence' = 'false'",
            }),
        }
    }

    fn undelivered(&self, undelivered: Undelivered) -> ConnectorError {
        let Undelivered { topic, partition, error } = undelivered;
        let advice = match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageSizeTooLarge) => {
                "raise 'properties.max.request.size' and the topic's max.message.bytes, or write smaller rows"
            }
            Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition) => "create the topic, or check 'topic'",
            Some(RDKafkaErrorCode::UnknownPartition) => "check 'sink.partitioner' and the topic's partitions",
            Some(RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed) => {
                "have the user allowed to write to the topic"
            }
            Some(RDKafkaErrorCode::MessageTimedOut) => {
                "check the brokers; 'properties.delivery.timeout.ms' says how long is tried. The job goes on from its last checkpoint"
            }
            Some(RDKafkaErrorCode::NotEnoughReplicas | RDKafkaErrorCode::NotEnoughReplicasAfterAppend) => {
                "bring replicas back, or lower the topic's min.insync.replicas"
            }
            _ => "the job goes on from its last checkpoint",
        };
        let said = self.deliveries.last_reason.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let reason = match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::MessageTimedOut) if !said.is_empty() => format!("{error}; brokers {}: {said}", self.servers),
            _ => error.to_string(),
        };
        let place = if partition < 0 { String::new() } else { format!(", partition {partition}") };
        let what = format!("a row could not be delivered to topic `{topic}`{place}");
        ConnectorError::Kafka { table: self.table.clone(), what, reason, advice }
    }
}
