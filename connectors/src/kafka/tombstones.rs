//! `upsert-kafka`: records without a value, which end the row of their key, among those with one.
//!
//! A tombstone is a row `-D` whose only columns are the key's. The value's decoder does not see it: its row is put between the others when a
//! batch is made. Source: Flink's `DynamicKafkaDeserializationSchema` (`upsertMode`).

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, UInt8Array, UInt32Array};
use arrow::compute::kernels::zip::zip;
use arrow::compute::take;
use irmak_common::element::RowKind;

use crate::format::FormatError;

/// The tombstones of a batch.
#[derive(Debug, Default)]
pub(super) struct Tombstones {
    /// Their rows, ascending.
    rows: Vec<usize>,
}

impl Tombstones {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// This row is one.
    pub(super) fn push(&mut self, row: usize) {
        self.rows.push(row);
    }

    /// The value's columns, NULL in tombstones' rows; `total` rows in all.
    pub(super) fn spread(&self, columns: Vec<ArrayRef>, total: usize) -> Result<Vec<ArrayRef>, FormatError> {
        if self.rows.is_empty() {
            return Ok(columns);
        }
        let mut next = 0;
        let from = self.ends(total).map(|ended| {
            let own = (!ended).then_some(next);
            next += u32::from(!ended);
            own
        });
        let from: UInt32Array = from.collect();
        columns.iter().map(|column| take(column, &from, None).map_err(FormatError::from)).collect()
    }

    /// A column that stands in key and value: the value's, where there is one.
    pub(super) fn either(&self, key: &ArrayRef, value: &ArrayRef) -> Result<ArrayRef, FormatError> {
        if self.rows.is_empty() {
            return Ok(Arc::clone(value));
        }
        let ended: BooleanArray = self.ends(value.len()).map(Some).collect();
        zip(&ended, key, value).map_err(FormatError::from)
    }

    /// The kinds of all rows.
    pub(super) fn kinds(&self, total: usize) -> ArrayRef {
        let kind = |ended| if ended { RowKind::Delete } else { RowKind::UpdateAfter } as u8;
        Arc::new(UInt8Array::from_iter_values(self.ends(total).map(kind)))
    }

    /// The next batch has none yet.
    pub(super) fn clear(&mut self) {
        self.rows.clear();
    }

    /// For each row whether it is one.
    fn ends(&self, total: usize) -> impl Iterator<Item = bool> {
        let mut next = 0;
        (0..total).map(move |row| {
            let ended = self.rows.get(next) == Some(&row);
            next += usize::from(ended);
            ended
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{Array, AsArray, Int32Array};
    use arrow::datatypes::{Int32Type, UInt8Type};

    fn ints(values: &[Option<i32>]) -> ArrayRef {
        Arc::new(Int32Array::from(values.to_vec()))
    }

    #[test]
    fn tombstones_stand_between_the_rows_with_nothing_but_their_key() {
        let mut tombstones = Tombstones::default();
        [0, 2, 4].into_iter().for_each(|row| tombstones.push(row));
        let spread = tombstones.spread(vec![ints(&[Some(1), None])], 5).unwrap();
        assert_eq!(spread[0].as_primitive::<Int32Type>(), &Int32Array::from(vec![None, Some(1), None, None, None]));
        let either = tombstones.either(&ints(&[Some(9), Some(8), Some(7), None, Some(6)]), &spread[0]).unwrap();
        assert_eq!(either.as_primitive::<Int32Type>(), &Int32Array::from(vec![Some(9), Some(1), Some(7), None, Some(6)]));
        assert_eq!(tombstones.kinds(5).as_primitive::<UInt8Type>().values(), &[3, 2, 3, 2, 3]);
        tombstones.clear();
        assert_eq!((tombstones.len(), tombstones.kinds(1).len()), (0, 1));
    }
}
