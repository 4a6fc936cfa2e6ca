//! How Flink's types mix: common types, DECIMAL's precision rules, and which casts there are.
//!
//! Source: Flink 1.20, `LogicalTypeMerging`, `LogicalTypeCasts`; Calcite's `leastRestrictive`.

use irmak_common::types::{DayTime, Field, LogicalType, MAX_LENGTH, TimeAttribute, TypeKind, YearMonth};

/// Digits that a DECIMAL has at most.
pub(crate) const DECIMAL_DIGITS_MAX: u8 = 38;

/// Digits behind the point that an adjustment leaves.
const DECIMAL_SCALE_KEPT: i32 = 6;

/// INTERVAL SECOND(3), as Flink prints every day-time interval.
pub(crate) const INTERVAL_SECOND: TypeKind = TypeKind::IntervalDayTime { unit: DayTime::Second, day_precision: 2, fraction: 3 };

/// INTERVAL MONTH, as Flink prints every year-month interval.
pub(crate) const INTERVAL_MONTH: TypeKind = TypeKind::IntervalYearMonth { unit: YearMonth::Month, precision: 2 };

/// Questions that signatures ask of types.
pub(crate) trait KindExt {
    /// TINYINT to BIGINT.
    fn is_integer(&self) -> bool;
    /// Integers, DECIMAL, FLOAT, DOUBLE.
    fn is_numeric(&self) -> bool;
    /// FLOAT, DOUBLE.
    fn is_approximate(&self) -> bool;
    /// CHAR, VARCHAR.
    fn is_text(&self) -> bool;
    /// BINARY, VARBINARY.
    fn is_bytes(&self) -> bool;
    /// TIMESTAMP, TIMESTAMP_LTZ.
    fn is_timestamp(&self) -> bool;
    /// Either interval.
    fn is_interval(&self) -> bool;
    /// Precision and scale of an exact number seen as DECIMAL.
    fn decimal(&self) -> Option<(u8, u8)>;
}

impl KindExt for TypeKind {
    fn is_integer(&self) -> bool {
        matches!(self, Self::TinyInt | Self::SmallInt | Self::Int | Self::BigInt)
    }

    fn is_numeric(&self) -> bool {
        self.is_integer() || self.is_approximate() || matches!(self, Self::Decimal { .. })
    }

    fn is_approximate(&self) -> bool {
        matches!(self, Self::Float | Self::Double)
    }

    fn is_text(&self) -> bool {
        matches!(self, Self::Char(_) | Self::Varchar(_))
    }

    fn is_bytes(&self) -> bool {
        matches!(self, Self::Binary(_) | Self::Varbinary(_))
    }

    fn is_timestamp(&self) -> bool {
        matches!(self, Self::Timestamp { .. } | Self::TimestampLtz { .. })
    }

    fn is_interval(&self) -> bool {
        matches!(self, Self::IntervalYearMonth { .. } | Self::IntervalDayTime { .. })
    }

    fn decimal(&self) -> Option<(u8, u8)> {
        match self {
            Self::TinyInt => Some((3, 0)),
            Self::SmallInt => Some((5, 0)),
            Self::Int => Some((10, 0)),
            Self::BigInt => Some((19, 0)),
            Self::Decimal { precision, scale } => Some((*precision, *scale)),
            _ => None,
        }
    }
}

/// DECIMAL(precision, scale) within 38 digits: digits before the point go first, at least 6 behind it are kept.
pub(crate) fn adjusted_decimal(precision: i32, scale: i32) -> TypeKind {
    let max = i32::from(DECIMAL_DIGITS_MAX);
    if precision <= max {
        return TypeKind::Decimal { precision: precision.max(1) as u8, scale: scale as u8 };
    }
    let kept = (max - (precision - scale)).max(scale.min(DECIMAL_SCALE_KEPT));
    TypeKind::Decimal { precision: DECIMAL_DIGITS_MAX, scale: kept as u8 }
}

/// The type that values of all these types become in one column (CASE, UNION, VALUES, `ARRAY[...]`); `None`: they do not mix. What
/// functions merge their arguments into is [`merged_type`](crate::merge::merged_type).
pub fn common_type(types: &[&LogicalType]) -> Option<LogicalType> {
    fold(types, common_kind)
}

/// The one kind of all types, two at a time; NULL takes part in nullability only.
pub(crate) fn fold(types: &[&LogicalType], merge: fn(&TypeKind, &TypeKind) -> Option<TypeKind>) -> Option<LogicalType> {
    let nullable = types.iter().any(|ty| ty.nullable);
    let mut kinds = types.iter().map(|ty| &ty.kind).filter(|kind| !matches!(kind, TypeKind::Null));
    let Some(first) = kinds.next() else {
        return types.first().map(|_| TypeKind::Null.nullable());
    };
    let kind = kinds.try_fold(first.clone(), |merged, kind| merge(&merged, kind))?;
    Some(LogicalType { kind, nullable })
}

pub(crate) fn common_kind(left: &TypeKind, right: &TypeKind) -> Option<TypeKind> {
    use TypeKind as K;
    if left == right {
        return Some(left.clone());
    }
    if left.is_numeric() && right.is_numeric() {
        return Some(common_number(left, right));
    }
    Some(match (left, right) {
        (K::Null, other) | (other, K::Null) => other.clone(),
        (K::Char(a) | K::Varchar(a), K::Char(b) | K::Varchar(b)) => K::Varchar(*a.max(b)),
        (K::Binary(a) | K::Varbinary(a), K::Binary(b) | K::Varbinary(b)) => K::Varbinary(*a.max(b)),
        (K::Timestamp { precision: a, .. }, K::Timestamp { precision: b, .. }) => K::timestamp(*a.max(b)),
        (K::TimestampLtz { precision: a, .. }, K::TimestampLtz { precision: b, .. }) => K::timestamp_ltz(*a.max(b)),
        // With and without a zone: the first wins, but that of another precision, the last.
        (K::Timestamp { precision: a, .. }, K::TimestampLtz { precision: b, .. }) if a == b => K::timestamp(*a),
        (K::TimestampLtz { precision: a, .. }, K::Timestamp { precision: b, .. }) if a == b => K::timestamp_ltz(*a),
        (K::Timestamp { precision: a, .. }, K::TimestampLtz { precision: b, .. }) => K::timestamp_ltz(*a.max(b)),
        (K::TimestampLtz { precision: a, .. }, K::Timestamp { precision: b, .. }) => K::timestamp(*a.max(b)),
        (K::Date, K::Timestamp { precision, .. }) | (K::Timestamp { precision, .. }, K::Date) => K::timestamp(*precision),
        (K::Time(a), K::Time(b)) => K::Time(*a.max(b)),
        (K::IntervalDayTime { .. }, K::IntervalDayTime { .. }) => INTERVAL_SECOND,
        (K::IntervalYearMonth { .. }, K::IntervalYearMonth { .. }) => INTERVAL_MONTH,
        (K::Array(a), K::Array(b)) => K::Array(Box::new(common_type(&[a, b])?)),
        (K::Multiset(a), K::Multiset(b)) => K::Multiset(Box::new(common_type(&[a, b])?)),
        (K::Map(ak, av), K::Map(bk, bv)) => K::Map(Box::new(common_type(&[ak, bk])?), Box::new(common_type(&[av, bv])?)),
        (K::Row(a), K::Row(b)) if a.len() == b.len() => {
            let field = |(a, b): (&Field, &Field)| Some(Field::new(a.name.clone(), common_type(&[&a.ty, &b.ty])?));
            K::Row(a.iter().zip(b).map(field).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// The common type of two numbers. FLOAT and DOUBLE: the first wins, as in Calcite, which sees no difference in precision.
pub(crate) fn common_number(left: &TypeKind, right: &TypeKind) -> TypeKind {
    match (left.decimal(), right.decimal()) {
        (None, None) => left.clone(),
        (None, Some(_)) if matches!(right, TypeKind::Decimal { .. }) => TypeKind::Double,
        (Some(_), None) if matches!(left, TypeKind::Decimal { .. }) => TypeKind::Double,
        (None, Some(_)) => left.clone(),
        (Some(_), None) => right.clone(),
        (Some((p1, s1)), Some((p2, s2))) if matches!(left, TypeKind::Decimal { .. }) || matches!(right, TypeKind::Decimal { .. }) => {
            let scale = i32::from(s1.max(s2));
            let whole = i32::from((p1 - s1).max(p2 - s2));
            let max = i32::from(DECIMAL_DIGITS_MAX);
            TypeKind::Decimal { precision: (whole + scale).min(max) as u8, scale: scale.min(max - whole.min(max)) as u8 }
        }
        (Some((p1, _)), Some((p2, _))) => {
            if p1 >= p2 {
                left.clone()
            } else {
                right.clone()
            }
        }
    }
}

/// Whether `CAST(from AS to)` is allowed.
pub fn castable(from: &LogicalType, to: &LogicalType) -> bool {
    use TypeKind as K;
    match (&from.kind, &to.kind) {
        (a, b) if a == b => true,
        (K::Null, _) => true,
        (K::Symbol, _) | (_, K::Symbol) => false,
        (_, K::Char(_) | K::Varchar(_)) => true,
        (a, K::Boolean) => a.is_text() || a.is_numeric(),
        (a, b) if b.is_bytes() => a.is_text() || a.is_bytes(),
        (K::IntervalYearMonth { .. }, K::Int | K::BigInt) | (K::IntervalDayTime { .. }, K::BigInt) => true,
        (K::Int | K::BigInt | K::SmallInt | K::TinyInt, K::IntervalYearMonth { .. } | K::IntervalDayTime { .. }) => true,
        (a, b) if b.is_numeric() => a.is_numeric() || a.is_text() || matches!(a, K::Boolean),
        (a, K::Date) => a.is_text() || a.is_timestamp(),
        (a, K::Time(_)) => a.is_text() || a.is_timestamp() || matches!(a, K::Time(_)),
        (a, b) if b.is_timestamp() => a.is_text() || a.is_timestamp() || matches!(a, K::Date | K::Time(_)),
        (K::IntervalYearMonth { .. }, K::IntervalYearMonth { .. }) | (K::IntervalDayTime { .. }, K::IntervalDayTime { .. }) => true,
        (K::Array(a), K::Array(b)) | (K::Multiset(a), K::Multiset(b)) => castable(a, b),
        (K::Map(ak, av), K::Map(bk, bv)) => castable(ak, bk) && castable(av, bv),
        (K::Row(a), K::Row(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| castable(&a.ty, &b.ty)),
        _ => false,
    }
}

/// Whether `from` becomes `to` unasked, as in INSERT.
pub fn implicitly_castable(from: &LogicalType, to: &LogicalType) -> bool {
    use TypeKind as K;
    match (&from.kind, &to.kind) {
        (a, b) if a == b => true,
        (K::Null, _) => true,
        (a, b) if a.is_text() && b.is_text() => true,
        (a, b) if a.is_bytes() && b.is_bytes() => true,
        (a, K::Decimal { .. } | K::Double) => a.is_numeric(),
        (a, K::Float) => a.is_numeric() && !matches!(a, K::Double),
        (a, b) if a.is_integer() && b.is_integer() => a.decimal() <= b.decimal(),
        (K::Timestamp { .. }, K::Date) => true,
        (K::Timestamp { .. } | K::Time(_), K::Time(_)) => true,
        (a, b) if a.is_timestamp() && b.is_timestamp() => true,
        (K::IntervalYearMonth { .. }, K::IntervalYearMonth { .. }) | (K::IntervalDayTime { .. }, K::IntervalDayTime { .. }) => true,
        (K::Array(a), K::Array(b)) | (K::Multiset(a), K::Multiset(b)) => implicitly_castable(a, b),
        (K::Map(ak, av), K::Map(bk, bv)) => implicitly_castable(ak, bk) && implicitly_castable(av, bv),
        (K::Row(a), K::Row(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| implicitly_castable(&a.ty, &b.ty)),
        _ => false,
    }
}

/// The same type without its role as a time attribute.
pub(crate) fn plain(kind: &TypeKind) -> TypeKind {
    match kind {
        TypeKind::Timestamp { precision, .. } => TypeKind::timestamp(*precision),
        TypeKind::TimestampLtz { precision, .. } => TypeKind::timestamp_ltz(*precision),
        other => other.clone(),
    }
}

/// The length of a text after another: STRING swallows everything.
pub(crate) fn joined_length(left: u32, right: u32) -> u32 {
    left.saturating_add(right).min(MAX_LENGTH)
}

/// Whether two kinds hold the same values: time attributes do not count.
pub(crate) fn same_values(left: &TypeKind, right: &TypeKind) -> bool {
    let bare = |kind: &TypeKind| match kind.time_attribute() {
        TimeAttribute::None => kind.clone(),
        _ => plain(kind),
    };
    bare(left) == bare(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(precision: u8, scale: u8) -> TypeKind {
        TypeKind::Decimal { precision, scale }
    }

    #[test]
    fn types_mix_as_flink_mixes_them() {
        for (left, right, common) in [
            (TypeKind::Int, TypeKind::BigInt, Some(TypeKind::BigInt)),
            (TypeKind::Int, decimal(2, 1), Some(decimal(11, 1))),
            (decimal(38, 0), decimal(38, 38), Some(decimal(38, 0))),
            (TypeKind::Float, decimal(2, 1), Some(TypeKind::Double)),
            (TypeKind::Float, TypeKind::Int, Some(TypeKind::Float)),
            (TypeKind::Float, TypeKind::Double, Some(TypeKind::Float)),
            (TypeKind::Char(1), TypeKind::Char(3), Some(TypeKind::Varchar(3))),
            (TypeKind::Char(3), TypeKind::Char(3), Some(TypeKind::Char(3))),
            (TypeKind::timestamp(0), TypeKind::timestamp(3), Some(TypeKind::timestamp(3))),
            (TypeKind::Int, TypeKind::STRING, None),
            (TypeKind::Null, TypeKind::Date, Some(TypeKind::Date)),
        ] {
            assert_eq!(common_type(&[&left.not_null(), &right.not_null()]), common.map(TypeKind::not_null));
        }
        assert!(common_type(&[&TypeKind::Int.not_null(), &TypeKind::Int.nullable()]).is_some_and(|ty| ty.nullable));
    }

    #[test]
    fn wide_decimals_keep_six_digits_behind_the_point() {
        for (precision, scale, adjusted) in
            [(12, 1, decimal(12, 1)), (49, 11, decimal(38, 6)), (48, 37, decimal(38, 27)), (77, 0, decimal(38, 0))]
        {
            assert_eq!(adjusted_decimal(precision, scale), adjusted);
        }
    }

    #[test]
    fn casts_are_those_that_flink_allows() {
        let cast = |from: &TypeKind, to: &TypeKind| castable(&from.clone().nullable(), &to.clone().nullable());
        for to in [TypeKind::Date, TypeKind::timestamp(3), TypeKind::timestamp_ltz(3)] {
            assert!(!cast(&TypeKind::Int, &to) && !cast(&to, &TypeKind::BigInt), "{to}");
            assert!(cast(&TypeKind::STRING, &to) && cast(&to, &TypeKind::STRING), "{to}");
        }
        let implicit = |from: &TypeKind, to: &TypeKind| implicitly_castable(&from.clone().nullable(), &to.clone().nullable());
        assert!(implicit(&TypeKind::Int, &TypeKind::BigInt) && !implicit(&TypeKind::BigInt, &TypeKind::Int));
        assert!(implicit(&TypeKind::timestamp(3), &TypeKind::timestamp(6)) && !implicit(&TypeKind::Int, &TypeKind::STRING));
        assert!(implicit(&TypeKind::Double, &decimal(5, 2)) && !implicit(&TypeKind::Double, &TypeKind::Float));
    }
}
