//! COALESCE, IFNULL, IF, NULLIF, GREATEST and LEAST.
//!
//! The first three are CASE in other words, and as lazy: [`lower`] writes them so before they are compiled.

use arrow::array::{Array, ArrayRef, BooleanArray, Datum, Scalar};
use arrow::compute::kernels::zip::zip;
use irmak_common::expr::{CastMode, Expr, ExprNode};
use irmak_common::types::{LogicalType, TypeKind};

use crate::cast::Cast;
use crate::column::{Column, arrow_error};
use crate::compare::{Comparison, comparable, compare, equatable, is_text_and_number};
use crate::error::{EvalError, FunctionError};
use crate::function::{Call, Function, Kernel, kernel};
use crate::merge::merged_type;
use crate::signature::{Arg, Signature, any_nullable, refuse, uncast};
use crate::types::{KindExt, common_type, plain};

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::partial("COALESCE", coalesce, lowered),
    Function::partial("IFNULL", if_null, lowered),
    Function::partial("IF", if_else, lowered),
    Function::total("NULLIF", null_if, make_null_if),
    Function::total("GREATEST", extreme, |call| make_extreme(call, Comparison::Greater)),
    Function::total("LEAST", extreme, |call| make_extreme(call, Comparison::Less)),
];

fn common(args: &[Arg<'_>]) -> Option<LogicalType> {
    merged_type(&args.iter().map(|arg| arg.ty).collect::<Vec<_>>())
}

fn cast_all(args: &[Arg<'_>], kind: &TypeKind) -> Vec<LogicalType> {
    args.iter().map(|arg| arg.cast(kind.clone())).collect()
}

fn coalesce(args: &[Arg<'_>]) -> Signature {
    match common(args) {
        Some(ty) => Ok((cast_all(args, &ty.kind), ty.with_nullable(args.iter().all(|arg| arg.ty.nullable)))),
        None => refuse("values of one type"),
    }
}

fn if_null(args: &[Arg<'_>]) -> Signature {
    if args.len() == 2 { coalesce(args) } else { refuse("IFNULL(<ANY>, <ANY>)") }
}

fn if_else(args: &[Arg<'_>]) -> Signature {
    let [condition, values @ ..] = args else { return refuse("IF(<BOOLEAN>, <ANY>, <ANY>)") };
    let boolean = matches!(condition.kind(), TypeKind::Boolean | TypeKind::Null);
    match one_of_two(values).filter(|_| boolean) {
        Some(ty) => {
            let casts = std::iter::once(condition.cast(TypeKind::Boolean)).chain(cast_all(values, &ty.kind)).collect();
            Ok((casts, ty.with_nullable(any_nullable(args))))
        }
        None => refuse("IF(<BOOLEAN>, <ANY>, <ANY>)"),
    }
}

/// What IF is: of times the first one's type, of numbers and texts the common one. Collections and intervals it does not take.
fn one_of_two(values: &[Arg<'_>]) -> Option<LogicalType> {
    let [then, otherwise] = values else { return None };
    let scalar = |kind: &TypeKind| {
        !kind.is_interval() && !matches!(kind, TypeKind::Array(_) | TypeKind::Map(..) | TypeKind::Row(_) | TypeKind::Multiset(_))
    };
    let date_and_timestamp = |a: &TypeKind, b: &TypeKind| *a == TypeKind::Date && b.is_timestamp();
    match (then.kind(), otherwise.kind()) {
        (a, b) if !scalar(a) || !scalar(b) || date_and_timestamp(a, b) || date_and_timestamp(b, a) => None,
        (a, b) if a.is_timestamp() && b.is_timestamp() => Some(plain(a).nullable()),
        _ => common_type(&[then.ty, otherwise.ty]),
    }
}

fn null_if(args: &[Arg<'_>]) -> Signature {
    match args {
        [value, other] if is_text_and_number(value.kind(), other.kind()) => refuse("NULLIF(<COMPARABLE_TYPE>, <COMPARABLE_TYPE>)"),
        [value, other] if comparable(value.kind(), other.kind()).is_some() => Ok((uncast(args), value.ty.with_nullable(true))),
        _ => refuse("NULLIF(<COMPARABLE_TYPE>, <COMPARABLE_TYPE>)"),
    }
}

fn extreme(args: &[Arg<'_>]) -> Signature {
    let ordered = |ty: &LogicalType| !matches!(ty.kind, TypeKind::Array(_) | TypeKind::Map(..) | TypeKind::Row(_) | TypeKind::Multiset(_));
    match common(args).filter(ordered) {
        Some(ty) => Ok((cast_all(args, &ty.kind), ty)),
        None => refuse("values of one type that have an order"),
    }
}

/// The same call as a CASE, where it is one.
pub(crate) fn lower(expr: &Expr) -> Option<Expr> {
    let ExprNode::Call { function, args } = &expr.node else { return None };
    let node = match (function.as_str(), args.as_slice()) {
        ("COALESCE" | "IFNULL", [candidates @ .., last]) => {
            ExprNode::Case { branches: candidates.iter().map(when_present).collect(), otherwise: Box::new(last.clone()) }
        }
        ("IF", [condition, then, otherwise]) => {
            ExprNode::Case { branches: vec![(condition.clone(), then.clone())], otherwise: Box::new(otherwise.clone()) }
        }
        _ => return None,
    };
    Some(Expr { node, ty: expr.ty.clone() })
}

fn when_present(value: &Expr) -> (Expr, Expr) {
    (Expr::call("IS NOT NULL", vec![value.clone()], TypeKind::Boolean.not_null()), value.clone())
}

fn lowered(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    Err(call.wrong("takes other arguments"))
}

fn make_null_if(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let (value, other) = (call.arg(0)?, call.arg(1)?);
    let kind = equatable(&value.kind, &other.kind).ok_or_else(|| call.wrong("values that do not compare"))?.nullable();
    let left = Cast::new(value, &kind, CastMode::Strict, call.env)?;
    let right = Cast::new(other, &kind, CastMode::Strict, call.env)?;
    kernel(move |args, scope| {
        let (l, r) = (args[0].map(|array| left.run(array))?, args[1].map(|array| right.run(array))?);
        let equal = compare(Comparison::Equal, &l, &r, &kind, scope.rows)?;
        let keep: BooleanArray = (0..equal.len()).map(|at| Some(equal.is_null(at) || !equal.value(at))).collect();
        let nothing = arrow::array::new_null_array(args[0].array().data_type(), 1);
        choose(&keep, &args[0], &Column::Constant(nothing))
    })
}

fn make_extreme(call: &Call<'_>, better: Comparison) -> Result<Kernel, FunctionError> {
    let ty = call.ty.clone();
    kernel(move |args, scope| {
        let mut best = args[0].clone();
        for candidate in &args[1..] {
            let wins = compare(better, &best, candidate, &ty, scope.rows)?;
            // NULL beats every value, and stays.
            let null = |column: &Column, row: usize| column.array().is_null(column.index(row));
            let keep: BooleanArray = (0..scope.rows)
                .map(|row| {
                    let at = if wins.len() == 1 { 0 } else { row };
                    Some(null(&best, row) || !null(candidate, row) && wins.is_valid(at) && wins.value(at))
                })
                .collect();
            best = Column::Rows(choose(&keep, &best, candidate)?);
        }
        best.into_rows(scope.rows)
    })
}

fn choose(keep: &BooleanArray, yes: &Column, no: &Column) -> Result<ArrayRef, EvalError> {
    let datum = |column: &Column| -> Box<dyn Datum> {
        match column {
            Column::Rows(array) => Box::new(array.clone()),
            Column::Constant(array) => Box::new(Scalar::new(array.clone())),
        }
    };
    zip(keep, datum(yes).as_ref(), datum(no).as_ref()).map_err(arrow_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(function: &str, args: &[TypeKind], expected: Option<&str>) {
        let types: Vec<LogicalType> = args.iter().map(|kind| kind.clone().nullable()).collect();
        let described: Vec<_> = types.iter().map(|ty| Arg { ty, literal: None }).collect();
        let found = crate::resolve(function, &described).ok().map(|resolved| resolved.ty.to_string());
        assert_eq!(found.as_deref(), expected, "{function} over {args:?}");
    }

    #[test]
    fn if_takes_the_first_times_type_and_no_collections() {
        let array = || TypeKind::Array(Box::new(TypeKind::Int.nullable()));
        for (then, otherwise, expected) in [
            (TypeKind::timestamp(3), TypeKind::timestamp(6), Some("TIMESTAMP(3)")),
            (TypeKind::timestamp_ltz(3), TypeKind::timestamp(6), Some("TIMESTAMP_LTZ(3)")),
            (TypeKind::Float, TypeKind::Double, Some("FLOAT")),
            (TypeKind::Int, TypeKind::BigInt, Some("BIGINT")),
            (TypeKind::Char(1), TypeKind::Char(3), Some("VARCHAR(3)")),
            (TypeKind::Date, TypeKind::timestamp(3), None),
            (array(), array(), None),
        ] {
            check("IF", &[TypeKind::Boolean, then, otherwise], expected);
        }
    }

    #[test]
    fn coalesce_and_greatest_merge_as_functions_do() {
        for function in ["COALESCE", "GREATEST", "LEAST"] {
            check(function, &[TypeKind::Float, TypeKind::Double], Some("DOUBLE"));
            check(function, &[TypeKind::timestamp(3), TypeKind::Date], Some("DATE"));
            check(function, &[TypeKind::timestamp(3), TypeKind::timestamp_ltz(6)], Some("TIMESTAMP_LTZ(6)"));
        }
    }
}
