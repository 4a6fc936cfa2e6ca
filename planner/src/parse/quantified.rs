//! `x > ANY (...)`, `x <= SOME (...)`, `x <> ALL (...)`: one value compared with many.
//!
//! Over a list it is the comparisons, joined by OR or AND. Over a query it is `IN` with another comparison; ALL is the negation of the
//! opposite comparison's ANY, also where NULLs make it UNKNOWN. Source: Calcite's `SqlQuantifyOperator`.

use crate::ast::{Expr, ExprKind};
use crate::error::Planned;
use crate::token::Cursor;

use super::{expr, query};

/// Whether a quantifier and its parenthesis are next.
pub(crate) fn starts(cursor: &Cursor) -> bool {
    cursor.is_symbol_at(1, "(") && ["ANY", "SOME", "ALL"].iter().any(|word| cursor.at_words(&[word]))
}

/// Reads the quantifier and what is compared with, behind `left comparison`.
pub(crate) fn quantified(cursor: &mut Cursor, comparison: &'static str, left: Expr) -> Planned<Expr> {
    let start = left.span;
    let all = cursor.at_words(&["ALL"]);
    cursor.next();
    cursor.expect_symbol("(")?;
    if query::starts(cursor) {
        let query = Box::new(query::query(cursor)?);
        cursor.expect_symbol(")")?;
        let span = start.to(cursor.last_span());
        let comparison = if all { opposite(comparison) } else { comparison };
        let any = expr::node(ExprKind::InQuery { operand: Box::new(left), comparison, query }, span)?;
        return if all { expr::node(ExprKind::Not(Box::new(any)), span) } else { Ok(any) };
    }
    let values = cursor.list(expr::expr)?;
    cursor.expect_symbol(")")?;
    let span = start.to(cursor.last_span());
    let compared = |value| expr::node(ExprKind::Operator { name: comparison, args: vec![left.clone(), value] }, span);
    let terms = values.into_iter().map(compared).collect::<Planned<Vec<Expr>>>()?;
    expr::node(if all { ExprKind::And(terms) } else { ExprKind::Or(terms) }, span)
}

fn opposite(comparison: &'static str) -> &'static str {
    match comparison {
        "=" => "<>",
        "<>" => "=",
        "<" => ">=",
        "<=" => ">",
        ">" => "<=",
        _ => "<",
    }
}
