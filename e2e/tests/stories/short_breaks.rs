//! What must not take long, and what must not matter: a killed TaskManager, a JobManager that stood still, a restart seen in its history.

use std::fs;

use anyhow::{Result, ensure};
use irmak_e2e::client::Client;
use irmak_e2e::cluster::Layout;
use irmak_e2e::scenario::{self, Scenario};
use irmak_e2e::wait::{Seen, seconds, stays, until, when};

/// An endless job with checkpoints twice a second.
fn endless(s: &Scenario, client: &Client) -> Result<String> {
    let script = s.dir().join("endless.sql");
    fs::write(
        &script,
        "SET 'execution.checkpointing.interval' = '500 ms';
         CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '10');
         CREATE TABLE nowhere (n BIGINT) WITH ('connector' = 'blackhole');
         INSERT INTO nowhere SELECT n FROM numbers;\n",
    )?;
    let job = client.submit(&script, 1)?;
    client.wait_state(&job, "RUNNING", seconds(20))?;
    client.wait_checkpoints(&job, 2, seconds(20))?;
    Ok(job)
}

#[test]
fn a_killed_task_manager_is_missed_at_once_and_not_after_its_heartbeat() -> Result<()> {
    scenario::run("missed-at-once", |s| {
        // Silence would be noticed long after this story has given up.
        let layout = Layout::of(2, 1).with("heartbeat.interval", "10 s").with("heartbeat.timeout", "30 min");
        let mut cluster = s.cluster(layout)?;
        let client = cluster.client()?;
        let job = endless(s, &client)?;
        let busy = cluster.busy_task_managers()?[0];
        cluster.task_manager(busy)?.kill()?;
        until("the job to run on the other TaskManager", seconds(20), || {
            let others = cluster.busy_task_managers()?;
            let state = client.state(&job)?;
            when(state == "RUNNING" && !others.contains(&busy), || format!("{state} on {others:?}"))
        })?;
        client.wait_checkpoints(&job, 1, seconds(20))?;
        ensure!(client.root_cause(&job).contains("its connection ended"), "{}", client.root_cause(&job));
        cluster.nobody_panicked()
    })
}

#[test]
fn a_job_manager_that_stood_still_loses_no_task_manager_and_restarts_no_job() -> Result<()> {
    scenario::run("paused-jobmanager", |s| {
        // It wakes long before the TaskManager's lease (30 s) or connection (10 s) runs out, also where a second takes two.
        let layout = Layout::of(1, 1).with("heartbeat.interval", "500 ms").with("heartbeat.timeout", "30 s");
        let mut cluster = s.cluster(layout)?;
        let client = cluster.client()?;
        let job = endless(s, &client)?;
        for _ in 0..2 {
            cluster.job_manager().freeze()?;
            std::thread::sleep(seconds(4));
            cluster.job_manager().thaw()?;
            client.wait_checkpoints(&job, 2, seconds(20))?;
        }
        stays("the job", seconds(3), || {
            let state = client.state(&job)?;
            ensure!(state == "RUNNING", "it is {state}");
            Ok(())
        })?;
        let failures = client.get(&format!("/jobs/{job}/exceptions"))?;
        ensure!(failures["exceptionHistory"]["entries"].as_array().is_some_and(Vec::is_empty), "{failures}");
        cluster.never_crashed()
    })
}

#[test]
fn a_restarted_job_manager_still_knows_the_checkpoints_before_it() -> Result<()> {
    scenario::run("history-kept", |s| {
        let mut cluster = s.cluster(Layout::of(1, 1).quick_heartbeat())?;
        let client = cluster.client()?;
        let job = endless(s, &client)?;
        client.wait_checkpoints(&job, 3, seconds(20))?;
        let history = |client: &Client| -> Result<Vec<(u64, String, i64)>> {
            let shown = client.get(&format!("/jobs/{job}/checkpoints"))?;
            let entries = shown["history"].as_array().cloned().unwrap_or_default();
            let facts = |entry: &serde_json::Value| {
                let status = entry["status"].as_str().unwrap_or_default().to_owned();
                Some((entry["id"].as_u64()?, status, entry["end_to_end_duration"].as_i64()?))
            };
            Ok(entries.iter().filter_map(facts).collect())
        };
        let before = history(&client)?;
        cluster.job_manager().kill()?;
        cluster.job_manager().start_again()?;
        let after = until("the job to go on", seconds(20), || {
            let state = client.state(&job)?;
            Ok(if state == "RUNNING" { Seen::Yes(history(&client)?) } else { Seen::NotYet(state) })
        })?;
        let completed: Vec<_> = before.iter().filter(|(_, status, _)| status == "COMPLETED").collect();
        ensure!(completed.len() >= 4, "too few to tell: {before:?}");
        let oldest_kept = after.iter().map(|(id, _, _)| *id).min().unwrap_or_default();
        let missing: Vec<_> = completed.iter().filter(|entry| entry.0 >= oldest_kept && !after.contains(entry)).collect();
        ensure!(missing.is_empty() && after.len() >= completed.len().min(9), "missing {missing:?}: {before:?} became {after:?}");
        client.wait_checkpoints(&job, 1, seconds(20))?;
        cluster.nobody_panicked()
    })
}
