//! `CREATE TABLE`, `CREATE TABLE AS` and `CREATE VIEW`.

use irmak_common::limits;

use crate::ast::{ColumnDef, ColumnKind, CreateTable, CreateView, Like, OptionDef, StatementKind};
use crate::error::{Code, PlanError, Planned};
use crate::token::Cursor;

use super::{catalog, expr, query, table, types};

/// Reads a CREATE statement.
pub(crate) fn create(cursor: &mut Cursor) -> Planned<StatementKind> {
    cursor.expect_words(&["CREATE"])?;
    let replace = cursor.at_words(&["OR"]);
    if replace {
        return Err(PlanError::new(Code::Unsupported, "CREATE OR REPLACE is not supported").at(cursor.span()));
    }
    let temporary = cursor.eat(&["TEMPORARY"]);
    if cursor.eat(&["VIEW"]) {
        return create_view(cursor, temporary).map(|view| StatementKind::CreateView(Box::new(view)));
    }
    if cursor.eat(&["TABLE"]) {
        return create_table(cursor, temporary);
    }
    if !temporary && let Some(statement) = catalog::create(cursor)? {
        return Ok(statement);
    }
    for word in ["FUNCTION", "SYSTEM", "MATERIALIZED"] {
        if cursor.at_words(&[word]) {
            let error = PlanError::new(Code::Unsupported, format!("CREATE {word} is not supported")).at(cursor.span());
            return Err(match crate::advice::created(word) {
                Some(advice) => error.note(advice),
                None => error,
            });
        }
    }
    Err(cursor.unexpected(&["TABLE", "VIEW", "DATABASE", "CATALOG"]))
}

pub(crate) fn if_not_exists(cursor: &mut Cursor) -> Planned<bool> {
    if !cursor.eat(&["IF"]) {
        return Ok(false);
    }
    cursor.expect_words(&["NOT", "EXISTS"])?;
    Ok(true)
}

pub(crate) fn comment(cursor: &mut Cursor) -> Planned<Option<String>> {
    if cursor.eat(&["COMMENT"]) { cursor.string("a comment in quotes").map(Some) } else { Ok(None) }
}

fn create_view(cursor: &mut Cursor, temporary: bool) -> Planned<CreateView> {
    let if_not_exists = if_not_exists(cursor)?;
    let name = cursor.path("the view's name")?;
    let columns = if cursor.at_symbol("(") { table::column_names(cursor)? } else { Vec::new() };
    comment(cursor)?;
    cursor.expect_words(&["AS"])?;
    let query = query::query(cursor)?;
    Ok(CreateView { name, temporary, columns, if_not_exists, query })
}

/// An empty declaration under a name.
pub(crate) fn declaration(name: Vec<crate::token::Name>) -> CreateTable {
    CreateTable {
        name,
        temporary: false,
        if_not_exists: false,
        columns: Vec::new(),
        watermark: None,
        primary_key: None,
        comment: None,
        partitioned_by: Vec::new(),
        options: Vec::new(),
        like: None,
    }
}

fn create_table(cursor: &mut Cursor, temporary: bool) -> Planned<StatementKind> {
    let if_not_exists = if_not_exists(cursor)?;
    let mut create = CreateTable { temporary, if_not_exists, ..declaration(cursor.path("the table's name")?) };
    if cursor.eat_symbol("(") {
        cursor.list(|cursor| element(cursor, &mut create))?;
        cursor.expect_symbol(")")?;
    }
    create.comment = comment(cursor)?;
    if cursor.eat(&["PARTITIONED", "BY"]) {
        create.partitioned_by = table::column_names(cursor)?;
    }
    if cursor.eat(&["WITH"]) {
        create.options = options(cursor)?;
    }
    if cursor.eat(&["LIKE"]) {
        create.like = Some(like(cursor)?);
    }
    let create = Box::new(create);
    if !cursor.at_words(&["AS"]) {
        return Ok(StatementKind::CreateTable(create));
    }
    let here = cursor.span();
    if temporary || create.like.is_some() {
        let what = if temporary { "CREATE TEMPORARY TABLE AS" } else { "CREATE TABLE LIKE with AS" };
        return Err(PlanError::new(Code::Unsupported, format!("{what} is not supported, as in Flink")).at(here));
    }
    cursor.next();
    let query = Box::new(query::query(cursor)?);
    Ok(StatementKind::CreateTableAs { create, query })
}

/// Reads a column, a watermark or a key.
pub(crate) fn element(cursor: &mut Cursor, create: &mut CreateTable) -> Planned<()> {
    let start = cursor.span();
    if cursor.eat(&["WATERMARK"]) {
        cursor.expect_words(&["FOR"])?;
        let column = cursor.name("a column")?;
        cursor.expect_words(&["AS"])?;
        let watermark = expr::expr(cursor)?;
        if create.watermark.replace((column, watermark)).is_some() {
            return Err(PlanError::new(Code::Twice, "a table has one watermark").at(start).label("the second one"));
        }
        return Ok(());
    }
    if cursor.eat(&["CONSTRAINT"]) {
        cursor.name("the constraint's name")?;
    }
    if cursor.at_words(&["PRIMARY"]) {
        let key = cursor.span();
        cursor.expect_words(&["PRIMARY", "KEY"])?;
        let columns = table::column_names(cursor)?;
        return primary_key(cursor, create, columns, key);
    }
    if create.columns.len() >= limits::COLUMNS_MAX {
        return Err(PlanError::new(Code::TooDeep, format!("a table has at most {} columns", limits::COLUMNS_MAX)).at(start));
    }
    let name = cursor.name("a column's name")?;
    let kind = column_kind(cursor)?;
    if cursor.at_words(&["PRIMARY"]) {
        let key = cursor.span();
        cursor.expect_words(&["PRIMARY", "KEY"])?;
        primary_key(cursor, create, vec![name.clone()], key)?;
    }
    let comment = comment(cursor)?;
    create.columns.push(ColumnDef { name, kind, comment });
    Ok(())
}

fn primary_key(cursor: &mut Cursor, create: &mut CreateTable, columns: Vec<crate::token::Name>, span: crate::error::Span) -> Planned<()> {
    if !cursor.eat(&["NOT", "ENFORCED"]) {
        return Err(PlanError::new(Code::Unsupported, "a primary key is NOT ENFORCED: nobody checks it")
            .at(span.to(cursor.last_span()))
            .label("write PRIMARY KEY (...) NOT ENFORCED"));
    }
    if create.primary_key.replace((columns, span)).is_some() {
        return Err(PlanError::new(Code::Twice, "a table has one primary key").at(span).label("the second one"));
    }
    Ok(())
}

fn column_kind(cursor: &mut Cursor) -> Planned<ColumnKind> {
    if cursor.eat(&["AS"]) {
        return expr::expr(cursor).map(ColumnKind::Computed);
    }
    let span = cursor.span();
    let ty = types::data_type(cursor)?;
    if types::holds_interval(&ty.kind) {
        return Err(PlanError::new(Code::UnknownType, "a column cannot be an INTERVAL")
            .at(span)
            .label("keep a number of milliseconds or months, and compute the interval where it is needed"));
    }
    if !cursor.eat(&["METADATA"]) {
        return Ok(ColumnKind::Physical(ty));
    }
    let key = if cursor.eat(&["FROM"]) { Some(cursor.string("a metadata key in quotes")?) } else { None };
    let is_virtual = cursor.eat(&["VIRTUAL"]);
    Ok(ColumnKind::Metadata { ty, key, is_virtual })
}

/// `('key' = 'value', ...)`
pub(crate) fn options(cursor: &mut Cursor) -> Planned<Vec<OptionDef>> {
    cursor.expect_symbol("(")?;
    if cursor.eat_symbol(")") {
        return Ok(Vec::new());
    }
    let options = cursor.list(|cursor| {
        let key_span = cursor.span();
        let key = cursor.string("an option in quotes, as in 'connector' = 'kafka',")?;
        cursor.expect_symbol("=")?;
        let value_span = cursor.span();
        let value = cursor.string("a value in quotes")?;
        Ok(OptionDef { key, key_span, value, value_span })
    })?;
    cursor.expect_symbol(")")?;
    Ok(options)
}

fn like(cursor: &mut Cursor) -> Planned<Like> {
    let name = cursor.path("a table")?;
    let mut options: Vec<(&'static str, &'static str)> = Vec::new();
    if cursor.eat_symbol("(") {
        while !cursor.eat_symbol(")") {
            let start = cursor.span();
            let words = ["INCLUDING", "EXCLUDING", "OVERWRITING"];
            let Some(strategy) = words.into_iter().find(|word| cursor.eat(&[word])) else { return Err(cursor.unexpected(&words)) };
            let features = ["ALL", "CONSTRAINTS", "GENERATED", "METADATA", "OPTIONS", "PARTITIONS", "WATERMARKS", "DISTRIBUTION"];
            let Some(feature) = features.into_iter().find(|word| cursor.eat(&[word])) else { return Err(cursor.unexpected(&features)) };
            let span = start.to(cursor.last_span());
            if options.iter().any(|(_, known)| *known == feature) {
                return Err(PlanError::new(Code::Twice, format!("LIKE says twice what becomes of {feature}")).at(span));
            }
            if strategy == "OVERWRITING" && ["ALL", "CONSTRAINTS", "PARTITIONS", "DISTRIBUTION"].contains(&feature) {
                return Err(PlanError::new(Code::Syntax, format!("OVERWRITING {feature} does not exist"))
                    .at(span)
                    .label("one of `INCLUDING`, `EXCLUDING` expected"));
            }
            options.push((strategy, feature));
        }
    }
    Ok(Like { name, options })
}
