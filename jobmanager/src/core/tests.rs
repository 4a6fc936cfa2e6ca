//! The core as a table: a script of (time, what happens), and the commands that must follow, one `check()` for all.

pub(crate) mod setup;

use std::sync::Arc;

use irmak_common::checkpoint::{SnapshotStats, StateHandle, TaskSnapshot};
use irmak_common::id::{AttemptId, CheckpointId, JobId, TaskManagerId};
use irmak_common::job_graph::{JobGraph, RestartStrategy};
use irmak_common::status::{ExecutionState, JobStatus};
use irmak_common::time::Millis;

use super::checkpoint_history::Outcome;
use super::event::{Command, Event, Peer, Registration, Session};
use super::record::{Image, NewJob, Record, Submission};
use super::{Core, Settings};
use setup::{JOB, graph, subtask, words};

pub(crate) fn settings() -> Settings {
    Settings {
        heartbeat_timeout_ms: 50_000,
        reconcile_timeout_ms: 10_000,
        cancellation_timeout_ms: 30_000,
        checkpoint_dir: "file:///c".into(),
    }
}

/// A cluster of TaskManagers `a`, `b`, ... and the books of one JobManager.
pub(crate) struct World {
    pub(crate) core: Core,
    pub(crate) image: Image,
    pub(crate) said: Vec<(Millis, String)>,
    now: Millis,
}

impl World {
    pub(crate) fn new() -> Self {
        let image = Image::default();
        let (core, _) = Core::recover(settings(), 0, &image);
        Self { core, image, said: Vec::new(), now: 0 }
    }

    pub(crate) fn apply(&mut self, event: Event) -> Vec<Command> {
        let commands = self.core.on_event(self.now, event);
        self.note(&commands);
        commands
    }

    fn note(&mut self, commands: &[Command]) {
        for command in commands {
            if let Command::Journal(record) = command {
                // What is journalled must survive its own text.
                let text = serde_json::to_string(record).unwrap();
                self.image.apply(serde_json::from_str::<Record>(&text).unwrap());
            }
            self.said.extend(words(command).map(|words| (self.now, words)));
        }
    }

    fn submit(&mut self, graph: JobGraph, id: JobId, after: Option<JobId>) {
        let job = NewJob { id, graph: Arc::new(graph), after, restore_from: None };
        let submission = Submission { id: id.to_string(), jobs: vec![job], outcomes: Vec::new() };
        self.apply(Event::Submit(Box::new(submission)));
    }

    /// One line of a script: see [`check`].
    fn step(&mut self, line: &str) {
        let parts: Vec<&str> = line.split_whitespace().collect();
        let attempt_no: u32 = parts.iter().find_map(|part| part.strip_prefix('#')).map_or(0, |n| n.parse().unwrap());
        let task = |text: &str| AttemptId { job: JOB, subtask: subtask(text), attempt: attempt_no };
        let state = |from: Peer, text: &str, state| Event::TaskState {
            from,
            attempt: task(text),
            state,
            failure: Some("it broke".into()),
            unrecoverable: parts.contains(&"for-good"),
            at: 0,
        };
        let id = |text: &str| CheckpointId(text.parse().unwrap());
        match parts[..] {
            ["submit", parallelism] => self.submit(graph(parallelism.parse().unwrap()), JOB, None),
            ["submit-once", parallelism] => {
                let mut graph = graph(parallelism.parse().unwrap());
                graph.options.restart = RestartStrategy::None;
                self.submit(graph, JOB, None);
            }
            ["submit-plain", parallelism] => {
                let mut graph = graph(parallelism.parse().unwrap());
                graph.options.checkpointing = None;
                self.submit(graph, JOB, None);
            }
            ["submit-after", other] => self.submit(graph(1), JobId::of_text(other), Some(JOB)),
            ["register", manager, slots, ref running @ ..] => self.register(manager, slots, running),
            ["gone", manager] => drop(self.apply(Event::StreamEnded(peer(manager)))),
            ["running", manager, text, ..] => drop(self.apply(state(peer(manager), text, ExecutionState::Running))),
            ["failed", manager, text, ..] => drop(self.apply(state(peer(manager), text, ExecutionState::Failed))),
            ["canceled", manager, text, ..] => drop(self.apply(state(peer(manager), text, ExecutionState::Canceled))),
            ["finished", manager, text, ..] => drop(self.apply(state(peer(manager), text, ExecutionState::Finished))),
            ["ended", manager, text, ..] => drop(self.apply(Event::Ended { from: peer(manager), attempt: task(text) })),
            ["ack", manager, text, checkpoint, ..] => {
                let object = parts.iter().find(|part| part.starts_with("file:")).map(|uri| StateHandle::Object {
                    uri: (*uri).to_owned(),
                    size: 1,
                    checksum: 0,
                });
                let snapshot = Box::new(TaskSnapshot { subtask: subtask(text), state: object, stats: SnapshotStats::default() });
                self.apply(Event::Acknowledged { from: peer(manager), attempt: task(text), checkpoint: id(checkpoint), snapshot });
            }
            ["decline", manager, text, checkpoint, ..] => {
                let reason = "disk full".to_owned();
                self.apply(Event::Declined { from: peer(manager), attempt: task(text), checkpoint: id(checkpoint), reason });
            }
            ["committed", manager, text, checkpoint, ..] => {
                self.apply(Event::Committed { from: peer(manager), attempt: task(text), checkpoint: id(checkpoint) });
            }
            ["written", checkpoint] => drop(self.apply(Event::ManifestWritten { job: JOB, checkpoint: id(checkpoint) })),
            ["unwritten", checkpoint] => {
                self.apply(Event::ManifestFailed { job: JOB, checkpoint: id(checkpoint), reason: "no answer".into() });
            }
            ["loaded"] => drop(self.apply(Event::CheckpointsLoaded { job: JOB, loaded: Ok(Vec::new()) })),
            ["cancel"] => drop(self.apply(Event::Cancel(JOB))),
            ["stop"] => drop(self.apply(Event::Stop(JOB))),
            ["restart-jobmanager"] => {
                let (core, commands) = Core::recover(settings(), self.now, &self.image.clone());
                self.core = core;
                self.note(&commands);
            }
            ["tick"] => drop(self.apply(Event::Tick)),
            _ => panic!("no such step: {line}"),
        }
    }

    fn register(&mut self, manager: &str, slots: &str, running: &[&str]) {
        let (name, _) = manager.split_once('@').unwrap_or((manager, ""));
        let running = running.chunks(3).map(|entry| {
            let attempt: u32 = entry[1].strip_prefix('#').unwrap().parse().unwrap();
            (AttemptId { job: JOB, subtask: subtask(entry[0]), attempt }, ExecutionState::Running, entry[2].parse().unwrap())
        });
        let registration = Registration {
            peer: peer(manager),
            slots: slots.parse().unwrap(),
            data_address: format!("{name}.host:1"),
            memory_bytes: 0,
            cpu_cores: 1,
            running: running.collect(),
        };
        self.apply(Event::Registered(registration));
    }

    pub(crate) fn status(&self) -> JobStatus {
        self.core.job(JOB).unwrap().status
    }
}

/// `a` is the first stream of TaskManager a, `a@2` its second.
pub(crate) fn peer(text: &str) -> Peer {
    let (id, session) = text.split_once('@').unwrap_or((text, "1"));
    Peer { id: TaskManagerId(id.into()), session: Session(session.parse().unwrap()) }
}

/// Runs a script, one step a line, each behind the milliseconds at which it happens; compares what follows the line `...`.
fn check(script: &str, expected: &str, status: JobStatus) {
    let mut world = World::new();
    let mut from = 0;
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if line == "..." {
            from = world.said.len();
            continue;
        }
        let (at, step) = line.split_once(' ').unwrap();
        world.now = at.parse().unwrap();
        world.step(step);
    }
    let said = in_any_order_at_once(world.said[from..].iter().map(|(at, words)| format!("{at} {words}")).collect());
    let expected = in_any_order_at_once(expected.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect());
    assert_eq!(said, expected, "\n{}", said.join("\n"));
    assert_eq!(world.status(), status);
}

/// Orders of one kind that are given at one time have no order among each other: they are sorted.
fn in_any_order_at_once(mut lines: Vec<String>) -> Vec<String> {
    let kind = |line: &str| {
        let mut words = line.split_whitespace();
        (words.next().map(str::to_owned), words.next().is_some_and(|who| who.ends_with(':')).then(|| words.next().map(str::to_owned)))
    };
    lines.chunk_by_mut(|a, b| kind(a) == kind(b)).for_each(<[String]>::sort);
    lines
}

/// A job of one subtask a vertex, deployed and running on `a` since time 10.
const RUNNING: &str = "
    0 register a 1
    0 submit 1
    10 running a source/0
    10 running a sink/0
";

/// The same, with checkpoint 1 complete.
const CHECKPOINTED: &str = "
    0 register a 1
    0 submit 1
    10 running a source/0
    10 running a sink/0
    1010 tick
    1020 ack a source/0 1
    1020 ack a sink/0 1
    1030 written 1
";

#[test]
fn a_job_waits_for_slots_and_a_new_task_manager_starts_it() {
    check(
        "0 submit 2
         1 register a 1
         2 register b 1",
        "2 b: deploy sink/1#0
         2 a: deploy sink/0#0
         2 b: deploy source/1#0
         2 a: deploy source/0#0",
        JobStatus::Running,
    );
    check("0 submit 2\n 1 register a 1", "", JobStatus::Created);
}

fn words_of(order: &[&str]) -> String {
    order.join("\n")
}

#[test]
fn a_checkpoint_begins_only_when_all_run_and_completes_with_the_last_acknowledgement() {
    check(
        "0 register a 1
         0 submit 1
         10 running a source/0
         5000 tick
         6000 running a sink/0
         6900 tick
         ...
         7000 tick
         7010 ack a source/0 1
         7010 ack a source/0 1
         7020 ack a sink/0 1
         7030 written 1",
        "7000 a: Checkpoint 1 at source/0
         7020 write 1
         7030 a: commit 1 at source/0
         7030 a: commit 1 at sink/0",
        JobStatus::Running,
    );
}

#[test]
fn an_old_checkpoint_goes_when_a_new_one_is_complete() {
    check(
        &format!(
            "{CHECKPOINTED}
             ...
             2010 tick
             2020 ack a source/0 2
             2020 ack a sink/0 2
             2030 written 2"
        ),
        "2010 a: Checkpoint 2 at source/0
         2020 write 2
         2030 a: commit 2 at source/0
         2030 a: commit 2 at sink/0
         2030 delete 1",
        JobStatus::Running,
    );
}

#[test]
fn a_bounded_job_ends_with_a_final_checkpoint_that_all_have_committed() {
    check(
        &format!(
            "{RUNNING}
             ...
             20 ended a source/0
             30 ended a sink/0
             40 ack a source/0 1
             40 ack a sink/0 1
             50 written 1
             60 committed a source/0 1
             70 committed a sink/0 1
             80 finished a source/0
             90 finished a sink/0"
        ),
        "30 a: Final 1 at source/0
         40 write 1
         50 a: commit 1 at source/0
         50 a: commit 1 at sink/0
         70 a: finish source/0
         70 a: finish sink/0
         90 ended FINISHED
         90 delete 1",
        JobStatus::Finished,
    );
}

#[test]
fn a_job_without_state_and_checkpoints_ends_without_a_manifest() {
    check(
        "0 register a 1
         0 submit-plain 1
         10 running a source/0
         10 running a sink/0
         6000 tick
         ...
         7000 ended a source/0
         7000 ended a sink/0
         7001 ack a source/0 1
         7001 ack a sink/0 1",
        "7000 a: Final 1 at source/0
         7001 a: commit 1 at source/0
         7001 a: commit 1 at sink/0",
        JobStatus::Running,
    );
}

#[test]
fn the_final_checkpoint_waits_for_the_one_under_way() {
    check(
        &format!(
            "{RUNNING}
             1010 tick
             1011 ended a source/0
             1012 ended a sink/0
             ...
             1020 ack a source/0 1
             1020 ack a sink/0 1
             1030 written 1"
        ),
        "1020 write 1
         1030 a: commit 1 at source/0
         1030 a: commit 1 at sink/0
         1030 a: Final 2 at source/0",
        JobStatus::Running,
    );
}

#[test]
fn a_failure_that_would_come_again_ends_the_job_at_once() {
    check(
        &format!(
            "{CHECKPOINTED}
             ...
             1100 failed a source/0 for-good
             1110 canceled a sink/0
             9999 tick"
        ),
        "1100 a: cancel sink/0#0
         1110 ended FAILED",
        JobStatus::Failed,
    );
}

#[test]
fn a_late_acknowledgement_takes_nothing_away_from_a_complete_checkpoint() {
    check(
        "0 register a 1
             0 submit 1
             10 running a source/0
             10 running a sink/0
             1010 tick
             1020 ack a source/0 1 file:///c/1
             1020 ack a sink/0 1
             1030 written 1
             ...
             1040 ack a source/0 1 file:///c/1
             1050 ack a source/0 7 file:///c/7",
        "1050 delete file:///c/7",
        JobStatus::Running,
    );
}

#[test]
fn what_the_manifests_name_is_unknown_to_a_new_jobmanager_so_it_deletes_nothing() {
    check(
        &format!(
            "{CHECKPOINTED}
             1100 restart-jobmanager
             1110 register a@2 1 source/0 #0 0 sink/0 #0 0
             ...
             1120 ack a@2 source/0 2 file:///c/2"
        ),
        "",
        JobStatus::Reconciling,
    );
}

#[test]
fn a_new_jobmanager_shows_the_checkpoints_that_the_old_one_knew() {
    let mut world = World::new();
    let script = "0 register a 1
        0 submit 1
        10 running a source/0
        10 running a sink/0
        1010 tick
        1020 ack a source/0 1
        1020 ack a sink/0 1
        1030 written 1
        2010 tick
        2020 decline a sink/0 2
        2040 canceled a source/0
        2040 canceled a sink/0
        2100 restart-jobmanager";
    for line in script.lines().map(str::trim) {
        let (at, step) = line.split_once(' ').unwrap();
        world.now = at.parse().unwrap();
        world.step(step);
    }
    let checkpoints = &world.core.job(JOB).unwrap().checkpoints;
    let shown: Vec<_> = checkpoints.history().map(|entry| (entry.id.0, entry.outcome == Outcome::Completed, entry.duration_ms())).collect();
    assert_eq!(shown, [(2, false, 10), (1, true, 10)]);
    let counts = checkpoints.counts();
    assert_eq!((counts.total, counts.completed, counts.failed), (2, 1, 1));
}

#[test]
fn a_failed_task_restarts_the_job_from_its_checkpoint_when_the_others_are_gone() {
    check(
        &format!(
            "{CHECKPOINTED}
             ...
             1100 failed a source/0
             1300 tick
             1400 canceled a sink/0"
        ),
        "1100 a: cancel sink/0#0
         1400 a: deploy sink/0#1 from 1
         1400 a: deploy source/0#1 from 1",
        JobStatus::Running,
    );
}

#[test]
fn a_restart_waits_for_its_delay() {
    check(
        &format!(
            "{CHECKPOINTED}
             1100 failed a source/0
             1110 canceled a sink/0
             ...
             1199 tick
             1200 tick"
        ),
        "1200 a: deploy sink/0#1 from 1
         1200 a: deploy source/0#1 from 1",
        JobStatus::Running,
    );
}

#[test]
fn a_lost_task_manager_restarts_the_job_on_the_slots_that_are_left() {
    check(
        "0 register a 1
         0 register b 1
         0 submit 1
         ...
         10 gone a
         110 tick",
        "110 b: deploy sink/0#1
         110 b: deploy source/0#1",
        JobStatus::Running,
    );
}

#[test]
fn silence_is_a_loss_and_the_zombie_is_not_listened_to() {
    check(
        "0 register a 1
         0 submit 1
         ...
         50000 tick
         50001 running a source/0
         50100 tick
         50200 register a@2 1 source/0 #0 0",
        "50000 disconnect a: nothing heard for 50 s
         50200 a: cancel source/0#0",
        JobStatus::Restarting,
    );
}

#[test]
fn the_next_attempt_waits_for_the_end_of_a_task_that_came_back() {
    check(
        "0 register a 1
         0 submit 1
         50 gone a
         60 register a@2 1 source/0 #0 0
         ...
         200 tick
         300 canceled a@2 source/0 #0",
        "300 a: deploy sink/0#1
         300 a: deploy source/0#1",
        JobStatus::Running,
    );
}

#[test]
fn a_job_that_may_not_restart_fails() {
    check(
        "0 register a 1
         0 submit-once 1
         10 running a source/0
         ...
         20 failed a sink/0
         30 canceled a source/0",
        "20 a: cancel source/0#0
         30 ended FAILED",
        JobStatus::Failed,
    );
}

#[test]
fn a_cancelled_job_ends_when_its_tasks_have() {
    check(
        &format!("{RUNNING} ...\n 20 cancel\n 21 cancel\n 30 canceled a source/0\n 40 canceled a sink/0"),
        "20 a: cancel sink/0#0
         20 a: cancel source/0#0
         40 ended CANCELED",
        JobStatus::Canceled,
    );
    check("0 submit 1\n 1 cancel", "1 ended CANCELED", JobStatus::Canceled);
}

#[test]
fn a_stopped_job_stops_its_sources_and_again_after_a_restart() {
    check(
        &format!(
            "{RUNNING}
             ...
             20 stop
             30 failed a sink/0
             40 canceled a source/0
             130 tick
             140 running a sink/0 #1
             140 running a source/0 #1"
        ),
        "20 a: stop source/0
         30 a: cancel source/0#0
         130 a: deploy sink/0#1
         130 a: deploy source/0#1
         140 a: stop source/0",
        JobStatus::Running,
    );
}

#[test]
fn a_declined_checkpoint_restarts_a_job_that_tolerates_none() {
    check(
        &format!("{RUNNING} 1010 tick\n ...\n 1020 decline a sink/0 1"),
        "1020 a: cancel sink/0#0
         1020 a: cancel source/0#0",
        JobStatus::Restarting,
    );
}

#[test]
fn a_checkpoint_expires_after_its_timeout() {
    check(
        &format!("{RUNNING} 1010 tick\n 1020 ack a source/0 1\n ...\n 6009 tick\n 6010 tick"),
        "6010 a: cancel sink/0#0
         6010 a: cancel source/0#0",
        JobStatus::Restarting,
    );
}

#[test]
fn nobody_restarts_while_a_manifest_is_being_written() {
    let failed_while_writing = format!(
        "{RUNNING}
         1010 tick
         1020 ack a source/0 1
         1020 ack a sink/0 1
         1030 failed a source/0
         1040 canceled a sink/0
         2000 tick
         ..."
    );
    check(
        &format!("{failed_while_writing}\n 2500 written 1"),
        "2500 a: deploy sink/0#1 from 1
         2500 a: deploy source/0#1 from 1",
        JobStatus::Running,
    );
    check(
        &format!("{failed_while_writing}\n 2500 unwritten 1\n 2600 loaded"),
        "2500 load
         2600 a: deploy sink/0#1
         2600 a: deploy source/0#1",
        JobStatus::Running,
    );
}

#[test]
fn a_late_acknowledgement_of_an_older_attempt_is_refused() {
    check(
        &format!(
            "{RUNNING}
             1010 tick
             1020 ack a source/0 1
             1030 failed a source/0
             1040 canceled a sink/0
             1200 tick
             ...
             1210 ack a sink/0 1 #0
             1220 ack a sink/0 1 #1"
        ),
        "",
        JobStatus::Running,
    );
}

#[test]
fn a_new_jobmanager_takes_running_tasks_back() {
    check(
        &format!(
            "{CHECKPOINTED}
             ...
             1500 restart-jobmanager
             1600 loaded
             2000 register a@2 1 source/0 #0 0 sink/0 #0 0
             3000 tick"
        ),
        "1500 load
         3000 a: Checkpoint 2 at source/0",
        JobStatus::Running,
    );
}

#[test]
fn a_new_jobmanager_restarts_a_job_whose_tasks_are_gone() {
    check(
        "0 register a 1
         0 register b 1
         0 submit 2
         ...
         100 restart-jobmanager
         110 loaded
         120 register a@2 1 source/0 #0 0 sink/0 #0 0
         130 register b@2 1
         200 canceled a@2 sink/0
         210 canceled a@2 source/0",
        &words_of(&[
            "100 load",
            "130 a: cancel sink/0#0",
            "130 a: cancel source/0#0",
            "210 b: deploy sink/1#1",
            "210 a: deploy sink/0#1",
            "210 b: deploy source/1#1",
            "210 a: deploy source/0#1",
        ]),
        JobStatus::Running,
    );
}

#[test]
fn a_new_jobmanager_gives_up_waiting_after_a_while() {
    check(
        "0 register a 1
         0 submit-once 1
         100 restart-jobmanager
         110 loaded
         120 register c 1
         10099 tick
         ...
         10100 tick",
        "10100 c: deploy sink/0#1
         10100 c: deploy source/0#1",
        JobStatus::Running,
    );
}

#[test]
fn checkpoint_ids_are_never_given_again() {
    check(
        &format!(
            "{RUNNING}
             1010 tick
             1011 restart-jobmanager
             1012 loaded
             1100 register a@2 1 source/0 #0 0 sink/0 #0 0
             ...
             2100 tick"
        ),
        "2100 a: Checkpoint 2 at source/0",
        JobStatus::Running,
    );
}

#[test]
fn a_task_manager_that_will_not_stop_a_task_is_disconnected() {
    check(
        &format!("{RUNNING} 20 cancel\n ...\n 30020 tick"),
        "30020 disconnect a: it did not stop a task within 30 s
         30020 ended CANCELED",
        JobStatus::Canceled,
    );
}

#[test]
fn the_next_job_of_a_script_starts_when_the_one_before_has_finished() {
    let mut world = World::new();
    for line in ["register a 1", "submit 1", "submit-after second", "cancel"] {
        world.step(line);
    }
    let second = world.core.job(JobId::of_text("second")).unwrap();
    assert_eq!(second.status, JobStatus::Created);
    for line in ["canceled a source/0", "canceled a sink/0"] {
        world.step(line);
    }
    let second = world.core.job(JobId::of_text("second")).unwrap();
    assert_eq!(second.status, JobStatus::Canceled);
    assert!(second.message(0, world.core.cluster()).unwrap().contains("is CANCELED"));
}

#[test]
fn a_submission_that_comes_twice_starts_one_job() {
    let mut world = World::new();
    world.step("submit 1");
    world.step("submit 1");
    assert_eq!(world.core.jobs().count(), 1);
}

#[test]
fn a_waiting_job_says_how_many_slots_are_missing() {
    let mut world = World::new();
    world.step("submit 3");
    world.step("register a 1");
    let message = world.core.job(JOB).unwrap().message(0, world.core.cluster()).unwrap();
    assert!(message.starts_with("waits for 2 more slots (needs 3, 1 free)"), "{message}");
}
