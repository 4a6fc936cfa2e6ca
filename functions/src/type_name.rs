//! TYPEOF: the type of an expression, as Flink prints it. CURRENT_DATABASE: the one that there is.

use irmak_common::types::TypeKind;

use crate::column::build_strings;
use crate::function::{Function, kernel};
use crate::signature::{refuse, uncast};

pub(crate) const FUNCTIONS: &[Function] = &[TYPEOF, CURRENT_DATABASE];

const CURRENT_DATABASE: Function = Function::total(
    "CURRENT_DATABASE",
    |args| if args.is_empty() { Ok((Vec::new(), TypeKind::STRING.not_null())) } else { refuse("CURRENT_DATABASE()") },
    |_| {
        kernel(|_, scope| {
            build_strings(scope.rows, |_, out| {
                out.push_str("default_database");
                Ok(Some(()))
            })
        })
    },
);

const TYPEOF: Function = Function::total(
    "TYPEOF",
    |args| match args {
        [_] => Ok((uncast(args), TypeKind::STRING.nullable())),
        // TRUE asks for a form that can be read back; ours always can.
        [_, form] if *form.kind() == TypeKind::Boolean && form.literal.is_some() => Ok((uncast(args), TypeKind::STRING.nullable())),
        _ => refuse("TYPEOF(<ANY>) or TYPEOF(<ANY>, {TRUE | FALSE})"),
    },
    |call| {
        let name = call.arg(0)?.to_string();
        kernel(move |_, scope| {
            build_strings(scope.rows, |_, out| {
                out.push_str(&name);
                Ok(Some(()))
            })
        })
    },
);

#[cfg(test)]
mod tests {
    use crate::tests::{check, decimal, int};

    #[test]
    fn types_are_named() {
        check("TYPEOF", &[int(1)], Some("INT NOT NULL"));
        check("TYPEOF", &[decimal(1, 10, 2)], Some("DECIMAL(10, 2) NOT NULL"));
    }
}
