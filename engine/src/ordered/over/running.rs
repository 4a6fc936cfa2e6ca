//! Frames that begin at the first row: one accumulator a key, kept for as long as the job lives, or until a TTL ends it ([`super::idle`]).
//!
//! Rows are added and results read in rounds: a round has at most one row of a key (at RANGE, all rows of its time), so that a batch of
//! many keys takes few calls.

use std::collections::BTreeSet;

use arrow::array::{ArrayRef, UInt32Array};
use arrow::compute::{concat, take};

use super::{Arguments, Due, Results};
use crate::accumulate::Accumulator;
use crate::error::EngineError;
use crate::ordered::rows::RowStore;
use crate::state::groups::{Scratch, add_rows};
use crate::state::keyed::KeyTable;

/// Forgotten keys are kept up to this number, and up to as many as there are others.
const GONE_KEYS_MIN: usize = 1_024;

pub(super) struct Running {
    /// A group a key.
    pub(super) accumulators: Vec<Box<dyn Accumulator>>,
    /// RANGE: rows of one time have one result.
    peers: bool,
    scratch: Scratch,
    /// By key, while rows are put into rounds: how many rounds it has, and the time of the last.
    rounds_of: Vec<(u32, i64)>,
    /// Keys that were forgotten and have not come again.
    gone: BTreeSet<u32>,
}

impl Running {
    pub(super) fn new(arguments: &Arguments, peers: bool) -> Result<Self, EngineError> {
        Ok(Self {
            accumulators: arguments.set.accumulators()?,
            peers,
            scratch: Scratch::default(),
            rounds_of: Vec::new(),
            gone: BTreeSet::new(),
        })
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

    /// Forgets a key.
    pub(super) fn forget(&mut self, key: u32) {
        self.accumulators.iter_mut().for_each(|accumulator| accumulator.forget(key));
        self.gone.insert(key);
    }

    /// Whether nothing is known of a key.
    pub(super) fn is_gone(&self, key: u32) -> bool {
        self.gone.contains(&key)
    }

    /// A row of the key has come.
    pub(super) fn comes(&mut self, key: u32) {
        self.gone.remove(&key);
    }

    /// Clears forgotten keys away when they are many: where each of the others is now.
    pub(super) fn tidy(&mut self, table: &mut KeyTable, arguments: &Arguments) -> Result<Option<Vec<u32>>, EngineError> {
        if self.gone.len() < GONE_KEYS_MIN || self.gone.len() * 2 < table.len() {
            return Ok(None);
        }
        let mut keys = KeyTable::default();
        let mut moved = vec![u32::MAX; table.len()];
        let kept: Vec<u32> = (0..table.len() as u32).filter(|key| !self.gone.contains(key)).collect();
        for &key in &kept {
            moved[key as usize] = keys.intern(table.hash(key), table.key(key));
        }
        let places: Vec<u32> = (0..kept.len() as u32).collect();
        let mut accumulators = arguments.set.accumulators()?;
        for (new, old) in accumulators.iter_mut().zip(&mut self.accumulators) {
            old.resize(table.len());
            new.resize(kept.len());
            new.merge(&places, &old.state(&kept)?)?;
        }
        self.accumulators = accumulators;
        self.gone.clear();
        *table = keys;
        Ok(Some(moved))
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
