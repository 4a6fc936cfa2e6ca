//! NOT, IS NULL, IS TRUE and their like. AND and OR are nodes of the tree: `eval::lazy`.

use std::sync::Arc;

use arrow::array::{Array, BooleanArray};
use arrow::compute::{is_not_null, is_null, not};
use irmak_common::types::TypeKind;

use crate::column::{arrow_error, build_bools};
use crate::error::FunctionError;
use crate::function::{Function, Kernel, kernel};
use crate::signature::{Arg, Signature, Want, fixed, strict};

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::total(
        "NOT",
        |args| strict(args, &[Want::Bool], 0, TypeKind::Boolean),
        |_| kernel(|args, _| Ok(Arc::new(not(&args[0].bools()?.into_array()).map_err(arrow_error)?))),
    ),
    Function::total("IS NULL", any, |_| kernel(|args, _| Ok(Arc::new(null_mask(&args[0], true)?)))),
    Function::total("IS NOT NULL", any, |_| kernel(|args, _| Ok(Arc::new(null_mask(&args[0], false)?)))),
    Function::total("IS UNKNOWN", truth, |_| kernel(|args, _| Ok(Arc::new(null_mask(&args[0], true)?)))),
    Function::total("IS NOT UNKNOWN", truth, |_| kernel(|args, _| Ok(Arc::new(null_mask(&args[0], false)?)))),
    Function::total("IS TRUE", truth, |_| is(|value| value == Some(true))),
    Function::total("IS NOT TRUE", truth, |_| is(|value| value != Some(true))),
    Function::total("IS FALSE", truth, |_| is(|value| value == Some(false))),
    Function::total("IS NOT FALSE", truth, |_| is(|value| value != Some(false))),
];

fn any(args: &[Arg<'_>]) -> Signature {
    Ok((fixed(args, &[Want::Any], 0)?, TypeKind::Boolean.not_null()))
}

fn truth(args: &[Arg<'_>]) -> Signature {
    Ok((fixed(args, &[Want::Bool], 0)?, TypeKind::Boolean.not_null()))
}

fn is(test: fn(Option<bool>) -> bool) -> Result<Kernel, FunctionError> {
    kernel(move |args, scope| {
        let values = args[0].bools()?;
        build_bools(scope.rows, |row| Ok(Some(test(values.get(row)))))
    })
}

fn null_mask(column: &crate::column::Column, wanted: bool) -> Result<BooleanArray, crate::error::EvalError> {
    let array: &dyn Array = column.array();
    // Arrays of type Null have no null bitmap, and are null throughout.
    let nulls = array.logical_nulls();
    match nulls {
        Some(nulls) => {
            let mask = BooleanArray::new(nulls.inner().clone(), None);
            if wanted { not(&mask).map_err(arrow_error) } else { Ok(mask) }
        }
        None if wanted => is_null(array).map_err(arrow_error),
        None => is_not_null(array).map_err(arrow_error),
    }
}
