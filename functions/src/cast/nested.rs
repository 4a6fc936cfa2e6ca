//! Casts of ARRAY, MAP, MULTISET and ROW, element by element.

use std::sync::Arc;

use arrow::array::{Array, AsArray, ListArray, StructArray};
use arrow::datatypes::DataType;
use irmak_common::expr::CastMode;
use irmak_common::types::{LogicalType, TypeKind};

use super::{Cast, Convert};
use crate::column::{arrow_error, internal};
use crate::constant::map_array;
use crate::environment::Environment;
use crate::error::{EvalError, FunctionError};

pub(super) fn convert(from: &TypeKind, to: &TypeKind, mode: CastMode, env: &Environment) -> Result<Convert, FunctionError> {
    let arrow = to.to_arrow();
    let cast = |from: &LogicalType, to: &LogicalType| Cast::new(from, to, mode, env);
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
