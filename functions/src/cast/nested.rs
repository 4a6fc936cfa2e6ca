//! Casts of ARRAY, MAP, MULTISET and ROW, element by element.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StructArray, UInt64Array, new_null_array};
use arrow::compute::{concat, take};
use arrow::datatypes::DataType;
use irmak_common::expr::CastMode;
use irmak_common::types::{LogicalType, TypeKind};

use super::{Cast, Convert};
use crate::column::{arrow_error, internal};
use crate::constant::map_array;
use crate::environment::Environment;
use crate::error::{EvalError, FunctionError};

/// As asked: where an element is refused, CAST fails and TRY_CAST makes the whole value NULL.
pub(super) fn convert(from: &TypeKind, to: &TypeKind, mode: CastMode, env: &Environment) -> Result<Convert, FunctionError> {
    let strict = strictly(from, to, env)?;
    if mode == CastMode::Strict {
        return Ok(strict);
    }
    let arrow = to.to_arrow();
    Ok(Arc::new(move |array| strict(array).or_else(|_| one_by_one(array, &strict, &arrow))))
}

fn one_by_one(array: &ArrayRef, strict: &Convert, arrow: &DataType) -> Result<ArrayRef, EvalError> {
    // Taken, not sliced: a slice still holds the elements of its neighbours.
    let alone = |row| take(array, &UInt64Array::from(vec![row]), None).map_err(arrow_error);
    let value = |row| Ok(strict(&alone(row)?).unwrap_or_else(|_| new_null_array(arrow, 1)));
    let values = (0..array.len() as u64).map(value).collect::<Result<Vec<ArrayRef>, EvalError>>()?;
    if values.is_empty() {
        return Ok(new_null_array(arrow, 0));
    }
    concat(&values.iter().map(AsRef::as_ref).collect::<Vec<_>>()).map_err(arrow_error)
}

fn strictly(from: &TypeKind, to: &TypeKind, env: &Environment) -> Result<Convert, FunctionError> {
    let arrow = to.to_arrow();
    let cast = |from: &LogicalType, to: &LogicalType| Cast::new(from, to, CastMode::Strict, env);
    let unplanned = |array: &dyn Array| internal(format!("no cast of Arrow type {}", array.data_type()));
    Ok(match (from, to) {
        (TypeKind::Array(from), TypeKind::Array(to)) => {
            let element = cast(from, to)?;
            Arc::new(move |array| {
                let list = array.as_list_opt::<i32>().ok_or_else(|| unplanned(array))?;
                let DataType::List(field) = &arrow else { return Err(unplanned(array)) };
                let items = element.run(list.values()).map_err(rowless)?;
                Ok(Arc::new(ListArray::try_new(field.clone(), list.offsets().clone(), items, list.nulls().cloned()).map_err(arrow_error)?))
            })
        }
        (TypeKind::Map(..) | TypeKind::Multiset(_), TypeKind::Map(..) | TypeKind::Multiset(_)) => {
            let ((k1, v1), (k2, v2)) = (parts(from), parts(to));
            let (key, value) = (cast(&k1, &k2)?, cast(&v1, &v2)?);
            Arc::new(move |array| {
                let map = array.as_map_opt().ok_or_else(|| unplanned(array))?;
                let (keys, values) = (key.run(irmak_common::map::keys(map)).map_err(rowless)?, value.run(map.values()).map_err(rowless)?);
                map_array(&arrow, map.offsets().clone(), keys, values, map.nulls().cloned()).ok_or_else(|| internal("a map was planned"))
            })
        }
        (TypeKind::Row(from), TypeKind::Row(to)) => {
            let casts = from.iter().zip(to).map(|(from, to)| cast(&from.ty, &to.ty)).collect::<Result<Vec<_>, _>>()?;
            Arc::new(move |array| {
                let row = array.as_struct_opt().ok_or_else(|| unplanned(array))?;
                let DataType::Struct(fields) = &arrow else { return Err(unplanned(array)) };
                if casts.is_empty() {
                    return Ok(array.clone());
                }
                let columns = casts.iter().zip(row.columns()).map(|(cast, column)| cast.run(column)).collect::<Result<Vec<_>, _>>()?;
                Ok(Arc::new(StructArray::try_new(fields.clone(), columns, row.nulls().cloned()).map_err(arrow_error)?))
            })
        }
        _ => return Err(FunctionError::Cast { from: from.to_string(), to: to.to_string() }),
    })
}

fn parts(kind: &TypeKind) -> (LogicalType, LogicalType) {
    match kind {
        TypeKind::Map(key, value) => (key.as_ref().clone(), value.as_ref().clone()),
        TypeKind::Multiset(element) => (element.as_ref().clone(), TypeKind::Int.not_null()),
        other => (other.clone().nullable(), TypeKind::Null.nullable()),
    }
}

/// The place of an element says nothing of the row.
fn rowless(mut error: EvalError) -> EvalError {
    error.row = None;
    error
}
