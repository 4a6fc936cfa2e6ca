//! The type that Flink's own functions merge their arguments into: COALESCE, IFNULL, GREATEST, LEAST, ARRAY_CONCAT, MAP_UNION.
//!
//! Calcite, which types CASE, UNION and `ARRAY[...]`, mixes otherwise ([`common_type`](crate::types::common_type)): FLOAT and DOUBLE,
//! DECIMAL and FLOAT, dates and timestamps differ.
//!
//! Source: Flink 1.20, `LogicalTypeMerging.findCommonType`.

use irmak_common::types::{Field, LogicalType, TypeKind};

use crate::types::{KindExt, common_kind, fold};

/// The type of all these values; `None`: they do not mix.
pub(crate) fn merged_type(types: &[&LogicalType]) -> Option<LogicalType> {
    fold(types, merged_kind)
}

fn merged_kind(left: &TypeKind, right: &TypeKind) -> Option<TypeKind> {
    use TypeKind as K;
    Some(match (left, right) {
        (K::Double, other) | (other, K::Double) if other.is_numeric() => K::Double,
        (K::Decimal { .. }, K::Float) => K::Float,
        // The narrower wins: what the other has beyond it is lost.
        (K::Date, K::Timestamp { .. }) | (K::Timestamp { .. }, K::Date) => K::Date,
        (K::Time(precision), K::Timestamp { .. }) | (K::Timestamp { .. }, K::Time(precision)) => K::Time(*precision),
        (K::TimestampLtz { precision: a, .. }, K::Timestamp { precision: b, .. })
        | (K::Timestamp { precision: a, .. }, K::TimestampLtz { precision: b, .. }) => K::timestamp_ltz(*a.max(b)),
        (K::Array(a), K::Array(b)) => K::Array(Box::new(merged_type(&[a, b])?)),
        (K::Multiset(a), K::Multiset(b)) => K::Multiset(Box::new(merged_type(&[a, b])?)),
        (K::Map(ak, av), K::Map(bk, bv)) => K::Map(Box::new(merged_type(&[ak, bk])?), Box::new(merged_type(&[av, bv])?)),
        (K::Row(a), K::Row(b)) if a.len() == b.len() && left != right => {
            let field = |(a, b): (&Field, &Field)| Some(Field::new(a.name.clone(), merged_type(&[&a.ty, &b.ty])?));
            K::Row(a.iter().zip(b).map(field).collect::<Option<_>>()?)
        }
        _ => common_kind(left, right)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::common_type;

    fn check(left: TypeKind, right: TypeKind, calcite: &str, flink: &str) {
        let (left, right) = (left.nullable(), right.nullable());
        let told = |ty: Option<LogicalType>| ty.map_or("none".to_owned(), |ty| ty.to_string());
        assert_eq!(told(common_type(&[&left, &right])), calcite, "CASE over {left} and {right}");
        assert_eq!(told(merged_type(&[&left, &right])), flink, "COALESCE over {left} and {right}");
    }

    #[test]
    fn functions_merge_types_otherwise_than_case_does() {
        let decimal = || TypeKind::Decimal { precision: 10, scale: 2 };
        check(TypeKind::Float, TypeKind::Double, "FLOAT", "DOUBLE");
        check(TypeKind::Double, TypeKind::Float, "DOUBLE", "DOUBLE");
        check(TypeKind::Float, decimal(), "DOUBLE", "DOUBLE");
        check(decimal(), TypeKind::Float, "DOUBLE", "FLOAT");
        check(TypeKind::Int, decimal(), "DECIMAL(12, 2)", "DECIMAL(12, 2)");
        check(TypeKind::Time(0), TypeKind::timestamp(3), "none", "TIME(0)");
        check(TypeKind::timestamp(6), TypeKind::Date, "TIMESTAMP(6)", "DATE");
    }

    #[test]
    fn timestamps_with_and_without_a_zone_mix_by_order_in_case() {
        check(TypeKind::timestamp(3), TypeKind::timestamp_ltz(3), "TIMESTAMP(3)", "TIMESTAMP_LTZ(3)");
        check(TypeKind::timestamp_ltz(3), TypeKind::timestamp(3), "TIMESTAMP_LTZ(3)", "TIMESTAMP_LTZ(3)");
        check(TypeKind::timestamp(6), TypeKind::timestamp_ltz(3), "TIMESTAMP_LTZ(6)", "TIMESTAMP_LTZ(6)");
        check(TypeKind::timestamp_ltz(3), TypeKind::timestamp(6), "TIMESTAMP(6)", "TIMESTAMP_LTZ(6)");
    }
}
