//! Runs a conversion of single values over arrays, strictly or trying.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, BooleanBuilder, PrimitiveBuilder, StringArray};
use irmak_common::expr::CastMode;

use super::Context;
use crate::column::internal;
use crate::error::EvalError;

impl Context {
    /// What becomes of one converted value: itself, NULL where a try failed, or the failure with its row and value.
    pub(super) fn settle<T>(&self, result: Result<T, String>, row: usize, value: impl FnOnce() -> String) -> Result<Option<T>, EvalError> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(_) if self.mode == CastMode::Try => Ok(None),
            Err(message) => Err(EvalError::new(self.name.as_ref(), message).value(value()).at(row)),
        }
    }
}

fn texts(array: &ArrayRef) -> Result<&StringArray, EvalError> {
    array.as_string_opt::<i32>().ok_or_else(|| internal(format!("Arrow type {} where a text was planned", array.data_type())))
}

/// Numbers from texts.
pub(super) fn text_to_primitive<T: ArrowPrimitiveType>(
    array: &ArrayRef,
    context: &Context,
    convert: impl Fn(&str) -> Result<T::Native, String>,
) -> Result<ArrayRef, EvalError> {
    let texts = texts(array)?;
    let mut builder = PrimitiveBuilder::<T>::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        match text {
            Some(text) => builder.append_option(context.settle(convert(text), row, || text.to_owned())?),
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Truth values from texts.
pub(super) fn text_to_bool(
    array: &ArrayRef,
    context: &Context,
    convert: impl Fn(&str) -> Result<bool, String>,
) -> Result<ArrayRef, EvalError> {
    let texts = texts(array)?;
    let mut builder = BooleanBuilder::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        match text {
            Some(text) => builder.append_option(context.settle(convert(text), row, || text.to_owned())?),
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}

/// Numbers from numbers; `None` is NULL.
pub(super) fn primitive_to_primitive<I: ArrowPrimitiveType, O: ArrowPrimitiveType>(
    array: &ArrayRef,
    context: &Context,
    convert: impl Fn(I::Native) -> Result<Option<O::Native>, String>,
) -> Result<ArrayRef, EvalError> {
    let values = array
        .as_primitive_opt::<I>()
        .ok_or_else(|| internal(format!("Arrow type {} where {} was planned", array.data_type(), I::DATA_TYPE)))?;
    let mut builder = PrimitiveBuilder::<O>::with_capacity(values.len());
    for (row, value) in values.iter().enumerate() {
        match value {
            Some(value) => builder.append_option(context.settle(convert(value), row, || format!("{value:?}"))?.flatten()),
            None => builder.append_null(),
        }
    }
    Ok(Arc::new(builder.finish()))
}
