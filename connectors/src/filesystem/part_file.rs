//! One file being written under its hidden name.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use irmak_common::time::Millis;

use super::entry::InProgress;
use crate::error::ConnectorError;

/// Bytes that are gathered before the operating system is called.
const BUFFER_BYTES: usize = 256 << 10;

/// A file that grows.
pub(super) struct PartFile {
    file: File,
    /// Encoded rows that are not written yet.
    pub(super) buffer: Vec<u8>,
    /// The number in its name.
    pub(super) number: u64,
    /// The partition's folder below the table's, empty without partitions.
    pub(super) folder: String,
    /// Path below the table's folder.
    pub(super) hidden: String,
    path: PathBuf,
    written: u64,
    pub(super) rows: u64,
    pub(super) opened_at: Millis,
    pub(super) written_at: Millis,
    pub(super) checked_at: Millis,
}

/// `folder/name`, or `name` alone.
pub(super) fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

impl PartFile {
    /// Creates the file, and its folders.
    pub(super) fn create(table: &str, root: &Path, folder: &str, name: &str, number: u64, now: Millis) -> Result<Self, ConnectorError> {
        let hidden = below(folder, name);
        let path = root.join(&hidden);
        let directory = root.join(folder);
        std::fs::create_dir_all(&directory).map_err(|error| ConnectorError::file(table, "create folder", &directory, error))?;
        // Nobody else makes files of this name; one that is there is left of a crash before anything was promised.
        let opened = OpenOptions::new().write(true).create(true).truncate(true).open(&path);
        let file = opened.map_err(|error| ConnectorError::file(table, "create", &path, error))?;
        let folder = folder.to_owned();
        let buffer = Vec::new();
        Ok(Self { file, buffer, number, folder, hidden, path, written: 0, rows: 0, opened_at: now, written_at: now, checked_at: now })
    }

    /// Goes on with a file of an earlier attempt: a copy of what the checkpoint promised. The old file is left alone, since a process
    /// that is thought dead may still hold it open, and an attempt after this one may have to begin with it again. `source` is where it
    /// is now.
    pub(super) fn resume(
        table: &str,
        root: &Path,
        earlier: &InProgress,
        source: &Path,
        name: &str,
        number: u64,
        now: Millis,
    ) -> Result<Self, ConnectorError> {
        let mut part = Self::create(table, root, &earlier.folder, name, number, now)?;
        let mut from = match File::open(source) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let visible = part.path;
                return Err(ConnectorError::FileLost { table: table.to_owned(), hidden: source.to_owned(), visible });
            }
            opened => opened.map_err(|error| ConnectorError::file(table, "open", source, error))?.take(earlier.length),
        };
        let copied = std::io::copy(&mut from, &mut part.file).map_err(|error| ConnectorError::file(table, "copy to", &part.path, error))?;
        if copied != earlier.length {
            let reason = format!("{} has {copied} bytes, and {} were promised", source.display(), earlier.length);
            return Err(ConnectorError::State { table: table.to_owned(), reason });
        }
        (part.written, part.rows, part.opened_at) = (copied, earlier.rows, earlier.opened_at);
        Ok(part)
    }

    /// Bytes so far, those in the buffer too.
    pub(super) fn bytes(&self) -> u64 {
        self.written + self.buffer.len() as u64
    }

    /// Hands the buffer on when it is large.
    pub(super) fn relieve(&mut self, table: &str) -> Result<(), ConnectorError> {
        if self.buffer.len() >= BUFFER_BYTES { self.flush(table) } else { Ok(()) }
    }

    /// Hands the buffer on.
    pub(super) fn flush(&mut self, table: &str) -> Result<(), ConnectorError> {
        self.file.write_all(&self.buffer).map_err(|error| ConnectorError::file(table, "write to", &self.path, error))?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// Everything written so far survives the machine's crash.
    pub(super) fn sync(&mut self, table: &str) -> Result<(), ConnectorError> {
        self.flush(table)?;
        self.file.sync_data().map_err(|error| ConnectorError::file(table, "sync", &self.path, error))
    }
}

/// The names in a folder survive the machine's crash.
pub(super) fn sync_folder(table: &str, folder: &Path) -> Result<(), ConnectorError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    match synced {
        // Some file systems know no such thing.
        Err(error) if matches!(error.kind(), std::io::ErrorKind::InvalidInput | std::io::ErrorKind::Unsupported) => Ok(()),
        synced => synced.map_err(|error| ConnectorError::file(table, "sync folder", folder, error)),
    }
}
