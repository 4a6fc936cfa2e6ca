//! The reference SQL, changed only where a test must: topic, broker, path, and options that a test adds.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::places;

/// The end of the reference job's source options.
const SOURCE_END: &str = "'value.format' = 'json'";
/// The end of the reference job's sink options.
const SINK_END: &str = "'csv.record-row-delimiter' = '\\n'";

/// A script in the making.
#[derive(Clone, Debug)]
pub struct Script(String);

impl Script {
    /// `examples/kdv/kdv.sql`, reading `topic` from `brokers` and writing below `path`.
    pub fn reference(topic: &str, brokers: &str, path: &Path) -> Result<Self> {
        let file = places::repository().join("examples/kdv/kdv.sql");
        let text = fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
        Self(text)
            .replace("'topic' = 'sahibinden'", &format!("'topic' = '{topic}'"))?
            .replace("'localhost:9092'", &format!("'{brokers}'"))?
            .replace("file:///opt/flink/data/output", &places::uri(path))?
            .replace("'sahibinden-group'", &format!("'{topic}-group'"))
    }

    /// Replaces the only occurrence of `from`. Errors: there is none, or more than one.
    pub fn replace(self, from: &str, to: &str) -> Result<Self> {
        let found = self.0.matches(from).count();
        ensure!(found == 1, "`{from}` occurs {found} times in the script, once expected:\n{}", self.0);
        Ok(Self(self.0.replacen(from, to, 1)))
    }

    /// Adds an option to the source.
    pub fn source_option(self, key: &str, value: &str) -> Result<Self> {
        self.replace(SOURCE_END, &format!("'{key}' = '{value}',\n    {SOURCE_END}"))
    }

    /// Adds an option to the sink.
    pub fn sink_option(self, key: &str, value: &str) -> Result<Self> {
        self.replace(SINK_END, &format!("'{key}' = '{value}',\n    {SINK_END}"))
    }

    /// The job ends at the topic's end of now.
    pub fn bounded(self) -> Result<Self> {
        self.source_option("scan.bounded.mode", "latest-offset")
    }

    /// Puts `SET 'key' = 'value';` first.
    pub fn set(self, key: &str, value: &str) -> Self {
        Self(format!("SET '{key}' = '{value}';\n{}", self.0))
    }

    /// Checkpoints every `interval_ms`, files that live a few of them, and restarts that follow at once: what the crash tests want.
    pub fn impatient(self, interval_ms: u32) -> Result<Self> {
        Ok(self
            .sink_option("sink.rolling-policy.rollover-interval", "1 s")?
            .sink_option("sink.rolling-policy.check-interval", "200 ms")?
            .set("execution.checkpointing.interval", &format!("{interval_ms} ms"))
            .set("restart-strategy.type", "exponential-delay")
            .set("restart-strategy.exponential-delay.initial-backoff", "100 ms")
            .set("restart-strategy.exponential-delay.max-backoff", "500 ms"))
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Writes it to `dir/NAME.sql`.
    pub fn write(&self, dir: &Path, name: &str) -> Result<PathBuf> {
        let path = dir.join(format!("{name}.sql"));
        fs::write(&path, &self.0).with_context(|| format!("writing {}", path.display()))?;
        Ok(path)
    }
}
