//! One file being read: chunks into records, records into rows, and where it stands.

use std::fs::{File, Metadata};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use arrow::array::{Array, ArrayRef, Int64Array, StringArray, TimestampMillisecondArray};
use irmak_common::limits::{BATCH_BYTES_MAX, BATCH_ROWS_MAX, RECORD_BYTES_MAX};
use irmak_common::types::Schema;

use super::listing::ListedFile;
use crate::dead_letter::{BadRecord, DeadLetters};
use crate::error::{ConnectorError, RecordError, RecordPlace};
use crate::format::Decoded;
use crate::format::csv::constant;
use crate::format::value::ValueDecoder;
use crate::options::Options;

/// Bytes that are read at a time.
const CHUNK_BYTES: usize = 256 << 10;

/// Endings of compressed files, which nothing here unpacks.
const COMPRESSED: &[&str] = &["gz", "gzip", "bz2", "xz", "deflate", "zst", "zstd"];

/// Where one projected column comes from.
enum Column {
    /// The n-th of the decoder's.
    Decoded(usize),
    /// The same value for the whole file.
    Constant(usize, Option<String>),
}

/// A file being read.
pub(super) struct FileReader {
    table: String,
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    /// Where the next record begins in the buffer.
    start: usize,
    at_end: bool,
    decoder: ValueDecoder,
    columns: Vec<Column>,
    physical: Schema,
    size: u64,
    modified: Option<i64>,
    /// Where the next record begins in the file.
    pub(super) offset: u64,
    /// The line that it begins on, from 1.
    pub(super) line: u64,
}

/// What a table's files have in common.
pub(super) struct Table<'a> {
    pub(super) options: Options<'a>,
    pub(super) format: &'a str,
    pub(super) physical: &'a Schema,
    pub(super) projection: &'a [usize],
}

impl FileReader {
    /// Opens a file at a record's beginning. `partition` holds the columns that its folders name.
    pub(super) fn open(
        table: &Table<'_>,
        file: &ListedFile,
        partition: &[(usize, Option<String>)],
        offset: u64,
        line: u64,
    ) -> Result<Self, ConnectorError> {
        let name = table.options.table;
        let extension = file.path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        if COMPRESSED.contains(&extension.to_ascii_lowercase().as_str()) {
            return Err(table.options.unsupported(format!("the compressed file {}", file.path.display()), "unpack it first"));
        }
        // Columns that folders name stand in no file.
        let in_file: Vec<usize> = (0..table.physical.len()).filter(|index| partition.iter().all(|(column, _)| column != index)).collect();
        let file_schema = Schema::new(in_file.iter().map(|index| table.physical.fields[*index].clone()).collect());
        let (mut file_projection, mut columns) = (Vec::new(), Vec::new());
        for index in table.projection {
            match (partition.iter().find(|(column, _)| column == index), in_file.iter().position(|column| column == index)) {
                (Some((_, value)), _) => columns.push(Column::Constant(*index, value.clone())),
                (None, Some(place)) => {
                    columns.push(Column::Decoded(file_projection.len()));
                    file_projection.push(place);
                }
                (None, None) => {}
            }
        }
        let (opened, facts) = open_at(name, &file.path, offset)?;
        let modified = facts.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Ok(Self {
            table: name.to_owned(),
            path: file.path.clone(),
            file: opened,
            buffer: Vec::new(),
            start: 0,
            at_end: false,
            decoder: ValueDecoder::open(&table.options, "format", table.format, &file_schema, &file_projection)?,
            columns,
            physical: table.physical.clone(),
            size: facts.len(),
            modified: modified.and_then(|since| i64::try_from(since.as_millis()).ok()),
            offset,
            line,
        })
    }

    /// Decodes up to a batch. Returns the bytes read and the records left out, and whether the file has ended.
    pub(super) fn read(&mut self, dead_letters: &mut Option<DeadLetters>) -> Result<(u64, u64, bool), ConnectorError> {
        let (mut bytes, mut skipped) = (0, 0);
        while self.decoder.rows() < BATCH_ROWS_MAX && bytes < BATCH_BYTES_MAX as u64 {
            let rest = &self.buffer[self.start..];
            let Some(frame) = self.decoder.frame(rest, self.at_end) else {
                if self.at_end {
                    return Ok((bytes, skipped, true));
                }
                if rest.len() > RECORD_BYTES_MAX {
                    let reason = format!("the record has more than {RECORD_BYTES_MAX} bytes");
                    return Err(self.bad(RecordError::whole(rest, 0, reason)));
                }
                self.more()?;
                continue;
            };
            // A byte order mark belongs to the file, not to its first field; `raw` reads whatever there is.
            let mut record = &rest[..frame.length];
            if self.offset == 0 && !self.decoder.is_raw() {
                record = record.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(record);
            }
            match self.decoder.decode(record) {
                Ok(Decoded::Row) => {}
                Ok(Decoded::Empty) => {}
                Ok(Decoded::Skipped) => skipped += 1,
                Err(error) => match dead_letters {
                    None => return Err(self.bad(error)),
                    Some(letters) => {
                        skipped += 1;
                        let place = RecordPlace::File { path: self.path.clone(), line: self.line };
                        letters.write(&BadRecord { place: &place, timestamp: None, payload: record, error: &error })?;
                    }
                },
            }
            self.line += memchr::memchr_iter(b'\n', &rest[..frame.consumed]).count() as u64;
            self.start += frame.consumed;
            self.offset += frame.consumed as u64;
            bytes += frame.consumed as u64;
        }
        Ok((bytes, skipped, false))
    }

    /// Rows decoded and not yet taken.
    pub(super) fn rows(&self) -> usize {
        self.decoder.rows()
    }

    /// The rows decoded: the projected columns, then these metadata columns, then the row kinds where the format has them.
    pub(super) fn finish(&mut self, metadata: &[String]) -> Result<Vec<ArrayRef>, ConnectorError> {
        let rows = self.decoder.rows();
        let broken = |what: String| ConnectorError::Internal { table: self.table.clone(), what };
        let decoded = self.decoder.finish().map_err(|error| broken(error.to_string()))?;
        let mut columns = Vec::with_capacity(self.columns.len() + metadata.len());
        for column in &self.columns {
            columns.push(match column {
                Column::Decoded(place) => decoded.get(*place).cloned().ok_or_else(|| broken("a column is missing".to_owned()))?,
                Column::Constant(index, value) => {
                    let field = &self.physical.fields[*index];
                    constant(value.as_deref(), &field.ty.kind, rows).map_err(|reason| {
                        let text = value.clone().unwrap_or_default();
                        let reason = format!("the folder's value: {reason}");
                        self.bad(RecordError { column: Some(field.name.clone()), offset: 0, text, reason })
                    })?
                }
            });
        }
        columns.extend(metadata.iter().map(|key| self.fact(key, rows)));
        if self.decoder.has_row_kinds() {
            columns.extend(decoded.last().cloned());
        }
        Ok(columns)
    }

    fn fact(&self, key: &str, rows: usize) -> ArrayRef {
        let path = self.path.display().to_string();
        let name = self.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let column: Box<dyn Array> = match key {
            "file.path" => Box::new(StringArray::from(vec![path; rows])),
            "file.name" => Box::new(StringArray::from(vec![name; rows])),
            "file.size" => Box::new(Int64Array::from(vec![i64::try_from(self.size).unwrap_or(i64::MAX); rows])),
            _ => Box::new(TimestampMillisecondArray::from(vec![self.modified; rows])),
        };
        column.into()
    }

    fn more(&mut self) -> Result<(), ConnectorError> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let filled = self.buffer.len();
        // Long records are read in ever larger steps, or framing them would start over too often.
        self.buffer.resize(filled + CHUNK_BYTES.max(filled), 0);
        let read = self.file.read(&mut self.buffer[filled..]);
        let read = read.map_err(|error| ConnectorError::file(&self.table, "read", &self.path, error))?;
        self.buffer.truncate(filled + read);
        self.at_end = read == 0;
        Ok(())
    }

    fn bad(&self, error: RecordError) -> ConnectorError {
        let place = RecordPlace::File { path: self.path.clone(), line: self.line };
        ConnectorError::BadRecord { table: self.table.clone(), place: Box::new(place), error: Box::new(error) }
    }
}

/// The file at a position that was read up to before.
fn open_at(table: &str, path: &Path, offset: u64) -> Result<(File, Metadata), ConnectorError> {
    let mut opened = File::open(path).map_err(|error| ConnectorError::file(table, "open", path, error))?;
    let facts = opened.metadata().map_err(|error| ConnectorError::file(table, "look at", path, error))?;
    if offset > facts.len() {
        let reason = format!("{} has {} bytes, and {offset} were read before", path.display(), facts.len());
        return Err(ConnectorError::State { table: table.to_owned(), reason });
    }
    opened.seek(SeekFrom::Start(offset)).map_err(|error| ConnectorError::file(table, "read", path, error))?;
    Ok((opened, facts))
}
