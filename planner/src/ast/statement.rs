//! Statements: what a script asks for, queries among it.

use irmak_common::types::LogicalType;

use super::{CatalogStatement, Expr, Query};
use crate::error::Span;
use crate::token::Name;

/// One statement of a script.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) kind: StatementKind,
    pub(crate) span: Span,
}

/// Which.
#[derive(Clone, Debug)]
pub(crate) enum StatementKind {
    CreateTable(Box<CreateTable>),
    CreateView(Box<CreateView>),
    /// `CREATE TABLE ... AS query`: a table with the query's columns, and the INSERT that fills it.
    CreateTableAs {
        create: Box<CreateTable>,
        query: Box<Query>,
    },
    Drop(Drop),
    Alter(Box<Alter>),
    Set(Option<(Setting, Setting)>),
    Reset(Option<Setting>),
    Insert(Box<Insert>),
    StatementSet(Vec<Insert>),
    Query(Box<Query>),
    Explain {
        statement: Box<Statement>,
        /// What is asked for beside the plan.
        details: ExplainDetails,
    },
    Describe {
        name: Vec<Name>,
    },
    Show(Show),
    /// `CREATE DATABASE d`, `USE d` and their like.
    Catalog(CatalogStatement),
    /// `DROP FUNCTION IF EXISTS f`, `USE MODULES core`: what is asked for is so already.
    Nothing,
}

/// `DROP [TEMPORARY] TABLE|VIEW`.
#[derive(Clone, Debug)]
pub(crate) struct Drop {
    pub(crate) view: bool,
    pub(crate) temporary: bool,
    pub(crate) name: Vec<Name>,
    pub(crate) if_exists: bool,
}

/// `ALTER TABLE` and `ALTER VIEW`.
#[derive(Clone, Debug)]
pub(crate) struct Alter {
    pub(crate) view: bool,
    pub(crate) name: Vec<Name>,
    pub(crate) if_exists: bool,
    pub(crate) change: Change,
}

/// What ALTER changes.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    RenameTo(Vec<Name>),
    /// `ALTER VIEW v AS query`.
    Query(Query),
    Set(Vec<OptionDef>),
    /// Keys and their places.
    Reset(Vec<Setting>),
    /// New columns, and a watermark or a key where there is none.
    Add(Elements),
    /// Other columns, watermark or key in the place of those there are.
    Modify(Elements),
    DropColumns(Vec<Name>),
    DropWatermark(Span),
    DropPrimaryKey(Span),
    RenameColumn {
        from: Name,
        to: Name,
    },
}

/// What stands in the parentheses of ALTER TABLE ADD or MODIFY.
#[derive(Clone, Debug)]
pub(crate) struct Elements {
    pub(crate) columns: Vec<(ColumnDef, Option<Place>)>,
    pub(crate) watermark: Option<(Name, Expr)>,
    pub(crate) primary_key: Option<(Vec<Name>, Span)>,
}

/// Where a column comes to stand.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    First,
    After(Name),
}

/// What EXPLAIN is asked for beside the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ExplainDetails {
    pub(crate) estimated_cost: bool,
    pub(crate) changelog_mode: bool,
    pub(crate) json_execution_plan: bool,
    pub(crate) plan_advice: bool,
}

/// A key or a value of SET.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// What SHOW shows.
#[derive(Clone, Debug)]
pub(crate) enum Show {
    /// Names of things, or those that a pattern takes.
    Names {
        listed: Listed,
        /// The database, or for databases the catalog; empty: the one in use.
        within: Vec<Name>,
        only: Option<Pattern>,
    },
    Columns {
        table: Vec<Name>,
        only: Option<Pattern>,
    },
    CreateTable(Vec<Name>),
    CreateView(Vec<Name>),
    CreateCatalog(Name),
}

/// Things that have names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listed {
    Tables,
    Views,
    Functions,
    UserFunctions,
    Procedures,
    Catalogs,
    Databases,
    CurrentCatalog,
    CurrentDatabase,
    Modules,
    FullModules,
    Jars,
}

/// `[NOT] LIKE 'a%'`, `[NOT] ILIKE 'A%'`.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    pub(crate) negated: bool,
    pub(crate) any_case: bool,
    pub(crate) text: String,
}

/// `CREATE TABLE`.
#[derive(Clone, Debug)]
pub(crate) struct CreateTable {
    pub(crate) name: Vec<Name>,
    pub(crate) temporary: bool,
    pub(crate) if_not_exists: bool,
    pub(crate) columns: Vec<ColumnDef>,
    pub(crate) watermark: Option<(Name, Expr)>,
    pub(crate) primary_key: Option<(Vec<Name>, Span)>,
    pub(crate) comment: Option<String>,
    pub(crate) partitioned_by: Vec<Name>,
    pub(crate) options: Vec<OptionDef>,
    pub(crate) like: Option<Like>,
}

/// A column of `CREATE TABLE`.
#[derive(Clone, Debug)]
pub(crate) struct ColumnDef {
    pub(crate) name: Name,
    pub(crate) kind: ColumnKind,
    pub(crate) comment: Option<String>,
}

/// How a column comes by its values.
#[derive(Clone, Debug)]
pub(crate) enum ColumnKind {
    Physical(LogicalType),
    Computed(Expr),
    Metadata { ty: LogicalType, key: Option<String>, is_virtual: bool },
}

/// `'key' = 'value'`.
#[derive(Clone, Debug)]
pub(crate) struct OptionDef {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: String,
    pub(crate) value_span: Span,
}

/// `LIKE table (INCLUDING|EXCLUDING|OVERWRITING ...)`.
#[derive(Clone, Debug)]
pub(crate) struct Like {
    pub(crate) name: Vec<Name>,
    /// (strategy, feature), in upper case; each feature once.
    pub(crate) options: Vec<(&'static str, &'static str)>,
}

impl Like {
    /// What becomes of a feature of the base table. Options are overwritten unless somebody says otherwise, as in Flink.
    pub(crate) fn strategy(&self, feature: &str) -> &'static str {
        let of = |wanted: &str| self.options.iter().find(|(_, known)| *known == wanted).map(|(strategy, _)| *strategy);
        of(feature).or_else(|| of("ALL")).unwrap_or(if feature == "OPTIONS" { "OVERWRITING" } else { "INCLUDING" })
    }
}

/// `CREATE VIEW`.
#[derive(Clone, Debug)]
pub(crate) struct CreateView {
    pub(crate) name: Vec<Name>,
    pub(crate) temporary: bool,
    pub(crate) columns: Vec<Name>,
    pub(crate) if_not_exists: bool,
    pub(crate) query: Query,
}

/// `INSERT INTO`.
#[derive(Clone, Debug)]
pub(crate) struct Insert {
    pub(crate) table: Vec<Name>,
    pub(crate) partition: Vec<(Name, Expr)>,
    pub(crate) columns: Vec<Name>,
    pub(crate) overwrite: Option<Span>,
    pub(crate) query: Query,
    pub(crate) span: Span,
}
