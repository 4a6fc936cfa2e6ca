//! Names: columns, and calls of functions with what hangs on them (DISTINCT, FILTER, OVER).

use crate::ast::{Call, Expr, ExprKind};
use crate::error::{Code, PlanError, Planned, Span};
use crate::token::{Cursor, Name, TokenKind};

use super::expr::{expr, node};
use super::{literal, over, special};

/// A call of a function by its name, nothing else hanging on it.
pub(crate) fn call(name: &str, args: Vec<Expr>, span: Span) -> Planned<Expr> {
    let name = Name { text: name.to_owned(), span };
    let call = Call { name, args, star: false, distinct: false, filter: None, over: None };
    node(ExprKind::Call(Box::new(call)), span)
}

/// Words that are functions without parentheses.
const BARE_FUNCTIONS: [&str; 6] = ["CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP", "CURRENT_USER"];

/// A column by its path, a call, or a function that is written without parentheses.
pub(super) fn column_or_call(cursor: &mut Cursor) -> Planned<Expr> {
    let start = cursor.span();
    if cursor.is_symbol_at(1, "(") {
        let name = cursor.word("a function's name")?;
        if BARE_FUNCTIONS.iter().any(|bare| bare.eq_ignore_ascii_case(&name.text)) && cursor.is_symbol_at(1, ")") {
            let message = format!("`{}` is written without parentheses", name.text.to_ascii_uppercase());
            return Err(PlanError::new(Code::Syntax, message).at(start));
        }
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

fn plain_call(cursor: &mut Cursor, name: Name) -> Planned<Expr> {
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
    let present = nulls_ignored(cursor, &call)?;
    cursor.expect_symbol(")")?;
    aggregate_tail(cursor, &mut call)?;
    if let Some(present) = present {
        call.filter = Some(match call.filter.take() {
            Some(filter) => node(ExprKind::And(vec![present, filter]), start.to(cursor.last_span()))?,
            None => present,
        });
    }
    node(ExprKind::Call(Box::new(call)), start.to(cursor.last_span()))
}

/// `ARRAY_AGG(x IGNORE NULLS)`: the rows that count. RESPECT NULLS says what is so anyway.
fn nulls_ignored(cursor: &mut Cursor, call: &Call) -> Planned<Option<Expr>> {
    let span = cursor.span();
    match &call.args[..] {
        [only] if call.name.text.eq_ignore_ascii_case("ARRAY_AGG") => {
            if cursor.eat(&["IGNORE", "NULLS"]) {
                let operator = ExprKind::Operator { name: "IS NOT NULL", args: vec![only.clone()] };
                return node(operator, span.to(cursor.last_span())).map(Some);
            }
            cursor.eat(&["RESPECT", "NULLS"]);
            Ok(None)
        }
        _ => Ok(None),
    }
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
