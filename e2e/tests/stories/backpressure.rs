//! A consumer that stands still slows its producers, and nothing grows while it does.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use irmak_e2e::client::Client;
use irmak_e2e::cluster::Layout;
use irmak_e2e::scenario::{self, PARTITIONS};
use irmak_e2e::wait::{seconds, until, when};
use irmak_e2e::{expect, produce};

/// Rows that wait behind the one that stands still: 1.2 M, about 200 MB of JSON, half of it for the one that goes on.
const FLOOD: u32 = 1_200_000;
/// What the TaskManager that goes on may grow by, in bytes: its queues, bounded, and an allocator's slack; far less than its share.
const GROWTH_MAX: u64 = 64 << 20;

#[test]
fn a_frozen_consumer_stops_the_source_and_memory_stays_flat() -> Result<()> {
    scenario::run("backpressure", |s| {
        const FIRST: u32 = 5_280;
        let kafka = s.kafka()?;
        produce::rows(kafka, &s.listings, &s.topic(), PARTITIONS, FIRST, s.dir())?;
        // Nobody declares the frozen one dead, however long the flood takes to be sent.
        let mut cluster = s.cluster(Layout::of(2, 1).with("heartbeat.timeout", "30 min"))?;
        let client = cluster.client()?;
        let job = client
            .submit(&s.script(kafka)?.impatient(1_000)?.set("execution.checkpointing.timeout", "10 min").write(s.dir(), "kdv")?, 2)?;
        client.wait_checkpoints(&job, 2, seconds(30))?;
        cluster.task_manager(1)?.freeze()?;
        let before = cluster.task_manager(0)?.resident_bytes()?;
        produce::more_rows(kafka, &s.listings, &s.topic(), PARTITIONS, FIRST..FIRST + FLOOD, s.dir())?;
        let (mut most, mut read, mut since) = (before, 0, Instant::now());
        // Not one row more for five seconds: the sources stand still, and not because they are through.
        until("the sources to stand still behind their consumer", seconds(60), || {
            most = most.max(cluster.task_manager(0)?.resident_bytes()?);
            let now = records_sent(&client, &job)?;
            if now != read {
                (read, since) = (now, Instant::now());
            }
            when(since.elapsed() >= seconds(5), || format!("{read} rows read, the last {:?} ago", since.elapsed()))
        })?;
        ensure!(read < u64::from(FLOOD), "the sources read {read} rows while their consumer stands still");
        ensure!(most - before <= GROWTH_MAX, "memory grew from {before} to {most} bytes behind a consumer that stands still");
        cluster.task_manager(1)?.thaw()?;
        let closed = expect::closed_rows(&s.listings, FIRST + FLOOD, PARTITIONS);
        s.output().wait_exact(&expect::bounded(&s.listings, closed), seconds(120))?;
        eprintln!("grew by {} KiB behind a consumer that stood still", (most - before) / 1024);
        cluster.never_crashed()
    })
}

/// Rows that the sources have handed on.
fn records_sent(client: &Client, job: &str) -> Result<u64> {
    let details = client.get(&format!("/jobs/{job}"))?;
    let sent = details["vertices"].as_array().into_iter().flatten().filter_map(|vertex| vertex["metrics"]["write-records"].as_u64()).max();
    sent.with_context(|| format!("no write-records in {details}"))
}
