//! What the reference job must write, computed from the listings alone: plain loops, Flink's bytes.
//!
//! The CSV rules are Jackson's `CsvGenerator` as Flink sets it up (LF, no header, loose quoting), the doubles are Java's
//! `Double.toString`. The job groups by every column, so its result is the distinct rows of each closed window.

use crate::listings::{Listings, timestamp};

/// The job's window, in milliseconds.
pub const WINDOW_MS: i64 = 120_000;
/// How far the watermark stays behind the newest row, in milliseconds.
pub const DELAY_MS: i64 = 5_000;

/// The CSV line of row `id`, without line break.
pub fn line(listings: &Listings, id: u32) -> String {
    let listing = listings.of(id);
    let with_kdv = f64::from(listing.price) * (1.0 + listing.kdv);
    let window_start = listings.time_ms(id).div_euclid(WINDOW_MS) * WINDOW_MS;
    [
        id.to_string(),
        csv_text(&listing.product),
        csv_text(&listing.description),
        listing.price.to_string(),
        java_double(listing.kdv),
        java_double(with_kdv),
        csv_text(&timestamp(window_start)),
    ]
    .join(",")
}

/// The lines of rows `0..rows`, all windows closed: what a bounded run leaves.
pub fn bounded(listings: &Listings, rows: u32) -> Vec<String> {
    (0..rows).map(|id| line(listings, id)).collect()
}

/// How many of the rows `0..rows` lie in windows that an unbounded run has closed, when row `id` is in partition `id % partitions`.
///
/// A window closes when the slowest partition's newest row, less the delay, has reached the window's last millisecond.
pub fn closed_rows(listings: &Listings, rows: u32, partitions: u32) -> u32 {
    if rows < partitions {
        return 0;
    }
    // The partition whose newest row is oldest holds row `rows - partitions`.
    let watermark = listings.time_ms(rows - partitions) - DELAY_MS;
    (0..rows).take_while(|id| (listings.time_ms(*id).div_euclid(WINDOW_MS) + 1) * WINDOW_MS - 1 <= watermark).count() as u32
}

/// A text field as Jackson's CSV generator writes it.
///
/// Quoted when longer than 24 UTF-16 units, or when a character is not greater than the larger of `,` and `"` (the comma), or is a backslash.
pub fn csv_text(text: &str) -> String {
    let long = text.encode_utf16().count() > 24;
    let unsafe_char = |c: char| c <= ',' || c == '\\' || c == '\r' || c == '\n';
    if long || text.is_empty() || text.chars().any(unsafe_char) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// A double as Java 17's `Double.toString` writes it, for values whose shortest digits Java finds (all of ours; a test pins them).
pub fn java_double(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return match value {
            v if v.is_nan() => "NaN".into(),
            v if v.is_infinite() => if v > 0.0 { "Infinity" } else { "-Infinity" }.into(),
            v if v.is_sign_negative() => "-0.0".into(),
            _ => "0.0".into(),
        };
    }
    let scientific = format!("{:e}", value.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digits = mantissa.replace('.', "");
    let sign = if value < 0.0 { "-" } else { "" };
    let body = if (-3..7).contains(&exponent) { plain(&digits, exponent) } else { format!("{}E{exponent}", plain(&digits, 0)) };
    format!("{sign}{body}")
}

/// Digits with the point after the first `exponent + 1` of them, and at least one digit on either side.
fn plain(digits: &str, exponent: i32) -> String {
    if exponent < 0 {
        return format!("0.{}{digits}", "0".repeat((-exponent - 1) as usize));
    }
    let whole = exponent as usize + 1;
    let padded = format!("{digits:0<whole$}");
    let (whole, rest) = padded.split_at(whole);
    format!("{whole}.{}", if rest.is_empty() { "0" } else { rest })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Printed by OpenJDK 17.0.15: `price * (1 + kdv)` of the 22 listings.
    const JAVA: [&str; 22] = [
        "1170000.0",
        "55000.00000000001",
        "2025000.0000000002",
        "1.95E8",
        "1273000.0",
        "30000.0",
        "86250.0",
        "21240.0",
        "150000.0",
        "19040.0",
        "25080.000000000004",
        "42700.0",
        "1793999.9999999998",
        "35520.0",
        "22230.0",
        "50400.0",
        "8250.0",
        "1.615E8",
        "1959999.9999999998",
        "13680.000000000002",
        "33320.0",
        "1040000.0",
    ];

    #[test]
    fn the_listings_prices_print_as_java_prints_them() {
        let listings = Listings::load().unwrap();
        for (id, java) in (0..).zip(JAVA) {
            let listing = listings.of(id);
            assert_eq!(java_double(f64::from(listing.price) * (1.0 + listing.kdv)), java, "{listing:?}");
        }
    }

    #[test]
    fn doubles_change_notation_where_java_does() {
        for (value, java) in [
            (0.001, "0.001"),
            (0.000_999_9, "9.999E-4"),
            (1e7, "1.0E7"),
            (9_999_999.0, "9999999.0"),
            (123_456_789.0, "1.23456789E8"),
            (1.0, "1.0"),
            (100.0, "100.0"),
            (0.1, "0.1"),
            (-3000.0, "-3000.0"),
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1e21, "1.0E21"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(java_double(value), java);
        }
    }

    #[test]
    fn a_field_is_quoted_when_jackson_quotes_it() {
        for (text, csv) in [
            ("Araba", "Araba"),
            ("ikinci el", "\"ikinci el\""),
            ("a\"b", "\"a\"\"b\""),
            ("abcdefghijklmnopqrstuvwx", "abcdefghijklmnopqrstuvwx"),
            ("abcdefghijklmnopqrstuvwxy", "\"abcdefghijklmnopqrstuvwxy\""),
            ("a-b", "a-b"),
            ("a\\b", "\"a\\b\""),
            ("şöğ", "şöğ"),
            ("a,b", "\"a,b\""),
        ] {
            assert_eq!(csv_text(text), csv);
        }
    }

    #[test]
    fn the_known_row_of_the_reference_is_met_to_the_byte() {
        assert_eq!(line(&Listings::load().unwrap(), 7), r#"7,Televizyon,"ikinci el LG OLED TV",18000,0.18,21240.0,"2025-02-16 07:40:00""#);
    }

    #[test]
    fn a_window_closes_when_the_slowest_partition_is_past_its_end_and_the_delay() {
        let listings = Listings::load().unwrap();
        // 24 beats of 22 rows fill a window; beat 24 starts the next, and the delay asks for one beat more.
        for (rows, closed) in
            [(0, 0), (528, 0), (550, 0), (25 * 22, 0), (25 * 22 + 3, 0), (25 * 22 + 4, 528), (26 * 22, 528), (49 * 22 + 4, 1056)]
        {
            assert_eq!(closed_rows(&listings, rows, 4), closed, "{rows} rows");
        }
    }
}
