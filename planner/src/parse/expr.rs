//! Expressions, by precedence climbing.
//!
//! Binding powers are Calcite's: OR 22, AND 24, NOT 26, IS 28, comparison 30, BETWEEN, IN and LIKE 32, `+ -` 40, `* / % ||` 60,
//! sign 80, then `[]` and `.`. What an expression begins with is in [`super::primary`], tests of an operand in [`super::predicate`], names and
//! calls in [`super::call`], functions with a syntax of their own in [`super::special`].

use irmak_common::limits;

use crate::ast::{Expr, ExprKind};
use crate::error::{Planned, Span};
use crate::token::{Cursor, TokenKind, too_deep};

use super::{literal, predicate, primary, quantified, special};

const OR: u8 = 22;
const AND: u8 = 24;
pub(super) const NOT: u8 = 26;
const IS: u8 = 28;
pub(super) const COMPARE: u8 = 30;
pub(super) const RANGE: u8 = 32;
const PLUS: u8 = 40;
const TIMES: u8 = 60;
const SIGN: u8 = 80;

/// Reads an expression.
pub(crate) fn expr(cursor: &mut Cursor) -> Planned<Expr> {
    climb(cursor, 0)
}

/// Reads an expression that ends before `IN`, `BETWEEN` and `LIKE`.
pub(crate) fn above_range(cursor: &mut Cursor) -> Planned<Expr> {
    climb(cursor, RANGE + 1)
}

/// A node over its operands, as deep as they make it.
pub(crate) fn node(kind: ExprKind, span: Span) -> Planned<Expr> {
    let mut expr = Expr { kind, span, depth: 1 };
    expr.depth += expr.children().iter().map(|child| child.depth).max().unwrap_or(0);
    if expr.depth > limits::SQL_DEPTH_MAX { Err(too_deep(span)) } else { Ok(expr) }
}

pub(super) fn operator(name: &'static str, args: Vec<Expr>) -> Planned<Expr> {
    let first = args.first().map_or_else(Span::default, |arg| arg.span);
    let last = args.last().map_or(first, |arg| arg.span);
    node(ExprKind::Operator { name, args }, first.to(last))
}

pub(super) fn climb(cursor: &mut Cursor, least: u8) -> Planned<Expr> {
    cursor.nested(|cursor| {
        let mut left = prefix(cursor)?;
        while let Some(next) = infix(cursor, &mut left, least)? {
            left = next;
        }
        Ok(left)
    })
}

/// Reads one operator and its right side, if it binds at least as `least`. `left` is taken when it does.
fn infix(cursor: &mut Cursor, left: &mut Expr, least: u8) -> Planned<Option<Expr>> {
    match cursor.peek().kind {
        TokenKind::Symbol(symbol) => by_symbol(cursor, symbol, left, least),
        _ => by_word(cursor, left, least),
    }
}

/// The left side, for the node that it becomes a part of.
fn take(left: &mut Expr) -> Expr {
    std::mem::replace(left, Expr { kind: ExprKind::Null, span: Span::default(), depth: 1 })
}

fn by_symbol(cursor: &mut Cursor, symbol: &'static str, left: &mut Expr, least: u8) -> Planned<Option<Expr>> {
    let power = match symbol {
        "=" | "<>" | "<" | ">" | "<=" | ">=" => COMPARE,
        "+" | "-" => PLUS,
        "*" | "/" | "%" | "||" => TIMES,
        "[" | "." => SIGN + 1,
        _ => return Ok(None),
    };
    if power < least {
        return Ok(None);
    }
    cursor.next();
    let left = take(left);
    let start = left.span;
    let read = match symbol {
        "[" => {
            let index = expr(cursor)?;
            cursor.expect_symbol("]")?;
            node(ExprKind::Operator { name: "ITEM", args: vec![left, index] }, start.to(cursor.last_span()))
        }
        "." => {
            let name = cursor.name("a field's name")?;
            let span = start.to(name.span);
            node(ExprKind::Field { base: Box::new(left), name }, span)
        }
        _ if power == COMPARE && quantified::starts(cursor) => quantified::quantified(cursor, symbol, left),
        _ => {
            let right = climb(cursor, power + 1)?;
            operator(symbol, vec![left, right])
        }
    };
    read.map(Some)
}

fn by_word(cursor: &mut Cursor, left: &mut Expr, least: u8) -> Planned<Option<Expr>> {
    let negated = cursor.at_words(&["NOT"]);
    let at = |cursor: &Cursor, word: &str| if negated { cursor.at_words(&["NOT", word]) } else { cursor.at_words(&[word]) };
    if RANGE >= least && ["BETWEEN", "IN", "LIKE", "SIMILAR"].iter().any(|word| at(cursor, word)) {
        cursor.eat(&["NOT"]);
        let span = left.span;
        let positive = predicate::range(cursor, take(left))?;
        return if negated { node(ExprKind::Not(Box::new(positive)), span.to(cursor.last_span())).map(Some) } else { Ok(Some(positive)) };
    }
    if negated {
        return Ok(None);
    }
    if OR >= least && cursor.eat(&["OR"]) {
        return joined(take(left), climb(cursor, OR + 1)?, Logic::Or).map(Some);
    }
    if AND >= least && cursor.eat(&["AND"]) {
        return joined(take(left), climb(cursor, AND + 1)?, Logic::And).map(Some);
    }
    if IS >= least && cursor.eat(&["IS"]) {
        return predicate::is(cursor, take(left)).map(Some);
    }
    if COMPARE >= least && cursor.eat(&["OVERLAPS"]) {
        let right = climb(cursor, COMPARE + 1)?;
        return special::overlaps(take(left), right).map(Some);
    }
    Ok(None)
}

enum Logic {
    And,
    Or,
}

/// Chains of one connective are one node, so that a long condition is not a deep one.
fn joined(left: Expr, right: Expr, logic: Logic) -> Planned<Expr> {
    let span = left.span.to(right.span);
    let (wrap, same): (fn(Vec<Expr>) -> ExprKind, bool) = match logic {
        Logic::And => (ExprKind::And, matches!(left.kind, ExprKind::And(_))),
        Logic::Or => (ExprKind::Or, matches!(left.kind, ExprKind::Or(_))),
    };
    let mut terms = match left.kind {
        ExprKind::And(terms) | ExprKind::Or(terms) if same => terms,
        kind => vec![Expr { kind, span: left.span, depth: left.depth }],
    };
    terms.push(right);
    node(wrap(terms), span)
}

fn prefix(cursor: &mut Cursor) -> Planned<Expr> {
    let token = cursor.peek().clone();
    let start = token.span;
    match token.kind {
        TokenKind::Number(text) => {
            cursor.next();
            node(ExprKind::Number(text), start)
        }
        TokenKind::String(text) => {
            cursor.next();
            literal::continued(cursor, text, start)
        }
        TokenKind::Hex(digits) => {
            cursor.next();
            node(ExprKind::Bytes(literal::hex(&digits, start)?), start)
        }
        TokenKind::Symbol("(") => primary::parenthesized(cursor),
        TokenKind::Symbol("-") => {
            cursor.next();
            let operand = climb(cursor, SIGN)?;
            let span = start.to(operand.span);
            match operand.kind {
                // So that the least BIGINT can be written.
                ExprKind::Number(text) if !text.starts_with('-') => node(ExprKind::Number(format!("-{text}")), span),
                _ => node(ExprKind::Operator { name: "-", args: vec![operand] }, span),
            }
        }
        TokenKind::Symbol("+") => {
            cursor.next();
            let operand = climb(cursor, SIGN)?;
            let span = start.to(operand.span);
            node(ExprKind::Operator { name: "+", args: vec![operand] }, span)
        }
        TokenKind::Word { quoted: true, .. } => super::call::column_or_call(cursor),
        TokenKind::Word { text, quoted: false } => primary::keyword(cursor, &text),
        _ => Err(cursor.unexpected(&["an expression"])),
    }
}
