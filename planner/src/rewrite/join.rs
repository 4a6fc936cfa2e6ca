//! Filters meet joins: what speaks of one side goes to that side, what speaks of both becomes the join's condition, and an outer join
//! whose missing rows a filter would drop is no outer join. Computed keys become columns.

use std::collections::BTreeSet;

use irmak_common::expr::{Expr, ExprNode};
use irmak_common::join_spec::JoinKind;

use super::fold::is_volatile;
use super::merge;
use crate::algebra::{Rel, RelNode, columns_of, map_columns};
use crate::join::{JoinRel, all_of, equality, terms};

/// The join with nothing in its condition that could be below it.
pub(crate) fn join(mut join: JoinRel, schema: irmak_common::types::Schema) -> Rel {
    let mut kept = Vec::new();
    for term in terms(&join.condition) {
        match join.side_of(&term).filter(|side| sinks(join.kind, *side) && join.as_of.is_none() && !is_volatile(&term)) {
            Some(side) => push(&mut join, side, term),
            None => kept.push(term),
        }
    }
    join.condition = all_of(kept);
    keyed(join, schema)
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
        let empty = Rel { node: RelNode::Values(Vec::new()), schema: irmak_common::types::Schema::default() };
        *target = merge::filter(std::mem::replace(target, empty), moved);
    }
}

/// A filter over a join.
pub(crate) fn filtered(mut join: JoinRel, schema: irmak_common::types::Schema, predicate: &Expr) -> Rel {
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
    let schema = nullable.fields.iter().zip(names).map(|(field, name)| irmak_common::types::Field::new(name, field.ty.clone())).collect();
    let rel = self::join(join, irmak_common::types::Schema::new(schema));
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

/// Keys that are computed become columns below the join, which are left out again above it.
fn keyed(mut join: JoinRel, schema: irmak_common::types::Schema) -> Rel {
    let mut computed: [Vec<Expr>; 2] = [Vec::new(), Vec::new()];
    let width = join.left.schema.len();
    let found = terms(&join.condition);
    let is_computed = |term: &Expr| equality(&join, term).is_some_and(|(sides, _)| sides.iter().any(|side| side.as_column().is_none()));
    if !found.iter().any(|term| is_computed(term) && !is_volatile(term)) {
        return Rel { node: RelNode::Join(Box::new(join)), schema };
    }
    // First the expressions, so that the new width of the left side is known.
    let mut planned = Vec::new();
    for term in found {
        let Some((sides, _)) = equality(&join, &term).filter(|_| is_computed(&term) && !is_volatile(&term)) else {
            planned.push((term, None));
            continue;
        };
        let sides = sides.map(Clone::clone);
        let mut places = [0; 2];
        for (side, expr) in sides.iter().enumerate() {
            let below =
                map_columns(expr, &|index| Some(Expr::column(if side == 0 { index } else { index - width }, column_type(&join, index)?)));
            let Some(below) = below else { continue };
            places[side] = match below.as_column() {
                Some(index) => index,
                None => {
                    let base = if side == 0 { join.left.schema.len() } else { join.right.schema.len() };
                    computed[side].push(below);
                    base + computed[side].len() - 1
                }
            };
        }
        planned.push((term, Some((places, sides))));
    }
    let shift = computed[0].len();
    let moved = |expr: &Expr| {
        map_columns(expr, &|index| Some(Expr::column(if index < width { index } else { index + shift }, column_type(&join, index)?)))
    };
    let condition = planned.iter().map(|(term, places)| match places {
        Some((places, sides)) => {
            let ExprNode::Call { function, .. } = &term.node else { return Some(term.clone()) };
            let left = Expr::column(places[0], sides[0].ty.clone());
            let right = Expr::column(width + shift + places[1], sides[1].ty.clone());
            Some(Expr::call(function.clone(), vec![left, right], term.ty.clone()))
        }
        None => moved(term),
    });
    let Some(condition) = condition.collect::<Option<Vec<_>>>() else { return Rel { node: RelNode::Join(Box::new(join)), schema } };
    let names: Vec<String> = schema.fields.iter().map(|field| field.name.clone()).collect();
    let right_width = join.right.schema.len();
    join.condition = all_of(condition);
    let [left, right] = computed;
    join.left = with_columns(join.left, left);
    join.right = with_columns(join.right, right);
    let left_only = join.kind.left_only();
    let rel = join.into_rel();
    let columns = rel.columns();
    let mut exprs: Vec<Expr> = columns[..width].to_vec();
    if !left_only {
        exprs.extend_from_slice(&columns[width + shift..width + shift + right_width]);
    }
    let mut projected = rel.project(exprs, names);
    projected.schema = schema;
    projected
}

fn column_type(join: &JoinRel, index: usize) -> Option<irmak_common::types::LogicalType> {
    let width = join.left.schema.len();
    let field = if index < width { join.left.schema.fields.get(index) } else { join.right.schema.fields.get(index - width) };
    field.map(|field| field.ty.clone())
}

/// The relation with more columns behind its own.
fn with_columns(rel: Rel, more: Vec<Expr>) -> Rel {
    if more.is_empty() {
        return rel;
    }
    let mut names: Vec<Option<String>> = rel.schema.fields.iter().map(|field| Some(field.name.clone())).collect();
    names.extend((0..more.len()).map(|at| Some(format!("$f{}", rel.schema.len() + at))));
    let exprs = rel.columns().into_iter().chain(more).collect();
    let rel = rel.project(exprs, crate::bind::scope::unique_names(names));
    let schema = rel.schema.clone();
    match rel.node {
        RelNode::Project { input, exprs } => merge::project(*input, exprs, schema),
        node => Rel { node, schema },
    }
}
