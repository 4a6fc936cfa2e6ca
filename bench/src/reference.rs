//! The reference job over one topic, once by the hand-written loop and once by Irmak; each result is compared with the expected rows.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use irmak_e2e::compare::Folder;
use irmak_e2e::kafka::Kafka;
use irmak_e2e::places;
use irmak_e2e::process::tied;
use irmak_e2e::script::Script;

use crate::daemons::Daemons;
use crate::measure;

const DEADLINE: Duration = Duration::from_secs(600);

/// A topic that holds the rows.
pub(crate) struct Topic<'a> {
    /// Where it is.
    pub(crate) kafka: &'a Kafka,
    /// Its name.
    pub(crate) name: String,
    /// Its partitions.
    pub(crate) partitions: u32,
    /// The lines that the job must write.
    pub(crate) expected: &'a [String],
}

/// What one run of the job took.
#[derive(Clone, Debug)]
pub(crate) struct Figures {
    /// From submission to the end, in seconds.
    pub(crate) seconds: f64,
    /// Processor seconds of all its processes, the broker's not counted.
    pub(crate) cpu_s: f64,
    /// The most resident memory of all its processes, in bytes.
    pub(crate) peak: u64,
    /// Expected rows that are missing.
    pub(crate) lost: usize,
    /// Rows that are there once too often.
    pub(crate) doubled: usize,
}

impl Topic<'_> {
    /// At which parallelism Irmak runs it: one slot a partition, two at most.
    pub(crate) fn parallelism(&self) -> u32 {
        self.partitions.min(2)
    }

    /// The hand-written loop, in a process of its own. `dir` is empty and takes its output.
    pub(crate) fn handwritten(&self, dir: &Path) -> Result<Figures> {
        let output = dir.join("output");
        let mut command = tied(&handwritten_binary()?);
        command.args([&self.kafka.address(), &self.name]).arg(&output);
        let spent = measure::run(command, &dir.join("handwritten.log"), DEADLINE).context("the hand-written loop")?;
        ensure!(spent.stdout.contains(" 0 late"), "the hand-written loop had late rows: {}", spent.stdout);
        self.verified(&output, Figures { seconds: spent.wall.as_secs_f64(), cpu_s: spent.cpu_s, peak: spent.peak, lost: 0, doubled: 0 })
    }

    /// Irmak: a JobManager and a TaskManager that were just started, and `irmak run`, which ends with the job. All three are counted.
    pub(crate) fn irmak(&self, dir: &Path) -> Result<Figures> {
        let output = dir.join("output");
        let script = Script::reference(&self.name, &self.kafka.address(), &output)?.bounded()?.write(dir, "reference")?;
        let mut daemons = Daemons::start(dir)?;
        let before = daemons.cpu_s()?;
        let mut command = tied(&places::binary()?);
        command.args(["run", "-m", &format!("127.0.0.1:{}", daemons.port), "-p", &self.parallelism().to_string()]).arg(&script);
        let spent = measure::run(command, &dir.join("run.log"), DEADLINE).context("irmak run")?;
        let cpu_s = daemons.cpu_s()? - before + spent.cpu_s;
        let peak = daemons.memory()?.peak + spent.peak;
        daemons.never_ended()?;
        let figures = Figures { seconds: spent.wall.as_secs_f64(), cpu_s, peak, lost: 0, doubled: 0 };
        self.verified(&output, figures)
    }

    /// `figures` with what the comparison found. Errors: a line that nobody expected.
    fn verified(&self, output: &Path, figures: Figures) -> Result<Figures> {
        let mut folder = Folder::new(output);
        folder.look()?;
        let verdict = folder.verdict(self.expected);
        ensure!(verdict.wrong.is_empty(), "wrong output: {verdict}");
        if !verdict.exact() {
            eprintln!("{verdict}");
        }
        Ok(Figures { lost: verdict.lost.len(), doubled: verdict.doubled.len(), ..figures })
    }
}

/// Beside this program.
fn handwritten_binary() -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name("handwritten");
    ensure!(path.is_file(), "no {}: build it with `cargo build --release -p irmak-bench`", path.display());
    Ok(path)
}
