//! The Kafka source of one subtask: its partitions read in turn, a batch from one at a time, in the task's own thread.
//!
//! Each partition has a queue of its own in librdkafka, so that the end of a partition is told apart from another's. Positions are this file's: librdkafka is told where
//! to begin and never asked where it stands. A position counts as reached when its batch has been handed out.
//!
//! Nothing here waits longer than the caller says, but for questions to the brokers (200 ms, more where they are slow).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use irmak_common::id::CheckpointId;
use irmak_common::operator_spec::SourceSpec;
use irmak_common::split::{SplitEvent, SplitIndex, SplitProgress};
use irmak_common::time::Millis;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::alignment::limit;
use super::client::{Consumer, Shared};
use super::config::KafkaConfig;
use super::entry::{Entry, Next};
use super::health::Health;
use super::partition::owner;
use super::reader::Reader;
use super::split::{Split, Stopped};
use crate::context::SourceContext;
use crate::error::ConnectorError;
use crate::options::Options;
use crate::source::{Source, SourceEvent, SourceMetrics};

/// Partitions that the first consumer is configured for.
const PARTITIONS_AT_FIRST: usize = 4;

/// Checkpoints whose positions wait for their completion.
const SNAPSHOTS_MAX: usize = 64;

/// Topics read by one subtask.
pub(crate) struct KafkaSource {
    // Queues must go before their consumer: this order is that of dropping.
    pub(super) splits: Vec<Split>,
    pub(super) consumer: Option<Arc<Consumer>>,
    pub(super) configured_for: usize,
    pub(super) shared: Arc<Shared>,
    pub(super) config: KafkaConfig,
    pub(super) context: SourceContext,
    pub(super) cursor: usize,
    events: VecDeque<Ready>,
    pub(super) reader: Reader,
    pub(super) markers: Vec<(u32, u32)>,
    pub(super) restored: bool,
    pub(super) discovered: bool,
    pub(super) assigned: bool,
    pub(super) next_discovery: Option<Instant>,
    pub(super) health: Health,
    pub(super) patience: u32,
    pub(super) snapshots: BTreeMap<CheckpointId, Vec<(String, i32, i64)>>,
    pub(super) commits: (u64, u64),
    pub(super) stopped: bool,
}

/// An event that waits to be handed out, and the position that is reached with it.
struct Ready {
    event: SourceEvent,
    reached: Option<(usize, Next)>,
}

impl KafkaSource {
    /// Opens the table. Asks nothing of the brokers yet.
    ///
    /// # Errors
    /// Bad options; checkpoint entries that cannot be read.
    pub(crate) fn open(spec: &SourceSpec, context: &SourceContext) -> Result<Self, ConnectorError> {
        let options = Options::new(&spec.table, &spec.connector);
        let config = KafkaConfig::read(&options, spec.connector.connector == "upsert-kafka", context)?;
        for note in &config.notes {
            tracing::warn!(table = spec.table, "{note}");
        }
        let reader = Reader::open(&options, spec, context)?;
        let mut source = Self {
            splits: Vec::new(),
            consumer: None,
            configured_for: 0,
            shared: Arc::new(Shared::default()),
            config,
            context: context.clone(),
            cursor: 0,
            events: VecDeque::new(),
            reader,
            markers: Vec::new(),
            restored: context.restored.is_some(),
            discovered: false,
            assigned: true,
            next_discovery: Some(Instant::now()),
            health: Health::default(),
            patience: 0,
            snapshots: BTreeMap::new(),
            commits: (0, 0),
            stopped: false,
        };
        source.restore(context)?;
        // Options that librdkafka refuses are said now, not at the first poll.
        source.connect(source.splits.len().max(PARTITIONS_AT_FIRST))?;
        Ok(source)
    }

    fn restore(&mut self, context: &SourceContext) -> Result<(), ConnectorError> {
        for bytes in context.restored.iter().flatten() {
            match Entry::decode(&self.config.table, bytes)? {
                Entry::Partition { topic, partition, next, stop } => {
                    if owner(&topic, partition, context.parallelism) == context.subtask {
                        self.add(topic, partition, next, stop);
                    }
                }
                Entry::Discovered { subtask, parallelism } => self.markers.push((subtask, parallelism)),
            }
        }
        Ok(())
    }

    /// A partition to read from here on.
    pub(super) fn add(&mut self, topic: String, partition: i32, next: Next, stop: Option<i64>) {
        let split = self.splits.len() as SplitIndex;
        let added = Split::new(topic, partition, next, stop);
        let (name, finished) = (added.name(), added.finished);
        self.splits.push(added);
        self.announce(SplitEvent::Added { split, name });
        if finished {
            self.announce(SplitEvent::Finished { split });
        }
        self.assigned = false;
    }

    pub(super) fn announce(&mut self, event: SplitEvent) {
        self.events.push_back(Ready { event: SourceEvent::Split(event), reached: None });
    }

    /// Reads the next partition that has something, in turn. What was read is then in `events`.
    fn read(&mut self) -> Result<(), ConnectorError> {
        for _ in 0..self.splits.len() {
            self.cursor = (self.cursor + 1) % self.splits.len();
            self.read_split(self.cursor)?;
            if !self.events.is_empty() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn read_split(&mut self, index: usize) -> Result<(), ConnectorError> {
        let alone = self.splits.len() == 1;
        let Some(split) = self.splits.get_mut(index).filter(|split| !split.finished && !split.held) else { return Ok(()) };
        let before = split.next;
        let (stopped, error) = self.reader.drain(split, alone)?;
        let (moved, rows) = (split.next != before, self.reader.rows());
        let (was_caught_up, number) = (split.caught_up, index as SplitIndex);
        split.caught_up = stopped == Stopped::AtEnd || (was_caught_up && !moved);
        let ends = stopped == Stopped::AtStop || split.ends_short(stopped, moved, self.consumer.as_deref());
        if ends {
            split.finished = true;
            split.queue = None;
            // Control records at the end have offsets too.
            if let (Some(stop), Next::Offset(_) | Next::Earliest) = (split.stop, split.next) {
                split.next = Next::Offset(stop.max(if let Next::Offset(next) = split.next { next } else { 0 }));
            }
        }
        let (next, caught_up) = (split.next, split.caught_up);
        if (moved || stopped == Stopped::AtEnd) && !self.health.is_well() {
            self.health.well();
            self.shared.forget_trouble();
        }
        if moved && was_caught_up {
            self.announce(SplitEvent::Behind { split: number });
        }
        if rows > 0 {
            let (rows, bytes) = self.reader.finish()?;
            self.events.push_back(Ready { event: SourceEvent::Batch { split: number, rows, bytes }, reached: Some((index, next)) });
        } else if let Some(split) = self.splits.get_mut(index) {
            split.returned = next;
        }
        if ends {
            self.pause(index);
            self.events
                .push_back(Ready { event: SourceEvent::Split(SplitEvent::Finished { split: number }), reached: Some((index, next)) });
        } else if caught_up && stopped == Stopped::AtEnd && (moved || !was_caught_up) {
            self.announce(SplitEvent::CaughtUp { split: number });
        }
        match error {
            Some(error) => self.on_error(&error, Some(index)),
            None => Ok(()),
        }
    }

    /// No more is fetched of a partition that has been read to its end.
    fn pause(&self, index: usize) {
        let (Some(consumer), Some(split)) = (&self.consumer, self.splits.get(index)) else { return };
        let mut list = TopicPartitionList::with_capacity(1);
        list.add_partition(&split.topic, split.partition);
        if let Err(error) = consumer.pause(&list) {
            tracing::debug!(table = self.config.table, %error, "a partition that has ended could not be paused");
        }
    }

    fn pop(&mut self) -> Option<SourceEvent> {
        let Ready { event, reached } = self.events.pop_front()?;
        if let Some((index, next)) = reached
            && let Some(split) = self.splits.get_mut(index)
        {
            split.returned = next;
        }
        Some(event)
    }

    fn has_ended(&self) -> bool {
        self.stopped || (self.config.bounded.is_some() && self.discovered && self.splits.iter().all(|split| split.finished))
    }
}

impl Source for KafkaSource {
    fn poll(&mut self, wait: Duration) -> Result<SourceEvent, ConnectorError> {
        let deadline = Instant::now() + wait;
        self.reader.waited = Duration::ZERO;
        if let Some(event) = self.pop() {
            return Ok(event);
        }
        loop {
            if self.has_ended() {
                return Ok(SourceEvent::EndOfInput);
            }
            self.serve()?;
            self.discover()?;
            if !self.assigned {
                self.assign()?;
            }
            if self.events.is_empty() {
                self.read()?;
            }
            if let Some(event) = self.pop() {
                return Ok(event);
            }
            let now = Instant::now();
            let left = deadline.saturating_duration_since(now);
            if left.is_zero() {
                return Ok(SourceEvent::Nothing);
            }
            self.shared.wait(left);
            self.reader.waited += now.elapsed();
        }
    }

    fn waited(&self) -> Duration {
        self.reader.waited
    }

    fn snapshot(&mut self, checkpoint: CheckpointId) -> Result<Vec<Vec<u8>>, ConnectorError> {
        if let Some(letters) = &mut self.reader.dead_letters {
            letters.sync()?;
        }
        let mut entries = Vec::with_capacity(self.splits.len() + 1);
        let mut positions = Vec::new();
        for split in &self.splits {
            let (topic, partition, next, stop) = (split.topic.clone(), split.partition, split.returned, split.stop);
            if let Next::Offset(offset) = next {
                positions.push((topic.clone(), partition, offset));
            }
            entries.push(Entry::Partition { topic, partition, next, stop });
        }
        if self.discovered {
            entries.push(Entry::Discovered { subtask: self.context.subtask, parallelism: self.context.parallelism });
        } else {
            // What is not looked for yet is still new or not by what was known then.
            entries.extend(
                self.markers.iter().map(|(subtask, parallelism)| Entry::Discovered { subtask: *subtask, parallelism: *parallelism }),
            );
        }
        if self.config.commit_offsets {
            self.snapshots.insert(checkpoint, positions);
            while self.snapshots.len() > SNAPSHOTS_MAX {
                self.snapshots.pop_first();
            }
        }
        entries.into_iter().map(|entry| entry.encode(&self.config.table)).collect()
    }

    fn on_checkpoint_complete(&mut self, checkpoint: CheckpointId) -> Result<(), ConnectorError> {
        let Some(positions) = self.snapshots.remove(&checkpoint) else { return Ok(()) };
        self.snapshots.retain(|earlier, _| *earlier > checkpoint);
        let Some(consumer) = self.consumer.as_ref().filter(|_| !positions.is_empty()) else { return Ok(()) };
        let mut list = TopicPartitionList::with_capacity(positions.len());
        let listed = positions
            .iter()
            .try_for_each(|(topic, partition, offset)| list.add_partition_offset(topic, *partition, Offset::Offset(*offset)));
        // For lag monitors only: a commit that fails costs nothing but their figures.
        match listed.and_then(|()| consumer.commit(&list, CommitMode::Async)) {
            Ok(()) => self.commits.0 += 1,
            Err(error) => {
                self.commits.1 += 1;
                tracing::warn!(table = self.config.table, %error, "offsets could not be committed to the group");
            }
        }
        Ok(())
    }

    fn aligns(&self) -> bool {
        self.config.drift.is_some() && self.splits.len() > 1
    }

    fn align(&mut self, progress: &[SplitProgress]) {
        let Some(drift) = self.config.drift else { return };
        let limit = limit(progress, Millis::try_from(drift.as_millis()).unwrap_or(Millis::MAX));
        for SplitProgress { split, watermark, .. } in progress {
            if let Some(split) = self.splits.get_mut(*split as usize) {
                split.held = limit.is_some_and(|limit| *watermark > limit);
            }
        }
    }

    fn stop(&mut self) {
        self.stopped = true;
        self.events.clear();
    }

    fn metrics(&self) -> SourceMetrics {
        let behind = |split: &Split| match split.next {
            _ if split.finished => Some(0),
            Next::Offset(next) => self.shared.end_of(&split.topic, split.partition).map(|end| u64::try_from(end - next).unwrap_or(0)),
            Next::Earliest => None,
        };
        let pending: Option<u64> = if self.splits.is_empty() { None } else { self.splits.iter().map(behind).sum() };
        let message = self.health.message(&self.config.servers, (self.context.clock)(), &self.context.zone);
        let name = || format!("source {}[{}]", self.config.table, self.context.subtask);
        SourceMetrics {
            skipped_records: self.reader.skipped,
            pending_records: pending,
            message: message.map(|message| format!("{}: {message}", name())),
            more: vec![
                ("numBytesIn", self.reader.bytes_total as f64),
                ("commitsSucceeded", self.commits.0 as f64),
                ("commitsFailed", self.commits.1 as f64),
                ("numPartitions", self.splits.len() as f64),
                ("numPartitionsHeld", self.splits.iter().filter(|split| split.held).count() as f64),
            ],
        }
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        self.disconnect();
    }
}
