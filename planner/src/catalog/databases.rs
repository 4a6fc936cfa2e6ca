//! Catalogs and their databases: which there are, and which one names without a database are looked up in.
//!
//! All catalogs are Flink's `generic_in_memory`: they live as long as their script or session. What is in a database is kept by
//! [`super::Catalog`]; here is only whether there is such a database.

use std::collections::BTreeMap;

use irmak_common::database::Database;

use crate::error::{Code, PlanError, Planned, Span};
use crate::token::Name;

use super::span_of;

/// A catalog.
#[derive(Clone, Debug, Default)]
pub(crate) struct InMemory {
    pub(crate) comment: Option<String>,
    /// As in CREATE CATALOG.
    pub(crate) options: BTreeMap<String, String>,
    /// The database that is used when the catalog is.
    pub(crate) default: String,
    pub(crate) databases: BTreeMap<String, About>,
}

/// What is said of a database.
#[derive(Clone, Debug, Default)]
pub(crate) struct About {
    pub(crate) comment: Option<String>,
    pub(crate) properties: BTreeMap<String, String>,
}

/// All catalogs, and the database in use.
#[derive(Clone, Debug)]
pub(crate) struct Databases {
    catalogs: BTreeMap<String, InMemory>,
    current: Database,
}

impl Default for Databases {
    fn default() -> Self {
        let current = Database::default();
        let catalog = InMemory::new(current.name.clone());
        Self { catalogs: [(current.catalog.clone(), catalog)].into(), current }
    }
}

impl InMemory {
    /// A catalog with one database, its default.
    pub(crate) fn new(default: String) -> Self {
        Self { databases: [(default.clone(), About::default())].into(), default, ..Self::default() }
    }

    /// What is said of one of its databases.
    pub(crate) fn database(&self, name: &str) -> Option<&About> {
        self.databases.get(name)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.databases.keys().map(String::as_str)
    }
}

impl Databases {
    /// The database that names are looked up in.
    pub(crate) fn current(&self) -> &Database {
        &self.current
    }

    /// All catalogs by name.
    pub(crate) fn catalogs(&self) -> &BTreeMap<String, InMemory> {
        &self.catalogs
    }

    /// The catalog of this name.
    pub(crate) fn catalog(&self, name: &Name) -> Planned<&InMemory> {
        self.catalogs.get(&name.text).ok_or_else(|| self.no_catalog(&name.text, name.span))
    }

    /// The same, to change it.
    pub(crate) fn catalog_mut(&mut self, name: &Name) -> Planned<&mut InMemory> {
        match self.catalogs.contains_key(&name.text) {
            true => Ok(self.catalogs.entry(name.text.clone()).or_default()),
            false => Err(self.no_catalog(&name.text, name.span)),
        }
    }

    /// Whether there is such a database.
    pub(crate) fn has(&self, database: &Database) -> bool {
        self.catalogs.get(&database.catalog).is_some_and(|catalog| catalog.database(&database.name).is_some())
    }

    /// The database that `d` or `c.d` names, whether there is one or not.
    ///
    /// # Errors
    /// More names than two.
    pub(crate) fn named(&self, path: &[Name]) -> Planned<Database> {
        match path {
            [name] => Ok(Database::new(&self.current.catalog, &name.text)),
            [catalog, name] => Ok(Database::new(&catalog.text, &name.text)),
            _ => Err(PlanError::new(Code::Syntax, "a database has one name, or that of its catalog before it").at(span_of(path))),
        }
    }

    /// The same, where it must be there.
    pub(crate) fn existing(&self, path: &[Name]) -> Planned<Database> {
        let database = self.named(path)?;
        match self.has(&database) {
            true => Ok(database),
            false => Err(self.no_database(&database, path)),
        }
    }

    /// Makes a catalog; `false`: there is one of that name.
    pub(crate) fn create_catalog(&mut self, name: &str, catalog: InMemory) -> bool {
        let taken = self.catalogs.contains_key(name);
        if !taken {
            self.catalogs.insert(name.to_owned(), catalog);
        }
        !taken
    }

    /// Forgets a catalog that is not in use.
    pub(crate) fn drop_catalog(&mut self, name: &Name) -> Planned<()> {
        if name.text == self.current.catalog {
            let message = format!("catalog `{}` is in use and cannot be dropped", name.text);
            return Err(PlanError::new(Code::Exists, message).at(name.span).label("USE CATALOG another one first"));
        }
        self.catalogs.remove(&name.text).map(|_| ()).ok_or_else(|| self.no_catalog(&name.text, name.span))
    }

    /// Makes a database; `false`: there is one of that name.
    pub(crate) fn create_database(&mut self, path: &[Name], about: About) -> Planned<bool> {
        let database = self.named(path)?;
        let missing = self.no_catalog(&database.catalog, span_of(path));
        let catalog = self.catalogs.get_mut(&database.catalog).ok_or(missing)?;
        let taken = catalog.database(&database.name).is_some();
        if !taken {
            catalog.databases.insert(database.name, about);
        }
        Ok(!taken)
    }

    /// Changes what is said of a database.
    pub(crate) fn describe_database(&mut self, database: &Database, change: impl FnOnce(&mut About)) {
        let catalog = self.catalogs.get_mut(&database.catalog);
        if let Some(about) = catalog.and_then(|catalog| catalog.databases.get_mut(&database.name)) {
            change(about);
        }
    }

    /// Forgets a database that is not in use.
    pub(crate) fn drop_database(&mut self, database: &Database, span: Span) -> Planned<()> {
        if *database == self.current {
            let message = format!("database `{}` is in use and cannot be dropped", database.name);
            return Err(PlanError::new(Code::Exists, message).at(span).label("USE another one first"));
        }
        if let Some(catalog) = self.catalogs.get_mut(&database.catalog) {
            catalog.databases.remove(&database.name);
        }
        Ok(())
    }

    /// Looks names up in this catalog from now on, in its default database.
    pub(crate) fn use_catalog(&mut self, name: &Name) -> Planned<()> {
        let default = self.catalog(name)?.default.clone();
        if name.text != self.current.catalog {
            self.current = Database::new(&name.text, default);
        }
        Ok(())
    }

    /// Looks names up in this database from now on.
    pub(crate) fn use_database(&mut self, path: &[Name]) -> Planned<()> {
        self.current = self.existing(path)?;
        Ok(())
    }

    /// The error that there is no such database, with the nearest that there is.
    pub(crate) fn no_database(&self, database: &Database, path: &[Name]) -> PlanError {
        let Some(catalog) = self.catalogs.get(&database.catalog) else {
            return self.no_catalog(&database.catalog, path.first().map_or(Span::default(), |name| name.span));
        };
        let place = path.last().map_or(Span::default(), |name| name.span);
        let names: Vec<&str> = catalog.names().take(20).collect();
        PlanError::new(Code::UnknownTable, format!("there is no database `{}` in catalog `{}`", database.name, database.catalog))
            .at(place)
            .suggest(&database.name, catalog.names())
            .note(format!("databases: {}", names.join(", ")))
    }

    fn no_catalog(&self, name: &str, span: Span) -> PlanError {
        let names: Vec<&str> = self.catalogs.keys().map(String::as_str).take(20).collect();
        PlanError::new(Code::UnknownTable, format!("there is no catalog `{name}`"))
            .at(span)
            .suggest(name, self.catalogs.keys().map(String::as_str))
            .note(format!("catalogs: {}", names.join(", ")))
    }
}
