//! How a sink begins: the folder is made ready, what the checkpoint promised is committed, what was growing goes on, leftovers go.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use irmak_common::time::Millis;

use super::FilesystemSink;
use crate::context::SinkContext;
use crate::error::ConnectorError;
use crate::filesystem::commit::commit;
use crate::filesystem::entry::{Entry, InProgress};
use crate::filesystem::names::Names;
use crate::filesystem::part_file::{PartFile, below};

impl FilesystemSink {
    /// The folder is there and can be written: better said now than with the first row.
    pub(super) fn prepare_folder(&self) -> Result<(), ConnectorError> {
        std::fs::create_dir_all(&self.root).map_err(|error| ConnectorError::file(&self.table, "create folder", &self.root, error))?;
        let probe = self.root.join(self.names.probe());
        let tried = std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe));
        tried.map_err(|error| ConnectorError::file(&self.table, "write to folder", &self.root, error))
    }

    /// Commits what the checkpoint promised, goes on with what was growing, removes what earlier attempts left.
    pub(super) fn restore(&mut self, context: &SinkContext) -> Result<(), ConnectorError> {
        let parallelism = context.parallelism.max(1);
        let mut referenced = BTreeSet::new();
        let mut growing = Vec::new();
        for bytes in context.restored.iter().flatten() {
            match Entry::decode(&self.table, bytes)? {
                Entry::Pending(file) => {
                    referenced.insert(file.hidden.clone());
                    if file.subtask % parallelism == context.subtask {
                        commit(&self.table, &self.root, &file)?;
                        self.files_committed += 1;
                        (self.kill_point)("mid-commit");
                    }
                }
                Entry::InProgress(file) => {
                    referenced.insert(file.hidden.clone());
                    if file.subtask % parallelism == context.subtask {
                        growing.push(file);
                    }
                }
                Entry::Partition(partition) => match &mut self.commits {
                    Some(commits) if partition.subtask % parallelism == context.subtask => commits.restore(&partition)?,
                    _ => {}
                },
                // Of all subtasks, so that no number comes twice whatever the parallelism was and will be.
                Entry::Counter { next } => self.next = self.next.max(next),
            }
        }
        self.finished = self.next;
        for file in growing {
            self.resume(&file, (context.clock)())?;
        }
        self.remove_leftovers(&self.root.clone(), "", self.partitioner.depth(), parallelism, &referenced)?;
        context.checkpoint.map_or(Ok(()), |checkpoint| self.mark_complete(checkpoint))
    }

    /// Goes on with a file. Where two subtasks' files come together, the first goes on and the others are finished.
    fn resume(&mut self, earlier: &InProgress, now: Millis) -> Result<(), ConnectorError> {
        let number = self.take_number();
        let source = self.whereabouts(&earlier.hidden);
        let mut part = PartFile::resume(&self.table, &self.root, earlier, &source, &self.names.hidden(number), number, now)?;
        self.superseded.push(source);
        if self.open.contains_key(&part.folder) {
            part.sync(&self.table)?;
            self.close(part);
        } else {
            self.open.insert(part.folder.clone(), part);
        }
        Ok(())
    }

    /// Where a file is that was growing at the restored checkpoint: a later one, which never completed, may have found it finished.
    fn whereabouts(&self, hidden: &str) -> PathBuf {
        let path = self.root.join(hidden);
        if path.exists() {
            return path;
        }
        let (Some(folder), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else { return path };
        let names = std::fs::read_dir(folder).into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
        let finished = names.into_iter().find(|found| found != name && Names::before_ready(found) == name);
        finished.map_or(path.clone(), |found| folder.join(found))
    }

    fn remove_leftovers(
        &self,
        folder: &Path,
        relative: &str,
        depth: usize,
        parallelism: u32,
        referenced: &BTreeSet<String>,
    ) -> Result<(), ConnectorError> {
        let failed = |error| ConnectorError::file(&self.table, "list", folder, error);
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = below(relative, &name);
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            if is_folder && depth > 0 && name.contains('=') {
                self.remove_leftovers(&entry.path(), &path, depth - 1, parallelism, referenced)?;
            } else if self.names.left_over(&name, parallelism)
                && !referenced.contains(&path)
                && !referenced.contains(Names::before_ready(&path))
            {
                remove_quietly(&self.table, &entry.path());
            }
        }
        Ok(())
    }
}

/// A leftover that cannot be removed does no harm: it stays hidden.
pub(super) fn remove_quietly(table: &str, path: &Path) {
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(table, path = %path.display(), %error, "a leftover hidden file could not be removed");
    }
}
