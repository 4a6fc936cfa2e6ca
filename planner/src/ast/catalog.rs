//! Statements about catalogs and databases.

use super::{OptionDef, Setting};
use crate::token::Name;

/// One of them. Names of databases are `d` or `c.d`.
#[derive(Clone, Debug)]
pub(crate) enum CatalogStatement {
    CreateCatalog { name: Name, if_not_exists: bool, comment: Option<String>, options: Vec<OptionDef> },
    CreateDatabase { name: Vec<Name>, if_not_exists: bool, comment: Option<String>, properties: Vec<OptionDef> },
    DropCatalog { name: Name, if_exists: bool },
    DropDatabase { name: Vec<Name>, if_exists: bool, cascade: bool },
    AlterCatalog { name: Name, change: CatalogChange },
    AlterDatabase { name: Vec<Name>, set: Vec<OptionDef> },
    UseCatalog(Name),
    UseDatabase(Vec<Name>),
    DescribeCatalog { name: Name, extended: bool },
    DescribeDatabase { name: Vec<Name>, extended: bool },
}

/// What ALTER CATALOG changes.
#[derive(Clone, Debug)]
pub(crate) enum CatalogChange {
    Set(Vec<OptionDef>),
    /// Keys and their places.
    Reset(Vec<Setting>),
    Comment(String),
}
