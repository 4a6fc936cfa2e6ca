//! The client of a source, and which partitions it was told to fetch.

use std::sync::Arc;

use rdkafka::consumer::Consumer as _;
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::client::{Consumer, Context};
use super::entry::Next;
use super::source::KafkaSource;
use crate::error::ConnectorError;

impl KafkaSource {
    /// A client configured for so many partitions. Queues of an earlier one are gone with it; reading begins anew where it stood.
    pub(super) fn connect(&mut self, partitions: usize) -> Result<(), ConnectorError> {
        self.disconnect();
        let client = self.config.client(partitions, &self.context);
        let created = client.create_with_context::<Context, Consumer>(Context { shared: self.shared.clone() });
        let consumer = created.map_err(|error| {
            // The words of librdkafka may hold the value of an option, and that a secret.
            let reason = match error {
                KafkaError::ClientConfig(_, _, key, _) => format!("librdkafka refuses the value of `{key}`"),
                KafkaError::ClientCreation(reason) => reason,
                other => other.to_string(),
            };
            let advice = "check 'properties.*'";
            ConnectorError::Kafka { table: self.config.table.clone(), what: "cannot make a Kafka client".to_owned(), reason, advice }
        })?;
        self.consumer = Some(Arc::new(consumer));
        self.configured_for = partitions;
        self.assigned = self.splits.iter().all(|split| split.finished);
        Ok(())
    }

    pub(super) fn disconnect(&mut self) {
        self.splits.iter_mut().for_each(|split| split.queue = None);
        self.consumer = None;
    }

    /// Tells librdkafka all partitions and where each begins.
    pub(super) fn assign(&mut self) -> Result<(), ConnectorError> {
        let reading = self.splits.iter().filter(|split| !split.finished).count();
        if reading > self.configured_for {
            self.connect(reading.next_power_of_two())?;
        }
        let Some(consumer) = self.consumer.clone() else { return Ok(()) };
        let failed = |error: KafkaError| ConnectorError::Kafka {
            table: self.config.table.clone(),
            what: "cannot begin to read".to_owned(),
            reason: error.to_string(),
            advice: "report this, with the log",
        };
        let mut list = TopicPartitionList::with_capacity(reading);
        for split in &mut self.splits {
            split.queue = None;
            if split.finished {
                continue;
            }
            let offset = match split.next {
                Next::Earliest => Offset::Beginning,
                Next::Offset(offset) => Offset::Offset(offset),
            };
            list.add_partition_offset(&split.topic, split.partition, offset).map_err(failed)?;
            // Before the partition is assigned: records fetched earlier would go to the consumer's own queue.
            let Some(mut queue) = consumer.split_partition_queue(&split.topic, split.partition) else {
                return Err(failed(KafkaError::Subscription(format!("no queue for {}[{}]", split.topic, split.partition))));
            };
            let shared = self.shared.clone();
            queue.set_nonempty_callback(move || shared.notify());
            split.queue = Some(queue);
        }
        consumer.assign(&list).map_err(failed)?;
        self.assigned = true;
        Ok(())
    }
}
