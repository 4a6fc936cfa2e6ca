//! The Kafka sink of one subtask: a record a row, its key and its value each in their format.
//!
//! At least once: a checkpoint is acknowledged when the brokers have every row before it, so a restart repeats rows and loses none. Rows are
//! sent as they come and are visible at once.

use std::sync::atomic::Ordering;

use arrow::array::AsArray;
use arrow::datatypes::UInt8Type;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use irmak_common::element::{CheckpointKind, ROW_KIND_COLUMN, RowKind};
use irmak_common::id::CheckpointId;
use irmak_common::metrics::RECORDS_SENT;
use irmak_common::operator_spec::SinkSpec;
use irmak_common::time::Millis;
use irmak_common::types::{Field, Schema};
use rdkafka::producer::BaseRecord;

use super::produce::{GiveUp, Producer};
use super::route::Routes;
use super::sink_config::{Allowed, Guarantee, SinkConfig};
use super::written_metadata::WrittenMetadata;
use crate::context::SinkContext;
use crate::error::ConnectorError;
use crate::format::records::RecordsEncoder;
use crate::options::Options;
use crate::sink::Sink;

/// A topic written by one subtask.
pub(crate) struct KafkaSink {
    config: SinkConfig,
    producer: Producer,
    routes: Routes,
    /// The one topic, unless each row says its own.
    topic: Option<String>,
    key: Option<Part>,
    value: Part,
    metadata: WrittenMetadata,
    ends_old_keys: bool,
    records: u64,
    bytes: u64,
}

/// What a record holds beside its key.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Value,
    /// Nothing: the key's row is gone.
    Tombstone,
}

/// The columns of a key or a value, and their format.
struct Part {
    columns: Vec<usize>,
    encoder: RecordsEncoder,
}

impl Part {
    fn encode(&mut self, table: &str, rows: &RecordBatch) -> Result<(), ConnectorError> {
        // Row kinds stand in the last column, for formats that write them.
        let kinds = rows.schema().index_of(ROW_KIND_COLUMN).ok();
        let columns: Vec<usize> = self.columns.iter().copied().chain(kinds).collect();
        let broken = |error: ArrowError| ConnectorError::Internal { table: table.to_owned(), what: error.to_string() };
        self.encoder.encode(&rows.project(&columns).map_err(broken)?)
    }
}

impl KafkaSink {
    /// Opens the table. Asks nothing of the brokers yet.
    ///
    /// # Errors
    /// Options that are not understood or do not fit together, columns that the formats cannot hold.
    pub(crate) fn open(spec: &SinkSpec, context: &SinkContext) -> Result<Self, ConnectorError> {
        let options = Options::new(&spec.table, &spec.connector);
        let config = SinkConfig::read(&options, spec, context)?;
        for note in &config.notes {
            tracing::warn!(table = spec.table, "{note}");
        }
        let metadata = WrittenMetadata::new(&options, spec)?;
        // Positions among the physical columns become positions in the rows.
        let physical: Vec<usize> = (0..spec.schema.len()).filter(|at| !spec.metadata.iter().any(|(position, _)| position == at)).collect();
        let columns = |chosen: &[usize]| chosen.iter().filter_map(|at| physical.get(*at).copied()).collect::<Vec<_>>();
        let (value_key, value_format) = match options.first_of(&["value.format", "format"]) {
            Some(found) => found,
            None => ("format", options.required("format", "the format of the records: json, csv or raw")?),
        };
        let value = columns(&config.fields.value);
        let of_value = Schema::new(value.iter().map(|at| spec.schema.fields[*at].clone()).collect());
        let value = Part { columns: value, encoder: RecordsEncoder::open(&options, value_key, value_format, &of_value)? };
        let key = match options.get("key.format") {
            Some(format) if !config.fields.key.is_empty() => {
                let key = columns(&config.fields.key);
                let field = |field: &Field| Field::new(config.fields.key_name(&field.name), field.ty.clone());
                let of_key = Schema::new(key.iter().map(|at| field(&spec.schema.fields[*at])).collect());
                Some(Part { columns: key, encoder: RecordsEncoder::open(&options, "key.format", format, &of_key)? })
            }
            _ => None,
        };
        let topic = match &config.topics {
            Allowed::Listed(names) if !metadata.has_topic() => names.first().cloned(),
            _ => None,
        };
        let producer = Producer::open(&config, context)?;
        let routes = Routes::new(config.choice, context.subtask);
        Ok(Self { config, producer, routes, topic, key, value, metadata, ends_old_keys: spec.ends_old_keys, records: 0, bytes: 0 })
    }

    /// Whether the row behind this one has its key.
    fn stays(&self, row: usize, rows: usize) -> bool {
        let key = |row| self.key.as_ref().and_then(|key| key.encoder.record(row));
        row + 1 < rows && key(row) == key(row + 1)
    }

    fn send(&mut self, rows: &RecordBatch, row: usize, content: Content) -> Result<(), ConnectorError> {
        let Self { config, producer, routes, topic, key, value, metadata, bytes, .. } = self;
        let topic = match topic {
            Some(topic) => topic.as_str(),
            None => topic_of(config, metadata, rows, row)?,
        };
        let mut record: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic);
        record.partition = routes.partition(producer, config, topic)?;
        record.key = key.as_ref().and_then(|key| key.encoder.record(row));
        record.payload = value.encoder.record(row).filter(|_| content == Content::Value);
        record.timestamp = metadata.timestamp(rows, row)?;
        record.headers = metadata.headers(rows, row);
        *bytes += (record.payload.map_or(0, <[u8]>::len) + record.key.map_or(0, <[u8]>::len)) as u64;
        producer.send(record)
    }
}

#[cfg(test)]
impl KafkaSink {
    pub(super) fn producer_delivered(&self) -> u64 {
        self.producer.deliveries.delivered.load(Ordering::Relaxed)
    }
}

/// The topic that the row says.
fn topic_of<'a>(config: &SinkConfig, metadata: &WrittenMetadata, rows: &'a RecordBatch, row: usize) -> Result<&'a str, ConnectorError> {
    let given = metadata.topic(rows, row);
    given.filter(|topic| config.topics.contains(topic)).ok_or_else(|| {
        let given = given.map_or("NULL".to_owned(), |topic| format!("`{topic}`"));
        let reason = format!("{given} is none of the topics that 'topic' or 'topic-pattern' allows");
        ConnectorError::Row { table: config.table.clone(), column: "topic".to_owned(), reason }
    })
}

impl Sink for KafkaSink {
    fn write(&mut self, rows: &RecordBatch, _now: Millis) -> Result<(), ConnectorError> {
        self.value.encode(&self.config.table, rows)?;
        if let Some(key) = &mut self.key {
            key.encode(&self.config.table, rows)?;
        }
        let kinds = rows.column_by_name(ROW_KIND_COLUMN).and_then(|column| column.as_primitive_opt::<UInt8Type>());
        let kinds = kinds.filter(|_| self.config.upserts);
        for row in 0..rows.num_rows() {
            match kinds.and_then(|kinds| RowKind::from_byte(kinds.value(row))) {
                // What replaces it follows, and has its key unless rows move between keys.
                Some(RowKind::UpdateBefore) if !self.ends_old_keys || self.stays(row, rows.num_rows()) => {}
                Some(RowKind::UpdateBefore) => self.send(rows, row, Content::Tombstone)?,
                Some(RowKind::Delete) => self.send(rows, row, Content::Tombstone)?,
                _ => self.send(rows, row, Content::Value)?,
            }
        }
        self.records += rows.num_rows() as u64;
        self.producer.serve()
    }

    fn on_tick(&mut self, _now: Millis) -> Result<(), ConnectorError> {
        self.producer.serve()
    }

    fn pre_commit(&mut self, _: CheckpointId, kind: CheckpointKind, _now: Millis) -> Result<Vec<Vec<u8>>, ConnectorError> {
        if self.config.guarantee == Guarantee::AtLeastOnce || kind == CheckpointKind::Final {
            self.producer.flush()?;
        }
        Ok(Vec::new())
    }

    fn commit(&mut self, _checkpoint: CheckpointId) -> Result<(), ConnectorError> {
        Ok(())
    }

    fn give_up_when(&mut self, asked: GiveUp) {
        self.producer.give_up = asked;
    }

    fn metrics(&self) -> Vec<(&'static str, f64)> {
        let deliveries = &self.producer.deliveries;
        vec![
            (RECORDS_SENT, self.records as f64),
            ("numBytesSend", self.bytes as f64),
            ("numRecordsDelivered", deliveries.delivered.load(Ordering::Relaxed) as f64),
            ("numRecordsSendErrors", deliveries.failed.load(Ordering::Relaxed) as f64),
        ]
    }
}
