//! RANK and DENSE_RANK over event time on a stream: the place of the last row's time among those before it.
//!
//! Rows come in order of time, all of one time before any is said, so that they share a place. Source: Flink's `RankAggFunction` and
//! `DenseRankAggFunction`.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array};
use arrow::datatypes::Int64Type;

use super::{Accumulator, column};
use crate::error::EngineError;

/// What is known of a group.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// Rows so far.
    rows: i64,
    /// Times so far.
    times: i64,
    /// The rank of the last time.
    rank: i64,
    /// The last time, where there is one.
    last: i64,
}

impl Place {
    fn add(&mut self, time: i64) {
        if self.rows == 0 || self.last != time {
            self.rank = self.rows + 1;
            self.times += 1;
            self.last = time;
        }
        self.rows += 1;
    }
}

struct Places {
    places: Vec<Place>,
    dense: bool,
}

/// RANK of times, or DENSE_RANK.
pub(super) fn places(dense: bool) -> Box<dyn Accumulator> {
    Box::new(Places { places: Vec::new(), dense })
}

impl Places {
    fn numbers(&self, groups: &[u32], number: impl Fn(&Place) -> i64) -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(groups.iter().map(|&group| number(&self.places[group as usize]))))
    }
}

impl Accumulator for Places {
    fn resize(&mut self, groups: usize) {
        self.places.resize(groups, Place::default());
    }

    fn update(&mut self, groups: &[u32], rows: &[u32], args: &[ArrayRef]) -> Result<(), EngineError> {
        let times = column::<Int64Type>(args, 0)?;
        groups.iter().zip(rows).for_each(|(&group, &row)| self.places[group as usize].add(times.value(row as usize)));
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, EngineError> {
        let numbers: [fn(&Place) -> i64; 4] = [|place| place.rows, |place| place.times, |place| place.rank, |place| place.last];
        Ok(numbers.iter().map(|number| self.numbers(groups, number)).collect())
    }

    /// State of one place after the other: only an empty group takes it as it is.
    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<(), EngineError> {
        let numbers = (0..4).map(|at| column::<Int64Type>(state, at)).collect::<Result<Vec<_>, _>>()?;
        for (row, &group) in groups.iter().enumerate() {
            let place = &mut self.places[group as usize];
            let [rows, times, rank, last] = [0, 1, 2, 3].map(|at: usize| numbers[at].value(row));
            if rows > 0 {
                *place = Place { rows: place.rows + rows, times: place.times + times, rank: place.rows + rank, last };
            }
        }
        Ok(())
    }

    fn evaluate(&self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        Ok(self.numbers(groups, |place| if self.dense { place.times } else { place.rank }))
    }

    fn forget(&mut self, group: u32) {
        self.places[group as usize] = Place::default();
    }

    fn width(&self) -> usize {
        4
    }
}
