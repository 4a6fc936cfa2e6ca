//! The harness itself, against the real broker: if this fails, no other failure means anything.

use std::collections::BTreeSet;

use anyhow::Result;
use irmak_e2e::wait::{Seen, seconds, until};
use irmak_e2e::{produce, scenario};

#[test]
fn a_real_broker_gives_back_every_row_in_its_partition() -> Result<()> {
    scenario::run("harness-rows", |s| {
        let kafka = s.kafka()?;
        produce::rows(kafka, &s.listings, &s.topic(), scenario::PARTITIONS, 1_001, s.dir())?;
        let got: BTreeSet<String> = produce::read_back(kafka, &s.topic())?.into_iter().collect();
        let sent: BTreeSet<String> = (0..1_001).map(|id| s.listings.json(id)).collect();
        assert_eq!(got, sent);
        Ok(())
    })
}

#[test]
fn a_feed_delivers_while_it_runs_and_over_a_broker_that_was_killed() -> Result<()> {
    scenario::run("harness-feed", |s| {
        let mut kafka = s.own_kafka()?;
        let feed = produce::Feed::start(&kafka, &s.listings, &s.topic(), scenario::PARTITIONS, 1_000)?;
        until("rows of the feed in the topic", seconds(20), || {
            let rows = produce::first_rows(&kafka, &s.topic(), 101)?.len();
            Ok(if rows > 100 { Seen::Yes(()) } else { Seen::NotYet(format!("{rows} rows")) })
        })?;
        kafka.kill()?;
        std::thread::sleep(seconds(3));
        kafka.start_again()?;
        std::thread::sleep(seconds(1));
        let rows = feed.finish()?;
        let got: BTreeSet<String> = produce::read_back(&kafka, &s.topic())?.into_iter().collect();
        let sent: BTreeSet<String> = (0..rows).map(|id| s.listings.json(id)).collect();
        assert!(rows > 3_000, "{rows} rows");
        let (lost, strange) = (sent.difference(&got).count(), got.difference(&sent).count());
        assert!(lost == 0 && strange == 0, "{lost} of {rows} rows are lost, {strange} were never sent");
        Ok(())
    })
}
