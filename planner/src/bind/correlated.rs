//! Scalar subqueries that look outside and aggregate: `(SELECT MAX(p) FROM bids WHERE bids.item = items.id)`.
//!
//! The inner rows are grouped by what they are compared with, and joined to the outer ones by it. What stands around the aggregates in
//! the subquery's SELECT is evaluated above the join, so that it sees what an aggregate of nothing is: 0 for COUNT, else NULL.

use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::join_spec::JoinKind;
use irmak_common::types::TypeKind;

use crate::algebra::{Rel, RelNode, columns_of, map_columns};
use crate::ast::{self, Body, ExprKind, GroupItem, Query, Select, SelectItem};
use crate::condition::all_of;
use crate::error::{Code, PlanError, Planned, Span};
use crate::join::JoinRel;

use super::scope::{Scope, ScopeColumn, Scoped};
use super::select::Sets;
use super::subquery::{CORRELATED_MAX, Correlated, plain_select, single};
use super::{Binder, aggregate, call};

/// A column of the outer rows' side, and the inner expression that it must equal.
pub(super) struct Pair {
    pub(super) outer: Expr,
    pub(super) inner: Expr,
}

/// The SELECT of a query of one row: aggregates, without GROUP BY.
pub(crate) fn aggregate_select(query: &Query) -> Option<&Select> {
    if !query.with.is_empty() || !query.order_by.is_empty() || query.limit.is_some() || query.offset.is_some() {
        return None;
    }
    let select = match &query.body {
        Body::Select(select) => select,
        Body::Nested(query) => return aggregate_select(query),
        _ => return None,
    };
    let alone = select.from.is_some() && select.group_by.is_none() && select.having.is_none() && select.distinct.is_none();
    let plain = |item: &SelectItem| matches!(item, SelectItem::Expr { .. });
    (alone && select.items.iter().all(plain) && super::select::aggregates(select)).then_some(select)
}

/// The SELECT of a query of one plain column, as one value: what there is more than one row of fails the job.
pub(crate) fn single_select(query: &Query) -> Option<Select> {
    let select = plain_select(query).filter(|select| select.distinct.is_none())?;
    match &select.items[..] {
        [SelectItem::Expr { expr, alias }] => {
            let items = vec![SelectItem::Expr { expr: single(expr.clone()), alias: alias.clone() }];
            Some(Select { items, ..select.clone() })
        }
        _ => None,
    }
}

impl Binder<'_> {
    /// The same of a subquery of one column.
    pub(crate) fn correlated_aggregate(&mut self, input: Scoped, select: &Select) -> Planned<(Scoped, ast::Expr)> {
        let width = input.rel.schema.len();
        let (mut scoped, mut values) = self.correlated_aggregates(input, select)?;
        // A scalar subquery's value may be NULL, for all that its type knows.
        scoped.rel.schema.fields[width..].iter_mut().for_each(|field| field.ty.nullable = true);
        if let RelNode::Project { exprs, .. } = &mut scoped.rel.node {
            exprs[width..].iter_mut().for_each(|expr| expr.ty.nullable = true);
        }
        match values.pop() {
            Some(value) if values.is_empty() => Ok((scoped, value)),
            _ => Err(PlanError::new(Code::ColumnCount, "a scalar subquery has one column").at(select.span)),
        }
    }

    /// The outer rows with the subquery's aggregates behind them, and what the subquery's columns are over these.
    pub(crate) fn correlated_aggregates(&mut self, input: Scoped, select: &Select) -> Planned<(Scoped, Vec<ast::Expr>)> {
        if self.correlated >= CORRELATED_MAX {
            let message = format!("at most {CORRELATED_MAX} subqueries that look outside stand in each other");
            return Err(PlanError::new(Code::Unsupported, message).at(select.span));
        }
        self.correlated += 1;
        let apart = self.nested(select.span, |binder| binder.taken_apart(select, &input));
        self.correlated -= 1;
        let width = input.rel.schema.len();
        let mut aggregates = Vec::new();
        let mut values = Vec::with_capacity(select.items.len());
        for item in &select.items {
            let SelectItem::Expr { expr, .. } = item else { continue };
            let mut value = expr.clone();
            take_aggregates(&mut value, width, &mut aggregates);
            values.push(value);
        }
        let (right, outer) = self.grouped_by_outer(apart?, width, select, &aggregates)?;
        Ok((joined(input, right, outer, &aggregates, select.span)?, values))
    }

    /// The aggregates of the inner rows, grouped by what is compared with the outer ones; and these, in the keys' order.
    fn grouped_by_outer(
        &mut self,
        apart: Correlated,
        width: usize,
        select: &Select,
        aggregates: &[ast::Expr],
    ) -> Planned<(Rel, Vec<Expr>)> {
        let pairs = apart.condition.iter().map(|term| pair(term, width, &apart.inner)).collect::<Option<Vec<_>>>();
        let Some(pairs) = pairs.filter(|pairs| !pairs.is_empty()) else {
            return Err(PlanError::new(Code::Unsupported, "an aggregate that looks outside compares by `=`, one side each, joined by AND")
                .at(select.span)
                .note("for other conditions, join and group"));
        };
        let own = apart.inner.schema.len();
        let (outer, keys): (Vec<Expr>, Vec<Expr>) = pairs.into_iter().map(|pair| (pair.outer, pair.inner)).unzip();
        let mut names: Vec<String> = apart.inner.schema.fields.iter().map(|field| field.name.clone()).collect();
        names.extend((0..keys.len()).map(|at| format!("$key{at}")));
        let mut exprs = apart.inner.columns();
        exprs.extend(keys);
        let mut scope = Scope { columns: apart.scope.columns[width..].to_vec() };
        scope.columns.extend(names[own..].iter().map(|name| ScopeColumn {
            database: None,
            relation: None,
            name: name.clone(),
            hidden: true,
        }));
        let key = |at: usize| ast::Expr::new(ExprKind::Attached(own + at), select.span);
        let item = |expr: ast::Expr| SelectItem::Expr { expr, alias: None };
        let grouped = Select {
            items: (0..outer.len()).map(key).chain(aggregates.iter().cloned()).map(item).collect(),
            from: None,
            filter: None,
            group_by: Some((0..outer.len()).map(|at| GroupItem::Expr(key(at))).collect()),
            ..select.clone()
        };
        let rel = self.one_grouping(&grouped, Scoped { rel: apart.inner.project(exprs, names), scope }, &Sets::default())?;
        Ok((rel, outer))
    }
}

/// Puts a column of the joined rows in the place of each aggregate, and the aggregate aside.
fn take_aggregates(expr: &mut ast::Expr, width: usize, taken: &mut Vec<ast::Expr>) {
    if let ExprKind::Call(call) = &expr.kind
        && call.over.is_none()
        && aggregate::is_aggregate(&call.name.text)
    {
        let column = ast::Expr::new(ExprKind::Attached(width + taken.len()), expr.span);
        taken.push(std::mem::replace(expr, column));
        return;
    }
    expr.children_mut().into_iter().for_each(|child| take_aggregates(child, width, taken));
}

/// `outer = inner`, either way round; the inner side over the inner rows alone.
pub(super) fn pair(term: &Expr, width: usize, inner: &Rel) -> Option<Pair> {
    let ExprNode::Call { function, args } = &term.node else { return None };
    let [left, right] = &args[..] else { return None };
    let all = |expr: &Expr, outer: bool| {
        let columns = columns_of(expr);
        !columns.is_empty() && columns.iter().all(|column| (*column < width) == outer)
    };
    let (outer, own) = match function.as_str() {
        "=" if all(left, true) && all(right, false) => (left, right),
        "=" if all(right, true) && all(left, false) => (right, left),
        _ => return None,
    };
    let below = map_columns(own, &|index| Some(Expr::column(index - width, inner.schema.fields.get(index - width)?.ty.clone())))?;
    Some(Pair { outer: outer.clone(), inner: below })
}

fn joined(input: Scoped, right: Rel, outer: Vec<Expr>, aggregates: &[ast::Expr], span: Span) -> Planned<Scoped> {
    let Scoped { rel: left, mut scope } = input;
    let (width, keys) = (left.schema.len(), outer.len());
    let key = |at: usize| Expr::column(width + at, right.schema.fields[at].ty.clone());
    let equal = outer.into_iter().enumerate().map(|(at, outer)| call::resolve("=", vec![outer, key(at)], span));
    let condition = all_of(equal.collect::<Planned<_>>()?);
    let rel = JoinRel { left, right, kind: JoinKind::Left, condition, as_of: None, state_ttl: [None; 2] }.into_rel();
    let columns = rel.columns();
    let mut exprs = columns[..width].to_vec();
    for (aggregate, column) in aggregates.iter().zip(&columns[width + keys..]) {
        let counts = matches!(&aggregate.kind, ExprKind::Call(call) if call.name.text.eq_ignore_ascii_case("COUNT"));
        let zero = Expr::literal(Value::Int(0), TypeKind::BigInt.not_null());
        exprs.push(if counts { call::resolve("COALESCE", vec![column.clone(), zero], span)? } else { column.clone() });
    }
    let mut names: Vec<String> = rel.schema.fields[..width].iter().map(|field| field.name.clone()).collect();
    for at in width..exprs.len() {
        names.push(format!("$subquery{at}"));
        scope.columns.push(ScopeColumn { database: None, relation: None, name: format!("$subquery{at}"), hidden: true });
    }
    Ok(Scoped { rel: rel.project(exprs, names), scope })
}
