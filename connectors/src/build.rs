//! From a checked plan to something that reads or writes: the one place that knows every connector by name.

use irmak_common::operator_spec::{SinkSpec, SourceSpec};

use crate::blackhole::BlackholeSink;
use crate::context::{SinkContext, SourceContext};
use crate::datagen::DatagenSource;
use crate::error::ConnectorError;
use crate::filesystem::{FilesystemSink, FilesystemSource};
use crate::kafka::{KafkaSink, KafkaSource};
use crate::print::PrintSink;
use crate::sink::Sink;
use crate::source::Source;

const SOURCES: &str = "kafka, upsert-kafka, filesystem, datagen";
const SINKS: &str = "kafka, upsert-kafka, filesystem, print, blackhole";

/// Opens a table for reading. Does not wait for brokers: a source that cannot reach its broker yet says so in its metrics.
///
/// # Errors
/// Options that are not understood, paths that are not allowed, checkpoint entries that cannot be read.
pub fn open_source(spec: &SourceSpec, context: &SourceContext) -> Result<Box<dyn Source>, ConnectorError> {
    Ok(match spec.connector.connector.as_str() {
        "datagen" => Box::new(DatagenSource::open(spec, context)?),
        "filesystem" => Box::new(FilesystemSource::open(spec, context)?),
        "kafka" | "upsert-kafka" => Box::new(KafkaSource::open(spec, context)?),
        other => return Err(unknown(&spec.table, other, SOURCES)),
    })
}

/// Opens a table for writing. What the restored checkpoint had pre-committed is committed here.
///
/// # Errors
/// Options that are not understood, paths that are not allowed or cannot be written, checkpoint entries that cannot be read or
/// whose files are gone.
pub fn open_sink(spec: &SinkSpec, context: &SinkContext) -> Result<Box<dyn Sink>, ConnectorError> {
    Ok(match spec.connector.connector.as_str() {
        "filesystem" => Box::new(FilesystemSink::open(spec, context)?),
        "kafka" | "upsert-kafka" => Box::new(KafkaSink::open(spec, context)?),
        "print" => Box::new(PrintSink::open(spec, context)?),
        "blackhole" => Box::new(BlackholeSink::default()),
        other => return Err(unknown(&spec.table, other, SINKS)),
    })
}

fn unknown(table: &str, name: &str, known: &'static str) -> ConnectorError {
    ConnectorError::Unknown { table: table.to_owned(), kind: "connector", name: name.to_owned(), known }
}
