//! The interval join: rows of one key whose times are near. Results are inserts only; what is too old to meet anybody is let go.
//!
//! Source: Flink's `TimeIntervalJoin`, timers included, so that rows without partner come out at the watermark at which they do in
//! Flink: a key's rows are cleaned up half an interval late, or when a partner's search walks over them. Late rows are not dropped: they
//! meet whoever is still there. Two things differ: times before 1970 join as others do, and by the clock, rows that wait for a partner at the
//! end of the input come out instead of being lost.
//!
//! A record's number is 1 once it has met somebody, and [`GONE`] when it only waits for results that speak of it to be emitted.

use std::collections::{BTreeMap, BTreeSet, HashMap};

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

/// The number of a record that is let go.
const GONE: i64 = -1;

/// A key with its hash.
type Key = (u64, Box<[u8]>);

pub(crate) struct IntervalJoin {
    kind: JoinKind,
    rowtime: bool,
    columns: [usize; 2],
    schemas: [Schema; 2],
    /// How far a side's rows look back for the other's, and so how long the other's are kept: Flink's `leftRelativeSize`, `rightRelativeSize`.
    reach: [Millis; 2],
    sides: [Side; 2],
    stores: [Store; 2],
    condition: Condition,
    output: Output,
    /// When a key's rows of each side are cleaned up next.
    timers: [HashMap<Key, Millis>; 2],
    /// The same, by time: (side, key).
    due: BTreeMap<Millis, BTreeSet<(usize, Key)>>,
    /// Event time, or the clock's.
    reached: Millis,
    /// Records to be removed behind the next flush: (side, record).
    gone: Vec<(usize, u32)>,
    fingerprint: u64,
    max_parallelism: MaxParallelism,
}

impl IntervalJoin {
    pub(crate) fn new(spec: &JoinSpec, inputs: [&Schema; 2], output: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let JoinTiming::Interval { times: columns, lower, upper, rowtime } = spec.timing else {
            return Err(EngineError::plan("an interval join without interval"));
        };
        if spec.kind.left_only() {
            return Err(EngineError::Unsupported { what: "a SEMI or ANTI join by interval".into(), instead: "write it as a join".into() });
        }
        let sides = [Side::new(spec, 0, inputs[0])?, Side::new(spec, 1, inputs[1])?];
        let fingerprint = fingerprint(spec, &sides);
        let mut join = Self {
            kind: spec.kind,
            rowtime,
            columns,
            schemas: inputs.map(Clone::clone),
            reach: [lower.saturating_neg(), upper],
            condition: Condition::new(spec, inputs, &env.functions())?,
            output: Output::new(spec, inputs, output)?,
            sides,
            stores: [Store::default(), Store::default()],
            timers: [HashMap::new(), HashMap::new()],
            due: BTreeMap::new(),
            reached: state::restore_watermark(&env.owned())?.0,
            gone: Vec::new(),
            fingerprint,
            max_parallelism: env.max_parallelism,
        };
        let Self { sides, stores, .. } = &mut join;
        state::restore(fingerprint, &env.owned(), sides, |side, kept| {
            stores[side].push_by_time(kept);
        })?;
        for side in 0..2 {
            let firsts: Vec<u32> = join.stores[side].first_of_keys().collect();
            for id in firsts {
                let store = &join.stores[side];
                let (key, time) = ((store.hash(id), store.key(id).into()), store.time(id));
                join.schedule(side, key, time);
            }
        }
        Ok(join)
    }

    /// How long behind its time a row of a side may still meet rows of the other.
    fn kept_for(&self, side: usize) -> Millis {
        self.reach[side]
    }

    /// The times at and before which a side's rows will meet nobody any more.
    fn expired(&self, side: usize) -> Millis {
        if self.reached == Millis::MAX { Millis::MAX } else { self.reached.saturating_sub(self.kept_for(side)).saturating_sub(1) }
    }

    fn schedule(&mut self, side: usize, key: Key, time: Millis) {
        let slack = (self.reach[0].saturating_add(self.reach[1])) / 2;
        let at = time.saturating_add(self.kept_for(side)).saturating_add(slack).saturating_add(1);
        self.due.entry(at).or_default().insert((side, key.clone()));
        self.timers[side].insert(key, at);
    }

    /// The interval of the other side's times that a row at `time` meets.
    fn window(&self, side: usize, time: Millis) -> (Millis, Millis) {
        // left - right in [lower, upper] = [-reach 0, reach 1].
        (time.saturating_sub(self.reach[1 - side]), time.saturating_add(self.reach[side]))
    }

    fn row(&mut self, now: Millis, side: usize, batch: &RecordBatch, row: usize, time: Millis) -> Result<(), EngineError> {
        let other = 1 - side;
        let (low, high) = self.window(side, time);
        let arrival = self.sides[side].arrival(row);
        let (hash, size, may_meet) = (arrival.hash, arrival.row.len(), !arrival.lonely && low <= high);
        let mut met_any = false;
        if may_meet {
            let (expired, store) = (self.expired(other), &self.stores[other]);
            let walked = store.of_key(hash, arrival.key).take_while(|id| store.time(*id) <= high.max(expired));
            let walked: Vec<u32> = walked.filter(|id| store.count(*id) != GONE).collect();
            let near = |id: &&u32| (low..=high).contains(&store.time(**id));
            let pairs: Vec<Pair> = walked.iter().filter(near).map(|id| (row as u32, *id)).collect();
            let met = self.condition.meet(now, side, batch, store, &pairs)?;
            for (&(_, id), _) in pairs.iter().zip(met).filter(|(_, met)| *met) {
                met_any = true;
                self.output.push_for(side, RowKind::Insert, Half::Arrived(row as u32), Half::Kept(id), size);
                self.stores[other].set_count(id, 1);
            }
            walked.into_iter().for_each(|id| {
                if self.stores[other].time(id) <= expired {
                    self.let_go(other, id);
                }
            });
        }
        // Somebody may still come.
        if may_meet && self.reached < high {
            let arrival = self.sides[side].arrival(row);
            // A key that has records has its timer.
            let key: Option<Key> = self.stores[side].first(hash, arrival.key).is_none().then(|| (hash, arrival.key.into()));
            self.stores[side].push_by_time(Kept { hash, key: arrival.key, row: arrival.row, time, count: i64::from(met_any) });
            if let Some(key) = key.filter(|key| !self.timers[side].contains_key(key)) {
                self.schedule(side, key, time);
            }
        } else if !met_any && self.kind.pads(side) {
            self.output.push_for(side, RowKind::Insert, Half::Arrived(row as u32), Half::Null, size);
        }
        Ok(())
    }

    /// A record goes; if it has met nobody, it comes out alone.
    fn let_go(&mut self, side: usize, id: u32) {
        if self.kind.pads(side) && self.stores[side].count(id) == 0 {
            self.output.push_for(side, RowKind::Insert, Half::Kept(id), Half::Null, self.stores[side].row(id).len());
        }
        self.stores[side].set_count(id, GONE);
        self.gone.push((side, id));
    }

    /// Emits results, and removes what they were the last to speak of.
    fn flush(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.output.flush(&self.sides, self.stores.each_ref(), out)?;
        self.gone.drain(..).for_each(|(side, id)| self.stores[side].remove(id));
        Ok(())
    }

    fn flush_if_full(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if self.output.is_full() { self.flush(out) } else { Ok(()) }
    }

    /// Cleans up what is due.
    fn clean(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError> {
        while let Some(entry) = self.due.first_entry() {
            let at = *entry.key();
            if at > self.reached {
                break;
            }
            for (side, key) in entry.remove() {
                if self.timers[side].get(&key) == Some(&at) {
                    self.timers[side].remove(&key);
                    self.clean_key(side, key);
                }
            }
            self.flush_if_full(out)?;
        }
        self.flush(out)
    }

    fn clean_key(&mut self, side: usize, key: Key) {
        let expired = self.expired(side);
        let store = &self.stores[side];
        let kept: Vec<u32> = store.of_key(key.0, &key.1).filter(|id| store.count(*id) != GONE).collect();
        let gone = kept.iter().take_while(|id| store.time(**id) <= expired).count();
        let rest = kept.get(gone).map(|id| store.time(*id));
        kept[..gone].iter().for_each(|id| self.let_go(side, *id));
        if let Some(time) = rest {
            self.schedule(side, key, time);
        }
    }
}

impl Operator for IntervalJoin {
    fn on_batch(&mut self, context: &OperatorContext, input: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.sides[input].arrive(&batch)?;
        let times = if self.rowtime {
            times(&batch, self.columns[input], &self.schemas[input])?
        } else {
            self.reached = self.reached.max(context.now);
            vec![context.now; batch.num_rows()]
        };
        for (row, time) in times.into_iter().enumerate() {
            self.row(context.now, input, &batch, row, time)?;
            self.flush_if_full(out)?;
        }
        self.flush(out)
    }

    fn on_watermark(&mut self, _: &OperatorContext, watermark: Watermark, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if !self.rowtime {
            out.push(Element::Watermark(watermark));
            return Ok(());
        }
        self.reached = self.reached.max(watermark.0);
        self.clean(out)?;
        // Results carry times of rows that waited for their partner.
        let delay = self.reach[0].max(self.reach[1]).max(0);
        out.push(Element::Watermark(if watermark == Watermark::MAX { watermark } else { Watermark(watermark.0.saturating_sub(delay)) }));
        Ok(())
    }

    fn next_timer(&self) -> Option<Millis> {
        if self.rowtime { None } else { self.due.keys().next().copied() }
    }

    fn on_timer(&mut self, context: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if self.rowtime {
            return Ok(());
        }
        self.reached = self.reached.max(context.now);
        self.clean(out)
    }

    fn on_end(&mut self, _: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.reached = Millis::MAX;
        self.clean(out)
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        let keyed = state::encode(self.fingerprint, self.max_parallelism, self.stores.each_ref());
        Ok(OperatorSnapshot { keyed, union: state::encode_watermark(Watermark(self.reached)) })
    }

    fn metrics(&self) -> OperatorMetrics {
        kept_metrics(&self.stores)
    }
}
