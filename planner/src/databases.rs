//! What statements about catalogs and databases do: CREATE, DROP, ALTER, USE, DESCRIBE.
//!
//! All of it changes names only: a catalog keeps nothing outside of its session, so there is one type of catalogs, Flink's
//! `generic_in_memory`. Refusals are Flink's.

use irmak_common::database::Database;
use irmak_common::error::nearest;

use crate::Outcome;
use crate::ast::{CatalogChange, CatalogStatement, OptionDef, Setting};
use crate::catalog::databases::{About, InMemory};
use crate::catalog::{Catalog, span_of};
use crate::error::{Code, PlanError, Planned};
use crate::token::Name;

/// The only type of catalogs.
const IN_MEMORY: &str = "generic_in_memory";
/// The option that names the database that a catalog begins with.
const DEFAULT_DATABASE: &str = "default-database";
/// What it is when left out.
const FIRST_DATABASE: &str = "default";

/// Does what a statement says, and answers it.
pub(crate) fn execute(catalog: &mut Catalog, statement: &CatalogStatement) -> Planned<Outcome> {
    use CatalogStatement as S;
    match statement {
        S::CreateCatalog { name, if_not_exists, comment, options } => {
            create_catalog(catalog, name, *if_not_exists, comment.clone(), options)?
        }
        S::CreateDatabase { name, if_not_exists, comment, properties } => {
            let properties = properties.iter().map(|option| (option.key.clone(), option.value.clone())).collect();
            if !catalog.databases.create_database(name, About { comment: comment.clone(), properties })? && !if_not_exists {
                return Err(exists("database", name));
            }
        }
        S::DropCatalog { name, if_exists } => {
            if *if_exists && catalog.databases.catalog(name).is_err() {
                return Ok(Outcome::None);
            }
            catalog.databases.drop_catalog(name)?;
            catalog.forget(|database| database.catalog == name.text);
        }
        S::DropDatabase { name, if_exists, cascade } => drop_database(catalog, name, *if_exists, *cascade)?,
        S::AlterCatalog { name, change } => alter_catalog(catalog.databases.catalog_mut(name)?, change)?,
        S::AlterDatabase { name, set } => {
            let database = catalog.databases.existing(name)?;
            let set = set.iter().map(|option| (option.key.clone(), option.value.clone()));
            catalog.databases.describe_database(&database, |about| about.properties.extend(set));
        }
        S::UseCatalog(name) => catalog.databases.use_catalog(name)?,
        S::UseDatabase(name) => catalog.databases.use_database(name)?,
        S::DescribeCatalog { name, extended } => return Ok(describe_catalog(&name.text, made(catalog, name)?, *extended)),
        S::DescribeDatabase { name, extended } => return describe_database(catalog, name, *extended),
    }
    Ok(Outcome::None)
}

fn exists(what: &str, path: &[Name]) -> PlanError {
    let name = path.last().map_or("", |name| name.text.as_str());
    PlanError::new(Code::Exists, format!("{what} `{name}` exists already"))
        .at(span_of(path))
        .label(format!("write CREATE {} IF NOT EXISTS", what.to_uppercase()))
}

fn create_catalog(catalog: &mut Catalog, name: &Name, if_not_exists: bool, comment: Option<String>, options: &[OptionDef]) -> Planned<()> {
    if catalog.databases.catalogs().contains_key(&name.text) {
        return if if_not_exists { Ok(()) } else { Err(exists("catalog", std::slice::from_ref(name))) };
    }
    let given = |key: &str| options.iter().rev().find(|option| option.key == key);
    match given("type") {
        None => {
            let message = format!("catalog `{}` has no type", name.text);
            return Err(PlanError::new(Code::MissingOption, message).at(name.span).label(format!("WITH needs 'type' = '{IN_MEMORY}'")));
        }
        Some(option) if option.value != IN_MEMORY => return Err(wrong_type(option)),
        Some(_) => {}
    }
    let known = ["type", "property-version", DEFAULT_DATABASE];
    if let Some(unknown) = options.iter().find(|option| !known.contains(&option.key.as_str())) {
        return Err(PlanError::new(Code::UnknownOption, format!("a catalog has no option '{}'", unknown.key))
            .at(unknown.key_span)
            .suggest(&unknown.key, known)
            .note(format!("options: {}", known.join(", "))));
    }
    let default = given(DEFAULT_DATABASE).map_or(FIRST_DATABASE, |option| option.value.as_str());
    if let Some(option) = given(DEFAULT_DATABASE).filter(|option| option.value.trim().is_empty()) {
        return Err(PlanError::new(Code::OptionValue, "a database has a name").at(option.value_span));
    }
    let options = options.iter().map(|option| (option.key.clone(), option.value.clone())).collect();
    let made = InMemory { comment, options, ..InMemory::new(default.to_owned()) };
    catalog.databases.create_catalog(&name.text, made);
    Ok(())
}

fn wrong_type(option: &OptionDef) -> PlanError {
    let error = PlanError::new(Code::OptionValue, format!("there are no catalogs of type '{}'", option.value)).at(option.value_span);
    match nearest(&option.value, [IN_MEMORY]) {
        Some(near) => error.label(format!("did you mean '{near}'?")),
        None => error.note(format!(
            "catalogs are '{IN_MEMORY}', and live as long as their script or session: write the CREATE TABLEs of another catalog's tables in the script"
        )),
    }
}

fn drop_database(catalog: &mut Catalog, path: &[Name], if_exists: bool, cascade: bool) -> Planned<()> {
    let database = catalog.databases.named(path)?;
    if !catalog.databases.has(&database) {
        // IF EXISTS is about the database, not about its catalog, as in Flink.
        let known = catalog.databases.catalogs().contains_key(&database.catalog);
        return if if_exists && known { Ok(()) } else { Err(catalog.databases.no_database(&database, path)) };
    }
    if !cascade && database != *catalog.current() && !catalog.is_empty(&database) {
        let message = format!("database `{}` is not empty", database.name);
        return Err(PlanError::new(Code::Exists, message)
            .at(span_of(path))
            .label("DROP DATABASE ... CASCADE drops its tables and views too"));
    }
    catalog.databases.drop_database(&database, span_of(path))?;
    catalog.forget(|gone| *gone == database);
    Ok(())
}

fn alter_catalog(catalog: &mut InMemory, change: &CatalogChange) -> Planned<()> {
    match change {
        CatalogChange::Set(options) => {
            for option in options {
                catalog.options.insert(option.key.clone(), option.value.clone());
            }
        }
        CatalogChange::Reset(keys) => {
            for Setting { text, span } in keys {
                if text == "type" {
                    return Err(PlanError::new(Code::OptionValue, "ALTER CATALOG RESET does not take 'type'").at(*span));
                }
                catalog.options.remove(text);
            }
        }
        CatalogChange::Comment(comment) => catalog.comment = Some(comment.clone()),
    }
    Ok(())
}

/// A catalog that a CREATE CATALOG made: of the one that a session begins with there is nothing to tell, as in Flink.
fn made<'a>(catalog: &'a Catalog, name: &Name) -> Planned<&'a InMemory> {
    let found = catalog.databases.catalog(name)?;
    if found.options.is_empty() {
        let message = format!("nothing is known of catalog `{}`: no CREATE CATALOG made it", name.text);
        return Err(PlanError::new(Code::UnknownTable, message).at(name.span));
    }
    Ok(found)
}

/// Facts and what they are called.
fn facts(rows: Vec<(String, Option<String>)>) -> Outcome {
    let columns = ["info name", "info value"].map(|name| (name.to_owned(), "STRING".to_owned())).to_vec();
    Outcome::Table { columns, rows: rows.into_iter().map(|(name, value)| vec![Some(name), value]).collect(), plain: false }
}

fn describe_catalog(name: &str, catalog: &InMemory, extended: bool) -> Outcome {
    let mut rows = vec![
        ("name".to_owned(), Some(name.to_owned())),
        ("type".to_owned(), catalog.options.get("type").cloned()),
        ("comment".to_owned(), catalog.comment.clone()),
    ];
    if extended {
        let options = catalog.options.iter().filter(|(key, _)| *key != "type");
        rows.extend(options.map(|(key, value)| (format!("option:{key}"), Some(value.clone()))));
    }
    facts(rows)
}

fn describe_database(catalog: &Catalog, path: &[Name], extended: bool) -> Planned<Outcome> {
    let Database { catalog: within, name } = catalog.databases.existing(path)?;
    let about = catalog.databases.catalogs().get(&within).and_then(|catalog| catalog.database(&name)).cloned().unwrap_or_default();
    let mut rows = vec![("name".to_owned(), Some(name)), ("catalog".to_owned(), Some(within)), ("comment".to_owned(), about.comment)];
    if extended {
        rows.extend(about.properties.into_iter().map(|(key, value)| (format!("property:{key}"), Some(value))));
    }
    Ok(facts(rows))
}

/// SHOW CREATE CATALOG.
pub(crate) fn show_create(catalog: &Catalog, name: &Name) -> Planned<Outcome> {
    let (catalog, name) = (made(catalog, name)?, name.text.as_str());
    let quoted = |text: &str| text.replace('\'', "''");
    let mut text = format!("CREATE CATALOG `{}`", name.replace('`', "``"));
    if let Some(comment) = catalog.comment.as_ref().filter(|comment| !comment.is_empty()) {
        text.push_str(&format!(" COMMENT '{}'", quoted(comment)));
    }
    let options: Vec<String> = catalog.options.iter().map(|(key, value)| format!("  '{}' = '{}'", quoted(key), quoted(value))).collect();
    text.push_str(&format!(" WITH (\n{}\n)\n", options.join(",\n")));
    Ok(Outcome::Table { columns: vec![("result".into(), "STRING".into())], rows: vec![vec![Some(text)]], plain: true })
}
