//! Types: `DECIMAL(10, 2) NOT NULL`, `ROW<a INT, b STRING>`, `TIMESTAMP(3) WITH LOCAL TIME ZONE`.
//!
//! Bounds are Flink's: precision of DECIMAL 1 to 38, of times 0 to 9; lengths at least 1. In CAST a DECIMAL or timestamp of more is one
//! of the most. A TIME is one of whole seconds, as Flink's planner makes of each, also inside other types.

use irmak_common::types::{DayTime, Field, LogicalType, MAX_LENGTH, TypeKind, YearMonth};

use crate::error::{Code, PlanError, Planned};
use crate::token::Cursor;

const TYPE_NAMES: [&str; 24] = [
    "CHAR",
    "VARCHAR",
    "STRING",
    "BOOLEAN",
    "BINARY",
    "VARBINARY",
    "BYTES",
    "DECIMAL",
    "NUMERIC",
    "TINYINT",
    "SMALLINT",
    "INT",
    "INTEGER",
    "BIGINT",
    "FLOAT",
    "DOUBLE",
    "DATE",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMP_LTZ",
    "ARRAY",
    "MAP",
    "MULTISET",
    "ROW",
];

/// Reads a type with its nullability, and `ARRAY` and `MULTISET` behind it.
pub(crate) fn data_type(cursor: &mut Cursor) -> Planned<LogicalType> {
    cast_target(cursor).map(LogicalType::settled)
}

/// The same for CAST, whose operand says whether the result may be NULL: it is to be [`LogicalType::settled`] then.
pub(crate) fn cast_target(cursor: &mut Cursor) -> Planned<LogicalType> {
    cursor.nested(|cursor| {
        let mut kind = base(cursor)?;
        let mut ty = nullability(cursor, kind)?;
        loop {
            kind = if cursor.eat(&["ARRAY"]) {
                TypeKind::Array(Box::new(ty.settled()))
            } else if cursor.eat(&["MULTISET"]) {
                TypeKind::Multiset(Box::new(ty.settled()))
            } else {
                return Ok(ty);
            };
            ty = nullability(cursor, kind)?;
        }
    })
}

fn nullability(cursor: &mut Cursor, kind: TypeKind) -> Planned<LogicalType> {
    if cursor.eat(&["NOT"]) {
        cursor.expect_words(&["NULL"])?;
        return Ok(kind.not_null());
    }
    cursor.eat(&["NULL"]);
    Ok(kind.nullable())
}

fn base(cursor: &mut Cursor) -> Planned<TypeKind> {
    let name = cursor.word("a type")?;
    Ok(match name.text.to_ascii_uppercase().as_str() {
        "STRING" => TypeKind::STRING,
        "BYTES" => TypeKind::BYTES,
        "BOOLEAN" => TypeKind::Boolean,
        "TINYINT" => TypeKind::TinyInt,
        "SMALLINT" => TypeKind::SmallInt,
        "INT" | "INTEGER" => TypeKind::Int,
        "BIGINT" => TypeKind::BigInt,
        "FLOAT" => TypeKind::Float,
        "DOUBLE" => {
            cursor.eat(&["PRECISION"]);
            TypeKind::Double
        }
        "DATE" => TypeKind::Date,
        "CHAR" | "CHARACTER" if cursor.eat(&["VARYING"]) => TypeKind::Varchar(length(cursor)?),
        "CHAR" | "CHARACTER" => TypeKind::Char(length(cursor)?),
        "VARCHAR" => TypeKind::Varchar(length(cursor)?),
        "BINARY" if cursor.eat(&["VARYING"]) => TypeKind::Varbinary(length(cursor)?),
        "BINARY" => TypeKind::Binary(length(cursor)?),
        "VARBINARY" => TypeKind::Varbinary(length(cursor)?),
        "DECIMAL" | "DEC" | "NUMERIC" => decimal(cursor)?,
        "TIME" => {
            // It has no fraction, whatever is written.
            precision(cursor, 0)?;
            without_zone(cursor)?;
            TypeKind::Time(0)
        }
        "TIMESTAMP" => timestamp(cursor)?,
        "TIMESTAMP_LTZ" => TypeKind::timestamp_ltz(precision(cursor, 6)?),
        "ARRAY" => TypeKind::Array(Box::new(only_parameter(cursor)?)),
        "MULTISET" => TypeKind::Multiset(Box::new(only_parameter(cursor)?)),
        "MAP" => {
            cursor.expect_symbol("<")?;
            let key = data_type(cursor)?;
            cursor.expect_symbol(",")?;
            let value = data_type(cursor)?;
            close(cursor)?;
            TypeKind::Map(Box::new(key), Box::new(value))
        }
        "ROW" => row(cursor)?,
        "INTERVAL" => interval(cursor)?,
        "NULL" => TypeKind::Null,
        _ => {
            let error = PlanError::new(Code::UnknownType, format!("`{}` is not a type", name.text)).at(name.span);
            let error = match crate::advice::type_name(&name.text) {
                Some(meant) => error.label(format!("did you mean `{meant}`?")),
                None => error.suggest(&name.text, TYPE_NAMES),
            };
            return Err(error.note(format!("types: {}", TYPE_NAMES.join(", "))));
        }
    })
}

fn length(cursor: &mut Cursor) -> Planned<u32> {
    if !cursor.eat_symbol("(") {
        return Ok(1);
    }
    let span = cursor.span();
    let length: u32 = cursor.number("a length")?;
    if length == 0 || length > MAX_LENGTH {
        return Err(PlanError::new(Code::UnknownType, format!("a length is between 1 and {MAX_LENGTH}")).at(span));
    }
    cursor.expect_symbol(")")?;
    Ok(length)
}

fn precision(cursor: &mut Cursor, default: u8) -> Planned<u8> {
    if !cursor.eat_symbol("(") {
        return Ok(default);
    }
    let span = cursor.span();
    let written: u8 = cursor.number("a precision from 0 to 9")?;
    // Only timestamps are clamped, and their default is 6.
    let precision = if cursor.clamps && default > 0 { written.min(9) } else { written };
    if precision > 9 {
        return Err(PlanError::new(Code::UnknownType, "the precision of a time is between 0 and 9").at(span));
    }
    cursor.expect_symbol(")")?;
    Ok(precision)
}

fn decimal(cursor: &mut Cursor) -> Planned<TypeKind> {
    let (mut precision, mut scale) = (10u8, 0u8);
    if cursor.eat_symbol("(") {
        let span = cursor.span();
        precision = cursor.number("a precision from 1 to 38")?;
        if cursor.clamps {
            precision = precision.min(38);
        }
        if cursor.eat_symbol(",") {
            scale = cursor.number("a scale from 0 to the precision")?;
        }
        if precision == 0 || precision > 38 || scale > precision {
            let message = "the precision of a DECIMAL is between 1 and 38, its scale between 0 and the precision";
            return Err(PlanError::new(Code::UnknownType, message).at(span.to(cursor.last_span())));
        }
        cursor.expect_symbol(")")?;
    }
    Ok(TypeKind::Decimal { precision, scale })
}

fn without_zone(cursor: &mut Cursor) -> Planned<()> {
    if cursor.eat(&["WITHOUT"]) {
        cursor.expect_words(&["TIME", "ZONE"])?;
    }
    Ok(())
}

fn timestamp(cursor: &mut Cursor) -> Planned<TypeKind> {
    let precision = precision(cursor, 6)?;
    if cursor.at_words(&["WITH"]) {
        let span = cursor.span();
        cursor.next();
        if cursor.eat(&["LOCAL", "TIME", "ZONE"]) {
            return Ok(TypeKind::timestamp_ltz(precision));
        }
        return Err(PlanError::new(Code::Unsupported, "TIMESTAMP WITH TIME ZONE is not supported, as in Flink")
            .at(span)
            .label("use TIMESTAMP_LTZ"));
    }
    without_zone(cursor)?;
    Ok(TypeKind::timestamp(precision))
}

fn only_parameter(cursor: &mut Cursor) -> Planned<LogicalType> {
    cursor.expect_symbol("<")?;
    let ty = data_type(cursor)?;
    close(cursor)?;
    Ok(ty)
}

fn close(cursor: &mut Cursor) -> Planned<()> {
    cursor.expect_symbol(">")
}

fn row(cursor: &mut Cursor) -> Planned<TypeKind> {
    let end = if cursor.eat_symbol("(") {
        ")"
    } else {
        cursor.expect_symbol("<")?;
        ">"
    };
    let mut fields = Vec::new();
    if !cursor.at_symbol(end) {
        fields = cursor.list(|cursor| {
            let name = cursor.name("a field's name")?;
            let ty = data_type(cursor)?;
            if matches!(cursor.peek().kind, crate::token::TokenKind::String(_)) {
                cursor.next();
            }
            Ok(Field::new(name.text, ty))
        })?;
    }
    cursor.expect_symbol(end)?;
    Ok(TypeKind::Row(fields))
}

fn interval(cursor: &mut Cursor) -> Planned<TypeKind> {
    let unit = super::literal::unit(cursor)?;
    if cursor.eat_symbol("(") {
        cursor.number::<u8>("a precision")?;
        cursor.expect_symbol(")")?;
    }
    if cursor.eat(&["TO"]) {
        super::literal::unit(cursor)?;
        if cursor.eat_symbol("(") {
            cursor.number::<u8>("a precision")?;
            cursor.expect_symbol(")")?;
        }
    }
    Ok(if unit <= crate::ast::Unit::Month { interval_months() } else { interval_millis() })
}

/// Whether a value of the type is an interval or has one inside: CAST makes such values, columns of tables are none.
pub(super) fn holds_interval(kind: &TypeKind) -> bool {
    match kind {
        TypeKind::IntervalYearMonth { .. } | TypeKind::IntervalDayTime { .. } => true,
        TypeKind::Array(item) | TypeKind::Multiset(item) => holds_interval(&item.kind),
        TypeKind::Map(key, value) => holds_interval(&key.kind) || holds_interval(&value.kind),
        TypeKind::Row(fields) => fields.iter().any(|field| holds_interval(&field.ty.kind)),
        _ => false,
    }
}

/// The one type that Flink gives all year-month intervals.
pub(crate) fn interval_months() -> TypeKind {
    TypeKind::IntervalYearMonth { unit: YearMonth::Month, precision: 2 }
}

/// The one type that Flink gives all day-time intervals.
pub(crate) fn interval_millis() -> TypeKind {
    TypeKind::IntervalDayTime { unit: DayTime::Second, day_precision: 2, fraction: 3 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::tokenize;

    #[test]
    fn a_time_has_no_fraction_wherever_it_stands() {
        for (text, expected) in [
            ("TIME(3)", "TIME(0)"),
            ("TIME(6) NOT NULL", "TIME(0) NOT NULL"),
            ("ARRAY<TIME(3)>", "ARRAY<TIME(0)>"),
            ("MAP<TIME(9), ROW<t TIME(3)>>", "MAP<TIME(0), ROW<`t` TIME(0)>>"),
        ] {
            let mut cursor = Cursor::new(tokenize(text).unwrap());
            assert_eq!(data_type(&mut cursor).unwrap().to_string(), expected, "{text}");
        }
    }
}
