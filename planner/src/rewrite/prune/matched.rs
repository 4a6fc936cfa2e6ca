//! MATCH_RECOGNIZE reads its keys, its order and what conditions and measures say of rows. All its columns stay: they are few.

use std::collections::BTreeSet;

use irmak_common::match_spec::{MatchRead, MatchSpec};
use irmak_common::types::Schema;

use super::super::share::Needs;
use super::{Positions, keep as keep_input};
use crate::algebra::{Rel, RelNode, collect_columns, shift_columns};

/// The relation over an input without the columns that no row is asked for.
pub(super) fn keep(input: Rel, mut spec: MatchSpec, schema: &Schema, needs: &mut Needs) -> (Rel, Positions) {
    let mut below: BTreeSet<usize> = spec.partition_by.iter().copied().chain(spec.order_by.iter().map(|key| key.column)).collect();
    for read in spec.exprs().flat_map(|matched| &matched.reads) {
        match read {
            MatchRead::Field { column, .. } => {
                below.insert(*column);
            }
            MatchRead::Aggregate { args, .. } => args.iter().for_each(|arg| collect_columns(arg, &mut below)),
            MatchRead::Rowtime { .. } | MatchRead::Proctime { .. } => {}
        }
    }
    let (input, positions) = keep_input(input, &below, needs);
    let at = |column: &mut usize| *column = positions.get(column).copied().unwrap_or(*column);
    spec.partition_by.iter_mut().chain(spec.order_by.iter_mut().map(|key| &mut key.column)).for_each(at);
    for read in spec.exprs_mut().flat_map(|matched| &mut matched.reads) {
        match read {
            MatchRead::Field { column, .. } => at(column),
            MatchRead::Aggregate { args, .. } => args.iter_mut().for_each(|arg| shift_columns(arg, &positions)),
            MatchRead::Rowtime { .. } | MatchRead::Proctime { .. } => {}
        }
    }
    let node = RelNode::Match { input: Box::new(input), spec: Box::new(spec) };
    (Rel { node, schema: schema.clone() }, (0..schema.len()).map(|column| (column, column)).collect())
}
