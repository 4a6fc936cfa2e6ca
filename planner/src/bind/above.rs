//! Subqueries beside aggregates: scalar ones in SELECT and HAVING, IN and EXISTS as terms of HAVING. They do not look outside.
//!
//! They are joined to what the aggregate gives. Until its width is known, their columns have provisional numbers
//! ([`super::group::ATTACHED`]).

use irmak_common::expr::Expr;
use irmak_common::join_spec::JoinKind;

use crate::algebra::Rel;
use crate::ast::{self, ExprKind, Select, SelectItem};
use crate::condition::{all_of, always};
use crate::error::{Code, PlanError, Planned, Span};
use crate::join::JoinRel;

use super::Binder;
use super::expr::ExprBinder;
use super::group::ATTACHED;
use super::scope::Scoped;
use super::subquery::{self, or_unknown};
use super::{call, select::one_row};

/// A term of HAVING that is a subquery's.
struct Term {
    negated: bool,
    /// `=` for IN.
    comparison: &'static str,
    /// What IN compares; none for EXISTS.
    operands: Vec<ast::Expr>,
    bound: Vec<Expr>,
    right: Rel,
    span: Span,
}

/// What is to be joined above an aggregate.
#[derive(Default)]
pub(crate) struct Above {
    scalars: Vec<Rel>,
    terms: Vec<Term>,
}

impl Binder<'_> {
    /// A grouped SELECT without its subqueries, and these.
    pub(crate) fn take_above(&mut self, select: &Select) -> Planned<(Select, Above)> {
        let (mut select, mut above) = (select.clone(), Above::default());
        for item in &mut select.items {
            if let SelectItem::Expr { expr, .. } = item {
                self.take_scalars(expr, &mut above)?;
            }
        }
        if !select.having.as_ref().is_some_and(|having| having.any(&subquery::holds_subquery)) {
            return Ok((select, above));
        }
        let Some(having) = select.having.take() else { return Ok((select, above)) };
        let (terms, others): (Vec<_>, Vec<_>) = subquery::conjuncts(&having).into_iter().cloned().partition(subquery::is_predicate);
        for term in &terms {
            let taken = self.take_term(term)?;
            above.terms.push(taken);
        }
        let mut others = others;
        for term in &mut others {
            self.take_scalars(term, &mut above)?;
        }
        select.having = (!others.is_empty()).then(|| ast::Expr::new(ExprKind::And(others), having.span));
        Ok((select, above))
    }

    fn take_scalars(&mut self, expr: &mut ast::Expr, above: &mut Above) -> Planned<()> {
        if let ExprKind::Subquery(query) = &expr.kind {
            let rel = self.scalar(query, expr.span)?;
            let column = Expr::column(ATTACHED + above.scalars.len(), rel.schema.fields[0].ty.with_nullable(true));
            above.scalars.push(rel);
            expr.kind = ExprKind::Bound(Box::new(column));
            return Ok(());
        }
        expr.children_mut().into_iter().try_for_each(|child| self.take_scalars(child, above))
    }

    fn take_term(&mut self, term: &ast::Expr) -> Planned<Term> {
        let (negated, inner) = subquery::stripped(term);
        let outer = Scoped::of(one_row(), None);
        let (operands, comparison, query) = match &inner.kind {
            ExprKind::InQuery { operand, comparison, query } => match &operand.kind {
                ExprKind::Call(row) if row.name.text == "ROW" => (row.args.clone(), *comparison, query),
                _ => (vec![(**operand).clone()], *comparison, query),
            },
            ExprKind::Exists(query) => (Vec::new(), "=", query),
            _ => return Err(PlanError::new(Code::Unsupported, "this subquery is not supported here").at(term.span)),
        };
        let columns = (!operands.is_empty()).then_some((operands.len(), inner.span));
        let (right, condition) = self.subquery(&outer, query, columns)?;
        if !condition.is_empty() {
            return Err(PlanError::new(Code::Unsupported, "a subquery in HAVING cannot look outside itself").at(inner.span));
        }
        Ok(Term { negated, comparison, operands, bound: Vec::new(), right, span: inner.span })
    }
}

impl Above {
    /// Binds what IN compares, above the aggregate.
    pub(crate) fn bind(&mut self, binder: &mut ExprBinder<'_>) -> Planned<()> {
        for term in &mut self.terms {
            term.bound = binder.all(&term.operands)?;
        }
        Ok(())
    }

    /// Each expression that is over the aggregate's columns.
    pub(crate) fn each(&mut self, change: &mut impl FnMut(&mut Expr)) {
        self.terms.iter_mut().flat_map(|term| &mut term.bound).for_each(change);
    }

    /// The aggregate's rows with all scalars behind them.
    pub(crate) fn scalars(&mut self, mut rel: Rel) -> Rel {
        for right in self.scalars.drain(..) {
            rel = JoinRel { left: rel, right, kind: JoinKind::Left, condition: always(), as_of: None, state_ttl: [None; 2] }.into_rel();
        }
        rel
    }

    /// The rows that the terms of HAVING leave.
    pub(crate) fn terms(self, mut rel: Rel) -> Planned<Rel> {
        for Term { negated, comparison, bound, right, span, .. } in self.terms {
            let width = rel.schema.len();
            let mut condition = Vec::with_capacity(bound.len());
            for (at, operand) in bound.into_iter().enumerate() {
                let column = Expr::column(width + at, right.schema.fields[at].ty.clone());
                let equal = call::resolve(comparison, vec![operand.clone(), column.clone()], span)?;
                let unknown = negated && (operand.ty.nullable || column.ty.nullable);
                condition.push(if unknown { or_unknown(operand, column, equal, span)? } else { equal });
            }
            let kind = if negated { JoinKind::Anti } else { JoinKind::Semi };
            rel = JoinRel { left: rel, right, kind, condition: all_of(condition), as_of: None, state_ttl: [None; 2] }.into_rel();
        }
        Ok(rel)
    }
}
