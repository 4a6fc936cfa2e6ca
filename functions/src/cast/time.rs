//! Casts among DATE, TIME, TIMESTAMP and TIMESTAMP_LTZ.
//!
//! TIMESTAMP to DATE and TIME divides as Java does, towards zero, so a moment before 1970 rounds up: that is Flink's answer.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Int64Type, Time32MillisecondType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType,
};
use irmak_common::text::Instant;
use irmak_common::types::{TypeKind, timestamp_unit};

use super::driver::primitive_to_primitive;
use super::{Context, Convert};
use crate::column::{arrow_error, internal};
use crate::error::EvalError;
use crate::types::KindExt;

const DAY_MILLIS: i64 = 86_400_000;

pub(super) fn convert(from: &TypeKind, to: &TypeKind, context: &Context) -> Convert {
    let (from, to, context) = (from.clone(), to.clone(), context.clone());
    Arc::new(move |array| {
        let (zoned_from, zoned_to) = (matches!(from, TypeKind::TimestampLtz { .. }), matches!(to, TypeKind::TimestampLtz { .. }));
        if let (TypeKind::Time(_), TypeKind::Time(_)) = (&from, &to) {
            return Ok(array.clone());
        }
        // Milliseconds-only and no zone: the same values, or whole digits cut.
        let precision = |kind: &TypeKind| match kind {
            TypeKind::Timestamp { precision, .. } | TypeKind::TimestampLtz { precision, .. } => *precision,
            _ => 3,
        };
        let (fine, coarse) = (precision(&from), precision(&to));
        if from.is_timestamp()
            && to.is_timestamp()
            && zoned_from == zoned_to
            && timestamp_unit(fine) == timestamp_unit(coarse)
            && coarse >= fine
        {
            return Ok(array.clone());
        }
        let shift = move |context: &Context, at: Instant| match (zoned_from, zoned_to) {
            (true, false) => Instant { seconds: at.seconds + context.zone.offset_at(at.seconds), ..at },
            (false, true) => Instant { seconds: at.seconds - context.zone.offset_of_local(at.seconds), ..at },
            _ => at,
        };
        let stored = stored(array)?;
        let instant = |value: i64| match &from {
            TypeKind::Date => Instant { seconds: value * 86_400, nanos: 0 },
            TypeKind::Time(_) => Instant::from_millis(value),
            _ => Instant::from_stored(value, fine),
        };
        let moved = |value: i64| shift(&context, instant(value));
        match &to {
            TypeKind::Date => values::<Date32Type>(&stored, &context, |value| Ok((moved(value).to_millis() / DAY_MILLIS) as i32)),
            TypeKind::Time(_) => {
                values::<Time32MillisecondType>(&stored, &context, |value| Ok((moved(value).to_millis() % DAY_MILLIS) as i32))
            }
            _ => {
                let to_stored = |value: i64| {
                    let beyond = || format!("a time is beyond the years 1677 to 2262 that {to} holds");
                    moved(value).to_stored(coarse).ok_or_else(beyond)
                };
                match timestamp_unit(coarse) {
                    TimeUnit::Microsecond => values::<TimestampMicrosecondType>(&stored, &context, to_stored),
                    TimeUnit::Nanosecond => values::<TimestampNanosecondType>(&stored, &context, to_stored),
                    _ => values::<TimestampMillisecondType>(&stored, &context, to_stored),
                }
            }
        }
    })
}

/// The stored numbers, as 64 bits.
fn stored(array: &ArrayRef) -> Result<ArrayRef, EvalError> {
    match array.data_type() {
        DataType::Date32 | DataType::Time32(_) => {
            let ints = cast(array, &DataType::Int32).map_err(arrow_error)?;
            cast(&ints, &DataType::Int64).map_err(arrow_error)
        }
        DataType::Timestamp(..) => cast(array, &DataType::Int64).map_err(arrow_error),
        other => Err(internal(format!("Arrow type {other} where a time was planned"))),
    }
}

fn values<O: ArrowPrimitiveType>(
    stored: &ArrayRef,
    context: &Context,
    convert: impl Fn(i64) -> Result<O::Native, String>,
) -> Result<ArrayRef, EvalError> {
    debug_assert!(stored.as_primitive_opt::<Int64Type>().is_some());
    primitive_to_primitive::<Int64Type, O>(stored, context, |value| convert(value).map(Some))
}
