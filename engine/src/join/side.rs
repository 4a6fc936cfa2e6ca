//! One side of a join as its rows come, and the condition that pairs have to meet.

use arrow::array::{Array, ArrayRef, AsArray, UInt8Array, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::{SchemaRef, TimestampMillisecondType, UInt8Type};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use irmak_common::element::{ROW_KIND_COLUMN, RowKind};
use irmak_common::join_spec::JoinSpec;
use irmak_common::limits::BATCH_ROWS_MAX;
use irmak_common::time::Millis;
use irmak_common::types::{Field, Schema};
use irmak_functions::{Environment, Evaluator, compile};

use super::store::Store;
use crate::error::EngineError;
use crate::key::{KeyColumns, KeyEncoder, KeyFormat, is_null};

/// One side: how its rows are encoded, and those of the present batch.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) keys: KeyEncoder,
    pub(crate) rows: KeyEncoder,
    /// Key columns where NULL equals nothing.
    strict: Vec<usize>,
    /// The same by their place in the key.
    strict_cells: Vec<usize>,
    kinds: Option<UInt8Array>,
    /// Rows of the batch whose key equals none.
    lonely: Vec<bool>,
}

/// A row of the present batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival<'a> {
    pub(crate) hash: u64,
    pub(crate) key: &'a [u8],
    pub(crate) row: &'a [u8],
    pub(crate) kind: RowKind,
    /// Its key holds a NULL that equals nothing.
    pub(crate) lonely: bool,
}

impl Side {
    /// Side `side` of a join.
    pub(crate) fn new(spec: &JoinSpec, side: usize, schema: &Schema) -> Result<Self, EngineError> {
        let columns = &spec.keys[side];
        let strict = columns.iter().zip(&spec.null_safe).filter(|(_, null_safe)| !**null_safe).map(|(column, _)| *column).collect();
        Ok(Self {
            keys: KeyEncoder::new(schema, columns)?,
            rows: KeyEncoder::of_format(KeyFormat::of_rows(schema)?)?,
            strict,
            strict_cells: (0..spec.null_safe.len()).filter(|cell| !spec.null_safe[*cell]).collect(),
            kinds: None,
            lonely: Vec::new(),
        })
    }

    /// Takes a batch in; [`Side::arrival`] speaks of its rows until the next.
    pub(crate) fn arrive(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        self.keys.encode(batch)?;
        self.rows.encode(batch)?;
        self.kinds = batch.column_by_name(ROW_KIND_COLUMN).and_then(|column| column.as_primitive_opt::<UInt8Type>()).cloned();
        self.lonely.clear();
        self.lonely.resize(batch.num_rows(), false);
        for &column in &self.strict {
            // `encode` has found the column.
            let Some(nulls) = batch.columns().get(column).and_then(|column| column.logical_nulls()) else { continue };
            self.lonely.iter_mut().zip(nulls.iter()).for_each(|(lonely, valid)| *lonely |= !valid);
        }
        Ok(())
    }

    /// Whether a key holds a NULL that equals nothing.
    pub(crate) fn is_lonely(&self, key: &[u8]) -> bool {
        self.strict_cells.iter().any(|cell| is_null(key, *cell))
    }

    /// A row of the batch.
    pub(crate) fn arrival(&self, row: usize) -> Arrival<'_> {
        let kind = self.kinds.as_ref().and_then(|kinds| RowKind::from_byte(kinds.value(row))).unwrap_or(RowKind::Insert);
        Arrival { hash: self.keys.hash(row), key: self.keys.key(row), row: self.rows.key(row), kind, lonely: self.lonely[row] }
    }
}

/// The format of the key of both sides.
pub(crate) fn fingerprint(spec: &JoinSpec, sides: &[Side; 2]) -> u64 {
    let formats: Vec<String> =
        sides.iter().map(|side| format!("{}|{}", side.keys.format().fingerprint(), side.rows.format().fingerprint())).collect();
    let windows = matches!(spec.timing, irmak_common::join_spec::JoinTiming::Window { .. });
    xxhash_rust::xxh3::xxh3_64(format!("join {windows} {formats:?}").as_bytes())
}

/// The times of a batch's time column, in milliseconds.
pub(crate) fn times(batch: &RecordBatch, column: usize, schema: &Schema) -> Result<Vec<Millis>, EngineError> {
    let name = || schema.fields.get(column).map_or_else(String::new, |field| field.name.clone());
    let found: Option<&ArrayRef> = batch.columns().get(column);
    let Some(values) = found.and_then(|column| column.as_primitive_opt::<TimestampMillisecondType>()) else {
        return Err(EngineError::Column {
            column,
            expected: "Timestamp(Millisecond)".into(),
            found: found.map_or_else(|| "none".into(), |column| column.data_type().to_string()),
        });
    };
    match (0..values.len()).find(|row| values.is_null(*row)) {
        Some(row) => Err(EngineError::Null { column: name(), row }),
        None => Ok(values.values().to_vec()),
    }
}

/// What pairs have to meet besides equal keys.
#[derive(Debug)]
pub(crate) struct Condition {
    evaluator: Option<Evaluator>,
    schema: SchemaRef,
    formats: [KeyFormat; 2],
}

/// Two rows: one of the present batch and a kept one of the other side, or two kept ones, left and right.
pub(crate) type Pair = (u32, u32);

impl Condition {
    pub(crate) fn new(spec: &JoinSpec, inputs: [&Schema; 2], functions: &Environment) -> Result<Self, EngineError> {
        let compiled = spec.condition.as_ref().map(|condition| compile(condition, functions)).transpose();
        let nullable = |field: &Field| Field::new(&field.name, field.ty.with_nullable(true));
        let schema = Schema::new(inputs.iter().flat_map(|schema| schema.fields.iter().map(nullable)).collect()).to_arrow();
        let formats = [KeyFormat::of_rows(inputs[0])?, KeyFormat::of_rows(inputs[1])?];
        Ok(Self { evaluator: compiled.map_err(|source| EngineError::Expression { index: 0, source })?, schema, formats })
    }

    /// Whether every pair meets it.
    pub(crate) fn is_always(&self) -> bool {
        self.evaluator.is_none()
    }

    /// Which pairs meet it: rows of `batch`, which came on side `side`, with kept rows of the other.
    pub(crate) fn meet(
        &self,
        now: Millis,
        side: usize,
        batch: &RecordBatch,
        store: &Store,
        pairs: &[Pair],
    ) -> Result<Vec<bool>, EngineError> {
        let Some(evaluator) = &self.evaluator else { return Ok(vec![true; pairs.len()]) };
        let mut met = Vec::with_capacity(pairs.len());
        let width = self.formats[side].width();
        for pairs in pairs.chunks(BATCH_ROWS_MAX) {
            let rows = UInt32Array::from_iter_values(pairs.iter().map(|(row, _)| *row));
            let here = batch.columns()[..width].iter().map(|column| take(column, &rows, None)).collect::<Result<Vec<_>, _>>();
            let here = here.map_err(EngineError::arrow("pairing rows"))?;
            let there = self.kept(1 - side, store, pairs.iter().map(|(_, id)| *id))?;
            let columns = if side == 0 { [here, there] } else { [there, here] };
            self.select(evaluator, now, columns, pairs.len(), &mut met)?;
        }
        Ok(met)
    }

    /// Which pairs of kept rows, left and right, meet it.
    pub(crate) fn meet_kept(&self, now: Millis, stores: [&Store; 2], pairs: &[Pair]) -> Result<Vec<bool>, EngineError> {
        let Some(evaluator) = &self.evaluator else { return Ok(vec![true; pairs.len()]) };
        let mut met = Vec::with_capacity(pairs.len());
        for pairs in pairs.chunks(BATCH_ROWS_MAX) {
            let left = self.kept(0, stores[0], pairs.iter().map(|(left, _)| *left))?;
            let right = self.kept(1, stores[1], pairs.iter().map(|(_, right)| *right))?;
            self.select(evaluator, now, [left, right], pairs.len(), &mut met)?;
        }
        Ok(met)
    }

    fn kept(&self, side: usize, store: &Store, ids: impl Iterator<Item = u32>) -> Result<Vec<ArrayRef>, EngineError> {
        let mut columns = KeyColumns::new(&self.formats[side]);
        columns.append(ids.map(|id| store.row(id)));
        columns.finish()
    }

    fn select(
        &self,
        evaluator: &Evaluator,
        now: Millis,
        columns: [Vec<ArrayRef>; 2],
        rows: usize,
        met: &mut Vec<bool>,
    ) -> Result<(), EngineError> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns.concat(), &options);
        let batch = batch.map_err(EngineError::arrow("pairing rows"))?;
        let selected = evaluator.select(&batch, now).map_err(|source| EngineError::Evaluation { index: 0, source })?;
        met.extend(selected.values().iter());
        Ok(())
    }
}
