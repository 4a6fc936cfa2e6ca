//! Literals that are more than one token: continued texts, binary digits, dates and times, intervals.

use crate::ast::{Expr, ExprKind, Interval, Unit};
use crate::error::{Code, PlanError, Planned, Span};
use crate::token::{Cursor, TokenKind};

use super::expr::node;

/// Texts on several lines are one text; on one line they are an error, as in Calcite.
pub(crate) fn continued(cursor: &mut Cursor, mut text: String, start: Span) -> Planned<Expr> {
    while let TokenKind::String(more) = &cursor.peek().kind {
        if cursor.span().line == cursor.last_span().end_line {
            return Err(PlanError::new(Code::Syntax, "string literal continued on the same line")
                .at(cursor.span())
                .label("join texts with `||`"));
        }
        text.push_str(more);
        cursor.next();
    }
    node(ExprKind::String(text), start.to(cursor.last_span()))
}

pub(crate) fn hex(digits: &str, span: Span) -> Planned<Vec<u8>> {
    let bad = || PlanError::new(Code::Literal, "a binary literal has an even number of hexadecimal digits").at(span);
    if !digits.len().is_multiple_of(2) || !digits.is_ascii() {
        return Err(bad());
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).map_err(|_| bad())).collect()
}

pub(crate) fn typed(cursor: &mut Cursor, keyword: &'static str) -> Planned<Expr> {
    let start = cursor.span();
    cursor.next();
    let text = cursor.string("a string")?;
    node(ExprKind::Typed { keyword, text }, start.to(cursor.last_span()))
}

pub(crate) fn interval(cursor: &mut Cursor) -> Planned<Expr> {
    let start = cursor.span();
    cursor.expect_words(&["INTERVAL"])?;
    let negative = cursor.eat_symbol("-");
    if !negative {
        cursor.eat_symbol("+");
    }
    let number = match &cursor.peek().kind {
        TokenKind::Number(text) => Some(text.clone()),
        _ => None,
    };
    let text = match &number {
        Some(text) => {
            cursor.next();
            text.clone()
        }
        None => cursor.string("a length, as in INTERVAL '5' SECOND,")?,
    };
    let (from, digits, to) = sized_qualifier(cursor).map_err(|error| match text.split_once(' ') {
        Some((number, unit)) if unit.chars().all(char::is_alphabetic) => {
            error.label(format!("write INTERVAL '{number}' {}", unit.to_uppercase()))
        }
        _ => error,
    })?;
    // A bare number is multiplied with the unit, so it may have any digits.
    let digits = number.map_or(digits, |_| DIGITS_MAX);
    node(ExprKind::Interval(Interval { negative, text, from, digits, to }), start.to(cursor.last_span()))
}

/// `DAY`, `DAY TO SECOND(3)`.
pub(crate) fn qualifier(cursor: &mut Cursor) -> Planned<(Unit, Option<Unit>)> {
    sized_qualifier(cursor).map(|(from, _, to)| (from, to))
}

/// The same, with the digits of the first field.
fn sized_qualifier(cursor: &mut Cursor) -> Planned<(Unit, u8, Option<Unit>)> {
    let (from, digits) = qualified_unit(cursor)?;
    let to = if cursor.eat(&["TO"]) { Some(qualified_unit(cursor)?.0) } else { None };
    Ok((from, digits.unwrap_or(DIGITS), to))
}

/// As in Calcite: `INTERVAL '100' SECOND` has a digit too many.
const DIGITS: u8 = 2;
const DIGITS_MAX: u8 = 9;

/// `SECOND`, `DAY(3)`, `SECOND(2, 3)`.
fn qualified_unit(cursor: &mut Cursor) -> Planned<(Unit, Option<u8>)> {
    let unit = unit(cursor)?;
    let mut digits = None;
    if cursor.eat_symbol("(") {
        digits = cursor.list(|cursor| cursor.number::<u8>("a precision"))?.first().copied();
        cursor.expect_symbol(")")?;
    }
    Ok((unit, digits))
}

/// A field of an interval.
pub(crate) fn unit(cursor: &mut Cursor) -> Planned<Unit> {
    let units = [
        ("YEAR", "YEARS", Unit::Year),
        ("MONTH", "MONTHS", Unit::Month),
        ("DAY", "DAYS", Unit::Day),
        ("HOUR", "HOURS", Unit::Hour),
        ("MINUTE", "MINUTES", Unit::Minute),
        ("SECOND", "SECONDS", Unit::Second),
    ];
    for (singular, plural, unit) in units {
        if cursor.eat(&[singular]) || cursor.eat(&[plural]) {
            return Ok(unit);
        }
    }
    Err(cursor.unexpected(&["DAY", "HOUR", "MINUTE", "SECOND", "MONTH", "YEAR"]))
}
