//! Aggregate functions: which they are, and what stands above an aggregate.

use irmak_common::expr::{Expr, Value};
use irmak_common::types::TypeKind;
use irmak_functions::aggregate_type;

use crate::algebra::plain;
use crate::ast::{self, Call, ExprKind};
use crate::error::{Code, PlanError, Planned, Span};

use super::call::refused;
use super::expr::ExprBinder;
use super::group::{Aggregate, Grouping, Windows};
use super::scope::Scope;
use super::window;

const AGGREGATES: [&str; 26] = [
    "COUNT",
    "SUM",
    "$SUM0",
    "MIN",
    "MAX",
    "AVG",
    "STDDEV_POP",
    "STDDEV_SAMP",
    "STDDEV",
    "VAR_POP",
    "VAR_SAMP",
    "VARIANCE",
    "LISTAGG",
    "COLLECT",
    "FIRST_VALUE",
    "LAST_VALUE",
    "ARRAY_AGG",
    "APPROX_COUNT_DISTINCT",
    "JSON_OBJECTAGG",
    "JSON_ARRAYAGG",
    "GROUPING",
    "GROUPING_ID",
    "GROUP_ID",
    "PERCENTILE",
    "BOOL_AND",
    "BOOL_OR",
];

/// Whether a name is an aggregate function's.
pub(crate) fn is_aggregate(name: &str) -> bool {
    AGGREGATES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether an expression holds an aggregate (not OVER a window).
pub(crate) fn holds_aggregate(expr: &ast::Expr) -> bool {
    expr.any(&|expr| matches!(&expr.kind, ExprKind::Call(call) if call.over.is_none() && is_aggregate(&call.name.text)))
}

/// GROUPING, GROUPING_ID and GROUP_ID: one bit an argument, whether the grouping set leaves it out.
fn grouping_bits(grouping: &Grouping, name: &str, args: &[Expr], call: &Call, span: Span) -> Planned<Expr> {
    if let Some(at) = args.iter().position(|arg| grouping.find(arg).is_none()) {
        let message = format!("{name} takes what the query groups by");
        return Err(PlanError::new(Code::NotGrouped, message).at(call.args[at].span).label("this is not among it"));
    }
    if let Some(expanded) = &grouping.expanded {
        let keys: Vec<usize> = args.iter().filter_map(|arg| grouping.keys.iter().position(|key| key == arg)).collect();
        return expanded.bits(&keys, span);
    }
    let bits = args.iter().fold(0, |bits, arg| bits * 2 + i64::from(grouping.absent.contains(arg)));
    Ok(Expr::literal(Value::Int(bits), TypeKind::BigInt.not_null()))
}

/// Refuses COUNT of several fields.
pub(crate) fn one_counted(function: &str, call: &Call) -> Planned<()> {
    match &call.args[..] {
        [_, second, ..] if function == "COUNT" => Err(PlanError::new(Code::Types, "COUNT takes one field, as in Flink")
            .at(second.span)
            .label("one too many")
            .note("accepted: COUNT(*), COUNT(x), COUNT(*) FILTER (WHERE x IS NOT NULL AND y IS NOT NULL)")),
        _ => Ok(()),
    }
}

/// Refuses a separator of LISTAGG that is not written out.
fn constant_separator(function: &str, call: &Call) -> Planned<()> {
    match &call.args[..] {
        [_, separator] if function == "LISTAGG" && !matches!(separator.kind, ExprKind::String(_)) => {
            let error = PlanError::new(Code::Types, "the separator of LISTAGG is a constant text").at(separator.span);
            Err(error.note("accepted: LISTAGG(<CHARACTER_STRING>) or LISTAGG(<CHARACTER_STRING>, 'separator')"))
        }
        _ => Ok(()),
    }
}

impl ExprBinder<'_> {
    /// Above an aggregate: the output column that an expression as a whole has become.
    pub(crate) fn grouped(&mut self, expr: &ast::Expr) -> Planned<Option<Expr>> {
        let Some(grouping) = self.grouping.as_deref() else { return Ok(None) };
        let simple = matches!(
            expr.kind,
            ExprKind::Column(_) | ExprKind::Number(_) | ExprKind::String(_) | ExprKind::Null | ExprKind::Boolean(_) | ExprKind::Interval(_)
        );
        if simple || !grouping.has_expressions() || holds_aggregate(expr) {
            return Ok(None);
        }
        let scope: Scope = grouping.scope.clone();
        let mut below = ExprBinder { scope: &scope, schema: &grouping.schema, grouping: None, clause: self.clause };
        // What does not bind below is no grouping expression; the error, if it is one, comes from its parts.
        Ok(below.bind(expr).ok().and_then(|bound| grouping.find(&bound)))
    }

    /// An aggregate function's call: set aside, a column of the output here.
    pub(crate) fn aggregate(&mut self, call: &Call, span: Span) -> Planned<Expr> {
        let upper = call.name.text.to_uppercase();
        let name = upper.strip_prefix('$').unwrap_or(&upper).to_owned();
        let clause = self.clause;
        let Some(grouping) = self.grouping.as_deref_mut() else {
            return Err(PlanError::new(Code::Aggregate, format!("{name} is an aggregate function and cannot stand in {clause}"))
                .at(span)
                .label("an aggregate stands in SELECT or HAVING"));
        };
        if call.args.iter().any(holds_aggregate) {
            return Err(PlanError::new(Code::Aggregate, "aggregate expressions cannot be nested")
                .at(span)
                .label("aggregate in a subquery first"));
        }
        let mut below = ExprBinder { scope: &grouping.scope, schema: &grouping.schema, grouping: None, clause: "an aggregate" };
        if !name.starts_with("JSON_") {
            call.args.iter().try_for_each(super::untyped::typed)?;
        }
        let args = if call.star { Vec::new() } else { below.all(&call.args)? };
        if name.starts_with("GROUP") {
            return grouping_bits(grouping, &name, &args, call, span);
        }
        if call.star && name != "COUNT" {
            return Err(PlanError::new(Code::Syntax, format!("{name}(*) does not exist; only COUNT(*) does")).at(span));
        }
        one_counted(&name, call)?;
        constant_separator(&name, call)?;
        if name == "COUNT" && args.is_empty() && !call.star {
            return Err(PlanError::new(Code::Types, "COUNT needs an argument").at(span).label("write COUNT(*) to count rows"));
        }
        let json = name.starts_with("JSON_").then(|| super::json_aggregate::fragments(&name, &args, span)).transpose()?;
        let (name, args) = match &json {
            Some(fragments) => ("LISTAGG".to_owned(), vec![fragments.clone()]),
            None => (name, args),
        };
        let filter = call.filter.as_ref().map(|filter| below.condition(filter, "FILTER")).transpose()?;
        let types: Vec<_> = args.iter().map(|arg| if keeps_time(&name) { arg.ty.clone() } else { plain(&arg.ty) }).collect();
        // Without keys, nothing may have come yet, for all that the type can know.
        let grouped = !matches!(grouping.windows, Windows::None) || !grouping.keys.is_empty();
        let mut ty = aggregate_type(&name, &types, grouped).map_err(|error| refused(&name, error, span))?;
        if name == "SUM0" {
            // Of nothing it is 0.
            ty.nullable = false;
        }
        if filter.is_some() && !matches!(name.as_str(), "COUNT" | "SUM0" | "COLLECT") {
            // All rows of a group may be filtered out.
            ty.nullable = true;
        }
        let column = grouping.aggregate(Aggregate { function: name, args, distinct: call.distinct, filter, ty });
        if json.is_some() { super::json_aggregate::whole(&upper, column, span) } else { Ok(column) }
    }

    /// `TUMBLE_START(...)` and the like.
    pub(crate) fn auxiliary(&mut self, call: &Call, span: Span) -> Planned<Expr> {
        let name = call.name.text.to_uppercase();
        let Some(grouping) = self.grouping.as_deref_mut() else {
            return Err(PlanError::new(Code::Aggregate, format!("{name} stands only above GROUP BY of the same window"))
                .at(span)
                .note("for example: SELECT TUMBLE_START(ts, INTERVAL '1' MINUTE) ... GROUP BY TUMBLE(ts, INTERVAL '1' MINUTE)"));
        };
        window::auxiliary(grouping, call, &name, span)
    }
}

/// MIN and MAX of a time attribute are, for Flink's validator, time attributes.
pub(crate) fn keeps_time(name: &str) -> bool {
    matches!(name, "MIN" | "MAX" | "FIRST_VALUE" | "LAST_VALUE")
}
