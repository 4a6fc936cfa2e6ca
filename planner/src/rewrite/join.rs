//! Filters meet joins: what speaks of one side goes to that side, what speaks of both becomes the join's condition, and an outer join
//! whose missing rows a filter would drop is no outer join.

use std::collections::BTreeSet;

use irmak_common::expr::{Expr, ExprNode};
use irmak_common::join_spec::JoinKind;
use irmak_common::types::{Field, Schema};

use super::{join_keys, merge};
use crate::algebra::{Rel, RelNode, columns_of, map_columns};
use crate::condition::{all_of, is_volatile, terms};
use crate::join::JoinRel;

/// The join with nothing in its condition that could be below it.
pub(crate) fn join(mut join: JoinRel, schema: Schema) -> Rel {
    let mut kept = Vec::new();
    for term in terms(&join.condition) {
        match join.side_of(&term).filter(|side| sinks(join.kind, *side) && join.as_of.is_none() && !is_volatile(&term)) {
            Some(side) => push(&mut join, side, term),
            None => kept.push(term),
        }
    }
    join.condition = all_of(kept);
    join_keys::keyed(join, schema)
}

/// Whether a term of the condition over one side may be a filter of that side.
fn sinks(kind: JoinKind, side: usize) -> bool {
    match kind {
        JoinKind::Inner | JoinKind::Semi => true,
        // What has no partner comes out all the same.
        JoinKind::Left | JoinKind::Anti => side == 1,
        JoinKind::Right => side == 0,
        JoinKind::Full => false,
    }
}

fn push(join: &mut JoinRel, side: usize, term: Expr) {
    let width = join.left.schema.len();
    let target = if side == 0 { &mut join.left } else { &mut join.right };
    let moved = map_columns(&term, &|index| {
        let index = if side == 0 { index } else { index - width };
        Some(Expr::column(index, target.schema.fields.get(index)?.ty.clone()))
    });
    if let Some(moved) = moved {
        let empty = Rel { node: RelNode::Values(Vec::new()), schema: Schema::default() };
        *target = merge::filter(std::mem::replace(target, empty), moved);
    }
}

/// A filter over a join.
pub(crate) fn filtered(mut join: JoinRel, schema: Schema, predicate: &Expr) -> Rel {
    let terms_above = terms(predicate);
    for term in &terms_above {
        join.kind = without_missing(&join, term);
    }
    let (mut kept, mut condition) = (Vec::new(), terms(&join.condition));
    for term in terms_above {
        let side = if join.kind.left_only() { Some(0) } else { join.side_of(&term) };
        let volatile = is_volatile(&term);
        match (join.kind, side) {
            _ if volatile => kept.push(term),
            // The versions of a temporal join are not to be filtered.
            _ if join.as_of.is_some() && side != Some(0) => kept.push(term),
            (JoinKind::Inner, Some(side)) => push(&mut join, side, term),
            (JoinKind::Left | JoinKind::Semi | JoinKind::Anti, Some(0)) => push(&mut join, 0, term),
            (JoinKind::Right, Some(1)) => push(&mut join, 1, term),
            (JoinKind::Inner, None) => condition.push(term),
            _ => kept.push(term),
        }
    }
    join.condition = all_of(condition);
    let nullable = join.clone().into_rel().schema;
    let names = schema.fields.iter().map(|field| field.name.clone());
    let schema = nullable.fields.iter().zip(names).map(|(field, name)| Field::new(name, field.ty.clone())).collect();
    let rel = self::join(join, Schema::new(schema));
    if kept.is_empty() { rel } else { rel.filter(all_of(kept)) }
}

/// The kind of a join above which `term` must be TRUE.
fn without_missing(join: &JoinRel, term: &Expr) -> JoinKind {
    let width = join.left.schema.len();
    let (left, right): (BTreeSet<usize>, BTreeSet<usize>) = columns_of(term).into_iter().partition(|column| *column < width);
    let (drops_right, drops_left) = (drops_null(term, &right), drops_null(term, &left));
    match join.kind {
        JoinKind::Left if drops_right => JoinKind::Inner,
        JoinKind::Right if drops_left => JoinKind::Inner,
        JoinKind::Full if drops_left && drops_right => JoinKind::Inner,
        JoinKind::Full if drops_left => JoinKind::Left,
        JoinKind::Full if drops_right => JoinKind::Right,
        kind => kind,
    }
}

/// Whether a condition is not TRUE where all these columns are NULL.
fn drops_null(condition: &Expr, columns: &BTreeSet<usize>) -> bool {
    match &condition.node {
        ExprNode::And(terms) => terms.iter().any(|term| drops_null(term, columns)),
        ExprNode::Or(terms) => terms.iter().all(|term| drops_null(term, columns)),
        ExprNode::Call { function, args } => match function.as_str() {
            "=" | "<>" | "<" | "<=" | ">" | ">=" | "LIKE" | "SIMILAR TO" => args.iter().any(|arg| is_strict(arg, columns)),
            "IS NOT NULL" | "IS TRUE" | "NOT" => args.iter().any(|arg| is_strict(arg, columns)),
            _ => false,
        },
        ExprNode::Column(_) => is_strict(condition, columns),
        _ => false,
    }
}

/// Whether an expression is NULL where these columns are.
fn is_strict(expr: &Expr, columns: &BTreeSet<usize>) -> bool {
    match &expr.node {
        ExprNode::Column(index) => columns.contains(index),
        ExprNode::Cast { input, .. } => is_strict(input, columns),
        ExprNode::Call { function, args } => {
            let strict = matches!(function.as_str(), "+" | "-" | "*" | "/" | "%" | "=" | "<>" | "<" | "<=" | ">" | ">=" | "NOT" | "LIKE");
            strict && args.iter().any(|arg| is_strict(arg, columns))
        }
        _ => false,
    }
}
