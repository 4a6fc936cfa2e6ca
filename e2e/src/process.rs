//! A process that ends with the test, whatever happens to the test.
//!
//! Every child is started through `setpriv --pdeathsig KILL` from one thread that lives as long as the test process, so the kernel kills it
//! when the test process ends, even by kill -9. Output goes to a file, appended over restarts.

use std::fs::{self, OpenOptions};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{self, SyncSender};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal};

use crate::wait;

/// How a process is started, again and again.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// The word for it in messages.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// What is added to the environment.
    pub env: Vec<(String, String)>,
    /// Its working folder.
    pub dir: PathBuf,
    /// Where its standard output and standard error go.
    pub log: PathBuf,
}

/// A process and the way to start it again.
#[derive(Debug)]
pub struct Process {
    recipe: Recipe,
    child: Option<Child>,
    starts: u32,
}

impl Process {
    /// Starts it.
    pub fn start(recipe: Recipe) -> Result<Self> {
        let mut process = Self { recipe, child: None, starts: 0 };
        process.start_again()?;
        Ok(process)
    }

    /// Starts it again on the same recipe. Errors: it is still running.
    pub fn start_again(&mut self) -> Result<()> {
        if self.running() {
            bail!("{} is still running", self.recipe.name);
        }
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.recipe.log)
            .with_context(|| format!("opening {}", self.recipe.log.display()))?;
        let mut command = tied(&self.recipe.program);
        command.args(&self.recipe.args).envs(self.recipe.env.iter().cloned()).current_dir(&self.recipe.dir);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.child = Some(spawn(command).with_context(|| format!("starting {}", self.recipe.name))?);
        self.starts += 1;
        Ok(())
    }

    /// The recipe, to change before the next start.
    pub fn recipe_mut(&mut self) -> &mut Recipe {
        &mut self.recipe
    }

    /// The word for it in messages.
    pub fn name(&self) -> &str {
        &self.recipe.name
    }

    /// How often it was started.
    pub fn starts(&self) -> u32 {
        self.starts
    }

    /// Where its output goes.
    pub fn log(&self) -> &Path {
        &self.recipe.log
    }

    /// Its process id. Errors: it does not run.
    pub fn pid(&self) -> Result<u32> {
        self.child.as_ref().map(Child::id).with_context(|| format!("{} does not run", self.recipe.name))
    }

    /// Whether it runs (a stopped process runs).
    pub fn running(&mut self) -> bool {
        self.exit_status().is_none() && self.child.is_some()
    }

    /// How it ended, if it did.
    pub fn exit_status(&mut self) -> Option<ExitStatus> {
        self.child.as_mut().and_then(|child| child.try_wait().ok().flatten())
    }

    /// kill -9, and waits for its end.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(child) = self.child.as_mut() {
            child.kill().with_context(|| format!("killing {}", self.recipe.name))?;
            child.wait()?;
        }
        Ok(())
    }

    /// SIGTERM, and waits for its end. Errors: it has not ended after `deadline`.
    pub fn stop(&mut self, deadline: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.ended(deadline)
    }

    /// Waits for its end. Errors: it has not ended after `deadline`.
    pub fn ended(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let name = self.recipe.name.clone();
        wait::until(&format!("{name} to end"), deadline, || {
            Ok(match self.exit_status() {
                Some(status) => wait::Seen::Yes(status),
                None => wait::Seen::NotYet("it runs".into()),
            })
        })
    }

    /// SIGSTOP: it stands still, its sockets stay open.
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT.
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let raw = i32::try_from(self.pid()?).context("process id out of range")?;
        let pid = Pid::from_raw(raw).context("no process id")?;
        rustix::process::kill_process(pid, signal).with_context(|| format!("signal {signal:?} to {}", self.recipe.name))
    }

    /// Resident memory in bytes.
    pub fn resident_bytes(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid()?))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
        let kib: u64 = line.split_whitespace().nth(1).context("no figure in VmRSS")?.parse()?;
        Ok(kib * 1024)
    }

    /// The last `bytes` of its output.
    pub fn log_tail(&self, bytes: u64) -> String {
        tail(&self.recipe.log, bytes)
    }

    /// Everything that it has said.
    pub fn log_text(&self) -> String {
        fs::read(&self.recipe.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(child) = self.child.as_mut() {
            // Nobody is left to tell if this fails; the kernel does it again at the end of the test process.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The last `bytes` of a file, as text; what is wrong with the file if it cannot be read.
pub fn tail(path: &Path, bytes: u64) -> String {
    let read = || -> std::io::Result<String> {
        let mut file = fs::File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(bytes)))?;
        let mut out = Vec::new();
        file.read_to_end(&mut out)?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    };
    read().unwrap_or_else(|error| format!("({}: {error})", path.display()))
}

/// A command whose process the kernel kills when the test process ends; start it with [`spawn`].
pub fn tied(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Starts a command from the one thread that outlives all tests: the kernel's "parent died" means the parent's thread.
pub fn spawn(command: Command) -> Result<Child> {
    type Request = (Command, SyncSender<std::io::Result<Child>>);
    static NURSERY: OnceLock<SyncSender<Request>> = OnceLock::new();
    let nursery = NURSERY.get_or_init(|| {
        let (sender, receiver) = mpsc::sync_channel::<Request>(16);
        thread::spawn(move || {
            for (mut command, answer) in receiver {
                let _ = answer.send(command.spawn());
            }
        });
        sender
    });
    let (sender, receiver) = mpsc::sync_channel(1);
    nursery.send((command, sender)).map_err(|_| anyhow!("the thread that starts processes is gone"))?;
    receiver.recv().context("the thread that starts processes is gone")?.context("setpriv (of util-linux) could not be started")
}

/// How a command ended and what it said.
#[derive(Debug)]
pub struct Output {
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
}

impl Output {
    /// Standard output and standard error together, for messages.
    pub fn all(&self) -> String {
        format!("exit {:?} after {:.1} s\n--- stdout\n{}\n--- stderr\n{}", self.code, self.took.as_secs_f64(), self.stdout, self.stderr)
    }
}

/// Runs a command to its end; kills it at `deadline`, which is an error that says what it had said.
pub fn output(mut command: Command, deadline: Duration) -> Result<Output> {
    let name = format!("{command:?}");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let start = std::time::Instant::now();
    let mut child = spawn(command)?;
    let stdout = reader(child.stdout.take());
    let stderr = reader(child.stderr.take());
    let status = wait::until(&name, deadline, || {
        Ok(match child.try_wait()? {
            Some(status) => wait::Seen::Yes(status),
            None => wait::Seen::NotYet("it runs".into()),
        })
    });
    if status.is_err() {
        child.kill()?;
        child.wait()?;
    }
    let took = start.elapsed();
    let text =
        |reader: thread::JoinHandle<Vec<u8>>| reader.join().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let (stdout, stderr) = (text(stdout), text(stderr));
    match status {
        Ok(status) => Ok(Output { code: status.code(), stdout, stderr, took }),
        Err(error) => Err(error.context(format!("it had said:\n--- stdout\n{}\n--- stderr\n{}", end_of(&stdout), end_of(&stderr)))),
    }
}

/// The last lines of what a process said; all of it would bury the message.
fn end_of(text: &str) -> &str {
    let from = text.len().saturating_sub(4_000);
    (from..text.len()).find(|at| text.is_char_boundary(*at)).map_or(text, |at| &text[at..])
}

fn reader(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut stream) = stream {
            let _ = stream.read_to_end(&mut bytes);
        }
        bytes
    })
}
