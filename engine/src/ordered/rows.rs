//! Rows that are kept for later, as the batches that they came in. A row has a number that stays its own while the store moves it.
//!
//! Batches of which little is left, and many small ones, are copied together, so memory follows what is kept. As state, rows are one
//! Arrow IPC stream a key group.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::{interleave, take_record_batch};
use arrow::datatypes::SchemaRef;
use arrow::ipc::MetadataVersion;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use crate::error::EngineError;

/// A batch with fewer rows left is small; so many small ones are copied together.
const SMALL_ROWS: usize = 4_096;
const SMALL_BATCHES: usize = 64;

const NOWHERE: (u32, u32) = (u32::MAX, 0);

/// Kept rows by number.
#[derive(Debug)]
pub(crate) struct RowStore {
    schema: SchemaRef,
    chunks: Vec<Chunk>,
    free_chunks: Vec<u32>,
    /// Where each row lies: chunk and row in it.
    places: Vec<(u32, u32)>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Chunk {
    batch: Option<RecordBatch>,
    live: usize,
}

impl Chunk {
    fn is_small(&self) -> bool {
        self.batch.as_ref().is_some_and(|batch| self.live < SMALL_ROWS || self.live * 2 < batch.num_rows())
    }
}

impl RowStore {
    /// An empty store of rows of this schema.
    pub(crate) fn new(schema: SchemaRef) -> Self {
        Self { schema, chunks: Vec::new(), free_chunks: Vec::new(), places: Vec::new(), free: Vec::new() }
    }

    /// Keeps some rows of a batch; their numbers, in the same order.
    pub(crate) fn add(&mut self, batch: &RecordBatch, rows: &[u32]) -> Result<Vec<u32>, EngineError> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        self.tidy()?;
        let kept = if rows.len() == batch.num_rows() && rows.iter().enumerate().all(|(at, &row)| at == row as usize) {
            batch.clone()
        } else {
            take_record_batch(batch, &UInt32Array::from(rows.to_vec())).map_err(EngineError::arrow("keeping rows"))?
        };
        let chunk = self.chunk(Chunk { batch: Some(kept), live: rows.len() });
        Ok((0..rows.len() as u32).map(|row| self.number((chunk, row))).collect())
    }

    fn chunk(&mut self, chunk: Chunk) -> u32 {
        match self.free_chunks.pop() {
            Some(at) => {
                self.chunks[at as usize] = chunk;
                at
            }
            None => {
                self.chunks.push(chunk);
                (self.chunks.len() - 1) as u32
            }
        }
    }

    fn number(&mut self, place: (u32, u32)) -> u32 {
        match self.free.pop() {
            Some(number) => {
                self.places[number as usize] = place;
                number
            }
            None => {
                self.places.push(place);
                (self.places.len() - 1) as u32
            }
        }
    }

    /// Forgets a row.
    pub(crate) fn release(&mut self, number: u32) {
        let place = std::mem::replace(&mut self.places[number as usize], NOWHERE);
        if place == NOWHERE {
            return;
        }
        self.free.push(number);
        let chunk = &mut self.chunks[place.0 as usize];
        chunk.live -= 1;
        if chunk.live == 0 {
            chunk.batch = None;
            self.free_chunks.push(place.0);
        }
    }

    /// Some columns of some rows, in the order of the rows.
    pub(crate) fn columns(&self, numbers: &[u32], columns: impl Iterator<Item = usize>) -> Result<Vec<ArrayRef>, EngineError> {
        // Only the chunks that have such rows, so that a few rows of many chunks cost a few.
        let mut dense = vec![u32::MAX; self.chunks.len()];
        let mut used = Vec::new();
        let mut indices = Vec::with_capacity(numbers.len());
        for &number in numbers {
            let (chunk, row) = self.places[number as usize];
            let Some(at) = dense.get_mut(chunk as usize) else { return Err(EngineError::state("a row that was forgotten is asked for")) };
            if *at == u32::MAX {
                *at = used.len() as u32;
                used.push(chunk);
            }
            indices.push((*at as usize, row as usize));
        }
        let failed = EngineError::arrow("gathering rows");
        let gather = |column: usize| -> Result<ArrayRef, EngineError> {
            let pieces: Vec<&dyn Array> = used
                .iter()
                .filter_map(|&chunk| self.chunks[chunk as usize].batch.as_ref())
                .map(|batch| batch.column(column).as_ref())
                .collect();
            if pieces.is_empty() {
                return Ok(arrow::array::new_empty_array(self.schema.field(column).data_type()));
            }
            interleave(&pieces, &indices).map_err(&failed)
        };
        columns.map(gather).collect()
    }

    /// Some rows as a batch.
    pub(crate) fn batch(&self, numbers: &[u32]) -> Result<RecordBatch, EngineError> {
        let columns = self.columns(numbers, 0..self.schema.fields().len())?;
        let options = RecordBatchOptions::new().with_row_count(Some(numbers.len()));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options).map_err(EngineError::arrow("gathering rows"))
    }

    /// Copies small batches together when they are many.
    fn tidy(&mut self) -> Result<(), EngineError> {
        if self.chunks.len() - self.free_chunks.len() < SMALL_BATCHES {
            return Ok(());
        }
        let small: Vec<bool> = self.chunks.iter().map(Chunk::is_small).collect();
        if small.iter().filter(|small| **small).count() < SMALL_BATCHES {
            return Ok(());
        }
        let in_small = |place: &(u32, u32)| small.get(place.0 as usize).is_some_and(|small| *small);
        let numbers: Vec<u32> = (0..self.places.len() as u32).filter(|&number| in_small(&self.places[number as usize])).collect();
        let batch = self.batch(&numbers)?;
        for (at, _) in small.iter().enumerate().filter(|(_, small)| **small) {
            self.chunks[at] = Chunk { batch: None, live: 0 };
            self.free_chunks.push(at as u32);
        }
        let chunk = self.chunk(Chunk { batch: Some(batch), live: numbers.len() });
        for (row, &number) in numbers.iter().enumerate() {
            self.places[number as usize] = (chunk, row as u32);
        }
        Ok(())
    }
}

/// Rows as bytes.
pub(crate) fn encode(batch: &RecordBatch) -> Result<Vec<u8>, EngineError> {
    let failed = EngineError::arrow("encoding rows");
    let options = IpcWriteOptions::try_new(8, false, MetadataVersion::V5).map_err(&failed)?;
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new_with_options(&mut bytes, batch.schema_ref(), options).map_err(&failed)?;
    writer.write(batch).map_err(&failed)?;
    writer.finish().map_err(&failed)?;
    drop(writer);
    Ok(bytes)
}

/// Rows that [`encode`] wrote, of this schema.
///
/// # Errors
/// [`EngineError::State`] for rows of other columns, or bytes that are cut short.
pub(crate) fn decode(bytes: &[u8], schema: &SchemaRef) -> Result<RecordBatch, EngineError> {
    let failed = EngineError::arrow("decoding rows");
    let mut reader = StreamReader::try_new(bytes, None).map_err(&failed)?;
    let batch = reader.next().ok_or_else(|| EngineError::state("its rows are missing"))?.map_err(&failed)?;
    let types = |schema: &SchemaRef| schema.fields().iter().map(|field| field.data_type().clone()).collect::<Vec<_>>();
    if types(&batch.schema()) != types(schema) {
        return Err(EngineError::state("its rows have other columns than this query's"));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), batch.columns().to_vec(), &options).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{AsArray, Int32Array};
    use arrow::datatypes::{DataType, Field, Int32Type, Schema};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn batch(values: &[i32]) -> RecordBatch {
        let schema = Arc::new(Schema::new(vec![Field::new("v", DataType::Int32, true)]));
        RecordBatch::try_new(schema, vec![Arc::new(Int32Array::from(values.to_vec()))]).unwrap()
    }

    proptest! {
        #[test]
        fn a_row_keeps_its_number_while_others_come_and_go(steps in prop::collection::vec((prop::collection::vec(any::<i32>(), 1..4), any::<u8>()), 0..300)) {
            let mut store = RowStore::new(batch(&[]).schema());
            let mut model: BTreeMap<u32, i32> = BTreeMap::new();
            for (values, forget) in steps {
                let all: Vec<u32> = (0..values.len() as u32).collect();
                let numbers = store.add(&batch(&values), &all).unwrap();
                model.extend(numbers.into_iter().zip(values));
                if forget % 2 == 0 {
                    let gone = *model.keys().nth(usize::from(forget) % model.len()).unwrap();
                    model.remove(&gone);
                    store.release(gone);
                }
                let numbers: Vec<u32> = model.keys().copied().collect();
                let held = store.batch(&numbers).unwrap();
                let expected: Vec<i32> = model.values().copied().collect();
                prop_assert_eq!(held.column(0).as_primitive::<Int32Type>().values().to_vec(), expected);
            }
            prop_assert!(store.chunks.len() - store.free_chunks.len() <= SMALL_BATCHES);
        }
    }

    #[test]
    fn rows_are_read_back_and_others_are_refused() {
        let rows = batch(&[1, 2]);
        let bytes = encode(&rows).unwrap();
        assert_eq!(decode(&bytes, &rows.schema()).unwrap(), rows);
        let other = Arc::new(Schema::new(vec![Field::new("v", DataType::Utf8, true)]));
        assert!(decode(&bytes, &other).is_err());
        assert!(decode(&bytes[..20], &rows.schema()).is_err());
    }
}
