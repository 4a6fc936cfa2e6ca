//! What must be so, or the job fails: of a column that a sink takes, no NULL in a NOT NULL column, no text longer than it declares; of a
//! scalar subquery, one row.
//!
//! No SQL names these; the planner writes them in front of a sink and above a subquery. A value passes unchanged, or the job fails and says which column
//! broke its promise. Source: Flink's
//! `ConstraintEnforcer` and `SingleValueAggFunction`, their words included.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use irmak_common::types::{LogicalType, TypeKind};

use crate::error::{EvalError, FunctionError};
use crate::function::{Call, Function, Kernel, kernel};
use crate::signature::{Arg, Signature, refuse};
use crate::types::KindExt;

pub(crate) const FUNCTIONS: &[Function] = &[
    Function::partial("$NOT NULL", passing, not_null),
    // The result's type says how long a value may be.
    Function::partial("$LENGTH", passing, length),
    // The value of a scalar subquery, and how many rows it had.
    Function::partial("$SINGLE", counted, single),
];

fn passing(args: &[Arg<'_>]) -> Signature {
    match args {
        [value, name] if *name.kind() == TypeKind::Symbol => Ok((vec![value.ty.clone(), name.ty.clone()], value.ty.clone())),
        _ => refuse("(<ANY>, <SYMBOL>)"),
    }
}

fn counted(args: &[Arg<'_>]) -> Signature {
    match args {
        [value, count] if *count.kind() == TypeKind::BigInt => Ok((vec![value.ty.clone(), count.ty.clone()], value.ty.with_nullable(true))),
        _ => refuse("(<ANY>, <BIGINT>)"),
    }
}

fn single(_: &Call<'_>) -> Result<Kernel, FunctionError> {
    kernel(|args, scope| {
        let counts = args[1].longs()?;
        match (0..scope.rows).find(|row| counts.get(*row).is_some_and(|count| count > 1)) {
            None => args[0].clone().into_rows(scope.rows),
            Some(row) => {
                let message = "SingleValueAggFunction received more than one element.";
                Err(EvalError::new("scalar subquery", message).at(row))
            }
        }
    })
}

fn not_null(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let column = call.text(1).unwrap_or_default().to_owned();
    kernel(move |args, scope| {
        let values = args[0].clone().into_rows(scope.rows)?;
        if !holds_null(&values) {
            return Ok(values);
        }
        match (0..values.len()).find(|row| is_null(&values, *row)) {
            None => Ok(values),
            Some(row) => {
                let message = format!(
                    "Column '{column}' is NOT NULL, however, a null value is being written into it. You can set job configuration \
                     'table.exec.sink.not-null-enforcer'='DROP' to suppress this exception and drop such records silently."
                );
                Err(EvalError::new("NotNullEnforcer", message).at(row))
            }
        }
    })
}

fn holds_null(values: &ArrayRef) -> bool {
    values.null_count() > 0 || *values.data_type() == DataType::Null
}

fn is_null(values: &ArrayRef, row: usize) -> bool {
    values.is_null(row) || *values.data_type() == DataType::Null
}

/// How long a value of a type may be, and whether it must be so long.
fn bounds(ty: &LogicalType) -> Option<(usize, bool)> {
    match ty.kind {
        TypeKind::Char(length) | TypeKind::Binary(length) => Some((length as usize, true)),
        TypeKind::Varchar(length) | TypeKind::Varbinary(length) => Some((length as usize, false)),
        _ => None,
    }
}

fn length(call: &Call<'_>) -> Result<Kernel, FunctionError> {
    let column = call.text(1).unwrap_or_default().to_owned();
    let Some((most, exactly)) = bounds(call.ty) else { return Err(call.wrong(format!("{} has no length", call.ty.kind))) };
    let (is_text, declared) = (call.ty.kind.is_text(), call.ty.kind.to_string());
    kernel(move |args, scope| {
        let values = args[0].clone().into_rows(scope.rows)?;
        let long = |row: usize| match is_text {
            true => values.as_string::<i32>().value(row).chars().count(),
            false => values.as_binary::<i32>().value(row).len(),
        };
        let wrong = |row: &usize| !values.is_null(*row) && if exactly { long(*row) != most } else { long(*row) > most };
        match (0..values.len()).find(wrong) {
            None => Ok(values),
            Some(row) => {
                let message = format!(
                    "Column '{column}' is {declared}, however, a string of length {} is being written into it. You can set job \
                     configuration 'table.exec.sink.type-length-enforcer' to control this behaviour.",
                    long(row)
                );
                Err(EvalError::new("LengthEnforcer", message).at(row))
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use irmak_common::expr::Value;
    use irmak_common::types::TypeKind;

    use crate::Environment;
    use crate::tests::{check, int, null, run, symbol};

    #[test]
    fn a_null_is_refused_by_name_and_all_else_passes() {
        check("$NOT NULL", &[int(7), symbol("a")], Some("7"));
        let error = run("$NOT NULL", &[null(TypeKind::Int), symbol("a")], &Environment::default()).unwrap_err();
        assert!(error.starts_with("Column 'a' is NOT NULL, however, a null value is being written into it."), "{error}");
    }

    #[test]
    fn a_text_must_be_as_long_as_it_is_declared() {
        let value = |text: &str, kind: TypeKind| (Value::String(text.into()), kind.not_null());
        check("$LENGTH", &[value("öö", TypeKind::Varchar(2)), symbol("a")], Some("öö"));
        for (text, kind) in [("abc", TypeKind::Varchar(2)), ("abc", TypeKind::Char(2)), ("a", TypeKind::Char(2))] {
            let error = run("$LENGTH", &[value(text, kind), symbol("a")], &Environment::default()).unwrap_err();
            assert!(error.contains("a string of length"), "{error}");
        }
        check("$LENGTH", &[null(TypeKind::Char(2)), symbol("a")], None);
    }

    #[test]
    fn a_scalar_subquery_has_one_row() {
        let count = |rows: i64| (Value::Int(rows), TypeKind::BigInt.not_null());
        check("$SINGLE", &[int(7), count(1)], Some("7"));
        check("$SINGLE", &[null(TypeKind::Int), count(0)], None);
        let error = run("$SINGLE", &[int(7), count(2)], &Environment::default()).unwrap_err();
        assert!(error.contains("SingleValueAggFunction received more than one element."), "{error}");
    }
}
