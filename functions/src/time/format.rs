//! `java.time.format.DateTimeFormatter` in the locale en-US: what DATE_FORMAT of a timestamp writes, and TO_TIMESTAMP reads.

use irmak_common::text::{Instant, days_from_civil, days_in_month};

use super::fields::{Fields, MONTHS, WEEKDAYS};
use super::jdbc;
use super::pattern::{Token, push_padded, read_offset, tokens};

/// A compiled pattern.
#[derive(Clone, Debug)]
pub(super) struct Formatter {
    tokens: Vec<Token>,
}

impl Formatter {
    /// # Errors
    /// For a pattern that Java refuses.
    pub(super) fn new(pattern: &str) -> Result<Self, String> {
        let tokens = tokens(pattern, true)?;
        for token in &tokens {
            if let Token::Field(letter, count) = token
                && !is_known(*letter, *count)
            {
                return Err(format!("Unknown pattern letter: {letter} in `{pattern}`"));
            }
        }
        Ok(Self { tokens })
    }

    /// Appends a wall clock.
    ///
    /// # Errors
    /// For letters that ask for a zone, which a wall clock does not have.
    pub(super) fn format(&self, at: &Fields, out: &mut String) -> Result<(), String> {
        for token in &self.tokens {
            match token {
                Token::Literal(text) => out.push_str(text),
                Token::Field(letter, count) => write_field(*letter, *count, at, out)?,
                Token::OptionalStart | Token::OptionalEnd => {}
            }
        }
        Ok(())
    }

    /// The wall clock that a text says; `None` where it does not match, to its end, or says no possible time. What the pattern
    /// leaves out is that of 1970-01-01 00:00:00. A text that does not match may still be a JDBC timestamp or date.
    ///
    /// Source: Flink's `DateTimeUtils.parseTimestampData(String, String)`.
    pub(super) fn parse(&self, text: &str) -> Option<Instant> {
        let mut reader = Reader { text, at: 0, parsed: Parsed::default() };
        match reader.read(&self.tokens) {
            Some(()) if reader.at == text.len() => reader.parsed.resolve(),
            _ => jdbc::parse(text),
        }
    }
}

fn is_known(letter: char, count: usize) -> bool {
    match letter {
        'y' | 'u' | 'Y' => count <= 19,
        'M' | 'L' | 'E' | 'e' | 'c' | 'G' | 'Q' | 'q' | 'X' | 'x' | 'Z' => count <= 5,
        'd' | 'h' | 'H' | 'k' | 'K' | 'm' | 's' | 'w' => count <= 2,
        'D' => count <= 3,
        'S' => count <= 9,
        'A' | 'n' | 'N' => count <= 19,
        'a' | 'F' | 'W' => count == 1,
        'V' => count == 2,
        'z' | 'v' | 'O' => count <= 4,
        _ => false,
    }
}

fn write_field(letter: char, count: usize, at: &Fields, out: &mut String) -> Result<(), String> {
    let hour = at.hour();
    let name = |out: &mut String, name: &str| match count {
        4 => out.push_str(name),
        5 => out.push_str(&name[..1]),
        _ => out.push_str(&name[..3]),
    };
    match (letter, count) {
        ('y' | 'u' | 'Y', _) => {
            let year = if letter == 'Y' { at.us_week().0 } else { at.year };
            // Year of the era: 0 is 1 BC.
            write_year(if letter == 'y' && year <= 0 { 1 - year } else { year }, count, out);
        }
        ('M' | 'L', 1 | 2) => push_padded(out, at.month.into(), count),
        ('M' | 'L', _) => name(out, MONTHS[at.month as usize - 1]),
        ('E', _) | ('e' | 'c', 3..) => name(out, WEEKDAYS[at.iso_weekday() as usize - 1]),
        ('e' | 'c', _) => push_padded(out, at.us_weekday(), count),
        ('Q' | 'q', 1 | 2) => push_padded(out, at.quarter().into(), count),
        ('Q' | 'q', 3) => out.push_str(["Q1", "Q2", "Q3", "Q4"][at.quarter() as usize - 1]),
        ('Q' | 'q', _) => out.push_str(["1st quarter", "2nd quarter", "3rd quarter", "4th quarter"][at.quarter() as usize - 1]),
        ('G', 4) => out.push_str(if at.year > 0 { "Anno Domini" } else { "Before Christ" }),
        ('G', 5) => out.push_str(if at.year > 0 { "A" } else { "B" }),
        ('G', _) => out.push_str(if at.year > 0 { "AD" } else { "BC" }),
        ('d', _) => push_padded(out, at.day.into(), count),
        ('D', _) => push_padded(out, at.day_of_year(), count),
        ('w', _) => push_padded(out, at.us_week().1, count),
        ('W', _) => push_padded(out, at.us_week_of_month(), count),
        ('F', _) => push_padded(out, (i64::from(at.day) - 1) % 7 + 1, count),
        ('a', _) => out.push_str(if hour < 12 { "AM" } else { "PM" }),
        ('H', _) => push_padded(out, hour, count),
        ('k', _) => push_padded(out, (hour + 23) % 24 + 1, count),
        ('K', _) => push_padded(out, hour % 12, count),
        ('h', _) => push_padded(out, (hour + 11) % 12 + 1, count),
        ('m', _) => push_padded(out, at.minute(), count),
        ('s', _) => push_padded(out, at.second(), count),
        ('S', _) => push_padded(out, i64::from(at.nanos) / 10_i64.pow(9 - count.min(9) as u32), count),
        ('n', _) => push_padded(out, at.nanos.into(), count),
        ('A', _) => push_padded(out, at.milli_of_day, count),
        ('N', _) => push_padded(out, at.milli_of_day / 1_000 * 1_000_000_000 + i64::from(at.nanos), count),
        _ => return Err(format!("Unable to extract a zone for the pattern letter {letter} from a time without zone")),
    }
    Ok(())
}

fn write_year(year: i64, count: usize, out: &mut String) {
    match count {
        2 => push_padded(out, year.rem_euclid(100), 2),
        1 | 3 => push_padded(out, year, count),
        _ => {
            if year >= 10_i64.pow(count.min(18) as u32) {
                out.push('+');
            }
            push_padded(out, year, count);
        }
    }
}

/// What was read so far.
#[derive(Clone, Debug, Default)]
struct Parsed {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: Option<i64>,
    half_day_hour: Option<i64>,
    afternoon: Option<bool>,
    minute: Option<i64>,
    second: Option<i64>,
    nanos: Option<i64>,
    milli_of_day: Option<i64>,
}

impl Parsed {
    fn resolve(&self) -> Option<Instant> {
        let days = self.days()?;
        let within = |value: Option<i64>, last: i64| match value {
            None => Some(0),
            Some(value) => (0..=last).contains(&value).then_some(value),
        };
        let (minute, second) = (within(self.minute, 59)?, within(self.second, 59)?);
        let hour = match (self.hour, self.half_day_hour) {
            (Some(24), _) if minute == 0 && second == 0 => 24,
            (Some(hour), _) => within(Some(hour), 23)?,
            (None, Some(hour)) => match (within(Some(hour), 11)?, self.afternoon) {
                (hour, Some(afternoon)) => hour + if afternoon { 12 } else { 0 },
                // Which half of the day is not said: then the hour is not known.
                (_, None) => 0,
            },
            (None, None) => 0,
        };
        if let Some(millis) = self.milli_of_day {
            let seconds = days * 86_400 + within(Some(millis), 86_399_999)? / 1_000;
            return Some(Instant { seconds, nanos: (millis % 1_000 * 1_000_000) as u32 });
        }
        let nanos = within(self.nanos, 999_999_999)? as u32;
        Some(Instant { seconds: days * 86_400 + hour * 3_600 + minute * 60 + second, nanos })
    }
    /// Days since the epoch. A whole date has its day cut to the month's length; one that is completed must be possible as it is.
    fn days(&self) -> Option<i64> {
        let year = self.year.unwrap_or(1970);
        if year.abs() > 999_999_999 {
            return None;
        }
        if let (Some(day), true, false) = (self.day_of_year, self.year.is_some(), self.month.is_some() && self.day.is_some()) {
            return Some(days_from_civil(year, 1, 1) + (1..=366).contains(&day).then_some(day - 1)?);
        }
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        let valid = (1..=12).contains(&month) && (1..=31).contains(&day);
        let (month, day) = valid.then_some((month as u32, day as u32))?;
        let length = days_in_month(year, month);
        let whole = self.year.is_some() && self.month.is_some() && self.day.is_some();
        (whole || day <= length).then(|| days_from_civil(year, month, day.min(length)))
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    parsed: Parsed,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Reads all tokens; `None` where the text does not match.
    fn read(&mut self, tokens: &[Token]) -> Option<()> {
        let mut at = 0;
        while at < tokens.len() {
            match &tokens[at] {
                Token::Literal(text) => {
                    self.rest().starts_with(text.as_str()).then_some(())?;
                    self.at += text.len();
                }
                Token::Field(letter, count) => self.field(*letter, *count, reserved(&tokens[at + 1..]))?,
                Token::OptionalEnd => {}
                Token::OptionalStart => {
                    let end = at + closing(&tokens[at..]);
                    let (place, parsed) = (self.at, self.parsed.clone());
                    if self.read(&tokens[at + 1..end]).is_none() {
                        (self.at, self.parsed) = (place, parsed);
                    }
                    at = end;
                }
            }
            at += 1;
        }
        Some(())
    }

    fn field(&mut self, letter: char, count: usize, reserved: usize) -> Option<()> {
        match (letter, count) {
            ('y' | 'u', 2) => self.parsed.year = Some(2_000 + self.number(2, 2, 0)?),
            ('y' | 'u', _) => {
                let signed = self.rest().starts_with('+');
                self.at += usize::from(signed);
                let (start, most) = (self.at, if count >= 4 && !signed { count } else { 19 });
                // More digits than the pattern's need a sign, unless other digits follow.
                let year = self.number(count, if reserved > 0 { 19 } else { most }, reserved)?;
                if count >= 4 && signed && self.at - start <= count {
                    return None;
                }
                self.parsed.year = Some(year);
            }
            ('M' | 'L', 3 | 4) => self.parsed.month = Some(self.name(&MONTHS, count)? as i64 + 1),
            ('M' | 'L', _) => self.parsed.month = Some(self.value(count, reserved)?),
            ('E', _) => {
                self.name(&WEEKDAYS, count)?;
            }
            ('d', _) => self.parsed.day = Some(self.value(count, reserved)?),
            ('D', _) => {
                self.parsed.day_of_year = Some(if count == 1 { self.value(1, reserved)? } else { self.number(count, 3, reserved)? })
            }
            ('H', _) => self.parsed.hour = Some(self.value(count, reserved)?),
            ('k', _) => self.parsed.hour = Some(self.value(count, reserved)? % 24),
            ('h', _) => self.parsed.half_day_hour = Some(self.value(count, reserved)? % 12),
            ('K', _) => self.parsed.half_day_hour = Some(self.value(count, reserved)?),
            ('a', _) => {
                let rest = self.rest();
                self.parsed.afternoon = Some(if rest.starts_with("AM") { false } else { rest.starts_with("PM").then_some(true)? });
                self.at += 2;
            }
            ('m', _) => self.parsed.minute = Some(self.value(count, reserved)?),
            ('s', _) => self.parsed.second = Some(self.value(count, reserved)?),
            ('S', _) => self.parsed.nanos = Some(self.number(count, count, 0)? * 10_i64.pow(9 - count as u32)),
            ('n', _) => self.parsed.nanos = Some(self.number(count, 19, reserved)?),
            ('A', _) => self.parsed.milli_of_day = Some(self.number(count, 19, reserved)?),
            ('X' | 'x' | 'Z', _) => {
                let (_, length) = read_offset(self.rest(), letter == 'X')?;
                self.at += length;
            }
            _ => return None,
        }
        Some(())
    }

    /// A number of exactly two digits where the letter stands twice, of any length where it stands once.
    fn value(&mut self, count: usize, reserved: usize) -> Option<i64> {
        if count == 1 { self.number(1, 19, reserved) } else { self.number(count, count, 0) }
    }

    fn number(&mut self, least: usize, most: usize, reserved: usize) -> Option<i64> {
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let taken = digits.saturating_sub(reserved).min(most).max(least.min(digits));
        if taken < least {
            return None;
        }
        let value = self.rest()[..taken].parse().ok()?;
        self.at += taken;
        Some(value)
    }

    fn name(&mut self, names: &[&str], count: usize) -> Option<usize> {
        let rest = self.rest();
        let shown = |name: &'static str| if count >= 4 { name } else { &name[..3] };
        let found =
            MONTHS.iter().chain(&WEEKDAYS).copied().filter(|name| names.contains(name)).find(|name| rest.starts_with(shown(name)))?;
        self.at += shown(found).len();
        names.iter().position(|name| *name == found)
    }
}

/// Digits that the numbers right behind need: a number before them leaves so many.
fn reserved(tokens: &[Token]) -> usize {
    let width = |token: &Token| match token {
        Token::Field('M' | 'L' | 'e' | 'c' | 'Q' | 'q', 3..) => None,
        Token::Field('M' | 'L' | 'd' | 'D' | 'H' | 'h' | 'K' | 'k' | 'm' | 's', count) if *count >= 2 => Some(*count),
        Token::Field('S', count) => Some(*count),
        Token::Field('y' | 'u', 2) => Some(2),
        _ => None,
    };
    tokens.iter().map_while(width).sum()
}

/// Where the bracket that opens at 0 closes; the end where it does not.
fn closing(tokens: &[Token]) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::OptionalStart => depth += 1,
            Token::OptionalEnd => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_writes_what_java_writes() {
        let at = Fields::of_millis(1_739_689_689_123);
        for (pattern, text) in [
            ("yyyy-MM-dd HH:mm:ss.SSS", "2025-02-16 07:08:09.123"),
            ("yy/M/d", "25/2/16"),
            ("EEE", "Sun"),
            ("EEEE", "Sunday"),
            ("MMM", "Feb"),
            ("MMMM", "February"),
            ("D", "47"),
            ("w", "8"),
            ("e", "1"),
            ("a hh", "AM 07"),
            ("K k", "7 7"),
            ("yyyyMMddHHmmssSSS", "20250216070809123"),
            ("Q", "1"),
            ("G", "AD"),
            ("u", "2025"),
            ("yyyy''MM", "2025'02"),
            ("SSSSSS", "123000"),
            ("n", "123000000"),
            ("'T'HH", "T07"),
            ("YYYY", "2025"),
            ("A", "25689123"),
            ("F", "2"),
        ] {
            let mut out = String::new();
            Formatter::new(pattern).unwrap().format(&at, &mut out).unwrap();
            assert_eq!(out, text, "{pattern}");
        }
        assert!(Formatter::new("J").is_err() && Formatter::new("X").unwrap().format(&at, &mut String::new()).is_err());
    }

    #[test]
    fn texts_are_read_by_the_pattern_and_completed_from_1970() {
        for (pattern, text, millis) in [
            ("dd/MM/yyyy HH-mm", "16/02/2025 07-08", Some(1_739_689_680_000)),
            ("yyyy-MM-dd'T'HH:mm:ss.SSSX", "2025-02-16T07:08:09.123Z", Some(1_739_689_689_123)),
            ("yyyyMMddHHmmss", "20250216070809", Some(1_739_689_689_000)),
            ("yyyy-MM-dd", "2025-02-16", Some(1_739_664_000_000)),
            ("yyyy-MM-dd[ HH:mm]", "2025-02-16", Some(1_739_664_000_000)),
            ("yyyy-MM-dd[ HH:mm]", "2025-02-16 07:08", Some(1_739_689_680_000)),
            ("d MMM yyyy h:mm a", "16 Feb 2025 7:08 PM", Some(1_739_732_880_000)),
            ("yyyy-MM-dd", "2025-02-30", Some(1_740_700_800_000)),
            ("yyyy-MM-dd", "2025-02-16 x", None),
            ("yyyyMMdd", "2025-2-16", Some(1_739_664_000_000)),
            ("yyyy/MM/dd", "2025-02-16 07:08:09.5", Some(1_739_689_689_500)),
            ("HH:mm", "07:08", Some(25_680_000)),
            ("hh:mm", "07:08", Some(480_000)),
            ("yyyy-MM", "2025-02", Some(1_738_368_000_000)),
            ("yyyy-MM", "2025-13", None),
            ("MM-dd", "02-29", None),
            ("yyyy-DDD", "2025-032", Some(1_738_368_000_000)),
        ] {
            assert_eq!(Formatter::new(pattern).unwrap().parse(text).map(Instant::to_millis), millis, "{pattern} {text}");
        }
    }
}
