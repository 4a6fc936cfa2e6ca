//! How deep a planned operator may be: it travels and is journaled as JSON, whose readers stop at 128 levels.
//!
//! Syntax is bounded by `limits::SQL_DEPTH_MAX`, but views and projections that are written into each other may add up, and a level
//! of an expression is several of JSON. A plan that could not be read again is refused here instead.

use irmak_common::expr::{Expr, ExprNode};
use irmak_common::job_graph::OperatorNode;
use irmak_common::operator_spec::OperatorSpec;

use crate::error::{Code, PlanError, Planned};

/// Levels of JSON that expressions may have: 128, less those of the graph and of types around them.
const LEVELS_MAX: usize = 108;

/// Refuses an operator whose expressions are too deep.
pub(crate) fn check(node: &OperatorNode) -> Planned<()> {
    let exprs: Vec<&Expr> = match &node.spec {
        OperatorSpec::Project { exprs } => exprs.iter().collect(),
        OperatorSpec::Filter { predicate } => vec![predicate],
        OperatorSpec::Watermark(spec) => vec![&spec.expr],
        OperatorSpec::Unnest(spec) => vec![&spec.collection],
        OperatorSpec::Join(spec) => spec.condition.iter().collect(),
        _ => return Ok(()),
    };
    if exprs.into_iter().all(|expr| levels(expr) <= LEVELS_MAX) {
        return Ok(());
    }
    Err(PlanError::new(Code::TooDeep, "an expression is nested too deep")
        .note("join long chains of one operator with parentheses in the middle, or with CONCAT"))
}

/// Levels of JSON that an expression takes.
fn levels(expr: &Expr) -> usize {
    let here = match &expr.node {
        ExprNode::Case { .. } => 5,
        ExprNode::Call { .. } => 4,
        _ => 3,
    };
    here + expr.children().into_iter().map(levels).max().unwrap_or(0)
}
