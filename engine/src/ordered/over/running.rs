//! Frames that begin at the first row: one accumulator a key, kept for as long as the job lives.
//!
//! Rows are added and results read in rounds: a round has at most one row of a key (at RANGE, all rows of its time), so that a batch of
//! many keys takes few calls.

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::{concat, take};

use super::{Arguments, Due, Results};
use crate::accumulate::Accumulator;
use crate::error::EngineError;
use crate::ordered::rows::RowStore;
use crate::state::groups::{Scratch, add_rows};

pub(super) struct Running {
    /// A group a key.
    pub(super) accumulators: Vec<Box<dyn Accumulator>>,
    /// RANGE: rows of one time have one result.
    peers: bool,
    scratch: Scratch,
    /// By key, while rows are put into rounds: how many rounds it has, and the time of the last.
    rounds_of: Vec<(u32, i64)>,
}

impl Running {
    pub(super) fn new(arguments: &Arguments, peers: bool) -> Result<Self, EngineError> {
        Ok(Self { accumulators: arguments.set.accumulators()?, peers, scratch: Scratch::default(), rounds_of: Vec::new() })
    }

    /// The results of rows that are due. `keys`: how many there are.
    pub(super) fn compute(&mut self, due: &[Due], keys: usize, store: &RowStore, arguments: &Arguments) -> Result<Results, EngineError> {
        let numbers: Vec<u32> = due.iter().map(|due| due.number).collect();
        let inputs = arguments.of(store, &numbers)?;
        let rounds = self.rounds(due, keys);
        let mut pieces: Vec<Vec<ArrayRef>> = vec![Vec::with_capacity(rounds.len()); self.accumulators.len()];
        for rows in &rounds {
            let groups: Vec<u32> = rows.iter().map(|&row| due[row as usize].key).collect();
            self.scratch.groups().clear();
            self.scratch.groups().extend_from_slice(&groups);
            add_rows(&mut self.accumulators, keys, &inputs, rows, &mut self.scratch)?;
            for (pieces, accumulator) in pieces.iter_mut().zip(&self.accumulators) {
                pieces.push(accumulator.evaluate(&groups)?);
            }
        }
        let columns = in_order(&rounds, &pieces)?;
        Ok(Results { numbers, columns })
    }

    /// Rows by round, in order.
    fn rounds(&mut self, due: &[Due], keys: usize) -> Vec<Vec<u32>> {
        self.rounds_of.clear();
        self.rounds_of.resize(keys, (0, 0));
        let mut rounds: Vec<Vec<u32>> = Vec::new();
        for (row, due) in due.iter().enumerate() {
            let (count, time) = &mut self.rounds_of[due.key as usize];
            if !(self.peers && *count > 0 && *time == due.time) {
                (*count, *time) = (*count + 1, due.time);
            }
            let round = *count as usize - 1;
            if round == rounds.len() {
                rounds.push(Vec::new());
            }
            rounds[round].push(row as u32);
        }
        rounds
    }
}

/// The results of all rounds, in order of rows.
fn in_order(rounds: &[Vec<u32>], pieces: &[Vec<ArrayRef>]) -> Result<Vec<ArrayRef>, EngineError> {
    let failed = EngineError::arrow("putting results in order");
    let mut places = vec![0; rounds.iter().map(Vec::len).sum()];
    for (place, &row) in rounds.iter().flatten().enumerate() {
        places[row as usize] = place as u32;
    }
    let sorted = places.iter().enumerate().all(|(at, &place)| at == place as usize);
    let places = UInt32Array::from(places);
    let column = |pieces: &Vec<ArrayRef>| {
        let all = concat(&pieces.iter().map(AsRef::as_ref).collect::<Vec<_>>()).map_err(&failed)?;
        if sorted { Ok(all) } else { take(&all, &places, None).map_err(&failed) }
    };
    pieces.iter().map(column).collect()
}
