//! A JobManager that is only a stream: it accepts registrations, sends what a test tells it, and keeps what it hears.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::time::Duration;

use futures::Stream;
use irmak_common::checkpoint::TaskSnapshot;
use irmak_common::element::CheckpointKind;
use irmak_common::id::AttemptId;
use irmak_common::metrics::TaskMetrics;
use irmak_common::task::TaskDescriptor;
use irmak_proto::convert;
use irmak_proto::v1;
use irmak_proto::v1::job_manager_server::{JobManager, JobManagerServer};
use irmak_proto::v1::task_manager_command::Command;
use irmak_proto::v1::task_manager_event::Event;
use irmak_runtime::shutdown::Shutdown;
use irmak_runtime::tasks;
use irmak_taskmanager::{TaskManagerConfig, TaskManagerError};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::{Request, Response, Status, Streaming};

/// How long a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(60);

type Orders = mpsc::Sender<Result<v1::TaskManagerCommand, Status>>;

struct Service {
    attached: mpsc::Sender<(Orders, Streaming<v1::TaskManagerEvent>)>,
}

#[tonic::async_trait]
impl JobManager for Service {
    type AttachStream = Pin<Box<dyn Stream<Item = Result<v1::TaskManagerCommand, Status>> + Send>>;

    async fn attach(&self, request: Request<Streaming<v1::TaskManagerEvent>>) -> Result<Response<Self::AttachStream>, Status> {
        let (orders, outgoing) = mpsc::channel(1_024);
        let attached = self.attached.send((orders, request.into_inner())).await;
        attached.map_err(|_| Status::unavailable("the test has ended"))?;
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }
}

/// The port and whoever knocks at it.
pub(crate) struct FakeJobManager {
    pub(crate) address: String,
    attached: Mutex<mpsc::Receiver<(Orders, Streaming<v1::TaskManagerEvent>)>>,
    shutdown: Shutdown,
}

impl FakeJobManager {
    pub(crate) async fn start() -> Self {
        Self::start_at("127.0.0.1:0").await
    }

    pub(crate) async fn start_at(address: &str) -> Self {
        let listener = loop {
            match TcpListener::bind(address).await {
                Ok(listener) => break listener,
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        let address = listener.local_addr().unwrap().to_string();
        let (knock, attached) = mpsc::channel(8);
        let shutdown = Shutdown::new();
        let ended = shutdown.clone();
        tasks::spawn("fake-jobmanager", async move {
            let service = JobManagerServer::new(Service { attached: knock }).max_decoding_message_size(64 << 20);
            let server = tonic::transport::Server::builder().add_service(service);
            tokio::select! {
                served = server.serve_with_incoming(TcpListenerStream::new(listener)) => served.unwrap(),
                () = ended.wait() => {}
            }
        });
        Self { address, attached: Mutex::new(attached), shutdown }
    }

    /// The next TaskManager that registers; accepted with this heartbeat timeout.
    pub(crate) async fn accept(&self, timeout_ms: u64) -> Attached {
        let mut attached = self.knock().await;
        attached.registered(timeout_ms).await;
        attached
    }

    /// The next TaskManager that knocks, not yet answered.
    pub(crate) async fn knock(&self) -> Attached {
        let knock = tokio::time::timeout(PATIENCE, async { self.attached.lock().await.recv().await }).await;
        let (orders, mut events) = knock.expect("no TaskManager came").unwrap();
        let first = events.message().await.unwrap().unwrap();
        let Some(Event::Register(register)) = first.event else { panic!("not a registration: {first:?}") };
        Attached { orders, events, register, epoch: 1 }
    }

    /// Gone, as a process that was killed.
    pub(crate) fn kill(&self) {
        self.shutdown.trigger();
    }
}

impl Drop for FakeJobManager {
    fn drop(&mut self) {
        self.shutdown.trigger();
    }
}

/// A registered TaskManager.
pub(crate) struct Attached {
    orders: Orders,
    events: Streaming<v1::TaskManagerEvent>,
    pub(crate) register: v1::Register,
    pub(crate) epoch: u64,
}

impl Attached {
    pub(crate) async fn order(&mut self, command: Command) {
        let command = v1::TaskManagerCommand { command: Some(command), leader_epoch: self.epoch };
        let _ = self.orders.send(Ok(command)).await;
    }

    /// Accepts the registration; said again, it names another heartbeat timeout.
    pub(crate) async fn registered(&mut self, timeout_ms: u64) {
        self.order(Command::Registered(v1::Registered { heartbeat_interval_ms: 100, heartbeat_timeout_ms: timeout_ms })).await;
    }

    pub(crate) async fn deploy(&mut self, task: &TaskDescriptor) {
        let task = convert::to_json("task", task).unwrap();
        self.order(Command::Deploy(v1::Deploy { task })).await;
    }

    pub(crate) async fn cancel(&mut self, attempt: AttemptId) {
        self.order(Command::Cancel(v1::Cancel { attempt: Some(attempt.into()) })).await;
    }

    pub(crate) async fn heartbeat(&mut self) {
        self.order(Command::RequestHeartbeat(v1::RequestHeartbeat {})).await;
    }

    /// The next event; `None`: the stream is gone.
    pub(crate) async fn event(&mut self) -> Option<Event> {
        let message = tokio::time::timeout(PATIENCE, self.events.message()).await.expect("the TaskManager says nothing");
        message.ok().flatten().and_then(|message| message.event)
    }

    /// The next event within a time.
    pub(crate) async fn event_within(&mut self, wait: Duration) -> Option<Event> {
        tokio::time::timeout(wait, self.events.message()).await.ok()?.ok()??.event
    }
}

/// A TaskManager in this process.
pub(crate) struct Daemon {
    pub(crate) shutdown: Shutdown,
    pub(crate) running: JoinHandle<Result<(), TaskManagerError>>,
}

pub(crate) fn config(jobmanager: &str) -> TaskManagerConfig {
    TaskManagerConfig {
        jobmanager: jobmanager.to_owned(),
        slots: 4,
        host: None,
        bind_host: "127.0.0.1".to_owned(),
        data_port: 0,
        prometheus_ports: Vec::new(),
        files: irmak_connectors::context::FileAccess::Anywhere,
        zone: "UTC".to_owned(),
        channel_window: 1 << 20,
    }
}

pub(crate) fn daemon(jobmanager: &FakeJobManager) -> Daemon {
    let shutdown = Shutdown::new();
    let running = tasks::spawn("taskmanager", irmak_taskmanager::run(config(&jobmanager.address), shutdown.clone()));
    Daemon { shutdown, running }
}

/// One or more registered TaskManagers and all that they have said, by kind.
pub(crate) struct Cluster {
    _jobmanager: FakeJobManager,
    pub(crate) members: Vec<Attached>,
    _daemons: Vec<Daemon>,
    pub(crate) states: HashMap<AttemptId, (String, String)>,
    pub(crate) acknowledged: HashMap<u64, Vec<TaskSnapshot>>,
    pub(crate) declined: Vec<(u64, String)>,
    pub(crate) committed: HashMap<u64, HashSet<AttemptId>>,
    pub(crate) ended: HashSet<AttemptId>,
    pub(crate) rows: Vec<v1::CollectedRows>,
    pub(crate) metrics: HashMap<AttemptId, TaskMetrics>,
    /// Where each task was deployed.
    places: HashMap<AttemptId, usize>,
    sources: HashSet<AttemptId>,
}

impl Cluster {
    /// So many TaskManagers, registered.
    pub(crate) async fn start(task_managers: usize) -> Self {
        let jobmanager = FakeJobManager::start().await;
        let (mut daemons, mut members) = (Vec::new(), Vec::new());
        for _ in 0..task_managers {
            daemons.push(daemon(&jobmanager));
            members.push(jobmanager.accept(600_000).await);
        }
        Self {
            _jobmanager: jobmanager,
            members,
            _daemons: daemons,
            states: HashMap::new(),
            acknowledged: HashMap::new(),
            declined: Vec::new(),
            committed: HashMap::new(),
            ended: HashSet::new(),
            rows: Vec::new(),
            metrics: HashMap::new(),
            places: HashMap::new(),
            sources: HashSet::new(),
        }
    }

    /// The data address of a TaskManager.
    pub(crate) fn address(&self, member: usize) -> String {
        self.members[member].register.data_address.clone()
    }

    /// Deploys tasks, each to a member.
    pub(crate) async fn deploy(&mut self, tasks: &[(usize, TaskDescriptor)]) {
        for (member, task) in tasks {
            self.places.insert(task.attempt, *member);
            if task.inputs.is_empty() {
                self.sources.insert(task.attempt);
            }
            self.members[*member].deploy(task).await;
        }
    }

    pub(crate) fn tasks(&self) -> Vec<AttemptId> {
        self.places.keys().copied().collect()
    }

    /// Forgets what was deployed: the next `deploy` is another attempt.
    pub(crate) fn forget(&mut self) {
        self.places.clear();
        self.sources.clear();
        self.ended.clear();
        self.rows.clear();
        self.acknowledged.clear();
        self.committed.clear();
    }

    async fn to(&mut self, attempt: AttemptId, command: Command) {
        let member = self.places[&attempt];
        self.members[member].order(command).await;
    }

    pub(crate) async fn trigger(&mut self, checkpoint: u64, kind: CheckpointKind) {
        for source in self.sources.clone() {
            let kind = format!("{kind:?}");
            let trigger =
                v1::TriggerCheckpoint { attempt: Some(source.into()), checkpoint, kind, triggered_at: irmak_runtime::clock::now_ms() };
            self.to(source, Command::TriggerCheckpoint(trigger)).await;
        }
    }

    pub(crate) async fn complete(&mut self, checkpoint: u64) {
        for task in self.tasks() {
            self.to(task, Command::CheckpointComplete(v1::CheckpointComplete { attempt: Some(task.into()), checkpoint })).await;
        }
    }

    pub(crate) async fn finish(&mut self) {
        for task in self.tasks() {
            self.to(task, Command::Finish(v1::Finish { attempt: Some(task.into()) })).await;
        }
    }

    pub(crate) async fn cancel_all(&mut self) {
        for task in self.tasks() {
            self.to(task, Command::Cancel(v1::Cancel { attempt: Some(task.into()) })).await;
        }
    }

    /// Listens until a condition holds.
    pub(crate) async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(
                tokio::time::Instant::now() < deadline,
                "waited in vain until {what}; states: {:?}, declined: {:?}",
                self.states,
                self.declined
            );
            for member in 0..self.members.len() {
                while let Some(event) = self.members[member].event_within(Duration::from_millis(2)).await {
                    self.hear(event);
                    if holds(self) {
                        return;
                    }
                }
            }
        }
    }

    pub(crate) async fn until_all(&mut self, state: &str) {
        let tasks = self.tasks();
        self.until(&format!("all tasks are {state}"), |cluster| tasks.iter().all(|task| cluster.state(*task) == state)).await;
    }

    pub(crate) fn state(&self, attempt: AttemptId) -> &str {
        self.states.get(&attempt).map_or("", |(state, _)| state.as_str())
    }

    pub(crate) fn failure(&self) -> Option<&str> {
        self.states.values().find(|(state, _)| state == "FAILED").map(|(_, failure)| failure.as_str())
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::TaskState(changed) => {
                let attempt = convert::attempt(&changed.attempt).unwrap();
                self.states.insert(attempt, (changed.state, changed.failure));
            }
            Event::CheckpointAcknowledged(ack) => {
                let snapshot = convert::from_json("snapshot", &ack.snapshot).unwrap();
                self.acknowledged.entry(ack.checkpoint).or_default().push(snapshot);
            }
            Event::CheckpointDeclined(declined) => self.declined.push((declined.checkpoint, declined.reason)),
            Event::CheckpointCommitted(committed) => {
                let attempt = convert::attempt(&committed.attempt).unwrap();
                self.committed.entry(committed.checkpoint).or_default().insert(attempt);
            }
            Event::TaskEnded(ended) => {
                self.ended.insert(convert::attempt(&ended.attempt).unwrap());
            }
            Event::CollectedRows(rows) => self.rows.push(rows),
            Event::Heartbeat(heartbeat) => {
                for report in heartbeat.tasks {
                    let metrics = convert::from_json("metrics", &report.metrics).unwrap();
                    self.metrics.insert(convert::attempt(&report.attempt).unwrap(), metrics);
                }
            }
            Event::Register(_) => panic!("a second registration on one stream"),
        }
    }

    /// Plays the end of a bounded job: ended, final checkpoint, committed, finished.
    pub(crate) async fn run_to_the_end(&mut self, checkpoint: u64) {
        let count = self.tasks().len();
        self.until("all tasks have ended", |cluster| cluster.failure().is_some() || cluster.ended.len() == count).await;
        assert_eq!(self.failure(), None);
        self.trigger(checkpoint, CheckpointKind::Final).await;
        self.until("the final checkpoint is acknowledged", |cluster| {
            cluster.acknowledged.get(&checkpoint).is_some_and(|acks| acks.len() == count)
        })
        .await;
        self.complete(checkpoint).await;
        self.until("the final checkpoint is committed", |cluster| {
            cluster.committed.get(&checkpoint).is_some_and(|tasks| tasks.len() == count)
        })
        .await;
        self.finish().await;
        self.until_all("FINISHED").await;
    }
}
