//! Functions of dates, times and timestamps.
//!
//! A TIMESTAMP_LTZ is looked at in the session's zone. Calendar units before 1970 start from a date that is rounded towards zero,
//! as Flink's integer division has it: `EXTRACT(DAY FROM TIMESTAMP '1969-12-31 23:59:59.999')` is 1.

mod convert;
mod difference;
mod extract;
mod fields;
mod floor;
mod format;
mod jdbc;
mod legacy;
mod lower;
mod now;
mod pattern;

pub(crate) use lower::lower;

use irmak_common::types::TypeKind;

use crate::column::{Column, View, internal};
use crate::error::{EvalError, FunctionError};
use crate::function::{Call, Function};
use crate::zone::Zone;
use arrow::array::{ArrayRef, AsArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Date32Type, Time32MillisecondType, TimestampMillisecondType};
use std::sync::Arc;

pub(crate) const FUNCTIONS: &[&[Function]] =
    &[convert::FUNCTIONS, difference::FUNCTIONS, extract::FUNCTIONS, floor::FUNCTIONS, lower::FUNCTIONS, now::FUNCTIONS];

/// Milliseconds of a day.
pub(crate) const DAY: i64 = 86_400_000;

/// How an operand becomes a wall clock in milliseconds.
#[derive(Clone)]
struct Clock {
    /// Of a TIMESTAMP_LTZ: the session's.
    zone: Option<Zone>,
}

impl Clock {
    fn of(call: &Call<'_>, at: usize) -> Result<Self, FunctionError> {
        let zoned = matches!(call.arg(at)?.kind, TypeKind::TimestampLtz { .. });
        Ok(Self { zone: if zoned { Some(Zone::parse(&call.env.zone)?) } else { None } })
    }

    /// Dates at midnight, times on 1970-01-01.
    fn local(&self, column: &Column) -> Result<View<TimestampMillisecondArray>, EvalError> {
        let millis = |array: &ArrayRef| -> Result<ArrayRef, EvalError> {
            Ok(match (array.data_type(), &self.zone) {
                (DataType::Date32, _) => {
                    Arc::new(array.as_primitive::<Date32Type>().unary::<_, TimestampMillisecondType>(|days| i64::from(days) * DAY))
                }
                (DataType::Time32(_), _) => {
                    Arc::new(array.as_primitive::<Time32MillisecondType>().unary::<_, TimestampMillisecondType>(i64::from))
                }
                (DataType::Timestamp(..), None) => array.clone(),
                (DataType::Timestamp(..), Some(zone)) => {
                    let instants = Column::Rows(array.clone()).millis()?.into_array();
                    Arc::new(instants.unary::<_, TimestampMillisecondType>(|instant| zone.to_local_millis(instant)))
                }
                (other, _) => return Err(internal(format!("Arrow type {other} where a time was planned"))),
            })
        };
        column.map(millis)?.millis()
    }
}
