//! Calls OVER a window of rows in batch mode: rows are sorted by part and order, and each comes out with what the rows around it
//! amount to. Any order, any frame.
//!
//! Works on pieces: whole parts, some thousand rows together. Source: Flink's `BufferDataOverWindowOperator`.

use std::cmp::Ordering;

use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use irmak_common::batch_spec::{BatchFrame, BatchOverCall, BatchOverSpec};
use irmak_common::call_spec::{AggregateCall, SortKey};
use irmak_common::element::Element;
use irmak_common::limits::BATCH_ROWS_MAX;
use irmak_common::operator_spec::WindowStyle;
use irmak_common::types::Schema;

use super::at_end::Whole;
use super::frames;
use super::held::{Held, Ranks, emit};
use super::numbers::Number;
use super::piece::{Part, Piece};
use super::quick_sort::quick_sort;
use crate::accumulate::AggregateSet;
use crate::error::EngineError;

struct Call {
    spec: AggregateCall,
    work: Work,
}

enum Work {
    Number(Number),
    /// Boxed: it is much larger.
    Aggregate(Box<Aggregate>),
}

struct Aggregate {
    /// The columns that it reads, in the order in which its function knows them.
    read: Vec<usize>,
    schema: SchemaRef,
    set: AggregateSet,
    frame: BatchFrame,
}

pub(crate) struct BatchOver {
    held: Held,
    parts: Ranks,
    order: Ranks,
    /// Equal rows stay as they came.
    sorted: bool,
    calls: Vec<Call>,
    width: usize,
    output: SchemaRef,
}

impl BatchOver {
    pub(crate) fn new(spec: &BatchOverSpec, input: &Schema, output: &Schema) -> Result<Self, EngineError> {
        if output.len() != input.len() + spec.calls.len() {
            return Err(EngineError::plan(format!("{} columns behind {} and {} calls", output.len(), input.len(), spec.calls.len())));
        }
        // Flink sorts NULL first in an ascending order; so do parts.
        let part = |column: &usize| SortKey { column: *column, descending: false, nulls_first: true };
        let parts: Vec<SortKey> = spec.partition_by.iter().map(part).collect();
        Ok(Self {
            held: Held::new("OverAggregate", input.to_arrow()),
            parts: Ranks::new(&parts, input)?,
            order: Ranks::new(&spec.order_by, input)?,
            sorted: spec.sorted,
            calls: spec.calls.iter().map(|call| Call::new(call, input)).collect::<Result<_, _>>()?,
            width: input.len(),
            output: output.to_arrow(),
        })
    }

    /// Emits whole parts.
    fn piece(&self, rows: &[u32], out: &mut Vec<Element>) -> Result<(), EngineError> {
        let piece = self.cut(rows);
        let mut columns = self.held.columns(rows, 0..self.width)?;
        for call in &self.calls {
            columns.push(self.compute(call, &piece)?);
        }
        emit(&self.output, columns, rows.len(), out)
    }

    /// Where parts and peers begin and end.
    fn cut<'a>(&self, rows: &'a [u32]) -> Piece<'a> {
        let mut piece = Piece { rows, parts: Vec::new(), part_of: Vec::with_capacity(rows.len()), peers: Vec::with_capacity(rows.len()) };
        let mut start = 0;
        for part in rows.chunk_by(|a, b| self.parts.compare(*a, *b) == Ordering::Equal) {
            piece.part_of.resize(start + part.len(), piece.parts.len() as u32);
            piece.parts.push(Part { start, end: start + part.len() });
            for peers in part.chunk_by(|a, b| self.order.compare(*a, *b) == Ordering::Equal) {
                piece.peers.resize(start + peers.len(), start..start + peers.len());
                start += peers.len();
            }
        }
        piece
    }

    fn compute(&self, call: &Call, piece: &Piece<'_>) -> Result<ArrayRef, EngineError> {
        match &call.work {
            Work::Number(number) => {
                let args = self.held.columns(piece.rows, call.spec.args.iter().copied())?;
                number.compute(&call.spec, piece, &args)
            }
            Work::Aggregate(aggregate) => {
                let columns = self.held.columns(piece.rows, aggregate.read.iter().copied())?;
                let options = RecordBatchOptions::new().with_row_count(Some(piece.rows.len()));
                let batch = RecordBatch::try_new_with_options(SchemaRef::clone(&aggregate.schema), columns, &options);
                let inputs = aggregate.set.inputs(&batch.map_err(EngineError::arrow("gathering arguments"))?)?;
                let column = |column: usize| {
                    let mut columns = self.held.columns(piece.rows, std::iter::once(column))?;
                    columns.pop().ok_or_else(|| EngineError::plan("a RANGE without its column"))
                };
                let frames = frames::bounds(&aggregate.frame, piece, &column)?;
                frames::add_up(&aggregate.set, &inputs, piece, &frames)
            }
        }
    }
}

impl Call {
    fn new(call: &BatchOverCall, input: &Schema) -> Result<Self, EngineError> {
        let spec = call.call.clone();
        if let Some(column) = spec.args.iter().chain(&spec.filter).find(|column| **column >= input.len()) {
            return Err(EngineError::plan(format!("{} reads column {column} of {}", spec.function, input.len())));
        }
        if let Some(number) = Number::named(&spec.function) {
            return Ok(Self { spec, work: Work::Number(number) });
        }
        let read: Vec<usize> = spec.args.iter().chain(&spec.filter).copied().collect();
        let narrow = Schema::new(read.iter().map(|column| input.fields[*column].clone()).collect());
        let narrowed = AggregateCall { args: (0..spec.args.len()).collect(), filter: spec.filter.map(|_| spec.args.len()), ..spec.clone() };
        let set = AggregateSet::new(&[narrowed], &narrow, WindowStyle::Group)?;
        let aggregate = Aggregate { read, schema: narrow.to_arrow(), set, frame: call.frame.clone() };
        Ok(Self { spec, work: Work::Aggregate(Box::new(aggregate)) })
    }
}

impl Whole for BatchOver {
    fn take(&mut self, batch: &RecordBatch) -> Result<(), EngineError> {
        let bytes = self.parts.add(batch)? + self.order.add(batch)?;
        self.held.add(batch, bytes)
    }

    fn finish(&mut self, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let mut rows: Vec<u32> = (0..self.held.len()).collect();
        let compare = |a: u32, b: u32| self.parts.compare(a, b).then_with(|| self.order.compare(a, b));
        if self.sorted {
            rows.sort_by(|a, b| compare(*a, *b))
        } else {
            quick_sort(&mut rows, &compare)
        }
        let (mut from, mut end) = (0, 0);
        for part in rows.chunk_by(|a, b| self.parts.compare(*a, *b) == Ordering::Equal) {
            end += part.len();
            if end - from >= BATCH_ROWS_MAX {
                self.piece(&rows[from..end], out)?;
                from = end;
            }
        }
        if from < rows.len() { self.piece(&rows[from..], out) } else { Ok(()) }
    }
}
