//! A daemon that dies between the steps of a commit: each named point once, in a binary built with the feature `kill-points`.
//!
//! The first process that reaches the point named by `IRMAK_KILL_POINT` kills itself and leaves a marker in `IRMAK_KILL_MARKER_DIR`, so that
//! it does so once; whoever died is started again.

use std::fs;

use anyhow::{Result, ensure};
use irmak_e2e::cluster::Layout;
use irmak_e2e::expect;
use irmak_e2e::produce::Feed;
use irmak_e2e::scenario::{self, PARTITIONS};
use irmak_e2e::wait::{Seen, seconds};

fn dies_once_and_keeps_every_row(point: &str) -> Result<()> {
    scenario::run(&format!("kill-point-{point}"), |s| {
        let kafka = s.kafka()?;
        let markers = s.dir().join("markers");
        fs::create_dir_all(&markers)?;
        // Some windows are closed before the first checkpoint, so that there is something to commit when the point is first reached.
        let feed = Feed::start(kafka, &s.listings, &s.topic(), PARTITIONS, 3_000)?;
        let layout = Layout::of(2, 2).quick_heartbeat();
        let layout = layout.with_env("IRMAK_KILL_POINT", point).with_env("IRMAK_KILL_MARKER_DIR", &markers.display().to_string());
        let mut cluster = s.cluster(layout)?;
        let client = cluster.client()?;
        let script = s.script(kafka)?.impatient(1_000)?.write(s.dir(), "kdv")?;
        let job = client.submit(&script, 2)?;
        let restarts = cluster.supervise(&format!("a daemon to die at {point}, and to be back"), seconds(30), |restarts| {
            let marked = fs::read_dir(&markers)?.count();
            Ok(if marked > 0 && restarts > 0 { Seen::Yes(()) } else { Seen::NotYet(format!("{marked} markers, {restarts} restarts")) })
        })?;
        ensure!(restarts == 1, "{restarts} processes died at {point}, one expected");
        client.wait_state(&job, "RUNNING", seconds(30))?;
        client.wait_checkpoints(&job, 2, seconds(30))?;
        let rows = feed.finish()?;
        let expected = expect::bounded(&s.listings, expect::closed_rows(&s.listings, rows, PARTITIONS));
        let mut output = s.output();
        output.wait_exact(&expected, seconds(60))?;
        client.wait_checkpoints(&job, 2, seconds(30))?;
        output.unchanged()?;
        cluster.nobody_panicked()
    })
}

#[test]
fn death_before_the_pre_commit_keeps_every_row() -> Result<()> {
    dies_once_and_keeps_every_row("before-pre-commit")
}

#[test]
fn death_after_the_pre_commit_keeps_every_row() -> Result<()> {
    dies_once_and_keeps_every_row("after-pre-commit")
}

#[test]
fn death_before_the_manifest_keeps_every_row() -> Result<()> {
    dies_once_and_keeps_every_row("before-manifest")
}

#[test]
fn death_after_the_manifest_keeps_every_row() -> Result<()> {
    dies_once_and_keeps_every_row("after-manifest")
}

#[test]
fn death_before_the_commit_keeps_every_row() -> Result<()> {
    dies_once_and_keeps_every_row("before-commit")
}

#[test]
fn death_amid_the_commit_keeps_every_row() -> Result<()> {
    dies_once_and_keeps_every_row("mid-commit")
}

#[test]
fn death_after_the_commit_keeps_every_row() -> Result<()> {
    dies_once_and_keeps_every_row("after-commit")
}
