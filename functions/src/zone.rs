//! Time zones: from instants to wall clocks and back, with Java's rules for the hours that do not exist or exist twice.

use jiff::Timestamp;

use jiff::tz::{Offset, TimeZone};

use crate::error::FunctionError;

/// A time zone.
#[derive(Clone, Debug)]
pub(crate) enum Zone {
    /// Always the same offset in seconds, UTC above all.
    Fixed(i64),
    /// One of the tz database.
    Named(TimeZone),
}

/// The names of three letters that Java's `TimeZone` still knows. Source: `java.time.ZoneId.SHORT_IDS`.
const SHORT_NAMES: [(&str, &str); 25] = [
    ("ACT", "Australia/Darwin"),
    ("AET", "Australia/Sydney"),
    ("AGT", "America/Argentina/Buenos_Aires"),
    ("ART", "Africa/Cairo"),
    ("AST", "America/Anchorage"),
    ("BET", "America/Sao_Paulo"),
    ("BST", "Asia/Dhaka"),
    ("CAT", "Africa/Harare"),
    ("CNT", "America/St_Johns"),
    ("CST", "America/Chicago"),
    ("CTT", "Asia/Shanghai"),
    ("EAT", "Africa/Addis_Ababa"),
    ("ECT", "Europe/Paris"),
    ("IET", "America/Indiana/Indianapolis"),
    ("IST", "Asia/Kolkata"),
    ("JST", "Asia/Tokyo"),
    ("MIT", "Pacific/Apia"),
    ("NET", "Asia/Yerevan"),
    ("NST", "Pacific/Auckland"),
    ("PLT", "Asia/Karachi"),
    ("PNT", "America/Phoenix"),
    ("PRT", "America/Puerto_Rico"),
    ("PST", "America/Los_Angeles"),
    ("SST", "Pacific/Guadalcanal"),
    ("VST", "Asia/Ho_Chi_Minh"),
];

impl Zone {
    /// The zone that Flink's `table.local-time-zone` names.
    pub(crate) fn parse(name: &str) -> Result<Self, FunctionError> {
        let unknown = || FunctionError::Zone(name.into());
        if matches!(name, "UTC" | "Z" | "GMT" | "UT" | "Etc/UTC" | "default") {
            return Ok(Self::Fixed(0));
        }
        if let Some(seconds) = offset_of(name) {
            return Ok(Self::Fixed(seconds));
        }
        TimeZone::get(name).map(Self::Named).map_err(|_| unknown())
    }

    /// As Java's `TimeZone.getTimeZone`: what it does not know is GMT.
    pub(crate) fn parse_or_utc(name: &str) -> Self {
        // That class knows offsets only behind GMT.
        let bare_offset = name.starts_with(['+', '-']);
        let named = SHORT_NAMES.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| long);
        if bare_offset { Self::Fixed(0) } else { Self::parse(named).unwrap_or(Self::Fixed(0)) }
    }

    /// Seconds to add to an instant, in seconds since the epoch, to get its wall clock.
    pub(crate) fn offset_at(&self, instant: i64) -> i64 {
        match self {
            Self::Fixed(seconds) => *seconds,
            Self::Named(zone) => {
                let instant = instant.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
                Timestamp::from_second(instant).map_or(0, |at| i64::from(zone.to_offset(at).seconds()))
            }
        }
    }

    /// The wall clock, in milliseconds, at an instant in milliseconds.
    pub(crate) fn to_local_millis(&self, instant: i64) -> i64 {
        match self {
            Self::Fixed(seconds) => instant.saturating_add(seconds * 1_000),
            Self::Named(_) => instant.saturating_add(self.offset_at(instant.div_euclid(1_000)) * 1_000),
        }
    }

    /// Seconds to subtract from a wall clock, in seconds since 1970-01-01 00:00, to get its instant. A clock time that was skipped
    /// moves on by the gap; of one that came twice the first is meant, as `java.time` has it.
    pub(crate) fn offset_of_local(&self, local: i64) -> i64 {
        match self {
            Self::Fixed(seconds) => *seconds,
            Self::Named(zone) => {
                let Ok(civil) = Timestamp::from_second(local).map(|at| Offset::UTC.to_datetime(at)) else { return self.offset_at(local) };
                let resolved = zone.to_ambiguous_timestamp(civil).compatible();
                resolved.map_or(0, |instant| local - instant.as_second())
            }
        }
    }

    /// The instant, in milliseconds, of a wall clock in milliseconds.
    pub(crate) fn to_instant_millis(&self, local: i64) -> i64 {
        local.saturating_sub(self.offset_of_local(local.div_euclid(1_000)) * 1_000)
    }
}

/// `+03:00`, `-05`, `GMT+3`, `UTC+05:30`.
fn offset_of(name: &str) -> Option<i64> {
    let rest = ["GMT", "UTC", "UT"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    let sign = match rest.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let mut parts =
        rest[1..].splitn(3, ':').map(|part| part.parse::<i64>().ok().filter(|value| (0..=59).contains(value) && part.len() <= 2));
    let (hours, minutes, seconds) = (parts.next()??, parts.next().unwrap_or(Some(0))?, parts.next().unwrap_or(Some(0))?);
    (hours <= 18).then_some(sign * (hours * 3_600 + minutes * 60 + seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_named_or_offsets() {
        for (name, seconds) in [("UTC", 0), ("+03:00", 10_800), ("GMT-5", -18_000), ("UTC+05:30", 19_800), ("Asia/Shanghai", 28_800)] {
            assert_eq!(Zone::parse(name).unwrap().offset_at(0), seconds, "{name}");
        }
        assert!(Zone::parse("Nowhere/Nope").is_err());
        assert_eq!(Zone::parse_or_utc("+05:30").offset_at(0), 0);
    }

    #[test]
    fn a_skipped_hour_moves_on_and_a_doubled_one_is_its_first() {
        let zone = Zone::parse("America/New_York").unwrap();
        let local = |day: i64, hour: i64, minute: i64| (day * 86_400 + hour * 3_600 + minute * 60) * 1_000;
        // 2025-03-09 02:30 does not exist; 07:30 UTC is 03:30 there.
        assert_eq!(zone.to_instant_millis(local(20_156, 2, 30)), local(20_156, 7, 30));
        // 2025-11-02 01:30 comes twice; the first is 05:30 UTC.
        assert_eq!(zone.to_instant_millis(local(20_394, 1, 30)), local(20_394, 5, 30));
    }
}
