//! INTERSECT and EXCEPT, with and without ALL: how often each side has a row decides how often the result has it.
//!
//! Whatever comes or is taken back on either side, the difference to what was said before is said: `+I` or `-D`. NULL equals NULL.

use arrow::array::AsArray;
use arrow::datatypes::{Int32Type, SchemaRef};
use arrow::record_batch::RecordBatch;
use irmak_common::changelog_spec::{SetKind, SetOperationSpec};
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::{Element, RowKind};
use irmak_common::key_group::MaxParallelism;
use irmak_common::limits::BATCH_ROWS_MAX;
use irmak_common::types::Schema;
use xxhash_rust::xxh3::xxh3_64;

use crate::changelog::{self, Change, RowKinds};
use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::key::{KeyColumns, KeyEncoder};
use crate::operator::{Operator, OperatorContext};
use crate::state::bytes::{put_number, take_number};
use crate::state::slots::Slots;

pub(crate) struct SetOperation {
    spec: SetOperationSpec,
    keys: KeyEncoder,
    side: usize,
    /// How often each side has a row.
    counts: Slots<[i64; 2]>,
    fingerprint: u64,
    max_parallelism: MaxParallelism,
    schema: SchemaRef,
}

impl SetOperation {
    pub(crate) fn new(spec: SetOperationSpec, input: &Schema, output: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let side = input.len().checked_sub(1).ok_or_else(|| EngineError::plan("a set operation without columns"))?;
        let keys = KeyEncoder::new(input, &(0..side).collect::<Vec<_>>())?;
        let fingerprint = xxh3_64(format!("{} set operation", keys.format().fingerprint()).as_bytes());
        let mut counts = Slots::new(0);
        for bytes in env.owned().keyed() {
            counts.restore(fingerprint, keys.format(), bytes, |from| Ok([take_number(from)?, take_number(from)?]))?;
        }
        let (max_parallelism, schema) = (env.max_parallelism, changelog::with_kind(output));
        Ok(Self { spec, keys, side, counts, fingerprint, max_parallelism, schema })
    }

    fn emit(&mut self, rows: &mut Vec<(u32, RowKind)>, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut columns = KeyColumns::new(self.keys.format());
        columns.append(rows.iter().map(|(id, _)| self.counts.key(*id)));
        out.push(changelog::batch(&self.schema, columns.finish()?, rows.iter().map(|(_, kind)| *kind as u8).collect())?);
        rows.clear();
        Ok(())
    }
}

/// How often the result has a row that each side has so often.
pub(crate) fn times(spec: SetOperationSpec, [left, right]: [i64; 2]) -> i64 {
    let (left, right) = (left.max(0), right.max(0));
    match (spec.kind, spec.all) {
        (SetKind::Intersect, true) => left.min(right),
        (SetKind::Intersect, false) => left.min(right).min(1),
        (SetKind::Except, true) => (left - right).max(0),
        (SetKind::Except, false) => i64::from(left > 0 && right == 0),
    }
}

impl Operator for SetOperation {
    fn on_batch(&mut self, context: &OperatorContext, _: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.keys.encode(&batch)?;
        let kinds = RowKinds::of(&batch);
        let sides = batch.columns().get(self.side).and_then(|column| column.as_primitive_opt::<Int32Type>());
        let sides = sides.ok_or_else(|| EngineError::plan("the side of a set operation is no INT"))?;
        let mut rows = Vec::new();
        for row in 0..batch.num_rows() {
            let id = self.counts.of_row(&self.keys, row, context.now);
            let before = self.counts.value(id).unwrap_or_default();
            let mut after = before;
            after[usize::from(sides.value(row) != 0)] += if kinds.change(row) == Change::Add { 1 } else { -1 };
            *self.counts.value(id) = (after != [0, 0]).then_some(after);
            let more = times(self.spec, after) - times(self.spec, before);
            let kind = if more > 0 { RowKind::Insert } else { RowKind::Delete };
            for _ in 0..more.unsigned_abs() {
                rows.push((id, kind));
                if rows.len() >= BATCH_ROWS_MAX {
                    self.emit(&mut rows, out)?;
                }
            }
        }
        self.emit(&mut rows, out)?;
        self.counts.tidy(context.now);
        Ok(())
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        let keyed = self.counts.snapshot(self.fingerprint, self.max_parallelism, |counts, out| {
            counts.iter().for_each(|count| put_number(out, *count));
        })?;
        Ok(OperatorSnapshot { keyed, ..OperatorSnapshot::default() })
    }
}
