//! Joins in FROM: names of both sides in one scope, ON, USING, NATURAL and `FOR SYSTEM_TIME AS OF`. LATERAL: [`super::lateral`].

use irmak_common::expr::Expr;
use irmak_common::join_spec::JoinKind;
use irmak_common::types::TimeAttribute;
use irmak_functions::common_type;

use crate::algebra::{Rel, plain};
use crate::ast::{self, JoinOn, TableRef};
use crate::condition::{all_of, always, terms};
use crate::error::{Code, PlanError, Planned, Span};
use crate::join::{JoinRel, equality};
use crate::token::Name;

use super::expr::ExprBinder;
use super::lateral::LateralJoin;
use super::scope::{Scope, ScopeColumn, Scoped, unique_names};
use super::{Binder, call};

fn kind_of(kind: ast::JoinKind) -> JoinKind {
    match kind {
        ast::JoinKind::Cross | ast::JoinKind::Inner => JoinKind::Inner,
        ast::JoinKind::Left => JoinKind::Left,
        ast::JoinKind::Right => JoinKind::Right,
        ast::JoinKind::Full => JoinKind::Full,
    }
}

impl Binder<'_> {
    /// Two tables, joined.
    pub(crate) fn join(&mut self, left: &TableRef, right: &TableRef, kind: ast::JoinKind, on: &JoinOn, span: Span) -> Planned<Scoped> {
        let left_ttl = self.life_of(left);
        let left = self.from(left)?;
        match right {
            TableRef::Table { snapshot: Some(snapshot), .. } => {
                let (time, at) = &**snapshot;
                return self.temporal_join(left, right, kind_of(kind), on, (time, *at), span);
            }
            TableRef::Derived { query, alias, lateral: true } => {
                let join = LateralJoin { alias: alias.as_ref(), kind: kind_of(kind), on, span };
                return self.lateral(left, query, join);
            }
            TableRef::Unnest { .. } => return self.unnest(left, right, kind, on, span),
            _ => {}
        }
        let at = name_span(right).unwrap_or(span);
        let ttl = [left_ttl, self.life_of(right)];
        let right = self.from(right)?;
        let taken = left.scope.relations();
        if let Some(twice) = right.scope.relations().into_iter().find(|name| taken.contains(name)) {
            let error = PlanError::new(Code::Twice, format!("two tables of FROM are called `{twice}`")).at(at);
            return Err(error.label("give it another name with AS"));
        }
        self.joined([left, right], kind_of(kind), on, ttl, span)
    }

    /// Two relations, joined. `ttl`: what STATE_TTL says of each.
    pub(crate) fn joined(
        &mut self,
        [left, right]: [Scoped; 2],
        kind: JoinKind,
        on: &JoinOn,
        ttl: [Option<u64>; 2],
        span: Span,
    ) -> Planned<Scoped> {
        let shared = match on {
            JoinOn::Using(names) => names.clone(),
            JoinOn::Natural => shared(&left.scope, &right.scope, span),
            JoinOn::Nothing | JoinOn::Condition(_) => Vec::new(),
        };
        let mut both = beside(left, right, kind);
        both.join.state_ttl = ttl;
        if !shared.is_empty() {
            return using(both, kind, &shared);
        }
        if let JoinOn::Condition(on) = on {
            both.condition(on)?;
        }
        Ok(both.scoped())
    }

    /// The versions that hold at the left row's time.
    fn temporal_join(
        &mut self,
        left: Scoped,
        right: &TableRef,
        kind: JoinKind,
        on: &JoinOn,
        (time, at): (&ast::Expr, Span),
        span: Span,
    ) -> Planned<Scoped> {
        let TableRef::Table { name, alias, hints, .. } = right else {
            return Err(PlanError::new(Code::Unsupported, "FOR SYSTEM_TIME AS OF stands behind a table").at(at));
        };
        if !matches!(kind, JoinKind::Inner | JoinKind::Left) {
            return Err(PlanError::new(Code::Unsupported, "a temporal join is an INNER or a LEFT JOIN").at(span));
        }
        let options: Vec<(String, String)> = hints.iter().filter_map(|hint| hint.option.clone()).collect();
        let left_time = as_of(&left, time)?;
        let versions = self.versioned(name, &options, alias.as_ref(), at)?;
        let mut both = beside(left, versions.scoped, kind);
        if let JoinOn::Condition(on) = on {
            both.condition(on)?;
        }
        let found = terms(&both.join.condition);
        let width = both.join.left.schema.len();
        let keys: Vec<usize> = found
            .iter()
            .filter_map(|term| equality(&both.join, term))
            .filter_map(|(sides, _)| sides[1].as_column().map(|column| column - width))
            .collect();
        if !versions.key.iter().all(|column| keys.contains(column)) {
            let names: Vec<&str> = versions.key.iter().map(|at| both.join.right.schema.fields[*at].name.as_str()).collect();
            let message = format!("a temporal join needs an equality on each column of the versioned table's key: {}", names.join(", "));
            return Err(PlanError::new(Code::Types, message).at(span));
        }
        both.join.as_of = Some([left_time, versions.time]);
        Ok(both.scoped())
    }
}

/// The column of the left table that says which version holds.
fn as_of(left: &Scoped, time: &ast::Expr) -> Planned<usize> {
    let mut binder = ExprBinder { scope: &left.scope, schema: &left.rel.schema, grouping: None, clause: "FOR SYSTEM_TIME AS OF" };
    let bound = binder.bind(time)?;
    match (bound.as_column(), bound.ty.kind.time_attribute()) {
        (Some(column), TimeAttribute::Rowtime) => Ok(column),
        (_, TimeAttribute::Proctime) => {
            let message = "a temporal join by processing time (a lookup) is not supported";
            let error = PlanError::new(Code::Unsupported, message).at(time.span).label("an event time of the left table is");
            let note = "as in Flink, where only connectors that look rows up (jdbc, hbase, hive) are joined so: a JOIN without FOR \
                SYSTEM_TIME AS OF takes the newest row, and says its result anew when that changes";
            Err(error.note(note))
        }
        _ => {
            let message = "FOR SYSTEM_TIME AS OF takes a time attribute of the left table";
            Err(PlanError::new(Code::TimeAttribute, message).at(time.span).label("this is none"))
        }
    }
}

/// The place of a table's name, or of its alias.
fn name_span(table: &TableRef) -> Option<Span> {
    match table {
        TableRef::Table { alias: Some(alias), .. }
        | TableRef::Derived { alias: Some(alias), .. }
        | TableRef::Window { alias: Some(alias), .. } => Some(alias.name.span),
        TableRef::Table { name, .. } => Some(crate::catalog::span_of(name)),
        _ => None,
    }
}

/// Two relations side by side, as their condition is read.
pub(crate) struct Both {
    pub(crate) join: JoinRel,
    scope: Scope,
}

/// Two relations side by side.
fn beside(left: Scoped, right: Scoped, kind: JoinKind) -> Both {
    let mut scope = left.scope;
    scope.columns.extend(right.scope.columns);
    Both { join: JoinRel { left: left.rel, right: right.rel, kind, condition: always(), as_of: None, state_ttl: [None; 2] }, scope }
}

impl Both {
    fn condition(&mut self, on: &ast::Expr) -> Planned<()> {
        let schema = self.join.both();
        let mut binder = ExprBinder { scope: &self.scope, schema: &schema, grouping: None, clause: "ON" };
        self.join.condition = binder.condition(on, "ON")?;
        let width = self.join.left.schema.len();
        super::subquery::conjuncts(on).into_iter().try_for_each(|term| comparable(&mut binder, term, width))
    }

    fn scoped(self) -> Scoped {
        Scoped { rel: self.join.into_rel(), scope: self.scope }
    }
}

/// Refuses the equality of two columns, one of each side, that have no type in common. Source: Flink's `JoinConditionTypeCoerceRule`.
fn comparable(binder: &mut ExprBinder<'_>, term: &ast::Expr, width: usize) -> Planned<()> {
    let ast::ExprKind::Operator { name: "=", args } = &term.kind else { return Ok(()) };
    let bound = binder.all(args)?;
    let (Some(left), Some(right)) = (bound[0].as_column(), bound[1].as_column()) else { return Ok(()) };
    let types = [plain(&bound[0].ty), plain(&bound[1].ty)];
    if (left < width) == (right < width) || common_type(&types.iter().collect::<Vec<_>>()).is_some() {
        return Ok(());
    }
    let [left, right] = types.map(|ty| ty.with_nullable(true));
    let message = format!("implicit type conversion between {left} and {right} is not supported on join's condition now");
    Err(PlanError::new(Code::Incompatible, message).at(term.span).label("CAST one side"))
}

/// The columns that both sides have.
fn shared(left: &Scope, right: &Scope, span: Span) -> Vec<Name> {
    let has = |name: &str| right.columns.iter().any(|column| !column.hidden && column.name == name);
    let visible = left.columns.iter().filter(|column| !column.hidden && has(&column.name));
    visible.map(|column| Name { text: column.name.clone(), span }).collect()
}

/// The shared columns first and once, then the rest of both sides; the doubles are there for who names their table.
fn using(mut both: Both, kind: JoinKind, shared: &[Name]) -> Planned<Scoped> {
    let width = both.join.left.schema.len();
    let schema = both.join.both();
    let (left, right) = both.scope.columns.split_at(width);
    let (left, right) = (Scope { columns: left.to_vec() }, Scope { columns: right.to_vec() });
    let mut places = Vec::new();
    let mut condition = Vec::new();
    for name in shared {
        let path = std::slice::from_ref(name);
        let (l, r) = (left.resolve(path)?.0, width + right.resolve(path)?.0);
        let column = |at: usize| Expr::column(at, schema.fields[at].ty.clone());
        condition.push(call::resolve("=", vec![column(l), column(r)], name.span)?);
        places.push((l, r));
    }
    both.join.condition = all_of(condition);
    let Scoped { rel, scope } = both.scoped();
    let column = |at: usize| Expr::column(at, rel.schema.fields[at].ty.clone());
    let (mut exprs, mut columns) = (Vec::new(), Vec::new());
    for (name, &(l, r)) in shared.iter().zip(&places) {
        exprs.push(match kind {
            JoinKind::Right => column(r),
            JoinKind::Full => call::resolve("COALESCE", vec![column(l), column(r)], name.span)?,
            _ => column(l),
        });
        columns.push(ScopeColumn { database: None, relation: None, name: name.text.clone(), hidden: false });
    }
    let doubled = |at: &usize| places.iter().any(|(l, r)| at == l || at == r);
    let all: Vec<usize> = (0..rel.schema.len()).collect();
    // In their order, for `t.*` is all of a table.
    for at in &all {
        exprs.push(column(*at));
        columns.push(ScopeColumn { hidden: doubled(at) || scope.columns[*at].hidden, ..scope.columns[*at].clone() });
    }
    let names = unique_names(columns.iter().map(|column| Some(column.name.clone())).collect());
    Ok(Scoped { rel: rel.project(exprs, names), scope: Scope { columns } })
}

/// A relation that has versions.
pub(crate) struct Versioned {
    pub(crate) scoped: Scoped,
    /// The columns that a version is one of.
    pub(crate) key: Vec<usize>,
    /// The rowtime column from which on a version holds.
    pub(crate) time: usize,
}

/// The only rowtime column of a relation.
pub(crate) fn rowtime(rel: &Rel) -> Option<usize> {
    rel.schema.fields.iter().position(|field| field.ty.kind.time_attribute() == TimeAttribute::Rowtime)
}
