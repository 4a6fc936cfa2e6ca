//! The operators of a task between its head and its tail: what one returns goes to the next, in order, depth first.
//!
//! Depth first, so that no more than one operator's output of one call is held at a time.

use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::Element;
use irmak_common::split::SplitEvent;
use irmak_common::time::Millis;
use irmak_engine::operator::{Operator, OperatorContext};

use super::gauges::Slow;
use crate::error::TaskError;

/// Where the last operator's elements go.
pub type Downstream<'a> = dyn FnMut(Element) -> Result<(), TaskError> + 'a;

/// One operator of a chain.
pub struct Stage {
    /// Number in the plan.
    pub id: u32,
    /// Short name.
    pub name: String,
    /// The machine.
    pub operator: Box<dyn Operator>,
    records_in: u64,
    records_out: u64,
    out: Vec<Element>,
}

impl Stage {
    /// An operator that has seen nothing.
    pub fn new(id: u32, name: impl Into<String>, operator: Box<dyn Operator>) -> Self {
        Self { id, name: name.into(), operator, records_in: 0, records_out: 0, out: Vec::new() }
    }

    fn failed(&self, source: irmak_engine::error::EngineError) -> TaskError {
        TaskError::Operator { id: self.id, name: self.name.clone(), source }
    }

    fn feed(&mut self, context: &OperatorContext, input: usize, element: Element) -> Result<(), TaskError> {
        let Self { operator, out, .. } = self;
        let fed = match element {
            Element::Batch(batch) => {
                self.records_in += batch.num_rows() as u64;
                operator.on_batch(context, input, batch, out)
            }
            Element::Watermark(watermark) => operator.on_watermark(context, watermark, out),
            Element::Idle => operator.on_idle(context, out),
            Element::EndOfInput => operator.on_end(context, out),
            // The task cuts here itself.
            Element::Barrier(_) => Ok(()),
        };
        fed.map_err(|source| self.failed(source))
    }
}

/// See the module's page. May be empty.
#[derive(Default)]
pub struct Chain {
    stages: Vec<Stage>,
}

impl Chain {
    /// First to last.
    pub fn new(stages: Vec<Stage>) -> Self {
        Self { stages }
    }

    /// An element for logical input `input` of the first operator; what comes of it goes `down`.
    pub fn feed(&mut self, context: &OperatorContext, input: usize, element: Element, down: &mut Downstream<'_>) -> Result<(), TaskError> {
        feed(&mut self.stages, context, input, element, down)
    }

    /// News of a split, for every operator.
    pub fn on_split(&mut self, context: &OperatorContext, event: &SplitEvent, down: &mut Downstream<'_>) -> Result<(), TaskError> {
        for at in 0..self.stages.len() {
            let (stage, rest) = split(&mut self.stages, at);
            stage.operator.on_split(context, event, &mut stage.out).map_err(|source| stage.failed(source))?;
            pass_on(stage, rest, context, down)?;
        }
        Ok(())
    }

    /// When the first of the operators' timers is due.
    pub fn next_timer(&self) -> Option<Millis> {
        self.stages.iter().filter_map(|stage| stage.operator.next_timer()).min()
    }

    /// Calls the operators whose timers are due.
    pub fn on_timer(&mut self, context: &OperatorContext, down: &mut Downstream<'_>) -> Result<(), TaskError> {
        for at in 0..self.stages.len() {
            let (stage, rest) = split(&mut self.stages, at);
            if stage.operator.next_timer().is_some_and(|due| due <= context.now) {
                stage.operator.on_timer(context, &mut stage.out).map_err(|source| stage.failed(source))?;
                pass_on(stage, rest, context, down)?;
            }
        }
        Ok(())
    }

    /// Each operator's state.
    pub fn snapshot(&mut self, into: &mut Vec<(u32, OperatorSnapshot)>) -> Result<(), TaskError> {
        for stage in &mut self.stages {
            let snapshot = stage.operator.snapshot().map_err(|source| stage.failed(source))?;
            if !snapshot.is_empty() {
                into.push((stage.id, snapshot));
            }
        }
        Ok(())
    }

    /// The watermark that the last operator which declares one has emitted.
    pub fn watermark(&self) -> Option<Millis> {
        self.stages.iter().rev().find_map(|stage| stage.operator.metrics().watermark)
    }

    /// Adds the operators' figures.
    pub fn report(&self, slow: &mut Slow) {
        for stage in &self.stages {
            let metrics = stage.operator.metrics();
            slow.late_records += metrics.late_records;
            slow.message = slow.message.take().or(metrics.message);
            let mut figure = |name: &str, value: f64| slow.operators.push((stage.id, name.to_owned(), value));
            figure("numRecordsIn", stage.records_in as f64);
            figure("numRecordsOut", stage.records_out as f64);
            if metrics.late_records > 0 {
                figure("numLateRecordsDropped", metrics.late_records as f64);
            }
            if let Some(watermark) = metrics.watermark {
                figure("currentOutputWatermark", watermark as f64);
            }
            metrics.more.iter().for_each(|(name, value)| figure(name, *value));
        }
    }
}

fn split(stages: &mut [Stage], at: usize) -> (&mut Stage, &mut [Stage]) {
    let (head, rest) = stages.split_at_mut(at + 1);
    (&mut head[at], rest)
}

fn feed(
    stages: &mut [Stage],
    context: &OperatorContext,
    input: usize,
    element: Element,
    down: &mut Downstream<'_>,
) -> Result<(), TaskError> {
    let Some((stage, rest)) = stages.split_first_mut() else { return down(element) };
    let ends = matches!(element, Element::EndOfInput);
    stage.feed(context, input, element)?;
    pass_on(stage, rest, context, down)?;
    if ends { feed(rest, context, 0, Element::EndOfInput, down) } else { Ok(()) }
}

/// Moves what an operator has returned to the operators behind it.
fn pass_on(stage: &mut Stage, rest: &mut [Stage], context: &OperatorContext, down: &mut Downstream<'_>) -> Result<(), TaskError> {
    let mut out = std::mem::take(&mut stage.out);
    for element in out.drain(..) {
        if let Element::Batch(batch) = &element {
            stage.records_out += batch.num_rows() as u64;
        }
        feed(rest, context, 0, element, down)?;
    }
    // Keeps the allocation.
    stage.out = out;
    Ok(())
}
