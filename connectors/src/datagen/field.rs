//! One column's values: a number that counts, or one that looks like chance.
//!
//! Source of the options and their defaults: Flink 1.20's `DataGenConnectorOptions` and `RandomGeneratorVisitor`. Chance is
//! SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014) over seed and row number.

use arrow::datatypes::TimeUnit;
use irmak_common::time::Millis;
use irmak_common::types::{Field, TypeKind};
use xxhash_rust::xxh3::xxh3_64;

use crate::error::ConnectorError;
use crate::format::column::{Column, Values};
use crate::format::time::Moment;
use crate::options::Options;

/// Characters of a made-up text, and bytes of made-up bytes, unless said otherwise.
const LENGTH: usize = 100;
const LENGTH_MAX: usize = 1 << 20;

/// Makes a column's values.
pub(super) struct FieldGenerator {
    kind: Kind,
    seed: u64,
    null_rate: f64,
}

enum Kind {
    /// `start`, `start + 1`, ... `end`.
    Sequence {
        start: i64,
        end: i64,
    },
    Whole {
        min: i64,
        max: i64,
    },
    Real {
        min: f64,
        max: f64,
    },
    Decimal {
        digits: u32,
    },
    Text {
        length: usize,
        varies: bool,
    },
    Boolean,
    /// Now, or up to so many milliseconds earlier.
    Time {
        max_past: i64,
    },
}

fn mix(seed: u64, row: u64, salt: u64) -> u64 {
    let mut z = seed.wrapping_add(row.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(salt.wrapping_mul(0xd1b5_4a32_d192_ed03));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// In `0.0..1.0`.
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

impl FieldGenerator {
    pub(super) fn read(options: &Options<'_>, field: &Field) -> Result<Self, ConnectorError> {
        let key = |name: &str| format!("fields.{}.{name}", field.name);
        let sequence = options.one_of(&key("kind"), &[("random", false), ("sequence", true)], false)?;
        let null_rate = options.parsed::<f64>(&key("null-rate"), "a share between 0 and 1")?.unwrap_or(0.0);
        let seed = options.parsed::<u64>(&key("seed"), "a whole number")?;
        Ok(Self {
            kind: if sequence { Kind::sequence(options, field)? } else { Kind::random(options, field)? },
            seed: seed.unwrap_or_else(|| xxh3_64(field.name.as_bytes())),
            null_rate,
        })
    }

    /// Rows after which a sequence has ended.
    pub(super) fn rows_max(&self) -> Option<u64> {
        match self.kind {
            Kind::Sequence { start, end } => Some(u64::try_from(i128::from(end) - i128::from(start) + 1).unwrap_or(u64::MAX)),
            _ => None,
        }
    }

    /// Appends the value of a row of the whole table.
    #[inline]
    pub(super) fn push(&self, column: &mut Column, row: u64, now: Millis) {
        if self.null_rate > 0.0 && unit(mix(self.seed, row, 1)) < self.null_rate {
            return column.push_null();
        }
        let bits = mix(self.seed, row, 0);
        match &self.kind {
            Kind::Sequence { start, .. } => push_whole(column, start.wrapping_add(row as i64)),
            Kind::Whole { min, max } => {
                let span = (i128::from(*max) - i128::from(*min) + 1) as u128;
                push_whole(column, (i128::from(*min) + ((u128::from(bits) * span) >> 64) as i128) as i64);
            }
            Kind::Real { min, max } => push_real(column, min + (max - min) * unit(bits)),
            Kind::Decimal { digits } => {
                let value = (u128::from(bits) << 64 | u128::from(mix(self.seed, row, 2))) % 10u128.pow(*digits);
                if let Values::Decimal { values, .. } = &mut column.values {
                    values.push(value as i128);
                }
            }
            Kind::Text { length, varies } => {
                let length = if *varies { (unit(mix(self.seed, row, 3)) * (*length as f64 + 1.0)) as usize } else { *length };
                self.push_text(column, row, length);
            }
            Kind::Boolean => {
                if let Values::Boolean(values) = &mut column.values {
                    values.append(bits & 1 == 1);
                }
            }
            Kind::Time { max_past } => push_time(column, now - (unit(bits) * *max_past as f64) as i64),
        }
        column.present();
    }

    /// Hexadecimal digits for texts, any bytes for bytes.
    fn push_text(&self, column: &mut Column, row: u64, length: usize) {
        let (Values::Text(bytes) | Values::Binary(bytes)) = &mut column.values else { return };
        let end = bytes.bytes.len() + length;
        let mut salt = 4;
        while bytes.bytes.len() < end {
            let digits = format!("{:016x}", mix(self.seed, row, salt));
            let missing = end - bytes.bytes.len();
            bytes.bytes.extend_from_slice(&digits.as_bytes()[..missing.min(16)]);
            salt += 1;
        }
        bytes.end_value();
    }
}

impl Kind {
    fn sequence(options: &Options<'_>, field: &Field) -> Result<Self, ConnectorError> {
        let number = |name: &str| {
            let key = format!("fields.{}.{name}", field.name);
            options.required(&key, "the first or last number of the sequence")?;
            options.parsed::<i64>(&key, "a whole number").map(Option::unwrap_or_default)
        };
        let (start, end) = (number("start")?, number("end")?);
        let counts = matches!(
            field.ty.kind,
            TypeKind::TinyInt | TypeKind::SmallInt | TypeKind::Int | TypeKind::BigInt | TypeKind::Float | TypeKind::Double
        );
        if !counts && !matches!(field.ty.kind, TypeKind::Char(_) | TypeKind::Varchar(_) | TypeKind::Decimal { .. }) {
            let what = format!("a sequence of type {} for column `{}`", field.ty.kind, field.name);
            return Err(options.unsupported(what, "sequences are of numbers or text"));
        }
        if end < start {
            return Err(options.bad(&format!("fields.{}.end", field.name), &end.to_string(), &format!("a number from {start} on")));
        }
        Ok(Self::Sequence { start, end })
    }

    fn random(options: &Options<'_>, field: &Field) -> Result<Self, ConnectorError> {
        let key = |name: &str| format!("fields.{}.{name}", field.name);
        let whole = |lowest: i64, highest: i64| {
            let min = options.parsed::<i64>(&key("min"), "a whole number")?.unwrap_or(lowest);
            let max = options.parsed::<i64>(&key("max"), "a whole number")?.unwrap_or(highest);
            if min > max || min < lowest || max > highest {
                return Err(options.bad(&key("max"), &max.to_string(), &format!("a number from {min} to {highest}")));
            }
            Ok(Self::Whole { min, max })
        };
        let real = |highest: f64| {
            let min = options.parsed::<f64>(&key("min"), "a number")?.unwrap_or(0.0);
            let max = options.parsed::<f64>(&key("max"), "a number")?.unwrap_or(highest);
            Ok(Self::Real { min, max })
        };
        match &field.ty.kind {
            TypeKind::TinyInt => whole(i8::MIN.into(), i8::MAX.into()),
            TypeKind::SmallInt => whole(i16::MIN.into(), i16::MAX.into()),
            TypeKind::Int | TypeKind::IntervalYearMonth { .. } => whole(i32::MIN.into(), i32::MAX.into()),
            TypeKind::BigInt | TypeKind::IntervalDayTime { .. } => whole(i64::MIN, i64::MAX),
            TypeKind::Float => real(f32::MAX.into()),
            TypeKind::Double => real(f64::MAX),
            TypeKind::Decimal { precision, .. } => Ok(Self::Decimal { digits: u32::from(*precision) }),
            TypeKind::Char(length) | TypeKind::Binary(length) => Ok(Self::Text { length: *length as usize, varies: false }),
            TypeKind::Varchar(_) | TypeKind::Varbinary(_) => {
                let length = options.parsed::<usize>(&key("length"), "a whole number")?.unwrap_or(LENGTH);
                if length > LENGTH_MAX {
                    return Err(options.bad(&key("length"), &length.to_string(), &format!("a number up to {LENGTH_MAX}")));
                }
                Ok(Self::Text { length, varies: options.bool(&key("var-len"), false)? })
            }
            TypeKind::Boolean => Ok(Self::Boolean),
            TypeKind::Date | TypeKind::Time(_) | TypeKind::Timestamp { .. } | TypeKind::TimestampLtz { .. } => {
                let max_past = options.duration(&key("max-past"))?.unwrap_or_default();
                Ok(Self::Time { max_past: i64::try_from(max_past.as_millis()).unwrap_or(i64::MAX) })
            }
            other => {
                let what = format!("made-up values of type {other} for column `{}`", field.name);
                Err(options.unsupported(what, "use columns of plain types and put them together in a query"))
            }
        }
    }
}

fn push_whole(column: &mut Column, value: i64) {
    match &mut column.values {
        Values::Int8(values) => values.push(value as i8),
        Values::Int16(values) => values.push(value as i16),
        Values::Int32(values) => values.push(value as i32),
        Values::Int64(values) => values.push(value),
        Values::Float32(values) => values.push(value as f32),
        Values::Float64(values) => values.push(value as f64),
        Values::Decimal { values, scale, .. } => values.push(i128::from(value) * 10i128.pow(u32::from(*scale).min(19))),
        Values::Text(bytes) => {
            bytes.bytes.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            bytes.end_value();
        }
        _ => {}
    }
}

fn push_real(column: &mut Column, value: f64) {
    match &mut column.values {
        Values::Float32(values) => values.push(value as f32),
        Values::Float64(values) => values.push(value),
        _ => {}
    }
}

fn push_time(column: &mut Column, millis: Millis) {
    let moment = Moment::from_unit(millis, TimeUnit::Millisecond);
    match &mut column.values {
        Values::Date(values) => values.push(moment.days as i32),
        Values::Time(values) => values.push((moment.nanos / 1_000_000) as i32),
        // Nanoseconds reach to 2262.
        Values::Timestamp { values, unit, .. } => values.push(moment.in_unit(*unit).unwrap_or(i64::MAX)),
        _ => {}
    }
}
