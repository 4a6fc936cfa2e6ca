//! The sample producer: rows into the topic, spread over its partitions in turn.
//!
//! The demo replays event time from a fixed morning, faster than the clock; `irmak produce` sends rows of this very moment.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use irmak_runtime::shutdown::Shutdown;
use irmak_runtime::tasks;
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};

use super::listings::{BEAT_SECONDS, ROWS_PER_BEAT, TOPIC, listings, record};
use crate::Failure;

pub(crate) type Sender = ThreadedProducer<DefaultProducerContext>;

/// Sends these rows and returns when the broker has them all.
pub(super) async fn send(servers: &str, ids: Range<u64>, partitions: i32) -> Result<(), Failure> {
    let (servers, listings) = (servers.to_owned(), listings()?);
    let sent = tasks::spawn_blocking(move || {
        let producer = open(&servers)?;
        ids.into_iter().try_for_each(|id| send_one(&producer, TOPIC, &record(&listings, id), (id % partitions as u64) as i32))?;
        producer.flush(Duration::from_secs(30))
    });
    sent.await?.map_err(broken)
}

/// Sends a beat whenever its time has come, until the shutdown. Returns the counter of rows sent.
pub(super) fn produce(servers: String, speed: u32, partitions: i32, shutdown: Shutdown) -> Result<Arc<AtomicU64>, Failure> {
    let listings = listings()?;
    let producer = open(&servers).map_err(broken)?;
    let (sent, counter) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&sent);
    tasks::spawn_thread("producer", move || {
        let beat = Duration::from_secs(BEAT_SECONDS as u64) / speed;
        let mut due = Instant::now();
        while !shutdown.is_requested() {
            let begin = counter.fetch_add(ROWS_PER_BEAT, Ordering::Relaxed);
            for id in begin..begin + ROWS_PER_BEAT {
                if let Err(error) = send_one(&producer, TOPIC, &record(&listings, id), (id % partitions as u64) as i32) {
                    eprintln!("the producer stops: {error}");
                    return;
                }
            }
            counted.store(begin + ROWS_PER_BEAT, Ordering::Relaxed);
            due += beat;
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    })?;
    Ok(sent)
}

/// A producer on these brokers.
pub(crate) fn open(servers: &str) -> Result<Sender, KafkaError> {
    ClientConfig::new().set("bootstrap.servers", servers).set("linger.ms", "5").set("log_level", "0").create()
}

/// Hands one record to the producer, waiting while its queue is full. A negative partition leaves the choice to the producer.
pub(crate) fn send_one(producer: &Sender, topic: &str, payload: &str, partition: i32) -> Result<(), KafkaError> {
    let mut message = BaseRecord::<(), str>::to(topic).payload(payload);
    if partition >= 0 {
        message = message.partition(partition);
    }
    loop {
        match producer.send(message) {
            Ok(()) => return Ok(()),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                message = back;
                std::thread::sleep(Duration::from_millis(5));
            }
            Err((error, _)) => return Err(error),
        }
    }
}

fn broken(error: KafkaError) -> Failure {
    Failure::new(format!("the demo's rows cannot be sent: {error}"))
}
