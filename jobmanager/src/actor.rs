//! The actor: one task that owns the core, hears its mailbox, and runs the commands.
//!
//! Everything else talks to it through [`Handle`]: cheap to clone, bounded. Storage is touched in tasks of their own, whose outcome
//! comes back as an event; the journal is written in place, before anything that it records is seen by the world.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use irmak_common::id::{JobId, TaskManagerId};
use irmak_proto::v1;
use irmak_proto::v1::task_manager_command::Command as Wire;
use irmak_runtime::shutdown::Shutdown;
use irmak_runtime::tasks;
use tokio::sync::{mpsc, oneshot, watch};
use tonic::Status;

use crate::checkpoints;
use crate::collect::{Collects, Results};
use crate::core::event::{Command, Event, Peer, Registration, Session};
use crate::core::{Core, Settings};
use crate::error::JobManagerError;
use crate::journal::Journal;
use crate::refusals::Refusals;
use crate::steady::Steady;
use crate::wire;

/// Messages that wait for the actor: each sender then waits in turn.
const MAILBOX: usize = 1_024;
/// Commands that wait for one TaskManager's stream; one that reads none of them is lost.
const OUTBOX: usize = 4_096;
const TICK: Duration = Duration::from_millis(50);

/// The commands' end of a TaskManager's stream.
pub type Outbox = mpsc::Sender<Result<v1::TaskManagerCommand, Status>>;

type Look = Box<dyn FnOnce(&View<'_>) + Send>;

/// What can be said to the actor.
pub enum Message {
    /// To the core.
    Event(Event),
    /// A TaskManager opened a stream; the session is filled in here.
    Attach(Box<Registration>, oneshot::Sender<(Session, mpsc::Receiver<Result<v1::TaskManagerCommand, Status>>)>),
    /// Rows of a collect sink.
    Collected(Peer, Box<v1::CollectedRows>),
    /// A client wants a job's rows; none: there are none, or no longer.
    Collect(JobId, oneshot::Sender<Option<Arc<Results>>>),
    /// A client has taken rows: up to here.
    Consumed(JobId, u64),
    /// A script was refused, with this text.
    Refused(String),
    /// Somebody looks.
    Look(Look),
}

/// What can be seen: the core, what was refused, and the moment.
pub struct View<'a> {
    /// All jobs and TaskManagers.
    pub core: &'a Core,
    /// What submissions were turned away with.
    pub refusals: &'a Refusals,
    /// Milliseconds since the epoch.
    pub now: i64,
}

/// How everybody else speaks to the actor.
#[derive(Clone)]
pub struct Handle {
    mailbox: mpsc::Sender<Message>,
    changes: watch::Receiver<u64>,
    /// The reign of this process.
    pub epoch: u64,
}

impl Handle {
    /// Tells the actor; waits while its mailbox is full.
    pub async fn tell(&self, message: Message) {
        // A closed mailbox is a JobManager that is shutting down.
        let _ = self.mailbox.send(message).await;
    }

    /// Looks at the core.
    ///
    /// # Errors
    /// When the JobManager is shutting down.
    pub async fn look<T: Send + 'static>(&self, look: impl FnOnce(&View<'_>) -> T + Send + 'static) -> Result<T, Status> {
        let (reply, answer) = oneshot::channel();
        let look: Look = Box::new(move |view| drop(reply.send(look(view))));
        self.tell(Message::Look(look)).await;
        answer.await.map_err(|_| Status::unavailable("the JobManager is shutting down"))
    }

    /// Changes whenever something about some job did.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }
}

struct Actor {
    core: Core,
    journal: Journal,
    epoch: u64,
    streams: BTreeMap<TaskManagerId, (Session, Outbox)>,
    collects: Collects,
    refusals: Refusals,
    sessions: u64,
    handle: Handle,
    changed: watch::Sender<u64>,
    heartbeat: wire::HeartbeatTimes,
    last_heartbeat: i64,
    clock: Steady,
}

/// Starts the actor on what an earlier JobManager left behind.
///
/// # Errors
/// A journal that cannot be opened.
pub fn start(
    settings: Settings,
    heartbeat: wire::HeartbeatTimes,
    data_dir: &std::path::Path,
    shutdown: &Shutdown,
) -> Result<Handle, JobManagerError> {
    let (journal, image) = Journal::open(data_dir)?;
    let (mailbox, messages) = mpsc::channel(MAILBOX);
    let (changed, changes) = watch::channel(0);
    let handle = Handle { mailbox, changes, epoch: image.epoch };
    let mut clock = Steady::start();
    let (core, commands) = Core::recover(settings, clock.now(), &image);
    let mut actor = Actor {
        core,
        journal,
        epoch: image.epoch,
        streams: BTreeMap::new(),
        collects: Collects::default(),
        refusals: Refusals::default(),
        sessions: 0,
        handle: handle.clone(),
        changed,
        heartbeat,
        last_heartbeat: 0,
        clock,
    };
    let shutdown = shutdown.clone();
    tasks::spawn("jobmanager", async move {
        let ended = match actor.run_commands(commands) {
            Ok(()) => actor.run(messages, &shutdown).await,
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            tracing::error!("the JobManager cannot go on: {error}");
            shutdown.trigger();
        }
    });
    Ok(handle)
}

impl Actor {
    async fn run(&mut self, mut messages: mpsc::Receiver<Message>, shutdown: &Shutdown) -> Result<(), JobManagerError> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.wait() => return Ok(()),
                message = messages.recv() => match message {
                    Some(message) => self.on_message(message)?,
                    None => return Ok(()),
                },
                _ = tick.tick() => self.on_tick()?,
            }
        }
    }

    fn on_tick(&mut self) -> Result<(), JobManagerError> {
        let now = self.clock.now();
        self.collects.forget(now);
        if now - self.last_heartbeat >= self.heartbeat.interval_ms as i64 {
            self.last_heartbeat = now;
            let ids: Vec<TaskManagerId> = self.streams.keys().cloned().collect();
            ids.iter().for_each(|id| self.send(id, Wire::RequestHeartbeat(v1::RequestHeartbeat {})));
        }
        self.on_event(Event::Tick)
    }

    fn on_message(&mut self, message: Message) -> Result<(), JobManagerError> {
        match message {
            Message::Event(event) => return self.on_event(event),
            Message::Attach(registration, reply) => return self.attach(*registration, reply),
            Message::Collected(peer, rows) => {
                let current = self.streams.get(&peer.id).is_some_and(|(session, _)| *session == peer.session);
                if current {
                    self.collects.received(*rows);
                }
            }
            Message::Collect(job, reply) => drop(reply.send(self.results(job))),
            Message::Consumed(job, upto) => self.allow(job, upto),
            Message::Refused(text) => self.refusals.note(self.clock.now(), text),
            Message::Look(look) => look(&View { core: &self.core, refusals: &self.refusals, now: self.clock.now() }),
        }
        Ok(())
    }

    fn attach(
        &mut self,
        mut registration: Registration,
        reply: oneshot::Sender<(Session, mpsc::Receiver<Result<v1::TaskManagerCommand, Status>>)>,
    ) -> Result<(), JobManagerError> {
        self.sessions += 1;
        let session = Session(self.sessions);
        registration.peer.session = session;
        let (outbox, orders) = mpsc::channel(OUTBOX);
        let id = registration.peer.id.clone();
        tracing::info!("TaskManager {id} registered with {} slots", registration.slots);
        let _ = reply.send((session, orders));
        let replaced = self.streams.insert(id.clone(), (session, outbox));
        drop(replaced);
        self.send(&id, Wire::Registered(self.heartbeat.wire()));
        self.on_event(Event::Registered(registration))
    }

    fn results(&mut self, job: JobId) -> Option<Arc<Results>> {
        let job = self.core.job(job).filter(|job| job.collects())?;
        self.collects.results(job.id, job.status.is_terminal())
    }

    fn allow(&mut self, job: JobId, upto: u64) {
        if let Some((attempt, offset)) = self.collects.allow(job, upto) {
            let at = attempt.clone();
            let holder = self.core.job(job).and_then(|job| {
                let subtask = irmak_proto::convert::attempt(&Some(at)).ok()?.subtask;
                job.executions.get(&subtask)?.slot.as_ref().map(|slot| slot.task_manager.clone())
            });
            if let Some(holder) = holder {
                self.send(&holder, Wire::AllowCollect(v1::AllowCollect { attempt: Some(attempt), offset }));
            }
        }
    }

    fn on_event(&mut self, event: Event) -> Result<(), JobManagerError> {
        if let Event::StreamEnded(peer) = &event
            && self.streams.get(&peer.id).is_some_and(|(session, _)| *session == peer.session)
        {
            self.streams.remove(&peer.id);
        }
        let commands = self.core.on_event(self.clock.now(), event);
        self.run_commands(commands)
    }

    fn run_commands(&mut self, commands: Vec<Command>) -> Result<(), JobManagerError> {
        let mut records = Vec::new();
        for command in commands {
            if let Command::Journal(record) = command {
                records.push(record);
                continue;
            }
            if !records.is_empty() {
                self.append(std::mem::take(&mut records))?;
            }
            self.run_command(command);
        }
        if records.is_empty() { Ok(()) } else { self.append(records) }
    }

    fn append(&mut self, records: Vec<crate::core::record::Record>) -> Result<(), JobManagerError> {
        tokio::task::block_in_place(|| self.journal.append(records))
    }

    fn run_command(&mut self, command: Command) {
        match command {
            Command::Journal(_) => {}
            Command::Send { to, order } => match wire::order(&order) {
                Ok(order) => self.send(&to, order),
                Err(error) => tracing::error!("a command cannot be sent to {to}: {error}"),
            },
            Command::Disconnect { peer, reason } => self.disconnect(&peer, &reason),
            Command::WriteManifest { folder, manifest } => self.later(async move { Some(checkpoints::write(&folder, &manifest).await) }),
            Command::LoadCheckpoints { job, from } => self.later(async move {
                let loaded = checkpoints::load(&from).await;
                Some(Event::CheckpointsLoaded { job, loaded })
            }),
            Command::DeleteCheckpoint { folder, checkpoint, objects } => self.later(async move {
                checkpoints::delete(&folder, checkpoint, &objects).await;
                None
            }),
            Command::DeleteObjects(objects) => self.later(async move {
                checkpoints::delete_objects(&objects).await;
                None
            }),
            Command::Changed(job) => {
                if self.core.job(job).is_some_and(|job| job.status.is_terminal() && job.collects()) {
                    self.collects.job_ended(job, self.clock.now());
                }
                self.changed.send_modify(|count| *count = count.wrapping_add(1));
            }
        }
    }

    fn later(&self, work: impl Future<Output = Option<Event>> + Send + 'static) {
        let handle = self.handle.clone();
        tasks::spawn("checkpoint-storage", async move {
            if let Some(event) = work.await {
                handle.tell(Message::Event(event)).await;
            }
        });
    }

    fn send(&mut self, to: &TaskManagerId, command: Wire) {
        let message = v1::TaskManagerCommand { leader_epoch: self.epoch, command: Some(command) };
        let Some((session, outbox)) = self.streams.get(to) else { return };
        if let Err(mpsc::error::TrySendError::Full(_)) = outbox.try_send(Ok(message)) {
            let peer = Peer { id: to.clone(), session: *session };
            self.disconnect(&peer, "it reads none of its commands");
        }
    }

    /// Ends a stream: its TaskManager is told why, and finds it closed.
    fn disconnect(&mut self, peer: &Peer, reason: &str) {
        if self.streams.get(&peer.id).is_none_or(|(session, _)| *session != peer.session) {
            return;
        }
        tracing::warn!("TaskManager {} is disconnected: {reason}", peer.id);
        if let Some((_, outbox)) = self.streams.remove(&peer.id) {
            let _ = outbox.try_send(Err(Status::aborted(reason.to_owned())));
            let handle = self.handle.clone();
            let peer = peer.clone();
            tasks::spawn("stream-ended", async move { handle.tell(Message::Event(Event::StreamEnded(peer))).await });
        }
    }
}
