//! Deduplication: one row a key, the first or the last, by rowtime or by arrival.
//!
//! Source: Flink's `ProcTimeDeduplicateKeepFirstRowFunction`, `ProcTimeDeduplicateKeepLastRowFunction` and
//! `RowTimeDeduplicateFunction`: of equal rowtimes the first to arrive stays the first, the last to arrive becomes the last.

use arrow::record_batch::RecordBatch;
use irmak_common::changelog_spec::{DeduplicateSpec, Keep};
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::{Element, RowKind};
use irmak_common::key_group::MaxParallelism;
use irmak_common::time::Millis;
use irmak_common::types::Schema;

use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::kept_rows::{RowOutput, codec_of, fingerprint_of};
use crate::key::KeyEncoder;
use crate::operator::{Operator, OperatorContext};
use crate::running::rows::RowCodec;
use crate::state::bytes::{put_bytes, put_number, take_bytes, take_number};
use crate::state::slots::Slots;
use crate::watermark::millis;

pub(crate) struct Deduplicate {
    spec: DeduplicateSpec,
    keys: KeyEncoder,
    codec: RowCodec,
    rows: Slots<Kept>,
    output: RowOutput,
    fingerprint: u64,
    max_parallelism: MaxParallelism,
}

/// The row that stays: by arrival the first one is not needed again, and is empty here.
#[derive(Debug)]
struct Kept {
    time: Millis,
    row: Box<[u8]>,
}

impl Kept {
    /// Another row in its place; where it is as long, without an allocation.
    fn replace(&mut self, time: Millis, row: &[u8]) {
        self.time = time;
        if self.row.len() == row.len() {
            self.row.copy_from_slice(row);
        } else {
            self.row = row.into();
        }
    }
}

impl Deduplicate {
    pub(crate) fn new(spec: &DeduplicateSpec, input: &Schema, output: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let keys = KeyEncoder::new(input, &spec.keys)?;
        let fingerprint = fingerprint_of(&keys, input, &format!("deduplicate {:?} {}", spec.keep, spec.rowtime.is_some()));
        let mut rows = Slots::new(spec.state_ttl_ms);
        for bytes in env.owned().keyed() {
            rows.restore(fingerprint, keys.format(), bytes, |from| Ok(Kept { time: take_number(from)?, row: take_bytes(from)?.into() }))?;
        }
        let (codec, output) = (codec_of(input)?, RowOutput::new(output, false));
        Ok(Self { spec: spec.clone(), keys, codec, rows, output, fingerprint, max_parallelism: env.max_parallelism })
    }

    /// One row of the batch that is bound.
    fn row(&mut self, row: usize, time: Millis, now: Millis) {
        let id = self.rows.of_row(&self.keys, row, now);
        let bytes = self.codec.row(row);
        let by_time = self.spec.rowtime.is_some();
        let held = self.rows.value(id);
        let Some(before) = held else {
            let stays = by_time || self.spec.keep == Keep::Last;
            *held = Some(Kept { time, row: if stays { bytes.into() } else { Box::default() } });
            return self.output.push(RowKind::Insert, bytes, 0);
        };
        let replaced = match (self.spec.keep, by_time) {
            (Keep::First, true) => time < before.time,
            (Keep::Last, true) => before.time <= time,
            (Keep::First, false) => false,
            // With a TTL Flink says an equal row again, so that those who read it keep theirs.
            (Keep::Last, false) => self.spec.state_ttl_ms > 0 || *before.row != *bytes,
        };
        if replaced {
            self.output.push(RowKind::UpdateBefore, &before.row, 0);
            self.output.push(RowKind::UpdateAfter, bytes, 0);
            before.replace(time, bytes);
        }
    }
}

impl Operator for Deduplicate {
    fn on_batch(&mut self, context: &OperatorContext, _: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.keys.encode(&batch)?;
        self.codec.bind(batch.columns())?;
        let times = match self.spec.rowtime {
            Some(column) => Some(millis(column, batch.columns().get(column))?),
            None => None,
        };
        for row in 0..batch.num_rows() {
            let time = times.as_ref().map_or(0, |(times, nulls)| match nulls {
                Some(nulls) if nulls.is_null(row) => 0,
                _ => times[row],
            });
            self.row(row, time, context.now);
            self.output.flush_if_full(&self.codec, out)?;
        }
        self.output.flush(&self.codec, out)?;
        self.rows.tidy(context.now);
        Ok(())
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        let keyed = self.rows.snapshot(self.fingerprint, self.max_parallelism, |kept, out| {
            put_number(out, kept.time);
            put_bytes(out, &kept.row);
        })?;
        Ok(OperatorSnapshot { keyed, ..OperatorSnapshot::default() })
    }
}
