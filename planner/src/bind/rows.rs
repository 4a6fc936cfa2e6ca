//! Rows that are written out and compared: `(a, b) = (1, 2)` means `a = 1 AND b = 2`, and is NULL where those are.
//!
//! Rows that are columns are compared as they are, and are never NULL within.

use irmak_common::expr::{Expr, ExprNode};

use crate::condition::{all_of, any_of};
use crate::error::{Planned, Span};

use super::call::resolve;

/// `=`, `<>` or IN of rows that are written out; `None` where it is none of those.
pub(super) fn compared(name: &str, args: &[Expr], span: Span) -> Option<Planned<Expr>> {
    let (left, rest) = args.split_first()?;
    let width = fields(left)?.len();
    if rest.is_empty() || !rest.iter().all(|row| fields(row).is_some_and(|fields| fields.len() == width)) {
        return None;
    }
    match name {
        "=" => Some(equal(left, rest.first()?, span)),
        "<>" => Some(equal(left, rest.first()?, span).and_then(|equal| resolve("NOT", vec![equal], span))),
        "IN" => Some(rest.iter().map(|row| equal(left, row, span)).collect::<Planned<Vec<Expr>>>().map(any_of)),
        _ => None,
    }
}

fn fields(row: &Expr) -> Option<&[Expr]> {
    match &row.node {
        ExprNode::Call { function, args } if function == "ROW" && !args.is_empty() => Some(args),
        _ => None,
    }
}

fn equal(left: &Expr, right: &Expr, span: Span) -> Planned<Expr> {
    let pairs = fields(left).unwrap_or_default().iter().zip(fields(right).unwrap_or_default());
    let equal = pairs.map(|(left, right)| resolve("=", vec![left.clone(), right.clone()], span)).collect::<Planned<Vec<Expr>>>()?;
    Ok(all_of(equal))
}
