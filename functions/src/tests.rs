//! How the tables of the other files are checked: a call is resolved, its arguments cast, and then it is run twice, over constants
//! and over columns; both must print the same.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Field as ArrowField, Schema};
use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::types::{LogicalType, TypeKind};

use crate::{Arg, Environment, cell_text, compile, constant, fold, resolve};

/// A constant and its type.
pub(crate) type Constant = (Value, LogicalType);

pub(crate) fn text(text: &str) -> Constant {
    (Value::String(text.into()), TypeKind::STRING.not_null())
}

pub(crate) fn int(value: i64) -> Constant {
    (Value::Int(value), TypeKind::Int.not_null())
}

pub(crate) fn long(value: i64) -> Constant {
    (Value::Int(value), TypeKind::BigInt.not_null())
}

pub(crate) fn double(value: f64) -> Constant {
    (Value::Float(value), TypeKind::Double.not_null())
}

pub(crate) fn decimal(unscaled: i128, precision: u8, scale: u8) -> Constant {
    (Value::Decimal(unscaled), TypeKind::Decimal { precision, scale }.not_null())
}

pub(crate) fn null(kind: TypeKind) -> Constant {
    (Value::Null, kind.nullable())
}

pub(crate) fn symbol(name: &str) -> Constant {
    (Value::String(name.into()), TypeKind::Symbol.not_null())
}

/// A timestamp of precision 3.
pub(crate) fn timestamp(text: &str) -> Constant {
    let at = irmak_common::text::parse_timestamp(text).unwrap();
    (Value::Int(at.to_millis()), TypeKind::timestamp(3).not_null())
}

pub(crate) fn ints(values: &[Option<i64>]) -> Constant {
    let items = values.iter().map(|value| value.map_or(Value::Null, Value::Int)).collect();
    let element = if values.iter().all(Option::is_some) { TypeKind::Int.not_null() } else { TypeKind::Int.nullable() };
    (Value::Array(items), TypeKind::Array(Box::new(element)).not_null())
}

pub(crate) fn texts(values: &[&str]) -> Constant {
    let items = values.iter().map(|value| Value::String((*value).into())).collect();
    (Value::Array(items), TypeKind::Array(Box::new(TypeKind::STRING.not_null())).not_null())
}

/// The call over constants, or why it cannot be.
pub(crate) fn call(function: &str, args: &[Constant]) -> Result<Expr, String> {
    let described: Vec<_> = args.iter().map(|(value, ty)| Arg { ty, literal: Some(value) }).collect();
    let resolved = resolve(function, &described).map_err(|error| error.message)?;
    let operands = args.iter().zip(resolved.casts).map(|((value, ty), to)| {
        let nullable = ty.nullable;
        Expr::literal(value.clone(), ty.clone()).cast(to.with_nullable(nullable))
    });
    Ok(Expr::call(resolved.function, operands.collect(), resolved.ty))
}

/// What the call prints, `None` for NULL, over constants and over columns.
pub(crate) fn run(function: &str, args: &[Constant], env: &Environment) -> Result<Option<String>, String> {
    let expr = call(function, args)?;
    let folded = fold(&expr, env).map_err(|error| error.message)?;
    let folded_array = constant::to_array(&folded, &expr.ty).map_err(|error| error.to_string())?;
    let printed = cell_text(&folded_array, 0, &expr.ty, &env.zone);

    let over_columns = over_columns(&expr, args);
    let arrays = args.iter().map(|(value, ty)| constant::to_array(value, ty).unwrap()).collect::<Vec<_>>();
    let fields = arrays.iter().enumerate().map(|(at, array)| ArrowField::new(at.to_string(), array.data_type().clone(), true));
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), arrays);
    if let (Ok(batch), false) = (batch, args.is_empty()) {
        let array = compile(&over_columns, env).unwrap().evaluate(&batch, 0).map_err(|error| error.message)?;
        assert_eq!(array.data_type(), &expr.ty.kind.to_arrow(), "{function}");
        assert_eq!(cell_text(&array, 0, &expr.ty, &env.zone), printed, "{function} over columns");
    }
    Ok(printed)
}

/// The same call with columns in the place of constants, symbols excepted.
fn over_columns(expr: &Expr, args: &[Constant]) -> Expr {
    let mut expr = expr.clone();
    for (at, operand) in expr.children_mut().into_iter().enumerate() {
        if args[at].1.kind != TypeKind::Symbol {
            *operand = Expr::column(at, args[at].1.clone()).cast(operand.ty.clone());
        }
    }
    match expr.node {
        ExprNode::Call { .. } => expr,
        _ => unreachable!("a call"),
    }
}

/// One row of a table: the function's arguments and what comes out.
pub(crate) fn check(function: &str, args: &[Constant], expected: Option<&str>) {
    let found = run(function, args, &Environment::default());
    assert_eq!(found.as_ref().map(Option::as_deref), Ok(expected), "{function} of {args:?}");
}

/// Runs the call both ways for its own sake: an error is an answer, a panic is not. Constants and columns may differ here, in the
/// sign of zero for one.
pub(crate) fn exercise(function: &str, args: &[Constant], env: &Environment) {
    let Ok(expr) = call(function, args) else { return };
    let _ = fold(&expr, env);
    let Ok(arrays) = args.iter().map(|(value, ty)| constant::to_array(value, ty)).collect::<Result<Vec<_>, _>>() else { return };
    let fields = arrays.iter().enumerate().map(|(at, array)| ArrowField::new(at.to_string(), array.data_type().clone(), true));
    let Ok(batch) = RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), arrays) else { return };
    if let Ok(compiled) = compile(&over_columns(&expr, args), env)
        && let Ok(array) = compiled.evaluate(&batch, 0)
    {
        assert_eq!((array.len(), array.data_type()), (1, &expr.ty.kind.to_arrow()), "{function} of {args:?}");
        let _ = cell_text(&array, 0, &expr.ty, &env.zone);
    }
}
