//! The daemon: one actor that owns the TaskManager's tasks and its stream to the JobManager.
//!
//! Nothing here computes: commands come down the stream and are passed to tasks, tasks' events and heartbeats go up. While the
//! JobManager is away, tasks go on as long as the lease lasts; the actor tries again, and registers with what still runs.

mod orders;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::Future;
use irmak_common::id::AttemptId;
use irmak_common::retry::Backoff;
use irmak_common::status::ExecutionState;
use irmak_proto::v1;
use irmak_proto::v1::job_manager_client::JobManagerClient;
use irmak_proto::v1::task_manager_event::Event;
use irmak_runtime::address::join;
use irmak_runtime::clock::now_ms;
use irmak_runtime::shutdown::Shutdown;
use irmak_runtime::tasks;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::config::TaskManagerConfig;
use crate::connect;
use crate::error::TaskManagerError;
use crate::host::{self, CpuLoad};
use crate::lease::Lease;
use crate::prometheus;
use crate::roster::{Member, Roster};
use crate::shuffle::receive;
use crate::shuffle::registry::Registry;
use crate::shuffle::send::{Network, Peers};
use crate::slots::Slots;
use crate::task::build::Surroundings;
use crate::task::report::TaskEvent;

/// Events that wait for the stream before tasks have to wait.
const PENDING_MAX: usize = 256;
/// How often the lease is looked at.
const TICK: Duration = Duration::from_millis(100);
/// How long a JobManager may take to answer a registration.
const ANSWER_WAIT: Duration = Duration::from_secs(10);
/// How long a cancelled task may take to end. Flink's `task.cancellation.timeout`.
const CANCEL_WAIT: Duration = Duration::from_secs(180);
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
    // `localhost` may come first as ::1, where a JobManager on 127.0.0.1 would not send others.
    let bind_host = if config.bind_host.eq_ignore_ascii_case("localhost") { "127.0.0.1" } else { config.bind_host.as_str() };
    let address = join(bind_host, config.data_port);
    let listener = TcpListener::bind(&address).await.map_err(|source| TaskManagerError::Bind { address, source })?;
    let data = listener.local_addr().map_err(TaskManagerError::Resource)?;
    let registry = Arc::new(Registry::default());
    let (served_until, window) = (shutdown.child(), config.channel_window);
    let mut served = tasks::spawn("shuffle-receive", {
        let (registry, served_until) = (registry.clone(), served_until.clone());
        async move { receive::serve(listener, registry, window, served_until).await }
    });
    let mut actor = Actor::new(config, data, registry, shutdown.child());
    let outcome = actor.live().await.and(actor.stuck.take().map_or(Ok(()), Err));
    actor.end_tasks().await;
    served_until.trigger();
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
    /// Where the data port is bound.
    data: SocketAddr,
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
    looked: Instant,
    /// Why the daemon ends by itself.
    stuck: Option<TaskManagerError>,
}

impl Actor {
    fn new(config: TaskManagerConfig, data: SocketAddr, registry: Arc<Registry>, shutdown: Shutdown) -> Self {
        let (events_of_tasks, events) = mpsc::channel(PENDING_MAX);
        Self {
            slots: Slots::new(config.slots),
            config,
            data,
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
            looked: Instant::now(),
            stuck: None,
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
            // Whatever they say is of no interest any more, and must not be in the way of their last word.
            self.pending.clear();
            let Some(()) = self.meanwhile(tokio::time::sleep(Duration::from_millis(20))).await else { return false };
        }
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
            self.look_around();
            tokio::select! {
                output = &mut future => return Some(output),
                Some(event) = self.events.recv(), if self.pending.len() < PENDING_MAX => self.on_event(event),
                () = tokio::time::sleep(TICK) => {}
                () = self.shutdown.wait() => return None,
            }
        }
    }

    /// What is due, however busy it is. Says whether the lease has run out.
    fn look_around(&mut self) -> bool {
        if self.looked.elapsed() >= TICK {
            self.looked = Instant::now();
            self.watch_cancelled();
        }
        self.watch_lease()
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

    /// A task that does not end although it was cancelled long ago ends the daemon.
    fn watch_cancelled(&mut self) {
        let cancelled = |member: &Member| member.control.cancelled_for().filter(|since| *since > CANCEL_WAIT);
        let stuck = self.roster.all().into_iter().find_map(|member| Some((member.control.attempt, cancelled(&member)?)));
        if let Some((task, since)) = stuck {
            self.stuck = Some(TaskManagerError::Stuck { task, seconds: since.as_secs() });
            self.shutdown.trigger();
        }
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
            if self.look_around() {
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
        let bound = self.data.ip();
        let reachable = || if bound.is_unspecified() { local_host.to_owned() } else { bound.to_string() };
        let host = self.config.host.clone().unwrap_or_else(reachable);
        let data_address = join(&host, self.data.port());
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
            TaskEvent::State { attempt, state, failure, unrecoverable } => {
                if state.is_terminal() {
                    self.last_figures(attempt);
                }
                self.slots.on_state(attempt, state);
                self.report_as(attempt, state, failure, unrecoverable);
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
        self.report_as(attempt, state, failure, false);
    }

    fn report_as(&mut self, attempt: AttemptId, state: ExecutionState, failure: String, unrecoverable: bool) {
        let changed =
            v1::TaskStateChanged { attempt: Some(attempt.into()), state: state.to_string(), failure, unrecoverable, at: now_ms() };
        self.pending.push_back(Event::TaskState(changed));
    }
}

/// A number in `0.0..1.0` that nobody foresees.
fn draw() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_u128() as u32) / f64::from(u32::MAX)
}
