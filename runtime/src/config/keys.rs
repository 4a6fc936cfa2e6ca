//! The keys that have an effect, each with its type, default and meaning; and those of Flink's that are accepted without one.
//!
//! Keys of a job (checkpoints, restarts, SQL) are read by the planner from the same text; here they are only known by name.

use std::time::Duration;

use irmak_common::duration::{parse_duration, parse_memory_size};

use super::ConfigError;

/// A key, how its value is read, and what it means.
#[derive(Debug)]
pub struct Key<T> {
    /// Flink's name, or ours where Flink has none.
    pub name: &'static str,
    /// Names that are understood as well.
    pub older: &'static [&'static str],
    /// The text that stands for an absent value; `None`: the key has no default.
    pub default: Option<&'static str>,
    /// What is accepted, for messages.
    pub accepts: &'static str,
    parse: fn(&str) -> Result<T, String>,
}

impl<T> Key<T> {
    pub(super) fn read(&self, name: &str, text: &str) -> Result<T, ConfigError> {
        (self.parse)(text.trim()).map_err(|reason| ConfigError::Value {
            key: name.to_owned(),
            value: text.to_owned(),
            reason,
            accepts: self.accepts,
        })
    }
}

fn text(value: &str) -> Result<String, String> {
    if value.is_empty() { Err("it is empty".to_owned()) } else { Ok(value.to_owned()) }
}

fn number<T: std::str::FromStr<Err = std::num::ParseIntError>>(value: &str) -> Result<T, String> {
    value.parse().map_err(|error: std::num::ParseIntError| error.to_string())
}

fn positive(value: &str) -> Result<u32, String> {
    number(value).and_then(|count: u32| if count == 0 { Err("it is zero".to_owned()) } else { Ok(count) })
}

fn truth(value: &str) -> Result<bool, String> {
    value.to_ascii_lowercase().parse().map_err(|_| "it is neither true nor false".to_owned())
}

fn duration(value: &str) -> Result<Duration, String> {
    parse_duration(value).map_err(|error| error.to_string())
}

fn memory(value: &str) -> Result<u64, String> {
    parse_memory_size(value).map_err(|error| error.to_string())
}

const PORT: &str = "a port, 0 to 65535 (0: any free one)";
const HOST: &str = "a host name or address";
const DURATION: &str = "a duration such as `10 s` or `500ms`";
const URI: &str = "a URI such as file:///var/irmak/checkpoints";

macro_rules! keys {
    ($($(#[doc = $doc:literal])+ $ident:ident: $type:ty = ($name:literal, $older:expr, $default:expr, $accepts:expr, $parse:ident);)+) => {
        $($(#[doc = $doc])+ pub const $ident: Key<$type> = Key { name: $name, older: &$older, default: $default, accepts: $accepts, parse: $parse };)+

        const READ_HERE: &[&str] = &[$($name),+];

        /// Reads the value of a key that is read here; other keys are fine whatever they say.
        pub(super) fn check(key: &str, value: &str) -> Result<(), ConfigError> {
            $(if key == $name || $ident.older.contains(&key) {
                return $ident.read(key, value).map(|_| ());
            })+
            Ok(())
        }

        fn is_older(key: &str) -> bool {
            $($ident.older.contains(&key))||+
        }
    };
}

keys! {
    /// Where TaskManagers and clients find the JobManager.
    JOBMANAGER_ADDRESS: String = ("jobmanager.rpc.address", [], Some("localhost"), HOST, text);
    /// The port of the TaskManagers' control stream.
    JOBMANAGER_PORT: u16 = ("jobmanager.rpc.port", [], Some("6123"), PORT, number);
    /// The address that the control stream's port is bound to.
    JOBMANAGER_BIND_HOST: String = ("jobmanager.bind-host", [], Some("localhost"), HOST, text);
    /// Where clients find the REST API.
    REST_ADDRESS: String = ("rest.address", [], Some("localhost"), HOST, text);
    /// The port of REST, dashboard and submission.
    REST_PORT: u16 = ("rest.port", ["rest.bind-port"], Some("8081"), PORT, number);
    /// The address that the REST port is bound to.
    REST_BIND_ADDRESS: String = ("rest.bind-address", [], Some("localhost"), HOST, text);
    /// Subtasks that a TaskManager runs side by side, per vertex.
    TASK_SLOTS: u32 = ("taskmanager.numberOfTaskSlots", [], Some("1"), "a number from 1", positive);
    /// How other TaskManagers reach this one; by default the address it reaches the JobManager from.
    TASKMANAGER_HOST: String = ("taskmanager.host", [], None, HOST, text);
    /// The address that the data port is bound to.
    TASKMANAGER_BIND_HOST: String = ("taskmanager.bind-host", [], Some("localhost"), HOST, text);
    /// The port of the exchange between TaskManagers.
    TASKMANAGER_DATA_PORT: u16 = ("taskmanager.data.port", [], Some("0"), PORT, number);
    /// Subtasks of each vertex of a job that says nothing of it.
    PARALLELISM: u32 = ("parallelism.default", [], Some("1"), "a number from 1", positive);
    /// How often TaskManagers are asked for a heartbeat.
    HEARTBEAT_INTERVAL: Duration = ("heartbeat.interval", [], Some("1 s"), DURATION, duration);
    /// After so long without one, the other side is lost.
    HEARTBEAT_TIMEOUT: Duration = ("heartbeat.timeout", [], Some("10 s"), DURATION, duration);
    /// Where checkpoints lie; by default a folder below the JobManager's data folder.
    CHECKPOINTS_DIR: String = ("execution.checkpointing.dir", ["state.checkpoints.dir"], None, URI, text);
    /// Where the JobManager keeps its journal. Ours.
    DATA_DIR: String = ("jobmanager.data-dir", [], None, "a folder", text);
    /// Folders that jobs may read and write files in, separated by `;`. Ours. Default: anywhere while everything is bound to loopback.
    FILE_ROOTS: String = ("irmak.security.file-roots", [], None, "folders separated by `;`", text);
    /// Lets ports be bound wider than loopback although nobody has to log in. Ours.
    ALLOW_UNAUTHENTICATED: bool = ("irmak.security.allow-unauthenticated", [], Some("false"), "true or false", truth);
    /// The port of Prometheus metrics; a range is tried in order. 0 or `off`: none.
    PROMETHEUS_PORT: String = ("metrics.reporter.prom.port", [], Some("9249"), "a port, a range such as 9249-9260, or off", text);
    /// The default zone of a session.
    LOCAL_TIME_ZONE: String = ("table.local-time-zone", [], Some("UTC"), "an IANA zone such as Europe/Istanbul", text);
    /// Threads that serve control streams, REST and exchanges.
    IO_THREADS: u32 = ("irmak.io-threads", [], Some("2"), "a number from 1", positive);
    /// Bytes that one channel between two TaskManagers holds in flight. Ours.
    CHANNEL_WINDOW: u64 = ("irmak.network.channel-window", [], Some("1 mb"), "a size such as `1 mb`", memory);
}

/// Keys of a job: read by the planner, from here or from SET.
const OF_JOBS: &[&str] = &[
    "execution.checkpointing.interval",
    "execution.checkpointing.min-pause",
    "execution.checkpointing.timeout",
    "execution.checkpointing.tolerable-failed-checkpoints",
    "execution.checkpointing.num-retained",
    "execution.checkpointing.mode",
    "execution.checkpointing.max-concurrent-checkpoints",
    "execution.checkpointing.savepoint-dir",
    "execution.checkpointing.externalized-checkpoint-retention",
    "execution.checkpointing.unaligned",
    "execution.checkpointing.unaligned.enabled",
    "execution.runtime-mode",
    "execution.savepoint.path",
    "state.checkpoints.num-retained",
    "state.savepoints.dir",
    "state.backend",
    "state.backend.type",
    "restart-strategy",
    "restart-strategy.type",
    "restart-strategy.fixed-delay.attempts",
    "restart-strategy.fixed-delay.delay",
    "restart-strategy.failure-rate.max-failures-per-interval",
    "restart-strategy.failure-rate.failure-rate-interval",
    "restart-strategy.failure-rate.delay",
    "restart-strategy.exponential-delay.initial-backoff",
    "restart-strategy.exponential-delay.max-backoff",
    "restart-strategy.exponential-delay.backoff-multiplier",
    "restart-strategy.exponential-delay.reset-backoff-threshold",
    "restart-strategy.exponential-delay.jitter-factor",
    "restart-strategy.exponential-delay.attempts-before-reset-backoff",
    "pipeline.name",
    "pipeline.max-parallelism",
    "pipeline.auto-watermark-interval",
    "pipeline.object-reuse",
    "pipeline.operator-chaining",
    "pipeline.operator-chaining.enabled",
];

/// Flink's keys that shape a JVM or a component that is not here: accepted, so that a Flink configuration runs unchanged.
const WITHOUT_EFFECT: &[&str] = &[
    "rest.flamegraph.enabled",
    "classloader.resolve-order",
    "jobmanager.execution.failover-strategy",
    "query.server.port",
    "cluster.evenly-spread-out-slots",
];
const PREFIXES: &[&str] = &[
    "table.",
    "sql-client.",
    "jobmanager.memory.",
    "taskmanager.memory.",
    "taskmanager.network.",
    "taskmanager.cpu.",
    "env.",
    "io.tmp.",
    "akka.",
    "pekko.",
    "blob.",
    "fs.",
    "s3.",
    "web.",
    "metrics.",
    "high-availability",
    "kubernetes.",
    "security.",
    "historyserver.",
    "jobmanager.scheduler",
    "jobmanager.archive.",
    "jobstore.",
    "yarn.",
    "state.backend.",
    "slot.",
    "slotmanager.",
    "client.",
    "parallelism.",
    "restart-strategy.",
    "execution.",
    "pipeline.",
];
/// Prefixes under which a misspelt name is still likely: there, the exact names decide.
const EXACT: &[&str] = &["restart-strategy.", "execution.checkpointing.", "pipeline.", "parallelism."];

/// All exact names.
pub(super) fn known() -> impl Iterator<Item = &'static str> {
    READ_HERE.iter().chain(OF_JOBS).chain(WITHOUT_EFFECT).copied()
}

/// Whether a key has an effect or is one of Flink's.
pub fn is_known(key: &str) -> bool {
    let exact = known().any(|name| name == key) || is_older(key);
    let by_prefix = PREFIXES.iter().any(|prefix| key.starts_with(prefix)) && !EXACT.iter().any(|prefix| key.starts_with(prefix));
    exact || by_prefix
}
