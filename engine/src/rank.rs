//! Top-N: the first rows of each partition in an order, and what changes of them.
//!
//! State: of an input that only inserts, or whose updates never move a row behind, the rows of the ranks asked for; of any other all
//! rows. Rows of one rank's sort key stand in order of arrival.

mod order;
mod partition;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::{SortOptions, cast};
use arrow::datatypes::{DataType, Int64Type};
use arrow::record_batch::RecordBatch;
use irmak_common::changelog_spec::{RankSpec, RankStrategy};
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::Element;
use irmak_common::key_group::MaxParallelism;
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
use partition::{Partition, Ranks};

pub(crate) struct Rank {
    spec: RankSpec,
    ranks: Ranks,
    keys: KeyEncoder,
    /// Of the input that updates rows by them.
    primary_keys: Option<KeyEncoder>,
    sort_keys: RowCodec,
    codec: RowCodec,
    partitions: Slots<Partition>,
    output: RowOutput,
    fingerprint: u64,
    max_parallelism: MaxParallelism,
}

impl Rank {
    pub(crate) fn new(spec: &RankSpec, input: &Schema, output: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let keys = KeyEncoder::new(input, &spec.partition_by)?;
        let updated = match &spec.strategy {
            RankStrategy::UpdateFast { primary_keys } => Some(KeyEncoder::new(input, primary_keys)?),
            _ => None,
        };
        let by_rank = spec.number || spec.start > 1;
        let ranks = Ranks { start: spec.start, end: spec.end, by_rank, one: spec.end == 1 && spec.end_by.is_none() };
        let by = spec.end_by.map(|column| format!(" by {column}")).unwrap_or_default();
        let fingerprint = fingerprint_of(&keys, input, &format!("rank {:?} {:?} {}{by}", spec.order_by, spec.strategy, spec.end));
        let mut partitions = Slots::new(spec.state_ttl_ms);
        for bytes in env.owned().keyed() {
            partitions.restore(fingerprint, keys.format(), bytes, |from| {
                let mut partition = Partition::default();
                let ranks = match spec.end_by {
                    Some(_) => ranks.until(take_number(from)? as u64),
                    None => ranks,
                };
                partition.end = ranks.end;
                for _ in 0..take_number(from)? {
                    partition.restore(take_bytes(from)?, take_bytes(from)?, take_bytes(from)?);
                }
                partition.restored(ranks);
                Ok(partition)
            })?;
        }
        Ok(Self {
            ranks,
            keys,
            primary_keys: updated,
            sort_keys: RowCodec::sorted(order(spec, input)?)?,
            codec: codec_of(input)?,
            partitions,
            output: RowOutput::new(output, spec.number),
            fingerprint,
            max_parallelism: env.max_parallelism,
            spec: spec.clone(),
        })
    }

    /// The last rank that each row's partition asks for, where a column says it.
    fn ends(&self, batch: &RecordBatch) -> Result<Option<Int64Array>, EngineError> {
        let Some(at) = self.spec.end_by else { return Ok(None) };
        let column = batch.columns().get(at).ok_or_else(|| EngineError::plan(format!("the last rank is column {at}")))?;
        let ends = cast(column, &DataType::Int64).map_err(EngineError::arrow("reading the last ranks"))?;
        Ok(Some(ends.as_primitive::<Int64Type>().clone()))
    }

    fn sort_columns(&self, batch: &RecordBatch) -> Result<Vec<ArrayRef>, EngineError> {
        let column =
            |at: usize| batch.columns().get(at).cloned().ok_or_else(|| EngineError::plan(format!("rows are ordered by column {at}")));
        self.spec.order_by.iter().map(|key| column(key.column)).collect()
    }
}

/// Types and directions of the sort key.
fn order(spec: &RankSpec, input: &Schema) -> Result<Vec<(DataType, SortOptions)>, EngineError> {
    let key = |key: &irmak_common::call_spec::SortKey| {
        let field = input.fields.get(key.column)?;
        Some((field.ty.kind.to_arrow(), SortOptions { descending: key.descending, nulls_first: key.nulls_first }))
    };
    spec.order_by.iter().map(key).collect::<Option<_>>().ok_or_else(|| EngineError::plan("rows are ordered by a column that is not there"))
}

impl Operator for Rank {
    fn on_batch(&mut self, context: &OperatorContext, _: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.keys.encode(&batch)?;
        if let Some(keys) = &mut self.primary_keys {
            keys.encode(&batch)?;
        }
        self.sort_keys.bind(&self.sort_columns(&batch)?)?;
        self.codec.bind(batch.columns())?;
        let kinds = RowKinds::of(&batch);
        let ends = self.ends(&batch)?;
        let mut said = Vec::new();
        for row in 0..batch.num_rows() {
            let (key, bytes, change) = (self.sort_keys.row(row), self.codec.row(row), kinds.change(row));
            let id = self.partitions.of_row(&self.keys, row, context.now);
            let held = self.partitions.value(id);
            let partition = held.get_or_insert_with(Partition::default);
            let ranks = match &ends {
                Some(ends) if ends.is_null(row) => self.ranks.until(0),
                Some(ends) => self.ranks.until(u64::try_from(ends.value(row)).unwrap_or(0)),
                None => self.ranks,
            };
            partition.end = ranks.end;
            match (&self.spec.strategy, change) {
                (RankStrategy::AppendFast, _) => partition.append(ranks, key, bytes, &mut said),
                (RankStrategy::UpdateFast { .. }, Change::Add) => {
                    let primary = self.primary_keys.as_ref().map_or(&[][..], |keys| keys.key(row));
                    partition.update(ranks, primary, key, bytes, &mut said);
                }
                // The update itself follows.
                (RankStrategy::UpdateFast { .. }, Change::Retract) => {}
                (RankStrategy::Retract, Change::Add) => partition.add(ranks, key, bytes, &mut said),
                (RankStrategy::Retract, Change::Retract) => partition.retract(ranks, key, bytes, &mut said),
            }
            if partition.is_empty() {
                *held = None;
            }
            for (kind, row, rank) in said.drain(..) {
                self.output.push(kind, row.row(), rank);
            }
            self.output.flush_if_full(&self.codec, out)?;
        }
        self.output.flush(&self.codec, out)?;
        self.partitions.tidy(context.now);
        Ok(())
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        let variable = self.spec.end_by.is_some();
        let keyed = self.partitions.snapshot(self.fingerprint, self.max_parallelism, |partition, out| {
            if variable {
                put_number(out, i64::try_from(partition.end).unwrap_or(i64::MAX));
            }
            let rows = partition.stored();
            put_number(out, rows.len() as i64);
            for kept in rows.iter() {
                put_bytes(out, kept.sort_key());
                put_bytes(out, kept.primary());
                put_bytes(out, kept.row());
            }
        })?;
        Ok(OperatorSnapshot { keyed, ..OperatorSnapshot::default() })
    }
}
