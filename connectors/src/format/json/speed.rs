//! How fast records are decoded and written, beside arrow-json in the same run. Run by hand:
//! `cargo test --release -p irmak-connectors speed -- --ignored --nocapture`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use arrow::json::ReaderBuilder;
use arrow::record_batch::RecordBatch;
use irmak_common::types::TypeKind;

use super::{JsonDecoder, JsonOptions};
use crate::format::cells::cells_of;
use crate::format::csv::{CsvEncoder, CsvOptions};
use crate::format::recordings::schema;

const RECORDS: usize = 400_000;
const BATCH: usize = 8_192;

fn columns() -> Vec<(&'static str, TypeKind)> {
    vec![
        ("id", TypeKind::Int),
        ("product", TypeKind::STRING),
        ("description", TypeKind::STRING),
        ("price", TypeKind::Int),
        ("kdv", TypeKind::Double),
        ("timestamp_column", TypeKind::timestamp(3)),
    ]
}

fn records() -> Vec<String> {
    let product = ["Televizyon", "Buzdolabı", "Çamaşır Makinesi", "Telefon"];
    let description = ["ikinci el LG OLED TV", "az kullanılmış, garantili", "sahibinden temiz, faturalı ve kutusunda duruyor", "sıfır"];
    let record = |id: usize| {
        format!(
            r#"{{"id": {id}, "product": "{}", "description": "{}", "price": {}, "kdv": 0.18, "timestamp_column": "2025-02-16 {:02}:{:02}:{:02}"}}"#,
            product[id % 4],
            description[id / 3 % 4],
            1_000 + id % 50_000,
            id / 3_600 % 24,
            id / 60 % 60,
            id % 60
        )
    };
    (0..RECORDS).map(record).collect()
}

/// The best of several runs: the machine does other things too.
fn best(mut run: impl FnMut()) -> Duration {
    let timed = |()| {
        let started = Instant::now();
        run();
        started.elapsed()
    };
    std::iter::repeat_n((), 7).map(timed).min().unwrap_or_default()
}

#[test]
#[ignore = "a measurement, not a test"]
fn speed() {
    let (records, columns) = (records(), columns());
    let schema = schema(&columns);
    let bytes: usize = records.iter().map(String::len).sum();
    let tell = |name: &str, took: Duration| {
        let seconds = took.as_secs_f64();
        println!("{name:12} {:>6.0} k records/s, {:>5.0} MB/s", RECORDS as f64 / seconds / 1e3, bytes as f64 / seconds / 1e6);
    };
    let ours = best(|| {
        let mut decoder = JsonDecoder::new(&schema, JsonOptions::default());
        for record in &records {
            decoder.decode(record.as_bytes()).unwrap();
            if decoder.rows() == BATCH {
                black_box(decoder.finish().unwrap());
            }
        }
        black_box(decoder.finish().unwrap());
    });
    let arrows = best(|| {
        let mut decoder = ReaderBuilder::new(schema.to_arrow()).with_batch_size(BATCH).build_decoder().unwrap();
        for batch in records.chunks(BATCH) {
            for record in batch {
                decoder.decode(record.as_bytes()).unwrap();
            }
            black_box(decoder.flush().unwrap());
        }
    });
    let mut decoder = JsonDecoder::new(&schema, JsonOptions::default());
    records[..BATCH].iter().for_each(|record| {
        decoder.decode(record.as_bytes()).unwrap();
    });
    let batch = RecordBatch::try_new(schema.to_arrow(), decoder.finish().unwrap()).unwrap();
    let kinds: Vec<_> = columns.iter().map(|(_, kind)| kind.clone()).collect();
    let written = best(|| {
        let mut encoder = CsvEncoder::new(CsvOptions::default());
        for _ in 0..RECORDS / BATCH {
            let (cells, mut out) = (cells_of(batch.columns(), &kinds).unwrap(), String::new());
            (0..BATCH).for_each(|row| encoder.encode(&cells, row, &mut out).unwrap());
            black_box(out);
        }
    });
    tell("json, ours", ours);
    tell("arrow-json", arrows);
    tell("csv, written", written);
    println!("ours is {:.2} times as fast as arrow-json", arrows.as_secs_f64() / ours.as_secs_f64());
}
