//! Results: groups to output batches. Small windows share a batch, large ones are cut.

use std::sync::Arc;

use arrow::array::{ArrayRef, TimestampMillisecondArray};
use arrow::compute::concat;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use irmak_common::element::Element;
use irmak_common::limits::{BATCH_BYTES_MAX, BATCH_ROWS_MAX};
use irmak_common::operator_spec::WindowProperty;
use irmak_common::time::Millis;
use irmak_common::types::{Schema, TypeKind};

use super::Slice;
use crate::accumulate::Accumulator;
use crate::error::EngineError;
use crate::key::{KeyColumns, KeyFormat};
use crate::state::groups::GroupTable;
use crate::state::keyed::KeyTable;
use crate::zone::LocalTime;

/// Builds output batches: keys, aggregates, window properties.
#[derive(Debug)]
pub(crate) struct Emitter {
    schema: SchemaRef,
    keys: KeyColumns,
    /// Pieces of each aggregate column.
    aggregates: Vec<Vec<ArrayRef>>,
    properties: Vec<Property>,
    rows: usize,
    zone: LocalTime,
    now: Millis,
}

#[derive(Debug)]
struct Property {
    kind: WindowProperty,
    /// The column is an instant, not local time.
    instant: bool,
    values: Vec<Millis>,
}

impl Emitter {
    /// # Errors
    /// An output schema that has not a column for each key, aggregate and property.
    pub(crate) fn new(
        output: &Schema,
        keys: &KeyFormat,
        aggregates: usize,
        properties: &[WindowProperty],
        zone: LocalTime,
    ) -> Result<Self, EngineError> {
        let first = output.len().checked_sub(properties.len()).filter(|first| *first >= aggregates).ok_or_else(|| {
            EngineError::plan(format!("{} output columns for {aggregates} aggregates and {} properties", output.len(), properties.len()))
        })?;
        let property = |(kind, field): (&WindowProperty, &irmak_common::types::Field)| Property {
            kind: *kind,
            instant: matches!(field.ty.kind, TypeKind::TimestampLtz { .. }),
            values: Vec::new(),
        };
        Ok(Self {
            schema: output.to_arrow(),
            keys: KeyColumns::new(keys),
            aggregates: vec![Vec::new(); aggregates],
            properties: properties.iter().zip(&output.fields[first..]).map(property).collect(),
            rows: 0,
            zone,
            now: 0,
        })
    }

    /// What `Proctime` says from now on.
    pub(crate) fn set_now(&mut self, now: Millis) {
        self.now = now;
    }

    /// All groups of a window, in order of their first row.
    pub(crate) fn window(&mut self, window: Slice, table: &GroupTable, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let all: Vec<u32> = (0..table.keys.len() as u32).collect();
        let mut rest = all.as_slice();
        while !rest.is_empty() {
            let (chunk, behind) = rest.split_at(self.room(rest, &table.keys));
            self.groups(chunk, &table.keys, chunk, &table.accumulators, std::iter::repeat_n(window, chunk.len()))?;
            self.flush_if_full(out)?;
            rest = behind;
        }
        Ok(())
    }

    /// How many of these keys the batch still takes: at least one.
    pub(crate) fn room(&self, keys: &[u32], table: &KeyTable) -> usize {
        let rows = keys.len().min(BATCH_ROWS_MAX - self.rows.min(BATCH_ROWS_MAX - 1));
        let mut bytes = self.keys.bytes();
        let fits = keys[..rows].iter().take_while(|id| {
            bytes += table.key(**id).len();
            bytes <= BATCH_BYTES_MAX
        });
        fits.count().max(1)
    }

    /// Appends group `groups[i]` with key `ids[i]` and the i-th window.
    pub(crate) fn groups(
        &mut self,
        ids: &[u32],
        keys: &KeyTable,
        groups: &[u32],
        accumulators: &[Box<dyn Accumulator>],
        windows: impl Iterator<Item = Slice> + Clone,
    ) -> Result<(), EngineError> {
        self.keys.append(ids.iter().map(|&id| keys.key(id)));
        for (pieces, accumulator) in self.aggregates.iter_mut().zip(accumulators) {
            pieces.push(accumulator.evaluate(groups)?);
        }
        let Self { properties, zone, now, .. } = self;
        for property in properties {
            let (kind, instant) = (property.kind, property.instant);
            property.values.extend(windows.clone().map(|window| value(kind, instant, window, zone, *now)));
        }
        self.rows += ids.len();
        Ok(())
    }

    /// Emits the batch when it has come to a bound.
    pub(crate) fn flush_if_full(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if self.rows >= BATCH_ROWS_MAX || self.keys.bytes() >= BATCH_BYTES_MAX { self.flush(out) } else { Ok(()) }
    }

    /// Emits what there is.
    pub(crate) fn flush(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let rows = std::mem::take(&mut self.rows);
        if rows == 0 {
            return Ok(());
        }
        let mut columns = self.keys.finish()?;
        for pieces in &mut self.aggregates {
            columns.push(join(std::mem::take(pieces))?);
        }
        for property in &mut self.properties {
            columns.push(Arc::new(TimestampMillisecondArray::from(std::mem::take(&mut property.values))));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options);
        out.push(Element::Batch(batch.map_err(EngineError::arrow("building window results"))?));
        Ok(())
    }
}

/// What a window says of itself.
pub(crate) fn value(kind: WindowProperty, instant: bool, window: Slice, zone: &LocalTime, now: Millis) -> Millis {
    let local = match kind {
        WindowProperty::Start => window.start,
        WindowProperty::End => window.end,
        WindowProperty::Rowtime => window.end - 1,
        WindowProperty::Proctime => return now,
    };
    if instant { zone.to_epoch(local) } else { local }
}

fn join(mut pieces: Vec<ArrayRef>) -> Result<ArrayRef, EngineError> {
    if pieces.len() == 1 {
        return Ok(pieces.swap_remove(0));
    }
    concat(&pieces.iter().map(AsRef::as_ref).collect::<Vec<_>>()).map_err(EngineError::arrow("joining window results"))
}
