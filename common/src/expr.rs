//! Expressions: typed, closed, resolved. What a checked query says, ready to be run over batches by `functions::eval`.
//!
//! Every node carries its result type, so that nobody infers it twice. Columns are positions in the input batch; names,
//! precedence and implicit casts are gone: the planner has written every cast out. Functions and operators are called by their
//! Flink name in upper case (`+`, `=`, `NOT`, `UPPER`); their meaning and the check of their arguments live in `functions`.

use serde::{Deserialize, Serialize};

use crate::types::{LogicalType, TypeKind};

/// A constant. Its type stands beside it, in the [`Expr`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    /// SQL NULL, of any type.
    Null,
    /// BOOLEAN
    Boolean(bool),
    /// TINYINT, SMALLINT, INT and BIGINT; year-month intervals (months), day-time intervals (milliseconds); DATE (days since the
    /// epoch); TIME (milliseconds of the day); TIMESTAMP and TIMESTAMP_LTZ (since the epoch, in the unit of `types::timestamp_unit`).
    Int(i64),
    /// FLOAT and DOUBLE.
    Float(#[serde(with = "float_text")] f64),
    /// DECIMAL: the unscaled value; the scale is the type's.
    Decimal(#[serde(with = "decimal_text")] i128),
    /// CHAR and VARCHAR.
    String(String),
    /// BINARY and VARBINARY.
    Bytes(Vec<u8>),
    /// ARRAY
    Array(Vec<Value>),
    /// MAP and MULTISET, entries in order.
    Map(Vec<(Value, Value)>),
    /// ROW
    Row(Vec<Value>),
}

/// How a cast meets a value that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CastMode {
    /// `CAST`, also an implicit one: the job fails, and says which value.
    Strict,
    /// `TRY_CAST`: NULL.
    Try,
}

/// What a node computes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ExprNode {
    /// A column of the input, by position.
    Column(usize),
    /// A constant.
    Literal(Value),
    /// The input as the node's type.
    Cast {
        /// What is cast.
        input: Box<Expr>,
        /// What happens to values that do not fit.
        mode: CastMode,
    },
    /// The value of the first branch whose condition is TRUE, else `otherwise`. Lazy: a branch is computed for its rows only.
    Case {
        /// (condition, value) in order; all values have the node's type.
        branches: Vec<(Expr, Expr)>,
        /// For the rows that no branch took; the planner writes `ELSE NULL` out.
        otherwise: Box<Expr>,
    },
    /// Three-valued AND over at least two operands, lazy from the left.
    And(Vec<Expr>),
    /// Three-valued OR over at least two operands, lazy from the left.
    Or(Vec<Expr>),
    /// A function or operator of `functions`, by its name there.
    Call {
        /// For example `+`, `IS NULL`, `UPPER`.
        function: String,
        /// Arguments, already cast as the function's signature wants them.
        args: Vec<Expr>,
    },
}

/// A node with its result type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expr {
    /// What it computes.
    pub node: ExprNode,
    /// Of which type.
    pub ty: LogicalType,
}

impl Expr {
    /// Column `index`, which has type `ty`.
    pub fn column(index: usize, ty: LogicalType) -> Self {
        Self { node: ExprNode::Column(index), ty }
    }

    /// A constant.
    pub fn literal(value: Value, ty: LogicalType) -> Self {
        Self { node: ExprNode::Literal(value), ty }
    }

    /// NULL of this type.
    pub fn null(kind: TypeKind) -> Self {
        Self::literal(Value::Null, kind.nullable())
    }

    /// A call.
    pub fn call(function: impl Into<String>, args: Vec<Expr>, ty: LogicalType) -> Self {
        Self { node: ExprNode::Call { function: function.into(), args }, ty }
    }

    /// A strict cast, or the expression itself where kind and nullability are right already.
    pub fn cast(self, ty: LogicalType) -> Self {
        if self.ty == ty {
            return self;
        }
        Self { node: ExprNode::Cast { input: Box::new(self), mode: CastMode::Strict }, ty }
    }

    /// The position, where the expression is nothing but a column.
    pub fn as_column(&self) -> Option<usize> {
        match self.node {
            ExprNode::Column(index) => Some(index),
            _ => None,
        }
    }

    /// The direct operands, in order of evaluation.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.node {
            ExprNode::Column(_) | ExprNode::Literal(_) => Vec::new(),
            ExprNode::Cast { input, .. } => vec![input],
            ExprNode::Case { branches, otherwise } => {
                branches.iter().flat_map(|(when, then)| [when, then]).chain([otherwise.as_ref()]).collect()
            }
            ExprNode::And(args) | ExprNode::Or(args) | ExprNode::Call { args, .. } => args.iter().collect(),
        }
    }

    /// The direct operands, to be changed.
    pub fn children_mut(&mut self) -> Vec<&mut Expr> {
        match &mut self.node {
            ExprNode::Column(_) | ExprNode::Literal(_) => Vec::new(),
            ExprNode::Cast { input, .. } => vec![input],
            ExprNode::Case { branches, otherwise } => {
                branches.iter_mut().flat_map(|(when, then)| [when, then]).chain([otherwise.as_mut()]).collect()
            }
            ExprNode::And(args) | ExprNode::Or(args) | ExprNode::Call { args, .. } => args.iter_mut().collect(),
        }
    }
}

/// Doubles as text, since JSON has no NaN and no infinity.
mod float_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// 128-bit integers as text, since JSON readers stop at 64 bits.
mod decimal_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &i128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i128, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_that_json_cannot_hold_survive_json() {
        for value in [Value::Float(f64::INFINITY), Value::Float(-0.0), Value::Decimal(i128::MAX), Value::Float(0.1 + 0.2)] {
            let text = serde_json::to_string(&value).unwrap();
            assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        }
    }
}
