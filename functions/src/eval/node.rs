//! The tree that is run.

use std::borrow::Cow;

use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::filter;
use arrow::record_batch::RecordBatch;
use irmak_common::expr::{Expr, ExprNode};
use irmak_common::time::Millis;

use super::lazy;
use crate::cast::Cast;
use crate::column::{Column, arrow_error, internal};
use crate::constant;
use crate::environment::Environment;
use crate::error::{EvalError, FunctionError};
use crate::function::{Call, Kernel, Nature, Scope};
use crate::registry;
use crate::signature::Arg;

/// What is to be computed.
pub(super) enum Node {
    Column(usize),
    Constant(ArrayRef),
    Cast { input: Box<Node>, cast: Cast },
    And(Vec<Node>),
    Or(Vec<Node>),
    Case { branches: Vec<(Node, Node)>, otherwise: Box<Node> },
    Call { args: Vec<Node>, kernel: Kernel, nature: Nature },
}

impl Node {
    pub(super) fn compile(expr: &Expr, env: &Environment) -> Result<Self, FunctionError> {
        Ok(match &expr.node {
            ExprNode::Column(index) => Self::Column(*index),
            ExprNode::Literal(value) => Self::Constant(constant::to_array(value, &expr.ty)?),
            ExprNode::Cast { input, mode } => {
                let cast = Cast::new(&input.ty, &expr.ty, *mode, env)?;
                let input = Self::compile(input, env)?;
                if cast.is_identity() { input } else { Self::Cast { input: Box::new(input), cast } }
            }
            ExprNode::And(args) => Self::And(Self::compile_all(args, env)?),
            ExprNode::Or(args) => Self::Or(Self::compile_all(args, env)?),
            ExprNode::Case { branches, otherwise } => Self::Case {
                branches: branches.iter().map(|(when, then)| Ok((Self::compile(when, env)?, Self::compile(then, env)?))).collect::<Result<
                    _,
                    FunctionError,
                >>(
                )?,
                otherwise: Box::new(Self::compile(otherwise, env)?),
            },
            ExprNode::Call { function, args } => {
                let found = registry::find(function).ok_or_else(|| FunctionError::Unknown(function.clone()))?;
                let described: Vec<Arg<'_>> = args.iter().map(Arg::of_expr).collect();
                // Kernels rely on what signatures promise, and a job graph comes from another process.
                (found.signature)(&described).map_err(|_| FunctionError::Arguments {
                    function: function.clone(),
                    message: format!("does not take ({})", args.iter().map(|arg| arg.ty.to_string()).collect::<Vec<_>>().join(", ")),
                })?;
                let kernel = (found.kernel)(&Call { function: found.name, args, ty: &expr.ty, env })?;
                Self::Call { args: Self::compile_all(args, env)?, kernel, nature: found.nature }
            }
        })
    }

    fn compile_all(exprs: &[Expr], env: &Environment) -> Result<Vec<Self>, FunctionError> {
        exprs.iter().map(|expr| Self::compile(expr, env)).collect()
    }

    pub(super) fn evaluate(&self, rows: &Rows<'_>) -> Result<Column, EvalError> {
        match self {
            Self::Column(index) => rows.column(*index),
            Self::Constant(array) => Ok(Column::Constant(array.clone())),
            Self::Cast { input, cast } => input.evaluate(rows)?.map(|array| cast.run(array)).map_err(|error| rows.locate(error)),
            Self::And(args) => lazy::and(args, rows),
            Self::Or(args) => lazy::or(args, rows),
            Self::Case { branches, otherwise } => lazy::case(branches, otherwise, rows),
            Self::Call { args, kernel, nature } => {
                let columns = args.iter().map(|arg| arg.evaluate(rows)).collect::<Result<Vec<_>, _>>()?;
                let constant = *nature != Nature::Volatile && columns.iter().all(|column| matches!(column, Column::Constant(_)));
                let scope = Scope { rows: if constant { 1 } else { rows.len }, now: rows.now, watermark: rows.watermark };
                let array = kernel(&columns, &scope).map_err(|error| rows.locate(error))?;
                Ok(if constant { Column::Constant(array) } else { Column::Rows(array) })
            }
        }
    }

    /// Whether it can be computed for rows that do not need it: it never fails there.
    pub(super) fn is_total(&self) -> bool {
        match self {
            Self::Column(_) | Self::Constant(_) => true,
            Self::Cast { input, cast } => cast.is_total() && input.is_total(),
            Self::And(args) | Self::Or(args) => args.iter().all(Self::is_total),
            Self::Case { branches, otherwise } => {
                branches.iter().all(|(when, then)| when.is_total() && then.is_total()) && otherwise.is_total()
            }
            Self::Call { args, nature, .. } => *nature != Nature::Partial && args.iter().all(Self::is_total),
        }
    }

    /// The columns that it reads, marked.
    pub(super) fn mark_columns(&self, used: &mut [bool]) {
        match self {
            Self::Column(index) => {
                if let Some(mark) = used.get_mut(*index) {
                    *mark = true;
                }
            }
            Self::Constant(_) => {}
            Self::Cast { input, .. } => input.mark_columns(used),
            Self::And(args) | Self::Or(args) | Self::Call { args, .. } => args.iter().for_each(|arg| arg.mark_columns(used)),
            Self::Case { branches, otherwise } => {
                branches.iter().for_each(|(when, then)| {
                    when.mark_columns(used);
                    then.mark_columns(used);
                });
                otherwise.mark_columns(used);
            }
        }
    }
}

/// The input: all rows of a batch, or those that a lazy operand is needed for.
pub(super) struct Rows<'a> {
    columns: Cow<'a, [ArrayRef]>,
    pub(super) len: usize,
    pub(super) now: Millis,
    /// What precedes the rows in event time.
    pub(super) watermark: Option<Millis>,
    /// The row of the batch that each row was; `None`: they are the same.
    origin: Option<Vec<usize>>,
}

impl<'a> Rows<'a> {
    pub(super) fn of_batch(batch: &'a RecordBatch, now: Millis) -> Self {
        Self { columns: Cow::Borrowed(batch.columns()), len: batch.num_rows(), now, watermark: None, origin: None }
    }

    fn column(&self, index: usize) -> Result<Column, EvalError> {
        let column = self.columns.get(index).cloned();
        column.map(Column::Rows).ok_or_else(|| internal(format!("column {index} of {} was asked for", self.columns.len())))
    }

    /// The rows where the mask is set, with the columns that `node` reads.
    pub(super) fn filtered(&self, mask: &BooleanArray, node: &Node) -> Result<Rows<'static>, EvalError> {
        let mut used = vec![false; self.columns.len()];
        node.mark_columns(&mut used);
        let keep =
            |(column, used): (&ArrayRef, bool)| if used { filter(column, mask).map_err(arrow_error) } else { Ok(column.slice(0, 0)) };
        let columns = self.columns.iter().zip(used).map(keep).collect::<Result<Vec<_>, _>>()?;
        let chosen = mask.values().set_indices();
        let origin: Vec<usize> = match &self.origin {
            Some(origin) => chosen.map(|row| origin[row]).collect(),
            None => chosen.collect(),
        };
        Ok(Rows { columns: Cow::Owned(columns), len: origin.len(), now: self.now, watermark: self.watermark, origin: Some(origin) })
    }

    /// The same error, with its row counted in the batch.
    fn locate(&self, mut error: EvalError) -> EvalError {
        if let (Some(row), Some(origin)) = (error.row, &self.origin) {
            error.row = origin.get(row).copied();
        }
        error
    }
}
