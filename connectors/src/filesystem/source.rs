//! The filesystem source: the files of a folder one after the other, each a split.
//!
//! A split is announced when its file is opened, so that a file which waits for its turn does not hold event time back. Positions are byte offsets
//! at records' beginnings. Bounded: the files that were there at the start, also after a restart.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use arrow::array::RecordBatchOptions;
use arrow::record_batch::RecordBatch;
use irmak_common::id::CheckpointId;
use irmak_common::operator_spec::SourceSpec;
use irmak_common::split::{SplitEvent, SplitIndex};
use irmak_common::types::{Field, Schema, TypeKind};
use regex::Regex;
use serde::{Deserialize, Serialize};

use super::listing::{ListedFile, list, owner, partition_values};
use super::reader::{FileReader, Table};
use crate::context::SourceContext;
use crate::dead_letter::DeadLetters;
use crate::error::ConnectorError;
use crate::options::Options;
use crate::source::{Source, SourceEvent, SourceMetrics};

const VERSION: u32 = 1;

/// One union entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Entry {
    /// A file of a subtask's, and where it stands.
    File { relative: String, offset: u64, line: u64, finished: bool },
    /// Subtask `subtask` of `parallelism` had listed its files: others came later.
    Listed { subtask: u32, parallelism: u32 },
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    version: u32,
    filesystem_source: Entry,
}

/// Where reading a file stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Position {
    offset: u64,
    line: u64,
    finished: bool,
}

/// A folder read by one subtask.
pub(crate) struct FilesystemSource {
    spec: SourceSpec,
    format: String,
    root: PathBuf,
    pattern: Option<Regex>,
    default_name: String,
    monitor: Option<Duration>,
    context: SourceContext,
    schema: Schema,
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
        let mut fields: Vec<Field> = spec.projection.iter().filter_map(|index| spec.physical.fields.get(*index).cloned()).collect();
        fields.extend(spec.metadata.iter().map(|(key, ty)| Field::new(key.clone(), ty.clone())));
        let mut source = Self {
            root: context.files.resolve(&spec.table, "path", path)?,
            format: format.to_owned(),
            pattern: options.get(pattern_key).map(regex).transpose()?,
            default_name: options.get("partition.default-name").unwrap_or("__DEFAULT_PARTITION__").to_owned(),
            monitor: options.duration("source.monitor-interval")?,
            context: context.clone(),
            schema: Schema::new(fields),
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
        crate::format::value::ValueDecoder::open(&options, "format", format, &spec.physical, &spec.projection)?;
        source.restore(context)?;
        Ok(source)
    }

    fn restore(&mut self, context: &SourceContext) -> Result<(), ConnectorError> {
        for bytes in context.restored.iter().flatten() {
            let state = |reason: String| ConnectorError::State { table: self.spec.table.clone(), reason };
            let envelope: Envelope = serde_json::from_slice(bytes).map_err(|error| state(error.to_string()))?;
            if envelope.version != VERSION {
                return Err(state(format!("it is of version {}, known is {VERSION}", envelope.version)));
            }
            match envelope.filesystem_source {
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
        for file in list(&self.spec.table, &self.root, self.pattern.as_ref())? {
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
        let partition = partition_values(&file.relative, &self.spec.physical, &self.default_name);
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
            let batch = RecordBatch::try_new_with_options(self.schema.to_arrow(), columns, &options);
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

fn metadata(options: &Options<'_>, spec: &SourceSpec) -> Result<Vec<String>, ConnectorError> {
    let fits = |key: &str, kind: &TypeKind| match key {
        "file.path" | "file.name" => matches!(kind, TypeKind::Varchar(_) | TypeKind::Char(_)),
        "file.size" => *kind == TypeKind::BigInt,
        "file.modification-time" => {
            matches!(kind, TypeKind::TimestampLtz { precision: 0..=3, .. } | TypeKind::Timestamp { precision: 0..=3, .. })
        }
        _ => false,
    };
    for (key, ty) in &spec.metadata {
        if !fits(key, &ty.kind) {
            let known = "there are file.path and file.name (STRING), file.size (BIGINT), file.modification-time (TIMESTAMP_LTZ(3))";
            return Err(options.unsupported(format!("metadata column '{key}' of type {ty}"), known));
        }
    }
    Ok(spec.metadata.iter().map(|(key, _)| key.clone()).collect())
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
        let encode = |entry| serde_json::to_vec(&Envelope { version: VERSION, filesystem_source: entry });
        let broken =
            |error| ConnectorError::Internal { table: self.spec.table.clone(), what: format!("a position cannot be encoded: {error}") };
        entries.into_iter().map(encode).collect::<Result<_, _>>().map_err(broken)
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

#[cfg(test)]
mod tests {
    use irmak_common::id::JobId;
    use irmak_common::operator_spec::ConnectorSpec;
    use proptest::prelude::*;

    use super::*;
    use crate::context::FileAccess;
    use crate::format::recordings::{every_type, expected_rows, fails, rows, schema};

    fn context(subtask: u32, parallelism: u32, restored: Option<Vec<Vec<u8>>>) -> SourceContext {
        SourceContext {
            job: JobId::from_u128(1),
            operator: 1,
            subtask,
            parallelism,
            attempt: 0,
            checkpoint: None,
            restored,
            files: FileAccess::Anywhere,
            zone: "UTC".into(),
            clock: || 0,
        }
    }

    fn spec(path: &str, format: &str, columns: &[(&str, TypeKind)], more: &[(&str, &str)]) -> SourceSpec {
        let given = [("path", path), ("format", format)];
        let options = given.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        SourceSpec {
            table: "t".into(),
            connector: ConnectorSpec { connector: "filesystem".into(), options },
            physical: schema(columns),
            projection: (0..columns.len()).collect(),
            metadata: Vec::new(),
        }
    }

    fn read_all(source: &mut FilesystemSource) -> Result<Vec<Vec<Option<String>>>, ConnectorError> {
        let mut all = Vec::new();
        loop {
            match source.poll(Duration::from_millis(10))? {
                SourceEvent::Batch { rows: batch, .. } => all.extend(rows(batch.columns(), &source.schema)),
                SourceEvent::EndOfInput => return Ok(all),
                _ => {}
            }
        }
    }

    /// Reads a recorded input and compares with what Flink made of it.
    fn check(case: &str, file: &str, format: &str, columns: &[(&str, TypeKind)], more: &[(&str, &str)]) {
        let path = format!("{}/../golden/input/{file}", env!("CARGO_MANIFEST_DIR"));
        let path = std::fs::canonicalize(path).unwrap().display().to_string();
        let found =
            FilesystemSource::open(&spec(&path, format, columns, more), &context(0, 1, None)).and_then(|mut source| read_all(&mut source));
        if fails(case) {
            assert!(found.is_err(), "{case}: {found:?}");
            return;
        }
        let sorted = |mut rows: Vec<Vec<Option<String>>>| {
            rows.sort();
            rows
        };
        assert_eq!(sorted(found.unwrap()), sorted(expected_rows(case)), "{case}");
    }

    #[test]
    fn csv_files_are_read_as_flink_recorded_them() {
        let (id, s, i) = (("id", TypeKind::Int), ("s", TypeKind::STRING), ("i", TypeKind::Int));
        let ignoring = ("csv.ignore-parse-errors", "true");
        let two = [id.clone(), s.clone()];
        let three = [id.clone(), s.clone(), i];
        check("csv_bad_number", "fmt_csv_bad_number.csv", "csv", &two, &[]);
        check("csv_bad_values_ignored", "fmt_csv_bad_values_ignored.csv", "csv", &every_type(), &[ignoring]);
        check("csv_bom", "fmt_csv_bom.csv", "csv", &[("id", TypeKind::STRING), s.clone()], &[]);
        check("csv_comments", "fmt_csv_comments.csv", "csv", &two, &[("csv.allow-comments", "true")]);
        check("csv_empty_vs_null", "fmt_csv_empty_vs_null.csv", "csv", &three, &[]);
        check(
            "csv_field_delimiter",
            "fmt_csv_field_delimiter.csv",
            "csv",
            &two,
            &[("csv.field-delimiter", ";"), ("csv.quote-character", "'")],
        );
        check("csv_missing_columns", "fmt_csv_missing_columns.csv", "csv", &three, &[]);
        check("csv_missing_columns_ignored", "fmt_csv_missing_columns_ignored.csv", "csv", &three, &[ignoring]);
        check("csv_null_literal", "fmt_csv_null_literal.csv", "csv", &three, &[("csv.null-literal", "n/a")]);
        check("csv_quoted_newline", "fmt_csv_quoted_newline.csv", "csv", &two, &[ignoring]);
        check("csv_tab_delimiter", "fmt_csv_tab_delimiter.csv", "csv", &two, &[("csv.field-delimiter", "\\t")]);
        let numbers =
            [("a", TypeKind::Int), ("b", TypeKind::BigInt), ("d", TypeKind::Double), ("de", TypeKind::Decimal { precision: 10, scale: 2 })];
        check("csv_numbers_shapes", "fmt_csv_numbers_shapes.csv", "csv", &numbers, &[ignoring]);
        let row = TypeKind::Row(vec![Field::new("a", TypeKind::STRING.nullable()), Field::new("b", TypeKind::Int.nullable())]);
        let nested = [id, ("arr", TypeKind::Array(Box::new(TypeKind::Int.nullable()))), ("r", row)];
        check("csv_array_row", "fmt_csv_array_row.csv", "csv", &nested, &[ignoring, ("csv.array-element-delimiter", "|")]);
    }

    #[test]
    fn folders_are_partitions() {
        let columns = [("id", TypeKind::Int), ("s", TypeKind::STRING), ("day", TypeKind::Int), ("hour", TypeKind::STRING)];
        check("csv_partitioned_source", "fmt_part", "csv", &columns, &[]);
    }

    #[test]
    fn raw_and_json_files_are_read_by_the_line() {
        check("raw_string", "fmt_raw_string.txt", "raw", &[("line", TypeKind::STRING)], &[]);
        check("json_bom_strict", "fmt_json_bom_strict.json", "json", &[("id", TypeKind::Int)], &[]);
        check(
            "json_fail_on_missing",
            "fmt_json_fail_on_missing.json",
            "json",
            &[("id", TypeKind::Int), ("s", TypeKind::STRING)],
            &[("json.fail-on-missing-field", "true")],
        );
    }

    #[test]
    fn a_bad_record_is_named_with_its_file_and_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.json");
        std::fs::write(&path, "{\"id\":1}\n{\"id\":\"x\"}\n").unwrap();
        let spec = spec(path.to_str().unwrap(), "json", &[("id", TypeKind::Int)], &[]);
        let error =
            FilesystemSource::open(&spec, &context(0, 1, None)).and_then(|mut source| read_all(&mut source)).unwrap_err().to_string();
        assert!(error.contains("in.json, line 2") && error.contains("column `id`"), "{error}");
    }

    #[test]
    fn files_that_come_later_are_read_only_if_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.json"), "{\"id\":1}\n").unwrap();
        let columns = [("id", TypeKind::Int)];
        let path = folder.path().to_str().unwrap();
        let bounded = spec(path, "json", &columns, &[]);
        let mut source = FilesystemSource::open(&bounded, &context(0, 1, None)).unwrap();
        while !matches!(source.poll(Duration::ZERO).unwrap(), SourceEvent::Batch { .. }) {}
        let entries = source.snapshot(CheckpointId(1)).unwrap();
        std::fs::write(folder.path().join("b.json"), "{\"id\":2}\n").unwrap();
        let mut restored = FilesystemSource::open(&bounded, &context(0, 1, Some(entries.clone()))).unwrap();
        assert_eq!(read_all(&mut restored).unwrap(), Vec::<Vec<Option<String>>>::new());
        let watched = spec(path, "json", &columns, &[("source.monitor-interval", "10 ms")]);
        let mut source = FilesystemSource::open(&watched, &context(0, 1, Some(entries))).unwrap();
        let mut found = Vec::new();
        while found.len() < 2 {
            if let SourceEvent::Batch { rows: batch, .. } = source.poll(Duration::from_millis(10)).unwrap() {
                found.extend(rows(batch.columns(), &source.schema));
                std::fs::write(folder.path().join("c.json"), "{\"id\":3}\n").unwrap();
            }
        }
        assert_eq!(found, [[Some("2".to_owned())], [Some("3".to_owned())]]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn a_restart_anywhere_and_at_any_parallelism_reads_every_record_once(
            files in proptest::collection::vec(0usize..20_000, 1..5),
            polls in 0usize..30,
            before in 1u32..4,
            after in 1u32..4,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut next = 0;
            for (number, count) in files.iter().enumerate() {
                let lines: String = (next..next + count).map(|id| format!("{{\"id\":{id}}}\n")).collect();
                std::fs::write(folder.path().join(format!("{number}.json")), lines).unwrap();
                next += count;
            }
            let spec = spec(folder.path().to_str().unwrap(), "json", &[("id", TypeKind::Int)], &[]);
            let (mut found, mut entries) = (Vec::new(), Vec::new());
            for subtask in 0..before {
                let mut source = FilesystemSource::open(&spec, &context(subtask, before, None)).unwrap();
                for _ in 0..polls {
                    if let SourceEvent::Batch { rows: batch, .. } = source.poll(Duration::ZERO).unwrap() {
                        found.extend(rows(batch.columns(), &source.schema));
                    }
                }
                entries.extend(source.snapshot(CheckpointId(1)).unwrap());
            }
            for subtask in 0..after {
                let mut source = FilesystemSource::open(&spec, &context(subtask, after, Some(entries.clone()))).unwrap();
                found.extend(read_all(&mut source).unwrap());
            }
            let mut ids: Vec<usize> = found.into_iter().map(|row| row[0].as_ref().unwrap().parse().unwrap()).collect();
            ids.sort_unstable();
            prop_assert_eq!(ids, (0..next).collect::<Vec<_>>());
        }
    }
}
