//! Functions with a syntax of their own, brought into the plain shape that `functions::resolve` documents.

use irmak_common::types::TypeKind;

use crate::ast::{Expr, ExprKind};
use crate::error::{Code, PlanError, Planned, Span};
use crate::token::{Cursor, Name, TokenKind};

use super::call::{aggregate_tail, call as plain};
use super::expr::{expr, node};
use super::types;

/// Reads the call of `name`, whose parenthesis is next, where it has a syntax of its own; `None`: it has not.
pub(crate) fn call(cursor: &mut Cursor, name: &Name) -> Planned<Option<Expr>> {
    let upper = name.text.to_ascii_uppercase();
    let read: fn(&mut Cursor) -> Planned<Vec<Expr>> = match upper.as_str() {
        "EXTRACT" => extract,
        "FLOOR" | "CEIL" | "CEILING" => to_unit,
        "TIMESTAMPADD" | "TIMESTAMPDIFF" => unit_first,
        "TRIM" => trim,
        "SUBSTRING" => substring,
        "OVERLAY" => overlay,
        "POSITION" => position,
        "JSON_EXISTS" => json_exists,
        "JSON_VALUE" => json_value,
        "JSON_QUERY" => json_query,
        "JSON_OBJECT" => json_object,
        "JSON_ARRAY" => json_array,
        "JSON_OBJECTAGG" => json_object,
        "JSON_ARRAYAGG" => json_array,
        _ => return Ok(None),
    };
    cursor.expect_symbol("(")?;
    let args = read(cursor)?;
    cursor.expect_symbol(")")?;
    let function = if upper == "CEILING" { "CEIL" } else { &upper };
    let mut expr = plain(function, args, name.span.to(cursor.last_span()))?;
    if let ExprKind::Call(call) = &mut expr.kind {
        call.name.span = name.span;
        if upper.starts_with("JSON_") && upper.ends_with("AGG") {
            aggregate_tail(cursor, call)?;
        }
    }
    Ok(Some(expr))
}

fn symbol(text: impl Into<String>, span: Span) -> Expr {
    Expr { kind: ExprKind::Symbol(text.into()), span, depth: 1 }
}

fn unit_symbol(cursor: &mut Cursor) -> Planned<Expr> {
    let word = cursor.word("a unit of time, such as DAY")?;
    let upper = word.text.to_ascii_uppercase();
    Ok(symbol(upper.strip_prefix("SQL_TSI_").unwrap_or(&upper), word.span))
}

fn extract(cursor: &mut Cursor) -> Planned<Vec<Expr>> {
    let unit = unit_symbol(cursor)?;
    cursor.expect_words(&["FROM"])?;
    Ok(vec![unit, expr(cursor)?])
}

fn to_unit(cursor: &mut Cursor) -> Planned<Vec<Expr>> {
    let mut args = vec![expr(cursor)?];
    if cursor.eat(&["TO"]) {
        args.push(unit_symbol(cursor)?);
    } else if cursor.eat_symbol(",") {
        args.push(expr(cursor)?);
    }
    Ok(args)
}

fn unit_first(cursor: &mut Cursor) -> Planned<Vec<Expr>> {
    let mut args = vec![unit_symbol(cursor)?];
    while cursor.eat_symbol(",") {
        args.push(expr(cursor)?);
    }
    Ok(args)
}

fn trim(cursor: &mut Cursor) -> Planned<Vec<Expr>> {
    let start = cursor.span();
    let side = ["BOTH", "LEADING", "TRAILING"].into_iter().find(|word| cursor.eat(&[word]));
    let space = Expr { kind: ExprKind::String(" ".into()), span: start, depth: 1 };
    if side.is_some() && cursor.eat(&["FROM"]) {
        return Ok(vec![symbol(side.unwrap_or("BOTH"), start), space, expr(cursor)?]);
    }
    let first = expr(cursor)?;
    if cursor.eat(&["FROM"]) {
        return Ok(vec![symbol(side.unwrap_or("BOTH"), start), first, expr(cursor)?]);
    }
    match side {
        Some(_) => Err(cursor.unexpected(&["FROM"])),
        None => Ok(vec![symbol("BOTH", start), space, first]),
    }
}

fn substring(cursor: &mut Cursor) -> Planned<Vec<Expr>> {
    let mut args = vec![expr(cursor)?];
    let words = cursor.at_words(&["FROM"]);
    if !words && !cursor.at_symbol(",") {
        return Err(cursor.unexpected(&["FROM", ","]));
    }
    cursor.next();
    args.push(expr(cursor)?);
    if (words && cursor.eat(&["FOR"])) || (!words && cursor.eat_symbol(",")) {
        args.push(expr(cursor)?);
    }
    Ok(args)
}

fn overlay(cursor: &mut Cursor) -> Planned<Vec<Expr>> {
    let mut args = vec![expr(cursor)?];
    cursor.expect_words(&["PLACING"])?;
    args.push(expr(cursor)?);
    cursor.expect_words(&["FROM"])?;
    args.push(expr(cursor)?);
    if cursor.eat(&["FOR"]) {
        args.push(expr(cursor)?);
    }
    Ok(args)
}

fn position(cursor: &mut Cursor) -> Planned<Vec<Expr>> {
    let whole = expr_before_in(cursor)?;
    cursor.expect_words(&["IN"])?;
    let mut args = vec![whole, expr(cursor)?];
    if cursor.eat(&["FROM"]) {
        args.push(expr(cursor)?);
    }
    Ok(args)
}

/// The needle of POSITION: `IN` ends it, so it is read without the operators that contain one.
fn expr_before_in(cursor: &mut Cursor) -> Planned<Expr> {
    super::expr::above_range(cursor)
}

fn json_exists(cursor: &mut Cursor) -> Planned<Vec<Expr>> {
    let mut args = vec![expr(cursor)?];
    cursor.expect_symbol(",")?;
    args.push(expr(cursor)?);
    for word in ["TRUE", "FALSE", "UNKNOWN", "ERROR"] {
        if cursor.eat(&[word, "ON", "ERROR"]) {
            args.push(symbol(word, cursor.last_span()));
            break;
        }
    }
    Ok(args)
}

fn returning(cursor: &mut Cursor) -> Planned<Option<Expr>> {
    if !cursor.eat(&["RETURNING"]) {
        return Ok(None);
    }
    let start = cursor.span();
    let ty = types::data_type(cursor)?;
    node(ExprKind::TypedNull(ty), start.to(cursor.last_span())).map(Some)
}

fn json_value(cursor: &mut Cursor) -> Planned<Vec<Expr>> {
    let mut args = vec![expr(cursor)?];
    cursor.expect_symbol(",")?;
    args.push(expr(cursor)?);
    let returning = returning(cursor)?;
    let here = cursor.span();
    let nothing = || (symbol("NULL", here), Expr { kind: ExprKind::TypedNull(TypeKind::STRING.nullable()), span: here, depth: 1 });
    let (mut empty, mut error) = (nothing(), nothing());
    while let Some(behaviour) = on_behaviour(cursor)? {
        cursor.expect_words(&["ON"])?;
        if cursor.eat(&["EMPTY"]) {
            empty = behaviour;
        } else {
            cursor.expect_words(&["ERROR"])?;
            error = behaviour;
        }
    }
    args.extend([empty.0, empty.1, error.0, error.1]);
    args.extend(returning);
    Ok(args)
}

/// `NULL`, `ERROR` or `DEFAULT value` before `ON EMPTY` or `ON ERROR`.
fn on_behaviour(cursor: &mut Cursor) -> Planned<Option<(Expr, Expr)>> {
    let span = cursor.span();
    let none = Expr { kind: ExprKind::TypedNull(TypeKind::STRING.nullable()), span, depth: 1 };
    if cursor.eat(&["NULL"]) {
        return Ok(Some((symbol("NULL", span), none)));
    }
    if cursor.eat(&["ERROR"]) {
        return Ok(Some((symbol("ERROR", span), none)));
    }
    if cursor.eat(&["DEFAULT"]) {
        return Ok(Some((symbol("DEFAULT", span), expr(cursor)?)));
    }
    Ok(None)
}

fn json_query(cursor: &mut Cursor) -> Planned<Vec<Expr>> {
    let mut args = vec![expr(cursor)?];
    cursor.expect_symbol(",")?;
    args.push(expr(cursor)?);
    let returning = returning(cursor)?;
    let here = cursor.span();
    let mut wrapper = "WITHOUT";
    if cursor.eat(&["WITHOUT"]) {
        cursor.eat(&["ARRAY"]);
        cursor.expect_words(&["WRAPPER"])?;
    } else if cursor.eat(&["WITH"]) {
        wrapper = if cursor.eat(&["CONDITIONAL"]) { "CONDITIONAL" } else { "UNCONDITIONAL" };
        cursor.eat(&["UNCONDITIONAL"]);
        cursor.eat(&["ARRAY"]);
        cursor.expect_words(&["WRAPPER"])?;
    }
    let (mut empty, mut error) = ("NULL", "NULL");
    loop {
        let behaviour = if cursor.eat(&["NULL"]) {
            "NULL"
        } else if cursor.eat(&["ERROR"]) {
            "ERROR"
        } else if cursor.eat(&["EMPTY", "ARRAY"]) {
            "EMPTY ARRAY"
        } else if cursor.eat(&["EMPTY", "OBJECT"]) {
            "EMPTY OBJECT"
        } else {
            break;
        };
        cursor.expect_words(&["ON"])?;
        if cursor.eat(&["EMPTY"]) {
            empty = behaviour;
        } else {
            cursor.expect_words(&["ERROR"])?;
            error = behaviour;
        }
    }
    args.extend([symbol(wrapper, here), symbol(empty, here), symbol(error, here)]);
    args.extend(returning);
    Ok(args)
}

fn on_null(cursor: &mut Cursor, default: &'static str) -> Planned<Expr> {
    let span = cursor.span();
    for word in ["NULL", "ABSENT"] {
        if cursor.eat(&[word, "ON", "NULL"]) {
            return Ok(symbol(word, span));
        }
    }
    Ok(symbol(default, span))
}

fn json_object(cursor: &mut Cursor) -> Planned<Vec<Expr>> {
    let mut pairs = Vec::new();
    if !cursor.at_symbol(")") && !cursor.at_words(&["NULL", "ON"]) && !cursor.at_words(&["ABSENT", "ON"]) {
        loop {
            let keyword = cursor.eat(&["KEY"]);
            pairs.push(expr(cursor)?);
            if !cursor.eat(&["VALUE"]) && (keyword || !cursor.eat_symbol(":")) {
                return Err(cursor.unexpected(&["VALUE"]));
            }
            pairs.push(expr(cursor)?);
            if !cursor.eat_symbol(",") {
                break;
            }
        }
    }
    let mut args = vec![on_null(cursor, "NULL")?];
    args.append(&mut pairs);
    Ok(args)
}

fn json_array(cursor: &mut Cursor) -> Planned<Vec<Expr>> {
    let mut values = Vec::new();
    let behaviour_next = |cursor: &Cursor| cursor.at_words(&["NULL", "ON"]) || cursor.at_words(&["ABSENT", "ON"]);
    if !cursor.at_symbol(")") && !behaviour_next(cursor) {
        values = cursor.list(expr)?;
    }
    let mut args = vec![on_null(cursor, "ABSENT")?];
    args.append(&mut values);
    Ok(args)
}

/// `(a, b) OVERLAPS (c, d)`: four arguments.
pub(crate) fn overlaps(left: Expr, right: Expr) -> Planned<Expr> {
    let span = left.span.to(right.span);
    let mut args = Vec::new();
    for side in [left, right] {
        match side.kind {
            ExprKind::Call(row) if row.name.text == "ROW" && row.args.len() == 2 => args.extend(row.args),
            _ => return Err(PlanError::new(Code::Syntax, "each side of OVERLAPS is a pair in parentheses").at(side.span)),
        }
    }
    plain("OVERLAPS", args, span)
}

impl Cursor {
    /// Whether the token `ahead` is a text.
    pub(crate) fn look_is_string(&self, ahead: usize) -> bool {
        matches!(self.look(ahead).kind, TokenKind::String(_))
    }
}
