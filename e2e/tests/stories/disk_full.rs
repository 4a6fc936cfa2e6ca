//! The sink's disk is full: the job says so, keeps what was committed, and goes on when there is room again.

use std::fs;

use anyhow::{Result, ensure};
use irmak_e2e::cluster::Layout;
use irmak_e2e::disk::SmallDisk;
use irmak_e2e::scenario::{self, PARTITIONS};
use irmak_e2e::wait::{Seen, seconds, until};
use irmak_e2e::{expect, produce};

#[test]
fn a_full_disk_stops_the_job_in_words_and_room_heals_it() -> Result<()> {
    scenario::run("disk-full", |s| {
        // 26,400 rows are about 2 MB of CSV.
        const ROWS: u32 = 26_400;
        let kafka = s.kafka()?;
        produce::rows(kafka, &s.listings, &s.topic(), PARTITIONS, ROWS, s.dir())?;
        fs::create_dir_all(s.output_dir())?;
        let disk = SmallDisk::mount(&s.output_dir(), 1_024)?;
        let mut cluster = s.cluster(Layout::of(2, 1))?;
        let client = cluster.client()?;
        let job = client.submit(&s.script(kafka)?.bounded()?.impatient(500)?.write(s.dir(), "kdv")?, 2)?;
        let path = s.output_dir().display().to_string();
        until("a sentence about the full disk", seconds(40), || {
            let words = client.words(&job);
            let said = words.contains(&path) && (words.contains("No space left") || words.to_lowercase().contains("disk"));
            Ok(if said { Seen::Yes(()) } else { Seen::NotYet(words) })
        })?;
        let mut output = s.output();
        output.look()?;
        let state = client.state(&job)?;
        ensure!(state != "FINISHED", "the job finished on a full disk");
        disk.resize(65_536)?;
        client.wait_state(&job, "FINISHED", seconds(60))?;
        output.wait_exact(&expect::bounded(&s.listings, ROWS), seconds(5))?;
        cluster.never_crashed()
    })
}
