//! What the JobManager's commands do, and what is said back at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use irmak_common::element::Barrier;
use irmak_common::id::{AttemptId, CheckpointId};
use irmak_common::status::ExecutionState;
use irmak_common::task::TaskDescriptor;
use irmak_proto::convert::{self, WireError};
use irmak_proto::v1;
use irmak_proto::v1::task_manager_command::Command as Order;
use irmak_proto::v1::task_manager_event::Event;
use tokio::runtime::Handle;

use super::{Actor, SessionEnd};
use crate::host;
use crate::lease::Lease;
use crate::roster::Member;
use crate::shuffle::frame::kind_of;
use crate::shuffle::registry::Consumer;
use crate::slots::Deployment;
use crate::task::checkpoint::declined;
use crate::task::control::Control;
use crate::task::inbox::Command;
use crate::task::report::Reporter;
use crate::task::start::start;

impl Actor {
    /// Obeys a command; `Some`: the session ends.
    pub(super) fn on_command(&mut self, command: v1::TaskManagerCommand, registered: &mut bool) -> Option<SessionEnd> {
        if command.leader_epoch < self.epoch {
            tracing::warn!("a command of leader epoch {} was refused: {} is the newest", command.leader_epoch, self.epoch);
            return None;
        }
        self.epoch = command.leader_epoch;
        let order = command.command?;
        match &order {
            Order::Registered(answer) => {
                self.on_registered(answer);
                *registered = true;
                return None;
            }
            Order::Refused(refused) if refused.retry => return Some(SessionEnd::Broken(refused.reason.clone())),
            Order::Refused(refused) => return Some(SessionEnd::Refused(refused.reason.clone())),
            _ => {}
        }
        if !*registered {
            return Some(SessionEnd::Broken("it sent a command before it accepted the registration".to_owned()));
        }
        if !self.lease.hear(Instant::now()) {
            self.watch_lease();
            return Some(SessionEnd::LeaseLost);
        }
        if let Err(error) = self.obey(order) {
            tracing::warn!("a command of the JobManager cannot be read: {error}");
        }
        None
    }

    fn on_registered(&mut self, answer: &v1::Registered) {
        let timeout = Duration::from_millis(answer.heartbeat_timeout_ms.max(1));
        match self.slots.is_empty() {
            true => self.lease = Arc::new(Lease::new(Instant::now(), timeout)),
            false => {
                self.lease.set_timeout(timeout);
                self.lease.hear(Instant::now());
            }
        }
        self.registered = true;
        let id = self.identity.as_ref().map_or("?", |identity| identity.id.as_str());
        tracing::info!("registered at {} as {id} with {} slots", self.config.jobmanager, self.config.slots);
        // What a broken stream may have swallowed.
        for member in self.roster.all().iter().filter(|member| member.control.has_ended()) {
            let attempt = Some(member.control.attempt.into());
            self.pending.push_back(Event::TaskEnded(v1::TaskEnded { attempt }));
        }
    }

    fn obey(&mut self, order: Order) -> Result<(), WireError> {
        match order {
            Order::Deploy(deploy) => self.deploy(&deploy.task)?,
            Order::Cancel(cancel) => self.cancel(convert::attempt(&cancel.attempt)?),
            Order::TriggerCheckpoint(trigger) => self.trigger(&trigger)?,
            Order::CheckpointComplete(complete) => {
                let checkpoint = CheckpointId(complete.checkpoint);
                self.tell(convert::attempt(&complete.attempt)?, Command::Complete(checkpoint));
            }
            Order::Stop(stop) => self.tell(convert::attempt(&stop.attempt)?, Command::Stop),
            Order::Finish(finish) => self.tell(convert::attempt(&finish.attempt)?, Command::Finish),
            Order::AllowCollect(allow) => {
                if let Some(control) = self.roster.control(convert::attempt(&allow.attempt)?) {
                    control.allow_collect(allow.offset);
                }
            }
            Order::RequestHeartbeat(_) => self.heartbeat()?,
            Order::Registered(_) | Order::Refused(_) => {}
        }
        Ok(())
    }

    fn tell(&mut self, attempt: AttemptId, command: Command) {
        let told = self.roster.control(attempt).is_some_and(|control| control.inbox.command(command));
        if !told {
            tracing::debug!("a command for {attempt}, which is not here any more");
        }
    }

    fn trigger(&mut self, trigger: &v1::TriggerCheckpoint) -> Result<(), WireError> {
        let attempt = convert::attempt(&trigger.attempt)?;
        let checkpoint = CheckpointId(trigger.checkpoint);
        let told = match kind_of(&trigger.kind) {
            Err(error) => Err(error.to_string()),
            Ok(kind) => {
                let barrier = Barrier { checkpoint, kind, triggered_at: trigger.triggered_at };
                let control = self.roster.control(attempt).ok_or_else(|| "the task is not here".to_owned());
                control.and_then(|control| {
                    let room = control.inbox.command(Command::Trigger(barrier));
                    if room { Ok(()) } else { Err("the task does not take commands".to_owned()) }
                })
            }
        };
        if let Err(reason) = told {
            self.on_event(declined(attempt, checkpoint, reason));
        }
        Ok(())
    }

    fn cancel(&mut self, attempt: AttemptId) {
        if self.slots.forget_waiting(attempt) {
            self.registry.remove(attempt);
            self.roster.remove(attempt);
            return self.report(attempt, ExecutionState::Canceled, String::new());
        }
        match self.roster.control(attempt) {
            Some(control) => control.cancel(),
            // It ended, and the word of it was lost on the way, or never came here.
            None => self.report(attempt, ExecutionState::Canceled, String::new()),
        }
    }

    fn deploy(&mut self, task: &[u8]) -> Result<(), WireError> {
        let task: TaskDescriptor = match convert::from_json("task", task) {
            Ok(task) => task,
            Err(error) => {
                // Somebody waits for this task: it must be told that it will not come.
                let who: Who = convert::from_json("task", task)?;
                self.report(who.attempt, ExecutionState::Failed, error.to_string());
                return Ok(());
            }
        };
        let attempt = task.attempt;
        let control = Control::new(attempt, task.inputs.len(), self.lease.clone(), Handle::current());
        let control = Arc::new(control);
        let member = Member { control: control.clone(), job_name: task.job_name.clone(), vertex_name: task.vertex_name.clone() };
        let consumer = Consumer::new(&task, &control);
        match self.slots.deploy(task) {
            Deployment::Known => return Ok(()),
            Deployment::Refused(reason) => self.report(attempt, ExecutionState::Failed, reason),
            deployment => {
                // Producers may come before the task starts.
                self.registry.add(consumer);
                self.roster.add(member);
                match deployment {
                    Deployment::Start(task) => self.start(*task),
                    Deployment::Await(older) => {
                        older.iter().filter_map(|attempt| self.roster.control(*attempt)).for_each(|control| control.cancel());
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    pub(super) fn start(&mut self, task: TaskDescriptor) {
        let attempt = task.attempt;
        match (self.roster.control(attempt), &self.surroundings) {
            (Some(control), Some(surroundings)) => {
                let reporter = Reporter::new(attempt, self.events_of_tasks.clone());
                start(task, surroundings.clone(), control, reporter);
            }
            _ => self.report(attempt, ExecutionState::Failed, "the TaskManager lost the task before it began".to_owned()),
        }
    }

    fn heartbeat(&mut self) -> Result<(), WireError> {
        let waits = self.pending.iter().any(|event| matches!(event, Event::Heartbeat(_)));
        if waits {
            return Ok(());
        }
        let tasks = self.roster.all().iter().map(|member| report_of(&member.control)).collect::<Result<_, _>>()?;
        let heartbeat = v1::Heartbeat { tasks, memory_used_bytes: host::memory_used_bytes(), cpu_load: self.cpu.look() };
        self.pending.push_back(Event::Heartbeat(heartbeat));
        Ok(())
    }

    /// A task's figures at its end: a job that is over within a heartbeat has counted all the same.
    pub(super) fn last_figures(&mut self, attempt: AttemptId) {
        let Some(control) = self.roster.control(attempt) else { return };
        if let Ok(report) = report_of(&control) {
            let heartbeat = v1::Heartbeat { tasks: vec![report], memory_used_bytes: host::memory_used_bytes(), cpu_load: self.cpu.look() };
            self.pending.push_back(Event::Heartbeat(heartbeat));
        }
    }
}

fn report_of(control: &Control) -> Result<v1::TaskReport, WireError> {
    Ok(v1::TaskReport { attempt: Some(control.attempt.into()), metrics: convert::to_json("metrics", &control.gauges.read())? })
}

/// The part of a descriptor that says whose it is.
#[derive(serde::Deserialize)]
struct Who {
    attempt: AttemptId,
}
