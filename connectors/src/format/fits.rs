//! Which types a format has no words for, found before the first record.
//!
//! Knows types only: whether a value fits its type is the decoder's business, and what `raw` takes is checked where it is opened.
//!
//! Source: Flink 1.20's `JsonToRowDataConverters` and `CsvRowSchemaConverter`, which refuse these while a table is planned.

use irmak_common::types::{Schema, TypeKind};

use crate::error::ConnectorError;
use crate::options::Options;

/// Refuses columns that the format can neither read nor write.
///
/// # Errors
/// [`ConnectorError::Unsupported`], with the column and its type.
pub(crate) fn check_types(options: &Options<'_>, format: &str, schema: &Schema) -> Result<(), ConnectorError> {
    let refusal: fn(&TypeKind) -> Option<&'static str> = match format {
        "csv" => csv_column,
        "raw" => return Ok(()),
        _ => json,
    };
    match schema.fields.iter().find_map(|field| refusal(&field.ty.kind).map(|instead| (field, instead))) {
        Some((field, instead)) => {
            let what = format!("format '{format}' with column `{}` of type {}", field.name, field.ty.kind);
            Err(options.unsupported(what, instead))
        }
        None => Ok(()),
    }
}

/// Keys of JSON's objects are texts.
fn json(kind: &TypeKind) -> Option<&'static str> {
    const KEYS: &str = "keys of a MAP, and elements of a MULTISET, must be texts";
    let text = |kind: &TypeKind| matches!(kind, TypeKind::Char(_) | TypeKind::Varchar(_));
    match kind {
        TypeKind::Map(key, value) => {
            if text(&key.kind) {
                json(&value.kind)
            } else {
                Some(KEYS)
            }
        }
        TypeKind::Multiset(element) => {
            if text(&element.kind) {
                None
            } else {
                Some(KEYS)
            }
        }
        TypeKind::Array(element) => json(&element.kind),
        TypeKind::Row(fields) => fields.iter().find_map(|field| json(&field.ty.kind)),
        _ => None,
    }
}

/// A field of CSV is a value, or an array or row of such.
fn csv_column(kind: &TypeKind) -> Option<&'static str> {
    match kind {
        TypeKind::Array(element) => csv_value(&element.kind),
        TypeKind::Row(fields) => fields.iter().find_map(|field| csv_value(&field.ty.kind)),
        other => csv_value(other),
    }
}

fn csv_value(kind: &TypeKind) -> Option<&'static str> {
    match kind {
        TypeKind::Map(..) | TypeKind::Multiset(_) => Some("CSV has no maps: use json, or columns of their own"),
        TypeKind::Array(_) | TypeKind::Row(_) => Some("CSV has no arrays and rows inside of arrays and rows: use json"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_refuses_the_types_that_it_has_no_words_for() {
        let int = || Box::new(TypeKind::Int.nullable());
        let text = || Box::new(TypeKind::STRING.nullable());
        let row = |kind: TypeKind| TypeKind::Row(vec![irmak_common::types::Field::new("x", kind.nullable())]);
        for (kind, in_json, in_csv) in [
            (TypeKind::Int, true, true),
            (TypeKind::Map(text(), int()), true, false),
            (TypeKind::Map(int(), int()), false, false),
            (TypeKind::Multiset(text()), true, false),
            (TypeKind::Multiset(int()), false, false),
            (TypeKind::Array(int()), true, true),
            (row(TypeKind::Int), true, true),
            (row(TypeKind::Array(int())), true, false),
            (TypeKind::Array(Box::new(row(TypeKind::Int).nullable())), true, false),
            (row(TypeKind::Map(int(), text())), false, false),
        ] {
            assert_eq!((json(&kind).is_none(), csv_column(&kind).is_none()), (in_json, in_csv), "{kind}");
        }
    }
}
