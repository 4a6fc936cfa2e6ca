//! An aggregate of windows as a running one, for rows that only come: LISTAGG, COLLECT, ARRAY_AGG, the statistics. A result is an array
//! of one, so this is the slow way, for what is rarely asked for.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use super::Running;
use super::list::join;
use super::rows::RowCodec;
use crate::accumulate::Accumulator;
use crate::changelog::Change;
use crate::error::EngineError;
use crate::state::bytes::{put_bytes, take_bytes};
use crate::state::snapshot::Reader;

struct Adapter {
    inner: Box<dyn Accumulator>,
    args: Vec<ArrayRef>,
    groups: usize,
    output: Vec<ArrayRef>,
    ty: DataType,
    state_types: Vec<DataType>,
}

/// The running form of an aggregate of windows.
pub(super) fn adapter(inner: Box<dyn Accumulator>) -> Result<Box<dyn Running>, EngineError> {
    let ty = inner.evaluate(&[])?.data_type().clone();
    let state_types: Vec<DataType> = inner.state(&[])?.iter().map(|column| column.data_type().clone()).collect();
    Ok(Box::new(Adapter { inner, args: Vec::new(), groups: 0, output: Vec::new(), ty, state_types }))
}

impl Running for Adapter {
    fn resize(&mut self, groups: usize) {
        self.groups = groups;
        self.inner.resize(groups);
    }

    fn bind(&mut self, args: &[ArrayRef]) -> Result<(), EngineError> {
        self.args = args.to_vec();
        Ok(())
    }

    /// Nothing is ever taken back.
    fn apply(&mut self, group: u32, row: usize, _: Change) -> Result<(), EngineError> {
        self.inner.update(&[group], &[row as u32], &self.args)
    }

    fn push(&mut self, group: u32) -> Result<(), EngineError> {
        self.output.push(self.inner.evaluate(&[group])?);
        Ok(())
    }

    fn same(&self, a: usize, b: usize) -> bool {
        *self.output[a] == *self.output[b]
    }

    fn pop(&mut self, results: usize) {
        self.output.truncate(self.output.len() - results);
    }

    fn finish(&mut self) -> Result<ArrayRef, EngineError> {
        join(std::mem::take(&mut self.output), &self.ty)
    }

    fn forget(&mut self, group: u32) {
        self.inner.forget(group);
    }

    fn compact(&mut self, kept: &[u32]) -> Result<(), EngineError> {
        let all: Vec<u32> = (0..kept.len() as u32).collect();
        let state = self.inner.state(kept)?;
        self.inner.resize(0);
        self.resize(kept.len());
        self.inner.merge(&all, &state)
    }

    fn save(&self, group: u32, out: &mut Vec<u8>) -> Result<(), EngineError> {
        let mut codec = RowCodec::new(&self.state_types)?;
        codec.bind(&self.inner.state(&[group])?)?;
        put_bytes(out, codec.row(0));
        Ok(())
    }

    fn load(&mut self, group: u32, from: &mut Reader<'_>) -> Result<(), EngineError> {
        let state = RowCodec::new(&self.state_types)?.decode([take_bytes(from)?])?;
        self.inner.merge(&[group], &state)
    }
}
