//! What librdkafka says beside records: brokers gone, positions gone, errors that pass and errors that do not.

use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;

use super::client::{Verdict, judge};
use super::config::{Point, Reset};
use super::discovery::Problem;
use super::entry::Next;
use super::looking::QUESTION_MS_MAX;
use super::offsets::resolve;
use super::source::KafkaSource;
use crate::error::ConnectorError;

impl KafkaSource {
    /// Serves librdkafka's callbacks, logs and errors.
    pub(super) fn serve(&mut self) -> Result<(), ConnectorError> {
        let Some(consumer) = self.consumer.clone() else { return Ok(()) };
        // Bounded: the rest is served by the next call.
        for _ in 0..64 {
            match consumer.poll(Duration::ZERO) {
                None => break,
                // A record that went past its partition's queue: begin anew where each partition stands.
                Some(Ok(_)) => self.assigned = false,
                Some(Err(error)) => self.on_error(&error, None)?,
            }
        }
        if let Some(reason) = self.shared.take_down()
            && self.health.is_well()
        {
            self.health.failed((self.context.clock)(), reason);
        }
        Ok(())
    }

    pub(super) fn on_error(&mut self, error: &KafkaError, split: Option<usize>) -> Result<(), ConnectorError> {
        let table = self.config.table.clone();
        match (judge(error), split.and_then(|index| self.splits.get(index))) {
            (Verdict::OffsetGone, Some(_)) => self.reset(split.unwrap_or_default()),
            (Verdict::Final(advice), _) => {
                Err(ConnectorError::Kafka { table, what: "reading failed".to_owned(), reason: error.to_string(), advice })
            }
            // Looking for partitions says whether the topic is gone.
            (Verdict::Missing, _) if self.config.bounded.is_none() => {
                self.next_discovery = Some(Instant::now());
                Ok(())
            }
            _ => {
                tracing::debug!(table, %error, "librdkafka tells of an error that passes");
                Ok(())
            }
        }
    }

    /// The position is not in the partition: an error, unless the table says where to go on.
    pub(super) fn reset(&mut self, index: usize) -> Result<(), ConnectorError> {
        let (table, reset) = (self.config.table.clone(), self.config.reset);
        let (Some(split), Some(consumer)) = (self.splits.get_mut(index), &self.consumer) else { return Ok(()) };
        let offset = if let Next::Offset(offset) = split.next { offset } else { 0 };
        let place = (split.topic.clone(), split.partition);
        let next = match reset {
            Reset::Fail if split.next == Next::Earliest => Next::Earliest,
            Reset::Fail => return Err(ConnectorError::OffsetGone { table, topic: place.0, partition: place.1, offset }),
            Reset::Earliest => Next::Earliest,
            Reset::Latest => {
                let timeout = Duration::from_millis(QUESTION_MS_MAX);
                match resolve(consumer, &self.config, &Point::Latest, std::slice::from_ref(&place), timeout) {
                    Ok(ends) => ends.first().copied().unwrap_or(split.next),
                    Err(Problem::Final(error)) => return Err(*error),
                    // The same position is tried again, and this with it.
                    Err(Problem::Unreachable(_)) => split.next,
                }
            }
        };
        tracing::warn!(
            table,
            topic = place.0,
            partition = place.1,
            offset,
            ?reset,
            "records were passed over: the offset is not on the broker"
        );
        (split.next, split.returned) = (next, next);
        self.assigned = false;
        Ok(())
    }
}
