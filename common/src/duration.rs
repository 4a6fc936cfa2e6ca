//! Durations and memory sizes as Flink's options write them: `10 s`, `500ms`, `128MB`, `1 h`. A bare number is milliseconds, or bytes.
//!
//! Source: Flink 1.20, `TimeUtils` and `MemorySize`.

use std::time::Duration;

/// A text that is no duration or size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    /// No digits at the front.
    #[error("`{0}` does not begin with a whole number")]
    NoNumber(String),
    /// Behind the digits stands no unit that we know.
    #[error("`{unit}` is not a unit; units are {units}")]
    Unit {
        /// As written.
        unit: String,
        /// What would be accepted.
        units: &'static str,
    },
    /// Larger than can be held.
    #[error("`{0}` is too large")]
    TooLarge(String),
}

const DURATION_UNITS: &str = "ns, us, ms, s, min, h, d";
const SIZE_UNITS: &str = "b, kb, mb, gb, tb";

/// A duration: digits, then a unit (`ns`, `us`, `ms`, `s`, `min`, `h`, `d`, or their longer names), else milliseconds.
///
/// # Errors
/// Names what is not understood.
pub fn parse_duration(text: &str) -> Result<Duration, QuantityError> {
    let (count, unit) = split(text)?;
    let nanos: u64 = match unit.as_str() {
        "ns" | "nano" | "nanos" | "nanosecond" | "nanoseconds" => 1,
        "us" | "µs" | "micro" | "micros" | "microsecond" | "microseconds" => 1_000,
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => 1_000_000,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000_000_000,
        "m" | "min" | "minute" | "minutes" => 60_000_000_000,
        "h" | "hour" | "hours" => 3_600_000_000_000,
        "d" | "day" | "days" => 86_400_000_000_000,
        _ => return Err(QuantityError::Unit { unit, units: DURATION_UNITS }),
    };
    let total = u128::from(count) * u128::from(nanos);
    let (seconds, rest) = (total / 1_000_000_000, (total % 1_000_000_000) as u32);
    let seconds = u64::try_from(seconds).map_err(|_| QuantityError::TooLarge(text.trim().to_owned()))?;
    Ok(Duration::new(seconds, rest))
}

/// A size in bytes: digits, then a unit of 1024s (`b`, `kb`, `mb`, `gb`, `tb`, or their longer names), else bytes.
///
/// # Errors
/// Names what is not understood.
pub fn parse_memory_size(text: &str) -> Result<u64, QuantityError> {
    let (count, unit) = split(text)?;
    let shift = match unit.as_str() {
        "" | "b" | "byte" | "bytes" => 0,
        "k" | "kb" | "kib" | "kibibyte" | "kibibytes" => 10,
        "m" | "mb" | "mib" | "mebibyte" | "mebibytes" => 20,
        "g" | "gb" | "gib" | "gibibyte" | "gibibytes" => 30,
        "t" | "tb" | "tib" | "tebibyte" | "tebibytes" => 40,
        _ => return Err(QuantityError::Unit { unit, units: SIZE_UNITS }),
    };
    count.checked_mul(1 << shift).ok_or_else(|| QuantityError::TooLarge(text.trim().to_owned()))
}

fn split(text: &str) -> Result<(u64, String), QuantityError> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Err(QuantityError::NoNumber(text.to_owned()));
    }
    let count = text[..digits].parse().map_err(|_| QuantityError::TooLarge(text.to_owned()))?;
    Ok((count, text[digits..].trim().to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_flinks_units() {
        for (text, millis) in [("10 s", 10_000), ("500ms", 500), ("200", 200), ("2 min", 120_000), ("1h", 3_600_000), ("1 day", 86_400_000)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(
            parse_duration("5 fortnights").unwrap_err().to_string(),
            "`fortnights` is not a unit; units are ns, us, ms, s, min, h, d"
        );
        assert!(matches!(parse_duration("soon"), Err(QuantityError::NoNumber(_))));
    }

    #[test]
    fn sizes_have_flinks_units() {
        for (text, bytes) in [("128MB", 128 << 20), ("1 kb", 1024), ("7", 7), ("2g", 2 << 30)] {
            assert_eq!(parse_memory_size(text), Ok(bytes), "{text}");
        }
        assert!(matches!(parse_memory_size("99999999999999999 tb"), Err(QuantityError::TooLarge(_))));
    }
}
