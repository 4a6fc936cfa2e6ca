//! Constants: an expression without columns is computed once, by the evaluator that would run it.
//!
//! What fails when folded stays as it is, and fails when (and if) it runs. What depends on the clock or on chance is left alone.

use irmak_common::expr::Expr;
use irmak_functions::Environment;

use crate::algebra::{Rel, RelNode};

/// The expression with its constant parts computed.
pub(crate) fn fold(expr: Expr, environment: &Environment) -> Expr {
    irmak_functions::simplified(&expr, environment)
}

/// Every expression of a relation.
pub(crate) fn all(rel: Rel, environment: &Environment) -> Rel {
    let mut rel = rel.over(&mut |input| all(input, environment));
    match &mut rel.node {
        RelNode::Watermark { spec, .. } => spec.expr = fold(spec.expr.clone(), environment),
        RelNode::Project { exprs, .. } => exprs.iter_mut().for_each(|expr| *expr = fold(expr.clone(), environment)),
        RelNode::Unnest { spec, .. } => spec.collection = fold(spec.collection.clone(), environment),
        RelNode::Match { spec, .. } => spec.exprs_mut().for_each(|matched| matched.expr = fold(matched.expr.clone(), environment)),
        RelNode::Filter { predicate, .. } => *predicate = fold(predicate.clone(), environment),
        _ => {}
    }
    rel
}
