//! The journal: what a JobManager must know after a crash, as lines of checksum and JSON in one append-only file.
//!
//! A record is on disk when [`Journal::append`] returns. A torn last line (a crash while writing) is cut off; a damaged line before
//! others is an error, since what follows it cannot be trusted. The file is rewritten as one image at each start, and whenever its
//! records have grown to a few times that: it is bounded by the jobs that are remembered, not by how long they run.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::core::record::{Image, Record};
use crate::error::JobManagerError;

const FILE: &str = "journal.jsonl";

/// Bytes of records that are always kept as they are: rewriting costs more than reading them again.
const RECORDS_BYTES: u64 = 1 << 20;
/// Beyond that, so many times the image's size.
const RECORDS_TIMES: u64 = 4;

#[derive(Serialize, Deserialize)]
enum Line {
    Image(Image),
    Record(Record),
}

/// An open journal. One process holds it: a lock file keeps others out.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    /// What the file says.
    image: Image,
    image_bytes: u64,
    record_bytes: u64,
    _lock: File,
}

impl Journal {
    /// Opens the journal of a folder, takes the next leader epoch, and returns what the journal says.
    ///
    /// # Errors
    /// A folder that cannot be written, another JobManager that holds it, or a damaged journal.
    pub fn open(dir: &Path) -> Result<(Self, Image), JobManagerError> {
        let failed = |path: &Path, source| JobManagerError::Journal { path: path.to_owned(), source };
        std::fs::create_dir_all(dir).map_err(|error| failed(dir, error))?;
        let lock_path = dir.join("lock");
        let lock =
            OpenOptions::new().create(true).truncate(false).write(true).open(&lock_path).map_err(|error| failed(&lock_path, error))?;
        lock.try_lock().map_err(|_| JobManagerError::Locked { dir: dir.to_owned() })?;
        let path = dir.join(FILE);
        let mut image = read(&path)?;
        image.apply(Record::Epoch(image.epoch + 1));
        let (file, image_bytes) = rewrite(&path, &image).map_err(|error| failed(&path, error))?;
        Ok((Self { path, file, image: image.clone(), image_bytes, record_bytes: 0, _lock: lock }, image))
    }

    /// Adds records; they are on disk on return.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn append(&mut self, records: Vec<Record>) -> Result<(), JobManagerError> {
        self.try_append(records).map_err(|source| JobManagerError::Journal { path: self.path.clone(), source })
    }

    fn try_append(&mut self, records: Vec<Record>) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        for record in records {
            put(&mut bytes, &Line::Record(record.clone()))?;
            self.image.apply(record);
        }
        self.file.write_all(&bytes)?;
        self.file.sync_data()?;
        self.record_bytes += bytes.len() as u64;
        if self.record_bytes > RECORDS_BYTES.max(self.image_bytes * RECORDS_TIMES) {
            (self.file, self.image_bytes) = rewrite(&self.path, &self.image)?;
            self.record_bytes = 0;
        }
        Ok(())
    }
}

fn put(out: &mut Vec<u8>, line: &Line) -> std::io::Result<()> {
    let json = serde_json::to_string(line)?;
    writeln!(out, "{:016x} {json}", checksum(json.as_bytes()))
}

fn checksum(bytes: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(bytes)
}

fn read(path: &Path) -> Result<Image, JobManagerError> {
    let failed = |source| JobManagerError::Journal { path: path.to_owned(), source };
    let mut image = Image::default();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(image),
        Err(error) => return Err(failed(error)),
    };
    let mut lines = BufReader::new(file).split(b'\n').enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let line = line.map_err(failed)?;
        match parse(&line) {
            Some(Line::Image(found)) => image = found,
            Some(Line::Record(record)) => image.apply(record),
            None if lines.peek().is_none() => {
                tracing::warn!(line = number + 1, "the journal's last line was torn by a crash and is left out")
            }
            None => return Err(JobManagerError::Damaged { path: path.to_owned(), line: number + 1 }),
        }
    }
    Ok(image)
}

fn parse(line: &[u8]) -> Option<Line> {
    let text = std::str::from_utf8(line).ok()?;
    let (sum, json) = text.split_once(' ')?;
    (u64::from_str_radix(sum, 16).ok()? == checksum(json.as_bytes())).then(|| serde_json::from_str(json).ok())?
}

/// Puts one image in the place of the file at once; returns the open file and its size.
fn rewrite(path: &Path, image: &Image) -> std::io::Result<(File, u64)> {
    let staged = path.with_extension("new");
    let mut bytes = Vec::new();
    put(&mut bytes, &Line::Image(image.clone()))?;
    let mut file = OpenOptions::new().create(true).truncate(true).read(true).write(true).open(&staged)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    std::fs::rename(&staged, path)?;
    if let Some(dir) = path.parent() {
        File::open(dir)?.sync_all()?;
    }
    file.seek(SeekFrom::End(0))?;
    Ok((file, bytes.len() as u64))
}

#[cfg(test)]
mod tests {
    use irmak_common::id::{CheckpointId, JobId};

    use super::*;

    fn triggered(id: u64) -> Record {
        Record::Triggered { job: JobId::of_text("j"), checkpoint: CheckpointId(id) }
    }

    #[test]
    fn each_start_reigns_anew() {
        let dir = tempfile::tempdir().unwrap();
        for epoch in 1..=3 {
            let (journal, image) = Journal::open(dir.path()).unwrap();
            assert_eq!(image.epoch, epoch);
            drop(journal);
        }
    }

    #[test]
    fn a_folder_belongs_to_one_jobmanager() {
        let dir = tempfile::tempdir().unwrap();
        let (_held, _) = Journal::open(dir.path()).unwrap();
        let error = Journal::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains("in use by another JobManager"), "{error}");
    }

    #[test]
    fn a_torn_last_line_is_left_out_and_a_damaged_one_before_others_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(dir.path()).unwrap();
        journal.append(vec![Record::Epoch(7), triggered(1)]).unwrap();
        drop(journal);
        let path = dir.path().join(FILE);
        let whole = std::fs::read(&path).unwrap();

        std::fs::write(&path, &whole[..whole.len() - 9]).unwrap();
        assert_eq!(read(&path).unwrap().epoch, 7, "the line before the torn one counts");

        let mut damaged = whole.clone();
        let middle = whole.iter().position(|byte| *byte == b'\n').unwrap() + 30;
        damaged[middle] ^= 1;
        std::fs::write(&path, &damaged).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("line 2 of the journal"), "{error}");
    }

    #[test]
    fn what_was_appended_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(dir.path()).unwrap();
        journal.append(vec![Record::Epoch(41)]).unwrap();
        drop(journal);
        assert_eq!(Journal::open(dir.path()).unwrap().1.epoch, 42);
    }

    #[test]
    fn a_journal_does_not_grow_for_ever_and_forgets_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(dir.path()).unwrap();
        for epoch in 100..200 {
            journal.append((0..400).map(triggered).chain([Record::Epoch(epoch)]).collect()).unwrap();
            let size = std::fs::metadata(dir.path().join(FILE)).unwrap().len();
            assert!(size < 2 * RECORDS_BYTES, "{size} bytes");
        }
        assert!(journal.record_bytes < RECORDS_BYTES, "it was rewritten");
        let expected = journal.image.clone();
        drop(journal);
        assert_eq!(read(&dir.path().join(FILE)).unwrap(), expected);
        assert_eq!(expected.epoch, 199);
    }
}
