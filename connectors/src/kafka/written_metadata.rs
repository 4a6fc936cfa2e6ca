//! Metadata columns that are written: a record's topic, time and headers, taken from the row.
//!
//! Source: Flink's `KafkaDynamicSink.WritableMetadata`: a NULL time is the time of sending, NULL headers are none.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType};
use arrow::record_batch::RecordBatch;
use irmak_common::operator_spec::SinkSpec;
use irmak_common::types::TypeKind;
use rdkafka::message::{Header, OwnedHeaders};

use crate::error::ConnectorError;
use crate::options::Options;

/// Positions of the columns.
#[derive(Clone, Debug, Default)]
pub(super) struct WrittenMetadata {
    table: String,
    topic: Option<usize>,
    timestamp: Option<(usize, String)>,
    headers: Option<usize>,
}

impl WrittenMetadata {
    /// # Errors
    /// A key that cannot be written, a type that does not fit.
    pub(super) fn new(options: &Options<'_>, spec: &SinkSpec) -> Result<Self, ConnectorError> {
        let mut found = Self { table: spec.table.clone(), ..Self::default() };
        for (at, key) in &spec.metadata {
            let Some(field) = spec.schema.fields.get(*at) else { continue };
            let kind = &field.ty.kind;
            let fits = match (key.as_str(), kind) {
                ("topic", TypeKind::Varchar(_) | TypeKind::Char(_)) => {
                    found.topic = Some(*at);
                    true
                }
                ("timestamp", TypeKind::TimestampLtz { .. } | TypeKind::Timestamp { .. }) => {
                    found.timestamp = Some((*at, field.name.clone()));
                    true
                }
                ("headers", TypeKind::Map(key, value)) => {
                    found.headers = Some(*at);
                    matches!((&key.kind, &value.kind), (TypeKind::Varchar(_), TypeKind::Varbinary(_)))
                }
                _ => false,
            };
            if !fits {
                let instead = "written are topic STRING, timestamp TIMESTAMP_LTZ(3) and headers MAP<STRING, BYTES>";
                return Err(options.unsupported(format!("writing metadata '{key}' of type {}", field.ty), instead));
            }
        }
        Ok(found)
    }

    pub(super) fn has_topic(&self) -> bool {
        self.topic.is_some()
    }

    /// The row's topic, if it has one.
    pub(super) fn topic<'a>(&self, rows: &'a RecordBatch, row: usize) -> Option<&'a str> {
        let column = rows.columns().get(self.topic?)?.as_string_opt::<i32>()?;
        column.is_valid(row).then(|| column.value(row))
    }

    /// Milliseconds since the epoch; `None`: the time of sending.
    ///
    /// # Errors
    /// A time before 1970: Kafka has none.
    pub(super) fn timestamp(&self, rows: &RecordBatch, row: usize) -> Result<Option<i64>, ConnectorError> {
        let Some((at, name)) = &self.timestamp else { return Ok(None) };
        let Some(column) = rows.columns().get(*at).filter(|column| column.is_valid(row)) else { return Ok(None) };
        let millis = match column.data_type() {
            DataType::Timestamp(TimeUnit::Millisecond, _) => column.as_primitive::<TimestampMillisecondType>().value(row),
            DataType::Timestamp(TimeUnit::Microsecond, _) => column.as_primitive::<TimestampMicrosecondType>().value(row).div_euclid(1_000),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                column.as_primitive::<TimestampNanosecondType>().value(row).div_euclid(1_000_000)
            }
            other => {
                return Err(ConnectorError::Internal { table: self.table.clone(), what: format!("a timestamp column of {other} came") });
            }
        };
        if millis < 0 {
            let reason = format!("{millis} ms is before 1970-01-01, and Kafka has no such times");
            return Err(ConnectorError::Row { table: self.table.clone(), column: name.clone(), reason });
        }
        Ok(Some(millis))
    }

    /// The row's headers; entries without a key are left out.
    pub(super) fn headers(&self, rows: &RecordBatch, row: usize) -> Option<OwnedHeaders> {
        let map = rows.columns().get(self.headers?)?.as_map_opt().filter(|map| map.is_valid(row))?;
        let (keys, values) = (irmak_common::map::keys(map).as_string_opt::<i32>()?, map.values().as_binary_opt::<i32>()?);
        let (start, end) = (map.value_offsets()[row] as usize, map.value_offsets()[row + 1] as usize);
        let mut headers = OwnedHeaders::new_with_capacity(end - start);
        // The library's names are C's: one with a NUL in it would make it panic.
        for at in (start..end).filter(|at| keys.is_valid(*at) && !keys.value(*at).contains('\0')) {
            let value = values.is_valid(at).then(|| values.value(at));
            headers = headers.insert(Header { key: keys.value(at), value });
        }
        Some(headers)
    }
}
