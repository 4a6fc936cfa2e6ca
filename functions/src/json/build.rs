//! JSON_OBJECT, JSON_ARRAY and JSON_STRING.
//!
//! Members are sorted by name. A JSON_OBJECT or JSON_ARRAY that is directly an argument is JSON, not a text: [`lower`] marks it
//! before its value is computed.

use irmak_common::expr::{Expr, ExprNode, Value};
use irmak_common::types::{LogicalType, TypeKind};

use super::write::{is_writable, write_cell_json, write_text};
use crate::column::{Column, build_strings};
use crate::error::{FunctionError, SignatureError};
use crate::function::{Call, Function, Kernel, kernel};
use crate::signature::{Arg, Signature, refuse, uncast};
use crate::types::KindExt;

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::total("JSON_OBJECT", object_signature, json_object),
    Function::total("JSON_ARRAY", array_signature, json_array),
    Function::total("JSON_STRING", string_signature, json_string),
    // Not for SQL: what JSON_OBJECTAGG and JSON_ARRAYAGG make of the members that were listed.
    Function::total("$JSON", whole_signature, whole),
];

fn writable(args: &[Arg<'_>]) -> Result<(), SignatureError> {
    match args.iter().find(|arg| !is_writable(arg.kind())) {
        Some(arg) => Err(SignatureError::new(format!("Type '{}' is not scalar or cannot be converted into JSON", arg.ty))),
        None => Ok(()),
    }
}

fn object_signature(args: &[Arg<'_>]) -> Signature {
    let [behaviour, members @ ..] = args else { return refuse("JSON_OBJECT([KEY] <NAME> VALUE <VALUE>, ... [{NULL | ABSENT} ON NULL])") };
    let names = members.iter().step_by(2).all(|name| name.kind().is_text());
    if *behaviour.kind() != TypeKind::Symbol || members.len() % 2 != 0 || !names {
        return refuse("JSON_OBJECT([KEY] <CHARACTER_STRING> VALUE <ANY>, ... [{NULL | ABSENT} ON NULL])");
    }
    writable(members)?;
    Ok((uncast(args), TypeKind::STRING.not_null()))
}

fn array_signature(args: &[Arg<'_>]) -> Signature {
    match args {
        [behaviour, items @ ..] if *behaviour.kind() == TypeKind::Symbol => {
            writable(items)?;
            Ok((uncast(args), TypeKind::STRING.not_null()))
        }
        _ => refuse("JSON_ARRAY(<ANY>, ... [{NULL | ABSENT} ON NULL])"),
    }
}

fn string_signature(args: &[Arg<'_>]) -> Signature {
    match args {
        [value] => {
            writable(args)?;
            Ok((uncast(args), LogicalType { kind: TypeKind::STRING, nullable: value.ty.nullable }))
        }
        _ => refuse("JSON_STRING(<ANY>)"),
    }
}

/// Whether the expression is JSON by construction.
pub(crate) fn builds(expr: &Expr) -> bool {
    matches!(&expr.node, ExprNode::Call { function, .. } if function == "JSON_OBJECT" || function == "JSON_ARRAY")
}

/// The same call, which remembers in its symbol which operands are JSON already: `ABSENT 2 4`.
pub(crate) fn lower(expr: &Expr) -> Option<Expr> {
    let ExprNode::Call { function, args } = &expr.node else { return None };
    let (behaviour, operands) = args.split_first()?;
    let ExprNode::Literal(Value::String(word)) = &behaviour.node else { return None };
    let json: Vec<String> =
        operands.iter().enumerate().filter(|(_, operand)| builds(operand)).map(|(at, _)| format!(" {}", at + 1)).collect();
    if !builds(expr) || json.is_empty() || word.contains(' ') {
        return None;
    }
    let mut args = args.clone();
    args[0] = Expr::literal(Value::String(format!("{word}{}", json.concat())), behaviour.ty.clone());
    Some(Expr::call(function.clone(), args, expr.ty.clone()))
}

/// How the operands are written.
struct Operands {
    types: Vec<TypeKind>,
    is_json: Vec<bool>,
    keeps_null: bool,
}

impl Operands {
    fn of(call: &Call<'_>, default: &str) -> Self {
        let behaviour = call.text(0).unwrap_or(default);
        let mut words = behaviour.split(' ');
        let keeps_null = words.next().filter(|word| !word.is_empty()).unwrap_or(default) == "NULL";
        let marked: Vec<usize> = words.filter_map(|at| at.parse().ok()).collect();
        let types = call.args.iter().map(|arg| arg.ty.kind.clone()).collect();
        Self { types, is_json: (0..call.args.len()).map(|at| marked.contains(&at)).collect(), keeps_null }
    }

    fn is_absent(&self, args: &[Column], at: usize, row: usize) -> bool {
        let array = args[at].array();
        !self.keeps_null && (array.is_null(args[at].index(row)) || *array.data_type() == arrow::datatypes::DataType::Null)
    }

    fn write(&self, out: &mut String, args: &[Column], at: usize, row: usize) {
        let (array, place) = (args[at].array(), args[at].index(row));
        if self.is_json[at] && array.is_valid(place) {
            return out.push_str(arrow::array::AsArray::as_string::<i32>(array).value(place));
        }
        write_cell_json(out, array, place, &self.types[at]);
    }
}

fn json_object(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let operands = Operands::of(call, "NULL");
    kernel(move |args, scope| {
        let names = args.iter().skip(1).step_by(2).map(Column::strings).collect::<Result<Vec<_>, _>>()?;
        build_strings(scope.rows, |row, out| {
            let mut members: Vec<(&str, usize)> = Vec::new();
            for (nth, name) in names.iter().enumerate() {
                let at = 2 + nth * 2;
                let Some(name) = name.get(row).filter(|_| !operands.is_absent(args, at, row)) else { continue };
                match members.iter_mut().find(|(known, _)| *known == name) {
                    Some(member) => member.1 = at,
                    None => members.push((name, at)),
                }
            }
            members.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (nth, (name, at)) in members.into_iter().enumerate() {
                out.push_str(if nth == 0 { "" } else { "," });
                write_text(out, name);
                out.push(':');
                operands.write(out, args, at, row);
            }
            out.push('}');
            Ok(Some(()))
        })
    })
}

fn json_array(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let operands = Operands::of(call, "ABSENT");
    kernel(move |args, scope| {
        build_strings(scope.rows, |row, out| {
            out.push('[');
            for (nth, at) in (1..args.len()).filter(|at| !operands.is_absent(args, *at, row)).enumerate() {
                out.push_str(if nth == 0 { "" } else { "," });
                operands.write(out, args, at, row);
            }
            out.push(']');
            Ok(Some(()))
        })
    })
}

fn json_string(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let kind = call.arg(0)?.kind.clone();
    kernel(move |args, scope| {
        let (array, column) = (args[0].array(), &args[0]);
        build_strings(scope.rows, |row, out| {
            let place = column.index(row);
            let present = array.is_valid(place) && *array.data_type() != arrow::datatypes::DataType::Null;
            Ok(present.then(|| write_cell_json(out, array, place, &kind)))
        })
    })
}

fn whole_signature(args: &[Arg<'_>]) -> Signature {
    match args {
        [shape, members] if *shape.kind() == TypeKind::Symbol && members.kind().is_text() => {
            Ok((uncast(args), TypeKind::STRING.not_null()))
        }
        _ => refuse("({OBJECT | ARRAY}, <CHARACTER_STRING>)"),
    }
}

/// `"b":1,"a":2` as `{"a":2,"b":1}`, the last of members of one name; `1,2` as `[1,2]`; NULL as an empty one.
fn whole(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let object = call.text(0) == Some("OBJECT");
    kernel(move |args, scope| {
        let members = args[1].strings()?;
        build_strings(scope.rows, |row, out| {
            let members = members.get(row).unwrap_or_default();
            if !object {
                out.push('[');
                out.push_str(members);
                out.push(']');
                return Ok(Some(()));
            }
            let named = split_members(members).filter_map(|member| Some((member_name(member)?, member)));
            let sorted: std::collections::BTreeMap<String, &str> = named.collect();
            out.push('{');
            for (nth, member) in sorted.values().enumerate() {
                out.push_str(if nth == 0 { "" } else { "," });
                out.push_str(member);
            }
            out.push('}');
            Ok(Some(()))
        })
    })
}

/// The members of an object's text without its braces: cut at the commas that stand in no text, array or object.
fn split_members(text: &str) -> impl Iterator<Item = &str> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    text.split(move |c| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '[' | '{' if !quoted => depth += 1,
            ']' | '}' if !quoted => depth = depth.saturating_sub(1),
            _ => return c == ',' && depth == 0 && !quoted,
        }
        false
    })
}

/// The name of a member: the JSON text that it begins with.
fn member_name(member: &str) -> Option<String> {
    serde_json::Deserializer::from_str(member).into_iter::<String>().next()?.ok()
}

#[cfg(test)]
mod tests {
    use irmak_common::expr::{Expr, Value};
    use irmak_common::types::TypeKind;

    use crate::tests::{call, check, decimal, double, int, ints, null, symbol, text, timestamp};
    use crate::{Environment, fold};

    #[test]
    fn objects_are_sorted_and_arrays_are_not() {
        check("JSON_OBJECT", &[symbol("NULL"), text("b"), int(1), text("a"), int(2)], Some("{\"a\":2,\"b\":1}"));
        check("JSON_OBJECT", &[symbol("NULL"), text("a"), null(TypeKind::Int)], Some("{\"a\":null}"));
        check("JSON_OBJECT", &[symbol("ABSENT"), text("a"), null(TypeKind::Int), text("b"), int(1)], Some("{\"b\":1}"));
        check("JSON_OBJECT", &[symbol("NULL"), text("d"), decimal(150, 3, 2), text("e"), double(1.5)], Some("{\"d\":1.5,\"e\":1.5}"));
        check("JSON_ARRAY", &[symbol("ABSENT"), int(1), null(TypeKind::Int), text("x")], Some("[1,\"x\"]"));
        check("JSON_ARRAY", &[symbol("NULL"), int(1), null(TypeKind::Int)], Some("[1,null]"));
        check("JSON_STRING", &[text("a\"b\\c/d\u{1}é")], Some("\"a\\\"b\\\\c/d\\u0001é\""));
        check("JSON_STRING", &[ints(&[Some(1), None])], Some("[1,null]"));
        check("JSON_STRING", &[null(TypeKind::Int)], None);
        check("JSON_STRING", &[timestamp("2025-02-16 07:00:00.120")], Some("\"2025-02-16T07:00:00.12\""));
        let date = (Value::Int(0), TypeKind::Date.not_null());
        let refused = call("JSON_OBJECT", &[symbol("NULL"), text("d"), date]).unwrap_err();
        assert_eq!(refused, "Type 'DATE NOT NULL' is not scalar or cannot be converted into JSON");
    }

    #[test]
    fn members_make_one_object_or_array() {
        check("$JSON", &[symbol("OBJECT"), text("\"b\":1.50,\"a\":[2],\"b\":{\"z\":null}")], Some("{\"a\":[2],\"b\":{\"z\":null}}"));
        check("$JSON", &[symbol("ARRAY"), text("1,\"x\",null")], Some("[1,\"x\",null]"));
        check("$JSON", &[symbol("OBJECT"), null(TypeKind::STRING)], Some("{}"));
        check("$JSON", &[symbol("ARRAY"), null(TypeKind::STRING)], Some("[]"));
    }

    #[test]
    fn what_is_json_already_is_not_quoted() {
        let inner = call("JSON_OBJECT", &[symbol("NULL"), text("x"), int(1)]).unwrap();
        let behaviour = Expr::literal(Value::String("ABSENT".into()), TypeKind::Symbol.not_null());
        let outer = Expr::call("JSON_ARRAY", vec![behaviour, inner], TypeKind::STRING.not_null());
        assert_eq!(fold(&outer, &Environment::default()), Ok(Value::String("[{\"x\":1}]".into())));
        let simple = crate::simplified(&outer, &Environment::default());
        assert_eq!(simple, Expr::literal(Value::String("[{\"x\":1}]".into()), TypeKind::STRING.not_null()));
    }
}
