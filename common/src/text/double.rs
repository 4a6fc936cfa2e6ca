//! Doubles and floats as `Double.toString` and `Float.toString` of a JDK 17 write them: `55000.00000000001`, `1.95E8`, `3000.0`.
//!
//! Nearly always these are the shortest digits that read back as the same number, which `ryu` finds fast. A JDK before 19 differs
//! at powers of two, at numbers halfway between two others (`9.999999999999999E22` for 1e23), beyond 2^53, and where one digit
//! would do but two are shown (`2.8E-45`); those take [`java_digits`].

use super::java_digits::{Digits, java_digits};

/// Appends `Double.toString(value)`.
pub fn write_double(out: &mut String, value: f64) {
    if !write_special(out, value.is_nan(), value.is_infinite(), value == 0.0, value.is_sign_negative()) {
        return;
    }
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let magnitude = value.abs();
    // Below 2^51 no decimal of 17 digits lies exactly between two doubles, and gaps are even unless the fraction is zero.
    if fraction != 0 && (f64::MIN_POSITIVE..2_251_799_813_685_248.0).contains(&magnitude) {
        let mut buffer = ryu::Buffer::new();
        let (digits, exponent) = Digits::from_ryu(buffer.format_finite(magnitude));
        if digits.count > 1 || (1e-3..1e7).contains(&magnitude) {
            return write_digits(out, digits.as_bytes(), exponent);
        }
    }
    let exponent = ((bits >> 52) & 0x7ff) as i32;
    let (significand, power) = if exponent == 0 { (fraction, -1_074) } else { (fraction | (1 << 52), exponent - 1_075) };
    let (digits, exponent) = java_digits(significand, power, 53);
    write_digits(out, digits.as_bytes(), exponent);
}

/// Appends `Float.toString(value)`.
pub fn write_float(out: &mut String, value: f32) {
    if !write_special(out, value.is_nan(), value.is_infinite(), value == 0.0, value.is_sign_negative()) {
        return;
    }
    let bits = value.to_bits();
    let fraction = bits & ((1 << 23) - 1);
    let magnitude = value.abs();
    if fraction != 0 && (f32::MIN_POSITIVE..2_097_152.0).contains(&magnitude) {
        let mut buffer = ryu::Buffer::new();
        let (digits, exponent) = Digits::from_ryu(buffer.format_finite(magnitude));
        if digits.count > 1 || (1e-3..1e7).contains(&magnitude) {
            return write_digits(out, digits.as_bytes(), exponent);
        }
    }
    let exponent = ((bits >> 23) & 0xff) as i32;
    let (significand, power) = if exponent == 0 { (fraction, -149) } else { (fraction | (1 << 23), exponent - 150) };
    let (digits, exponent) = java_digits(u64::from(significand), power, 24);
    write_digits(out, digits.as_bytes(), exponent);
}

/// Writes what is no ordinary number, and the sign of what is; returns whether digits must follow.
fn write_special(out: &mut String, nan: bool, infinite: bool, zero: bool, negative: bool) -> bool {
    if nan {
        out.push_str("NaN");
        return false;
    }
    if negative {
        out.push('-');
    }
    if infinite {
        out.push_str("Infinity");
    } else if zero {
        out.push_str("0.0");
    }
    !infinite && !zero
}

/// Java's layout: plain from 10^-3 to below 10^7, else with an exponent; always a digit behind the point. The number is
/// `0.digits` times 10^`exponent`.
fn write_digits(out: &mut String, digits: &[u8], exponent: i32) {
    let push = |out: &mut String, digits: &[u8]| out.extend(digits.iter().map(|digit| char::from(*digit)));
    if (1..8).contains(&exponent) {
        let whole = (exponent as usize).min(digits.len());
        push(out, &digits[..whole]);
        out.extend(std::iter::repeat_n('0', exponent as usize - whole));
        out.push('.');
        push(out, if whole < digits.len() { &digits[whole..] } else { b"0" });
    } else if (-2..=0).contains(&exponent) {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', exponent.unsigned_abs() as usize));
        push(out, digits);
    } else {
        push(out, &digits[..1]);
        out.push('.');
        push(out, if digits.len() > 1 { &digits[1..] } else { b"0" });
        out.push('E');
        let power = exponent - 1;
        if power < 0 {
            out.push('-');
        }
        let mut buffer = [0_u8; 40];
        out.push_str(super::decimal::digits_of(u128::from(power.unsigned_abs()), &mut buffer));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn double(value: f64) -> String {
        let mut out = String::new();
        write_double(&mut out, value);
        out
    }

    fn float(value: f32) -> String {
        let mut out = String::new();
        write_float(&mut out, value);
        out
    }

    #[test]
    fn doubles_print_as_a_jdk_17_prints_them() {
        for (value, text) in [
            (55000.00000000001, "55000.00000000001"),
            (1.95e8, "1.95E8"),
            (3000.0, "3000.0"),
            (1e7, "1.0E7"),
            (9_999_999.0, "9999999.0"),
            (0.001, "0.001"),
            (0.0001, "1.0E-4"),
            (0.1 + 0.2, "0.30000000000000004"),
            (1.0 / 3.0, "0.3333333333333333"),
            (-0.0, "-0.0"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
            (4.9e-324, "4.9E-324"),
            (9.88e-324, "1.0E-323"),
            (1.797_693_134_862_315_7e308, "1.7976931348623157E308"),
            (1e23, "9.999999999999999E22"),
            (2e23, "1.9999999999999998E23"),
            (8.41e21, "8.409999999999999E21"),
            (9_007_199_254_740_993.0, "9.007199254740992E15"),
            (9_223_372_036_854_775_807.0, "9.223372036854776E18"),
            (2_f64.powi(-44), "5.6843418860808015E-14"),
            (-0.5, "-0.5"),
            (21240.0, "21240.0"),
            (2.225_073_858_507_201_4e-308, "2.2250738585072014E-308"),
        ] {
            assert_eq!(double(value), text);
        }
    }

    #[test]
    fn floats_print_as_a_jdk_17_prints_them() {
        for (value, text) in [
            (0.1, "0.1"),
            (1.0 / 3.0, "0.33333334"),
            (16_777_216.0, "1.6777216E7"),
            (1e10, "1.0E10"),
            (123_456_789.0, "1.23456792E8"),
            (3.402_823_5e38, "3.4028235E38"),
            (-6.113_406_4e25, "-6.1134063E25"),
            (8.311_727_5e25, "8.3117275E25"),
            (1.4e-45, "1.4E-45"),
            (2.8e-45, "2.8E-45"),
            (33_554_431.0, "3.3554432E7"),
            (2_147_483_647.0, "2.14748365E9"),
            (9_223_372_036_854_775_807.0, "9.223372E18"),
            (-0.0, "-0.0"),
        ] {
            assert_eq!(float(value), text);
        }
    }

    proptest! {
        #[test]
        fn every_double_reads_back_as_itself(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            prop_assert_eq!(double(value).parse::<f64>().unwrap(), value);
        }

        #[test]
        fn the_fast_way_and_javas_way_agree(value in 1e-9_f64..1e15) {
            let bits = value.to_bits();
            let (digits, exponent) = java_digits((bits & ((1 << 52) - 1)) | (1 << 52), ((bits >> 52) & 0x7ff) as i32 - 1_075, 53);
            let mut slow = String::new();
            write_digits(&mut slow, digits.as_bytes(), exponent);
            prop_assert_eq!(double(value), slow);
        }
    }
}
