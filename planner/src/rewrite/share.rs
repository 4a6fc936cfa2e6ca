//! Queries of one statement set that read one table read it once: each gets all physical columns that any of them reads, so that
//! their scans, and what lies on them alike, are equal and become one.

use std::collections::{BTreeMap, BTreeSet};

use irmak_common::operator_spec::SourceSpec;
use irmak_common::types::{Field, Schema};

use crate::algebra::{Rel, RelNode, Root};

/// The same queries over equal scans.
pub(crate) fn share(roots: Vec<Root>) -> Vec<Root> {
    let mut reads: BTreeMap<String, (usize, BTreeSet<usize>)> = BTreeMap::new();
    roots.iter().for_each(|root| collect(&root.rel, &mut reads));
    reads.retain(|_, (scans, _)| *scans > 1);
    let widen = |root: Root| Root { rel: widened(root.rel, &reads), target: root.target };
    roots.into_iter().map(widen).collect()
}

fn collect(rel: &Rel, reads: &mut BTreeMap<String, (usize, BTreeSet<usize>)>) {
    if let RelNode::Scan(source) = &rel.node {
        let (scans, columns) = reads.entry(source.table.clone()).or_default();
        *scans += 1;
        columns.extend(&source.projection);
    }
    rel.inputs().into_iter().for_each(|input| collect(input, reads));
}

fn widened(mut rel: Rel, reads: &BTreeMap<String, (usize, BTreeSet<usize>)>) -> Rel {
    let deeper = |input: Box<Rel>| Box::new(widened(*input, reads));
    rel.node = match rel.node {
        RelNode::Scan(source) => match reads.get(&source.table) {
            // Metadata columns differ rarely; scans that differ in them stay apart.
            Some((_, columns)) if source.metadata.is_empty() && columns.len() > source.projection.len() => return wider(*source, columns),
            _ => RelNode::Scan(source),
        },
        RelNode::Watermark { input, spec } => RelNode::Watermark { input: deeper(input), spec },
        RelNode::Project { input, exprs } => RelNode::Project { input: deeper(input), exprs },
        RelNode::Filter { input, predicate } => RelNode::Filter { input: deeper(input), predicate },
        RelNode::WindowAggregate { input, spec } => RelNode::WindowAggregate { input: deeper(input), spec },
        RelNode::WindowAssign { input, window, partition_by } => RelNode::WindowAssign { input: deeper(input), window, partition_by },
        RelNode::Limit { input, offset, count } => RelNode::Limit { input: deeper(input), offset, count },
        RelNode::Union(inputs) => RelNode::Union(inputs.into_iter().map(|input| widened(input, reads)).collect()),
        leaf @ RelNode::Values(_) => leaf,
    };
    rel
}

/// The scan of more columns, and a projection to those that were read.
fn wider(source: SourceSpec, columns: &BTreeSet<usize>) -> Rel {
    let had = source.projection.clone();
    let projection: Vec<usize> = columns.iter().copied().collect();
    let field = |column: &usize| Field::new(&source.physical.fields[*column].name, source.physical.fields[*column].ty.clone());
    let schema = Schema::new(projection.iter().map(field).collect());
    let positions: Vec<usize> = had.iter().filter_map(|column| projection.iter().position(|known| known == column)).collect();
    let scan = Rel { node: RelNode::Scan(Box::new(SourceSpec { projection, ..source })), schema };
    let all = scan.columns();
    let names = positions.iter().map(|at| scan.schema.fields[*at].name.clone()).collect();
    let exprs = positions.iter().map(|at| all[*at].clone()).collect();
    scan.project(exprs, names)
}
