//! Where a task's rows go: other tasks, a table, or whoever submitted the script.

use std::time::Instant;

use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::{Barrier, Element};
use irmak_common::id::CheckpointId;
use irmak_common::time::Millis;
use irmak_connectors::error::ConnectorError;
use irmak_connectors::sink::Sink;
use irmak_runtime::kill_point;

use super::collect::Collect;
use super::control::Control;
use super::gate::Gate;
use super::gauges::Slow;
use super::report::Reporter;
use crate::error::TaskError;

/// See the module's page.
pub enum Tail {
    /// One a outgoing edge.
    Gates(Vec<Gate>),
    /// A table.
    Sink(Table),
    /// The terminal.
    Collect(Collect),
}

/// A table at the end of a chain.
pub struct Table {
    /// The operator's number in the plan.
    pub id: u32,
    /// Its short name.
    pub name: String,
    /// The table.
    pub sink: Box<dyn Sink>,
}

impl Table {
    fn failed(&self, source: ConnectorError) -> TaskError {
        TaskError::connector(self.id, &self.name, source)
    }
}

impl Tail {
    /// Takes an element from the chain. Never a barrier: see [`Tail::cut`].
    pub fn on_element(&mut self, control: &Control, reporter: &Reporter, now: Millis, element: Element) -> Result<(), TaskError> {
        // A task whose work was given to another writes nothing more.
        control.check()?;
        match self {
            Self::Gates(gates) => send_to_all(gates, control, element),
            Self::Collect(collect) => collect.on_element(control, reporter, element),
            Self::Sink(table) => match element {
                Element::Batch(batch) => {
                    control.gauges.count_out(batch.num_rows(), 0);
                    table.sink.write(&batch, now).map_err(|source| table.failed(source))
                }
                Element::Watermark(watermark) => table.sink.on_watermark(watermark, now).map_err(|source| table.failed(source)),
                _ => Ok(()),
            },
        }
    }

    /// The cut of a checkpoint: passes the barrier on behind all rows, or makes the table's rows safe.
    pub fn cut(&mut self, control: &Control, barrier: Barrier, now: Millis) -> Result<Option<(u32, OperatorSnapshot)>, TaskError> {
        control.check()?;
        match self {
            Self::Gates(gates) => send_to_all(gates, control, Element::Barrier(barrier)).map(|()| None),
            Self::Collect(_) => Ok(None),
            Self::Sink(table) => {
                kill_point("before-pre-commit");
                let entries = table.sink.pre_commit(barrier.checkpoint, barrier.kind, now);
                let union = entries.map_err(|source| table.failed(source))?;
                kill_point("after-pre-commit");
                Ok((!union.is_empty()).then(|| (table.id, OperatorSnapshot { union, ..Default::default() })))
            }
        }
    }

    /// The checkpoint's manifest exists: what was made safe for it becomes visible.
    pub fn commit(&mut self, control: &Control, checkpoint: CheckpointId) -> Result<(), TaskError> {
        control.check()?;
        let Self::Sink(table) = self else { return Ok(()) };
        kill_point("before-commit");
        table.sink.commit(checkpoint).map_err(|source| table.failed(source))?;
        kill_point("after-commit");
        Ok(())
    }

    /// When [`Tail::on_deadline`] wants to be called.
    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Gates(gates) => gates.iter().filter_map(Gate::deadline).min(),
            _ => None,
        }
    }

    /// The latency budget of gathered rows is spent.
    pub fn on_deadline(&mut self, control: &Control, now: Instant) -> Result<(), TaskError> {
        let Self::Gates(gates) = self else { return Ok(()) };
        let due = |gate: &&mut Gate| gate.deadline().is_some_and(|deadline| deadline <= now);
        gates.iter_mut().filter(due).try_for_each(|gate| gate.flush(control))
    }

    /// About once a second.
    pub fn on_tick(&mut self, control: &Control, now: Millis) -> Result<(), TaskError> {
        let Self::Sink(table) = self else { return Ok(()) };
        control.check()?;
        table.sink.on_tick(now).map_err(|source| table.failed(source))
    }

    /// Adds the table's figures.
    pub fn report(&self, slow: &mut Slow) {
        if let Self::Sink(table) = self {
            let figures = table.sink.metrics().into_iter();
            slow.operators.extend(figures.map(|(name, value)| (table.id, name.to_owned(), value)));
        }
    }
}

fn send_to_all(gates: &mut [Gate], control: &Control, element: Element) -> Result<(), TaskError> {
    let Some((last, others)) = gates.split_last_mut() else { return Ok(()) };
    others.iter_mut().try_for_each(|gate| gate.send(control, element.clone()))?;
    last.send(control, element)
}
