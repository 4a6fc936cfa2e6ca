//! Constants, computed once; and the few rewrites that change what Flink answers.

use arrow::array::RecordBatchOptions;
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use irmak_common::expr::{CastMode, Expr, ExprNode, Value};
use irmak_common::types::TypeKind;
use std::sync::Arc;

use super::node::{Node, Rows};
use crate::constant;
use crate::environment::Environment;
use crate::error::{EvalError, FunctionError};
use crate::function::Nature;
use crate::registry;

/// The expression with its constant parts computed. What fails stays as it is: it may never run.
pub(super) fn simplify(expr: &Expr, env: &Environment) -> Result<Expr, FunctionError> {
    let mut simple = crate::conditional::lower(expr)
        .or_else(|| crate::time::lower(expr))
        .or_else(|| crate::json::lower(expr))
        .unwrap_or_else(|| expr.clone());
    if let Some(answer) = crate::compare::compare_exactly(&simple) {
        return Ok(Expr::literal(Value::Boolean(answer), simple.ty));
    }
    if let ExprNode::Literal(Value::Float(zero)) = &mut simple.node
        && *zero == 0.0
    {
        // Calcite's constants are decimals, which have no negative zero.
        *zero = 0.0;
    }
    for child in simple.children_mut() {
        *child = simplify(child, env)?;
    }
    if let Some(exact) = exact_float(&simple) {
        return Ok(Expr::literal(exact, simple.ty));
    }
    let constant = !matches!(simple.node, ExprNode::Literal(_) | ExprNode::Column(_)) && !is_volatile(&simple);
    let literals = simple.children().iter().all(|child| matches!(child.node, ExprNode::Literal(_)));
    if constant
        && literals
        && simple.ty.kind != TypeKind::Symbol
        && let Ok(Some(value)) = evaluate_constant(&simple, env)
    {
        return Ok(Expr::literal(rounded_float(value, &simple), simple.ty));
    }
    Ok(simple)
}

/// The expression with its constant parts computed, for a planner: what it shows is what it was given, only shorter. The whole is
/// tried before its parts, since a part alone may mean something else (a JSON_OBJECT inside another is no text). What fails stays,
/// and so does a NULL that its type forbids.
pub fn simplified(expr: &Expr, env: &Environment) -> Expr {
    let literal = matches!(expr.node, ExprNode::Literal(_) | ExprNode::Column(_)) || expr.ty.kind == TypeKind::Symbol;
    if literal {
        return expr.clone();
    }
    if let Ok(value) = super::fold(expr, env)
        && (expr.ty.nullable || value != Value::Null)
    {
        return Expr::literal(value, expr.ty.clone());
    }
    let mut simple = expr.clone();
    let outer_json = crate::json::builds(expr);
    for child in simple.children_mut() {
        if outer_json && crate::json::builds(child) {
            child.children_mut().into_iter().for_each(|part| *part = simplified(part, env));
        } else {
            *child = simplified(child, env);
        }
    }
    simple
}

/// The value of an expression without columns, `None` where it has no one value.
///
/// # Errors
/// When it refuses a value.
pub(super) fn evaluate_constant(expr: &Expr, env: &Environment) -> Result<Option<Value>, EvalError> {
    if has_columns(expr) || is_volatile(expr) {
        return Ok(None);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let batch = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options).map_err(crate::column::arrow_error)?;
    let array = Node::compile(expr, env)?.evaluate(&Rows::of_batch(&batch, 0))?.into_rows(1)?;
    Ok(Some(constant::from_array(&array, 0, &expr.ty)))
}

fn has_columns(expr: &Expr) -> bool {
    matches!(expr.node, ExprNode::Column(_)) || expr.children().into_iter().any(has_columns)
}

fn is_volatile(expr: &Expr) -> bool {
    let own = match &expr.node {
        ExprNode::Call { function, args } => registry::find(function).is_some_and(|function| match function.nature {
            Nature::Volatile => true,
            Nature::Clock => args.is_empty(),
            Nature::Total | Nature::Partial => false,
        }),
        _ => false,
    };
    own || expr.children().into_iter().any(is_volatile)
}

/// A numeric constant cast to FLOAT or DOUBLE keeps its decimal digits, as in Calcite, whose constants are decimals:
/// `CAST(CAST(0.1 AS FLOAT) AS DOUBLE)` is 0.1, while of a column it is 0.10000000149011612.
fn exact_float(expr: &Expr) -> Option<Value> {
    let ExprNode::Cast { input, mode: CastMode::Strict } = &expr.node else { return None };
    let ExprNode::Literal(value) = &input.node else { return None };
    if !matches!(expr.ty.kind, TypeKind::Float | TypeKind::Double) {
        return None;
    }
    match (value, &input.ty.kind) {
        (Value::Float(value), TypeKind::Float | TypeKind::Double) => Some(Value::Float(*value)),
        (Value::Decimal(unscaled), TypeKind::Decimal { scale, .. }) => Some(Value::Float(crate::decimal::to_double(*unscaled, *scale))),
        _ => None,
    }
}

/// A computed FLOAT constant keeps 7 digits, as Calcite's do: `CAST(1 AS FLOAT) / 3` is 0.3333333.
fn rounded_float(value: Value, expr: &Expr) -> Value {
    match (value, &expr.node) {
        // Nor have decimals a negative zero.
        (Value::Float(0.0), _) => Value::Float(0.0),
        (Value::Float(value), ExprNode::Call { .. }) if expr.ty.kind == TypeKind::Float && value.is_finite() => {
            Value::Float(format!("{value:.6e}").parse().unwrap_or(value))
        }
        (value, _) => value,
    }
}
