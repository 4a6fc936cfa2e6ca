//! Rows into Kafka, by kcat: at once ([`rows`], [`lines`]) or while the cluster runs ([`Feed`]).
//!
//! Row `id` goes to partition `id % partitions`, so that every partition moves on in event time and a test knows how far.

use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};

use crate::kafka::Kafka;
use crate::listings::Listings;
use crate::process::{output, spawn, tied};
use crate::wait::seconds;

/// Sends rows `0..count` and returns when the broker has all of them. `dir` takes the files between.
pub fn rows(kafka: &Kafka, listings: &Listings, topic: &str, partitions: u32, count: u32, dir: &Path) -> Result<()> {
    more_rows(kafka, listings, topic, partitions, 0..count, dir)
}

/// Sends rows `ids`, after others were sent before. `ids` starts at a multiple of `partitions`.
pub fn more_rows(kafka: &Kafka, listings: &Listings, topic: &str, partitions: u32, ids: Range<u32>, dir: &Path) -> Result<()> {
    for partition in 0..partitions {
        let text: String = (ids.start + partition..ids.end).step_by(partitions as usize).map(|id| listings.json(id) + "\n").collect();
        send(kafka, topic, partition, text.as_bytes(), dir)?;
    }
    Ok(())
}

/// Sends lines to one partition, one message a line, in their order.
pub fn lines<S: AsRef<str>>(kafka: &Kafka, topic: &str, partition: u32, lines: &[S], dir: &Path) -> Result<()> {
    let text: String = lines.iter().flat_map(|line| [line.as_ref(), "\n"]).collect();
    send(kafka, topic, partition, text.as_bytes(), dir)
}

fn send(kafka: &Kafka, topic: &str, partition: u32, text: &[u8], dir: &Path) -> Result<()> {
    let file = dir.join(format!("{topic}-{partition}.jsonl"));
    fs::write(&file, text)?;
    let mut kcat = tied(Path::new("kcat"));
    kcat.args(["-P", "-b", &kafka.address(), "-t", topic, "-p", &partition.to_string()]);
    kcat.args(["-X", "linger.ms=20", "-X", "batch.size=200000", "-X", "message.max.bytes=73400320", "-l"]).arg(&file);
    let said = output(kcat, seconds(120))?;
    ensure!(said.code == Some(0), "producing to {topic}: {}", said.all());
    fs::remove_file(&file)?;
    Ok(())
}

/// Every message of a topic, from the beginning to its end now; only committed ones.
pub fn read_back(kafka: &Kafka, topic: &str) -> Result<Vec<String>> {
    let mut kcat = tied(Path::new("kcat"));
    kcat.args(["-C", "-b", &kafka.address(), "-t", topic, "-o", "beginning", "-e", "-q", "-X", "isolation.level=read_committed"]);
    let said = output(kcat, seconds(60))?;
    ensure!(said.code == Some(0), "reading {topic}: {}", said.all());
    Ok(said.stdout.lines().map(str::to_owned).collect())
}

/// The first `count` messages of a topic, or all that there are: a topic that grows all the while has no end to wait for.
pub fn first_rows(kafka: &Kafka, topic: &str, count: u32) -> Result<Vec<String>> {
    let mut kcat = tied(Path::new("kcat"));
    kcat.args(["-C", "-b", &kafka.address(), "-t", topic, "-o", "beginning", "-e", "-q", "-c", &count.to_string()]);
    let said = output(kcat, seconds(60))?;
    ensure!(said.code == Some(0), "reading {topic}: {}", said.all());
    Ok(said.stdout.lines().map(str::to_owned).collect())
}

/// Every record of a topic as (key, value), from the beginning to its end now; only committed ones. Neither may hold a tab or a line break.
pub fn read_back_keyed(kafka: &Kafka, topic: &str) -> Result<Vec<(String, String)>> {
    let mut kcat = tied(Path::new("kcat"));
    kcat.args(["-C", "-b", &kafka.address(), "-t", topic, "-o", "beginning", "-e", "-q", "-X", "isolation.level=read_committed"]);
    kcat.args(["-f", "%k\t%s\n"]);
    let said = output(kcat, seconds(60))?;
    ensure!(said.code == Some(0), "reading {topic}: {}", said.all());
    let pair = |line: &str| line.split_once('\t').map(|(key, value)| (key.to_owned(), value.to_owned()));
    said.stdout.lines().map(|line| pair(line).with_context(|| format!("no tab in {line}"))).collect()
}

/// A producer that goes on at its own pace until it is told to stop, also while the broker is away.
pub struct Feed {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU32>,
    writer: Option<JoinHandle<Result<()>>>,
    children: Vec<Child>,
}

impl Feed {
    /// Sends rows 0, 1, 2, ... at `rows_per_second`, one idempotent kcat a partition.
    pub fn start(kafka: &Kafka, listings: &Listings, topic: &str, partitions: u32, rows_per_second: u32) -> Result<Self> {
        let mut children = Vec::new();
        let mut pipes = Vec::new();
        for partition in 0..partitions {
            let mut kcat = tied(Path::new("kcat"));
            // -E: a broker that is away is no reason to end.
            kcat.args(["-P", "-E", "-b", &kafka.address(), "-t", topic, "-p", &partition.to_string()]);
            kcat.args(["-X", "enable.idempotence=true", "-X", "linger.ms=5", "-X", "reconnect.backoff.max.ms=1000"]);
            kcat.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = spawn(kcat)?;
            pipes.push(child.stdin.take().context("kcat has no standard input")?);
            children.push(child);
        }
        let stop = Arc::new(AtomicBool::new(false));
        let sent = Arc::new(AtomicU32::new(0));
        let writer = thread::spawn({
            let (stop, sent, listings) = (Arc::clone(&stop), Arc::clone(&sent), listings.clone());
            move || write(&listings, pipes, rows_per_second, &stop, &sent)
        });
        Ok(Self { stop, sent, writer: Some(writer), children })
    }

    /// How many rows were handed to kcat.
    pub fn sent(&self) -> u32 {
        self.sent.load(Ordering::Acquire)
    }

    /// Stops, waits until the broker has everything, and returns how many rows there are.
    pub fn finish(mut self) -> Result<u32> {
        self.stop.store(true, Ordering::Release);
        if let Some(writer) = self.writer.take() {
            writer.join().map_err(|_| anyhow!("the feed's writer panicked"))??;
        }
        for child in &mut self.children {
            let status = child.wait()?;
            ensure!(status.success(), "a feeding kcat ended with {status}");
        }
        Ok(self.sent())
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Writes what is due every 20 ms; the pipes close when it returns.
fn write(listings: &Listings, mut pipes: Vec<ChildStdin>, rows_per_second: u32, stop: &AtomicBool, sent: &AtomicU32) -> Result<()> {
    let start = Instant::now();
    let partitions = pipes.len() as u32;
    let mut next = 0;
    while !stop.load(Ordering::Acquire) {
        let due = (start.elapsed().as_secs_f64() * f64::from(rows_per_second)) as u32;
        let mut text = vec![String::new(); pipes.len()];
        for id in next..due {
            text[(id % partitions) as usize] += &(listings.json(id) + "\n");
        }
        for (pipe, text) in pipes.iter_mut().zip(&text) {
            pipe.write_all(text.as_bytes()).context("a feeding kcat is gone")?;
        }
        next = next.max(due);
        sent.store(next, Ordering::Release);
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
