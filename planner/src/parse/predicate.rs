//! Tests of an operand, from the word behind it on: BETWEEN, IN, LIKE, SIMILAR TO and IS.

use crate::ast::{Expr, ExprKind};
use crate::error::Planned;
use crate::token::Cursor;

use super::expr::{COMPARE, RANGE, climb, expr, node, operator};
use super::query;

/// `BETWEEN`, `IN`, `LIKE` or `SIMILAR TO` of an operand; a NOT in front of it was read.
pub(super) fn range(cursor: &mut Cursor, operand: Expr) -> Planned<Expr> {
    let start = operand.span;
    let operand = Box::new(operand);
    if cursor.eat(&["BETWEEN"]) {
        let symmetric = cursor.eat(&["SYMMETRIC"]);
        cursor.eat(&["ASYMMETRIC"]);
        let low = Box::new(climb(cursor, RANGE + 1)?);
        cursor.expect_words(&["AND"])?;
        let high = Box::new(climb(cursor, RANGE + 1)?);
        return node(ExprKind::Between { operand, low, high, symmetric }, start.to(cursor.last_span()));
    }
    if cursor.eat(&["IN"]) {
        cursor.expect_symbol("(")?;
        if query::starts(cursor) {
            let query = Box::new(query::query(cursor)?);
            cursor.expect_symbol(")")?;
            return node(ExprKind::InQuery { operand, comparison: "=", query }, start.to(cursor.last_span()));
        }
        let mut args = vec![*operand];
        args.extend(cursor.list(expr)?);
        cursor.expect_symbol(")")?;
        return node(ExprKind::Operator { name: "IN", args }, start.to(cursor.last_span()));
    }
    let name = if cursor.eat(&["LIKE"]) {
        "LIKE"
    } else {
        cursor.expect_words(&["SIMILAR", "TO"])?;
        "SIMILAR TO"
    };
    let mut args = vec![*operand, climb(cursor, RANGE + 1)?];
    if cursor.eat(&["ESCAPE"]) {
        args.push(climb(cursor, RANGE + 1)?);
    }
    operator(name, args)
}

/// What stands behind IS.
pub(super) fn is(cursor: &mut Cursor, operand: Expr) -> Planned<Expr> {
    let negated = cursor.eat(&["NOT"]);
    if cursor.eat(&["DISTINCT", "FROM"]) {
        let right = climb(cursor, COMPARE + 1)?;
        return operator(if negated { "IS NOT DISTINCT FROM" } else { "IS DISTINCT FROM" }, vec![operand, right]);
    }
    let start = operand.span;
    for (word, positive, negative) in [
        ("NULL", "IS NULL", "IS NOT NULL"),
        ("TRUE", "IS TRUE", "IS NOT TRUE"),
        ("FALSE", "IS FALSE", "IS NOT FALSE"),
        ("UNKNOWN", "IS UNKNOWN", "IS NOT UNKNOWN"),
    ] {
        if cursor.eat(&[word]) {
            let name = if negated { negative } else { positive };
            return node(ExprKind::Operator { name, args: vec![operand] }, start.to(cursor.last_span()));
        }
    }
    if cursor.eat(&["JSON"]) {
        let kind = ["VALUE", "OBJECT", "ARRAY", "SCALAR"].into_iter().find(|word| cursor.eat(&[word])).unwrap_or("VALUE");
        let symbol = Expr { kind: ExprKind::Symbol(kind.into()), span: cursor.last_span(), depth: 1 };
        let span = start.to(cursor.last_span());
        let test = node(ExprKind::Operator { name: "IS JSON", args: vec![operand, symbol] }, span)?;
        return if negated { node(ExprKind::Not(Box::new(test)), span) } else { Ok(test) };
    }
    Err(cursor.unexpected(&["NULL", "TRUE", "FALSE", "UNKNOWN", "DISTINCT FROM", "JSON"]))
}
