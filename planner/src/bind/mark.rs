//! What IN or EXISTS answers for each row, as a column: for places where it is more than a term of WHERE (under OR, in CASE, in SELECT).
//!
//! The rows that have a match are a SEMI join, those that have none an ANTI join. Each adds its answer, and together they are the rows
//! again. Where IN may answer UNKNOWN, the rows that match only if a NULL did are a third part.

use irmak_common::expr::{Expr, Value};
use irmak_common::join_spec::JoinKind;
use irmak_common::types::TypeKind;

use crate::algebra::{Rel, RelNode};
use crate::ast::{self, ExprKind};
use crate::condition::all_of;
use crate::error::{Code, PlanError, Planned};
use crate::join::JoinRel;

use super::Binder;
use super::scope::{ScopeColumn, Scoped};

/// How many answers one SELECT may hold: each multiplies the joins below the next.
const MARKS_MAX: usize = 4;

/// What rows of one part must do, and what the answer is for them.
struct Part {
    joins: Vec<(JoinKind, Vec<Expr>)>,
    answer: Option<bool>,
}

impl Binder<'_> {
    /// The rows of `input` with the answer of IN or EXISTS behind them, and the answer's column.
    pub(crate) fn mark(&mut self, input: Scoped, expr: &ast::Expr) -> Planned<(Scoped, usize)> {
        let taken = input.scope.columns.iter().filter(|column| column.name.starts_with("$mark")).count();
        if taken >= MARKS_MAX {
            let message = format!("more than {MARKS_MAX} of IN (subquery) and EXISTS under OR, in CASE and in SELECT");
            return Err(PlanError::new(Code::TooDeep, message).at(expr.span).label("split the query with a view"));
        }
        let (right, parts) = match &expr.kind {
            ExprKind::InQuery { operand, comparison, query } => {
                let compared = self.compared(&input, (operand, comparison), query, expr.span)?;
                (compared.right, parts(compared.equal, compared.possible))
            }
            ExprKind::Exists(query) => {
                let (right, condition) = self.subquery(&input, query, None)?;
                (right, parts(condition, None))
            }
            _ => return Err(PlanError::new(Code::Unsupported, "this subquery is not supported here").at(expr.span)),
        };
        let Scoped { rel, mut scope } = input;
        let column = rel.schema.len();
        let nullable = parts.iter().any(|part| part.answer.is_none());
        let inputs: Vec<Rel> = parts.into_iter().map(|part| answered(&rel, &right, part, nullable)).collect();
        let Some(schema) = inputs.first().map(|rel| rel.schema.clone()) else { return Ok((Scoped { rel, scope }, column)) };
        scope.columns.push(ScopeColumn { database: None, relation: None, name: format!("$mark{column}"), hidden: true });
        Ok((Scoped { rel: Rel { node: RelNode::Union(inputs), schema }, scope }, column))
    }
}

/// The parts of the rows, by what matches surely and what perhaps.
fn parts(equal: Vec<Expr>, possible: Option<Vec<Expr>>) -> Vec<Part> {
    let mut parts = vec![Part { joins: vec![(JoinKind::Semi, equal.clone())], answer: Some(true) }];
    let none = match possible {
        Some(possible) => {
            parts.push(Part { joins: vec![(JoinKind::Anti, equal), (JoinKind::Semi, possible.clone())], answer: None });
            possible
        }
        None => equal,
    };
    parts.push(Part { joins: vec![(JoinKind::Anti, none)], answer: Some(false) });
    parts
}

fn answered(rel: &Rel, right: &Rel, part: Part, nullable: bool) -> Rel {
    let mut names: Vec<String> = rel.schema.fields.iter().map(|field| field.name.clone()).collect();
    names.push(format!("$mark{}", names.len()));
    let mut rel = rel.clone();
    for (kind, condition) in part.joins {
        rel = JoinRel { left: rel, right: right.clone(), kind, condition: all_of(condition), as_of: None, state_ttl: [None; 2] }.into_rel();
    }
    let mut exprs = rel.columns();
    exprs.push(match part.answer {
        Some(answer) => Expr::literal(Value::Boolean(answer), TypeKind::Boolean.not_null().with_nullable(nullable)),
        None => Expr::null(TypeKind::Boolean),
    });
    rel.project(exprs, names)
}
