//! Queries around their SELECT: WITH, VALUES, UNION, ORDER BY, LIMIT.

use std::rc::Rc;

use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::types::{Field, LogicalType, Schema, TypeKind};
use irmak_functions::common_type;

use crate::algebra::{Rel, RelNode, cast_to, plain};
use crate::ast::{self, Body, Query, SetKind};
use crate::error::{Code, PlanError, Planned, Span};
use crate::rewrite::fold::fold;

use super::expr::{ExprBinder, mixes_dates};
use super::scope::Scope;
use super::{Binder, NamedQuery, untyped};

impl Binder<'_> {
    /// The rows of a query.
    pub(crate) fn query(&mut self, query: &Query) -> Planned<Rel> {
        self.streaming_order(query)?;
        let known = self.ctes.len();
        for cte in &query.with {
            let named = NamedQuery { columns: cte.columns.clone(), query: cte.query.clone(), sees: self.ctes.len() };
            self.ctes.push((cte.name.text.clone(), Rc::new(named)));
        }
        let bound = if query.order_by.is_empty() { self.body(&query.body, query.span) } else { self.sorted(query) };
        self.ctes.truncate(known);
        let mut rel = bound?;
        let batch = self.settings.batch();
        if let Some((_, span)) = query.offset
            && query.limit.is_none()
            && !batch
        {
            return Err(PlanError::new(Code::Unsupported, "OFFSET without LIMIT never ends on a stream").at(span).label("add LIMIT"));
        }
        let all = query.offset.filter(|_| batch).map(|_| u64::MAX);
        // On a stream, ORDER BY with LIMIT is a Top-N, which has left out what OFFSET leaves out.
        let ranked = !batch && !query.order_by.is_empty();
        if let Some(count) = query.limit.or(all).filter(|_| !ranked) {
            let offset = query.offset.map_or(0, |(offset, _)| offset);
            let schema = rel.schema.clone();
            rel = Rel { node: RelNode::Limit { input: Box::new(rel), offset, count }, schema };
        }
        Ok(rel)
    }

    pub(crate) fn body(&mut self, body: &Body, span: Span) -> Planned<Rel> {
        match body {
            Body::Select(select) => self.select(select),
            Body::Nested(query) => self.nested(query.span, |binder| binder.query(query)),
            Body::Values(rows) => self.values(rows, span),
            Body::Set { kind, all, inputs, operator } => self.set(*kind, *all, inputs, *operator),
        }
    }

    fn set(&mut self, kind: SetKind, all: bool, inputs: &[(Body, Span)], operator: Span) -> Planned<Rel> {
        let mut doubled = None;
        let rels: Vec<(Rel, Span)> = inputs
            .iter()
            .map(|(body, span)| {
                let rel = self.nested(*span, |binder| binder.body(body, *span))?;
                // The first one's names count.
                doubled.get_or_insert_with(|| std::mem::take(&mut self.doubled));
                Ok((rel, *span))
            })
            .collect::<Planned<_>>()?;
        self.doubled = doubled.unwrap_or_default();
        let name = match (kind, all) {
            (SetKind::Union, true) => "UNION ALL",
            (SetKind::Union, false) => "UNION",
            (SetKind::Intersect, _) => "INTERSECT",
            (SetKind::Except, _) => "EXCEPT",
        };
        let union = union_all(rels, name)?;
        match (kind, all) {
            (SetKind::Union, true) => Ok(union),
            (SetKind::Union, false) => self.distinct(union, operator),
            _ => Ok(self.set_operation(union, kind, all)),
        }
    }

    /// Constant rows.
    fn values(&mut self, rows: &[Vec<ast::Expr>], span: Span) -> Planned<Rel> {
        self.doubled.clear();
        let (scope, schema) = (Scope::default(), Schema::default());
        let mut bound: Vec<Vec<Expr>> = Vec::with_capacity(rows.len());
        for row in rows {
            let mut binder = ExprBinder { scope: &scope, schema: &schema, grouping: None, clause: "VALUES" };
            let row_bound = binder.all(row)?;
            row.iter().try_for_each(untyped::typed)?;
            if let Some(first) = bound.first()
                && first.len() != row_bound.len()
            {
                let at = row.first().map_or(span, |expr| expr.span);
                return Err(
                    PlanError::new(Code::ColumnCount, format!("a row of {} values, the first has {}", row.len(), first.len())).at(at)
                );
            }
            bound.push(row_bound);
        }
        let width = bound.first().map_or(0, Vec::len);
        let mut fields = Vec::with_capacity(width);
        for column in 0..width {
            let types: Vec<LogicalType> = bound.iter().map(|row| plain(&row[column].ty)).collect();
            let ty = merged(&types, span, || format!("the values of column {} have no type in common", column + 1))?;
            fields.push(Field::new(format!("EXPR${column}"), ty));
        }
        let schema = Schema::new(fields);
        let cast = |row: Vec<Expr>| -> Vec<Expr> {
            row.into_iter().zip(&schema.fields).map(|(expr, field)| fold(cast_to(expr, &field.ty), &self.environment)).collect()
        };
        let rows: Vec<Vec<Expr>> = bound.into_iter().map(cast).collect();
        Ok(constant_rows(rows, schema))
    }
}

/// Rows that are constant are one `Values`; rows that are not (RAND(), a cast that fails) are computed, one relation each.
fn constant_rows(rows: Vec<Vec<Expr>>, schema: Schema) -> Rel {
    let values = |row: &Vec<Expr>| -> Option<Vec<Value>> {
        row.iter()
            .map(|expr| match &expr.node {
                ExprNode::Literal(value) => Some(value.clone()),
                _ => None,
            })
            .collect()
    };
    if let Some(constant) = rows.iter().map(values).collect::<Option<Vec<_>>>() {
        return Rel { node: RelNode::Values(constant), schema };
    }
    let names: Vec<String> = schema.fields.iter().map(|field| field.name.clone()).collect();
    let computed = |row: Vec<Expr>| {
        let zero = Schema::new(vec![Field::new("ZERO", TypeKind::Int.not_null())]);
        let one = Rel { node: RelNode::Values(vec![vec![Value::Int(0)]]), schema: zero };
        let mut rel = one.project(row, names.clone());
        rel.schema = schema.clone();
        rel
    };
    let mut rels: Vec<Rel> = rows.into_iter().map(computed).collect();
    match rels.len() {
        1 => rels.remove(0),
        _ => Rel { node: RelNode::Union(rels), schema },
    }
}

/// The type of one column that holds values of all of these; dates and timestamps have none.
fn merged(types: &[LogicalType], span: Span, refusal: impl Fn() -> String) -> Planned<LogicalType> {
    let types: Vec<&LogicalType> = types.iter().collect();
    let common = if mixes_dates(&types) { None } else { common_type(&types) };
    let Some(ty) = common else {
        let told = types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        return Err(PlanError::new(Code::Incompatible, refusal()).at(span).note(format!("types: {told}")));
    };
    Ok(ty.with_nullable(types.iter().any(|ty| ty.nullable)))
}

/// All rows of several queries, under the names of the first and types that hold them all.
pub(crate) fn union_all(rels: Vec<(Rel, Span)>, name: &str) -> Planned<Rel> {
    let width = rels.first().map_or(0, |(rel, _)| rel.schema.len());
    for (rel, span) in &rels {
        if rel.schema.len() != width {
            let message = format!("column count mismatch in {name}: the first query has {width}, this one {}", rel.schema.len());
            return Err(PlanError::new(Code::ColumnCount, message).at(*span));
        }
    }
    let mut fields = Vec::with_capacity(width);
    for column in 0..width {
        let given: Vec<&LogicalType> = rels.iter().map(|(rel, _)| &rel.schema.fields[column].ty).collect();
        let name_of_first = rels.first().map(|(rel, _)| rel.schema.fields[column].name.clone()).unwrap_or_default();
        // Time attributes stay time attributes where all sides have the same.
        if given.iter().all(|ty| ty.kind == given[0].kind) {
            let nullable = given.iter().any(|ty| ty.nullable);
            fields.push(Field::new(name_of_first, given[0].with_nullable(nullable)));
            continue;
        }
        let types: Vec<LogicalType> = given.iter().map(|ty| plain(ty)).collect();
        let span = rels.get(1).map(|(_, span)| *span).unwrap_or_default();
        let ty = merged(&types, span, || format!("column {} of the queries of {name} has no type in common", column + 1))?;
        fields.push(Field::new(name_of_first, ty));
    }
    let schema = Schema::new(fields);
    let inputs = rels.into_iter().map(|(rel, _)| conform(rel, &schema)).collect();
    Ok(Rel { node: RelNode::Union(inputs), schema })
}

/// The relation with exactly these columns.
pub(crate) fn conform(rel: Rel, schema: &Schema) -> Rel {
    let same = rel.schema.fields.iter().zip(&schema.fields).all(|(have, want)| crate::algebra::same_kind(&have.ty, &want.ty));
    let names: Vec<String> = schema.fields.iter().map(|field| field.name.clone()).collect();
    let mut conformed = if same {
        rel.renamed(&names)
    } else {
        let exprs = rel.columns().into_iter().zip(&schema.fields).map(|(expr, field)| cast_to(expr, &field.ty)).collect();
        rel.project(exprs, names)
    };
    if !matches!(conformed.node, RelNode::Scan(_) | RelNode::Table { .. }) {
        conformed.schema = schema.clone();
    }
    conformed
}
