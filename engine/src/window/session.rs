//! The SESSION aggregate: per key, rows that are no more than a gap apart share a window, which grows with every row and takes in
//! the neighbour it reaches.
//!
//! A row is late when it meets no open session and its own window, `[time, time + gap)`, is over. Sessions come out in order of their
//! ends. State: every open session by key group, and the watermark.

use arrow::record_batch::RecordBatch;
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::Element;
use irmak_common::key_group::MaxParallelism;
use irmak_common::operator_spec::{WindowAggregateSpec, WindowKind, WindowStyle};
use irmak_common::time::{Millis, Watermark};
use irmak_common::types::Schema;
use xxhash_rust::xxh3::xxh3_64;

use super::Slice;
use super::aggregate::{WindowTime, time_column};
use super::emit::Emitter;
use super::sessions::{Meeting, Sessions};
use super::slicer::{TIME_MAX, TimeColumn};
use crate::accumulate::{AggregateSet, Inputs};
use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::key::KeyEncoder;
use crate::operator::{Operator, OperatorContext, OperatorMetrics};
use crate::state::groups::{Scratch, add_rows, restore_accumulators};
use crate::state::snapshot::{self, Image, Section, SectionHead};
use crate::watermark::millis;
use crate::zone::LocalTime;

/// Sessions are emitted this many at a time.
const FIRED_MAX: usize = 4_096;

pub(crate) struct SessionAggregate {
    gap: Millis,
    column: TimeColumn,
    style: WindowStyle,
    keys: KeyEncoder,
    aggregates: AggregateSet,
    fingerprint: u64,
    max_parallelism: MaxParallelism,
    sessions: Sessions,
    emitter: Emitter,
    time: WindowTime,
    scratch: Scratch,
    /// Rows whose sessions are in `scratch.groups()`, not yet added.
    pending: Vec<u32>,
}

impl SessionAggregate {
    pub(crate) fn new(spec: &WindowAggregateSpec, input: &Schema, output: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let gap = match spec.window.kind {
            WindowKind::Session { gap: gap @ 1.. } => gap,
            ref other => return Err(EngineError::plan(format!("{other:?} is no session with a positive gap"))),
        };
        let keys = KeyEncoder::new(input, &spec.keys)?;
        let aggregates = AggregateSet::new(&spec.aggregates, input, spec.window.style)?;
        let (owned, zone) = (env.owned(), LocalTime::new(spec.window.zone.as_deref())?);
        let mut operator = Self {
            gap,
            column: time_column(&spec.window, input)?,
            style: spec.window.style,
            fingerprint: aggregates.fingerprint(&keys.format().fingerprint()),
            max_parallelism: env.max_parallelism,
            sessions: Sessions::new(aggregates.accumulators()?),
            emitter: Emitter::new(output, keys.format(), spec.aggregates.len(), &spec.properties, zone)?,
            time: WindowTime::new(&spec.window, &owned)?,
            scratch: Scratch::default(),
            pending: Vec::new(),
            keys,
            aggregates,
        };
        for bytes in owned.keyed() {
            operator.restore(&snapshot::decode(operator.fingerprint, bytes)?)?;
        }
        Ok(operator)
    }

    fn restore(&mut self, image: &Image<'_>) -> Result<(), EngineError> {
        if image.sections.iter().any(|(_, rows)| *rows != 1) || !image.keys.iter().all(|key| self.keys.format().holds(key)) {
            return Err(EngineError::state("it holds something else than sessions"));
        }
        let begin = |((SectionHead { start, end, .. }, _), key): (&(SectionHead, usize), &&[u8])| {
            self.sessions.begin(xxh3_64(key), key, Slice { start: *start, end: *end })
        };
        let groups: Vec<u32> = image.sections.iter().zip(&image.keys).map(begin).collect();
        let all = self.sessions.groups();
        restore_accumulators(&mut self.sessions.accumulators, all, &groups, &image.states, 0)
    }

    /// The local time of each row; `None` where it is left out.
    fn times(&mut self, batch: &RecordBatch, now: Millis) -> Result<Vec<Option<Millis>>, EngineError> {
        let zone = &mut self.time.progress.zone;
        let TimeColumn::Rowtime(column, name) = &self.column else {
            return Ok(vec![Some(zone.local(now)); batch.num_rows()]);
        };
        let (times, nulls) = millis(*column, batch.columns().get(*column))?;
        let is_null = |row: usize| nulls.as_ref().is_some_and(|nulls| nulls.is_null(row));
        if self.style == WindowStyle::TableFunction
            && let Some(row) = (0..batch.num_rows()).find(|row| is_null(*row))
        {
            return Err(EngineError::Null { column: name.clone(), row });
        }
        let local = |(row, &time): (usize, &Millis)| (!is_null(row)).then(|| zone.local(time).clamp(-TIME_MAX, TIME_MAX));
        Ok(times.iter().enumerate().map(local).collect())
    }

    fn add(&mut self, row: usize, time: Millis, inputs: &Inputs) -> Result<(), EngineError> {
        let window = Slice { start: time, end: time.saturating_add(self.gap) };
        let (hash, key) = (self.keys.hash(row), self.keys.key(row));
        let slot = match self.sessions.meet(hash, key, window, &self.time.progress) {
            Meeting::Late => {
                self.time.late += 1;
                return Ok(());
            }
            Meeting::One(slot) => Some(slot),
            Meeting::Several => {
                add_pending(&mut self.sessions, inputs, &mut self.pending, &mut self.scratch)?;
                self.sessions.join(hash, key, window)?
            }
        };
        if let Some(slot) = slot {
            self.scratch.groups().push(slot);
            self.pending.push(row as u32);
        }
        Ok(())
    }

    fn fire(&mut self, now: Millis, reached: Millis, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.time.progress.reached = reached;
        self.emitter.set_now(now);
        loop {
            let progress = &self.time.progress;
            let sessions = &mut self.sessions;
            let over: Vec<_> = std::iter::from_fn(|| sessions.pop(progress)).take(FIRED_MAX).collect();
            if over.is_empty() {
                break;
            }
            self.emit(&over, out)?;
            over.iter().for_each(|&(slot, _, _)| self.sessions.release(slot));
        }
        self.sessions.tidy();
        self.time.progress.before = reached;
        self.emitter.flush(out)
    }

    fn emit(&mut self, over: &[(u32, u32, Slice)], out: &mut Vec<Element>) -> Result<(), EngineError> {
        let slots: Vec<u32> = over.iter().map(|session| session.0).collect();
        let keys: Vec<u32> = over.iter().map(|session| session.1).collect();
        let mut from = 0;
        while from < over.len() {
            let to = from + self.emitter.room(&keys[from..], &self.sessions.keys);
            let windows = over[from..to].iter().map(|session| session.2);
            let Sessions { keys: table, accumulators, .. } = &self.sessions;
            self.emitter.groups(&keys[from..to], table, &slots[from..to], accumulators, windows)?;
            self.emitter.flush_if_full(out)?;
            from = to;
        }
        Ok(())
    }
}

fn add_pending(sessions: &mut Sessions, inputs: &Inputs, rows: &mut Vec<u32>, scratch: &mut Scratch) -> Result<(), EngineError> {
    let groups = sessions.groups();
    let added = add_rows(&mut sessions.accumulators, groups, inputs, rows, scratch);
    rows.clear();
    scratch.groups().clear();
    added
}

impl Operator for SessionAggregate {
    fn on_batch(&mut self, context: &OperatorContext, _: usize, batch: RecordBatch, _: &mut Vec<Element>) -> Result<(), EngineError> {
        let times = self.times(&batch, context.now)?;
        self.keys.encode(&batch)?;
        let inputs = self.aggregates.inputs(&batch)?;
        for (row, time) in times.into_iter().enumerate() {
            if let Some(time) = time {
                self.add(row, time, &inputs)?;
            }
        }
        add_pending(&mut self.sessions, &inputs, &mut self.pending, &mut self.scratch)
    }

    fn on_watermark(&mut self, context: &OperatorContext, watermark: Watermark, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if let Some(reached) = self.time.by_watermark(watermark) {
            self.fire(context.now, reached, out)?;
        }
        self.time.pass(watermark, out);
        Ok(())
    }

    fn next_timer(&self) -> Option<Millis> {
        self.time.timer(|| self.sessions.next_end())
    }

    fn on_timer(&mut self, context: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.time.by_clock(context.now).map_or(Ok(()), |reached| self.fire(context.now, reached, out))
    }

    /// What the clock has not closed yet is shown, where Flink loses it.
    fn on_end(&mut self, context: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if self.time.event_time { Ok(()) } else { self.fire(context.now, Millis::MAX, out) }
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        let (rows, windows): (Vec<_>, Vec<_>) = self.sessions.all().into_iter().unzip();
        let section = Section {
            head: SectionHead { kind: 0, start: 0, end: 0 },
            keys: &self.sessions.keys,
            rows,
            intervals: windows.into_iter().map(|window| (window.start, window.end)).collect(),
            sent_by: None,
            accumulators: &self.sessions.accumulators,
        };
        let keyed = snapshot::encode(self.fingerprint, self.max_parallelism, &[section])?;
        Ok(OperatorSnapshot { keyed, union: self.time.snapshot() })
    }

    fn metrics(&self) -> OperatorMetrics {
        self.time.metrics()
    }
}
