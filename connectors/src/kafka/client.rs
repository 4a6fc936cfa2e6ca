//! librdkafka's side of a source: what it calls back with, and the consumer that calls.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;

use super::log;

/// The consumer of one subtask.
pub(super) type Consumer = BaseConsumer<Context>;

/// What librdkafka's threads leave for the task's thread.
#[derive(Default)]
pub(super) struct Shared {
    news: Mutex<News>,
    woken: Mutex<bool>,
    wake: Condvar,
}

#[derive(Default)]
struct News {
    /// All brokers are away, for this reason.
    down: Option<String>,
    last_reason: String,
    /// The end of each partition (exclusive), as far as known.
    ends: HashMap<(String, i32), i64>,
}

/// Locks whatever another thread's panic may have left: all values here are plain.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    /// Why all brokers are away, if that was said since the last call.
    pub(super) fn take_down(&self) -> Option<String> {
        lock(&self.news).down.take()
    }

    /// The last trouble that librdkafka told of; empty if there was none since [`Shared::forget_trouble`].
    pub(super) fn last_reason(&self) -> String {
        lock(&self.news).last_reason.clone()
    }

    /// The brokers answer: what was said of them before counts no more.
    pub(super) fn forget_trouble(&self) {
        let mut news = lock(&self.news);
        news.last_reason.clear();
        news.down = None;
    }

    /// The end of a partition, as far as known.
    pub(super) fn end_of(&self, topic: &str, partition: i32) -> Option<i64> {
        lock(&self.news).ends.get(&(topic.to_owned(), partition)).copied()
    }

    /// A queue is no longer empty.
    pub(super) fn notify(&self) {
        *lock(&self.woken) = true;
        self.wake.notify_one();
    }

    /// Waits until a queue is no longer empty, or for so long.
    pub(super) fn wait(&self, at_most: Duration) {
        let woken = lock(&self.woken);
        let waited = self.wake.wait_timeout_while(woken, at_most, |woken| !*woken);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

/// Receives librdkafka's callbacks.
pub(super) struct Context {
    pub(super) shared: Arc<Shared>,
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log::line(level, facility, message);
    }

    fn stats(&self, statistics: Statistics) {
        let mut news = lock(&self.shared.news);
        for (topic, statistics) in statistics.topics {
            for (partition, statistics) in statistics.partitions {
                // Up to the last stable offset is all that a reader of committed records can see.
                let end = if statistics.ls_offset >= 0 { statistics.ls_offset } else { statistics.hi_offset };
                if partition >= 0 && end >= 0 {
                    news.ends.insert((topic.clone(), partition), end);
                }
            }
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            None | Some(RDKafkaErrorCode::PartitionEOF) => {}
            Some(RDKafkaErrorCode::AllBrokersDown) => {
                let mut news = lock(&self.shared.news);
                news.down = Some(news.last_reason.clone());
            }
            Some(_) => {
                tracing::debug!(target: "librdkafka", %error, reason, "client error");
                lock(&self.shared.news).last_reason = reason.to_owned();
            }
        }
    }
}

impl ConsumerContext for Context {}

/// What an error of librdkafka means for the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Passes, or is tried again by librdkafka itself.
    Passing,
    /// The topic or partition is not there (any more).
    Missing,
    /// The position is not there (any more).
    OffsetGone,
    /// Trying again would not help.
    Final(&'static str),
}

/// Judges an error.
pub(super) fn judge(error: &KafkaError) -> Verdict {
    if let KafkaError::MessageConsumptionFatal(_) = error {
        return Verdict::Final("restart the job");
    }
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange) => Verdict::OffsetGone,
        Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownPartition) => {
            Verdict::Missing
        }
        Some(RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed) => {
            Verdict::Final("check 'properties.sasl.jaas.config', 'properties.sasl.mechanism' and 'properties.security.protocol'")
        }
        Some(RDKafkaErrorCode::UnsupportedSASLMechanism) => Verdict::Final("choose a 'properties.sasl.mechanism' that the broker offers"),
        Some(RDKafkaErrorCode::TopicAuthorizationFailed | RDKafkaErrorCode::ClusterAuthorizationFailed) => {
            Verdict::Final("have the user allowed to read and describe the topic")
        }
        Some(RDKafkaErrorCode::InvalidTopic) => Verdict::Final("check 'topic'"),
        Some(RDKafkaErrorCode::InvalidConfig | RDKafkaErrorCode::InvalidArgument) => Verdict::Final("check 'properties.*'"),
        _ => Verdict::Passing,
    }
}
