//! What a TaskManager does when its JobManager is away, late, new, old or strange.

use std::time::Duration;

use irmak_proto::v1;
use irmak_proto::v1::task_manager_command::Command;
use irmak_proto::v1::task_manager_event::Event;
use irmak_runtime::shutdown::Shutdown;

use super::jobmanager::{Attached, FakeJobManager, config, daemon};
use super::jobs::{Job, rows};

/// A lease that no test outlives, on no machine.
const LONG_MS: u64 = 600_000;
/// A lease that a test waits out.
const SHORT_MS: u64 = 1_500;

/// Deploys a small job to one TaskManager and waits until all its tasks have ended; they stay until they are told to finish.
async fn with_a_job(member: &mut Attached) {
    let address = member.register.data_address.clone();
    for task in Job::new(rows(100, 5), 1).descriptors(|_, _| address.clone()) {
        member.deploy(&task).await;
    }
    let mut ended = 0;
    while ended < 3 {
        match member.event().await.unwrap() {
            Event::TaskEnded(_) => ended += 1,
            Event::TaskState(changed) => assert_eq!(changed.failure, ""),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_go_on_while_the_jobmanager_restarts_and_are_listed_when_it_is_back() {
    let jobmanager = FakeJobManager::start().await;
    let _daemon = daemon(&jobmanager);
    let mut member = jobmanager.accept(LONG_MS).await;
    with_a_job(&mut member).await;
    let (address, id) = (jobmanager.address.clone(), member.register.task_manager.clone());
    jobmanager.kill();
    drop((jobmanager, member));

    let jobmanager = FakeJobManager::start_at(&address).await;
    let mut member = jobmanager.accept(LONG_MS).await;
    assert_eq!(member.register.task_manager, id);
    let states: Vec<_> = member.register.running.iter().map(|task| task.state.as_str()).collect();
    assert_eq!(states, ["RUNNING"; 3]);
    // What the broken stream may have swallowed is said again.
    let mut ended = 0;
    while ended < 3 {
        ended += usize::from(matches!(member.event().await, Some(Event::TaskEnded(_))));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_are_cancelled_when_the_jobmanager_is_away_for_too_long() {
    let jobmanager = FakeJobManager::start().await;
    let _daemon = daemon(&jobmanager);
    let mut member = jobmanager.accept(LONG_MS).await;
    let keeps = member.register.task_manager.clone();
    with_a_job(&mut member).await;
    member.registered(SHORT_MS).await;
    // What it answers, it says after it has heard that.
    member.heartbeat().await;
    while !matches!(member.event().await, Some(Event::Heartbeat(_)) | None) {}
    let address = jobmanager.address.clone();
    jobmanager.kill();
    drop((jobmanager, member));
    tokio::time::sleep(Duration::from_millis(2 * SHORT_MS)).await;

    let jobmanager = FakeJobManager::start_at(&address).await;
    let member = jobmanager.accept(LONG_MS).await;
    assert_eq!(member.register.running, []);
    assert_ne!(member.register.task_manager, keeps, "whoever lost its tasks is another TaskManager");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_jobmanager_loses_its_tasks_although_the_stream_is_open() {
    let jobmanager = FakeJobManager::start().await;
    let _daemon = daemon(&jobmanager);
    let mut member = jobmanager.accept(LONG_MS).await;
    with_a_job(&mut member).await;
    member.registered(SHORT_MS).await;
    let again = jobmanager.accept(LONG_MS).await;
    assert_eq!(again.register.running, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_of_an_older_leader_is_refused() {
    let jobmanager = FakeJobManager::start().await;
    let _daemon = daemon(&jobmanager);
    let mut member = jobmanager.knock().await;
    member.epoch = 7;
    member.order(Command::Registered(v1::Registered { heartbeat_interval_ms: 100, heartbeat_timeout_ms: LONG_MS })).await;
    member.epoch = 6;
    member.heartbeat().await;
    assert!(member.event_within(Duration::from_millis(200)).await.is_none());
    member.epoch = 7;
    member.heartbeat().await;
    assert!(matches!(member.event().await, Some(Event::Heartbeat(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_for_good_ends_the_task_manager_with_its_reason() {
    let jobmanager = FakeJobManager::start().await;
    let daemon = daemon(&jobmanager);
    let mut member = jobmanager.knock().await;
    member.order(Command::Refused(v1::Refused { reason: "version 9 is expected".to_owned(), retry: false })).await;
    let error = daemon.running.await.unwrap().unwrap_err().to_string();
    assert!(error.contains("refused this TaskManager: version 9 is expected"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_that_may_pass_is_tried_again() {
    let jobmanager = FakeJobManager::start().await;
    let _daemon = daemon(&jobmanager);
    let mut member = jobmanager.knock().await;
    member.order(Command::Refused(v1::Refused { reason: "starting".to_owned(), retry: true })).await;
    jobmanager.accept(LONG_MS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_descriptor_that_cannot_be_read_fails_its_task() {
    let jobmanager = FakeJobManager::start().await;
    let _daemon = daemon(&jobmanager);
    let mut member = jobmanager.accept(LONG_MS).await;
    let task = &Job::new(rows(1, 1), 1).descriptors(|_, _| String::new())[0];
    let mut json: serde_json::Value = serde_json::to_value(task).unwrap();
    json["chain"][0]["spec"] = serde_json::json!({"Telepathy": {}});
    member.order(Command::Deploy(v1::Deploy { task: serde_json::to_vec(&json).unwrap() })).await;
    let Some(Event::TaskState(changed)) = member.event().await else { panic!("a state was expected") };
    assert!(changed.state == "FAILED" && changed.failure.contains("is the peer of another version?"), "{changed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_is_not_here_is_cancelled_at_once() {
    let jobmanager = FakeJobManager::start().await;
    let _daemon = daemon(&jobmanager);
    let mut member = jobmanager.accept(LONG_MS).await;
    let task = &Job::new(rows(1, 1), 1).descriptors(|_, _| String::new())[0];
    member.cancel(task.attempt).await;
    assert!(matches!(member.event().await, Some(Event::TaskState(changed)) if changed.state == "CANCELED"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_attempt_starts_when_the_older_one_is_gone() {
    let jobmanager = FakeJobManager::start().await;
    let _daemon = daemon(&jobmanager);
    let mut member = jobmanager.accept(LONG_MS).await;
    with_a_job(&mut member).await;
    let address = member.register.data_address.clone();
    let mut job = Job::new(rows(100, 5), 1);
    job.attempt = 1;
    for task in job.descriptors(|_, _| address.clone()) {
        member.deploy(&task).await;
    }
    let mut states = Vec::new();
    while states.iter().filter(|(_, state)| state == "RUNNING").count() < 3 {
        if let Some(Event::TaskState(changed)) = member.event().await {
            states.push((changed.attempt.unwrap().attempt, changed.state));
        }
    }
    let begins = states.iter().position(|(attempt, _)| *attempt == 1).unwrap();
    assert_eq!(states[..begins].iter().filter(|state| **state == (0, "CANCELED".to_owned())).count(), 3, "{states:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = config("127.0.0.1:1");
    config.data_port = taken.local_addr().unwrap().port();
    let error = irmak_taskmanager::run(config, Shutdown::new()).await.unwrap_err().to_string();
    assert!(error.contains("taskmanager.data.port"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_ends_a_task_manager_with_running_tasks_soon() {
    let jobmanager = FakeJobManager::start().await;
    let daemon = daemon(&jobmanager);
    let mut member = jobmanager.accept(LONG_MS).await;
    with_a_job(&mut member).await;
    daemon.shutdown.trigger();
    tokio::time::timeout(Duration::from_secs(30), daemon.running).await.unwrap().unwrap().unwrap();
}
