//! The sink against librdkafka's mock cluster: records as they arrive, partitions, trouble, waiting.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arrow::array::UInt8Array;
use arrow::array::{ArrayRef, Int32Array, RecordBatch, StringArray, TimestampMillisecondArray};
use irmak_common::element::{CheckpointKind, ROW_KIND_COLUMN, RowKind};
use irmak_common::id::{CheckpointId, JobId};
use irmak_common::operator_spec::{ConnectorSpec, SinkSpec};
use irmak_common::types::{Field, Schema, TypeKind};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers, Message, OwnedMessage};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;

use super::sink::KafkaSink;
use super::tests::{Mock, clock, cluster};
use crate::context::{FileAccess, SinkContext, no_kill_point};
use crate::error::ConnectorError;
use crate::sink::Sink;

fn context(subtask: u32) -> SinkContext {
    SinkContext {
        job: JobId::from_u128(1),
        operator: 1,
        subtask,
        parallelism: 4,
        attempt: 0,
        restored: None,
        checkpoint: None,
        files: FileAccess::Anywhere,
        zone: "UTC".into(),
        clock,
        kill_point: no_kill_point,
    }
}

fn columns() -> Vec<Field> {
    vec![Field::new("id", TypeKind::Int.nullable()), Field::new("name", TypeKind::STRING.nullable())]
}

fn spec(mock: &Mock, more: &[(&str, &str)]) -> SinkSpec {
    let servers = mock.bootstrap_servers();
    let given = [("topic", "t"), ("properties.bootstrap.servers", servers.as_str()), ("format", "json")];
    let options: BTreeMap<_, _> = given.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    SinkSpec {
        ends_old_keys: false,
        table: "out".into(),
        database: Default::default(),
        connector: ConnectorSpec { connector: "kafka".into(), options },
        schema: Schema::new(columns()),
        partition_by: vec![],
        primary_key: vec![],
        metadata: vec![],
    }
}

fn rows(ids: std::ops::Range<i32>) -> RecordBatch {
    let names: Vec<_> = ids.clone().map(|id| (id % 3 > 0).then(|| format!("n{id}"))).collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(Int32Array::from_iter_values(ids)), Arc::new(StringArray::from(names))];
    RecordBatch::try_new(Schema::new(self::columns()).to_arrow(), columns).unwrap()
}

fn open(spec: &SinkSpec) -> KafkaSink {
    KafkaSink::open(spec, &context(1)).unwrap()
}

fn flush(sink: &mut KafkaSink) -> Result<(), ConnectorError> {
    let union = sink.pre_commit(CheckpointId(1), CheckpointKind::Checkpoint, 0)?;
    assert!(union.is_empty());
    sink.commit(CheckpointId(1))
}

/// The first `count` records of a topic, each partition in its order.
fn read_back(mock: &Mock, topic: &str, partitions: i32, count: usize) -> Vec<OwnedMessage> {
    let consumer: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", mock.bootstrap_servers()).set("group.id", "back").create().unwrap();
    let mut list = TopicPartitionList::new();
    (0..partitions).for_each(|partition| list.add_partition_offset(topic, partition, Offset::Beginning).unwrap());
    consumer.assign(&list).unwrap();
    let (mut found, deadline) = (Vec::new(), Instant::now() + Duration::from_secs(60));
    while found.len() < count && Instant::now() < deadline {
        found.extend(consumer.poll(Duration::from_millis(50)).and_then(Result::ok).map(|message| message.detach()));
    }
    found.sort_by_key(|message| (message.partition(), message.offset()));
    found
}

fn text(bytes: Option<&[u8]>) -> Option<&str> {
    bytes.map(|bytes| std::str::from_utf8(bytes).unwrap())
}

#[test]
fn when_a_checkpoint_is_acknowledged_the_brokers_have_every_row() {
    let mock = cluster("t", 3);
    let mut sink = open(&spec(&mock, &[("properties.linger.ms", "200"), ("properties.key.serializer", "x.Y")]));
    sink.write(&rows(0..5_000), 0).unwrap();
    sink.write(&rows(5_000..6_000), 0).unwrap();
    flush(&mut sink).unwrap();
    assert_eq!(sink.producer_delivered(), 6_000);
    let found = read_back(&mock, "t", 3, 6_000);
    let mut ids: Vec<u32> = found
        .iter()
        .map(|message| serde_json::from_slice::<serde_json::Value>(message.payload().unwrap()).unwrap()["id"].as_u64().unwrap() as u32)
        .collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..6_000).collect::<Vec<_>>());
    assert!(found.iter().all(|message| message.key().is_none()));
}

#[test]
fn a_key_has_its_own_format_and_names_and_goes_where_the_java_client_sends_it() {
    let mock = cluster("t", 7);
    let keyed = [("key.format", "csv"), ("key.fields", "id"), ("value.format", "json"), ("value.fields-include", "EXCEPT_KEY")];
    let mut spec = spec(&mock, &keyed);
    spec.connector.options.remove("format");
    let mut sink = open(&spec);
    sink.write(&rows(20..22), 0).unwrap();
    flush(&mut sink).unwrap();
    let found = read_back(&mock, "t", 7, 2);
    let shown: Vec<_> = found.iter().map(|message| (text(message.key()), text(message.payload()))).collect();
    assert!(
        shown.contains(&(Some("20"), Some(r#"{"name":"n20"}"#))) && shown.contains(&(Some("21"), Some(r#"{"name":null}"#))),
        "{shown:?}"
    );
    // murmur2("21") is -973932308 (Kafka's own test); made positive as Java does, modulo 7.
    let of_21 = found.iter().find(|message| message.key() == Some(b"21")).unwrap();
    assert_eq!(of_21.partition(), (-973_932_308 & 0x7fff_ffff) % 7);
}

#[test]
fn a_key_may_be_several_fields_whose_prefix_is_only_the_tables() {
    let mock = cluster("t", 1);
    let keyed = [
        ("key.format", "json"),
        ("key.fields", "name;id"),
        ("key.json.encode.ignore-null-fields", "true"),
        ("value.fields-include", "ALL"),
    ];
    let mut sink = open(&spec(&mock, &keyed));
    sink.write(&rows(3..5), 0).unwrap();
    flush(&mut sink).unwrap();
    let found = read_back(&mock, "t", 1, 2);
    assert_eq!(text(found[0].key()), Some(r#"{"id":3}"#));
    assert_eq!(text(found[1].key()), Some(r#"{"name":"n4","id":4}"#));
    assert_eq!(text(found[1].payload()), Some(r#"{"id":4,"name":"n4"}"#));

    let mock = cluster("t", 1);
    let prefixed = [("key.format", "json"), ("key.fields", "k_id"), ("key.fields-prefix", "k_"), ("value.fields-include", "EXCEPT_KEY")];
    let mut spec = spec(&mock, &prefixed);
    spec.schema.fields[0].name = "k_id".into();
    let mut sink = open(&spec);
    sink.write(&rows(4..5), 0).unwrap();
    flush(&mut sink).unwrap();
    let found = read_back(&mock, "t", 1, 1);
    assert_eq!((text(found[0].key()), text(found[0].payload())), (Some(r#"{"id":4}"#), Some(r#"{"name":"n4"}"#)));
}

fn partitions_used(partitioner: &str, subtask: u32) -> Vec<i32> {
    let mock = cluster("t", 4);
    let mut sink = KafkaSink::open(&spec(&mock, &[("sink.partitioner", partitioner)]), &context(subtask)).unwrap();
    sink.write(&rows(0..8), 0).unwrap();
    flush(&mut sink).unwrap();
    read_back(&mock, "t", 4, 8).iter().map(OwnedMessage::partition).collect()
}

#[test]
fn a_partitioner_may_be_fixed_or_one_after_the_other() {
    assert_eq!(partitions_used("fixed", 1), [1; 8]);
    assert_eq!(partitions_used("fixed", 6), [2; 8]);
    assert_eq!(partitions_used("round-robin", 0), [0, 0, 1, 1, 2, 2, 3, 3]);
    assert_eq!(partitions_used("default", 0).len(), 8);
}

#[test]
fn raw_and_csv_records_have_no_line_breaks() {
    let mock = cluster("t", 1);
    let mut sink = open(&spec(&mock, &[("format", "csv")]));
    sink.write(&rows(1..3), 0).unwrap();
    flush(&mut sink).unwrap();
    let found = read_back(&mock, "t", 1, 2);
    assert_eq!((text(found[0].payload()), text(found[1].payload())), (Some("1,n1"), Some("2,n2")));
}

#[test]
fn a_row_may_say_its_topic_its_time_and_its_headers() {
    let mock = cluster("t", 1);
    mock.create_topic("u", 1, 1).unwrap();
    let map = TypeKind::Map(Box::new(TypeKind::STRING.not_null()), Box::new(TypeKind::BYTES.nullable()));
    let mut spec = spec(&mock, &[("topic", "t;u")]);
    spec.schema.fields.truncate(1);
    spec.schema.fields.push(Field::new("where", TypeKind::STRING.nullable()));
    spec.schema.fields.push(Field::new("at", TypeKind::timestamp_ltz(3).nullable()));
    spec.schema.fields.push(Field::new("more", map.nullable()));
    spec.metadata = vec![(1, "topic".into()), (2, "timestamp".into()), (3, "headers".into())];
    let mut sink = open(&spec);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int32Array::from(vec![1, 2]))),
        ("where", Arc::new(StringArray::from(vec!["u", "t"]))),
        ("at", Arc::new(TimestampMillisecondArray::from(vec![Some(1_739_689_689_000), None]))),
        ("more", headers(&[Some(("h", "v")), None])),
    ];
    sink.write(&RecordBatch::try_from_iter(columns).unwrap(), 0).unwrap();
    flush(&mut sink).unwrap();
    let in_u = read_back(&mock, "u", 1, 1);
    assert_eq!(text(in_u[0].payload()), Some(r#"{"id":1}"#));
    assert_eq!(in_u[0].timestamp().to_millis(), Some(1_739_689_689_000));
    let header = in_u[0].headers().unwrap().get(0);
    assert_eq!((header.key, header.value), ("h", Some(b"v".as_slice())));
    assert!(read_back(&mock, "t", 1, 1)[0].headers().is_none());

    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int32Array::from(vec![1]))),
        ("where", Arc::new(StringArray::from(vec!["x"]))),
        ("at", Arc::new(TimestampMillisecondArray::from(vec![None]))),
        ("more", headers(&[None])),
    ];
    let error = sink.write(&RecordBatch::try_from_iter(columns).unwrap(), 0).unwrap_err().to_string();
    assert!(error.contains("`x` is none of the topics"), "{error}");
}

/// A map of headers a row.
fn headers(rows: &[Option<(&str, &str)>]) -> ArrayRef {
    let ty = TypeKind::Map(Box::new(TypeKind::STRING.not_null()), Box::new(TypeKind::BYTES.nullable())).to_arrow();
    let arrow::datatypes::DataType::Map(field, _) = &ty else { panic!("no map") };
    let keys = StringArray::from_iter_values(rows.iter().flatten().map(|(key, _)| *key));
    let values = arrow::array::BinaryArray::from_iter_values(rows.iter().flatten().map(|(_, value)| value.as_bytes()));
    let offsets = arrow::buffer::OffsetBuffer::from_lengths(rows.iter().map(|row| usize::from(row.is_some())));
    let nulls = rows.iter().map(Option::is_some).collect::<Vec<_>>().into();
    Arc::new(irmak_common::map::array(field, offsets, Arc::new(keys), Arc::new(values), Some(nulls)).unwrap())
}

#[test]
fn a_record_that_cannot_be_delivered_fails_the_task_with_its_place() {
    let mock = cluster("t", 1);
    let mut sink = open(&spec(&mock, &[]));
    // Produce requests are answered so; it is no error that passes.
    mock.request_errors(rdkafka::types::RDKafkaApiKey::Produce, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 4]);
    sink.write(&rows(0..1), 0).unwrap();
    let error = flush(&mut sink).unwrap_err().to_string();
    for words in ["topic `t`, partition 0", "have the user allowed to write", "uthorization"] {
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn a_row_larger_than_a_record_may_be_is_named() {
    let mock = cluster("t", 1);
    let mut sink = open(&spec(&mock, &[("properties.max.request.size", "1000")]));
    let large: Vec<ArrayRef> = vec![Arc::new(Int32Array::from(vec![1])), Arc::new(StringArray::from(vec!["x".repeat(2_000)]))];
    let batch = RecordBatch::try_new(Schema::new(columns()).to_arrow(), large).unwrap();
    let error = sink.write(&batch, 0).and_then(|()| flush(&mut sink)).unwrap_err().to_string();
    assert!(error.contains("max.request.size") && error.contains("topic `t`"), "{error}");
}

#[test]
fn a_topic_that_is_not_there_is_named_with_the_nearest() {
    let mock = cluster("sahibinden-processed", 1);
    mock.topic_error("sahibinden-procesed", RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART).unwrap();
    let mut sink = open(&spec(&mock, &[("topic", "sahibinden-procesed")]));
    let error = sink.write(&rows(0..1), 0).unwrap_err();
    assert!(matches!(&error, ConnectorError::UnknownTopic { nearest: Some(nearest), .. } if nearest == "sahibinden-processed"), "{error}");
}

#[test]
fn a_full_queue_is_waited_for_and_the_wait_ends_with_the_task() {
    let mock = cluster("t", 1);
    let full = [("properties.buffer.memory", "65536"), ("properties.delivery.timeout.ms", "600000")];
    let mut sink = open(&spec(&mock, &full));
    sink.write(&rows(0..1), 0).unwrap();
    flush(&mut sink).unwrap();
    // More than fits, with brokers that answer: everything arrives.
    sink.write(&rows(0..8_000), 0).unwrap();
    flush(&mut sink).unwrap();
    // With brokers that are away it waits, until the task is asked to end.
    mock.broker_down(-1).unwrap();
    let asked = Arc::new(AtomicBool::new(false));
    let seen = asked.clone();
    sink.give_up_when(Arc::new(move || seen.load(Ordering::SeqCst)));
    let began = Instant::now();
    let ender = std::thread::spawn({
        let asked = asked.clone();
        move || {
            std::thread::sleep(Duration::from_millis(400));
            asked.store(true, Ordering::SeqCst);
        }
    });
    let error = (0..100).find_map(|_| sink.write(&rows(0..8_000), 0).err()).unwrap().to_string();
    assert!(error.contains("the task was asked to end"), "{error}");
    // Not before it was asked, and long before its delivery timeout.
    assert!((400..500_000).contains(&(began.elapsed().as_millis() as u64)), "{:?}", began.elapsed());
    ender.join().unwrap();
}

#[test]
fn an_upsert_table_writes_the_last_row_of_each_key_and_ends_it_with_nothing() {
    let mock = cluster("t", 1);
    let mut spec = spec(&mock, &[("key.format", "raw")]);
    spec.connector.connector = "upsert-kafka".into();
    let refused = |spec: &SinkSpec| KafkaSink::open(spec, &context(0)).map(|_| ()).unwrap_err().to_string();
    assert!(refused(&spec).contains("add PRIMARY KEY"));
    let mut twice = spec.clone();
    twice.connector.options.insert("sink.delivery-guarantee".into(), "exactly-once".into());
    assert!(refused(&twice).contains("later version"));
    spec.primary_key = vec![1];
    let mut sink = open(&spec);
    let kinds = [RowKind::Insert, RowKind::UpdateBefore, RowKind::UpdateAfter, RowKind::Delete].map(|kind| kind as u8);
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int32Array::from(vec![1, 1, 2, 2]))),
        ("name", Arc::new(StringArray::from(vec!["a"; 4]))),
        (ROW_KIND_COLUMN, Arc::new(UInt8Array::from(kinds.to_vec()))),
    ];
    sink.write(&RecordBatch::try_from_iter(columns).unwrap(), 0).unwrap();
    flush(&mut sink).unwrap();
    let found = read_back(&mock, "t", 1, 3);
    let shown: Vec<_> = found.iter().map(|message| (text(message.key()).unwrap(), text(message.payload()))).collect();
    assert_eq!(shown, [("a", Some(r#"{"id":1,"name":"a"}"#)), ("a", Some(r#"{"id":2,"name":"a"}"#)), ("a", None)]);
}

#[test]
fn a_row_that_moves_to_another_key_ends_the_old_one() {
    let mock = cluster("t", 1);
    let mut spec = spec(&mock, &[("key.format", "raw")]);
    spec.connector.connector = "upsert-kafka".into();
    (spec.primary_key, spec.ends_old_keys) = (vec![1], true);
    let mut sink = open(&spec);
    let kinds = [RowKind::Insert, RowKind::UpdateBefore, RowKind::UpdateAfter, RowKind::UpdateBefore, RowKind::UpdateAfter];
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int32Array::from(vec![1, 1, 2, 2, 3]))),
        ("name", Arc::new(StringArray::from(vec!["a", "a", "b", "b", "b"]))),
        (ROW_KIND_COLUMN, Arc::new(UInt8Array::from(kinds.map(|kind| kind as u8).to_vec()))),
    ];
    sink.write(&RecordBatch::try_from_iter(columns).unwrap(), 0).unwrap();
    flush(&mut sink).unwrap();
    let found = read_back(&mock, "t", 1, 4);
    let shown: Vec<_> = found.iter().map(|message| (text(message.key()).unwrap(), text(message.payload()))).collect();
    let (one, two, three) = (r#"{"id":1,"name":"a"}"#, r#"{"id":2,"name":"b"}"#, r#"{"id":3,"name":"b"}"#);
    assert_eq!(shown, [("a", Some(one)), ("a", None), ("b", Some(two)), ("b", Some(three))]);
}

#[test]
fn what_the_options_cannot_be_is_said_when_the_table_is_opened() {
    let mock = cluster("t", 1);
    for (more, words) in [
        (vec![("sink.delivery-guarantee", "exactly-once")], "later version"),
        (vec![("key.fields", "id")], "add 'key.format'"),
        (vec![("format", "avro")], "format 'avro' does not exist"),
        (vec![("properties.acks", "many")], "properties.acks"),
        (vec![("topic", "t;u")], "exactly one topic"),
    ] {
        let error = KafkaSink::open(&spec(&mock, &more), &context(0)).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
