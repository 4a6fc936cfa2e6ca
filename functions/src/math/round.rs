//! ROUND, TRUNCATE, CEIL and FLOOR of numbers. Of times, CEIL and FLOOR are `time::floor`.
//!
//! Where the digits are no constant, ROUND of a DECIMAL keeps the argument's type. Flink then writes the rounded number's own
//! unscaled value under that type's scale (`ROUND(123.45, -2)` prints 1.00); that is a fault, and here it is 100.00.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{ArrowPrimitiveType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};
use irmak_common::types::{LogicalType, TypeKind};

use crate::arithmetic::decimal_array;
use crate::column::{Column, View, build_numbers};
use crate::decimal::{self, Form};
use crate::error::{EvalError, FunctionError};
use crate::function::{Call, Function, Kernel, kernel};
use crate::signature::{Arg, Signature, any_nullable, refuse};
use crate::types::KindExt;

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::total("ROUND", signature, |call| digits(call, Mode::HalfUp)),
    Function::total("TRUNCATE", signature, |call| digits(call, Mode::Down)),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    HalfUp,
    Down,
}

fn signature(args: &[Arg<'_>]) -> Signature {
    let (number, places) = match args {
        [number] => (number, Some(0)),
        [number, places] if places.kind().is_integer() => (number, places.int()),
        _ => return refuse("(<NUMERIC>) or (<NUMERIC>, <INTEGER>)"),
    };
    let kind = match number.kind() {
        TypeKind::Decimal { precision, scale } => places.map_or(number.kind().clone(), |places| rounded_type(*precision, *scale, places)),
        kind if kind.is_numeric() => kind.clone(),
        _ => return refuse("(<NUMERIC>) or (<NUMERIC>, <INTEGER>)"),
    };
    let casts = args.iter().enumerate().map(|(at, arg)| if at == 1 { arg.cast(TypeKind::Int) } else { arg.ty.clone() }).collect();
    Ok((casts, LogicalType { kind, nullable: any_nullable(args) }))
}

/// Rounding may carry, so there is one digit more before the point.
fn rounded_type(precision: u8, scale: u8, places: i64) -> TypeKind {
    match places {
        places if places >= i64::from(scale) => TypeKind::Decimal { precision, scale },
        places if places < 0 => TypeKind::Decimal { precision: (1 + precision - scale).min(38), scale: 0 },
        places => TypeKind::Decimal { precision: 1 + precision - scale + places as u8, scale: places as u8 },
    }
}

fn digits(call: &Call<'_>, mode: Mode) -> Result<Kernel, FunctionError> {
    match (&call.arg(0)?.kind, &call.ty.kind) {
        (TypeKind::TinyInt, _) => integers::<Int8Type>(mode, |value| value as i8),
        (TypeKind::SmallInt, _) => integers::<Int16Type>(mode, |value| value as i16),
        (TypeKind::Int, _) => integers::<Int32Type>(mode, |value| value as i32),
        (TypeKind::BigInt, _) => integers::<Int64Type>(mode, |value| value as i64),
        (TypeKind::Float, _) => floats::<Float32Type>(mode, |value| value as f32),
        (TypeKind::Double, _) => floats::<Float64Type>(mode, |value| value),
        (TypeKind::Decimal { scale: from, .. }, TypeKind::Decimal { precision, scale }) => {
            let (from, form) = (*from, Form { precision: *precision, scale: *scale });
            kernel(move |args, scope| {
                let (values, places) = (args[0].numbers::<Decimal128Type>()?, Places::of(args)?);
                let round = |row| {
                    let (value, places) = values.get(row).zip(places.get(row))?;
                    let rounded = rounded(value, i32::from(from), places, mode);
                    decimal::rescale(rounded, from, form.precision, form.scale)
                };
                decimal_array(form, (0..scope.rows).map(round))
            })
        }
        (other, _) => Err(call.wrong(format!("{other} is no number"))),
    }
}

/// How many digits behind the point stay, a row; 0 where nobody says.
struct Places(Option<View<arrow::array::Int32Array>>);

impl Places {
    fn of(args: &[Column]) -> Result<Self, EvalError> {
        Ok(Self(args.get(1).map(Column::ints).transpose()?))
    }

    fn get(&self, row: usize) -> Option<i32> {
        self.0.as_ref().map_or(Some(0), |places| places.get(row))
    }
}

/// An unscaled value of this scale, rounded to so many digits behind the point, in the same scale.
fn rounded(value: i128, scale: i32, places: i32, mode: Mode) -> i128 {
    if places >= scale {
        return value;
    }
    let Some(unit) = u32::try_from(scale.saturating_sub(places)).ok().and_then(decimal::power_of_ten) else { return 0 };
    let quotient = if mode == Mode::Down { value / unit } else { decimal::divide_half_up(value, unit) };
    quotient.saturating_mul(unit)
}

fn integers<T: ArrowPrimitiveType>(mode: Mode, narrow: fn(i128) -> T::Native) -> Result<Kernel, FunctionError>
where
    i128: From<T::Native>,
{
    kernel(move |args, scope| {
        let (values, places) = (args[0].numbers::<T>()?, Places::of(args)?);
        build_numbers::<T>(scope.rows, |row| {
            Ok(values.get(row).zip(places.get(row)).map(|(value, places)| narrow(rounded(value.into(), 0, places, mode))))
        })
    })
}

fn floats<T: ArrowPrimitiveType>(mode: Mode, narrow: fn(f64) -> T::Native) -> Result<Kernel, FunctionError>
where
    f64: From<T::Native>,
{
    kernel(move |args, scope| {
        let (values, places) = (args[0].numbers::<T>()?, Places::of(args)?);
        build_numbers::<T>(scope.rows, |row| {
            Ok(values.get(row).zip(places.get(row)).map(|(value, places)| narrow(round_float(value.into(), places, mode))))
        })
    })
}

/// Rounds the decimal that the number prints as: 1.005 is rounded up, though it is a little less.
fn round_float(value: f64, places: i32, mode: Mode) -> f64 {
    if !value.is_finite() {
        return value;
    }
    if value == 0.0 {
        // What is rounded is a decimal: it has no minus before zero.
        return 0.0;
    }
    let mut text = String::new();
    irmak_common::text::write_double(&mut text, value);
    let places = places.clamp(-400, 400);
    decimal::parse(&text).map_or(value, |number| number.rounded_text(places, mode == Mode::HalfUp).parse().unwrap_or(value))
}

/// The kernel of CEIL and FLOOR of a number.
pub(crate) fn to_integer(call: &Call<'_>, up: bool) -> Result<Kernel, FunctionError> {
    let step: fn(f64) -> f64 = if up { f64::ceil } else { f64::floor };
    match (&call.arg(0)?.kind, &call.ty.kind) {
        (kind, _) if kind.is_integer() => kernel(|args, _| Ok(args[0].array().clone())),
        (TypeKind::Float, _) => kernel(move |args, _| {
            Ok(Arc::new(args[0].numbers::<Float32Type>()?.into_array().unary::<_, Float32Type>(|x| step(x.into()) as f32)) as ArrayRef)
        }),
        (TypeKind::Double, _) => {
            kernel(move |args, _| Ok(Arc::new(args[0].numbers::<Float64Type>()?.into_array().unary::<_, Float64Type>(step)) as ArrayRef))
        }
        (TypeKind::Decimal { scale, .. }, TypeKind::Decimal { precision, .. }) => {
            let (form, unit) = (Form { precision: *precision, scale: 0 }, decimal::power_of_ten(u32::from(*scale)).unwrap_or(1));
            kernel(move |args, scope| {
                let values = args[0].numbers::<Decimal128Type>()?;
                let whole = |value: i128| if up { -(-value).div_euclid(unit) } else { value.div_euclid(unit) };
                decimal_array(
                    form,
                    (0..scope.rows).map(|row| values.get(row).and_then(|value| decimal::within(whole(value), form.precision))),
                )
            })
        }
        (other, _) => Err(call.wrong(format!("{other} is no number"))),
    }
}

#[cfg(test)]
mod tests {
    use crate::tests::{call, check, decimal, double, int};

    #[test]
    fn numbers_are_rounded_half_up_as_they_print() {
        for (input, places, output) in [
            (decimal(25, 2, 1), None, "3"),
            (decimal(-25, 2, 1), None, "-3"),
            (decimal(2_567, 4, 3), Some(2), "2.57"),
            (decimal(1_005, 4, 3), Some(2), "1.01"),
            (decimal(1_234_567, 7, 3), Some(-1), "1230"),
            (decimal(24, 2, 1), Some(5), "2.4"),
            (decimal(999, 3, 2), Some(1), "10.0"),
            (double(2.5), None, "3.0"),
            (double(-0.0), Some(1), "0.0"),
            (double(-2.5), None, "-3.0"),
            (double(1.005), Some(2), "1.01"),
            (double(12_345.0), Some(-2), "12300.0"),
            (int(12_350), Some(-2), "12400"),
            (int(-12_350), Some(-2), "-12400"),
        ] {
            let mut args = vec![input];
            args.extend(places.map(int));
            check("ROUND", &args, Some(output));
        }
        for (input, places, output) in [
            (decimal(2_567, 4, 3), 2, "2.56"),
            (decimal(-2_567, 4, 3), 1, "-2.5"),
            (int(42_345), -3, "42000"),
            (double(42.324), 2, "42.32"),
        ] {
            check("TRUNCATE", &[input, int(places)], Some(output));
        }
        assert_eq!(call("ROUND", &[decimal(12_345, 10, 2), int(1)]).unwrap().ty.to_string(), "DECIMAL(10, 1) NOT NULL");
        assert_eq!(call("ROUND", &[decimal(12_345, 10, 2)]).unwrap().ty.to_string(), "DECIMAL(9, 0) NOT NULL");
    }

    #[test]
    fn ceilings_and_floors_are_whole() {
        check("CEIL", &[decimal(21, 2, 1)], Some("3"));
        check("CEIL", &[decimal(-21, 2, 1)], Some("-2"));
        check("FLOOR", &[decimal(-21, 2, 1)], Some("-3"));
        check("CEILING", &[double(2.1)], Some("3.0"));
        check("FLOOR", &[int(5)], Some("5"));
        assert_eq!(call("FLOOR", &[decimal(12_345, 10, 2)]).unwrap().ty.to_string(), "DECIMAL(10, 0) NOT NULL");
    }
}
