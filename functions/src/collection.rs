//! Arrays, maps and rows: constructors, access, and the ARRAY_ and MAP_ functions.
//!
//! An index out of range is NULL. Flink gives -1 for a constant array of INT; that is a fault of its constant folding.

mod array;
mod construct;
mod map;

use std::cmp::Ordering;

use irmak_common::expr::Value;

use crate::column::Column;
use crate::constant::{column_of, from_array};
use crate::error::{EvalError, FunctionError};
use crate::function::{Call, Function, Kernel, kernel};

pub(crate) const FUNCTIONS: &[&[Function]] = &[construct::FUNCTIONS, array::FUNCTIONS, map::FUNCTIONS];

/// Every operand may be NULL.
const SEES_ALL: &[usize] = &[usize::MAX];

/// A kernel that works on one row's values. An operand that is NULL makes the result NULL, unless `compute` is to see it.
fn by_row(
    call: &Call<'_>,
    sees_null: &'static [usize],
    compute: impl Fn(Vec<Value>) -> Result<Value, String> + Send + Sync + 'static,
) -> Result<Kernel, FunctionError> {
    let types: Vec<_> = call.args.iter().map(|arg| arg.ty.clone()).collect();
    let (result, function) = (call.ty.clone(), call.function);
    kernel(move |args: &[Column], scope| {
        let row_of = |row: usize| -> Result<Value, EvalError> {
            let operands: Vec<Value> =
                args.iter().zip(&types).map(|(column, ty)| from_array(column.array(), column.index(row), ty)).collect();
            if operands.iter().enumerate().any(|(at, value)| *value == Value::Null && !sees_null.contains(&at) && sees_null != SEES_ALL) {
                return Ok(Value::Null);
            }
            compute(operands).map_err(|message| EvalError::new(function, message).at(row))
        };
        let values = (0..scope.rows).map(row_of).collect::<Result<Vec<_>, _>>()?;
        Ok(column_of(values.iter(), &result)?)
    })
}

/// The order of two values of one type; values that have none are equal.
fn order(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Boolean(left), Value::Boolean(right)) => left.cmp(right),
        (Value::Int(left), Value::Int(right)) => left.cmp(right),
        (Value::Float(left), Value::Float(right)) => left.total_cmp(right),
        (Value::Decimal(left), Value::Decimal(right)) => left.cmp(right),
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Bytes(left), Value::Bytes(right)) => left.cmp(right),
        _ => Ordering::Equal,
    }
}

/// The items of an array; none of anything else.
fn items(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}

/// The entries of a map; none of anything else.
fn entries(value: Value) -> Vec<(Value, Value)> {
    match value {
        Value::Map(entries) => entries,
        _ => Vec::new(),
    }
}
