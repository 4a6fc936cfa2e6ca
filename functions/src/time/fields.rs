//! A wall clock taken apart, with the weeks that the ISO and the United States count.

use irmak_common::text::{civil_from_days, days_from_civil};

use super::DAY;

/// A date and a time of the day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) days: i64,
    pub(super) year: i64,
    pub(super) month: u32,
    pub(super) day: u32,
    /// `0..DAY`
    pub(super) milli_of_day: i64,
    /// Of the second.
    pub(super) nanos: u32,
}

impl Fields {
    /// The wall clock at this many milliseconds.
    pub(super) fn of_millis(millis: i64) -> Self {
        let mut fields = Self::of_day(millis.div_euclid(DAY));
        fields.milli_of_day = millis.rem_euclid(DAY);
        fields.nanos = (millis.rem_euclid(1_000) * 1_000_000) as u32;
        fields
    }

    /// Midnight of a day.
    pub(super) fn of_day(days: i64) -> Self {
        let (year, month, day) = civil_from_days(days);
        Self { days, year, month, day, milli_of_day: 0, nanos: 0 }
    }

    pub(super) fn hour(&self) -> i64 {
        self.milli_of_day / 3_600_000
    }

    pub(super) fn minute(&self) -> i64 {
        self.milli_of_day / 60_000 % 60
    }

    pub(super) fn second(&self) -> i64 {
        self.milli_of_day / 1_000 % 60
    }

    /// 1 to 366
    pub(super) fn day_of_year(&self) -> i64 {
        self.days - days_from_civil(self.year, 1, 1) + 1
    }

    pub(super) fn quarter(&self) -> u32 {
        self.month.div_ceil(3)
    }

    /// Monday is 1.
    pub(super) fn iso_weekday(&self) -> i64 {
        (self.days + 3).rem_euclid(7) + 1
    }

    /// Sunday is 1.
    pub(super) fn us_weekday(&self) -> i64 {
        (self.days + 4).rem_euclid(7) + 1
    }

    /// Year and week by ISO 8601: weeks begin on Monday, and the first has a Thursday.
    pub(super) fn iso_week(&self) -> (i64, i64) {
        let thursday = Self::of_day(self.days - self.iso_weekday() + 4);
        (thursday.year, (thursday.day_of_year() - 1) / 7 + 1)
    }

    /// Year and week as the United States count: weeks begin on Sunday, and the first has 1 January.
    pub(super) fn us_week(&self) -> (i64, i64) {
        let sunday = self.days - self.us_weekday() + 1;
        let year = Self::of_day(sunday + 6).year;
        let first = Self::of_day(days_from_civil(year, 1, 1));
        (year, (sunday - (first.days - first.us_weekday() + 1)) / 7 + 1)
    }

    /// The week of the month, beginning on Sunday.
    pub(super) fn us_week_of_month(&self) -> i64 {
        let first = Self::of_day(self.days - i64::from(self.day) + 1);
        (i64::from(self.day) + first.us_weekday() - 2) / 7 + 1
    }
}

pub(super) const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];

/// Monday first.
pub(super) const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_are_counted_both_ways() {
        for (date, iso, us) in [
            ((2025, 2, 16), (2025, 7), (2025, 8)),
            ((2021, 1, 3), (2020, 53), (2021, 2)),
            ((2000, 12, 31), (2000, 52), (2001, 1)),
            ((2024, 12, 30), (2025, 1), (2025, 1)),
        ] {
            let fields = Fields::of_day(days_from_civil(date.0, date.1, date.2));
            assert_eq!((fields.iso_week(), fields.us_week()), (iso, us), "{date:?}");
        }
    }
}
