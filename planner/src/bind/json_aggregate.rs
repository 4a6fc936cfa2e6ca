//! JSON_OBJECTAGG and JSON_ARRAYAGG: the members as texts, listed by LISTAGG, and made one JSON above it.
//!
//! So their state is LISTAGG's, and what LISTAGG can (windows, FILTER, retraction) they can. A member of an object that comes twice
//! counts once, the last time; members are sorted by name, as Flink's are.

use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::types::TypeKind;

use crate::error::{Code, PlanError, Planned, Span};

use super::call::resolve;

fn text(text: &str) -> Expr {
    Expr::literal(Value::String(text.into()), TypeKind::STRING.not_null())
}

fn symbol(text: &str) -> Expr {
    Expr::literal(Value::String(text.into()), TypeKind::Symbol.not_null())
}

/// The text of one row's member. `args`: what NULL does, as a symbol, then the operands.
///
/// # Errors
/// When the operands are too many or too few, or cannot be JSON.
pub(super) fn fragments(function: &str, args: &[Expr], span: Span) -> Planned<Expr> {
    let keeps_null = args.first() == Some(&symbol("NULL"));
    // What JSON_OBJECT or JSON_ARRAY made is JSON already, and no text.
    let json = |value: &Expr| match &value.node {
        ExprNode::Call { function, .. } if function == "JSON_OBJECT" || function == "JSON_ARRAY" => Ok(value.clone()),
        _ => resolve("JSON_STRING", vec![value.clone()], span),
    };
    let value = |value: &Expr| {
        let json = json(value)?;
        if keeps_null { resolve("COALESCE", vec![json, text("null")], span) } else { Ok(json) }
    };
    match (function, args) {
        ("JSON_ARRAYAGG", [_, item]) => value(item),
        ("JSON_OBJECTAGG", [_, name, member]) if is_text(name) => {
            let name = resolve("||", vec![json(name)?, text(":")], span)?;
            resolve("||", vec![name, value(member)?], span)
        }
        ("JSON_OBJECTAGG", _) => {
            Err(wrong(function, "JSON_OBJECTAGG([KEY] <CHARACTER_STRING> VALUE <ANY> [{NULL | ABSENT} ON NULL])", span))
        }
        _ => Err(wrong(function, "JSON_ARRAYAGG(<ANY> [{NULL | ABSENT} ON NULL])", span)),
    }
}

fn is_text(expr: &Expr) -> bool {
    matches!(expr.ty.kind, TypeKind::Char(_) | TypeKind::Varchar(_))
}

fn wrong(function: &str, accepted: &str, span: Span) -> PlanError {
    PlanError::new(Code::Types, format!("cannot apply `{function}` to these arguments")).at(span).note(format!("accepted: {accepted}"))
}

/// The object or array of all members.
pub(super) fn whole(function: &str, members: Expr, span: Span) -> Planned<Expr> {
    let shape = if function == "JSON_OBJECTAGG" { "OBJECT" } else { "ARRAY" };
    let mut json = resolve("$JSON", vec![symbol(shape), members], span)?;
    // Calcite's type; longer ones are not cut.
    json.ty.kind = TypeKind::Varchar(2000);
    Ok(json)
}
