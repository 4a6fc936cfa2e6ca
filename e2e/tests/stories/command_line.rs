//! The command line and the daemons' start: exit codes that mean something, and answers in words.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};
use irmak_e2e::cluster::Layout;
use irmak_e2e::process::{output, tied};
use irmak_e2e::scenario::{self, PARTITIONS};
use irmak_e2e::wait::seconds;
use irmak_e2e::{expect, places, ports, produce};

#[test]
fn a_second_job_manager_on_a_taken_port_ends_and_names_the_port() -> Result<()> {
    scenario::run("port-in-use", |s| {
        let port = ports::free()?;
        let _holder = std::net::TcpListener::bind(("127.0.0.1", port))?;
        let mut command = tied(&places::binary()?);
        command.args(["jobmanager", "-D", &format!("rest.port={port}"), "-D", &format!("jobmanager.rpc.port={}", ports::free()?)]);
        command.args(["-D", &format!("state.checkpoints.dir={}", places::uri(&s.dir().join("checkpoints")))]).current_dir(s.dir());
        let said = output(command, seconds(20))?;
        ensure!(matches!(said.code, Some(code) if code != 0), "{}", said.all());
        for word in [port.to_string().as_str(), "rest.port", "-D rest.port=PORT"] {
            ensure!(said.stderr.contains(word), "stderr lacks `{word}`: {}", said.all());
        }
        let mut command = tied(&places::binary()?);
        command.args(["taskmanager", "-D", &format!("taskmanager.data.port={port}")]).current_dir(s.dir());
        let said = output(command, seconds(20))?;
        ensure!(matches!(said.code, Some(code) if code != 0), "{}", said.all());
        for word in [port.to_string().as_str(), "taskmanager.data.port", "-D taskmanager.data.port=PORT"] {
            ensure!(said.stderr.contains(word), "stderr lacks `{word}`: {}", said.all());
        }
        Ok(())
    })
}

#[test]
fn a_bad_value_in_the_configuration_names_key_value_and_what_is_accepted() -> Result<()> {
    scenario::run("bad-configuration", |s| {
        let mut command = tied(&places::binary()?);
        command.args(["jobmanager", "-D", "rest.port=eighty"]).current_dir(s.dir());
        let said = output(command, seconds(20))?;
        ensure!(matches!(said.code, Some(code) if code != 0), "{}", said.all());
        for word in ["rest.port", "eighty"] {
            ensure!(said.stderr.contains(word), "stderr lacks `{word}`: {}", said.all());
        }
        Ok(())
    })
}

#[test]
fn a_job_beyond_the_slots_waits_and_a_new_task_manager_starts_it() -> Result<()> {
    scenario::run("slots-short", |s| {
        let kafka = s.kafka()?;
        produce::rows(kafka, &s.listings, &s.topic(), PARTITIONS, 1_100, s.dir())?;
        let mut cluster = s.cluster(Layout::of(2, 1))?;
        let client = cluster.client()?;
        cluster.task_manager(1)?.kill()?;
        cluster.wait_slots(1)?;
        let job = client.submit(&s.script(kafka)?.bounded()?.write(s.dir(), "kdv")?, 2)?;
        irmak_e2e::wait::until("a sentence about the slot that is missing", seconds(10), || {
            let message = client.get(&format!("/jobs/{job}"))?["irmak"]["message"].to_string();
            irmak_e2e::wait::when(message.contains("slot"), || message.clone())
        })?;
        ensure!(client.state(&job)? == "CREATED", "a job without slots is {}", client.state(&job)?);
        cluster.task_manager(1)?.start_again()?;
        client.wait_state(&job, "FINISHED", seconds(60))?;
        s.output().wait_exact(&expect::bounded(&s.listings, 1_100), seconds(5))?;
        cluster.nobody_panicked()
    })
}

#[test]
fn the_local_target_runs_the_same_file_in_one_process() -> Result<()> {
    scenario::run("local-target", |s| {
        let kafka = s.kafka()?;
        produce::rows(kafka, &s.listings, &s.topic(), PARTITIONS, 1_100, s.dir())?;
        let script = s.script(kafka)?.bounded()?.write(s.dir(), "kdv")?;
        let mut command = tied(&places::binary()?);
        command.args(["run", "-t", "local", "-p", "2"]).arg(&script).current_dir(s.dir());
        let said = output(command, seconds(60))?;
        ensure!(said.code == Some(0), "{}", said.all());
        s.output().wait_exact(&expect::bounded(&s.listings, 1_100), seconds(5))
    })
}

#[test]
fn an_unknown_file_job_or_cluster_gets_a_non_zero_exit_and_a_sentence() -> Result<()> {
    scenario::run("unknown-things", |s| {
        let cluster = s.cluster(Layout::of(1, 1))?;
        let client = cluster.client()?;
        let nobody = "0123456789abcdef0123456789abcdef";
        let said = client.irmak("cancel", &[nobody], seconds(10))?;
        ensure!(matches!(said.code, Some(code) if code != 0) && said.stderr.contains(nobody), "cancel of no job: {}", said.all());
        let said = client.run(Path::new("nowhere.sql"), 1, seconds(10))?;
        ensure!(matches!(said.code, Some(code) if code != 0) && said.stderr.contains("nowhere.sql"), "run of no file: {}", said.all());
        fs::write(s.dir().join("nothing.sql"), "-- nothing\n")?;
        let said = client.run(&s.dir().join("nothing.sql"), 1, seconds(10))?;
        ensure!(said.code.is_some(), "an empty script: {}", said.all());
        fs::write(s.dir().join("one.sql"), "SELECT 1 AS x;\n")?;
        let said = client.run(&s.dir().join("one.sql"), 1, seconds(20))?;
        ensure!(said.code == Some(0), "a query: {}", said.all());
        let over = client.get("/jobs")?["jobs"][0]["id"].as_str().unwrap_or_default().to_owned();
        let said = client.irmak("cancel", &[&over], seconds(10))?;
        let words = format!("job {over} is FINISHED: there is nothing to cancel");
        ensure!(said.code == Some(1) && said.stderr.contains(&words), "cancel of a job that is over: {}", said.all());
        let said = client.irmak("list", &[], seconds(10))?;
        ensure!(said.code == Some(0), "list: {}", said.all());
        Ok(())
    })
}

#[test]
fn the_demo_checks_itself_and_leaves_no_process_behind() -> Result<()> {
    scenario::run("demo-once", |s| {
        let mut command = tied(&places::binary()?);
        command.args(["demo", "--once", "--rows", "1056", "-D", &format!("rest.port={}", ports::free()?)]).current_dir(s.dir());
        // A mark in the environment finds its children again.
        let mark = format!("IRMAK_TEST_MARK={}-{}", std::process::id(), s.topic());
        let (name, value) = mark.split_once('=').unwrap_or_default();
        command.env(name, value);
        let said = output(command, seconds(90))?;
        ensure!(said.code == Some(0), "{}", said.all());
        let left: Vec<String> = fs::read_dir("/proc")?
            .flatten()
            .filter(|entry| {
                fs::read(entry.path().join("environ")).is_ok_and(|bytes| bytes.split(|b| *b == 0).any(|pair| pair == mark.as_bytes()))
            })
            .map(|entry| fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default().replace('\0', " "))
            .collect();
        ensure!(left.is_empty(), "processes are left behind: {left:?}");
        Ok(())
    })
}
