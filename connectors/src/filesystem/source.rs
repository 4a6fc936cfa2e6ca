//! The filesystem source: the files of a folder one after the other, each a split.
//!
//! A split is announced when its file is opened, so that a file which waits for its turn does not hold event time back. Positions are byte offsets
//! at records' beginnings. Bounded: the files that were there at the start, also after a restart.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use arrow::array::RecordBatchOptions;
use arrow::datatypes::{DataType, Field as ArrowField, Schema as ArrowSchema, SchemaRef};
use arrow::record_batch::RecordBatch;
use irmak_common::element::ROW_KIND_COLUMN;
use irmak_common::id::CheckpointId;
use irmak_common::operator_spec::SourceSpec;
use irmak_common::split::{SplitEvent, SplitIndex};
use irmak_common::types::{Field, Schema};
use regex::Regex;

use super::glob;
use super::listing::{Choice, ListedFile, list, owner, partition_values};
use super::metadata::metadata;
use super::position::{Entry, Position};
use super::reader::{FileReader, Table};
use crate::context::SourceContext;
use crate::dead_letter::DeadLetters;
use crate::error::ConnectorError;
use crate::format::value::ValueDecoder;
use crate::options::Options;
use crate::source::{Source, SourceEvent, SourceMetrics};

/// A folder read by one subtask.
pub(crate) struct FilesystemSource {
    pub(super) spec: SourceSpec,
    format: String,
    root: PathBuf,
    choice: Choice,
    default_name: String,
    monitor: Option<Duration>,
    context: SourceContext,
    schema: SchemaRef,
    metadata: Vec<String>,
    dead_letters: Option<DeadLetters>,
    /// Every file of this subtask that it knows, by its path below the root.
    positions: BTreeMap<String, Position>,
    waiting: VecDeque<ListedFile>,
    current: Option<Current>,
    events: VecDeque<SourceEvent>,
    markers: Vec<(u32, u32)>,
    listed: bool,
    next_listing: Instant,
    splits: SplitIndex,
    skipped: u64,
    bytes: u64,
    stopped: bool,
}

struct Current {
    relative: String,
    split: SplitIndex,
    reader: FileReader,
}

impl FilesystemSource {
    /// Opens the table. Files are listed by the first poll.
    ///
    /// # Errors
    /// Bad options, a path that is not allowed, checkpoint entries that cannot be read.
    pub(crate) fn open(spec: &SourceSpec, context: &SourceContext) -> Result<Self, ConnectorError> {
        let options = Options::new(&spec.table, &spec.connector);
        let path = options.required("path", "a file or a folder of files, such as file:///data/in")?;
        let format = options.required("format", "the format of the files: json, csv or raw")?;
        let pattern_key = "source.path.regex-pattern";
        let regex = |text| {
            let regex = Regex::new(&format!("^(?:{text})$"));
            regex.map_err(|error| options.bad(pattern_key, text, &format!("a regular expression ({error})")))
        };
        let (base, glob) = glob::split(path).map_or((path, None), |(base, glob)| (base, Some(glob)));
        let partitions = spec.partition_by.iter().filter_map(|index| Some(spec.physical.fields.get(*index)?.name.clone())).collect();
        let mut source = Self {
            root: context.files.resolve(&spec.table, "path", base)?,
            format: format.to_owned(),
            choice: Choice { pattern: options.get(pattern_key).map(regex).transpose()?, glob, partitions },
            default_name: options.get("partition.default-name").unwrap_or("__DEFAULT_PARTITION__").to_owned(),
            monitor: options.duration("source.monitor-interval")?,
            context: context.clone(),
            schema: produced(spec).to_arrow(),
            metadata: metadata(&options, spec)?,
            dead_letters: DeadLetters::open(&options, context)?,
            positions: BTreeMap::new(),
            waiting: VecDeque::new(),
            current: None,
            events: VecDeque::new(),
            markers: Vec::new(),
            listed: false,
            next_listing: Instant::now(),
            splits: 0,
            skipped: 0,
            bytes: 0,
            stopped: false,
            spec: spec.clone(),
        };
        // The format's options are judged now, not when the first file is opened.
        let decoder = ValueDecoder::open(&options, "format", format, &spec.physical, &spec.projection)?;
        if decoder.has_row_kinds() {
            let kinds = ArrowField::new(ROW_KIND_COLUMN, DataType::UInt8, false).into();
            source.schema = ArrowSchema::new(source.schema.fields().iter().cloned().chain([kinds]).collect::<Vec<_>>()).into();
        }
        source.restore(context)?;
        Ok(source)
    }

    fn restore(&mut self, context: &SourceContext) -> Result<(), ConnectorError> {
        for bytes in context.restored.iter().flatten() {
            match Entry::decode(&self.spec.table, bytes)? {
                Entry::File { relative, offset, line, finished } => {
                    if owner(&relative, context.parallelism) == context.subtask {
                        self.positions.insert(relative, Position { offset, line, finished });
                    }
                }
                Entry::Listed { subtask, parallelism } => self.markers.push((subtask, parallelism)),
            }
        }
        Ok(())
    }

    /// Takes in the files that this subtask owns and does not know yet.
    fn list(&mut self) -> Result<(), ConnectorError> {
        if Instant::now() < self.next_listing || (self.listed && self.monitor.is_none()) {
            return Ok(());
        }
        let first = !self.listed;
        for file in list(&self.spec.table, &self.root, &self.choice)? {
            if owner(&file.relative, self.context.parallelism) != self.context.subtask {
                continue;
            }
            let known = self.positions.get(&file.relative).copied();
            let came_later = self.markers.iter().any(|(subtask, parallelism)| owner(&file.relative, *parallelism) == *subtask);
            match known {
                Some(position) if first && !position.finished => self.waiting.push_back(file),
                Some(_) => {}
                // A bounded read is of the files that were there when it began.
                None if came_later && self.monitor.is_none() => {}
                None => {
                    self.positions.insert(file.relative.clone(), Position { offset: 0, line: 1, finished: false });
                    self.waiting.push_back(file);
                }
            }
        }
        let lost = |(relative, position): &(&String, &Position)| {
            first && !position.finished && !self.waiting.iter().any(|file| file.relative == **relative)
        };
        if let Some((relative, _)) = self.positions.iter().find(lost) {
            let (path, error) = (self.root.join(relative), std::io::Error::from(std::io::ErrorKind::NotFound));
            return Err(ConnectorError::file(&self.spec.table, "go on with", &path, error));
        }
        if first && self.waiting.is_empty() && self.monitor.is_some() {
            self.events.push_back(SourceEvent::Split(SplitEvent::NoSplits));
        }
        self.listed = true;
        self.next_listing = Instant::now() + self.monitor.unwrap_or_default();
        Ok(())
    }

    fn open_next(&mut self) -> Result<(), ConnectorError> {
        let Some(file) = self.waiting.pop_front() else { return Ok(()) };
        // A link may lead out of what is allowed.
        if let Some(path) = file.path.to_str() {
            self.context.files.resolve(&self.spec.table, "path", path)?;
        }
        let position = self.positions.get(&file.relative).copied().unwrap_or_default();
        let partition = partition_values(&file.relative, &self.spec.physical, &self.spec.partition_by, &self.default_name);
        let table = Table {
            options: Options::new(&self.spec.table, &self.spec.connector),
            format: &self.format,
            physical: &self.spec.physical,
            projection: &self.spec.projection,
        };
        let reader = FileReader::open(&table, &file, &partition, position.offset, position.line.max(1))?;
        let split = self.splits;
        self.splits += 1;
        self.events.push_back(SourceEvent::Split(SplitEvent::Added { split, name: format!("file://{}", file.path.display()) }));
        self.current = Some(Current { relative: file.relative, split, reader });
        Ok(())
    }

    /// Reads a batch of the current file. Its position counts at once: the batch is the next thing handed out.
    fn read(&mut self) -> Result<Option<SourceEvent>, ConnectorError> {
        let Some(current) = &mut self.current else { return Ok(None) };
        let (bytes, skipped, ended) = current.reader.read(&mut self.dead_letters)?;
        self.skipped += skipped;
        self.bytes += bytes;
        let (split, rows) = (current.split, current.reader.rows());
        let position = Position { offset: current.reader.offset, line: current.reader.line, finished: ended };
        self.positions.insert(current.relative.clone(), position);
        let batch = if rows == 0 {
            None
        } else {
            let columns = current.reader.finish(&self.metadata)?;
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            let batch = RecordBatch::try_new_with_options(SchemaRef::clone(&self.schema), columns, &options);
            let rows = batch.map_err(|error| ConnectorError::Internal { table: self.spec.table.clone(), what: error.to_string() })?;
            Some(SourceEvent::Batch { split, rows, bytes })
        };
        if ended {
            self.current = None;
            self.events.push_back(SourceEvent::Split(SplitEvent::Finished { split }));
        }
        Ok(batch)
    }
}

/// What is produced, the row kinds of a changelog apart.
pub(super) fn produced(spec: &SourceSpec) -> Schema {
    let mut fields: Vec<Field> = spec.projection.iter().filter_map(|index| spec.physical.fields.get(*index).cloned()).collect();
    fields.extend(spec.metadata.iter().map(|(key, ty)| Field::new(key.clone(), ty.clone())));
    Schema::new(fields)
}

impl Source for FilesystemSource {
    fn poll(&mut self, wait: Duration) -> Result<SourceEvent, ConnectorError> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(event);
            }
            if self.stopped {
                return Ok(SourceEvent::EndOfInput);
            }
            self.list()?;
            if self.current.is_none() {
                self.open_next()?;
                if self.current.is_some() {
                    continue;
                }
                if self.monitor.is_none() {
                    return Ok(SourceEvent::EndOfInput);
                }
                std::thread::sleep(wait.min(self.next_listing.saturating_duration_since(Instant::now())));
                return Ok(SourceEvent::Nothing);
            }
            if let Some(batch) = self.read()? {
                return Ok(batch);
            }
        }
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<Vec<Vec<u8>>, ConnectorError> {
        if let Some(letters) = &mut self.dead_letters {
            letters.sync()?;
        }
        let file = |(relative, position): (&String, &Position)| Entry::File {
            relative: relative.clone(),
            offset: position.offset,
            line: position.line,
            finished: position.finished,
        };
        let mut entries: Vec<Entry> = self.positions.iter().map(file).collect();
        if self.listed {
            entries.push(Entry::Listed { subtask: self.context.subtask, parallelism: self.context.parallelism });
        } else {
            entries
                .extend(self.markers.iter().map(|(subtask, parallelism)| Entry::Listed { subtask: *subtask, parallelism: *parallelism }));
        }
        entries.into_iter().map(|entry| entry.encode(&self.spec.table)).collect()
    }

    fn stop(&mut self) {
        self.stopped = true;
        self.events.clear();
    }

    fn metrics(&self) -> SourceMetrics {
        SourceMetrics {
            skipped_records: self.skipped,
            more: vec![("numBytesIn", self.bytes as f64), ("numFilesWaiting", self.waiting.len() as f64)],
            ..SourceMetrics::default()
        }
    }
}
