//! How a value is written as text where Java would have written it: CSV and JSON cells, casts to STRING, results on the terminal;
//! and how Flink reads dates, times and timestamps from text.
//!
//! Byte for byte what Flink 1.20.5 on a JDK 17 writes, since that is what people compare with. Every writer appends to a
//! `String` and allocates nothing else. Knows nothing of columns and of zones: a TIMESTAMP_LTZ is shifted by the caller.

mod calendar;
mod decimal;
mod double;
mod hexadecimal;
mod java_digits;
mod parse;
mod time;

pub use calendar::{civil_from_days, days_from_civil, days_in_month, is_leap_year};
pub use decimal::{write_decimal, write_decimal_stripped, write_digits_stripped};
pub use double::{write_double, write_float};
pub use hexadecimal::{parse_hexadecimal_f32, parse_hexadecimal_f64};
pub use parse::{ParseError, parse_date, parse_time, parse_timestamp};
pub use time::{Instant, write_date, write_day_time, write_time, write_timestamp, write_year_month};
