//! Conditions: the terms that must all be TRUE, and whether an expression may be computed twice.

use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::types::TypeKind;

const VOLATILE: [&str; 16] = [
    "RAND",
    "RAND_INTEGER",
    "UUID",
    "NOW",
    "PROCTIME",
    "CURRENT_TIMESTAMP",
    "CURRENT_DATE",
    "CURRENT_TIME",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "CURRENT_ROW_TIMESTAMP",
    "CURRENT_WATERMARK",
    "UNIX_TIMESTAMP",
    "CURRENT_USER",
    "CURRENT_DATABASE",
    "STREAMRECORD_TIMESTAMP",
];

/// TRUE.
pub(crate) fn always() -> Expr {
    Expr::literal(Value::Boolean(true), TypeKind::Boolean.not_null())
}

/// The terms that are all to be true.
pub(crate) fn terms(condition: &Expr) -> Vec<Expr> {
    match &condition.node {
        ExprNode::And(terms) => terms.iter().flat_map(self::terms).collect(),
        ExprNode::Or(branches) => factored(branches).unwrap_or_else(|| vec![condition.clone()]),
        ExprNode::Literal(Value::Boolean(true)) => Vec::new(),
        _ => vec![condition.clone()],
    }
}

/// `a AND b OR a AND c` as `a` and `b OR c`: what every branch demands is demanded whichever is taken, and may be a join's key.
fn factored(branches: &[Expr]) -> Option<Vec<Expr>> {
    let mut branches: Vec<Vec<Expr>> = branches.iter().map(terms).collect();
    let (first, others) = branches.split_first()?;
    let mut common: Vec<Expr> = Vec::new();
    for term in first {
        if !common.contains(term) && others.iter().all(|branch| branch.contains(term)) && !is_volatile(term) {
            common.push(term.clone());
        }
    }
    if common.is_empty() {
        return None;
    }
    branches.iter_mut().for_each(|branch| branch.retain(|term| !common.contains(term)));
    if branches.iter().all(|branch| !branch.is_empty()) {
        common.push(any_of(branches.into_iter().map(all_of).collect()));
    }
    Some(common)
}

/// That all terms are true.
pub(crate) fn all_of(terms: Vec<Expr>) -> Expr {
    joined(terms, ExprNode::And).unwrap_or_else(always)
}

/// That at least one term is true.
pub(crate) fn any_of(terms: Vec<Expr>) -> Expr {
    joined(terms, ExprNode::Or).unwrap_or_else(|| Expr::literal(Value::Boolean(false), TypeKind::Boolean.not_null()))
}

/// The terms under one AND or OR; a term alone is itself.
fn joined(mut terms: Vec<Expr>, node: fn(Vec<Expr>) -> ExprNode) -> Option<Expr> {
    if terms.len() < 2 {
        return terms.pop();
    }
    let nullable = terms.iter().any(|term| term.ty.nullable);
    Some(Expr { node: node(terms), ty: TypeKind::Boolean.nullable().with_nullable(nullable) })
}

/// Whether computing the expression twice may give two results.
pub(crate) fn is_volatile(expr: &Expr) -> bool {
    let here = matches!(&expr.node, ExprNode::Call { function, .. } if VOLATILE.contains(&function.as_str()));
    here || expr.children().into_iter().any(is_volatile)
}
