//! What goes wrong: while a call is resolved, while an expression is compiled, while a value is computed.

use thiserror::Error;

/// No function of this name takes these arguments.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct SignatureError {
    /// One sentence, lower case, no full stop.
    pub message: String,
    /// What would be accepted, where that can be said: `<STRING> || <STRING>`.
    pub accepted: Option<String>,
}

impl SignatureError {
    /// A sentence without a remedy.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), accepted: None }
    }

    /// The same with what would be accepted.
    #[must_use]
    pub fn accepting(mut self, accepted: impl Into<String>) -> Self {
        self.accepted = Some(accepted.into());
        self
    }
}

/// An expression that cannot be run: the planner and this crate disagree, or an option is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FunctionError {
    /// No such function: [`crate::resolve`] would have said so.
    #[error("function {0} is unknown; SHOW FUNCTIONS lists what exists")]
    Unknown(String),
    /// The arguments are not of the types that [`crate::resolve`] asked for.
    #[error("{function}: {message}")]
    Arguments {
        /// Which function.
        function: String,
        /// What is wrong.
        message: String,
    },
    /// A cast that [`crate::castable`] refuses.
    #[error("cannot cast {from} to {to}")]
    Cast {
        /// Summary of the input's type.
        from: String,
        /// Summary of the wanted type.
        to: String,
    },
    /// A zone that the tz database does not have.
    #[error("`{0}` is no time zone; a zone is a name of the tz database (Europe/Istanbul), UTC or an offset (+03:00)")]
    Zone(String),
    /// A constant that is not of its type.
    #[error("constant {value} is not of type {ty}")]
    Literal {
        /// The value, as text.
        value: String,
        /// Summary of the type.
        ty: String,
    },
}

/// A value that a function refuses at run time: the job fails with it, and says which record it was.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{function}: {message}")]
pub struct EvalError {
    /// Function or cast: `CAST(STRING AS INT)`.
    pub function: String,
    /// The value that failed, as text, where one did.
    pub value: Option<String>,
    /// In Flink's words where it has some: `For input string: 'abc'. Invalid character found.`
    pub message: String,
    /// The row in the batch, from 0, so that the caller can name the record.
    pub row: Option<usize>,
}

impl EvalError {
    /// A refusal at a row.
    pub fn new(function: impl Into<String>, message: impl Into<String>) -> Self {
        Self { function: function.into(), value: None, message: message.into(), row: None }
    }

    /// The same, naming the value.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// The same, at this row of the batch.
    #[must_use]
    pub fn at(mut self, row: usize) -> Self {
        self.row = Some(row);
        self
    }
}

impl From<FunctionError> for EvalError {
    fn from(error: FunctionError) -> Self {
        Self::new("expression", error.to_string())
    }
}
