//! `LATERAL (SELECT ... WHERE inner = outer ORDER BY ... LIMIT n)`: the first rows for each row before it.
//!
//! The inner rows are ranked by what they are compared with, once for all outer rows that have it, and the first are joined.

use irmak_common::call_spec::SortKey;
use irmak_common::changelog_spec::{RankSpec, RankStrategy};
use irmak_common::expr::Expr;

use crate::algebra::{Rel, RelNode, map_columns};
use crate::ast::{self, ExprKind, Query, Select, SelectItem};
use crate::error::{Code, PlanError, Planned};

use super::Binder;
use super::correlated::pair;
use super::expr::ExprBinder;
use super::scope::{Scoped, unique_names};
use super::subquery::Correlated;

/// The query without its ORDER BY and LIMIT; `None`: it has not both.
pub(super) fn bare(query: &Query) -> Option<Query> {
    let top = !query.order_by.is_empty() && query.limit.is_some();
    top.then(|| Query { order_by: Vec::new(), limit: None, offset: None, ..query.clone() })
}

impl Binder<'_> {
    /// A subquery that looks outside, taken apart, its own rows only the first ones. `alone`: why it cannot be without a look outside.
    ///
    /// # Errors
    /// When it is no plain SELECT, compares by more than `=`, or is in an order of outer columns.
    pub(super) fn lateral_top(&mut self, query: &Query, bare: &Query, left: &Scoped, alone: PlanError) -> Planned<(Correlated, Select)> {
        let (mut correlated, select) = self.correlated(bare, left, alone)?;
        let width = left.rel.schema.len();
        let refused = |message: &str| Err(PlanError::new(Code::Unsupported, message).at(query.span));
        if select.distinct.is_some() {
            return refused("a LATERAL subquery with ORDER BY and LIMIT selects without DISTINCT");
        }
        let pairs = correlated.condition.iter().map(|term| pair(term, width, &correlated.inner)).collect::<Option<Vec<_>>>();
        let Some(pairs) = pairs.filter(|pairs| !pairs.is_empty()) else {
            return refused("a LATERAL subquery with ORDER BY and LIMIT compares by `=`, one side each, joined by AND");
        };
        let mut columns = Columns { exprs: correlated.inner.columns(), own: correlated.inner.schema.len() };
        let partition_by = pairs.into_iter().map(|pair| columns.position(pair.inner)).collect();
        let mut order_by = Vec::with_capacity(query.order_by.len());
        for item in &query.order_by {
            let mut binder = ExprBinder { scope: &correlated.scope, schema: &correlated.schema, grouping: None, clause: "ORDER BY" };
            let bound = binder.bind(meant(&item.expr, &select))?;
            let fields = &correlated.inner.schema.fields;
            let below = map_columns(&bound, &|at| {
                let at = at.checked_sub(width)?;
                Some(Expr::column(at, fields.get(at)?.ty.clone()))
            });
            let Some(below) = below else {
                let message = "a LATERAL subquery with LIMIT is ordered by its own columns";
                return Err(PlanError::new(Code::Unsupported, message).at(item.expr.span));
            };
            let nulls_first = item.nulls_first.unwrap_or(!item.descending);
            order_by.push(SortKey { column: columns.position(below), descending: item.descending, nulls_first });
        }
        let offset = query.offset.map_or(0, |(offset, _)| offset);
        let spec = RankSpec {
            partition_by,
            order_by,
            start: offset.saturating_add(1),
            end: offset.saturating_add(query.limit.unwrap_or_default()),
            end_by: None,
            number: false,
            strategy: RankStrategy::AppendFast,
            state_ttl_ms: self.settings.state_ttl_ms()?,
        };
        let input = Box::new(columns.project(correlated.inner));
        let schema = input.schema.clone();
        correlated.inner = Rel { node: RelNode::Rank { input, spec: Box::new(spec) }, schema };
        Ok((correlated, select))
    }
}

/// What an item of ORDER BY means: the column of the result of that name or number, else itself.
fn meant<'a>(expr: &'a ast::Expr, select: &'a Select) -> &'a ast::Expr {
    let item = match &expr.kind {
        ExprKind::Column(path) if path.len() == 1 => {
            select.items.iter().find(|item| matches!(item, SelectItem::Expr { alias: Some(alias), .. } if alias.text == path[0].text))
        }
        ExprKind::Number(place) => place.parse::<usize>().ok().and_then(|place| select.items.get(place.checked_sub(1)?)),
        _ => None,
    };
    match item {
        Some(SelectItem::Expr { expr, .. }) => expr,
        _ => expr,
    }
}

/// The inner columns, and what is computed behind them.
struct Columns {
    exprs: Vec<Expr>,
    own: usize,
}

impl Columns {
    fn position(&mut self, expr: Expr) -> usize {
        self.exprs.iter().position(|known| *known == expr).unwrap_or_else(|| {
            self.exprs.push(expr);
            self.exprs.len() - 1
        })
    }

    fn project(self, input: Rel) -> Rel {
        if self.exprs.len() == self.own {
            return input;
        }
        let name = |at: usize| Some(input.schema.fields.get(at).map_or_else(|| format!("$top{at}"), |field| field.name.clone()));
        let names = unique_names((0..self.exprs.len()).map(name).collect());
        input.project(self.exprs, names)
    }
}
