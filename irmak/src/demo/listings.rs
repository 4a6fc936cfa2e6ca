//! The sample's rows: the 22 listings again and again, ids counted on, 22 rows a beat, 5 s of event time from beat to beat.

use serde_json::Value;

use crate::Failure;

/// The topic of the reference job.
pub(crate) const TOPIC: &str = "sahibinden";
/// Rows of one beat.
pub(crate) const ROWS_PER_BEAT: u64 = 22;
/// Event time from beat to beat.
pub(crate) const BEAT_SECONDS: i64 = 5;
/// The first beat: 2025-02-16 07:40:00.
const BEGIN_SECONDS: i64 = 1_739_691_600;

const LISTINGS: &str = include_str!("../../../examples/kdv/sahibinden-data.json");

/// One listing of the sample.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    pub(super) product: String,
    pub(super) description: String,
    pub(super) price: i64,
    pub(super) kdv: f64,
}

/// The 22 listings, one JSON object a line.
pub(crate) fn listings() -> Result<Vec<Listing>, Failure> {
    let wrong = |line: &str| Failure::new(format!("the sample's line `{line}` is no listing"));
    let read = |line: &str| {
        let value: Value = serde_json::from_str(line).ok()?;
        Some(Listing {
            product: value["product"].as_str()?.to_owned(),
            description: value["description"].as_str()?.to_owned(),
            price: value["price"].as_i64()?,
            kdv: value["kdv"].as_f64()?,
        })
    };
    LISTINGS.lines().filter(|line| !line.trim().is_empty()).map(|line| read(line).ok_or_else(|| wrong(line))).collect()
}

/// Event time of a row, seconds since the epoch.
pub(super) fn event_seconds(id: u64) -> i64 {
    BEGIN_SECONDS + (id / ROWS_PER_BEAT) as i64 * BEAT_SECONDS
}

/// `2025-02-16 07:40:00`
pub(super) fn timestamp(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map(|at| at.strftime("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default()
}

/// The record of row `id`, as it goes into the topic.
pub(super) fn record(listings: &[Listing], id: u64) -> String {
    record_at(listings, id, event_seconds(id))
}

/// The record of row `id` with this event time, seconds since the epoch.
pub(crate) fn record_at(listings: &[Listing], id: u64, seconds: i64) -> String {
    let listing = &listings[(id % listings.len() as u64) as usize];
    serde_json::json!({
        "id": id,
        "product": listing.product,
        "description": listing.description,
        "price": listing.price,
        "kdv": listing.kdv,
        "timestamp_column": timestamp(seconds),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_has_22_listings_and_begins_at_twenty_to_eight() {
        assert_eq!(listings().unwrap().len() as u64, ROWS_PER_BEAT);
        assert_eq!(timestamp(event_seconds(0)), "2025-02-16 07:40:00");
        assert_eq!(timestamp(event_seconds(22)), "2025-02-16 07:40:05");
    }
}
