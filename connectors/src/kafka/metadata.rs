//! Metadata columns: what Kafka says of a record beside its value.
//!
//! Source: Flink's `KafkaDynamicSource.ReadableMetadata`.

use arrow::array::ArrayRef;
use arrow::datatypes::TimeUnit;
use irmak_common::types::{LogicalType, TypeKind};
use rdkafka::Timestamp;
use rdkafka::message::{BorrowedMessage, Headers, Message};

use crate::error::ConnectorError;
use crate::format::FormatError;
use crate::format::column::{Column, Values};
use crate::format::time::Moment;
use crate::options::Options;

const KEYS: &str = "topic, partition, offset, timestamp, timestamp-type, headers, leader-epoch";

#[derive(Clone, Copy)]
enum Key {
    Topic,
    Partition,
    Offset,
    Timestamp,
    TimestampType,
    Headers,
    LeaderEpoch,
}

/// The metadata columns of a table, being filled.
pub(super) struct MetadataColumns {
    columns: Vec<(Key, Column)>,
}

impl MetadataColumns {
    pub(super) fn new(options: &Options<'_>, metadata: &[(String, LogicalType)]) -> Result<Self, ConnectorError> {
        let column = |(key, ty): &(String, LogicalType)| {
            let (known, fits) = match key.as_str() {
                "topic" => (Key::Topic, matches!(ty.kind, TypeKind::Varchar(_) | TypeKind::Char(_))),
                "partition" => (Key::Partition, ty.kind == TypeKind::Int),
                "offset" => (Key::Offset, ty.kind == TypeKind::BigInt),
                "timestamp" => (Key::Timestamp, matches!(ty.kind, TypeKind::TimestampLtz { .. } | TypeKind::Timestamp { .. })),
                "timestamp-type" => (Key::TimestampType, matches!(ty.kind, TypeKind::Varchar(_) | TypeKind::Char(_))),
                "headers" => (
                    Key::Headers,
                    matches!(&ty.kind, TypeKind::Map(key, value)
                    if matches!(key.kind, TypeKind::Varchar(_)) && matches!(value.kind, TypeKind::Varbinary(_))),
                ),
                "leader-epoch" => (Key::LeaderEpoch, ty.kind == TypeKind::Int),
                _ => return Err(options.unsupported(format!("metadata column '{key}'"), format!("there are {KEYS}"))),
            };
            if !fits {
                let natural = "STRING for topic and timestamp-type, INT for partition and leader-epoch, BIGINT for offset, \
                     TIMESTAMP_LTZ(3) for timestamp, MAP<STRING, BYTES> for headers";
                return Err(options.unsupported(format!("metadata column '{key}' of type {ty}"), format!("types are {natural}")));
            }
            Ok((known, Column::new(&ty.kind)))
        };
        Ok(Self { columns: metadata.iter().map(column).collect::<Result<_, _>>()? })
    }

    /// Appends what is known of a record.
    #[inline]
    pub(super) fn push(&mut self, message: &BorrowedMessage<'_>) {
        for (key, column) in &mut self.columns {
            let there = match (*key, &mut column.values) {
                (Key::Topic, Values::Text(bytes)) => {
                    bytes.bytes.extend_from_slice(message.topic().as_bytes());
                    bytes.end_value();
                    true
                }
                (Key::Partition, Values::Int32(values)) => {
                    values.push(message.partition());
                    true
                }
                (Key::Offset, Values::Int64(values)) => {
                    values.push(message.offset());
                    true
                }
                (Key::Timestamp, Values::Timestamp { values, unit, .. }) => match message.timestamp().to_millis() {
                    Some(millis) => {
                        let moment = Moment::from_unit(millis, TimeUnit::Millisecond);
                        moment.in_unit(*unit).map(|value| values.push(value)).is_some()
                    }
                    None => false,
                },
                (Key::TimestampType, Values::Text(bytes)) => {
                    bytes.bytes.extend_from_slice(match message.timestamp() {
                        Timestamp::CreateTime(_) => b"CreateTime",
                        Timestamp::LogAppendTime(_) => b"LogAppendTime",
                        Timestamp::NotAvailable => b"NoTimestampType",
                    });
                    bytes.end_value();
                    true
                }
                (Key::Headers, Values::Map { offsets, keys, values, .. }) => {
                    push_headers(message, keys, values);
                    offsets.push(keys.len() as i32);
                    true
                }
                // librdkafka does not hand out the leader's epoch.
                _ => false,
            };
            if there { column.present() } else { column.push_null() }
        }
    }

    pub(super) fn finish(&mut self) -> Result<Vec<ArrayRef>, FormatError> {
        self.columns.iter_mut().map(|(_, column)| column.finish().map_err(FormatError::from)).collect()
    }
}

fn push_headers(message: &BorrowedMessage<'_>, keys: &mut Column, values: &mut Column) {
    let Some(headers) = message.headers() else { return };
    for index in 0..headers.count() {
        // The library panics on a key that is not UTF-8; such a header is left out.
        let header = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| headers.try_get(index)));
        let Ok(Some(header)) = header else { continue };
        if let (Values::Text(key), Values::Binary(value)) = (&mut keys.values, &mut values.values) {
            key.bytes.extend_from_slice(header.key.as_bytes());
            key.end_value();
            value.bytes.extend_from_slice(header.value.unwrap_or_default());
            value.end_value();
            keys.present();
            values.present();
        }
    }
}
