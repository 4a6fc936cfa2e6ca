//! The regular join: all rows of both sides are kept, and every change of either changes the result.
//!
//! Source: Flink's `StreamingJoinOperator` and `StreamingSemiAntiJoinOperator`, whose cases the two `decide_*` functions are. A record's
//! number is how many partners it has; only sides that come out without partner, and the left side of SEMI and ANTI, count. A row
//! whose key equals none is not kept: it can never have a partner. With a TTL rows are not kept for ever ([`super::expiry`]).

use arrow::record_batch::RecordBatch;
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::{Element, RowKind};
use irmak_common::join_spec::{JoinKind, JoinSpec};
use irmak_common::key_group::MaxParallelism;
use irmak_common::limits::BATCH_ROWS_MAX;
use irmak_common::time::Millis;
use irmak_common::types::Schema;

use super::expiry::Expiry;
use super::output::{Half, Output};
use super::side::{Condition, Pair, Side, fingerprint};
use super::state;
use super::store::{Kept, Store, kept_metrics};
use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::operator::{Operator, OperatorContext, OperatorMetrics};

pub(crate) struct RegularJoin {
    kind: JoinKind,
    sides: [Side; 2],
    stores: [Store; 2],
    condition: Condition,
    output: Output,
    fingerprint: u64,
    max_parallelism: MaxParallelism,
    pairs: Vec<Pair>,
    expiry: Expiry,
    /// The clock of the present call.
    now: Millis,
}

impl RegularJoin {
    pub(crate) fn new(spec: &JoinSpec, inputs: [&Schema; 2], output: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let sides = [Side::new(spec, 0, inputs[0])?, Side::new(spec, 1, inputs[1])?];
        let fingerprint = fingerprint(spec, &sides);
        // Rows are looked for where they are taken back, which an insert-only result rules out.
        let store = |ttl: u64| if spec.changelog || ttl > 0 { Store::searchable() } else { Store::default() };
        let mut stores = spec.state_ttl_ms.map(store);
        state::restore(fingerprint, &env.owned(), &sides, |side, kept| {
            stores[side].push(kept);
        })?;
        Ok(Self {
            kind: spec.kind,
            condition: Condition::new(spec, inputs, &env.functions())?,
            output: Output::new(spec, inputs, output)?,
            sides,
            stores,
            fingerprint,
            max_parallelism: env.max_parallelism,
            pairs: Vec::new(),
            expiry: Expiry::new(spec.state_ttl_ms),
            now: 0,
        })
    }

    /// Appends the kept rows that row `row` of the batch may meet.
    fn candidates(&mut self, side: usize, row: usize) {
        let arrival = self.sides[side].arrival(row);
        if !arrival.lonely {
            let (other, store) = (1 - side, &self.stores[1 - side]);
            let there = store.of_key(arrival.hash, arrival.key).filter(|id| self.expiry.lives(other, store.time(*id), self.now));
            self.pairs.extend(there.map(|id| (row as u32, id)));
        }
    }

    /// Decides on the rows of `pairs`, and on those between them without any; `rows` are all of them, in order.
    fn decide(
        &mut self,
        context: &OperatorContext,
        side: usize,
        batch: &RecordBatch,
        rows: std::ops::Range<usize>,
        out: &mut Vec<Element>,
    ) -> Result<(), EngineError> {
        let mut pairs = std::mem::take(&mut self.pairs);
        if !self.condition.is_always() {
            let met = self.condition.meet(context.now, side, batch, &self.stores[1 - side], &pairs)?;
            let mut met = met.into_iter();
            pairs.retain(|_| met.next().unwrap_or(false));
        }
        let mut rest = pairs.as_slice();
        for row in rows {
            let own = rest.iter().take_while(|(of, _)| *of as usize == row).count();
            let (partners, behind) = rest.split_at(own);
            rest = behind;
            if self.kind.left_only() {
                self.decide_left_only(side, row, partners)
            } else {
                self.decide_pairs(side, row, partners)
            }
            self.output.flush_if_full(&self.sides, self.stores.each_ref(), out)?;
        }
        pairs.clear();
        self.pairs = pairs;
        Ok(())
    }

    /// Keeps the row with so many partners, or takes it back.
    fn keep(&mut self, side: usize, row: usize, partners: usize) {
        let arrival = self.sides[side].arrival(row);
        if arrival.lonely {
            return;
        }
        let (hash, key, row) = (arrival.hash, arrival.key, arrival.row);
        let (store, count) = (&mut self.stores[side], partners as i64);
        if !self.expiry.keeps_all(side) {
            keep_for_a_time(store, Kept { hash, key, row, time: self.now, count }, adds(arrival.kind), |time| {
                self.expiry.lives(side, time, self.now)
            });
        } else if adds(arrival.kind) {
            self.stores[side].push(Kept { hash, key, row, time: 0, count });
        } else if let Some(id) = self.stores[side].find_row(hash, key, row) {
            self.stores[side].remove(id);
        }
    }

    fn decide_pairs(&mut self, side: usize, row: usize, partners: &[Pair]) {
        let arrival = self.sides[side].arrival(row);
        let (kind, size, other) = (arrival.kind, arrival.row.len(), 1 - side);
        let (pads, other_pads) = (self.kind.pads(side), self.kind.pads(other));
        let here = Half::Arrived(row as u32);
        let add = adds(kind);
        self.keep(side, row, partners.len());
        if partners.is_empty() {
            if pads {
                self.output.push_for(side, if add { RowKind::Insert } else { RowKind::Delete }, here, Half::Null, size);
            }
            return;
        }
        // What the other side said while it had no partner is taken back before the pairs, and said again behind their end.
        if add && other_pads {
            self.count(other, side, partners, 0, 1, RowKind::Delete);
        }
        let told = match (add, pads || (add && other_pads)) {
            (true, true) => RowKind::Insert,
            (false, true) => RowKind::Delete,
            (_, false) => kind,
        };
        for &(_, id) in partners {
            self.output.push_for(side, told, here, Half::Kept(id), size);
        }
        if !add && other_pads {
            self.count(other, side, partners, 1, -1, RowKind::Insert);
        }
    }

    /// Changes how many partners the records of `other` have; those that had `border` are told of, beside NULLs.
    fn count(&mut self, other: usize, side: usize, partners: &[Pair], border: i64, change: i64, told: RowKind) {
        for &(_, id) in partners {
            let had = self.stores[other].count(id);
            if had == border {
                self.output.push_for(side, told, Half::Null, Half::Kept(id), self.stores[other].row(id).len());
            }
            self.set_count(other, id, had + change);
        }
    }

    /// Writes how many partners a record has.
    fn set_count(&mut self, side: usize, id: u32, count: i64) {
        self.stores[side].set_count(id, count);
        if !self.expiry.keeps_all(side) {
            self.stores[side].set_time(id, self.now);
        }
    }

    fn decide_left_only(&mut self, side: usize, row: usize, partners: &[Pair]) {
        let arrival = self.sides[side].arrival(row);
        let (kind, size) = (arrival.kind, arrival.row.len());
        let anti = self.kind == JoinKind::Anti;
        if side == 0 {
            if partners.is_empty() == anti {
                self.output.push(kind, Half::Arrived(row as u32), Half::Null, size);
            }
            self.keep(0, row, partners.len());
            return;
        }
        self.keep(1, row, 0);
        let add = adds(kind);
        let (border, change) = if add { (0, 1) } else { (1, -1) };
        let told = match (anti, add) {
            (false, _) => kind,
            (true, true) => RowKind::Delete,
            (true, false) => RowKind::Insert,
        };
        for &(_, id) in partners {
            let had = self.stores[0].count(id);
            if had == border {
                self.output.push(told, Half::Kept(id), Half::Null, self.stores[0].row(id).len());
            }
            self.set_count(0, id, had + change);
        }
    }
}

/// Adds a row, or takes it back, where rows live for a time: all that are just alike are one record to Flink, and are written together.
fn keep_for_a_time(store: &mut Store, kept: Kept<'_>, add: bool, lives: impl Fn(Millis) -> bool) {
    let mut alike = Vec::new();
    for id in store.same_rows(kept.hash, kept.key, kept.row) {
        if lives(store.time(id)) { alike.push(id) } else { store.remove(id) }
    }
    if !add && let Some(id) = alike.pop() {
        store.remove(id);
    }
    for &id in &alike {
        store.set_time(id, kept.time);
        if add {
            store.set_count(id, kept.count);
        }
    }
    if add {
        store.push(kept);
    }
}

/// Whether a row of this kind adds itself; else it takes itself back.
fn adds(kind: RowKind) -> bool {
    matches!(kind, RowKind::Insert | RowKind::UpdateAfter)
}

impl Operator for RegularJoin {
    fn on_batch(&mut self, context: &OperatorContext, input: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.sides[input].arrive(&batch)?;
        self.now = context.now;
        self.expiry.sweep(&mut self.stores, context.now);
        let mut from = 0;
        for row in 0..batch.num_rows() {
            self.candidates(input, row);
            if self.pairs.len() >= BATCH_ROWS_MAX {
                self.decide(context, input, &batch, from..row + 1, out)?;
                from = row + 1;
            }
        }
        self.decide(context, input, &batch, from..batch.num_rows(), out)?;
        self.output.flush(&self.sides, self.stores.each_ref(), out)
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        let keyed = state::encode(self.fingerprint, self.max_parallelism, self.stores.each_ref());
        Ok(OperatorSnapshot { keyed, union: Vec::new() })
    }

    fn metrics(&self) -> OperatorMetrics {
        kept_metrics(&self.stores)
    }
}
