//! The Kafka source of one subtask: its partitions read in turn, a batch from one at a time, in the task's own thread.
//!
//! Each partition has a queue of its own in librdkafka, so that the end of a partition is told apart from another's. Positions are this file's: librdkafka is told where
//! to begin and never asked where it stands. A position counts as reached when its batch has been handed out.
//!
//! Nothing here waits longer than the caller says, but for questions to the brokers (200 ms, more where they are slow).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatchOptions;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use irmak_common::id::CheckpointId;
use irmak_common::limits::{BATCH_BYTES_MAX, BATCH_ROWS_MAX, LATENCY_BUDGET_MS, RECORD_BYTES_MAX};
use irmak_common::operator_spec::SourceSpec;
use irmak_common::split::{SplitEvent, SplitIndex};
use irmak_common::types::{Field, Schema};
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::client::{Consumer, Context, Shared, Verdict, judge};
use super::config::{KafkaConfig, Point, Reset, Topics};
use super::discovery::{Problem, partitions};
use super::entry::{Entry, Next, is_new};
use super::health::Health;
use super::metadata::MetadataColumns;
use super::offsets::{resolve, stops};
use super::partition::owner;
use crate::context::SourceContext;
use crate::dead_letter::{BadRecord, DeadLetters};
use crate::error::{ConnectorError, RecordError, RecordPlace};
use crate::format::Decoded;
use crate::format::value::ValueDecoder;
use crate::options::Options;
use crate::source::{Source, SourceEvent, SourceMetrics};

/// How long a broker must have given nothing before a bounded read ends short of its stop: many fetches.
const SHORT_OF_STOP: Duration = Duration::from_secs(2);
/// Rows below which a batch waits for more, within the latency budget.
const WORTHWHILE_ROWS: usize = 512;

/// A question to the brokers waits so long: the task can do nothing else meanwhile. Where nobody refuses and nobody answers (a slow network, a
/// long TLS handshake), each further try waits twice as long.
const QUESTION_MS: u64 = 200;
const QUESTION_MS_MAX: u64 = 3_200;

/// Partitions that the first consumer is configured for.
const PARTITIONS_AT_FIRST: usize = 4;

/// Checkpoints whose positions wait for their completion.
const SNAPSHOTS_MAX: usize = 64;

/// Topics read by one subtask.
pub(crate) struct KafkaSource {
    // Queues must go before their consumer: this order is that of dropping.
    splits: Vec<Split>,
    consumer: Option<Arc<Consumer>>,
    configured_for: usize,
    shared: Arc<Shared>,
    config: KafkaConfig,
    context: SourceContext,
    cursor: usize,
    events: VecDeque<Ready>,
    reader: Reader,
    markers: Vec<(u32, u32)>,
    restored: bool,
    discovered: bool,
    assigned: bool,
    next_discovery: Option<Instant>,
    health: Health,
    patience: u32,
    snapshots: BTreeMap<CheckpointId, Vec<(String, i32, i64)>>,
    commits: (u64, u64),
    stopped: bool,
}

/// One partition.
struct Split {
    topic: String,
    partition: i32,
    /// Behind the last record read.
    next: Next,
    /// Behind the last record handed out: what a checkpoint holds.
    returned: Next,
    stop: Option<i64>,
    queue: Option<PartitionQueue<Context>>,
    caught_up: bool,
    finished: bool,
    /// The broker said that nothing follows though the stop is not reached, and has given nothing since.
    short_of_stop: Option<Instant>,
}

impl Split {
    /// Whether a bounded read is over though its stop was not reached: the last offsets below it belong to no record (marks of
    /// transactions, compacted records). A broker that has just come back may say "nothing follows" too, before it knows its own end; so
    /// it must hold the offsets up to the stop, and must have given nothing for a while.
    fn ends_short(&mut self, stopped: Stopped, moved: bool, consumer: Option<&Consumer>) -> bool {
        let (Some(stop), Some(consumer)) = (self.stop, consumer) else { return false };
        if stop == 0 {
            return stopped == Stopped::AtEnd;
        }
        if stopped == Stopped::AtEnd {
            self.short_of_stop = Some(Instant::now());
        } else if moved {
            self.short_of_stop = None;
        }
        if self.short_of_stop.is_none_or(|since| since.elapsed() < SHORT_OF_STOP) {
            return false;
        }
        let holds = consumer.fetch_watermarks(&self.topic, self.partition, SHORT_OF_STOP).is_ok_and(|(_, high)| high >= stop);
        self.short_of_stop = (!holds).then(Instant::now);
        holds
    }
}

/// An event that waits to be handed out, and the position that is reached with it.
struct Ready {
    event: SourceEvent,
    reached: Option<(usize, Next)>,
}

/// Records into rows.
struct Reader {
    table: String,
    schema: SchemaRef,
    decoder: ValueDecoder,
    metadata: MetadataColumns,
    dead_letters: Option<DeadLetters>,
    bytes: u64,
    skipped: u64,
    records: u64,
    bytes_total: u64,
}

/// Why reading a partition's queue ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stopped {
    Empty,
    Full,
    AtEnd,
    AtStop,
}

impl KafkaSource {
    /// Opens the table. Asks nothing of the brokers yet.
    ///
    /// # Errors
    /// Bad options; checkpoint entries that cannot be read.
    pub(crate) fn open(spec: &SourceSpec, context: &SourceContext) -> Result<Self, ConnectorError> {
        let options = Options::new(&spec.table, &spec.connector);
        let config = KafkaConfig::read(&options, context)?;
        for note in &config.notes {
            tracing::warn!(table = spec.table, "{note}");
        }
        if let Some((key, _)) = options.first_of(&["key.format", "key.fields"]).filter(|(_, value)| !value.is_empty()) {
            return Err(options.unsupported(format!("'{key}'"), "read what the records' values hold, and leave the keys"));
        }
        let (key, format) = match options.first_of(&["value.format", "format"]) {
            Some(found) => found,
            None => ("format", options.required("format", "the format of the records: json, csv or raw")?),
        };
        let mut fields: Vec<Field> = spec.projection.iter().filter_map(|index| spec.physical.fields.get(*index).cloned()).collect();
        fields.extend(spec.metadata.iter().map(|(name, ty)| Field::new(name.clone(), ty.clone())));
        let reader = Reader {
            table: spec.table.clone(),
            schema: Schema::new(fields).to_arrow(),
            decoder: ValueDecoder::open(&options, key, format, &spec.physical, &spec.projection)?,
            metadata: MetadataColumns::new(&options, &spec.metadata)?,
            dead_letters: DeadLetters::open(&options, context)?,
            bytes: 0,
            skipped: 0,
            records: 0,
            bytes_total: 0,
        };
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
    fn add(&mut self, topic: String, partition: i32, next: Next, stop: Option<i64>) {
        let finished = matches!((next, stop), (Next::Offset(next), Some(stop)) if next >= stop);
        let split = self.splits.len() as SplitIndex;
        let name = format!("{topic}[{partition}]");
        self.splits.push(Split {
            topic,
            partition,
            next,
            returned: next,
            stop,
            queue: None,
            caught_up: false,
            finished,
            short_of_stop: None,
        });
        self.announce(SplitEvent::Added { split, name });
        if finished {
            self.announce(SplitEvent::Finished { split });
        }
        self.assigned = false;
    }

    fn announce(&mut self, event: SplitEvent) {
        self.events.push_back(Ready { event: SourceEvent::Split(event), reached: None });
    }

    /// A client configured for so many partitions. Queues of an earlier one are gone with it; reading begins anew where it stood.
    fn connect(&mut self, partitions: usize) -> Result<(), ConnectorError> {
        self.disconnect();
        let client = self.config.client(partitions, &self.context);
        let created = client.create_with_context::<Context, Consumer>(Context { shared: self.shared.clone() });
        let consumer = created.map_err(|error| {
            // The words of librdkafka may hold the value of an option, and that a secret.
            let reason = match error {
                KafkaError::ClientConfig(_, _, key, _) => format!("librdkafka refuses the value of `{key}`"),
                KafkaError::ClientCreation(reason) => reason,
                other => other.to_string(),
            };
            let advice = "check 'properties.*'";
            ConnectorError::Kafka { table: self.config.table.clone(), what: "cannot make a Kafka client".to_owned(), reason, advice }
        })?;
        self.consumer = Some(Arc::new(consumer));
        self.configured_for = partitions;
        self.assigned = self.splits.iter().all(|split| split.finished);
        Ok(())
    }

    fn disconnect(&mut self) {
        self.splits.iter_mut().for_each(|split| split.queue = None);
        self.consumer = None;
    }

    /// Tells librdkafka all partitions and where each begins.
    fn assign(&mut self) -> Result<(), ConnectorError> {
        let reading = self.splits.iter().filter(|split| !split.finished).count();
        if reading > self.configured_for {
            self.connect(reading.next_power_of_two())?;
        }
        let Some(consumer) = self.consumer.clone() else { return Ok(()) };
        let failed = |error: KafkaError| ConnectorError::Kafka {
            table: self.config.table.clone(),
            what: "cannot begin to read".to_owned(),
            reason: error.to_string(),
            advice: "report this, with the log",
        };
        let mut list = TopicPartitionList::with_capacity(reading);
        for split in &mut self.splits {
            split.queue = None;
            if split.finished {
                continue;
            }
            let offset = match split.next {
                Next::Earliest => Offset::Beginning,
                Next::Offset(offset) => Offset::Offset(offset),
            };
            list.add_partition_offset(&split.topic, split.partition, offset).map_err(failed)?;
            // Before the partition is assigned: records fetched earlier would go to the consumer's own queue.
            let Some(mut queue) = consumer.split_partition_queue(&split.topic, split.partition) else {
                return Err(failed(KafkaError::Subscription(format!("no queue for {}[{}]", split.topic, split.partition))));
            };
            let shared = self.shared.clone();
            queue.set_nonempty_callback(move || shared.notify());
            split.queue = Some(queue);
        }
        consumer.assign(&list).map_err(failed)?;
        self.assigned = true;
        Ok(())
    }

    /// Looks for partitions if it is time, and for the brokers if they were away.
    fn discover(&mut self) -> Result<(), ConnectorError> {
        let now = (self.context.clock)();
        let due = self.next_discovery.is_some_and(|at| at <= Instant::now());
        let probe = !self.health.is_well();
        if !(due || probe) || !self.health.try_is_due(now) {
            return Ok(());
        }
        let Some(consumer) = self.consumer.clone() else { return Ok(()) };
        let timeout = Duration::from_millis((QUESTION_MS << self.patience).min(QUESTION_MS_MAX));
        let found = if due { self.look(&consumer, timeout) } else { self.probe(&consumer, timeout) };
        match found {
            Ok(()) => {
                if !self.health.is_well() {
                    tracing::info!(table = self.config.table, servers = self.config.servers, "brokers can be reached again");
                }
                self.health.well();
                self.shared.forget_trouble();
                self.patience = 0;
                Ok(())
            }
            Err(Problem::Unreachable(reason)) => {
                let reason = if reason.is_empty() { self.shared.last_reason() } else { reason };
                self.patience = if reason.is_empty() { (self.patience + 1).min(8) } else { 0 };
                self.health.failed((self.context.clock)(), reason);
                Ok(())
            }
            Err(Problem::Final(error)) => Err(*error),
        }
    }

    /// Takes in the partitions that this subtask owns and does not read yet.
    fn look(&mut self, consumer: &Consumer, timeout: Duration) -> Result<(), Problem> {
        let mut all = partitions(consumer, &self.config, timeout)?;
        all.retain(|(topic, partition)| {
            owner(topic, *partition, self.context.parallelism) == self.context.subtask
                && !self.splits.iter().any(|split| split.topic == *topic && split.partition == *partition)
        });
        // A bounded read is of the partitions that were there when it began.
        if self.discovered && self.config.bounded.is_some() {
            all.clear();
        }
        let later = |(topic, partition): &(String, i32)| self.discovered || (self.restored && is_new(&self.markers, topic, *partition));
        let (new, initial): (Vec<_>, Vec<_>) = all.into_iter().partition(later);
        let starts = resolve(consumer, &self.config, &self.config.startup, &initial, timeout)?;
        let stops = match &self.config.bounded {
            Some(point) => stops(consumer, &self.config, point, &initial, timeout)?.into_iter().map(Some).collect(),
            None => vec![None; initial.len()],
        };
        for (((topic, partition), next), stop) in initial.into_iter().zip(starts).zip(stops) {
            self.add(topic, partition, next, stop);
        }
        for (topic, partition) in new {
            tracing::info!(table = self.config.table, topic, partition, "a new partition was found; it is read from its beginning");
            self.add(topic, partition, Next::Earliest, None);
        }
        self.discovered = true;
        self.next_discovery = self.config.discovery.map(|interval| Instant::now() + interval);
        Ok(())
    }

    /// Whether anybody answers.
    fn probe(&self, consumer: &Consumer, timeout: Duration) -> Result<(), Problem> {
        let topic = match &self.config.topics {
            Topics::Listed(names) => names.first().map(String::as_str),
            Topics::Matching(_) => None,
        };
        let answer = consumer.fetch_metadata(topic, timeout);
        answer.map(|_| ()).map_err(|error| Problem::of(&self.config, "cannot ask for the topic", &error))
    }

    /// Serves librdkafka's callbacks, logs and errors.
    fn serve(&mut self) -> Result<(), ConnectorError> {
        let Some(consumer) = self.consumer.clone() else { return Ok(()) };
        // Bounded: the rest is served by the next call.
        for _ in 0..64 {
            match consumer.poll(Duration::ZERO) {
                None => break,
                // A record that went past its partition's queue: begin anew where each partition stands.
                Some(Ok(_)) => self.assigned = false,
                Some(Err(error)) => self.on_error(&error, None)?,
            }
        }
        if let Some(reason) = self.shared.take_down()
            && self.health.is_well()
        {
            self.health.failed((self.context.clock)(), reason);
        }
        Ok(())
    }

    fn on_error(&mut self, error: &KafkaError, split: Option<usize>) -> Result<(), ConnectorError> {
        let table = self.config.table.clone();
        match (judge(error), split.and_then(|index| self.splits.get(index))) {
            (Verdict::OffsetGone, Some(_)) => self.reset(split.unwrap_or_default()),
            (Verdict::Final(advice), _) => {
                Err(ConnectorError::Kafka { table, what: "reading failed".to_owned(), reason: error.to_string(), advice })
            }
            // Looking for partitions says whether the topic is gone.
            (Verdict::Missing, _) if self.config.bounded.is_none() => {
                self.next_discovery = Some(Instant::now());
                Ok(())
            }
            _ => {
                tracing::debug!(table, %error, "librdkafka tells of an error that passes");
                Ok(())
            }
        }
    }

    /// The position is not in the partition: an error, unless the table says where to go on.
    fn reset(&mut self, index: usize) -> Result<(), ConnectorError> {
        let (table, reset) = (self.config.table.clone(), self.config.reset);
        let (Some(split), Some(consumer)) = (self.splits.get_mut(index), &self.consumer) else { return Ok(()) };
        let offset = if let Next::Offset(offset) = split.next { offset } else { 0 };
        let place = (split.topic.clone(), split.partition);
        let next = match reset {
            Reset::Fail if split.next == Next::Earliest => Next::Earliest,
            Reset::Fail => return Err(ConnectorError::OffsetGone { table, topic: place.0, partition: place.1, offset }),
            Reset::Earliest => Next::Earliest,
            Reset::Latest => {
                let timeout = Duration::from_millis(QUESTION_MS_MAX);
                match resolve(consumer, &self.config, &Point::Latest, std::slice::from_ref(&place), timeout) {
                    Ok(ends) => ends.first().copied().unwrap_or(split.next),
                    Err(Problem::Final(error)) => return Err(*error),
                    // The same position is tried again, and this with it.
                    Err(Problem::Unreachable(_)) => split.next,
                }
            }
        };
        tracing::warn!(
            table,
            topic = place.0,
            partition = place.1,
            offset,
            ?reset,
            "records were passed over: the offset is not on the broker"
        );
        (split.next, split.returned) = (next, next);
        self.assigned = false;
        Ok(())
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
        let Some(split) = self.splits.get_mut(index).filter(|split| !split.finished) else { return Ok(()) };
        let before = split.next;
        let (stopped, error) = self.reader.drain(split, alone)?;
        let (moved, rows) = (split.next != before, self.reader.decoder.rows());
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

impl Reader {
    /// Decodes what the partition's queue holds, up to a batch. The error, if any, came behind what was decoded.
    fn drain(&mut self, split: &mut Split, alone: bool) -> Result<(Stopped, Option<KafkaError>), ConnectorError> {
        let Split { queue: Some(queue), next, stop, topic, .. } = split else { return Ok((Stopped::Empty, None)) };
        let started = Instant::now();
        self.bytes = 0;
        while self.decoder.rows() < BATCH_ROWS_MAX && self.bytes < BATCH_BYTES_MAX as u64 {
            let polled = match queue.poll(Duration::ZERO) {
                None if alone && (1..WORTHWHILE_ROWS).contains(&self.decoder.rows()) => {
                    queue.poll(Duration::from_millis(LATENCY_BUDGET_MS).saturating_sub(started.elapsed()))
                }
                polled => polled,
            };
            let message = match polled {
                None => return Ok((Stopped::Empty, None)),
                Some(Err(KafkaError::PartitionEOF(_))) => return Ok((Stopped::AtEnd, None)),
                Some(Err(error)) => return Ok((Stopped::Empty, Some(error))),
                Some(Ok(message)) => message,
            };
            let offset = message.offset();
            if matches!(next, Next::Offset(next) if offset < *next) {
                continue;
            }
            if stop.is_some_and(|stop| offset >= stop) {
                return Ok((Stopped::AtStop, None));
            }
            self.record(topic, &message)?;
            *next = Next::Offset(offset + 1);
            if stop.is_some_and(|stop| offset + 1 >= stop) {
                return Ok((Stopped::AtStop, None));
            }
        }
        Ok((Stopped::Full, None))
    }

    #[inline]
    fn record(&mut self, topic: &str, message: &BorrowedMessage<'_>) -> Result<(), ConnectorError> {
        // A tombstone means no row.
        let payload = message.payload().unwrap_or_default();
        self.bytes += payload.len() as u64;
        self.records += 1;
        let decoded = if payload.len() > RECORD_BYTES_MAX {
            let reason = format!("the record has {} bytes, and at most {RECORD_BYTES_MAX} are read", payload.len());
            Err(RecordError::whole(payload, 0, reason))
        } else {
            self.decoder.decode(payload)
        };
        match decoded {
            Ok(Decoded::Row) => self.metadata.push(message),
            Ok(Decoded::Empty | Decoded::Skipped) => self.skipped += 1,
            Err(error) => self.bad_record(topic, message, payload, error)?,
        }
        Ok(())
    }

    #[cold]
    fn bad_record(&mut self, topic: &str, message: &BorrowedMessage<'_>, payload: &[u8], error: RecordError) -> Result<(), ConnectorError> {
        let place = RecordPlace::Kafka { topic: topic.to_owned(), partition: message.partition(), offset: message.offset() };
        let Some(letters) = &mut self.dead_letters else {
            return Err(ConnectorError::BadRecord { table: self.table.clone(), place: Box::new(place), error: Box::new(error) });
        };
        self.skipped += 1;
        letters.write(&BadRecord { place: &place, timestamp: message.timestamp().to_millis(), payload, error: &error })
    }

    /// The rows decoded, and the bytes they were.
    fn finish(&mut self) -> Result<(RecordBatch, u64), ConnectorError> {
        let rows = self.decoder.rows();
        let broken = |what: String| ConnectorError::Internal { table: self.table.clone(), what };
        let mut columns = self.decoder.finish().map_err(|error| broken(error.to_string()))?;
        columns.extend(self.metadata.finish().map_err(|error| broken(error.to_string()))?);
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options).map_err(|error| broken(error.to_string()))?;
        self.bytes_total += self.bytes;
        Ok((batch, self.bytes))
    }
}

impl Source for KafkaSource {
    fn poll(&mut self, wait: Duration) -> Result<SourceEvent, ConnectorError> {
        let deadline = Instant::now() + wait;
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
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(SourceEvent::Nothing);
            }
            self.shared.wait(left);
        }
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
            ],
        }
    }
}

impl Drop for KafkaSource {
    fn drop(&mut self) {
        self.disconnect();
    }
}
