//! `OVER (...)`: what is wrong with it, or that it is not run yet.
//!
//! The checks are Flink's for streams: ordered by a time attribute, ascending, all aggregates of a query over one window.

use irmak_common::types::TimeAttribute;

use crate::ast::{Bound, Call, Over};
use crate::error::{Code, PlanError, Planned, Span};

use super::expr::ExprBinder;
use super::select::changelog;

impl ExprBinder<'_> {
    /// The refusal of a call OVER a window.
    pub(crate) fn over(&mut self, call: &Call, over: &Over, span: Span) -> PlanError {
        match self.checked(call, over, span) {
            Err(error) => error,
            Ok(()) => {
                let name = call.name.text.to_uppercase();
                PlanError::new(Code::Unsupported, format!("{name} OVER a window of rows is not supported yet")).at(span.to(over.span))
            }
        }
    }

    fn checked(&mut self, call: &Call, over: &Over, span: Span) -> Planned<()> {
        self.all(&call.args)?;
        self.all(&over.partition_by)?;
        let name = call.name.text.to_uppercase();
        let Some(first) = over.order_by.first() else {
            if over.name.is_some() {
                return Ok(());
            }
            return Err(PlanError::new(Code::TimeAttribute, "an OVER window is ordered by a time attribute").at(over.span));
        };
        let order = self.bind(&first.expr)?;
        if matches!(name.as_str(), "RANK" | "DENSE_RANK" | "NTILE" | "PERCENT_RANK" | "CUME_DIST") {
            return Err(PlanError::new(Code::Unsupported, format!("{name} is not supported on streams, as in Flink")).at(span));
        }
        if name == "ROW_NUMBER" {
            let windowed = over.partition_by.iter().any(|key| key.implied_name() == Some("window_start"));
            return if windowed { Ok(()) } else { Err(changelog("ROW_NUMBER (Top-N, deduplication)", span)) };
        }
        if order.ty.kind.time_attribute() == TimeAttribute::None {
            return Err(PlanError::new(Code::TimeAttribute, "an OVER window is ordered by a time attribute")
                .at(first.expr.span)
                .label(format!("this is {}", super::expr::article(&order.ty))));
        }
        if first.descending {
            return Err(PlanError::new(Code::Types, "an OVER window is ordered by time ascending").at(first.expr.span));
        }
        let Some(frame) = &over.frame else { return Ok(()) };
        for bound in [&frame.start, &frame.end] {
            match bound {
                Bound::Following => {
                    return Err(PlanError::new(Code::Unsupported, "an OVER window cannot look ahead (FOLLOWING)").at(over.span));
                }
                Bound::Preceding(distance) => {
                    let distance = self.bind(distance)?;
                    let interval = matches!(distance.ty.kind, irmak_common::types::TypeKind::IntervalDayTime { .. });
                    if interval == frame.rows {
                        let message = if frame.rows { "ROWS takes a number of rows" } else { "RANGE takes an interval" };
                        return Err(PlanError::new(Code::Types, message).at(over.span));
                    }
                }
                Bound::Unbounded | Bound::CurrentRow => {}
            }
        }
        Ok(())
    }
}

/// The place of the second of two different windows in one SELECT list.
pub(crate) fn second_window(items: &[crate::ast::SelectItem]) -> Option<Span> {
    let mut first: Option<String> = None;
    let told = |over: &Over| {
        let keys = |exprs: &mut dyn Iterator<Item = &crate::ast::Expr>| exprs.map(shape).collect::<Vec<_>>().join(",");
        format!("{:?}/{}/{}", over.name, keys(&mut over.partition_by.iter()), keys(&mut over.order_by.iter().map(|item| &item.expr)))
    };
    let mut calls = Vec::new();
    for item in items {
        if let crate::ast::SelectItem::Expr { expr, .. } = item {
            collect(expr, &mut calls);
        }
    }
    for (over, span) in calls {
        let shape = told(over);
        if first.get_or_insert_with(|| shape.clone()) != &shape {
            return Some(span);
        }
    }
    None
}

fn collect<'a>(expr: &'a crate::ast::Expr, calls: &mut Vec<(&'a Over, Span)>) {
    if let crate::ast::ExprKind::Call(call) = &expr.kind
        && let Some(over) = &call.over
    {
        calls.push((over, expr.span));
    }
    expr.children().into_iter().for_each(|child| collect(child, calls));
}

/// An expression without its places.
fn shape(expr: &crate::ast::Expr) -> String {
    match &expr.kind {
        crate::ast::ExprKind::Column(path) => super::scope::told(path),
        _ => format!("{}:{}", expr.span.line, expr.span.column),
    }
}
