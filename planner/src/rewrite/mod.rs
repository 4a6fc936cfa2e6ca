//! Rewrites of the algebra that change what it costs and nothing else.
//!
//! Order: constants are folded; projections that lie on each other become one; columns that nobody reads are left out, down to
//! the source, for all queries of a job together; projections that do nothing go.

pub(crate) mod fold;
pub(crate) mod join;
mod join_keys;
pub(crate) mod merge;
pub(crate) mod prune;
pub(crate) mod share;
mod watermark;

use irmak_functions::Environment;

use crate::algebra::{Rel, RelNode, Root};

use share::Needs;

/// All rewrites of the queries of one job.
pub(crate) fn rewrite(roots: Vec<Root>, environment: &Environment) -> Vec<Root> {
    let each = |roots: Vec<Root>, change: &mut dyn FnMut(Rel) -> Rel| -> Vec<Root> {
        roots.into_iter().map(|root| Root { rel: named(change, root.rel), ..root }).collect()
    };
    let roots = watermark::exact(roots);
    let roots = each(roots, &mut |rel| merge::merge(fold::all(rel, environment)));
    // Once to learn what the job needs of each table, once to leave out the rest.
    let mut needs = Needs::default();
    each(roots.clone(), &mut |rel| prune::prune(rel, &mut needs));
    each(roots, &mut |rel| merge::merge(share::unmarked(prune::prune(rel, &mut needs))))
}

/// A change of the rows' making leaves their columns what they were: the names and types of a query are its author's.
fn named(change: &mut dyn FnMut(Rel) -> Rel, rel: Rel) -> Rel {
    let schema = rel.schema.clone();
    let mut changed = change(rel);
    if !matches!(changed.node, RelNode::Scan(_) | RelNode::Table { .. }) {
        changed.schema = schema;
    }
    changed
}
