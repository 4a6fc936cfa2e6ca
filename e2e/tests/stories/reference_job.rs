//! The reference job, undisturbed: Flink's bytes, at any parallelism, and nothing visible before its checkpoint.

use anyhow::{Result, ensure};
use irmak_e2e::cluster::Layout;
use irmak_e2e::expect;
use irmak_e2e::produce::{self, Feed};
use irmak_e2e::scenario::{self, PARTITIONS};
use irmak_e2e::wait::{Seen, seconds, stays, until};

/// Ten windows of 24 beats of 22 rows.
const ROWS: u32 = 5_280;

#[test]
fn the_reference_job_over_two_task_managers_writes_flinks_bytes() -> Result<()> {
    scenario::run("reference-job", |s| {
        let kafka = s.kafka()?;
        produce::rows(kafka, &s.listings, &s.topic(), PARTITIONS, ROWS, s.dir())?;
        let script = s.script(kafka)?.bounded()?.write(s.dir(), "kdv")?;
        let mut cluster = s.cluster(Layout::of(2, 1))?;
        let said = cluster.client()?.run(&script, 2, seconds(60))?;
        ensure!(said.code == Some(0), "the job failed: {}", said.all());
        let mut output = s.output();
        output.wait_exact(&expect::bounded(&s.listings, ROWS), seconds(5))?;
        ensure!(output.hidden_files()? == 0, "hidden files are left after the job's end");
        cluster.never_crashed()
    })
}

#[test]
fn any_parallelism_over_four_partitions_gives_the_same_rows() -> Result<()> {
    scenario::run("reference-parallelism", |s| {
        let kafka = s.kafka()?;
        produce::rows(kafka, &s.listings, &s.topic(), PARTITIONS, ROWS, s.dir())?;
        let mut cluster = s.cluster(Layout::of(2, 3))?;
        for parallelism in [1, 3, 6] {
            let path = s.dir().join(format!("output-{parallelism}"));
            let script = irmak_e2e::script::Script::reference(&s.topic(), &kafka.address(), &path)?.bounded()?;
            let said = cluster.client()?.run(&script.write(s.dir(), &format!("kdv-{parallelism}"))?, parallelism, seconds(60))?;
            ensure!(said.code == Some(0), "the job at parallelism {parallelism} failed: {}", said.all());
            irmak_e2e::compare::Folder::new(&path).wait_exact(&expect::bounded(&s.listings, ROWS), seconds(5))?;
        }
        cluster.never_crashed()
    })
}

#[test]
fn a_file_is_visible_only_once_its_checkpoint_is_complete_and_a_cancelled_job_leaves_it() -> Result<()> {
    scenario::run("reference-live", |s| {
        let kafka = s.kafka()?;
        let feed = Feed::start(kafka, &s.listings, &s.topic(), PARTITIONS, 2_000)?;
        let script = s.script(kafka)?.impatient(6_000)?.write(s.dir(), "kdv")?;
        let mut cluster = s.cluster(Layout::of(2, 1))?;
        let client = cluster.client()?;
        let job = client.submit(&script, 2)?;
        client.wait_state(&job, "RUNNING", seconds(20))?;
        let mut output = s.output();
        let mut waited_hidden = false;
        until("visible files", seconds(40), || {
            // In this order: a file that was seen needs a checkpoint that completed before.
            let files = output.look()?;
            waited_hidden |= files == 0 && output.hidden_files()? > 0;
            let completed = client.checkpoints_completed(&job)?;
            assert!(files == 0 || completed > 0, "{files} files are visible and no checkpoint is complete");
            Ok(if files > 0 { Seen::Yes(()) } else { Seen::NotYet(format!("{completed} checkpoints")) })
        })?;
        ensure!(waited_hidden, "rows were never held in a hidden file before their checkpoint");
        let rows = feed.finish()?;
        let expected = expect::bounded(&s.listings, expect::closed_rows(&s.listings, rows, PARTITIONS));
        output.wait_exact(&expected, seconds(60))?;
        client.cancel(&job)?;
        client.wait_state(&job, "CANCELED", seconds(20))?;
        stays("the visible files", seconds(2), || output.unchanged())?;
        ensure!(output.verdict(&expected).exact(), "{}", output.verdict(&expected));
        cluster.never_crashed()
    })
}
