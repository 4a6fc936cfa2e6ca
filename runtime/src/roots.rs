//! The folders that jobs may use on a cluster that other machines reach: `irmak.security.file-roots`.
//!
//! What a job reads and writes as tables is judged where it is opened, by the connectors. Here is judged what the cluster itself would
//! read and write because a job says so: its checkpoints and the savepoint it begins with.

use std::path::{Component, Path, PathBuf};

use crate::config::{ConfigError, Configuration, keys};
use crate::storage::local_path;

/// Where jobs may keep files on a cluster that other machines reach, unless `irmak.security.file-roots` says otherwise.
const SHARED: [&str; 2] = ["/opt/flink/data", "/opt/irmak/data"];

/// See the module's page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FileRoots {
    /// Whatever the user that runs the process may use: only this machine reaches the cluster.
    #[default]
    Anywhere,
    /// Only below these folders.
    Below(Vec<PathBuf>),
}

impl FileRoots {
    /// As configured. `wide`: other machines reach this daemon.
    ///
    /// # Errors
    /// A value that is not valid.
    pub fn from_configuration(config: &Configuration, wide: bool) -> Result<Self, ConfigError> {
        Ok(match config.find(&keys::FILE_ROOTS)? {
            Some(roots) => Self::Below(roots.split(';').map(str::trim).filter(|root| !root.is_empty()).map(PathBuf::from).collect()),
            None if wide => Self::Below(SHARED.map(PathBuf::from).to_vec()),
            None => Self::Anywhere,
        })
    }

    /// Whether a URI or path lies below one of them, or below `own`. Links are followed before it is judged.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn check(&self, uri: &str, own: &str) -> Result<(), String> {
        let Self::Below(roots) = self else { return Ok(()) };
        let path = local_path(uri)?;
        if path.components().any(|part| part == Component::ParentDir) {
            return Err(format!("`{uri}`: a path without `..` is expected"));
        }
        let real = canonical(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let own = local_path(own).ok();
        if roots.iter().chain(&own).any(|root| canonical(root).is_ok_and(|root| real.starts_with(root))) {
            return Ok(());
        }
        let names: Vec<String> = roots.iter().map(|root| root.display().to_string()).collect();
        Err(format!(
            "{} is outside the folders that jobs may use ({}); use one of them, or have it added to `{}`",
            real.display(),
            names.join(", "),
            keys::FILE_ROOTS.name
        ))
    }
}

/// The path without links, as far as it exists.
fn canonical(path: &Path) -> std::io::Result<PathBuf> {
    let mut rest = Vec::new();
    let mut there = path;
    loop {
        match there.canonicalize() {
            Ok(real) => return Ok(rest.iter().rev().fold(real, |path: PathBuf, name| path.join(name))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => match (there.parent(), there.file_name()) {
                // A link to nowhere is no folder that is still to be made.
                (Some(parent), Some(name)) if there.symlink_metadata().is_err() => {
                    rest.push(name);
                    there = parent;
                }
                _ => return Err(error),
            },
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_that_others_reach_keeps_to_its_folders() {
        let mut config = Configuration::default();
        assert_eq!(FileRoots::from_configuration(&config, false).unwrap(), FileRoots::Anywhere);
        let FileRoots::Below(shared) = FileRoots::from_configuration(&config, true).unwrap() else { panic!("anywhere") };
        assert_eq!(shared.len(), 2);
        config.set("irmak.security.file-roots", "/a; /b;");
        let roots = FileRoots::from_configuration(&config, false).unwrap();
        assert_eq!(roots, FileRoots::Below(vec!["/a".into(), "/b".into()]));
    }

    #[test]
    fn what_lies_below_is_judged_after_links() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        for folder in ["data", "own", "private"] {
            std::fs::create_dir(dir.join(folder)).unwrap();
        }
        std::os::unix::fs::symlink(dir.join("private"), dir.join("data/link")).unwrap();
        std::os::unix::fs::symlink(dir.join("nowhere"), dir.join("data/dangling")).unwrap();
        let roots = FileRoots::Below(vec![dir.join("data")]);
        let own = format!("file://{}", dir.join("own").display());
        let check = |path: &str, allowed: bool| {
            let verdict = roots.check(&format!("file://{}", dir.join(path).display()), &own);
            assert_eq!(verdict.is_ok(), allowed, "{path}: {verdict:?}");
        };
        check("data", true);
        check("data/new/deeper", true);
        check("own/job/chk-1", true);
        check("private", false);
        check("private/new", false);
        check("data/link/new", false);
        check("data/dangling/new", false);
        check("data/../private", false);
        check("database", false);
        assert!(FileRoots::Anywhere.check("/etc", &own).is_ok());
    }
}
