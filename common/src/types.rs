//! Flink's logical types: what SQL says of a column, with precision, nullability and time attribute; and the Arrow type that
//! holds its values here.
//!
//! Prints as Flink's `asSummaryString` does (`DECIMAL(10, 2) NOT NULL`, `TIMESTAMP(3) *ROWTIME*`). Source: Flink 1.20,
//! `org.apache.flink.table.types.logical`. Knows nothing of coercion: which types mix is `functions`' matter.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field as ArrowField, Fields, Schema as ArrowSchema, SchemaRef, TimeUnit};
use serde::{Deserialize, Serialize};

use crate::map;

/// The length of `STRING` and `BYTES`: as long as it gets.
pub const MAX_LENGTH: u32 = i32::MAX as u32;

/// Whether a timestamp column drives time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TimeAttribute {
    /// An ordinary timestamp.
    #[default]
    None,
    /// Event time: the column that a watermark is declared on.
    Rowtime,
    /// Processing time: `PROCTIME()`.
    Proctime,
}

/// The fields of a year-month interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum YearMonth {
    /// `INTERVAL YEAR`
    Year,
    /// `INTERVAL YEAR TO MONTH`
    YearToMonth,
    /// `INTERVAL MONTH`
    Month,
}

/// The fields of a day-time interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[allow(missing_docs)]
pub enum DayTime {
    Day,
    DayToHour,
    DayToMinute,
    DayToSecond,
    Hour,
    HourToMinute,
    HourToSecond,
    Minute,
    MinuteToSecond,
    Second,
}

/// A type without its nullability.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TypeKind {
    /// `CHAR(n)`: n code points, padded.
    Char(u32),
    /// `VARCHAR(n)`; `STRING` at [`MAX_LENGTH`].
    Varchar(u32),
    /// `BOOLEAN`
    Boolean,
    /// `BINARY(n)`
    Binary(u32),
    /// `VARBINARY(n)`; `BYTES` at [`MAX_LENGTH`].
    Varbinary(u32),
    /// `DECIMAL(p, s)`: p in `1..=38`, s in `0..=p`.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
    },
    /// 8 bits
    TinyInt,
    /// 16 bits
    SmallInt,
    /// 32 bits
    Int,
    /// 64 bits
    BigInt,
    /// 32-bit IEEE 754
    Float,
    /// 64-bit IEEE 754
    Double,
    /// `DATE`: days since the epoch.
    Date,
    /// `TIME(p)`: milliseconds of the day, whatever p says, as in Flink.
    Time(u8),
    /// `TIMESTAMP(p)`: without zone.
    Timestamp {
        /// Digits of the fraction of a second, `0..=9`.
        precision: u8,
        /// Its role.
        attribute: TimeAttribute,
    },
    /// `TIMESTAMP_LTZ(p)`: an instant, shown in the session's zone.
    TimestampLtz {
        /// Digits of the fraction of a second, `0..=9`.
        precision: u8,
        /// Its role.
        attribute: TimeAttribute,
    },
    /// Months.
    IntervalYearMonth {
        /// Which fields.
        unit: YearMonth,
        /// Digits of the years, `1..=4`.
        precision: u8,
    },
    /// Milliseconds.
    IntervalDayTime {
        /// Which fields.
        unit: DayTime,
        /// Digits of the days, `1..=6`.
        day_precision: u8,
        /// Digits of the fraction of a second, `0..=9`.
        fraction: u8,
    },
    /// `ARRAY<t>`
    Array(Box<LogicalType>),
    /// `MAP<k, v>`
    Map(Box<LogicalType>, Box<LogicalType>),
    /// `MULTISET<t>`: element to count.
    Multiset(Box<LogicalType>),
    /// `ROW<name type, ...>`
    Row(Vec<Field>),
    /// The type of an untyped `NULL`.
    Null,
    /// A type that SQL sees and nobody can store: symbols such as `DAY` in `EXTRACT(DAY FROM d)`.
    Symbol,
}

/// A type with its nullability.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LogicalType {
    /// What values there are.
    pub kind: TypeKind,
    /// Whether NULL is one of them.
    pub nullable: bool,
}

/// A named type: a column, or a field of a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Field {
    /// The name as declared, case kept.
    pub name: String,
    /// Its type.
    pub ty: LogicalType,
}

impl Field {
    /// A field of this name and type.
    pub fn new(name: impl Into<String>, ty: LogicalType) -> Self {
        Self { name: name.into(), ty }
    }
}

/// The columns of a table or of an operator's output, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema {
    /// Name and type of each column.
    pub fields: Vec<Field>,
}

impl Schema {
    /// A schema of these columns.
    pub fn new(fields: Vec<Field>) -> Self {
        Self { fields }
    }

    /// Columns that may all be NULL.
    pub fn nullable(columns: &[(&str, TypeKind)]) -> Self {
        Self::new(columns.iter().map(|(name, kind)| Field::new(*name, kind.clone().nullable())).collect())
    }

    /// How many columns.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there is no column.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// The first column of exactly this name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The Arrow schema of a batch with these columns.
    pub fn to_arrow(&self) -> SchemaRef {
        Arc::new(ArrowSchema::new(self.fields.iter().map(arrow_field).collect::<Vec<_>>()))
    }
}

fn arrow_field(field: &Field) -> ArrowField {
    // Nullable always: NOT NULL is the planner's promise; a reader checks it where rows come in, and says which row broke it.
    ArrowField::new(&field.name, field.ty.kind.to_arrow(), true)
}

impl TypeKind {
    /// `STRING`
    pub const STRING: Self = Self::Varchar(MAX_LENGTH);
    /// `BYTES`
    pub const BYTES: Self = Self::Varbinary(MAX_LENGTH);

    /// This kind, NULL allowed.
    pub fn nullable(self) -> LogicalType {
        LogicalType { kind: self, nullable: true }
    }

    /// This kind, NULL not allowed.
    pub fn not_null(self) -> LogicalType {
        LogicalType { kind: self, nullable: false }
    }

    /// An ordinary timestamp of this precision.
    pub fn timestamp(precision: u8) -> Self {
        Self::Timestamp { precision, attribute: TimeAttribute::None }
    }

    /// An ordinary instant of this precision.
    pub fn timestamp_ltz(precision: u8) -> Self {
        Self::TimestampLtz { precision, attribute: TimeAttribute::None }
    }

    /// The time attribute of a timestamp, `None` for every other type.
    pub fn time_attribute(&self) -> TimeAttribute {
        match self {
            Self::Timestamp { attribute, .. } | Self::TimestampLtz { attribute, .. } => *attribute,
            _ => TimeAttribute::None,
        }
    }

    /// The Arrow type that holds values of this type. Timestamps: milliseconds up to precision 3, microseconds up to 6,
    /// nanoseconds above, so that the common case (event time) is the unit that windows compute in, and years 1 to 9999 fit the
    /// default precision 6. Both timestamp types are stored without an Arrow zone; the logical type says which is meant.
    pub fn to_arrow(&self) -> DataType {
        match self {
            Self::Char(_) | Self::Varchar(_) | Self::Symbol => DataType::Utf8,
            Self::Boolean => DataType::Boolean,
            Self::Binary(_) | Self::Varbinary(_) => DataType::Binary,
            Self::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale as i8),
            Self::TinyInt => DataType::Int8,
            Self::SmallInt => DataType::Int16,
            Self::Int => DataType::Int32,
            Self::BigInt => DataType::Int64,
            Self::Float => DataType::Float32,
            Self::Double => DataType::Float64,
            Self::Date => DataType::Date32,
            Self::Time(_) => DataType::Time32(TimeUnit::Millisecond),
            Self::Timestamp { precision, .. } | Self::TimestampLtz { precision, .. } => {
                DataType::Timestamp(timestamp_unit(*precision), None)
            }
            Self::IntervalYearMonth { .. } => DataType::Int32,
            Self::IntervalDayTime { .. } => DataType::Int64,
            Self::Array(element) => DataType::List(Arc::new(ArrowField::new("item", element.kind.to_arrow(), true))),
            Self::Map(key, value) => map::data_type(key.kind.to_arrow(), value.kind.to_arrow()),
            Self::Multiset(element) => map::data_type(element.kind.to_arrow(), DataType::Int32),
            Self::Row(fields) => DataType::Struct(fields.iter().map(arrow_field).collect::<Fields>()),
            Self::Null => DataType::Null,
        }
    }
}

/// The Arrow unit that timestamps of a precision are stored in: see [`TypeKind::to_arrow`].
pub fn timestamp_unit(precision: u8) -> TimeUnit {
    match precision {
        0..=3 => TimeUnit::Millisecond,
        4..=6 => TimeUnit::Microsecond,
        _ => TimeUnit::Nanosecond,
    }
}

impl LogicalType {
    /// The same type with this nullability.
    pub fn with_nullable(&self, nullable: bool) -> Self {
        Self { kind: self.kind.clone(), nullable }
    }

    /// The type as declared: a ROW that may be NULL has fields that all may, whatever was written. Source: Calcite's `copyRecordType`.
    pub fn settled(self) -> Self {
        match self.kind {
            TypeKind::Row(fields) if self.nullable => {
                let fields = fields.into_iter().map(|field| Field::new(field.name, field.ty.with_nullable(true).settled()));
                TypeKind::Row(fields.collect()).nullable()
            }
            kind => Self { kind, nullable: self.nullable },
        }
    }
}

impl fmt::Display for LogicalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        // Flink prints the attribute in the place of the nullability for nullable types and behind it for others.
        if !self.nullable {
            f.write_str(" NOT NULL")?;
        }
        match self.kind.time_attribute() {
            TimeAttribute::None => Ok(()),
            TimeAttribute::Rowtime => f.write_str(" *ROWTIME*"),
            TimeAttribute::Proctime => f.write_str(" *PROCTIME*"),
        }
    }
}

impl fmt::Display for TypeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Char(n) => write!(f, "CHAR({n})"),
            Self::Varchar(MAX_LENGTH) => f.write_str("STRING"),
            Self::Varchar(n) => write!(f, "VARCHAR({n})"),
            Self::Boolean => f.write_str("BOOLEAN"),
            Self::Binary(n) => write!(f, "BINARY({n})"),
            Self::Varbinary(MAX_LENGTH) => f.write_str("BYTES"),
            Self::Varbinary(n) => write!(f, "VARBINARY({n})"),
            Self::Decimal { precision, scale } => write!(f, "DECIMAL({precision}, {scale})"),
            Self::TinyInt => f.write_str("TINYINT"),
            Self::SmallInt => f.write_str("SMALLINT"),
            Self::Int => f.write_str("INT"),
            Self::BigInt => f.write_str("BIGINT"),
            Self::Float => f.write_str("FLOAT"),
            Self::Double => f.write_str("DOUBLE"),
            Self::Date => f.write_str("DATE"),
            Self::Time(p) => write!(f, "TIME({p})"),
            Self::Timestamp { precision, .. } => write!(f, "TIMESTAMP({precision})"),
            Self::TimestampLtz { precision, .. } => write!(f, "TIMESTAMP_LTZ({precision})"),
            Self::IntervalYearMonth { unit, precision } => match unit {
                YearMonth::Year => write!(f, "INTERVAL YEAR({precision})"),
                YearMonth::YearToMonth => write!(f, "INTERVAL YEAR({precision}) TO MONTH"),
                YearMonth::Month => f.write_str("INTERVAL MONTH"),
            },
            Self::IntervalDayTime { unit, day_precision: d, fraction: s } => match unit {
                DayTime::Day => write!(f, "INTERVAL DAY({d})"),
                DayTime::DayToHour => write!(f, "INTERVAL DAY({d}) TO HOUR"),
                DayTime::DayToMinute => write!(f, "INTERVAL DAY({d}) TO MINUTE"),
                DayTime::DayToSecond => write!(f, "INTERVAL DAY({d}) TO SECOND({s})"),
                DayTime::Hour => f.write_str("INTERVAL HOUR"),
                DayTime::HourToMinute => f.write_str("INTERVAL HOUR TO MINUTE"),
                DayTime::HourToSecond => write!(f, "INTERVAL HOUR TO SECOND({s})"),
                DayTime::Minute => f.write_str("INTERVAL MINUTE"),
                DayTime::MinuteToSecond => write!(f, "INTERVAL MINUTE TO SECOND({s})"),
                DayTime::Second => write!(f, "INTERVAL SECOND({s})"),
            },
            Self::Array(element) => write!(f, "ARRAY<{element}>"),
            Self::Map(key, value) => write!(f, "MAP<{key}, {value}>"),
            Self::Multiset(element) => write!(f, "MULTISET<{element}>"),
            Self::Row(fields) => {
                f.write_str("ROW<")?;
                for (i, field) in fields.iter().enumerate() {
                    write!(f, "{}`{}` {}", if i == 0 { "" } else { ", " }, field.name, field.ty)?;
                }
                f.write_str(">")
            }
            Self::Null => f.write_str("NULL"),
            Self::Symbol => f.write_str("SYMBOL"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_print_as_flink_prints_them() {
        let rowtime = TypeKind::Timestamp { precision: 3, attribute: TimeAttribute::Rowtime };
        for (ty, text) in [
            (TypeKind::STRING.nullable(), "STRING"),
            (TypeKind::Decimal { precision: 10, scale: 2 }.not_null(), "DECIMAL(10, 2) NOT NULL"),
            (rowtime.nullable(), "TIMESTAMP(3) *ROWTIME*"),
            (TypeKind::Array(Box::new(TypeKind::Int.not_null())).nullable(), "ARRAY<INT NOT NULL>"),
            (TypeKind::Row(vec![Field::new("a", TypeKind::Int.nullable())]).nullable(), "ROW<`a` INT>"),
        ] {
            assert_eq!(ty.to_string(), text);
        }
    }
}
