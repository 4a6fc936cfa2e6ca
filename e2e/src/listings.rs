//! The rows of the reference job: 22 listings, repeated for ever, five seconds of event time a beat.
//!
//! Row `i` is listing `i % 22` of beat `i / 22`; its id is `i`; its time is the start plus 5 s a beat. So the first `n` rows are the same
//! on every machine, and any stretch of them can be computed without the others.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::places;

/// Event time of row 0: 2025-02-16 07:40:00, in milliseconds since the epoch.
pub const START_MS: i64 = 1_739_691_600_000;
/// Event time between two beats, in milliseconds.
pub const BEAT_MS: i64 = 5_000;

/// One of the 22.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// What it is.
    pub product: String,
    /// In words.
    pub description: String,
    /// Without tax.
    pub price: i32,
    /// The tax's share.
    pub kdv: f64,
}

/// The listings and the rows made of them.
#[derive(Clone, Debug)]
pub struct Listings(Vec<Listing>);

impl Listings {
    /// Those of `examples/kdv/sahibinden-data.json`.
    pub fn load() -> Result<Self> {
        let path = places::repository().join("examples/kdv/sahibinden-data.json");
        let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
        let listings: Vec<Listing> = text.lines().filter(|line| !line.trim().is_empty()).map(listing).collect::<Result<_>>()?;
        ensure!(listings.len() == 22, "{} listings, 22 expected", listings.len());
        Ok(Self(listings))
    }

    /// The listing of row `id`.
    pub fn of(&self, id: u32) -> &Listing {
        &self.0[id as usize % self.0.len()]
    }

    /// How many rows a beat has.
    pub fn beat_rows(&self) -> u32 {
        self.0.len() as u32
    }

    /// Event time of row `id`, in milliseconds since the epoch.
    pub fn time_ms(&self, id: u32) -> i64 {
        START_MS + i64::from(id / self.beat_rows()) * BEAT_MS
    }

    /// Row `id` as the producer sends it, without a line break.
    pub fn json(&self, id: u32) -> String {
        let listing = self.of(id);
        let mut out = String::new();
        // Infallible: writing to a String.
        let _ = write!(
            out,
            r#"{{"id": {id}, "product": {}, "description": {}, "price": {}, "kdv": {}, "timestamp_column": "{}"}}"#,
            Value::from(listing.product.as_str()),
            Value::from(listing.description.as_str()),
            listing.price,
            Value::from(listing.kdv),
            timestamp(self.time_ms(id)),
        );
        out
    }
}

fn listing(line: &str) -> Result<Listing> {
    let value: Value = serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
    let text = |key: &str| value[key].as_str().map(str::to_owned).with_context(|| format!("no text `{key}` in {line}"));
    Ok(Listing {
        product: text("product")?,
        description: text("description")?,
        price: value["price"].as_i64().and_then(|price| price.try_into().ok()).with_context(|| format!("no price in {line}"))?,
        kdv: value["kdv"].as_f64().with_context(|| format!("no kdv in {line}"))?,
    })
}

/// `yyyy-MM-dd HH:mm:ss` of milliseconds since the epoch, in UTC.
///
/// Source of the calendar: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
pub fn timestamp(ms: i64) -> String {
    let seconds = ms.div_euclid(1_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02}", second / 3_600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_those_of_the_calendar() {
        for (ms, text) in [
            (0, "1970-01-01 00:00:00"),
            (START_MS, "2025-02-16 07:40:00"),
            (951_782_400_000, "2000-02-29 00:00:00"),
            (1_735_689_599_000, "2024-12-31 23:59:59"),
            (-1_000, "1969-12-31 23:59:59"),
        ] {
            assert_eq!(timestamp(ms), text);
        }
    }

    #[test]
    fn a_row_is_its_listing_with_a_counter_and_a_time() {
        let listings = Listings::load().unwrap();
        assert_eq!(
            listings.json(29),
            r#"{"id": 29, "product": "Televizyon", "description": "ikinci el LG OLED TV", "price": 18000, "kdv": 0.18, "timestamp_column": "2025-02-16 07:40:05"}"#
        );
    }
}
