//! One partition being read: where it stands, where it ends, and when a bounded read of it is over.

use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer as _;
use rdkafka::consumer::base_consumer::PartitionQueue;

use super::client::{Consumer, Context};
use super::entry::Next;
use super::reader::Stopped;

/// How long a broker must have given nothing before a bounded read ends short of its stop: many fetches.
const SHORT_OF_STOP: Duration = Duration::from_secs(2);

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
    /// The broker said that nothing follows though the stop is not reached, and has given nothing since.
    short_of_stop: Option<Instant>,
}

impl Split {
    /// A partition to be read from `next` to `stop` (exclusive); `None`: without end.
    pub(super) fn new(topic: String, partition: i32, next: Next, stop: Option<i64>) -> Self {
        let finished = matches!((next, stop), (Next::Offset(next), Some(stop)) if next >= stop);
        Self { topic, partition, next, returned: next, stop, queue: None, caught_up: false, finished, held: false, short_of_stop: None }
    }

    /// `topic[3]`, for messages.
    pub(super) fn name(&self) -> String {
        format!("{}[{}]", self.topic, self.partition)
    }

    /// Whether a bounded read is over though its stop was not reached: the last offsets below it belong to no record (marks of
    /// transactions, compacted records). A broker that has just come back may say "nothing follows" too, before it knows its own end; so
    /// it must hold the offsets up to the stop, and must have given nothing for a while.
    pub(super) fn ends_short(&mut self, stopped: Stopped, moved: bool, consumer: Option<&Consumer>) -> bool {
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
