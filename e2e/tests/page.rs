//! The page in headless Chromium, on a real cluster that runs the reference job from a real broker.

use anyhow::{Result, ensure};
use irmak_e2e::browser::check_page;
use irmak_e2e::cluster::Layout;
use irmak_e2e::produce::Feed;
use irmak_e2e::scenario::{self, PARTITIONS};
use irmak_e2e::wait::seconds;

#[test]
fn the_page_shows_a_running_job_and_cancels_it() -> Result<()> {
    scenario::run("page", |s| {
        let kafka = s.kafka()?;
        let feed = Feed::start(kafka, &s.listings, &s.topic(), PARTITIONS, 1_000)?;
        let mut cluster = s.cluster(Layout::of(2, 2))?;
        let client = cluster.client()?;
        let job = client.submit(&s.script(kafka)?.impatient(1_000)?.write(s.dir(), "kdv")?, 2)?;
        client.wait_checkpoints(&job, 2, seconds(30))?;
        println!("{}", check_page(&client.url(), &s.dir().join("screenshots"), &["--cancel"])?);
        ensure!(client.state(&job)? == "CANCELED", "the page cancelled the job and REST says {}", client.state(&job)?);
        drop(feed);
        cluster.never_crashed()
    })
}
