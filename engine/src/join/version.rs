//! The event-time temporal join: each left row beside the right row that was its key's newest at the left row's time.
//!
//! A left row waits until the watermark has reached its time; then every version that matters has come. A right row is a version from
//! its own time on, inclusive; of several of one time the last wins; a deleted one ends its key's history there. `-U` says nothing: the `+U`
//! behind it does. Versions that no left row can see any more are let go. Source: Flink's `TemporalRowTimeJoinOperator`.
//!
//! A record's number is its row kind.

use std::collections::{BTreeMap, BTreeSet};

use arrow::record_batch::RecordBatch;
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::{Element, RowKind};
use irmak_common::join_spec::{JoinKind, JoinSpec, JoinTiming};
use irmak_common::key_group::MaxParallelism;
use irmak_common::time::{Millis, Watermark};
use irmak_common::types::Schema;

use super::output::{Half, Output};
use super::side::{Condition, Pair, Side, fingerprint, times};
use super::state;
use super::store::{Kept, Store, kept_metrics};
use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::operator::{Operator, OperatorContext, OperatorMetrics};

/// A key with its hash.
type Key = (u64, Box<[u8]>);

pub(crate) struct VersionJoin {
    kind: JoinKind,
    columns: [usize; 2],
    schemas: [Schema; 2],
    sides: [Side; 2],
    stores: [Store; 2],
    /// Keys of waiting left rows, by their time.
    due: BTreeMap<Millis, BTreeSet<Key>>,
    condition: Condition,
    output: Output,
    reached: Millis,
    fingerprint: u64,
    max_parallelism: MaxParallelism,
}

impl VersionJoin {
    pub(crate) fn new(spec: &JoinSpec, inputs: [&Schema; 2], output: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let JoinTiming::Version { times: columns } = spec.timing else {
            return Err(EngineError::plan("a temporal join without times"));
        };
        if !matches!(spec.kind, JoinKind::Inner | JoinKind::Left) {
            return Err(EngineError::plan(format!("a temporal join of kind {:?}", spec.kind)));
        }
        let sides = [Side::new(spec, 0, inputs[0])?, Side::new(spec, 1, inputs[1])?];
        let fingerprint = fingerprint(spec, &sides);
        let mut join = Self {
            kind: spec.kind,
            columns,
            schemas: inputs.map(Clone::clone),
            condition: Condition::new(spec, inputs, &env.functions())?,
            output: Output::new(spec, inputs, output)?,
            sides,
            stores: [Store::default(), Store::default()],
            due: BTreeMap::new(),
            reached: state::restore_watermark(&env.owned())?.0,
            fingerprint,
            max_parallelism: env.max_parallelism,
        };
        let Self { sides, stores, due, .. } = &mut join;
        state::restore(fingerprint, &env.owned(), sides, |side, kept| {
            if side == 0 {
                due.entry(kept.time).or_default().insert((kept.hash, kept.key.into()));
                stores[0].push(kept);
            } else {
                stores[1].push_by_time(kept);
            }
        })?;
        Ok(join)
    }

    fn left(&mut self, row: usize, time: Millis) {
        let arrival = self.sides[0].arrival(row);
        self.due.entry(time).or_default().insert((arrival.hash, arrival.key.into()));
        let count = arrival.kind as i64;
        self.stores[0].push(Kept { hash: arrival.hash, key: arrival.key, row: arrival.row, time, count });
    }

    fn right(&mut self, row: usize, time: Millis) {
        let arrival = self.sides[1].arrival(row);
        if arrival.lonely || arrival.kind == RowKind::UpdateBefore {
            return;
        }
        let (hash, key, count) = (arrival.hash, arrival.key, arrival.kind as i64);
        self.stores[1].push_by_time(Kept { hash, key, row: arrival.row, time, count });
        forget_old(&mut self.stores[1], self.reached, hash, key);
    }

    /// The version of a key at a time.
    fn version(&self, key: &Key, time: Millis) -> Option<u32> {
        let store = &self.stores[1];
        let newest = store.of_key(key.0, &key.1).take_while(|id| store.time(*id) <= time).last()?;
        (store.count(newest) != RowKind::Delete as i64).then_some(newest)
    }

    /// Joins the left rows whose time has come.
    fn join(&mut self, now: Millis, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let mut keys = Vec::new();
        let mut decided: Vec<(u32, Option<u32>)> = Vec::new();
        let mut done = BTreeSet::new();
        while let Some(entry) = self.due.first_entry() {
            if *entry.key() > self.reached {
                break;
            }
            for key in entry.remove() {
                if done.insert(key.clone()) {
                    let store = &self.stores[0];
                    let ready = store.of_key(key.0, &key.1).filter(|id| store.time(*id) <= self.reached);
                    decided.extend(ready.map(|left| (left, self.version(&key, store.time(left)))));
                    keys.push(key);
                }
            }
        }
        let pairs: Vec<Pair> = decided.iter().filter_map(|(left, right)| right.map(|right| (*left, right))).collect();
        let mut met = self.condition.meet_kept(now, self.stores.each_ref(), &pairs)?.into_iter();
        for &(left, right) in &decided {
            let right = right.filter(|_| met.next().unwrap_or(false));
            let kind = u8::try_from(self.stores[0].count(left)).ok().and_then(RowKind::from_byte).unwrap_or(RowKind::Insert);
            let size = self.stores[0].row(left).len();
            match right {
                Some(right) => self.output.push(kind, Half::Kept(left), Half::Kept(right), size),
                None if self.kind == JoinKind::Left => self.output.push(kind, Half::Kept(left), Half::Null, size),
                None => {}
            }
            self.output.flush_if_full(&self.sides, self.stores.each_ref(), out)?;
        }
        self.output.flush(&self.sides, self.stores.each_ref(), out)?;
        decided.into_iter().for_each(|(left, _)| self.stores[0].remove(left));
        keys.iter().for_each(|(hash, key)| forget_old(&mut self.stores[1], self.reached, *hash, key));
        Ok(())
    }
}

/// Removes the versions of a key that were replaced by the watermark.
fn forget_old(store: &mut Store, reached: Millis, hash: u64, key: &[u8]) {
    while let Some(first) = store.first(hash, key) {
        match store.next(first) {
            Some(next) if store.time(next) <= reached => store.remove(first),
            _ => return,
        }
    }
}

impl Operator for VersionJoin {
    fn on_batch(&mut self, _: &OperatorContext, input: usize, batch: RecordBatch, _: &mut Vec<Element>) -> Result<(), EngineError> {
        self.sides[input].arrive(&batch)?;
        let times = times(&batch, self.columns[input], &self.schemas[input])?;
        for (row, time) in times.into_iter().enumerate() {
            if input == 0 { self.left(row, time) } else { self.right(row, time) }
        }
        Ok(())
    }

    fn on_watermark(&mut self, context: &OperatorContext, watermark: Watermark, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.reached = self.reached.max(watermark.0);
        self.join(context.now, out)?;
        out.push(Element::Watermark(watermark));
        Ok(())
    }

    fn on_end(&mut self, context: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.reached = Millis::MAX;
        self.join(context.now, out)
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        let keyed = state::encode(self.fingerprint, self.max_parallelism, self.stores.each_ref());
        Ok(OperatorSnapshot { keyed, union: state::encode_watermark(Watermark(self.reached)) })
    }

    fn metrics(&self) -> OperatorMetrics {
        kept_metrics(&self.stores)
    }
}
