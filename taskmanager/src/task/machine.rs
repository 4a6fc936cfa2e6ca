//! A task's input side as a pure machine: (channel, element) in, steps out.
//!
//! It combines watermarks, aligns barriers and counts ends; the rows themselves pass through. What the steps do to operators, queues
//! and the network is the matter of `run`. Time arrives as an argument.

use std::time::Instant;

use arrow::record_batch::RecordBatch;
use irmak_common::element::{Barrier, Element};
use irmak_common::id::CheckpointId;
use irmak_common::time::Watermark;

use super::align::{Aligner, Alignment};
use super::watermark::{CombinedWatermark, EventTime};

/// What the task has to do next.
#[derive(Clone, Debug)]
pub enum Step {
    /// Rows for the first operator.
    Rows {
        /// Its logical input.
        input: usize,
        /// At least one row.
        batch: RecordBatch,
    },
    /// Event time of all inputs has advanced.
    Watermark(Watermark),
    /// All inputs are idle.
    Idle,
    /// Every input has ended. Barriers still come.
    End,
    /// All rows before this checkpoint, and none after it, have been passed on: snapshot here.
    Cut {
        /// Which checkpoint.
        barrier: Barrier,
        /// When the first barrier came.
        first_at: Instant,
    },
    /// This checkpoint will not happen here.
    GiveUp(CheckpointId),
}

/// The input side of a task with at least one input channel.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The logical input of each channel.
    inputs: Vec<usize>,
    ended: Vec<bool>,
    watermark: CombinedWatermark,
    aligner: Aligner,
}

impl Machine {
    /// With one channel for each entry of `inputs`, which says what logical input it feeds.
    pub fn new(inputs: Vec<usize>) -> Self {
        let channels = inputs.len();
        Self { inputs, ended: vec![false; channels], watermark: CombinedWatermark::new(channels), aligner: Aligner::new(channels) }
    }

    /// Which channels may not be read now, by channel.
    pub fn blocked(&self) -> &[bool] {
        self.aligner.blocked()
    }

    /// The combined watermark, `None` before the first.
    pub fn watermark(&self) -> Option<Watermark> {
        self.watermark.current()
    }

    /// An element came on a channel that was not blocked; the steps it leads to are appended to `steps`.
    pub fn on_element(&mut self, channel: usize, element: Element, now: Instant, steps: &mut Vec<Step>) {
        match element {
            Element::Batch(batch) => {
                self.watermark.on_rows(channel);
                steps.push(Step::Rows { input: self.inputs.get(channel).copied().unwrap_or(0), batch });
            }
            Element::Watermark(watermark) => {
                let change = self.watermark.on_watermark(channel, watermark);
                self.event_time(change, steps);
            }
            Element::Idle => {
                let change = self.watermark.on_idle(channel);
                self.event_time(change, steps);
            }
            Element::Barrier(barrier) => match self.aligner.on_barrier(channel, barrier, now) {
                Alignment::Waiting { given_up } => steps.extend(given_up.map(Step::GiveUp)),
                Alignment::Complete { barrier, first_at, given_up } => {
                    steps.extend(given_up.map(Step::GiveUp));
                    steps.push(Step::Cut { barrier, first_at });
                }
                Alignment::Ignored => {}
            },
            Element::EndOfInput => self.end(channel, steps),
        }
    }

    fn end(&mut self, channel: usize, steps: &mut Vec<Step>) {
        if self.ended.get(channel).copied().unwrap_or(true) {
            return;
        }
        self.ended[channel] = true;
        let change = self.watermark.on_end(channel);
        self.event_time(change, steps);
        if self.ended.iter().all(|ended| *ended) {
            steps.push(Step::End);
        }
    }

    fn event_time(&mut self, change: Option<EventTime>, steps: &mut Vec<Step>) {
        match change {
            Some(EventTime::Advanced(watermark)) => {
                steps.push(Step::Watermark(watermark));
                if self.watermark.is_idle() {
                    steps.push(Step::Idle);
                }
            }
            Some(EventTime::Idle) => steps.push(Step::Idle),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array};
    use irmak_common::element::CheckpointKind;
    use proptest::prelude::*;

    use super::*;

    fn rows(value: i64) -> Element {
        let column: ArrayRef = Arc::new(Int64Array::from(vec![value]));
        Element::Batch(RecordBatch::try_from_iter([("v", column)]).unwrap())
    }

    fn barrier(checkpoint: u64) -> Element {
        Element::Barrier(Barrier { checkpoint: CheckpointId(checkpoint), kind: CheckpointKind::Checkpoint, triggered_at: 0 })
    }

    fn mark(at: i64) -> Element {
        Element::Watermark(Watermark(at))
    }

    fn value(batch: &RecordBatch) -> i64 {
        batch.column(0).as_any().downcast_ref::<Int64Array>().unwrap().value(0)
    }

    fn text(step: &Step) -> String {
        match step {
            Step::Rows { input, batch } => format!("rows {} on {input}", value(batch)),
            Step::Watermark(Watermark(i64::MAX)) => "watermark max".to_owned(),
            Step::Watermark(watermark) => format!("watermark {}", watermark.0),
            Step::Idle => "idle".to_owned(),
            Step::End => "end".to_owned(),
            Step::Cut { barrier, .. } => format!("cut {}", barrier.checkpoint),
            Step::GiveUp(checkpoint) => format!("give up {checkpoint}"),
        }
    }

    /// Runs elements by channel through a machine with these logical inputs and compares all steps.
    fn check(inputs: &[usize], script: Vec<(usize, Element)>, expected: &[&str]) {
        let mut machine = Machine::new(inputs.to_vec());
        let mut steps = Vec::new();
        for (channel, element) in script {
            assert!(!machine.blocked()[channel], "the script reads a blocked channel");
            machine.on_element(channel, element, Instant::now(), &mut steps);
        }
        assert_eq!(steps.iter().map(text).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn rows_pass_through_to_their_logical_input() {
        check(&[0, 1], vec![(0, rows(1)), (1, rows(2))], &["rows 1 on 0", "rows 2 on 1"]);
    }

    #[test]
    fn a_cut_comes_when_every_channel_has_delivered_the_barrier() {
        check(&[0, 0], vec![(0, barrier(1)), (1, rows(1)), (1, barrier(1)), (0, rows(2))], &["rows 1 on 0", "cut 1", "rows 2 on 0"]);
    }

    #[test]
    fn barriers_flow_behind_the_end_of_input() {
        check(
            &[0, 0],
            vec![
                (0, Element::EndOfInput),
                (1, mark(5)),
                (0, barrier(1)),
                (1, barrier(1)),
                (1, Element::EndOfInput),
                (0, barrier(2)),
                (1, barrier(2)),
            ],
            &["watermark 5", "cut 1", "watermark max", "end", "cut 2"],
        );
    }

    #[test]
    fn the_end_of_input_closes_event_time_even_without_a_watermark() {
        check(&[0], vec![(0, Element::EndOfInput)], &["watermark max", "end"]);
    }

    #[test]
    fn all_idle_is_said_once() {
        check(&[0, 0], vec![(0, Element::Idle), (0, Element::Idle), (1, mark(3)), (1, Element::Idle)], &["watermark 3", "idle"]);
    }

    /// What a producer sends on one channel: rows in rising order, with barriers 1, 2, ... among them.
    fn channel_script(barriers: u64) -> impl Strategy<Value = Vec<Element>> {
        proptest::collection::vec(0..4u8, barriers as usize + 1).prop_map(|lengths| {
            let mut script = Vec::new();
            let mut next = 0;
            for (segment, length) in lengths.iter().enumerate() {
                for _ in 0..*length {
                    next += 1;
                    script.push(rows(segment as i64 * 1_000 + next));
                }
                if segment + 1 < lengths.len() {
                    script.push(barrier(segment as u64 + 1));
                }
            }
            script.push(Element::EndOfInput);
            script
        })
    }

    proptest! {
        #[test]
        fn barriers_cut_every_channel_at_one_consistent_point(
            scripts in proptest::collection::vec(channel_script(3), 1..5),
            picks in proptest::collection::vec(any::<prop::sample::Index>(), 200),
        ) {
            let mut queues: Vec<VecDeque<Element>> = scripts.into_iter().map(VecDeque::from).collect();
            let expected: usize = queues.iter().flatten().filter(|element| matches!(element, Element::Batch(_))).count();
            let mut machine = Machine::new(vec![0; queues.len()]);
            let mut steps = Vec::new();
            let mut picks = picks.into_iter().cycle();
            loop {
                let open: Vec<usize> = (0..queues.len()).filter(|at| !queues[*at].is_empty() && !machine.blocked()[*at]).collect();
                let Some(pick) = (!open.is_empty()).then(|| picks.next().unwrap().get(&open)) else { break };
                let element = queues[*pick].pop_front().unwrap();
                machine.on_element(*pick, element, Instant::now(), &mut steps);
            }
            prop_assert!(queues.iter().all(VecDeque::is_empty), "a channel stayed blocked for ever");
            let (mut cuts, mut seen) = (0, 0);
            for step in &steps {
                match step {
                    Step::Rows { batch, .. } => {
                        seen += 1;
                        prop_assert_eq!(value(batch) / 1_000, cuts, "a row on the wrong side of a cut");
                    }
                    Step::Cut { barrier, .. } => {
                        cuts += 1;
                        prop_assert_eq!(barrier.checkpoint.0 as i64, cuts);
                    }
                    _ => {}
                }
            }
            prop_assert_eq!((cuts, seen), (3, expected));
            prop_assert!(matches!(steps.last(), Some(Step::End)));
        }
    }
}
