//! GROUPING SETS, CUBE and ROLLUP on streams: each row once for each set, with NULL in the place of what the set leaves out and the set's
//! number behind it; then one aggregation by all of that.
//!
//! So each row changes the results of all sets before the next row comes, as in Flink. Source: Flink's `DecomposeGroupingSetsRule` and
//! `ExpandUtil`; the order of the sets is that of Calcite's `ImmutableBitSet.COMPARATOR`.

use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::operator_spec::UnnestSpec;
use irmak_common::types::{Field, Schema, TypeKind};

use crate::algebra::{Rel, RelNode, plain};
use crate::ast::{self, ExprKind, Select};
use crate::error::{Planned, Span};

use super::group::{Grouping, Windows};
use super::scope::{Scoped, unique_names};
use super::{Binder, call};

/// The rows of all sets, and what groups them.
#[derive(Debug)]
pub(crate) struct Expanded {
    rel: Rel,
    /// Columns of `rel`: the grouping expressions, then the number of the set.
    keys: Vec<Expr>,
    /// Of each set, which of the grouping expressions it holds.
    sets: Vec<Vec<bool>>,
}

impl Binder<'_> {
    /// One aggregation for several grouping sets.
    pub(crate) fn expanded_select(&mut self, select: &Select, sets: &[Vec<ast::Expr>], input: Scoped) -> Planned<Rel> {
        let mut keys: Vec<Expr> = Vec::new();
        let mut held: Vec<Vec<usize>> = Vec::with_capacity(sets.len());
        for set in sets {
            let mut positions = Vec::with_capacity(set.len());
            for key in self.bound_keys(set, &input)? {
                let at = keys.iter().position(|known| *known == key).unwrap_or_else(|| {
                    keys.push(key);
                    keys.len() - 1
                });
                positions.push(at);
            }
            positions.sort_unstable();
            positions.dedup();
            held.push(positions);
        }
        let sets = in_order(held).into_iter().map(|set| (0..keys.len()).map(|key| set.contains(&key)).collect()).collect();
        let expanded = expand(input.rel.clone(), &keys, sets, select.span)?;
        // The number of the set is no expression that somebody could write.
        keys.push(Expr::column(input.rel.schema.len() + keys.len(), TypeKind::Int.not_null()));
        let mut grouping = Grouping::new(keys, Windows::None, input.scope.clone(), input.rel.schema.clone());
        grouping.expanded = Some(Box::new(expanded));
        self.select_above(select, input, grouping)
    }

    /// The expressions of one set; `(a, b)` in it is both.
    fn bound_keys(&mut self, set: &[ast::Expr], input: &Scoped) -> Planned<Vec<Expr>> {
        let mut keys = Vec::with_capacity(set.len());
        for expr in set {
            let mut binder = self.plain(input, "GROUP BY");
            match &expr.kind {
                ExprKind::Call(row) if row.name.text == "ROW" => keys.extend(binder.all(&row.args)?),
                _ => keys.push(binder.bind(expr)?),
            }
        }
        Ok(keys)
    }
}

/// Sets that hold others come before these, else the one (a set that is written twice counts twice) whose first expressions come first.
fn in_order(sets: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
    let holds = |a: &[usize], b: &[usize]| b.iter().all(|key| a.contains(key));
    let before = |a: &Vec<usize>, b: &Vec<usize>| a != b && (holds(a, b) || !holds(b, a) && a < b);
    let mut ordered: Vec<Vec<usize>> = Vec::with_capacity(sets.len());
    for set in sets {
        let at = ordered.iter().position(|known| before(&set, known)).unwrap_or(ordered.len());
        ordered.insert(at, set);
    }
    ordered
}

fn expand(input: Rel, keys: &[Expr], sets: Vec<Vec<bool>>, span: Span) -> Planned<Expanded> {
    let width = input.schema.len();
    let number = |set: usize| Expr::literal(Value::Int(set as i64), TypeKind::Int.not_null());
    let collection = call::resolve("ARRAY", (0..sets.len()).map(number).collect(), span)?;
    let mut fields = input.schema.fields.clone();
    fields.push(Field::new("$e", TypeKind::Int.not_null()));
    let node = RelNode::Unnest { input: Box::new(input), spec: Box::new(UnnestSpec { collection, outer: false, ordinality: false }) };
    let doubled = Rel { node, schema: Schema::new(fields) };
    let set_of_row = Expr::column(width, TypeKind::Int.not_null());
    let mut exprs = doubled.columns();
    exprs.truncate(width);
    for (at, key) in keys.iter().enumerate() {
        let ty = plain(&key.ty);
        let key = Expr { ty: ty.clone(), ..key.clone() };
        let holding: Vec<usize> = (0..sets.len()).filter(|set| sets[*set][at]).collect();
        if holding.len() == sets.len() {
            exprs.push(key);
            continue;
        }
        let held = holding.into_iter().map(|set| call::resolve("=", vec![set_of_row.clone(), number(set)], span));
        let branches = held.map(|held| Ok((held?, key.clone()))).collect::<Planned<Vec<_>>>()?;
        let otherwise = Box::new(Expr::null(ty.kind.clone()));
        exprs.push(Expr { node: ExprNode::Case { branches, otherwise }, ty: ty.with_nullable(true) });
    }
    exprs.push(set_of_row);
    let mut names: Vec<Option<String>> = doubled.schema.fields[..width].iter().map(|field| Some(field.name.clone())).collect();
    names.extend(keys.iter().map(|key| key.as_column().and_then(|column| Some(doubled.schema.fields.get(column)?.name.clone()))));
    names.push(Some("$e".to_owned()));
    let rel = doubled.project(exprs, unique_names(names));
    let keys = rel.columns().split_off(width);
    Ok(Expanded { rel, keys, sets })
}

impl Expanded {
    /// Whether some set leaves out a grouping expression, so that it may be NULL.
    pub(crate) fn leaves_out(&self, key: usize) -> bool {
        self.sets.iter().any(|set| set.get(key) == Some(&false))
    }

    /// One bit for each of these grouping expressions, the last one lowest: whether the row's set leaves it out.
    pub(crate) fn bits(&self, keys: &[usize], span: Span) -> Planned<Expr> {
        let ty = TypeKind::BigInt.not_null();
        let of = |set: &Vec<bool>| keys.iter().fold(0, |bits, key| bits * 2 + i64::from(set.get(*key) == Some(&false)));
        let literal = |bits: i64| Expr::literal(Value::Int(bits), ty.clone());
        let all: Vec<i64> = self.sets.iter().map(of).collect();
        let last = all.last().copied().unwrap_or_default();
        if all.iter().all(|bits| *bits == last) {
            return Ok(literal(last));
        }
        let number = Expr::column(self.keys.len() - 1, TypeKind::Int.not_null());
        let set = |at: usize| Expr::literal(Value::Int(at as i64), TypeKind::Int.not_null());
        let is = |at: usize| call::resolve("=", vec![number.clone(), set(at)], span);
        let branches = all.iter().enumerate().map(|(at, bits)| Ok((is(at)?, literal(*bits)))).collect::<Planned<Vec<_>>>()?;
        Ok(Expr { node: ExprNode::Case { branches, otherwise: Box::new(literal(last)) }, ty })
    }
}

impl Grouping {
    /// What is to be aggregated: `input`, or its rows once for each set.
    pub(crate) fn expand(&mut self, input: Rel) -> Rel {
        match self.expanded.take() {
            Some(expanded) => {
                self.keys = expanded.keys;
                expanded.rel
            }
            None => input,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sets: &[&[usize]], expected: &[&[usize]]) {
        assert_eq!(in_order(sets.iter().map(|set| set.to_vec()).collect()), expected);
    }

    #[test]
    fn sets_that_hold_others_come_first() {
        check(&[&[0], &[1]], &[&[0], &[1]]);
        check(&[&[1], &[0]], &[&[0], &[1]]);
        check(&[&[], &[0], &[0, 1]], &[&[0, 1], &[0], &[]]);
        check(&[&[0, 1], &[0], &[1], &[]], &[&[0, 1], &[0], &[1], &[]]);
        check(&[&[2], &[0, 2], &[1]], &[&[0, 2], &[1], &[2]]);
        check(&[&[0], &[], &[0]], &[&[0], &[0], &[]]);
    }
}
