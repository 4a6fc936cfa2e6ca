//! What stands behind FROM: tables, subqueries, window table functions, UNNEST, MATCH_RECOGNIZE, joins.

use crate::ast::{Alias, Hint, JoinKind, JoinOn, TableRef, WindowArg, WindowValue};
use crate::error::{Code, PlanError, Planned, Span};
use crate::token::{Cursor, Name, TokenKind};

use super::{expr, pattern, query};

/// Reads everything behind FROM. Commas are cross joins.
pub(crate) fn from(cursor: &mut Cursor) -> Planned<TableRef> {
    let start = cursor.span();
    let mut left = joined(cursor)?;
    let mut joins = 0;
    while cursor.at_symbol(",") {
        let comma = cursor.span();
        cursor.next();
        let right = joined(cursor)?;
        left = join(left, right, JoinKind::Cross, JoinOn::Nothing, comma, &mut joins, start)?;
    }
    Ok(left)
}

/// Joins are left-deep: their number is bounded like any nesting.
fn join(left: TableRef, right: TableRef, kind: JoinKind, on: JoinOn, span: Span, joins: &mut usize, start: Span) -> Planned<TableRef> {
    *joins += 1;
    if *joins > irmak_common::limits::SQL_DEPTH_MAX {
        return Err(crate::token::too_deep(start));
    }
    Ok(TableRef::Join { left: Box::new(left), right: Box::new(right), kind, on, span })
}

fn joined(cursor: &mut Cursor) -> Planned<TableRef> {
    let start = cursor.span();
    let mut left = primary(cursor)?;
    let mut joins = 0;
    loop {
        let span = cursor.span();
        let natural = cursor.eat(&["NATURAL"]);
        let kind = if cursor.eat(&["CROSS", "JOIN"]) {
            JoinKind::Cross
        } else if cursor.eat(&["JOIN"]) || cursor.eat(&["INNER", "JOIN"]) {
            JoinKind::Inner
        } else if cursor.eat(&["LEFT", "JOIN"]) || cursor.eat(&["LEFT", "OUTER", "JOIN"]) {
            JoinKind::Left
        } else if cursor.eat(&["RIGHT", "JOIN"]) || cursor.eat(&["RIGHT", "OUTER", "JOIN"]) {
            JoinKind::Right
        } else if cursor.eat(&["FULL", "JOIN"]) || cursor.eat(&["FULL", "OUTER", "JOIN"]) {
            JoinKind::Full
        } else if natural {
            return Err(cursor.unexpected(&["JOIN"]));
        } else {
            return Ok(left);
        };
        let span = span.to(cursor.last_span());
        let right = primary(cursor)?;
        let on = match natural {
            true => JoinOn::Natural,
            false if cursor.eat(&["ON"]) => JoinOn::Condition(Box::new(expr::expr(cursor)?)),
            false if cursor.eat(&["USING"]) => JoinOn::Using(column_names(cursor)?),
            false => JoinOn::Nothing,
        };
        conditioned(kind, &on, span)?;
        left = join(left, right, kind, on, span, &mut joins, start)?;
    }
}

/// CROSS JOIN has no condition, every other join has one.
fn conditioned(kind: JoinKind, on: &JoinOn, span: Span) -> Planned<()> {
    match (kind, on) {
        (JoinKind::Cross, JoinOn::Nothing) => Ok(()),
        (JoinKind::Cross, _) => Err(PlanError::new(Code::Syntax, "a CROSS JOIN has no condition").at(span).label("write JOIN")),
        (_, JoinOn::Nothing) => {
            Err(PlanError::new(Code::Syntax, "a join needs a condition").at(span).label("ON, USING or NATURAL; CROSS JOIN has none"))
        }
        _ => Ok(()),
    }
}

fn primary(cursor: &mut Cursor) -> Planned<TableRef> {
    let start = cursor.span();
    let table = if cursor.at_words(&["TABLE"]) && cursor.is_symbol_at(1, "(") {
        table_function(cursor)?
    } else if cursor.at_words(&["UNNEST"]) && cursor.is_symbol_at(1, "(") {
        cursor.next();
        cursor.expect_symbol("(")?;
        let collection = Box::new(expr::expr(cursor)?);
        cursor.expect_symbol(")")?;
        let ordinality = cursor.eat(&["WITH"]);
        if ordinality {
            cursor.expect_words(&["ORDINALITY"])?;
        }
        let span = start.to(cursor.last_span());
        TableRef::Unnest { collection, ordinality, alias: alias(cursor)?, span }
    } else if cursor.at_words(&["LATERAL"]) || cursor.at_symbol("(") {
        derived(cursor)?
    } else {
        named(cursor)?
    };
    if cursor.at_words(&["MATCH_RECOGNIZE"]) {
        let span = cursor.span();
        if let TableRef::Table { alias: Some(_), .. } | TableRef::Derived { alias: Some(_), .. } = &table {
            return Err(cursor.unexpected(&["the next clause"]).note("the alias stands behind it: t MATCH_RECOGNIZE (...) AS a"));
        }
        cursor.next();
        let clause = Box::new(pattern::clause(cursor, span)?);
        return Ok(TableRef::Match { input: Box::new(table), clause, alias: alias(cursor)? });
    }
    Ok(table)
}

fn derived(cursor: &mut Cursor) -> Planned<TableRef> {
    let lateral = cursor.eat(&["LATERAL"]);
    if lateral && cursor.at_words(&["TABLE"]) {
        let span = cursor.span();
        return Err(PlanError::new(Code::Unsupported, "LATERAL TABLE functions are not supported yet").at(span));
    }
    let opened = cursor.span();
    cursor.expect_symbol("(")?;
    if !query::starts(cursor) {
        let inner = cursor.nested(from)?;
        cursor.expect_symbol(")")?;
        return Ok(inner);
    }
    let query = Box::new(query::query(cursor)?);
    if !cursor.at_symbol(")") {
        return Err(cursor.unexpected(&[")"]).note(format!("the parenthesis opened at {}:{} is not closed", opened.line, opened.column)));
    }
    cursor.expect_symbol(")")?;
    Ok(TableRef::Derived { query, alias: alias(cursor)?, lateral })
}

/// A table by its name, with hints and alias.
pub(crate) fn named(cursor: &mut Cursor) -> Planned<TableRef> {
    let name = cursor.path("a table")?;
    let windows = ["TUMBLE", "HOP", "CUMULATE", "SESSION"];
    if cursor.at_symbol("(") && windows.iter().any(|window| name[0].text.eq_ignore_ascii_case(window)) {
        let message = format!("the window function {} stands in TABLE(...)", name[0].text);
        return Err(PlanError::new(Code::Syntax, message).at(name[0].span).label("write TABLE( before it, and one more ) behind it"));
    }
    let mut hints = Vec::new();
    if let TokenKind::Hint(text) = &cursor.peek().kind {
        hints = hint(&text.clone(), cursor.span())?;
        cursor.next();
    }
    let mut snapshot = None;
    if cursor.at_words(&["FOR", "SYSTEM_TIME"]) {
        let start = cursor.span();
        cursor.expect_words(&["FOR", "SYSTEM_TIME", "AS", "OF"])?;
        let time = expr::expr(cursor)?;
        snapshot = Some(Box::new((time, start.to(cursor.last_span()))));
    }
    let mut alias = alias(cursor)?;
    if let TokenKind::Hint(text) = &cursor.peek().kind {
        hints = hint(&text.clone(), cursor.span())?;
        cursor.next();
    }
    if alias.is_none() {
        alias = self::alias(cursor)?;
    }
    Ok(TableRef::Table { name, hints, alias, snapshot })
}

/// `OPTIONS('key' = 'value', ...)`; other hints are passed over, as they only advise.
fn hint(text: &str, span: Span) -> Planned<Vec<Hint>> {
    let at_hint = |error: PlanError| error.at(span);
    let tokens = crate::token::tokenize(text).map_err(|_| PlanError::new(Code::Syntax, "the hint cannot be read").at(span))?;
    let mut cursor = Cursor::new(tokens);
    let mut hints = Vec::new();
    while !cursor.at_end() {
        let name = Name { text: cursor.word("a hint").map_err(at_hint)?.text, span };
        if !name.text.eq_ignore_ascii_case("OPTIONS") {
            hints.push(Hint { name, option: None });
            break;
        }
        cursor.expect_symbol("(").map_err(at_hint)?;
        let options = cursor.list(|cursor| {
            let key = cursor.string("an option in quotes")?;
            cursor.expect_symbol("=")?;
            Ok((key, cursor.string("a value in quotes")?))
        });
        for option in options.map_err(|_| PlanError::new(Code::Syntax, "the hint is not OPTIONS('key' = 'value')").at(span))? {
            hints.push(Hint { name: name.clone(), option: Some(option) });
        }
        if !cursor.eat_symbol(")") {
            return Err(PlanError::new(Code::Syntax, "the hint is not OPTIONS('key' = 'value')").at(span));
        }
        cursor.eat_symbol(",");
    }
    Ok(hints)
}

fn alias(cursor: &mut Cursor) -> Planned<Option<Alias>> {
    let name = if cursor.eat(&["AS"]) { Some(cursor.name("a name")?) } else { query::optional_name(cursor)? };
    let Some(name) = name else { return Ok(None) };
    let columns = if cursor.at_symbol("(") { column_names(cursor)? } else { Vec::new() };
    Ok(Some(Alias { name, columns }))
}

/// `(a, b, c)`
pub(crate) fn column_names(cursor: &mut Cursor) -> Planned<Vec<Name>> {
    cursor.expect_symbol("(")?;
    let names = cursor.list(|cursor| cursor.name("a column's name"))?;
    cursor.expect_symbol(")")?;
    Ok(names)
}

fn table_function(cursor: &mut Cursor) -> Planned<TableRef> {
    cursor.expect_words(&["TABLE"])?;
    cursor.expect_symbol("(")?;
    let start = cursor.span();
    let function = cursor.word("a table function")?;
    cursor.expect_symbol("(")?;
    let args = if cursor.at_symbol(")") { Vec::new() } else { cursor.list(argument)? };
    cursor.expect_symbol(")")?;
    let span = start.to(cursor.last_span());
    cursor.expect_symbol(")")?;
    Ok(TableRef::Window { function, args, span, alias: alias(cursor)? })
}

fn argument(cursor: &mut Cursor) -> Planned<WindowArg> {
    let start = cursor.span();
    let name = if cursor.is_symbol_at(1, "=>") { Some(cursor.word("an argument's name")?) } else { None };
    if name.is_some() {
        cursor.expect_symbol("=>")?;
    }
    let value = if cursor.eat(&["TABLE"]) {
        let paren = cursor.eat_symbol("(");
        let name = cursor.path("a table")?;
        if paren {
            cursor.expect_symbol(")")?;
        }
        WindowValue::Table { name, partition_by: partition_by(cursor)? }
    } else if cursor.at_words(&["DESCRIPTOR"]) {
        cursor.next();
        WindowValue::Descriptor(column_names(cursor)?)
    } else if cursor.at_symbol("(") && query::starts(cursor) {
        cursor.expect_symbol("(")?;
        let query = Box::new(query::query(cursor)?);
        cursor.expect_symbol(")")?;
        WindowValue::Query { query, partition_by: partition_by(cursor)? }
    } else {
        WindowValue::Expr(expr::expr(cursor)?)
    };
    Ok(WindowArg { name, value, span: start.to(cursor.last_span()) })
}

fn partition_by(cursor: &mut Cursor) -> Planned<Vec<Name>> {
    if !cursor.eat(&["PARTITION", "BY"]) {
        return Ok(Vec::new());
    }
    if cursor.at_symbol("(") {
        return column_names(cursor);
    }
    let mut names = vec![cursor.name("a column")?];
    // A comma may also begin the next argument: `PARTITION BY a, DESCRIPTOR(ts)` or `..., NAME => value`.
    while cursor.at_symbol(",") && !cursor.is_symbol_at(2, "(") && !cursor.is_symbol_at(2, "=>") {
        cursor.next();
        names.push(cursor.name("a column")?);
    }
    Ok(names)
}
