//! The operators of a task between its head and its tail: what one returns goes to the next, in order, depth first.
//!
//! Depth first, so that no more than one operator's output of one call is held at a time.

use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::Element;
use irmak_common::split::{SplitEvent, SplitProgress};
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
        TaskError::operator(self.id, &self.name, source)
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

    /// How far each of the source's splits has come in event time.
    pub fn progress(&self, into: &mut Vec<SplitProgress>) {
        into.clear();
        self.stages.iter().for_each(|stage| stage.operator.progress(into));
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, AsArray, Int64Array};
    use arrow::datatypes::Int64Type;
    use arrow::record_batch::RecordBatch;
    use irmak_common::time::Watermark;
    use irmak_engine::EngineError;

    use super::*;

    fn rows(values: &[i64]) -> Element {
        let column: ArrayRef = Arc::new(Int64Array::from(values.to_vec()));
        Element::Batch(RecordBatch::try_from_iter([("v", column)]).unwrap())
    }

    /// Gives each row as a batch of its own, multiplied; at the end one row more; on a timer one row; fails on a row of 13.
    struct Times {
        factor: i64,
        timer: Option<Millis>,
    }

    impl Operator for Times {
        fn on_batch(&mut self, _: &OperatorContext, _: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
            for value in batch.column(0).as_primitive::<Int64Type>().values() {
                if *value == 13 {
                    return Err(EngineError::Plan { message: "13".to_owned() });
                }
                out.push(rows(&[value * self.factor]));
            }
            Ok(())
        }

        fn next_timer(&self) -> Option<Millis> {
            self.timer
        }

        fn on_timer(&mut self, _: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
            self.timer = None;
            out.push(rows(&[100]));
            Ok(())
        }

        fn on_end(&mut self, _: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
            out.push(rows(&[self.factor]));
            Ok(())
        }
    }

    fn chain(factors: &[i64]) -> Chain {
        let stage = |(at, factor): (usize, &i64)| Stage::new(at as u32 + 1, "Times", Box::new(Times { factor: *factor, timer: None }));
        Chain::new(factors.iter().enumerate().map(stage).collect())
    }

    fn text(element: &Element) -> String {
        match element {
            Element::Batch(batch) => format!("{:?}", batch.column(0).as_primitive::<Int64Type>().values().to_vec()),
            Element::Watermark(watermark) => format!("@{}", watermark.0),
            Element::Idle => "idle".to_owned(),
            Element::EndOfInput => "end".to_owned(),
            Element::Barrier(_) => "barrier".to_owned(),
        }
    }

    const AT_5: OperatorContext = OperatorContext { now: 5, split: None };

    /// Feeds elements and compares what leaves the chain.
    fn check(factors: &[i64], elements: Vec<Element>, expected: &[&str]) {
        let (mut chain, mut found) = (chain(factors), Vec::new());
        for element in elements {
            let fed = chain.feed(&AT_5, 0, element, &mut |element| {
                found.push(text(&element));
                Ok(())
            });
            fed.unwrap();
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn an_empty_chain_passes_everything_on() {
        check(&[], vec![rows(&[1, 2]), Element::Idle, Element::EndOfInput], &["[1, 2]", "idle", "end"]);
    }

    #[test]
    fn what_one_operator_returns_goes_to_the_next_in_order() {
        check(&[2, 10], vec![rows(&[1, 2]), Element::Watermark(Watermark(3))], &["[20]", "[40]", "@3"]);
    }

    #[test]
    fn at_the_end_each_operator_empties_before_the_next_ends() {
        check(&[2, 10], vec![Element::EndOfInput], &["[20]", "[10]", "end"]);
    }

    #[test]
    fn a_failure_names_its_operator() {
        let error = chain(&[1, 1]).feed(&AT_5, 0, rows(&[13]), &mut |_| Ok(())).unwrap_err();
        assert!(error.to_string().starts_with("operator Times[1] failed: "), "{error}");
    }

    #[test]
    fn only_timers_that_are_due_are_called() {
        let stage = |id, timer| Stage::new(id, "Times", Box::new(Times { factor: 2, timer: Some(timer) }));
        let (mut chain, mut found) = (Chain::new(vec![stage(1, 5), stage(2, 6)]), Vec::new());
        assert_eq!(chain.next_timer(), Some(5));
        let called = chain.on_timer(&AT_5, &mut |element| {
            found.push(text(&element));
            Ok(())
        });
        called.unwrap();
        assert_eq!((found, chain.next_timer()), (vec!["[200]".to_owned()], Some(6)));
    }
}
