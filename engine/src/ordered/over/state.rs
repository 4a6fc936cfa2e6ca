//! The stored form of OVER: a piece of bytes a key group.
//!
//! ```text
//! length u64 | keys, as `state::snapshot` writes them | rows, absent where there are none
//! ```
//!
//! A key has its accumulators, and with a TTL when it is forgotten; or two times (of its last timer, and when it may be forgotten;
//! `i64::MIN`: never) and, as sections of kind 1, its timers. A row has two columns more: its time, and whether it has left and stays for frames behind it.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array};
use arrow::datatypes::{DataType, Field, Int64Type, Schema as ArrowSchema, SchemaRef};
use arrow::record_batch::RecordBatch;
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::key_group::{KeyGroup, MaxParallelism};
use irmak_common::time::Millis;
use xxhash_rust::xxh3::xxh3_64;

use super::idle::NEVER;
use super::{Frames, Over};
use crate::error::EngineError;
use crate::ordered::rows;
use crate::state::groups::restore_accumulators;
use crate::state::snapshot::{self, Image, Reader, Section, SectionHead};

const KEY: SectionHead = SectionHead { kind: 0, start: 0, end: 0 };
const TIMER: SectionHead = SectionHead { kind: 1, start: 0, end: 0 };

/// What stored bytes depend on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) fingerprint: u64,
    pub(super) max_parallelism: MaxParallelism,
}

/// A row to be stored: its number, time, and whether it has left.
type Stored = (u32, Millis, bool);

impl Over {
    pub(super) fn stored(&mut self) -> Result<OperatorSnapshot, EngineError> {
        let keys = self.stored_keys()?;
        let mut rows = self.stored_rows();
        let mut snapshot = OperatorSnapshot { union: vec![self.clock.snapshot()], ..OperatorSnapshot::default() };
        for (group, keys) in keys {
            let mut bytes = (keys.len() as u64).to_le_bytes().to_vec();
            bytes.extend_from_slice(&keys);
            if let Some(rows) = rows.remove(&group) {
                bytes.extend_from_slice(&self.encode(&rows)?);
            }
            snapshot.keyed.insert(group, bytes);
        }
        Ok(snapshot)
    }

    fn stored_keys(&mut self) -> Result<BTreeMap<KeyGroup, Vec<u8>>, EngineError> {
        let all: Vec<(u32, u32)> = (0..self.table.len() as u32).map(|key| (key, key)).collect();
        let idle = self.idle.as_ref();
        let section = |head, rows, intervals| Section { head, keys: &self.table, rows, intervals, sent_by: None, accumulators: &[] };
        let sections = match &mut self.frames {
            Frames::Running(running) => {
                running.accumulators.iter_mut().for_each(|accumulator| accumulator.resize(all.len()));
                let all: Vec<(u32, u32)> = all.into_iter().filter(|(key, _)| !running.is_gone(*key)).collect();
                // Without a TTL all keys are one section.
                let times = idle.map_or_else(Vec::new, |idle| all.iter().map(|(key, _)| (0, idle.until(*key))).collect());
                vec![Section { accumulators: &running.accumulators, ..section(KEY, all, times) }]
            }
            Frames::Bounded(bounded) => {
                let until = |key: usize| idle.map_or(NEVER, |idle| idle.until(key as u32));
                let times = |(key, part): (usize, &super::bounded::Part)| (part.last, part.cleanup.unwrap_or_else(|| until(key)));
                let mut intervals: Vec<_> = bounded.parts().iter().enumerate().map(times).collect();
                intervals.resize(all.len(), (0, NEVER));
                let timers: Vec<(u32, u32)> = bounded.timers().map(|(_, key)| (key, key)).collect();
                let at = bounded.timers().map(|(time, _)| (time, 0)).collect();
                vec![section(KEY, all, intervals), section(TIMER, timers, at)]
            }
        };
        snapshot::encode(self.env.fingerprint, self.env.max_parallelism, &sections)
    }

    /// Rows by key group: first those that have left, each key's in order, then those that wait, by arrival.
    fn stored_rows(&self) -> BTreeMap<KeyGroup, Vec<Stored>> {
        let group = |key: u32| KeyGroup::of_hash(self.table.hash(key), self.env.max_parallelism);
        let mut rows: BTreeMap<KeyGroup, Vec<Stored>> = BTreeMap::new();
        if let Frames::Bounded(bounded) = &self.frames {
            for (key, part) in bounded.parts().iter().enumerate() {
                let left = part.history.iter().map(|&(time, number)| (number, time, true));
                rows.entry(group(key as u32)).or_default().extend(left);
            }
        }
        let mut waiting: Vec<_> = self.waiting.iter().map(|(&(time, arrival), &(key, number))| (arrival, key, number, time)).collect();
        waiting.sort_unstable();
        for (_, key, number, time) in waiting {
            rows.entry(group(key)).or_default().push((number, time, false));
        }
        rows.retain(|_, rows| !rows.is_empty());
        rows
    }

    fn encode(&self, rows: &[Stored]) -> Result<Vec<u8>, EngineError> {
        let numbers: Vec<u32> = rows.iter().map(|row| row.0).collect();
        let mut columns = self.store.columns(&numbers, 0..self.input.fields().len())?;
        columns.push(Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.1))) as ArrayRef);
        columns.push(Arc::new(BooleanArray::from_iter(rows.iter().map(|row| Some(row.2)))));
        let batch = RecordBatch::try_new(self.stored_schema(), columns).map_err(EngineError::arrow("storing rows"))?;
        rows::encode(&batch)
    }

    fn stored_schema(&self) -> SchemaRef {
        let own = [Field::new("$time", DataType::Int64, false), Field::new("$left", DataType::Boolean, false)];
        let fields = self.input.fields().iter().cloned().chain(own.map(Arc::new));
        Arc::new(ArrowSchema::new(fields.collect::<Vec<_>>()))
    }

    pub(super) fn restore(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let mut reader = Reader { bytes };
        let length = reader.number().map(u64::from_le_bytes)?;
        let keys = reader.take(usize::try_from(length).map_err(|_| EngineError::state("it is cut short"))?)?;
        self.restore_keys(&snapshot::decode(self.env.fingerprint, keys)?)?;
        if reader.bytes.is_empty() { Ok(()) } else { self.restore_rows(reader.bytes) }
    }

    fn restore_keys(&mut self, image: &Image<'_>) -> Result<(), EngineError> {
        if !image.keys.iter().all(|key| self.keys.format().holds(key)) {
            return Err(EngineError::state("a key has not the form of this query's keys"));
        }
        let keys: Vec<u32> = image.keys.iter().map(|key| self.table.intern(xxh3_64(key), key)).collect();
        if let Some(idle) = &mut self.idle {
            let timed =
                image.sections.iter().zip(&keys).filter(|((head, rows), _)| head.kind == KEY.kind && *rows == 1 && head.end != NEVER);
            // A section without a TTL ends at 0.
            timed.filter(|((head, _), _)| head.end != 0).for_each(|((head, _), key)| idle.set(*key, head.end));
        }
        match &mut self.frames {
            Frames::Running(running) => restore_accumulators(&mut running.accumulators, self.table.len(), &keys, &image.states, 0),
            Frames::Bounded(bounded) => {
                if image.sections.iter().any(|(_, rows)| *rows != 1) {
                    return Err(EngineError::state("it holds something else than keys and their times"));
                }
                for (&(head, _), key) in image.sections.iter().zip(keys) {
                    if head.kind == TIMER.kind {
                        bounded.set_timer(head.start, key);
                        continue;
                    }
                    let part = bounded.part(key);
                    (part.last, part.cleanup) = (head.start, (head.end != NEVER && self.idle.is_none()).then_some(head.end));
                }
                Ok(())
            }
        }
    }

    fn restore_rows(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let stored = rows::decode(bytes, &self.stored_schema())?;
        let width = self.input.fields().len();
        let columns: Vec<usize> = (0..width).collect();
        let batch = stored.project(&columns).map_err(EngineError::arrow("restoring rows"))?;
        let (times, left) = (stored.column(width).as_primitive::<Int64Type>(), stored.column(width + 1).as_boolean());
        self.keys.encode(&batch)?;
        let all: Vec<u32> = (0..batch.num_rows() as u32).collect();
        for (row, number) in self.store.add(&batch, &all)?.into_iter().enumerate() {
            let key = self.table.intern(self.keys.hash(row), self.keys.key(row));
            let time = times.value(row);
            if let Frames::Bounded(bounded) = &mut self.frames {
                let part = bounded.part(key);
                if left.value(row) {
                    part.history.push_back((time, number));
                }
                bounded.keep_alive(key, time);
            }
            if !left.value(row) {
                self.arrivals += 1;
                self.waiting.insert((time, self.arrivals), (key, number));
                self.idle.iter_mut().for_each(|idle| idle.waits(key));
            }
        }
        Ok(())
    }
}
