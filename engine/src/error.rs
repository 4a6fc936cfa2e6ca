//! What goes wrong in an operator: what, where, and what to do. The task that runs it adds the operator's name.

use arrow::error::ArrowError;
use irmak_functions::{EvalError, FunctionError};
use thiserror::Error;

/// A failure of an operator. All but [`EngineError::Null`], [`EngineError::Match`], [`EngineError::Evaluation`] and
/// [`EngineError::TooLarge`] mean that two parts of Irmak disagree: the planner, the operator, or the state of an older job.
#[derive(Debug, Error)]
pub enum EngineError {
    /// An operator that this engine does not run (yet).
    #[error("{what} is not supported; {instead}")]
    Unsupported {
        /// What was asked for.
        what: String,
        /// What can be done instead.
        instead: String,
    },
    /// A plan that contradicts itself.
    #[error("the plan is wrong: {message}; please report it together with the statement")]
    Plan {
        /// What contradicts what.
        message: String,
    },
    /// An expression that cannot be run.
    #[error("expression number {index} cannot be run")]
    Expression {
        /// Its position in the operator, from 0.
        index: usize,
        /// Why.
        source: FunctionError,
    },
    /// A value that an expression refuses.
    #[error("expression number {index} failed{}", .source.row.map_or(String::new(), |row| format!(" at row {row} of its batch")))]
    Evaluation {
        /// Its position in the operator, from 0.
        index: usize,
        /// Which value, and why.
        source: EvalError,
    },
    /// A NULL where event time is read. Flink's words first.
    #[error(
        "RowTime field should not be null, please convert it to a non-null long value. (Column `{column}`, row {row} of its batch; filter such rows out, or declare the watermark on an expression that is never NULL.)"
    )]
    Null {
        /// The rowtime column.
        column: String,
        /// The row in the batch, from 0.
        row: usize,
    },
    /// A batch that is not of the declared schema.
    #[error("column {column} has the Arrow type {found}, {expected} was declared; please report it together with the statement")]
    Column {
        /// Position.
        column: usize,
        /// What was declared.
        expected: String,
        /// What came.
        found: String,
    },
    /// State that cannot be read.
    #[error("the restored state cannot be used: {message}; start the job without it, or with the statement that wrote it")]
    State {
        /// Why.
        message: String,
    },
    /// AFTER MATCH SKIP TO leads nowhere. Flink's words first.
    #[error("{message} (AFTER MATCH SKIP TO leads past the match's first row, to a variable that has a row in every match.)")]
    Match {
        /// What was asked for.
        message: String,
    },
    /// A bound was passed.
    #[error("{what} is larger than {bound}; use smaller windows or fewer distinct values")]
    TooLarge {
        /// What.
        what: String,
        /// The bound, in words.
        bound: String,
    },
    /// An operator of batch mode would have to keep more than it may.
    #[error("{operator} holds more than {bound} in one subtask; raise parallelism.default, or filter and aggregate before it")]
    Full {
        /// Flink's name of the operator.
        operator: String,
        /// The bound, in words.
        bound: String,
    },
    /// Arrow refused: a batch or array that should have fitted.
    #[error("{what} failed")]
    Arrow {
        /// What was being done.
        what: &'static str,
        /// Why.
        source: ArrowError,
    },
}

impl EngineError {
    /// A contradiction in the plan.
    pub(crate) fn plan(message: impl Into<String>) -> Self {
        Self::Plan { message: message.into() }
    }

    /// State that cannot be read.
    pub(crate) fn state(message: impl Into<String>) -> Self {
        Self::State { message: message.into() }
    }

    /// For `map_err`: what was being done when Arrow refused.
    pub(crate) fn arrow(what: &'static str) -> impl Fn(ArrowError) -> Self {
        move |source| Self::Arrow { what, source }
    }
}
