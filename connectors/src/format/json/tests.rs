//! What JSON becomes, case by case: the recordings of `golden/formats` and the edges around them.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Float64Type, Int32Type};
use arrow::record_batch::RecordBatch;
use irmak_common::map::entry_keys;
use irmak_common::types::{Field, Schema, TypeKind};
use proptest::prelude::*;

use super::{JsonDecoder, JsonEncoder, JsonOptions};
use crate::format::Decoded;
use crate::format::cells::cells_of;
use crate::format::tests::recordings::{every_type, expected_file, expected_rows, fails, input, rows};
use crate::format::time::Standard;

/// Decodes line by line; the first error ends it.
fn decode(schema: &Schema, options: &JsonOptions, text: &[u8]) -> Result<Vec<Vec<Option<String>>>, String> {
    let mut decoder = JsonDecoder::new(schema, options.clone());
    for line in text.split(|byte| *byte == b'\n') {
        decoder.decode(line.strip_suffix(b"\r").unwrap_or(line)).map_err(|error| error.to_string())?;
    }
    Ok(rows(&decoder.finish().unwrap(), schema))
}

/// Reads the case's input and compares with what Flink made of it: the rows, or a failure.
fn check(case: &str, file: &str, columns: &[(&str, TypeKind)], options: &JsonOptions) {
    let schema = Schema::nullable(columns);
    let decoded = decode(&schema, options, &input(file));
    if fails(case) {
        assert!(decoded.is_err(), "{case}: {decoded:?}");
    } else {
        assert_eq!(decoded.as_ref(), Ok(&expected_rows(case)), "{case}");
    }
}

fn ignoring() -> JsonOptions {
    JsonOptions { ignore_parse_errors: true, ..JsonOptions::default() }
}

fn strict() -> JsonOptions {
    JsonOptions { fail_on_missing_field: true, ..JsonOptions::default() }
}

#[test]
fn values_are_read_as_flink_recorded_them() {
    let (id, x) = (("id", TypeKind::Int), |kind| ("x", kind));
    let text = |name| (name, TypeKind::STRING);
    let plain = JsonOptions::default();
    check("json_every_type", "fmt_json_every_type.json", &every_type(), &plain);
    check("json_missing_and_null", "fmt_json_missing_and_null.json", &every_type(), &plain);
    check("json_bom", "fmt_json_bom.json", std::slice::from_ref(&id), &ignoring());
    check("json_bom_strict", "fmt_json_bom_strict.json", std::slice::from_ref(&id), &plain);
    check("json_crlf_no_final_newline", "fmt_json_crlf_no_final_newline.json", &[id.clone(), text("s")], &plain);
    let decimal = TypeKind::Decimal { precision: 10, scale: 2 };
    check("json_decimal_rounding", "fmt_json_decimal_rounding.json", &[id.clone(), ("de", decimal)], &plain);
    check("json_double_values", "fmt_json_double_values.json", &[id.clone(), ("d", TypeKind::Double), ("f", TypeKind::Float)], &plain);
    check("json_fail_on_missing", "fmt_json_fail_on_missing.json", &[id.clone(), text("s")], &strict());
    check("json_fail_on_missing_ok", "fmt_json_fail_on_missing_ok.json", &[id.clone(), text("s")], &strict());
    check(
        "json_fraction_into_int",
        "fmt_json_fraction_into_int.json",
        &[id.clone(), ("i", TypeKind::Int), ("b", TypeKind::BigInt)],
        &plain,
    );
    check("json_overflow_int", "fmt_json_overflow_int.json", &[id.clone(), x(TypeKind::Int)], &plain);
    check("json_overflow_smallint", "fmt_json_overflow_smallint.json", &[id.clone(), x(TypeKind::SmallInt)], &plain);
    check("json_overflow_tinyint", "fmt_json_overflow_tinyint.json", &[id.clone(), x(TypeKind::TinyInt)], &plain);
    check("json_timestamp_fails", "fmt_json_timestamp_fails.json", &[("ts", TypeKind::timestamp(3))], &plain);
    check("json_wrong_type_fails", "fmt_json_wrong_type_fails.json", &[id.clone(), ("i", TypeKind::Int)], &plain);
    let columns = every_type();
    let numbers: Vec<_> =
        ["id", "bo", "ti", "si", "i", "b", "f", "d", "de"].map(|name| columns.iter().find(|(n, _)| *n == name).unwrap().clone()).into();
    check("json_numbers_as_strings", "fmt_json_numbers_as_strings.json", &numbers, &plain);
    let overflown: Vec<_> =
        ["id", "ti", "si", "i", "b", "de", "f", "d"].map(|name| columns.iter().find(|(n, _)| *n == name).unwrap().clone()).into();
    check("json_overflow_ignored", "fmt_json_overflow_ignored.json", &overflown, &ignoring());
    let chars = [id.clone(), ("c", TypeKind::Char(3)), ("v", TypeKind::Varchar(3)), ("b", TypeKind::Varbinary(2))];
    check("json_chars", "fmt_json_chars.json", &chars, &plain);
}

#[test]
fn timestamps_are_read_as_flink_recorded_them() {
    let columns = [("id", TypeKind::Int), ("ts", TypeKind::timestamp(3)), ("tl", TypeKind::timestamp_ltz(3)), ("s", TypeKind::STRING)];
    check("json_timestamps_sql", "fmt_json_timestamps_sql.json", &columns, &ignoring());
    let iso = JsonOptions { standard: Standard::Iso8601, ..ignoring() };
    check("json_timestamps_iso_8601", "fmt_json_timestamps_iso_8601.json", &columns, &iso);
}

#[test]
fn nested_values_are_read_as_flink_recorded_them() {
    let (int, text) = (|| TypeKind::Int.nullable(), || TypeKind::STRING.nullable());
    let row = |fields| TypeKind::Row(fields);
    let inner = row(vec![Field::new("c", text()), Field::new("d", TypeKind::Array(Box::new(int())).nullable())]);
    let pair = row(vec![Field::new("k", text()), Field::new("v", TypeKind::Double.nullable())]);
    let columns = Schema::nullable(&[
        ("id", TypeKind::Int),
        ("r", row(vec![Field::new("a", int()), Field::new("b", inner.nullable())])),
        ("arr", TypeKind::Array(Box::new(text()))),
        ("m", TypeKind::Map(Box::new(text()), Box::new(int()))),
        ("rs", TypeKind::Array(Box::new(pair.nullable()))),
    ]);
    let decoded = decode(&columns, &JsonOptions::default(), &input("fmt_json_nested.json")).unwrap();
    // The case selects more than the columns: these are the columns themselves.
    let recorded: Vec<Vec<_>> =
        expected_rows("json_nested").into_iter().map(|row| [0, 1, 5, 7, 9].map(|at| row[at].clone()).into()).collect();
    assert_eq!(decoded, recorded);
    let x = row(vec![Field::new("x", int())]);
    let columns = [
        ("id", TypeKind::Int),
        ("m", TypeKind::Map(Box::new(text()), Box::new(x.nullable()))),
        ("ms", TypeKind::Multiset(Box::new(text()))),
    ];
    check("json_map_non_string_value", "fmt_json_map_non_string_value.json", &columns, &JsonOptions::default());
}

#[test]
fn text_is_read_as_flink_recorded_it() {
    let columns = Schema::nullable(&[("id", TypeKind::Int), ("s", TypeKind::STRING)]);
    let decoded = decode(&columns, &JsonOptions::default(), &input("fmt_json_unicode.json")).unwrap();
    let texts: Vec<_> = expected_rows("json_unicode").into_iter().map(|row| row[..2].to_vec()).collect();
    assert_eq!(decoded, texts);
}

/// One record against two columns `a` of this type and `z INT`.
fn check_one(kind: TypeKind, options: &JsonOptions, record: &str, expected: Result<&[Option<&str>], &str>) {
    let columns = Schema::nullable(&[("a", kind), ("z", TypeKind::Int)]);
    let decoded = decode(&columns, options, record.as_bytes()).map(|rows| rows.into_iter().flatten().collect::<Vec<_>>());
    match (decoded, expected) {
        (Ok(found), Ok(expected)) => assert_eq!(found.iter().map(Option::as_deref).collect::<Vec<_>>(), expected, "{record}"),
        (Err(found), Err(words)) => assert!(found.contains(words), "{record}: {found}"),
        (found, expected) => panic!("{record}: {found:?}, expected {expected:?}"),
    }
}

#[test]
fn reading_stops_once_as_many_known_keys_were_seen_as_there_are_columns() {
    let plain = JsonOptions::default();
    check_one(TypeKind::Int, &plain, r#"{"a":1,"a":2,"z":3}"#, Ok(&[Some("2"), None]));
    check_one(TypeKind::Int, &plain, r#"{"z":1,"a":2,"z":"never read"} and more"#, Ok(&[Some("2"), Some("1")]));
    check_one(TypeKind::Int, &plain, r#"{"a":1,"z":2,"broken":nope}"#, Err("a value is expected"));
}

#[test]
fn what_is_no_text_becomes_text_in_a_string_column() {
    let plain = JsonOptions::default();
    for (value, text) in [("1.50", "1.50"), ("true", "true"), (r#"{"b": [1, 2.50, "x\u00e9"] }"#, r#"{"b":[1,2.5,"xé"]}"#), ("[]", "[]")] {
        check_one(TypeKind::STRING, &plain, &format!(r#"{{"a":{value},"z":1}}"#), Ok(&[Some(text), Some("1")]));
    }
}

/// Recorded beside `golden/`: fractions in a tree are doubles, and decimals as soon as a column is one.
#[test]
fn numbers_in_a_tree_have_lost_their_spelling() {
    let tree = JsonOptions { tree: true, ..JsonOptions::default() };
    let decimal = TypeKind::Decimal { precision: 10, scale: 2 };
    for (text, double, exact) in [
        ("1.50", "1.5", "1.5"),
        ("1e3", "1000.0", "1E+3"),
        ("1.0", "1.0", "1"),
        ("100000000.5", "1.000000005E8", "100000000.5"),
        ("-0", "0", "0"),
        ("-0.0", "-0.0", "0"),
        ("1e400", "Infinity", "Infinity"),
    ] {
        let record = format!(r#"{{"s":{text},"d":1}}"#);
        for (kind, expected) in [(TypeKind::Int, double), (decimal.clone(), exact)] {
            let rows = decode(&Schema::nullable(&[("s", TypeKind::STRING), ("d", kind)]), &tree, record.as_bytes()).unwrap();
            assert_eq!(rows[0][0].as_deref(), Some(expected), "{text}");
        }
    }
    let small = |kind| decode(&Schema::nullable(&[("t", TypeKind::TinyInt), ("d", kind)]), &tree, br#"{"t":1.0}"#);
    assert_eq!(small(decimal.clone()).unwrap()[0][0].as_deref(), Some("1"));
    assert!(small(TypeKind::Double).is_err());
    let nested = decode(&Schema::nullable(&[("s", TypeKind::STRING), ("d", decimal)]), &JsonOptions::default(), br#"{"s":[1.50,1e3,0.0]}"#);
    assert_eq!(nested.unwrap()[0][0].as_deref(), Some("[1.5,1E+3,0]"));
}

#[test]
fn a_bad_value_is_named_with_column_place_text_and_reason() {
    let plain = JsonOptions::default();
    check_one(
        TypeKind::Int,
        &plain,
        r#"{"z":1,"a":"abc"}"#,
        Err("column `a` (byte 11): not a whole number (the column's type is INT); text: \"abc\""),
    );
    check_one(TypeKind::Int, &plain, r#"{"a":3000000000}"#, Err("out of range"));
    check_one(TypeKind::timestamp(3), &plain, r#"{"a":"soon"}"#, Err("not a timestamp"));
    check_one(TypeKind::Int, &plain, "[1]", Err("a JSON object is expected"));
    check_one(TypeKind::Int, &plain, "  ", Err("the record ends too early"));
    check_one(TypeKind::Int, &plain, r#"{"a":1"#, Err("the record ends too early"));
    let nested = TypeKind::Row(vec![Field::new("b", TypeKind::Array(Box::new(TypeKind::Int.nullable())).nullable())]);
    check_one(nested, &plain, r#"{"a":{"b":[1,"x"]}}"#, Err("column `a.b`"));
    let deep = |levels: usize| format!(r#"{{"x":{}1{},"a":7}}"#, "[".repeat(levels), "]".repeat(levels));
    check_one(TypeKind::Int, &plain, &deep(500), Err("nested deeper than 500 levels"));
    check_one(TypeKind::Int, &plain, &deep(100_000), Err("nested deeper than 500 levels"));
    check_one(TypeKind::Int, &strict(), r#"{"a":1}"#, Err("column `z` (byte 0): the field is missing"));
}

#[test]
fn with_ignore_parse_errors_a_bad_value_is_null_and_a_bad_record_is_left_out() {
    check_one(TypeKind::Int, &ignoring(), r#"{"a":{"q":[1]},"z":7}"#, Ok(&[None, Some("7")]));
    check_one(TypeKind::STRING, &ignoring(), r#"{"a":"\x","z":7}"#, Ok(&[]));
    let array = TypeKind::Array(Box::new(TypeKind::Int.nullable()));
    check_one(array, &ignoring(), r#"{"a":[1,"x",3],"z":7}"#, Ok(&[Some("[1, NULL, 3]"), Some("7")]));
    let mut decoder = JsonDecoder::new(&Schema::nullable(&[("a", TypeKind::Int)]), ignoring());
    assert_eq!(decoder.decode(b"{").unwrap(), Decoded::Skipped);
    assert_eq!(decoder.decode(b"").unwrap(), Decoded::Empty);
    assert_eq!(decoder.decode(b"{\"a\":1}").unwrap(), Decoded::Row);
    assert_eq!(decoder.rows(), 1);
}

#[test]
fn null_in_a_column_that_is_not_null_is_left_to_the_sink() {
    let mut columns = Schema::nullable(&[("id", TypeKind::Int), ("s", TypeKind::STRING)]);
    columns.fields[1].ty.nullable = false;
    assert!(decode(&columns, &JsonOptions::default(), &input("fmt_json_not_null_column.json")).is_ok());
}

#[test]
fn bad_records_leave_no_trace_in_good_ones() {
    let columns = Schema::nullable(&[("s", TypeKind::STRING), ("n", TypeKind::Int)]);
    let mut decoder = JsonDecoder::new(&columns, JsonOptions::default());
    for record in [r#"{"s":"a","n":1}"#, r#"{"s":"bad","n":"x"}"#, r#"{"n":2,"s":"b"}"#, r#"{"s":"worse"#, r#"{"other":1,"s":"c","n":3}"#] {
        let _ = decoder.decode(record.as_bytes());
    }
    let found = rows(&decoder.finish().unwrap(), &columns);
    let expected = [("a", "1"), ("b", "2"), ("c", "3")].map(|(s, n)| vec![Some(s.to_owned()), Some(n.to_owned())]);
    assert_eq!(found, expected);
}

#[test]
fn of_equal_keys_of_a_map_the_later_counts_whether_they_are_few_or_many() {
    let kind = TypeKind::Map(Box::new(TypeKind::STRING.not_null()), Box::new(TypeKind::Int.nullable()));
    for count in [3, 16, 17, 40] {
        let keys: Vec<String> = (0..count).map(|key| format!(r#""k{key}":{key}"#)).collect();
        let record = format!(r#"{{"m":{{{},"k1":100,"k\u0032":200}}}}"#, keys.join(","));
        let mut decoder = JsonDecoder::new(&Schema::nullable(&[("m", kind.clone())]), JsonOptions::default());
        assert_eq!(decoder.decode(record.as_bytes()), Ok(Decoded::Row), "{record}");
        let column = decoder.finish().unwrap().remove(0);
        let entries = column.as_map().value(0);
        let values = entries.column(1).as_primitive::<Int32Type>();
        let found: BTreeMap<&str, i32> =
            (0..entries.len()).map(|at| (entry_keys(&entries).as_string::<i32>().value(at), values.value(at))).collect();
        assert_eq!((entries.len(), found.len()), (count, count), "{record}");
        assert_eq!((found["k0"], found["k1"], found["k2"]), (0, 100, 200), "{record}");
    }
}

/// Reads JSON, writes JSON, compares with the file that Flink wrote.
fn check_file(case: &str, columns: &[(&str, TypeKind)], options: &JsonOptions, given: &str) {
    let schema = Schema::nullable(columns);
    let mut decoder = JsonDecoder::new(&schema, JsonOptions::default());
    given.lines().for_each(|line| assert_eq!(decoder.decode(line.as_bytes()), Ok(Decoded::Row), "{line}"));
    let batch = RecordBatch::try_new(schema.to_arrow(), decoder.finish().unwrap()).unwrap();
    let kinds: Vec<_> = schema.fields.iter().map(|field| field.ty.kind.clone()).collect();
    let (encoder, mut out) = (JsonEncoder::new(&schema, options.clone()), String::new());
    for row in 0..batch.num_rows() {
        encoder.encode(&cells_of(batch.columns(), &kinds).unwrap(), row, &mut out).unwrap();
        out.push('\n');
    }
    assert_eq!(out, expected_file(case), "{case}");
}

#[test]
fn values_are_written_as_flink_recorded_them() {
    let plain = JsonOptions::default();
    let text = String::from_utf8(input("fmt_esc.json")).unwrap();
    check_file("json_sink_strings", &[("id", TypeKind::Int), ("s", TypeKind::STRING)], &plain, &text);
    let text = String::from_utf8(input("fmt_doubles.json")).unwrap();
    check_file("json_sink_doubles", &[("id", TypeKind::Int), ("d", TypeKind::Double), ("f", TypeKind::Float)], &plain, &text);
    let decimal = |precision, scale| TypeKind::Decimal { precision, scale };
    let columns = [("id", TypeKind::Int), ("a", decimal(38, 18)), ("b", decimal(20, 0)), ("c", decimal(10, 8))];
    let given = r#"{"id":1,"a":0.000000000000000001,"b":12345678901234567890,"c":0.00000001}
{"id":2,"a":1000000,"b":100,"c":1.5}"#;
    check_file("json_sink_decimals", &columns, &plain, given);
    check_file("json_sink_decimals_plain", &columns, &JsonOptions { plain_decimals: true, ..plain.clone() }, given);
    let stamps = [
        ("a", TypeKind::timestamp(0)),
        ("b", TypeKind::timestamp(3)),
        ("c", TypeKind::timestamp(6)),
        ("d", TypeKind::timestamp(9)),
        ("l", TypeKind::timestamp_ltz(3)),
    ];
    let rows = [("09", "09.12", "09.12", "09.12"), ("09", "09", "09", "09"), ("09", "09.123", "09.123456", "09.123456789")];
    let mut given: String = rows
        .map(|(a, b, c, d)| {
            let at = |fraction| format!("2025-02-16 07:08:{fraction}");
            format!("{{\"a\":\"{}\",\"b\":\"{}\",\"c\":\"{}\",\"d\":\"{}\",\"l\":\"{}Z\"}}\n", at(a), at(b), at(c), at(d), at(b))
        })
        .concat();
    let hour = "2025-02-16 07:00:00";
    given.push_str(&format!("{{\"a\":\"{hour}\",\"b\":\"{hour}\",\"c\":\"{hour}\",\"d\":\"{hour}\",\"l\":\"{hour}Z\"}}"));
    check_file("json_sink_timestamps", &stamps, &plain, &given);
    check_file("json_sink_timestamps_iso", &stamps, &JsonOptions { standard: Standard::Iso8601, ..plain.clone() }, &given);
    let row = TypeKind::Row(vec![Field::new("a", TypeKind::Int.nullable()), Field::new("b", TypeKind::STRING.nullable())]);
    let map = TypeKind::Map(Box::new(TypeKind::STRING.nullable()), Box::new(TypeKind::Int.nullable()));
    let columns = [("id", TypeKind::Int), ("m", map), ("s", TypeKind::STRING), ("r", row)];
    let given = r#"{"id":1,"m":{"a":1},"r":{"a":1}}
{"id":2,"m":{"b":null},"s":"x","r":{"b":"y"}}"#;
    check_file("json_sink_ignore_null", &columns, &JsonOptions { ignore_null_fields: true, ..plain.clone() }, given);
    check_file("json_sink_map_null_drop", &columns, &plain, given);
}

proptest! {
    #[test]
    fn no_record_makes_the_decoder_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), ignore in any::<bool>()) {
        let options = JsonOptions { ignore_parse_errors: ignore, ..JsonOptions::default() };
        let mut decoder = JsonDecoder::new(&Schema::nullable(&every_type()), options);
        let _ = decoder.decode(&bytes);
        prop_assert!(decoder.finish().is_ok());
    }

    #[test]
    fn mangled_records_never_break_the_columns(at in 0usize..190, byte in any::<u8>(), ignore in any::<bool>()) {
        let mut record = input("fmt_json_every_type.json");
        let at = at.min(record.len() - 1);
        record[at] = byte;
        let options = JsonOptions { ignore_parse_errors: ignore, ..JsonOptions::default() };
        let columns = Schema::nullable(&every_type());
        let mut decoder = JsonDecoder::new(&columns, options);
        let good = input("fmt_json_every_type.json");
        for record in [&good, &record, &good] {
            let _ = decoder.decode(record.strip_suffix(b"\n").unwrap_or(record));
        }
        let arrays = decoder.finish().unwrap();
        let lengths: Vec<_> = arrays.iter().map(|array| array.len()).collect();
        prop_assert!(lengths.iter().all(|length| *length == lengths[0] && *length >= 2), "{:?}", lengths);
    }

    #[test]
    fn what_is_written_is_read_again(text in any::<String>(), int in any::<i32>(), double in any::<f64>().prop_filter("finite", |d| d.is_finite())) {
        let columns = Schema::nullable(&[("s", TypeKind::STRING), ("i", TypeKind::Int), ("d", TypeKind::Double)]);
        let record = serde_json::json!({"s": text, "i": int, "d": double}).to_string();
        let mut decoder = JsonDecoder::new(&columns, JsonOptions::default());
        prop_assert_eq!(decoder.decode(record.as_bytes()), Ok(Decoded::Row));
        let batch = RecordBatch::try_new(columns.to_arrow(), decoder.finish().unwrap()).unwrap();
        let kinds: Vec<_> = columns.fields.iter().map(|field| field.ty.kind.clone()).collect();
        let mut out = String::new();
        JsonEncoder::new(&columns, JsonOptions::default()).encode(&cells_of(batch.columns(), &kinds).unwrap(), 0, &mut out).unwrap();
        prop_assert_eq!(decoder.decode(out.as_bytes()), Ok(Decoded::Row));
        let again = decoder.finish().unwrap();
        prop_assert_eq!(&again, batch.columns());
        prop_assert_eq!(again[2].as_primitive::<Float64Type>().value(0), double);
        let read: serde_json::Value = serde_json::from_str(&out).unwrap();
        prop_assert_eq!(read["s"].as_str(), Some(text.as_str()));
    }
}
