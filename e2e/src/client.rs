//! What a person does with a cluster: `irmak run`, `list`, `cancel`, and the REST API, each with a deadline.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::places;
use crate::process::{Output, output, tied};
use crate::wait::{self, Seen, seconds};

/// A client of the JobManager on one REST port of 127.0.0.1.
#[derive(Clone, Debug)]
pub struct Client {
    binary: PathBuf,
    port: u16,
    dir: PathBuf,
    agent: ureq::Agent,
}

impl Client {
    /// `dir` is where its processes run.
    pub fn new(port: u16, dir: &Path) -> Result<Self> {
        let config =
            ureq::Agent::config_builder().timeout_global(Some(seconds(30))).http_status_as_error(false).max_idle_connections(0).build();
        Ok(Self { binary: places::binary()?, port, dir: dir.to_owned(), agent: config.into() })
    }

    /// The page's address.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The port of the page.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs `irmak VERB -m 127.0.0.1:PORT ARGS` to its end.
    pub fn irmak(&self, verb: &str, args: &[&str], deadline: Duration) -> Result<Output> {
        let mut command = tied(&self.binary);
        command.arg(verb).args(["-m", &format!("127.0.0.1:{}", self.port)]).args(args).current_dir(&self.dir);
        output(command, deadline)
    }

    /// `irmak run FILE`, attached: returns when the job has ended or was refused.
    pub fn run(&self, script: &Path, parallelism: u32, deadline: Duration) -> Result<Output> {
        self.irmak("run", &["-p", &parallelism.to_string(), &script.display().to_string()], deadline)
    }

    /// `irmak run -d FILE`: returns the job's id.
    pub fn submit(&self, script: &Path, parallelism: u32) -> Result<String> {
        let said = self.irmak("run", &["-d", "-p", &parallelism.to_string(), &script.display().to_string()], seconds(30))?;
        ensure!(said.code == Some(0), "the submission failed: {}", said.all());
        let id = said.stdout.split("Job has been submitted with JobID ").nth(1).and_then(|rest| rest.split_whitespace().next());
        let id = id.with_context(|| format!("no JobID in: {}", said.all()))?;
        ensure!(id.len() == 32 && id.chars().all(|c| c.is_ascii_hexdigit()), "not a JobID of 32 hexadecimal digits: {id}");
        Ok(id.to_owned())
    }

    /// `irmak cancel ID`.
    pub fn cancel(&self, job: &str) -> Result<()> {
        let said = self.irmak("cancel", &[job], seconds(30))?;
        ensure!(said.code == Some(0), "the cancellation failed: {}", said.all());
        Ok(())
    }

    /// GET of a REST path, as JSON. Errors: anything but status 200.
    pub fn get(&self, path: &str) -> Result<Value> {
        let mut response = self.agent.get(format!("{}{path}", self.url())).call().with_context(|| format!("GET {path}"))?;
        let status = response.status();
        let text = response.body_mut().read_to_string().with_context(|| format!("GET {path}"))?;
        ensure!(status == 200, "GET {path}: {status}: {text}");
        serde_json::from_str(&text).with_context(|| format!("GET {path} is not JSON: {text}"))
    }

    /// The job's state, Flink's word.
    pub fn state(&self, job: &str) -> Result<String> {
        let details = self.get(&format!("/jobs/{job}"))?;
        details["state"].as_str().map(str::to_owned).with_context(|| format!("no state in {details}"))
    }

    /// Waits until the job's state is `state`. Errors at once when it has ended otherwise.
    pub fn wait_state(&self, job: &str, state: &str, deadline: Duration) -> Result<()> {
        let mut ended = None;
        wait::until(&format!("job {job} to be {state}"), deadline, || {
            let now = self.state(job)?;
            if now != state && ["FINISHED", "FAILED", "CANCELED"].contains(&now.as_str()) {
                ended = Some(now);
                return Ok(Seen::Yes(()));
            }
            wait::when(now == state, || now.clone())
        })?;
        match ended {
            Some(now) => anyhow::bail!("job {job} is {now}, not {state}: {}", self.root_cause(job)),
            None => Ok(()),
        }
    }

    /// How many checkpoints of the job have completed.
    pub fn checkpoints_completed(&self, job: &str) -> Result<u64> {
        let checkpoints = self.get(&format!("/jobs/{job}/checkpoints"))?;
        checkpoints["counts"]["completed"].as_u64().with_context(|| format!("no count of completed checkpoints in {checkpoints}"))
    }

    /// Waits until `more` further checkpoints have completed.
    pub fn wait_checkpoints(&self, job: &str, more: u64, deadline: Duration) -> Result<()> {
        let before = self.checkpoints_completed(job).unwrap_or(0);
        wait::until(&format!("{more} more checkpoints of job {job}"), deadline, || {
            let now = self.checkpoints_completed(job)?;
            wait::when(now >= before + more, || format!("{} more", now.saturating_sub(before)))
        })
    }

    /// Everything that the job says about its failures, as text.
    pub fn root_cause(&self, job: &str) -> String {
        match self.get(&format!("/jobs/{job}/exceptions")) {
            Ok(value) => value.to_string(),
            Err(error) => format!("(no exceptions: {error:#})"),
        }
    }

    /// The job's details and failures together: wherever a sentence about its health may stand.
    pub fn words(&self, job: &str) -> String {
        let details = self.get(&format!("/jobs/{job}")).map_or_else(|error| format!("{error:#}"), |value| value.to_string());
        format!("{details}\n{}", self.root_cause(job))
    }
}
