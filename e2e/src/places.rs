//! Where things lie: the repository, the binary under test, the folder of a scenario.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

/// The repository's root.
pub fn repository() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// The binary under test: `IRMAK_BIN`, else `target/debug/irmak`.
pub fn binary() -> Result<PathBuf> {
    let path = env::var_os("IRMAK_BIN").map(PathBuf::from).unwrap_or_else(|| repository().join("target/debug/irmak"));
    ensure!(
        path.is_file(),
        "no binary at {}: build it with `cargo build -p irmak --features kill-points`, or set IRMAK_BIN",
        path.display()
    );
    fs::canonicalize(&path).with_context(|| format!("resolving {}", path.display()))
}

/// A fresh, empty folder `target/test-logs/e2e/NAME`: everything a scenario writes, kept until it runs again.
pub fn scenario_dir(name: &str) -> Result<PathBuf> {
    let dir = repository().join("target/test-logs/e2e").join(name);
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("emptying {}", dir.display()))?;
    }
    fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
    Ok(dir)
}

/// The `file://` URI of an absolute path.
pub fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}
