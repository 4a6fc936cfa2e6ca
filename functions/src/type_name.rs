//! TYPEOF: the type of an expression, as Flink prints it. CURRENT_DATABASE: the one that is in use when a query is planned.

use irmak_common::database::Database;
use irmak_common::expr::Value;
use irmak_common::types::{LogicalType, TypeKind};

use crate::column::build_strings;
use crate::environment::Environment;
use crate::function::{Function, kernel};
use crate::signature::{refuse, uncast};

pub(crate) const FUNCTIONS: &[Function] = &[TYPEOF, CURRENT_DATABASE];

const CURRENT_DATABASE: Function = Function::total(
    "CURRENT_DATABASE",
    |args| if args.is_empty() { Ok((Vec::new(), TypeKind::STRING.not_null())) } else { refuse("CURRENT_DATABASE()") },
    |call| {
        let name = call.env.options.get(Environment::CURRENT_DATABASE).map_or(Database::DEFAULT_NAME, String::as_str).to_owned();
        kernel(move |_, scope| {
            build_strings(scope.rows, |_, out| {
                out.push_str(&name);
                Ok(Some(()))
            })
        })
    },
);

const TYPEOF: Function = Function::total(
    "TYPEOF",
    |args| match args {
        [_] => Ok((uncast(args), TypeKind::STRING.nullable())),
        [_, form] if *form.kind() == TypeKind::Boolean && form.literal.is_some() => Ok((uncast(args), TypeKind::STRING.nullable())),
        _ => refuse("TYPEOF(<ANY>) or TYPEOF(<ANY>, {TRUE | FALSE})"),
    },
    |call| {
        let ty = call.arg(0)?;
        // TRUE asks for the form that catalogs keep.
        let name = if matches!(call.literal(1), Some(Value::Boolean(true))) { serializable(ty) } else { ty.to_string() };
        kernel(move |_, scope| {
            build_strings(scope.rows, |_, out| {
                out.push_str(&name);
                Ok(Some(()))
            })
        })
    },
);

/// The type without short names.
fn serializable(ty: &LogicalType) -> String {
    let kind = match &ty.kind {
        TypeKind::Varchar(length) => format!("VARCHAR({length})"),
        TypeKind::Varbinary(length) => format!("VARBINARY({length})"),
        TypeKind::TimestampLtz { precision, .. } => format!("TIMESTAMP({precision}) WITH LOCAL TIME ZONE"),
        TypeKind::Array(element) => format!("ARRAY<{}>", serializable(element)),
        TypeKind::Multiset(element) => format!("MULTISET<{}>", serializable(element)),
        TypeKind::Map(key, value) => format!("MAP<{}, {}>", serializable(key), serializable(value)),
        TypeKind::Row(fields) => {
            let fields: Vec<String> = fields.iter().map(|field| format!("`{}` {}", field.name, serializable(&field.ty))).collect();
            format!("ROW<{}>", fields.join(", "))
        }
        kind => kind.to_string(),
    };
    if ty.nullable { kind } else { kind + " NOT NULL" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{check, decimal, int};

    #[test]
    fn types_are_named() {
        check("TYPEOF", &[int(1)], Some("INT NOT NULL"));
        assert_eq!(serializable(&TypeKind::Array(Box::new(TypeKind::STRING.not_null())).nullable()), "ARRAY<VARCHAR(2147483647) NOT NULL>");
        check("TYPEOF", &[decimal(1, 10, 2)], Some("DECIMAL(10, 2) NOT NULL"));
    }
}
