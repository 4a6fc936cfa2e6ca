//! Functions of numbers: logarithms, powers, trigonometry, ABS and SIGN, random numbers; ROUND, TRUNCATE, CEIL and FLOOR in `round`.

mod hyperbolic;
mod random;
pub(crate) mod round;

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use arrow::datatypes::{ArrowPrimitiveType, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type};
use irmak_common::types::{LogicalType, TypeKind};

use crate::arithmetic::decimal_array;
use crate::column::{Column, build_numbers};
use crate::decimal::Form;
use crate::error::FunctionError;
use crate::function::{Call, Function, Kernel, kernel};
use crate::signature::{Arg, Signature, Want, any_nullable, refuse, strict, uncast};
use crate::types::KindExt;

pub(crate) const FUNCTIONS: &[&[Function]] = &[OWN, round::FUNCTIONS, random::FUNCTIONS];

const OWN: &[Function] = &[
    one("EXP", |_| unary(f64::exp)),
    one("LN", |_| unary(f64::ln)),
    one("LOG10", |_| unary(f64::log10)),
    // A quotient of natural logarithms, as Flink computes it.
    one("LOG2", |_| unary(|x| x.ln() / 2_f64.ln())),
    Function::total(
        "LOG",
        |args| strict(args, &[Want::Double, Want::Double][..args.len().clamp(1, 2)], 0, TypeKind::Double),
        |call| {
            if call.args.len() == 1 { unary(f64::ln) } else { binary(|base, x| x.ln() / base.ln()) }
        },
    ),
    Function::total("POWER", two, |_| binary(f64::powf)),
    // A power of 0.5 there: no minus before zero.
    one("SQRT", |_| unary(|value| if value == 0.0 { 0.0 } else { value.sqrt() })),
    one("SIN", |_| unary(f64::sin)),
    one("COS", |_| unary(f64::cos)),
    one("TAN", |_| unary(f64::tan)),
    one("COT", |_| unary(|x| 1.0 / x.tan())),
    one("ASIN", |_| unary(libm::asin)),
    one("ACOS", |_| unary(libm::acos)),
    one("ATAN", |_| unary(libm::atan)),
    Function::total("ATAN2", two, |_| binary(libm::atan2)),
    one("SINH", |_| unary(hyperbolic::sinh)),
    one("COSH", |_| unary(hyperbolic::cosh)),
    one("TANH", |_| unary(hyperbolic::tanh)),
    one("DEGREES", |_| unary(f64::to_degrees)),
    one("RADIANS", |_| unary(f64::to_radians)),
    Function::total("PI", |args| strict(args, &[], 0, TypeKind::Double), |_| constant(std::f64::consts::PI)),
    Function::total("E", |args| strict(args, &[], 0, TypeKind::Double), |_| constant(std::f64::consts::E)),
    Function::total("ABS", same, |call| signed(call, Signed::Abs)),
    Function::total("SIGN", same, |call| signed(call, Signed::Sign)),
];

const fn one(name: &'static str, make: fn(&Call<'_>) -> Result<Kernel, FunctionError>) -> Function {
    Function::total(name, |args| strict(args, &[Want::Double], 0, TypeKind::Double), make)
}

fn two(args: &[Arg<'_>]) -> Signature {
    strict(args, &[Want::Double, Want::Double], 0, TypeKind::Double)
}

/// The argument's own type.
fn same(args: &[Arg<'_>]) -> Signature {
    match args {
        [arg] if arg.kind().is_numeric() => Ok((uncast(args), LogicalType { kind: arg.kind().clone(), nullable: any_nullable(args) })),
        _ => refuse("<NUMERIC>"),
    }
}

fn unary(operation: fn(f64) -> f64) -> Result<Kernel, FunctionError> {
    kernel(move |args, _| Ok(Arc::new(args[0].numbers::<Float64Type>()?.into_array().unary::<_, Float64Type>(operation)) as ArrayRef))
}

fn binary(operation: fn(f64, f64) -> f64) -> Result<Kernel, FunctionError> {
    kernel(move |args, scope| {
        let (left, right) = (args[0].numbers::<Float64Type>()?, args[1].numbers::<Float64Type>()?);
        build_numbers::<Float64Type>(scope.rows, |row| Ok(left.get(row).zip(right.get(row)).map(|(left, right)| operation(left, right))))
    })
}

fn constant(value: f64) -> Result<Kernel, FunctionError> {
    kernel(move |_, scope| Ok(Arc::new(Float64Array::from(vec![value; scope.rows])) as ArrayRef))
}

#[derive(Clone, Copy)]
enum Signed {
    Abs,
    Sign,
}

/// The most negative integer has no absolute value and stays; the sign of a float's zero and NaN stays too.
fn signed(call: &Call<'_>, which: Signed) -> Result<Kernel, FunctionError> {
    use Signed::{Abs, Sign};
    match (&call.ty.kind, which) {
        (TypeKind::TinyInt, Abs) => mapped::<Int8Type>(i8::wrapping_abs),
        (TypeKind::TinyInt, Sign) => mapped::<Int8Type>(i8::signum),
        (TypeKind::SmallInt, Abs) => mapped::<Int16Type>(i16::wrapping_abs),
        (TypeKind::SmallInt, Sign) => mapped::<Int16Type>(i16::signum),
        (TypeKind::Int, Abs) => mapped::<Int32Type>(i32::wrapping_abs),
        (TypeKind::Int, Sign) => mapped::<Int32Type>(i32::signum),
        (TypeKind::BigInt, Abs) => mapped::<Int64Type>(i64::wrapping_abs),
        (TypeKind::BigInt, Sign) => mapped::<Int64Type>(i64::signum),
        (TypeKind::Float, Abs) => mapped::<Float32Type>(f32::abs),
        (TypeKind::Float, Sign) => mapped::<Float32Type>(|x| if x == 0.0 || x.is_nan() { x } else { x.signum() }),
        (TypeKind::Double, Abs) => mapped::<Float64Type>(f64::abs),
        (TypeKind::Double, Sign) => mapped::<Float64Type>(|x| if x == 0.0 || x.is_nan() { x } else { x.signum() }),
        (TypeKind::Decimal { precision, scale }, _) => {
            let form = Form { precision: *precision, scale: *scale };
            let one = crate::decimal::power_of_ten(u32::from(*scale)).unwrap_or(1);
            kernel(move |args: &[Column], scope| {
                let values = args[0].numbers::<Decimal128Type>()?;
                let change = |value: i128| match which {
                    Abs => Some(value.abs()),
                    Sign => crate::decimal::within(value.signum() * one, form.precision),
                };
                decimal_array(form, (0..scope.rows).map(|row| values.get(row).and_then(change)))
            })
        }
        (other, _) => Err(call.wrong(format!("{other} is no number"))),
    }
}

fn mapped<T: ArrowPrimitiveType>(operation: fn(T::Native) -> T::Native) -> Result<Kernel, FunctionError> {
    kernel(move |args, _| Ok(Arc::new(args[0].numbers::<T>()?.into_array().unary::<_, T>(operation)) as ArrayRef))
}

#[cfg(test)]
mod tests {
    use crate::tests::{check, decimal, double, int, null};
    use irmak_common::expr::Value;
    use irmak_common::types::TypeKind;

    #[test]
    fn results_are_javas_to_the_last_digit() {
        for (function, input, output) in [
            ("EXP", 1.0, "2.718281828459045"),
            ("EXP", 710.0, "Infinity"),
            ("LN", 10.0, "2.302585092994046"),
            ("LN", 0.0, "-Infinity"),
            ("LOG10", 0.001, "-3.0"),
            ("LOG2", 8.0, "3.0"),
            ("LOG2", 10.0, "3.3219280948873626"),
            ("LOG", 10.0, "2.302585092994046"),
            ("SQRT", 2.0, "1.4142135623730951"),
            ("SQRT", -1.0, "NaN"),
            ("SQRT", -0.0, "0.0"),
            ("SIN", 1.0, "0.8414709848078965"),
            ("COS", 1.0, "0.5403023058681398"),
            ("TAN", 1.0, "1.5574077246549023"),
            ("COT", 1.0, "0.6420926159343306"),
            ("COT", 0.5, "1.830487721712452"),
            ("ASIN", 1.0, "1.5707963267948966"),
            ("ASIN", 2.0, "NaN"),
            ("ACOS", 0.5, "1.0471975511965979"),
            ("ATAN", 1.0, "0.7853981633974483"),
            ("SINH", 1.0, "1.1752011936438014"),
            ("COSH", 1.0, "1.543080634815244"),
            ("TANH", 1.0, "0.7615941559557649"),
            ("DEGREES", std::f64::consts::PI, "180.0"),
            ("RADIANS", 180.0, "3.141592653589793"),
        ] {
            check(function, &[double(input)], Some(output));
        }
        for (function, a, b, output) in [
            ("LOG", 10.0, 1000.0, "2.9999999999999996"),
            ("LOG", 3.0, 7.0, "1.7712437491614221"),
            ("POWER", 2.0, 0.5, "1.4142135623730951"),
            ("POWER", -8.0, 0.5, "NaN"),
            ("POWER", 10.0, 400.0, "Infinity"),
            ("ATAN2", -1.0, -1.0, "-2.356194490192345"),
        ] {
            check(function, &[double(a), double(b)], Some(output));
        }
        check("PI", &[], Some("3.141592653589793"));
        check("SQRT", &[decimal(200, 10, 2)], Some("1.4142135623730951"));
    }

    #[test]
    fn absolute_values_and_signs_keep_their_type() {
        check("ABS", &[(Value::Int(-128), TypeKind::TinyInt.not_null())], Some("-128"));
        check("ABS", &[decimal(-150, 3, 2)], Some("1.50"));
        check("SIGN", &[decimal(-25, 2, 1)], Some("-1.0"));
        check("SIGN", &[(Value::Int(-7), TypeKind::TinyInt.not_null())], Some("-1"));
        check("SIGN", &[int(0)], Some("0"));
        check("ABS", &[null(TypeKind::Int)], None);
    }
}
