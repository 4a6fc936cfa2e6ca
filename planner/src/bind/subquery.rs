//! Subqueries in expressions: IN and EXISTS in WHERE become SEMI and ANTI joins, scalar ones are joined and become a column, as do
//! IN and EXISTS elsewhere ([`super::mark`]). Scalar ones that look outside: [`super::correlated`].
//!
//! A subquery that looks outside is taken apart where it is a plain SELECT: its condition becomes the join's, its tables the right side.

use irmak_common::expr::{Expr, ExprNode};
use irmak_common::join_spec::JoinKind;
use irmak_common::types::{Schema, TypeKind};

use crate::algebra::{Rel, RelNode, columns_of, map_columns};
use crate::ast::{self, Body, ExprKind, Query, Select, SelectItem};
use crate::condition::{all_of, always};
use crate::error::{Code, PlanError, Planned, Span};
use crate::join::JoinRel;
use crate::token::Name;

use super::expr::ExprBinder;
use super::scope::{Scope, ScopeColumn, Scoped};
use super::select::Sets;
use super::{Binder, call, correlated, rank, select};

/// The SELECT of a query that does nothing but select from tables under a condition.
pub(crate) fn plain_select(query: &Query) -> Option<&Select> {
    if !query.with.is_empty() || !query.order_by.is_empty() || query.limit.is_some() || query.offset.is_some() {
        return None;
    }
    match &query.body {
        Body::Select(select) if select.from.is_some() && select.group_by.is_none() && select.having.is_none() => {
            (!select::aggregates(select)).then_some(select)
        }
        Body::Nested(query) => plain_select(query),
        _ => None,
    }
}

/// How many subqueries that look outside may stand in each other.
pub(crate) const CORRELATED_MAX: usize = 2;

/// A subquery that looks outside, taken apart.
pub(crate) struct Correlated {
    /// Its own rows.
    pub(crate) inner: Rel,
    /// What pairs must meet, over the outer columns and behind them its own.
    pub(crate) condition: Vec<Expr>,
    pub(crate) scope: Scope,
    pub(crate) schema: Schema,
}

/// What IN compares.
pub(crate) struct Compared {
    pub(crate) right: Rel,
    /// The rows that match.
    pub(crate) equal: Vec<Expr>,
    /// The rows that match if NULLs do, where there may be any.
    pub(crate) possible: Option<Vec<Expr>>,
}

impl Correlated {
    /// The SELECT list, over the outer columns and behind them its own.
    pub(crate) fn items(&self, select: &Select) -> Planned<select::Bound> {
        let rel = Rel { node: RelNode::Values(Vec::new()), schema: self.schema.clone() };
        let input = Scoped { rel, scope: self.scope.clone() };
        let mut expressions = ExprBinder { scope: &self.scope, schema: &self.schema, grouping: None, clause: "SELECT" };
        select::items(&mut expressions, &select.items, &input)
    }
}

impl Binder<'_> {
    /// A plain SELECT under the columns of `outer`; its own come first where names meet. `alone`: why it cannot be without.
    pub(crate) fn correlated(&mut self, query: &Query, outer: &Scoped, alone: PlanError) -> Planned<(Correlated, Select)> {
        let Some(select) = plain_select(query).filter(|_| alone.is_unknown_name()) else { return Err(alone) };
        // Each level is tried on its own first, so the work grows with this power of the depth.
        if self.correlated >= CORRELATED_MAX {
            return Err(alone.note(format!("at most {CORRELATED_MAX} subqueries that look outside stand in each other")));
        }
        self.correlated += 1;
        let correlated = self.nested(query.span, |binder| binder.taken_apart(select, outer));
        self.correlated -= 1;
        correlated.map(|correlated| (correlated, select.clone()))
    }

    /// What a plain SELECT is over the columns of `outer` and its own.
    pub(crate) fn taken_apart(&mut self, select: &Select, outer: &Scoped) -> Planned<Correlated> {
        let Some(from) = &select.from else {
            return Err(PlanError::new(Code::Unsupported, "a subquery without FROM cannot look outside").at(select.span));
        };
        let inner = self.from(from)?;
        let own = inner.scope.relations();
        let shadowed = |column: &ScopeColumn| ScopeColumn {
            relation: column.relation.clone().filter(|relation| !own.contains(&relation.as_str())),
            database: column.database.clone(),
            hidden: column.hidden || inner.scope.columns.iter().any(|other| !other.hidden && other.name == column.name),
            name: column.name.clone(),
        };
        let mut scope = Scope { columns: outer.scope.columns.iter().map(shadowed).collect() };
        scope.columns.extend(inner.scope.columns.iter().cloned());
        let join = JoinRel {
            left: outer.rel.clone(),
            right: inner.rel.clone(),
            kind: JoinKind::Inner,
            condition: always(),
            as_of: None,
            state_ttl: [None; 2],
        };
        let schema = join.both();
        let width = outer.rel.schema.len();
        let mut condition = Vec::new();
        let mut own_rel = inner.rel.clone();
        for term in select.filter.iter().flat_map(conjuncts) {
            // Subqueries inside it see its own tables only.
            if is_predicate(term) {
                let scoped = Scoped { rel: own_rel, scope: inner.scope.clone() };
                own_rel = self.semi_join(scoped, term)?.rel;
                continue;
            }
            let mut binder = ExprBinder { scope: &scope, schema: &schema, grouping: None, clause: "WHERE" };
            let bound = binder.condition(term, "WHERE")?;
            if columns_of(&bound).iter().all(|column| *column >= width) {
                let moved =
                    map_columns(&bound, &|index| Some(Expr::column(index - width, inner.rel.schema.fields.get(index - width)?.ty.clone())));
                if let Some(moved) = moved {
                    own_rel = rank::filtered(own_rel, moved);
                    continue;
                }
            }
            condition.push(bound);
        }
        Ok(Correlated { inner: own_rel, condition, scope, schema })
    }

    /// WHERE: terms with IN and EXISTS become joins, the others a filter.
    pub(crate) fn filtered(&mut self, mut input: Scoped, filter: &ast::Expr) -> Planned<Scoped> {
        if !filter.any(&holds_subquery) {
            let predicate = ExprBinder { scope: &input.scope, schema: &input.rel.schema, grouping: None, clause: "WHERE" };
            let predicate = { predicate }.condition(filter, "WHERE")?;
            input.rel = rank::filtered(input.rel, predicate);
            return Ok(input);
        }
        let (predicates, others): (Vec<&ast::Expr>, Vec<&ast::Expr>) = conjuncts(filter).into_iter().partition(|term| is_predicate(term));
        let mut plain = Vec::new();
        for term in others {
            let mut term = term.clone();
            input = self.attach(input, &mut term)?;
            let mut binder = ExprBinder { scope: &input.scope, schema: &input.rel.schema, grouping: None, clause: "WHERE" };
            plain.push(binder.condition(&term, "WHERE")?);
        }
        if !plain.is_empty() {
            input.rel = rank::filtered(input.rel, all_of(plain));
        }
        for term in predicates {
            input = self.semi_join(input, term)?;
        }
        Ok(input)
    }

    /// Joins the subqueries of an expression to `input`, and puts their columns in their place.
    pub(crate) fn attach(&mut self, mut input: Scoped, expr: &mut ast::Expr) -> Planned<Scoped> {
        match &expr.kind {
            ExprKind::Subquery(query) => {
                let query = query.clone();
                return self.attach_scalar(input, &query, expr);
            }
            ExprKind::InQuery { .. } | ExprKind::Exists(_) => {
                let (scoped, column) = self.mark(input, expr)?;
                expr.kind = ExprKind::Attached(column);
                return Ok(scoped);
            }
            _ => {}
        }
        for child in expr.children_mut() {
            input = self.attach(input, child)?;
        }
        Ok(input)
    }

    fn attach_scalar(&mut self, input: Scoped, query: &Query, expr: &mut ast::Expr) -> Planned<Scoped> {
        let warnings = self.warnings.len();
        let alone = match self.scalar(query, expr.span) {
            Ok(right) => {
                let Scoped { rel: left, mut scope } = input;
                let column = left.schema.len();
                scope.columns.push(ScopeColumn { database: None, relation: None, name: format!("$subquery{column}"), hidden: true });
                expr.kind = ExprKind::Attached(column);
                let rel = JoinRel { left, right, kind: JoinKind::Left, condition: always(), as_of: None, state_ttl: [None; 2] }.into_rel();
                return Ok(Scoped { rel, scope });
            }
            Err(alone) => alone,
        };
        let aggregate = correlated::aggregate_select(query).cloned().or_else(|| correlated::single_select(query));
        let Some(select) = aggregate.filter(|_| alone.is_unknown_name()) else { return Err(alone) };
        self.warnings.truncate(warnings);
        let (scoped, value) = self.correlated_aggregate(input, &select)?;
        *expr = value;
        Ok(scoped)
    }

    /// A query of one value that does not look outside.
    pub(crate) fn scalar(&mut self, query: &Query, span: Span) -> Planned<Rel> {
        let rel = self.nested(query.span, |binder| binder.query(query)).map_err(|error| {
            error.note("a scalar subquery looks outside only where it is a plain SELECT, or one aggregate without GROUP BY")
        })?;
        if rel.schema.len() != 1 {
            let message = format!("a scalar subquery has one column, this one {}", rel.schema.len());
            return Err(PlanError::new(Code::ColumnCount, message).at(span));
        }
        if is_one_row(&rel) {
            return Ok(rel);
        }
        // How many rows there are is known only when they have come.
        let item = single(ast::Expr::new(ExprKind::Attached(0), span));
        let select = Select {
            distinct: None,
            items: vec![SelectItem::Expr { expr: item, alias: None }],
            from: None,
            filter: None,
            group_by: None,
            having: None,
            windows: Vec::new(),
            state_ttl: Vec::new(),
            span,
        };
        self.one_grouping(&select, Scoped::of(rel, None), &Sets::default())
    }

    /// `[NOT] IN (query)` and `[NOT] EXISTS (query)`.
    fn semi_join(&mut self, input: Scoped, term: &ast::Expr) -> Planned<Scoped> {
        let (negated, inner) = stripped(term);
        match &inner.kind {
            ExprKind::InQuery { operand, comparison, query } => {
                let Compared { right, equal, possible } = self.compared(&input, (operand, comparison), query, inner.span)?;
                // NOT IN is TRUE only where every comparison is FALSE.
                Ok(match negated {
                    true => semi(input, right, JoinKind::Anti, possible.unwrap_or(equal)),
                    false => semi(input, right, JoinKind::Semi, equal),
                })
            }
            ExprKind::Exists(query) => {
                let (right, condition) = self.subquery(&input, query, None)?;
                Ok(semi(input, right, if negated { JoinKind::Anti } else { JoinKind::Semi }, condition))
            }
            _ => Err(PlanError::new(Code::Unsupported, "this subquery is not supported here").at(term.span)),
        }
    }

    /// What `operand IN (query)` or `operand > ANY (query)` compares, over the columns of `input` and behind them the query's.
    pub(crate) fn compared(
        &mut self,
        input: &Scoped,
        (operand, comparison): (&ast::Expr, &str),
        query: &Query,
        span: Span,
    ) -> Planned<Compared> {
        let operands: Vec<&ast::Expr> = match &operand.kind {
            ExprKind::Call(row) if row.name.text == "ROW" => row.args.iter().collect(),
            _ => vec![operand],
        };
        let mut bound = Vec::with_capacity(operands.len());
        for operand in &operands {
            let mut binder = ExprBinder { scope: &input.scope, schema: &input.rel.schema, grouping: None, clause: "WHERE" };
            bound.push(binder.bind(operand)?);
        }
        let (right, condition) = self.subquery(input, query, Some((bound.len(), span)))?;
        let width = input.rel.schema.len();
        let (mut equal, mut possible, mut unknown) = (condition.clone(), condition, false);
        for (at, operand) in bound.into_iter().enumerate() {
            let column = Expr::column(width + at, right.schema.fields[at].ty.clone());
            let same = call::resolve(comparison, vec![operand.clone(), column.clone()], span)?;
            let nullable = operand.ty.nullable || column.ty.nullable;
            unknown |= nullable;
            possible.push(if nullable { or_unknown(operand, column, same.clone(), span)? } else { same.clone() });
            equal.push(same);
        }
        Ok(Compared { right, equal, possible: unknown.then_some(possible) })
    }

    /// The rows of a subquery, and what they must meet besides; `columns`: how many the SELECT list must have.
    pub(crate) fn subquery(&mut self, outer: &Scoped, query: &Query, columns: Option<(usize, Span)>) -> Planned<(Rel, Vec<Expr>)> {
        let warnings = self.warnings.len();
        let alone = match self.nested(query.span, |binder| binder.query(query)) {
            Ok(rel) => {
                counted(rel.schema.len(), columns)?;
                return Ok((rel, Vec::new()));
            }
            Err(error) => error,
        };
        self.warnings.truncate(warnings);
        let (correlated, select) = self.correlated(query, outer, alone)?;
        if columns.is_none() {
            // What EXISTS selects does not matter, but must be there.
            if let Err(error) = correlated.items(&select)
                && error.is_unknown_name()
            {
                return Err(error);
            }
            return Ok((correlated.inner, correlated.condition));
        }
        let (items, _) = correlated.items(&select)?;
        counted(items.len(), columns)?;
        correlated.behind_items(&items, &outer.rel.schema, query.span)
    }
}

/// Whether a subquery has as many columns as it must have.
fn counted(found: usize, columns: Option<(usize, Span)>) -> Planned<()> {
    let Some((count, span)) = columns.filter(|(count, _)| *count != found) else { return Ok(()) };
    let message = format!("IN compares {count} value{}, but the query has {found} columns", if count == 1 { "" } else { "s" });
    Err(PlanError::new(Code::ColumnCount, message).at(span))
}

impl Correlated {
    /// Its rows with what IN compares in front, and the condition, which reads the rest.
    fn behind_items(self, items: &[Expr], outer: &Schema, span: Span) -> Planned<(Rel, Vec<Expr>)> {
        let width = outer.len();
        if items.iter().any(|item| columns_of(item).iter().any(|column| *column < width)) {
            let message = "the column that IN compares with must be of the subquery's own tables";
            return Err(PlanError::new(Code::Unsupported, message).at(span));
        }
        let own: Vec<Expr> = self.inner.columns();
        let below = |item: &Expr| map_columns(item, &|index| own.get(index - width).cloned());
        let Some(mut exprs) = items.iter().map(below).collect::<Option<Vec<_>>>() else {
            return Err(PlanError::new(Code::Unsupported, "this subquery is not supported here").at(span));
        };
        let shift = exprs.len();
        exprs.extend(own);
        let names = (0..exprs.len()).map(|at| format!("$in{at}")).collect();
        let rel = self.inner.project(exprs, names);
        let moved = self.condition.iter().filter_map(|term| {
            map_columns(term, &|index| {
                if index < width {
                    return Some(Expr::column(index, outer.fields.get(index)?.ty.clone()));
                }
                Some(Expr::column(index + shift, rel.schema.fields.get(index - width + shift)?.ty.clone()))
            })
        });
        let moved = moved.collect();
        Ok((rel, moved))
    }
}

fn semi(input: Scoped, right: Rel, kind: JoinKind, condition: Vec<Expr>) -> Scoped {
    let join = JoinRel { left: input.rel, right, kind, condition: all_of(condition), as_of: None, state_ttl: [None; 2] };
    Scoped { rel: join.into_rel(), scope: input.scope }
}

/// `a = b`, or one of them is NULL.
pub(crate) fn or_unknown(a: Expr, b: Expr, equal: Expr, span: Span) -> Planned<Expr> {
    let mut terms = Vec::new();
    for side in [a, b] {
        if side.ty.nullable {
            terms.push(call::resolve("IS NULL", vec![side], span)?);
        }
    }
    terms.push(equal);
    Ok(Expr { node: ExprNode::Or(terms), ty: TypeKind::Boolean.nullable() })
}

/// The terms that AND joins.
pub(crate) fn conjuncts(expr: &ast::Expr) -> Vec<&ast::Expr> {
    match &expr.kind {
        ExprKind::And(terms) => terms.iter().flat_map(conjuncts).collect(),
        _ => vec![expr],
    }
}

/// Whether NOTs are around it, an odd number of them, and what is inside.
pub(crate) fn stripped(expr: &ast::Expr) -> (bool, &ast::Expr) {
    match &expr.kind {
        ExprKind::Not(inner) => {
            let (negated, inner) = stripped(inner);
            (!negated, inner)
        }
        _ => (false, expr),
    }
}

/// Whether it is IN or EXISTS, perhaps under NOT.
pub(crate) fn is_predicate(expr: &ast::Expr) -> bool {
    matches!(stripped(expr).1.kind, ExprKind::InQuery { .. } | ExprKind::Exists(_))
}

pub(crate) fn holds_subquery(expr: &ast::Expr) -> bool {
    matches!(expr.kind, ExprKind::InQuery { .. } | ExprKind::Exists(_) | ExprKind::Subquery(_))
}

/// Whether a SELECT list holds subqueries.
pub(crate) fn in_items(select: &Select) -> bool {
    let holds = |item: &SelectItem| match item {
        SelectItem::Expr { expr, .. } => expr.any(&holds_subquery),
        SelectItem::Star { .. } => false,
    };
    select.items.iter().any(holds)
}

/// The value of the only row, which fails the job where there are more. Source: Calcite's `SINGLE_VALUE`.
pub(crate) fn single(value: ast::Expr) -> ast::Expr {
    let span = value.span;
    let call = |name: &str, args: Vec<ast::Expr>| {
        let star = args.is_empty();
        let name = Name { text: name.to_owned(), span };
        ast::Expr::new(ExprKind::Call(Box::new(ast::Call { name, args, star, distinct: false, filter: None, over: None })), span)
    };
    call("$SINGLE", vec![call("LAST_VALUE", vec![value]), call("COUNT", Vec::new())])
}

/// Whether a relation has one row at most.
fn is_one_row(rel: &Rel) -> bool {
    match &rel.node {
        RelNode::GroupAggregate { spec, .. } => spec.keys.is_empty(),
        RelNode::Values(rows) => rows.len() == 1,
        RelNode::Project { input, .. } => is_one_row(input),
        RelNode::Limit { count, .. } => *count <= 1,
        RelNode::Rank { spec, .. } => spec.partition_by.is_empty() && spec.start == spec.end,
        _ => false,
    }
}
