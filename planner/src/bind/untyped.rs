//! A bare NULL: it has no type, and not every place gives it one. Where Calcite's validator finds none it says `Illegal use of 'NULL'`.
//!
//! Comparisons, IN lists, CASE branches, COALESCE and the constructors of collections take a bare NULL beside typed values, and so do the
//! few functions whose definition says so. An item of SELECT or VALUES, a field of a ROW and an argument of any other function do not.

use crate::ast::{Expr, ExprKind};
use crate::error::{Code, PlanError, Planned};

/// Functions and operators that give a bare NULL among their arguments a type.
const TYPING: [&str; 28] = [
    "=",
    "<>",
    "<",
    "<=",
    ">",
    ">=",
    "IN",
    "IS NULL",
    "IS NOT NULL",
    "IS DISTINCT FROM",
    "IS NOT DISTINCT FROM",
    "COALESCE",
    "NULLIF",
    "IFNULL",
    "GREATEST",
    "LEAST",
    "ARRAY",
    "MAP",
    "ARRAY_APPEND",
    "ARRAY_PREPEND",
    "ARRAY_CONTAINS",
    "ARRAY_POSITION",
    "ARRAY_REMOVE",
    "ARRAY_SLICE",
    "SPLIT",
    "JSON_OBJECT",
    "JSON_ARRAY",
    "JSON_STRING",
];

/// Those that refuse it in other words, by its type.
const REFUSING: [&str; 3] = ["TYPEOF", "LIKE", "SIMILAR TO"];

/// Refuses an expression that is a bare NULL, or a row with one among its fields.
pub(super) fn typed(expr: &Expr) -> Planned<()> {
    match &expr.kind {
        ExprKind::Null => {
            Err(PlanError::new(Code::Types, "illegal use of `NULL`: it has no type here").at(expr.span).label("write CAST(NULL AS type)"))
        }
        ExprKind::Call(row) if row.name.text == "ROW" => row.args.iter().try_for_each(typed),
        _ => Ok(()),
    }
}

/// Refuses the bare NULLs among the arguments of a function or operator that gives them no type.
pub(super) fn arguments(name: &str, args: &[Expr]) -> Planned<()> {
    let is = |known: &&str| known.eq_ignore_ascii_case(name);
    let bare = |expr: &Expr| matches!(expr.kind, ExprKind::Null);
    match name.to_ascii_uppercase().as_str() {
        "COALESCE" | "ARRAY" if args.iter().all(bare) => args.iter().try_for_each(typed),
        "NULLIF" => args.iter().take(1).try_for_each(typed),
        // Rows are looked into where they are selected: those that are compared may hold a NULL.
        "ROW" if !args.is_empty() => Ok(()),
        _ if TYPING.iter().chain(&REFUSING).any(is) => Ok(()),
        _ => args.iter().filter(|arg| bare(arg)).try_for_each(typed),
    }
}
