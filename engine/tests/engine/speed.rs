//! Timings, by hand: `cargo test --release -p irmak-engine --test engine speed -- --ignored --nocapture --test-threads=1`.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Float64Array, Int32Array, StringArray, TimestampMillisecondArray};
use arrow::record_batch::RecordBatch;
use irmak_common::call_spec::AggregateCall;
use irmak_common::element::Element;
use irmak_common::operator_spec::{OperatorSpec, WindowAggregateSpec, WindowKind, WindowProperty, WindowSpec, WindowStyle};
use irmak_common::time::{Millis, Watermark};
use irmak_common::types::{Field, Schema, TypeKind};
use irmak_engine::key::KeyEncoder;
use irmak_engine::operator::{Operator, OperatorContext};
use irmak_engine::{OperatorEnvironment, build};

use crate::harness::node;

const BATCH: usize = 8_192;

/// The reference job's columns behind its projection.
fn listings() -> Schema {
    let field = |name: &str, kind: TypeKind| Field::new(name, kind.nullable());
    Schema::new(vec![
        field("id", TypeKind::Int),
        field("product", TypeKind::STRING),
        field("description", TypeKind::STRING),
        field("price", TypeKind::Int),
        field("kdv", TypeKind::Double),
        field("price_with_kdv", TypeKind::Double),
        field("ts", TypeKind::timestamp(3)),
    ])
}

/// Rows `from..` of the reference: 22 listings every 5 seconds of event time.
fn listings_batch(from: usize, distance: impl Fn(usize) -> Millis) -> RecordBatch {
    let ids = from..from + BATCH;
    let price = |id: usize| 1_000 + (id % 22) as i32 * 7_919;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from_iter_values(ids.clone().map(|id| id as i32))),
        Arc::new(StringArray::from_iter_values(ids.clone().map(|id| format!("Product {}", id % 22)))),
        Arc::new(StringArray::from_iter_values(ids.clone().map(|id| format!("a description of some length {}", id % 22)))),
        Arc::new(Int32Array::from_iter_values(ids.clone().map(price))),
        Arc::new(Float64Array::from_iter_values(ids.clone().map(|_| 0.18))),
        Arc::new(Float64Array::from_iter_values(ids.clone().map(|id| f64::from(price(id)) * 1.18))),
        Arc::new(TimestampMillisecondArray::from_iter_values(ids.map(distance))),
    ];
    RecordBatch::try_new(listings().to_arrow(), columns).unwrap()
}

fn numbers() -> Schema {
    let field = |name: &str, kind: TypeKind| Field::new(name, kind.nullable());
    Schema::new(vec![field("k", TypeKind::Int), field("v", TypeKind::Int), field("ts", TypeKind::timestamp(3))])
}

/// A thousand keys, a hundred rows a millisecond... or fewer.
fn numbers_batch(from: usize, rows_per_ms: usize) -> RecordBatch {
    let rows = from..from + BATCH;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from_iter_values(rows.clone().map(|row| (row.wrapping_mul(2_654_435_761) >> 7) as i32 % 1_000))),
        Arc::new(Int32Array::from_iter_values(rows.clone().map(|row| row as i32))),
        Arc::new(TimestampMillisecondArray::from_iter_values(rows.map(|row| (row / rows_per_ms) as i64))),
    ];
    RecordBatch::try_new(numbers().to_arrow(), columns).unwrap()
}

fn operator(input: &Schema, kind: WindowKind, keys: Vec<usize>, time: usize, aggregates: Vec<AggregateCall>) -> Box<dyn Operator> {
    let mut fields: Vec<Field> = keys.iter().map(|&key| input.fields[key].clone()).collect();
    fields.extend(aggregates.iter().map(|call| Field::new(&call.name, call.ty.clone())));
    fields.push(Field::new("window_start", TypeKind::timestamp(3).not_null()));
    let window = WindowSpec { kind, time: Some(time), zone: None, style: WindowStyle::TableFunction };
    let spec =
        WindowAggregateSpec { window, keys, aggregates, properties: vec![WindowProperty::Start], allowed_lateness_ms: 0, retracts: false };
    let environment = OperatorEnvironment { parallelism: 1, ..OperatorEnvironment::default() };
    build(&node(OperatorSpec::WindowAggregate(spec), Schema::new(fields)), std::slice::from_ref(input), &environment).unwrap()
}

/// Feeds batches with a watermark behind each, and says how long it took.
fn time(what: &str, mut operator: Box<dyn Operator>, batches: &[RecordBatch], time: usize) {
    let context = OperatorContext { now: 0, split: None };
    let (mut out, mut results) = (Vec::new(), 0);
    let marks: Vec<Millis> = batches.iter().map(|batch| arrow::compute::max(column(batch, time)).unwrap()).collect();
    let start = Instant::now();
    for (batch, mark) in batches.iter().zip(marks) {
        operator.on_batch(&context, 0, batch.clone(), &mut out).unwrap();
        operator.on_watermark(&context, Watermark(mark - 5_000), &mut out).unwrap();
        results += rows(&mut out);
    }
    let fed = start.elapsed();
    let size = operator.snapshot().unwrap().size();
    let snapshot = start.elapsed() - fed;
    operator.on_watermark(&context, Watermark::MAX, &mut out).unwrap();
    results += rows(&mut out);
    let all = start.elapsed() - snapshot;
    let count = batches.len() * BATCH;
    println!(
        "{what}: {:.0} ns a row, {results} results of {count} rows in {all:?}; snapshot of {size} bytes in {snapshot:?}",
        all.as_nanos() as f64 / count as f64
    );
}

fn column(batch: &RecordBatch, index: usize) -> &TimestampMillisecondArray {
    batch.column(index).as_any().downcast_ref().unwrap()
}

fn rows(out: &mut Vec<Element>) -> usize {
    out.drain(..).map(|element| if let Element::Batch(batch) = element { batch.num_rows() } else { 0 }).sum()
}

#[test]
#[ignore = "a timing"]
fn keys_of_the_reference_are_hashed() {
    let batches: Vec<_> = (0..244).map(|at| listings_batch(at * BATCH, |id| id as i64)).collect();
    let mut encoder = KeyEncoder::new(&listings(), &[0, 1, 2, 3, 4, 5]).unwrap();
    let (mut hashes, start) = (Vec::new(), Instant::now());
    let sum = batches.iter().fold(0_u64, |sum, batch| {
        encoder.hashes(batch, &mut hashes).unwrap();
        sum.wrapping_add(hashes[0])
    });
    let rows = batches.len() * BATCH;
    println!("hashing: {:.0} ns a row, {rows} rows in {:?} ({sum})", start.elapsed().as_nanos() as f64 / rows as f64, start.elapsed());
}

#[test]
#[ignore = "a timing"]
fn the_reference_job_is_a_distinct_over_keys() {
    let batches: Vec<_> = (0..244).map(|at| listings_batch(at * BATCH, |id| (id / 22 * 5_000) as i64)).collect();
    let tumble = |size| operator(&listings(), WindowKind::Tumble { size, offset: 0 }, vec![0, 1, 2, 3, 4, 5], 6, vec![]);
    time("reference, windows of 528 rows", tumble(120_000), &batches, 6);
    time("reference, windows of 528,000 rows", tumble(120_000_000), &batches, 6);
}

#[test]
#[ignore = "a timing"]
fn a_thousand_keys_are_counted_and_summed() {
    let call = |function: &str, args: Vec<usize>, kind: TypeKind| AggregateCall {
        function: function.into(),
        arg_types: args.iter().map(|&arg| numbers().fields[arg].ty.clone()).collect(),
        args,
        distinct: false,
        filter: None,
        ty: kind.nullable(),
        name: function.into(),
    };
    let calls = || vec![call("COUNT", vec![], TypeKind::BigInt), call("SUM", vec![1], TypeKind::Int)];
    let batches: Vec<_> = (0..600).map(|at| numbers_batch(at * BATCH, 100)).collect();
    for (what, kind) in [
        ("TUMBLE 1 s", WindowKind::Tumble { size: 1_000, offset: 0 }),
        ("HOP 10 s by 1 s", WindowKind::Hop { size: 10_000, slide: 1_000, offset: 0 }),
        ("CUMULATE 10 s by 1 s", WindowKind::Cumulate { size: 10_000, step: 1_000, offset: 0 }),
        ("SESSION 1 s", WindowKind::Session { gap: 1_000 }),
        ("SESSION 10 ms", WindowKind::Session { gap: 10 }),
    ] {
        time(what, operator(&numbers(), kind, vec![0], 2, calls()), &batches, 2);
    }
    let slow: Vec<_> = (0..500).map(|at| numbers_batch(at * BATCH, 1)).collect();
    let hour = WindowKind::Hop { size: 3_600_000, slide: 1_000, offset: 0 };
    time("HOP 1 h by 1 s, 1,000 rows/s", operator(&numbers(), hour, vec![0], 2, calls()), &slow, 2);
    time("TUMBLE 1 s, 1,000 rows/s", operator(&numbers(), WindowKind::Tumble { size: 1_000, offset: 0 }, vec![0], 2, calls()), &slow, 2);
}
