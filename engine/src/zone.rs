//! Local time: what the clock on the wall shows at an instant, and back, in milliseconds.
//!
//! Windows over TIMESTAMP_LTZ and processing time are cut in local time; watermarks and timers are instants. Source: Flink's
//! `TimeWindowUtil` (`toUtcTimestampMills`, `toEpochMills`, `toEpochMillsForTimer`), daylight saving included.

use irmak_common::time::Millis;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use crate::error::EngineError;

const HOUR: Millis = 3_600_000;

/// A zone; UTC costs nothing.
#[derive(Debug)]
pub(crate) struct LocalTime {
    zone: Option<TimeZone>,
    /// The offset that holds in `[from, until)`, as looked up last.
    from: Millis,
    until: Millis,
    offset: Millis,
}

impl LocalTime {
    /// `None`: UTC, and TIMESTAMP without zone.
    ///
    /// # Errors
    /// A name that the tz database does not have.
    pub(crate) fn new(name: Option<&str>) -> Result<Self, EngineError> {
        let zone = match name {
            None | Some("UTC" | "Z" | "GMT" | "Etc/UTC" | "") => None,
            Some(name) => Some(zone_of(name)?),
        };
        Ok(Self { zone, from: 0, until: 0, offset: 0 })
    }

    /// Whether local time is UTC.
    pub(crate) fn is_utc(&self) -> bool {
        self.zone.is_none()
    }

    /// The local time at an instant.
    pub(crate) fn local(&mut self, epoch: Millis) -> Millis {
        let Some(zone) = &self.zone else { return epoch };
        if !(self.from..self.until).contains(&epoch) {
            let Ok(at) = Timestamp::from_millisecond(epoch) else { return epoch };
            self.offset = i64::from(zone.to_offset(at).seconds()) * 1_000;
            // `preceding` is exclusive, so the millisecond behind is asked.
            let behind = Timestamp::from_millisecond(epoch.saturating_add(1)).unwrap_or(at);
            self.from = zone.preceding(behind).next().map_or(Millis::MIN, |transition| transition.timestamp().as_millisecond());
            self.until = zone.following(at).next().map_or(Millis::MAX, |transition| transition.timestamp().as_millisecond());
        }
        epoch + self.offset
    }

    /// The instant of a local time: the earlier of two, and behind the gap where there is none.
    pub(crate) fn to_epoch(&self, local: Millis) -> Millis {
        let Some(zone) = &self.zone else { return local };
        let Ok(at) = Timestamp::from_millisecond(local) else { return local };
        let wall = Offset::UTC.to_datetime(at);
        zone.to_ambiguous_zoned(wall).compatible().map_or(local, |zoned| zoned.timestamp().as_millisecond())
    }

    /// The instant at which a timer for a local time goes off: the later of two, and the beginning of the hour of a gap.
    pub(crate) fn to_timer(&self, local: Millis) -> Millis {
        if self.is_utc() {
            return local;
        }
        let epoch = self.to_epoch(local);
        let hour_later = self.to_epoch(local.saturating_add(HOUR));
        if hour_later - epoch > HOUR {
            epoch + HOUR
        } else if hour_later == epoch {
            epoch - epoch % HOUR
        } else {
            epoch
        }
    }
}

fn zone_of(name: &str) -> Result<TimeZone, EngineError> {
    if let Ok(zone) = TimeZone::get(name) {
        return Ok(zone);
    }
    let unknown = || EngineError::Unsupported {
        what: format!("the time zone `{name}`"),
        instead: "use a name of the tz database (Europe/Istanbul), UTC or an offset (GMT+03:00)".into(),
    };
    let text = name.trim_start_matches("UTC").trim_start_matches("GMT");
    let (sign, text) = match text.split_at_checked(1) {
        Some(("+", text)) => (1, text),
        Some(("-", text)) => (-1, text),
        _ => return Err(unknown()),
    };
    let (hours, minutes) = text.split_once(':').unwrap_or((text, "0"));
    let (hours, minutes) = (hours.parse::<i64>().map_err(|_| unknown())?, minutes.parse::<i64>().map_err(|_| unknown())?);
    if !(0..=18).contains(&hours) || !(0..60).contains(&minutes) {
        return Err(unknown());
    }
    let offset = SignedDuration::from_mins(sign * (hours * 60 + minutes));
    Offset::try_from(offset).map(TimeZone::fixed).map_err(|_| unknown())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(zone: &str, epoch: Millis, local: Millis) {
        let mut time = LocalTime::new(Some(zone)).unwrap();
        assert_eq!(time.local(epoch), local, "{zone} {epoch}");
        assert_eq!(time.local(epoch), local, "{zone} {epoch}, remembered");
        assert_eq!(time.to_epoch(local), epoch, "{zone} {local}, back");
    }

    #[test]
    fn local_time_is_found_and_left() {
        check("UTC", 1_739_689_200_000, 1_739_689_200_000);
        check("Asia/Kolkata", 1_739_689_200_000, 1_739_689_200_000 + 5 * HOUR + HOUR / 2);
        check("GMT-03:30", 0, -3 * HOUR - HOUR / 2);
        check("America/New_York", 1_741_503_599_000, 1_741_503_599_000 - 5 * HOUR);
        check("America/New_York", 1_741_503_600_000, 1_741_503_600_000 - 4 * HOUR);
    }

    #[test]
    fn a_timer_in_the_doubled_hour_goes_off_the_second_time() {
        let zone = LocalTime::new(Some("America/New_York")).unwrap();
        // 2025-11-02 01:30 happens at 05:30 and at 06:30 UTC.
        assert_eq!(zone.to_epoch(1_762_047_000_000), 1_762_047_000_000 + 4 * HOUR);
        assert_eq!(zone.to_timer(1_762_047_000_000), 1_762_047_000_000 + 5 * HOUR);
    }

    #[test]
    fn a_timer_in_the_missing_hour_goes_off_where_the_hour_would_have_begun() {
        let zone = LocalTime::new(Some("America/New_York")).unwrap();
        // 2025-03-09 02:30 does not exist; 03:00 is 07:00 UTC.
        assert_eq!(zone.to_timer(1_741_487_400_000), 1_741_503_600_000);
    }

    #[test]
    fn an_unknown_zone_is_refused() {
        assert!(LocalTime::new(Some("Mars/Olympus")).is_err());
        assert!(LocalTime::new(Some("GMT+99")).is_err());
    }
}
