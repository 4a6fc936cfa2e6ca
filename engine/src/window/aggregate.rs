//! The window aggregate over slices: TUMBLE, HOP, CUMULATE and attached windows, in event or processing time.
//!
//! Lateness is Flink's: a row is dropped, and counted, when every window that it belongs to is over. A row that is late for some of its
//! windows counts in the others. `allowed_lateness_ms` changes nothing, as in Flink without `table.exec.emit.late-fire`. State: every slice's table by key group, and the watermark.

use arrow::record_batch::RecordBatch;
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::Element;
use irmak_common::key_group::MaxParallelism;
use irmak_common::operator_spec::{WindowAggregateSpec, WindowSpec};
use irmak_common::time::{Millis, Watermark};
use irmak_common::types::Schema;

use super::Progress;
use super::assign::Assigner;
use super::cumulate::Cumulate;
use super::emit::Emitter;
use super::frames::{Frames, Place, Pool, Shuffle, Whole};
use super::hop::{Hop, HopGrid};
use super::slicer::{Slicer, TimeColumn};
use crate::accumulate::AggregateSet;
use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::key::KeyEncoder;
use crate::operator::{Operator, OperatorContext, OperatorMetrics};
use crate::state::groups::Scratch;
use crate::state::rescale::Owned;
use crate::state::snapshot::{self, Image};
use crate::zone::LocalTime;

pub(crate) struct WindowAggregate {
    keys: KeyEncoder,
    aggregates: AggregateSet,
    fingerprint: u64,
    max_parallelism: MaxParallelism,
    slicer: Slicer,
    frames: Box<dyn Frames>,
    emitter: Emitter,
    time: WindowTime,
    scratch: Scratch,
}

/// What tells a window operator how late it is: shared with sessions.
#[derive(Debug)]
pub(crate) struct WindowTime {
    /// Whether watermarks drive it; else the clock does.
    pub(crate) event_time: bool,
    pub(crate) progress: Progress,
    pub(crate) late: u64,
    /// The last watermark passed on.
    passed: Watermark,
}

impl WindowTime {
    pub(crate) fn new(window: &WindowSpec, owned: &Owned<'_>) -> Result<Self, EngineError> {
        let mut progress = Progress::new(LocalTime::new(window.zone.as_deref())?);
        // Barriers are aligned, so all subtasks had seen the same watermark; the least is taken all the same.
        let restored = owned.union().map(|entry| entry.try_into().map(Millis::from_le_bytes)).collect::<Result<Vec<_>, _>>();
        let restored = restored.map_err(|_| EngineError::state("a window's watermark is cut short"))?;
        progress.reached = restored.into_iter().min().unwrap_or(Millis::MIN);
        progress.before = progress.reached;
        Ok(Self { event_time: window.time.is_some(), progress, late: 0, passed: Watermark::MIN })
    }

    /// The watermark to pass on behind the results: after a restart none falls behind the stored one.
    pub(crate) fn pass(&mut self, watermark: Watermark, out: &mut Vec<Element>) {
        let reached = if self.event_time { watermark.max(Watermark(self.progress.reached)) } else { watermark };
        if reached > self.passed {
            self.passed = reached;
            out.push(Element::Watermark(reached));
        }
    }

    /// How far event time has come with a watermark; `None` where it moves nothing.
    pub(crate) fn by_watermark(&self, watermark: Watermark) -> Option<Millis> {
        (self.event_time && watermark.0 > self.progress.reached).then_some(watermark.0)
    }

    /// How far processing time has come by the clock; `None` in event time. A clock that is set back closes nothing twice.
    pub(crate) fn by_clock(&self, now: Millis) -> Option<Millis> {
        (!self.event_time).then(|| (now - 1).max(self.progress.reached))
    }

    /// When the clock is asked next, where the first window ends at `next_end`.
    ///
    /// Flink's processing timers go off a millisecond behind their time: when the window's last one is past.
    pub(crate) fn timer(&self, next_end: impl FnOnce() -> Option<Millis>) -> Option<Millis> {
        let end = if self.event_time { None } else { next_end() };
        end.map(|end| self.progress.trigger(end).saturating_add(1))
    }

    /// The state of the watermark: a union entry.
    pub(crate) fn snapshot(&self) -> Vec<Vec<u8>> {
        if self.event_time { vec![self.progress.reached.to_le_bytes().to_vec()] } else { Vec::new() }
    }

    pub(crate) fn metrics(&self) -> OperatorMetrics {
        let watermark = (self.passed > Watermark::MIN).then_some(self.passed.0);
        OperatorMetrics { late_records: self.late, watermark, ..OperatorMetrics::default() }
    }
}

impl WindowAggregate {
    pub(crate) fn new(spec: &WindowAggregateSpec, input: &Schema, output: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let keys = KeyEncoder::new(input, &spec.keys)?;
        let set = || AggregateSet::new(&spec.aggregates, input, spec.window.style);
        let aggregates = set()?;
        let assigner = Assigner::new(&spec.window.kind)?;
        let owned = env.owned();
        let zone = LocalTime::new(spec.window.zone.as_deref())?;
        let mut operator = Self {
            fingerprint: aggregates.fingerprint(&keys.format().fingerprint()),
            max_parallelism: env.max_parallelism,
            slicer: Slicer::new(assigner, time_column(&spec.window, input)?, spec.window.style),
            frames: frames(assigner, spec, Pool::new(set()?)),
            emitter: Emitter::new(output, keys.format(), spec.aggregates.len(), &spec.properties, zone)?,
            time: WindowTime::new(&spec.window, &owned)?,
            scratch: Scratch::default(),
            keys,
            aggregates,
        };
        for bytes in owned.keyed() {
            operator.restore(&snapshot::decode(operator.fingerprint, bytes)?)?;
        }
        Ok(operator)
    }

    fn restore(&mut self, image: &Image<'_>) -> Result<(), EngineError> {
        let mut from = 0;
        for &(head, rows) in &image.sections {
            let table = self.frames.restore(head)?;
            table.restore(self.keys.format(), &image.keys[from..from + rows], &image.states, from)?;
            from += rows;
        }
        Ok(())
    }

    fn fire(&mut self, now: Millis, reached: Millis, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.time.progress.reached = reached;
        self.emitter.set_now(now);
        self.frames.fire(&self.time.progress, &mut self.emitter, out)?;
        self.time.progress.before = reached;
        self.emitter.flush(out)
    }
}

/// Where the rows' time stands.
pub(crate) fn time_column(window: &WindowSpec, input: &Schema) -> Result<TimeColumn, EngineError> {
    let Some(column) = window.time else { return Ok(TimeColumn::Processing) };
    let name = input.fields.get(column).map(|field| field.name.clone());
    name.map(|name| TimeColumn::Rowtime(column, name)).ok_or_else(|| EngineError::plan(format!("the time of a window is column {column}")))
}

fn frames(assigner: Assigner, spec: &WindowAggregateSpec, pool: Pool) -> Box<dyn Frames> {
    match assigner {
        Assigner::Attached { .. } if spec.keys.is_empty() => Box::new(Whole::new(pool, Shuffle::Window)),
        Assigner::Tumble { .. } | Assigner::Attached { .. } => Box::new(Whole::new(pool, Shuffle::Keys)),
        Assigner::Hop { size, slide, offset, pane } => Box::new(Hop::new(HopGrid { size, slide, offset, pane }, spec.window.style, pool)),
        Assigner::Cumulate { size, step, offset } => Box::new(Cumulate::new(size, step, offset, pool)),
    }
}

impl Operator for WindowAggregate {
    fn on_batch(&mut self, context: &OperatorContext, _: usize, batch: RecordBatch, _: &mut Vec<Element>) -> Result<(), EngineError> {
        self.slicer.cut(&batch, context.now, &mut self.time.progress.zone)?;
        self.keys.encode(&batch)?;
        let inputs = self.aggregates.inputs(&batch)?;
        for (slice, rows) in self.slicer.runs() {
            match self.frames.place(slice, &self.time.progress)? {
                Place::Table(table) => table.add(&self.keys, &inputs, rows, &mut self.scratch)?,
                Place::Late => self.time.late += rows.len() as u64,
                Place::Nowhere => {}
            }
        }
        Ok(())
    }

    fn on_watermark(&mut self, context: &OperatorContext, watermark: Watermark, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if let Some(reached) = self.time.by_watermark(watermark) {
            self.fire(context.now, reached, out)?;
        }
        self.time.pass(watermark, out);
        Ok(())
    }

    fn next_timer(&self) -> Option<Millis> {
        self.time.timer(|| self.frames.next_end(&self.time.progress))
    }

    fn on_timer(&mut self, context: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.time.by_clock(context.now).map_or(Ok(()), |reached| self.fire(context.now, reached, out))
    }

    /// What the clock has not closed yet is shown, where Flink loses it.
    fn on_end(&mut self, context: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if self.time.event_time { Ok(()) } else { self.fire(context.now, Millis::MAX, out) }
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        let keyed = snapshot::encode(self.fingerprint, self.max_parallelism, &self.frames.sections())?;
        Ok(OperatorSnapshot { keyed, union: self.time.snapshot() })
    }

    fn metrics(&self) -> OperatorMetrics {
        self.time.metrics()
    }
}
