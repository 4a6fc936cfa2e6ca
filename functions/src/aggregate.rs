//! What aggregates return. Their accumulators live in the engine.
//!
//! Source: Flink 1.20, `FlinkTypeSystem` (SUM and AVG of DECIMAL) and the aggregates' declared types.

use irmak_common::types::{LogicalType, TypeKind};

use crate::error::SignatureError;
use crate::types::KindExt;

const NAMES: &[&str] = &[
    "COUNT",
    "SUM",
    "SUM0",
    "MIN",
    "MAX",
    "AVG",
    "STDDEV_POP",
    "STDDEV_SAMP",
    "STDDEV",
    "VAR_POP",
    "VAR_SAMP",
    "VARIANCE",
    "FIRST_VALUE",
    "LAST_VALUE",
    "LISTAGG",
    "COLLECT",
    "ARRAY_AGG",
    "ROW_NUMBER",
    "RANK",
    "DENSE_RANK",
    "PERCENT_RANK",
    "CUME_DIST",
    "LAG",
    "LEAD",
    "JSON_OBJECTAGG",
    "JSON_ARRAYAGG",
    "APPROX_COUNT_DISTINCT",
];

/// The names of all aggregates.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.iter().copied()
}

/// The result type of an aggregate over arguments of these types. `grouped_by_key`: whether every group has at least one row
/// (GROUP BY with keys), so that MAX of a NOT NULL column is NOT NULL.
///
/// # Errors
/// When there is no such aggregate, or none for these arguments.
pub fn aggregate_type(name: &str, args: &[LogicalType], grouped_by_key: bool) -> Result<LogicalType, SignatureError> {
    let name = name.to_ascii_uppercase();
    let kind = match (name.as_str(), args) {
        ("COUNT", _) | ("ROW_NUMBER" | "RANK" | "DENSE_RANK", []) | ("APPROX_COUNT_DISTINCT", [_]) => {
            return Ok(TypeKind::BigInt.not_null());
        }
        ("PERCENT_RANK" | "CUME_DIST", []) => return Ok(TypeKind::Double.not_null()),
        ("SUM" | "SUM0", [arg]) if arg.kind.is_numeric() => sum(&arg.kind),
        ("AVG", [arg]) if arg.kind.is_numeric() => average(&arg.kind),
        ("STDDEV_POP" | "STDDEV_SAMP" | "STDDEV" | "VAR_POP" | "VAR_SAMP" | "VARIANCE", [arg]) if arg.kind.is_numeric() => {
            average(&arg.kind)
        }
        ("MIN" | "MAX", [arg]) if comparable(&arg.kind) => arg.kind.clone(),
        ("FIRST_VALUE" | "LAST_VALUE", [arg]) => arg.kind.clone(),
        ("LAG" | "LEAD", [arg]) => return Ok(arg.with_nullable(true)),
        ("LAG" | "LEAD", [arg, offset]) if offset.kind.is_integer() => return Ok(arg.with_nullable(true)),
        ("LAG" | "LEAD", [arg, offset, default]) if offset.kind.is_integer() => {
            return Ok(arg.with_nullable(arg.nullable || default.nullable));
        }
        // Of the texts' own type, for all that grows out of it: as Flink declares it.
        ("LISTAGG", [text]) if text.kind.is_text() => text.kind.clone(),
        ("LISTAGG", [text, separator]) if text.kind.is_text() && separator.kind.is_text() => text.kind.clone(),
        ("COLLECT", [arg]) => return Ok(TypeKind::Multiset(Box::new(arg.clone())).not_null()),
        ("ARRAY_AGG", [arg]) => TypeKind::Array(Box::new(arg.clone())),
        ("JSON_OBJECTAGG", [key, _]) if key.kind.is_text() => return Ok(TypeKind::STRING.not_null()),
        ("JSON_ARRAYAGG", [_]) => return Ok(TypeKind::STRING.not_null()),
        _ if NAMES.contains(&name.as_str()) => {
            let types = args.iter().map(|arg| arg.kind.to_string()).collect::<Vec<_>>().join(", ");
            return Err(SignatureError::new(format!("cannot aggregate `{name}` over ({types})")).accepting(accepted(&name)));
        }
        _ => {
            let error = SignatureError::new(format!("aggregate function `{name}` does not exist"));
            return Err(match irmak_common::error::nearest(&name, names()) {
                Some(near) => error.accepting(format!("did you mean `{near}`?")),
                None => error,
            });
        }
    };
    // Flink calls a text or array of nothing NOT NULL too.
    let of_nothing = !grouped_by_key && !matches!(name.as_str(), "LISTAGG" | "ARRAY_AGG");
    let nullable = of_nothing || args.iter().any(|arg| arg.nullable);
    Ok(LogicalType { kind, nullable })
}

fn sum(kind: &TypeKind) -> TypeKind {
    match kind {
        TypeKind::Decimal { scale, .. } => TypeKind::Decimal { precision: 38, scale: *scale },
        other => other.clone(),
    }
}

/// AVG and the variances of an integer are integers of the same size, and wrap.
fn average(kind: &TypeKind) -> TypeKind {
    match kind {
        TypeKind::Decimal { scale, .. } => TypeKind::Decimal { precision: 38, scale: (*scale).max(6) },
        other => other.clone(),
    }
}

fn comparable(kind: &TypeKind) -> bool {
    !matches!(kind, TypeKind::Array(_) | TypeKind::Map(..) | TypeKind::Multiset(_) | TypeKind::Row(_) | TypeKind::Symbol)
}

fn accepted(name: &str) -> &'static str {
    match name {
        "SUM" | "SUM0" | "AVG" | "STDDEV_POP" | "STDDEV_SAMP" | "STDDEV" | "VAR_POP" | "VAR_SAMP" | "VARIANCE" => "(<NUMERIC>)",
        "MIN" | "MAX" => "(<COMPARABLE_TYPE>)",
        "LISTAGG" => "(<CHARACTER_STRING>) or (<CHARACTER_STRING>, <CHARACTER_STRING>)",
        "LAG" | "LEAD" => "(<ANY>), (<ANY>, <INTEGER>) or (<ANY>, <INTEGER>, <ANY>)",
        "ROW_NUMBER" | "RANK" | "DENSE_RANK" => "()",
        "JSON_OBJECTAGG" => "(KEY <CHARACTER_STRING> VALUE <ANY>)",
        _ => "(<ANY>)",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregates_return_what_flink_says() {
        let decimal = |precision, scale| TypeKind::Decimal { precision, scale };
        for (name, arg, keyed, result) in [
            ("count", TypeKind::STRING.nullable(), false, "BIGINT NOT NULL"),
            ("SUM", TypeKind::Int.not_null(), true, "INT NOT NULL"),
            ("SUM", TypeKind::Int.not_null(), false, "INT"),
            ("SUM", decimal(10, 2).nullable(), true, "DECIMAL(38, 2)"),
            ("AVG", decimal(10, 2).nullable(), true, "DECIMAL(38, 6)"),
            ("AVG", TypeKind::Int.nullable(), true, "INT"),
            ("VAR_POP", TypeKind::Int.nullable(), true, "INT"),
            ("MAX", TypeKind::STRING.not_null(), true, "STRING NOT NULL"),
        ] {
            assert_eq!(aggregate_type(name, &[arg], keyed).unwrap().to_string(), result, "{name}");
        }
        assert!(aggregate_type("SUM", &[TypeKind::STRING.nullable()], true).is_err());
        assert_eq!(aggregate_type("SUMM", &[], true).unwrap_err().accepted.unwrap(), "did you mean `SUM`?");
    }
}
