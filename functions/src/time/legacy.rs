//! `java.text.SimpleDateFormat` in the locale en-US: UNIX_TIMESTAMP, FROM_UNIXTIME, CONVERT_TZ, TO_DATE with a format and
//! DATE_FORMAT of a text use it.
//!
//! Dates before 15 October 1582 are the Julian calendar's, unlike everywhere else: `GregorianCalendar` changes over there.
//! It reads leniently: what follows the pattern is ignored, fields may lie outside their range and count on.

use irmak_common::text::days_from_civil;

use super::DAY;
use super::fields::{Fields, MONTHS, WEEKDAYS};
use super::pattern::{Token, push_padded, read_offset, tokens};

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(super) struct SimpleFormat {
    tokens: Vec<Token>,
}

/// A wall clock in milliseconds; and the offset in seconds, where the text said one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) local: i64,
    pub(super) offset: Option<i64>,
}

/// The pattern where nobody gives one.
pub(super) const DEFAULT: &str = "yyyy-MM-dd HH:mm:ss";

impl SimpleFormat {
    /// # Errors
    /// For a pattern that Java refuses.
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let tokens = tokens(pattern, false)?;
        for token in &tokens {
            if let Token::Field(letter, _) = token
                && !"GyYMLwWDdFEuaHkKhmsSzZX".contains(*letter)
            {
                return Err(format!("Illegal pattern character '{letter}'"));
            }
        }
        Ok(Self { tokens })
    }

    /// Appends a wall clock, in milliseconds, that is so many seconds ahead of UTC.
    pub(super) fn format(&self, local: i64, offset: i64, out: &mut String) {
        let at = hybrid_fields(local);
        for token in &self.tokens {
            match token {
                Token::Field(letter, count) => write_field(*letter, *count, &at, offset, out),
                Token::Literal(text) => out.push_str(text),
                Token::OptionalStart | Token::OptionalEnd => {}
            }
        }
    }

    /// What a text says; `None` where it does not match the pattern.
    pub(super) fn parse(&self, text: &str) -> Option<Read> {
        let (mut reader, mut said) = (Reader { text, at: 0 }, Said::default());
        for (at, token) in self.tokens.iter().enumerate() {
            match token {
                Token::Field(letter, count) => {
                    // Digits run into each other only where a number follows without anything between.
                    let abutting = matches!(self.tokens.get(at + 1), Some(Token::Field(next, width)) if is_number(*next, *width));
                    said.take(*letter, *count, if abutting { *count } else { usize::MAX }, &mut reader)?;
                }
                Token::Literal(literal) => reader.literal(literal)?,
                Token::OptionalStart | Token::OptionalEnd => {}
            }
        }
        said.read()
    }
}

/// The fields that a text has said so far.
struct Said {
    year: i64,
    month: i64,
    day: i64,
    day_of_year: Option<i64>,
    hour: i64,
    half_hour: Option<i64>,
    afternoon: bool,
    minute: i64,
    second: i64,
    milli: i64,
    offset: Option<i64>,
}

impl Default for Said {
    fn default() -> Self {
        Self {
            year: 1970,
            month: 1,
            day: 1,
            day_of_year: None,
            hour: 0,
            half_hour: None,
            afternoon: false,
            minute: 0,
            second: 0,
            milli: 0,
            offset: None,
        }
    }
}

impl Said {
    /// Reads one field, of at most so many digits if it is a number.
    fn take(&mut self, letter: char, count: usize, digits: usize, reader: &mut Reader<'_>) -> Option<()> {
        let mut number = || reader.number(digits);
        match letter {
            'y' | 'Y' => {
                let start = number()?;
                self.year = if count <= 2 && start.digits == 2 { century(start.value) } else { start.value };
            }
            'M' | 'L' if count >= 3 => self.month = reader.name(&MONTHS)? + 1,
            'M' | 'L' => self.month = number()?.value,
            'd' => self.day = number()?.value,
            'D' => self.day_of_year = Some(number()?.value),
            'E' => {
                reader.name(&WEEKDAYS)?;
            }
            'a' => self.afternoon = reader.afternoon()?,
            'H' => self.hour = number()?.value,
            'k' => self.hour = number()?.value % 24,
            'K' => self.half_hour = Some(number()?.value),
            'h' => self.half_hour = Some(number()?.value % 12),
            'm' => self.minute = number()?.value,
            's' => self.second = number()?.value,
            'S' => self.milli = number()?.value,
            'z' | 'Z' | 'X' => self.offset = Some(reader.offset()?),
            'G' => reader.literal("AD")?,
            _ => {
                number()?;
            }
        }
        Some(())
    }

    /// The moment; fields beyond their bounds run over into the next. `None`: too far away.
    fn read(self) -> Option<Read> {
        let hour = self.half_hour.map_or(self.hour, |half| half + if self.afternoon { 12 } else { 0 });
        let months = self.year.checked_mul(12)?.checked_add(self.month - 1)?;
        let first = |year: i64, month: u32| hybrid_days(year, month, 1);
        let days = match self.day_of_year {
            Some(nth) => first(self.year, 1) + nth - 1,
            None => {
                let (year, month) = (months.div_euclid(12), months.rem_euclid(12) as u32 + 1);
                // Days count on from the day itself where it exists, so that the days left out in 1582 stay out.
                if (1..=31).contains(&self.day) { hybrid_days(year, month, self.day as u32) } else { first(year, month) + self.day - 1 }
            }
        };
        let clock = hour * 3_600_000 + self.minute * 60_000 + self.second * 1_000 + self.milli;
        Some(Read { local: days.checked_mul(DAY)?.checked_add(clock)?, offset: self.offset })
    }
}

/// 15 October 1582, in days since 1970-01-01: the first day of the Gregorian calendar, after 4 October of the Julian.
const CHANGEOVER: i64 = -141_427;

/// What 1 March of the year 0, Julian, is in days since 1970-01-01.
const JULIAN_START: i64 = -719_470;

/// Days since 1970-01-01 of a date of the calendar that was in force.
fn hybrid_days(year: i64, month: u32, day: u32) -> i64 {
    let gregorian = days_from_civil(year, month, day);
    if gregorian >= CHANGEOVER {
        return gregorian;
    }
    let year = year - i64::from(month <= 2);
    let shifted_month = i64::from(if month > 2 { month - 3 } else { month + 9 });
    year * 365 + year.div_euclid(4) + (153 * shifted_month + 2) / 5 + i64::from(day) - 1 + JULIAN_START
}

/// A wall clock, with the date of the calendar that was in force.
fn hybrid_fields(millis: i64) -> Fields {
    let mut fields = Fields::of_millis(millis);
    if fields.days >= CHANGEOVER {
        return fields;
    }
    let since = fields.days - JULIAN_START;
    let day_of_cycle = since.rem_euclid(1_461);
    let year_of_cycle = (day_of_cycle - day_of_cycle / 1_460) / 365;
    let day_of_year = day_of_cycle - 365 * year_of_cycle;
    let shifted_month = (5 * day_of_year + 2) / 153;
    fields.day = (day_of_year - (153 * shifted_month + 2) / 5 + 1) as u32;
    fields.month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 } as u32;
    fields.year = since.div_euclid(1_461) * 4 + year_of_cycle + i64::from(fields.month <= 2);
    fields
}

fn is_number(letter: char, count: usize) -> bool {
    match letter {
        'M' | 'L' => count < 3,
        'G' | 'E' | 'a' | 'z' | 'Z' | 'X' => false,
        _ => true,
    }
}

/// Two digits of a year lie between 80 years ago and 20 years ahead; the present is taken to be 2025, for an answer that no clock
/// changes.
fn century(year: i64) -> i64 {
    if year <= 45 { 2_000 + year } else { 1_900 + year }
}

fn write_field(letter: char, count: usize, at: &Fields, offset: i64, out: &mut String) {
    let hour = at.hour();
    let name = |out: &mut String, name: &str| out.push_str(if count >= 4 { name } else { &name[..3] });
    match letter {
        'y' | 'Y' => {
            let year = if letter == 'Y' {
                at.us_week().0
            } else if at.year <= 0 {
                1 - at.year
            } else {
                at.year
            };
            if count == 2 { push_padded(out, year % 100, 2) } else { push_padded(out, year, count) }
        }
        'M' | 'L' if count >= 3 => name(out, MONTHS[at.month as usize - 1]),
        'M' | 'L' => push_padded(out, at.month.into(), count),
        'E' => name(out, WEEKDAYS[at.iso_weekday() as usize - 1]),
        'G' => out.push_str(if at.year > 0 { "AD" } else { "BC" }),
        'a' => out.push_str(if hour < 12 { "AM" } else { "PM" }),
        'z' | 'Z' | 'X' => write_offset(letter, count, offset, out),
        'd' => push_padded(out, at.day.into(), count),
        'D' => push_padded(out, at.day_of_year(), count),
        'w' => push_padded(out, at.us_week().1, count),
        'W' => push_padded(out, at.us_week_of_month(), count),
        'F' => push_padded(out, (i64::from(at.day) - 1) / 7 + 1, count),
        'u' => push_padded(out, at.iso_weekday(), count),
        'H' => push_padded(out, hour, count),
        'k' => push_padded(out, (hour + 23) % 24 + 1, count),
        'K' => push_padded(out, hour % 12, count),
        'h' => push_padded(out, (hour + 11) % 12 + 1, count),
        'm' => push_padded(out, at.minute(), count),
        's' => push_padded(out, at.second(), count),
        _ => push_padded(out, at.milli_of_day % 1_000, count),
    }
}

fn write_offset(letter: char, count: usize, offset: i64, out: &mut String) {
    if letter == 'X' && offset == 0 {
        return out.push('Z');
    }
    if letter == 'z' {
        out.push_str(if offset == 0 { "UTC" } else { "GMT" });
        if offset == 0 {
            return;
        }
    }
    out.push(if offset < 0 { '-' } else { '+' });
    let minutes = offset.abs() / 60;
    push_padded(out, minutes / 60, 2);
    if letter == 'X' && count == 1 {
        return;
    }
    if letter == 'z' || letter == 'X' && count == 3 {
        out.push(':');
    }
    push_padded(out, minutes % 60, 2);
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

struct Number {
    value: i64,
    digits: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn literal(&mut self, literal: &str) -> Option<()> {
        self.rest().starts_with(literal).then_some(())?;
        self.at += literal.len();
        Some(())
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    }

    fn number(&mut self, most: usize) -> Option<Number> {
        self.skip_blanks();
        let negative = self.rest().starts_with('-');
        self.at += usize::from(negative);
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count().min(most);
        // Years of ten digits are no dates that anybody means.
        if digits == 0 || digits > 10 {
            return None;
        }
        let value: i64 = self.rest()[..digits].parse().ok()?;
        self.at += digits;
        Some(Number { value: if negative { -value } else { value }, digits })
    }

    /// The long name or the short one, in any case.
    fn name(&mut self, names: &[&str]) -> Option<i64> {
        self.skip_blanks();
        let rest = self.rest().to_ascii_lowercase();
        let (index, length) = names.iter().enumerate().find_map(|(index, name)| {
            let name = name.to_ascii_lowercase();
            if rest.starts_with(&name) { Some((index, name.len())) } else { rest.starts_with(&name[..3]).then_some((index, 3)) }
        })?;
        self.at += length;
        Some(index as i64)
    }

    fn afternoon(&mut self) -> Option<bool> {
        self.skip_blanks();
        let half = self.rest().get(..2)?.to_ascii_uppercase();
        self.at += 2;
        match half.as_str() {
            "AM" => Some(false),
            "PM" => Some(true),
            _ => None,
        }
    }

    fn offset(&mut self) -> Option<i64> {
        self.skip_blanks();
        for name in ["GMT", "UTC"] {
            if self.rest().starts_with(name) {
                self.at += name.len();
                if !self.rest().starts_with(['+', '-']) {
                    return Some(0);
                }
            }
        }
        let (offset, length) = read_offset(self.rest(), true)?;
        self.at += length;
        Some(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_leniently() {
        for (pattern, text, millis) in [
            (DEFAULT, "2025-02-16 07:08:09", Some(1_739_689_689_000)),
            (DEFAULT, "2025-02-16 07:08:09.999", Some(1_739_689_689_000)),
            (DEFAULT, "2025-2-6 7:8:9", Some(1_738_825_689_000)),
            (DEFAULT, "2025-13-01 00:00:00", Some(1_767_225_600_000)),
            (DEFAULT, "2025-02-16", None),
            (DEFAULT, "bad", None),
            ("dd.MM.yyyy", "16.02.2025", Some(1_739_664_000_000)),
            ("yyyyMMdd", "20250216", Some(1_739_664_000_000)),
            ("d MMM yy", "16 Feb 25", Some(1_739_664_000_000)),
        ] {
            assert_eq!(SimpleFormat::new(pattern).unwrap().parse(text).map(|read| read.local), millis, "{pattern} {text}");
        }
        let zoned = SimpleFormat::new("yyyy-MM-dd'T'HH:mm:ss.SSSXXX").unwrap().parse("2025-02-16T07:08:09.123+02:00").unwrap();
        assert_eq!(zoned, Read { local: 1_739_689_689_123, offset: Some(7_200) });
    }

    #[test]
    fn dates_before_1582_are_julian() {
        let format = SimpleFormat::new("yyyy-MM-dd").unwrap();
        for (text, days) in [("0001-01-01", -719_164), ("1582-10-04", CHANGEOVER - 1), ("1582-10-15", CHANGEOVER), ("1000-02-29", -354_221)]
        {
            assert_eq!(format.parse(text).unwrap().local, days * DAY, "{text}");
            let mut out = String::new();
            format.format(days * DAY, 0, &mut out);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn wall_clocks_are_written() {
        for (pattern, text) in
            [("yyyy/MM/dd HH", "2025/02/16 07"), ("u F S", "7 3 123"), ("yy EEE", "25 Sun"), ("XXX", "+02:00"), ("Z", "+0200")]
        {
            let mut out = String::new();
            SimpleFormat::new(pattern).unwrap().format(1_739_689_689_123, 7_200, &mut out);
            assert_eq!(out, text, "{pattern}");
        }
    }
}
