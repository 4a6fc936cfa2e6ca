//! Calls `OVER (...)`: taken out of a SELECT list, bound, and made a relation of their own below it.
//!
//! The rules are Flink's for streams: ordered by a time attribute, ascending, up to the current row, all calls of a query over one
//! window. A ROW_NUMBER alone is a rank until it is known what becomes of its number ([`super::rank`]).
//!
//! The calls' columns come behind those of the relation below. How many those are is known only at the end, so until then calls have
//! provisional numbers, as aggregates have.

use irmak_common::call_spec::{AggregateCall, SortKey};
use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::operator_spec::{OverFrame, OverSpec};
use irmak_common::types::{Field, Schema, TimeAttribute, TypeKind};
use irmak_functions::{aggregate_type, implicitly_castable};

use crate::algebra::{Rel, RelNode, RowNumberSpec, cast_to, plain};
use crate::ast::{self, Bound, Call, ExprKind, Over, SelectItem};
use crate::error::{Code, PlanError, Planned, Span};
use crate::token::Name;

use super::aggregate::keeps_time;
use super::batch_over::Edges;
use super::call::refused;
use super::expr::{ExprBinder, article};
use super::group::Aggregate;
use super::scope::unique_names;

/// Provisional number of the first call's column.
pub(crate) const OVERS: usize = 1 << 42;

/// The calls OVER windows of one SELECT list.
#[derive(Debug, Default)]
pub(crate) struct Overs {
    calls: Vec<(Aggregate, OverWindow, Span)>,
    /// Batch mode: any order and frame, and each call its own.
    batch: bool,
}

/// A window of rows, over the relation below.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OverWindow {
    pub(super) partition: Vec<Expr>,
    pub(super) order: Vec<Order>,
    pub(super) frame: OverFrame,
    /// In batch mode: the frame's edges, in place of `frame`.
    pub(super) edges: Option<Edges>,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Order {
    pub(super) expr: Expr,
    pub(super) descending: bool,
    pub(super) nulls_first: bool,
    pub(super) span: Span,
}

impl Order {
    fn is_time(&self) -> bool {
        self.expr.ty.kind.time_attribute() != TimeAttribute::None
    }
}

/// The SELECT list with its calls OVER windows bound and set aside.
pub(crate) fn take(
    binder: &mut ExprBinder<'_>,
    items: &[SelectItem],
    windows: &[(Name, Over)],
    batch: bool,
) -> Planned<(Vec<SelectItem>, Overs)> {
    let mut overs = Overs { calls: Vec::new(), batch };
    let mut items = items.to_vec();
    for item in &mut items {
        if let SelectItem::Expr { expr, .. } = item {
            replace(binder, expr, windows, &mut overs)?;
        }
    }
    overs.check()?;
    Ok((items, overs))
}

fn replace(binder: &mut ExprBinder<'_>, expr: &mut ast::Expr, windows: &[(Name, Over)], overs: &mut Overs) -> Planned<()> {
    if let ExprKind::Call(call) = &expr.kind
        && let Some(over) = &call.over
    {
        let bound = binder.over(call, &named(over, windows)?, overs, expr.span)?;
        expr.kind = ExprKind::Bound(Box::new(bound));
        return Ok(());
    }
    expr.children_mut().into_iter().try_for_each(|child| replace(binder, child, windows, overs))
}

/// The window that is meant: `OVER w` is what the WINDOW clause says of it, `OVER (w ROWS ...)` that with what `w` leaves open. A window is
/// made of those before it.
fn named(over: &Over, windows: &[(Name, Over)]) -> Planned<Over> {
    let Some(name) = &over.name else { return Ok(over.clone()) };
    let Some(at) = windows.iter().position(|(known, _)| known.text == name.text) else {
        return Err(PlanError::new(Code::UnknownField, format!("there is no window `{}`", name.text))
            .at(name.span)
            .suggest(&name.text, windows.iter().map(|(known, _)| known.text.as_str()))
            .note("windows are declared behind the query: WINDOW w AS (PARTITION BY ... ORDER BY ...)"));
    };
    let mut window = named(&windows[at].1, &windows[..at])?;
    let twice = if !over.partition_by.is_empty() {
        Some("PARTITION BY")
    } else if !over.order_by.is_empty() && !window.order_by.is_empty() {
        Some("ORDER BY")
    } else {
        window.frame.as_ref().filter(|_| over.span != name.span).map(|_| "a frame")
    };
    if let Some(what) = twice {
        let message = format!("window `{}` cannot be given {what} anew", name.text);
        return Err(PlanError::new(Code::Syntax, message).at(over.span).label("what is made of a window adds what that leaves open"));
    }
    if window.order_by.is_empty() {
        window.order_by.clone_from(&over.order_by);
    }
    if over.frame.is_some() {
        window.frame.clone_from(&over.frame);
    }
    window.span = over.span;
    Ok(window)
}

impl ExprBinder<'_> {
    fn over(&mut self, call: &Call, over: &Over, overs: &mut Overs, span: Span) -> Planned<Expr> {
        let name = call.name.text.to_uppercase();
        if !overs.batch && matches!(name.as_str(), "NTILE" | "PERCENT_RANK" | "CUME_DIST" | "LEAD") {
            return Err(PlanError::new(Code::Unsupported, format!("{name} is not supported on streams, as in Flink")).at(span));
        }
        let window = if overs.batch { self.batch_window(&name, over, span)? } else { self.over_window(&name, over)? };
        let aggregate = self.over_call(&name, call, span)?;
        let ty = aggregate.ty.clone();
        let known = overs.calls.iter().position(|(known, its, _)| *known == aggregate && *its == window);
        let position = known.unwrap_or(overs.calls.len());
        if position == overs.calls.len() {
            overs.calls.push((aggregate, window, span));
        }
        Ok(Expr::column(OVERS + position, ty))
    }

    fn over_window(&mut self, name: &str, over: &Over) -> Planned<OverWindow> {
        let partition = self.all(&over.partition_by)?;
        let order = self.over_order(over)?;
        if order.is_empty() {
            return Err(PlanError::new(Code::TimeAttribute, "an OVER window is ordered by a time attribute").at(over.span));
        }
        let frame = match (name, &over.frame) {
            ("ROW_NUMBER" | "RANK" | "DENSE_RANK" | "LAG", Some(frame)) => {
                return Err(PlanError::new(Code::Syntax, format!("{name} takes no ROWS or RANGE")).at(frame.span));
            }
            ("ROW_NUMBER", None) => OverFrame::RowsUnbounded,
            (_, None) => OverFrame::RangeUnbounded,
            (_, Some(frame)) => self.frame(frame)?,
        };
        Ok(OverWindow { partition, order, frame, edges: None })
    }

    pub(super) fn over_order(&mut self, over: &Over) -> Planned<Vec<Order>> {
        let order = |item: &ast::OrderItem| -> Planned<Order> {
            let nulls_first = item.nulls_first.unwrap_or(!item.descending);
            Ok(Order { expr: self.bind(&item.expr)?, descending: item.descending, nulls_first, span: item.expr.span })
        };
        over.order_by.iter().map(order).collect()
    }

    fn frame(&mut self, frame: &ast::Frame) -> Planned<OverFrame> {
        match &frame.end {
            Bound::CurrentRow => {}
            Bound::Following(_) | Bound::UnboundedFollowing => {
                return Err(PlanError::new(Code::Unsupported, "an OVER window cannot look ahead (FOLLOWING)").at(frame.span));
            }
            Bound::Unbounded | Bound::Preceding(_) => {
                return Err(PlanError::new(Code::Unsupported, "an OVER window ends at CURRENT ROW").at(frame.span));
            }
        }
        let preceding = match &frame.start {
            Bound::Unbounded if frame.rows => return Ok(OverFrame::RowsUnbounded),
            Bound::Unbounded => return Ok(OverFrame::RangeUnbounded),
            Bound::Following(_) | Bound::UnboundedFollowing => {
                return Err(PlanError::new(Code::Unsupported, "an OVER window cannot look ahead (FOLLOWING)").at(frame.span));
            }
            Bound::CurrentRow => 0,
            Bound::Preceding(distance) => self.distance(distance, frame.rows)?,
        };
        Ok(if frame.rows { OverFrame::Rows { preceding: preceding.unsigned_abs() } } else { OverFrame::Range { preceding_ms: preceding } })
    }

    /// How far a frame reaches back: rows, or milliseconds.
    fn distance(&mut self, distance: &ast::Expr, rows: bool) -> Planned<i64> {
        let bound = self.bind(distance)?;
        let interval = matches!(bound.ty.kind, TypeKind::IntervalDayTime { .. });
        if interval == rows {
            let message = if rows { "ROWS takes a number of rows" } else { "RANGE takes an interval of days, hours, minutes or seconds" };
            return Err(PlanError::new(Code::Types, message).at(distance.span));
        }
        match bound.node {
            ExprNode::Literal(Value::Int(distance)) if distance >= 0 => Ok(distance),
            _ => Err(PlanError::new(Code::Types, "a frame's length is constant and not negative").at(distance.span)),
        }
    }

    fn over_call(&mut self, name: &str, call: &Call, span: Span) -> Planned<Aggregate> {
        let function = name.strip_prefix('$').unwrap_or(name).to_owned();
        if call.star && function != "COUNT" {
            return Err(PlanError::new(Code::Syntax, format!("{function}(*) does not exist; only COUNT(*) does")).at(span));
        }
        super::aggregate::one_counted(&function, call)?;
        let mut args = if call.star { Vec::new() } else { self.all(&call.args)? };
        let filter = call.filter.as_ref().map(|filter| self.condition(filter, "FILTER")).transpose()?;
        let types: Vec<_> = args.iter().map(|arg| if keeps_time(&function) { arg.ty.clone() } else { plain(&arg.ty) }).collect();
        if function == "NTILE" {
            return super::batch_over::ntile(args, span);
        }
        let mut ty = aggregate_type(&function, &types, true).map_err(|error| refused(&function, error, span))?;
        if function == "SUM0" {
            ty.nullable = false;
        }
        // A frame may be empty for all that Flink's types know. LAG and LEAD know better.
        let never_null = ["COUNT", "SUM0", "COLLECT", "ROW_NUMBER", "RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", "LAG", "LEAD"];
        if !never_null.contains(&function.as_str()) {
            ty.nullable = true;
        }
        if matches!(function.as_str(), "LAG" | "LEAD") {
            // (value, offset, default): the offset is an INT, the default has the value's type.
            if let Some(offset) = args.get_mut(1) {
                *offset = cast_to(offset.clone(), &TypeKind::Int.nullable());
            }
            if let Some(default) = args.get_mut(2) {
                if default.ty.kind != TypeKind::Null && !implicitly_castable(&plain(&default.ty), &plain(&ty).with_nullable(true)) {
                    let message = format!("the default of {function} is {}, its value {}", article(&default.ty), article(&ty));
                    return Err(PlanError::new(Code::Types, message).at(call.args[2].span).label("CAST it to the type of the value"));
                }
                *default = cast_to(default.clone(), &ty);
            }
        }
        Ok(Aggregate { function, args, distinct: call.distinct, filter, ty })
    }
}

impl Overs {
    /// Every expression of every call, to be settled.
    pub(crate) fn each(&mut self, change: &mut impl FnMut(&mut Expr)) {
        for (call, window, _) in &mut self.calls {
            call.args.iter_mut().chain(&mut call.filter).for_each(&mut *change);
            window.partition.iter_mut().chain(window.order.iter_mut().map(|order| &mut order.expr)).for_each(&mut *change);
            window.edges.iter_mut().flat_map(Edges::exprs_mut).for_each(&mut *change);
        }
    }

    fn is_rank(&self) -> bool {
        matches!(&self.calls[..], [(call, _, _)] if (call.function == "ROW_NUMBER" || is_place(&call.function)) && call.filter.is_none())
    }

    fn check(&self) -> Planned<()> {
        let Some((_, first, _)) = self.calls.first() else { return Ok(()) };
        if self.is_rank() && first.order.iter().all(|by| matches!(by.expr.node, ExprNode::Literal(_))) && !first.order.is_empty() {
            let message = "Over Agg: The window rank function requires order by clause with non-constant fields";
            return Err(PlanError::new(Code::Types, message).at(first.order[0].span).label("this is the same for all rows"));
        }
        if self.batch || self.is_rank() {
            return Ok(());
        }
        for (_, window, span) in &self.calls {
            let by = &window.order[0];
            if !by.is_time() {
                return Err(PlanError::new(Code::TimeAttribute, "an OVER window is ordered by a time attribute")
                    .at(by.span)
                    .label(format!("this is {}", article(&by.expr.ty))));
            }
            if by.descending {
                return Err(PlanError::new(Code::Types, "an OVER window is ordered by time ascending").at(by.span));
            }
            if let Some(second) = window.order.get(1) {
                let message = "an OVER window is ordered by a single time attribute";
                return Err(PlanError::new(Code::TimeAttribute, message).at(second.span).label("leave this out"));
            }
            if window.partition != first.partition || window.frame != first.frame || by.expr != first.order[0].expr {
                return Err(PlanError::new(Code::Unsupported, "all OVER aggregates of a query are over the same window")
                    .at(*span)
                    .label("another window than before")
                    .note("ROW_NUMBER counts ROWS; LAG and calls without a frame are over RANGE UNBOUNDED PRECEDING, as in Flink"));
            }
        }
        Ok(())
    }

    /// The relation with the calls' columns behind its own, and where they begin.
    pub(crate) fn relation(self, input: Rel) -> (Rel, usize) {
        if self.batch {
            return super::batch_over::relation(self.calls, input);
        }
        let is_rank = self.is_rank();
        let Some((_, window, span)) = self.calls.first().cloned() else {
            let width = input.schema.len();
            return (input, width);
        };
        let mut needed = Needed { exprs: input.columns(), width: input.schema.len() };
        let partition_by: Vec<usize> = window.partition.iter().map(|expr| needed.column(expr)).collect();
        let order_by: Vec<SortKey> = window.order.iter().map(|order| needed.sort_key(order)).collect();
        let by_time = window.order.first().filter(|by| by.expr.ty.kind.time_attribute() == TimeAttribute::Rowtime);
        let call = |(position, (call, _, _)): (usize, &(Aggregate, OverWindow, Span))| AggregateCall {
            function: call.function.clone(),
            args: read(call, by_time).into_iter().map(|arg| needed.column(arg)).collect(),
            arg_types: read(call, by_time).into_iter().map(|arg| arg.ty.clone()).collect(),
            distinct: call.distinct,
            filter: call.filter.as_ref().map(|filter| needed.column(filter)),
            ty: call.ty.clone(),
            name: format!("w0$o{position}"),
        };
        let aggregates: Vec<AggregateCall> = self.calls.iter().enumerate().map(call).collect();
        let below = Box::new(needed.project(input));
        let width = below.schema.len();
        let mut fields = below.schema.fields.clone();
        fields.extend(aggregates.iter().map(|call| Field::new(&call.name, call.ty.clone())));
        let node = if is_rank {
            let function = aggregates[0].function.clone();
            let spec = RowNumberSpec { function, partition_by, order_by, start: 1, end: None, end_by: None, span };
            RelNode::RowNumber { input: below, spec: Box::new(spec) }
        } else {
            let processing = window.order[0].expr.ty.kind.time_attribute() == TimeAttribute::Proctime;
            let time = (!processing).then_some(order_by[0].column);
            RelNode::Over {
                input: below,
                spec: Box::new(OverSpec { partition_by, time, frame: window.frame, aggregates, state_ttl_ms: 0 }),
            }
        };
        (Rel { node, schema: Schema::new(fields) }, width)
    }
}

/// What a call reads. A place among rows of event time is that of the row's time; by the clock each row has a time of its own.
fn read<'a>(call: &'a Aggregate, by_time: Option<&'a Order>) -> Vec<&'a Expr> {
    match by_time {
        Some(by) if is_place(&call.function) => vec![&by.expr],
        _ => call.args.iter().collect(),
    }
}

/// Whether a function says which place a row has, rows of one time sharing theirs.
pub(super) fn is_place(function: &str) -> bool {
    matches!(function, "RANK" | "DENSE_RANK")
}

/// Final column numbers in an expression bound above, the calls beginning at `base`.
pub(crate) fn settle(expr: &mut Expr, base: usize) {
    if let ExprNode::Column(index) = &mut expr.node
        && *index >= OVERS
    {
        *index = base + (*index - OVERS);
    }
    expr.children_mut().into_iter().for_each(|child| settle(child, base));
}

/// The columns of a relation and what is computed behind them.
pub(super) struct Needed {
    pub(super) exprs: Vec<Expr>,
    /// How many are the relation's own.
    pub(super) width: usize,
}

impl Needed {
    pub(super) fn column(&mut self, expr: &Expr) -> usize {
        self.exprs.iter().position(|known| known == expr).unwrap_or_else(|| {
            self.exprs.push(expr.clone());
            self.exprs.len() - 1
        })
    }

    pub(super) fn sort_key(&mut self, order: &Order) -> SortKey {
        SortKey { column: self.column(&order.expr), descending: order.descending, nulls_first: order.nulls_first }
    }

    pub(super) fn project(self, input: Rel) -> Rel {
        if self.exprs.len() == self.width {
            return input;
        }
        let name = |position: usize| match input.schema.fields.get(position) {
            Some(field) => Some(field.name.clone()),
            None => Some(format!("$f{position}")),
        };
        let names = unique_names((0..self.exprs.len()).map(name).collect());
        input.project(self.exprs, names)
    }
}
