//! The peer: the reference job as a person would write it by hand, one row at a time. Kafka in, CSV out, nothing else.
//!
//! It has everything that the job's result needs (a watermark per partition, a set per window, Flink's CSV bytes) and nothing of what a
//! cluster adds: no checkpoints, no restart, no exchange, no other query. It reads every partition from its beginning to the end that it
//! has at the start, closes all windows and ends. Its result is compared like Irmak's.
//!
//! usage: handwritten BROKERS TOPIC OUTPUT-FOLDER

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use hashbrown::HashSet;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde::Deserialize;

const WINDOW_MS: i64 = 120_000;
const DELAY_MS: i64 = 5_000;
const TIMEOUT: Duration = Duration::from_secs(30);

// The allocator that Irmak has.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A record as it lies in the topic.
#[derive(Deserialize)]
struct Listing<'a> {
    id: i32,
    product: String,
    description: String,
    price: i32,
    kdv: f64,
    timestamp_column: &'a str,
}

/// What the job groups by, its window aside. Doubles by their bits, which can be hashed.
#[derive(PartialEq, Eq, Hash)]
struct Row {
    id: i32,
    product: String,
    description: String,
    price: i32,
    kdv: u64,
    price_with_kdv: u64,
}

/// How far a partition was read.
struct Progress {
    /// The offset behind its last row.
    end: i64,
    /// Its newest row; `i64::MAX` when it has been read to its end and holds nothing back.
    newest_ms: i64,
}

fn main() -> ExitCode {
    match run() {
        Ok((rows, late)) => {
            println!("{rows} rows, {late} late");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The whole job; returns how many rows were read and how many of them were late.
fn run() -> Result<(u64, u64)> {
    let args: Vec<String> = std::env::args().collect();
    let [_, brokers, topic, folder] = args.as_slice() else { bail!("usage: handwritten BROKERS TOPIC OUTPUT-FOLDER") };
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "handwritten")
        .set("enable.auto.commit", "false")
        // As Irmak's source; with the default (1 s) a fast reader waits for a fetcher that found its queue full.
        .set("queued.min.messages", "65536")
        .set("queued.max.messages.kbytes", "32768")
        .set("fetch.queue.backoff.ms", "5")
        .create()?;
    let mut partitions = assign(&consumer, topic)?;
    let mut open: BTreeMap<i64, HashSet<Row>> = BTreeMap::new();
    let mut out = Output::create(Path::new(folder))?;
    let (mut rows, mut late, mut watermark) = (0, 0, i64::MIN);
    while partitions.iter().any(|partition| partition.newest_ms != i64::MAX) {
        let message = consumer.poll(TIMEOUT).context("nothing from Kafka for 30 s")??;
        let listing: Listing = serde_json::from_slice(message.payload().unwrap_or_default())?;
        let time = millis(listing.timestamp_column)?;
        let start = time.div_euclid(WINDOW_MS) * WINDOW_MS;
        rows += 1;
        if start + WINDOW_MS - 1 <= watermark {
            late += 1;
        } else {
            let price_with_kdv = f64::from(listing.price) * (1.0 + listing.kdv);
            open.entry(start).or_default().insert(Row {
                id: listing.id,
                product: listing.product,
                description: listing.description,
                price: listing.price,
                kdv: listing.kdv.to_bits(),
                price_with_kdv: price_with_kdv.to_bits(),
            });
        }
        let partition = partitions.get_mut(message.partition() as usize).context("a partition appeared")?;
        let done = message.offset() + 1 >= partition.end;
        let newest = if done { i64::MAX } else { partition.newest_ms.max(time) };
        if newest > partition.newest_ms {
            partition.newest_ms = newest;
            watermark = partitions.iter().map(|partition| partition.newest_ms).min().unwrap_or(i64::MAX).saturating_sub(DELAY_MS);
            while let Some(window) = open.first_entry().filter(|window| window.key() + WINDOW_MS - 1 <= watermark) {
                let (start, rows) = window.remove_entry();
                out.write(start, &rows)?;
            }
        }
    }
    out.finish()?;
    Ok((rows, late))
}

/// Takes every partition of the topic from its beginning; returns where each ends now, by number.
fn assign(consumer: &BaseConsumer, topic: &str) -> Result<Vec<Progress>> {
    let metadata = consumer.fetch_metadata(Some(topic), TIMEOUT)?;
    let count = metadata.topics().first().map_or(0, |topic| topic.partitions().len()) as i32;
    ensure!(count > 0, "no topic {topic}");
    let mut list = TopicPartitionList::new();
    let mut partitions = Vec::new();
    for number in 0..count {
        let (low, end) = consumer.fetch_watermarks(topic, number, TIMEOUT)?;
        list.add_partition_offset(topic, number, Offset::Beginning)?;
        partitions.push(Progress { end, newest_ms: if low == end { i64::MAX } else { i64::MIN } });
    }
    consumer.assign(&list)?;
    Ok(partitions)
}

/// The one CSV file.
struct Output {
    csv: csv::Writer<File>,
    field: Vec<u8>,
}

impl Output {
    fn create(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let file = File::create(folder.join("part-00000000-0000-0000-0000-000000000000-0-0"))?;
        // The fields arrive quoted by Flink's rule, which the crate does not have.
        let mut builder = csv::WriterBuilder::new();
        builder.quote_style(csv::QuoteStyle::Never).terminator(csv::Terminator::Any(b'\n')).buffer_capacity(1 << 16);
        Ok(Self { csv: builder.from_writer(file), field: Vec::new() })
    }

    /// Writes the rows of the window that starts at `start` milliseconds.
    fn write(&mut self, start: i64, rows: &HashSet<Row>) -> Result<()> {
        let start = format!("\"{}\"", irmak_e2e::listings::timestamp(start));
        for row in rows {
            self.number(row.id)?;
            self.text(&row.product)?;
            self.text(&row.description)?;
            self.number(row.price)?;
            self.double(f64::from_bits(row.kdv))?;
            self.double(f64::from_bits(row.price_with_kdv))?;
            self.csv.write_field(&start)?;
            self.csv.write_record(None::<&[u8]>)?;
        }
        Ok(())
    }

    fn number(&mut self, value: i32) -> Result<()> {
        self.field.clear();
        write!(self.field, "{value}")?;
        Ok(self.csv.write_field(&self.field)?)
    }

    /// A text as Flink quotes it: when long, or when it holds a character up to the comma, a backslash or a line break.
    fn text(&mut self, value: &str) -> Result<()> {
        let quoted = value.is_empty() || value.bytes().any(|b| b <= b',' || b == b'\\') || value.encode_utf16().count() > 24;
        if !quoted {
            return Ok(self.csv.write_field(value)?);
        }
        self.field.clear();
        self.field.push(b'"');
        for byte in value.bytes() {
            self.field.extend(std::iter::repeat_n(byte, if byte == b'"' { 2 } else { 1 }));
        }
        self.field.push(b'"');
        Ok(self.csv.write_field(&self.field)?)
    }

    /// A double as Java prints it: ryu's digits, and an exponent from 10^7 up and below 10^-3.
    fn double(&mut self, value: f64) -> Result<()> {
        if (1e-3..1e7).contains(&value.abs()) || value == 0.0 {
            return Ok(self.csv.write_field(ryu::Buffer::new().format(value))?);
        }
        let text = format!("{value:E}");
        let (digits, exponent) = text.split_once('E').unwrap_or((&text, "0"));
        self.field.clear();
        write!(self.field, "{digits}{}E{exponent}", if digits.contains('.') { "" } else { ".0" })?;
        Ok(self.csv.write_field(&self.field)?)
    }

    fn finish(mut self) -> Result<()> {
        Ok(self.csv.flush()?)
    }
}

/// Milliseconds since the epoch of `yyyy-MM-dd HH:mm:ss`.
///
/// Source of the calendar: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
fn millis(text: &str) -> Result<i64> {
    let bytes = text.as_bytes();
    ensure!(bytes.len() == 19, "not a timestamp: {text}");
    let number = |from: usize, to: usize| -> Result<i64> {
        let mut value = 0;
        for byte in &bytes[from..to] {
            ensure!(byte.is_ascii_digit(), "not a timestamp: {text}");
            value = value * 10 + i64::from(byte - b'0');
        }
        Ok(value)
    };
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468;
    Ok((days * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_read_back_to_its_milliseconds() {
        for ms in [0, 1_739_691_600_000, 951_782_400_000, 1_735_689_599_000, 4_102_444_799_000] {
            assert_eq!(millis(&irmak_e2e::listings::timestamp(ms)).unwrap(), ms);
        }
        assert!(millis("2025-02-16").is_err());
        assert!(millis("2025-02-16 07:4x:00").is_err());
    }
}
