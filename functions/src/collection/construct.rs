//! ARRAY[...], MAP[...], ROW(...), access by index, key and field, CARDINALITY and ELEMENT.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, StructArray, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{interleave, is_null, nullif, take};
use arrow::datatypes::{DataType, Int32Type};
use irmak_common::expr::Value;
use irmak_common::hash_order::{hash_of_text, sort_as_hash_table};
use irmak_common::types::{Field, LogicalType, TypeKind};

use super::{SEES_ALL, by_row, entries};
use crate::column::{arrow_error, build_numbers, internal};
use crate::compare::same;
use crate::error::{EvalError, FunctionError, SignatureError};
use crate::function::{Call, Function, Kernel, kernel};
use crate::signature::{Arg, Signature, any_nullable, refuse, uncast};
use crate::types::{KindExt, common_type};

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::total("ARRAY", array_signature, array),
    Function::total("MAP", map_signature, map),
    Function::total("ROW", row_signature, row),
    Function::total("ITEM", item_signature, item),
    Function::total("FIELD", field_signature, field),
    Function::total("CARDINALITY", cardinality_signature, |_| cardinality()),
    Function::partial("ELEMENT", element_signature, |_| element()),
];

fn common(args: &[Arg<'_>]) -> Option<LogicalType> {
    common_type(&args.iter().map(|arg| arg.ty).collect::<Vec<_>>())
}

fn array_signature(args: &[Arg<'_>]) -> Signature {
    match common(args) {
        Some(element) => {
            Ok((args.iter().map(|arg| arg.cast(element.kind.clone())).collect(), TypeKind::Array(Box::new(element)).not_null()))
        }
        None => refuse("ARRAY[...] of one or more values of one type"),
    }
}

fn map_signature(args: &[Arg<'_>]) -> Signature {
    let pick = |odd: usize| args.iter().skip(odd).step_by(2).copied().collect::<Vec<_>>();
    let types = if args.len().is_multiple_of(2) { common(&pick(0)).zip(common(&pick(1))) } else { None };
    let Some((key, value)) = types else { return refuse("MAP[key, value, ...] with keys of one type and values of one type") };
    let casts =
        args.iter().enumerate().map(|(at, arg)| arg.cast(if at % 2 == 0 { key.kind.clone() } else { value.kind.clone() })).collect();
    Ok((casts, TypeKind::Map(Box::new(key), Box::new(value)).not_null()))
}

fn row_signature(args: &[Arg<'_>]) -> Signature {
    let fields = args.iter().enumerate().map(|(at, arg)| Field::new(format!("EXPR${at}"), arg.ty.clone())).collect();
    Ok((uncast(args), TypeKind::Row(fields).not_null()))
}

fn item_signature(args: &[Arg<'_>]) -> Signature {
    let [collection, index] = args else { return refuse("<ARRAY>[<INTEGER>] or <MAP>[<KEY>]") };
    match collection.kind() {
        TypeKind::Array(element) if index.kind().is_integer() || *index.kind() == TypeKind::Null => {
            if let Some(index) = index.int().filter(|index| *index < 1) {
                return Err(SignatureError::new(format!("Array element access needs an index starting at 1 but was {index}.")));
            }
            Ok((vec![collection.ty.clone(), index.cast(TypeKind::Int)], element.with_nullable(true)))
        }
        TypeKind::Map(key, value) if common_type(&[key, index.ty]).is_some() => {
            Ok((vec![collection.ty.clone(), index.cast(key.kind.clone())], value.with_nullable(true)))
        }
        _ => refuse("<ARRAY>[<INTEGER>] or <MAP>[<KEY>]"),
    }
}

fn field_signature(args: &[Arg<'_>]) -> Signature {
    if let [row, index] = args
        && let (TypeKind::Row(fields), Some(at)) = (row.kind(), index.int())
        && let Some(field) = usize::try_from(at).ok().and_then(|at| fields.get(at))
    {
        return Ok((uncast(args), field.ty.with_nullable(field.ty.nullable || row.ty.nullable)));
    }
    refuse("<ROW>.<FIELD>")
}

fn cardinality_signature(args: &[Arg<'_>]) -> Signature {
    match args {
        [only] if matches!(only.kind(), TypeKind::Array(_) | TypeKind::Map(..) | TypeKind::Multiset(_)) => {
            Ok((uncast(args), LogicalType { kind: TypeKind::Int, nullable: any_nullable(args) }))
        }
        _ => refuse("CARDINALITY(<ARRAY>), CARDINALITY(<MAP>) or CARDINALITY(<MULTISET>)"),
    }
}

fn element_signature(args: &[Arg<'_>]) -> Signature {
    match args {
        [array] => match array.kind() {
            TypeKind::Array(element) => Ok((uncast(args), element.with_nullable(element.nullable || array.ty.nullable))),
            _ => refuse("ELEMENT(<ARRAY>)"),
        },
        _ => refuse("ELEMENT(<ARRAY>)"),
    }
}

fn array(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let DataType::List(element) = call.ty.kind.to_arrow() else { return Err(call.wrong("the result is no ARRAY")) };
    kernel(move |args, scope| {
        let arrays: Vec<&dyn Array> = args.iter().map(|arg| arg.array().as_ref()).collect();
        let places: Vec<_> = (0..scope.rows).flat_map(|row| args.iter().enumerate().map(move |(at, arg)| (at, arg.index(row)))).collect();
        let items = interleave(&arrays, &places).map_err(arrow_error)?;
        let offsets = OffsetBuffer::from_lengths(std::iter::repeat_n(args.len(), scope.rows));
        Ok(Arc::new(ListArray::try_new(element.clone(), offsets, items, None).map_err(arrow_error)?))
    })
}

/// The last value of a key that is written twice counts. As in Flink, entries of fixed length stand as written, others as in
/// Java's hash table.
fn map(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let TypeKind::Map(key, value) = &call.ty.kind else { return Err(call.wrong("the result is no MAP")) };
    let (hashed, key) = (!(is_fixed(&key.kind) && is_fixed(&value.kind)), key.kind.clone());
    by_row(call, SEES_ALL, move |operands| {
        let mut operands = operands.into_iter();
        let mut entries: Vec<(Value, Value)> = Vec::new();
        while let (Some(key), Some(value)) = (operands.next(), operands.next()) {
            match entries.iter_mut().find(|(known, _)| same(known, &key)) {
                Some(entry) => entry.1 = value,
                None => entries.push((key, value)),
            }
        }
        if hashed && entries.iter().all(|(held, _)| hash_of(held, &key).is_some()) {
            sort_as_hash_table(&mut entries, |(held, _)| hash_of(held, &key).unwrap_or(0));
        }
        Ok(Value::Map(entries))
    })
}

/// Whether Java holds the value in a primitive.
fn is_fixed(kind: &TypeKind) -> bool {
    kind.is_integer()
        || kind.is_interval()
        || matches!(kind, TypeKind::Boolean | TypeKind::Float | TypeKind::Double | TypeKind::Date | TypeKind::Time(_))
}

/// Java's hash of a key, where it is known.
fn hash_of(key: &Value, kind: &TypeKind) -> Option<u32> {
    match (key, kind) {
        (Value::Null, _) => Some(0),
        (Value::String(text), _) => Some(hash_of_text(text.as_bytes())),
        (Value::Boolean(truth), _) => Some(if *truth { 1231 } else { 1237 }),
        (Value::Int(value), TypeKind::TinyInt | TypeKind::SmallInt | TypeKind::Int | TypeKind::Date | TypeKind::Time(_)) => {
            Some(*value as i32 as u32)
        }
        (Value::Int(value), TypeKind::BigInt) => Some((*value ^ (*value >> 32)) as u32),
        _ => None,
    }
}

fn row(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let DataType::Struct(fields) = call.ty.kind.to_arrow() else { return Err(call.wrong("the result is no ROW")) };
    kernel(move |args, scope| {
        let columns = args.iter().map(|arg| arg.clone().into_rows(scope.rows)).collect::<Result<Vec<_>, _>>()?;
        if columns.is_empty() {
            return Ok(Arc::new(StructArray::new_empty_fields(scope.rows, None)));
        }
        Ok(Arc::new(StructArray::try_new(fields.clone(), columns, None).map_err(arrow_error)?))
    })
}

fn item(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    if matches!(call.arg(0)?.kind, TypeKind::Map(..)) {
        return by_row(call, &[], |mut operands| {
            let key = operands.pop().unwrap_or(Value::Null);
            let found = operands.pop().map(entries).unwrap_or_default().into_iter().find(|(known, _)| same(known, &key));
            Ok(found.map_or(Value::Null, |(_, value)| value))
        });
    }
    kernel(|args, scope| {
        let lists = args[0].array().as_list_opt::<i32>().ok_or_else(|| internal("an array was planned"))?;
        let indices = args[1].ints()?;
        let place = |row: usize| {
            let at = args[0].index(row);
            let index = usize::try_from(indices.get(row)?).ok()?.checked_sub(1)?;
            let start = lists.value_offsets()[at] as u32;
            (lists.is_valid(at) && index < lists.value_length(at) as usize).then(|| start + index as u32)
        };
        let places: UInt32Array = (0..scope.rows).map(place).collect();
        take(lists.values(), &places, None).map_err(arrow_error)
    })
}

fn field(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let index = match call.literal(1) {
        Some(Value::Int(index)) => usize::try_from(*index).unwrap_or(usize::MAX),
        _ => return Err(call.wrong("the field is no constant")),
    };
    kernel(move |args, scope| {
        let column = args[0].map(|array| {
            let row = array.as_struct_opt().ok_or_else(|| internal("a row was planned"))?;
            let field: &ArrayRef = row.columns().get(index).ok_or_else(|| internal(format!("a row without a field {index}")))?;
            if row.null_count() == 0 { Ok(field.clone()) } else { nullif(field, &is_null(row).map_err(arrow_error)?).map_err(arrow_error) }
        })?;
        column.into_rows(scope.rows)
    })
}

fn cardinality() -> Result<Kernel, FunctionError> {
    kernel(|args, scope| {
        let array = args[0].array();
        let offsets = match array.data_type() {
            DataType::List(_) => array.as_list::<i32>().value_offsets(),
            DataType::Map(..) => array.as_map().value_offsets(),
            other => return Err(internal(format!("Arrow type {other} where a collection was planned"))),
        };
        build_numbers::<Int32Type>(scope.rows, |row| {
            let at = args[0].index(row);
            Ok(array.is_valid(at).then(|| offsets[at + 1] - offsets[at]))
        })
    })
}

/// The only element; NULL where there is none.
fn element() -> Result<Kernel, FunctionError> {
    kernel(|args, scope| {
        let lists = args[0].array().as_list_opt::<i32>().ok_or_else(|| internal("an array was planned"))?;
        let place = |row: usize| -> Result<Option<u32>, EvalError> {
            let at = args[0].index(row);
            match lists.value_length(at) {
                _ if lists.is_null(at) => Ok(None),
                0 => Ok(None),
                1 => Ok(Some(lists.value_offsets()[at] as u32)),
                _ => Err(EvalError::new("ELEMENT", "Array has more than one element.").at(row)),
            }
        };
        let places = (0..scope.rows).map(place).collect::<Result<UInt32Array, _>>()?;
        take(lists.values(), &places, None).map_err(arrow_error)
    })
}

#[cfg(test)]
mod tests {
    use crate::Environment;
    use crate::tests::{call, check, int, ints, null, run, text};
    use irmak_common::types::TypeKind;

    #[test]
    fn entries_stand_as_java_would_have_them() {
        let key = |text_or_null: Option<&str>| text_or_null.map_or_else(|| null(TypeKind::STRING), text);
        check("MAP", &[key(Some("b")), int(1), key(Some("a")), int(2)], Some("{a=2, b=1}"));
        check("MAP", &[key(Some("a")), int(1), key(None), int(2)], Some("{NULL=2, a=1}"));
        check("MAP", &[int(10), int(1), int(2), int(3)], Some("{10=1, 2=3}"));
        check("MAP", &[int(17), text("a"), int(2), text("b"), int(-1), text("c")], Some("{-1=c, 17=a, 2=b}"));
        check("MAP", &[int(1), text("a"), int(1), text("b")], Some("{1=b}"));
    }

    #[test]
    fn collections_are_built_and_read() {
        check("ARRAY", &[int(1), null(TypeKind::Int)], Some("[1, NULL]"));
        check("MAP", &[text("a"), int(1), text("a"), int(2)], Some("{a=2}"));
        check("ROW", &[int(1), text("x")], Some("(1, x)"));
        check("ITEM", &[ints(&[Some(10), Some(20)]), int(2)], Some("20"));
        check("ITEM", &[ints(&[Some(10)]), int(4)], None);
        check("ITEM", &[ints(&[Some(10)]), null(TypeKind::Int)], None);
        check("CARDINALITY", &[ints(&[Some(1), None])], Some("2"));
        check("CARDINALITY", &[null(TypeKind::Array(Box::new(TypeKind::Int.nullable())))], None);
        check("ELEMENT", &[ints(&[Some(7)])], Some("7"));
        assert_eq!(call("ROW", &[int(1)]).unwrap().ty.to_string(), "ROW<`EXPR$0` INT NOT NULL> NOT NULL");
        let two = run("ELEMENT", &[ints(&[Some(1), Some(2)])], &Environment::default());
        assert_eq!(two.unwrap_err(), "Array has more than one element.");
        let zero = call("ITEM", &[ints(&[Some(1)]), int(0)]);
        assert_eq!(zero.unwrap_err(), "Array element access needs an index starting at 1 but was 0.");
    }
}
