//! Who gets which row of a batch.
//!
//! Hash scatter by counting: one pass finds each row's target, one `take` a column brings the rows of each target together, and each
//! target's part is a slice of that. Nothing is sorted, nothing is allocated per row.

use std::sync::Arc;

use arrow::array::UInt32Array;
use arrow::compute::take_record_batch;
use arrow::record_batch::RecordBatch;
use irmak_common::job_graph::Partitioning;
use irmak_common::key_group::{KeyGroup, MaxParallelism};

/// Fills one hash a row of a batch: `engine::key`'s, so that a row goes where its state is.
pub type Hasher = Box<dyn FnMut(&RecordBatch, &mut Vec<u64>) -> Result<(), String> + Send>;

/// The division of a gate's rows among its consumers.
pub enum Partitioner {
    /// Everything to the one consumer that there is (FORWARD, GLOBAL, or a parallelism of 1).
    One,
    /// Batches in turn.
    Rebalance {
        /// The consumer of the next batch.
        next: usize,
    },
    /// Everything to everyone.
    Broadcast,
    /// By key group.
    Hash(Scatter),
}

impl Partitioner {
    /// Of a gate with so many consumers. `hasher` is asked for with HASH only.
    ///
    /// # Errors
    /// What `hasher` says.
    pub fn new<E>(
        partitioning: &Partitioning,
        consumers: usize,
        subtask: u32,
        max: MaxParallelism,
        hasher: impl FnOnce(&[usize]) -> Result<Hasher, E>,
    ) -> Result<Self, E> {
        Ok(match partitioning {
            Partitioning::Broadcast => Self::Broadcast,
            Partitioning::Forward | Partitioning::Global => Self::One,
            _ if consumers <= 1 => Self::One,
            // Producers begin at different consumers, so that few batches are spread as well.
            Partitioning::Rebalance => Self::Rebalance { next: subtask as usize % consumers },
            Partitioning::Hash { columns } => Self::Hash(Scatter::new(hasher(columns)?, consumers, max)),
        })
    }

    /// Each consumer's part of a batch, appended to `parts` as (consumer, rows).
    ///
    /// # Errors
    /// A batch that the hasher or Arrow cannot read.
    pub fn divide(&mut self, batch: RecordBatch, consumers: usize, parts: &mut Vec<(usize, RecordBatch)>) -> Result<(), String> {
        match self {
            Self::One => parts.push((0, batch)),
            Self::Rebalance { next } => {
                parts.push((*next, batch));
                *next = (*next + 1) % consumers.max(1);
            }
            Self::Broadcast => parts.extend((0..consumers).map(|consumer| (consumer, batch.clone()))),
            Self::Hash(scatter) => scatter.divide(batch, parts)?,
        }
        Ok(())
    }
}

/// The scatter of one gate; keeps its buffers.
pub struct Scatter {
    hasher: Hasher,
    max: MaxParallelism,
    /// The consumer of each key group.
    owners: Vec<u32>,
    hashes: Vec<u64>,
    targets: Vec<u32>,
    /// Where each consumer's rows begin.
    starts: Vec<usize>,
}

impl Scatter {
    fn new(hasher: Hasher, consumers: usize, max: MaxParallelism) -> Self {
        let owners = (0..max.get()).map(|group| KeyGroup(group).owner(consumers as u32, max)).collect();
        Self { hasher, max, owners, hashes: Vec::new(), targets: Vec::new(), starts: vec![0; consumers + 1] }
    }

    fn divide(&mut self, batch: RecordBatch, parts: &mut Vec<(usize, RecordBatch)>) -> Result<(), String> {
        self.hashes.clear();
        (self.hasher)(&batch, &mut self.hashes)?;
        if self.hashes.len() != batch.num_rows() {
            return Err(format!("{} hashes for {} rows", self.hashes.len(), batch.num_rows()));
        }
        self.count();
        let consumers = self.starts.len() - 1;
        let only = (0..consumers).find(|consumer| self.starts[consumer + 1] - self.starts[*consumer] == batch.num_rows());
        if let Some(consumer) = only {
            parts.push((consumer, batch));
            return Ok(());
        }
        let scattered = take_record_batch(&batch, &UInt32Array::from(self.order())).map_err(|error| error.to_string())?;
        for consumer in 0..consumers {
            let (start, end) = (self.starts[consumer], self.starts[consumer + 1]);
            if end > start {
                parts.push((consumer, scattered.slice(start, end - start)));
            }
        }
        Ok(())
    }

    /// Each row's target, and where each target's rows will begin.
    fn count(&mut self) {
        let (owners, max) = (&self.owners, self.max);
        self.targets.clear();
        self.targets.extend(self.hashes.iter().map(|hash| owners[usize::from(KeyGroup::of_hash(*hash, max).0)]));
        self.starts.fill(0);
        self.targets.iter().for_each(|target| self.starts[*target as usize + 1] += 1);
        (1..self.starts.len()).for_each(|at| self.starts[at] += self.starts[at - 1]);
    }

    /// Rows in the order of their targets; rows of one target keep their order.
    fn order(&self) -> Vec<u32> {
        let mut next = self.starts.clone();
        let mut order = vec![0; self.targets.len()];
        for (row, target) in self.targets.iter().enumerate() {
            let place = &mut next[*target as usize];
            order[*place] = row as u32;
            *place += 1;
        }
        order
    }
}

/// Bytes that the rows of a batch take, also where the batch is a slice of a larger one.
pub fn batch_bytes(batch: &RecordBatch) -> u64 {
    let columns = batch.columns().iter();
    columns.map(|column| column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size()) as u64).sum()
}

/// Several batches of one schema as one.
///
/// # Errors
/// When they are not of one schema.
pub fn concat(mut batches: Vec<RecordBatch>) -> Result<Option<RecordBatch>, String> {
    if batches.len() <= 1 {
        return Ok(batches.pop());
    }
    let schema = Arc::clone(batches[0].schema_ref());
    if let Some(other) = batches.iter().find(|batch| batch.num_columns() != schema.fields().len()) {
        return Err(format!("batches of {} and of {} columns are not of one schema", schema.fields().len(), other.num_columns()));
    }
    arrow::compute::concat_batches(&schema, &batches).map(Some).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, Int64Array};
    use irmak_common::key_group::owned_range;
    use proptest::prelude::*;

    use super::*;

    fn batch(values: &[i64]) -> RecordBatch {
        let column: ArrayRef = Arc::new(Int64Array::from(values.to_vec()));
        RecordBatch::try_from_iter([("v", column)]).unwrap()
    }

    fn values(batch: &RecordBatch) -> Vec<i64> {
        batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap().values().to_vec()
    }

    fn value_is_hash(_: &[usize]) -> Result<Hasher, String> {
        Ok(Box::new(|batch, out| {
            out.extend(values(batch).into_iter().map(|value| value as u64));
            Ok(())
        }))
    }

    /// Divides batches and compares the parts.
    fn check(partitioning: Partitioning, consumers: usize, batches: &[&[i64]], expected: &[(usize, &[i64])]) {
        let max = MaxParallelism::default();
        let mut partitioner = Partitioner::new(&partitioning, consumers, 1, max, value_is_hash).unwrap();
        let mut parts = Vec::new();
        batches.iter().for_each(|rows| partitioner.divide(batch(rows), consumers, &mut parts).unwrap());
        let found: Vec<(usize, Vec<i64>)> = parts.iter().map(|(consumer, rows)| (*consumer, values(rows))).collect();
        let expected: Vec<(usize, Vec<i64>)> = expected.iter().map(|(consumer, rows)| (*consumer, rows.to_vec())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn batches_of_other_columns_do_not_become_one() {
        let wider = RecordBatch::try_from_iter(["v", "kind"].map(|name| (name, Arc::new(Int64Array::from(vec![1])) as ArrayRef))).unwrap();
        assert!(concat(vec![batch(&[1]), wider.clone()]).is_err());
        assert!(concat(vec![wider, batch(&[1])]).is_err());
        assert_eq!(concat(vec![batch(&[1]), batch(&[2])]).unwrap().map(|whole| values(&whole)), Some(vec![1, 2]));
    }

    #[test]
    fn batches_go_where_their_partitioning_says() {
        check(Partitioning::Forward, 1, &[&[1, 2]], &[(0, &[1, 2])]);
        check(Partitioning::Global, 1, &[&[1, 2]], &[(0, &[1, 2])]);
        check(Partitioning::Rebalance, 3, &[&[1], &[2], &[3]], &[(1, &[1]), (2, &[2]), (0, &[3])]);
        check(Partitioning::Broadcast, 2, &[&[1]], &[(0, &[1]), (1, &[1])]);
        let hash = || Partitioning::Hash { columns: vec![0] };
        check(hash(), 2, &[&[100, 1, 70, 2]], &[(0, &[1, 2]), (1, &[100, 70])]);
        check(hash(), 2, &[&[100, 70]], &[(1, &[100, 70])]);
        check(hash(), 1, &[&[100, 1]], &[(0, &[100, 1])]);
    }

    proptest! {
        #[test]
        fn every_row_goes_to_the_owner_of_its_key_group_once_and_in_order(
            rows in proptest::collection::vec(0..100_000i64, 1..300), consumers in 1..40usize,
        ) {
            let max = MaxParallelism::default();
            let mut partitioner = Partitioner::new(&Partitioning::Hash { columns: vec![0] }, consumers, 0, max, value_is_hash).unwrap();
            let mut parts = Vec::new();
            partitioner.divide(batch(&rows), consumers, &mut parts).unwrap();
            for consumer in 0..consumers {
                let range = owned_range(consumer as u32, consumers as u32, max);
                let expected: Vec<i64> = rows.iter().copied().filter(|row| range.contains(&((row % 128) as u16))).collect();
                let found: Vec<i64> = parts.iter().filter(|(target, _)| *target == consumer).flat_map(|(_, part)| values(part)).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
