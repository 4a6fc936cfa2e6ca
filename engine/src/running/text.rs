//! MIN, MAX, FIRST_VALUE and LAST_VALUE of text and bytes that only come. Compared by bytes, as Flink's `BinaryStringData` is.

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;

use super::{Running, keep};
use crate::accumulate::text::{Cells, Keep, bytes_array};
use crate::changelog::Change;
use crate::error::EngineError;
use crate::state::bytes::{put_bytes, take_bytes};
use crate::state::snapshot::Reader;

struct Text {
    keep: Keep,
    args: Vec<ArrayRef>,
    values: Vec<Option<Vec<u8>>>,
    /// Results: where each ends, and whether it is there.
    ends: Vec<(usize, bool)>,
    bytes: Vec<u8>,
    ty: DataType,
}

/// MIN, MAX, FIRST_VALUE or LAST_VALUE, by name; `None`: not of text or bytes.
pub(super) fn text(name: &str, input: &DataType, output: &DataType) -> Option<Box<dyn Running>> {
    let keep = match name {
        "MIN" => Keep::Least,
        "MAX" => Keep::Greatest,
        "FIRST_VALUE" => Keep::First,
        _ => Keep::Last,
    };
    let bytes = matches!(input, DataType::Utf8 | DataType::Binary);
    let text = Text { keep, args: Vec::new(), values: Vec::new(), ends: Vec::new(), bytes: Vec::new(), ty: output.clone() };
    bytes.then(|| Box::new(text) as Box<dyn Running>)
}

impl Text {
    fn result(&self, at: usize) -> Option<&[u8]> {
        let start = if at == 0 { 0 } else { self.ends[at - 1].0 };
        let (end, there) = self.ends[at];
        there.then(|| &self.bytes[start..end])
    }
}

impl Running for Text {
    fn resize(&mut self, groups: usize) {
        self.values.resize(groups, None);
    }

    fn bind(&mut self, args: &[ArrayRef]) -> Result<(), EngineError> {
        self.args = args.to_vec();
        Cells::new(&self.args, 0).map(|_| ())
    }

    /// Nothing is ever taken back: the value only moves one way.
    fn apply(&mut self, group: u32, row: usize, change: Change) -> Result<(), EngineError> {
        if change == Change::Retract {
            return Ok(());
        }
        let cells = Cells::new(&self.args, 0)?;
        let Some(next) = cells.get(row) else { return Ok(()) };
        let held = &mut self.values[group as usize];
        match held {
            None => *held = Some(next.to_vec()),
            Some(value) => {
                let replace = match self.keep {
                    Keep::Least => next < value.as_slice(),
                    Keep::Greatest => next > value.as_slice(),
                    Keep::First => false,
                    Keep::Last => true,
                };
                if replace {
                    value.clear();
                    value.extend_from_slice(next);
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, group: u32) -> Result<(), EngineError> {
        let value = &self.values[group as usize];
        self.bytes.extend_from_slice(value.as_deref().unwrap_or_default());
        self.ends.push((self.bytes.len(), value.is_some()));
        Ok(())
    }

    fn same(&self, a: usize, b: usize) -> bool {
        self.result(a) == self.result(b)
    }

    fn pop(&mut self, results: usize) {
        self.ends.truncate(self.ends.len() - results);
        self.bytes.truncate(self.ends.last().map_or(0, |(end, _)| *end));
    }

    fn finish(&mut self) -> Result<ArrayRef, EngineError> {
        let array = bytes_array(&self.ty, (0..self.ends.len()).map(|at| self.result(at)))?;
        self.ends.clear();
        self.bytes.clear();
        Ok(array)
    }

    fn forget(&mut self, group: u32) {
        self.values[group as usize] = None;
    }

    fn compact(&mut self, kept: &[u32]) -> Result<(), EngineError> {
        keep(&mut self.values, kept);
        Ok(())
    }

    fn save(&self, group: u32, out: &mut Vec<u8>) -> Result<(), EngineError> {
        let value = &self.values[group as usize];
        out.push(u8::from(value.is_some()));
        put_bytes(out, value.as_deref().unwrap_or_default());
        Ok(())
    }

    fn load(&mut self, group: u32, from: &mut Reader<'_>) -> Result<(), EngineError> {
        let there = from.take(1)?[0] != 0;
        let value = take_bytes(from)?;
        if self.ty == DataType::Utf8 && std::str::from_utf8(value).is_err() {
            return Err(EngineError::state("a text is not UTF-8"));
        }
        self.values[group as usize] = there.then(|| value.to_vec());
        Ok(())
    }
}
