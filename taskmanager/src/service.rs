//! The daemon: one actor that owns the TaskManager's tasks and its stream to the JobManager.
//!
//! Nothing here computes: commands come down the stream and are passed to tasks, tasks' events and heartbeats go up. While the
//! JobManager is away, tasks go on as long as the lease lasts; the actor tries again, and registers with what still runs.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::Future;
use irmak_common::id::AttemptId;
use irmak_common::retry::Backoff;
use irmak_common::status::ExecutionState;
use irmak_common::task::TaskDescriptor;
use irmak_proto::convert;
use irmak_proto::v1;
use irmak_proto::v1::job_manager_client::JobManagerClient;
use irmak_proto::v1::task_manager_command::Command as Order;
use irmak_proto::v1::task_manager_event::Event;
use irmak_runtime::clock::now_ms;
use irmak_runtime::shutdown::Shutdown;
use irmak_runtime::tasks;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::config::{TaskManagerConfig, join};
use crate::connect;
use crate::error::TaskManagerError;
use crate::host::{self, CpuLoad};
use crate::lease::Lease;
use crate::prometheus;
use crate::roster::{Member, Roster};
use crate::shuffle::receive;
use crate::shuffle::registry::Registry;
use crate::shuffle::send::{Network, Peers};
use crate::slots::{Deployment, Slots};
use crate::task::build::Surroundings;
use crate::task::checkpoint::declined;
use crate::task::control::Control;
use crate::task::report::{Reporter, TaskEvent};
use crate::task::start::start;

/// Events that wait for the stream before tasks have to wait.
const PENDING_MAX: usize = 256;
/// How often the lease is looked at.
const TICK: Duration = Duration::from_millis(100);
/// How long a JobManager may take to answer a registration.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// How long tasks may take to end when the daemon ends.
const SHUTDOWN_WAIT: Duration = Duration::from_secs(10);
/// The lease before the JobManager has named one: nothing runs yet that could need it.
const FIRST_LEASE: Duration = Duration::from_secs(10);
const RECONNECT: Backoff = Backoff { initial_ms: 50, max_ms: 2_000, multiplier: 1.6, jitter: 0.3 };

/// Runs a TaskManager until shutdown.
///
/// # Errors
/// A port in use, an address that is none, or a JobManager that refuses it for good.
pub async fn run(config: TaskManagerConfig, shutdown: Shutdown) -> Result<(), TaskManagerError> {
    let address = join(&config.bind_host, config.data_port);
    let listener = TcpListener::bind(&address).await.map_err(|source| TaskManagerError::Bind { address, source })?;
    let data_port = listener.local_addr().map_err(TaskManagerError::Resource)?.port();
    let registry = Arc::new(Registry::default());
    let (data, window) = (shutdown.child(), config.channel_window);
    let mut served = tasks::spawn("shuffle-receive", {
        let (registry, data) = (registry.clone(), data.clone());
        async move { receive::serve(listener, registry, window, data).await }
    });
    let mut actor = Actor::new(config, data_port, registry, shutdown);
    let outcome = actor.live().await;
    actor.end_tasks().await;
    data.trigger();
    // Streams of other TaskManagers are given a moment to end.
    if tokio::time::timeout(Duration::from_millis(200), &mut served).await.is_err() {
        served.abort();
    }
    outcome
}

/// Who this TaskManager is, known once it has reached a JobManager.
#[derive(Clone, Debug)]
struct Identity {
    id: String,
    data_address: String,
}

/// How a session with a JobManager ended.
enum SessionEnd {
    /// The stream broke, or the JobManager asked to come again; why.
    Broken(String),
    /// The lease ran out: all tasks have been cancelled.
    LeaseLost,
    /// The JobManager does not want us.
    Refused(String),
    Shutdown,
}

struct Actor {
    config: TaskManagerConfig,
    data_port: u16,
    registry: Arc<Registry>,
    shutdown: Shutdown,
    surroundings: Option<Surroundings>,
    identity: Option<Identity>,
    slots: Slots,
    roster: Arc<Roster>,
    lease: Arc<Lease>,
    /// The lease holds: a JobManager has accepted this TaskManager.
    registered: bool,
    /// The lease has run out, and what it covered is not gone yet.
    lost: bool,
    /// The highest leader epoch seen.
    epoch: u64,
    events: mpsc::Receiver<TaskEvent>,
    events_of_tasks: mpsc::Sender<TaskEvent>,
    /// What waits to go up.
    pending: VecDeque<Event>,
    cpu: CpuLoad,
    metrics_served: bool,
}

impl Actor {
    fn new(config: TaskManagerConfig, data_port: u16, registry: Arc<Registry>, shutdown: Shutdown) -> Self {
        let (events_of_tasks, events) = mpsc::channel(PENDING_MAX);
        Self {
            slots: Slots::new(config.slots),
            config,
            data_port,
            registry,
            shutdown,
            surroundings: None,
            identity: None,
            roster: Arc::default(),
            lease: Arc::new(Lease::new(Instant::now(), FIRST_LEASE)),
            registered: false,
            lost: false,
            epoch: 0,
            events,
            events_of_tasks,
            pending: VecDeque::new(),
            cpu: CpuLoad::new(),
            metrics_served: false,
        }
    }

    /// Session after session, until shutdown.
    async fn live(&mut self) -> Result<(), TaskManagerError> {
        let mut failures = 0;
        loop {
            if self.watch_lease() && !self.start_anew().await {
                return Ok(());
            }
            let begun = Instant::now();
            let reason = match self.session().await {
                SessionEnd::Shutdown => return Ok(()),
                SessionEnd::Refused(reason) => {
                    return Err(TaskManagerError::Refused { address: self.config.jobmanager.clone(), reason });
                }
                SessionEnd::LeaseLost => "it was not heard for too long".to_owned(),
                SessionEnd::Broken(reason) => reason,
            };
            failures = if begun.elapsed() > Duration::from_secs(5) { 1 } else { failures + 1 };
            let wait = RECONNECT.delay_ms(failures, draw());
            tracing::warn!("no JobManager at {}: {reason}; next try in {wait} ms", self.config.jobmanager);
            let Some(()) = self.meanwhile(tokio::time::sleep(Duration::from_millis(wait))).await else { return Ok(()) };
        }
    }

    /// After the lease ran out: waits until the last task is gone, then is another TaskManager.
    async fn start_anew(&mut self) -> bool {
        while !self.slots.is_empty() {
            let Some(()) = self.meanwhile(tokio::time::sleep(Duration::from_millis(20))).await else { return false };
        }
        // Whatever they said is of no interest any more.
        self.pending.clear();
        self.identity = None;
        self.lease = Arc::new(Lease::new(Instant::now(), FIRST_LEASE));
        (self.lost, self.registered) = (false, false);
        true
    }

    /// Waits for a future while tasks' events are taken and the lease is watched; `None`: shutdown.
    async fn meanwhile<F: Future>(&mut self, future: F) -> Option<F::Output> {
        let mut future = std::pin::pin!(future);
        loop {
            tokio::select! {
                output = &mut future => return Some(output),
                Some(event) = self.events.recv(), if self.pending.len() < PENDING_MAX => self.on_event(event),
                () = tokio::time::sleep(TICK) => {
                    self.watch_lease();
                }
                () = self.shutdown.wait() => return None,
            }
        }
    }

    /// Whether the lease has run out; then all tasks are cancelled, and this TaskManager starts anew.
    fn watch_lease(&mut self) -> bool {
        if self.registered && !self.lost && self.lease.is_lost(Instant::now()) {
            self.lost = true;
            tracing::warn!("the JobManager was not heard for longer than `heartbeat.timeout`: {} tasks are cancelled", self.slots.len());
            self.cancel_all();
        }
        self.lost
    }

    fn cancel_all(&mut self) {
        for attempt in self.slots.forget_all_waiting() {
            self.registry.remove(attempt);
            self.roster.remove(attempt);
        }
        self.roster.all().iter().for_each(|member| member.control.cancel());
    }

    async fn end_tasks(&mut self) {
        self.cancel_all();
        let deadline = Instant::now() + SHUTDOWN_WAIT;
        while !self.slots.is_empty() && Instant::now() < deadline {
            if let Ok(Some(event)) = tokio::time::timeout(Duration::from_millis(50), self.events.recv()).await {
                self.on_event(event);
            }
        }
    }

    /// One stream to a JobManager, from connecting to its end.
    async fn session(&mut self) -> SessionEnd {
        let jobmanager = self.config.jobmanager.clone();
        let reached = match self.meanwhile(connect::reach(&jobmanager)).await {
            None => return SessionEnd::Shutdown,
            Some(Err(reason)) => return self.or_lease_lost(reason),
            Some(Ok(_)) if self.watch_lease() => return SessionEnd::LeaseLost,
            Some(Ok(reached)) => reached,
        };
        self.introduce(&reached.local_host);
        let (up, outgoing) = mpsc::channel(PENDING_MAX);
        let Some(register) = self.register() else { return SessionEnd::Broken("no identity".to_owned()) };
        let _ = up.try_send(v1::TaskManagerEvent { event: Some(Event::Register(register)) });
        let mut client = JobManagerClient::new(reached.connection)
            .max_decoding_message_size(connect::MESSAGE_BYTES_MAX)
            .max_encoding_message_size(connect::MESSAGE_BYTES_MAX);
        let attached = tokio::time::timeout(ANSWER_WAIT, client.attach(ReceiverStream::new(outgoing)));
        match self.meanwhile(attached).await {
            None => SessionEnd::Shutdown,
            Some(Err(_)) => self.or_lease_lost("it does not answer".to_owned()),
            Some(Ok(Err(status))) => self.or_lease_lost(connect::words(&status)),
            Some(Ok(Ok(commands))) => self.attached(up, commands.into_inner()).await,
        }
    }

    fn or_lease_lost(&mut self, reason: String) -> SessionEnd {
        if self.watch_lease() { SessionEnd::LeaseLost } else { SessionEnd::Broken(reason) }
    }

    /// The stream is open: up, down, and what is due, until it ends.
    async fn attached(&mut self, up: mpsc::Sender<v1::TaskManagerEvent>, mut commands: Streaming<v1::TaskManagerCommand>) -> SessionEnd {
        let opened = Instant::now();
        let mut registered = false;
        loop {
            // Before anything that has waited in a socket is believed.
            if self.watch_lease() {
                return SessionEnd::LeaseLost;
            }
            if !registered && opened.elapsed() > ANSWER_WAIT {
                return SessionEnd::Broken("it did not answer the registration".to_owned());
            }
            tokio::select! {
                command = commands.message() => match command {
                    Ok(Some(command)) => {
                        if let Some(end) = self.on_command(command, &mut registered) {
                            return end;
                        }
                    }
                    Ok(None) => return self.or_lease_lost("it ended the stream".to_owned()),
                    Err(status) => return self.or_lease_lost(connect::words(&status)),
                },
                Some(event) = self.events.recv(), if self.pending.len() < PENDING_MAX => self.on_event(event),
                permit = up.reserve(), if registered && !self.pending.is_empty() => match (permit, self.pending.pop_front()) {
                    (Ok(permit), Some(event)) => permit.send(v1::TaskManagerEvent { event: Some(event) }),
                    _ => return self.or_lease_lost("it closed the stream".to_owned()),
                },
                () = tokio::time::sleep(TICK) => {}
                () = self.shutdown.wait() => return SessionEnd::Shutdown,
            }
        }
    }

    /// Who we are, as seen from the JobManager's side of the network.
    fn introduce(&mut self, local_host: &str) {
        if self.identity.is_some() {
            return;
        }
        let host = self.config.host.clone().unwrap_or_else(|| local_host.to_owned());
        let data_address = join(&host, self.data_port);
        let tail = &uuid::Uuid::new_v4().simple().to_string()[..6];
        let id = format!("{data_address}-{tail}");
        let peers = self.surroundings.as_ref().map(|surroundings| surroundings.network.peers.clone());
        let network = Network {
            address: data_address.clone(),
            registry: self.registry.clone(),
            peers: peers.unwrap_or_else(|| Arc::new(Peers::new(self.config.channel_window))),
            lz4: false,
        };
        self.surroundings = Some(Surroundings { network, files: self.config.files.clone(), zone: self.config.zone.clone() });
        if !self.metrics_served {
            self.metrics_served = true;
            let (bind, ports) = (self.config.bind_host.clone(), self.config.prometheus_ports.clone());
            tasks::spawn("prometheus", prometheus::serve(bind, ports, host, self.roster.clone(), self.shutdown.clone()));
        }
        self.identity = Some(Identity { id, data_address });
    }

    fn register(&self) -> Option<v1::Register> {
        let identity = self.identity.clone()?;
        let running = self.slots.tasks().filter(|(_, occupant)| !occupant.state.is_terminal()).map(|(attempt, occupant)| v1::RunningTask {
            attempt: Some(attempt.into()),
            state: occupant.state.to_string(),
            slot: occupant.slot,
        });
        Some(v1::Register {
            task_manager: identity.id,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            slots: self.config.slots,
            data_address: identity.data_address,
            running: running.collect(),
            memory_bytes: host::memory_bytes(),
            cpu_cores: host::cpu_cores(),
        })
    }

    fn on_event(&mut self, event: TaskEvent) {
        match event {
            TaskEvent::State { attempt, state, failure } => {
                self.slots.on_state(attempt, state);
                self.report(attempt, state, failure);
            }
            TaskEvent::Wire(event) => self.pending.push_back(event),
            TaskEvent::Gone(attempt) => {
                self.roster.remove(attempt);
                let ready = self.slots.gone(attempt);
                ready.into_iter().for_each(|task| self.start(task));
            }
        }
    }

    fn report(&mut self, attempt: AttemptId, state: ExecutionState, failure: String) {
        let changed = v1::TaskStateChanged { attempt: Some(attempt.into()), state: state.to_string(), failure, at: now_ms() };
        self.pending.push_back(Event::TaskState(changed));
    }

    /// Obeys a command; `Some`: the session ends.
    fn on_command(&mut self, command: v1::TaskManagerCommand, registered: &mut bool) -> Option<SessionEnd> {
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

    fn obey(&mut self, order: Order) -> Result<(), convert::WireError> {
        use crate::task::inbox::Command;
        match order {
            Order::Deploy(deploy) => self.deploy(&deploy.task)?,
            Order::Cancel(cancel) => self.cancel(convert::attempt(&cancel.attempt)?),
            Order::TriggerCheckpoint(trigger) => self.trigger(&trigger)?,
            Order::CheckpointComplete(complete) => {
                let checkpoint = irmak_common::id::CheckpointId(complete.checkpoint);
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

    fn tell(&mut self, attempt: AttemptId, command: crate::task::inbox::Command) {
        let told = self.roster.control(attempt).is_some_and(|control| control.inbox.command(command));
        if !told {
            tracing::debug!("a command for {attempt}, which is not here any more");
        }
    }

    fn trigger(&mut self, trigger: &v1::TriggerCheckpoint) -> Result<(), convert::WireError> {
        let attempt = convert::attempt(&trigger.attempt)?;
        let checkpoint = irmak_common::id::CheckpointId(trigger.checkpoint);
        let told = match crate::shuffle::frame::kind_of(&trigger.kind) {
            Err(error) => Err(error.to_string()),
            Ok(kind) => {
                let barrier = irmak_common::element::Barrier { checkpoint, kind, triggered_at: trigger.triggered_at };
                let control = self.roster.control(attempt).ok_or_else(|| "the task is not here".to_owned());
                control.and_then(|control| {
                    let room = control.inbox.command(crate::task::inbox::Command::Trigger(barrier));
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

    fn deploy(&mut self, task: &[u8]) -> Result<(), convert::WireError> {
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
        let descriptor = task.clone();
        match self.slots.deploy(task) {
            Deployment::Known => return Ok(()),
            Deployment::Refused(reason) => self.report(attempt, ExecutionState::Failed, reason),
            deployment => {
                // Producers may come before the task starts.
                self.registry.add(&descriptor, &control);
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

    fn start(&mut self, task: TaskDescriptor) {
        let attempt = task.attempt;
        match (self.roster.control(attempt), &self.surroundings) {
            (Some(control), Some(surroundings)) => {
                let reporter = Reporter::new(attempt, self.events_of_tasks.clone());
                start(task, surroundings.clone(), control, reporter);
            }
            _ => self.report(attempt, ExecutionState::Failed, "the TaskManager lost the task before it began".to_owned()),
        }
    }

    fn heartbeat(&mut self) -> Result<(), convert::WireError> {
        let waits = self.pending.iter().any(|event| matches!(event, Event::Heartbeat(_)));
        if waits {
            return Ok(());
        }
        let mut reports = Vec::new();
        for member in self.roster.all() {
            let metrics = convert::to_json("metrics", &member.control.gauges.read())?;
            reports.push(v1::TaskReport { attempt: Some(member.control.attempt.into()), metrics });
        }
        let heartbeat = v1::Heartbeat { tasks: reports, memory_used_bytes: host::memory_used_bytes(), cpu_load: self.cpu.look() };
        self.pending.push_back(Event::Heartbeat(heartbeat));
        Ok(())
    }
}

/// The part of a descriptor that says whose it is.
#[derive(serde::Deserialize)]
struct Who {
    attempt: AttemptId,
}

/// A number in `0.0..1.0` that nobody foresees.
fn draw() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_u128() as u32) / f64::from(u32::MAX)
}
