//! What a source or sink is told when it is opened: who it is, what it begins with, and what it may touch.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use irmak_common::id::{CheckpointId, JobId};
use irmak_common::time::Millis;

use crate::error::ConnectorError;

/// Everything a source needs to know of its place. Ownership of splits is a function of `subtask` and `parallelism`.
#[derive(Clone)]
pub struct SourceContext {
    /// The job.
    pub job: JobId,
    /// The operator's number in the job's plan.
    pub operator: u32,
    /// `0..parallelism`.
    pub subtask: u32,
    /// Subtasks of the source.
    pub parallelism: u32,
    /// The job's attempt number.
    pub attempt: u32,
    /// `None`: a fresh start. Else the union entries of all subtasks of the checkpoint.
    pub restored: Option<Vec<Vec<u8>>>,
    /// The checkpoint restored from.
    pub checkpoint: Option<CheckpointId>,
    /// Which files may be read (and written: dead letters).
    pub files: FileAccess,
    /// The session's time zone, an IANA name.
    pub zone: String,
    /// The wall clock: milliseconds since the epoch.
    pub clock: fn() -> Millis,
}

/// Everything a sink needs to know of its place.
#[derive(Clone)]
pub struct SinkContext {
    /// The job.
    pub job: JobId,
    /// The operator's number in the job's plan.
    pub operator: u32,
    /// `0..parallelism`.
    pub subtask: u32,
    /// Subtasks of the sink.
    pub parallelism: u32,
    /// The job's attempt number: files of smaller ones are leftovers.
    pub attempt: u32,
    /// `None`: a fresh start. Else the union entries of all subtasks of the checkpoint, which is complete: what it says is
    /// pre-committed is committed when the sink is opened.
    pub restored: Option<Vec<Vec<u8>>>,
    /// The checkpoint restored from.
    pub checkpoint: Option<CheckpointId>,
    /// Which files may be written.
    pub files: FileAccess,
    /// The session's time zone, an IANA name.
    pub zone: String,
    /// The wall clock: milliseconds since the epoch.
    pub clock: fn() -> Millis,
    /// Where tests kill the process; does nothing otherwise.
    pub kill_point: fn(&'static str),
}

/// A kill point that does not kill.
pub fn no_kill_point(_name: &'static str) {}

/// Which parts of the file system jobs may use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FileAccess {
    /// Whatever the user that runs the process may. For clusters that only their own machine reaches.
    #[default]
    Anywhere,
    /// Only below these folders.
    Roots(Vec<PathBuf>),
}

impl FileAccess {
    /// The absolute path that `text` (a path or a `file:` URI) means, if it is allowed. Links are followed before it is judged, `..`
    /// is refused, and what does not exist yet is judged by the deepest folder that does.
    ///
    /// # Errors
    /// A path outside the roots, a path with `..`, a scheme that is not `file`.
    pub fn resolve(&self, table: &str, key: &str, text: &str) -> Result<PathBuf, ConnectorError> {
        let path = path_of(text).ok_or_else(|| ConnectorError::option(table, key, text, "an absolute path or file:///path"))?;
        if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
            return Err(ConnectorError::option(table, key, text, "an absolute path without `..`, as /path or file:///path"));
        }
        let real = canonical(&path).map_err(|error| ConnectorError::file(table, "resolve", &path, error))?;
        self.check(table, &real)?;
        Ok(real)
    }

    /// Whether a path without links and `..` is allowed.
    fn check(&self, table: &str, real: &Path) -> Result<(), ConnectorError> {
        let Self::Roots(roots) = self else { return Ok(()) };
        let allowed = roots.iter().any(|root| canonical(root).is_ok_and(|root| real.starts_with(root)));
        if allowed {
            return Ok(());
        }
        Err(ConnectorError::Forbidden { table: table.to_owned(), path: real.to_owned(), roots: self.to_string() })
    }
}

impl fmt::Display for FileAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anywhere => f.write_str("anywhere"),
            Self::Roots(roots) if roots.is_empty() => f.write_str("none are configured"),
            Self::Roots(roots) => {
                let names: Vec<_> = roots.iter().map(|root| root.display().to_string()).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}

/// `file:///a/b`, `file:/a/b` and `/a/b` alike; other schemes are none of ours.
fn path_of(text: &str) -> Option<PathBuf> {
    let text = text.trim();
    let path = match text.strip_prefix("file:") {
        Some(rest) => rest.strip_prefix("//localhost").or_else(|| rest.strip_prefix("//")).unwrap_or(rest),
        None if text.contains("://") => return None,
        None => text,
    };
    (!path.is_empty()).then(|| PathBuf::from(path))
}

/// The path with every link followed, as far as it exists.
fn canonical(path: &Path) -> std::io::Result<PathBuf> {
    let mut missing = Vec::new();
    let mut there = path;
    loop {
        match there.canonicalize() {
            Ok(real) => return Ok(missing.iter().rev().fold(real, |path, name| path.join(name))),
            // A link to nowhere must not pass for something that can be created here.
            Err(error) if there.is_symlink() => return Err(error),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => match (there.parent(), there.file_name()) {
                (Some(parent), Some(name)) => {
                    missing.push(name);
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

    fn resolve(access: &FileAccess, text: &str) -> Result<PathBuf, String> {
        access.resolve("t", "path", text).map_err(|error| error.to_string())
    }

    #[test]
    fn uris_and_paths_mean_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap().join("out/new");
        for text in [format!("file://{}", real.display()), format!("file:{}", real.display()), real.display().to_string()] {
            assert_eq!(resolve(&FileAccess::Anywhere, &text), Ok(real.clone()), "{text}");
        }
    }

    #[test]
    fn neither_dots_nor_links_nor_schemes_leave_the_roots() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("root");
        std::fs::create_dir_all(&root).unwrap();
        std::os::unix::fs::symlink("/etc", root.join("link")).unwrap();
        std::os::unix::fs::symlink("/nowhere/at/all", root.join("dangling")).unwrap();
        let access = FileAccess::Roots(vec![root.clone()]);
        assert!(resolve(&access, &format!("{}/a/b", root.display())).is_ok());
        for bad in ["/etc/passwd", "link/passwd", "../x", "dangling/x", "s3://bucket/x", "relative"] {
            let text = if bad.starts_with('/') || bad.contains(':') || bad == "relative" {
                bad.to_owned()
            } else {
                format!("{}/{bad}", root.display())
            };
            assert!(resolve(&access, &text).is_err(), "{text} was accepted");
        }
        let outside = resolve(&access, "/etc/passwd").unwrap_err();
        assert!(outside.contains(&root.display().to_string()), "{outside}");
    }
}
