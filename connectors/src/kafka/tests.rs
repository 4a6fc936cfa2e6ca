//! The source against librdkafka's mock cluster: partitions, positions, restarts, trouble.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::{Int32Type, Int64Type};
use irmak_common::id::{CheckpointId, JobId};
use irmak_common::operator_spec::{ConnectorSpec, SourceSpec};
use irmak_common::split::SplitEvent;
use irmak_common::time::Millis;
use irmak_common::types::{Field, Schema, TypeKind};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::source::KafkaSource;
use crate::context::{FileAccess, SourceContext};
use crate::error::ConnectorError;
use crate::source::{Source, SourceEvent};

pub(super) type Mock = MockCluster<'static, DefaultProducerContext>;

pub(super) fn clock() -> Millis {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_millis() as Millis
}

pub(super) fn cluster(topic: &str, partitions: i32) -> Mock {
    let mock = MockCluster::new(1).unwrap();
    mock.create_topic(topic, partitions, 1).unwrap();
    mock
}

pub(super) fn produce(mock: &Mock, topic: &str, partition: i32, payloads: impl IntoIterator<Item = String>) {
    produce_to(&mock.bootstrap_servers(), topic, partition, payloads);
}

fn produce_to(servers: &str, topic: &str, partition: i32, payloads: impl IntoIterator<Item = String>) {
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", servers).create().unwrap();
    for payload in payloads {
        producer.send(BaseRecord::<(), String>::to(topic).partition(partition).payload(&payload)).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(LONG).unwrap();
}

pub(super) fn ids(ids: std::ops::Range<i32>) -> impl Iterator<Item = String> {
    ids.map(|id| format!(r#"{{"id":{id}}}"#))
}

pub(super) fn spec(servers: &str, more: &[(&str, &str)]) -> SourceSpec {
    let given =
        [("topic", "t"), ("properties.bootstrap.servers", servers), ("scan.startup.mode", "earliest-offset"), ("value.format", "json")];
    let options: BTreeMap<_, _> = given.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    SourceSpec {
        primary_key: Vec::new(),
        table: "sahibinden".into(),
        database: Default::default(),
        connector: ConnectorSpec { connector: "kafka".into(), options },
        physical: Schema::new(vec![Field::new("id", TypeKind::Int.nullable())]),
        projection: vec![0],
        partition_by: Vec::new(),
        metadata: Vec::new(),
    }
}

pub(super) fn context(subtask: u32, parallelism: u32, restored: Option<Vec<Vec<u8>>>) -> SourceContext {
    SourceContext {
        job: JobId::from_u128(1),
        operator: 1,
        subtask,
        parallelism,
        attempt: 0,
        checkpoint: restored.as_ref().map(|_| CheckpointId(1)),
        restored,
        files: FileAccess::Anywhere,
        zone: "UTC".into(),
        clock,
    }
}

/// What a source gave until it ended, until enough rows came, or for so long.
#[derive(Default, Debug)]
pub(super) struct Read {
    pub(super) ids: Vec<i32>,
    pub(super) events: Vec<SplitEvent>,
    pub(super) ended: bool,
}

pub(super) fn read(source: &mut dyn Source, rows: usize, at_most: Duration) -> Result<Read, ConnectorError> {
    let (mut read, deadline) = (Read::default(), Instant::now() + at_most);
    while Instant::now() < deadline && read.ids.len() < rows {
        match source.poll(Duration::from_millis(20))? {
            SourceEvent::Batch { rows, .. } => read.ids.extend(rows.column(0).as_primitive::<Int32Type>().values()),
            SourceEvent::Split(event) => read.events.push(event),
            SourceEvent::Nothing => {}
            SourceEvent::EndOfInput => {
                read.ended = true;
                break;
            }
        }
    }
    Ok(read)
}

/// A deadline that only a test that fails reaches.
pub(super) const LONG: Duration = Duration::from_secs(60);

/// Reads until an event comes, which must come.
pub(super) fn read_until(source: &mut dyn Source, wanted: impl Fn(&SplitEvent) -> bool) -> Read {
    let (mut found, deadline) = (Read::default(), Instant::now() + LONG);
    while !found.events.iter().any(&wanted) {
        assert!(Instant::now() < deadline, "the event does not come: {found:?}");
        let more = read(source, 1, Duration::from_millis(20)).unwrap();
        found.ids.extend(more.ids);
        found.events.extend(more.events);
    }
    found
}

pub(super) fn sorted(mut ids: Vec<i32>) -> Vec<i32> {
    ids.sort_unstable();
    ids
}

pub(super) fn open(spec: &SourceSpec, context: &SourceContext) -> KafkaSource {
    KafkaSource::open(spec, context).unwrap()
}

#[test]
fn a_bounded_read_of_several_partitions_gives_every_record_once_and_ends() {
    let mock = cluster("t", 3);
    (0..3).for_each(|partition| produce(&mock, "t", partition, ids(partition * 100..partition * 100 + 100)));
    let mut source = open(&spec(&mock.bootstrap_servers(), &[("scan.bounded.mode", "latest-offset")]), &context(0, 1, None));
    let found = read(&mut source, usize::MAX, LONG).unwrap();
    assert!(found.ended);
    assert_eq!(sorted(found.ids), (0..300).collect::<Vec<_>>());
    let added = found.events.iter().filter(|event| matches!(event, SplitEvent::Added { .. })).count();
    let finished = found.events.iter().filter(|event| matches!(event, SplitEvent::Finished { .. })).count();
    assert_eq!((added, finished), (3, 3));
    assert!(found.events[..3].iter().all(|event| matches!(event, SplitEvent::Added { .. })), "all are known before any is read");
}

#[test]
fn an_empty_topic_read_to_its_end_ends_at_once() {
    let mock = cluster("t", 2);
    let mut source = open(&spec(&mock.bootstrap_servers(), &[("scan.bounded.mode", "latest-offset")]), &context(0, 1, None));
    assert!(read(&mut source, usize::MAX, LONG).unwrap().ended);
}

#[test]
fn subtasks_share_the_partitions_without_gap_or_overlap() {
    let mock = cluster("t", 5);
    (0..5).for_each(|partition| produce(&mock, "t", partition, ids(partition * 10..partition * 10 + 10)));
    let spec = spec(&mock.bootstrap_servers(), &[("scan.bounded.mode", "latest-offset")]);
    let mut all = Vec::new();
    for subtask in 0..3 {
        let found = read(&mut open(&spec, &context(subtask, 3, None)), usize::MAX, LONG).unwrap();
        assert!(found.ended);
        all.extend(found.ids);
    }
    assert_eq!(sorted(all), (0..50).collect::<Vec<_>>());
}

#[test]
fn a_restart_goes_on_behind_what_was_handed_out_at_any_parallelism() {
    let mock = cluster("t", 3);
    (0..3).for_each(|partition| produce(&mock, "t", partition, ids(partition * 100..partition * 100 + 100)));
    let spec = spec(&mock.bootstrap_servers(), &[("scan.bounded.mode", "latest-offset")]);
    let mut first = open(&spec, &context(0, 1, None));
    let before = read(&mut first, 100, LONG).unwrap();
    let entries = first.snapshot(CheckpointId(1)).unwrap();
    drop(first);
    // What comes later is behind the end that was fixed at the start.
    (0..3).for_each(|partition| produce(&mock, "t", partition, ids(1_000..1_010)));
    let mut all = before.ids;
    for subtask in 0..2 {
        let found = read(&mut open(&spec, &context(subtask, 2, Some(entries.clone()))), usize::MAX, LONG).unwrap();
        assert!(found.ended);
        all.extend(found.ids);
    }
    assert_eq!(sorted(all), (0..300).collect::<Vec<_>>());
}

#[test]
fn a_position_counts_once_its_batch_was_handed_out() {
    let mock = cluster("t", 1);
    produce(&mock, "t", 0, ids(0..50));
    let spec = spec(&mock.bootstrap_servers(), &[]);
    let mut source = open(&spec, &context(0, 1, None));
    assert_eq!(read(&mut source, 50, LONG).unwrap().ids.len(), 50);
    while !matches!(source.poll(Duration::from_millis(50)).unwrap(), SourceEvent::Split(SplitEvent::CaughtUp { .. })) {}
    produce(&mock, "t", 0, ids(50..60));
    // The news that there is more comes before the rows: a checkpoint in between must not hold them.
    loop {
        match source.poll(Duration::from_millis(50)).unwrap() {
            SourceEvent::Split(SplitEvent::Behind { .. }) => break,
            SourceEvent::Nothing => {}
            other => panic!("{other:?}"),
        }
    }
    let entries = source.snapshot(CheckpointId(1)).unwrap();
    let found = read(&mut open(&spec, &context(0, 1, Some(entries))), 10, LONG).unwrap();
    assert_eq!(found.ids, (50..60).collect::<Vec<_>>());
}

#[test]
fn partitions_and_topics_are_found_while_running() {
    let mock = cluster("t-1", 1);
    produce(&mock, "t-1", 0, ids(0..5));
    let servers = mock.bootstrap_servers();
    let mut spec = spec(&servers, &[("topic-pattern", "t-.*"), ("scan.topic-partition-discovery.interval", "200 ms")]);
    spec.connector.options.remove("topic");
    spec.connector.options.insert("scan.startup.mode".into(), "latest-offset".into());
    let mut source = open(&spec, &context(0, 1, None));
    let begun = read_until(&mut source, |event| matches!(event, SplitEvent::CaughtUp { .. }));
    assert!(begun.ids.is_empty(), "begins behind what was there");
    mock.create_topic("t-2", 2, 1).unwrap();
    produce(&mock, "t-2", 1, ids(100..105));
    produce(&mock, "t-1", 0, ids(5..8));
    let found = read(&mut source, 8, LONG).unwrap();
    assert_eq!(sorted(found.ids), [5, 6, 7, 100, 101, 102, 103, 104], "a topic that came later is read from its beginning");
}

#[test]
fn a_start_at_the_end_is_fixed_in_the_checkpoint() {
    let mock = cluster("t", 1);
    produce(&mock, "t", 0, ids(0..5));
    let mut spec = spec(&mock.bootstrap_servers(), &[]);
    spec.connector.options.insert("scan.startup.mode".into(), "latest-offset".into());
    let mut source = open(&spec, &context(0, 1, None));
    assert!(read_until(&mut source, |event| matches!(event, SplitEvent::CaughtUp { .. })).ids.is_empty());
    let entries = source.snapshot(CheckpointId(1)).unwrap();
    drop(source);
    produce(&mock, "t", 0, ids(5..8));
    assert_eq!(read(&mut open(&spec, &context(0, 1, Some(entries))), 3, LONG).unwrap().ids, [5, 6, 7]);
}

#[test]
fn offsets_are_committed_for_lag_monitors_and_can_be_started_from() {
    let mock = cluster("t", 1);
    produce(&mock, "t", 0, ids(0..20));
    let mut spec = spec(&mock.bootstrap_servers(), &[("properties.group.id", "g")]);
    let mut source = open(&spec, &context(0, 1, None));
    assert_eq!(read(&mut source, 20, LONG).unwrap().ids.len(), 20);
    source.snapshot(CheckpointId(1)).unwrap();
    source.on_checkpoint_complete(CheckpointId(1)).unwrap();
    let group: BaseConsumer = ClientConfig::new().set("bootstrap.servers", mock.bootstrap_servers()).set("group.id", "g").create().unwrap();
    let committed = || {
        let mut list = TopicPartitionList::new();
        list.add_partition("t", 0);
        group.committed_offsets(list, LONG).unwrap().elements()[0].offset()
    };
    let deadline = Instant::now() + LONG;
    while committed() != Offset::Offset(20) && Instant::now() < deadline {
        source.poll(Duration::from_millis(20)).unwrap();
    }
    assert_eq!(committed(), Offset::Offset(20));
    produce(&mock, "t", 0, ids(20..23));
    spec.connector.options.insert("scan.startup.mode".into(), "group-offsets".into());
    assert_eq!(read(&mut open(&spec, &context(0, 1, None)), 3, LONG).unwrap().ids, [20, 21, 22]);
    spec.connector.options.insert("properties.group.id".into(), "nobody".into());
    let error = read(&mut open(&spec, &context(0, 1, None)), 3, LONG).unwrap_err().to_string();
    assert!(error.contains("group `nobody` has no offset") && error.contains("earliest-offset"), "{error}");
}

#[test]
fn specific_offsets_say_where_to_begin() {
    let mock = cluster("t", 2);
    (0..2).for_each(|partition| produce(&mock, "t", partition, ids(partition * 10..partition * 10 + 10)));
    let more = [("scan.startup.specific-offsets", "partition:0,offset:7"), ("scan.bounded.mode", "latest-offset")];
    let mut spec = spec(&mock.bootstrap_servers(), &more);
    spec.connector.options.insert("scan.startup.mode".into(), "specific-offsets".into());
    let found = read(&mut open(&spec, &context(0, 1, None)), usize::MAX, LONG).unwrap();
    assert_eq!(sorted(found.ids), [7, 8, 9].into_iter().chain(10..20).collect::<Vec<_>>());
}

#[test]
fn a_position_that_the_broker_does_not_have_is_an_error_and_no_jump() {
    let mock = cluster("t", 1);
    produce(&mock, "t", 0, ids(0..5));
    let mut spec = spec(&mock.bootstrap_servers(), &[("scan.startup.specific-offsets", "partition:0,offset:900")]);
    spec.connector.options.insert("scan.startup.mode".into(), "specific-offsets".into());
    let error = read(&mut open(&spec, &context(0, 1, None)), 1, LONG).unwrap_err();
    assert!(matches!(error, ConnectorError::OffsetGone { offset: 900, .. }), "{error}");
    spec.connector.options.insert("properties.auto.offset.reset".into(), "earliest".into());
    assert_eq!(read(&mut open(&spec, &context(0, 1, None)), 5, LONG).unwrap().ids, [0, 1, 2, 3, 4]);
}

#[test]
fn an_unknown_topic_is_named_with_the_nearest() {
    let mock = cluster("sahibinden", 1);
    let mut spec = spec(&mock.bootstrap_servers(), &[]);
    spec.connector.options.insert("topic".into(), "sahibindem".into());
    let error = read(&mut open(&spec, &context(0, 1, None)), 1, LONG).unwrap_err();
    assert!(matches!(&error, ConnectorError::UnknownTopic { nearest: Some(nearest), .. } if nearest == "sahibinden"), "{error}");
    assert!(error.to_string().contains("topic `sahibindem` does not exist"), "{error}");
}

#[test]
fn a_broker_that_is_away_is_waited_for_and_told_of() {
    let mut source = open(&spec("127.0.0.1:1", &[]), &context(2, 4, None));
    let (mut message, deadline) = (String::new(), Instant::now() + LONG);
    while !message.contains("tries, next") && Instant::now() < deadline {
        let found = read(&mut source, 1, Duration::from_millis(200)).unwrap();
        assert!(found.ids.is_empty() && !found.ended);
        message = source.metrics().message.unwrap_or_default();
    }
    assert!(message.starts_with("source sahibinden[2]: broker 127.0.0.1:1 refused the connection since "), "{message}");
    assert!(message.contains("tries, next") && message.ends_with("The source waits; nothing is lost."), "{message}");
}

#[test]
fn a_broker_that_comes_back_is_read_again() {
    let mock = cluster("t", 1);
    produce(&mock, "t", 0, ids(0..5));
    let mut source = open(&spec(&mock.bootstrap_servers(), &[]), &context(0, 1, None));
    assert_eq!(read(&mut source, 5, LONG).unwrap().ids.len(), 5);
    mock.broker_down(-1).unwrap();
    let deadline = Instant::now() + LONG;
    while source.metrics().message.is_none() && Instant::now() < deadline {
        source.poll(Duration::from_millis(20)).unwrap();
    }
    assert!(source.metrics().message.is_some());
    mock.broker_up(-1).unwrap();
    produce(&mock, "t", 0, ids(5..9));
    assert_eq!(read(&mut source, 4, LONG).unwrap().ids, [5, 6, 7, 8]);
    assert_eq!(source.metrics().message, None);
}

#[test]
fn a_bad_record_fails_the_job_and_is_named() {
    let mock = cluster("t", 1);
    produce(&mock, "t", 0, ids(0..2).chain(["{\"id\":\"x7\"}".to_owned()]));
    let error = read(&mut open(&spec(&mock.bootstrap_servers(), &[]), &context(0, 1, None)), 3, LONG).unwrap_err().to_string();
    for words in ["topic `t`, partition 0, offset 2", "column `id`", "\"x7\"", "INT", "scan.dead-letter"] {
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn bad_records_are_counted_or_kept_aside_where_the_table_says_so() {
    let mock = cluster("t", 1);
    let huge = format!("{{\"id\":{}1}}", " ".repeat(100));
    produce(&mock, "t", 0, ["{\"id\":1}".to_owned(), "junk".to_owned(), huge, "{\"id\":2}".to_owned()]);
    let ended = ("scan.bounded.mode", "latest-offset");
    let mut source = open(&spec(&mock.bootstrap_servers(), &[ended, ("value.json.ignore-parse-errors", "true")]), &context(0, 1, None));
    assert_eq!(read(&mut source, usize::MAX, LONG).unwrap().ids, [1, 1, 2]);
    assert_eq!(source.metrics().skipped_records, 1);
    let folder = tempfile::tempdir().unwrap();
    let letters = format!("file://{}", folder.path().display());
    let mut source = open(&spec(&mock.bootstrap_servers(), &[ended, ("scan.dead-letter", &letters)]), &context(0, 1, None));
    assert_eq!(read(&mut source, usize::MAX, LONG).unwrap().ids, [1, 1, 2]);
    assert_eq!(source.metrics().skipped_records, 1);
    let text = std::fs::read_to_string(folder.path().join("dead-letter-sahibinden-0.jsonl")).unwrap();
    let line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((line["topic"].as_str(), line["offset"].as_i64(), line["payload"].as_str()), (Some("t"), Some(1), Some("junk")));
    assert!(line["reason"].as_str().unwrap().contains("a JSON object is expected"), "{line}");
}

#[test]
fn metadata_columns_say_where_a_record_stood() {
    let mock = cluster("t", 2);
    produce(&mock, "t", 1, ids(0..3));
    let mut spec = spec(&mock.bootstrap_servers(), &[("scan.bounded.mode", "latest-offset")]);
    let headers = TypeKind::Map(Box::new(TypeKind::STRING.not_null()), Box::new(TypeKind::BYTES.not_null()));
    spec.metadata = vec![
        ("topic".into(), TypeKind::STRING.not_null()),
        ("partition".into(), TypeKind::Int.not_null()),
        ("offset".into(), TypeKind::BigInt.not_null()),
        ("timestamp".into(), TypeKind::timestamp_ltz(3).not_null()),
        ("timestamp-type".into(), TypeKind::STRING.not_null()),
        ("headers".into(), headers.not_null()),
        ("leader-epoch".into(), TypeKind::Int.nullable()),
    ];
    let mut source = open(&spec, &context(0, 1, None));
    let rows = loop {
        match source.poll(Duration::from_millis(100)).unwrap() {
            SourceEvent::Batch { rows, .. } => break rows,
            SourceEvent::EndOfInput => panic!("no rows"),
            _ => {}
        }
    };
    assert_eq!(rows.column(1).as_string::<i32>().value(2), "t");
    assert_eq!(rows.column(2).as_primitive::<Int32Type>().value(2), 1);
    assert_eq!(rows.column(3).as_primitive::<Int64Type>().values(), &[0, 1, 2]);
    assert_eq!(rows.column(5).as_string::<i32>().value(0), "CreateTime");
    assert_eq!(rows.num_columns(), 8);
}

#[test]
fn many_partitions_are_read_by_a_client_made_for_them() {
    let mock = cluster("t", 12);
    (0..12).for_each(|partition| produce(&mock, "t", partition, ids(partition * 10..partition * 10 + 10)));
    let mut source = open(&spec(&mock.bootstrap_servers(), &[("scan.bounded.mode", "latest-offset")]), &context(0, 1, None));
    let found = read(&mut source, usize::MAX, LONG).unwrap();
    assert!(found.ended);
    assert_eq!(sorted(found.ids), (0..120).collect::<Vec<_>>());
}

#[test]
fn stopping_ends_the_input_and_loses_nothing() {
    let mock = cluster("t", 1);
    produce(&mock, "t", 0, ids(0..10));
    let spec = spec(&mock.bootstrap_servers(), &[]);
    let mut source = open(&spec, &context(0, 1, None));
    let found = read(&mut source, 10, LONG).unwrap();
    source.stop();
    assert!(matches!(source.poll(Duration::ZERO).unwrap(), SourceEvent::EndOfInput));
    let entries = source.snapshot(CheckpointId(1)).unwrap();
    produce(&mock, "t", 0, ids(10..12));
    assert_eq!(found.ids.len(), 10);
    assert_eq!(read(&mut open(&spec, &context(0, 1, Some(entries))), 2, LONG).unwrap().ids, [10, 11]);
}

#[test]
fn what_a_poll_waited_before_its_rows_came_is_told_apart_from_its_work() {
    let mock = cluster("t", 1);
    produce(&mock, "t", 0, ids(0..5));
    let mut source = open(&spec(&mock.bootstrap_servers(), &[]), &context(0, 1, None));
    assert_eq!(read(&mut source, 5, LONG).unwrap().ids.len(), 5);
    let (begun, servers) = (Instant::now(), mock.bootstrap_servers());
    let late = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(3_000));
        produce_to(&servers, "t", 0, ids(5..6));
    });
    let mut waited = Duration::ZERO;
    loop {
        let event = source.poll(LONG).unwrap();
        waited += source.waited();
        if matches!(event, SourceEvent::Batch { .. }) {
            break;
        }
    }
    late.join().unwrap();
    let took = begun.elapsed();
    assert!(waited >= Duration::from_millis(500) && waited <= took, "{waited:?} of {took:?}");
}
