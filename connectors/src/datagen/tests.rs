//! Made-up rows: bounds, ends, restarts.

use irmak_common::id::JobId;
use irmak_common::operator_spec::ConnectorSpec;
use irmak_common::types::{Field, Schema, TypeKind};
use proptest::prelude::*;

use super::*;
use crate::context::FileAccess;
use crate::format::tests::recordings::rows;

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
        clock: || 1_739_689_689_000,
    }
}

fn spec(columns: &[(&str, TypeKind)], options: &[(&str, &str)]) -> SourceSpec {
    let options = options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    SourceSpec {
        primary_key: Vec::new(),
        table: "t".into(),
        database: Default::default(),
        connector: ConnectorSpec { connector: "datagen".into(), options },
        physical: Schema::nullable(columns),
        projection: (0..columns.len()).collect(),
        partition_by: Vec::new(),
        metadata: Vec::new(),
    }
}

/// Rows until the input ends, or so many polls.
fn read(source: &mut DatagenSource, polls: usize) -> Vec<Vec<Option<String>>> {
    let mut all = Vec::new();
    for _ in 0..polls {
        match source.poll(Duration::from_millis(5)).unwrap() {
            SourceEvent::Batch { rows: batch, .. } => all.extend(rows(batch.columns(), &source.schema)),
            SourceEvent::EndOfInput => break,
            _ => {}
        }
    }
    all
}

const FAST: (&str, &str) = ("rows-per-second", "4294967295");

#[test]
fn a_sequence_counts_to_its_end_and_values_stay_within_their_bounds() {
    let columns = [("id", TypeKind::Int), ("n", TypeKind::BigInt), ("s", TypeKind::STRING), ("t", TypeKind::timestamp_ltz(3))];
    let options = [
        FAST,
        ("fields.id.kind", "sequence"),
        ("fields.id.start", "5"),
        ("fields.id.end", "24"),
        ("fields.n.min", "-3"),
        ("fields.n.max", "3"),
        ("fields.s.length", "20"),
    ];
    let found = read(&mut DatagenSource::open(&spec(&columns, &options), &context(0, 1, None)).unwrap(), 100);
    let ids: Vec<i32> = found.iter().map(|row| row[0].as_ref().unwrap().parse().unwrap()).collect();
    assert_eq!(ids, (5..=24).collect::<Vec<_>>());
    for row in &found {
        assert!((-3..=3).contains(&row[1].as_ref().unwrap().parse::<i64>().unwrap()));
        assert_eq!(row[2].as_ref().unwrap().len(), 20);
        assert_eq!(row[3].as_deref(), Some("2025-02-16 07:08:09.000"));
    }
}

#[test]
fn nested_columns_are_made_of_their_parts() {
    let nullable = |kind: TypeKind| Box::new(kind.nullable());
    let row = TypeKind::Row(vec![Field::new("id", TypeKind::Int.nullable()), Field::new("name", TypeKind::STRING.nullable())]);
    let columns = [
        ("r", row),
        ("a", TypeKind::Array(nullable(TypeKind::Array(nullable(TypeKind::TinyInt))))),
        ("m", TypeKind::Map(nullable(TypeKind::Int), nullable(TypeKind::Boolean))),
        ("b", TypeKind::Multiset(nullable(TypeKind::Int))),
        ("d", TypeKind::Decimal { precision: 5, scale: 2 }),
    ];
    let options = [
        ("number-of-rows", "200"),
        FAST,
        ("fields.r.id.min", "7"),
        ("fields.r.id.max", "7"),
        ("fields.r.name.length", "2"),
        ("fields.a.length", "2"),
        ("fields.a.element.element.null-rate", "1"),
        ("fields.m.key.min", "0"),
        ("fields.m.key.max", "1"),
        ("fields.m.length", "40"),
        ("fields.b.element.min", "5"),
        ("fields.b.element.max", "5"),
        ("fields.d.min", "1.5"),
        ("fields.d.max", "1.51"),
    ];
    let found = read(&mut DatagenSource::open(&spec(&columns, &options), &context(0, 1, None)).unwrap(), 100);
    assert_eq!(found.len(), 200);
    for row in &found {
        let shown: Vec<&str> = row.iter().map(|value| value.as_deref().unwrap()).collect();
        assert!(shown[0].starts_with("(7, ") && shown[0].len() == 7, "{}", shown[0]);
        assert_eq!(shown[1], "[[NULL, NULL, NULL], [NULL, NULL, NULL]]");
        assert_eq!(shown[2].matches('=').count(), 2, "a key comes once: {}", shown[2]);
        assert!(shown[3].starts_with("{5=") && shown[3].matches('=').count() == 1, "{}", shown[3]);
        assert!(["1.50", "1.51"].contains(&shown[4]), "{}", shown[4]);
    }
    assert!(found.iter().any(|row| row[0] != found[0][0]), "names differ from row to row");
}

#[test]
fn rows_come_at_the_rate_that_was_asked_for() {
    let options = [("rows-per-second", "200"), ("number-of-rows", "40")];
    let mut source = DatagenSource::open(&spec(&[("n", TypeKind::Int)], &options), &context(0, 1, None)).unwrap();
    let started = Instant::now();
    assert_eq!(read(&mut source, 10_000).len(), 40);
    let took = started.elapsed();
    assert!((150..60_000).contains(&took.as_millis()), "{took:?}");
}

#[test]
fn bad_options_are_named() {
    let fails = |columns: &[(&str, TypeKind)], options: &[(&str, &str)], words: &str| {
        let error = DatagenSource::open(&spec(columns, options), &context(0, 1, None)).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    fails(&[("n", TypeKind::Int)], &[("rows-per-second", "0")], "rows-per-second");
    fails(&[("n", TypeKind::Int)], &[("fields.n.kind", "sequence")], "fields.n.start");
    fails(&[("n", TypeKind::Int)], &[("fields.n.min", "5"), ("fields.n.max", "4")], "fields.n.max");
    let array = TypeKind::Array(Box::new(TypeKind::Int.nullable()));
    fails(&[("n", array.clone())], &[("fields.n.length", "100000")], "fields.n.length");
    fails(&[("n", array)], &[("fields.n.element.min", "x")], "fields.n.element.min");
    fails(&[("n", TypeKind::Decimal { precision: 4, scale: 2 })], &[("fields.n.min", "5"), ("fields.n.max", "4.5")], "fields.n.max");
    fails(&[("n", TypeKind::Int)], &[("fields.m.min", "5")], "fields.m.min");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_restart_anywhere_makes_the_rows_that_would_have_come(polls in 0usize..6, before in 1u32..4, after in 1u32..4) {
        let columns = [("id", TypeKind::BigInt), ("d", TypeKind::BigInt), ("s", TypeKind::STRING)];
        let options = [FAST, ("number-of-rows", "20000"), ("fields.id.kind", "sequence"), ("fields.id.start", "0"), ("fields.id.end", "99999"),
            ("fields.d.seed", "7"), ("fields.s.length", "3")];
        let spec = spec(&columns, &options);
        let (mut found, mut entries) = (Vec::new(), Vec::new());
        for subtask in 0..before {
            let mut source = DatagenSource::open(&spec, &context(subtask, before, None)).unwrap();
            found.extend(read(&mut source, polls));
            entries.extend(source.snapshot(CheckpointId(1)).unwrap());
        }
        for subtask in 0..after {
            let mut source = DatagenSource::open(&spec, &context(subtask, after, Some(entries.clone()))).unwrap();
            found.extend(read(&mut source, 100_000));
        }
        let mut expected = read(&mut DatagenSource::open(&spec, &context(0, 1, None)).unwrap(), 100_000);
        found.sort();
        expected.sort();
        prop_assert_eq!(found.len(), 20_000);
        prop_assert!(found == expected, "rows differ");
    }
}

#[test]
fn a_poll_that_paces_itself_says_how_long_it_waited() {
    let columns = [("id", TypeKind::Int)];
    let mut source = DatagenSource::open(&spec(&columns, &[("rows-per-second", "20")]), &context(0, 1, None)).unwrap();
    let (mut waited, begun) = (Duration::ZERO, Instant::now());
    while waited < Duration::from_millis(300) {
        assert!(begun.elapsed() < Duration::from_secs(120), "{waited:?} of {:?}", begun.elapsed());
        source.poll(Duration::from_millis(20)).unwrap();
        waited += source.waited();
    }
    assert!(waited <= begun.elapsed(), "{waited:?} of {:?}", begun.elapsed());
}
