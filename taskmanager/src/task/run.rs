//! The loop of a task's thread: commands first, then input, then whatever is due.
//!
//! One thread a task. It waits in three places only: for input, for room downstream, and inside a source's or sink's own call; each of
//! them ends soon after the task is cancelled.

use std::sync::Arc;
use std::time::{Duration, Instant};

use irmak_common::checkpoint::{OperatorSnapshot, SnapshotStats};
use irmak_common::element::{Barrier, Element};
use irmak_common::id::CheckpointId;
use irmak_common::split::SplitIndex;
use irmak_common::time::{Millis, Watermark};
use irmak_connectors::error::ConnectorError;
use irmak_connectors::source::SourceEvent;
use irmak_engine::operator::OperatorContext;
use irmak_proto::v1;
use irmak_proto::v1::task_manager_event::Event;
use irmak_runtime::clock::now_ms;

use super::chain::Chain;
use super::checkpoint::{Cut, Uploader, committed, declined};
use super::control::Control;
use super::gauges::{Phase, Slow};
use super::head::Head;
use super::inbox::{Command, Next};
use super::machine::Step;
use super::report::{Reporter, TaskEvent};
use super::tail::Tail;
use crate::error::TaskError;

/// How long a source may wait for rows before commands and timers are looked at.
const SOURCE_WAIT: Duration = Duration::from_millis(10);
/// How often figures are published, and the longest wait.
const TICK: Duration = Duration::from_millis(500);
/// How often a sink is ticked.
const SINK_TICK: Duration = Duration::from_secs(1);

/// A task that is ready to run.
pub struct Task {
    /// Where rows come from.
    pub head: Head,
    /// What is done with them.
    pub chain: Chain,
    /// Where they go.
    pub tail: Tail,
    /// Its reins.
    pub control: Arc<Control>,
    /// Its way to the TaskManager.
    pub reporter: Reporter,
    /// Its way to checkpoint storage.
    pub uploader: Uploader,
}

/// Whether the loop goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    GoOn,
    Finished,
}

impl Task {
    /// Runs to the end: `Ok` when told to finish.
    ///
    /// # Errors
    /// The first failure, or [`TaskError::Canceled`].
    pub fn run(&mut self) -> Result<(), TaskError> {
        let (mut ticked, mut sink_ticked) = (Instant::now(), Instant::now());
        loop {
            self.control.check()?;
            if self.turn(ticked + TICK)? == Flow::Finished {
                return Ok(());
            }
            let now = Instant::now();
            self.due(now)?;
            if now.duration_since(ticked) >= TICK {
                ticked = now;
                self.publish();
            }
            if now.duration_since(sink_ticked) >= SINK_TICK {
                sink_ticked = now;
                self.tail.on_tick(&self.control, now_ms())?;
            }
        }
    }

    /// Takes one command, element or batch, waiting for it until something is due.
    fn turn(&mut self, tick: Instant) -> Result<Flow, TaskError> {
        let polls = matches!(self.head, Head::Source { .. }) && !self.control.has_ended();
        if polls {
            return match self.control.inbox.try_command() {
                Some(command) => self.on_command(command),
                None => self.poll(self.wait_until(tick)).map(|()| Flow::GoOn),
            };
        }
        let blocked = match &self.head {
            Head::Inputs(machine) => machine.blocked(),
            Head::Source { .. } => &[],
        };
        let deadline = self.wait_until(tick);
        let gauges = &self.control.gauges;
        let next = self.control.inbox.next(blocked, deadline, || gauges.enter(Phase::Idle));
        gauges.enter(Phase::Busy);
        match next {
            Next::Command(command) => self.on_command(command),
            Next::Element(channel, element) => self.on_element(channel, element).map(|()| Flow::GoOn),
            Next::Nothing => Ok(Flow::GoOn),
        }
    }

    /// When the next thing is due, at the latest `tick`.
    fn wait_until(&self, tick: Instant) -> Instant {
        let timer = self.next_timer().map(|due| {
            let wait = due.saturating_sub(now_ms()).max(0);
            Instant::now() + Duration::from_millis(wait as u64)
        });
        [timer, self.tail.deadline()].into_iter().flatten().fold(tick, Instant::min)
    }

    fn next_timer(&self) -> Option<Millis> {
        // Behind the end of the input nothing is held that a timer could bring out.
        if self.control.has_ended() { None } else { self.chain.next_timer() }
    }

    fn due(&mut self, now: Instant) -> Result<(), TaskError> {
        let context = self.context(None);
        if self.next_timer().is_some_and(|due| due <= context.now) {
            let Self { chain, tail, control, reporter, .. } = self;
            chain.on_timer(&context, &mut |element| tail.on_element(control, reporter, context.now, element))?;
        }
        self.tail.on_deadline(&self.control, now)
    }

    fn on_command(&mut self, command: Command) -> Result<Flow, TaskError> {
        match command {
            Command::Trigger(barrier) if matches!(self.head, Head::Source { .. }) => self.cut(barrier, Instant::now())?,
            Command::Trigger(barrier) => {
                let reason = "only source tasks are triggered";
                self.reporter.say(declined(self.control.attempt, barrier.checkpoint, reason));
            }
            Command::Complete(checkpoint) => self.complete(checkpoint)?,
            Command::Stop => {
                if let Head::Source { source, .. } = &mut self.head {
                    source.stop();
                }
            }
            Command::Finish => return Ok(Flow::Finished),
        }
        Ok(Flow::GoOn)
    }

    fn complete(&mut self, checkpoint: CheckpointId) -> Result<(), TaskError> {
        if let Head::Source { id, name, source } = &mut self.head {
            source.on_checkpoint_complete(checkpoint).map_err(|source| failed(*id, name, source))?;
        }
        self.tail.commit(&self.control, checkpoint)?;
        self.reporter.say(committed(self.control.attempt, checkpoint));
        Ok(())
    }

    fn poll(&mut self, deadline: Instant) -> Result<(), TaskError> {
        let Head::Source { id, name, source } = &mut self.head else { return Ok(()) };
        let begun = Instant::now();
        let wait = deadline.saturating_duration_since(begun).min(SOURCE_WAIT);
        self.control.gauges.enter(Phase::Busy);
        let event = source.poll(wait).map_err(|source| failed(*id, name, source))?;
        self.control.gauges.reassign(if matches!(event, SourceEvent::Nothing) { begun.elapsed() } else { source.waited() }, Phase::Idle);
        match event {
            SourceEvent::Batch { split, rows, bytes } => {
                self.control.gauges.count_in(rows.num_rows(), bytes);
                self.feed(Some(split), 0, Element::Batch(rows))?;
                self.align();
                Ok(())
            }
            SourceEvent::Split(event) => {
                let context = self.context(None);
                let Self { chain, tail, control, reporter, .. } = self;
                chain.on_split(&context, &event, &mut |element| tail.on_element(control, reporter, context.now, element))?;
                self.align();
                Ok(())
            }
            SourceEvent::Nothing => Ok(()),
            SourceEvent::EndOfInput => {
                self.feed(None, 0, Element::Watermark(Watermark::MAX))?;
                self.end()
            }
        }
    }

    /// Tells a source that keeps its splits together how far each has come.
    fn align(&mut self) {
        let Head::Source { source, .. } = &mut self.head else { return };
        if source.aligns() {
            let mut progress = Vec::new();
            self.chain.progress(&mut progress);
            source.align(&progress);
        }
    }

    fn on_element(&mut self, channel: usize, element: Element) -> Result<(), TaskError> {
        let Head::Inputs(machine) = &mut self.head else { return Ok(()) };
        let mut steps = Vec::with_capacity(2);
        machine.on_element(channel, element, Instant::now(), &mut steps);
        steps.into_iter().try_for_each(|step| self.on_step(step))
    }

    fn on_step(&mut self, step: Step) -> Result<(), TaskError> {
        match step {
            Step::Rows { input, batch } => {
                self.control.gauges.count_in(batch.num_rows(), 0);
                self.feed(None, input, Element::Batch(batch))
            }
            Step::Watermark(watermark) => {
                self.control.gauges.set_watermark(watermark);
                self.feed(None, 0, Element::Watermark(watermark))
            }
            Step::Idle => self.feed(None, 0, Element::Idle),
            Step::End => self.end(),
            Step::Cut { barrier, first_at } => self.cut(barrier, first_at),
            Step::GiveUp(checkpoint) => {
                let reason = "a newer checkpoint began before this one's barriers had come on all channels";
                self.reporter.say(declined(self.control.attempt, checkpoint, reason));
                Ok(())
            }
        }
    }

    fn feed(&mut self, split: Option<SplitIndex>, input: usize, element: Element) -> Result<(), TaskError> {
        let context = self.context(split);
        let Self { chain, tail, control, reporter, .. } = self;
        chain.feed(&context, input, element, &mut |element| tail.on_element(control, reporter, context.now, element))
    }

    fn end(&mut self) -> Result<(), TaskError> {
        self.feed(None, 0, Element::EndOfInput)?;
        self.publish();
        self.control.set_ended();
        let attempt = Some(self.control.attempt.into());
        self.reporter.say(TaskEvent::Wire(Event::TaskEnded(v1::TaskEnded { attempt })));
        Ok(())
    }

    /// All rows before the barrier are behind us: passes it on, snapshots, and leaves the upload to others.
    fn cut(&mut self, barrier: Barrier, first_at: Instant) -> Result<(), TaskError> {
        let begun = Instant::now();
        let now = now_ms();
        let alignment = begun.saturating_duration_since(first_at);
        let mut states: Vec<(u32, OperatorSnapshot)> = Vec::new();
        states.extend(self.tail.cut(&self.control, barrier, now)?);
        if let Head::Source { id, name, source } = &mut self.head {
            let union = source.snapshot(barrier.checkpoint).map_err(|source| failed(*id, name, source))?;
            if !union.is_empty() {
                states.push((*id, OperatorSnapshot { union, ..Default::default() }));
            }
        }
        self.chain.snapshot(&mut states)?;
        let stats = SnapshotStats {
            start_delay_ms: now.saturating_sub(barrier.triggered_at).saturating_sub(alignment.as_millis() as i64).max(0) as u64,
            alignment_ms: alignment.as_millis() as u64,
            sync_ms: begun.elapsed().as_millis() as u64,
            ..Default::default()
        };
        self.uploader.start(&self.control, Cut { checkpoint: barrier.checkpoint, states, stats });
        Ok(())
    }

    fn context(&self, split: Option<SplitIndex>) -> OperatorContext {
        OperatorContext { now: now_ms(), split }
    }

    /// Publishes the figures that only this thread can read.
    fn publish(&mut self) {
        let mut slow = Slow::default();
        if let Head::Source { id, source, .. } = &self.head {
            let metrics = source.metrics();
            slow.skipped_records = metrics.skipped_records;
            slow.pending_records = metrics.pending_records;
            slow.message = metrics.message;
            slow.operators.extend(metrics.more.into_iter().map(|(name, value)| (*id, name.to_owned(), value)));
            if let Some(watermark) = self.chain.watermark() {
                self.control.gauges.set_watermark(Watermark(watermark));
            }
        }
        self.chain.report(&mut slow);
        self.tail.report(&mut slow);
        self.control.gauges.publish(slow);
    }
}

fn failed(id: u32, name: &str, source: ConnectorError) -> TaskError {
    TaskError::connector(id, name, source)
}
