//! What the changelog formats read and write.

use arrow::array::{AsArray, UInt8Array};
use arrow::datatypes::UInt8Type;
use arrow::record_batch::RecordBatch;
use irmak_common::element::{ROW_KIND_COLUMN, RowKind};
use irmak_common::operator_spec::ConnectorSpec;
use irmak_common::types::{Schema, TypeKind};

use crate::format::Decoded;
use crate::format::tests::recordings::rows;
use crate::format::value::{ValueDecoder, ValueEncoder};
use crate::options::Options;

fn connector(format: &str, options: &[(&str, &str)]) -> ConnectorSpec {
    let options = options.iter().map(|(key, value)| (format!("{format}.{key}"), (*value).to_owned())).collect();
    ConnectorSpec { connector: "filesystem".into(), options }
}

fn columns() -> Schema {
    Schema::nullable(&[("id", TypeKind::Int), ("n", TypeKind::STRING), ("w", TypeKind::Double)])
}

/// Decodes the lines; rows as `+I 1 a 1.5`, NULL as `-`.
fn decode(format: &str, options: &[(&str, &str)], lines: &[&str]) -> Result<Vec<String>, String> {
    let connector = connector(format, options);
    let schema = columns();
    let mut decoder = ValueDecoder::open(&Options::new("t", &connector), "format", format, &schema, &[0, 1, 2]).unwrap();
    for line in lines {
        decoder.decode(line.as_bytes()).map_err(|error| error.to_string())?;
    }
    assert!(decoder.has_row_kinds());
    let mut arrays = decoder.finish().unwrap();
    let kinds = arrays.pop().unwrap();
    let kinds = kinds.as_primitive::<UInt8Type>().clone();
    let shown = |(row, kind): (Vec<Option<String>>, &u8)| {
        let values: Vec<_> = row.into_iter().map(|value| value.unwrap_or_else(|| "-".to_owned())).collect();
        format!("{} {}", RowKind::from_byte(*kind).unwrap().short(), values.join(" "))
    };
    Ok(rows(&arrays, &schema).into_iter().zip(kinds.values()).map(shown).collect())
}

#[track_caller]
fn check(format: &str, options: &[(&str, &str)], lines: &[&str], expected: &[&str]) {
    assert_eq!(decode(format, options, lines).unwrap(), expected, "{format}");
}

#[test]
fn debezium_records_are_rows_before_and_after() {
    let lines = [
        r#"{"before":null,"after":{"id":1,"n":"a","w":1.5},"op":"c","source":{"table":"x"}}"#,
        r#"{"before":null,"after":{"id":2,"n":"b"},"op":"r"}"#,
        "",
        r#"{"before":{"id":1,"n":"a","w":1.5},"after":{"id":1,"n":"A","w":2},"op":"u"}"#,
        r#"{"op":"d","after":null,"before":{"id":2,"n":"b","w":null}}"#,
    ];
    let expected = ["+I 1 a 1.5", "+I 2 b -", "-U 1 a 1.5", "+U 1 A 2.0", "-D 2 b -"];
    check("debezium-json", &[], &lines, &expected);
    let wrapped: Vec<String> =
        lines.iter().filter(|line| !line.is_empty()).map(|line| format!(r#"{{"schema":{{}},"payload":{line}}}"#)).collect();
    let wrapped: Vec<&str> = wrapped.iter().map(String::as_str).collect();
    check("debezium-json", &[("schema-include", "true")], &wrapped, &expected);
    assert!(decode("debezium-json", &[("schema-include", "true")], &lines).unwrap_err().contains("schema-include"));
}

#[test]
fn canal_and_maxwell_records_name_only_what_changed() {
    let canal = [
        r#"{"data":[{"id":"1","n":"a","w":"1.5"},{"id":"2","n":null,"w":"2"}],"old":null,"type":"INSERT"}"#,
        r#"{"data":[{"id":"1","n":"A","w":"1.5"},{"id":"2","n":"B","w":null}],"old":[{"n":"a"},{"n":null,"w":"2"}],"type":"UPDATE"}"#,
        r#"{"data":[{"id":"1","n":"A","w":"1.5"}],"old":null,"type":"DELETE"}"#,
        r#"{"data":null,"old":null,"type":"CREATE","sql":"CREATE TABLE x"}"#,
    ];
    // `w` of the first row is taken from the new one only where no old row names it, as in Flink.
    let expected = ["+I 1 a 1.5", "+I 2 - 2.0", "-U 1 a -", "+U 1 A 1.5", "-U 2 - 2.0", "+U 2 B -", "-D 1 A 1.5"];
    check("canal-json", &[], &canal, &expected);
    let maxwell = [
        r#"{"database":"d","data":{"id":1,"n":"a","w":1.5},"type":"insert"}"#,
        r#"{"data":{"id":1,"n":"A","w":1.5},"old":{"n":"a"},"type":"update"}"#,
        r#"{"data":{"id":1,"n":"A","w":1.5},"old":{"n":"A","w":null},"type":"update"}"#,
        r#"{"data":{"id":1,"n":"A","w":1.5},"type":"delete"}"#,
    ];
    let expected = ["+I 1 a 1.5", "-U 1 a 1.5", "+U 1 A 1.5", "-U 1 A -", "+U 1 A 1.5", "-D 1 A 1.5"];
    check("maxwell-json", &[], &maxwell, &expected);
}

#[test]
fn canal_records_of_other_tables_are_left_out() {
    let record = |database: &str, table: &str, id: u32| {
        format!(r#"{{"data":[{{"id":"{id}"}}],"type":"INSERT","database":"{database}","table":"{table}"}}"#)
    };
    let lines = [record("shop", "orders", 1), record("shop2", "orders", 2), record("shop", "clients", 3)];
    let lines: Vec<&str> = lines.iter().map(String::as_str).chain([r#"{"data":[{"id":"4"}],"type":"INSERT"}"#]).collect();
    check("canal-json", &[("database.include", "shop"), ("table.include", "ord.*")], &lines, &["+I 1 - -"]);
}

#[test]
fn ogg_records_are_rows_before_and_after() {
    let lines = [
        r#"{"after":{"id":1,"n":"a"},"op_type":"I"}"#,
        r#"{"before":{"id":1,"n":"a"},"after":{"id":1,"n":"b"},"op_type":"U"}"#,
        r#"{"before":{"id":1,"n":"b"},"op_type":"D"}"#,
    ];
    check("ogg-json", &[], &lines, &["+I 1 a -", "-U 1 a -", "+U 1 b -", "-D 1 b -"]);
}

#[test]
fn bad_records_fail_or_are_left_out_whole() {
    let good = r#"{"before":null,"after":{"id":1},"op":"c"}"#;
    for (bad, words) in [
        (r#"{"before":null,"after":{"id":2},"op":"u"}"#, "REPLICA IDENTITY"),
        (r#"{"before":null,"after":null,"op":"c"}"#, "`after` is null"),
        (r#"{"before":null,"after":{"id":2},"op":"x"}"#, "`x` is no `op`"),
        (r#"{"after":{"id":2}}"#, "`op` is missing"),
        (r#"{"after":{"id":"two"},"op":"c"}"#, "after.id"),
        ("no JSON", "JSON"),
    ] {
        let error = decode("debezium-json", &[], &[good, bad]).unwrap_err();
        assert!(error.contains(words), "{bad}: {error}");
        if words != "after.id" {
            check("debezium-json", &[("ignore-parse-errors", "true")], &[good, bad, good], &["+I 1 - -", "+I 1 - -"]);
        }
    }
    let connector = connector("debezium-json", &[]);
    let table = Schema::nullable(&[("id", TypeKind::Int)]);
    let mut table = Schema { fields: table.fields };
    table.fields[0].ty.nullable = false;
    let mut decoder = ValueDecoder::open(&Options::new("t", &connector), "format", "debezium-json", &table, &[0]).unwrap();
    assert!(decoder.decode(br#"{"after":{"id":null},"op":"c"}"#).unwrap_err().to_string().contains("NOT NULL"));
    assert_eq!(decoder.decode(good.as_bytes()), Ok(Decoded::Row));
    assert_eq!(decoder.finish().unwrap()[0].len(), 1);
}

#[test]
fn rows_are_written_as_flink_writes_them() {
    let columns = Schema::nullable(&[("id", TypeKind::Int), ("n", TypeKind::STRING)]);
    let write = |format: &str, options: &[(&str, &str)]| {
        let connector = connector(format, options);
        let mut encoder = ValueEncoder::open(&Options::new("t", &connector), "format", format, &columns).unwrap();
        let kinds = UInt8Array::from(vec![0u8, 1, 2, 3]);
        let ids = arrow::array::Int32Array::from(vec![1, 1, 2, 2]);
        let names = arrow::array::StringArray::from(vec![Some("a"), Some("a"), None, None]);
        let batch = RecordBatch::try_from_iter([
            ("id", std::sync::Arc::new(ids) as arrow::array::ArrayRef),
            ("n", std::sync::Arc::new(names)),
            (ROW_KIND_COLUMN, std::sync::Arc::new(kinds)),
        ]);
        let mut out = String::new();
        encoder.encode(&batch.unwrap(), 0..4, &mut out).unwrap();
        out.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        write("debezium-json", &[]),
        [
            r#"{"before":null,"after":{"id":1,"n":"a"},"op":"c"}"#,
            r#"{"before":{"id":1,"n":"a"},"after":null,"op":"d"}"#,
            r#"{"before":null,"after":{"id":2,"n":null},"op":"c"}"#,
            r#"{"before":{"id":2,"n":null},"after":null,"op":"d"}"#,
        ]
    );
    assert_eq!(
        write("debezium-json", &[("encode.ignore-null-fields", "true")])[1..3],
        [r#"{"before":{"id":1,"n":"a"},"op":"d"}"#, r#"{"after":{"id":2},"op":"c"}"#,]
    );
    assert_eq!(
        write("canal-json", &[])[..2],
        [r#"{"data":[{"id":1,"n":"a"}],"type":"INSERT"}"#, r#"{"data":[{"id":1,"n":"a"}],"type":"DELETE"}"#]
    );
    assert_eq!(
        write("maxwell-json", &[])[..2],
        [r#"{"data":{"id":1,"n":"a"},"type":"insert"}"#, r#"{"data":{"id":1,"n":"a"},"type":"delete"}"#]
    );
    assert_eq!(
        write("ogg-json", &[])[..2],
        [r#"{"before":null,"after":{"id":1,"n":"a"},"op_type":"I"}"#, r#"{"before":{"id":1,"n":"a"},"after":null,"op_type":"D"}"#,]
    );
    let schema_included = connector("debezium-json", &[("schema-include", "true")]);
    assert!(ValueEncoder::open(&Options::new("t", &schema_included), "format", "debezium-json", &columns).is_err());
}

#[test]
fn what_nobody_reads_is_not_decoded() {
    let connector = connector("debezium-json", &[]);
    let mut decoder = ValueDecoder::open(&Options::new("t", &connector), "format", "debezium-json", &columns(), &[]).unwrap();
    for record in [r#"{"after":{"id":1},"op":"c"}"#, r#"{"before":{"id":1},"op":"d"}"#] {
        assert_eq!(decoder.decode(record.as_bytes()), Ok(Decoded::Row));
    }
    let kinds = decoder.finish().unwrap();
    assert_eq!(kinds.len(), 1);
    assert_eq!(kinds[0].as_primitive::<UInt8Type>().values().as_ref(), [0, 3]);
}
