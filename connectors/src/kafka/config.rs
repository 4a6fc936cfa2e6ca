//! A Kafka table's options, checked: which topics, from where to where, as which client.

use std::time::Duration;

use irmak_common::time::Millis;
use rdkafka::config::ClientConfig;
use regex::Regex;

use super::properties::translate;
use crate::context::SourceContext;
use crate::error::ConnectorError;
use crate::options::Options;

/// Which topics are read.
#[derive(Clone, Debug)]
pub(super) enum Topics {
    /// `topic`: these.
    Listed(Vec<String>),
    /// `topic-pattern`: those whose whole name matches, also later ones.
    Matching(Regex),
}

/// A point in each partition: where reading starts, or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Point {
    /// The first record that the broker has.
    Earliest,
    /// Behind the last record that the broker has.
    Latest,
    /// The group's committed offset.
    Group,
    /// The first record with this time or a later one.
    Timestamp(Millis),
    /// These offsets, by partition number (of every topic).
    Specific(Vec<(i32, i64)>),
}

/// What happens where the position is not, or no longer, in the partition. `properties.auto.offset.reset`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reset {
    /// An error: nothing is passed over in silence. The default.
    Fail,
    /// Goes on with the first record that there is.
    Earliest,
    /// Goes on with the next record to come.
    Latest,
}

/// The options, checked.
pub(super) struct KafkaConfig {
    pub(super) table: String,
    pub(super) topics: Topics,
    /// `properties.bootstrap.servers`
    pub(super) servers: String,
    /// `properties.group.id`; offsets are committed only with one.
    pub(super) group: Option<String>,
    pub(super) startup: Point,
    /// `scan.bounded.mode`; `None`: unbounded.
    pub(super) bounded: Option<Point>,
    pub(super) reset: Reset,
    /// `scan.topic-partition-discovery.interval`; `None`: partitions are looked for once.
    pub(super) discovery: Option<Duration>,
    /// `scan.watermark.alignment.max-drift`; `None`: partitions do not wait for each other.
    pub(super) drift: Option<Duration>,
    pub(super) commit_offsets: bool,
    /// What was set aside, for the log.
    pub(super) notes: Vec<String>,
    client: ClientConfig,
    given: Vec<String>,
}

const DRIFT_DEFAULT: Duration = Duration::from_secs(60);
const DISCOVERY_DEFAULT: Duration = Duration::from_secs(300);

impl KafkaConfig {
    pub(super) fn read(options: &Options<'_>, upserts: bool, context: &SourceContext) -> Result<Self, ConnectorError> {
        let servers = options.required("properties.bootstrap.servers", "the brokers, such as localhost:9092")?.to_owned();
        let translated = translate(options, &context.files)?;
        let bounded = bounded(options)?;
        let discovery = discovery(options)?.filter(|_| bounded.is_none());
        let group = options.get("properties.group.id").map(str::to_owned).filter(|group| !group.is_empty());
        let reset_names = [
            ("none", Reset::Fail),
            ("earliest", Reset::Earliest),
            ("latest", Reset::Latest),
            ("smallest", Reset::Earliest),
            ("largest", Reset::Latest),
        ];
        let config = Self {
            table: options.table.to_owned(),
            topics: topics(options)?,
            servers,
            // What a key's row is, only all its records tell.
            startup: if upserts { Point::Earliest } else { startup(options)? },
            bounded,
            reset: options.one_of("properties.auto.offset.reset", &reset_names, Reset::Fail)?,
            discovery,
            drift: Some(options.duration("scan.watermark.alignment.max-drift")?.unwrap_or(DRIFT_DEFAULT)).filter(|drift| !drift.is_zero()),
            commit_offsets: group.is_some() && options.bool("properties.commit.offsets.on.checkpoint", true)?,
            group,
            notes: translated.notes,
            given: translated.config.config_map().keys().map(|key| (*key).to_owned()).collect(),
            client: translated.config,
        };
        if config.group.is_none() && (config.startup == Point::Group || config.bounded == Some(Point::Group)) {
            let what = "the consumer group whose offsets 'group-offsets' means; without one, choose another 'scan.startup.mode'";
            options.required("properties.group.id", what)?;
        }
        Ok(config)
    }

    /// librdkafka's configuration for a consumer of so many partitions.
    ///
    /// librdkafka's defaults are for few partitions and slow readers: a partition's queue holds 64 MB, and a fetcher that has found it full
    /// comes back after a second. Here the queues of one consumer hold some 32 MB and 64 Ki records together (a record costs about 400 bytes
    /// beside its own), and a fetcher comes back after 5 ms.
    pub(super) fn client(&self, partitions: usize, context: &SourceContext) -> ClientConfig {
        let mut client = self.client.clone();
        let partitions = partitions.max(1);
        let anonymous = format!("irmak-{}-{}", context.job, context.operator);
        let defaults = [
            ("fetch.queue.backoff.ms", "5".to_owned()),
            ("queued.min.messages", (65_536 / partitions).clamp(1_000, 32_768).to_string()),
            ("queued.max.messages.kbytes", (32_768 / partitions).clamp(1_024, 16_384).to_string()),
            ("fetch.message.max.bytes", (8 << 20 >> partitions.ilog2()).clamp(256 << 10, 2 << 20).to_string()),
            ("fetch.max.bytes", (16 << 20).to_string()),
            ("receive.message.max.bytes", (256 << 20).to_string()),
            ("reconnect.backoff.max.ms", "5000".to_owned()),
            ("socket.keepalive.enable", "true".to_owned()),
            ("socket.nagle.disable", "true".to_owned()),
            ("isolation.level", "read_committed".to_owned()),
            ("statistics.interval.ms", "2000".to_owned()),
            ("client.id", format!("irmak-{}-{}", self.table, context.subtask)),
            ("allow.auto.create.topics", "false".to_owned()),
        ];
        for (key, value) in defaults {
            if !self.given.iter().any(|given| given == key) {
                client.set(key, value);
            }
        }
        // librdkafka assigns partitions only to members of a group, which without commits nobody sees.
        client.set("group.id", self.group.as_deref().unwrap_or(&anonymous));
        client.set("enable.auto.commit", "false");
        client.set("enable.auto.offset.store", "false");
        client.set("enable.partition.eof", "true");
        // A position that is gone is this side's to judge: librdkafka would jump in silence.
        client.set("auto.offset.reset", "error");
        client
    }
}

fn topics(options: &Options<'_>) -> Result<Topics, ConnectorError> {
    match (options.get("topic"), options.get("topic-pattern")) {
        (Some(list), None) => {
            let names: Vec<String> = list.split(';').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
            let good = |name: &String| name.len() <= 249 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
            if names.is_empty() || !names.iter().all(good) {
                return Err(options.bad("topic", list, "topic names (letters, digits, `.`, `_`, `-`), several separated by `;`"));
            }
            Ok(Topics::Listed(names))
        }
        (None, Some(pattern)) => {
            // Java matches the whole name.
            let regex = Regex::new(&format!("^(?:{pattern})$"));
            regex.map(Topics::Matching).map_err(|error| options.bad("topic-pattern", pattern, &format!("a regular expression ({error})")))
        }
        (Some(topic), Some(_)) => Err(options.bad("topic", topic, "either 'topic' or 'topic-pattern', not both")),
        (None, None) => Err(options
            .required("topic", "the topic to read, or several separated by `;`; or 'topic-pattern'")
            .err()
            .unwrap_or_else(|| ConnectorError::Internal { table: options.table.to_owned(), what: "no topic".to_owned() })),
    }
}

#[derive(Clone, Copy)]
enum Mode {
    Earliest,
    Latest,
    Group,
    Timestamp,
    Specific,
    Unbounded,
}

fn startup(options: &Options<'_>) -> Result<Point, ConnectorError> {
    let modes = [
        ("earliest-offset", Mode::Earliest),
        ("latest-offset", Mode::Latest),
        ("group-offsets", Mode::Group),
        ("timestamp", Mode::Timestamp),
        ("specific-offsets", Mode::Specific),
    ];
    let mode = options.one_of("scan.startup.mode", &modes, Mode::Group)?;
    let point = point(options, mode, "scan.startup.timestamp-millis", "scan.startup.specific-offsets")?;
    Ok(point.unwrap_or(Point::Group))
}

fn bounded(options: &Options<'_>) -> Result<Option<Point>, ConnectorError> {
    let modes = [
        ("unbounded", Mode::Unbounded),
        ("latest-offset", Mode::Latest),
        ("group-offsets", Mode::Group),
        ("timestamp", Mode::Timestamp),
        ("specific-offsets", Mode::Specific),
    ];
    let mode = options.one_of("scan.bounded.mode", &modes, Mode::Unbounded)?;
    point(options, mode, "scan.bounded.timestamp-millis", "scan.bounded.specific-offsets")
}

fn point(options: &Options<'_>, mode: Mode, timestamp_key: &str, offsets_key: &str) -> Result<Option<Point>, ConnectorError> {
    Ok(Some(match mode {
        Mode::Unbounded => return Ok(None),
        Mode::Earliest => Point::Earliest,
        Mode::Latest => Point::Latest,
        Mode::Group => Point::Group,
        Mode::Timestamp => {
            options.required(timestamp_key, "milliseconds since 1970-01-01, such as 1739689689000")?;
            let millis = options.parsed::<i64>(timestamp_key, "milliseconds since 1970-01-01")?;
            Point::Timestamp(millis.unwrap_or_default())
        }
        Mode::Specific => {
            let text =
                options.required(offsets_key, "an offset for each partition, such as partition:0,offset:42;partition:1,offset:300")?;
            let offsets = specific(text).ok_or_else(|| options.bad(offsets_key, text, "partition:0,offset:42;partition:1,offset:300"))?;
            Point::Specific(offsets)
        }
    }))
}

/// `partition:0,offset:42;partition:1,offset:300`
fn specific(text: &str) -> Option<Vec<(i32, i64)>> {
    let pairs = text.split(';').map(str::trim).filter(|pair| !pair.is_empty());
    let offsets: Option<Vec<_>> = pairs
        .map(|pair| {
            let (partition, offset) = pair.split_once(',')?;
            let partition: i32 = partition.trim().strip_prefix("partition:")?.trim().parse().ok()?;
            let offset: i64 = offset.trim().strip_prefix("offset:")?.trim().parse().ok()?;
            (partition >= 0 && offset >= 0).then_some((partition, offset))
        })
        .collect();
    offsets.filter(|offsets| !offsets.is_empty())
}

/// Every 5 minutes unless said otherwise; never for 0 and, under the Java client's name, below.
fn discovery(options: &Options<'_>) -> Result<Option<Duration>, ConnectorError> {
    let of_client = options.parsed::<i64>("properties.partition.discovery.interval.ms", "milliseconds, such as 300000")?;
    let interval = match options.duration("scan.topic-partition-discovery.interval")? {
        Some(interval) => interval,
        None => match of_client {
            Some(millis) => Duration::from_millis(u64::try_from(millis).unwrap_or(0)),
            None => DISCOVERY_DEFAULT,
        },
    };
    Ok((!interval.is_zero()).then_some(interval))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specific_offsets_are_read_as_flink_writes_them() {
        assert_eq!(specific("partition:0,offset:42;partition:1,offset:300"), Some(vec![(0, 42), (1, 300)]));
        for bad in ["", "0:42", "partition:x,offset:1", "partition:0,offset:-1", "partition:0"] {
            assert_eq!(specific(bad), None, "{bad}");
        }
    }
}
