//! What a function is: its names, its signature, how its kernel is made. Knows none by name; [`crate::registry`] lists them.

use std::sync::Arc;

use arrow::array::ArrayRef;
use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::time::Millis;
use irmak_common::types::LogicalType;

use crate::column::Column;
use crate::environment::Environment;
use crate::error::{EvalError, FunctionError};
use crate::signature::{Arg, Signature};

/// What a call costs the laziness of AND, OR and CASE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nature {
    /// Never fails: may be computed for rows that do not need it.
    Total,
    /// May refuse a value: computed only where it counts.
    Partial,
    /// Differs between calls (`RAND`, `UUID`) or with processing time: never folded.
    Volatile,
    /// Without arguments it tells processing time: one value an evaluation, never folded. With arguments it is total.
    Clock,
}

/// Computes a column from the operands' columns. All constant: one row, of which a constant is made.
pub(crate) type Kernel = Arc<dyn Fn(&[Column], &Scope) -> Result<ArrayRef, EvalError> + Send + Sync>;

/// The circumstances of one evaluation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scope {
    /// How many rows come out.
    pub(crate) rows: usize,
    /// Processing time.
    pub(crate) now: Millis,
    /// Event time, where the operator knows of any.
    pub(crate) watermark: Option<Millis>,
}

/// What a kernel is made for.
pub(crate) struct Call<'a> {
    /// The function's own name.
    pub(crate) function: &'static str,
    /// The operands, for their types and constants.
    pub(crate) args: &'a [Expr],
    /// The result's type.
    pub(crate) ty: &'a LogicalType,
    /// The session.
    pub(crate) env: &'a Environment,
}

impl Call<'_> {
    /// The type of an operand.
    pub(crate) fn arg(&self, at: usize) -> Result<&LogicalType, FunctionError> {
        self.args.get(at).map(|arg| &arg.ty).ok_or_else(|| self.wrong(format!("argument {} is missing", at + 1)))
    }

    /// The constant value of an operand.
    pub(crate) fn literal(&self, at: usize) -> Option<&Value> {
        match &self.args.get(at)?.node {
            ExprNode::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// The constant text of an operand: symbols and patterns.
    pub(crate) fn text(&self, at: usize) -> Option<&str> {
        match self.literal(at)? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The refusal of arguments that `resolve` would not have let through.
    pub(crate) fn wrong(&self, message: impl Into<String>) -> FunctionError {
        FunctionError::Arguments { function: self.function.into(), message: message.into() }
    }
}

/// The check of a call's arguments.
pub(crate) type Check = fn(&[Arg<'_>]) -> Signature;

/// What makes a call's kernel.
pub(crate) type Make = fn(&Call<'_>) -> Result<Kernel, FunctionError>;

/// One function or operator.
pub(crate) struct Function {
    /// Its own name, upper case.
    pub(crate) name: &'static str,
    /// Other names that it goes by.
    pub(crate) aliases: &'static [&'static str],
    /// Whether and when it may be computed early.
    pub(crate) nature: Nature,
    /// The check of its arguments.
    pub(crate) signature: Check,
    /// Its meaning.
    pub(crate) kernel: Make,
}

impl Function {
    pub(crate) const fn total(name: &'static str, signature: Check, kernel: Make) -> Self {
        Self { name, aliases: &[], nature: Nature::Total, signature, kernel }
    }

    pub(crate) const fn partial(name: &'static str, signature: Check, kernel: Make) -> Self {
        Self { name, aliases: &[], nature: Nature::Partial, signature, kernel }
    }

    pub(crate) const fn volatile(name: &'static str, signature: Check, kernel: Make) -> Self {
        Self { name, aliases: &[], nature: Nature::Volatile, signature, kernel }
    }

    pub(crate) const fn clock(name: &'static str, signature: Check, kernel: Make) -> Self {
        Self { name, aliases: &[], nature: Nature::Clock, signature, kernel }
    }

    /// The same under more names.
    pub(crate) const fn also(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }
}

/// A kernel of a closure.
pub(crate) fn kernel(
    run: impl Fn(&[Column], &Scope) -> Result<ArrayRef, EvalError> + Send + Sync + 'static,
) -> Result<Kernel, FunctionError> {
    Ok(Arc::new(run))
}
