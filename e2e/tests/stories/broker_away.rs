//! The broker goes and comes back; the job says so, waits, and goes on by itself.

use std::thread::sleep;

use anyhow::{Result, ensure};
use irmak_e2e::cluster::Layout;
use irmak_e2e::expect;
use irmak_e2e::produce::{self, Feed};
use irmak_e2e::scenario::{self, PARTITIONS};
use irmak_e2e::wait::{Seen, seconds, until};

#[test]
fn a_broker_away_for_twenty_seconds_costs_no_row() -> Result<()> {
    scenario::run("broker-away", |s| {
        let mut kafka = s.own_kafka()?;
        let feed = Feed::start(&kafka, &s.listings, &s.topic(), PARTITIONS, 1_000)?;
        let mut cluster = s.cluster(Layout::of(2, 1))?;
        let client = cluster.client()?;
        let job = client.submit(&s.script(&kafka)?.impatient(500)?.write(s.dir(), "kdv")?, 2)?;
        client.wait_checkpoints(&job, 2, seconds(30))?;
        let mut output = s.output();
        kafka.stop()?;
        let address = kafka.address();
        for _ in 0..20 {
            sleep(seconds(1));
            output.look()?;
            let state = client.state(&job)?;
            ensure!(
                state == "RUNNING" || state == "RESTARTING",
                "the job is {state} while the broker is away: {}",
                client.root_cause(&job)
            );
        }
        until("a word about the broker that is away", seconds(10), || {
            let words = client.words(&job);
            Ok(if words.contains(&address) { Seen::Yes(()) } else { Seen::NotYet(words) })
        })?;
        kafka.start_again()?;
        let rows = feed.finish()?;
        let expected = expect::bounded(&s.listings, expect::closed_rows(&s.listings, rows, PARTITIONS));
        output.wait_exact(&expected, seconds(60))?;
        client.wait_state(&job, "RUNNING", seconds(10))?;
        cluster.never_crashed()
    })
}

#[test]
fn a_job_waits_for_a_broker_that_comes_later() -> Result<()> {
    scenario::run("broker-later", |s| {
        const ROWS: u32 = 1_100;
        let mut kafka = s.own_kafka()?;
        produce::rows(&kafka, &s.listings, &s.topic(), PARTITIONS, ROWS, s.dir())?;
        kafka.stop()?;
        let mut cluster = s.cluster(Layout::of(1, 2))?;
        let client = cluster.client()?;
        let job = client.submit(&s.script(&kafka)?.bounded()?.write(s.dir(), "kdv")?, 2)?;
        let address = kafka.address();
        until("a sentence about the broker that is away", seconds(20), || {
            let words = client.words(&job);
            Ok(if words.contains(&address) { Seen::Yes(()) } else { Seen::NotYet(words) })
        })?;
        let state = client.state(&job)?;
        ensure!(!["FAILED", "FINISHED", "CANCELED"].contains(&state.as_str()), "the job is {state} before its broker is there");
        kafka.start_again()?;
        client.wait_state(&job, "FINISHED", seconds(60))?;
        s.output().wait_exact(&expect::bounded(&s.listings, ROWS), seconds(5))?;
        cluster.never_crashed()
    })
}
