//! Doubles and floats as `Double.toString` and `Float.toString` of a JDK 17 write them: `55000.00000000001`, `1.95E8`, `3000.0`.
//!
//! Nearly always these are the shortest digits that read back as the same number, which `ryu` finds fast. A JDK before 19 differs
//! at powers of two, at numbers halfway between two others (`9.999999999999999E22` for 1e23), beyond 2^53, and where one digit
//! would do but two are shown (`2.8E-45`). For those [`java_digits`] takes Java's steps: digits are generated until what is left
//! is smaller than half the gap to the neighbours. Source: Steele and White, "How to Print Floating-Point Numbers Accurately";
//! checked against a JDK 17 over random bit patterns.

use std::cmp::Ordering;

/// Appends `Double.toString(value)`.
pub fn write_double(out: &mut String, value: f64) {
    if !write_special(out, value.is_nan(), value.is_infinite(), value == 0.0, value.is_sign_negative()) {
        return;
    }
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let magnitude = value.abs();
    // Below 2^51 no decimal of 17 digits lies exactly between two doubles, and gaps are even unless the fraction is zero.
    if fraction != 0 && magnitude < 2_251_799_813_685_248.0 && magnitude >= f64::MIN_POSITIVE {
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
    if fraction != 0 && magnitude < 2_097_152.0 && magnitude >= f32::MIN_POSITIVE {
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

/// Significant digits, as ASCII, without leading or trailing zeros.
struct Digits {
    bytes: [u8; 26],
    count: usize,
}

impl Digits {
    fn new() -> Self {
        Self { bytes: [0; 26], count: 0 }
    }

    fn push(&mut self, digit: u8) {
        if self.count < self.bytes.len() {
            self.bytes[self.count] = b'0' + digit;
            self.count += 1;
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.count]
    }

    /// The digits and the exponent of `0.digits` from what ryu prints: `12.5`, `0.001`, `1e-7`.
    fn from_ryu(text: &str) -> (Self, i32) {
        let mut digits = Self::new();
        let (mut exponent, mut behind_point, mut trailing_zeros) = (0_i32, false, 0);
        let (mantissa, power) = text.split_once('e').unwrap_or((text, "0"));
        for byte in mantissa.bytes() {
            if byte == b'.' {
                behind_point = true;
                continue;
            }
            if digits.count == 0 && trailing_zeros == 0 && byte == b'0' {
                exponent -= i32::from(behind_point);
                continue;
            }
            exponent += i32::from(!behind_point);
            if byte == b'0' {
                trailing_zeros += 1;
                continue;
            }
            (0..std::mem::take(&mut trailing_zeros)).for_each(|_| digits.push(0));
            digits.push(byte - b'0');
        }
        (digits, exponent + power.parse::<i32>().unwrap_or(0))
    }

    fn round_up(&mut self, exponent: &mut i32) {
        while self.count > 0 {
            let last = &mut self.bytes[self.count - 1];
            if *last < b'9' {
                *last += 1;
                return;
            }
            self.count -= 1;
        }
        self.push(1);
        *exponent += 1;
    }

    fn strip_zeros(&mut self) {
        while self.count > 1 && self.bytes[self.count - 1] == b'0' {
            self.count -= 1;
        }
    }
}

/// The digits that a JDK 17 prints for `significand` * 2^`power`, of a format with `precision` bits, and the exponent of `0.digits`.
fn java_digits(significand: u64, power: i32, precision: i32) -> (Digits, i32) {
    let trailing = significand.trailing_zeros() as i32;
    let odd = significand >> trailing;
    let odd_bits = 64 - odd.leading_zeros() as i32;
    let binary_exponent = 63 - significand.leading_zeros() as i32 + power;
    // Subnormals have fewer bits to distinguish.
    let significant_bits = (64 - significand.leading_zeros() as i32).min(precision);
    let tiny_bits = (odd_bits - binary_exponent - 1).max(0);

    if tiny_bits == 0 && binary_exponent <= 62 {
        let value = odd << (binary_exponent + 1 - odd_bits);
        let beyond = binary_exponent - significant_bits - 1;
        return integer_digits(value, if beyond >= 0 { (f64::from(beyond) * std::f64::consts::LOG10_2) as u32 } else { 0 });
    }

    let mut decimal_exponent = estimate_exponent(odd, odd_bits, binary_exponent);
    let value_fives = (-decimal_exponent).max(0);
    let scale_fives = decimal_exponent.max(0);
    let mut value_twos = value_fives + tiny_bits + binary_exponent;
    let mut scale_twos = scale_fives + tiny_bits;
    let mut gap_twos = value_twos - significant_bits;
    value_twos -= odd_bits - 1;
    let common = value_twos.min(scale_twos);
    value_twos -= common;
    scale_twos -= common;
    gap_twos -= common;
    // The neighbour below a power of two is nearer.
    if odd_bits == 1 {
        gap_twos -= 1;
    }
    if gap_twos < 0 {
        value_twos -= gap_twos;
        scale_twos -= gap_twos;
        gap_twos = 0;
    }
    // Java counts a number exactly on the upper bound as too far only when it computes in machine words.
    let in_words = odd_bits + value_twos + bits_of_fives(value_fives) < 64 && scale_twos + 1 + bits_of_fives(scale_fives + 1) < 64;
    let reaches = |order: Ordering| if in_words { order == Ordering::Greater } else { order != Ordering::Less };

    let mut rest = Natural::from(odd).times_power(5, value_fives).shifted(value_twos);
    let mut gap = Natural::from(1).times_power(5, value_fives).shifted(gap_twos);
    let scale = Natural::from(1).times_power(5, scale_fives).shifted(scale_twos);
    let ten_scale = scale.clone().times(10);

    let mut digits = Digits::new();
    let mut digit = rest.divide_step(&scale);
    gap = gap.times(10);
    let mut low = rest.cmp(&gap) == Ordering::Less;
    let mut high = reaches(rest.clone().plus(&gap).cmp(&ten_scale));
    if digit == 0 && !high {
        decimal_exponent -= 1;
    } else {
        digits.push(digit);
    }
    // With an exponent at least one digit follows the point, so a second one is generated.
    if !(-3..8).contains(&decimal_exponent) {
        low = false;
        high = false;
    }
    while !low && !high {
        digit = rest.divide_step(&scale);
        gap = gap.times(10);
        low = rest.cmp(&gap) == Ordering::Less;
        high = reaches(rest.clone().plus(&gap).cmp(&ten_scale));
        digits.push(digit);
    }
    let mut exponent = decimal_exponent + 1;
    if high {
        let up = match rest.shifted(1).cmp(&ten_scale) {
            _ if !low => true,
            Ordering::Equal => digit % 2 == 1,
            order => order == Ordering::Greater,
        };
        if up {
            digits.round_up(&mut exponent);
        }
    }
    digits.strip_zeros();
    (digits, exponent)
}

/// The digits of an integer, the last `insignificant` of them rounded away.
fn integer_digits(mut value: u64, insignificant: u32) -> (Digits, i32) {
    if insignificant > 0 {
        let unit = 10_u64.pow(insignificant);
        let residue = value % unit;
        value = value / unit + u64::from(residue >= unit / 2);
    }
    let mut buffer = [0_u8; 40];
    let text = super::decimal::digits_of(u128::from(value), &mut buffer);
    let mut digits = Digits::new();
    text.bytes().for_each(|byte| digits.push(byte - b'0'));
    let exponent = digits.count as i32 + insignificant as i32;
    digits.strip_zeros();
    (digits, exponent)
}

/// The power of ten of the first digit, or one more: a line through log10.
fn estimate_exponent(odd: u64, odd_bits: i32, binary_exponent: i32) -> i32 {
    let normalised = f64::from_bits(((odd << (53 - odd_bits)) & ((1 << 52) - 1)) | (1_023 << 52));
    let estimate = (normalised - 1.5) * 0.289_529_654 + 0.176_091_259 + f64::from(binary_exponent) * 0.301_029_995_663_981;
    estimate.floor() as i32
}

/// How many bits 5^n has, as Java's table says, which stops at 26.
fn bits_of_fives(n: i32) -> i32 {
    match n {
        0 => 0,
        1..=26 => 64 - 5_u64.pow(n as u32).leading_zeros() as i32,
        _ => n * 3,
    }
}

/// A natural number of any size, little-endian, without leading zero words.
#[derive(Clone)]
struct Natural(Vec<u32>);

impl Natural {
    fn from(value: u64) -> Self {
        Self(vec![value as u32, (value >> 32) as u32]).trimmed()
    }

    fn trimmed(mut self) -> Self {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        self
    }

    fn times(mut self, factor: u32) -> Self {
        let mut carry = 0_u64;
        for word in &mut self.0 {
            let product = u64::from(*word) * u64::from(factor) + carry;
            *word = product as u32;
            carry = product >> 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
        self
    }

    fn times_power(self, base: u32, exponent: i32) -> Self {
        (0..exponent).fold(self, |number, _| number.times(base))
    }

    fn shifted(self, bits: i32) -> Self {
        let words = vec![0; bits as usize / 32];
        Self(words.into_iter().chain(self.times(1 << (bits % 32)).0).collect())
    }

    fn plus(mut self, other: &Self) -> Self {
        if self.0.len() < other.0.len() {
            self.0.resize(other.0.len(), 0);
        }
        let mut carry = 0_u64;
        for (at, word) in self.0.iter_mut().enumerate() {
            let sum = u64::from(*word) + u64::from(other.0.get(at).copied().unwrap_or(0)) + carry;
            *word = sum as u32;
            carry = sum >> 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
        self
    }

    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }

    /// The quotient by `scale`, at most 9; what remains is ten times the remainder.
    fn divide_step(&mut self, scale: &Self) -> u8 {
        let mut quotient = 0;
        while self.cmp(scale) != Ordering::Less {
            self.subtract(scale);
            quotient += 1;
        }
        *self = std::mem::replace(self, Self(Vec::new())).times(10);
        quotient
    }

    fn subtract(&mut self, other: &Self) {
        let mut borrow = 0_i64;
        for (at, word) in self.0.iter_mut().enumerate() {
            let difference = i64::from(*word) - i64::from(other.0.get(at).copied().unwrap_or(0)) - borrow;
            borrow = i64::from(difference < 0);
            *word = difference as u32;
        }
        *self = std::mem::replace(self, Self(Vec::new())).trimmed();
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
            let (digits, exponent) = java_digits(bits & ((1 << 52) - 1) | (1 << 52), ((bits >> 52) & 0x7ff) as i32 - 1_075, 53);
            let mut slow = String::new();
            write_digits(&mut slow, digits.as_bytes(), exponent);
            prop_assert_eq!(double(value), slow);
        }
    }
}
