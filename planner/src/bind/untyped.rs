//! A bare NULL: it has no type, and not every place gives it one. Where Calcite's validator finds none it says `Illegal use of 'NULL'`.
//!
//! Comparisons, IN lists, CASE branches and COALESCE beside typed values take a bare NULL; an item of SELECT, an operand of AND, OR and
//! NOT, a text to join and a branch of IF do not.

use crate::ast::{Expr, ExprKind};
use crate::error::{Code, PlanError, Planned};

/// Functions and operators of which no argument may be a bare NULL.
const NONE_BARE: [&str; 10] =
    ["||", "CONCAT", "CONCAT_WS", "IF", "IS TRUE", "IS NOT TRUE", "IS FALSE", "IS NOT FALSE", "IS UNKNOWN", "IS NOT UNKNOWN"];

/// Refuses an expression that is a bare NULL.
pub(super) fn typed(expr: &Expr) -> Planned<()> {
    match expr.kind {
        ExprKind::Null => {
            Err(PlanError::new(Code::Types, "illegal use of `NULL`: it has no type here").at(expr.span).label("write CAST(NULL AS type)"))
        }
        _ => Ok(()),
    }
}

/// Refuses the bare NULLs among the arguments of a function or operator that gives them no type.
pub(super) fn arguments(name: &str, args: &[Expr]) -> Planned<()> {
    let is = |known: &str| known.eq_ignore_ascii_case(name);
    let all_bare = || args.iter().all(|arg| matches!(arg.kind, ExprKind::Null));
    if NONE_BARE.iter().any(|known| is(known)) || (is("COALESCE") && all_bare()) {
        return args.iter().try_for_each(typed);
    }
    Ok(())
}
