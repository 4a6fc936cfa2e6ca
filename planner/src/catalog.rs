//! The tables and views that a script has made so far, by their full names: catalog, database, name.

pub(crate) mod databases;

use std::collections::BTreeMap;
use std::rc::Rc;

use irmak_common::database::Database;

use irmak_common::expr::Expr;
use irmak_common::types::{Field, LogicalType, Schema};

use crate::ast::{self, OptionDef};
use crate::error::{Code, PlanError, Planned, Span};
use crate::token::Name;

use databases::Databases;

/// A table, checked as far as it can be before it is used: its options are checked then.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) database: Database,
    pub(crate) columns: Vec<Column>,
    pub(crate) watermark: Option<Watermark>,
    pub(crate) primary_key: Vec<String>,
    pub(crate) partitioned_by: Vec<String>,
    pub(crate) comment: Option<String>,
    pub(crate) options: Vec<OptionDef>,
    /// The statement's name of the table, to point at when an option is missing.
    pub(crate) span: Span,
    pub(crate) temporary: bool,
}

/// A column as declared.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The place of its declaration.
    pub(crate) span: Span,
    pub(crate) kind: ColumnKind,
    /// Without time attribute, except for `PROCTIME()`.
    pub(crate) ty: LogicalType,
    pub(crate) comment: Option<String>,
}

/// How a column comes by its values.
#[derive(Clone, Debug)]
pub(crate) enum ColumnKind {
    Physical,
    /// Over the source's columns: physical ones, then metadata. The syntax is kept for LIKE.
    Computed {
        expr: Expr,
        syntax: ast::Expr,
    },
    Metadata {
        key: String,
        is_virtual: bool,
    },
}

/// `WATERMARK FOR column AS expr`, over all columns as declared.
#[derive(Clone, Debug)]
pub(crate) struct Watermark {
    pub(crate) column: usize,
    pub(crate) expr: Expr,
    pub(crate) syntax: ast::Expr,
    pub(crate) name: Name,
}

/// A view: its query is bound anew wherever it is used.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) temporary: bool,
    pub(crate) columns: Vec<Name>,
    pub(crate) query: ast::Query,
    /// The query as written.
    pub(crate) text: String,
    /// The database that was in use when it was made: its query's names are looked up there.
    pub(crate) home: Database,
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    Table(Rc<Table>),
    View(Rc<View>),
}

/// Whether an entry was made TEMPORARY: such a one hides another of its name until it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    Permanent,
    Temporary,
}

impl From<bool> for Life {
    fn from(temporary: bool) -> Self {
        if temporary { Self::Temporary } else { Self::Permanent }
    }
}

/// All names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalog {
    pub(crate) databases: Databases,
    permanent: Entries,
    temporary: Entries,
}

/// A table or view by its full name.
pub(crate) type FullName = (Database, String);
type Entries = BTreeMap<FullName, Entry>;

impl Table {
    /// The physical columns, in order.
    pub(crate) fn physical(&self) -> Schema {
        let physical = self.columns.iter().filter(|column| matches!(column.kind, ColumnKind::Physical));
        Schema::new(physical.map(|column| Field::new(&column.name, column.ty.clone())).collect())
    }

    /// Options by key, `connector` included.
    pub(crate) fn option_map(&self) -> BTreeMap<String, String> {
        self.options.iter().map(|option| (option.key.clone(), option.value.clone())).collect()
    }
}

impl Catalog {
    /// The database that names are looked up in.
    pub(crate) fn current(&self) -> &Database {
        self.databases.current()
    }

    /// The full name behind `t`, `d.t` or `c.d.t`, looked up from a database; whether there is such a thing is not asked.
    pub(crate) fn full_name(&self, home: &Database, path: &[Name]) -> Planned<FullName> {
        match path {
            [name] => Ok((home.clone(), name.text.clone())),
            [database, name] => Ok((Database::new(&home.catalog, &database.text), name.text.clone())),
            [catalog, database, name] => Ok((Database::new(&catalog.text, &database.text), name.text.clone())),
            _ => {
                let message = "a table has one name, or those of its catalog and database before it";
                Err(PlanError::new(Code::Syntax, message).at(span_of(path)))
            }
        }
    }

    /// What a path stands for.
    pub(crate) fn get(&self, path: &[Name]) -> Option<&Entry> {
        self.get_from(self.current(), path)
    }

    /// What a path stands for, looked up from a database.
    pub(crate) fn get_from(&self, home: &Database, path: &[Name]) -> Option<&Entry> {
        self.entry(&self.full_name(home, path).ok()?)
    }

    /// What a full name stands for.
    pub(crate) fn entry(&self, name: &FullName) -> Option<&Entry> {
        self.temporary.get(name).or_else(|| self.permanent.get(name))
    }

    /// What a path stands for, or the error that there is no such thing, with the nearest that there is.
    pub(crate) fn resolve(&self, path: &[Name]) -> Planned<&Entry> {
        self.get(path).ok_or_else(|| self.unknown(self.current(), path))
    }

    /// The error that there is no such table, looked up from a database.
    pub(crate) fn unknown(&self, home: &Database, path: &[Name]) -> PlanError {
        let database = match self.full_name(home, path) {
            Ok((database, _)) => database,
            Err(error) => return error,
        };
        if !self.databases.has(&database) && self.entries(&database).next().is_none() {
            return self.databases.no_database(&database, &path[..path.len() - 1]);
        }
        let told = path.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(".");
        let last = path.last().map_or("", |name| name.text.as_str());
        let error = PlanError::new(Code::UnknownTable, format!("there is no table or view `{told}`"))
            .at(span_of(path))
            .suggest(last, self.entries(&database).map(|(name, _)| name));
        let names: Vec<&str> = self.entries(&database).map(|(name, _)| name).take(20).collect();
        let elsewhere = self.permanent.keys().chain(self.temporary.keys()).find(|(_, name)| name == last);
        let error = match elsewhere {
            Some((other, name)) => error.note(format!("there is {}", other.quoted(name))),
            None => error,
        };
        if !names.is_empty() {
            return error.note(format!("tables and views: {}", names.join(", ")));
        }
        match database.is_default() {
            true => error.note("the script has made no table yet"),
            false => error.note(format!("database `{}` has no tables yet", database.name)),
        }
    }

    /// Makes an entry; `false`: the name was taken, and `if_not_exists` lets that pass.
    pub(crate) fn create(&mut self, path: &[Name], entry: Entry, life: Life, if_not_exists: bool) -> Planned<bool> {
        let name = self.full_name(self.current(), path)?;
        // A temporary thing lives in the session alone: Flink asks for no database around it.
        if life == Life::Permanent && !self.databases.has(&name.0) {
            return Err(self.databases.no_database(&name.0, &path[..path.len() - 1]));
        }
        let entries = self.of(life);
        if entries.contains_key(&name) {
            let taken = PlanError::new(Code::Exists, format!("`{}` exists already", name.1)).at(span_of(path));
            return if if_not_exists { Ok(false) } else { Err(taken) };
        }
        entries.insert(name, entry);
        Ok(true)
    }

    fn of(&mut self, life: Life) -> &mut Entries {
        match life {
            Life::Permanent => &mut self.permanent,
            Life::Temporary => &mut self.temporary,
        }
    }

    /// Puts another entry in the place of one, under the same name.
    pub(crate) fn replace(&mut self, path: &[Name], entry: Entry) {
        if let Ok(name) = self.full_name(self.current(), path) {
            let life = Life::from(self.temporary.contains_key(&name));
            self.of(life).insert(name, entry);
        }
    }

    /// Gives an entry another name; it stays in its database whatever stands before the name, as in Flink.
    pub(crate) fn rename(&mut self, path: &[Name], to: &[Name]) -> Planned<()> {
        let Some(entry) = self.get(path).cloned() else { return Err(self.unknown(self.current(), path)) };
        let name = self.full_name(self.current(), path)?;
        let life = Life::from(self.temporary.contains_key(&name));
        let entry = match entry {
            Entry::Table(table) => {
                let mut table = (*table).clone();
                table.name = to.last().map(|name| name.text.clone()).unwrap_or_default();
                Entry::Table(Rc::new(table))
            }
            view @ Entry::View(_) => view,
        };
        let renamed = (name.0.clone(), to.last().map(|name| name.text.clone()).unwrap_or_default());
        if self.of(life).contains_key(&renamed) {
            return Err(PlanError::new(Code::Exists, format!("`{}` exists already", renamed.1)).at(span_of(to)));
        }
        self.of(life).remove(&name);
        self.of(life).insert(renamed, entry);
        Ok(())
    }

    /// Drops an entry.
    pub(crate) fn drop_entry(&mut self, drop: &ast::Drop) -> Planned<()> {
        let path = drop.name.as_slice();
        let what = if drop.view { "view" } else { "table" };
        let meant = |entry: &Entry| matches!(entry, Entry::View(_)) == drop.view;
        let life = Life::from(drop.temporary);
        let name = self.full_name(self.current(), path)?;
        if life == Life::Permanent && self.temporary.get(&name).is_some_and(meant) {
            let message = format!("`{}` is a temporary {what}", name.1);
            return Err(PlanError::new(Code::UnknownTable, message)
                .at(span_of(path))
                .label(format!("write DROP TEMPORARY {}", what.to_uppercase())));
        }
        let hidden = self.entry(&name).is_some();
        match self.of(life).get(&name) {
            Some(entry) if meant(entry) => {
                self.of(life).remove(&name);
                Ok(())
            }
            _ if drop.if_exists => Ok(()),
            Some(_) => {
                let other = if drop.view { "a table" } else { "a view" };
                Err(PlanError::new(Code::UnknownTable, format!("there is no {what} of that name, but {other}")).at(span_of(path)))
            }
            None if hidden => {
                let message = format!("there is no temporary {what} `{}`", name.1);
                Err(PlanError::new(Code::UnknownTable, message).at(span_of(path)).label(format!("write DROP {}", what.to_uppercase())))
            }
            None => Err(self.unknown(self.current(), path)),
        }
    }

    /// What was made in a database, temporary or not, by name.
    pub(crate) fn entries(&self, database: &Database) -> impl Iterator<Item = (&str, &Entry)> {
        let mut all: BTreeMap<&str, &Entry> = BTreeMap::new();
        for entries in [&self.permanent, &self.temporary] {
            let found = entries.iter().filter(|((place, _), _)| place == database);
            all.extend(found.map(|((_, name), entry)| (name.as_str(), entry)));
        }
        all.into_iter()
    }

    /// Whether a database holds anything that lives longer than its session.
    pub(crate) fn is_empty(&self, database: &Database) -> bool {
        !self.permanent.keys().any(|(place, _)| place == database)
    }

    /// Forgets what a database, or a whole catalog, holds, but for what is temporary.
    pub(crate) fn forget(&mut self, gone: impl Fn(&Database) -> bool) {
        self.permanent.retain(|(place, _), _| !gone(place));
    }
}

/// The place of a whole path.
pub(crate) fn span_of(path: &[Name]) -> Span {
    match (path.first(), path.last()) {
        (Some(first), Some(last)) => first.span.to(last.span),
        _ => Span::default(),
    }
}
