//! Aggregates that depend on the order of rows, of rows that come and go: FIRST_VALUE, LAST_VALUE, LISTAGG, ARRAY_AGG, COLLECT and the
//! statistics. Every row is kept in order of arrival; taking one back removes the oldest that equals it, as Flink's `WithRetract`
//! functions do.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use arrow::datatypes::DataType;
use irmak_common::call_spec::AggregateCall;
use irmak_common::operator_spec::WindowStyle;

use super::rows::RowCodec;
use super::{Running, keep};
use crate::accumulate::{accumulator, retype};
use crate::changelog::Change;
use crate::error::EngineError;
use crate::state::bytes::{put_bytes, put_number, take_bytes, take_number};
use crate::state::snapshot::Reader;

/// What is made of the rows.
pub(super) enum Result {
    First,
    Last,
    /// This call, computed of all rows.
    Of(Box<AggregateCall>),
}

/// Rows in order of arrival.
#[derive(Debug, Default)]
struct Members {
    rows: BTreeMap<u64, Arc<[u8]>>,
    /// Where equal rows are, oldest first.
    places: HashMap<Arc<[u8]>, VecDeque<u64>>,
    next: u64,
}

impl Members {
    fn add(&mut self, row: &[u8]) {
        let row: Arc<[u8]> = row.into();
        self.rows.insert(self.next, Arc::clone(&row));
        self.places.entry(row).or_default().push_back(self.next);
        self.next += 1;
    }

    /// What never came is not missed.
    fn remove(&mut self, row: &[u8]) {
        let Some(places) = self.places.get_mut(row) else { return };
        if let Some(place) = places.pop_front() {
            self.rows.remove(&place);
        }
        if places.is_empty() {
            self.places.remove(row);
        }
    }
}

struct List {
    result: Result,
    codec: RowCodec,
    nulls: Option<ArrayRef>,
    groups: Vec<Members>,
    /// Results of FIRST_VALUE and LAST_VALUE.
    kept: Kept,
    /// Results of other calls.
    computed: Vec<ArrayRef>,
    ty: DataType,
}

/// An aggregate of all rows there are, of arguments of these types.
pub(super) fn list(types: &[DataType], output: &DataType, result: Result) -> std::result::Result<Box<dyn Running>, EngineError> {
    let codec = RowCodec::new(types)?;
    let (groups, kept, computed) = (Vec::new(), Kept::default(), Vec::new());
    Ok(Box::new(List { result, codec, nulls: None, groups, kept, computed, ty: output.clone() }))
}

impl List {
    fn compute(&self, call: &AggregateCall, group: u32) -> std::result::Result<ArrayRef, EngineError> {
        let rows = &self.groups[group as usize].rows;
        let mut whole = accumulator(call, WindowStyle::Group)?;
        whole.resize(1);
        if !rows.is_empty() {
            let args = self.codec.decode(rows.values().map(|row| &**row))?;
            whole.update(&vec![0; rows.len()], &(0..rows.len() as u32).collect::<Vec<_>>(), &args)?;
        }
        whole.evaluate(&[0])
    }
}

impl Running for List {
    fn resize(&mut self, groups: usize) {
        self.groups.resize_with(groups, Members::default);
    }

    fn bind(&mut self, args: &[ArrayRef]) -> std::result::Result<(), EngineError> {
        self.nulls = args.first().cloned();
        self.codec.bind(args)
    }

    fn apply(&mut self, group: u32, row: usize, change: Change) -> std::result::Result<(), EngineError> {
        let of_all = matches!(self.result, Result::Of(_));
        if !of_all && self.nulls.as_ref().is_none_or(|arg| arg.is_null(row)) {
            return Ok(());
        }
        let members = &mut self.groups[group as usize];
        match change {
            Change::Add => members.add(self.codec.row(row)),
            Change::Retract => members.remove(self.codec.row(row)),
        }
        Ok(())
    }

    fn push(&mut self, group: u32) -> std::result::Result<(), EngineError> {
        let rows = &self.groups[group as usize].rows;
        let row = match &self.result {
            Result::First => rows.values().next(),
            Result::Last => rows.values().next_back(),
            Result::Of(call) => {
                let result = self.compute(call, group)?;
                self.computed.push(result);
                return Ok(());
            }
        };
        self.kept.push(row.map(|row| &**row));
        Ok(())
    }

    fn same(&self, a: usize, b: usize) -> bool {
        match &self.result {
            Result::Of(_) => *self.computed[a] == *self.computed[b],
            _ => self.kept.get(a) == self.kept.get(b),
        }
    }

    fn pop(&mut self, results: usize) {
        match &self.result {
            Result::Of(_) => self.computed.truncate(self.computed.len() - results),
            _ => self.kept.pop(results),
        }
    }

    fn finish(&mut self) -> std::result::Result<ArrayRef, EngineError> {
        match &self.result {
            Result::Of(_) => join(std::mem::take(&mut self.computed), &self.ty),
            _ => retype(&self.kept.finish(&self.codec)?, &self.ty),
        }
    }

    fn forget(&mut self, group: u32) {
        self.groups[group as usize] = Members::default();
    }

    fn compact(&mut self, kept: &[u32]) -> std::result::Result<(), EngineError> {
        keep(&mut self.groups, kept);
        Ok(())
    }

    fn save(&self, group: u32, out: &mut Vec<u8>) -> std::result::Result<(), EngineError> {
        let rows = &self.groups[group as usize].rows;
        put_number(out, rows.len() as i64);
        rows.values().for_each(|row| put_bytes(out, row));
        Ok(())
    }

    fn load(&mut self, group: u32, from: &mut Reader<'_>) -> std::result::Result<(), EngineError> {
        for _ in 0..take_number(from)? {
            self.groups[group as usize].add(take_bytes(from)?);
        }
        Ok(())
    }
}

/// One column of these pieces.
pub(super) fn join(pieces: Vec<ArrayRef>, ty: &DataType) -> std::result::Result<ArrayRef, EngineError> {
    match &pieces[..] {
        [] => Ok(arrow::array::new_empty_array(ty)),
        [only] => Ok(Arc::clone(only)),
        _ => concat(&pieces.iter().map(AsRef::as_ref).collect::<Vec<_>>()).map_err(EngineError::arrow("joining results")),
    }
}

/// Results that are one of the values: their encodings, one behind the other.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Where each ends, and whether it is there.
    ends: Vec<(usize, bool)>,
    bytes: Vec<u8>,
}

impl Kept {
    pub(super) fn push(&mut self, value: Option<&[u8]>) {
        self.bytes.extend_from_slice(value.unwrap_or_default());
        self.ends.push((self.bytes.len(), value.is_some()));
    }

    pub(super) fn get(&self, at: usize) -> Option<&[u8]> {
        let start = if at == 0 { 0 } else { self.ends[at - 1].0 };
        let (end, there) = self.ends[at];
        there.then(|| &self.bytes[start..end])
    }

    pub(super) fn pop(&mut self, results: usize) {
        self.ends.truncate(self.ends.len() - results);
        self.bytes.truncate(self.ends.last().map_or(0, |(end, _)| *end));
    }

    /// The first column of the results.
    pub(super) fn finish(&mut self, codec: &RowCodec) -> std::result::Result<ArrayRef, EngineError> {
        let null = codec.null()?;
        let columns = codec.decode((0..self.ends.len()).map(|at| self.get(at).unwrap_or(&null)))?;
        self.ends.clear();
        self.bytes.clear();
        columns.into_iter().next().ok_or_else(|| EngineError::plan("an aggregate has no argument"))
    }
}
