//! The laziness of AND, OR and CASE, the naming of rows, and what a hostile job graph meets.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Float64Array, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Float64Type, Int32Type, Schema, TimestampMillisecondType};
use irmak_common::expr::{CastMode, Expr, ExprNode, Value};
use irmak_common::types::{LogicalType, TypeKind};

use super::compile;
use crate::types::INTERVAL_SECOND;
use crate::{Environment, simplified};

fn batch(columns: Vec<ArrayRef>) -> RecordBatch {
    let fields = columns.iter().enumerate().map(|(at, column)| Field::new(at.to_string(), column.data_type().clone(), true));
    RecordBatch::try_new(Arc::new(Schema::new(fields.collect::<Vec<_>>())), columns).unwrap()
}

fn int(value: i64) -> Expr {
    Expr::literal(Value::Int(value), TypeKind::Int.not_null())
}

fn column(index: usize, kind: TypeKind) -> Expr {
    Expr::column(index, kind.nullable())
}

fn call(function: &str, args: Vec<Expr>, kind: TypeKind) -> Expr {
    Expr::call(function, args, kind.nullable())
}

fn evaluate(expr: &Expr, batch: &RecordBatch) -> ArrayRef {
    compile(expr, &Environment::default()).unwrap().evaluate(batch, 0).unwrap()
}

/// 10 / column 0, which fails where that is 0.
fn quotient() -> Expr {
    call("/", vec![int(10), column(0, TypeKind::Int)], TypeKind::Int)
}

fn is_zero() -> Expr {
    call("=", vec![column(0, TypeKind::Int), int(0)], TypeKind::Boolean)
}

#[test]
fn the_reference_jobs_expressions_are_computed() {
    let price: ArrayRef = Arc::new(Int32Array::from(vec![Some(18_000), Some(50_000), None]));
    let kdv: ArrayRef = Arc::new(Float64Array::from(vec![0.18, 0.1, 0.2]));
    let times: ArrayRef = Arc::new(arrow::array::TimestampMillisecondArray::from(vec![7_000, 0, -1]));
    let rows = batch(vec![price, kdv, times]);
    let double = TypeKind::Double;
    let one = int(1).cast(double.clone().not_null());
    let factor = call("+", vec![one, column(1, double.clone())], double.clone());
    let total = call("*", vec![column(0, TypeKind::Int).cast(double.clone().nullable()), factor], double);
    let with_kdv = evaluate(&total, &rows);
    assert_eq!(with_kdv.as_primitive::<Float64Type>().iter().collect::<Vec<_>>(), [Some(21_240.0), Some(55_000.00000000001), None]);

    let step = Expr::literal(Value::Int(5_000), INTERVAL_SECOND.not_null());
    let bound = call("-", vec![column(2, TypeKind::timestamp(3)), step], TypeKind::timestamp(3));
    assert_eq!(evaluate(&bound, &rows).as_primitive::<TimestampMillisecondType>().values(), &[2_000, -5_000, -5_001]);
}

#[test]
fn what_is_not_needed_is_not_computed() {
    let rows = batch(vec![Arc::new(Int32Array::from(vec![Some(0), Some(5), None, Some(2)]))]);
    let case = ExprNode::Case { branches: vec![(is_zero(), int(-1))], otherwise: Box::new(quotient()) };
    let case = Expr { node: case, ty: TypeKind::Int.nullable() };
    assert_eq!(evaluate(&case, &rows).as_primitive::<Int32Type>().iter().collect::<Vec<_>>(), [Some(-1), Some(2), None, Some(5)]);

    let not_zero = call("<>", vec![column(0, TypeKind::Int), int(0)], TypeKind::Boolean);
    let large = call(">", vec![quotient(), int(3)], TypeKind::Boolean);
    let and = Expr { node: ExprNode::And(vec![not_zero, large.clone()]), ty: TypeKind::Boolean.nullable() };
    assert_eq!(evaluate(&and, &rows).as_boolean(), &BooleanArray::from(vec![Some(false), Some(false), None, Some(true)]));
    let or = Expr { node: ExprNode::Or(vec![is_zero(), large]), ty: TypeKind::Boolean.nullable() };
    let selected = compile(&or, &Environment::default()).unwrap().select(&rows, 0).unwrap();
    assert_eq!(selected, BooleanArray::from(vec![true, false, false, true]));

    let coalesce = call("COALESCE", vec![int(7), quotient()], TypeKind::Int);
    assert_eq!(evaluate(&coalesce, &rows).as_primitive::<Int32Type>().values(), &[7, 7, 7, 7]);
}

#[test]
fn a_failing_value_is_named_with_its_row_in_the_batch() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["1", "x", "2", "abc"]));
    let rows = batch(vec![texts]);
    let text = || column(0, TypeKind::STRING);
    let node = ExprNode::Cast { input: Box::new(text()), mode: CastMode::Strict };
    let cast = Expr { node, ty: TypeKind::Int.nullable() };
    let compiled = compile(&cast, &Environment::default()).unwrap();
    let error = compiled.evaluate(&rows, 0).unwrap_err();
    assert_eq!((error.row, error.value.as_deref(), error.function.as_str()), (Some(1), Some("x"), "CAST(STRING AS INT)"));

    // Behind a condition the row is counted in the batch, not among the rows that are left.
    let is_x = call("=", vec![text(), Expr::literal(Value::String("x".into()), TypeKind::Char(1).not_null())], TypeKind::Boolean);
    let case = ExprNode::Case { branches: vec![(is_x, Expr::null(TypeKind::Int))], otherwise: Box::new(cast) };
    let case = Expr { node: case, ty: TypeKind::Int.nullable() };
    let error = compile(&case, &Environment::default()).unwrap().evaluate(&rows, 0).unwrap_err();
    assert_eq!((error.row, error.message.as_str()), (Some(3), "For input string: 'abc'. Invalid character found."));
}

#[test]
fn a_constant_that_fails_fails_when_rows_come() {
    let expr = call("/", vec![int(1), int(0)], TypeKind::Int);
    assert_eq!(simplified(&expr, &Environment::default()), expr);
    let compiled = compile(&expr, &Environment::default()).unwrap();
    let some = batch(vec![Arc::new(Int32Array::from(vec![1]))]);
    assert_eq!(compiled.evaluate(&some, 0).unwrap_err().message, "/ by zero");
}

#[test]
fn a_call_that_no_planner_makes_is_refused() {
    let wrong = LogicalType { kind: TypeKind::Int, nullable: true };
    for expr in [
        Expr::call("SUBSTRING", vec![], wrong.clone()),
        Expr::call("UPPER", vec![int(1)], wrong.clone()),
        Expr::call("NO_SUCH", vec![], wrong.clone()),
        Expr::literal(Value::String("x".into()), wrong),
    ] {
        assert!(compile(&expr, &Environment::default()).is_err(), "{expr:?}");
    }
}

/// Values at the edges of their types, and symbols.
fn edges() -> Vec<(Value, LogicalType)> {
    let int = |value: i64, kind: TypeKind| (Value::Int(value), kind.not_null());
    let text = |text: &str| (Value::String(text.into()), TypeKind::STRING.not_null());
    let symbol = |name: &str| (Value::String(name.into()), TypeKind::Symbol.not_null());
    let decimal = |unscaled: i128, precision, scale| (Value::Decimal(unscaled), TypeKind::Decimal { precision, scale }.not_null());
    let array = |items: Vec<Value>| (Value::Array(items), TypeKind::Array(Box::new(TypeKind::Int.nullable())).not_null());
    let map = TypeKind::Map(Box::new(TypeKind::STRING.not_null()), Box::new(TypeKind::Int.nullable()));
    let mut edges = vec![
        int(i64::from(i8::MIN), TypeKind::TinyInt),
        int(i64::from(i32::MIN), TypeKind::Int),
        int(i64::from(i32::MAX), TypeKind::Int),
        int(0, TypeKind::Int),
        int(-1, TypeKind::Int),
        int(i64::MIN, TypeKind::BigInt),
        int(i64::MAX, TypeKind::BigInt),
        int(i64::from(i32::MIN), TypeKind::Date),
        int(i64::from(i32::MAX), TypeKind::Date),
        int(-1, TypeKind::Time(0)),
        int(i64::MIN, TypeKind::timestamp(3)),
        int(i64::MAX, TypeKind::timestamp(9)),
        int(-1, TypeKind::timestamp(6)),
        int(i64::MAX, TypeKind::timestamp_ltz(3)),
        int(i64::MIN, INTERVAL_SECOND),
        int(i64::from(i32::MIN), crate::types::INTERVAL_MONTH),
        decimal(10_i128.pow(38) - 1, 38, 0),
        decimal(-(10_i128.pow(38) - 1), 38, 38),
        decimal(0, 10, 2),
        (Value::Bytes(vec![0xff, 0]), TypeKind::BYTES.not_null()),
        (Value::Boolean(true), TypeKind::Boolean.not_null()),
        (Value::Null, TypeKind::STRING.nullable()),
        (Value::Null, TypeKind::Null.nullable()),
        array(vec![]),
        array(vec![Value::Int(1), Value::Null]),
        (Value::Map(vec![(Value::String("k".into()), Value::Null)]), map.not_null()),
        (Value::Row(vec![]), TypeKind::Row(vec![]).not_null()),
    ];
    edges.extend([f64::NAN, f64::INFINITY, -0.0, f64::MIN_POSITIVE, 1e300].map(|value| (Value::Float(value), TypeKind::Double.not_null())));
    edges.extend([f64::NAN, 0.1].map(|value| (Value::Float(value), TypeKind::Float.not_null())));
    edges
        .extend(["", "a", "😀é", "%_[(", "yyyy-MM-dd", "99999999999-1-1", "{\"a\":[1]}", "lax $.a[*]", "-1e999999999", "UTF-16"].map(text));
    edges.extend(["DAY", "MONTH", "MILLENNIUM", "NULL", "DEFAULT", "BOTH"].map(symbol));
    edges
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(6_000))]

    #[test]
    fn no_function_panics_whatever_it_is_given(function in 0..crate::registry::all().count(), picks in proptest::collection::vec(0..edges().len(), 0..5)) {
        let name = crate::registry::all().nth(function).unwrap().name;
        let edges = edges();
        let args: Vec<_> = picks.iter().map(|pick| edges[*pick].clone()).collect();

        crate::tests::exercise(name, &args, &Environment::in_zone("Europe/Istanbul"));
    }
}

#[test]
fn no_cast_panics_whatever_it_is_given() {
    let mut kinds: Vec<TypeKind> = edges().into_iter().map(|(_, ty)| ty.kind).collect();
    kinds.extend([
        TypeKind::Char(3),
        TypeKind::Varchar(1),
        TypeKind::Binary(2),
        TypeKind::SmallInt,
        TypeKind::timestamp(0),
        TypeKind::timestamp_ltz(9),
    ]);
    let env = Environment::in_zone("Europe/Istanbul");
    for (value, ty) in edges() {
        for kind in &kinds {
            for mode in [CastMode::Strict, CastMode::Try] {
                let input = Box::new(Expr::literal(value.clone(), ty.clone()));
                let cast = Expr { node: ExprNode::Cast { input, mode }, ty: kind.clone().nullable() };
                if let Ok(found) = crate::fold(&cast, &env) {
                    let array = crate::constant::to_array(&found, &cast.ty).unwrap();
                    let _ = crate::cell_text(&array, 0, &cast.ty, &env.zone);
                }
            }
        }
    }
}

#[test]
fn a_try_of_a_collection_gives_all_of_it_or_nothing() {
    let mut lists = arrow::array::ListBuilder::new(arrow::array::StringBuilder::new());
    for texts in [Some(vec![Some("1"), None]), Some(vec![Some("2"), Some("x")]), None, Some(vec![])] {
        lists.append_option(texts);
    }
    let of = |kind: TypeKind| TypeKind::Array(Box::new(kind.nullable()));
    let input = Box::new(column(0, of(TypeKind::STRING)));
    let cast = Expr { node: ExprNode::Cast { input, mode: CastMode::Try }, ty: of(TypeKind::Int).nullable() };
    let tried = evaluate(&cast, &batch(vec![Arc::new(lists.finish())]));
    assert_eq!((0..4).map(|row| tried.is_null(row)).collect::<Vec<_>>(), [false, true, true, false]);
    assert_eq!(tried.as_list::<i32>().value(0).as_primitive::<Int32Type>().iter().collect::<Vec<_>>(), [Some(1), None]);
}

#[test]
fn a_decimal_and_a_double_are_ordered_as_java_compares_doubles() {
    let decimals = arrow::array::Decimal128Array::from(vec![0, 150, 250]).with_precision_and_scale(10, 2).unwrap();
    let doubles = Float64Array::from(vec![-0.0, f64::NAN, 2.5]);
    let rows = batch(vec![Arc::new(decimals), Arc::new(doubles)]);
    let double = || TypeKind::Double.nullable();
    let decimal = column(0, TypeKind::Decimal { precision: 10, scale: 2 }).cast(double());
    for (function, answers) in
        [(">", [true, false, false]), ("<=", [false, true, true]), ("<", [false, true, false]), ("=", [true, false, true])]
    {
        let compared = call(function, vec![decimal.clone(), column(1, TypeKind::Double)], TypeKind::Boolean);
        assert_eq!(evaluate(&compared, &rows).as_boolean(), &BooleanArray::from(answers.to_vec()), "{function}");
    }
}

#[test]
fn a_cast_of_old_gives_null_for_what_it_cannot_read_and_heeds_no_length() {
    let mut old = Environment::default();
    old.options.insert("table.exec.legacy-cast-behaviour".into(), "ENABLED".into());
    let cast = |value: &str, kind: TypeKind, env: &Environment| {
        let text = Expr::literal(Value::String(value.into()), TypeKind::STRING.nullable());
        let node = ExprNode::Cast { input: Box::new(text), mode: CastMode::Strict };
        crate::fold(&Expr { node, ty: kind.nullable() }, env).ok()
    };
    assert_eq!(cast("hello", TypeKind::Int, &old), Some(Value::Null));
    assert_eq!(cast("hello", TypeKind::Int, &Environment::default()), None);
    assert_eq!(cast("hello", TypeKind::Char(2), &old), Some(Value::String("hello".into())));
    assert_eq!(cast("hello", TypeKind::Char(2), &Environment::default()), Some(Value::String("he".into())));
}
