//! Which catalog and database a table is in: the first two of the three parts of its full name.
//!
//! A name and nothing else: what there is in a database, and whether it exists, is the planner's matter.

use serde::{Deserialize, Serialize};

/// A database by its full name. The default one is Flink's: `default_catalog`.`default_database`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Database {
    /// The catalog that it is in.
    pub catalog: String,
    /// Its name there.
    pub name: String,
}

impl Database {
    /// The catalog that a session begins in.
    pub const DEFAULT_CATALOG: &'static str = "default_catalog";
    /// The database that a session begins in.
    pub const DEFAULT_NAME: &'static str = "default_database";

    /// The database of this name in this catalog.
    pub fn new(catalog: impl Into<String>, name: impl Into<String>) -> Self {
        Self { catalog: catalog.into(), name: name.into() }
    }

    /// Whether it is the one that a session begins in.
    pub fn is_default(&self) -> bool {
        self.catalog == Self::DEFAULT_CATALOG && self.name == Self::DEFAULT_NAME
    }

    /// The full name of one of its tables in a sentence: `default_catalog.default_database.t`.
    pub fn dotted(&self, table: &str) -> String {
        format!("{}.{}.{table}", self.catalog, self.name)
    }

    /// The full name of one of its tables in a plan: `default_catalog, default_database, t`.
    pub fn listed(&self, table: &str) -> String {
        format!("{}, {}, {table}", self.catalog, self.name)
    }

    /// The full name of one of its tables in a statement: `` `default_catalog`.`default_database`.`t` ``.
    pub fn quoted(&self, table: &str) -> String {
        let quote = |name: &str| format!("`{}`", name.replace('`', "``"));
        [&self.catalog, &self.name, table].map(quote).join(".")
    }
}

impl Default for Database {
    fn default() -> Self {
        Self::new(Self::DEFAULT_CATALOG, Self::DEFAULT_NAME)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_name_is_told_as_its_reader_writes_it() {
        let shop = Database::new("c", "my shop");
        assert_eq!(shop.dotted("t"), "c.my shop.t");
        assert_eq!(shop.listed("t"), "c, my shop, t");
        assert_eq!(shop.quoted("a`b"), "`c`.`my shop`.`a``b`");
        assert_eq!(Database::default().dotted("t"), "default_catalog.default_database.t");
    }
}
