//! The kernels of arithmetic on numbers.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Decimal128Array};
use arrow::compute::kernels::numeric;
use arrow::datatypes::{
    ArrowNativeTypeOp, ArrowPrimitiveType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
};
use arrow::error::ArrowError;
use irmak_common::types::TypeKind;

use super::time;
use crate::cast::Cast;
use crate::column::{Column, arrow_error, build_numbers};
use crate::decimal::{self, Form, Scaled};
use crate::error::{EvalError, FunctionError};
use crate::function::{Call, Kernel, Scope, kernel};
use crate::types::KindExt;
use irmak_common::expr::CastMode;

pub(super) fn add(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    if call.args.len() == 1 {
        return kernel(|args, _| Ok(args[0].array().clone()));
    }
    if let Some(found) = time::add(call, 1)? {
        return Ok(found);
    }
    if call.ty.kind.is_numeric() && !is_decimal(call) {
        return vectorised(numeric::add_wrapping);
    }
    decimals(call, decimal::add)
}

pub(super) fn subtract(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    if call.args.len() == 1 {
        // Java negates; zero minus the value would lose the sign of zero.
        return kernel(|args, _| numeric::neg_wrapping(args[0].array()).map_err(arrow_error));
    }
    if let Some(found) = time::add(call, -1)? {
        return Ok(found);
    }
    if call.ty.kind.is_numeric() && !is_decimal(call) {
        return vectorised(numeric::sub_wrapping);
    }
    decimals(call, |left, Scaled(value, scale), form| decimal::add(left, Scaled(-value, scale), form))
}

pub(super) fn multiply(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    if call.ty.kind.is_interval() {
        return time::multiply(call);
    }
    if !is_decimal(call) {
        return vectorised(numeric::mul_wrapping);
    }
    decimals(call, decimal::multiply)
}

pub(super) fn divide(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    match &call.ty.kind {
        TypeKind::TinyInt => integers::<Int8Type>("/", |a, b| a.div_wrapping(b)),
        TypeKind::SmallInt => integers::<Int16Type>("/", |a, b| a.div_wrapping(b)),
        TypeKind::Int => integers::<Int32Type>("/", |a, b| a.div_wrapping(b)),
        TypeKind::BigInt => integers::<Int64Type>("/", |a, b| a.div_wrapping(b)),
        TypeKind::Float | TypeKind::Double => floats(call, "/", numeric::div),
        _ => nonzero_decimals(call, "/", decimal::divide),
    }
}

pub(super) fn remainder(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let operands = call.arg(0)?.kind.clone();
    let computed = match &operands {
        TypeKind::TinyInt => integers::<Int8Type>("%", |a, b| a.mod_wrapping(b)),
        TypeKind::SmallInt => integers::<Int16Type>("%", |a, b| a.mod_wrapping(b)),
        TypeKind::Int => integers::<Int32Type>("%", |a, b| a.mod_wrapping(b)),
        TypeKind::BigInt => integers::<Int64Type>("%", |a, b| a.mod_wrapping(b)),
        TypeKind::Float | TypeKind::Double => floats(call, "%", numeric::rem),
        _ => nonzero_decimals(call, "%", decimal::remainder),
    }?;
    if operands.is_approximate() || is_decimal(call) || operands == call.ty.kind {
        return Ok(computed);
    }
    let narrow = Cast::new(&operands.nullable(), call.ty, CastMode::Strict, call.env)?;
    kernel(move |args, scope| narrow.run(&computed(args, scope)?))
}

fn is_decimal(call: &Call<'_>) -> bool {
    matches!(call.ty.kind, TypeKind::Decimal { .. })
}

type Vectorised = fn(&dyn arrow::array::Datum, &dyn arrow::array::Datum) -> Result<ArrayRef, ArrowError>;

fn vectorised(operation: Vectorised) -> Result<Kernel, FunctionError> {
    kernel(move |args, scope| vector(operation, args, scope))
}

fn vector(operation: Vectorised, args: &[Column], scope: &Scope) -> Result<ArrayRef, EvalError> {
    // Two scalars give an array of one value, which is what a constant is.
    let _ = scope;
    operation(&args[0], &args[1]).map_err(arrow_error)
}

/// FLOAT and DOUBLE follow IEEE 754, but a constant divisor of zero is refused, as Flink's planner refuses it.
fn floats(call: &Call<'_>, function: &'static str, operation: Vectorised) -> Result<Kernel, FunctionError> {
    let double = call.ty.kind == TypeKind::Double;
    kernel(move |args, scope| {
        if matches!((&args[0], &args[1]), (Column::Constant(_), Column::Constant(_))) && args[0].array().is_valid(0) {
            let divisor =
                if double { args[1].numbers::<Float64Type>()?.get(0) } else { args[1].numbers::<Float32Type>()?.get(0).map(f64::from) };
            if divisor == Some(0.0) {
                return Err(EvalError::new(function, "Division by zero").at(0));
            }
        }
        vector(operation, args, scope)
    })
}

fn integers<T: ArrowPrimitiveType>(
    function: &'static str,
    operation: fn(T::Native, T::Native) -> T::Native,
) -> Result<Kernel, FunctionError> {
    kernel(move |args, scope| {
        let (left, right) = (args[0].numbers::<T>()?, args[1].numbers::<T>()?);
        build_numbers::<T>(scope.rows, |row| match (left.get(row), right.get(row)) {
            (Some(_), Some(divisor)) if divisor.is_zero() => Err(EvalError::new(function, "/ by zero").at(row)),
            (Some(dividend), Some(divisor)) => Ok(Some(operation(dividend, divisor))),
            _ => Ok(None),
        })
    })
}

type DecimalOperation = fn(Scaled, Scaled, Form) -> Option<i128>;

fn decimals(call: &Call<'_>, operation: DecimalOperation) -> Result<Kernel, FunctionError> {
    let (form, left, right) = forms(call)?;
    kernel(move |args, scope| {
        let (a, b) = (args[0].numbers::<Decimal128Type>()?, args[1].numbers::<Decimal128Type>()?);
        let sum = |row| a.get(row).zip(b.get(row)).and_then(|(a, b)| operation(Scaled(a, left), Scaled(b, right), form));
        decimal_array(form, (0..scope.rows).map(sum))
    })
}

fn nonzero_decimals(call: &Call<'_>, function: &'static str, operation: DecimalOperation) -> Result<Kernel, FunctionError> {
    let (form, left, right) = forms(call)?;
    kernel(move |args, scope| {
        let (a, b) = (args[0].numbers::<Decimal128Type>()?, args[1].numbers::<Decimal128Type>()?);
        let zero = |row: &usize| a.get(*row).is_some() && b.get(*row) == Some(0);
        if let Some(row) = (0..scope.rows).find(zero) {
            return Err(EvalError::new(function, "Division by zero").at(row));
        }
        let quotient = |row| a.get(row).zip(b.get(row)).and_then(|(a, b)| operation(Scaled(a, left), Scaled(b, right), form));
        decimal_array(form, (0..scope.rows).map(quotient))
    })
}

/// The result's form and the operands' scales.
fn forms(call: &Call<'_>) -> Result<(Form, u8, u8), FunctionError> {
    let scale = |at: usize| call.arg(at)?.kind.decimal().map(|(_, scale)| scale).ok_or_else(|| call.wrong("an operand is no exact number"));
    let Some((precision, result)) = call.ty.kind.decimal() else { return Err(call.wrong("the result is no DECIMAL")) };
    Ok((Form { precision, scale: result }, scale(0)?, scale(1)?))
}

/// An array of unscaled values in a form.
pub(crate) fn decimal_array(form: Form, values: impl Iterator<Item = Option<i128>>) -> Result<ArrayRef, EvalError> {
    let array = Decimal128Array::from_iter(values).with_precision_and_scale(form.precision, form.scale as i8);
    Ok(Arc::new(array.map_err(arrow_error)?))
}
