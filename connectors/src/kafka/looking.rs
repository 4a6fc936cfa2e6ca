//! Looking for partitions while the source runs, and for brokers that were away.

use std::time::{Duration, Instant};

use irmak_common::split::SplitEvent;
use rdkafka::consumer::Consumer as _;

use super::client::Consumer;
use super::config::Topics;
use super::discovery::{Problem, partitions};
use super::entry::{Next, is_new};
use super::offsets::{resolve, stops};
use super::partition::owner;
use super::source::KafkaSource;
use crate::error::ConnectorError;

/// A question to the brokers waits so long: the task can do nothing else meanwhile. Where nobody refuses and nobody answers (a slow network, a
/// long TLS handshake), each further try waits twice as long.
const QUESTION_MS: u64 = 200;
pub(super) const QUESTION_MS_MAX: u64 = 3_200;

impl KafkaSource {
    /// Looks for partitions if it is time, and for the brokers if they were away.
    pub(super) fn discover(&mut self) -> Result<(), ConnectorError> {
        let now = (self.context.clock)();
        let due = self.next_discovery.is_some_and(|at| at <= Instant::now());
        let probe = !self.health.is_well();
        if !(due || probe) || !self.health.try_is_due(now) {
            return Ok(());
        }
        let Some(consumer) = self.consumer.clone() else { return Ok(()) };
        let timeout = Duration::from_millis((QUESTION_MS << self.patience).min(QUESTION_MS_MAX));
        let found = if due { self.look(&consumer, timeout) } else { self.probe(&consumer, timeout) };
        match found {
            Ok(()) => {
                if !self.health.is_well() {
                    tracing::info!(table = self.config.table, servers = self.config.servers, "brokers can be reached again");
                }
                self.health.well();
                self.shared.forget_trouble();
                self.patience = 0;
                Ok(())
            }
            Err(Problem::Unreachable(reason)) => {
                let reason = if reason.is_empty() { self.shared.last_reason() } else { reason };
                self.patience = if reason.is_empty() { (self.patience + 1).min(8) } else { 0 };
                self.health.failed((self.context.clock)(), reason);
                Ok(())
            }
            Err(Problem::Final(error)) => Err(*error),
        }
    }

    /// Takes in the partitions that this subtask owns and does not read yet.
    pub(super) fn look(&mut self, consumer: &Consumer, timeout: Duration) -> Result<(), Problem> {
        let mut all = partitions(consumer, &self.config, timeout)?;
        all.retain(|(topic, partition)| {
            owner(topic, *partition, self.context.parallelism) == self.context.subtask
                && !self.splits.iter().any(|split| split.topic == *topic && split.partition == *partition)
        });
        // A bounded read is of the partitions that were there when it began.
        if self.discovered && self.config.bounded.is_some() {
            all.clear();
        }
        let later = |(topic, partition): &(String, i32)| self.discovered || (self.restored && is_new(&self.markers, topic, *partition));
        let (new, initial): (Vec<_>, Vec<_>) = all.into_iter().partition(later);
        let starts = resolve(consumer, &self.config, &self.config.startup, &initial, timeout)?;
        let stops = match &self.config.bounded {
            Some(point) => stops(consumer, &self.config, point, &initial, timeout)?.into_iter().map(Some).collect(),
            None => vec![None; initial.len()],
        };
        for (((topic, partition), next), stop) in initial.into_iter().zip(starts).zip(stops) {
            tracing::debug!(table = self.config.table, topic, partition, ?next, ?stop, "a partition is read");
            self.add(topic, partition, next, stop);
        }
        for (topic, partition) in new {
            tracing::info!(table = self.config.table, topic, partition, "a new partition was found; it is read from its beginning");
            self.add(topic, partition, Next::Earliest, None);
        }
        if !self.discovered && self.splits.is_empty() {
            self.announce(SplitEvent::NoSplits);
        }
        self.discovered = true;
        self.next_discovery = self.config.discovery.map(|interval| Instant::now() + interval);
        Ok(())
    }

    /// Whether anybody answers.
    pub(super) fn probe(&self, consumer: &Consumer, timeout: Duration) -> Result<(), Problem> {
        let topic = match &self.config.topics {
            Topics::Listed(names) => names.first().map(String::as_str),
            Topics::Matching(_) => None,
        };
        let answer = consumer.fetch_metadata(topic, timeout);
        answer.map(|_| ()).map_err(|error| Problem::of(&self.config, "cannot ask for the topic", &error))
    }
}
