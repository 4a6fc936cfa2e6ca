//! DECIMAL arithmetic: exact in 256 bits, rounded half up to the result's scale, NULL where it does not fit.
//!
//! Source: Flink 1.20, `DecimalDataUtils`, which computes with `BigDecimal`.

use std::cmp::Ordering;

use arrow::datatypes::i256;

/// 10^n as a 128-bit integer, `None` above 38.
pub(crate) fn power_of_ten(n: u32) -> Option<i128> {
    10_i128.checked_pow(n)
}

fn wide_power_of_ten(n: u32) -> i256 {
    // 10^76 is the largest power of ten in 256 bits.
    i256::from_i128(10).wrapping_pow(n.min(76))
}

/// The value in another scale, rounded half away from zero; `None` where it has more than `precision` digits.
pub(crate) fn rescale(unscaled: i128, from_scale: u8, precision: u8, scale: u8) -> Option<i128> {
    let rescaled = if scale >= from_scale {
        unscaled.checked_mul(power_of_ten(u32::from(scale - from_scale))?)?
    } else {
        divide_half_up(unscaled, power_of_ten(u32::from(from_scale - scale))?)
    };
    within(rescaled, precision)
}

/// The value, `None` where it has more than `precision` digits.
pub(crate) fn within(unscaled: i128, precision: u8) -> Option<i128> {
    let bound = power_of_ten(u32::from(precision))?;
    (-bound < unscaled && unscaled < bound).then_some(unscaled)
}

/// Quotient rounded half away from zero. `divisor` is positive.
pub(crate) fn divide_half_up(value: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (value / divisor, value % divisor);
    let up = rest.unsigned_abs() >= divisor.unsigned_abs().div_ceil(2);
    if up { quotient + value.signum() } else { quotient }
}

fn rescale_wide(value: i256, from_scale: i32, precision: u8, scale: u8) -> Option<i128> {
    let change = i32::from(scale) - from_scale;
    if change < -76 {
        // Less than half of the last digit, whatever it is.
        return Some(0);
    }
    let rescaled = if change >= 0 {
        value.checked_mul(wide_power_of_ten(change as u32))?
    } else {
        divide_wide_half_up(value, wide_power_of_ten(change.unsigned_abs()))?
    };
    within(rescaled.to_i128()?, precision)
}

fn divide_wide_half_up(value: i256, divisor: i256) -> Option<i256> {
    let quotient = value.checked_div(divisor)?;
    let rest = value.wrapping_sub(quotient.wrapping_mul(divisor)).wrapping_abs();
    let up = rest >= divisor.wrapping_abs().wrapping_sub(rest);
    let negative = (value < i256::ZERO) != (divisor < i256::ZERO);
    Some(match (up, negative) {
        (false, _) => quotient,
        (true, false) => quotient.wrapping_add(i256::ONE),
        (true, true) => quotient.wrapping_sub(i256::ONE),
    })
}

/// A decimal's unscaled value and its scale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scaled(pub(crate) i128, pub(crate) u8);

/// The result's precision and scale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Form {
    pub(crate) precision: u8,
    pub(crate) scale: u8,
}

/// Sum. `None`: it does not fit.
pub(crate) fn add(left: Scaled, right: Scaled, form: Form) -> Option<i128> {
    let scale = left.1.max(right.1);
    let wide = |Scaled(value, own)| i256::from_i128(value).checked_mul(wide_power_of_ten(u32::from(scale - own)));
    rescale_wide(wide(left)?.checked_add(wide(right)?)?, i32::from(scale), form.precision, form.scale)
}

/// Product. `None`: it does not fit.
pub(crate) fn multiply(left: Scaled, right: Scaled, form: Form) -> Option<i128> {
    let product = i256::from_i128(left.0).checked_mul(i256::from_i128(right.0))?;
    rescale_wide(product, i32::from(left.1) + i32::from(right.1), form.precision, form.scale)
}

/// Quotient, with 38 significant digits before it is rounded. `None`: it does not fit. `right` is not zero.
pub(crate) fn divide(left: Scaled, right: Scaled, form: Form) -> Option<i128> {
    // As many digits as 256 bits hold, at least 38 of them significant.
    let shift = 76_i32.saturating_sub(digits(left.0)).clamp(0, 38 + digits(right.0));
    let dividend = i256::from_i128(left.0).checked_mul(wide_power_of_ten(shift as u32))?;
    let quotient = divide_wide_half_up(dividend, i256::from_i128(right.0))?;
    rescale_wide(quotient, i32::from(left.1) + shift - i32::from(right.1), form.precision, form.scale)
}

/// Remainder, with the sign of the dividend. `None`: it does not fit. `right` is not zero.
pub(crate) fn remainder(left: Scaled, right: Scaled, form: Form) -> Option<i128> {
    let scale = left.1.max(right.1);
    let wide = |Scaled(value, own)| i256::from_i128(value).checked_mul(wide_power_of_ten(u32::from(scale - own)));
    rescale_wide(wide(left)?.checked_rem(wide(right)?)?, i32::from(scale), form.precision, form.scale)
}

fn digits(value: i128) -> i32 {
    value.unsigned_abs().checked_ilog10().map_or(1, |log| log as i32 + 1)
}

/// The nearest double.
pub(crate) fn to_double(unscaled: i128, scale: u8) -> f64 {
    // Both exact, so one division rounds once.
    if unscaled.unsigned_abs() < 1 << 53 && scale <= 22 {
        return unscaled as f64 / 10_f64.powi(i32::from(scale));
    }
    format!("{unscaled}e-{scale}").parse().unwrap_or(f64::NAN)
}

/// `BigDecimal.valueOf(value)`, as its digits: the decimal that `Double.toString` prints. `None`: NaN, infinite, or far too large.
pub(crate) fn from_double(value: f64, form: Form) -> Option<i128> {
    let mut text = String::new();
    irmak_common::text::write_double(&mut text, value);
    parse(&text).and_then(|number| number.to_form(form))
}

/// A decimal number of any size, as read from text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    negative: bool,
    /// ASCII digits without leading zeros.
    digits: Vec<u8>,
    /// The value is `digits` times 10^`exponent`.
    exponent: i64,
}

impl Number {
    /// Which is larger.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        let sign = |number: &Self| if number.digits.is_empty() { 0 } else { 1 - 2 * i8::from(number.negative) };
        let size = || {
            let (left, right) = (self.digits.len() as i64 + self.exponent, other.digits.len() as i64 + other.exponent);
            let padded = |number: &Self, at: usize| number.digits.get(at).copied().unwrap_or(b'0');
            let longest = self.digits.len().max(other.digits.len());
            left.cmp(&right).then_with(|| (0..longest).map(|at| padded(self, at)).cmp((0..longest).map(|at| padded(other, at))))
        };
        sign(self).cmp(&sign(other)).then_with(|| match sign(self) {
            0 => Ordering::Equal,
            1 => size(),
            _ => size().reverse(),
        })
    }

    /// In this precision and scale, rounded half up; `None`: it does not fit.
    pub(crate) fn to_form(&self, form: Form) -> Option<i128> {
        // The position, in digits, of the last one that is kept.
        let kept = self.digits.len() as i64 + self.exponent + i64::from(form.scale);
        if self.digits.is_empty() || kept < 0 {
            return Some(0);
        }
        if kept > i64::from(form.precision) {
            return None;
        }
        let mut value = 0_i128;
        for at in 0..kept as usize {
            value = value * 10 + self.digits.get(at).map_or(0, |digit| i128::from(digit - b'0'));
        }
        if self.digits.get(kept as usize).is_some_and(|digit| *digit >= b'5') {
            value += 1;
        }
        within(if self.negative { -value } else { value }, form.precision)
    }
}

impl Number {
    /// Rounded to so many digits behind the point (before it where negative), as text that a float is read from.
    pub(crate) fn rounded_text(&self, places: i32, half_up: bool) -> String {
        let kept = self.digits.len() as i64 + self.exponent + i64::from(places);
        let kept_digits = &self.digits[..usize::try_from(kept).unwrap_or(0).min(self.digits.len())];
        let next = usize::try_from(kept).ok().and_then(|at| self.digits.get(at)).copied().unwrap_or(b'0');
        let exponent = if kept >= self.digits.len() as i64 { self.exponent } else { -i64::from(places) };
        let mut digits = kept_digits.to_vec();
        if half_up && next >= b'5' {
            let carried = digits.iter_mut().rev().any(|digit| {
                let full = *digit == b'9';
                *digit = if full { b'0' } else { *digit + 1 };
                !full
            });
            if !carried {
                digits.insert(0, b'1');
            }
        }
        let digits = String::from_utf8(digits).unwrap_or_default();
        format!("{}0{digits}e{exponent}", if self.negative { "-" } else { "" })
    }
}

/// What `new BigDecimal(text)` reads: sign, digits with at most one point, exponent. `None` for anything else.
pub(crate) fn parse(text: &str) -> Option<Number> {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => {
            let power = text[at + 1..].strip_prefix('+').unwrap_or(&text[at + 1..]);
            let plain = power.strip_prefix('-').unwrap_or(power);
            if plain.is_empty() || plain.len() > 10 || !plain.bytes().all(|byte| byte.is_ascii_digit()) || text[at + 1..].starts_with("+-")
            {
                return None;
            }
            (&text[..at], power.parse::<i64>().ok()?)
        }
        None => (text, 0),
    };
    let negative = mantissa.starts_with('-');
    let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let all = whole.bytes().chain(fraction.bytes());
    if whole.len() + fraction.len() == 0 || !all.clone().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: Vec<u8> = all.skip_while(|byte| *byte == b'0').collect();
    Some(Number { negative, digits, exponent: exponent - fraction.len() as i64 })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn form(precision: u8, scale: u8) -> Form {
        Form { precision, scale }
    }

    #[test]
    fn quotients_are_rounded_half_up_at_the_result_scale() {
        for (left, right, wanted, quotient) in [
            (Scaled(10, 1), Scaled(3, 0), form(13, 12), Some(333_333_333_333)),
            (Scaled(10, 0), Scaled(40, 1), form(17, 6), Some(2_500_000)),
            (Scaled(-2, 0), Scaled(3, 0), form(38, 6), Some(-666_667)),
            (Scaled(10_i128.pow(37), 0), Scaled(1, 37), form(38, 6), None),
        ] {
            assert_eq!(divide(left, right, wanted), quotient);
        }
    }

    #[test]
    fn what_does_not_fit_is_null() {
        let large = 99_999_999_999_999_999_999;
        assert_eq!(multiply(Scaled(large, 0), Scaled(large, 0), form(38, 0)), None);
        assert_eq!(multiply(Scaled(9_999, 2), Scaled(9_999, 2), form(9, 4)), Some(99_980_001));
        assert_eq!(rescale(12_345, 2, 4, 2), None);
        assert_eq!(rescale(12_345, 2, 10, 1), Some(1_235));
        assert_eq!(rescale(-12_345, 2, 10, 1), Some(-1_235));
    }

    #[test]
    fn texts_are_read_as_big_decimals() {
        for (text, value) in [
            ("1.5", Some(150)),
            (".5", Some(50)),
            ("5.", Some(500)),
            ("-1e3", Some(-100_000)),
            ("1E-2", Some(1)),
            ("0.005", Some(1)),
            ("0.0049", Some(0)),
            ("1E400", None),
            ("abc", None),
            ("", None),
            (".", None),
            ("1e", None),
            ("--1", None),
        ] {
            assert_eq!(parse(text).and_then(|number| number.to_form(form(10, 2))), value, "{text}");
        }
    }

    #[test]
    fn numbers_are_ordered_by_value() {
        let number = |text: &str| parse(text).unwrap();
        for (left, right, order) in [
            ("1.50", "1.5", Ordering::Equal),
            ("1e3", "999", Ordering::Greater),
            ("-2", "-10", Ordering::Greater),
            ("0", "-0.0", Ordering::Equal),
            ("9007199254740993", "9007199254740992", Ordering::Greater),
        ] {
            assert_eq!(number(left).order(&number(right)), order, "{left} {right}");
        }
    }

    proptest! {
        #[test]
        fn sums_agree_with_integers(a in -1_000_000_000_i128..1_000_000_000, b in -1_000_000_000_i128..1_000_000_000) {
            prop_assert_eq!(add(Scaled(a, 3), Scaled(b, 1), form(38, 3)), Some(a + b * 100));
        }

        #[test]
        fn doubles_are_the_nearest(unscaled in any::<i64>(), scale in 0_u8..30) {
            let exact: f64 = format!("{unscaled}e-{scale}").parse().unwrap();
            prop_assert_eq!(to_double(i128::from(unscaled), scale), exact);
        }
    }
}
