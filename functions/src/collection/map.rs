//! The MAP_ functions.

use irmak_common::expr::Value;
use irmak_common::types::{Field, LogicalType, TypeKind};

use super::{by_row, entries, items};
use crate::compare::same;
use crate::function::Function;
use crate::merge::merged_type;
use crate::signature::{Arg, Signature, any_nullable, refuse, uncast};

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::total(
        "MAP_KEYS",
        |args| part(args, |key, _| key.clone()),
        |call| by_row(call, &[], |operands| Ok(Value::Array(first(operands).into_iter().map(|(key, _)| key).collect()))),
    ),
    Function::total(
        "MAP_VALUES",
        |args| part(args, |_, value| value.clone()),
        |call| by_row(call, &[], |operands| Ok(Value::Array(first(operands).into_iter().map(|(_, value)| value).collect()))),
    ),
    Function::total(
        "MAP_ENTRIES",
        |args| part(args, entry),
        |call| {
            by_row(call, &[], |operands| {
                Ok(Value::Array(first(operands).into_iter().map(|(key, value)| Value::Row(vec![key, value])).collect()))
            })
        },
    ),
    Function::partial("MAP_FROM_ARRAYS", from_arrays_signature, |call| by_row(call, &[], from_arrays)),
    Function::total("MAP_UNION", union_signature, |call| {
        by_row(call, &[], |operands| Ok(Value::Map(operands.into_iter().map(entries).reduce(union).unwrap_or_default())))
    }),
];

fn entry(key: &LogicalType, value: &LogicalType) -> LogicalType {
    TypeKind::Row(vec![Field::new("key", key.clone()), Field::new("value", value.clone())]).nullable()
}

fn part(args: &[Arg<'_>], element: fn(&LogicalType, &LogicalType) -> LogicalType) -> Signature {
    match args {
        [map] => match map.kind() {
            TypeKind::Map(key, value) => Ok((uncast(args), map.cast(TypeKind::Array(Box::new(element(key, value)))))),
            _ => refuse("(<MAP>)"),
        },
        _ => refuse("(<MAP>)"),
    }
}

fn from_arrays_signature(args: &[Arg<'_>]) -> Signature {
    match args {
        [keys, values] => match (keys.kind(), values.kind()) {
            (TypeKind::Array(key), TypeKind::Array(value)) => {
                Ok((uncast(args), LogicalType { kind: TypeKind::Map(key.clone(), value.clone()), nullable: any_nullable(args) }))
            }
            _ => refuse("(<ARRAY>, <ARRAY>)"),
        },
        _ => refuse("(<ARRAY>, <ARRAY>)"),
    }
}

fn union_signature(args: &[Arg<'_>]) -> Signature {
    let maps = !args.is_empty() && args.iter().all(|arg| matches!(arg.kind(), TypeKind::Map(..)));
    match merged_type(&args.iter().map(|arg| arg.ty).collect::<Vec<_>>()).filter(|_| maps) {
        Some(ty) => Ok((args.iter().map(|arg| arg.cast(ty.kind.clone())).collect(), ty)),
        None => refuse("maps of one type"),
    }
}

fn first(operands: Vec<Value>) -> Vec<(Value, Value)> {
    operands.into_iter().next().map(entries).unwrap_or_default()
}

fn from_arrays(operands: Vec<Value>) -> Result<Value, String> {
    let mut arrays = operands.into_iter().map(items);
    let (keys, values) = (arrays.next().unwrap_or_default(), arrays.next().unwrap_or_default());
    if keys.len() != values.len() {
        return Err(format!(
            "Invalid function MAP_FROM_ARRAYS call: The length of the keys array {} is not equal to the length of the values array {}",
            keys.len(),
            values.len()
        ));
    }
    Ok(Value::Map(merged(keys.into_iter().zip(values))))
}

/// The entries of the later map, then those of the earlier one that it has no key for.
///
/// Source: Flink's `MapUnionFunction`.
fn union(earlier: Vec<(Value, Value)>, mut later: Vec<(Value, Value)>) -> Vec<(Value, Value)> {
    let known = later.len();
    for entry in earlier {
        if !later[..known].iter().any(|(key, _)| same(key, &entry.0)) {
            later.push(entry);
        }
    }
    later
}

/// The last value of a key counts.
fn merged(entries: impl Iterator<Item = (Value, Value)>) -> Vec<(Value, Value)> {
    let mut merged: Vec<(Value, Value)> = Vec::new();
    for (key, value) in entries {
        match merged.iter_mut().find(|(known, _)| same(known, &key)) {
            Some(entry) => entry.1 = value,
            None => merged.push((key, value)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use irmak_common::expr::Value;
    use irmak_common::types::TypeKind;

    use crate::Environment;
    use crate::tests::{Constant, call, check, int, ints, run, text, texts};

    fn map(entries: &[(&str, i64)]) -> Constant {
        let entries = entries.iter().map(|(key, value)| (Value::String((*key).into()), Value::Int(*value))).collect();
        (Value::Map(entries), TypeKind::Map(Box::new(TypeKind::STRING.not_null()), Box::new(TypeKind::Int.not_null())).not_null())
    }

    #[test]
    fn maps_are_read_and_joined() {
        check("MAP_KEYS", &[map(&[("a", 1), ("b", 2)])], Some("[a, b]"));
        check("MAP_VALUES", &[map(&[("a", 1)])], Some("[1]"));
        check("MAP_ENTRIES", &[map(&[("a", 1)])], Some("[(a, 1)]"));
        check("MAP_FROM_ARRAYS", &[texts(&["x", "y"]), ints(&[Some(1), Some(2)])], Some("{x=1, y=2}"));
        check("MAP_UNION", &[map(&[("a", 1)]), map(&[("a", 2), ("b", 3)])], Some("{a=2, b=3}"));
        check("MAP_UNION", &[map(&[("a", 1)]), map(&[("b", 2)])], Some("{b=2, a=1}"));
        check("MAP_UNION", &[map(&[("a", 1)]), map(&[("b", 2)]), map(&[("a", 3)])], Some("{a=3, b=2}"));
        check("ITEM", &[map(&[("a", 1)]), text("a")], Some("1"));
        check("ITEM", &[map(&[("a", 1)]), text("z")], None);
        assert!(run("MAP_FROM_ARRAYS", &[texts(&["x"]), ints(&[])], &Environment::default()).is_err());
        assert!(call("MAP_KEYS", &[int(1)]).is_err());
        let entries = call("MAP_ENTRIES", &[map(&[])]).unwrap().ty.to_string();
        assert_eq!(entries, "ARRAY<ROW<`key` STRING NOT NULL, `value` INT NOT NULL>> NOT NULL");
    }
}
