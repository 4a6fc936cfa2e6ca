//! LAG: the value some rows before the last one. Source: Flink's `LagAggFunction`: the offset and the default are those of the last row.
//!
//! Values are held in Arrow's row format, no more than the offset asks for.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray, new_null_array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type};
use arrow::row::{RowConverter, SortField};

use super::{Accumulator, column, mismatch, retype};
use crate::error::EngineError;

struct Lag {
    converter: RowConverter,
    input: DataType,
    output: DataType,
    null: Box<[u8]>,
    groups: Vec<Group>,
}

#[derive(Default)]
struct Group {
    offset: usize,
    default: Option<Box<[u8]>>,
    /// The last ones, no more than the offset and one.
    values: VecDeque<Box<[u8]>>,
}

/// LAG of values that are held as `input`; `None`: of a type that is not kept so.
pub(super) fn lag(input: &DataType, output: DataType) -> Result<Option<Box<dyn Accumulator>>, EngineError> {
    let fields = vec![SortField::new(input.clone())];
    if !RowConverter::supports_fields(&fields) {
        return Ok(None);
    }
    let converter = RowConverter::new(fields).map_err(EngineError::arrow("preparing LAG"))?;
    let null = converter.convert_columns(&[new_null_array(input, 1)]).map_err(EngineError::arrow("preparing LAG"))?;
    let null = null.row(0).as_ref().into();
    Ok(Some(Box::new(Lag { converter, input: input.clone(), output, null, groups: Vec::new() })))
}

impl Lag {
    fn encode(&self, array: &ArrayRef) -> Result<arrow::row::Rows, EngineError> {
        let array = retype(array, &self.input)?;
        self.converter.convert_columns(&[array]).map_err(EngineError::arrow("keeping values for LAG"))
    }

    fn decode<'a>(&self, values: impl Iterator<Item = &'a [u8]>) -> Result<ArrayRef, EngineError> {
        let parser = self.converter.parser();
        let mut columns =
            self.converter.convert_rows(values.map(|value| parser.parse(value))).map_err(EngineError::arrow("reading LAG"))?;
        columns.pop().ok_or_else(|| EngineError::plan("LAG of nothing"))
    }
}

impl Accumulator for Lag {
    fn resize(&mut self, groups: usize) {
        self.groups.resize_with(groups, || Group { offset: 1, ..Group::default() });
    }

    fn update(&mut self, groups: &[u32], rows: &[u32], args: &[ArrayRef]) -> Result<(), EngineError> {
        let values = self.encode(args.first().ok_or_else(|| mismatch(args, 0, &self.input))?)?;
        let offsets =
            args.get(1).map(|offset| cast(offset, &DataType::Int64)).transpose().map_err(EngineError::arrow("reading LAG's offset"))?;
        let defaults = args.get(2).map(|default| self.encode(default)).transpose()?;
        for (&group, &row) in groups.iter().zip(rows) {
            let (group, row) = (&mut self.groups[group as usize], row as usize);
            if let Some(offsets) = &offsets {
                let offset = offsets.as_primitive::<Int64Type>().value(row);
                group.offset = usize::try_from(offset).map_err(|_| EngineError::Unsupported {
                    what: format!("LAG with the offset {offset}"),
                    instead: "an offset is positive".into(),
                })?;
            }
            group.default = defaults.as_ref().map(|defaults| defaults.row(row).as_ref().into());
            group.values.push_back(values.row(row).as_ref().into());
            while group.values.len() > group.offset + 1 {
                group.values.pop_front();
            }
        }
        Ok(())
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, EngineError> {
        let held = || groups.iter().map(|&group| &self.groups[group as usize]);
        let values = self.decode(held().flat_map(|group| group.values.iter().map(AsRef::as_ref)))?;
        let offsets = OffsetBuffer::from_lengths(held().map(|group| group.values.len()));
        let list = ListArray::new(Arc::new(Field::new("item", values.data_type().clone(), true)), offsets, values, None);
        let distances = Int64Array::from_iter_values(held().map(|group| group.offset as i64));
        let defaults = self.decode(held().map(|group| group.default.as_deref().unwrap_or(&self.null)))?;
        Ok(vec![Arc::new(list), Arc::new(distances), defaults])
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<(), EngineError> {
        let lists = state.first().and_then(|lists| lists.as_list_opt::<i32>()).ok_or_else(|| mismatch(state, 0, &self.input))?;
        let distances = column::<Int64Type>(state, 1)?;
        let defaults = self.encode(state.get(2).ok_or_else(|| mismatch(state, 2, &self.input))?)?;
        let values = self.encode(lists.values())?;
        for (at, &group) in groups.iter().enumerate() {
            let range = lists.value_offsets()[at] as usize..lists.value_offsets()[at + 1] as usize;
            let group = &mut self.groups[group as usize];
            group.offset = usize::try_from(distances.value(at)).unwrap_or(1);
            group.default = Some(defaults.row(at).as_ref().into());
            group.values.extend(range.map(|value| Box::from(values.row(value).as_ref())));
        }
        Ok(())
    }

    fn evaluate(&self, groups: &[u32]) -> Result<ArrayRef, EngineError> {
        let value = |&group: &u32| {
            let group = &self.groups[group as usize];
            let reached = group.values.front().filter(|_| group.values.len() > group.offset);
            reached.or(group.default.as_ref()).map_or(self.null.as_ref(), AsRef::as_ref)
        };
        retype(&self.decode(groups.iter().map(value))?, &self.output)
    }

    fn forget(&mut self, group: u32) {
        self.groups[group as usize] = Group { offset: 1, ..Group::default() };
    }

    fn width(&self) -> usize {
        3
    }
}
