//! From "latest", "the group's", "this time" to an offset: asked of the brokers once, fixed from then on.
//!
//! What "latest" means must not be asked twice: a job that starts at the end, takes a checkpoint before the first record comes and is
//! restored from it would else jump over what came in between.

use std::collections::HashMap;
use std::time::Duration;

use rdkafka::consumer::Consumer as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::client::Consumer;
use super::config::{KafkaConfig, Point, Reset};
use super::discovery::Problem;
use super::entry::Next;
use crate::error::ConnectorError;

type Partitions<'a> = &'a [(String, i32)];

/// The position that a point means in each of the partitions.
pub(super) fn resolve(
    consumer: &Consumer,
    config: &KafkaConfig,
    point: &Point,
    partitions: Partitions<'_>,
    timeout: Duration,
) -> Result<Vec<Next>, Problem> {
    if partitions.is_empty() {
        return Ok(Vec::new());
    }
    match point {
        Point::Earliest => Ok(vec![Next::Earliest; partitions.len()]),
        Point::Latest => ends(consumer, config, partitions, timeout),
        Point::Timestamp(millis) => at_time(consumer, config, partitions, Offset::Offset((*millis).max(0)), timeout),
        Point::Group => committed(consumer, config, partitions, timeout, config.reset),
        Point::Specific(offsets) => {
            let known: HashMap<i32, i64> = offsets.iter().copied().collect();
            // As in Flink: a partition that was not named goes by the group, then by its beginning.
            let others = match &config.group {
                Some(_) => committed(consumer, config, partitions, timeout, Reset::Earliest)?,
                None => vec![Next::Earliest; partitions.len()],
            };
            let chosen =
                |((_, partition), other): (&(String, i32), Next)| known.get(partition).map_or(other, |offset| Next::Offset(*offset));
            Ok(partitions.iter().zip(others).map(chosen).collect())
        }
    }
}

/// Where each partition ends now: where a bounded read stops.
pub(super) fn stops(
    consumer: &Consumer,
    config: &KafkaConfig,
    point: &Point,
    partitions: Partitions<'_>,
    timeout: Duration,
) -> Result<Vec<i64>, Problem> {
    let positions = resolve(consumer, config, point, partitions, timeout)?;
    let ends = if positions.contains(&Next::Earliest) { ends(consumer, config, partitions, timeout)? } else { positions.clone() };
    // Nothing was said of such a partition: all that is there now is read.
    Ok(positions
        .iter()
        .zip(ends)
        .map(|(position, end)| if let Next::Offset(offset) = position { *offset } else { offset_of(end) })
        .collect())
}

fn offset_of(next: Next) -> i64 {
    match next {
        Next::Offset(offset) => offset,
        Next::Earliest => 0,
    }
}

fn ends(consumer: &Consumer, config: &KafkaConfig, partitions: Partitions<'_>, timeout: Duration) -> Result<Vec<Next>, Problem> {
    let end = |(topic, partition): &(String, i32)| {
        let marks = consumer.fetch_watermarks(topic, *partition, timeout);
        marks.map(|(_, high)| Next::Offset(high)).map_err(|error| Problem::of(config, "cannot ask for the end of the topic", &error))
    };
    partitions.iter().map(end).collect()
}

fn at_time(
    consumer: &Consumer,
    config: &KafkaConfig,
    partitions: Partitions<'_>,
    time: Offset,
    timeout: Duration,
) -> Result<Vec<Next>, Problem> {
    let what = "cannot ask for offsets by time";
    let asked = list(partitions, time).map_err(|error| Problem::of(config, what, &error))?;
    let found = consumer.offsets_for_times(asked, timeout).map_err(|error| Problem::of(config, what, &error))?.to_topic_map();
    let position = |key: &(String, i32)| match found.get(key) {
        Some(Offset::Offset(offset)) => Ok(Next::Offset(*offset)),
        // No record that late: the next one to come.
        _ => ends(consumer, config, std::slice::from_ref(key), timeout).map(|ends| ends.first().copied().unwrap_or(Next::Earliest)),
    };
    partitions.iter().map(position).collect()
}

fn committed(
    consumer: &Consumer,
    config: &KafkaConfig,
    partitions: Partitions<'_>,
    timeout: Duration,
    reset: Reset,
) -> Result<Vec<Next>, Problem> {
    let what = "cannot ask for the group's offsets";
    let asked = list(partitions, Offset::Invalid).map_err(|error| Problem::of(config, what, &error))?;
    let found = consumer.committed_offsets(asked, timeout).map_err(|error| Problem::of(config, what, &error))?.to_topic_map();
    let position = |key: &(String, i32)| match (found.get(key), reset) {
        (Some(Offset::Offset(offset)), _) => Ok(Next::Offset(*offset)),
        (_, Reset::Earliest) => Ok(Next::Earliest),
        (_, Reset::Latest) => {
            ends(consumer, config, std::slice::from_ref(key), timeout).map(|ends| ends.first().copied().unwrap_or(Next::Earliest))
        }
        (_, Reset::Fail) => Err(Problem::Final(Box::new(ConnectorError::Kafka {
            table: config.table.clone(),
            what: format!(
                "group `{}` has no offset of topic `{}`, partition {}",
                config.group.as_deref().unwrap_or_default(),
                key.0,
                key.1
            ),
            reason: "nothing was committed, or it has expired".to_owned(),
            advice: "set 'scan.startup.mode' = 'earliest-offset' (or 'latest-offset'), or 'properties.auto.offset.reset' = 'earliest'",
        }))),
    };
    partitions.iter().map(position).collect()
}

fn list(partitions: Partitions<'_>, offset: Offset) -> Result<TopicPartitionList, rdkafka::error::KafkaError> {
    let mut list = TopicPartitionList::with_capacity(partitions.len());
    for (topic, partition) in partitions {
        list.add_partition_offset(topic, *partition, offset)?;
    }
    Ok(list)
}
