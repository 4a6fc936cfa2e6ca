//! Decimals as Java's `BigDecimal` writes them.

/// `BigDecimal.toPlainString` of `unscaled` / 10^`scale`: `-0.05`, `100.00`.
pub fn write_decimal(out: &mut String, unscaled: i128, scale: u32) {
    let mut buffer = [0_u8; 40];
    let digits = digits_of(unscaled.unsigned_abs(), &mut buffer);
    if unscaled < 0 {
        out.push('-');
    }
    write_plain(out, digits, scale as usize);
}

/// `BigDecimal.stripTrailingZeros().toString()`, as Jackson writes a number: `1E+2` for 100.00, `1.5`, `0`, `1E-7`.
pub fn write_decimal_stripped(out: &mut String, unscaled: i128, scale: u32) {
    let mut buffer = [0_u8; 40];
    write_digits_stripped(out, unscaled < 0, digits_of(unscaled.unsigned_abs(), &mut buffer), scale.into());
}

/// [`write_decimal_stripped`] of a number of any length: `digits` / 10^`scale`. The digits may begin with zeros.
pub fn write_digits_stripped(out: &mut String, negative: bool, digits: &str, scale: i64) {
    let stripped = digits.trim_end_matches('0');
    let scale = scale - (digits.len() - stripped.len()) as i64;
    let digits = stripped.trim_start_matches('0');
    if digits.is_empty() {
        return out.push('0');
    }
    if negative {
        out.push('-');
    }
    let adjusted = digits.len() as i64 - 1 - scale;
    if scale >= 0 && adjusted >= -6 {
        return write_plain(out, digits, scale as usize);
    }
    out.push_str(&digits[..1]);
    if digits.len() > 1 {
        out.push('.');
        out.push_str(&digits[1..]);
    }
    out.push_str(if adjusted < 0 { "E-" } else { "E+" });
    let mut exponent = [0_u8; 40];
    out.push_str(digits_of(u128::from(adjusted.unsigned_abs()), &mut exponent));
}

/// `digits` / 10^`scale` without an exponent.
fn write_plain(out: &mut String, digits: &str, scale: usize) {
    if scale == 0 {
        out.push_str(digits);
    } else if digits.len() > scale {
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        out.push_str(whole);
        out.push('.');
        out.push_str(fraction);
    } else {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', scale - digits.len()));
        out.push_str(digits);
    }
}

/// Decimal digits, without allocation.
pub(super) fn digits_of(mut value: u128, buffer: &mut [u8; 40]) -> &str {
    let mut at = buffer.len();
    // 64-bit division is several times faster; most values fit.
    while value > u128::from(u64::MAX) {
        at -= 1;
        buffer[at] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    let mut small = value as u64;
    loop {
        at -= 1;
        buffer[at] = b'0' + (small % 10) as u8;
        small /= 10;
        if small == 0 {
            break;
        }
    }
    // Digits are ASCII.
    std::str::from_utf8(&buffer[at..]).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_print_with_all_their_digits() {
        for (unscaled, scale, text) in [
            (12345, 2, "123.45"),
            (-5, 2, "-0.05"),
            (0, 2, "0.00"),
            (7, 0, "7"),
            (100, 2, "1.00"),
            (i128::MIN, 0, "-170141183460469231731687303715884105728"),
        ] {
            let mut out = String::new();
            write_decimal(&mut out, unscaled, scale);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn stripped_decimals_print_as_jackson_prints_them() {
        for (unscaled, scale, text) in [
            (10000, 2, "1E+2"),
            (150, 2, "1.5"),
            (0, 5, "0"),
            (1, 7, "1E-7"),
            (1, 6, "0.000001"),
            (-12000, 0, "-1.2E+4"),
            (120, 0, "1.2E+2"),
            (5, 0, "5"),
        ] {
            let mut out = String::new();
            write_decimal_stripped(&mut out, unscaled, scale);
            assert_eq!(out, text);
        }
    }
}
