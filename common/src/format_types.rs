//! Which types a format has no words for.
//!
//! Pure: the planner refuses such columns with it while a job is planned, the connectors when they open a table. Knows types only:
//! whether a value fits its type is the decoder's business.
//!
//! Source: Flink 1.20's `JsonToRowDataConverters`, `CsvRowSchemaConverter` and `RawFormatDeserializationSchema`.

use crate::types::TypeKind;

/// What to do instead of a column of this type in records of this format; `None`: the format can hold it.
pub fn refused(format: &str, kind: &TypeKind) -> Option<&'static str> {
    match format {
        "csv" => csv_column(kind),
        "raw" => raw(kind),
        _ => json(kind),
    }
}

/// Whether a format lays out all columns of its records, also those that nobody reads.
pub fn needs_all(format: &str) -> bool {
    matches!(format, "csv" | "raw")
}

/// A value as its bytes.
fn raw(kind: &TypeKind) -> Option<&'static str> {
    use TypeKind as K;
    match kind {
        K::Char(_) | K::Varchar(_) | K::Binary(_) | K::Varbinary(_) | K::Boolean => None,
        K::TinyInt | K::SmallInt | K::Int | K::BigInt | K::Float | K::Double => None,
        _ => Some("types are STRING, BYTES, BOOLEAN and the numbers of fixed width"),
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
        let row = |kind: TypeKind| TypeKind::Row(vec![crate::types::Field::new("x", kind.nullable())]);
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
            (TypeKind::Date, true, true),
        ] {
            let held = |format: &str| refused(format, &kind).is_none();
            assert_eq!((held("json"), held("debezium-json"), held("csv")), (in_json, in_json, in_csv), "{kind}");
            assert_eq!(held("raw"), kind == TypeKind::Int, "{kind}");
        }
    }
}
