//! One partition being read: where it stands, where it ends, and when a bounded read of it is over.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::topic_partition_list::Offset;

use super::client::{Consumer, Context};
use super::entry::Next;

/// Why reading a partition's queue ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    Empty,
    Full,
    AtEnd,
    AtStop,
}

/// How long to wait for the answer to each question that settles whether a bounded read ends short of its stop.
const QUESTION: Duration = Duration::from_secs(2);
/// When to ask again, where there was no answer, or no more was heard of the partition.
const ASK_AGAIN: Duration = Duration::from_millis(500);
const FETCH_AGAIN: Duration = Duration::from_secs(30);

/// What is known of a partition whose broker says that nothing follows though the stop is not reached.
#[derive(Clone, Copy, Debug)]
enum Short {
    /// Nothing was said, or records came.
    No,
    /// It was said; the broker is asked for its end from this moment on.
    Said(Instant),
    /// The broker knew its end, and the partition is fetched anew from where it stands, since then.
    Fetched(Instant),
}

/// One partition.
pub(super) struct Split {
    pub(super) topic: String,
    pub(super) partition: i32,
    /// Behind the last record read.
    pub(super) next: Next,
    /// Behind the last record handed out: what a checkpoint holds.
    pub(super) returned: Next,
    pub(super) stop: Option<i64>,
    pub(super) queue: Option<PartitionQueue<Context>>,
    pub(super) caught_up: bool,
    pub(super) finished: bool,
    /// Left alone until others have caught up in event time.
    pub(super) held: bool,
    short: Short,
}

impl Split {
    /// A partition to be read from `next` to `stop` (exclusive); `None`: without end.
    pub(super) fn new(topic: String, partition: i32, next: Next, stop: Option<i64>) -> Self {
        let finished = matches!((next, stop), (Next::Offset(next), Some(stop)) if next >= stop);
        Self { topic, partition, next, returned: next, stop, queue: None, caught_up: false, finished, held: false, short: Short::No }
    }

    /// `topic[3]`, for messages.
    pub(super) fn name(&self) -> String {
        format!("{}[{}]", self.topic, self.partition)
    }

    /// Whether a bounded read is over though its stop was not reached: the last offsets below it belong to no record (marks of
    /// transactions, compacted records).
    ///
    /// A broker that has just come back says "nothing follows" too, before it knows its own end, and how long it then takes to fetch what
    /// does follow is anybody's guess. So no clock decides: the broker must say that it holds the offsets up to the stop, and a fetch that
    /// begins after that must find nothing.
    pub(super) fn ends_short(&mut self, stopped: Stopped, moved: bool, consumer: Option<&Consumer>) -> bool {
        let (Some(stop), Some(consumer)) = (self.stop, consumer) else { return false };
        let at_end = stopped == Stopped::AtEnd;
        if stop == 0 {
            return at_end;
        }
        match self.short {
            Short::Fetched(_) if at_end && !moved => return true,
            Short::Fetched(since) if !moved && since.elapsed() >= FETCH_AGAIN => self.short = Short::Said(Instant::now()),
            _ if at_end => self.short = Short::Said(Instant::now()),
            _ if moved => self.short = Short::No,
            _ => {}
        }
        if let Short::Said(from) = self.short
            && from <= Instant::now()
        {
            let knows = consumer.fetch_watermarks(&self.topic, self.partition, QUESTION).is_ok_and(|(_, high)| high >= stop);
            let fetched = knows && self.fetch_anew(consumer);
            self.short = if fetched { Short::Fetched(Instant::now()) } else { Short::Said(Instant::now() + ASK_AGAIN) };
        }
        false
    }

    /// Has the partition fetched from where it stands, as if for the first time: its end is then told anew.
    fn fetch_anew(&self, consumer: &Consumer) -> bool {
        let from = match self.next {
            Next::Offset(offset) => Offset::Offset(offset),
            Next::Earliest => Offset::Beginning,
        };
        consumer.seek(&self.topic, self.partition, from, QUESTION).is_ok()
    }
}
