//! Elements as frames of `shuffle.proto`, and back.
//!
//! A batch is an Arrow IPC record batch message; its schema goes once, before the first batch. Body buffers are taken from the frame
//! as they lie (copied only where their alignment asks for it). What comes in is not trusted: a frame that cannot be meant is an
//! error, whatever it holds.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::buffer::Buffer;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::reader::RecordBatchDecoder;
use arrow::ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteContext, IpcWriteOptions};
use arrow::ipc::{CompressionType, Message, root_as_message};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use irmak_common::element::{Barrier, CheckpointKind, Element};
use irmak_common::id::CheckpointId;
use irmak_common::limits::FRAME_BYTES_MAX;
use irmak_common::time::Watermark;
use irmak_proto::v1;
use irmak_proto::v1::frame::Frame as Kind;

/// Bytes of a frame beside the batch's header and body.
const FRAME_OVERHEAD: usize = 1_024;

/// A batch that cannot be sent, or a frame that cannot be meant.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Arrow cannot write it.
    #[error("Arrow cannot encode it: {0}")]
    Encode(#[source] ArrowError),
    /// A single row above the bound.
    #[error("one row takes {bytes} bytes, and a message between TaskManagers holds at most {FRAME_BYTES_MAX}")]
    RowTooLarge {
        /// How many.
        bytes: usize,
    },
    /// Arrow cannot read it.
    #[error("the {what} is damaged or of another version: {reason}")]
    Damaged {
        /// `schema` or `batch`.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// A frame in the wrong place.
    #[error("a frame out of order: {0}")]
    Order(&'static str),
    /// The producer's columns are not those that the consumer was planned with.
    #[error("the producer sends columns ({sent}), and ({expected}) were planned")]
    Schema {
        /// Of the producer.
        sent: String,
        /// Of the consumer.
        expected: String,
    },
    /// A checkpoint kind that we do not know.
    #[error("`{0}` is no kind of checkpoint")]
    Kind(String),
}

/// A kind of checkpoint as the wire names it.
pub fn kind_name(kind: CheckpointKind) -> &'static str {
    match kind {
        CheckpointKind::Checkpoint => "Checkpoint",
        CheckpointKind::Savepoint => "Savepoint",
        CheckpointKind::Final => "Final",
    }
}

/// The kind of checkpoint of a name.
pub fn kind_of(name: &str) -> Result<CheckpointKind, FrameError> {
    [CheckpointKind::Checkpoint, CheckpointKind::Savepoint, CheckpointKind::Final]
        .into_iter()
        .find(|kind| kind_name(*kind) == name)
        .ok_or_else(|| FrameError::Kind(name.to_owned()))
}

/// The producer's half of one channel.
pub struct Encoder {
    options: IpcWriteOptions,
    tracker: DictionaryTracker,
    context: IpcWriteContext,
    schema: Option<SchemaRef>,
}

impl Encoder {
    /// Of a channel that has sent nothing. `lz4`: bodies are compressed.
    pub fn new(lz4: bool) -> Self {
        let options = IpcWriteOptions::default();
        let options = match lz4 {
            true => options.clone().try_with_compression(Some(CompressionType::LZ4_FRAME)).unwrap_or(options),
            false => options,
        };
        Self { options, tracker: DictionaryTracker::new(false), context: IpcWriteContext::default(), schema: None }
    }

    /// The frames of an element: for a batch, the schema first where it is due, and more than one when it is above the bound.
    ///
    /// # Errors
    /// A batch that Arrow cannot write, or a row above the bound.
    pub fn encode(&mut self, element: &Element, frames: &mut Vec<v1::Frame>) -> Result<(), FrameError> {
        let kind = match element {
            Element::Batch(batch) => return self.batch(batch, frames),
            Element::Watermark(watermark) => Kind::Watermark(watermark.0),
            Element::Idle => Kind::Idle(true),
            Element::Barrier(barrier) => Kind::Barrier(v1::BarrierFrame {
                checkpoint: barrier.checkpoint.0,
                kind: kind_name(barrier.kind).to_owned(),
                triggered_at: barrier.triggered_at,
            }),
            Element::EndOfInput => Kind::EndOfInput(true),
        };
        frames.push(v1::Frame { frame: Some(kind) });
        Ok(())
    }

    fn batch(&mut self, batch: &RecordBatch, frames: &mut Vec<v1::Frame>) -> Result<(), FrameError> {
        if self.schema.as_ref().is_none_or(|schema| !Arc::ptr_eq(schema, batch.schema_ref()) && schema != batch.schema_ref()) {
            let schema = batch.schema();
            let encoded = IpcDataGenerator::default().schema_to_bytes_with_dictionary_tracker(&schema, &mut self.tracker, &self.options);
            frames.push(v1::Frame { frame: Some(Kind::Schema(encoded.ipc_message)) });
            self.schema = Some(schema);
        }
        let generator = IpcDataGenerator::default();
        let (dictionaries, encoded) =
            generator.encode(batch, &mut self.tracker, &self.options, &mut self.context).map_err(FrameError::Encode)?;
        if !dictionaries.is_empty() {
            return Err(FrameError::Encode(ArrowError::NotYetImplemented("dictionaries do not travel".to_owned())));
        }
        let bytes = encoded.ipc_message.len() + encoded.arrow_data.len() + FRAME_OVERHEAD;
        if bytes <= FRAME_BYTES_MAX {
            let frame = v1::BatchFrame { header: Bytes::from(encoded.ipc_message), body: Bytes::from(encoded.arrow_data) };
            frames.push(v1::Frame { frame: Some(Kind::Batch(frame)) });
            return Ok(());
        }
        let rows = batch.num_rows();
        if rows <= 1 {
            return Err(FrameError::RowTooLarge { bytes });
        }
        self.batch(&batch.slice(0, rows / 2), frames)?;
        self.batch(&batch.slice(rows / 2, rows - rows / 2), frames)
    }
}

/// The consumer's half of one channel.
pub struct Decoder {
    expected: SchemaRef,
    schema: Option<SchemaRef>,
}

impl Decoder {
    /// Of a channel whose rows were planned to have these columns (a row-kind column may follow them).
    pub fn new(expected: SchemaRef) -> Self {
        Self { expected, schema: None }
    }

    /// The element of a frame; `None`: the frame was the schema.
    ///
    /// # Errors
    /// A frame that cannot be meant.
    pub fn decode(&mut self, frame: v1::Frame) -> Result<Option<Element>, FrameError> {
        Ok(Some(match frame.frame.ok_or(FrameError::Order("it is empty"))? {
            Kind::Header(_) => return Err(FrameError::Order("a second header")),
            Kind::Schema(message) => {
                self.on_schema(&message)?;
                return Ok(None);
            }
            Kind::Batch(batch) => Element::Batch(self.on_batch(&batch)?),
            Kind::Watermark(watermark) => Element::Watermark(Watermark(watermark)),
            Kind::Idle(_) => Element::Idle,
            Kind::Barrier(barrier) => Element::Barrier(Barrier {
                checkpoint: CheckpointId(barrier.checkpoint),
                kind: kind_of(&barrier.kind)?,
                triggered_at: barrier.triggered_at,
            }),
            Kind::EndOfInput(_) => Element::EndOfInput,
        }))
    }

    fn on_schema(&mut self, message: &[u8]) -> Result<(), FrameError> {
        let schema = guarded("schema", || {
            let message = root(message)?;
            let schema = message.header_as_schema().ok_or("the message holds no schema")?;
            arrow::ipc::convert::try_fb_to_schema(schema).map_err(|error| error.to_string())
        })?;
        let sent: Vec<&DataType> = schema.fields().iter().map(|field| field.data_type()).collect();
        let expected: Vec<&DataType> = self.expected.fields().iter().map(|field| field.data_type()).collect();
        let kinds = sent.len() == expected.len() + 1 && sent.last() == Some(&&DataType::UInt8);
        if !(sent == expected || kinds && sent[..expected.len()] == expected[..]) {
            return Err(FrameError::Schema { sent: columns(&schema), expected: columns(&self.expected) });
        }
        self.schema = Some(Arc::new(schema));
        Ok(())
    }

    fn on_batch(&self, frame: &v1::BatchFrame) -> Result<RecordBatch, FrameError> {
        let schema = self.schema.clone().ok_or(FrameError::Order("a batch before its schema"))?;
        guarded("batch", || {
            let message = root(&frame.header)?;
            let batch = message.header_as_record_batch().ok_or("the message holds no batch")?;
            let body = Buffer::from(frame.body.clone());
            let mut buffers = batch.buffers().ok_or("its buffers are missing")?.iter();
            if buffers.any(|buffer| !lies_within(buffer.offset(), buffer.length(), body.len())) {
                return Err(format!("a buffer lies outside the body of {} bytes; was it cut short?", body.len()));
            }
            if batch.length() < 0
                || batch.nodes().ok_or("its nodes are missing")?.iter().any(|node| node.length() < 0 || node.null_count() < 0)
            {
                return Err("a negative length".to_owned());
            }
            let none = HashMap::new();
            let version = message.version();
            let decoder = RecordBatchDecoder::try_new(&body, batch, schema, &none, &version).map_err(|error| error.to_string())?;
            decoder.read_record_batch().map_err(|error| error.to_string())
        })
    }
}

fn lies_within(offset: i64, length: i64, size: usize) -> bool {
    offset >= 0 && length >= 0 && offset.checked_add(length).is_some_and(|end| end as u64 <= size as u64)
}

fn root(bytes: &[u8]) -> Result<Message<'_>, String> {
    root_as_message(bytes).map_err(|error| error.to_string())
}

/// Runs a decoder; whatever it meets in foreign bytes is an error, also where Arrow asserts.
fn guarded<T>(what: &'static str, decode: impl FnOnce() -> Result<T, String>) -> Result<T, FrameError> {
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(decoded) => decoded.map_err(|reason| FrameError::Damaged { what, reason }),
        Err(_) => Err(FrameError::Damaged { what, reason: "its parts do not fit together".to_owned() }),
    }
}

fn columns(schema: &Schema) -> String {
    schema.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};
    use proptest::prelude::*;

    use super::*;

    fn batch(rows: i64) -> RecordBatch {
        let ints: ArrayRef = Arc::new(Int64Array::from_iter((0..rows).map(|row| (row % 3 != 0).then_some(row))));
        let texts: ArrayRef = Arc::new(StringArray::from_iter((0..rows).map(|row| (row % 5 != 0).then(|| format!("ürün {row}")))));
        let reals: ArrayRef = Arc::new(Float64Array::from_iter_values((0..rows).map(|row| row as f64 / 7.0)));
        RecordBatch::try_from_iter_with_nullable([("i", ints, true), ("t", texts, true), ("r", reals, true)]).unwrap()
    }

    fn round_trip(elements: &[Element], lz4: bool) -> Vec<Element> {
        let (mut encoder, mut decoder) = (Encoder::new(lz4), Decoder::new(batch(1).schema()));
        let mut frames = Vec::new();
        elements.iter().for_each(|element| encoder.encode(element, &mut frames).unwrap());
        frames.into_iter().filter_map(|frame| decoder.decode(frame).unwrap()).collect()
    }

    #[test]
    fn batches_survive_the_wire() {
        for lz4 in [false, true] {
            let sent = batch(1_000);
            let found = round_trip(&[Element::Batch(sent.clone()), Element::Batch(sent.slice(7, 11))], lz4);
            let found: Vec<_> =
                found.into_iter().map(|element| if let Element::Batch(batch) = element { batch } else { panic!() }).collect();
            assert_eq!(found, [sent.clone(), sent.slice(7, 11)]);
        }
    }

    #[test]
    fn marks_survive_the_wire() {
        let barrier = Barrier { checkpoint: CheckpointId(7), kind: CheckpointKind::Final, triggered_at: 5 };
        let sent = [Element::Watermark(Watermark(-3)), Element::Idle, Element::Barrier(barrier), Element::EndOfInput];
        assert_eq!(format!("{:?}", round_trip(&sent, false)), format!("{sent:?}"));
    }

    #[test]
    fn a_batch_above_the_bound_travels_in_parts() {
        let text = "x".repeat(1 << 20);
        let column: ArrayRef = Arc::new(StringArray::from_iter_values((0..100).map(|_| text.as_str())));
        let sent = RecordBatch::try_from_iter([("t", column)]).unwrap();
        let mut frames = Vec::new();
        Encoder::new(false).encode(&Element::Batch(sent.clone()), &mut frames).unwrap();
        assert!(frames.len() > 2, "a schema and at least two batches");
        let mut decoder = Decoder::new(sent.schema());
        let rows: usize = frames
            .into_iter()
            .filter_map(|frame| decoder.decode(frame).unwrap())
            .map(|element| if let Element::Batch(batch) = element { batch.num_rows() } else { 0 })
            .sum();
        assert_eq!(rows, 100);
    }

    #[test]
    fn other_columns_than_planned_are_named() {
        let mut frames = Vec::new();
        Encoder::new(false).encode(&Element::Batch(batch(3)), &mut frames).unwrap();
        let planned = Schema::new(vec![arrow::datatypes::Field::new("i", DataType::Int32, true)]);
        let error = Decoder::new(Arc::new(planned)).decode(frames.remove(0)).unwrap_err().to_string();
        assert_eq!(error, "the producer sends columns (i Int64, t Utf8, r Float64), and (i Int32) were planned");
    }

    #[test]
    fn frames_out_of_order_are_refused() {
        let mut frames = Vec::new();
        Encoder::new(false).encode(&Element::Batch(batch(3)), &mut frames).unwrap();
        let error = Decoder::new(batch(1).schema()).decode(frames.pop().unwrap()).unwrap_err().to_string();
        assert_eq!(error, "a frame out of order: a batch before its schema");
    }

    fn damaged(damage: impl FnOnce(&mut Vec<u8>, &mut Vec<u8>)) -> Result<Option<Element>, FrameError> {
        let mut frames = Vec::new();
        Encoder::new(false).encode(&Element::Batch(batch(100)), &mut frames).unwrap();
        let mut decoder = Decoder::new(batch(1).schema());
        decoder.decode(frames.remove(0)).unwrap();
        let Some(Kind::Batch(frame)) = frames.remove(0).frame else { panic!("a batch was expected") };
        let (mut header, mut body) = (frame.header.to_vec(), frame.body.to_vec());
        damage(&mut header, &mut body);
        let frame = v1::BatchFrame { header: header.into(), body: body.into() };
        decoder.decode(v1::Frame { frame: Some(Kind::Batch(frame)) })
    }

    #[test]
    fn a_truncated_body_is_an_error_with_words() {
        let error = damaged(|_, body| body.truncate(100)).unwrap_err().to_string();
        assert_eq!(error, "the batch is damaged or of another version: a buffer lies outside the body of 100 bytes; was it cut short?");
    }

    proptest! {
        #[test]
        fn damaged_bytes_never_end_the_process(at in any::<prop::sample::Index>(), bits in 1..=255u8, header in any::<bool>(), cut in any::<bool>()) {
            // A wrong value is a wrong value; what may not happen is a panic, or a batch that panics when it is read.
            let decoded = damaged(|head, body| {
                let bytes = if header { head } else { body };
                let at = at.index(bytes.len());
                bytes[at] ^= bits;
                if cut {
                    bytes.truncate(at);
                }
            });
            if let Ok(Some(Element::Batch(batch))) = decoded {
                batch.columns().iter().for_each(|column| drop(format!("{column:?}")));
            }
        }
    }
}
