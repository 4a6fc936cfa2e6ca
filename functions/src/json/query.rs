//! JSON_VALUE, JSON_QUERY, JSON_EXISTS and IS JSON.

use irmak_common::expr::Value;
use irmak_common::types::TypeKind;
use serde_json::Value as Json;

use super::path::{Found, Mode, Path};
use super::write::{write_json, write_scalar};
use crate::column::{Column, build_bools};
use crate::constant::{column_of, from_array};
use crate::error::{EvalError, FunctionError};
use crate::function::{Call, Function, Kernel, kernel};
use crate::pattern::Cache;
use crate::signature::{Arg, Signature, Want, fixed, refuse};
use crate::types::KindExt;

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::partial("JSON_VALUE", value_signature, json_value),
    Function::partial("JSON_QUERY", query_signature, json_query),
    Function::partial("JSON_EXISTS", exists_signature, json_exists),
    Function::total("IS JSON", is_json_signature, is_json),
];

/// The default of what is not said: `JSON_VALUE(text, path)` has neither clauses nor type.
fn value_signature(args: &[Arg<'_>]) -> Signature {
    const ACCEPTED: &str =
        "JSON_VALUE(<CHARACTER_STRING>, <PATH> [RETURNING <TYPE>] [{NULL | ERROR | DEFAULT <VALUE>} ON EMPTY] [... ON ERROR])";
    let kind = args.get(6).map_or(TypeKind::STRING, |arg| arg.kind().clone());
    let returned = kind.is_text() || matches!(kind, TypeKind::Boolean | TypeKind::Int | TypeKind::Double);
    if !returned || !matches!(args.len(), 2 | 6 | 7) {
        return refuse(ACCEPTED);
    }
    let mut casts = fixed(&args[..2], &[Want::Text, Want::Text], 0)?;
    casts.extend(args[2..].iter().enumerate().map(|(at, arg)| if matches!(at, 1 | 3) { arg.cast(kind.clone()) } else { arg.ty.clone() }));
    Ok((casts, kind.nullable()))
}

fn query_signature(args: &[Arg<'_>]) -> Signature {
    const ACCEPTED: &str = "JSON_QUERY(<CHARACTER_STRING>, <PATH> [RETURNING {STRING | ARRAY<STRING>}] \
        [{WITHOUT | WITH [CONDITIONAL | UNCONDITIONAL]} WRAPPER] [... ON EMPTY] [... ON ERROR])";
    let texts = |kind: &TypeKind| matches!(kind, TypeKind::Array(element) if element.kind.is_text());
    let returned = args.get(5).map_or(TypeKind::STRING, |arg| arg.kind().clone());
    let object_as_array = texts(&returned) && args[3..5].iter().any(|arg| arg.text() == Some("EMPTY OBJECT"));
    if !matches!(args.len(), 2 | 5 | 6) || !(returned.is_text() || texts(&returned)) || object_as_array {
        return refuse(ACCEPTED);
    }
    let mut casts = fixed(&args[..2], &[Want::Text, Want::Text], 0)?;
    casts.extend(args[2..].iter().map(|arg| arg.ty.clone()));
    let array = TypeKind::Array(Box::new(TypeKind::STRING.nullable()));
    Ok((casts, if returned.is_text() { TypeKind::STRING.nullable() } else { array.nullable() }))
}

fn exists_signature(args: &[Arg<'_>]) -> Signature {
    Ok((fixed(args, &[Want::Text, Want::Text, Want::Symbol], 1)?, TypeKind::Boolean.nullable()))
}

fn is_json_signature(args: &[Arg<'_>]) -> Signature {
    Ok((fixed(args, &[Want::Text, Want::Symbol], 1)?, TypeKind::Boolean.not_null()))
}

/// The first JSON value of a text; what follows it is ignored, as Jackson does.
fn read(text: &str) -> Option<Json> {
    serde_json::Deserializer::from_str(text).into_iter().next()?.ok()
}

/// What a path finds in a text.
enum Outcome {
    Value(Json),
    Empty,
    Error,
}

/// JSON that is broken or null is an error; where the path is lax, broken JSON is nothing.
fn look(text: &str, path: &Path) -> Outcome {
    match (read(text), path.mode) {
        (None, Mode::Lax) => Outcome::Empty,
        (None, Mode::Strict) | (Some(Json::Null), _) => Outcome::Error,
        (Some(root), _) => match path.find(&root) {
            Found::Value(Json::Null) if path.mode == Mode::Strict => Outcome::Error,
            Found::Value(Json::Null) | Found::Nothing => Outcome::Empty,
            Found::Value(value) => Outcome::Value(value),
            Found::Missing => Outcome::Error,
        },
    }
}

fn is_scalar(value: &Json) -> bool {
    !matches!(value, Json::Array(_) | Json::Object(_))
}

/// The operands' texts and paths, and what runs over them.
fn over_rows<T>(
    args: &[Column],
    rows: usize,
    cache: &Cache<Path>,
    mut each: impl FnMut(usize, Option<(&str, &Path)>) -> Result<T, EvalError>,
) -> Result<Vec<T>, EvalError> {
    let (texts, paths) = (args[0].strings()?, args[1].strings()?);
    (0..rows)
        .map(|row| match texts.get(row).zip(paths.get(row)) {
            Some((text, path)) => each(row, Some((text, &cache.get(path)))),
            None => each(row, None),
        })
        .collect()
}

fn json_value(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let behaviour = |at: usize| call.text(at).unwrap_or("NULL").to_owned();
    let (on_empty, on_error, ty) = (behaviour(2), behaviour(4), call.ty.clone());
    let cache = Cache::new(Path::new);
    kernel(move |args, scope| {
        let refused = |message: &str, row: usize| EvalError::new("JSON_VALUE", message).at(row);
        let otherwise = |behaviour: &str, at: usize, row: usize, message: &str| match behaviour {
            "ERROR" => Err(refused(message, row)),
            "DEFAULT" => Ok(args.get(at).map_or(Value::Null, |column| from_array(column.array(), column.index(row), &ty))),
            _ => Ok(Value::Null),
        };
        let values = over_rows(args, scope.rows, &cache, |row, operands| {
            let Some((text, path)) = operands else { return Ok(Value::Null) };
            match look(text, path) {
                Outcome::Value(value) if is_scalar(&value) => returned(value, &ty.kind).map_err(|message| refused(&message, row)),
                Outcome::Value(_) if path.mode == Mode::Strict => {
                    otherwise(&on_error, 5, row, "Strict jsonpath mode requires scalar value")
                }
                Outcome::Value(_) | Outcome::Empty => otherwise(&on_empty, 3, row, "Empty result of JSON_VALUE function is not allowed"),
                Outcome::Error => otherwise(&on_error, 5, row, "Illegal jsonpath or JSON text"),
            }
        })?;
        Ok(column_of(values.iter(), &ty)?)
    })
}

fn returned(value: Json, kind: &TypeKind) -> Result<Value, String> {
    let wrong = |value: &Json| format!("the JSON value {value} is not of type {kind}");
    match (kind, &value) {
        (TypeKind::Boolean, Json::Bool(truth)) => Ok(Value::Boolean(*truth)),
        (TypeKind::Int, Json::Number(number)) => number
            .as_i64()
            .and_then(|number| i32::try_from(number).ok())
            .map(|number| Value::Int(number.into()))
            .ok_or_else(|| wrong(&value)),
        (TypeKind::Double, Json::Number(number)) => number.as_f64().map(Value::Float).ok_or_else(|| wrong(&value)),
        (kind, _) if kind.is_text() => {
            let mut text = String::new();
            write_scalar(&mut text, &value);
            Ok(Value::String(text))
        }
        _ => Err(wrong(&value)),
    }
}

fn json_query(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let word = |at: usize, default: &str| call.text(at).unwrap_or(default).to_owned();
    let (wrapper, on_empty, on_error) = (word(2, "WITHOUT"), word(3, "NULL"), word(4, "NULL"));
    let (cache, ty) = (Cache::new(Path::new), call.ty.clone());
    let as_array = matches!(ty.kind, TypeKind::Array(_));
    kernel(move |args, scope| {
        let otherwise = |behaviour: &str, row: usize, message: &str| match behaviour {
            "ERROR" => Err(EvalError::new("JSON_QUERY", message).at(row)),
            "EMPTY ARRAY" if as_array => Ok(Value::Array(Vec::new())),
            "EMPTY ARRAY" => Ok(Value::String("[]".to_owned())),
            "EMPTY OBJECT" => Ok(Value::String("{}".to_owned())),
            _ => Ok(Value::Null),
        };
        let values = over_rows(args, scope.rows, &cache, |row, operands| {
            let Some((text, path)) = operands else { return Ok(Value::Null) };
            let found = match look(text, path) {
                Outcome::Value(value) if wrapper == "UNCONDITIONAL" || wrapper == "CONDITIONAL" && !value.is_array() => {
                    Outcome::Value(Json::Array(vec![value]))
                }
                other => other,
            };
            match found {
                Outcome::Value(Json::Array(items)) if as_array => Ok(Value::Array(items.iter().map(item).collect())),
                Outcome::Value(Json::Object(_)) if as_array => otherwise(&on_error, row, "the JSON value is not an array"),
                Outcome::Value(value) if !is_scalar(&value) => Ok(Value::String(written(&value))),
                Outcome::Value(_) if path.mode == Mode::Strict => {
                    otherwise(&on_error, row, "Strict jsonpath mode requires array or object value")
                }
                Outcome::Value(_) | Outcome::Empty => otherwise(&on_empty, row, "Empty result of JSON_QUERY function is not allowed"),
                Outcome::Error => otherwise(&on_error, row, "Illegal jsonpath or JSON text"),
            }
        })?;
        Ok(column_of(values.iter(), &ty)?)
    })
}

fn written(value: &Json) -> String {
    let mut out = String::new();
    write_json(&mut out, value);
    out
}

/// An item of ARRAY<STRING>: a text as it is, anything else as JSON.
fn item(value: &Json) -> Value {
    match value {
        Json::Null => Value::Null,
        value if is_scalar(value) => {
            let mut out = String::new();
            write_scalar(&mut out, value);
            Value::String(out)
        }
        value => Value::String(written(value)),
    }
}

fn json_exists(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let on_error = call.text(2).unwrap_or("FALSE").to_owned();
    let cache = Cache::new(Path::new);
    kernel(move |args, scope| {
        let answers = over_rows(args, scope.rows, &cache, |row, operands| {
            let Some((text, path)) = operands else { return Ok(None) };
            match (look(text, path), on_error.as_str()) {
                (Outcome::Value(_), _) => Ok(Some(true)),
                (Outcome::Empty, _) => Ok(Some(false)),
                (Outcome::Error, "TRUE") => Ok(Some(true)),
                (Outcome::Error, "UNKNOWN") => Ok(None),
                (Outcome::Error, "ERROR") => Err(EvalError::new("JSON_EXISTS", "Illegal jsonpath or JSON text").at(row)),
                (Outcome::Error, _) => Ok(Some(false)),
            }
        })?;
        build_bools(scope.rows, |row| Ok(answers[row]))
    })
}

fn is_json(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let kind = call.text(1).unwrap_or("VALUE").to_owned();
    kernel(move |args, scope| {
        let texts = args[0].strings()?;
        build_bools(scope.rows, |row| {
            let value = texts.get(row).and_then(read);
            Ok(Some(match kind.as_str() {
                "OBJECT" => value.is_some_and(|value| value.is_object()),
                "ARRAY" => value.is_some_and(|value| value.is_array()),
                "SCALAR" => value.is_some_and(|value| is_scalar(&value)),
                _ => value.is_some(),
            }))
        })
    })
}

#[cfg(test)]
mod tests {
    use irmak_common::types::TypeKind;

    use crate::tests::{Constant, check, null, symbol, text};

    const DOCUMENT: &str = r#"{"a":{"b":1,"c":[1,2]},"s":"str","n":null,"t":true,"f":1.50,"big":12345678901234567890,"e":""}"#;

    #[test]
    fn scalars_are_taken_out() {
        for (path, output) in [
            ("$.a.b", Some("1")),
            ("$.s", Some("str")),
            ("$.n", None),
            ("$.t", Some("true")),
            ("$.f", Some("1.5")),
            ("$.big", Some("12345678901234567890")),
            ("$.e", Some("")),
            ("$.missing", None),
            ("lax $.a", None),
        ] {
            check("JSON_VALUE", &[text(DOCUMENT), text(path)], output);
        }
        check("JSON_VALUE", &[null(TypeKind::STRING), text("$.a")], None);
        check("JSON_VALUE", &[text("7"), text("$")], Some("7"));
    }

    #[test]
    fn clauses_say_what_stands_in() {
        let defaults = |input: &str, path: &str| -> Vec<Constant> {
            vec![text(input), text(path), symbol("DEFAULT"), text("empty"), symbol("DEFAULT"), text("error")]
        };
        for (input, path, output) in [
            (DOCUMENT, "$.missing", "error"),
            (DOCUMENT, "lax $.missing", "empty"),
            (DOCUMENT, "$.a", "error"),
            (DOCUMENT, "lax $.a", "empty"),
            ("not json", "$.a", "error"),
            ("{\"a\":1", "lax $.a", "empty"),
            ("null", "lax $.a", "error"),
        ] {
            check("JSON_VALUE", &defaults(input, path), Some(output));
        }
        let mut typed = vec![text(DOCUMENT), text("$.a.b"), symbol("NULL"), null(TypeKind::Int), symbol("NULL"), null(TypeKind::Int)];
        typed.push(null(TypeKind::Int));
        check("JSON_VALUE", &typed, Some("1"));
    }

    #[test]
    fn objects_and_arrays_are_taken_out_and_tested() {
        check("JSON_QUERY", &[text(" {\"a\" : 1.50 } "), text("$")], Some("{\"a\":1.5}"));
        check("JSON_QUERY", &[text("7"), text("$")], None);
        check("JSON_QUERY", &[text("{\"a\":1}"), text("$.a"), symbol("CONDITIONAL"), symbol("NULL"), symbol("NULL")], Some("[1]"));
        check("JSON_QUERY", &[text("{}"), text("lax $.a"), symbol("WITHOUT"), symbol("EMPTY ARRAY"), symbol("NULL")], Some("[]"));
        let texts = TypeKind::Array(Box::new(TypeKind::STRING.nullable()));
        let array = |input: &str, path: &str, error: &str| {
            [text(input), text(path), symbol("WITHOUT"), symbol("NULL"), symbol(error), null(texts.clone())]
        };
        check("JSON_QUERY", &array(r#"{"a":[1,"x",null,{"k": 1}]}"#, "$.a", "NULL"), Some("[1, x, NULL, {\"k\":1}]"));
        check("JSON_QUERY", &array(r#"{"a":{"b":1}}"#, "$.a", "EMPTY ARRAY"), Some("[]"));
        check("JSON_QUERY", &array(r#"{"a":{"b":1}}"#, "$.a", "NULL"), None);
        for (input, path, exists) in
            [("{\"a\":1}", "$.a", "TRUE"), ("{\"a\":null}", "$.a", "FALSE"), ("[1]", "$.a", "FALSE"), ("", "$.a", "FALSE")]
        {
            check("JSON_EXISTS", &[text(input), text(path)], Some(exists));
        }
        check("IS JSON", &[text("{}"), symbol("OBJECT")], Some("TRUE"));
        check("IS JSON", &[text("7"), symbol("ARRAY")], Some("FALSE"));
        check("IS JSON", &[text("null"), symbol("SCALAR")], Some("TRUE"));
        check("IS JSON", &[null(TypeKind::STRING)], Some("FALSE"));
    }
}
