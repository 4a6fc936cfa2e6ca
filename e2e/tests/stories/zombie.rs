//! A TaskManager that stands still past its heartbeat and then wakes: whatever it still wants to write, nobody sees it.

use anyhow::Result;
use irmak_e2e::cluster::Layout;
use irmak_e2e::expect;
use irmak_e2e::produce::Feed;
use irmak_e2e::scenario::{self, PARTITIONS};
use irmak_e2e::wait::{seconds, stays};

#[test]
fn a_task_manager_that_wakes_after_its_timeout_writes_nothing() -> Result<()> {
    scenario::run("zombie", |s| {
        let kafka = s.kafka()?;
        let mut cluster = s.cluster(Layout::of(3, 1).quick_heartbeat())?;
        let client = cluster.client()?;
        let feed = Feed::start(kafka, &s.listings, &s.topic(), PARTITIONS, 2_000)?;
        let job = client.submit(&s.script(kafka)?.impatient(500)?.write(s.dir(), "kdv")?, 2)?;
        client.wait_checkpoints(&job, 3, seconds(30))?;
        let mut output = s.output();
        for _ in 0..2 {
            let zombie = cluster.busy_task_managers()?[0];
            cluster.task_manager(zombie)?.freeze()?;
            cluster.wait_slots(2)?;
            // Its successor has taken over and committed before it wakes.
            client.wait_state(&job, "RUNNING", seconds(30))?;
            client.wait_checkpoints(&job, 3, seconds(30))?;
            cluster.task_manager(zombie)?.thaw()?;
            stays("the visible files", seconds(3), || output.look().map(|_| ()))?;
            // It registers anew by itself, or has ended and is started by whoever looks after it.
            cluster.restart_dead()?;
            cluster.wait_slots(3)?;
        }
        let rows = feed.finish()?;
        let expected = expect::bounded(&s.listings, expect::closed_rows(&s.listings, rows, PARTITIONS));
        output.wait_exact(&expected, seconds(60))?;
        client.wait_checkpoints(&job, 2, seconds(30))?;
        output.unchanged()?;
        cluster.nobody_panicked()
    })
}
