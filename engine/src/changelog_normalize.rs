//! ChangelogNormalize: the last row of each key, for sources that say only what a key's row is now, or that may say a change twice.
//!
//! A row with a key that is not there is `+I`; one that differs from what is there is `-U` and `+U`; an equal one says nothing, unless a TTL
//! is set: then those who read must hear that the row lives. `-D`, and a lone `-U`, takes the row back that is there, whatever columns came
//! with it: a tombstone has none but the key. State: the last row of each key.
//!
//! Source: Flink's `ProcTimeDeduplicateKeepLastRowFunction` (`DeduplicateFunctionHelper.processLastRowOnChangelog`) and its
//! `DropUpdateBeforeFunction`.

use arrow::array::BooleanArray;
use arrow::compute::filter_record_batch;
use arrow::record_batch::RecordBatch;
use irmak_common::changelog_spec::NormalizeSpec;
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
use crate::state::bytes::{put_bytes, take_bytes};
use crate::state::slots::Slots;

pub(crate) struct ChangelogNormalize {
    update_before: bool,
    repeats: bool,
    keys: KeyEncoder,
    codec: RowCodec,
    rows: Slots<Box<[u8]>>,
    output: RowOutput,
    fingerprint: u64,
    max_parallelism: MaxParallelism,
}

impl ChangelogNormalize {
    pub(crate) fn new(spec: &NormalizeSpec, input: &Schema, output: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let keys = KeyEncoder::new(input, &spec.keys)?;
        let fingerprint = fingerprint_of(&keys, input, "changelog normalize");
        let mut rows = Slots::new(spec.state_ttl_ms);
        for bytes in env.owned().keyed() {
            rows.restore(fingerprint, keys.format(), bytes, |from| Ok(take_bytes(from)?.into()))?;
        }
        Ok(Self {
            update_before: spec.update_before,
            repeats: spec.state_ttl_ms > 0,
            codec: codec_of(input)?,
            output: RowOutput::new(output, false),
            keys,
            rows,
            fingerprint,
            max_parallelism: env.max_parallelism,
        })
    }

    /// One row of the batch that is bound.
    fn row(&mut self, row: usize, change: Change, now: Millis) {
        let id = self.rows.of_row(&self.keys, row, now);
        let held = self.rows.value(id);
        if change == Change::Retract {
            if let Some(before) = held.take() {
                self.output.push(RowKind::Delete, &before, 0);
            }
            return;
        }
        let bytes = self.codec.row(row);
        match held {
            None => self.output.push(RowKind::Insert, bytes, 0),
            Some(before) if !self.repeats && **before == *bytes => return,
            Some(before) => {
                if self.update_before {
                    self.output.push(RowKind::UpdateBefore, before, 0);
                }
                self.output.push(RowKind::UpdateAfter, bytes, 0);
            }
        }
        *held = Some(bytes.into());
    }
}

impl Operator for ChangelogNormalize {
    fn on_batch(&mut self, context: &OperatorContext, _: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.keys.encode(&batch)?;
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
        let keyed = self.rows.snapshot(self.fingerprint, self.max_parallelism, |row, out| put_bytes(out, row))?;
        Ok(OperatorSnapshot { keyed, ..OperatorSnapshot::default() })
    }
}

/// All rows but `-U`.
pub(crate) struct DropUpdateBefore;

impl Operator for DropUpdateBefore {
    fn on_batch(&mut self, _: &OperatorContext, _: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let kinds = RowKinds::of(&batch);
        let kept: BooleanArray = (0..batch.num_rows()).map(|row| Some(kinds.kind(row) != RowKind::UpdateBefore)).collect();
        match kept.true_count() {
            0 => {}
            all if all == batch.num_rows() => out.push(Element::Batch(batch)),
            _ => out.push(Element::Batch(filter_record_batch(&batch, &kept).map_err(EngineError::arrow("leaving out old rows"))?)),
        }
        Ok(())
    }
}
