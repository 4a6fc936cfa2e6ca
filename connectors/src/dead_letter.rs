//! `scan.dead-letter`: bad records kept aside, one JSON line each, so that the job can go on and nothing is lost unseen.
//!
//! A path that ends in `.json` or `.jsonl` is a file that all subtasks append to; any other is a folder with a file for each. At least once:
//! after a recovery a record may be written again, with the same place.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use serde_json::json;

use crate::context::SourceContext;
use crate::error::{ConnectorError, RecordError, RecordPlace};
use crate::options::Options;

const KEY: &str = "scan.dead-letter";

/// Where bad records go.
pub(crate) struct DeadLetters {
    table: String,
    path: PathBuf,
    file: File,
    unsynced: bool,
}

/// A bad record and its place.
pub(crate) struct BadRecord<'a> {
    pub(crate) place: &'a RecordPlace,
    /// Kafka's time of the record, milliseconds.
    pub(crate) timestamp: Option<i64>,
    pub(crate) payload: &'a [u8],
    pub(crate) error: &'a RecordError,
}

impl DeadLetters {
    /// Opens the file that the option names, if it is there.
    ///
    /// # Errors
    /// A path that is not allowed or cannot be written.
    pub(crate) fn open(options: &Options<'_>, context: &SourceContext) -> Result<Option<Self>, ConnectorError> {
        let Some(text) = options.get(KEY) else { return Ok(None) };
        let named = context.files.resolve(options.table, KEY, text)?;
        let is_file = named.extension().is_some_and(|extension| extension == "json" || extension == "jsonl");
        let name = format!("dead-letter-{}-{}.jsonl", options.table.replace(['/', '.'], "_"), context.subtask);
        let path = if is_file { named } else { named.join(name) };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| ConnectorError::file(options.table, "create folder", folder, error))?;
        }
        let opened = OpenOptions::new().append(true).create(true).open(&path);
        let file = opened.map_err(|error| ConnectorError::file(options.table, "open dead letters", &path, error))?;
        Ok(Some(Self { table: options.table.to_owned(), path, file, unsynced: false }))
    }

    /// Appends a record. In one write, so that lines of several subtasks do not mix.
    pub(crate) fn write(&mut self, record: &BadRecord<'_>) -> Result<(), ConnectorError> {
        let mut line = match record.place {
            RecordPlace::Kafka { topic, partition, offset } => {
                json!({"topic": topic, "partition": partition, "offset": offset, "timestamp": record.timestamp})
            }
            RecordPlace::File { path, line } => json!({"file": path.display().to_string(), "line": line}),
        };
        line["column"] = record.error.column.clone().into();
        line["reason"] = record.error.to_string().into();
        let (key, payload) = match std::str::from_utf8(record.payload) {
            Ok(text) => ("payload", text.to_owned()),
            Err(_) => ("payload_base64", base64::Engine::encode(&crate::format::BASE64, record.payload)),
        };
        line[key] = payload.into();
        self.unsynced = true;
        let written = self.file.write_all(format!("{line}\n").as_bytes());
        written.map_err(|error| ConnectorError::file(&self.table, "write dead letters to", &self.path, error))
    }

    /// Before a checkpoint: what lies behind its positions is safe.
    pub(crate) fn sync(&mut self) -> Result<(), ConnectorError> {
        if std::mem::take(&mut self.unsynced) {
            self.file.sync_data().map_err(|error| ConnectorError::file(&self.table, "sync dead letters", &self.path, error))?;
        }
        Ok(())
    }
}
