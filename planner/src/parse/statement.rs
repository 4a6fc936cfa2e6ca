//! Statements other than CREATE: SET, SHOW, DROP, INSERT, EXPLAIN, statement sets, queries.

use crate::ast::{Drop, ExplainDetails, Insert, Setting, Statement, StatementKind};
use crate::error::{Code, PlanError, Planned};
use crate::token::{Cursor, TokenKind};

use super::{alter, catalog, ddl, expr, query, show, table};

const STATEMENTS: [&str; 11] = ["CREATE", "INSERT", "SELECT", "SET", "RESET", "EXECUTE", "EXPLAIN", "SHOW", "DESCRIBE", "DROP", "WITH"];

/// Reads one statement, up to its `;`.
pub(crate) fn statement(cursor: &mut Cursor) -> Planned<Statement> {
    cursor.nested(|cursor| {
        let start = cursor.span();
        let kind = kind(cursor)?;
        Ok(Statement { kind, span: start.to(cursor.last_span()) })
    })
}

fn kind(cursor: &mut Cursor) -> Planned<StatementKind> {
    if query::starts(cursor) {
        return Ok(StatementKind::Query(Box::new(query::query(cursor)?)));
    }
    if cursor.at_words(&["CREATE"]) {
        return ddl::create(cursor);
    }
    if cursor.at_words(&["INSERT"]) {
        return Ok(StatementKind::Insert(Box::new(insert(cursor)?)));
    }
    if cursor.eat(&["SET"]) {
        return set(cursor);
    }
    if cursor.eat(&["RESET"]) {
        let key = if cursor.at_end() || cursor.at_symbol(";") { None } else { Some(setting(cursor, "a key in quotes")?) };
        return Ok(StatementKind::Reset(key));
    }
    if cursor.eat(&["DROP"]) {
        return drop_object(cursor);
    }
    if cursor.eat(&["EXECUTE"]) {
        return if cursor.eat(&["STATEMENT", "SET"]) { statement_set(cursor) } else { kind(cursor) };
    }
    if cursor.eat(&["BEGIN", "STATEMENT", "SET"]) {
        // The form of Flink's SQL client.
        cursor.expect_symbol(";")?;
        return inserts(cursor);
    }
    if cursor.eat(&["EXPLAIN"]) {
        return explain(cursor);
    }
    if cursor.eat(&["DESCRIBE"]) || cursor.eat(&["DESC"]) {
        return show::describe(cursor);
    }
    if cursor.eat(&["SHOW"]) {
        return show::show(cursor).map(StatementKind::Show);
    }
    if cursor.eat(&["USE"]) {
        return show::usage(cursor);
    }
    if cursor.eat(&["ALTER"]) {
        return alter::alter(cursor);
    }
    Err(no_statement(cursor))
}

/// What to say of a first word that begins none of ours.
fn no_statement(cursor: &Cursor) -> PlanError {
    let known = ["LOAD", "UNLOAD", "ADD", "REMOVE", "ANALYZE", "UPDATE", "DELETE", "TRUNCATE", "CALL", "COMPILE", "STOP"];
    if let Some(word) = known.iter().find(|word| cursor.at_words(&[word])) {
        let error = PlanError::new(Code::Unsupported, format!("{word} is not supported")).at(cursor.span());
        return match crate::advice::statement(word) {
            Some(advice) => error.note(advice),
            None => error,
        };
    }
    let error = cursor.unexpected(&["a statement"]);
    match &cursor.peek().kind {
        TokenKind::Word { text, .. } => error.suggest(text, STATEMENTS),
        _ => error,
    }
}

fn set(cursor: &mut Cursor) -> Planned<StatementKind> {
    if cursor.at_end() || cursor.at_symbol(";") {
        return Ok(StatementKind::Set(None));
    }
    let key = setting(cursor, "a key in quotes, such as 'parallelism.default'")?;
    cursor.expect_symbol("=")?;
    let value = setting(cursor, "a value in quotes")?;
    Ok(StatementKind::Set(Some((key, value))))
}

/// A quoted text, or bare words and numbers as the SQL client of old took them.
fn setting(cursor: &mut Cursor, what: &str) -> Planned<Setting> {
    let start = cursor.span();
    if cursor.look_is_string(0) {
        let text = cursor.string(what)?;
        return Ok(Setting { text, span: start });
    }
    let mut text = String::new();
    while !cursor.at_end() && !cursor.at_symbol(";") && !cursor.at_symbol("=") {
        match cursor.next().kind {
            TokenKind::Word { text: word, .. } | TokenKind::Number(word) => text.push_str(&word),
            TokenKind::Symbol(symbol @ ("." | "-" | "/" | ":")) => text.push_str(symbol),
            _ => return Err(PlanError::new(Code::Syntax, format!("{what} is expected")).at(start)),
        }
    }
    if text.is_empty() {
        return Err(cursor.unexpected(&[what]));
    }
    Ok(Setting { text, span: start.to(cursor.last_span()) })
}

fn drop_object(cursor: &mut Cursor) -> Planned<StatementKind> {
    let temporary = cursor.eat(&["TEMPORARY"]);
    if !temporary && let Some(statement) = catalog::drop(cursor)? {
        return Ok(statement);
    }
    cursor.eat(&["SYSTEM"]);
    if cursor.eat(&["FUNCTION"]) {
        return drop_function(cursor);
    }
    let view = cursor.eat(&["VIEW"]);
    if !view && !cursor.eat(&["TABLE"]) {
        return Err(cursor.unexpected(&["TABLE", "VIEW", "DATABASE", "CATALOG"]));
    }
    let if_exists = cursor.eat(&["IF", "EXISTS"]);
    Ok(StatementKind::Drop(Drop { view, temporary, name: cursor.path("a name")?, if_exists }))
}

/// There are no functions to drop.
fn drop_function(cursor: &mut Cursor) -> Planned<StatementKind> {
    let if_exists = cursor.eat(&["IF", "EXISTS"]);
    let name = cursor.path("a name")?;
    if if_exists {
        return Ok(StatementKind::Nothing);
    }
    let told = name.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(".");
    let error = PlanError::new(Code::UnknownTable, format!("there is no function `{told}` to drop"));
    Err(error.at(crate::catalog::span_of(&name)).label("write DROP FUNCTION IF EXISTS"))
}

fn statement_set(cursor: &mut Cursor) -> Planned<StatementKind> {
    cursor.expect_words(&["BEGIN"])?;
    inserts(cursor)
}

/// Reads the INSERTs of a statement set, and its END.
fn inserts(cursor: &mut Cursor) -> Planned<StatementKind> {
    let mut inserts = Vec::new();
    loop {
        while cursor.eat_symbol(";") {}
        if cursor.eat(&["END"]) {
            break;
        }
        if !cursor.at_words(&["INSERT"]) {
            return Err(cursor.unexpected(&["INSERT", "END"]));
        }
        inserts.push(insert(cursor)?);
        cursor.expect_symbol(";")?;
    }
    if inserts.is_empty() {
        return Err(PlanError::new(Code::Syntax, "a statement set holds at least one INSERT").at(cursor.last_span()));
    }
    Ok(StatementKind::StatementSet(inserts))
}

fn insert(cursor: &mut Cursor) -> Planned<Insert> {
    let start = cursor.span();
    cursor.expect_words(&["INSERT"])?;
    let overwrite = cursor.at_words(&["OVERWRITE"]).then(|| cursor.span());
    if overwrite.is_some() {
        cursor.next();
        cursor.eat(&["INTO"]);
    } else {
        cursor.expect_words(&["INTO"])?;
    }
    cursor.eat(&["TABLE"]);
    let table = cursor.path("a table")?;
    if matches!(cursor.peek().kind, TokenKind::Hint(_)) {
        cursor.next();
    }
    let mut partition = Vec::new();
    if cursor.eat(&["PARTITION"]) {
        cursor.expect_symbol("(")?;
        partition = cursor.list(|cursor| {
            let name = cursor.name("a partition column")?;
            cursor.expect_symbol("=")?;
            Ok((name, expr::expr(cursor)?))
        })?;
        cursor.expect_symbol(")")?;
    }
    let columns = if cursor.at_symbol("(") && !query::starts(cursor) { table::column_names(cursor)? } else { Vec::new() };
    let query = query::query(cursor)?;
    Ok(Insert { table, partition, columns, overwrite, query, span: start.to(cursor.last_span()) })
}

fn explain(cursor: &mut Cursor) -> Planned<StatementKind> {
    let mut details = ExplainDetails::default();
    if cursor.eat(&["PLAN"]) {
        cursor.expect_words(&["FOR"])?;
    } else {
        explain_details(cursor, &mut details)?;
    }
    if cursor.eat(&["STATEMENT", "SET"]) {
        let span = cursor.span();
        let kind = statement_set(cursor)?;
        return Ok(StatementKind::Explain { statement: Box::new(Statement { kind, span }), details });
    }
    Ok(StatementKind::Explain { statement: Box::new(statement(cursor)?), details })
}

/// `ESTIMATED_COST, CHANGELOG_MODE`: after a comma there must be another.
fn explain_details(cursor: &mut Cursor, details: &mut ExplainDetails) -> Planned<()> {
    let mut more = false;
    loop {
        let known = [
            ("ESTIMATED_COST", &mut details.estimated_cost),
            ("CHANGELOG_MODE", &mut details.changelog_mode),
            ("JSON_EXECUTION_PLAN", &mut details.json_execution_plan),
            ("PLAN_ADVICE", &mut details.plan_advice),
        ];
        match known.into_iter().find(|(word, _)| cursor.eat(&[word])) {
            Some((_, asked)) => *asked = true,
            None if more => return Err(cursor.unexpected(&["ESTIMATED_COST", "CHANGELOG_MODE", "JSON_EXECUTION_PLAN", "PLAN_ADVICE"])),
            None => return Ok(()),
        }
        if !cursor.eat_symbol(",") {
            return Ok(());
        }
        more = true;
    }
}
