//! The tables and views that a script has made so far. One catalog, one database, as Flink's defaults are named.

use std::collections::BTreeMap;
use std::rc::Rc;

use irmak_common::expr::Expr;
use irmak_common::types::{Field, LogicalType, Schema};

use crate::ast::{self, OptionDef};
use crate::error::{Code, PlanError, Planned, Span};
use crate::token::Name;

/// Flink's name for the only catalog.
pub(crate) const CATALOG: &str = "default_catalog";
/// Flink's name for the only database.
pub(crate) const DATABASE: &str = "default_database";

/// A table, checked as far as it can be before it is used: its options are checked then.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) name: String,
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
    permanent: BTreeMap<String, Entry>,
    temporary: BTreeMap<String, Entry>,
}

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
    /// The plain name behind `a`, `default_database.a` or `default_catalog.default_database.a`.
    fn plain(path: &[Name]) -> Option<&str> {
        let texts: Vec<&str> = path.iter().map(|name| name.text.as_str()).collect();
        match texts[..] {
            [name] | [DATABASE, name] | [CATALOG, DATABASE, name] => Some(name),
            _ => None,
        }
    }

    /// What a path stands for.
    pub(crate) fn get(&self, path: &[Name]) -> Option<&Entry> {
        let name = Self::plain(path)?;
        self.temporary.get(name).or_else(|| self.permanent.get(name))
    }

    /// What a path stands for, or the error that there is no such thing, with the nearest that there is.
    pub(crate) fn resolve(&self, path: &[Name]) -> Planned<&Entry> {
        self.get(path).ok_or_else(|| self.unknown(path))
    }

    /// The error that there is no such table.
    pub(crate) fn unknown(&self, path: &[Name]) -> PlanError {
        let told = path.iter().map(|name| name.text.as_str()).collect::<Vec<_>>().join(".");
        let last = path.last().map_or("", |name| name.text.as_str());
        let error = PlanError::new(Code::UnknownTable, format!("there is no table or view `{told}`"))
            .at(span_of(path))
            .suggest(last, self.entries().map(|(name, _)| name));
        let names: Vec<&str> = self.entries().map(|(name, _)| name).take(20).collect();
        if names.is_empty() {
            error.note("the script has made no table yet")
        } else {
            error.note(format!("tables and views: {}", names.join(", ")))
        }
    }

    /// Makes an entry; `false`: the name was taken, and `if_not_exists` lets that pass.
    pub(crate) fn create(&mut self, path: &[Name], entry: Entry, life: Life, if_not_exists: bool) -> Planned<bool> {
        let Some(name) = Self::plain(path) else {
            let message = format!("there is one database, `{CATALOG}.{DATABASE}`");
            return Err(PlanError::new(Code::Unsupported, message).at(span_of(path)));
        };
        let entries = self.of(life);
        if entries.contains_key(name) {
            let taken = PlanError::new(Code::Exists, format!("`{name}` exists already")).at(span_of(path));
            return if if_not_exists { Ok(false) } else { Err(taken) };
        }
        entries.insert(name.to_owned(), entry);
        Ok(true)
    }

    fn of(&mut self, life: Life) -> &mut BTreeMap<String, Entry> {
        match life {
            Life::Permanent => &mut self.permanent,
            Life::Temporary => &mut self.temporary,
        }
    }

    /// Puts another entry in the place of one, under the same name.
    pub(crate) fn replace(&mut self, path: &[Name], entry: Entry) {
        if let Some(name) = Self::plain(path) {
            let life = Life::from(self.temporary.contains_key(name));
            self.of(life).insert(name.to_owned(), entry);
        }
    }

    /// Gives an entry another name.
    pub(crate) fn rename(&mut self, path: &[Name], to: &[Name]) -> Planned<()> {
        let Some(entry) = self.get(path).cloned() else { return Err(self.unknown(path)) };
        let name = Self::plain(path).unwrap_or_default().to_owned();
        let life = Life::from(self.temporary.contains_key(&name));
        let entry = match entry {
            Entry::Table(table) => {
                let mut table = (*table).clone();
                table.name = to.last().map(|name| name.text.clone()).unwrap_or_default();
                Entry::Table(Rc::new(table))
            }
            view @ Entry::View(_) => view,
        };
        self.create(to, entry, life, false)?;
        self.of(life).remove(&name);
        Ok(())
    }

    /// Drops an entry.
    pub(crate) fn drop_entry(&mut self, drop: &ast::Drop) -> Planned<()> {
        let path = drop.name.as_slice();
        let what = if drop.view { "view" } else { "table" };
        let meant = |entry: &Entry| matches!(entry, Entry::View(_)) == drop.view;
        let life = Life::from(drop.temporary);
        let name = Self::plain(path).unwrap_or_default().to_owned();
        if life == Life::Permanent && self.temporary.get(&name).is_some_and(meant) {
            let message = format!("`{name}` is a temporary {what}");
            return Err(PlanError::new(Code::UnknownTable, message)
                .at(span_of(path))
                .label(format!("write DROP TEMPORARY {}", what.to_uppercase())));
        }
        let hidden = self.get(path).is_some();
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
                let message = format!("there is no temporary {what} `{name}`");
                Err(PlanError::new(Code::UnknownTable, message).at(span_of(path)).label(format!("write DROP {}", what.to_uppercase())))
            }
            None => Err(self.unknown(path)),
        }
    }

    /// All entries by name.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        let mut all: BTreeMap<&str, &Entry> = self.permanent.iter().map(|(name, entry)| (name.as_str(), entry)).collect();
        all.extend(self.temporary.iter().map(|(name, entry)| (name.as_str(), entry)));
        all.into_iter()
    }
}

/// The place of a whole path.
pub(crate) fn span_of(path: &[Name]) -> Span {
    match (path.first(), path.last()) {
        (Some(first), Some(last)) => first.span.to(last.span),
        _ => Span::default(),
    }
}
