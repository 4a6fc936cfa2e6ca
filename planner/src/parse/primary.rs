//! What an expression begins with: parentheses, a word that begins a form of its own (CASE, CAST, EXISTS, literals), or a name.

use irmak_common::types::{TypeKind, YearMonth};

use crate::ast::{Expr, ExprKind, Interval, MINUS_DATE, Unit};
use crate::error::{Code, PlanError, Planned, Span};
use crate::token::Cursor;

use super::call::{call, column_or_call};
use super::expr::{NOT, climb, expr, node};
use super::{literal, query, types};

/// `(query)`, `(expression)` or `(expression, expression)`, a row.
pub(super) fn parenthesized(cursor: &mut Cursor) -> Planned<Expr> {
    let start = cursor.span();
    cursor.expect_symbol("(")?;
    if query::starts(cursor) {
        let query = Box::new(query::query(cursor)?);
        cursor.expect_symbol(")")?;
        return node(ExprKind::Subquery(query), start.to(cursor.last_span()));
    }
    let mut items = cursor.list(expr)?;
    cursor.expect_symbol(")")?;
    let span = start.to(cursor.last_span());
    match items.pop() {
        Some(only) if items.is_empty() => difference(cursor, Expr { span, ..only }),
        Some(last) => {
            items.push(last);
            call("ROW", items, span)
        }
        None => Err(cursor.unexpected(&["an expression"])),
    }
}

/// `(a - b) MONTH`: the whole months from b to a.
fn months_between(args: Vec<Expr>, span: Span) -> Planned<Expr> {
    let unit = Expr { kind: ExprKind::Symbol("MONTH".into()), span, depth: 1 };
    let months = call("TIMESTAMPDIFF", std::iter::once(unit).chain(args.into_iter().rev()).collect(), span)?;
    let ty = TypeKind::IntervalYearMonth { unit: YearMonth::Month, precision: 2 }.nullable();
    node(ExprKind::Cast { input: Box::new(months), ty, safe: false }, span)
}

/// An interval that only says its unit.
fn unit_of(from: Unit, to: Option<Unit>) -> ExprKind {
    ExprKind::Interval(Interval { negative: false, text: String::new(), from, digits: 0, to })
}

/// `(a - b) DAY`: the interval between two times. Without a unit there is none to subtract times in.
fn difference(cursor: &mut Cursor, inner: Expr) -> Planned<Expr> {
    let start = inner.span;
    let unit = ["YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"].into_iter().any(|word| cursor.at_words(&[word]));
    match inner.kind {
        ExprKind::Operator { name: "-", mut args } if unit && args.len() == 2 => {
            let (from, to) = literal::qualifier(cursor)?;
            if from <= Unit::Month {
                return months_between(args, start.to(cursor.last_span()));
            }
            args.push(node(unit_of(from, to), cursor.last_span())?);
            node(ExprKind::Operator { name: MINUS_DATE, args }, start.to(cursor.last_span()))
        }
        kind => Ok(Expr { kind, ..inner }),
    }
}

/// A word that is no quoted name: a form of its own, or a name after all.
pub(super) fn keyword(cursor: &mut Cursor, text: &str) -> Planned<Expr> {
    let start = cursor.span();
    let simple = |cursor: &mut Cursor, kind: ExprKind| {
        cursor.next();
        node(kind, start)
    };
    let literal_follows = cursor.look_is_string(1);
    match text.to_ascii_uppercase().as_str() {
        "TRUE" => simple(cursor, ExprKind::Boolean(true)),
        "FALSE" => simple(cursor, ExprKind::Boolean(false)),
        "NULL" => simple(cursor, ExprKind::Null),
        "UNKNOWN" => simple(cursor, ExprKind::Unknown),
        "NOT" => {
            cursor.next();
            let operand = climb(cursor, NOT)?;
            let span = start.to(operand.span);
            node(ExprKind::Not(Box::new(operand)), span)
        }
        "CASE" => case(cursor),
        "CAST" | "TRY_CAST" if cursor.is_symbol_at(1, "(") => cast(cursor),
        "EXISTS" if cursor.is_symbol_at(1, "(") => {
            cursor.next();
            cursor.expect_symbol("(")?;
            let query = Box::new(query::query(cursor)?);
            cursor.expect_symbol(")")?;
            node(ExprKind::Exists(query), start.to(cursor.last_span()))
        }
        "DATE" if literal_follows => literal::typed(cursor, "DATE"),
        "TIME" if literal_follows => literal::typed(cursor, "TIME"),
        "TIMESTAMP" if literal_follows => literal::typed(cursor, "TIMESTAMP"),
        "INTERVAL" => literal::interval(cursor),
        "ARRAY" if cursor.is_symbol_at(1, "[") => bracketed(cursor, "ARRAY"),
        "MAP" if cursor.is_symbol_at(1, "[") => bracketed(cursor, "MAP"),
        _ => column_or_call(cursor),
    }
}

fn bracketed(cursor: &mut Cursor, name: &str) -> Planned<Expr> {
    let start = cursor.span();
    cursor.next();
    cursor.expect_symbol("[")?;
    let args = if cursor.at_symbol("]") { Vec::new() } else { cursor.list(expr)? };
    cursor.expect_symbol("]")?;
    call(name, args, start.to(cursor.last_span()))
}

fn case(cursor: &mut Cursor) -> Planned<Expr> {
    let start = cursor.span();
    cursor.expect_words(&["CASE"])?;
    let operand = if cursor.at_words(&["WHEN"]) { None } else { Some(Box::new(expr(cursor)?)) };
    let mut branches = Vec::new();
    while cursor.eat(&["WHEN"]) {
        let when = expr(cursor)?;
        cursor.expect_words(&["THEN"])?;
        branches.push((when, expr(cursor)?));
    }
    if branches.is_empty() {
        return Err(cursor.unexpected(&["WHEN"]));
    }
    let otherwise = if cursor.eat(&["ELSE"]) { Some(Box::new(expr(cursor)?)) } else { None };
    cursor.expect_words(&["END"])?;
    node(ExprKind::Case { operand, branches, otherwise }, start.to(cursor.last_span()))
}

fn cast(cursor: &mut Cursor) -> Planned<Expr> {
    let start = cursor.span();
    let safe = cursor.at_words(&["TRY_CAST"]);
    cursor.next();
    cursor.expect_symbol("(")?;
    let input = Box::new(expr(cursor)?);
    cursor.expect_words(&["AS"])?;
    if let ExprKind::Number(text) = &input.kind
        && cursor.at_words(&["INTERVAL"])
    {
        return counted_interval(cursor, text.clone(), start);
    }
    cursor.clamps = true;
    let ty = types::cast_target(cursor);
    cursor.clamps = false;
    let ty = ty?;
    if !ty.nullable {
        let message = "a CAST takes a type without NOT NULL: its result is NULL where its input is";
        return Err(PlanError::new(Code::Syntax, message).at(cursor.last_span()));
    }
    cursor.expect_symbol(")")?;
    node(ExprKind::Cast { input, ty, safe }, start.to(cursor.last_span()))
}

/// `CAST(5 AS INTERVAL DAY)`, from INTERVAL on: five days. Of anything but a written number it is milliseconds or months.
fn counted_interval(cursor: &mut Cursor, text: String, start: Span) -> Planned<Expr> {
    cursor.next();
    let (from, to) = literal::qualifier(cursor)?;
    if to.is_some() {
        return Err(PlanError::new(Code::Cast, "a number cannot be cast to an interval of several units")
            .at(cursor.last_span())
            .label("name one unit, as in INTERVAL DAY"));
    }
    cursor.expect_symbol(")")?;
    let interval = Interval { negative: false, digits: text.len().min(9) as u8, text, from, to };
    node(ExprKind::Interval(interval), start.to(cursor.last_span()))
}
