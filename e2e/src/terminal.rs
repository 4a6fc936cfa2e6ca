//! A program at a terminal: what a person types, and what they then see.
//!
//! The terminal is a real pseudo-terminal, made by util-linux's `script`: keys arrive one by one, Ctrl-C is a signal.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process::{spawn, tied};
use crate::wait;

/// See the module's page.
pub struct Terminal {
    child: Child,
    keys: Option<ChildStdin>,
    seen: Arc<Mutex<Vec<u8>>>,
    /// Up to where it has been looked at.
    read: usize,
}

impl Terminal {
    /// Starts a shell command at a terminal of its own.
    pub fn start(command: &str, env: &[(&str, &str)]) -> Result<Self> {
        let mut script: Command = tied("script".as_ref());
        script.args(["--quiet", "--return", "--command", command, "/dev/null"]).envs(env.iter().copied()).env("TERM", "xterm");
        script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = spawn(script)?;
        let keys = child.stdin.take();
        let mut screen = child.stdout.take().context("no standard output")?;
        let seen = Arc::new(Mutex::new(Vec::new()));
        let into = seen.clone();
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(length @ 1..) = screen.read(&mut piece) {
                if let Ok(mut seen) = into.lock() {
                    seen.extend_from_slice(&piece[..length]);
                }
            }
        });
        Ok(Self { child, keys, seen, read: 0 })
    }

    /// Presses keys: `\r` is Enter, `\t` Tab, `\x03` Ctrl-C, `\x04` Ctrl-D, `\x1b[A` the arrow up.
    pub fn press(&mut self, keys: &str) -> Result<()> {
        let to = self.keys.as_mut().context("the terminal is closed")?;
        to.write_all(keys.as_bytes())?;
        to.flush().context("pressing keys")
    }

    /// Waits until `text` appears behind what was seen before; returns all up to its end.
    pub fn sees(&mut self, text: &str, deadline: Duration) -> Result<String> {
        let (seen, from) = (self.seen.clone(), self.read);
        let (until, shown) = wait::until(&format!("`{text}` at the terminal"), deadline, || {
            let bytes = seen.lock().map(|seen| seen[from..].to_vec()).unwrap_or_default();
            let found = bytes.windows(text.len()).position(|window| window == text.as_bytes());
            Ok(match found {
                Some(at) => wait::Seen::Yes((at + text.len(), String::from_utf8_lossy(&bytes[..at + text.len()]).into_owned())),
                None => wait::Seen::NotYet(String::from_utf8_lossy(&bytes).into_owned()),
            })
        })?;
        self.read += until;
        Ok(shown)
    }

    /// Waits until the program has ended; its exit code.
    pub fn ended(&mut self, deadline: Duration) -> Result<Option<i32>> {
        let child = &mut self.child;
        let status = wait::until("the end of the program at the terminal", deadline, || {
            Ok(match child.try_wait()? {
                Some(status) => wait::Seen::Yes(status),
                None => wait::Seen::NotYet("it runs".into()),
            })
        })?;
        Ok(status.code())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // The end of its keys and of its terminal end the program.
        self.keys = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
