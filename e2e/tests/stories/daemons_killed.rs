//! kill -9 of TaskManagers, of the JobManager, and of both, while rows keep coming: LOST=0, DUP=0.

use std::thread::sleep;

use anyhow::Result;
use irmak_e2e::cluster::{Cluster, Layout};
use irmak_e2e::expect;
use irmak_e2e::produce::Feed;
use irmak_e2e::random::Random;
use irmak_e2e::scenario::{self, PARTITIONS};
use irmak_e2e::wait::seconds;

/// A spare TaskManager, so that a job need not wait for the one that was killed.
fn layout() -> Layout {
    Layout::of(3, 1).quick_heartbeat()
}

/// Rows come in, `blow` falls `blows` times at random moments, and every row of the closed windows must be there once.
fn survives(name: &str, seed: u64, blows: u32, mut blow: impl FnMut(&mut Cluster, &mut Random) -> Result<()>) -> Result<()> {
    scenario::run(name, |s| {
        let mut random = Random::seeded(seed);
        let kafka = s.kafka()?;
        let mut cluster = s.cluster(layout())?;
        let client = cluster.client()?;
        let feed = Feed::start(kafka, &s.listings, &s.topic(), PARTITIONS, 2_000)?;
        let job = client.submit(&s.script(kafka)?.impatient(500)?.write(s.dir(), "kdv")?, 2)?;
        client.wait_state(&job, "RUNNING", seconds(20))?;
        client.wait_checkpoints(&job, 1, seconds(20))?;
        let mut output = s.output();
        for _ in 0..blows {
            sleep(random.millis(200, 2_500));
            blow(&mut cluster, &mut random)?;
            output.look()?;
        }
        client.wait_state(&job, "RUNNING", seconds(30))?;
        let rows = feed.finish()?;
        let closed = expect::closed_rows(&s.listings, rows, PARTITIONS);
        output.wait_exact(&expect::bounded(&s.listings, closed), seconds(60))?;
        // Two more checkpoints make nothing else visible.
        client.wait_checkpoints(&job, 2, seconds(30))?;
        output.unchanged()?;
        eprintln!("{name}: {blows} blows, {rows} rows sent, LOST=0 DUP=0 of {closed} due");
        cluster.nobody_panicked()
    })
}

fn kill_a_busy_task_manager(cluster: &mut Cluster, random: &mut Random) -> Result<()> {
    let busy = cluster.busy_task_managers()?;
    let victim = busy[random.below(busy.len() as u64) as usize];
    cluster.task_manager(victim)?.kill()?;
    sleep(random.millis(0, 800));
    cluster.task_manager(victim)?.start_again()
}

fn kill_the_job_manager(cluster: &mut Cluster, random: &mut Random) -> Result<()> {
    cluster.job_manager().kill()?;
    sleep(random.millis(0, 800));
    cluster.job_manager().start_again()
}

#[test]
fn twenty_killed_task_managers_lose_and_double_nothing() -> Result<()> {
    survives("killed-taskmanagers", 20, 20, kill_a_busy_task_manager)
}

#[test]
fn a_killed_job_manager_loses_and_doubles_nothing() -> Result<()> {
    survives("killed-jobmanager", 21, 5, kill_the_job_manager)
}

#[test]
fn both_daemons_killed_at_once_lose_and_double_nothing() -> Result<()> {
    survives("killed-both", 22, 4, |cluster, random| {
        let victim = random.below(3) as usize;
        cluster.job_manager().kill()?;
        cluster.task_manager(victim)?.kill()?;
        sleep(random.millis(0, 800));
        // Either may be back first.
        if random.below(2) == 0 {
            cluster.task_manager(victim)?.start_again()?;
            sleep(random.millis(0, 500));
            cluster.job_manager().start_again()
        } else {
            cluster.job_manager().start_again()?;
            sleep(random.millis(0, 500));
            cluster.task_manager(victim)?.start_again()
        }
    })
}
