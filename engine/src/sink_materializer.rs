//! SinkMaterializer: what a sink's key is, where the rows that it has come by different ways and in no common order.
//!
//! All rows of a key are kept in order of arrival. A new one is the key's row: `+I`, or `+U` where there were others. One that goes says nothing
//! unless it was the last: then the one before it is the key's row again, `+U`, or there is none, `-D`. State: the rows of each key.
//!
//! Source: Flink's `SinkUpsertMaterializer`.

use arrow::record_batch::RecordBatch;
use irmak_common::changelog_spec::MaterializeSpec;
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::{Element, RowKind};
use irmak_common::key_group::MaxParallelism;
use irmak_common::time::Millis;
use irmak_common::types::Schema;

use crate::changelog::{Change, RowKinds};
use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::kept_rows::{RowOutput, codec_of, fingerprint_of};
use crate::key::KeyEncoder;
use crate::operator::{Operator, OperatorContext};
use crate::running::rows::RowCodec;
use crate::state::bytes::{put_bytes, put_number, take_bytes, take_number};
use crate::state::slots::Slots;

pub(crate) struct SinkMaterializer {
    keys: KeyEncoder,
    /// Where rows are told apart by some of their columns.
    upsert_key: Option<KeyEncoder>,
    codec: RowCodec,
    rows: Slots<Vec<Kept>>,
    output: RowOutput,
    fingerprint: u64,
    max_parallelism: MaxParallelism,
}

/// A row, and what it is told apart by (empty: itself).
#[derive(Debug)]
struct Kept {
    id: Box<[u8]>,
    row: Box<[u8]>,
}

impl SinkMaterializer {
    pub(crate) fn new(spec: &MaterializeSpec, input: &Schema, output: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let keys = KeyEncoder::new(input, &spec.keys)?;
        let fingerprint = fingerprint_of(&keys, input, &format!("sink materializer {:?}", spec.upsert_key));
        let mut rows = Slots::new(spec.state_ttl_ms);
        for bytes in env.owned().keyed() {
            rows.restore(fingerprint, keys.format(), bytes, |from| {
                let count = take_number(from)?;
                (0..count).map(|_| Ok(Kept { id: take_bytes(from)?.into(), row: take_bytes(from)?.into() })).collect()
            })?;
        }
        let upsert_key = if spec.upsert_key.is_empty() { None } else { Some(KeyEncoder::new(input, &spec.upsert_key)?) };
        let (codec, output) = (codec_of(input)?, RowOutput::new(output, false));
        Ok(Self { keys, upsert_key, codec, rows, output, fingerprint, max_parallelism: env.max_parallelism })
    }

    /// One row of the batch that is bound.
    fn row(&mut self, row: usize, change: Change, now: Millis) {
        let slot = self.rows.of_row(&self.keys, row, now);
        let bytes = self.codec.row(row);
        let id = self.upsert_key.as_ref().map(|key| key.key(row));
        let held = self.rows.value(slot);
        let kept = held.get_or_insert_default();
        let found = kept.iter().position(|kept| id.map_or_else(|| *kept.row == *bytes, |id| *kept.id == *id));
        match change {
            Change::Add => {
                self.output.push(if kept.is_empty() { RowKind::Insert } else { RowKind::UpdateAfter }, bytes, 0);
                let added = Kept { id: id.unwrap_or_default().into(), row: bytes.into() };
                match found.filter(|_| id.is_some()).and_then(|at| kept.get_mut(at)) {
                    Some(place) => *place = added,
                    None => kept.push(added),
                }
            }
            Change::Retract => {
                // One that is not there has outlived its time, or came twice.
                if let Some(at) = found {
                    let was_last = at + 1 == kept.len();
                    kept.remove(at);
                    match kept.last() {
                        None => self.output.push(RowKind::Delete, bytes, 0),
                        Some(last) if was_last => self.output.push(RowKind::UpdateAfter, &last.row, 0),
                        Some(_) => {}
                    }
                }
            }
        }
        if kept.is_empty() {
            *held = None;
        }
    }
}

impl Operator for SinkMaterializer {
    fn on_batch(&mut self, context: &OperatorContext, _: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.keys.encode(&batch)?;
        if let Some(key) = &mut self.upsert_key {
            key.encode(&batch)?;
        }
        self.codec.bind(batch.columns())?;
        let kinds = RowKinds::of(&batch);
        for row in 0..batch.num_rows() {
            self.row(row, kinds.change(row), context.now);
            self.output.flush_if_full(&self.codec, out)?;
        }
        self.output.flush(&self.codec, out)?;
        self.rows.tidy(context.now);
        Ok(())
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        let keyed = self.rows.snapshot(self.fingerprint, self.max_parallelism, |rows, out| {
            put_number(out, rows.len() as i64);
            for kept in rows {
                put_bytes(out, &kept.id);
                put_bytes(out, &kept.row);
            }
        })?;
        Ok(OperatorSnapshot { keyed, ..OperatorSnapshot::default() })
    }
}
