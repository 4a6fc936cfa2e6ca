//! SESSION as a table function without an aggregate above it: which session a row is in is known only when the session has ended.
//!
//! So its rows are collected like any aggregate's values and come out, each with its session, when that is over: an aggregate of rows,
//! unnested. Source of the meaning: Flink's `UnalignedWindowTableFunctionOperator`.

use irmak_common::call_spec::AggregateCall;
use irmak_common::expr::Expr;
use irmak_common::operator_spec::{UnnestSpec, WindowAggregateSpec, WindowProperty, WindowSpec};
use irmak_common::types::{Field, LogicalType, Schema, TypeKind};

use crate::algebra::{Rel, RelNode, Root, is_session, plain};

/// The queries with such table functions written out.
pub(crate) fn expand(roots: Vec<Root>) -> Vec<Root> {
    roots.into_iter().map(|root| Root { rel: each(root.rel), ..root }).collect()
}

fn each(rel: Rel) -> Rel {
    let rel = rel.over(&mut each);
    match rel.node {
        RelNode::WindowAssign { input, window, partition_by } if is_session(&window) => expanded(*input, window, &partition_by, rel.schema),
        node => Rel { node, schema: rel.schema },
    }
}

fn expanded(input: Rel, window: WindowSpec, partition_by: &[usize], schema: Schema) -> Rel {
    let columns = input.columns();
    let keys = partition_by.len();
    let row = row_of(&input.schema);
    let mut exprs: Vec<Expr> = partition_by.iter().chain(&window.time).map(|column| columns[*column].clone()).collect();
    let names = |count: usize| (0..count).map(|at| format!("$f{at}")).collect::<Vec<_>>();
    exprs.push(Expr::call("ROW", columns.iter().map(|column| Expr { ty: plain(&column.ty), ..column.clone() }).collect(), row.clone()));
    // In processing time no column is the time of a session.
    let rows = exprs.len() - 1;
    let below = input.project(exprs, names(rows + 1));
    let list = TypeKind::Array(Box::new(row.clone())).nullable();
    let call = AggregateCall {
        function: "ARRAY_AGG".into(),
        args: vec![rows],
        arg_types: vec![row],
        distinct: false,
        filter: None,
        ty: list.clone(),
        name: "rows".into(),
    };
    let width = schema.len() - 3;
    let own = schema.fields[width..].to_vec();
    let mut fields: Vec<Field> = below.schema.fields[..keys].to_vec();
    fields.push(Field::new("rows", list.clone()));
    fields.extend(own);
    let spec = WindowAggregateSpec {
        window: WindowSpec { time: window.time.map(|_| keys), ..window },
        keys: (0..keys).collect(),
        aggregates: vec![call],
        properties: vec![WindowProperty::Start, WindowProperty::End, WindowProperty::Rowtime],
        allowed_lateness_ms: 0,
        retracts: false,
    };
    let sessions = Rel { node: RelNode::WindowAggregate { input: Box::new(below), spec: Box::new(spec) }, schema: Schema::new(fields) };
    unnested(sessions, keys, list, schema)
}

/// Each row of a session with the session's columns, in the order of `schema`.
fn unnested(sessions: Rel, keys: usize, list: LogicalType, schema: Schema) -> Rel {
    let width = schema.len() - 3;
    let mut fields = sessions.schema.fields.clone();
    let first = fields.len();
    fields.extend(schema.fields[..width].iter().enumerate().map(|(at, field)| Field::new(format!("$r{at}"), field.ty.clone())));
    let spec = UnnestSpec { collection: Expr::column(keys, list), outer: false, ordinality: false };
    let rows = Rel { node: RelNode::Unnest { input: Box::new(sessions), spec: Box::new(spec) }, schema: Schema::new(fields) };
    let of_row = (0..width).map(|at| first + at);
    let of_session = (0..3).map(|at| keys + 1 + at);
    let exprs = of_row.chain(of_session).zip(&schema.fields).map(|(column, field)| Expr::column(column, field.ty.clone())).collect();
    let names = schema.fields.iter().map(|field| field.name.clone()).collect();
    let mut rel = rows.project(exprs, names);
    rel.schema = schema;
    rel
}

/// The type of a whole row.
fn row_of(schema: &Schema) -> LogicalType {
    let field = |(at, field): (usize, &Field)| Field::new(format!("EXPR${at}"), plain(&field.ty));
    TypeKind::Row(schema.fields.iter().enumerate().map(field).collect()).not_null()
}
