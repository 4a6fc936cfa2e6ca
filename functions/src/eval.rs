//! Evaluation: an expression becomes a tree of kernels, run over batches.
//!
//! Constant operands stay scalars, and a subtree of constants is computed once, when it is compiled; one that fails is kept and
//! fails when rows come. AND, OR and CASE are lazy where an operand may refuse a value: it is computed only for the rows that
//! need it. Nothing else here knows what a function means.

mod lazy;
mod node;
mod simplify;
#[cfg(test)]
mod tests;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::record_batch::RecordBatch;
use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::time::Millis;
use irmak_common::types::LogicalType;
use std::fmt;
use std::sync::Arc;

use crate::column::internal;
use crate::environment::Environment;
use crate::error::{EvalError, FunctionError};
use node::{Node, Rows};
pub use simplify::simplified;

/// An expression, ready to run. Cheap to clone, shared between threads.
#[derive(Clone)]
pub struct Evaluator {
    node: Arc<Node>,
    ty: LogicalType,
}

impl fmt::Debug for Evaluator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Evaluator({})", self.ty)
    }
}

/// Prepares an expression: functions are looked up, constants become scalars, patterns and zones are parsed.
///
/// # Errors
/// When the expression is none that [`crate::resolve`] would have let through.
pub fn compile(expr: &Expr, env: &Environment) -> Result<Evaluator, FunctionError> {
    let simple = simplify::simplify(expr, env)?;
    Ok(Evaluator { node: Arc::new(Node::compile(&simple, env)?), ty: expr.ty.clone() })
}

/// The value of an expression without columns, by the same code that runs it over batches.
///
/// # Errors
/// As [`Evaluator::evaluate`]; a caller that folds constants keeps the expression then, so that it fails when (and if) it runs.
/// Also for expressions that have no one value: with columns, or as `RAND()` and `PROCTIME()`.
pub fn fold(expr: &Expr, env: &Environment) -> Result<Value, EvalError> {
    let simple = simplify::simplify(expr, env)?;
    match simple.node {
        ExprNode::Literal(value) => Ok(value),
        _ => match simplify::evaluate_constant(&simple, env)? {
            Some(value) => Ok(value),
            None => Err(EvalError::new("constant", "the expression has no constant value")),
        },
    }
}

impl Evaluator {
    /// The expression's column over the batch: of Arrow type `expr.ty.kind.to_arrow()`, one value a row. `now` is processing
    /// time, for `PROCTIME()` and `CURRENT_TIMESTAMP` and their like.
    ///
    /// # Errors
    /// When a strict cast or a function refuses a value; the first such row is named.
    pub fn evaluate(&self, batch: &RecordBatch, now: Millis) -> Result<ArrayRef, EvalError> {
        self.evaluate_behind(batch, now, None)
    }

    /// The same for rows that this watermark precedes: what `CURRENT_WATERMARK` tells them.
    ///
    /// # Errors
    /// As [`Evaluator::evaluate`].
    pub fn evaluate_behind(&self, batch: &RecordBatch, now: Millis, watermark: Option<Millis>) -> Result<ArrayRef, EvalError> {
        let mut rows = Rows::of_batch(batch, now);
        rows.watermark = watermark;
        self.node.evaluate(&rows)?.into_rows(batch.num_rows())
    }

    /// The rows where a BOOLEAN expression is TRUE: never null, NULL counts as FALSE.
    ///
    /// # Errors
    /// As [`Evaluator::evaluate`].
    pub fn select(&self, batch: &RecordBatch, now: Millis) -> Result<BooleanArray, EvalError> {
        self.select_behind(batch, now, None)
    }

    /// The same for rows that this watermark precedes.
    ///
    /// # Errors
    /// As [`Evaluator::evaluate`].
    pub fn select_behind(&self, batch: &RecordBatch, now: Millis, watermark: Option<Millis>) -> Result<BooleanArray, EvalError> {
        let array = self.evaluate_behind(batch, now, watermark)?;
        let selected = array.as_boolean_opt().ok_or_else(|| internal(format!("a condition of type {}", self.ty)))?;
        Ok(match selected.nulls() {
            Some(nulls) if selected.null_count() > 0 => BooleanArray::new(selected.values() & nulls.inner(), None),
            _ => BooleanArray::new(selected.values().clone(), None),
        })
    }
}
