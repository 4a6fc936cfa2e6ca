//! A program at a terminal: what a person types, and what they then see.
//!
//! The terminal is a real pseudo-terminal: keys arrive one by one, Ctrl-C is a signal, and its end hangs up on the program, even where
//! the test process was killed.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use pty_process::Size;
use pty_process::blocking::{Command, Pty, open};

use crate::wait;

/// See the module's page.
pub struct Terminal {
    child: Child,
    keys: Arc<Pty>,
    seen: Arc<Mutex<Vec<u8>>>,
    /// Up to where it has been looked at.
    read: usize,
}

impl Terminal {
    /// Starts a program at a terminal of its own, 200 columns wide.
    pub fn start(program: &Path, args: &[&str], env: &[(&str, &str)]) -> Result<Self> {
        let (keys, terminal) = open().context("a pseudo-terminal")?;
        keys.resize(Size::new(50, 200)).context("the size of the terminal")?;
        let command = Command::new(program).args(args).envs(env.iter().copied()).env("TERM", "xterm");
        let child = command.spawn(terminal).with_context(|| format!("starting {}", program.display()))?;
        let keys = Arc::new(keys);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (screen, into) = (keys.clone(), seen.clone());
        thread::spawn(move || {
            let mut piece = [0; 4096];
            // The end of the program reads as an error.
            while let Ok(length @ 1..) = screen.as_ref().read(&mut piece) {
                if let Ok(mut seen) = into.lock() {
                    seen.extend_from_slice(&piece[..length]);
                }
            }
        });
        Ok(Self { child, keys, seen, read: 0 })
    }

    /// Presses keys: `\r` is Enter, `\t` Tab, `\x03` Ctrl-C, `\x04` Ctrl-D, `\x1b[A` the arrow up.
    pub fn press(&mut self, keys: &str) -> Result<()> {
        let mut to = self.keys.as_ref();
        to.write_all(keys.as_bytes()).and_then(|()| to.flush()).with_context(|| format!("pressing {keys:?}"))
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

    /// Waits until the program has ended. Errors: it runs on, or ends with another code than `code`; with what was last seen.
    pub fn ends(&mut self, code: i32, deadline: Duration) -> Result<()> {
        let child = &mut self.child;
        let status = wait::until("the end of the program at the terminal", deadline, || {
            Ok(match child.try_wait()? {
                Some(status) => wait::Seen::Yes(status),
                None => wait::Seen::NotYet("it runs".into()),
            })
        });
        let seen = self.seen.lock().map(|seen| String::from_utf8_lossy(&seen[self.read..]).into_owned()).unwrap_or_default();
        let status = status.with_context(|| format!("at the terminal: {seen:?}"))?;
        ensure!(status.code() == Some(code), "the program ends with {status} and not with code {code}; at the terminal: {seen:?}");
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
