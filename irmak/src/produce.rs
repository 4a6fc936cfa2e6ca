//! `irmak produce`: the sample listings into a topic, with the time of the moment as event time, for trying the reference job on a
//! Kafka cluster of one's own.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use irmak_common::duration::parse_duration;
use irmak_runtime::{clock, telemetry};
use rdkafka::producer::Producer;

use crate::Failure;
use crate::demo::listings::{ROWS_PER_BEAT, TOPIC, listings, record_at};
use crate::demo::producer::{open, send_one};

/// `irmak produce`
#[derive(Clone, Debug, Args)]
pub(crate) struct ProduceArgs {
    /// Kafka's brokers
    #[arg(long, value_name = "HOST:PORT", default_value = "localhost:9092")]
    brokers: String,
    /// The topic; brokers that create topics by themselves will
    #[arg(long, default_value = TOPIC)]
    topic: String,
    /// Stop after so many rows
    #[arg(long, value_name = "N")]
    rows: Option<u64>,
    /// Time between two beats of 22 rows
    #[arg(long, value_name = "DURATION", default_value = "5 s", value_parser = |text: &str| parse_duration(text).map_err(|error| error.to_string()))]
    beat: Duration,
}

/// Sends until all rows are sent, or for ever.
pub(crate) fn produce(args: ProduceArgs) -> Result<ExitCode, Failure> {
    telemetry::init("warn");
    let (listings, producer) = (listings()?, open(&args.brokers)?);
    let rows = args.rows.unwrap_or(u64::MAX);
    println!("sending to topic {} at {}, {ROWS_PER_BEAT} rows every {:?}", args.topic, args.brokers, args.beat);
    let (mut id, mut due) = (0, Instant::now());
    while id < rows {
        let seconds = clock::now_ms().div_euclid(1_000);
        for id in id..rows.min(id + ROWS_PER_BEAT) {
            send_one(&producer, &args.topic, &record_at(&listings, id, seconds), -1)?;
        }
        id = rows.min(id + ROWS_PER_BEAT);
        due += args.beat;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
    producer.flush(Duration::from_secs(30))?;
    println!("sent {id} rows");
    Ok(ExitCode::SUCCESS)
}
