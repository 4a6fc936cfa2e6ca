//! What is wrong with a value, found deep inside of a record and named on the way out.

use super::cursor::Syntax;

/// What is wrong with a record.
pub(super) enum Fault {
    /// The record is no JSON from here on.
    Syntax(Syntax),
    /// JSON, but no value of the column's type.
    Value(Box<ValueFault>),
}

/// A value that does not fit its column.
pub(super) struct ValueFault {
    /// Where it begins in the record.
    pub(super) start: usize,
    pub(super) reason: String,
    /// The column, dotted for nested fields.
    pub(super) path: String,
}

impl From<Syntax> for Fault {
    fn from(syntax: Syntax) -> Self {
        Self::Syntax(syntax)
    }
}

impl Fault {
    pub(super) fn value(start: usize, reason: impl Into<String>) -> Self {
        Self::Value(Box::new(ValueFault { start, reason: reason.into(), path: String::new() }))
    }

    /// The same, inside of a field or element.
    pub(super) fn inside(self, name: &str) -> Self {
        match self {
            Self::Value(mut fault) => {
                fault.path = if fault.path.is_empty() { name.to_owned() } else { format!("{name}.{}", fault.path) };
                Self::Value(fault)
            }
            syntax => syntax,
        }
    }
}
