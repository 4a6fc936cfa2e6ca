//! Evaluation (interface first; kernels follow).

use arrow::array::{ArrayRef, BooleanArray};
use arrow::record_batch::RecordBatch;
use irmak_common::expr::{Expr, Value};
use irmak_common::time::Millis;

use crate::environment::Environment;
use crate::error::{EvalError, FunctionError};

/// An expression, ready to run. Cheap to clone, shared between threads.
#[derive(Clone, Debug)]
pub struct Evaluator {
    expr: Expr,
}

/// Prepares an expression: functions are looked up, constants become scalars, patterns and zones are parsed.
///
/// # Errors
/// When the expression is none that [`crate::resolve`] would have let through.
pub fn compile(expr: &Expr, _env: &Environment) -> Result<Evaluator, FunctionError> {
    Ok(Evaluator { expr: expr.clone() })
}

/// The value of an expression without columns, by the same code that runs it over batches.
///
/// # Errors
/// As [`Evaluator::evaluate`]; a caller that folds constants keeps the expression then, so that it fails when (and if) it runs.
pub fn fold(_expr: &Expr, _env: &Environment) -> Result<Value, EvalError> {
    Err(EvalError::new("fold", "not yet"))
}

impl Evaluator {
    /// The expression's column over the batch: of Arrow type `expr.ty.kind.to_arrow()`, one value a row. `now` is processing
    /// time, for `PROCTIME()` and `CURRENT_TIMESTAMP` and their like.
    ///
    /// # Errors
    /// When a strict cast or a function refuses a value; the first such row is named.
    pub fn evaluate(&self, _batch: &RecordBatch, _now: Millis) -> Result<ArrayRef, EvalError> {
        Err(EvalError::new("evaluate", format!("not yet: {}", self.expr.ty)))
    }

    /// The rows where a BOOLEAN expression is TRUE: never null, NULL counts as FALSE.
    ///
    /// # Errors
    /// As [`Evaluator::evaluate`].
    pub fn select(&self, _batch: &RecordBatch, _now: Millis) -> Result<BooleanArray, EvalError> {
        Err(EvalError::new("select", "not yet"))
    }
}
