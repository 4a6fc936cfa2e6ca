//! The time that a partition is of, read from its values: `day=2025-02-16/hour=07` with `$day $hour:00:00`.
//!
//! Source: Flink 1.20's `DefaultPartTimeExtractor`: a pattern puts the text together, a formatter of `java.time` takes it apart; without a
//! formatter, `yyyy-M-d[ H:m:s[.f]]` is read leniently, so that hour 24 is the next day.

use irmak_common::text::days_from_civil;
use irmak_common::time::Millis;

use crate::error::ConnectorError;
use crate::options::Options;

const DAY_MS: i64 = 86_400_000;

/// How a partition's time is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PartitionTime {
    /// `partition.time-extractor.timestamp-pattern`; `None`: the first partition column's value.
    pattern: Option<String>,
    /// `partition.time-extractor.timestamp-formatter`; `None`: Flink's lenient default.
    formatter: Option<Vec<Part>>,
}

/// A piece of a formatter.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(char),
    /// A field and how many digits: `width` at least, any number (up to what the field may have) where the letter stands once.
    Number(Unit, usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
    Fraction,
}

impl PartitionTime {
    pub(super) fn read(options: &Options<'_>) -> Result<Self, ConnectorError> {
        let kind_key = "partition.time-extractor.kind";
        let class = options.get("partition.time-extractor.class");
        if class.is_some() || options.get(kind_key).is_some_and(|kind| !kind.trim().eq_ignore_ascii_case("default")) {
            let instead = "there is no JVM to load a class: use 'partition.time-extractor.timestamp-pattern' and '.timestamp-formatter'";
            return Err(options.unsupported("'partition.time-extractor.class' ('partition.time-extractor.kind' = 'custom')", instead));
        }
        let key = "partition.time-extractor.timestamp-formatter";
        let parse = |text: &str| {
            parts(text).ok_or_else(|| options.bad(key, text, "letters yyyy, MM, dd, HH, mm, ss, SSS and what stands between them"))
        };
        Ok(Self {
            pattern: options.get("partition.time-extractor.timestamp-pattern").map(str::to_owned),
            formatter: options.get(key).map(parse).transpose()?,
        })
    }

    /// Milliseconds since the epoch on the wall clock; `Err` holds the text that is no time.
    pub(super) fn of(&self, values: &[(String, String)]) -> Result<Millis, String> {
        let text = match &self.pattern {
            None => values.first().map(|(_, value)| value.clone()).unwrap_or_default(),
            Some(pattern) => {
                // Longer names first, so that `$day` is not taken for `$d` and `ay`.
                let mut values: Vec<_> = values.iter().collect();
                values.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
                values.into_iter().fold(pattern.clone(), |text, (name, value)| text.replace(&format!("${name}"), value))
            }
        };
        let time = match &self.formatter {
            Some(parts) => formatted(&text, parts),
            None => lenient(&text),
        };
        time.ok_or(text)
    }
}

/// `yyyy-M-d`, and perhaps a time behind it; months and hours may run over.
fn lenient(text: &str) -> Option<Millis> {
    let (date, time) = text.split_once(' ').map_or((text, None), |(date, time)| (date, Some(time)));
    let (negative, date) = date.strip_prefix('-').map_or((false, date), |date| (true, date));
    let mut parts = date.split('-');
    let (year, month, day) = (digits(parts.next()?, 10)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let millis = match time {
        None => 0,
        Some(time) => {
            let mut parts = time.split(':');
            let (hour, minute, rest) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?, parts.next()?);
            let (second, fraction) = rest.split_once('.').unwrap_or((rest, "0"));
            if parts.next().is_some() {
                return None;
            }
            ((hour * 60 + minute) * 60 + digits(second, 2)?) * 1_000 + fraction_ms(fraction)?
        }
    };
    if parts.next().is_some() {
        return None;
    }
    Some(midnight(if negative { -year } else { year }, month, day) + millis)
}

fn midnight(year: i64, month: i64, day: i64) -> Millis {
    let (years, month) = ((month - 1).div_euclid(12), (month - 1).rem_euclid(12));
    (days_from_civil(year + years, month as u32 + 1, 1) + day - 1) * DAY_MS
}

/// A number of one to `width` digits.
fn digits(text: &str, width: usize) -> Option<i64> {
    let fits = !text.is_empty() && text.len() <= width && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

/// The milliseconds of up to nine digits behind the point.
fn fraction_ms(text: &str) -> Option<i64> {
    let value = digits(text, 9)?;
    Some(value * 10i64.pow(9 - text.len() as u32) / 1_000_000)
}

/// The parts of a formatter's pattern; `None`: a letter that is not known here.
fn parts(pattern: &str) -> Option<Vec<Part>> {
    let mut parts = Vec::new();
    let mut chars = pattern.chars().peekable();
    while let Some(character) = chars.next() {
        let unit = match character {
            'y' | 'u' => Unit::Year,
            'M' | 'L' => Unit::Month,
            'd' => Unit::Day,
            'H' => Unit::Hour,
            'm' => Unit::Minute,
            's' => Unit::Second,
            'S' => Unit::Fraction,
            '\'' => {
                let quoted: String = std::iter::from_fn(|| chars.next_if(|next| *next != '\'')).collect();
                chars.next()?;
                parts.extend(if quoted.is_empty() { "'".to_owned() } else { quoted }.chars().map(Part::Literal));
                continue;
            }
            letter if letter.is_ascii_alphabetic() || matches!(letter, '[' | ']' | '{' | '}' | '#') => return None,
            literal => {
                parts.push(Part::Literal(literal));
                continue;
            }
        };
        let more = std::iter::from_fn(|| chars.next_if_eq(&character)).count();
        parts.push(Part::Number(unit, more + 1));
    }
    Some(parts)
}

/// The text as the parts say it is; fields that are not there are the first ones.
fn formatted(text: &str, parts: &[Part]) -> Option<Millis> {
    let (mut rest, mut found) = (text, [1970, 1, 1, 0, 0, 0, 0]);
    for (at, part) in parts.iter().enumerate() {
        match part {
            Part::Literal(literal) => rest = rest.strip_prefix(*literal)?,
            Part::Number(unit, width) => {
                let next_is_number = matches!(parts.get(at + 1), Some(Part::Number(..)));
                // `yyyyMMdd`: digits that touch have their width; else a year may be longer, and a single letter takes what is there.
                let most = match (unit, width) {
                    (Unit::Fraction, width) => *width,
                    _ if next_is_number => *width,
                    (_, 1) => 10,
                    (Unit::Year, width) => (*width).max(10),
                    (_, width) => *width,
                };
                let count = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
                let (number, behind) = rest.split_at(count);
                if count < *width {
                    return None;
                }
                found[*unit as usize] = match unit {
                    Unit::Fraction => fraction_ms(number)?,
                    Unit::Year if *width == 2 => 2000 + digits(number, 2)?,
                    _ => digits(number, 10)?,
                };
                rest = behind;
            }
        }
    }
    let [year, month, day, hour, minute, second, millis] = found;
    let good = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
    (rest.is_empty() && good).then(|| midnight(year, month, day) + ((hour * 60 + minute) * 60 + second) * 1_000 + millis)
}

#[cfg(test)]
mod tests {
    use irmak_common::operator_spec::ConnectorSpec;

    use super::*;

    const HOUR: Millis = 3_600_000;
    /// 2025-02-16.
    const DAY: Millis = 20_135 * DAY_MS;

    fn time(pattern: Option<&str>, formatter: Option<&str>, values: &[(&str, &str)]) -> Result<Millis, String> {
        let keys = [("timestamp-pattern", pattern), ("timestamp-formatter", formatter)];
        let given = keys.into_iter().filter_map(|(key, value)| Some((format!("partition.time-extractor.{key}"), value?.to_owned())));
        let connector = ConnectorSpec { connector: "filesystem".into(), options: given.collect() };
        let values: Vec<_> = values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        PartitionTime::read(&Options::new("t", &connector)).map_err(|error| error.to_string())?.of(&values)
    }

    #[test]
    fn times_are_put_together_and_taken_apart_as_flink_does() {
        let two = [("day", "2025-02-16"), ("hour", "7")];
        for (pattern, formatter, values, expected) in [
            (None, None, &two[..], Ok(DAY)),
            (Some("$day $hour:00:00"), None, &two, Ok(DAY + 7 * HOUR)),
            (Some("$day 24:00:00"), None, &two, Ok(DAY + 24 * HOUR)),
            (Some("$day $hour:30:00.5"), None, &two, Ok(DAY + 7 * HOUR + 1_800_500)),
            (Some("$dt"), Some("yyyyMMdd"), &[("dt", "20250216")], Ok(DAY)),
            (Some("$dt$h"), Some("yyyyMMddHH"), &[("dt", "20250216"), ("h", "07")], Ok(DAY + 7 * HOUR)),
            (Some("$dt"), Some("yyyy-MM-dd'T'HH"), &[("dt", "2025-02-16T07")], Ok(DAY + 7 * HOUR)),
            (Some("$d$da"), Some("dd/MM/yyyy"), &[("d", "16/0"), ("da", "2/2025")], Ok(DAY)),
            (None, None, &[("day", "__DEFAULT_PARTITION__")], Err("__DEFAULT_PARTITION__")),
            (Some("$dt"), Some("yyyyMMdd"), &[("dt", "2025021")], Err("2025021")),
        ] {
            assert_eq!(time(pattern, formatter, values), expected.map_err(str::to_owned), "{pattern:?} {formatter:?}");
        }
        assert!(time(None, Some("yyyy-QQ"), &two).unwrap_err().contains("timestamp-formatter"));
    }
}
