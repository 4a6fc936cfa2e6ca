//! Aggregate functions: one accumulator column an aggregate, one slot a group.
//!
//! An accumulator knows three things: how rows are added, how its state looks as columns, and how such columns are added. So panes
//! are merged, sessions joined and snapshots restored by one and the same code. Values are held in their physical types (integers
//! for dates and timestamps) and take the call's type when they are read. Source of every rule: Flink 1.20's aggregate functions.
//!
//! Knows nothing of keys and windows.

pub(crate) mod average;
mod collect;
mod count;
mod decimal_variance;
mod distinct;
pub(crate) mod fold;
mod java_order;
mod lag;
mod place;
mod statistic;
pub(crate) mod text;
mod value_lists;
mod variance;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray, make_array};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use irmak_common::call_spec::AggregateCall;
use irmak_common::operator_spec::WindowStyle;
use irmak_common::types::Schema;
use xxhash_rust::xxh3::xxh3_64;

use crate::error::EngineError;
use statistic::Statistic;
use text::Keep;

/// One aggregate's state for groups `0..n`.
pub(crate) trait Accumulator: Send {
    /// Makes it `groups` groups: new ones are empty, those behind are forgotten.
    fn resize(&mut self, groups: usize);

    /// Adds row `rows[i]` of the arguments to group `groups[i]`, in order.
    fn update(&mut self, groups: &[u32], rows: &[u32], args: &[ArrayRef]) -> Result<(), EngineError>;

    /// The state of these groups, as columns: always the same number and types, whatever the groups hold.
    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>, EngineError>;

    /// Adds row `i` of state columns to group `groups[i]`, in order.
    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<(), EngineError>;

    /// The results of these groups, of the call's type.
    fn evaluate(&self, groups: &[u32]) -> Result<ArrayRef, EngineError>;

    /// Makes one group empty.
    fn forget(&mut self, group: u32);

    /// How many state columns there are.
    fn width(&self) -> usize {
        1
    }
}

/// The aggregates of an operator, checked against its input.
#[derive(Debug)]
pub(crate) struct AggregateSet {
    calls: Vec<AggregateCall>,
    style: WindowStyle,
}

/// The columns that aggregates read of one batch.
#[derive(Debug)]
pub(crate) struct Inputs {
    args: Vec<Vec<ArrayRef>>,
    filters: Vec<Option<BooleanArray>>,
}

impl AggregateSet {
    /// # Errors
    /// [`EngineError::Unsupported`] for functions that do not exist here, [`EngineError::Plan`] for columns that do not exist.
    pub(crate) fn new(calls: &[AggregateCall], input: &Schema, style: WindowStyle) -> Result<Self, EngineError> {
        let set = Self::columns(calls, input, style)?;
        set.accumulators()?;
        Ok(set)
    }

    /// The same for accumulators of another kind: only the columns are checked.
    ///
    /// # Errors
    /// [`EngineError::Plan`] for columns that do not exist.
    pub(crate) fn columns(calls: &[AggregateCall], input: &Schema, style: WindowStyle) -> Result<Self, EngineError> {
        for call in calls {
            if let Some(column) = call.args.iter().chain(&call.filter).find(|column| **column >= input.len()) {
                return Err(EngineError::plan(format!("{} reads column {column} of {}", call.function, input.len())));
            }
        }
        Ok(Self { calls: calls.to_vec(), style })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Empty accumulators, one a call.
    pub(crate) fn accumulators(&self) -> Result<Vec<Box<dyn Accumulator>>, EngineError> {
        self.calls.iter().map(|call| accumulator(call, self.style)).collect()
    }

    /// What stored accumulators depend on, with the keys' part.
    pub(crate) fn fingerprint(&self, keys: &str) -> u64 {
        let mut text = keys.to_owned();
        for call in &self.calls {
            let args: Vec<DataType> = call.arg_types.iter().map(|ty| ty.kind.to_arrow()).collect();
            text.push_str(&format!("{}({args:?}) {} {:?};", call.function, call.distinct, call.ty.kind.to_arrow()));
        }
        xxh3_64(text.as_bytes())
    }

    /// The columns that the aggregates read.
    pub(crate) fn inputs(&self, batch: &RecordBatch) -> Result<Inputs, EngineError> {
        let mut inputs = Inputs { args: Vec::with_capacity(self.calls.len()), filters: Vec::with_capacity(self.calls.len()) };
        for call in &self.calls {
            let args = call.args.iter().map(|&column| physical(batch.column(column))).collect::<Result<Vec<_>, _>>()?;
            inputs.args.push(args);
            inputs.filters.push(call.filter.map(|column| condition(batch, column)).transpose()?);
        }
        Ok(inputs)
    }
}

impl Inputs {
    /// The arguments of call `index`.
    pub(crate) fn args(&self, index: usize) -> &[ArrayRef] {
        &self.args[index]
    }

    /// The rows that call `index` is asked to look at: never null; `None`: all.
    pub(crate) fn filter(&self, index: usize) -> Option<&BooleanArray> {
        self.filters[index].as_ref()
    }
}

fn condition(batch: &RecordBatch, column: usize) -> Result<BooleanArray, EngineError> {
    let values = batch.column(column).as_boolean_opt().ok_or_else(|| EngineError::Column {
        column,
        expected: "Boolean".into(),
        found: batch.column(column).data_type().to_string(),
    })?;
    // NULL is not TRUE.
    Ok(match values.nulls() {
        None => values.clone(),
        Some(nulls) => BooleanArray::new(values.values() & nulls.inner(), None),
    })
}

/// An empty accumulator for a call.
pub(crate) fn accumulator(call: &AggregateCall, style: WindowStyle) -> Result<Box<dyn Accumulator>, EngineError> {
    // These are the same with and without.
    let distinct = call.distinct && !matches!(call.function.as_str(), "MIN" | "MAX" | "FIRST_VALUE");
    let types: Vec<DataType> = call.arg_types.iter().map(|ty| physical_type(&ty.kind.to_arrow())).collect();
    match (distinct, call.function.as_str()) {
        (true, "LISTAGG") if style == WindowStyle::TableFunction => distinct::in_hash_order(types)?.ok_or_else(|| unknown(call)),
        // NULL is a value to ARRAY_AGG, so it tells values apart itself.
        (true, "ARRAY_AGG") => plain(call),
        (true, "COLLECT") => Err(unknown(call)),
        (true, _) => distinct::distinct(types, plain(call)?),
        (false, "APPROX_COUNT_DISTINCT") => distinct::distinct(types, count::Count::boxed()),
        (false, _) => plain(call),
    }
}

/// The same without DISTINCT.
fn plain(call: &AggregateCall) -> Result<Box<dyn Accumulator>, EngineError> {
    let output = call.ty.kind.to_arrow();
    let function = call.function.as_str();
    let Some(input) = call.arg_types.first().map(|ty| physical_type(&ty.kind.to_arrow())) else {
        // Where each row has a time of its own, its place is its number.
        return if matches!(function, "COUNT" | "ROW_NUMBER" | "RANK" | "DENSE_RANK") {
            Ok(count::Count::boxed())
        } else {
            Err(unknown(call))
        };
    };
    let input = &input;
    let found = match function {
        "COUNT" => Some(count::Count::boxed()),
        "SUM" => fold::sum(input, output, None),
        "$SUM0" | "SUM0" => fold::sum(input, output, Some(())),
        "MIN" => text::text(Keep::Least, input, output.clone()).or_else(|| fold::min(input, output)),
        "MAX" => text::text(Keep::Greatest, input, output.clone()).or_else(|| fold::max(input, output)),
        "FIRST_VALUE" => text::text(Keep::First, input, output.clone()).or_else(|| fold::first(input, output)),
        "LAST_VALUE" => text::text(Keep::Last, input, output.clone()).or_else(|| fold::last(input, output)),
        "AVG" => average::average(input, output),
        "LISTAGG" => text::list_agg(input),
        "LAG" => lag::lag(input, output)?,
        "RANK" | "DENSE_RANK" => Some(place::places(function == "DENSE_RANK")),
        "COLLECT" => collect::collect(input, output)?,
        "ARRAY_AGG" => collect::array_agg(input, output, call.distinct)?,
        name => Statistic::named(name).and_then(|statistic| variance::variance(statistic, input, &output)),
    };
    found.ok_or_else(|| unknown(call))
}

pub(crate) fn unknown(call: &AggregateCall) -> EngineError {
    let distinct = if call.distinct { "DISTINCT " } else { "" };
    let types = call.arg_types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    EngineError::Unsupported {
        what: format!("the aggregate {}({distinct}{types})", call.function),
        instead: "SHOW FUNCTIONS lists what exists".into(),
    }
}

/// The type that values of a type are held in.
pub(crate) fn physical_type(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Boolean => DataType::Int8,
        DataType::Date32 | DataType::Time32(_) => DataType::Int32,
        DataType::Timestamp(..) => DataType::Int64,
        other => other.clone(),
    }
}

/// An array in its physical type; buffers are shared.
fn physical(array: &ArrayRef) -> Result<ArrayRef, EngineError> {
    retype(array, &physical_type(array.data_type()))
}

/// Integers as dates, timestamps, booleans, and back; a decimal with another precision.
pub(crate) fn retype(array: &ArrayRef, data_type: &DataType) -> Result<ArrayRef, EngineError> {
    let failed = EngineError::arrow("reading an aggregate's column");
    match (array.data_type(), data_type) {
        (same, wanted) if same == wanted => Ok(Arc::clone(array)),
        (DataType::Boolean, _) | (_, DataType::Boolean) => cast(array, data_type).map_err(failed),
        _ => array.to_data().into_builder().data_type(data_type.clone()).build().map(make_array).map_err(failed),
    }
}

/// The argument or state column at `index` as the type that the plan promised.
pub(crate) fn column<T: ArrowPrimitiveType>(columns: &[ArrayRef], index: usize) -> Result<&PrimitiveArray<T>, EngineError> {
    columns.get(index).and_then(|column| column.as_primitive_opt::<T>()).ok_or_else(|| mismatch(columns, index, &T::DATA_TYPE))
}

pub(crate) fn mismatch(columns: &[ArrayRef], index: usize, expected: &DataType) -> EngineError {
    EngineError::Column {
        column: index,
        expected: expected.to_string(),
        found: columns.get(index).map_or_else(|| "none".into(), |column| column.data_type().to_string()),
    }
}

/// Calls a generic constructor with the primitive type that holds values of a physical type.
macro_rules! with_primitive {
    ($data_type:expr, $call:ident, $($arg:expr),*) => {
        match $data_type {
            DataType::Int8 => Some($call::<Int8Type>($($arg),*)),
            DataType::Int16 => Some($call::<Int16Type>($($arg),*)),
            DataType::Int32 => Some($call::<Int32Type>($($arg),*)),
            DataType::Int64 => Some($call::<Int64Type>($($arg),*)),
            DataType::Float32 => Some($call::<Float32Type>($($arg),*)),
            DataType::Float64 => Some($call::<Float64Type>($($arg),*)),
            DataType::Decimal128(..) => Some($call::<Decimal128Type>($($arg),*)),
            _ => None,
        }
    };
}
pub(crate) use with_primitive;
