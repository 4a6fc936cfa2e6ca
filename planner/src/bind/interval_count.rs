//! CAST of an interval to a number: how many of its units it holds, as Calcite counts them.
//!
//! `CAST(INTERVAL '90' MINUTE AS BIGINT)` is 90: the unit is the one that the interval is written in. Its type does not keep it (Flink
//! has one for milliseconds and one for months), so the written expression is looked at. Of a column it is the type's: SECOND or MONTH.

use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::types::{LogicalType, TypeKind};

use super::{call, expr::explicit_cast};
use crate::ast::{self, ExprKind, MINUS_DATE, Unit};
use crate::error::{Code, PlanError, Planned, Span};

/// The number of units that an interval holds; `None`: this is no such cast.
///
/// # Errors
/// When the interval has several units, as `DAY TO SECOND` has.
pub(super) fn counted(written: &ast::Expr, interval: &Expr, ty: &LogicalType, span: Span) -> Planned<Option<Expr>> {
    let own = match interval.ty.kind {
        TypeKind::IntervalDayTime { .. } => Unit::Second,
        TypeKind::IntervalYearMonth { .. } => Unit::Month,
        _ => return Ok(None),
    };
    if !matches!(ty.kind, TypeKind::Int | TypeKind::BigInt | TypeKind::Decimal { .. }) {
        return Ok(None);
    }
    let (from, to) = units(written).unwrap_or((own, own));
    if from != to {
        return Err(PlanError::new(Code::Cast, format!("an interval of several units cannot be cast to {}", ty.kind))
            .at(span)
            .note("cast one of a single unit, as in CAST((a - b) SECOND AS BIGINT)"));
    }
    let each = super::literal::unit_size(from);
    let bigint = TypeKind::BigInt.not_null();
    let count = match &interval.node {
        ExprNode::Literal(Value::Int(amount)) => Expr::literal(Value::Int(half_down(*amount, each)), bigint),
        _ => {
            let amount = explicit_cast(interval.clone(), &bigint, false, span)?;
            call::resolve("/", vec![amount, Expr::literal(Value::Int(each), bigint)], span)?
        }
    };
    explicit_cast(count, ty, false, span).map(Some)
}

/// The first and the last unit that an interval is written in; `None`: the expression does not say.
fn units(expr: &ast::Expr) -> Option<(Unit, Unit)> {
    match &expr.kind {
        ExprKind::Interval(interval) => Some((interval.from, interval.to.unwrap_or(interval.from))),
        ExprKind::Operator { name: MINUS_DATE, args } => match &args.last()?.kind {
            ExprKind::Interval(unit) => Some((unit.from, unit.to.unwrap_or(unit.from))),
            _ => None,
        },
        ExprKind::Operator { name: "+" | "-" | "*", args } => args.iter().filter_map(units).reduce(|(a, b), (c, d)| (a.min(c), b.max(d))),
        _ => None,
    }
}

/// A constant is rounded, half towards zero.
fn half_down(amount: i64, each: i64) -> i64 {
    let rest = amount % each;
    amount / each + if rest.abs().saturating_mul(2) > each { rest.signum() } else { 0 }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_constant_is_rounded_half_towards_zero() {
        for (amount, each, count) in [(3_500, 1_000, 3), (3_700, 1_000, 4), (-3_500, 1_000, -3), (-3_501, 1_000, -4), (36, 12, 3)] {
            assert_eq!(super::half_down(amount, each), count);
        }
    }
}
