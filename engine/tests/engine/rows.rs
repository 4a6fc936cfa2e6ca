//! The operators without state, or nearly: project, filter, union, limit, values, and window table functions on their own.

use irmak_common::expr::{Expr, Value};
use irmak_common::job_graph::OperatorNode;
use irmak_common::operator_spec::{OperatorSpec, WindowKind, WindowSpec, WindowStyle};
use irmak_common::types::{Field, Schema, TypeKind};
use irmak_engine::{EngineError, OperatorEnvironment, build, values};

use crate::harness::*;

fn column(index: usize) -> Expr {
    Expr::column(index, input().fields[index].ty.clone())
}

#[test]
fn a_projection_moves_and_computes_columns() {
    let output = Schema::new(vec![Field::new("ts", input().fields[TIME].ty.clone()), Field::new("one", TypeKind::Int.not_null())]);
    let exprs = vec![column(TIME), Expr::literal(Value::Int(1), TypeKind::Int.not_null())];
    check(
        node(OperatorSpec::Project { exprs }, output),
        &[Step::Rows(vec![row("a", 5, 7), row("b", 6, 8)]), Step::Watermark(3)],
        &["7 1", "8 1", "--- 3"],
    );
}

#[test]
fn a_filter_keeps_what_is_true() {
    let late = Expr::call("=", vec![column(NUMBER), Expr::literal(Value::Int(2), TypeKind::Int.not_null())], TypeKind::Boolean.nullable());
    let unknown = Row { number: None, ..row("c", 0, 3) };
    check(
        node(OperatorSpec::Filter { predicate: late }, input()),
        &[Step::Rows(vec![row("a", 1, 1), row("b", 2, 2), unknown]), Step::Rows(vec![row("d", 9, 4)]), Step::Watermark(3)],
        &["b 2 - - 2 2", "--- 3"],
    );
}

#[test]
fn a_limit_counts_through_restarts() {
    check(
        node(OperatorSpec::Limit { offset: 1, count: 3 }, input()),
        &[
            Step::Rows(vec![row("a", 1, 1), row("b", 2, 2)]),
            Step::Rescale(1),
            Step::Rows(vec![row("c", 3, 3), row("d", 4, 4), row("e", 5, 5)]),
            Step::Rows(vec![row("f", 6, 6)]),
        ],
        &["b 2 - - 2 2", "c 3 - - 3 3", "d 4 - - 4 4"],
    );
}

#[test]
fn a_union_passes_everything() {
    check(
        node(OperatorSpec::Union, input()),
        &[Step::Rows(vec![row("a", 1, 1)]), Step::Watermark(1), Step::Rows(vec![row("b", 2, 2)])],
        &["a 1 - - 1 1", "--- 1", "b 2 - - 2 2"],
    );
}

#[test]
fn constant_rows_become_a_batch() {
    let schema = Schema::new(vec![Field::new("i", TypeKind::Int.nullable()), Field::new("s", TypeKind::STRING.nullable())]);
    let rows = vec![vec![Value::Int(1), Value::String("é".into())], vec![Value::Null, Value::Null]];
    assert_eq!(lines_of(&values(&rows, &schema).unwrap()), ["1 é", "- -"]);
    assert_eq!(values(&[], &schema).unwrap().num_rows(), 0);
    assert!(values(&[vec![Value::Null]], &schema).is_err());
}

fn assign(kind: WindowKind) -> OperatorNode {
    let mut fields = input().fields;
    fields.extend(["window_start", "window_end", "window_time"].map(|name| Field::new(name, TypeKind::timestamp(3).not_null())));
    let window = WindowSpec { kind, time: Some(TIME), zone: None, style: WindowStyle::TableFunction };
    node(OperatorSpec::WindowAssign { window }, Schema::new(fields))
}

#[test]
fn a_table_function_gives_each_row_its_windows_newest_first() {
    let nowhere = Row { time: None, ..row("x", 0, 0) };
    check(
        assign(WindowKind::Hop { size: 10, slide: 4, offset: 0 }),
        &[Step::Rows(vec![row("a", 1, 3), nowhere, row("b", 2, 9)])],
        &["a 1 - - 3 3 0 10 9", "a 1 - - 3 3 -4 6 5", "b 2 - - 9 9 8 18 17", "b 2 - - 9 9 4 14 13", "b 2 - - 9 9 0 10 9"],
    );
}

#[test]
fn a_table_function_keeps_late_rows() {
    check(
        assign(WindowKind::Tumble { size: 10, offset: 0 }),
        &[Step::Watermark(100), Step::Rows(vec![row("a", 1, 3)])],
        &["--- 100", "a 1 - - 3 3 0 10 9"],
    );
}

#[test]
fn what_the_task_runs_itself_is_not_built() {
    let Err(error) = build(&node(OperatorSpec::Collect, input()), &[input()], &OperatorEnvironment::default()) else { panic!("built") };
    assert!(matches!(error, EngineError::Plan { .. }), "{error}");
}
