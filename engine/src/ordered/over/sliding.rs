//! Bounded frames whose calls can take rows back: a row costs what enters its frame and what leaves it, not the frame.
//!
//! As in Flink, what leaves is taken back before what enters is added: sums of DOUBLE come out with the same last digits. Nothing of
//! this is stored: after a restore a key's accumulators are made anew from its rows, when the key is next asked for.

use std::collections::HashMap;

use arrow::array::ArrayRef;
use irmak_common::call_spec::AggregateCall;

use super::Arguments;
use crate::changelog::Change;
use crate::error::EngineError;
use crate::ordered::rows::RowStore;
use crate::running::{Running, running};

/// Something that happens to a key's frame.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A row, by its number, enters or leaves.
    Change { key: u32, number: u32, change: Change },
    /// A result is asked for.
    Say { key: u32 },
}

pub(super) struct Sliding {
    aggregates: Vec<Box<dyn Running>>,
    /// By key: its accumulators hold its rows.
    made: Vec<bool>,
    steps: Vec<Step>,
}

impl Sliding {
    /// Accumulators for these calls; `None`: one of them takes nothing back.
    pub(super) fn of(calls: &[AggregateCall]) -> Option<Self> {
        let aggregates = calls.iter().map(|call| running(call, true)).collect::<Result<_, _>>().ok()?;
        Some(Self { aggregates, made: Vec::new(), steps: Vec::new() })
    }

    /// Sees to it that a key's accumulators hold `rows`, its rows so far.
    pub(super) fn make(&mut self, key: u32, rows: impl Iterator<Item = u32>) {
        if self.made.len() <= key as usize {
            self.made.resize(key as usize + 1, false);
        }
        if !std::mem::replace(&mut self.made[key as usize], true) {
            self.steps.extend(rows.map(|number| Step::Change { key, number, change: Change::Add }));
        }
    }

    pub(super) fn enter(&mut self, key: u32, number: u32) {
        self.steps.push(Step::Change { key, number, change: Change::Add });
    }

    pub(super) fn leave(&mut self, key: u32, number: u32) {
        self.steps.push(Step::Change { key, number, change: Change::Retract });
    }

    pub(super) fn say(&mut self, key: u32) {
        self.steps.push(Step::Say { key });
    }

    /// Takes all steps: a column of results a call.
    pub(super) fn run(&mut self, store: &RowStore, arguments: &Arguments) -> Result<Vec<ArrayRef>, EngineError> {
        let steps = std::mem::take(&mut self.steps);
        let mut unique = Vec::new();
        let mut at: HashMap<u32, usize> = HashMap::new();
        for step in &steps {
            if let Step::Change { number, .. } = step {
                at.entry(*number).or_insert_with(|| {
                    unique.push(*number);
                    unique.len() - 1
                });
            }
        }
        let inputs = arguments.of(store, &unique)?;
        for (index, aggregate) in self.aggregates.iter_mut().enumerate() {
            aggregate.resize(self.made.len());
            aggregate.bind(inputs.args(index))?;
            let filter = inputs.filter(index);
            for step in &steps {
                match *step {
                    Step::Say { key } => aggregate.push(key)?,
                    Step::Change { key, number, change } => {
                        let row = at[&number];
                        if filter.is_none_or(|filter| filter.value(row)) {
                            aggregate.apply(key, row, change)?;
                        }
                    }
                }
            }
        }
        self.aggregates.iter_mut().map(|aggregate| aggregate.finish()).collect()
    }

    /// A key without rows.
    pub(super) fn forget(&mut self, key: u32) {
        if let Some(made) = self.made.get_mut(key as usize)
            && std::mem::take(made)
        {
            self.aggregates.iter_mut().for_each(|aggregate| aggregate.forget(key));
        }
    }

    /// Makes key `kept[i]` number `i`. `kept` ascends.
    pub(super) fn compact(&mut self, kept: &[u32]) -> Result<(), EngineError> {
        let keys = kept.last().map_or(0, |last| *last as usize + 1).max(self.made.len());
        self.made.resize(keys, false);
        self.aggregates.iter_mut().for_each(|aggregate| aggregate.resize(keys));
        self.made = kept.iter().map(|key| self.made[*key as usize]).collect();
        self.aggregates.iter_mut().try_for_each(|aggregate| aggregate.compact(kept))
    }
}
