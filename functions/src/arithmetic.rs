//! `+ - * / %`: numbers, and times with intervals.
//!
//! Integers wrap; FLOAT and DOUBLE follow IEEE 754; DECIMAL that does not fit is NULL; integers and DECIMALs divided by zero fail.

mod number;
pub(crate) mod time;

pub(crate) use number::decimal_array;

use irmak_common::types::{LogicalType, TypeKind};

use crate::function::Function;
use crate::signature::{Arg, Signature, any_nullable, refuse, uncast};
use crate::types::{INTERVAL_MONTH, INTERVAL_SECOND, KindExt, adjusted_decimal, common_number, plain};

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::total("+", plus, number::add),
    Function::total("-", minus, number::subtract),
    Function::total("*", times, number::multiply),
    Function::partial("/", over, number::divide),
    Function::partial("%", modulo, number::remainder).also(&["MOD"]),
];

fn result(args: &[Arg<'_>], casts: Vec<LogicalType>, kind: TypeKind) -> Signature {
    Ok((casts, LogicalType { kind, nullable: any_nullable(args) }))
}

/// Both operands as numbers of one kind, or as DECIMALs of their own scales.
fn numbers(args: &[Arg<'_>], decimal: fn((i32, i32), (i32, i32)) -> TypeKind) -> Option<Signature> {
    let [left, right] = args else { return None };
    let (l, r) = known(left.kind(), right.kind());
    if !l.is_numeric() || !r.is_numeric() {
        return None;
    }
    let common = common_number(l, r);
    if !matches!(common, TypeKind::Decimal { .. }) {
        return Some(result(args, args.iter().map(|arg| arg.cast(common.clone())).collect(), common));
    }
    let ((p1, s1), (p2, s2)) = l.decimal().zip(r.decimal())?;
    let as_decimal = |arg: &Arg<'_>, (precision, scale)| arg.cast(TypeKind::Decimal { precision, scale });
    let casts = vec![as_decimal(left, (p1, s1)), as_decimal(right, (p2, s2))];
    Some(result(args, casts, decimal((p1.into(), s1.into()), (p2.into(), s2.into()))))
}

/// An untyped NULL takes the other's type.
fn known<'a>(left: &'a TypeKind, right: &'a TypeKind) -> (&'a TypeKind, &'a TypeKind) {
    match (left, right) {
        (TypeKind::Null, other) => (other, other),
        (other, TypeKind::Null) => (other, other),
        both => both,
    }
}

fn sum_decimal((p1, s1): (i32, i32), (p2, s2): (i32, i32)) -> TypeKind {
    let scale = s1.max(s2);
    adjusted_decimal((p1 - s1).max(p2 - s2) + scale + 1, scale)
}

fn plus(args: &[Arg<'_>]) -> Signature {
    const ACCEPTED: &str = "<NUMERIC> + <NUMERIC>, <DATETIME> + <INTERVAL>, <INTERVAL> + <DATETIME> or <INTERVAL> + <INTERVAL>";
    if let [only] = args {
        let sensible = only.kind().is_numeric() || only.kind().is_interval();
        return if sensible { result(args, uncast(args), only.kind().clone()) } else { refuse(ACCEPTED) };
    }
    if let Some(found) = numbers(args, sum_decimal) {
        return found;
    }
    match args {
        [time, interval] if interval.kind().is_interval() => time_and_interval(time, interval),
        [interval, time] if interval.kind().is_interval() => time_and_interval(time, interval),
        _ => None,
    }
    .map_or_else(|| refuse(ACCEPTED), |kind| result(args, uncast(args), kind))
}

fn minus(args: &[Arg<'_>]) -> Signature {
    const ACCEPTED: &str = "<NUMERIC> - <NUMERIC>, <DATETIME> - <INTERVAL> or <INTERVAL> - <INTERVAL>";
    if let [only] = args {
        let sensible = only.kind().is_numeric() || only.kind().is_interval();
        return if sensible { result(args, uncast(args), only.kind().clone()) } else { refuse("-<NUMERIC> or -<INTERVAL>") };
    }
    if let Some(found) = numbers(args, sum_decimal) {
        return found;
    }
    match args {
        [time, interval] if interval.kind().is_interval() => time_and_interval(time, interval),
        // (a - b) DAY: the planner wrote the interval's type behind.
        [left, right] if left.kind().is_timestamp() && right.kind().is_timestamp() => Some(INTERVAL_SECOND),
        [left, right] if *left.kind() == TypeKind::Date && *right.kind() == TypeKind::Date => Some(INTERVAL_SECOND),
        _ => None,
    }
    .map_or_else(|| refuse(ACCEPTED), |kind| result(args, uncast(args), kind))
}

/// The kind of a time moved by an interval.
fn time_and_interval(time: &Arg<'_>, interval: &Arg<'_>) -> Option<TypeKind> {
    let months = matches!(interval.kind(), TypeKind::IntervalYearMonth { .. });
    Some(match time.kind() {
        TypeKind::Timestamp { .. } | TypeKind::TimestampLtz { .. } => plain(time.kind()),
        // Whole days count, the rest of the interval is lost: Calcite's type, Flink's arithmetic.
        TypeKind::Date => TypeKind::Date,
        // Months leave a time of day as it is.
        TypeKind::Time(precision) => TypeKind::Time(*precision),
        TypeKind::IntervalDayTime { .. } if !months => INTERVAL_SECOND,
        TypeKind::IntervalYearMonth { .. } if months => INTERVAL_MONTH,
        _ => return None,
    })
}

fn times(args: &[Arg<'_>]) -> Signature {
    if let Some(found) = numbers(args, |(p1, s1), (p2, s2)| adjusted_decimal(p1 + p2 + 1, s1 + s2)) {
        return found;
    }
    match args {
        [interval, number] if interval.kind().is_interval() && number.kind().is_integer() => {
            result(args, vec![interval.ty.clone(), number.cast(TypeKind::BigInt)], interval.kind().clone())
        }
        [number, interval] if interval.kind().is_interval() && number.kind().is_integer() => {
            result(args, vec![number.cast(TypeKind::BigInt), interval.ty.clone()], interval.kind().clone())
        }
        _ => refuse("<NUMERIC> * <NUMERIC>, <INTERVAL> * <NUMERIC> or <NUMERIC> * <INTERVAL>"),
    }
}

fn over(args: &[Arg<'_>]) -> Signature {
    let decimal = |(p1, s1): (i32, i32), (p2, s2): (i32, i32)| {
        let scale = (s1 + p2 + 1).max(6);
        adjusted_decimal(p1 - s1 + s2 + scale, scale)
    };
    numbers(args, decimal).unwrap_or_else(|| refuse("<NUMERIC> / <NUMERIC>"))
}

/// Of integers the second operand's type, though computed in the larger.
fn modulo(args: &[Arg<'_>]) -> Signature {
    let decimal = |(p1, s1): (i32, i32), (p2, s2): (i32, i32)| {
        let scale = s1.max(s2);
        adjusted_decimal((p1 - s1).min(p2 - s2) + scale, scale)
    };
    let exact = args.iter().all(|arg| !arg.kind().is_approximate());
    let found = numbers(args, decimal).filter(|_| exact);
    let (casts, ty) = found.unwrap_or_else(|| refuse("MOD(<EXACT_NUMERIC>, <EXACT_NUMERIC>)"))?;
    let second = args.get(1).map(|arg| arg.kind().clone()).filter(|kind| kind.is_integer() && ty.kind.is_integer());
    Ok((casts, LogicalType { kind: second.unwrap_or(ty.kind), nullable: ty.nullable }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(precision: u8, scale: u8) -> TypeKind {
        TypeKind::Decimal { precision, scale }
    }

    #[test]
    fn results_have_flinks_types() {
        for (function, left, right, result) in [
            ("+", TypeKind::TinyInt, TypeKind::TinyInt, "TINYINT NOT NULL"),
            ("+", TypeKind::Int, decimal(10, 2), "DECIMAL(13, 2) NOT NULL"),
            ("-", TypeKind::Float, TypeKind::Double, "FLOAT NOT NULL"),
            ("-", TypeKind::BigInt, decimal(10, 2), "DECIMAL(22, 2) NOT NULL"),
            ("*", decimal(2, 1), decimal(2, 1), "DECIMAL(5, 2) NOT NULL"),
            ("*", TypeKind::Int, TypeKind::Double, "DOUBLE NOT NULL"),
            ("/", decimal(2, 1), TypeKind::Int, "DECIMAL(13, 12) NOT NULL"),
            ("/", decimal(38, 0), TypeKind::Int, "DECIMAL(38, 6) NOT NULL"),
            ("%", TypeKind::BigInt, TypeKind::Int, "INT NOT NULL"),
            ("-", TypeKind::timestamp(3), INTERVAL_SECOND, "TIMESTAMP(3) NOT NULL"),
            ("+", TypeKind::Date, INTERVAL_MONTH, "DATE NOT NULL"),
            ("-", TypeKind::Date, INTERVAL_SECOND, "DATE NOT NULL"),
        ] {
            let (left, right) = (left.not_null(), right.not_null());
            let args = [Arg { ty: &left, literal: None }, Arg { ty: &right, literal: None }];
            assert_eq!(crate::resolve(function, &args).unwrap().ty.to_string(), result, "{left} {function} {right}");
        }
        let (text, number) = (TypeKind::Char(1).not_null(), TypeKind::Int.not_null());
        let error = crate::resolve("+", &[Arg { ty: &text, literal: None }, Arg { ty: &number, literal: None }]).unwrap_err();
        assert_eq!(error.message, "cannot apply `+` to (CHAR(1), INT)");
    }
}
