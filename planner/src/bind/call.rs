//! Calls of functions and operators: `functions` says what they mean, the binder says where they stand.

use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::types::{LogicalType, TypeKind};
use irmak_functions::{Arg, Resolved, SignatureError, names, resolve as resolve_function};

use crate::algebra::{cast_to, plain};
use crate::error::{Code, PlanError, Planned, Span};

/// Operators that are NULL where an operand is.
const COMPARISONS: [&str; 6] = ["=", "<>", "<", "<=", ">", ">="];

/// Beside a constant text a bare NULL is a text.
fn text_of_null(arg: Expr) -> Expr {
    if arg.ty.kind == TypeKind::Null { Expr::null(TypeKind::STRING) } else { arg }
}

/// The call of a function or operator on typed arguments, casts written out.
pub(crate) fn resolve(name: &str, args: Vec<Expr>, span: Span) -> Planned<Expr> {
    if let Some(compared) = super::rows::compared(name, &args, span) {
        return compared;
    }
    // Of a column the recordings say that it is refused.
    let constant = name == "LIKE" && args.iter().all(|arg| matches!(arg.node, ExprNode::Literal(_)));
    let args = if constant { args.into_iter().map(text_of_null).collect() } else { args };
    let types: Vec<LogicalType> = args.iter().map(|arg| plain(&arg.ty)).collect();
    let literal = |arg: &Expr| -> Option<Value> {
        match &arg.node {
            ExprNode::Literal(value) => Some(value.clone()),
            _ => None,
        }
    };
    if COMPARISONS.contains(&name) && types.iter().all(|ty| ty.kind == TypeKind::Null) {
        return Ok(Expr::null(TypeKind::Boolean));
    }
    let literals: Vec<Option<Value>> = args.iter().map(literal).collect();
    let given: Vec<Arg<'_>> = types.iter().zip(&literals).map(|(ty, literal)| Arg { ty, literal: literal.as_ref() }).collect();
    let Resolved { function, casts, ty } = resolve_function(name, &given).map_err(|error| refused(name, error, span))?;
    let args = args.into_iter().zip(casts).map(|(arg, ty)| cast_to(arg, &ty)).collect();
    Ok(flat(Expr::call(function, args, ty)))
}

/// Links of a chain of `||` that stay as they were written.
const LINKS_MAX: usize = 8;

/// A long chain of `||` as one CONCAT, which means the same: plans have a bounded depth, and people join many columns.
fn flat(expr: Expr) -> Expr {
    match expr.node {
        ExprNode::Call { function, args } if function == "||" && links(&args[0]) >= LINKS_MAX => {
            let mut parts = Vec::with_capacity(LINKS_MAX + 2);
            args.into_iter().for_each(|arg| unchain(arg, &mut parts));
            Expr::call("CONCAT", parts, expr.ty)
        }
        node => Expr { node, ty: expr.ty },
    }
}

/// How many texts a chain already joins on its left.
fn links(expr: &Expr) -> usize {
    match &expr.node {
        ExprNode::Call { function, args } if function == "||" => 1 + args.first().map_or(0, links),
        ExprNode::Call { function, args } if function == "CONCAT" => args.len(),
        _ => 0,
    }
}

/// The texts that a chain joins, in order.
fn unchain(expr: Expr, parts: &mut Vec<Expr>) {
    match expr.node {
        ExprNode::Call { function, args } if function == "||" || function == "CONCAT" => {
            args.into_iter().for_each(|arg| unchain(arg, parts))
        }
        node => parts.push(Expr { node, ty: expr.ty }),
    }
}

/// The error of a call that `functions` refuses.
pub(crate) fn refused(name: &str, error: SignatureError, span: Span) -> PlanError {
    let lower = name.to_lowercase();
    let is_word = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$');
    if is_word && !names().any(|known| known == lower) {
        return PlanError::new(Code::UnknownFunction, format!("there is no function `{name}`"))
            .at(Span { end_line: span.line, end_column: span.column + name.chars().count() as u32, ..span })
            .suggest(&lower, names())
            .note("SHOW FUNCTIONS lists what there is");
    }
    let refusal = PlanError::new(Code::Types, error.message).at(span);
    match error.accepted {
        Some(accepted) => refusal.note(format!("accepted: {accepted}")),
        None => refusal,
    }
}
