//! One column's values: a number that counts, or one that looks like chance; nested ones are made of the values of their parts.
//!
//! Source of the options and their defaults: Flink 1.20's `DataGenConnectorOptions` and `RandomGeneratorVisitor`. Chance is
//! SplitMix64 (Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators", 2014) over seed and row number. Parts have options of
//! their own: `fields.<row>.<field>.*`, `fields.<array or multiset>.element.*`, `fields.<map>.key.*` and `.value.*`.

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
/// Elements of a made-up array, map or multiset, unless said otherwise, and at most.
const ELEMENTS: usize = 3;
const ELEMENTS_MAX: usize = 1 << 10;
/// How often an element of a made-up multiset is in it.
const TIMES: Kind = Kind::Whole { min: 1, max: 10 };

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
    /// Unscaled, both ends in it.
    Decimal {
        min: i128,
        max: i128,
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
    Row(Vec<FieldGenerator>),
    Array {
        length: usize,
        element: Box<FieldGenerator>,
    },
    /// Maps, and multisets as maps to numbers. An element that comes twice is there once.
    Map {
        length: usize,
        key: Box<FieldGenerator>,
        value: Box<FieldGenerator>,
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
        let sequence = options.one_of(&format!("fields.{}.kind", field.name), &[("random", false), ("sequence", true)], false)?;
        if sequence {
            Self::with(options, &field.name, Kind::sequence(options, field)?)
        } else {
            Self::random(options, &field.name, &field.ty.kind)
        }
    }

    /// Values by chance of a column, or of a part of one: `name` is the way to it, with points between.
    fn random(options: &Options<'_>, name: &str, kind: &TypeKind) -> Result<Self, ConnectorError> {
        Self::with(options, name, Kind::random(options, name, kind)?)
    }

    fn with(options: &Options<'_>, name: &str, kind: Kind) -> Result<Self, ConnectorError> {
        let null_rate = options.parsed::<f64>(&format!("fields.{name}.null-rate"), "a share between 0 and 1")?.unwrap_or(0.0);
        let seed = options.parsed::<u64>(&format!("fields.{name}.seed"), "a whole number")?;
        Ok(Self { kind, seed: seed.unwrap_or_else(|| xxh3_64(name.as_bytes())), null_rate })
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
            Kind::Decimal { min, max } => {
                let value = (u128::from(bits) << 64 | u128::from(mix(self.seed, row, 2))) % (max.abs_diff(*min) + 1);
                if let Values::Decimal { values, .. } = &mut column.values {
                    values.push(min + value as i128);
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
            Kind::Row(parts) => {
                if let Values::Row { columns, .. } = &mut column.values {
                    parts.iter().zip(columns).for_each(|(part, column)| part.push(column, row, now));
                }
            }
            Kind::Array { length, element } => {
                if let Values::List { offsets, item, .. } = &mut column.values {
                    numbers(row, *length).for_each(|number| element.push(item, number, now));
                    offsets.push(item.len() as i32);
                }
            }
            Kind::Map { length, key, value } => push_map(column, numbers(row, *length), key, value, now),
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

    fn random(options: &Options<'_>, path: &str, kind: &TypeKind) -> Result<Self, ConnectorError> {
        let key = |name: &str| format!("fields.{path}.{name}");
        // Each part has options of its own, under its name.
        let part = |name: &str, kind: &TypeKind| FieldGenerator::random(options, &format!("{path}.{name}"), kind);
        let length = || length_of(options, path, ELEMENTS, ELEMENTS_MAX);
        match kind {
            TypeKind::TinyInt => Self::whole(options, path, i8::MIN.into(), i8::MAX.into()),
            TypeKind::SmallInt => Self::whole(options, path, i16::MIN.into(), i16::MAX.into()),
            TypeKind::Int | TypeKind::IntervalYearMonth { .. } => Self::whole(options, path, i32::MIN.into(), i32::MAX.into()),
            TypeKind::BigInt | TypeKind::IntervalDayTime { .. } => Self::whole(options, path, i64::MIN, i64::MAX),
            TypeKind::Float => Self::real(options, path, f32::MAX.into()),
            TypeKind::Double => Self::real(options, path, f64::MAX),
            TypeKind::Decimal { precision, scale } => Self::decimal(options, path, u32::from(*precision), u32::from(*scale)),
            TypeKind::Char(length) | TypeKind::Binary(length) => Ok(Self::Text { length: *length as usize, varies: false }),
            TypeKind::Varchar(_) | TypeKind::Varbinary(_) => {
                let length = length_of(options, path, LENGTH, LENGTH_MAX)?;
                Ok(Self::Text { length, varies: options.bool(&key("var-len"), false)? })
            }
            TypeKind::Boolean => Ok(Self::Boolean),
            TypeKind::Date | TypeKind::Time(_) | TypeKind::Timestamp { .. } | TypeKind::TimestampLtz { .. } => {
                let max_past = options.duration(&key("max-past"))?.unwrap_or_default();
                Ok(Self::Time { max_past: i64::try_from(max_past.as_millis()).unwrap_or(i64::MAX) })
            }
            TypeKind::Row(fields) => {
                let parts = fields.iter().map(|field| part(&field.name, &field.ty.kind));
                Ok(Self::Row(parts.collect::<Result<_, _>>()?))
            }
            TypeKind::Array(element) => Ok(Self::Array { length: length()?, element: part("element", &element.kind)?.into() }),
            TypeKind::Map(of, to) => {
                Ok(Self::Map { length: length()?, key: part("key", &of.kind)?.into(), value: part("value", &to.kind)?.into() })
            }
            TypeKind::Multiset(element) => {
                let times = FieldGenerator { kind: TIMES, seed: xxh3_64(path.as_bytes()), null_rate: 0.0 };
                Ok(Self::Map { length: length()?, key: part("element", &element.kind)?.into(), value: times.into() })
            }
            TypeKind::Null | TypeKind::Symbol => {
                Err(options.unsupported(format!("made-up values of type {kind} for column `{path}`"), "give the column another type"))
            }
        }
    }

    /// From the least to the largest that the type holds, or as the options say.
    fn whole(options: &Options<'_>, path: &str, lowest: i64, highest: i64) -> Result<Self, ConnectorError> {
        let key = |name: &str| format!("fields.{path}.{name}");
        let min = options.parsed::<i64>(&key("min"), "a whole number")?.unwrap_or(lowest);
        let max = options.parsed::<i64>(&key("max"), "a whole number")?.unwrap_or(highest);
        if min > max || min < lowest || max > highest {
            return Err(options.bad(&key("max"), &max.to_string(), &format!("a number from {min} to {highest}")));
        }
        Ok(Self::Whole { min, max })
    }

    /// From 0 to the largest that the type holds, or as the options say.
    fn real(options: &Options<'_>, path: &str, highest: f64) -> Result<Self, ConnectorError> {
        let bound = |name: &str| options.parsed::<f64>(&format!("fields.{path}.{name}"), "a number");
        Ok(Self::Real { min: bound("min")?.unwrap_or(0.0), max: bound("max")?.unwrap_or(highest) })
    }

    /// From 0 to the largest that the type holds, or as the options say.
    fn decimal(options: &Options<'_>, path: &str, precision: u32, scale: u32) -> Result<Self, ConnectorError> {
        let most = 10i128.pow(precision) - 1;
        let bound = |name: &str, otherwise: i128| {
            let key = format!("fields.{path}.{name}");
            let number = options.parsed::<f64>(&key, "a number")?;
            Ok(number.map_or(otherwise, |number| ((number * 10f64.powi(scale as i32)).round() as i128).clamp(-most, most)))
        };
        let (min, max) = (bound("min", 0)?, bound("max", most)?);
        if min > max {
            let key = format!("fields.{path}.max");
            return Err(options.bad(&key, options.get(&key).unwrap_or_default(), "a number that is not below the smallest one"));
        }
        Ok(Self::Decimal { min, max })
    }
}

/// The option `length` of a column or a part of one.
fn length_of(options: &Options<'_>, path: &str, otherwise: usize, most: usize) -> Result<usize, ConnectorError> {
    let key = format!("fields.{path}.length");
    let length = options.parsed::<usize>(&key, "a whole number")?.unwrap_or(otherwise);
    if length > most {
        return Err(options.bad(&key, &length.to_string(), &format!("a number up to {most}")));
    }
    Ok(length)
}

/// Numbers of the elements of a row's collection: no two elements of a table have the same.
fn numbers(row: u64, length: usize) -> impl Iterator<Item = u64> {
    (0..length as u64).map(move |index| row.wrapping_mul(length as u64).wrapping_add(index))
}

fn push_map(column: &mut Column, numbers: impl Iterator<Item = u64>, key: &FieldGenerator, value: &FieldGenerator, now: Millis) {
    let Values::Map { offsets, keys, values, .. } = &mut column.values else { return };
    let first = keys.len();
    for number in numbers {
        let last = keys.len();
        key.push(keys, number, now);
        if (first..last).any(|earlier| keys.same(earlier, last)) {
            keys.truncate(last);
        } else {
            value.push(values, number, now);
        }
    }
    offsets.push(keys.len() as i32);
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
