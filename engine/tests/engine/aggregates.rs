//! Aggregates over the rows of `golden/input/aggs.json`, which pin down types, wrap-around, NULLs and order.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Float32Array, Float64Array, Int32Array, Int64Array, StringArray, TimestampMillisecondArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use irmak_common::call_spec::AggregateCall;
use irmak_common::element::Element;
use irmak_common::operator_spec::{OperatorSpec, WindowAggregateSpec, WindowKind, WindowSpec, WindowStyle};
use irmak_common::time::Watermark;
use irmak_common::types::{Field, Schema, TypeKind};
use irmak_engine::operator::{Operator, OperatorContext};
use irmak_engine::{OperatorEnvironment, build};

use crate::harness::{lines_of, node};

const DECIMAL: TypeKind = TypeKind::Decimal { precision: 10, scale: 2 };

fn schema() -> Schema {
    let field = |name: &str, kind: TypeKind| Field::new(name, kind.nullable());
    Schema::new(vec![
        field("k", TypeKind::STRING),
        field("i", TypeKind::Int),
        field("b", TypeKind::BigInt),
        field("d", TypeKind::Double),
        field("f", TypeKind::Float),
        field("dec", DECIMAL),
        field("s", TypeKind::STRING),
        field("ts", TypeKind::timestamp(3)),
        field("t", TypeKind::TinyInt),
        field("sep", TypeKind::STRING),
        field("p", TypeKind::Boolean),
    ])
}

fn rows() -> RecordBatch {
    let numbers = Int32Array::from(vec![Some(i32::MAX), Some(1), None, Some(-5), None, None, Some(7), Some(3), Some(4)]);
    let decimals = vec![Some(9_999_999_999), Some(1), None, Some(-123), None, None, Some(700), Some(300), Some(400)];
    let texts = vec![Some("x"), Some(""), None, Some("x"), None, None, Some("only"), Some("nullkey"), Some("é😀")];
    let doubles = vec![Some(1.5), None, Some(2.25), Some(1.5), None, None, Some(7.0), Some(-0.0), Some(0.0)];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![Some("a"), Some("a"), Some("a"), Some("a"), Some("b"), Some("b"), Some("c"), None, None])),
        Arc::new(numbers.clone()),
        Arc::new(Int64Array::from(vec![Some(i64::MAX), Some(1), None, Some(-7), None, None, Some(7), Some(3), Some(4)])),
        Arc::new(Float64Array::from(doubles)),
        Arc::new(Float32Array::from(vec![Some(0.1), Some(0.2), None, Some(0.3), None, None, Some(7.0), Some(3.0), Some(4.0)])),
        Arc::new(Decimal128Array::from(decimals).with_precision_and_scale(10, 2).unwrap()),
        Arc::new(StringArray::from(texts)),
        Arc::new(TimestampMillisecondArray::from_iter_values((0..9).map(|at| at * 1_000))),
        cast(&Int32Array::from(vec![100; 9]), &DataType::Int8).unwrap(),
        Arc::new(StringArray::from(vec![" | "; 9])),
        cast(&Int32Array::from(vec![Some(1), Some(0), None, Some(1), Some(0), None, Some(0), Some(1), None]), &DataType::Boolean).unwrap(),
    ];
    RecordBatch::try_new(schema().to_arrow(), columns).unwrap()
}

/// An aggregate: `COUNT(i)`, `SUM(DISTINCT i)`, `LISTAGG(s, sep)`, `SUM(i) FILTER p`.
fn call(text: &str, kind: TypeKind) -> AggregateCall {
    let schema = schema();
    let (text, filter) = text.split_once(" FILTER ").map_or((text, None), |(text, filter)| (text, schema.index_of(filter)));
    let (function, args) = text.trim_end_matches(')').split_once('(').unwrap();
    let distinct = args.starts_with("DISTINCT ");
    let args = args.trim_start_matches("DISTINCT ").split(", ").filter(|arg| *arg != "*" && !arg.is_empty());
    let args: Vec<usize> = args.map(|arg| schema.index_of(arg).unwrap()).collect();
    AggregateCall {
        function: function.into(),
        arg_types: args.iter().map(|&arg| schema.fields[arg].ty.clone()).collect(),
        args,
        distinct,
        filter,
        ty: kind.nullable(),
        name: text.into(),
    }
}

/// The results of keys a, b, c and NULL, in that order: in one window, from panes, and restored in the middle.
#[track_caller]
fn check(style: WindowStyle, text: &str, kind: TypeKind, expected: [&str; 4]) {
    let tumble = WindowKind::Tumble { size: 60_000, offset: 0 };
    let hop = WindowKind::Hop { size: 60_000, slide: 30_000, offset: 0 };
    for (kind_of_window, restart) in [(tumble.clone(), false), (tumble, true), (hop, false)] {
        let aggregate = call(text, kind.clone());
        let fields = vec![schema().fields[0].clone(), Field::new("result", aggregate.ty.clone())];
        let window = WindowSpec { kind: kind_of_window, time: Some(7), zone: None, style };
        let spec = WindowAggregateSpec {
            window,
            keys: vec![0],
            aggregates: vec![aggregate],
            properties: vec![],
            allowed_lateness_ms: 0,
            retracts: false,
        };
        let node = node(OperatorSpec::WindowAggregate(spec), Schema::new(fields));
        let start = |restored| {
            let environment = OperatorEnvironment { parallelism: 1, restored, ..OperatorEnvironment::default() };
            build(&node, &[schema()], &environment).unwrap()
        };
        let context = OperatorContext { now: 0, split: None };
        let mut operator = start(vec![]);
        let mut out = Vec::new();
        for (from, count) in [(0, 3), (3, 6)] {
            operator.on_batch(&context, 0, rows().slice(from, count), &mut out).unwrap();
            if restart {
                let snapshot = operator.snapshot().unwrap();
                operator = start(vec![snapshot]);
            }
        }
        // A HOP's first window ends at 30 s and has all rows too.
        let end = if let OperatorSpec::WindowAggregate(spec) = &node.spec
            && matches!(spec.window.kind, WindowKind::Hop { .. })
        {
            29_999
        } else {
            59_999
        };
        operator.on_watermark(&context, Watermark(end), &mut out).unwrap();
        let mut lines: Vec<String> =
            out.iter().flat_map(|element| if let Element::Batch(batch) = element { lines_of(batch) } else { vec![] }).collect();
        lines.sort();
        let mut wanted: Vec<String> = ["a", "b", "c", "-"].iter().zip(expected).map(|(key, result)| format!("{key} {result}")).collect();
        wanted.sort();
        assert_eq!(lines, wanted, "{text} {:?} {restart}", node.spec);
    }
}

fn both(text: &str, kind: TypeKind, expected: [&str; 4]) {
    check(WindowStyle::Group, text, kind.clone(), expected);
    check(WindowStyle::TableFunction, text, kind, expected);
}

#[test]
fn counts_pass_over_nulls() {
    both("COUNT(*)", TypeKind::BigInt, ["4", "2", "1", "2"]);
    both("COUNT(i)", TypeKind::BigInt, ["3", "0", "1", "2"]);
    both("COUNT(DISTINCT s)", TypeKind::BigInt, ["2", "0", "1", "2"]);
    both("COUNT(DISTINCT d)", TypeKind::BigInt, ["2", "0", "1", "2"]);
}

#[test]
fn sums_keep_their_type_and_wrap() {
    both("SUM(i)", TypeKind::Int, ["2147483643", "-", "7", "7"]);
    both("SUM(b)", TypeKind::BigInt, ["9223372036854775801", "-", "7", "7"]);
    both("SUM(t)", TypeKind::TinyInt, ["-112", "-56", "100", "-56"]);
    both("$SUM0(i)", TypeKind::Int, ["2147483643", "0", "7", "7"]);
    both("SUM(dec)", TypeKind::Decimal { precision: 38, scale: 2 }, ["99999998.77", "-", "7.00", "7.00"]);
    both("SUM(DISTINCT d)", TypeKind::Double, ["3.75", "-", "7.0", "0.0"]);
}

#[test]
fn averages_keep_their_type() {
    both("AVG(i)", TypeKind::Int, ["715827881", "-", "7", "3"]);
    both("AVG(b)", TypeKind::BigInt, ["3074457345618258600", "-", "7", "3"]);
    both("AVG(d)", TypeKind::Double, ["1.75", "-", "7.0", "0.0"]);
    both("AVG(f)", TypeKind::Float, ["0.2", "-", "7.0", "3.5"]);
    both("AVG(dec)", TypeKind::Decimal { precision: 38, scale: 6 }, ["33333332.923333", "-", "7.000000", "3.500000"]);
}

#[test]
fn extremes_compare_bytes_and_take_zeros_for_equal() {
    both("MIN(i)", TypeKind::Int, ["-5", "-", "7", "3"]);
    both("MAX(b)", TypeKind::BigInt, ["9223372036854775807", "-", "7", "4"]);
    both("MIN(d)", TypeKind::Double, ["1.5", "-", "7.0", "-0.0"]);
    both("MAX(d)", TypeKind::Double, ["2.25", "-", "7.0", "-0.0"]);
    both("MIN(s)", TypeKind::STRING, ["", "-", "only", "nullkey"]);
    both("MAX(s)", TypeKind::STRING, ["x", "-", "only", "é😀"]);
    both("MAX(ts)", TypeKind::timestamp(3), ["3000", "5000", "6000", "8000"]);
    both("MAX(p)", TypeKind::Boolean, ["true", "false", "false", "true"]);
    both("FIRST_VALUE(s)", TypeKind::STRING, ["x", "-", "only", "nullkey"]);
    both("LAST_VALUE(i)", TypeKind::Int, ["-5", "-", "7", "4"]);
    both("LAST_VALUE(s)", TypeKind::STRING, ["x", "-", "only", "é😀"]);
}

#[test]
fn a_filter_takes_only_what_is_true() {
    both("COUNT(*) FILTER p", TypeKind::BigInt, ["2", "0", "0", "1"]);
    both("SUM(i) FILTER p", TypeKind::Int, ["2147483642", "-", "-", "3"]);
    both("COUNT(DISTINCT s) FILTER p", TypeKind::BigInt, ["1", "0", "0", "1"]);
}

#[test]
fn statistics_are_computed_in_the_type_of_their_input() {
    both("STDDEV_POP(d)", TypeKind::Double, ["0.3535533905932738", "-", "0.0", "0.0"]);
    both("STDDEV_SAMP(d)", TypeKind::Double, ["0.4330127018922193", "-", "-", "0.0"]);
    both("STDDEV(d)", TypeKind::Double, ["0.4330127018922193", "-", "-", "0.0"]);
    both("VAR_POP(d)", TypeKind::Double, ["0.125", "-", "0.0", "0.0"]);
    both("VAR_SAMP(d)", TypeKind::Double, ["0.1875", "-", "-", "0.0"]);
    both("VARIANCE(d)", TypeKind::Double, ["0.1875", "-", "-", "0.0"]);
    both("VAR_POP(i)", TypeKind::Int, ["6", "-", "0", "0"]);
    both("STDDEV_SAMP(i)", TypeKind::Int, ["3", "-", "-", "1"]);
    let wide = TypeKind::Decimal { precision: 38, scale: 6 };
    both("VAR_POP(dec)", wide.clone(), ["2222222248888889.225156", "-", "0.000000", "0.250000"]);
    both("STDDEV_POP(dec)", wide, ["47140452.361946", "-", "0.000000", "0.500000"]);
}

#[test]
fn lists_join_in_order_of_arrival() {
    both("LISTAGG(s)", TypeKind::STRING, ["x,,x", "-", "only", "nullkey,é😀"]);
    both("LISTAGG(s, sep)", TypeKind::STRING, ["x |  | x", "-", "only", "nullkey | é😀"]);
    let array = TypeKind::Array(Box::new(TypeKind::Int.nullable()));
    both("ARRAY_AGG(i)", array, ["[2147483647, 1, -, -5]", "[-, -]", "[7]", "[3, 4]"]);
    let array = TypeKind::Array(Box::new(TypeKind::STRING.nullable()));
    both("ARRAY_AGG(DISTINCT s)", array, ["[x, , -]", "[-]", "[only]", "[nullkey, é😀]"]);
}

#[test]
fn distinct_lists_are_in_the_order_of_a_hash_map_under_table_functions() {
    check(WindowStyle::TableFunction, "LISTAGG(DISTINCT s)", TypeKind::STRING, [",x", "-", "only", "nullkey,é😀"]);
    check(WindowStyle::Group, "LISTAGG(DISTINCT s)", TypeKind::STRING, ["x,", "-", "only", "nullkey,é😀"]);
}

#[test]
fn collect_counts_each_value() {
    let of = |kind: TypeKind| TypeKind::Multiset(Box::new(kind.nullable()));
    both("COLLECT(s)", of(TypeKind::STRING), ["{: 1, x: 2}", "{}", "{only: 1}", "{nullkey: 1, é😀: 1}"]);
    both("COLLECT(i)", of(TypeKind::Int), ["{2147483647: 1, 1: 1, -5: 1}", "{}", "{7: 1}", "{3: 1, 4: 1}"]);
}

#[test]
fn an_aggregate_that_does_not_exist_is_refused_with_its_types() {
    let aggregate = call("MEDIAN(i)", TypeKind::Int);
    let fields = vec![schema().fields[0].clone(), Field::new("result", aggregate.ty.clone())];
    let window = WindowSpec { kind: WindowKind::Tumble { size: 1, offset: 0 }, time: Some(7), zone: None, style: WindowStyle::Group };
    let spec = WindowAggregateSpec {
        window,
        keys: vec![0],
        aggregates: vec![aggregate],
        properties: vec![],
        allowed_lateness_ms: 0,
        retracts: false,
    };
    let built: Result<Box<dyn Operator>, _> =
        build(&node(OperatorSpec::WindowAggregate(spec), Schema::new(fields)), &[schema()], &OperatorEnvironment::default());
    let Err(error) = built else { panic!("built") };
    assert_eq!(error.to_string(), "the aggregate MEDIAN(INT) is not supported; SHOW FUNCTIONS lists what exists");
}
