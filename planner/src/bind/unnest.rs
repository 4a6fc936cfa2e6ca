//! `UNNEST(collection)` in FROM: the elements of a collection that the tables before it have, each with its row.

use irmak_common::expr::Expr;
use irmak_common::operator_spec::UnnestSpec;
use irmak_common::types::{Field, LogicalType, Schema, TypeKind};

use crate::algebra::{Rel, RelNode};
use crate::ast::{Alias, ExprKind, JoinKind, JoinOn, TableRef};
use crate::error::{Code, PlanError, Planned, Span};

use super::Binder;
use super::expr::{ExprBinder, article};
use super::scope::{Scope, ScopeColumn, Scoped, unique_names};

impl Binder<'_> {
    /// `UNNEST(...)` joined with what stands before it.
    pub(crate) fn unnest(&mut self, left: Scoped, right: &TableRef, kind: JoinKind, on: &JoinOn, span: Span) -> Planned<Scoped> {
        let TableRef::Unnest { collection, ordinality, alias, .. } = right else { return self.from(right) };
        let outer = match kind {
            JoinKind::Cross | JoinKind::Inner => false,
            JoinKind::Left => true,
            JoinKind::Right | JoinKind::Full => {
                return Err(PlanError::new(Code::Unsupported, "UNNEST is joined by CROSS, INNER or LEFT JOIN").at(span));
            }
        };
        let bound = ExprBinder { scope: &left.scope, schema: &left.rel.schema, grouping: None, clause: "UNNEST" }.bind(collection)?;
        let scoped = elements(left, bound, outer, *ordinality, alias.as_ref(), collection.span)?;
        match on {
            JoinOn::Nothing => Ok(scoped),
            JoinOn::Condition(on) if matches!(on.kind, ExprKind::Boolean(true)) => Ok(scoped),
            JoinOn::Condition(on) if !outer => {
                let mut binder = ExprBinder { scope: &scoped.scope, schema: &scoped.rel.schema, grouping: None, clause: "ON" };
                let predicate = binder.condition(on, "ON")?;
                Ok(Scoped { rel: scoped.rel.filter(predicate), scope: scoped.scope })
            }
            _ => Err(PlanError::new(Code::Unsupported, "LEFT JOIN UNNEST is joined ON TRUE").at(span)),
        }
    }

    /// `FROM UNNEST(...)` with nothing before it.
    pub(crate) fn unnest_alone(&mut self, table: &TableRef, span: Span) -> Planned<Scoped> {
        let one = Scoped { rel: super::select::one_row(), scope: Scope::default() };
        let Scoped { rel, scope } = self.unnest(one, table, JoinKind::Cross, &JoinOn::Nothing, span)?;
        let names = scope.columns.iter().map(|column| column.name.clone()).collect();
        let own = rel.columns().split_off(1);
        Ok(Scoped { rel: rel.project(own, names), scope })
    }
}

fn elements(left: Scoped, collection: Expr, outer: bool, ordinality: bool, alias: Option<&Alias>, span: Span) -> Planned<Scoped> {
    let mut own = columns(&collection.ty, span)?;
    if ordinality {
        own.push(Field::new("ORDINALITY", TypeKind::Int.not_null()));
    }
    if outer {
        own.iter_mut().for_each(|field| field.ty.nullable = true);
    }
    if let Some(alias) = alias {
        name(&mut own, alias)?;
    }
    let mut columns = left.scope.columns;
    let relation = alias.map(|alias| alias.name.text.clone());
    columns.extend(own.iter().map(|field| ScopeColumn {
        database: None,
        relation: relation.clone(),
        name: field.name.clone(),
        hidden: false,
    }));
    let mut fields = left.rel.schema.fields.clone();
    fields.extend(own);
    let names = unique_names(fields.iter().map(|field| Some(field.name.clone())).collect());
    fields.iter_mut().zip(names).for_each(|(field, name)| field.name = name);
    let node = RelNode::Unnest { input: Box::new(left.rel), spec: Box::new(UnnestSpec { collection, outer, ordinality }) };
    Ok(Scoped { rel: Rel { node, schema: Schema::new(fields) }, scope: Scope { columns } })
}

/// The columns of a collection's elements.
fn columns(ty: &LogicalType, span: Span) -> Planned<Vec<Field>> {
    let of_element = |element: &LogicalType| match &element.kind {
        TypeKind::Row(fields) => {
            let field = |field: &Field| Field::new(&field.name, field.ty.with_nullable(field.ty.nullable || element.nullable));
            fields.iter().map(field).collect()
        }
        _ => vec![Field::new("EXPR$0", element.clone())],
    };
    match &ty.kind {
        TypeKind::Array(element) | TypeKind::Multiset(element) => Ok(of_element(element)),
        TypeKind::Map(key, value) => Ok(vec![Field::new("KEY", (**key).clone()), Field::new("VALUE", (**value).clone())]),
        _ => Err(PlanError::new(Code::Types, format!("UNNEST takes an ARRAY, a MAP or a MULTISET, not {}", article(ty))).at(span)),
    }
}

/// The names that the alias gives; one column without a name of its own has the alias's.
fn name(own: &mut [Field], alias: &Alias) -> Planned<()> {
    if alias.columns.is_empty() {
        if let [only] = own {
            only.name.clone_from(&alias.name.text);
        }
        return Ok(());
    }
    if alias.columns.len() != own.len() {
        let message = format!("{} columns are named, but the elements have {}", alias.columns.len(), own.len());
        let at = alias.columns.first().map_or(alias.name.span, |name| name.span);
        return Err(PlanError::new(Code::ColumnCount, message).at(at));
    }
    own.iter_mut().zip(&alias.columns).for_each(|(field, name)| field.name.clone_from(&name.text));
    Ok(())
}
