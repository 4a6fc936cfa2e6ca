//! From syntax to algebra: names, types, nullability and time attributes, as Flink gives them.
//!
//! A binder lives for one statement. It refuses what Flink refuses, at the very token.

mod above;
pub(crate) mod aggregate;
mod batch;
mod batch_over;
pub(crate) mod call;
mod correlated;
pub(crate) mod early_fire;
mod expand;
pub(crate) mod expr;
pub(crate) mod from;
pub(crate) mod fuse;
pub(crate) mod group;
pub(crate) mod insert;
pub(crate) mod interval_count;
mod join;
mod json_aggregate;
mod lateral;
mod lateral_top;
pub(crate) mod literal;
mod mark;
pub(crate) mod match_recognize;
pub(crate) mod navigation;
mod normalize;
pub(crate) mod order;
pub(crate) mod over;
pub(crate) mod query;
pub(crate) mod rank;
mod rows;
pub(crate) mod scan;
pub(crate) mod scope;
pub(crate) mod select;
pub(crate) mod session_rows;
mod state_ttl;
mod streaming;
pub(crate) mod subquery;
pub(crate) mod unbounded;
pub(crate) mod unnest;
mod untyped;
pub(crate) mod versioned;
pub(crate) mod window;

use std::rc::Rc;

use irmak_common::database::Database;
use irmak_functions::Environment;

use crate::ast::Query;
use crate::catalog::Catalog;
use crate::error::{Planned, Span};
use crate::settings::Settings;
use crate::token::{Name, too_deep};

/// What a statement is bound against.
pub(crate) struct Binder<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) settings: &'a Settings,
    pub(crate) environment: Environment,
    /// The database that names are looked up in: the session's, or that of a view.
    pub(crate) home: Database,
    /// WITH queries in sight, innermost last.
    pub(crate) ctes: Vec<(String, Rc<NamedQuery>)>,
    /// What the author should know.
    pub(crate) warnings: Vec<String>,
    /// Columns of the SELECT bound last whose names another column has too, with those names: what is made unique on the way out is
    /// ambiguous for who reads it.
    pub(crate) doubled: Vec<(usize, String)>,
    /// Subqueries and views around the present one.
    depth: usize,
    /// Subqueries around the present one that look outside.
    pub(crate) correlated: usize,
    /// What STATE_TTL says of the present SELECT's tables, milliseconds.
    lives: state_ttl::Lives,
    /// The same of its groups.
    groups_live: Option<u64>,
}

/// What constants are computed in.
pub(crate) fn environment(catalog: &Catalog, settings: &Settings) -> Environment {
    let mut environment = settings.environment();
    if !catalog.current().is_default() {
        environment.options.insert(Environment::CURRENT_DATABASE.to_owned(), catalog.current().name.clone());
    }
    environment
}

/// A WITH query.
#[derive(Debug)]
pub(crate) struct NamedQuery {
    pub(crate) columns: Vec<Name>,
    pub(crate) query: Query,
    /// How many WITH queries it sees: those before it.
    pub(crate) sees: usize,
}

impl<'a> Binder<'a> {
    /// A binder for one statement.
    pub(crate) fn new(catalog: &'a Catalog, settings: &'a Settings) -> Self {
        let environment = environment(catalog, settings);
        Self {
            catalog,
            settings,
            environment,
            home: catalog.current().clone(),
            ctes: Vec::new(),
            warnings: Vec::new(),
            doubled: Vec::new(),
            depth: 0,
            correlated: 0,
            lives: Vec::new(),
            groups_live: None,
        }
    }

    /// Goes one query deeper: views in views nest without the reader having seen it.
    pub(crate) fn nested<T>(&mut self, span: Span, bind: impl FnOnce(&mut Self) -> Planned<T>) -> Planned<T> {
        if self.depth >= irmak_common::limits::SQL_DEPTH_MAX {
            return Err(too_deep(span));
        }
        self.depth += 1;
        let bound = bind(self);
        self.depth -= 1;
        bound
    }

    /// Whether what is being bound is read by another query.
    pub(crate) fn is_nested(&self) -> bool {
        self.depth > 0
    }

    /// Keeps a warning, once.
    pub(crate) fn warn(&mut self, warning: String) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}
