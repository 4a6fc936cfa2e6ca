//! `OVER (PARTITION BY ... ORDER BY ... ROWS ...)`, and ORDER BY's items.

use crate::ast::{Bound, Frame, OrderItem, Over};
use crate::error::Planned;
use crate::token::Cursor;

use super::expr::{above_range, expr};

/// What stands behind OVER, or behind `WINDOW name AS`.
pub(crate) fn over(cursor: &mut Cursor) -> Planned<Over> {
    let span = cursor.span();
    let mut over = Over { name: None, partition_by: Vec::new(), order_by: Vec::new(), frame: None, span };
    if !cursor.at_symbol("(") {
        let name = cursor.name("a window's name")?;
        over.span = name.span;
        over.name = Some(name);
        return Ok(over);
    }
    cursor.expect_symbol("(")?;
    if !["PARTITION", "ORDER", "ROWS", "RANGE"].iter().any(|word| cursor.at_words(&[word])) && !cursor.at_symbol(")") {
        over.name = Some(cursor.name("a window's name")?);
    }
    if cursor.eat(&["PARTITION", "BY"]) {
        over.partition_by = cursor.list(expr)?;
    }
    if cursor.eat(&["ORDER", "BY"]) {
        over.order_by = cursor.list(order_item)?;
    }
    let rows = cursor.at_words(&["ROWS"]);
    if rows || cursor.at_words(&["RANGE"]) {
        cursor.next();
        let span = cursor.last_span();
        let (start, end) = if cursor.eat(&["BETWEEN"]) {
            let start = bound(cursor)?;
            cursor.expect_words(&["AND"])?;
            (start, bound(cursor)?)
        } else {
            (bound(cursor)?, Bound::CurrentRow)
        };
        over.frame = Some(Frame { rows, start, end, span: span.to(cursor.last_span()) });
    }
    cursor.expect_symbol(")")?;
    over.span = span.to(cursor.last_span());
    Ok(over)
}

fn bound(cursor: &mut Cursor) -> Planned<Bound> {
    if cursor.eat(&["UNBOUNDED", "PRECEDING"]) {
        return Ok(Bound::Unbounded);
    }
    if cursor.eat(&["UNBOUNDED", "FOLLOWING"]) {
        return Ok(Bound::UnboundedFollowing);
    }
    if cursor.eat(&["CURRENT", "ROW"]) {
        return Ok(Bound::CurrentRow);
    }
    let distance = above_range(cursor)?;
    if cursor.eat(&["PRECEDING"]) {
        return Ok(Bound::Preceding(distance));
    }
    cursor.expect_words(&["FOLLOWING"])?;
    Ok(Bound::Following(distance))
}

/// One item of ORDER BY.
pub(crate) fn order_item(cursor: &mut Cursor) -> Planned<OrderItem> {
    let expr = expr(cursor)?;
    let descending = cursor.eat(&["DESC"]);
    if !descending {
        cursor.eat(&["ASC"]);
    }
    let mut nulls_first = None;
    if cursor.eat(&["NULLS"]) {
        nulls_first = Some(cursor.eat(&["FIRST"]));
        if nulls_first == Some(false) {
            cursor.expect_words(&["LAST"])?;
        }
    }
    Ok(OrderItem { expr, descending, nulls_first })
}
