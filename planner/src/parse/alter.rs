//! `ALTER TABLE` and `ALTER VIEW`.

use crate::ast::{Alter, Change, Elements, Place, Setting, StatementKind};
use crate::error::{Code, PlanError, Planned};
use crate::token::{Cursor, Name};

use super::{catalog, ddl, query, table};

/// Reads what stands behind ALTER.
pub(crate) fn alter(cursor: &mut Cursor) -> Planned<StatementKind> {
    if let Some(statement) = catalog::alter(cursor)? {
        return Ok(statement);
    }
    let view = cursor.eat(&["VIEW"]);
    if !view && !cursor.eat(&["TABLE"]) {
        let objects = ["FUNCTION", "MATERIALIZED"];
        return Err(match objects.iter().find(|word| cursor.at_words(&[word])) {
            Some(word) => PlanError::new(Code::Unsupported, format!("ALTER {word} is not supported")).at(cursor.span()),
            None => cursor.unexpected(&["TABLE", "VIEW", "DATABASE", "CATALOG"]),
        });
    }
    let if_exists = !view && cursor.eat(&["IF", "EXISTS"]);
    let name = cursor.path("a name")?;
    let change = if view { view_change(cursor)? } else { change(cursor)? };
    Ok(StatementKind::Alter(Box::new(Alter { view, name, if_exists, change })))
}

fn view_change(cursor: &mut Cursor) -> Planned<Change> {
    if cursor.eat(&["RENAME", "TO"]) {
        return cursor.path("the new name").map(Change::RenameTo);
    }
    if cursor.eat(&["AS"]) {
        return query::query(cursor).map(Change::Query);
    }
    Err(cursor.unexpected(&["RENAME TO", "AS"]))
}

fn change(cursor: &mut Cursor) -> Planned<Change> {
    let start = cursor.span();
    if cursor.eat(&["RENAME", "TO"]) {
        return cursor.path("the new name").map(Change::RenameTo);
    }
    if cursor.eat(&["RENAME"]) {
        let from = column(cursor)?;
        cursor.expect_words(&["TO"])?;
        return Ok(Change::RenameColumn { from, to: cursor.name("the column's new name")? });
    }
    if cursor.eat(&["SET"]) {
        return ddl::options(cursor).map(Change::Set);
    }
    if cursor.eat(&["RESET"]) {
        cursor.expect_symbol("(")?;
        let keys = cursor.list(|cursor| {
            let span = cursor.span();
            Ok(Setting { text: cursor.string("an option in quotes")?, span })
        })?;
        cursor.expect_symbol(")")?;
        return Ok(Change::Reset(keys));
    }
    for word in ["ADD", "MODIFY", "DROP"] {
        for object in ["PARTITION", "DISTRIBUTION"] {
            if cursor.at_words(&[word, object]) || cursor.at_words(&[word, "IF", "NOT", "EXISTS"]) {
                return Err(PlanError::new(Code::Unsupported, format!("ALTER TABLE {word} {object} is not supported")).at(start));
            }
        }
    }
    if cursor.eat(&["ADD"]) {
        return elements(cursor).map(Change::Add);
    }
    if cursor.eat(&["MODIFY"]) {
        return elements(cursor).map(Change::Modify);
    }
    if cursor.eat(&["DROP"]) {
        return dropped(cursor);
    }
    Err(cursor.unexpected(&["ADD", "MODIFY", "DROP", "RENAME", "SET", "RESET"]))
}

fn dropped(cursor: &mut Cursor) -> Planned<Change> {
    let start = cursor.span();
    if cursor.eat(&["WATERMARK"]) {
        return Ok(Change::DropWatermark(start));
    }
    if cursor.eat(&["PRIMARY"]) {
        cursor.expect_words(&["KEY"])?;
        return Ok(Change::DropPrimaryKey(start.to(cursor.last_span())));
    }
    if cursor.eat(&["CONSTRAINT"]) {
        // A table has one constraint, its key, whatever it is called.
        cursor.name("the constraint's name")?;
        return Ok(Change::DropPrimaryKey(start.to(cursor.last_span())));
    }
    let columns = if cursor.at_symbol("(") { table::column_names(cursor)? } else { vec![column(cursor)?] };
    Ok(Change::DropColumns(columns))
}

fn column(cursor: &mut Cursor) -> Planned<Name> {
    let name = cursor.name("a column")?;
    if cursor.at_symbol(".") {
        return Err(PlanError::new(Code::Unsupported, "a field of a ROW cannot be altered by itself").at(cursor.span()));
    }
    Ok(name)
}

/// One element, or several in parentheses; each column may say where it comes to stand.
fn elements(cursor: &mut Cursor) -> Planned<Elements> {
    let mut read = ddl::declaration(Vec::new());
    let mut places = Vec::new();
    let mut one = |cursor: &mut Cursor| {
        let before = read.columns.len();
        ddl::element(cursor, &mut read)?;
        let place = if cursor.eat(&["FIRST"]) {
            Some(Place::First)
        } else if cursor.eat(&["AFTER"]) {
            Some(Place::After(column(cursor)?))
        } else {
            None
        };
        match (read.columns.len() > before, &place) {
            (true, _) => places.push(place),
            (false, None) => {}
            (false, Some(_)) => return Err(PlanError::new(Code::Syntax, "only a column has a place").at(cursor.last_span())),
        }
        Ok(())
    };
    if cursor.eat_symbol("(") {
        cursor.list(one)?;
        cursor.expect_symbol(")")?;
    } else {
        one(cursor)?;
    }
    let columns = read.columns.into_iter().zip(places).collect();
    Ok(Elements { columns, watermark: read.watermark, primary_key: read.primary_key })
}
