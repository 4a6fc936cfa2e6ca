//! The published JSON Schema and the types that read documents have the same fields.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use irmak_common::job_spec::{
    ColumnDoc, EdgeDoc, JobSpec, OperatorDoc, OperatorKind, TableSpec, Text, WatermarkDoc, WindowDoc, WindowType,
};
use serde::Serialize;
use serde_json::Value;

fn keys(value: &Value) -> Vec<String> {
    let mut keys: Vec<String> = value.as_object().unwrap().keys().cloned().collect();
    keys.sort();
    keys
}

fn check(schema: &Value, pointer: &str, full: impl Serialize) {
    let properties = schema.pointer(&format!("{pointer}/properties")).unwrap();
    assert_eq!(keys(properties), keys(&serde_json::to_value(full).unwrap()), "{pointer}");
}

#[test]
fn the_schema_names_every_field_and_no_other() {
    let schema: Value = serde_json::from_str(include_str!("../schema/job-spec.schema.json")).unwrap();
    let some = || Some("x".to_owned());
    let column = ColumnDoc { name: "c".into(), ty: some(), expression: some(), metadata: some(), is_virtual: true };
    let watermark = WatermarkDoc { column: "c".into(), expression: "c".into() };
    let table = TableSpec {
        name: "t".into(),
        columns: vec![column.clone()],
        watermark: Some(watermark.clone()),
        primary_key: vec!["c".into()],
        partitioned_by: vec!["c".into()],
        with: [("connector".to_owned(), Text("print".into()))].into(),
    };
    let window = WindowDoc {
        kind: WindowType::Hop,
        time: "ts".into(),
        size: some(),
        slide: some(),
        step: some(),
        gap: some(),
        offset: some(),
        partition_by: vec!["c".into()],
    };
    let operator = OperatorDoc {
        name: "o".into(),
        kind: OperatorKind::Aggregate,
        select: vec!["c".into()],
        filter: some(),
        group_by: vec!["c".into()],
        window: Some(window.clone()),
        having: some(),
        count: Some(1),
        offset: Some(1),
    };
    let edge = EdgeDoc { from: "t".into(), to: "o".into() };
    check(&schema, "/$defs/column", column);
    check(&schema, "/$defs/watermark", watermark);
    check(&schema, "/$defs/table", table.clone());
    check(&schema, "/$defs/window", window);
    check(&schema, "/$defs/operator", operator.clone());
    check(&schema, "/$defs/edge", edge.clone());
    let options = [("parallelism.default".to_owned(), Text("1".into()))].into();
    let spec =
        JobSpec { name: some(), options, sources: vec![table.clone()], operators: vec![operator], sinks: vec![table], edges: vec![edge] };
    check(&schema, "", spec);
}
