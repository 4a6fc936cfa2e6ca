//! The page in a headless browser: `dashboard/test/page.mjs` against a running JobManager.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::places;
use crate::process::{output, tied};
use crate::wait::seconds;

/// Runs the page's script; screenshots go to `shots`. `extra` are its further arguments. Returns what it printed.
pub fn check_page(url: &str, shots: &Path, extra: &[&str]) -> Result<String> {
    std::fs::create_dir_all(shots)?;
    let mut node = tied(Path::new("node"));
    node.arg(places::repository().join("dashboard/test/page.mjs")).args(["--url", url, "--out"]).arg(shots).args(extra);
    node.current_dir(places::repository().join("dashboard"));
    let said = output(node, seconds(300)).context("the page in Chromium")?;
    ensure!(said.code == Some(0), "the page in Chromium: {}", said.all());
    Ok(said.stdout)
}
