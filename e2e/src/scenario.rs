//! One end-to-end story: a folder of its own, the rows, and on failure the ends of all logs.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Result;

use crate::cluster::{Cluster, Layout};
use crate::compare::Folder;
use crate::kafka::{self, Kafka};
use crate::listings::Listings;
use crate::places;
use crate::process::tail;
use crate::script::Script;

/// How many partitions the topics of the tests have.
pub const PARTITIONS: u32 = 4;

/// What a story has at hand.
pub struct Scenario {
    name: String,
    dir: PathBuf,
    /// The rows.
    pub listings: Listings,
}

/// Tells the story `name`; when it fails, by error or by panic, the ends of its logs go to standard error.
pub fn run(name: &str, story: impl FnOnce(&Scenario) -> Result<()>) -> Result<()> {
    let dir = places::scenario_dir(name)?;
    let scenario = Scenario { name: name.to_owned(), dir: dir.clone(), listings: Listings::load()? };
    let _logs_on_panic = LogsOnPanic(dir.clone());
    let result = story(&scenario);
    if result.is_err() {
        show_logs(&dir);
    }
    result
}

impl Scenario {
    /// Its folder, empty at the start.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where its job writes.
    pub fn output_dir(&self) -> PathBuf {
        self.dir.join("output")
    }

    /// Its output folder, to compare.
    pub fn output(&self) -> Folder {
        Folder::new(&self.output_dir())
    }

    /// A topic that no other story uses.
    pub fn topic(&self) -> String {
        self.name.replace(' ', "-")
    }

    /// The shared broker, with this story's topic in it.
    pub fn kafka(&self) -> Result<&'static Kafka> {
        let kafka = kafka::shared()?;
        kafka.create_topic(&self.topic(), PARTITIONS, &[])?;
        Ok(kafka)
    }

    /// A broker of its own, with this story's topic in it.
    pub fn own_kafka(&self) -> Result<Kafka> {
        let kafka = Kafka::start(&self.dir.join("kafka"))?;
        kafka.create_topic(&self.topic(), PARTITIONS, &[])?;
        Ok(kafka)
    }

    /// The reference job from this story's topic to its output folder.
    pub fn script(&self, kafka: &Kafka) -> Result<Script> {
        Script::reference(&self.topic(), &kafka.address(), &self.output_dir())
    }

    /// A cluster in its folder.
    pub fn cluster(&self, layout: Layout) -> Result<Cluster> {
        Cluster::start(&self.dir, layout)
    }
}

struct LogsOnPanic(PathBuf);

impl Drop for LogsOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            show_logs(&self.0);
        }
    }
}

fn show_logs(dir: &Path) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    let mut logs: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "log")).collect();
    logs.sort();
    for log in logs {
        eprintln!("--- the end of {}\n{}", log.display(), tail(&log, 4_000));
    }
}
