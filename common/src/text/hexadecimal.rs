//! Hexadecimal floating point numbers, `0x1.8p3`, as Java reads them: rounded once, to the nearest, ties to even.
//!
//! Source: Java's `FloatingDecimal.parseHexString` and the grammar in the documentation of `Double.valueOf`.

/// The number behind `[+-]0x1.8p3[dDfF]`, without space around it; `None`: the text is none.
pub fn parse_hexadecimal_f64(text: &str) -> Option<f64> {
    read(text.as_bytes()).map(|number| number.rounded(53, -1074, 1023))
}

/// The same as a FLOAT, which is not the DOUBLE rounded again.
pub fn parse_hexadecimal_f32(text: &str) -> Option<f32> {
    read(text.as_bytes()).map(|number| number.rounded(24, -149, 127) as f32)
}

/// `mantissa * 2^exponent`, and a little more where bits behind the mantissa were lost.
struct Hexadecimal {
    negative: bool,
    mantissa: u64,
    exponent: i64,
    lost: bool,
}

fn read(text: &[u8]) -> Option<Hexadecimal> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    let [b'0', b'x' | b'X', rest @ ..] = rest else { return None };
    let mut number = Hexadecimal { negative, mantissa: 0, exponent: 0, lost: false };
    let split = rest.iter().position(|byte| matches!(byte, b'p' | b'P'))?;
    let (digits, power) = (&rest[..split], &rest[split + 1..]);
    let (mut point, mut any) = (false, false);
    for byte in digits {
        match (byte, char::from(*byte).to_digit(16)) {
            (b'.', _) if !point => point = true,
            (_, Some(digit)) => {
                any = true;
                number.push(digit, point);
            }
            _ => return None,
        }
    }
    number.exponent += exponent(power)?;
    any.then_some(number)
}

/// A sign, digits, and the letter of a type; beyond a thousand million all powers are alike.
fn exponent(text: &[u8]) -> Option<i64> {
    let text = match text {
        [text @ .., b'd' | b'D' | b'f' | b'F'] => text,
        text => text,
    };
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let power = digits.iter().fold(0i64, |power, digit| (power * 10 + i64::from(digit - b'0')).min(1_000_000_000));
    Some(if negative { -power } else { power })
}

impl Hexadecimal {
    fn push(&mut self, digit: u32, behind_point: bool) {
        let room = self.mantissa >> 60 == 0;
        if room {
            self.mantissa = self.mantissa << 4 | u64::from(digit);
        } else {
            self.lost |= digit != 0;
        }
        // A digit that was taken in front of the point makes no power, one that was lost does; behind the point it is the other way.
        self.exponent += match (room, behind_point) {
            (true, true) => -4,
            (false, false) => 4,
            _ => 0,
        };
    }

    /// The nearest number of so many bits whose last bit is worth at least `2^least`, and whose first one at most `2^most`.
    fn rounded(&self, bits: i64, least: i64, most: i64) -> f64 {
        let sign = if self.negative { -1.0 } else { 1.0 };
        let length = 64 - i64::from(self.mantissa.leading_zeros());
        if self.mantissa == 0 {
            return sign * 0.0;
        }
        if self.exponent + length - 1 > most {
            return sign * f64::INFINITY;
        }
        let drop = (length - bits).max(least - self.exponent).max(0);
        if drop > length {
            return sign * 0.0;
        }
        let mantissa = u128::from(self.mantissa);
        let (kept, rest, half) = (mantissa >> drop, mantissa & ((1 << drop) - 1), (1u128 << drop) >> 1);
        let up = drop > 0 && (rest > half || rest == half && (self.lost || kept & 1 == 1));
        sign * power_of_two((kept as u64 + u64::from(up)) as f64, self.exponent + drop)
    }
}

/// `value * 2^exponent`, where the result has room for all bits of the value.
fn power_of_two(value: f64, exponent: i64) -> f64 {
    let power = |exponent: i64| f64::from_bits(((exponent + 1023) as u64) << 52);
    match exponent {
        ..-1022 => value * power(-1022) * power(exponent + 1022),
        _ => value * power(exponent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hexadecimal_numbers_are_read_as_java_reads_them() {
        for (text, expected) in [
            ("0x1p3", Some(8.0)),
            ("-0X1.8P+1", Some(-3.0)),
            ("0x.8p0", Some(0.5)),
            ("0x1.p-1d", Some(0.5)),
            ("0x0p99999999999999999999", Some(0.0)),
            ("0x1p99999999999999999999", Some(f64::INFINITY)),
            ("-0x1p1024f", Some(f64::NEG_INFINITY)),
            ("0x1.fffffffffffffp1023", Some(f64::MAX)),
            ("0x1.fffffffffffff7p1023", Some(f64::MAX)),
            ("0x1.fffffffffffff8p1023", Some(f64::INFINITY)),
            ("0x1p-1074", Some(5e-324)),
            ("0x1p-1075", Some(0.0)),
            ("0x1.00000000000000000000000000001p-1075", Some(5e-324)),
            ("0x1.00000000000008p0", Some(1.0)),
            ("0x1.000000000000080000000000000000001p0", Some(1.000_000_000_000_000_2)),
            ("0x1.00000000000018p0", Some(1.000_000_000_000_000_4)),
            ("0x1", None),
            ("0xp1", None),
            ("0x.p1", None),
            ("0x1.2.3p1", None),
            ("0x1p", None),
            ("0x1p1L", None),
            ("1p3", None),
            ("0xgp1", None),
            ("- 0x1p1", None),
        ] {
            assert_eq!(parse_hexadecimal_f64(text), expected, "{text}");
        }
        assert!(parse_hexadecimal_f64("-0x0p0").is_some_and(|zero| zero.is_sign_negative()));
        assert_eq!(parse_hexadecimal_f32("0x1.000001p0"), Some(1.0));
        assert_eq!(parse_hexadecimal_f32("0x1.0000010000000000000000001p0"), Some(1.000_000_1));
        assert_eq!(parse_hexadecimal_f32("0x1p-149"), Some(1e-45));
    }

    proptest! {
        #[test]
        fn every_double_is_read_back(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let (sign, exponent, fraction) = (if bits >> 63 == 1 { "-" } else { "" }, (bits >> 52) & 0x7ff, bits & ((1 << 52) - 1));
            let (lead, power) = if exponent == 0 { (0, -1022) } else { (1, exponent as i64 - 1023) };
            let text = format!("{sign}0x{lead}.{fraction:013x}p{power}");
            prop_assert_eq!(parse_hexadecimal_f64(&text).map(f64::to_bits), Some(bits), "{}", text);
        }

        #[test]
        fn a_whole_number_is_rounded_as_the_machine_rounds_it(value in any::<u64>(), power in 0u32..40) {
            let wide = u128::from(value) << power;
            prop_assert_eq!(parse_hexadecimal_f64(&format!("0x{wide:x}p0")), Some(wide as f64));
            prop_assert_eq!(parse_hexadecimal_f32(&format!("0x{wide:x}p0")), Some(wide as f32));
        }
    }
}
