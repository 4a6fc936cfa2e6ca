//! The decoders alone, for those who throw bytes at them (`fuzz/`): bytes in, rows counted, and what must hold whatever the bytes are;
//! and for those who time them (`bench/`): records in, columns out, nothing around them.

use arrow::array::{Array, ArrayRef};
use irmak_common::types::{Field, LogicalType, MAX_LENGTH, Schema, TimeAttribute, TypeKind};

use crate::format::Decoded;
use crate::format::csv::{CsvDecoder, CsvOptions};
use crate::format::json::{JsonDecoder, JsonOptions};
use crate::format::time::Standard;

/// The JSON decoder with default options, as a source drives it.
pub struct JsonRecords(JsonDecoder);

impl JsonRecords {
    /// For records with these fields.
    pub fn new(schema: &Schema) -> Self {
        Self(JsonDecoder::new(schema, JsonOptions::default()))
    }

    /// Appends the row of one record.
    ///
    /// # Errors
    /// A record that is no JSON or does not fit the columns.
    pub fn decode(&mut self, record: &[u8]) -> Result<(), String> {
        self.0.decode(record).map(|_| ()).map_err(|error| error.to_string())
    }

    /// The rows since the last call, a column each.
    ///
    /// # Errors
    /// Never for rows that were decoded; Arrow checks it all the same.
    pub fn finish(&mut self) -> Result<Vec<ArrayRef>, String> {
        self.0.finish().map_err(|error| error.to_string())
    }
}

/// The CSV decoder with default options, over a text that is all there.
pub struct CsvText(CsvDecoder);

impl CsvText {
    /// For records of these columns, all of which are read.
    pub fn new(schema: &Schema) -> Self {
        let projection: Vec<usize> = (0..schema.len()).collect();
        Self(CsvDecoder::new(schema, &projection, CsvOptions::default()))
    }

    /// All rows of `text`, in batches of `batch` rows (the last has what is left), a column each.
    ///
    /// # Errors
    /// A record that does not fit the columns.
    pub fn batches(&mut self, text: &[u8], batch: usize) -> Result<Vec<Vec<ArrayRef>>, String> {
        let (mut rest, mut batches) = (text, Vec::new());
        while let Some(frame) = self.0.frame(rest, true) {
            self.0.decode(&rest[..frame.length]).map_err(|error| error.to_string())?;
            rest = &rest[frame.consumed..];
            if self.0.rows() == batch || rest.is_empty() {
                batches.push(self.0.finish().map_err(|error| error.to_string())?);
            }
        }
        Ok(batches)
    }
}

/// Decodes `text` as JSON records, one a line, into a column of each type. `choice` picks options by its bits: 1 leaves out bad records, 2
/// reads ISO-8601, 4 builds a tree first, 8 refuses missing fields.
///
/// # Errors
/// What must never be: columns of different lengths, or an error where errors are to be left out.
pub fn json(text: &[u8], choice: u8) -> Result<usize, String> {
    let ignore = choice & 1 != 0;
    let options = JsonOptions {
        ignore_parse_errors: ignore,
        standard: if choice & 2 != 0 { Standard::Iso8601 } else { Standard::Sql },
        tree: choice & 4 != 0,
        fail_on_missing_field: choice & 8 != 0 && !ignore,
        ..JsonOptions::default()
    };
    let mut decoder = JsonDecoder::new(&every_type(), options);
    let mut rows = 0;
    for record in text.split(|byte| *byte == b'\n') {
        rows += usize::from(judged(decoder.decode(record).map_err(|error| error.to_string()), ignore)?);
    }
    lengths(rows, decoder.rows(), &decoder.finish().map_err(|error| error.to_string())?)
}

/// The same for CSV; 2 allows comments, 4 escapes with a backslash, 8 has no quotes.
///
/// # Errors
/// As [`json`], and a frame that does not move on.
pub fn csv(text: &[u8], choice: u8) -> Result<usize, String> {
    let ignore = choice & 1 != 0;
    let options = CsvOptions {
        ignore_parse_errors: ignore,
        allow_comments: choice & 2 != 0,
        escape: (choice & 4 != 0).then_some(b'\\'),
        quote: (choice & 8 == 0).then_some(b'"'),
        null_literal: Some("null".to_owned()),
        ..CsvOptions::default()
    };
    let schema = every_type();
    let projection: Vec<usize> = (0..schema.len()).collect();
    let mut decoder = CsvDecoder::new(&schema, &projection, options);
    let (mut rest, mut rows) = (text, 0);
    while !rest.is_empty() {
        let frame = decoder.frame(rest, true).ok_or("no record in bytes that are all there are")?;
        if frame.consumed == 0 || frame.consumed > rest.len() || frame.length > frame.consumed {
            return Err(format!("a frame of {} of {} bytes, {} left", frame.length, frame.consumed, rest.len()));
        }
        rows += usize::from(judged(decoder.decode(&rest[..frame.length]).map_err(|error| error.to_string()), ignore)?);
        rest = &rest[frame.consumed..];
    }
    lengths(rows, decoder.rows(), &decoder.finish().map_err(|error| error.to_string())?)
}

/// Whether a record became a row.
fn judged(decoded: Result<Decoded, String>, ignore: bool) -> Result<bool, String> {
    match decoded {
        Ok(decoded) => Ok(decoded == Decoded::Row),
        // A null in a NOT NULL column and the like are not parse errors; here no column is NOT NULL.
        Err(error) if ignore => Err(format!("not left out: {error}")),
        Err(_) => Ok(false),
    }
}

fn lengths(rows: usize, told: usize, columns: &[ArrayRef]) -> Result<usize, String> {
    let lengths: Vec<usize> = columns.iter().map(|column| column.len()).collect();
    if told != rows || lengths.iter().any(|length| *length != rows) {
        return Err(format!("{rows} rows were decoded, the decoder says {told}, its columns have {lengths:?}"));
    }
    Ok(rows)
}

/// A column of each type, nested ones too.
fn every_type() -> Schema {
    let nullable = |kind: TypeKind| LogicalType { kind, nullable: true };
    let text = || TypeKind::Varchar(MAX_LENGTH);
    let attribute = TimeAttribute::None;
    let kinds = [
        TypeKind::Int,
        text(),
        TypeKind::Boolean,
        TypeKind::TinyInt,
        TypeKind::BigInt,
        TypeKind::Float,
        TypeKind::Double,
        TypeKind::Decimal { precision: 38, scale: 10 },
        TypeKind::Date,
        TypeKind::Time(3),
        TypeKind::Timestamp { precision: 3, attribute },
        TypeKind::TimestampLtz { precision: 9, attribute },
        TypeKind::Varbinary(MAX_LENGTH),
        TypeKind::Char(4),
        TypeKind::Array(Box::new(nullable(TypeKind::Array(Box::new(nullable(TypeKind::Int)))))),
        TypeKind::Row(vec![Field::new("a", nullable(TypeKind::Int)), Field::new("b", nullable(text()))]),
    ];
    let names = ["i", "s", "b", "t", "l", "f", "d", "e", "da", "ti", "ts", "lt", "x", "c", "a", "r"];
    Schema::new(names.iter().zip(kinds).map(|(name, kind)| Field::new(*name, nullable(kind))).collect())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// Small changes to `seed`: bytes turned, cut, doubled, replaced by what formats care about.
    fn mutated(seed: &[u8], random: &mut u64) -> Vec<u8> {
        const SPICE: [&[u8]; 20] = [
            b"{",
            b"}",
            b"[",
            b"]",
            b"\"",
            b"\\",
            b"\\u",
            b"\\ud800",
            b",",
            b":",
            b"null",
            b"-",
            b"1e999",
            b"1E-400",
            b"\xff",
            b"\xc3",
            b"\r",
            b"#",
            b";",
            b"99999-12-31",
        ];
        let mut next = |below: usize| {
            *random ^= *random << 13;
            *random ^= *random >> 7;
            *random ^= *random << 17;
            (*random % below.max(1) as u64) as usize
        };
        let mut text = seed.to_vec();
        for _ in 0..=next(4) {
            let at = next(text.len() + 1);
            let upto = (at + next(8)).min(text.len());
            match next(5) {
                0 => drop(text.drain(at..upto)),
                1 => drop(text.splice(at..at, SPICE[next(SPICE.len())].iter().copied())),
                2 => text.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << next(8)),
                3 => {
                    let piece = text[at..upto].to_vec();
                    drop(text.splice(at..at, piece.repeat(next(50))));
                }
                _ => text.truncate(at),
            }
        }
        text
    }

    /// `IRMAK_FUZZ_SECONDS`, else 1.
    fn span() -> Duration {
        Duration::from_secs(std::env::var("IRMAK_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(1))
    }

    fn withstands(seeds: &[&str], probe: fn(&[u8], u8) -> Result<usize, String>) {
        let (begin, mut random, mut at) = (Instant::now(), 0x9E37_79B9_7F4A_7C15, 0);
        while begin.elapsed() < span() || at <= 100 {
            let text = mutated(seeds[at % seeds.len()].as_bytes(), &mut random);
            at += 1;
            for choice in 0..16 {
                let told = probe(&text, choice);
                assert!(told.is_ok(), "{told:?} of choice {choice}: {:?}", String::from_utf8_lossy(&text));
            }
        }
    }

    const JSON: [&str; 3] = [
        r#"{"i":1,"s":"a\u00fc\ud83d\ude00","b":true,"t":-1,"l":9223372036854775807,"f":1.5,"d":-0.0,"e":12.34}"#,
        r#"{"da":"2024-02-29","ti":"12:30:01","ts":"2024-02-29 12:30:01.123","lt":"2024-02-29 12:30:01.123456789Z","x":"AQI="}"#,
        "{\"a\":[[1,null],[]],\"r\":{\"a\":1,\"b\":\"x\"},\"c\":\"abcd\",\"z\":{\"q\":[1,{}]}}\n\n{\"i\":null}",
    ];

    const CSV: [&str; 2] = [
        "1,a,true,1,2,1.5,-0.0,12.34,2024-02-29,12:30:01,2024-02-29 12:30:01.123,2024-02-29 12:30:01Z,AQI=,abcd,1;2,1;x\n",
        "# c\n,\"a \"\"q\"\" \n b\",null,,,,,,,,,,,,,\r\n1,2\n",
    ];

    #[test]
    fn no_bytes_break_the_json_decoder() {
        withstands(&JSON, json);
    }

    #[test]
    fn no_bytes_break_the_csv_decoder() {
        withstands(&CSV, csv);
    }

    #[test]
    fn the_seeds_are_rows() {
        assert_eq!(json(JSON[0].as_bytes(), 0), Ok(1));
        assert_eq!(json(JSON[1].as_bytes(), 2), Ok(0), "SQL timestamps are not ISO");
        assert_eq!(json(JSON[2].as_bytes(), 0), Ok(2));
    }
}
