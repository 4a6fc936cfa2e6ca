//! What the source reads: the recordings of `golden/formats`, folders that grow, and restarts anywhere.

use std::time::Duration;

use irmak_common::id::{CheckpointId, JobId};
use irmak_common::operator_spec::{ConnectorSpec, SourceSpec};
use irmak_common::split::SplitEvent;
use irmak_common::types::{Field, Schema, TypeKind};
use proptest::prelude::*;

use super::source::{FilesystemSource, produced};
use crate::context::{FileAccess, SourceContext};
use crate::error::ConnectorError;
use crate::format::tests::recordings::{every_type, expected_rows, fails, rows};
use crate::source::{Source, SourceEvent};

fn context(subtask: u32, parallelism: u32, restored: Option<Vec<Vec<u8>>>) -> SourceContext {
    SourceContext {
        job: JobId::from_u128(1),
        operator: 1,
        subtask,
        parallelism,
        attempt: 0,
        checkpoint: None,
        restored,
        files: FileAccess::Anywhere,
        zone: "UTC".into(),
        clock: || 0,
    }
}

fn spec(path: &str, format: &str, columns: &[(&str, TypeKind)], more: &[(&str, &str)]) -> SourceSpec {
    let given = [("path", path), ("format", format)];
    let options = given.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    SourceSpec {
        primary_key: Vec::new(),
        table: "t".into(),
        database: Default::default(),
        connector: ConnectorSpec { connector: "filesystem".into(), options },
        physical: Schema::nullable(columns),
        projection: (0..columns.len()).collect(),
        partition_by: Vec::new(),
        metadata: Vec::new(),
    }
}

fn read_all(source: &mut FilesystemSource) -> Result<Vec<Vec<Option<String>>>, ConnectorError> {
    let mut all = Vec::new();
    loop {
        match source.poll(Duration::from_millis(10))? {
            SourceEvent::Batch { rows: batch, .. } => all.extend(rows(batch.columns(), &produced(&source.spec))),
            SourceEvent::EndOfInput => return Ok(all),
            _ => {}
        }
    }
}

/// Reads a recorded input and compares with what Flink made of it.
fn check(case: &str, file: &str, format: &str, columns: &[(&str, TypeKind)], more: &[(&str, &str)]) {
    check_partitioned(case, file, format, columns, more, &[]);
}

fn check_partitioned(case: &str, file: &str, format: &str, columns: &[(&str, TypeKind)], more: &[(&str, &str)], partition_by: &[usize]) {
    let path = format!("{}/../golden/input/{file}", env!("CARGO_MANIFEST_DIR"));
    let path = std::fs::canonicalize(path).unwrap().display().to_string();
    let spec = SourceSpec { partition_by: partition_by.to_vec(), ..spec(&path, format, columns, more) };
    let found = FilesystemSource::open(&spec, &context(0, 1, None)).and_then(|mut source| read_all(&mut source));
    if fails(case) {
        assert!(found.is_err(), "{case}: {found:?}");
        return;
    }
    let sorted = |mut rows: Vec<Vec<Option<String>>>| {
        rows.sort();
        rows
    };
    assert_eq!(sorted(found.unwrap()), sorted(expected_rows(case)), "{case}");
}

#[test]
fn csv_files_are_read_as_flink_recorded_them() {
    let (id, s, i) = (("id", TypeKind::Int), ("s", TypeKind::STRING), ("i", TypeKind::Int));
    let ignoring = ("csv.ignore-parse-errors", "true");
    let two = [id.clone(), s.clone()];
    let three = [id.clone(), s.clone(), i];
    check("csv_bad_number", "fmt_csv_bad_number.csv", "csv", &two, &[]);
    check("csv_bad_values_ignored", "fmt_csv_bad_values_ignored.csv", "csv", &every_type(), &[ignoring]);
    check("csv_bom", "fmt_csv_bom.csv", "csv", &[("id", TypeKind::STRING), s.clone()], &[]);
    check("csv_comments", "fmt_csv_comments.csv", "csv", &two, &[("csv.allow-comments", "true")]);
    check("csv_empty_vs_null", "fmt_csv_empty_vs_null.csv", "csv", &three, &[]);
    check("csv_field_delimiter", "fmt_csv_field_delimiter.csv", "csv", &two, &[("csv.field-delimiter", ";"), ("csv.quote-character", "'")]);
    check("csv_missing_columns", "fmt_csv_missing_columns.csv", "csv", &three, &[]);
    check("csv_missing_columns_ignored", "fmt_csv_missing_columns_ignored.csv", "csv", &three, &[ignoring]);
    check("csv_null_literal", "fmt_csv_null_literal.csv", "csv", &three, &[("csv.null-literal", "n/a")]);
    check("csv_quoted_newline", "fmt_csv_quoted_newline.csv", "csv", &two, &[ignoring]);
    check("csv_tab_delimiter", "fmt_csv_tab_delimiter.csv", "csv", &two, &[("csv.field-delimiter", "\\t")]);
    let numbers =
        [("a", TypeKind::Int), ("b", TypeKind::BigInt), ("d", TypeKind::Double), ("de", TypeKind::Decimal { precision: 10, scale: 2 })];
    check("csv_numbers_shapes", "fmt_csv_numbers_shapes.csv", "csv", &numbers, &[ignoring]);
    let row = TypeKind::Row(vec![Field::new("a", TypeKind::STRING.nullable()), Field::new("b", TypeKind::Int.nullable())]);
    let nested = [id, ("arr", TypeKind::Array(Box::new(TypeKind::Int.nullable()))), ("r", row)];
    check("csv_array_row", "fmt_csv_array_row.csv", "csv", &nested, &[ignoring, ("csv.array-element-delimiter", "|")]);
}

#[test]
fn folders_are_partitions() {
    let columns = [("id", TypeKind::Int), ("s", TypeKind::STRING), ("day", TypeKind::Int), ("hour", TypeKind::STRING)];
    check_partitioned("csv_partitioned_source", "fmt_part", "csv", &columns, &[], &[2, 3]);
}

/// What is read of the folder, values by a blank, in order.
fn read(spec: &SourceSpec) -> Result<Vec<String>, String> {
    let found = FilesystemSource::open(spec, &context(0, 1, None)).and_then(|mut source| read_all(&mut source));
    let shown = |row: Vec<Option<String>>| row.into_iter().map(|value| value.unwrap_or_else(|| "-".into())).collect::<Vec<_>>().join(" ");
    let mut rows: Vec<String> = found.map_err(|error| error.to_string())?.into_iter().map(shown).collect();
    rows.sort();
    Ok(rows)
}

fn folder_of(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

#[test]
fn a_folder_names_values_only_where_the_table_says_so() {
    let folder = folder_of(&[("day=1/a.csv", "7,8\n"), ("b.csv", "9,10\n")]);
    let (path, columns) = (folder.path().to_str().unwrap(), [("id", TypeKind::Int), ("day", TypeKind::Int)]);
    assert_eq!(read(&spec(path, "csv", &columns, &[])).unwrap(), ["7 8", "9 10"]);
    let partitioned = SourceSpec { partition_by: vec![1], ..spec(path, "csv", &columns, &[]) };
    // A file of a partition has no such column; one beside the partitions is not read.
    std::fs::write(folder.path().join("day=1/a.csv"), "7\n").unwrap();
    assert_eq!(read(&partitioned).unwrap(), ["7 1"]);
    let file = folder.path().join("b.csv");
    let error = read(&SourceSpec { partition_by: vec![1], ..spec(file.to_str().unwrap(), "csv", &columns, &[]) }).unwrap_err();
    assert!(error.contains("day=..."), "{error}");
}

#[test]
fn values_of_partitions_have_the_types_that_flink_reads() {
    for (kind, text, expected) in [
        (TypeKind::Date, "2025-02-16", "2025-02-16"),
        (TypeKind::timestamp(3), "2025-02-16T07%3A08", "2025-02-16 07:08:00.000"),
        (TypeKind::timestamp_ltz(3), "2025-02-16T07%3A08%3A09.120Z", "2025-02-16 07:08:09.120"),
        (TypeKind::Decimal { precision: 5, scale: 2 }, "1.50", "1.50"),
        (TypeKind::Double, "1.5E10", "1.5E10"),
        (TypeKind::Boolean, "true", "TRUE"),
        (TypeKind::BigInt, "__DEFAULT_PARTITION__", "-"),
        (TypeKind::STRING, "a b%2Fc", "a b/c"),
    ] {
        let folder = folder_of(&[(&format!("k={text}/a.csv"), "1\n")]);
        let columns = [("id", TypeKind::Int), ("k", kind.clone())];
        let table = SourceSpec { partition_by: vec![1], ..spec(folder.path().to_str().unwrap(), "csv", &columns, &[]) };
        assert_eq!(read(&table).unwrap(), [format!("1 {expected}")], "{kind}");
    }
}

#[test]
fn wildcards_and_patterns_choose_files() {
    let folder = folder_of(&[("a1.csv", "1\n"), ("a2.csv", "2\n"), ("b.csv", "3\n"), ("x/a3.csv", "4\n")]);
    let (path, columns) = (folder.path().to_str().unwrap().to_owned(), [("id", TypeKind::Int)]);
    assert_eq!(read(&spec(&format!("{path}/a?.csv"), "csv", &columns, &[])).unwrap(), ["1", "2"]);
    assert_eq!(read(&spec(&format!("file://{path}/**/a[23].csv"), "csv", &columns, &[])).unwrap(), ["2", "4"]);
    assert_eq!(read(&spec(&path, "csv", &columns, &[("source.path.regex-pattern", ".*/(b|a3)\\.csv")])).unwrap(), ["3", "4"]);
    assert_eq!(read(&spec(&format!("{path}/none*"), "csv", &columns, &[])).unwrap(), Vec::<String>::new());
}

#[test]
fn blanks_comments_and_padded_timestamps_are_read_as_jackson_and_flink_read_them() {
    let folder = folder_of(&[("a.csv", "# one \"\n  # two\n\n  1, 2025-02-16 07:08:09 \n \"2\" ,2025-02-16 07:08:09.5\n")]);
    let columns = [("id", TypeKind::STRING), ("ts", TypeKind::timestamp(3))];
    let table = spec(folder.path().to_str().unwrap(), "csv", &columns, &[("csv.allow-comments", "true")]);
    assert_eq!(read(&table).unwrap(), ["1 2025-02-16 07:08:09.000", "2 2025-02-16 07:08:09.500"]);
}

#[test]
fn metadata_columns_say_of_which_file_a_row_is() {
    let folder = folder_of(&[("in/a.csv", "1\n22\n")]);
    let path = std::fs::canonicalize(folder.path()).unwrap().display().to_string();
    let text = || TypeKind::STRING.nullable();
    let metadata = vec![
        ("file.path".to_owned(), text()),
        ("file.name".to_owned(), text()),
        ("file.size".to_owned(), TypeKind::BigInt.nullable()),
        ("file.modification-time".to_owned(), TypeKind::timestamp_ltz(3).nullable()),
    ];
    let columns = [("id", TypeKind::Int)];
    let rows = read(&SourceSpec { metadata, ..spec(&path, "csv", &columns, &[]) }).unwrap();
    assert!(rows[0].starts_with(&format!("1 {path}/in/a.csv a.csv 5 20")), "{rows:?}");
    let wrong = vec![("file.size".to_owned(), TypeKind::Int.nullable())];
    assert!(read(&SourceSpec { metadata: wrong, ..spec(&path, "csv", &columns, &[]) }).unwrap_err().contains("file.size (BIGINT)"));
}

#[test]
fn raw_and_json_files_are_read_by_the_line() {
    check("raw_string", "fmt_raw_string.txt", "raw", &[("line", TypeKind::STRING)], &[]);
    check("json_bom_strict", "fmt_json_bom_strict.json", "json", &[("id", TypeKind::Int)], &[]);
    check(
        "json_fail_on_missing",
        "fmt_json_fail_on_missing.json",
        "json",
        &[("id", TypeKind::Int), ("s", TypeKind::STRING)],
        &[("json.fail-on-missing-field", "true")],
    );
}

#[test]
fn a_bad_record_is_named_with_its_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in.json");
    std::fs::write(&path, "{\"id\":1}\n{\"id\":\"x\"}\n").unwrap();
    let spec = spec(path.to_str().unwrap(), "json", &[("id", TypeKind::Int)], &[]);
    let error = FilesystemSource::open(&spec, &context(0, 1, None)).and_then(|mut source| read_all(&mut source)).unwrap_err().to_string();
    assert!(error.contains("in.json, line 2") && error.contains("column `id`"), "{error}");
}

#[test]
fn files_that_come_later_are_read_only_if_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.json"), "{\"id\":1}\n").unwrap();
    let columns = [("id", TypeKind::Int)];
    let path = folder.path().to_str().unwrap();
    let bounded = spec(path, "json", &columns, &[]);
    let mut source = FilesystemSource::open(&bounded, &context(0, 1, None)).unwrap();
    while !matches!(source.poll(Duration::ZERO).unwrap(), SourceEvent::Batch { .. }) {}
    let entries = source.snapshot(CheckpointId(1)).unwrap();
    std::fs::write(folder.path().join("b.json"), "{\"id\":2}\n").unwrap();
    let mut restored = FilesystemSource::open(&bounded, &context(0, 1, Some(entries.clone()))).unwrap();
    assert_eq!(read_all(&mut restored).unwrap(), Vec::<Vec<Option<String>>>::new());
    let watched = spec(path, "json", &columns, &[("source.monitor-interval", "10 ms")]);
    let mut source = FilesystemSource::open(&watched, &context(0, 1, Some(entries))).unwrap();
    let mut found = Vec::new();
    while found.len() < 2 {
        if let SourceEvent::Batch { rows: batch, .. } = source.poll(Duration::from_millis(10)).unwrap() {
            found.extend(rows(batch.columns(), &produced(&source.spec)));
            std::fs::write(folder.path().join("c.json"), "{\"id\":3}\n").unwrap();
        }
    }
    assert_eq!(found, [[Some("2".to_owned())], [Some("3".to_owned())]]);
}

#[test]
fn a_watched_folder_without_files_says_once_that_it_holds_no_event_time_back() {
    let folder = tempfile::tempdir().unwrap();
    let options = [("source.monitor-interval", "10 ms")];
    let watched = spec(folder.path().to_str().unwrap(), "json", &[("id", TypeKind::Int)], &options);
    let mut source = FilesystemSource::open(&watched, &context(0, 1, None)).unwrap();
    let events: Vec<SourceEvent> = (0..5).map(|_| source.poll(Duration::from_millis(10)).unwrap()).collect();
    let said = events.iter().filter(|event| matches!(event, SourceEvent::Split(SplitEvent::NoSplits))).count();
    assert_eq!(said, 1, "{events:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_restart_anywhere_and_at_any_parallelism_reads_every_record_once(
        files in proptest::collection::vec(0usize..20_000, 1..5),
        polls in 0usize..30,
        before in 1u32..4,
        after in 1u32..4,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut next = 0;
        for (number, count) in files.iter().enumerate() {
            let lines: String = (next..next + count).map(|id| format!("{{\"id\":{id}}}\n")).collect();
            std::fs::write(folder.path().join(format!("{number}.json")), lines).unwrap();
            next += count;
        }
        let spec = spec(folder.path().to_str().unwrap(), "json", &[("id", TypeKind::Int)], &[]);
        let (mut found, mut entries) = (Vec::new(), Vec::new());
        for subtask in 0..before {
            let mut source = FilesystemSource::open(&spec, &context(subtask, before, None)).unwrap();
            for _ in 0..polls {
                if let SourceEvent::Batch { rows: batch, .. } = source.poll(Duration::ZERO).unwrap() {
                    found.extend(rows(batch.columns(), &produced(&source.spec)));
                }
            }
            entries.extend(source.snapshot(CheckpointId(1)).unwrap());
        }
        for subtask in 0..after {
            let mut source = FilesystemSource::open(&spec, &context(subtask, after, Some(entries.clone()))).unwrap();
            found.extend(read_all(&mut source).unwrap());
        }
        let mut ids: Vec<usize> = found.into_iter().map(|row| row[0].as_ref().unwrap().parse().unwrap()).collect();
        ids.sort_unstable();
        prop_assert_eq!(ids, (0..next).collect::<Vec<_>>());
    }
}
