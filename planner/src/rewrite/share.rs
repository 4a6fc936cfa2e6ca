//! Tables that a job reads more than once are read once: every reading asks for the columns that any of them needs, so that source,
//! computed columns and watermark come out equal, and the chain makes one of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::algebra::{Rel, RelNode};

/// Columns that a job needs of each table: filled while one pass prunes, obeyed by the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Needs {
    tables: BTreeMap<String, BTreeSet<usize>>,
}

impl Needs {
    /// One more reading of a table: the columns that it has to ask for.
    pub(crate) fn add(&mut self, table: &str, wanted: &BTreeSet<usize>) -> BTreeSet<usize> {
        let needed = self.tables.entry(table.to_owned()).or_default();
        needed.extend(wanted);
        needed.clone()
    }
}

/// The relation without the marks that held tables together.
pub(crate) fn unmarked(rel: Rel) -> Rel {
    let rel = rel.over(&mut unmarked);
    match rel.node {
        RelNode::Table { input, .. } => *input,
        node => Rel { node, schema: rel.schema },
    }
}
