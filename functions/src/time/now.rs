//! The clock: CURRENT_DATE, LOCALTIME, CURRENT_TIMESTAMP, NOW, PROCTIME and their kin. Processing time is an argument of every
//! evaluation; nothing here reads a clock.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, Time32MillisecondArray, TimestampMillisecondArray};
use irmak_common::types::{LogicalType, TimeAttribute, TypeKind};

use super::DAY;
use crate::error::FunctionError;
use crate::function::{Call, Function, Kernel, Scope, kernel};
use crate::signature::{Arg, Signature, refuse};
use crate::zone::Zone;

pub(crate) const FUNCTIONS: &[Function] = &[
    clock(
        "CURRENT_DATE",
        |args| none(args, TypeKind::Date),
        |call| local(call, |millis| Arc::new(Date32Array::from(vec![millis.div_euclid(DAY) as i32]))),
    ),
    clock("LOCALTIME", |args| none(args, TypeKind::Time(0)), time_of_day).also(&["CURRENT_TIME"]),
    clock(
        "LOCALTIMESTAMP",
        |args| none(args, TypeKind::timestamp(3)),
        |call| local(call, |millis| Arc::new(TimestampMillisecondArray::from(vec![millis]))),
    ),
    clock("CURRENT_TIMESTAMP", |args| none(args, TypeKind::timestamp_ltz(3)), |_| instant()).also(&["NOW", "CURRENT_ROW_TIMESTAMP"]),
    Function::volatile("CURRENT_WATERMARK", watermark_signature, |_| watermark()),
    clock("PROCTIME", |args| none(args, TypeKind::TimestampLtz { precision: 3, attribute: TimeAttribute::Proctime }), |_| instant()),
];

const fn clock(
    name: &'static str,
    signature: fn(&[Arg<'_>]) -> Signature,
    make: fn(&Call<'_>) -> Result<Kernel, FunctionError>,
) -> Function {
    Function::clock(name, signature, make)
}

fn none(args: &[Arg<'_>], kind: TypeKind) -> Signature {
    if args.is_empty() { Ok((Vec::new(), LogicalType { kind, nullable: false })) } else { refuse("no arguments") }
}

fn local(call: &Call<'_>, array: fn(i64) -> ArrayRef) -> Result<Kernel, FunctionError> {
    let zone = Zone::parse(&call.env.zone)?;
    kernel(move |_, scope: &Scope| Ok(array(zone.to_local_millis(scope.now))))
}

fn time_of_day(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    // TIME(0): whole seconds.
    local(call, |millis| Arc::new(Time32MillisecondArray::from(vec![(millis.rem_euclid(DAY) / 1_000 * 1_000) as i32])))
}

fn instant() -> Result<Kernel, FunctionError> {
    kernel(|_, scope: &Scope| Ok(Arc::new(TimestampMillisecondArray::from(vec![scope.now]))))
}

/// Of the rowtime's type; the planner knows which columns are rowtimes.
fn watermark_signature(args: &[Arg<'_>]) -> Signature {
    match args {
        [rowtime] => match rowtime.kind() {
            TypeKind::Timestamp { precision: 0..=3, .. } | TypeKind::TimestampLtz { precision: 0..=3, .. } => {
                Ok((vec![rowtime.ty.clone()], rowtime.ty.with_nullable(true)))
            }
            _ => refuse("CURRENT_WATERMARK(<ROWTIME>)"),
        },
        _ => refuse("CURRENT_WATERMARK(<ROWTIME>)"),
    }
}

/// The watermark that came before the row; NULL where none did.
fn watermark() -> Result<Kernel, FunctionError> {
    kernel(|_, scope: &Scope| Ok(Arc::new(TimestampMillisecondArray::from(vec![scope.watermark; scope.rows]))))
}

/// Seconds since the epoch.
pub(super) fn unix_seconds() -> Result<Kernel, FunctionError> {
    kernel(|_, scope: &Scope| Ok(Arc::new(Int64Array::from(vec![scope.now.div_euclid(1_000)]))))
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions, TimestampMillisecondArray};
    use arrow::datatypes::Schema;
    use irmak_common::expr::Expr;
    use irmak_common::types::TypeKind;
    use std::sync::Arc;

    use crate::{Environment, cell_text, compile, fold, resolve};

    #[test]
    fn the_watermark_is_told_to_every_row() {
        let (env, ty) = (Environment::default(), TypeKind::timestamp(3).nullable());
        let times: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![5, 6]));
        let batch = RecordBatch::try_from_iter([("ts", times)]).unwrap();
        let expr = Expr::call("CURRENT_WATERMARK", vec![Expr::column(0, ty.clone())], ty.clone());
        let compiled = compile(&expr, &env).unwrap();
        for (watermark, printed) in [(None, None), (Some(4), Some("1970-01-01 00:00:00.004"))] {
            let array = compiled.evaluate_behind(&batch, 0, watermark).unwrap();
            assert_eq!((array.len(), cell_text(&array, 1, &ty, "UTC").as_deref()), (2, printed));
        }
    }

    #[test]
    fn the_clock_is_shown_in_the_sessions_zone_and_never_folded() {
        let env = Environment::in_zone("Asia/Shanghai");
        let options = RecordBatchOptions::new().with_row_count(Some(2));
        let batch = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options).unwrap();
        for (function, printed) in [
            ("CURRENT_DATE", "2025-02-17"),
            ("LOCALTIME", "00:00:01"),
            ("LOCALTIMESTAMP", "2025-02-17 00:00:01.500"),
            ("NOW", "2025-02-17 00:00:01.500"),
            ("PROCTIME", "2025-02-17 00:00:01.500"),
            ("UNIX_TIMESTAMP", "1739721601"),
        ] {
            let resolved = resolve(function, &[]).unwrap();
            let expr = Expr::call(resolved.function, vec![], resolved.ty.clone());
            assert!(fold(&expr, &env).is_err(), "{function}");
            let array = compile(&expr, &env).unwrap().evaluate(&batch, 1_739_721_601_500).unwrap();
            assert_eq!((array.len(), cell_text(&array, 1, &resolved.ty, &env.zone).as_deref()), (2, Some(printed)), "{function}");
        }
    }
}
