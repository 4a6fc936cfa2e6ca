//! The `datagen` source: rows made up, at a rate, without end or up to a number.
//!
//! Each row is a function of the column's seed, a stream's number and the row's number in the stream, so that a restart goes on with the
//! very rows that would have come: exactly once, random or not. A stream is what one subtask of the first start makes.
//! Options are Flink's (`fields.<column>.kind`, `.min`, `.max`, `.length`, `.start`, `.end`, `.max-past`, `.null-rate`), and one of
//! ours: `fields.<column>.seed`.

use std::time::{Duration, Instant};

use arrow::array::RecordBatchOptions;
use arrow::record_batch::RecordBatch;
use irmak_common::id::CheckpointId;
use irmak_common::limits::BATCH_ROWS_MAX;
use irmak_common::operator_spec::SourceSpec;
use irmak_common::split::SplitEvent;
use irmak_common::types::Schema;
use serde::{Deserialize, Serialize};

use crate::context::SourceContext;
use crate::error::ConnectorError;
use crate::format::column::Column;
use crate::options::Options;
use crate::source::{Source, SourceEvent, SourceMetrics};

mod field;

use field::FieldGenerator;

const VERSION: u32 = 1;

/// Streams whose rows are not spread evenly would be odd: rows are made in blocks of a millisecond's worth at least.
const PACE_ROWS_MIN: u64 = 1;

/// One union entry: how far a stream has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stream {
    version: u32,
    /// Its number, and how many there are.
    datagen_stream: u32,
    of: u32,
    /// The next row's number in the stream.
    next: u64,
}

/// Rows made up by one subtask.
pub(crate) struct DatagenSource {
    table: String,
    schema: Schema,
    fields: Vec<FieldGenerator>,
    streams: Vec<Stream>,
    /// Rows of all streams together, from which a stream's are found; `None`: without end.
    rows_max: Option<u64>,
    /// Rows a second of this subtask; `None`: as fast as they are taken.
    rate: Option<f64>,
    started: Option<Instant>,
    made: u64,
    turn: usize,
    announced: usize,
    /// Time that the last poll spent in waiting for its rows' turn.
    waited: Duration,
    finished: Vec<bool>,
    clock: fn() -> i64,
    stopped: bool,
}

impl DatagenSource {
    /// Opens the table.
    ///
    /// # Errors
    /// Bad options, a type that cannot be made up, checkpoint entries that cannot be read.
    pub(crate) fn open(spec: &SourceSpec, context: &SourceContext) -> Result<Self, ConnectorError> {
        let options = Options::new(&spec.table, &spec.connector);
        if let Some((name, _)) = spec.metadata.first() {
            return Err(options.unsupported(format!("metadata column '{name}'"), "datagen has none"));
        }
        refuse_strangers(&options, &spec.physical)?;
        let mut generators = Vec::with_capacity(spec.physical.len());
        for field in &spec.physical.fields {
            generators.push(FieldGenerator::read(&options, field)?);
        }
        let asked = options.parsed::<u64>("number-of-rows", "a whole number")?;
        // A sequence that ends, ends the table, also where its column is not read.
        let rows_max = generators.iter().filter_map(FieldGenerator::rows_max).chain(asked).min();
        let rate_key = "rows-per-second";
        let rate = options.parsed::<u64>(rate_key, "a whole number above 0")?.unwrap_or(10_000);
        if rate == 0 {
            return Err(options.bad(rate_key, "0", "a whole number above 0"));
        }
        let streams = streams(&spec.table, context)?;
        let mut fields: Vec<Option<FieldGenerator>> = generators.into_iter().map(Some).collect();
        let mut projected = Vec::with_capacity(spec.projection.len());
        let mut schema = Vec::with_capacity(spec.projection.len());
        for index in &spec.projection {
            if let (Some(generator), Some(field)) = (fields.get_mut(*index).and_then(Option::take), spec.physical.fields.get(*index)) {
                projected.push(generator);
                schema.push(field.clone());
            }
        }
        Ok(Self {
            table: spec.table.clone(),
            schema: Schema::new(schema),
            fields: projected,
            finished: vec![false; streams.len()],
            streams,
            rows_max,
            // Flink's own largest value means: no bound.
            rate: (rate < u64::from(u32::MAX)).then(|| rate as f64 / f64::from(context.parallelism.max(1))),
            started: None,
            made: 0,
            turn: 0,
            announced: 0,
            waited: Duration::ZERO,
            clock: context.clock,
            stopped: false,
        })
    }

    /// Rows that may be made now.
    fn allowance(&mut self) -> u64 {
        let started = *self.started.get_or_insert_with(Instant::now);
        match self.rate {
            None => BATCH_ROWS_MAX as u64,
            Some(rate) => {
                let due = (started.elapsed().as_secs_f64() * rate) as u64 + PACE_ROWS_MIN;
                due.saturating_sub(self.made).min(BATCH_ROWS_MAX as u64)
            }
        }
    }

    /// Rows of a stream in all.
    fn stream_rows(&self, stream: &Stream) -> Option<u64> {
        // Stream s makes rows s, s + of, s + 2 of, ...
        self.rows_max.map(|max| max.saturating_sub(u64::from(stream.datagen_stream)).div_ceil(u64::from(stream.of)))
    }

    fn make(&mut self, at: usize, rows: u64) -> Result<RecordBatch, ConnectorError> {
        let (stream, now) = (self.streams[at], (self.clock)());
        let broken = |what: String| ConnectorError::Internal { table: self.table.clone(), what };
        let mut arrays = Vec::with_capacity(self.fields.len());
        for (field, generator) in self.schema.fields.iter().zip(&self.fields) {
            let mut column = Column::new(&field.ty.kind);
            for row in stream.next..stream.next + rows {
                generator.push(&mut column, row * u64::from(stream.of) + u64::from(stream.datagen_stream), now);
            }
            arrays.push(column.finish().map_err(|error| broken(error.to_string()))?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows as usize));
        let batch = RecordBatch::try_new_with_options(self.schema.to_arrow(), arrays, &options);
        let batch = batch.map_err(|error| broken(error.to_string()))?;
        self.streams[at].next += rows;
        self.made += rows;
        Ok(batch)
    }
}

/// Options of columns that the table does not have are said, not passed over.
fn refuse_strangers(options: &Options<'_>, physical: &Schema) -> Result<(), ConnectorError> {
    let is_column =
        |path: &str| physical.fields.iter().any(|field| path.strip_prefix(&field.name).is_some_and(|rest| rest.starts_with('.')));
    let Some((key, _, value)) = options.below("fields.").find(|(_, path, _)| !is_column(path)) else { return Ok(()) };
    let columns: Vec<_> = physical.fields.iter().map(|field| field.name.as_str()).collect();
    Err(options.bad(key, value, &format!("options of the columns {}", columns.join(", "))))
}

/// The streams of this subtask: one of its own at a fresh start, those it takes over at a restart.
fn streams(table: &str, context: &SourceContext) -> Result<Vec<Stream>, ConnectorError> {
    let Some(entries) = &context.restored else {
        return Ok(vec![Stream { version: VERSION, datagen_stream: context.subtask, of: context.parallelism.max(1), next: 0 }]);
    };
    let mut streams = Vec::new();
    for bytes in entries {
        let stream: Stream =
            serde_json::from_slice(bytes).map_err(|error| ConnectorError::State { table: table.to_owned(), reason: error.to_string() })?;
        if stream.version != VERSION || stream.of == 0 {
            let reason = format!("it is of version {}, known is {VERSION}", stream.version);
            return Err(ConnectorError::State { table: table.to_owned(), reason });
        }
        if stream.datagen_stream % context.parallelism.max(1) == context.subtask {
            streams.push(stream);
        }
    }
    Ok(streams)
}

impl Source for DatagenSource {
    fn poll(&mut self, wait: Duration) -> Result<SourceEvent, ConnectorError> {
        self.waited = Duration::ZERO;
        if self.announced < self.streams.len() {
            let split = self.announced as u32;
            self.announced += 1;
            let name = format!("datagen[{}]", self.streams[split as usize].datagen_stream);
            return Ok(SourceEvent::Split(SplitEvent::Added { split, name }));
        }
        if self.stopped || (self.finished.iter().all(|finished| *finished) && self.rows_max.is_some()) {
            return Ok(SourceEvent::EndOfInput);
        }
        if self.streams.is_empty() {
            std::thread::sleep(wait);
            return Ok(SourceEvent::Nothing);
        }
        let mut allowed = self.allowance();
        if allowed == 0 {
            let begun = Instant::now();
            let pause = Duration::from_secs_f64(1.0 / self.rate.unwrap_or(1.0).max(0.001));
            std::thread::sleep(wait.min(pause.max(Duration::from_millis(1))));
            self.waited = begun.elapsed();
            allowed = self.allowance();
        }
        if allowed == 0 {
            return Ok(SourceEvent::Nothing);
        }
        loop {
            self.turn = (self.turn + 1) % self.streams.len();
            let at = self.turn;
            let split = at as u32;
            let left = self.stream_rows(&self.streams[at]).map_or(u64::MAX, |rows| rows.saturating_sub(self.streams[at].next));
            if left > 0 {
                let rows = self.make(at, allowed.min(left))?;
                return Ok(SourceEvent::Batch { split, bytes: rows.get_array_memory_size() as u64, rows });
            }
            if !std::mem::replace(&mut self.finished[at], true) {
                return Ok(SourceEvent::Split(SplitEvent::Finished { split }));
            }
            if self.finished.iter().all(|finished| *finished) {
                return Ok(SourceEvent::EndOfInput);
            }
        }
    }

    fn waited(&self) -> Duration {
        self.waited
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<Vec<Vec<u8>>, ConnectorError> {
        let broken = |error| ConnectorError::Internal { table: self.table.clone(), what: format!("a position cannot be encoded: {error}") };
        self.streams.iter().map(serde_json::to_vec).collect::<Result<_, _>>().map_err(broken)
    }

    fn stop(&mut self) {
        self.stopped = true;
    }

    fn metrics(&self) -> SourceMetrics {
        SourceMetrics::default()
    }
}

#[cfg(test)]
mod tests;
