//! Aggregate functions that only bounded rows have: refused on streams, as in Flink.

use crate::ast::{Expr, ExprKind, Query, Select, SelectItem};
use crate::error::{Code, PlanError, Planned};

use super::Binder;

impl Binder<'_> {
    /// Refuses what a SELECT may only compute in batch mode.
    pub(super) fn streaming_select(&self, select: &Select) -> Planned<()> {
        if self.settings.batch() {
            return Ok(());
        }
        let items = select.items.iter().filter_map(|item| match item {
            SelectItem::Expr { expr, .. } => Some(expr),
            SelectItem::Star { .. } => None,
        });
        items.chain(&select.having).try_for_each(streams)
    }

    /// The same of what a query sorts by.
    pub(super) fn streaming_order(&self, query: &Query) -> Planned<()> {
        if self.settings.batch() {
            return Ok(());
        }
        query.order_by.iter().try_for_each(|item| streams(&item.expr))
    }
}

fn streams(expr: &Expr) -> Planned<()> {
    if let ExprKind::Call(call) = &expr.kind
        && call.name.text.eq_ignore_ascii_case("APPROX_COUNT_DISTINCT")
    {
        return Err(PlanError::new(Code::Unsupported, "APPROX_COUNT_DISTINCT is not supported on streams, as in Flink")
            .at(expr.span)
            .label("write COUNT(DISTINCT x)"));
    }
    expr.children().into_iter().try_for_each(streams)
}
