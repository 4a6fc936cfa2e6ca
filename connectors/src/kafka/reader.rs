//! Records into rows: keys and values each by their format, metadata beside them, and what becomes of records that cannot be read.
//!
//! A column that stands in key and value is the value's, as in Flink. A record without a key has NULL in the key's columns (Flink passes over
//! such a record in silence). `upsert-kafka`: a record without a value ends its key's row, one without a key is skipped and counted.

use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, RecordBatchOptions};
use arrow::datatypes::{DataType, Field as ArrowField, Schema as ArrowSchema, SchemaRef};
use arrow::record_batch::RecordBatch;
use irmak_common::element::ROW_KIND_COLUMN;
use irmak_common::kafka_fields::KafkaFields;
use irmak_common::limits::{BATCH_BYTES_MAX, BATCH_ROWS_MAX, LATENCY_BUDGET_MS, RECORD_BYTES_MAX};
use irmak_common::operator_spec::SourceSpec;
use irmak_common::types::{Field, Schema};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};

use super::entry::Next;
use super::key_reader::KeyReader;
use super::metadata::MetadataColumns;
use super::sink_config::wrong;
use super::split::{Split, Stopped};
use super::tombstones::Tombstones;
use crate::context::SourceContext;
use crate::dead_letter::{BadRecord, DeadLetters};
use crate::error::{ConnectorError, RecordError, RecordPlace};
use crate::format::value::ValueDecoder;
use crate::format::{Decoded, FormatError};
use crate::options::Options;

/// Rows below which a batch waits for more, within the latency budget.
const WORTHWHILE_ROWS: usize = 512;

/// Where an output column comes from, and its position there.
#[derive(Clone, Copy, Debug)]
enum Origin {
    Key(usize),
    Value(usize),
    /// `upsert-kafka`: the value's, or the key's of a record without a value.
    Either {
        key: usize,
        value: usize,
    },
}

/// Records into rows.
pub(super) struct Reader {
    table: String,
    schema: SchemaRef,
    value: ValueDecoder,
    key: Option<KeyReader>,
    /// `upsert-kafka`: records are what their key's row is now.
    upserts: bool,
    tombstones: Tombstones,
    layout: Vec<Origin>,
    metadata: MetadataColumns,
    pub(super) dead_letters: Option<DeadLetters>,
    bytes: u64,
    pub(super) skipped: u64,
    pub(super) bytes_total: u64,
    /// Time that the present poll has spent in waiting for records.
    pub(super) waited: Duration,
}

impl Reader {
    /// The reader of a table.
    ///
    /// # Errors
    /// Formats and options that are not understood or do not fit together, metadata of other types.
    pub(super) fn open(options: &Options<'_>, spec: &SourceSpec, context: &SourceContext) -> Result<Self, ConnectorError> {
        let (format_key, format) = match options.first_of(&["value.format", "format"]) {
            Some(found) => found,
            None => ("format", options.required("format", "the format of the records: json, csv or raw")?),
        };
        let names: Vec<&str> = spec.physical.fields.iter().map(|field| field.name.as_str()).collect();
        let split = KafkaFields::read(&spec.connector.options, &names).map_err(|error| wrong(options, &error))?;
        let of_value = Schema::new(split.value.iter().map(|at| spec.physical.fields[*at].clone()).collect());
        let upserts = spec.connector.connector == "upsert-kafka";
        let (layout, value_projection, key_projection) = layout(&split, &spec.projection, upserts);
        let value = ValueDecoder::open(options, format_key, format, &of_value, &value_projection)?;
        let key = KeyReader::open(options, spec, &split, &key_projection)?;
        let mut fields: Vec<Field> = spec.projection.iter().filter_map(|index| spec.physical.fields.get(*index).cloned()).collect();
        fields.extend(spec.metadata.iter().map(|(name, ty)| Field::new(name.clone(), ty.clone())));
        let mut schema = Schema::new(fields).to_arrow();
        if value.has_row_kinds() || upserts {
            let kinds = ArrowField::new(ROW_KIND_COLUMN, DataType::UInt8, false).into();
            schema = ArrowSchema::new(schema.fields().iter().cloned().chain([kinds]).collect::<Vec<_>>()).into();
        }
        Ok(Self {
            table: spec.table.clone(),
            schema,
            value,
            key,
            upserts,
            tombstones: Tombstones::default(),
            layout,
            metadata: MetadataColumns::new(options, &spec.metadata)?,
            dead_letters: DeadLetters::open(options, context)?,
            bytes: 0,
            skipped: 0,
            bytes_total: 0,
            waited: Duration::ZERO,
        })
    }

    /// Rows decoded and not yet taken.
    pub(super) fn rows(&self) -> usize {
        self.value.rows() + self.tombstones.len()
    }

    /// Decodes what the partition's queue holds, up to a batch. The error, if any, came behind what was decoded.
    pub(super) fn drain(&mut self, split: &mut Split, alone: bool) -> Result<(Stopped, Option<KafkaError>), ConnectorError> {
        let Split { queue: Some(queue), next, stop, topic, .. } = split else { return Ok((Stopped::Empty, None)) };
        let started = Instant::now();
        self.bytes = 0;
        while self.rows() < BATCH_ROWS_MAX && self.bytes < BATCH_BYTES_MAX as u64 {
            let polled = match queue.poll(Duration::ZERO) {
                None if alone && (1..WORTHWHILE_ROWS).contains(&self.rows()) => {
                    let spent = started.elapsed();
                    let polled = queue.poll(Duration::from_millis(LATENCY_BUDGET_MS).saturating_sub(spent));
                    self.waited += started.elapsed().saturating_sub(spent);
                    polled
                }
                polled => polled,
            };
            let message = match polled {
                None => return Ok((Stopped::Empty, None)),
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok((Stopped::AtEnd, None)),
                Some(Err(error)) => return Ok((Stopped::Empty, Some(error))),
                Some(Ok(message)) => message,
            };
            let offset = message.offset();
            if matches!(next, Next::Offset(next) if offset < *next) {
                continue;
            }
            if stop.is_some_and(|stop| offset >= stop) {
                return Ok((Stopped::AtStop, None));
            }
            self.record(topic, &message)?;
            *next = Next::Offset(offset + 1);
            if stop.is_some_and(|stop| offset + 1 >= stop) {
                return Ok((Stopped::AtStop, None));
            }
        }
        Ok((Stopped::Full, None))
    }

    #[inline]
    fn record(&mut self, topic: &str, message: &BorrowedMessage<'_>) -> Result<(), ConnectorError> {
        // A tombstone means no row.
        let payload = message.payload().unwrap_or_default();
        self.bytes += payload.len() as u64;
        if let Some(key) = &mut self.key {
            match key.decode(message.key()) {
                Ok(Decoded::Row) => {}
                Ok(Decoded::Empty) if !self.upserts => {}
                Ok(Decoded::Empty | Decoded::Skipped) => {
                    self.skipped += 1;
                    return Ok(());
                }
                Err(error) => return self.bad_record(topic, message, message.key().unwrap_or_default(), error),
            }
        }
        if self.upserts && message.payload().is_none() {
            self.tombstones.push(self.rows());
            self.metadata.push(message);
            if let Some(key) = &mut self.key {
                key.belongs_to_next_row();
            }
            return Ok(());
        }
        let before = self.value.rows();
        let decoded = if payload.len() > RECORD_BYTES_MAX {
            let reason = format!("the record has {} bytes, and at most {RECORD_BYTES_MAX} are read", payload.len());
            Err(RecordError::whole(payload, 0, reason))
        } else {
            self.value.decode(payload)
        };
        match decoded {
            Ok(Decoded::Row) => {
                // A record of a changelog may be several rows, or none.
                for _ in before..self.value.rows() {
                    self.metadata.push(message);
                    if let Some(key) = &mut self.key {
                        key.belongs_to_next_row();
                    }
                }
            }
            Ok(Decoded::Empty | Decoded::Skipped) => self.skipped += 1,
            Err(error) => self.bad_record(topic, message, payload, error)?,
        }
        Ok(())
    }

    #[cold]
    fn bad_record(&mut self, topic: &str, message: &BorrowedMessage<'_>, text: &[u8], error: RecordError) -> Result<(), ConnectorError> {
        let place = RecordPlace::Kafka { topic: topic.to_owned(), partition: message.partition(), offset: message.offset() };
        let Some(letters) = &mut self.dead_letters else {
            return Err(ConnectorError::BadRecord { table: self.table.clone(), place: Box::new(place), error: Box::new(error) });
        };
        self.skipped += 1;
        letters.write(&BadRecord { place: &place, timestamp: message.timestamp().to_millis(), payload: text, error: &error })
    }

    /// The rows decoded, and the bytes they were.
    pub(super) fn finish(&mut self) -> Result<(RecordBatch, u64), ConnectorError> {
        let rows = self.rows();
        let has_kinds = self.value.has_row_kinds();
        let broken = |what: String| ConnectorError::Internal { table: self.table.clone(), what };
        let values =
            self.value.finish().and_then(|values| self.tombstones.spread(values, rows)).map_err(|error| broken(error.to_string()))?;
        let keys = match &mut self.key {
            Some(key) => key.finish().map_err(|error| broken(error.to_string()))?,
            None => Vec::new(),
        };
        let column = |origin: &Origin| -> Option<Result<ArrayRef, FormatError>> {
            match origin {
                Origin::Key(at) => keys.get(*at).cloned().map(Ok),
                Origin::Value(at) => values.get(*at).cloned().map(Ok),
                Origin::Either { key, value } => Some(self.tombstones.either(keys.get(*key)?, values.get(*value)?)),
            }
        };
        let columns: Result<Vec<ArrayRef>, _> = self.layout.iter().filter_map(column).collect();
        let mut columns = columns.map_err(|error| broken(error.to_string()))?;
        columns.extend(self.metadata.finish().map_err(|error| broken(error.to_string()))?);
        if has_kinds {
            columns.extend(values.last().cloned());
        } else if self.upserts {
            columns.push(self.tombstones.kinds(rows));
            self.tombstones.clear();
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options).map_err(|error| broken(error.to_string()))?;
        self.bytes_total += self.bytes;
        Ok((batch, self.bytes))
    }
}

/// Where each wanted column comes from, and which columns that makes of the value and of the key.
fn layout(split: &KafkaFields, wanted: &[usize], upserts: bool) -> (Vec<Origin>, Vec<usize>, Vec<usize>) {
    let (mut layout, mut values, mut keys) = (Vec::new(), Vec::new(), Vec::new());
    for index in wanted {
        let value = split.value.iter().position(|value| value == index);
        let key = split.key.iter().position(|key| key == index);
        match (value, key) {
            (Some(value), Some(key)) if upserts => {
                layout.push(Origin::Either { key: keys.len(), value: values.len() });
                values.push(value);
                keys.push(key);
            }
            (Some(value), _) => {
                layout.push(Origin::Value(values.len()));
                values.push(value);
            }
            (None, Some(key)) => {
                layout.push(Origin::Key(keys.len()));
                keys.push(key);
            }
            (None, None) => {}
        }
    }
    (layout, values, keys)
}
