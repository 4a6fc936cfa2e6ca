//! Keys of joins that are computed become columns below the join, which are left out again above it.

use irmak_common::expr::{Expr, ExprNode};
use irmak_common::types::{LogicalType, Schema};

use super::merge;
use crate::algebra::{Rel, RelNode, map_columns};
use crate::condition::{all_of, is_volatile, terms};
use crate::join::{JoinRel, equality};

/// The join over columns that hold its computed keys.
pub(super) fn keyed(mut join: JoinRel, schema: Schema) -> Rel {
    let found = terms(&join.condition);
    if !found.iter().any(|term| computed_sides(&join, term).is_some()) {
        return Rel { node: RelNode::Join(Box::new(join)), schema };
    }
    // First the expressions, so that the new width of the left side is known.
    let mut computed: [Vec<Expr>; 2] = [Vec::new(), Vec::new()];
    let mut with_key = |term: Expr| (key(&join, &term, &mut computed), term);
    let planned: Vec<(Option<Key>, Expr)> = found.into_iter().map(&mut with_key).collect();
    let (width, shift) = (join.left.schema.len(), computed[0].len());
    let condition = planned.into_iter().map(|(key, term)| match key {
        Some(key) => Some(key.compared(term, width + shift)),
        None => shifted(&join, &term, shift),
    });
    let Some(condition) = condition.collect::<Option<Vec<_>>>() else { return Rel { node: RelNode::Join(Box::new(join)), schema } };
    let right_width = join.right.schema.len();
    let left_only = join.kind.left_only();
    let [left, right] = computed;
    join.condition = all_of(condition);
    join.left = with_columns(join.left, left);
    join.right = with_columns(join.right, right);
    let rel = join.into_rel();
    let columns = rel.columns();
    let mut exprs: Vec<Expr> = columns[..width].to_vec();
    if !left_only {
        exprs.extend_from_slice(&columns[width + shift..width + shift + right_width]);
    }
    let names = schema.fields.iter().map(|field| field.name.clone()).collect();
    Rel { schema, ..rel.project(exprs, names) }
}

/// The sides of an equality, the left one first, where one of them is no column as it stands.
fn computed_sides<'a>(join: &JoinRel, term: &'a Expr) -> Option<[&'a Expr; 2]> {
    let (sides, _) = equality(join, term)?;
    (sides.iter().any(|side| side.as_column().is_none()) && !is_volatile(term)).then_some(sides)
}

/// Where the two sides of an equality stand, each among the columns of its input.
struct Key {
    places: [usize; 2],
    types: [LogicalType; 2],
}

impl Key {
    /// The equality over the columns; the right input's begin at `right`.
    fn compared(self, term: Expr, right: usize) -> Expr {
        let ExprNode::Call { function, .. } = term.node else { return term };
        let [left_type, right_type] = self.types;
        let sides = vec![Expr::column(self.places[0], left_type), Expr::column(right + self.places[1], right_type)];
        Expr::call(function, sides, term.ty)
    }
}

/// The places of a term's sides; what is computed is added to the columns of its side.
fn key(join: &JoinRel, term: &Expr, computed: &mut [Vec<Expr>; 2]) -> Option<Key> {
    let sides = computed_sides(join, term)?;
    let width = join.left.schema.len();
    let mut places = [0; 2];
    for (side, expr) in sides.iter().enumerate() {
        let first = if side == 0 { 0 } else { width };
        let below = map_columns(expr, &|index| Some(Expr::column(index - first, column_type(join, index)?)));
        let Some(below) = below else { continue };
        places[side] = match below.as_column() {
            Some(index) => index,
            None => {
                let own = if side == 0 { width } else { join.right.schema.len() };
                computed[side].push(below);
                own + computed[side].len() - 1
            }
        };
    }
    Some(Key { places, types: sides.map(|side| side.ty.clone()) })
}

/// A term over columns of the join, the right input's being `shift` further than they were.
fn shifted(join: &JoinRel, term: &Expr, shift: usize) -> Option<Expr> {
    let width = join.left.schema.len();
    map_columns(term, &|index| Some(Expr::column(if index < width { index } else { index + shift }, column_type(join, index)?)))
}

fn column_type(join: &JoinRel, index: usize) -> Option<LogicalType> {
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
