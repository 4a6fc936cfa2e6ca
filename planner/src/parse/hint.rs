//! Hints of a SELECT: `/*+ STATE_TTL('orders' = '1 d', c = '12 h') */`. The others only advise, and are passed over.

use crate::ast::StateTtl;
use crate::error::{Code, PlanError, Planned, Span};
use crate::token::{Cursor, tokenize};

/// What the STATE_TTL hints of a SELECT say, in their order.
///
/// # Errors
/// A STATE_TTL that cannot be read.
pub(super) fn state_ttl(text: &str, span: Span) -> Planned<Vec<StateTtl>> {
    // What cannot be read is no hint that anybody heeds.
    let Ok(tokens) = tokenize(text) else { return Ok(Vec::new()) };
    let mut cursor = Cursor::new(tokens);
    let mut found = Vec::new();
    while !cursor.at_end() {
        if cursor.at_words(&["STATE_TTL"]) && cursor.is_symbol_at(1, "(") {
            cursor.next();
            found.extend(entries(&mut cursor, span)?);
        } else {
            cursor.next();
        }
    }
    Ok(found)
}

fn entries(cursor: &mut Cursor, span: Span) -> Planned<Vec<StateTtl>> {
    let wrong = |_| PlanError::new(Code::Syntax, "the hint is not STATE_TTL('table' = 'duration', ...)").at(span);
    cursor.expect_symbol("(").map_err(wrong)?;
    let entry = |cursor: &mut Cursor| {
        let mark = cursor.mark();
        let table = cursor.string("a table's name").or_else(|_| {
            cursor.back_to(mark);
            cursor.name("a table's name").map(|name| name.text)
        })?;
        cursor.expect_symbol("=")?;
        Ok(StateTtl { table, ttl: cursor.string("a duration in quotes")?, span })
    };
    let entries = cursor.list(entry).map_err(wrong)?;
    cursor.expect_symbol(")").map_err(wrong)?;
    Ok(entries)
}
