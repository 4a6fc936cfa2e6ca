//! Expressions, by precedence climbing.
//!
//! Binding powers are Calcite's: OR 22, AND 24, NOT 26, IS 28, comparison 30, BETWEEN, IN and LIKE 32, `+ -` 40, `* / % ||` 60,
//! sign 80, then `[]` and `.`. Functions with a syntax of their own are in [`super::special`].

use irmak_common::limits;
use irmak_common::types::{TypeKind, YearMonth};

use crate::ast::{Call, Expr, ExprKind, Interval, MINUS_DATE, Unit};
use crate::error::{Code, PlanError, Planned, Span};
use crate::token::{Cursor, TokenKind, too_deep};

use super::{literal, over, quantified, query, special, types};

const OR: u8 = 22;
const AND: u8 = 24;
const NOT: u8 = 26;
const IS: u8 = 28;
const COMPARE: u8 = 30;
const RANGE: u8 = 32;
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

fn operator(name: &'static str, args: Vec<Expr>) -> Planned<Expr> {
    let first = args.first().map_or_else(Span::default, |arg| arg.span);
    let last = args.last().map_or(first, |arg| arg.span);
    node(ExprKind::Operator { name, args }, first.to(last))
}

fn climb(cursor: &mut Cursor, least: u8) -> Planned<Expr> {
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
    let take = |left: &mut Expr| std::mem::replace(left, Expr { kind: ExprKind::Null, span: Span::default(), depth: 1 });
    if let TokenKind::Symbol(symbol) = cursor.peek().kind {
        let power = match symbol {
            "=" | "<>" | "<" | ">" | "<=" | ">=" => COMPARE,
            "+" | "-" => PLUS,
            "*" | "/" | "%" | "||" => TIMES,
            "[" => SIGN + 1,
            "." => SIGN + 1,
            _ => return Ok(None),
        };
        if power < least {
            return Ok(None);
        }
        cursor.next();
        let left = take(left);
        let start = left.span;
        return match symbol {
            "[" => {
                let index = expr(cursor)?;
                cursor.expect_symbol("]")?;
                node(ExprKind::Operator { name: "ITEM", args: vec![left, index] }, start.to(cursor.last_span())).map(Some)
            }
            "." => {
                let name = cursor.name("a field's name")?;
                let span = start.to(name.span);
                node(ExprKind::Field { base: Box::new(left), name }, span).map(Some)
            }
            _ if power == COMPARE && quantified::starts(cursor) => quantified::quantified(cursor, symbol, left).map(Some),
            _ => {
                let right = climb(cursor, power + 1)?;
                operator(symbol, vec![left, right]).map(Some)
            }
        };
    }
    let negated = cursor.at_words(&["NOT"]);
    let at = |cursor: &Cursor, word: &str| if negated { cursor.at_words(&["NOT", word]) } else { cursor.at_words(&[word]) };
    if RANGE >= least && ["BETWEEN", "IN", "LIKE", "SIMILAR"].iter().any(|word| at(cursor, word)) {
        cursor.eat(&["NOT"]);
        let span = left.span;
        let positive = range(cursor, take(left))?;
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
        return is(cursor, take(left)).map(Some);
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

fn range(cursor: &mut Cursor, operand: Expr) -> Planned<Expr> {
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

fn is(cursor: &mut Cursor, operand: Expr) -> Planned<Expr> {
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
        TokenKind::Symbol("(") => parenthesized(cursor),
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
        TokenKind::Word { quoted: true, .. } => column_or_call(cursor),
        TokenKind::Word { text, quoted: false } => keyword(cursor, &text),
        _ => Err(cursor.unexpected(&["an expression"])),
    }
}

fn parenthesized(cursor: &mut Cursor) -> Planned<Expr> {
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

fn keyword(cursor: &mut Cursor, text: &str) -> Planned<Expr> {
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

/// A call of a function by its name, nothing else hanging on it.
pub(crate) fn call(name: &str, args: Vec<Expr>, span: Span) -> Planned<Expr> {
    let name = crate::token::Name { text: name.to_owned(), span };
    let call = Call { name, args, star: false, distinct: false, filter: None, over: None };
    node(ExprKind::Call(Box::new(call)), span)
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
    let ty = types::data_type(cursor);
    cursor.clamps = false;
    let ty = ty?;
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

/// Words that are functions without parentheses.
const BARE_FUNCTIONS: [&str; 6] = ["CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP", "CURRENT_USER"];

fn column_or_call(cursor: &mut Cursor) -> Planned<Expr> {
    let start = cursor.span();
    if cursor.is_symbol_at(1, "(") {
        let name = cursor.word("a function's name")?;
        return match special::call(cursor, &name)? {
            Some(special) => Ok(special),
            None => plain_call(cursor, name),
        };
    }
    if let (TokenKind::Word { text, quoted: false }, TokenKind::String(_)) = (&cursor.peek().kind, &cursor.look(1).kind)
        && text.eq_ignore_ascii_case("_UTF8")
    {
        cursor.next();
        let text = cursor.string("a string")?;
        return literal::continued(cursor, text, start);
    }
    if let TokenKind::Word { text, quoted: false } = &cursor.peek().kind {
        let upper = text.to_ascii_uppercase();
        if BARE_FUNCTIONS.contains(&upper.as_str()) && !cursor.is_symbol_at(1, ".") {
            cursor.next();
            return call(&upper, Vec::new(), start);
        }
    }
    let path = cursor.path("an expression")?;
    node(ExprKind::Column(path), start.to(cursor.last_span()))
}

fn plain_call(cursor: &mut Cursor, name: crate::token::Name) -> Planned<Expr> {
    let start = name.span;
    cursor.expect_symbol("(")?;
    let mut call = Call { name, args: Vec::new(), star: false, distinct: false, filter: None, over: None };
    if cursor.eat_symbol("*") {
        call.star = true;
    } else if !cursor.at_symbol(")") {
        call.distinct = cursor.eat(&["DISTINCT"]);
        cursor.eat(&["ALL"]);
        call.args = cursor.list(expr)?;
    }
    cursor.expect_symbol(")")?;
    aggregate_tail(cursor, &mut call)?;
    node(ExprKind::Call(Box::new(call)), start.to(cursor.last_span()))
}

/// `FILTER (WHERE ...)` and `OVER (...)` behind a call.
pub(super) fn aggregate_tail(cursor: &mut Cursor, call: &mut Call) -> Planned<()> {
    if cursor.eat(&["FILTER"]) {
        cursor.expect_symbol("(")?;
        cursor.expect_words(&["WHERE"])?;
        call.filter = Some(expr(cursor)?);
        cursor.expect_symbol(")")?;
    }
    if cursor.eat(&["OVER"]) {
        call.over = Some(over::over(cursor)?);
    }
    Ok(())
}
