//! Rewrites of the algebra that change what it costs and nothing else.
//!
//! Order: constants are folded; projections that lie on each other become one; columns that nobody reads are left out, down to
//! the source; projections that do nothing go.

pub(crate) mod fold;
pub(crate) mod merge;
pub(crate) mod prune;
pub(crate) mod share;

use irmak_functions::Environment;

use crate::algebra::Rel;

/// All rewrites of one query.
pub(crate) fn rewrite(rel: Rel, environment: &Environment) -> Rel {
    let rel = fold::all(rel, environment);
    let rel = merge::merge(rel);
    let rel = prune::prune(rel);
    merge::merge(rel)
}
