//! TYPEOF: the type of an expression, as Flink prints it.

use irmak_common::types::TypeKind;

use crate::column::build_strings;
use crate::registry::{Function, kernel};
use crate::signature::{refuse, uncast};

pub(crate) const FUNCTIONS: &[Function] = &[Function::total(
    "TYPEOF",
    |args| if args.len() == 1 { Ok((uncast(args), TypeKind::STRING.not_null())) } else { refuse("TYPEOF(<ANY>)") },
    |call| {
        let name = call.arg(0)?.to_string();
        kernel(move |_, scope| {
            build_strings(scope.rows, |_, out| {
                out.push_str(&name);
                Ok(Some(()))
            })
        })
    },
)];

#[cfg(test)]
mod tests {
    use crate::testing::{check, decimal, int};

    #[test]
    fn types_are_named() {
        check("TYPEOF", &[int(1)], Some("INT NOT NULL"));
        check("TYPEOF", &[decimal(1, 10, 2)], Some("DECIMAL(10, 2) NOT NULL"));
    }
}
