//! `LATERAL (query)` in FROM: a subquery that sees the tables before it.
//!
//! The condition of a plain SELECT becomes the join's, and its columns are computed above. One of aggregates without GROUP BY has one
//! row for each row before it ([`super::correlated`]).

use irmak_common::expr::Expr;
use irmak_common::join_spec::JoinKind;

use crate::algebra::Rel;
use crate::ast::{self, JoinOn, Select, SelectItem};
use crate::condition::all_of;
use crate::error::{Code, PlanError, Planned, Span};
use crate::join::JoinRel;

use super::expr::ExprBinder;
use super::scope::{Scope, ScopeColumn, Scoped, unique_names};
use super::{Binder, correlated, lateral_top};

/// How a subquery is joined, and what it is called.
#[derive(Clone, Copy)]
pub(crate) struct LateralJoin<'a> {
    pub(crate) alias: Option<&'a ast::Alias>,
    pub(crate) kind: JoinKind,
    pub(crate) on: &'a JoinOn,
    pub(crate) span: Span,
}

impl Binder<'_> {
    /// The rows before it, each with the rows that the subquery has for it.
    pub(crate) fn lateral(&mut self, left: Scoped, query: &ast::Query, join: LateralJoin<'_>) -> Planned<Scoped> {
        // Without a look outside it is a subquery like others.
        let warnings = self.warnings.len();
        let alone = match self.nested(query.span, |binder| binder.query(query)) {
            Ok(rel) => {
                let right = super::from::aliased(Scoped::of(rel, None), join.alias)?;
                return self.joined([left, right], join.kind, join.on, [None; 2], join.span);
            }
            Err(error) => error,
        };
        self.warnings.truncate(warnings);
        if let Some(select) = correlated::aggregate_select(query).filter(|_| alone.is_unknown_name()) {
            return self.lateral_aggregates(left, select, join);
        }
        let (correlated, select) = match lateral_top::bare(query).filter(|_| !self.settings.batch()) {
            Some(bare) => self.lateral_top(query, &bare, &left, alone)?,
            None => self.correlated(query, &left, alone)?,
        };
        join.inner_or_left()?;
        let (exprs, names) = correlated.items(&select)?;
        let width = left.rel.schema.len();
        let of_left = |expr: &Expr| crate::algebra::columns_of(expr).iter().any(|column| *column < width);
        if join.kind == JoinKind::Left && exprs.iter().any(|expr| expr.as_column().is_none() || of_left(expr)) {
            let message = "a LATERAL subquery of a LEFT JOIN may only select columns of its own tables";
            return Err(PlanError::new(Code::Unsupported, message).at(query.span));
        }
        let scope = left.scope.clone();
        let condition = all_of(correlated.condition);
        let joined =
            JoinRel { left: left.rel, right: correlated.inner, kind: join.kind, condition, as_of: None, state_ttl: [None; 2] }.into_rel();
        let nullable = |expr: Expr| match expr.as_column() {
            Some(column) => Expr::column(column, joined.schema.fields[column].ty.clone()),
            None => expr,
        };
        let exprs = exprs.into_iter().map(nullable).collect();
        join.named(scope, joined, exprs, names)
    }

    /// Aggregates without GROUP BY: one row for each row before them, also where there is nothing to aggregate.
    fn lateral_aggregates(&mut self, left: Scoped, select: &Select, join: LateralJoin<'_>) -> Planned<Scoped> {
        join.inner_or_left()?;
        let scope = left.scope.clone();
        let (scoped, values) = self.correlated_aggregates(left, select)?;
        let exprs = self.plain(&scoped, "SELECT").all(&values)?;
        let name = |item: &SelectItem| match item {
            SelectItem::Expr { alias: Some(alias), .. } => Some(alias.text.clone()),
            SelectItem::Expr { expr, .. } => expr.implied_name().map(str::to_owned),
            SelectItem::Star { .. } => None,
        };
        join.named(scope, scoped.rel, exprs, select.items.iter().map(name).collect())
    }
}

impl LateralJoin<'_> {
    fn inner_or_left(&self) -> Planned<()> {
        match self.kind {
            JoinKind::Inner | JoinKind::Left => Ok(()),
            _ => Err(PlanError::new(Code::Unsupported, "a LATERAL subquery is joined by INNER or LEFT JOIN").at(self.span)),
        }
    }

    /// The columns of `outer`, which are the first of `joined`, and behind them the subquery's.
    fn named(&self, outer: Scope, joined: Rel, exprs: Vec<Expr>, names: Vec<Option<String>>) -> Planned<Scoped> {
        let named = named(unique_names(names), self.alias)?;
        let relation = self.alias.map(|alias| alias.name.text.clone());
        let mut all: Vec<Expr> = joined.columns()[..outer.columns.len()].to_vec();
        all.extend(exprs);
        let mut columns = outer.columns;
        columns.extend(named.into_iter().map(|name| ScopeColumn { database: None, relation: relation.clone(), name, hidden: false }));
        let names = unique_names(columns.iter().map(|column| Some(column.name.clone())).collect());
        let scoped = Scoped { rel: joined.project(all, names), scope: Scope { columns } };
        self.on(scoped)
    }

    /// The join under its ON.
    fn on(&self, scoped: Scoped) -> Planned<Scoped> {
        match self.on {
            JoinOn::Condition(on) if self.kind == JoinKind::Inner => {
                let mut binder = ExprBinder { scope: &scoped.scope, schema: &scoped.rel.schema, grouping: None, clause: "ON" };
                let predicate = binder.condition(on, "ON")?;
                Ok(Scoped { rel: scoped.rel.filter(predicate), scope: scoped.scope })
            }
            JoinOn::Nothing => Ok(scoped),
            JoinOn::Condition(on) if matches!(on.kind, ast::ExprKind::Boolean(true)) => Ok(scoped),
            _ => Err(PlanError::new(Code::Unsupported, "a LATERAL subquery is joined ON TRUE").at(self.span)),
        }
    }
}

/// The names of a subquery's columns: its alias may give others, as many as there are.
fn named(own: Vec<String>, alias: Option<&ast::Alias>) -> Planned<Vec<String>> {
    let Some(alias) = alias.filter(|alias| !alias.columns.is_empty()) else { return Ok(own) };
    if alias.columns.len() != own.len() {
        let message = format!("{} columns are named, but the query has {}", alias.columns.len(), own.len());
        return Err(PlanError::new(Code::ColumnCount, message).at(alias.name.span));
    }
    Ok(alias.columns.iter().map(|name| name.text.clone()).collect())
}
