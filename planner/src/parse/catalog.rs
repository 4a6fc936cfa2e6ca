//! Statements about catalogs and databases, behind their first words.

use crate::ast::{CatalogChange, CatalogStatement, OptionDef, Setting, StatementKind};
use crate::error::{Code, PlanError, Planned};
use crate::token::{Cursor, TokenKind};

use super::ddl;

/// Reads what stands behind CREATE, if it is a catalog or a database.
pub(crate) fn create(cursor: &mut Cursor) -> Planned<Option<StatementKind>> {
    if cursor.eat(&["CATALOG"]) {
        let if_not_exists = ddl::if_not_exists(cursor)?;
        let name = cursor.name("the catalog's name")?;
        let comment = ddl::comment(cursor)?;
        let options = with(cursor)?;
        return of(CatalogStatement::CreateCatalog { name, if_not_exists, comment, options });
    }
    if cursor.eat(&["DATABASE"]) {
        let if_not_exists = ddl::if_not_exists(cursor)?;
        let name = cursor.path("the database's name")?;
        let comment = ddl::comment(cursor)?;
        let properties = with(cursor)?;
        return of(CatalogStatement::CreateDatabase { name, if_not_exists, comment, properties });
    }
    Ok(None)
}

/// Reads what stands behind DROP, if it is a catalog or a database.
pub(crate) fn drop(cursor: &mut Cursor) -> Planned<Option<StatementKind>> {
    if cursor.eat(&["CATALOG"]) {
        let if_exists = cursor.eat(&["IF", "EXISTS"]);
        return of(CatalogStatement::DropCatalog { name: cursor.name("a catalog")?, if_exists });
    }
    if cursor.eat(&["DATABASE"]) {
        let if_exists = cursor.eat(&["IF", "EXISTS"]);
        let name = cursor.path("a database")?;
        let cascade = cursor.eat(&["CASCADE"]);
        if !cascade {
            cursor.eat(&["RESTRICT"]);
        }
        return of(CatalogStatement::DropDatabase { name, if_exists, cascade });
    }
    Ok(None)
}

/// Reads what stands behind ALTER, if it is a catalog or a database.
pub(crate) fn alter(cursor: &mut Cursor) -> Planned<Option<StatementKind>> {
    if cursor.eat(&["CATALOG"]) {
        let name = cursor.name("a catalog")?;
        let change = if cursor.eat(&["SET"]) {
            CatalogChange::Set(some(cursor, "SET", ddl::options)?)
        } else if cursor.eat(&["RESET"]) {
            CatalogChange::Reset(some(cursor, "RESET", keys)?)
        } else if cursor.eat(&["COMMENT"]) {
            CatalogChange::Comment(cursor.string("a comment in quotes")?)
        } else {
            return Err(cursor.unexpected(&["SET", "RESET", "COMMENT"]));
        };
        return of(CatalogStatement::AlterCatalog { name, change });
    }
    if cursor.eat(&["DATABASE"]) {
        let name = cursor.path("a database")?;
        cursor.expect_words(&["SET"])?;
        return of(CatalogStatement::AlterDatabase { name, set: ddl::options(cursor)? });
    }
    Ok(None)
}

/// Reads what stands behind USE, modules apart.
pub(crate) fn usage(cursor: &mut Cursor) -> Planned<StatementKind> {
    if cursor.eat(&["CATALOG"]) {
        return Ok(StatementKind::Catalog(CatalogStatement::UseCatalog(cursor.name("a catalog")?)));
    }
    Ok(StatementKind::Catalog(CatalogStatement::UseDatabase(cursor.path("a database")?)))
}

/// Reads what stands behind DESCRIBE, if it is a catalog or a database. Both words may be the name of a table.
pub(crate) fn describe(cursor: &mut Cursor) -> Planned<Option<StatementKind>> {
    for word in ["CATALOG", "DATABASE"] {
        let object = cursor.at_words(&[word]) && matches!(cursor.look(1).kind, TokenKind::Word { .. });
        if !object {
            continue;
        }
        cursor.next();
        let extended = matches!(cursor.look(1).kind, TokenKind::Word { .. }) && cursor.eat(&["EXTENDED"]);
        return of(match word {
            "CATALOG" => CatalogStatement::DescribeCatalog { name: cursor.name("a catalog")?, extended },
            _ => CatalogStatement::DescribeDatabase { name: cursor.path("a database")?, extended },
        });
    }
    Ok(None)
}

fn of(statement: CatalogStatement) -> Planned<Option<StatementKind>> {
    Ok(Some(StatementKind::Catalog(statement)))
}

fn with(cursor: &mut Cursor) -> Planned<Vec<OptionDef>> {
    if cursor.eat(&["WITH"]) { ddl::options(cursor) } else { Ok(Vec::new()) }
}

/// `('key', ...)`
fn keys(cursor: &mut Cursor) -> Planned<Vec<Setting>> {
    cursor.expect_symbol("(")?;
    if cursor.eat_symbol(")") {
        return Ok(Vec::new());
    }
    let keys = cursor.list(|cursor| {
        let span = cursor.span();
        Ok(Setting { text: cursor.string("an option in quotes")?, span })
    })?;
    cursor.expect_symbol(")")?;
    Ok(keys)
}

/// A list that may not be empty.
fn some<T>(cursor: &mut Cursor, word: &str, read: impl FnOnce(&mut Cursor) -> Planned<Vec<T>>) -> Planned<Vec<T>> {
    let span = cursor.span();
    let items = read(cursor)?;
    if items.is_empty() {
        return Err(PlanError::new(Code::Syntax, format!("ALTER CATALOG {word} names no option")).at(span));
    }
    Ok(items)
}
