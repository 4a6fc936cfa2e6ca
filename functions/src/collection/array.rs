//! The ARRAY_ functions, a row at a time.

use irmak_common::expr::Value;
use irmak_common::types::{LogicalType, TypeKind};

use super::{by_row, items, order};
use crate::cell::{Style, write_cell};
use crate::compare::same;
use crate::constant::to_array;
use crate::error::FunctionError;
use crate::function::{Call, Function, Kernel};
use crate::merge::merged_type;
use crate::signature::{Arg, Signature, any_nullable, refuse};
use crate::types::{KindExt, implicitly_castable};
use crate::zone::Zone;

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::total(
        "ARRAY_APPEND",
        |args| with_element(args, Outcome::Array),
        |call| {
            by_row(call, &[1], |operands| {
                two(operands, |mut items, item| {
                    items.push(item);
                    Value::Array(items)
                })
            })
        },
    ),
    Function::total(
        "ARRAY_PREPEND",
        |args| with_element(args, Outcome::Array),
        |call| {
            by_row(call, &[1], |operands| {
                two(operands, |mut items, item| {
                    items.insert(0, item);
                    Value::Array(items)
                })
            })
        },
    ),
    Function::total(
        "ARRAY_CONTAINS",
        |args| with_element(args, Outcome::Boolean),
        |call| by_row(call, &[1], |operands| two(operands, |items, item| Value::Boolean(items.iter().any(|other| same(other, &item))))),
    ),
    Function::total(
        "ARRAY_POSITION",
        |args| with_element(args, Outcome::Position),
        |call| {
            by_row(call, &[], |operands| {
                two(operands, |items, item| Value::Int(items.iter().position(|other| same(other, &item)).map_or(0, |at| at as i64 + 1)))
            })
        },
    ),
    Function::total(
        "ARRAY_REMOVE",
        |args| with_element(args, Outcome::SameArray),
        |call| {
            by_row(call, &[1], |operands| {
                two(operands, |items, item| Value::Array(items.into_iter().filter(|other| !same(other, &item)).collect()))
            })
        },
    ),
    Function::total("ARRAY_DISTINCT", same_array, |call| {
        by_row(call, &[], |operands| one(operands, |items| Value::Array(distinct(items))))
    }),
    Function::total("ARRAY_REVERSE", same_array, |call| {
        by_row(call, &[], |operands| one(operands, |items| Value::Array(items.into_iter().rev().collect())))
    }),
    Function::total("ARRAY_MAX", best, |call| {
        by_row(call, &[], |operands| one(operands, |items| extreme(items, |best, item| order(item, best).is_gt())))
    }),
    Function::total("ARRAY_MIN", best, |call| {
        by_row(call, &[], |operands| one(operands, |items| extreme(items, |best, item| order(item, best).is_lt())))
    }),
    Function::total(
        "ARRAY_CONCAT",
        |args| common_array(args, 1, usize::MAX),
        |call| by_row(call, &[], |operands| Ok(Value::Array(operands.into_iter().flat_map(items).collect()))),
    ),
    Function::total(
        "ARRAY_UNION",
        |args| common_array(args, 2, 2),
        |call| by_row(call, &[], |operands| Ok(Value::Array(distinct(operands.into_iter().flat_map(items).collect())))),
    ),
    Function::total("ARRAY_EXCEPT", |args| common_array(args, 2, 2), |call| by_row(call, &[], |operands| Ok(against(operands, false)))),
    Function::total("ARRAY_INTERSECT", |args| common_array(args, 2, 2), |call| by_row(call, &[], |operands| Ok(against(operands, true)))),
    Function::total("ARRAY_SLICE", slice_signature, |call| by_row(call, &[], |operands| Ok(slice(operands)))),
    Function::total("ARRAY_SORT", sort_signature, |call| by_row(call, &[], |operands| Ok(sort(operands)))),
    Function::total("ARRAY_JOIN", join_signature, join),
];

/// What comes out of an array and an element.
#[derive(Clone, Copy)]
enum Outcome {
    Array,
    SameArray,
    Boolean,
    Position,
}

fn element_of<'a>(arg: &'a Arg<'_>) -> Option<&'a LogicalType> {
    match arg.kind() {
        TypeKind::Array(element) => Some(element),
        _ => None,
    }
}

/// An element is cast to what the array holds, and to nothing wider.
fn with_element(args: &[Arg<'_>], result: Outcome) -> Signature {
    let found = match args {
        [array, item] => element_of(array)
            .filter(|element| *item.kind() == TypeKind::Null || implicitly_castable(item.ty, &element.with_nullable(true)))
            .map(|element| (array, item, element)),
        _ => None,
    };
    let Some((array, item, element)) = found else {
        return refuse("(<ARRAY>, <ELEMENT>), the element of the array's element type or one that fits into it");
    };
    // An item of another kind becomes what the elements are, which may be NULL; texts stay as they are.
    let same = item.kind() == &element.kind || item.kind().is_text() && element.kind.is_text();
    let nullable = any_nullable(args) || (element.nullable && !same);
    let of = |nullable: bool| TypeKind::Array(Box::new(element.with_nullable(nullable)));
    let (cast, ty) = match result {
        Outcome::Array => {
            let whole = of(element.nullable || item.ty.nullable);
            (whole.clone(), LogicalType { kind: whole, nullable })
        }
        Outcome::SameArray => (of(element.nullable), array.ty.clone()),
        Outcome::Boolean => (of(element.nullable || item.ty.nullable), array.cast(TypeKind::Boolean)),
        Outcome::Position => (of(element.nullable || item.ty.nullable), LogicalType { kind: TypeKind::Int, nullable: any_nullable(args) }),
    };
    let item = if item.kind().is_text() { item.ty.clone() } else { item.cast(element.kind.clone()) };
    Ok((vec![array.cast(cast), item], ty))
}

fn same_array(args: &[Arg<'_>]) -> Signature {
    match args {
        [array] if element_of(array).is_some() => Ok((vec![array.ty.clone()], array.ty.clone())),
        _ => refuse("(<ARRAY>)"),
    }
}

fn best(args: &[Arg<'_>]) -> Signature {
    match args {
        [array] if element_of(array).is_some() => {
            let element = element_of(array).map_or_else(|| TypeKind::Null.nullable(), |element| element.with_nullable(true));
            Ok((vec![array.ty.clone()], element))
        }
        _ => refuse("(<ARRAY>)"),
    }
}

fn common_array(args: &[Arg<'_>], least: usize, most: usize) -> Signature {
    let arrays = args.iter().all(|arg| element_of(arg).is_some()) && (least..=most).contains(&args.len());
    let common = if arrays { merged_type(&args.iter().map(|arg| arg.ty).collect::<Vec<_>>()) } else { None };
    match common {
        Some(ty) => Ok((args.iter().map(|arg| arg.cast(ty.kind.clone())).collect(), ty)),
        None => refuse("arrays of one type"),
    }
}

fn slice_signature(args: &[Arg<'_>]) -> Signature {
    match args {
        [array, bounds @ ..]
            if element_of(array).is_some()
                && (1..=2).contains(&bounds.len())
                && bounds.iter().all(|bound| bound.kind().is_integer() || *bound.kind() == TypeKind::Null) =>
        {
            let casts = std::iter::once(array.ty.clone()).chain(bounds.iter().map(|bound| bound.cast(TypeKind::Int))).collect();
            Ok((casts, LogicalType { kind: array.kind().clone(), nullable: any_nullable(args) }))
        }
        _ => refuse("(<ARRAY>, <INTEGER>[, <INTEGER>])"),
    }
}

fn sort_signature(args: &[Arg<'_>]) -> Signature {
    match args {
        [array, flags @ ..]
            if element_of(array).is_some() && flags.len() <= 2 && flags.iter().all(|flag| *flag.kind() == TypeKind::Boolean) =>
        {
            Ok((args.iter().map(|arg| arg.ty.clone()).collect(), LogicalType { kind: array.kind().clone(), nullable: any_nullable(args) }))
        }
        _ => refuse("(<ARRAY>[, <BOOLEAN>[, <BOOLEAN>]])"),
    }
}

fn join_signature(args: &[Arg<'_>]) -> Signature {
    match args {
        [array, texts @ ..]
            if element_of(array).is_some() && (1..=2).contains(&texts.len()) && texts.iter().all(|text| text.kind().is_text()) =>
        {
            Ok((args.iter().map(|arg| arg.ty.clone()).collect(), LogicalType { kind: TypeKind::STRING, nullable: any_nullable(args) }))
        }
        _ => refuse("(<ARRAY>, <CHARACTER_STRING>[, <CHARACTER_STRING>])"),
    }
}

fn one(operands: Vec<Value>, compute: impl Fn(Vec<Value>) -> Value) -> Result<Value, String> {
    Ok(compute(operands.into_iter().next().map(items).unwrap_or_default()))
}

fn two(operands: Vec<Value>, compute: impl Fn(Vec<Value>, Value) -> Value) -> Result<Value, String> {
    let mut operands = operands.into_iter();
    let (array, item) = (operands.next().map(items).unwrap_or_default(), operands.next().unwrap_or(Value::Null));
    Ok(compute(array, item))
}

fn distinct(values: Vec<Value>) -> Vec<Value> {
    let mut seen: Vec<Value> = Vec::new();
    for value in values {
        if !seen.iter().any(|other| same(other, &value)) {
            seen.push(value);
        }
    }
    seen
}

fn extreme(values: Vec<Value>, better: fn(&Value, &Value) -> bool) -> Value {
    let present = values.into_iter().filter(|value| *value != Value::Null);
    present.reduce(|best, item| if better(&best, &item) { item } else { best }).unwrap_or(Value::Null)
}

/// The distinct items of the first that the second has, or has not.
fn against(operands: Vec<Value>, wanted: bool) -> Value {
    let mut arrays = operands.into_iter().map(items);
    let (left, right) = (arrays.next().unwrap_or_default(), arrays.next().unwrap_or_default());
    Value::Array(distinct(left).into_iter().filter(|item| right.iter().any(|other| same(other, item)) == wanted).collect())
}

/// Items `first` to `last`, both included, counted from 1, from the end where negative; 0 is 1.
fn slice(operands: Vec<Value>) -> Value {
    let mut operands = operands.into_iter();
    let array = operands.next().map(items).unwrap_or_default();
    let count = array.len() as i64;
    let place = |bound: Option<Value>, otherwise: i64| match bound {
        Some(Value::Int(0)) => 1,
        Some(Value::Int(bound)) if bound < 0 => count + bound + 1,
        Some(Value::Int(bound)) => bound,
        _ => otherwise,
    };
    let (first, last) = (place(operands.next(), 1).max(1), place(operands.next(), count).min(count));
    let taken = (last - first + 1).max(0) as usize;
    Value::Array(array.into_iter().skip(first as usize - 1).take(taken).collect())
}

/// Ascending with NULL first, unless the flags say otherwise; NULL goes with the smallest values by default.
fn sort(operands: Vec<Value>) -> Value {
    let mut operands = operands.into_iter();
    let array = operands.next().map(items).unwrap_or_default();
    let ascending = !matches!(operands.next(), Some(Value::Boolean(false)));
    let nulls_first = match operands.next() {
        Some(Value::Boolean(first)) => first,
        _ => ascending,
    };
    let (nulls, mut values): (Vec<_>, Vec<_>) = array.into_iter().partition(|value| *value == Value::Null);
    values.sort_by(|left, right| if ascending { order(left, right) } else { order(right, left) });
    Value::Array(if nulls_first { [nulls, values].concat() } else { [values, nulls].concat() })
}

fn join(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let element = match &call.arg(0)?.kind {
        TypeKind::Array(element) => element.as_ref().clone(),
        other => return Err(call.wrong(format!("{other} is no array"))),
    };
    let zone = Zone::parse(&call.env.zone)?;
    by_row(call, &[], move |operands| {
        let mut operands = operands.into_iter();
        let array = operands.next().map(items).unwrap_or_default();
        let mut text = || match operands.next() {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        let (separator, absent) = (text().unwrap_or_default(), text());
        let mut out = String::new();
        let mut first = true;
        for item in array {
            if item == Value::Null && absent.is_none() {
                continue;
            }
            out.push_str(if std::mem::take(&mut first) { "" } else { &separator });
            match (&item, &absent) {
                (Value::Null, Some(absent)) => out.push_str(absent),
                _ => write_cell(
                    &mut out,
                    &to_array(&item, &element).map_err(|error| error.to_string())?,
                    0,
                    &element.kind,
                    &zone,
                    Style::Cast,
                ),
            }
        }
        Ok(Value::String(out))
    })
}

#[cfg(test)]
mod tests {
    use irmak_common::expr::Value;
    use irmak_common::types::TypeKind;

    use crate::tests::{call, check, int, ints, null, text, texts};

    #[test]
    fn arrays_are_searched_and_changed() {
        let some = |values: &[i64]| ints(&values.iter().map(|value| Some(*value)).collect::<Vec<_>>());
        check("ARRAY_APPEND", &[some(&[1, 2]), int(3)], Some("[1, 2, 3]"));
        check("ARRAY_PREPEND", &[some(&[1, 2]), int(0)], Some("[0, 1, 2]"));
        check("ARRAY_CONTAINS", &[ints(&[Some(1), None]), null(TypeKind::Int)], Some("TRUE"));
        check("ARRAY_POSITION", &[some(&[3, 1, 3]), int(9)], Some("0"));
        check("ARRAY_REMOVE", &[some(&[3, 1, 3]), int(3)], Some("[1]"));
        check("ARRAY_DISTINCT", &[some(&[3, 1, 3, 2])], Some("[3, 1, 2]"));
        check("ARRAY_REVERSE", &[some(&[1, 2, 3])], Some("[3, 2, 1]"));
        check("ARRAY_MAX", &[ints(&[Some(3), Some(1), None])], Some("3"));
        check("ARRAY_CONCAT", &[some(&[1]), some(&[2, 3])], Some("[1, 2, 3]"));
        check("ARRAY_UNION", &[some(&[1, 2]), some(&[2, 3])], Some("[1, 2, 3]"));
        check("ARRAY_EXCEPT", &[some(&[1, 2, 2, 3]), some(&[2])], Some("[1, 3]"));
        check("ARRAY_INTERSECT", &[some(&[1, 2, 2, 3]), some(&[2, 3])], Some("[2, 3]"));
        assert_eq!(call("ARRAY_APPEND", &[some(&[1]), int(3)]).unwrap().ty.to_string(), "ARRAY<INT NOT NULL> NOT NULL");
        assert_eq!(call("ARRAY_CONTAINS", &[some(&[1]), null(TypeKind::Int)]).unwrap().ty.to_string(), "BOOLEAN NOT NULL");
    }

    #[test]
    fn arrays_are_cut_sorted_and_joined() {
        let four = ints(&[Some(1), Some(2), Some(3), Some(4)]);
        check("ARRAY_SLICE", &[four.clone(), int(2), int(3)], Some("[2, 3]"));
        check("ARRAY_SLICE", &[four.clone(), int(-2)], Some("[3, 4]"));
        check("ARRAY_SLICE", &[four, int(5), int(9)], Some("[]"));
        let mixed = ints(&[Some(3), None, Some(1)]);
        check("ARRAY_SORT", std::slice::from_ref(&mixed), Some("[NULL, 1, 3]"));
        check("ARRAY_SORT", &[mixed, (Value::Boolean(false), TypeKind::Boolean.not_null())], Some("[3, 1, NULL]"));
        check("ARRAY_JOIN", &[texts(&["a", "c"]), text(",")], Some("a,c"));
        check("ARRAY_JOIN", &[ints(&[Some(1), None]), text("-"), text("?")], Some("1-?"));
    }
}
