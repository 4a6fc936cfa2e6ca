//! Calls OVER a window of rows: each row comes out with what the rows before it, and itself, amount to.
//!
//! In event time rows wait until the watermark has passed them and leave in order of time, then of arrival; in processing time they leave
//! as they come. Two ways to compute: up to the current row from the first one, an accumulator a key is enough ([`running`]); over some
//! rows before it, those rows are kept ([`bounded`]).
//!
//! Which rows are late is Flink's, and is not one rule: from the first row on (`AbstractRowTimeUnboundedPrecedingOver`) what the
//! watermark has passed; over some rows (`RowTimeRowsBoundedPrecedingFunction`, `RowTimeRangeBoundedPrecedingFunction`) what is not
//! behind the key's last timer. State: rows, accumulators and last times by key group, and the watermark.

mod bounded;
mod idle;
mod running;
mod sliding;
mod state;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use irmak_common::call_spec::AggregateCall;
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::Element;
use irmak_common::limits::BATCH_ROWS_MAX;
use irmak_common::operator_spec::{OverFrame, OverSpec, WindowStyle};
use irmak_common::time::{Millis, Watermark};
use irmak_common::types::Schema;

use super::clock::Clock;
use super::rows::RowStore;
use crate::accumulate::{AggregateSet, Inputs};
use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::key::KeyEncoder;
use crate::operator::{Operator, OperatorContext, OperatorMetrics};
use crate::state::keyed::KeyTable;
use crate::watermark::millis;
use bounded::Bounded;
use idle::Idle;
use running::Running;

/// A row whose time has come: its time, key and number in the store.
#[derive(Clone, Copy, Debug)]
struct Due {
    time: Millis,
    key: u32,
    number: u32,
}

/// Results of some rows: their numbers in the order in which they leave, and a column a call.
#[derive(Default)]
struct Results {
    numbers: Vec<u32>,
    columns: Vec<ArrayRef>,
}

/// What the calls read of the input, and nothing else of it.
struct Arguments {
    /// Columns of the input, in the order in which the calls know them.
    read: Vec<usize>,
    schema: SchemaRef,
    set: AggregateSet,
    /// The calls over these columns.
    calls: Vec<AggregateCall>,
}

impl Arguments {
    fn new(spec: &OverSpec, input: &Schema) -> Result<Self, EngineError> {
        let mut calls = spec.aggregates.clone();
        let mut read = Vec::new();
        for column in calls.iter_mut().flat_map(|call| call.args.iter_mut().chain(&mut call.filter)) {
            let at = read.iter().position(|known| known == column).unwrap_or(read.len());
            if at == read.len() {
                read.push(*column);
            }
            *column = at;
        }
        let fields = read.iter().map(|&column| input.fields.get(column).cloned()).collect::<Option<Vec<_>>>();
        let narrow = Schema::new(fields.ok_or_else(|| EngineError::plan(format!("OVER reads columns {read:?} of {}", input.len())))?);
        Ok(Self { read, schema: narrow.to_arrow(), set: AggregateSet::new(&calls, &narrow, WindowStyle::Group)?, calls })
    }

    /// How many calls there are.
    fn calls(&self) -> usize {
        self.set.len()
    }

    /// What the calls read of some rows.
    fn of(&self, store: &RowStore, numbers: &[u32]) -> Result<Inputs, EngineError> {
        let columns = store.columns(numbers, self.read.iter().copied())?;
        let options = RecordBatchOptions::new().with_row_count(Some(numbers.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options);
        self.set.inputs(&batch.map_err(EngineError::arrow("gathering arguments"))?)
    }
}

/// What is kept of each key.
enum Frames {
    Running(Running),
    Bounded(Bounded),
}

pub(crate) struct Over {
    /// The rowtime column and its name; `None`: processing time.
    time: Option<(usize, String)>,
    keys: KeyEncoder,
    table: KeyTable,
    arguments: Arguments,
    frames: Frames,
    /// With a TTL.
    idle: Option<Idle>,
    store: RowStore,
    /// Rows whose time has not come, by time and arrival: key and number.
    waiting: BTreeMap<(Millis, u64), (u32, u32)>,
    arrivals: u64,
    clock: Clock,
    input: SchemaRef,
    output: SchemaRef,
    env: state::Place,
}

impl Over {
    pub(crate) fn new(spec: &OverSpec, input: &Schema, output: &Schema, env: &OperatorEnvironment) -> Result<Self, EngineError> {
        let keys = KeyEncoder::new(input, &spec.partition_by)?;
        let arguments = Arguments::new(spec, input)?;
        let owned = env.owned();
        let frames = match spec.frame {
            OverFrame::RowsUnbounded => Frames::Running(Running::new(&arguments, false)?),
            // In processing time no two rows are of one time, as in Flink.
            OverFrame::RangeUnbounded => Frames::Running(Running::new(&arguments, spec.time.is_some())?),
            OverFrame::Rows { preceding } => Frames::Bounded(Bounded::rows(preceding, &arguments.calls)),
            OverFrame::Range { preceding_ms } => Frames::Bounded(Bounded::range(preceding_ms, &arguments.calls)),
        };
        let named = |column: usize| input.fields.get(column).map(|field| (column, field.name.clone()));
        let time = match spec.time {
            Some(column) => Some(named(column).ok_or_else(|| EngineError::plan(format!("the time of OVER is column {column}")))?),
            None => None,
        };
        let timed = !matches!(spec.frame, OverFrame::Range { .. }) && spec.state_ttl_ms > 0;
        let exact = spec.time.is_none() && matches!(frames, Frames::Running(_));
        let fingerprint = arguments.set.fingerprint(&format!("{}{:?}", keys.format().fingerprint(), spec.frame));
        let mut over = Self {
            time,
            table: KeyTable::default(),
            frames,
            idle: timed.then(|| Idle::new(spec.state_ttl_ms, exact)),
            store: RowStore::new(input.to_arrow()),
            waiting: BTreeMap::new(),
            arrivals: 0,
            clock: Clock::new(&owned)?,
            input: input.to_arrow(),
            output: output.to_arrow(),
            env: state::Place { fingerprint, max_parallelism: env.max_parallelism },
            keys,
            arguments,
        };
        for bytes in owned.keyed() {
            over.restore(bytes)?;
        }
        Ok(over)
    }

    /// Keeps the rows of a batch that are in time.
    fn keep(&mut self, column: usize, name: &str, now: Millis, batch: &RecordBatch) -> Result<(), EngineError> {
        let (times, nulls) = millis(column, batch.columns().get(column))?;
        if let Some(row) = nulls.and_then(|nulls| (0..nulls.len()).find(|row| nulls.is_null(*row))) {
            return Err(EngineError::Null { column: name.to_owned(), row });
        }
        self.keys.encode(batch)?;
        let (mut rows, mut keys) = (Vec::with_capacity(batch.num_rows()), Vec::with_capacity(batch.num_rows()));
        for (row, &time) in times.iter().enumerate() {
            let (hash, key) = (self.keys.hash(row), self.keys.key(row));
            let key = match &mut self.frames {
                Frames::Running(_) if time <= self.clock.reached => None,
                Frames::Running(_) => Some(self.table.intern(hash, key)),
                Frames::Bounded(bounded) => {
                    let key = self.table.intern(hash, key);
                    bounded.takes(key, time).then_some(key)
                }
            };
            match key {
                Some(key) => {
                    rows.push(row as u32);
                    keys.push(key);
                }
                None => self.clock.late += 1,
            }
        }
        let numbers = self.store.add(batch, &rows)?;
        for ((&row, key), number) in rows.iter().zip(keys).zip(numbers) {
            self.arrivals += 1;
            self.waiting.insert((times[row as usize], self.arrivals), (key, number));
            self.comes(key, now);
            self.idle.iter_mut().for_each(|idle| idle.waits(key));
        }
        Ok(())
    }

    /// The rows of a batch in processing time: all are due.
    fn at_once(&mut self, now: Millis, batch: &RecordBatch) -> Result<Vec<Due>, EngineError> {
        self.keys.encode(batch)?;
        let all: Vec<u32> = (0..batch.num_rows() as u32).collect();
        let numbers = self.store.add(batch, &all)?;
        let mut due = Vec::with_capacity(numbers.len());
        for (row, number) in numbers.into_iter().enumerate() {
            let key = self.table.intern(self.keys.hash(row), self.keys.key(row));
            if let Frames::Bounded(bounded) = &mut self.frames {
                bounded.in_processing_time(key, now);
            }
            self.comes(key, now);
            due.push(Due { time: now, key, number });
        }
        Ok(due)
    }

    /// A row of the key has come.
    fn comes(&mut self, key: u32, now: Millis) {
        let Some(idle) = &mut self.idle else { return };
        idle.reached(key, now);
        if let Frames::Running(running) = &mut self.frames {
            running.comes(key);
        }
    }

    /// Takes out the rows that the watermark has passed, in order.
    fn due(&mut self) -> Vec<Due> {
        let later = match self.clock.reached.checked_add(1) {
            Some(behind) => self.waiting.split_off(&(behind, 0)),
            None => BTreeMap::new(),
        };
        let due = std::mem::replace(&mut self.waiting, later);
        if let Some(idle) = &mut self.idle {
            due.values().for_each(|(key, _)| idle.leaves(*key));
        }
        due.into_iter().map(|((time, _), (key, number))| Due { time, key, number }).collect()
    }

    /// Computes and emits rows that are due, in pieces that no group of peers lies across.
    fn leave(&mut self, due: &[Due], out: &mut Vec<Element>) -> Result<(), EngineError> {
        let mut rest = due;
        while !rest.is_empty() {
            let mut to = BATCH_ROWS_MAX.min(rest.len());
            while to < rest.len() && rest[to].time == rest[to - 1].time {
                to += 1;
            }
            let (piece, behind) = rest.split_at(to);
            rest = behind;
            let results = match &mut self.frames {
                Frames::Running(running) => running.compute(piece, self.table.len(), &self.store, &self.arguments)?,
                Frames::Bounded(bounded) => bounded.compute(piece, &self.store, &self.arguments)?,
            };
            self.emit(&results, out)?;
            if matches!(self.frames, Frames::Running(_)) {
                piece.iter().for_each(|due| self.store.release(due.number));
            }
            if let Frames::Bounded(bounded) = &mut self.frames {
                bounded.release(&mut self.store);
            }
        }
        Ok(())
    }

    fn emit(&self, results: &Results, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if results.numbers.is_empty() {
            return Ok(());
        }
        let mut columns = self.store.columns(&results.numbers, 0..self.input.fields().len())?;
        columns.extend(results.columns.iter().cloned());
        let options = RecordBatchOptions::new().with_row_count(Some(results.numbers.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.output), columns, &options);
        let batch = batch.map_err(EngineError::arrow("emitting rows OVER a window"))?;
        let pieces = (0..batch.num_rows()).step_by(BATCH_ROWS_MAX);
        out.extend(pieces.map(|from| Element::Batch(batch.slice(from, BATCH_ROWS_MAX.min(batch.num_rows() - from)))));
        Ok(())
    }

    /// Forgets what no row will ask for again.
    fn clean(&mut self, reached: Millis) -> Result<(), EngineError> {
        if let Frames::Bounded(bounded) = &mut self.frames {
            bounded.clean(reached, &mut self.store);
        }
        self.tidy()
    }

    /// Forgets the keys whose TTL is over.
    fn expire(&mut self, now: Millis) -> Result<(), EngineError> {
        let due = self.idle.as_mut().map_or_else(Vec::new, |idle| idle.due(now));
        if due.is_empty() {
            return Ok(());
        }
        for key in due {
            match &mut self.frames {
                Frames::Running(running) => running.forget(key),
                Frames::Bounded(bounded) => bounded.forget(key, &mut self.store),
            }
        }
        self.tidy()
    }

    /// Clears forgotten keys away when they are many.
    fn tidy(&mut self) -> Result<(), EngineError> {
        let moved = match &mut self.frames {
            Frames::Running(running) => running.tidy(&mut self.table, &self.arguments)?,
            Frames::Bounded(bounded) => bounded.tidy(&mut self.table)?,
        };
        let Some(moved) = moved else { return Ok(()) };
        for (key, _) in self.waiting.values_mut() {
            *key = moved.get(*key as usize).copied().unwrap_or(*key);
        }
        self.idle.iter_mut().for_each(|idle| idle.renumber(&moved));
        Ok(())
    }
}

impl Operator for Over {
    fn on_batch(&mut self, context: &OperatorContext, _: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.expire(context.now)?;
        if let Some((column, name)) = self.time.clone() {
            return self.keep(column, &name, context.now, &batch);
        }
        let due = self.at_once(context.now, &batch)?;
        self.leave(&due, out)
    }

    fn on_watermark(&mut self, _: &OperatorContext, watermark: Watermark, out: &mut Vec<Element>) -> Result<(), EngineError> {
        if self.clock.advance(watermark) && self.time.is_some() {
            let due = self.due();
            self.leave(&due, out)?;
            self.clean(self.clock.reached)?;
        }
        self.clock.pass(out);
        Ok(())
    }

    fn next_timer(&self) -> Option<Millis> {
        let own = match &self.frames {
            Frames::Bounded(bounded) if self.time.is_none() => bounded.next_cleanup(),
            _ => None,
        };
        own.into_iter().chain(self.idle.as_ref().and_then(Idle::next)).min()
    }

    fn on_timer(&mut self, context: &OperatorContext, _: &mut Vec<Element>) -> Result<(), EngineError> {
        self.expire(context.now)?;
        if self.time.is_none() { self.clean(context.now) } else { Ok(()) }
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        self.stored()
    }

    fn metrics(&self) -> OperatorMetrics {
        self.clock.metrics()
    }
}
