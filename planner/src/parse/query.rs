//! Queries: WITH, SELECT, VALUES, UNION and its like, ORDER BY, LIMIT.

use crate::ast::{Body, Cte, Expr, ExprKind, GroupItem, Over, Query, Select, SelectItem, SetKind};
use crate::error::{Code, PlanError, Planned, Span};
use crate::token::{Cursor, Name, TokenKind};

use super::{expr, over, table};

/// Whether a query begins here.
pub(crate) fn starts(cursor: &Cursor) -> bool {
    let mut ahead = 0;
    while cursor.is_symbol_at(ahead, "(") {
        ahead += 1;
    }
    match &cursor.look(ahead).kind {
        TokenKind::Word { text, quoted: false } => {
            ["SELECT", "VALUES", "WITH"].iter().any(|word| text.eq_ignore_ascii_case(word))
                || (ahead == 0 && text.eq_ignore_ascii_case("TABLE") && !cursor.is_symbol_at(1, "("))
        }
        _ => false,
    }
}

/// Reads a query.
pub(crate) fn query(cursor: &mut Cursor) -> Planned<Query> {
    cursor.nested(|cursor| {
        let start = cursor.span();
        let with = if cursor.eat(&["WITH"]) { cursor.list(cte)? } else { Vec::new() };
        let body = union(cursor)?;
        let order_by = if by(cursor, "ORDER")? { cursor.list(over::order_item)? } else { Vec::new() };
        let mut query = Query { with, body, order_by, limit: None, offset: None, span: start };
        limits(cursor, &mut query)?;
        query.span = start.to(cursor.last_span());
        Ok(query)
    })
}

/// Reads `GROUP BY` or `ORDER BY` if its first word is next.
fn by(cursor: &mut Cursor, word: &str) -> Planned<bool> {
    let found = cursor.eat(&[word]);
    if found {
        cursor.expect_words(&["BY"])?;
    }
    Ok(found)
}

fn cte(cursor: &mut Cursor) -> Planned<Cte> {
    let name = cursor.name("a name for the query")?;
    let columns = if cursor.at_symbol("(") { table::column_names(cursor)? } else { Vec::new() };
    cursor.expect_words(&["AS"])?;
    cursor.expect_symbol("(")?;
    let query = query(cursor)?;
    cursor.expect_symbol(")")?;
    Ok(Cte { name, columns, query })
}

fn limits(cursor: &mut Cursor, query: &mut Query) -> Planned<()> {
    loop {
        if cursor.eat(&["LIMIT"]) {
            if !cursor.eat(&["ALL"]) {
                query.limit = Some(cursor.row_count()?);
            }
        } else if cursor.at_words(&["OFFSET"]) {
            let span = cursor.span();
            cursor.next();
            query.offset = Some((cursor.row_count()?, span.to(cursor.last_span())));
            if !cursor.eat(&["ROWS"]) {
                cursor.eat(&["ROW"]);
            }
        } else if cursor.eat(&["FETCH"]) {
            if !cursor.eat(&["FIRST"]) {
                cursor.expect_words(&["NEXT"])?;
            }
            query.limit = Some(cursor.row_count()?);
            if !cursor.eat(&["ROWS"]) {
                cursor.expect_words(&["ROW"])?;
            }
            cursor.expect_words(&["ONLY"])?;
        } else {
            return Ok(());
        }
    }
}

fn union(cursor: &mut Cursor) -> Planned<Body> {
    let start = cursor.span();
    let mut left = intersect(cursor)?;
    loop {
        let operator = cursor.span();
        let kind = if cursor.eat(&["UNION"]) {
            SetKind::Union
        } else if cursor.eat(&["EXCEPT"]) {
            SetKind::Except
        } else if cursor.at_words(&["MINUS"]) {
            let message = "MINUS is not allowed under the current SQL conformance level";
            return Err(PlanError::new(Code::Syntax, message).at(operator).label("write EXCEPT"));
        } else {
            return Ok(left);
        };
        left = combined(cursor, left, kind, start, operator, intersect)?;
    }
}

fn intersect(cursor: &mut Cursor) -> Planned<Body> {
    let start = cursor.span();
    let mut left = primary(cursor)?;
    loop {
        let operator = cursor.span();
        if !cursor.eat(&["INTERSECT"]) {
            return Ok(left);
        }
        left = combined(cursor, left, SetKind::Intersect, start, operator, primary)?;
    }
}

/// The next side of a set operation. A chain of the same one is one node, so that a long chain is not a deep one.
fn combined(
    cursor: &mut Cursor,
    left: Body,
    kind: SetKind,
    start: Span,
    operator: Span,
    read: fn(&mut Cursor) -> Planned<Body>,
) -> Planned<Body> {
    let all = cursor.eat(&["ALL"]);
    if !all {
        cursor.eat(&["DISTINCT"]);
    }
    let left_span = start.to(cursor.last_span());
    let right_start = cursor.span();
    let right = cursor.nested(read)?;
    let right = (right, right_start.to(cursor.last_span()));
    match left {
        Body::Set { kind: same, all: also_all, mut inputs, operator } if kind == SetKind::Union && same == kind && also_all == all => {
            inputs.push(right);
            Ok(Body::Set { kind, all, inputs, operator })
        }
        left => Ok(Body::Set { kind, all, inputs: vec![(left, left_span), right], operator }),
    }
}

fn primary(cursor: &mut Cursor) -> Planned<Body> {
    if cursor.at_words(&["SELECT"]) {
        return Ok(Body::Select(Box::new(select(cursor)?)));
    }
    if cursor.eat(&["VALUES"]) {
        return Ok(Body::Values(cursor.list(values_row)?));
    }
    if cursor.at_words(&["TABLE"]) {
        return explicit_table(cursor);
    }
    if cursor.eat_symbol("(") {
        let query = query(cursor)?;
        cursor.expect_symbol(")")?;
        return Ok(Body::Nested(Box::new(query)));
    }
    Err(cursor.unexpected(&["SELECT", "VALUES"]))
}

/// `TABLE t`: `SELECT * FROM t`.
fn explicit_table(cursor: &mut Cursor) -> Planned<Body> {
    let span = cursor.span();
    cursor.expect_words(&["TABLE"])?;
    let from = table::named(cursor)?;
    let items = vec![SelectItem::Star { qualifier: Vec::new(), span }];
    Ok(Body::Select(Box::new(plain_select(items, Some(from), span))))
}

fn plain_select(items: Vec<SelectItem>, from: Option<crate::ast::TableRef>, span: Span) -> Select {
    Select { distinct: None, items, from, filter: None, group_by: None, having: None, windows: Vec::new(), state_ttl: Vec::new(), span }
}

fn values_row(cursor: &mut Cursor) -> Planned<Vec<Expr>> {
    let explicit = cursor.at_words(&["ROW"]) && cursor.is_symbol_at(1, "(");
    if explicit {
        cursor.next();
    }
    if cursor.eat_symbol("(") {
        let mut row = cursor.list(expr::expr)?;
        cursor.expect_symbol(")")?;
        // `(ROW(1, 2))` is that row in parentheses.
        return Ok(match &mut row[..] {
            [Expr { kind: ExprKind::Call(only), .. }] if !explicit && only.name.text == "ROW" => std::mem::take(&mut only.args),
            _ => row,
        });
    }
    Ok(vec![expr::expr(cursor)?])
}

fn select(cursor: &mut Cursor) -> Planned<Select> {
    let start = cursor.span();
    cursor.expect_words(&["SELECT"])?;
    let mut state_ttl = Vec::new();
    if let TokenKind::Hint(text) = &cursor.peek().kind {
        state_ttl = super::hint::state_ttl(&text.clone(), cursor.span())?;
        cursor.next();
    }
    let distinct = cursor.at_words(&["DISTINCT"]).then(|| cursor.span());
    if distinct.is_some() {
        cursor.next();
    } else {
        cursor.eat(&["ALL"]);
    }
    let mut select = plain_select(cursor.list(select_item)?, None, start);
    select.distinct = distinct;
    select.state_ttl = state_ttl;
    if cursor.eat(&["FROM"]) {
        select.from = Some(table::from(cursor)?);
    }
    if cursor.eat(&["WHERE"]) {
        select.filter = Some(expr::expr(cursor)?);
    }
    if by(cursor, "GROUP")? {
        cursor.eat(&["ALL"]);
        select.group_by = Some(cursor.list(group_item)?);
    }
    if cursor.eat(&["HAVING"]) {
        select.having = Some(expr::expr(cursor)?);
    }
    if cursor.eat(&["WINDOW"]) {
        select.windows = cursor.list(|cursor| {
            let name = cursor.name("a window's name")?;
            cursor.expect_words(&["AS"])?;
            Ok((name, over::over(cursor)?))
        })?;
        named_once(&select.windows)?;
    }
    select.span = start.to(cursor.last_span());
    Ok(select)
}

/// Refuses two windows of one name.
fn named_once(windows: &[(Name, Over)]) -> Planned<()> {
    let twice = windows.iter().enumerate().find(|(at, (name, _))| windows[..*at].iter().any(|(other, _)| other.text == name.text));
    match twice {
        Some((_, (name, _))) => Err(PlanError::new(Code::Twice, format!("two windows are called `{}`", name.text)).at(name.span)),
        None => Ok(()),
    }
}

/// One item of a SELECT list.
pub(crate) fn select_item(cursor: &mut Cursor) -> Planned<SelectItem> {
    let start = cursor.span();
    if cursor.eat_symbol("*") {
        return Ok(SelectItem::Star { qualifier: Vec::new(), span: start });
    }
    if let Some(qualifier) = star_path(cursor)? {
        return Ok(SelectItem::Star { qualifier, span: start.to(cursor.last_span()) });
    }
    let expr = expr::expr(cursor)?;
    let alias = if cursor.eat(&["AS"]) { Some(cursor.name("a column's name")?) } else { optional_name(cursor)? };
    Ok(SelectItem::Expr { expr, alias })
}

/// `t.*` or `db.t.*`.
fn star_path(cursor: &mut Cursor) -> Planned<Option<Vec<crate::token::Name>>> {
    let mark = cursor.mark();
    let mut path = Vec::new();
    while matches!(cursor.peek().kind, TokenKind::Word { .. }) && cursor.is_symbol_at(1, ".") {
        path.push(cursor.word("a name")?);
        cursor.expect_symbol(".")?;
        if cursor.eat_symbol("*") {
            return Ok(Some(path));
        }
    }
    cursor.back_to(mark);
    Ok(None)
}

/// A name without AS: any word that is not reserved.
pub(crate) fn optional_name(cursor: &mut Cursor) -> Planned<Option<crate::token::Name>> {
    match &cursor.peek().kind {
        TokenKind::Word { quoted: true, .. } => cursor.name("a name").map(Some),
        TokenKind::Word { text, .. } if !crate::dialect::is_reserved(text) => cursor.name("a name").map(Some),
        _ => Ok(None),
    }
}

fn group_item(cursor: &mut Cursor) -> Planned<GroupItem> {
    let start = cursor.span();
    if cursor.eat(&["GROUPING", "SETS"]) {
        cursor.expect_symbol("(")?;
        let sets = cursor.list(grouping_set)?;
        cursor.expect_symbol(")")?;
        return Ok(GroupItem::Sets { sets });
    }
    let cube = cursor.at_words(&["CUBE"]) && cursor.is_symbol_at(1, "(");
    let rollup = cursor.at_words(&["ROLLUP"]) && cursor.is_symbol_at(1, "(");
    if cube || rollup {
        cursor.next();
        cursor.expect_symbol("(")?;
        let parts = cursor.list(grouping_set)?;
        cursor.expect_symbol(")")?;
        let span = start.to(cursor.last_span());
        let sets = if cube { cube_sets(&parts, span)? } else { (0..=parts.len()).rev().map(|n| parts[..n].concat()).collect() };
        return Ok(GroupItem::Sets { sets });
    }
    if cursor.at_symbol("(") && cursor.is_symbol_at(1, ")") {
        cursor.next();
        cursor.next();
        return Ok(GroupItem::Sets { sets: vec![Vec::new()] });
    }
    expr::expr(cursor).map(GroupItem::Expr)
}

fn cube_sets(parts: &[Vec<Expr>], span: Span) -> Planned<Vec<Vec<Expr>>> {
    // 2^n sets: more than these nobody means.
    if parts.len() > 8 {
        return Err(crate::error::PlanError::new(crate::error::Code::TooDeep, "CUBE takes at most 8 columns").at(span));
    }
    let chosen = |mask: usize| parts.iter().enumerate().filter(move |(i, _)| mask & (1 << (parts.len() - 1 - i)) != 0);
    Ok((0..1usize << parts.len()).rev().map(|mask| chosen(mask).flat_map(|(_, part)| part.clone()).collect()).collect())
}

fn grouping_set(cursor: &mut Cursor) -> Planned<Vec<Expr>> {
    if cursor.at_symbol("(") {
        cursor.next();
        if cursor.eat_symbol(")") {
            return Ok(Vec::new());
        }
        let set = cursor.list(expr::expr)?;
        cursor.expect_symbol(")")?;
        return Ok(set);
    }
    Ok(vec![expr::expr(cursor)?])
}
