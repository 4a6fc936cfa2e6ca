//! Calls that are other calls in disguise: TIMESTAMPADD is `+`, OVERLAPS two comparisons.

use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::types::{LogicalType, TypeKind};

use crate::compare::comparable;
use crate::error::FunctionError;
use crate::function::{Call, Function, Kernel};
use crate::signature::{Arg, Signature, any_nullable, refuse, uncast};
use crate::types::{INTERVAL_MONTH, INTERVAL_SECOND, KindExt, plain};

pub(crate) const FUNCTIONS: &[Function] =
    &[Function::total("TIMESTAMPADD", add_signature, lowered), Function::total("OVERLAPS", overlaps_signature, lowered)];

/// A unit's length: months, or milliseconds.
fn interval(unit: &str) -> Option<(Value, TypeKind)> {
    let months = |months| Some((Value::Int(months), INTERVAL_MONTH));
    let millis = |millis| Some((Value::Int(millis), INTERVAL_SECOND));
    match unit {
        "YEAR" | "SQL_TSI_YEAR" => months(12),
        "QUARTER" | "SQL_TSI_QUARTER" => months(3),
        "MONTH" | "SQL_TSI_MONTH" => months(1),
        "WEEK" | "SQL_TSI_WEEK" => millis(604_800_000),
        "DAY" | "SQL_TSI_DAY" => millis(86_400_000),
        "HOUR" | "SQL_TSI_HOUR" => millis(3_600_000),
        "MINUTE" | "SQL_TSI_MINUTE" => millis(60_000),
        "SECOND" | "SQL_TSI_SECOND" => millis(1_000),
        "MILLISECOND" => millis(1),
        _ => None,
    }
}

fn add_signature(args: &[Arg<'_>]) -> Signature {
    const ACCEPTED: &str =
        "TIMESTAMPADD(<UNIT>, <INTEGER>, <DATETIME>), where the unit is YEAR, QUARTER, MONTH, WEEK, DAY, HOUR, MINUTE or SECOND";
    let [unit, count, time] = args else { return refuse(ACCEPTED) };
    let name = unit.text().unwrap_or_default();
    if interval(name).is_none() || !count.kind().is_integer() {
        return refuse(ACCEPTED);
    }
    let kind = match time.kind() {
        TypeKind::Date if matches!(name, "HOUR" | "MINUTE" | "SECOND") => TypeKind::timestamp(6),
        TypeKind::Date => TypeKind::Date,
        TypeKind::Time(precision) => TypeKind::Time(*precision),
        kind if kind.is_timestamp() => plain(kind),
        _ => return refuse(ACCEPTED),
    };
    let casts = vec![unit.ty.clone(), count.cast(TypeKind::BigInt), time.ty.clone()];
    Ok((casts, LogicalType { kind, nullable: any_nullable(args) }))
}

fn overlaps_signature(args: &[Arg<'_>]) -> Signature {
    const ACCEPTED: &str = "(<DATETIME>, <DATETIME or INTERVAL>) OVERLAPS (<DATETIME>, <DATETIME or INTERVAL>)";
    let [start, end, other, last] = args else { return refuse(ACCEPTED) };
    let fits = |from: &Arg<'_>, to: &Arg<'_>| to.kind().is_interval() || comparable(from.kind(), to.kind()).as_ref() == Some(from.kind());
    let moment = start.kind().is_timestamp() || matches!(start.kind(), TypeKind::Date | TypeKind::Time(_));
    if moment && fits(start, end) && fits(other, last) && comparable(start.kind(), other.kind()).is_some() {
        return Ok((uncast(args), LogicalType { kind: TypeKind::Boolean, nullable: any_nullable(args) }));
    }
    refuse(ACCEPTED)
}

/// The same call in simpler words, where it is one of these.
pub(crate) fn lower(expr: &Expr) -> Option<Expr> {
    let ExprNode::Call { function, args } = &expr.node else { return None };
    match (function.as_str(), args.as_slice()) {
        ("TIMESTAMPADD", [unit, count, time]) => {
            let ExprNode::Literal(Value::String(unit)) = &unit.node else { return None };
            let (length, kind) = interval(unit)?;
            let step = Expr::literal(length, kind.clone().not_null());
            let distance = Expr::call("*", vec![step, count.clone()], LogicalType { kind, nullable: count.ty.nullable });
            Some(Expr::call("+", vec![time.clone(), distance], expr.ty.clone()))
        }
        ("OVERLAPS", [start, end, other, last]) => {
            let kind = comparable(&start.ty.kind, &other.ty.kind)?;
            let whole = |from: &Expr, to: &Expr| {
                let to =
                    if to.ty.kind.is_interval() { Expr::call("+", vec![from.clone(), to.clone()], from.ty.clone()) } else { to.clone() };
                vec![from.clone().cast(from_type(from, &kind)), to.clone().cast(from_type(&to, &kind))]
            };
            let ty = LogicalType { kind: kind.clone(), nullable: expr.ty.nullable };
            let (left, right) = (whole(start, end), whole(other, last));
            let before = |a: &[Expr], b: &[Expr]| {
                let first = Expr::call("LEAST", a.to_vec(), ty.clone());
                Expr::call("<=", vec![first, Expr::call("GREATEST", b.to_vec(), ty.clone())], expr.ty.clone())
            };
            Some(Expr { node: ExprNode::And(vec![before(&left, &right), before(&right, &left)]), ty: expr.ty.clone() })
        }
        _ => None,
    }
}

fn from_type(expr: &Expr, kind: &TypeKind) -> LogicalType {
    LogicalType { kind: kind.clone(), nullable: expr.ty.nullable }
}

fn lowered(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    Err(call.wrong("takes other arguments"))
}

#[cfg(test)]
mod tests {
    use crate::tests::{Constant, check, int, long, symbol, timestamp};
    use crate::types::INTERVAL_SECOND;
    use irmak_common::expr::Value;
    use irmak_common::types::TypeKind;

    #[test]
    fn times_move_by_units() {
        check("TIMESTAMPADD", &[symbol("MONTH"), int(1), timestamp("2024-01-31 10:00:00")], Some("2024-02-29 10:00:00.000"));
        check("TIMESTAMPADD", &[symbol("WEEK"), int(-1), timestamp("2025-02-16 00:00:00")], Some("2025-02-09 00:00:00.000"));
        check("TIMESTAMPADD", &[symbol("DAY"), long(1), (Value::Int(0), TypeKind::Date.not_null())], Some("1970-01-02"));
    }

    #[test]
    fn periods_that_touch_overlap() {
        let time = |hour: i64, minute: i64| -> Constant { (Value::Int((hour * 60 + minute) * 60_000), TypeKind::Time(0).not_null()) };
        let hours = |hours: i64| -> Constant { (Value::Int(hours * 3_600_000), INTERVAL_SECOND.not_null()) };
        for (args, overlaps) in [
            ([time(2, 55), hours(1), time(3, 30), hours(2)], "TRUE"),
            ([time(9, 0), time(10, 0), time(10, 0), time(11, 0)], "TRUE"),
            ([time(9, 0), time(10, 0), time(10, 15), hours(3)], "FALSE"),
            ([time(12, 0), time(9, 0), time(10, 0), time(10, 30)], "TRUE"),
        ] {
            check("OVERLAPS", &args, Some(overlaps));
        }
    }
}
