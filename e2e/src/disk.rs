//! A small disk that a test can fill: a tmpfs, mounted below the test's folder. Needs root.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::process::{output, tied};
use crate::wait::seconds;

/// A mounted tmpfs; unmounted when dropped.
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one of `kib` KiB on `dir`, which must exist. Errors: not root, or no right to mount.
    pub fn mount(dir: &Path, kib: u32) -> Result<Self> {
        ensure!(rustix::process::geteuid().is_root(), "mounting a small disk for the disk-full test needs root: run `make test` as root");
        run("mount", &["-t", "tmpfs", "-o", &format!("size={kib}k"), "irmak-test", &text(dir)])?;
        Ok(Self(dir.to_owned()))
    }

    /// Makes it larger (or smaller).
    pub fn resize(&self, kib: u32) -> Result<()> {
        run("mount", &["-o", &format!("remount,size={kib}k"), &text(&self.0)])
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: a process of the test may still have a file open.
        if let Err(error) = run("umount", &["-l", &text(&self.0)]) {
            eprintln!("{error:#}");
        }
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn run(program: &str, args: &[&str]) -> Result<()> {
    let mut command = tied(Path::new(program));
    command.args(args);
    let said = output(command, seconds(10)).with_context(|| format!("{program} {args:?}"))?;
    ensure!(said.code == Some(0), "{program} {args:?}: {}", said.all());
    Ok(())
}
