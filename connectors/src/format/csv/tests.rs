//! What rows become as CSV, case by case: the recordings of `golden/formats` and the edges around them.

use arrow::array::{Array, AsArray};
use arrow::record_batch::RecordBatch;
use irmak_common::types::{Field, Schema, TypeKind};

use super::{CsvDecoder, CsvEncoder, CsvOptions};
use crate::format::Decoded;
use crate::format::cells::cells_of;
use crate::format::json::{JsonDecoder, JsonOptions};
use crate::format::tests::recordings::{every_type, expected_file, input, rows};

/// Rows, given as JSON, as CSV.
fn encode(columns: &[(&str, TypeKind)], options: &CsvOptions, given: &str) -> Result<String, String> {
    let schema = Schema::nullable(columns);
    let mut decoder = JsonDecoder::new(&schema, JsonOptions::default());
    given.lines().for_each(|line| assert_eq!(decoder.decode(line.as_bytes()), Ok(Decoded::Row), "{line}"));
    let batch = RecordBatch::try_new(schema.to_arrow(), decoder.finish().unwrap()).unwrap();
    let kinds: Vec<_> = schema.fields.iter().map(|field| field.ty.kind.clone()).collect();
    let (mut encoder, mut out) = (CsvEncoder::new(options.clone()), String::new());
    let cells = cells_of(batch.columns(), &kinds).unwrap();
    (0..batch.num_rows())
        .try_for_each(|row| encoder.encode(&cells, row, &mut out))
        .map_err(|(column, reason)| format!("{column}: {reason}"))?;
    Ok(out)
}

fn check(case: &str, columns: &[(&str, TypeKind)], options: &CsvOptions, given: &str) {
    assert_eq!(encode(columns, options, given).unwrap(), expected_file(case), "{case}");
}

fn texts(rows: &[(i32, Option<&str>, Option<i32>)]) -> String {
    rows.iter().map(|(id, s, n)| serde_json::json!({"id": id, "s": s, "n": n}).to_string() + "\n").collect()
}

#[test]
fn rows_are_written_as_flink_recorded_them() {
    let plain = CsvOptions::default();
    let three = [("id", TypeKind::Int), ("s", TypeKind::STRING), ("n", TypeKind::Int)];
    let rows = [
        (1, Some("plain"), Some(1)),
        (2, Some("a,b"), None),
        (3, Some("say \"hi\""), Some(3)),
        (4, Some(""), Some(4)),
        (5, None, Some(5)),
        (6, Some(" lead"), Some(6)),
        (7, Some("a'b"), Some(7)),
        (8, Some("x\\y"), Some(8)),
        (9, Some("#c"), Some(9)),
        (10, Some("é"), Some(10)),
        (11, Some("a b"), Some(11)),
        (12, Some("a;b"), Some(12)),
    ];
    check("csv_sink_quoting", &three, &plain, &texts(&rows));
    let rows = [(1, Some("plain"), Some(1)), (2, Some("a;b"), None), (5, None, Some(5)), (6, Some(""), Some(6))];
    let other = CsvOptions { delimiter: b';', quote: Some(b'\''), null_literal: Some("NULL".into()), ..CsvOptions::default() };
    check("csv_sink_null_literal", &three, &other, &texts(&rows));
    let two = [("id", TypeKind::Int), ("s", TypeKind::STRING)];
    let unquoted = CsvOptions { quote: None, ..CsvOptions::default() };
    check("csv_sink_disable_quote", &two, &unquoted, &texts(&[(1, Some("a,b"), None), (2, Some("q\"r"), None)]));
    let doubles = String::from_utf8(input("fmt_doubles.json")).unwrap();
    check("csv_sink_doubles", &[("id", TypeKind::Int), ("d", TypeKind::Double), ("f", TypeKind::Float)], &plain, &doubles);
    let decimal = |precision, scale| TypeKind::Decimal { precision, scale };
    let given = "{\"a\":100000,\"b\":0.00000001}\n{\"a\":7,\"b\":0}";
    check("csv_sink_bigdecimal", &[("a", decimal(38, 0)), ("b", decimal(10, 8))], &plain, given);
}

#[test]
fn every_type_is_written_as_flink_recorded_it() {
    let mut columns = every_type();
    columns.retain(|(name, _)| *name != "id");
    columns.rotate_left(3);
    let order = ["i", "bo", "ti", "si", "b", "f", "d", "de", "s", "dt", "tm", "ts", "tl", "by"];
    let columns: Vec<_> = order.map(|name| columns.iter().find(|(n, _)| *n == name).unwrap().clone()).into();
    let given = serde_json::json!({"i": 1, "bo": true, "ti": 1, "si": 2, "b": 3_000_000_000i64, "f": 1.5, "d": 2.5, "de": "100.00",
        "s": "a\"b\\c/dé😀", "dt": "2025-02-16", "tm": "07:08:09", "ts": "2025-02-16 07:08:09.120", "tl": "2025-02-16 07:08:09.123Z", "by": "YWI="});
    check("csv_sink_every_type", &columns, &CsvOptions::default(), &given.to_string());
}

#[test]
fn arrays_and_rows_are_written_as_flink_recorded_them() {
    let row = TypeKind::Row(vec![Field::new("a", TypeKind::Int.nullable()), Field::new("b", TypeKind::STRING.nullable())]);
    let columns = [("id", TypeKind::Int), ("arr", TypeKind::Array(Box::new(TypeKind::STRING.nullable()))), ("r", row)];
    check("csv_sink_array", &columns, &CsvOptions::default(), r#"{"id":1,"arr":["a","b;c",null],"r":{"a":1,"b":"x,y"}}"#);
}

#[test]
fn the_reference_row_is_written_to_the_byte() {
    let columns = [
        ("id", TypeKind::Int),
        ("product", TypeKind::STRING),
        ("description", TypeKind::STRING),
        ("price", TypeKind::Int),
        ("kdv", TypeKind::Double),
        ("price_with_kdv", TypeKind::Double),
        ("window_start", TypeKind::timestamp(6)),
    ];
    let given = r#"{"id":7,"product":"Televizyon","description":"ikinci el LG OLED TV","price":18000,"kdv":0.18,"price_with_kdv":21240,"window_start":"2025-02-16 07:40:00"}"#;
    let expected = "7,Televizyon,\"ikinci el LG OLED TV\",18000,0.18,21240.0,\"2025-02-16 07:40:00\"\n";
    assert_eq!(encode(&columns, &CsvOptions::default(), given).unwrap(), expected);
}

#[test]
fn a_text_of_more_than_24_units_is_quoted_unseen() {
    let two = [("id", TypeKind::Int), ("s", TypeKind::STRING)];
    for (text, quoted) in
        [("x".repeat(24), false), ("x".repeat(25), true), ("ş".repeat(24), false), ("😀".repeat(12), false), ("😀".repeat(13), true)]
    {
        let written = encode(&two, &CsvOptions::default(), &texts(&[(1, Some(&text), None)])).unwrap();
        let expected = if quoted { format!("1,\"{text}\"\n") } else { format!("1,{text}\n") };
        assert_eq!(written, expected);
    }
}

#[test]
fn what_csv_cannot_hold_is_said() {
    let map = TypeKind::Map(Box::new(TypeKind::STRING.nullable()), Box::new(TypeKind::Int.nullable()));
    let error = encode(&[("id", TypeKind::Int), ("m", map)], &CsvOptions::default(), r#"{"id":1,"m":{"a":1}}"#).unwrap_err();
    assert!(error.starts_with("1: CSV has no maps"), "{error}");
}

#[test]
fn quotes_and_escapes_are_doubled_inside_of_quotes() {
    let two = [("id", TypeKind::Int), ("s", TypeKind::STRING)];
    let options = CsvOptions { escape: Some(b'\\'), ..CsvOptions::default() };
    for (text, expected) in [("say \"hi\"", "1,\"say \"\"hi\"\"\"\n"), ("x\\y", "1,\"x\\\\y\"\n"), ("xy", "1,xy\n")] {
        assert_eq!(encode(&two, &options, &texts(&[(1, Some(text), None)])).unwrap(), expected);
    }
}

/// Recorded beside `golden/`.
#[test]
fn a_comma_at_the_end_is_let_pass_and_only_what_is_read_must_be_there() {
    let columns = Schema::nullable(&[("id", TypeKind::Int), ("s", TypeKind::STRING), ("n", TypeKind::Int)]);
    for (record, projection, row) in [
        ("1,a,2,", &[0, 1, 2][..], Some(&[Some("1"), Some("a"), Some("2")][..])),
        ("1,a,2, ", &[0, 1, 2], Some(&[Some("1"), Some("a"), Some("2")])),
        ("1,a,2,,", &[0, 1, 2], None),
        ("1,a,2,x", &[0, 1, 2], None),
        ("1,a", &[0, 1, 2], None),
        ("1,a", &[0], Some(&[Some("1")])),
        ("1", &[2], Some(&[None])),
        ("1", &[0, 1], None),
    ] {
        let mut decoder = CsvDecoder::new(&columns, projection, CsvOptions::default());
        let decoded = decoder.decode(record.as_bytes());
        assert_eq!(decoded.is_ok(), row.is_some(), "{record}: {decoded:?}");
        let read = Schema::new(projection.iter().map(|at| columns.fields[*at].clone()).collect());
        let found = rows(&decoder.finish().unwrap(), &read);
        assert_eq!(found.first().map(|row| row.iter().map(Option::as_deref).collect::<Vec<_>>()).as_deref(), row, "{record}");
    }
}

#[test]
fn what_stands_for_null_is_an_element_and_a_row_may_have_more_parts_than_fields() {
    let row = TypeKind::Row(vec![Field::new("x", TypeKind::Int.nullable()), Field::new("y", TypeKind::STRING.nullable())]);
    let columns = Schema::nullable(&[("a", TypeKind::Array(Box::new(TypeKind::STRING.nullable()))), ("r", row)]);
    let options = CsvOptions { null_literal: Some("n".into()), ..CsvOptions::default() };
    let mut decoder = CsvDecoder::new(&columns, &[0, 1], options);
    assert_eq!(decoder.decode(b"n,1;x;more"), Ok(Decoded::Row));
    assert!(decoder.decode(b"n,1").is_err());
    let arrays = decoder.finish().unwrap();
    assert_eq!(arrays[0].as_list::<i32>().value(0).null_count(), 1);
    assert_eq!(arrays[1].as_struct().column(1).as_string::<i32>().value(0), "x");
}
