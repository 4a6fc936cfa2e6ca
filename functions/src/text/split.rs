//! Texts taken apart: SPLIT_INDEX, SPLIT, STR_TO_MAP, PARSE_URL.

use arrow::array::{ArrayRef, ListBuilder, StringBuilder};
use irmak_common::expr::Value;
use irmak_common::types::{LogicalType, TypeKind};
use std::sync::Arc;

use crate::column::{Column, build_slices};
use crate::constant::column_of;
use crate::error::FunctionError;
use crate::function::{Call, Function, Kernel, kernel};
use crate::pattern::java_regex;
use crate::signature::{Arg, Signature, Want, any_nullable, fixed, forced, refuse};
use crate::types::KindExt;

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::total("SPLIT_INDEX", index_signature, split_index),
    Function::total("SPLIT", split_signature, |_| split()),
    Function::total("STR_TO_MAP", map_signature, str_to_map),
    Function::total("PARSE_URL", |args| forced(args, &[Want::Text, Want::Text, Want::Text], 1, TypeKind::STRING), |_| parse_url()),
];

/// The separator is a text, or the code of a character.
fn index_signature(args: &[Arg<'_>]) -> Signature {
    let code = args.get(1).is_some_and(|arg| arg.kind().is_integer());
    forced(args, &[Want::Text, if code { Want::Int } else { Want::Text }, Want::Int], 0, TypeKind::STRING)
}

fn split_signature(args: &[Arg<'_>]) -> Signature {
    let casts = fixed(args, &[Want::Text, Want::Text], 0)?;
    Ok((casts, LogicalType { kind: TypeKind::Array(Box::new(TypeKind::STRING.nullable())), nullable: any_nullable(args) }))
}

fn map_signature(args: &[Arg<'_>]) -> Signature {
    if args.len() == 2 {
        return refuse("STR_TO_MAP(<CHARACTER_STRING>[, <CHARACTER_STRING>, <CHARACTER_STRING>])");
    }
    let casts = fixed(args, &[Want::Text, Want::Text, Want::Text], 2)?;
    let (key, value) = (TypeKind::STRING.nullable(), TypeKind::STRING.nullable());
    Ok((casts, LogicalType { kind: TypeKind::Map(Box::new(key), Box::new(value)), nullable: true }))
}

fn split_index(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let code = call.arg(1)?.kind.is_integer();
    kernel(move |args, scope| {
        let (texts, places) = (args[0].strings()?, args[2].ints()?);
        let separators = if code { separators_of_codes(&args[1])? } else { args[1].clone() };
        let separators = separators.strings()?;
        Ok(build_slices(scope.rows, |row| {
            let (text, separator) = (texts.get(row)?, separators.get(row)?);
            let place = usize::try_from(places.get(row)?).ok()?;
            if text.is_empty() {
                return None;
            }
            if separator.is_empty() { text.split(char::is_whitespace).nth(place) } else { text.split(separator).nth(place) }
        }))
    })
}

fn separators_of_codes(codes: &Column) -> Result<Column, crate::error::EvalError> {
    let values = codes.ints()?.into_array();
    let texts: arrow::array::StringArray =
        values.iter().map(|code| code.filter(|code| (1..=255).contains(code)).map(|code| char::from(code as u8).to_string())).collect();
    codes.map(|_| Ok(Arc::new(texts) as ArrayRef))
}

fn split() -> Result<Kernel, FunctionError> {
    kernel(|args, scope| {
        let (texts, separators) = (args[0].strings()?, args[1].strings()?);
        let mut lists = ListBuilder::new(StringBuilder::new());
        for row in 0..scope.rows {
            let Some((text, separator)) = texts.get(row).zip(separators.get(row)) else {
                lists.append(false);
                continue;
            };
            if separator.is_empty() {
                let mut buffer = [0; 4];
                text.chars().for_each(|c| lists.values().append_value(c.encode_utf8(&mut buffer)));
            } else {
                text.split(separator).for_each(|part| lists.values().append_value(part));
            }
            lists.append(true);
        }
        Ok(Arc::new(lists.finish()))
    })
}

/// The separators are regular expressions.
fn str_to_map(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let ty = call.ty.clone();
    kernel(move |args, scope| {
        let texts = args[0].strings()?;
        let lists = args.get(1).map(Column::strings).transpose()?;
        let pairs = args.get(2).map(Column::strings).transpose()?;
        let values: Vec<Value> = (0..scope.rows)
            .map(|row| {
                let found = || {
                    let between = lists.as_ref().map_or(Some(","), |view| view.get(row))?;
                    let inside = pairs.as_ref().map_or(Some("="), |view| view.get(row))?;
                    Some(in_java_order(entries(texts.get(row)?, between, inside)))
                };
                found().map_or(Value::Null, Value::Map)
            })
            .collect();
        Ok(column_of(values.iter(), &ty)?)
    })
}

/// A part that the inner separator does not split in two is a key of its own, with NULL. What follows a second one is lost.
///
/// With how many parts there were. Source: Flink's `SqlFunctionUtils.strToMap`.
fn entries(text: &str, between: &str, inside: &str) -> (usize, Vec<(Value, Value)>) {
    let mut entries: Vec<(Value, Value)> = Vec::new();
    let parts = if text.is_empty() { Vec::new() } else { split_by(text, between) };
    for &part in &parts {
        let owned = |text: &str| Value::String(text.to_owned());
        let (key, value) = match split_by(part, inside).as_slice() {
            [key, value, ..] => (owned(key), owned(value)),
            _ => (owned(part), Value::Null),
        };
        match entries.iter_mut().find(|(known, _)| *known == key) {
            Some(entry) => entry.1 = value,
            None => entries.push((key, value)),
        }
    }
    (parts.len(), entries)
}

/// Entries of distinct texts as `new HashMap<String, String>(parts)` iterates over them: by bucket, in a bucket by insertion.
fn in_java_order((parts, mut entries): (usize, Vec<(Value, Value)>)) -> Vec<(Value, Value)> {
    let mut buckets = parts.max(1).next_power_of_two();
    while entries.len() > buckets * 3 / 4 {
        buckets *= 2;
    }
    entries.sort_by_cached_key(|(key, _)| match key {
        Value::String(text) => {
            let hash = text.encode_utf16().fold(0u32, |hash, unit| hash.wrapping_mul(31).wrapping_add(unit.into()));
            (hash ^ (hash >> 16)) as usize & (buckets - 1)
        }
        _ => 0,
    });
    entries
}

/// Java's `String.split`: empty parts at the end are left out, as is an empty match at the beginning.
fn split_by<'a>(text: &'a str, separator: &str) -> Vec<&'a str> {
    let Some(regex) = java_regex(separator) else { return vec![text] };
    let mut parts = Vec::new();
    let mut from = 0;
    for found in regex.find_iter(text).filter_map(Result::ok) {
        if found.end() == 0 || found.start() == found.end() && found.end() == text.len() {
            continue;
        }
        parts.push(&text[from..found.start()]);
        from = found.end();
    }
    if parts.is_empty() {
        return vec![text];
    }
    parts.push(&text[from..]);
    let kept = parts.iter().rposition(|part| !part.is_empty()).map_or(0, |last| last + 1);
    parts.truncate(kept);
    parts
}

fn parse_url() -> Result<Kernel, FunctionError> {
    kernel(|args, scope| {
        let (urls, parts) = (args[0].strings()?, args[1].strings()?);
        let keys = args.get(2).map(Column::strings).transpose()?;
        Ok(build_slices(scope.rows, |row| {
            let (url, part) = (urls.get(row)?, parts.get(row)?);
            match &keys {
                None => url_part(url, part),
                Some(keys) if part == "QUERY" => {
                    let key = keys.get(row)?;
                    url_part(url, "QUERY")?.split('&').find_map(|pair| pair.strip_prefix(key)?.strip_prefix('='))
                }
                Some(_) => None,
            }
        }))
    })
}

fn url_part<'a>(url: &'a str, part: &str) -> Option<&'a str> {
    let (protocol, rest) = url.split_once("://")?;
    let (before_ref, reference) = rest.split_once('#').map_or((rest, None), |(before, reference)| (before, Some(reference)));
    let (before_query, query) = before_ref.split_once('?').map_or((before_ref, None), |(before, query)| (before, Some(query)));
    let slash = before_query.find('/').unwrap_or(before_query.len());
    let (authority, path) = before_query.split_at(slash);
    let (user, host) = authority.rsplit_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    match part {
        "PROTOCOL" => Some(protocol),
        "HOST" => Some(host.split(':').next().unwrap_or(host)),
        "PATH" => Some(path),
        "QUERY" => query,
        "REF" => reference,
        "FILE" => Some(&before_ref[slash..]),
        "AUTHORITY" => Some(authority),
        "USERINFO" => user,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::{check, int, null, text};
    use irmak_common::types::TypeKind;

    #[test]
    fn parts_are_counted_from_zero() {
        for (input, separator, place, output) in [
            ("a,b,,d", ",", 0, Some("a")),
            ("a,b,,d", ",", 2, Some("")),
            ("a,b,,d", ",", 9, None),
            ("a,b,,d", ",", -1, None),
            ("a||b", "||", 1, Some("b")),
            ("abc", "", 1, None),
            ("", ",", 0, None),
        ] {
            check("SPLIT_INDEX", &[text(input), text(separator), int(place)], output);
        }
        check("SPLIT_INDEX", &[text("abc"), int(98), int(0)], Some("a"));
        check("SPLIT_INDEX", &[null(TypeKind::STRING), text(","), int(0)], None);
        check("SPLIT", &[text("a,b,,c"), text(",")], Some("[a, b, , c]"));
    }

    #[test]
    fn maps_and_addresses_are_taken_apart() {
        check("STR_TO_MAP", &[text("k1=v1,k2=v2")], Some("{k1=v1, k2=v2}"));
        check("STR_TO_MAP", &[text("k1:v1;k2"), text(";"), text(":")], Some("{k1=v1, k2=NULL}"));
        check("STR_TO_MAP", &[text("a=1,b,c=,,d=1=2,a=3")], Some("{=NULL, a=3, b=NULL, c==NULL, d=1}"));
        check("STR_TO_MAP", &[text("")], Some("{}"));
        check("STR_TO_MAP", &[text("a1b22c"), text("[0-9]+"), text(":")], Some("{a=NULL, b=NULL, c=NULL}"));
        let url = "http://user@facebook.com:80/path1/p.php?k1=v1&k2=v2#Ref1";
        for (part, output) in [
            ("HOST", Some("facebook.com")),
            ("PATH", Some("/path1/p.php")),
            ("QUERY", Some("k1=v1&k2=v2")),
            ("REF", Some("Ref1")),
            ("PROTOCOL", Some("http")),
            ("FILE", Some("/path1/p.php?k1=v1&k2=v2")),
            ("AUTHORITY", Some("user@facebook.com:80")),
            ("USERINFO", Some("user")),
            ("NOTHING", None),
        ] {
            check("PARSE_URL", &[text(url), text(part)], output);
        }
        check("PARSE_URL", &[text(url), text("QUERY"), text("k2")], Some("v2"));
    }
}
