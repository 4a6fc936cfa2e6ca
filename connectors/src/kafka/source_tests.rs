//! The source against librdkafka's mock cluster: keys, where reading begins and ends, partitions kept together.

use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int32Type, Int64Type, UInt8Type};
use arrow::record_batch::RecordBatch;
use irmak_common::element::ROW_KIND_COLUMN;
use irmak_common::operator_spec::SourceSpec;
use irmak_common::split::{SplitEvent, SplitProgress};
use irmak_common::types::{Field, Schema, TypeKind};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::tests::{LONG, Mock, cluster, context, ids, open, produce, read, read_until, sorted, spec};
use crate::error::ConnectorError;
use crate::source::{Source, SourceEvent};

/// Records with keys, values (absent ones too) and times.
fn send(mock: &Mock, records: &[(Option<&str>, Option<&str>, i64)]) {
    let producer: BaseProducer = ClientConfig::new().set("bootstrap.servers", mock.bootstrap_servers()).create().unwrap();
    for (key, value, time) in records {
        let mut record: BaseRecord<'_, str, str> = BaseRecord::to("t").partition(0).timestamp(*time);
        record.key = *key;
        record.payload = *value;
        record.headers = Some(OwnedHeaders::new().insert(Header { key: "h", value: Some("v") }));
        producer.send(record).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(Duration::from_secs(10)).unwrap();
}

/// A table of `k_id INT, name STRING, k_part STRING`.
fn keyed(mock: &Mock, more: &[(&str, &str)]) -> SourceSpec {
    let mut spec = spec(&mock.bootstrap_servers(), &[("scan.bounded.mode", "latest-offset")]);
    spec.connector.options.extend(more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    spec.physical = Schema::new(vec![
        Field::new("k_id", TypeKind::Int.nullable()),
        Field::new("name", TypeKind::STRING.nullable()),
        Field::new("k_part", TypeKind::STRING.nullable()),
    ]);
    spec.projection = vec![0, 1, 2];
    spec
}

/// All rows of a bounded read, as `id name part`; `-` is NULL.
fn rows(source: &mut dyn Source) -> Result<Vec<String>, ConnectorError> {
    let (mut found, deadline) = (Vec::new(), Instant::now() + LONG);
    while Instant::now() < deadline {
        match source.poll(Duration::from_millis(20))? {
            SourceEvent::Batch { rows, .. } => found.extend((0..rows.num_rows()).map(|row| shown(&rows, row))),
            SourceEvent::EndOfInput => break,
            _ => {}
        }
    }
    Ok(found)
}

fn shown(rows: &RecordBatch, row: usize) -> String {
    let text = |column: &dyn Array| match column.as_string_opt::<i32>() {
        _ if column.is_null(row) => "-".to_owned(),
        Some(texts) => texts.value(row).to_owned(),
        None => match column.as_primitive_opt::<Int32Type>() {
            Some(ints) => ints.value(row).to_string(),
            None => column.as_primitive::<Int64Type>().value(row).to_string(),
        },
    };
    rows.columns().iter().map(|column| text(column)).collect::<Vec<_>>().join(" ")
}

/// All rows of a bounded read, each behind its kind.
fn kinded(source: &mut dyn Source) -> Result<Vec<String>, ConnectorError> {
    let (mut found, deadline) = (Vec::new(), Instant::now() + LONG);
    while Instant::now() < deadline {
        match source.poll(Duration::from_millis(20))? {
            SourceEvent::Batch { rows, .. } => {
                let at = rows.num_columns() - 1;
                assert_eq!(rows.schema_ref().field(at).name(), ROW_KIND_COLUMN);
                let kinds = rows.column(at).as_primitive::<UInt8Type>().values().clone();
                let columns = rows.project(&(0..at).collect::<Vec<_>>()).unwrap();
                found.extend(
                    (0..rows.num_rows()).map(|row| format!("{} {}", ["+I", "-U", "+U", "-D"][kinds[row] as usize], shown(&columns, row))),
                );
            }
            SourceEvent::EndOfInput => break,
            _ => {}
        }
    }
    Ok(found)
}

const EXCEPT: (&str, &str) = ("value.fields-include", "EXCEPT_KEY");
const PREFIX: (&str, &str) = ("key.fields-prefix", "k_");

#[test]
fn keys_are_read_by_their_own_format_and_names() {
    let mock = cluster("t", 1);
    send(
        &mock,
        &[
            (Some(r#"{"id":1,"part":"a"}"#), Some(r#"{"name":"n1"}"#), 0),
            (Some(r#"{"id":2}"#), Some(r#"{"name":"n2","id":7}"#), 0),
            (None, Some(r#"{"name":"n3"}"#), 0),
        ],
    );
    let options = [("key.format", "json"), ("key.fields", "k_part;k_id"), EXCEPT, PREFIX];
    let found = rows(&mut open(&keyed(&mock, &options), &context(0, 1, None))).unwrap();
    assert_eq!(found, ["1 n1 a", "2 n2 -", "- n3 -"], "a record without a key is a row all the same");
    let mut narrow = keyed(&mock, &options);
    narrow.projection = vec![0];
    assert_eq!(rows(&mut open(&narrow, &context(0, 1, None))).unwrap(), ["1", "2", "-"]);
}

#[test]
fn a_column_in_key_and_value_is_the_values() {
    let mock = cluster("t", 1);
    send(&mock, &[(Some("9"), Some(r#"{"k_id":1,"name":"n"}"#), 0)]);
    let options = [("key.format", "csv"), ("key.fields", "k_id")];
    assert_eq!(rows(&mut open(&keyed(&mock, &options), &context(0, 1, None))).unwrap(), ["1 n -"]);
}

/// The same table as upsert-kafka, its primary key `k_id`.
fn upsert(mock: &Mock, more: &[(&str, &str)]) -> SourceSpec {
    let options = [&[("key.format", "json"), ("key.fields", "k_id")], more].concat();
    let mut spec = keyed(mock, &options);
    spec.connector.connector = "upsert-kafka".to_owned();
    spec.connector.options.remove("scan.startup.mode");
    spec
}

#[test]
fn a_record_of_an_upsert_table_is_its_keys_row_and_one_without_a_value_its_end() {
    let mock = cluster("t", 1);
    send(
        &mock,
        &[
            (Some(r#"{"k_id":1}"#), Some(r#"{"k_id":1,"name":"a","k_part":"p"}"#), 0),
            (Some(r#"{"k_id":1}"#), None, 0),
            (None, Some(r#"{"k_id":5,"name":"no key"}"#), 0),
            (None, None, 0),
            (Some(r#"{"k_id":2}"#), Some(r#"{"k_id":3,"name":"b"}"#), 0),
            (Some(r#"{"k_id":4}"#), None, 0),
        ],
    );
    // The last column is the kind; where key and value say a column, the value's counts. It begins at the beginning.
    let upserts = upsert(&mock, &[]);
    let found = kinded(&mut open(&upserts, &context(0, 1, None))).unwrap();
    assert_eq!(found, ["+U 1 a p", "-D 1 - -", "+U 3 b -", "-D 4 - -"]);
    let mut narrow = upserts;
    narrow.projection = vec![0];
    narrow.metadata = vec![("offset".to_owned(), TypeKind::BigInt.not_null())];
    let found = kinded(&mut open(&narrow, &context(0, 1, None))).unwrap();
    assert_eq!(found, ["+U 1 0", "-D 1 1", "+U 3 4", "-D 4 5"]);
}

#[test]
fn the_key_of_an_upsert_table_may_stand_in_the_key_alone() {
    let mock = cluster("t", 1);
    send(
        &mock,
        &[
            (Some(r#"{"id":1}"#), Some(r#"{"name":"a"}"#), 0),
            (Some(r#"{"id":1}"#), Some(r#"{"name":"b"}"#), 0),
            (Some(r#"{"id":1}"#), None, 0),
        ],
    );
    let found = kinded(&mut open(&upsert(&mock, &[EXCEPT, PREFIX]), &context(0, 1, None))).unwrap();
    assert_eq!(found, ["+U 1 a -", "+U 1 b -", "-D 1 - -"]);
}

#[test]
fn keys_stay_with_their_rows_where_values_are_left_out() {
    let mock = cluster("t", 1);
    send(
        &mock,
        &[
            (Some("1"), Some(r#"{"name":"a"}"#), 0),
            (Some("2"), Some("junk"), 0),
            (Some("3"), None, 0),
            (Some("x"), Some(r#"{"name":"lost"}"#), 0),
            (Some("4"), Some(r#"{"name":"b"}"#), 0),
        ],
    );
    let ignoring = ("value.json.ignore-parse-errors", "true");
    let options = [("key.format", "raw"), ("key.fields", "k_part"), EXCEPT, ignoring];
    assert_eq!(rows(&mut open(&keyed(&mock, &options), &context(0, 1, None))).unwrap(), ["- a 1", "- lost x", "- b 4"]);
    // `x` is no INT: said with its place, or kept aside.
    let options = [("key.format", "csv"), ("key.fields", "k_id"), EXCEPT, ignoring];
    let error = rows(&mut open(&keyed(&mock, &options), &context(0, 1, None))).unwrap_err().to_string();
    assert!(error.contains("partition 0, offset 3") && error.contains("in the key"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let letters = format!("file://{}", folder.path().display());
    let options = [options.as_slice(), &[("scan.dead-letter", letters.as_str())]].concat();
    assert_eq!(rows(&mut open(&keyed(&mock, &options), &context(0, 1, None))).unwrap(), ["1 a -", "4 b -"]);
}

#[test]
fn a_bounded_read_ends_at_given_offsets_or_the_groups() {
    let mock = cluster("t", 2);
    (0..2).for_each(|partition| produce(&mock, "t", partition, ids(partition * 100..partition * 100 + 10)));
    let more = [("scan.bounded.mode", "specific-offsets"), ("scan.bounded.specific-offsets", "partition:0,offset:3;partition:1,offset:5")];
    let found = read(&mut open(&spec(&mock.bootstrap_servers(), &more), &context(0, 1, None)), usize::MAX, LONG).unwrap();
    assert!(found.ended);
    assert_eq!(sorted(found.ids), [0, 1, 2, 100, 101, 102, 103, 104]);
    let group: BaseConsumer = ClientConfig::new().set("bootstrap.servers", mock.bootstrap_servers()).set("group.id", "g").create().unwrap();
    let mut list = TopicPartitionList::new();
    (0..2).for_each(|partition| list.add_partition_offset("t", partition, Offset::Offset(2)).unwrap());
    group.commit(&list, CommitMode::Sync).unwrap();
    let more = [("scan.bounded.mode", "group-offsets"), ("properties.group.id", "g")];
    let found = read(&mut open(&spec(&mock.bootstrap_servers(), &more), &context(0, 1, None)), usize::MAX, LONG).unwrap();
    assert_eq!(sorted(found.ids), [0, 1, 100, 101]);
}

#[test]
fn several_topics_are_read_as_one_table() {
    let mock = cluster("t", 1);
    mock.create_topic("u", 2, 1).unwrap();
    produce(&mock, "t", 0, ids(0..3));
    produce(&mock, "u", 1, ids(10..13));
    let found = read(
        &mut open(&spec(&mock.bootstrap_servers(), &[("topic", "t;u"), ("scan.bounded.mode", "latest-offset")]), &context(0, 1, None)),
        usize::MAX,
        LONG,
    );
    assert_eq!(sorted(found.unwrap().ids), [0, 1, 2, 10, 11, 12]);
}

#[test]
fn a_subtask_without_partitions_says_so_at_once() {
    let mock = cluster("t", 1);
    let spec = spec(&mock.bootstrap_servers(), &[]);
    let mut without = 0;
    for subtask in 0..2 {
        let mut source = open(&spec, &context(subtask, 2, None));
        let found = read_until(&mut source, |event| matches!(event, SplitEvent::NoSplits | SplitEvent::Added { .. }));
        without += found.events.iter().filter(|event| **event == SplitEvent::NoSplits).count();
    }
    assert_eq!(without, 1);
}

/// Reads a slow and a fast partition as a task does, ids being milliseconds of event time; the furthest that one was ahead of the other while both
/// had more.
fn spread(drift: &str) -> (i32, usize) {
    let mock = cluster("t", 2);
    produce(&mock, "t", 0, ids(0..30_000));
    produce(&mock, "t", 1, (0..30_000).map(|id| format!(r#"{{"id":{}}}"#, id * 100)));
    let more = [("scan.watermark.alignment.max-drift", drift)];
    let mut source = open(&spec(&mock.bootstrap_servers(), &more), &context(0, 1, None));
    let mut progress: Vec<SplitProgress> = Vec::new();
    let (mut furthest, mut rows_read, deadline) = (0, 0, Instant::now() + LONG);
    while rows_read < 60_000 && Instant::now() < deadline {
        match source.poll(Duration::from_millis(20)).unwrap() {
            SourceEvent::Batch { split, rows, .. } => {
                rows_read += rows.num_rows();
                let last = rows.column(0).as_primitive::<Int32Type>().values().last().copied().unwrap();
                progress[split as usize].watermark = last.into();
                if progress.iter().all(|split| split.behind) {
                    furthest = furthest.max((progress[0].watermark.max(0) - progress[1].watermark.max(0)).abs() as i32);
                }
            }
            SourceEvent::Split(SplitEvent::Added { split, .. }) => {
                progress.push(SplitProgress { split, watermark: i64::MIN, behind: true });
            }
            SourceEvent::Split(SplitEvent::CaughtUp { split }) => progress[split as usize].behind = false,
            SourceEvent::Split(SplitEvent::Behind { split }) => progress[split as usize].behind = true,
            _ => {}
        }
        if source.aligns() {
            source.align(&progress);
        }
    }
    (furthest, rows_read)
}

#[test]
fn a_partition_that_is_ahead_waits_for_the_slowest_and_loses_nothing() {
    // No more than one batch (8,192 rows, 819 s of event time) goes beyond the bound.
    let (furthest, rows) = spread("1 s");
    assert_eq!(rows, 60_000);
    assert!(furthest <= 8_192 * 100, "{furthest} ms apart");
    // Without it they come as the broker hands them out: far apart, if not each time.
    let far_apart = (0..5).any(|_| {
        let (furthest, rows) = spread("0 s");
        assert_eq!(rows, 60_000);
        furthest > 8_192 * 100
    });
    assert!(far_apart, "the partitions go side by side by themselves: the bound was not tried");
}
