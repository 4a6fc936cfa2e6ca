//! Projections on projections become one, filters go below projections, constant rows are computed here, what does nothing goes.

use irmak_common::expr::{Expr, ExprNode, Value};

use crate::algebra::{Rel, RelNode, columns_of, map_columns};
use crate::condition::{all_of, is_volatile};

/// The merged relation.
pub(crate) fn merge(rel: Rel) -> Rel {
    let rel = rel.over(&mut merge);
    match rel.node {
        RelNode::Project { input, exprs } => project(*input, exprs, rel.schema),
        RelNode::Filter { input, predicate } => filter(*input, predicate),
        RelNode::Join(join) => super::join::join(*join, rel.schema),
        RelNode::Union(inputs) => Rel { node: RelNode::Union(flat(inputs)), schema: rel.schema },
        node => Rel { node, schema: rel.schema },
    }
}

/// Unions in unions are one.
fn flat(inputs: Vec<Rel>) -> Vec<Rel> {
    let mut flat = Vec::with_capacity(inputs.len());
    for input in inputs {
        match input.node {
            RelNode::Union(inner) => flat.extend(inner),
            _ => flat.push(input),
        }
    }
    flat
}

/// A projection, one with what is below it where that changes nothing.
pub(crate) fn project(input: Rel, exprs: Vec<Expr>, schema: irmak_common::types::Schema) -> Rel {
    if let RelNode::Project { input: below, exprs: inner } = &input.node
        && can_inline(inner, &exprs)
    {
        let merged: Option<Vec<Expr>> = exprs.iter().map(|expr| map_columns(expr, &|index| inner.get(index).cloned())).collect();
        if let Some(merged) = merged {
            return project((**below).clone(), merged, schema);
        }
    }
    if let RelNode::Values(rows) = &input.node
        && let Some(rows) = constant(rows, &exprs)
    {
        return Rel { node: RelNode::Values(rows), schema };
    }
    let identity = exprs.len() == input.schema.len() && exprs.iter().enumerate().all(|(at, expr)| expr.as_column() == Some(at));
    if identity && renames_freely(&input, &schema) {
        let mut renamed = input;
        if !matches!(renamed.node, RelNode::Scan(_) | RelNode::Table { .. }) {
            renamed.schema = schema;
        }
        return renamed;
    }
    Rel { node: RelNode::Project { input: Box::new(input), exprs }, schema }
}

/// Whether the identity projection to `schema` may go: the names are the same, or are nobody's but the plan's.
fn renames_freely(input: &Rel, schema: &irmak_common::types::Schema) -> bool {
    let same = input.schema.fields.iter().zip(&schema.fields).all(|(have, want)| have.name == want.name);
    let renamed = |node: &RelNode| match node {
        RelNode::Project { .. } | RelNode::Values(_) | RelNode::WindowAggregate { .. } | RelNode::Filter { .. } => true,
        // Shown under the names of its aggregates; keys go by their own.
        RelNode::GroupAggregate { spec, .. } => {
            let keys = spec.keys.len();
            input.schema.fields.iter().zip(&schema.fields).take(keys).all(|(have, want)| have.name == want.name)
        }
        _ => false,
    };
    same || renamed(&input.node)
}

/// Whether an inner projection can be written into the outer one without computing anything twice.
fn can_inline(inner: &[Expr], outer: &[Expr]) -> bool {
    let simple = |expr: &Expr| matches!(expr.node, ExprNode::Column(_) | ExprNode::Literal(_));
    inner.iter().enumerate().filter(|(_, expr)| !simple(expr)).all(|(index, expr)| {
        let uses: usize = outer.iter().map(|outer| uses_of(outer, index)).sum();
        uses == 0 || (uses == 1 && !is_volatile(expr))
    })
}

fn uses_of(expr: &Expr, index: usize) -> usize {
    let here = usize::from(expr.as_column() == Some(index));
    here + expr.children().into_iter().map(|child| uses_of(child, index)).sum::<usize>()
}

/// The rows of a projection over constant rows, where every expression is a column or constant.
fn constant(rows: &[Vec<Value>], exprs: &[Expr]) -> Option<Vec<Vec<Value>>> {
    let value = |row: &Vec<Value>, expr: &Expr| match &expr.node {
        ExprNode::Literal(value) => Some(value.clone()),
        ExprNode::Column(index) => row.get(*index).cloned(),
        _ => None,
    };
    rows.iter().map(|row| exprs.iter().map(|expr| value(row, expr)).collect()).collect()
}

/// A filter where it costs least.
pub(crate) fn filter(input: Rel, predicate: Expr) -> Rel {
    if let ExprNode::Literal(Value::Boolean(true)) = predicate.node {
        return input;
    }
    match input.node {
        // Below a projection that the predicate reads only plain columns of.
        RelNode::Project { input: below, exprs } if plain_reads(&predicate, &exprs) => {
            match map_columns(&predicate, &|index| exprs.get(index).cloned()) {
                Some(moved) => {
                    let schema = input.schema;
                    Rel { node: RelNode::Project { input: Box::new(filter(*below, moved)), exprs }, schema }
                }
                None => Rel { node: RelNode::Project { input: below, exprs }, schema: input.schema }.filter(predicate),
            }
        }
        RelNode::Join(join) => super::join::filtered(*join, input.schema, &predicate),
        // Two filters are one.
        RelNode::Filter { input: below, predicate: first } => {
            let mut terms = Vec::new();
            for term in [first, predicate] {
                match term.node {
                    ExprNode::And(inner) => terms.extend(inner),
                    _ => terms.push(term),
                }
            }
            below.filter(all_of(terms))
        }
        node => Rel { node, schema: input.schema }.filter(predicate),
    }
}

fn plain_reads(predicate: &Expr, exprs: &[Expr]) -> bool {
    columns_of(predicate).into_iter().all(|index| exprs.get(index).is_some_and(|expr| expr.as_column().is_some()))
}
