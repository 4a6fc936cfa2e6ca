//! ORDER BY: which columns it means, and what can be done about it on a stream.
//!
//! An item means a column of the result first (by name, or by number from 1), else an expression over what the SELECT reads, which is
//! then computed as a column of its own and left out again above.

use irmak_common::call_spec::SortKey;
use irmak_common::changelog_spec::{RankSpec, RankStrategy};
use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::types::TimeAttribute;

use crate::algebra::{Rel, RelNode};
use crate::ast::{self, Body, ExprKind, OrderItem, Query, SelectItem};
use crate::error::{Code, PlanError, Planned};
use crate::token::Name;

use super::Binder;
use super::expr::ExprBinder;
use super::scope::{Scope, unique_names};

/// A query's rows, the order that is asked of them, and how many of their columns are its own.
#[derive(Debug)]
pub(crate) struct Ordered {
    pub(crate) rel: Rel,
    pub(crate) keys: Vec<SortKey>,
    width: usize,
}

impl Ordered {
    /// The sorted relation without the columns that were there for the order only.
    pub(crate) fn narrowed(self, node: impl FnOnce(Rel, Vec<SortKey>) -> RelNode) -> Rel {
        let schema = self.rel.schema.clone();
        let sorted = Rel { node: node(self.rel, self.keys), schema };
        if sorted.schema.len() == self.width {
            return sorted;
        }
        let names = sorted.schema.fields[..self.width].iter().map(|field| field.name.clone()).collect();
        let exprs = sorted.columns().into_iter().take(self.width).collect();
        sorted.project(exprs, names)
    }
}

impl Binder<'_> {
    /// The rows of a query with ORDER BY: in batch mode sorted, whatever by; on a stream with LIMIT a Top-N, without it by time, ascending, first,
    /// or not at all in a subquery.
    ///
    /// # Errors
    /// Flink's refusals of orders that no stream can keep.
    pub(crate) fn sorted(&mut self, query: &Query) -> Planned<Rel> {
        let ordered = self.order(query)?;
        let (Some(first), Some(item)) = (ordered.keys.first().copied(), query.order_by.first()) else { return Ok(ordered.rel) };
        let span = item.expr.span;
        if self.settings.batch() {
            let processing_time = false;
            let first = query.limit.map(|count| query.offset.map_or(0, |(offset, _)| offset).saturating_add(count));
            return Ok(ordered.narrowed(|input, order_by| RelNode::TemporalSort {
                input: Box::new(input),
                order_by,
                processing_time,
                first,
            }));
        }
        if let Some(count) = query.limit {
            let offset = query.offset.map_or(0, |(offset, _)| offset);
            let (start, end) = (offset.saturating_add(1), offset.saturating_add(count));
            let state_ttl_ms = self.settings.state_ttl_ms()?;
            return Ok(ordered.narrowed(|input, order_by| {
                let (partition_by, strategy) = (Vec::new(), RankStrategy::AppendFast);
                let spec = RankSpec { partition_by, order_by, start, end, end_by: None, number: false, strategy, state_ttl_ms };
                RelNode::Rank { input: Box::new(input), spec: Box::new(spec) }
            }));
        }
        if query.offset.is_none() && self.is_nested() {
            // Who reads a subquery sees no order. Source: Calcite's `SqlToRelConverter.removeSortInSubQuery`.
            return Ok(ordered.narrowed(|input, _| input.node));
        }
        if let Some((_, offset)) = query.offset {
            return Err(PlanError::new(Code::Unsupported, "OFFSET without LIMIT never ends on a stream").at(offset).label("add LIMIT"));
        }
        let attribute = ordered.rel.schema.fields[first.column].ty.kind.time_attribute();
        if attribute == TimeAttribute::None || first.descending {
            return Err(PlanError::new(Code::Unsupported, "a stream can be sorted only by a time attribute, ascending, first")
                .at(span)
                .note("sort on a non-time-attribute field is not supported, as in Flink"));
        }
        let processing_time = attribute == TimeAttribute::Proctime;
        let first = None;
        Ok(ordered.narrowed(|input, order_by| RelNode::TemporalSort { input: Box::new(input), order_by, processing_time, first }))
    }

    /// The rows of a query's body and the order that its ORDER BY asks of them.
    pub(crate) fn order(&mut self, query: &Query) -> Planned<Ordered> {
        let rel = self.body(&query.body, query.span)?;
        let width = rel.schema.len();
        if let Ok(exprs) = by_result(&rel, &query.order_by) {
            return Ok(with_keys(rel, exprs, &query.order_by, width));
        }
        for item in &query.order_by {
            ordinal(&rel, &item.expr)?;
        }
        let Body::Select(select) = &query.body else {
            let exprs = by_result(&rel, &query.order_by)?;
            return Ok(with_keys(rel, exprs, &query.order_by, width));
        };
        // The SELECT once more, with what the order reads behind its own columns.
        let mut wider = (**select).clone();
        let mut at = Vec::new();
        for item in &query.order_by {
            at.push(match by_result(&rel, std::slice::from_ref(item)) {
                Ok(mut exprs) => exprs.pop(),
                Err(_) if select.distinct.is_some() => {
                    return Err(PlanError::new(Code::NotGrouped, "with SELECT DISTINCT, ORDER BY takes what is selected")
                        .at(item.expr.span)
                        .label("this is not in the SELECT list"));
                }
                Err(_) => {
                    let alias = Name { text: format!("$sort{}", wider.items.len()), span: item.expr.span };
                    wider.items.push(SelectItem::Expr { expr: item.expr.clone(), alias: Some(alias) });
                    None
                }
            });
        }
        let rel = self.select(&wider)?;
        let mut hidden = rel.columns().into_iter().skip(width);
        let exprs = at.into_iter().map(|known| known.or_else(|| hidden.next())).collect::<Option<Vec<Expr>>>();
        let exprs = exprs.ok_or_else(|| PlanError::new(Code::Unsupported, "this ORDER BY is not supported").at(query.span))?;
        Ok(with_keys(rel, exprs, &query.order_by, width))
    }
}

/// The items over the columns of the result.
fn by_result(rel: &Rel, items: &[OrderItem]) -> Planned<Vec<Expr>> {
    let scope = Scope::of(&rel.schema, None);
    let mut binder = ExprBinder { scope: &scope, schema: &rel.schema, grouping: None, clause: "ORDER BY" };
    items.iter().map(|item| if let Some(column) = ordinal(rel, &item.expr)? { Ok(column) } else { binder.bind(&item.expr) }).collect()
}

/// `ORDER BY 2` is the second column.
fn ordinal(rel: &Rel, expr: &ast::Expr) -> Planned<Option<Expr>> {
    let ExprKind::Number(_) = &expr.kind else { return Ok(None) };
    let bound = ExprBinder { scope: &Scope::default(), schema: &rel.schema, grouping: None, clause: "ORDER BY" }.bind(expr)?;
    let ExprNode::Literal(Value::Int(number)) = bound.node else { return Ok(None) };
    let column = usize::try_from(number).ok().and_then(|number| number.checked_sub(1)).filter(|column| *column < rel.schema.len());
    match column {
        Some(column) => Ok(rel.columns().into_iter().nth(column)),
        None => {
            Err(PlanError::new(Code::UnknownColumn, format!("ORDER BY {number}, but there are {} columns", rel.schema.len())).at(expr.span))
        }
    }
}

fn with_keys(rel: Rel, exprs: Vec<Expr>, items: &[OrderItem], width: usize) -> Ordered {
    let mut all = rel.columns();
    let have = all.len();
    let mut key = |(expr, item): (Expr, &OrderItem)| {
        let column = all.iter().position(|known| *known == expr).unwrap_or_else(|| {
            all.push(expr);
            all.len() - 1
        });
        SortKey { column, descending: item.descending, nulls_first: item.nulls_first.unwrap_or(!item.descending) }
    };
    let keys = exprs.into_iter().zip(items).map(&mut key).collect();
    if all.len() == have {
        return Ordered { rel, keys, width };
    }
    let name = |at: usize| rel.schema.fields.get(at).map_or_else(|| format!("$sort{at}"), |field| field.name.clone());
    let names = unique_names((0..all.len()).map(|at| Some(name(at))).collect());
    Ordered { rel: rel.project(all, names), keys, width }
}
