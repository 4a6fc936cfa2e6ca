//! `= <> < <= > >=`, IS [NOT] DISTINCT FROM and IN.
//!
//! Texts compare by bytes, CHAR without regard to padding rules (`'a'` is not `'a '`); FLOAT and DOUBLE as Java does: NaN equals
//! nothing, `-0.0 = 0.0`; an expression compared with itself is equal even so, as Calcite simplifies it.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray, Datum};
use arrow::compute::kernels::cmp;
use arrow::compute::or_kleene;
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::error::ArrowError;
use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::types::{LogicalType, TypeKind};

use crate::column::{Column, arrow_error, build_bools, internal};
use crate::constant;
use crate::decimal::{self, Number};
use crate::error::{EvalError, FunctionError, SignatureError};
use crate::function::{Call, Function, Kernel, kernel};
use crate::signature::{Arg, Signature, any_nullable, refuse};
use crate::types::{KindExt, common_type};

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::total("=", equality, |call| comparison(call, Comparison::Equal)),
    Function::total("<>", equality, |call| comparison(call, Comparison::NotEqual)),
    Function::total("<", order, |call| comparison(call, Comparison::Less)),
    Function::total("<=", order, |call| comparison(call, Comparison::LessOrEqual)),
    Function::total(">", order, |call| comparison(call, Comparison::Greater)),
    Function::total(">=", order, |call| comparison(call, Comparison::GreaterOrEqual)),
    Function::total("IS DISTINCT FROM", distinctness, |call| distinct(call, true)),
    Function::total("IS NOT DISTINCT FROM", distinctness, |call| distinct(call, false)),
    Function::total("IN", membership, member),
];

/// One of the six.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Whether an expression is compared with itself.
fn with_itself(call: &Call<'_>) -> bool {
    let nan = |expr: &Expr| matches!(&expr.node, ExprNode::Literal(Value::Float(value)) if value.is_nan());
    match call.args {
        [left, right] => left == right || nan(left) && nan(right),
        _ => false,
    }
}

/// The kind that values of both kinds are compared in; `None`: they are not compared.
pub(crate) fn comparable(left: &TypeKind, right: &TypeKind) -> Option<TypeKind> {
    let (l, r) = (left.clone().nullable(), right.clone().nullable());
    match (left, right) {
        (TypeKind::TimestampLtz { precision: a, .. }, TypeKind::Timestamp { precision: b, .. })
        | (TypeKind::Timestamp { precision: a, .. }, TypeKind::TimestampLtz { precision: b, .. }) => {
            Some(TypeKind::timestamp_ltz(*a.max(b)))
        }
        (a, b) if a.is_approximate() && b.is_approximate() && a != b => Some(TypeKind::Double),
        (TypeKind::Date, TypeKind::Timestamp { .. }) | (TypeKind::Timestamp { .. }, TypeKind::Date) => None,
        (text, other) | (other, text) if text.is_text() && (other.is_numeric() || is_moment(other) || *other == TypeKind::Boolean) => {
            Some(other.clone())
        }
        _ => common_type(&[&l, &r]).map(|ty| ty.kind),
    }
}

/// The kind that values are equated in. Unlike an order, which compares a FLOAT with a DOUBLE as they are, `=` casts the second to the
/// first one's kind: `CAST(0.1 AS FLOAT) = 0.1E0` is TRUE.
pub(crate) fn equatable(left: &TypeKind, right: &TypeKind) -> Option<TypeKind> {
    if left.is_approximate() && right.is_approximate() { Some(left.clone()) } else { comparable(left, right) }
}

fn is_moment(kind: &TypeKind) -> bool {
    kind.is_timestamp() || matches!(kind, TypeKind::Date | TypeKind::Time(_))
}

fn has_order(kind: &TypeKind) -> bool {
    !matches!(kind, TypeKind::Array(_) | TypeKind::Map(..) | TypeKind::Multiset(_) | TypeKind::Row(_) | TypeKind::Symbol)
}

/// Flink orders a text and a number, as numbers, but does not equate them.
fn equality(args: &[Arg<'_>]) -> Signature {
    texts_stand_apart(args)?;
    pair(args, equatable, |kind| *kind != TypeKind::Symbol, any_nullable(args))
}

fn texts_stand_apart(args: &[Arg<'_>]) -> Result<(), SignatureError> {
    match args {
        [left, right] if is_text_and_number(left.kind(), right.kind()) => {
            refuse("<COMPARABLE_TYPE> and <COMPARABLE_TYPE> of one family: CAST the text to a number, or the number to STRING")
        }
        _ => Ok(()),
    }
}

/// Whether one is a text and the other a number: Flink does not equate them.
pub(crate) fn is_text_and_number(left: &TypeKind, right: &TypeKind) -> bool {
    left.is_text() && right.is_numeric() || left.is_numeric() && right.is_text()
}

fn order(args: &[Arg<'_>]) -> Signature {
    pair(args, comparable, has_order, any_nullable(args))
}

fn distinctness(args: &[Arg<'_>]) -> Signature {
    texts_stand_apart(args)?;
    pair(args, comparable, |kind| *kind != TypeKind::Symbol, false)
}

type Common = fn(&TypeKind, &TypeKind) -> Option<TypeKind>;

fn pair(args: &[Arg<'_>], common: Common, allowed: fn(&TypeKind) -> bool, nullable: bool) -> Signature {
    let common = match args {
        [left, right] => common(left.kind(), right.kind()).filter(allowed),
        _ => None,
    };
    match common {
        Some(kind) => Ok((casts(args, &kind), LogicalType { kind: TypeKind::Boolean, nullable })),
        None => refuse("<COMPARABLE_TYPE> and <COMPARABLE_TYPE>"),
    }
}

/// Texts need no cast to compare.
fn casts(args: &[Arg<'_>], kind: &TypeKind) -> Vec<LogicalType> {
    args.iter().map(|arg| if kind.is_text() && arg.kind().is_text() { arg.ty.clone() } else { arg.cast(kind.clone()) }).collect()
}

fn membership(args: &[Arg<'_>]) -> Signature {
    let list: Vec<&LogicalType> = args.iter().skip(1).map(|arg| arg.ty).collect();
    if list.len() > 1 && common_type(&list).is_none() {
        return refuse("a list of values of one type");
    }
    let mut kinds = args.iter().map(Arg::kind);
    // What a text is looked up among becomes text, as Calcite casts the list to its left side.
    let meet = |common: TypeKind, kind: &TypeKind| {
        let met = comparable(&common, kind)?;
        Some(if common.is_text() && !met.is_text() { TypeKind::STRING } else { met })
    };
    let common = kinds.next().and_then(|first| kinds.try_fold(first.clone(), meet));
    match common {
        Some(kind) if args.len() > 1 => Ok((casts(args, &kind), LogicalType { kind: TypeKind::Boolean, nullable: any_nullable(args) })),
        _ => refuse("values of one type"),
    }
}

/// The answer of a comparison between two constants of which one is an integer that DOUBLE does not hold. Calcite's constants are
/// decimals, so `9007199254740993 = 9007199254740992E0` is FALSE, though of columns it is TRUE.
pub(crate) fn compare_exactly(expr: &Expr) -> Option<bool> {
    let ExprNode::Call { function, args } = &expr.node else { return None };
    let [left, right] = args.as_slice() else { return None };
    let large = |expr: &Expr| {
        matches!(written(expr), Some(Value::Int(value)) if value.unsigned_abs() > 1 << 53) && expr.ty.kind == TypeKind::Double
    };
    if !large(left) && !large(right) {
        return None;
    }
    let order = exact(written(left)?)?.order(&exact(written(right)?)?);
    Some(match function.as_str() {
        "=" => order.is_eq(),
        "<>" => order.is_ne(),
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        _ => return None,
    })
}

/// The constant, as it was written before a cast.
fn written(expr: &Expr) -> Option<&Value> {
    match &expr.node {
        ExprNode::Literal(value) => Some(value),
        ExprNode::Cast { input, .. } if input.ty.kind.is_numeric() => written(input),
        _ => None,
    }
}

fn exact(value: &Value) -> Option<Number> {
    match value {
        Value::Int(value) => decimal::parse(&value.to_string()),
        Value::Float(value) => decimal::parse(&value.to_string()),
        _ => None,
    }
}

fn comparison(call: &Call<'_>, comparison: Comparison) -> Result<Kernel, FunctionError> {
    if with_itself(call) {
        let answer = matches!(comparison, Comparison::Equal | Comparison::LessOrEqual | Comparison::GreaterOrEqual);
        return kernel(move |args, scope| {
            let (array, column) = (args[0].array(), &args[0]);
            build_bools(scope.rows, |row| Ok(array.is_valid(column.index(row)).then_some(answer)))
        });
    }
    if ordered_as_java(call.args, comparison) {
        return kernel(move |args, scope| Ok(Arc::new(java_order(comparison, &args[0], &args[1], scope.rows)?) as ArrayRef));
    }
    let ty = call.arg(0)?.clone();
    kernel(move |args, scope| Ok(Arc::new(compare(comparison, &args[0], &args[1], &ty, scope.rows)?) as ArrayRef))
}

/// Whether a DECIMAL and a FLOAT or DOUBLE are put in order, which Flink does by Java's `Double.compare`.
fn ordered_as_java(args: &[Expr], comparison: Comparison) -> bool {
    let before_cast = |expr: &Expr| match &expr.node {
        ExprNode::Cast { input, .. } => input.ty.kind.clone(),
        _ => expr.ty.kind.clone(),
    };
    let decimal = |kind: &TypeKind| matches!(kind, TypeKind::Decimal { .. });
    match args {
        [left, right] if !matches!(comparison, Comparison::Equal | Comparison::NotEqual) => {
            let (left, right) = (before_cast(left), before_cast(right));
            decimal(&left) && right.is_approximate() || left.is_approximate() && decimal(&right)
        }
        _ => false,
    }
}

/// As `Double.compare`: -0.0 before 0.0, NaN behind all.
fn java_order(comparison: Comparison, left: &Column, right: &Column, rows: usize) -> Result<BooleanArray, EvalError> {
    let test: fn(Ordering) -> bool = match comparison {
        Comparison::Equal => Ordering::is_eq,
        Comparison::NotEqual => Ordering::is_ne,
        Comparison::Less => Ordering::is_lt,
        Comparison::LessOrEqual => Ordering::is_le,
        Comparison::Greater => Ordering::is_gt,
        Comparison::GreaterOrEqual => Ordering::is_ge,
    };
    let order = |l: f64, r: f64| if l.is_nan() || r.is_nan() { l.is_nan().cmp(&r.is_nan()) } else { l.total_cmp(&r) };
    let (l, r) = (left.numbers::<Float64Type>()?, right.numbers::<Float64Type>()?);
    Ok((0..rows).map(|row| l.get(row).zip(r.get(row)).map(|(l, r)| test(order(l, r)))).collect())
}

/// One answer a row, NULL where an operand is. Both operands are of one Arrow type.
pub(crate) fn compare(
    comparison: Comparison,
    left: &Column,
    right: &Column,
    ty: &LogicalType,
    rows: usize,
) -> Result<BooleanArray, EvalError> {
    match left.array().data_type() {
        DataType::Float32 => floats::<Float32Type>(comparison, left, right, rows),
        DataType::Float64 => floats::<Float64Type>(comparison, left, right, rows),
        DataType::List(_) | DataType::Map(..) | DataType::Struct(_) => nested(comparison, left, right, ty, rows),
        DataType::Null => Ok(BooleanArray::new_null(rows)),
        _ => vectorised(comparison)(left, right).map_err(arrow_error),
    }
}

fn vectorised(comparison: Comparison) -> fn(&dyn Datum, &dyn Datum) -> Result<BooleanArray, ArrowError> {
    match comparison {
        Comparison::Equal => cmp::eq,
        Comparison::NotEqual => cmp::neq,
        Comparison::Less => cmp::lt,
        Comparison::LessOrEqual => cmp::lt_eq,
        Comparison::Greater => cmp::gt,
        Comparison::GreaterOrEqual => cmp::gt_eq,
    }
}

/// Arrow orders NaN and the zeros; Java does not.
fn floats<T: ArrowPrimitiveType>(comparison: Comparison, left: &Column, right: &Column, rows: usize) -> Result<BooleanArray, EvalError>
where
    T::Native: PartialOrd,
{
    let test: fn(&T::Native, &T::Native) -> bool = match comparison {
        Comparison::Equal => PartialEq::eq,
        Comparison::NotEqual => PartialEq::ne,
        Comparison::Less => PartialOrd::lt,
        Comparison::LessOrEqual => PartialOrd::le,
        Comparison::Greater => PartialOrd::gt,
        Comparison::GreaterOrEqual => PartialOrd::ge,
    };
    let (l, r) = (left.numbers::<T>()?, right.numbers::<T>()?);
    Ok((0..rows).map(|row| l.get(row).zip(r.get(row)).map(|(l, r)| test(&l, &r))).collect())
}

fn nested(comparison: Comparison, left: &Column, right: &Column, ty: &LogicalType, rows: usize) -> Result<BooleanArray, EvalError> {
    let equal = match comparison {
        Comparison::Equal => true,
        Comparison::NotEqual => false,
        _ => return Err(internal("arrays, maps and rows have no order")),
    };
    let value = |column: &Column, row| constant::from_array(column.array(), column.index(row), ty);
    Ok((0..rows)
        .map(|row| match (value(left, row), value(right, row)) {
            (Value::Null, _) | (_, Value::Null) => None,
            (left, right) => Some(same(&left, &right) == equal),
        })
        .collect())
}

/// Whether two values are the same: maps without regard to order.
pub(crate) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Map(left), Value::Map(right)) => {
            let has = |(key, value): &(Value, Value)| right.iter().any(|(k, v)| same(k, key) && same(v, value));
            left.len() == right.len() && left.iter().all(has)
        }
        (Value::Array(left), Value::Array(right)) | (Value::Row(left), Value::Row(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        _ => left == right,
    }
}

fn distinct(call: &Call<'_>, wanted: bool) -> Result<Kernel, FunctionError> {
    let itself = with_itself(call);
    let ty = call.arg(0)?.clone();
    kernel(move |args, scope| {
        if itself {
            return build_bools(scope.rows, |_| Ok(Some(!wanted)));
        }
        let equal = compare(Comparison::Equal, &args[0], &args[1], &ty, scope.rows)?;
        let null = |column: &Column, row| column.array().is_null(column.index(row)) || *column.array().data_type() == DataType::Null;
        build_bools(scope.rows, |row| {
            let distinct = match (null(&args[0], row), null(&args[1], row)) {
                (true, true) => false,
                (false, false) => !equal.value(if equal.len() == 1 { 0 } else { row }),
                _ => true,
            };
            Ok(Some(distinct == wanted))
        })
    })
}

fn member(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let ty = call.arg(0)?.clone();
    kernel(move |args, scope| {
        let rows = scope.rows;
        let mut found: Option<BooleanArray> = None;
        for candidate in &args[1..] {
            let equal = compare(Comparison::Equal, &args[0], candidate, &ty, rows)?;
            // Two constants compare to one answer.
            let equal = if equal.len() == rows { equal } else { (0..rows).map(|_| equal.is_valid(0).then(|| equal.value(0))).collect() };
            found = Some(match found {
                None => equal,
                Some(found) => or_kleene(&found, &equal).map_err(arrow_error)?,
            });
        }
        let found = found.ok_or_else(|| internal("IN without candidates"))?;
        Ok(Arc::new(found) as ArrayRef)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::tests::{check, double, int};

    #[test]
    fn the_values_of_a_list_are_of_one_family() {
        let text = || crate::tests::text("b");
        assert!(crate::tests::call("IN", &[int(1), int(1), text()]).is_err());
        check("IN", &[int(1), int(1), double(2.5)], Some("TRUE"));
    }

    #[test]
    fn a_float_equates_with_a_double_in_the_kind_of_the_first() {
        let float = || (Value::Float(f64::from(0.1_f32)), TypeKind::Float.not_null());
        for (function, left, right, answer) in [
            ("=", float(), double(0.1), "TRUE"),
            ("=", double(0.1), float(), "FALSE"),
            ("<>", float(), double(0.1), "FALSE"),
            ("<=", float(), double(0.1), "FALSE"),
        ] {
            check(function, &[left, right], Some(answer));
        }
    }

    #[test]
    fn constants_are_compared_by_their_digits() {
        let double = TypeKind::Double.not_null();
        let large = Expr::literal(Value::Int(9_007_199_254_740_993), TypeKind::BigInt.not_null()).cast(double.clone());
        let near = Expr::literal(Value::Float(9_007_199_254_740_992.0), double);
        for (function, answer) in [("=", false), ("<>", true), (">", true), ("<=", false)] {
            let expr = Expr::call(function, vec![large.clone(), near.clone()], TypeKind::Boolean.not_null());
            assert_eq!(crate::fold(&expr, &crate::Environment::default()), Ok(Value::Boolean(answer)), "{function}");
        }
    }

    #[test]
    fn nan_is_not_distinct_from_itself_and_equals_no_other() {
        use crate::tests::{check, double};
        let nan = Expr::literal(Value::Float(f64::NAN), TypeKind::Double.not_null());
        let expr = Expr::call("IS NOT DISTINCT FROM", vec![nan.clone(), nan], TypeKind::Boolean.not_null());
        assert_eq!(crate::fold(&expr, &crate::Environment::default()), Ok(Value::Boolean(true)));
        check(">", &[double(f64::NAN), double(1.0)], Some("FALSE"));
        check("=", &[double(0.5), double(0.5)], Some("TRUE"));
    }

    #[test]
    fn kinds_are_compared_in_a_common_one_or_not_at_all() {
        for (left, right, common) in [
            (TypeKind::Float, TypeKind::Double, Some(TypeKind::Double)),
            (TypeKind::Date, TypeKind::STRING, Some(TypeKind::Date)),
            (TypeKind::Date, TypeKind::timestamp(3), None),
            (TypeKind::timestamp(0), TypeKind::timestamp(3), Some(TypeKind::timestamp(3))),
            (TypeKind::Boolean, TypeKind::Int, None),
        ] {
            assert_eq!(comparable(&left, &right), common, "{left} {right}");
        }
    }
}
