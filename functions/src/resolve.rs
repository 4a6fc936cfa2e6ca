//! Which function a name and its arguments mean, what its arguments are cast to, and what it returns.
//!
//! How the planner spells what has a syntax of its own (SYM: an argument of type `Symbol` with `Value::String`):
//!
//! | SQL | call |
//! | --- | --- |
//! | `a + b`, `a = b`, `a <> b`, `NOT a`, `a || b`, `-a`, `+a` | `+`, `=`, `<>`, `NOT`, `||`, `-` (one argument), `+` (one) |
//! | `a IS NULL`, `a IS NOT TRUE`, `a IS UNKNOWN`, ... | `IS NULL`, `IS NOT TRUE`, `IS UNKNOWN`, ... |
//! | `a IS [NOT] DISTINCT FROM b` | `IS DISTINCT FROM`, `IS NOT DISTINCT FROM` |
//! | `a LIKE b [ESCAPE c]`, `SIMILAR TO` (NOT is written out) | `LIKE`(a, b[, c]), `SIMILAR TO`(a, b[, c]) |
//! | `a IN (b, c)` of any length; NOT IN is NOT of it | `IN`(a, b, c) |
//! | `EXTRACT(DAY FROM a)`; `YEAR(a)` is a function as it stands | `EXTRACT`(SYM DAY, a) |
//! | `FLOOR(a TO DAY)`, `CEIL(a TO DAY)` | `FLOOR`(a, SYM DAY), `CEIL`(a, SYM DAY) |
//! | `TIMESTAMPADD(DAY, n, a)`, `TIMESTAMPDIFF(DAY, a, b)` | `TIMESTAMPADD`(SYM DAY, n, a), `TIMESTAMPDIFF`(SYM DAY, a, b) |
//! | `TRIM(LEADING c FROM a)` | `TRIM`(SYM LEADING, c, a) |
//! | `TRIM(a)` | `TRIM`(SYM BOTH, ' ', a) or `TRIM`(a) |
//! | `SUBSTRING(a FROM b FOR c)`, `OVERLAY(a PLACING b FROM c FOR d)`, `POSITION(a IN b)` | the same name, arguments in that order |
//! | `(a, b) OVERLAPS (c, d)` | `OVERLAPS`(a, b, c, d) |
//! | `a[b]` | `ITEM`(a, b) |
//! | `row.field` | `FIELD`(row, INT literal: the position from 0) |
//! | `ARRAY[a, b]`, `MAP[k, v, ...]`, `ROW(a, b)` or `(a, b)` | `ARRAY`(a, b), `MAP`(k, v, ...), `ROW`(a, b) |
//! | `a IS JSON [VALUE, OBJECT, ARRAY, SCALAR]` | `IS JSON`(a, SYM VALUE) ...; IS NOT JSON is NOT of it |
//! | `JSON_EXISTS(a, p [e ON ERROR])` | `JSON_EXISTS`(a, p[, SYM e]), e: TRUE, FALSE, UNKNOWN, ERROR |
//! | `JSON_VALUE(a, p [RETURNING t] [x ON EMPTY] [y ON ERROR])` | `JSON_VALUE`(a, p, SYM x, d, SYM y, e[, NULL literal of type t]), x, y: NULL, ERROR, DEFAULT with the value d, e (else a NULL literal) |
//! | `JSON_QUERY(a, p [RETURNING t] [w WRAPPER] [x ON EMPTY] [y ON ERROR])` | `JSON_QUERY`(a, p, SYM w, SYM x, SYM y[, NULL literal of type t]), w: WITHOUT, CONDITIONAL, UNCONDITIONAL; x, y: NULL, EMPTY ARRAY, EMPTY OBJECT, ERROR |
//! | `JSON_OBJECT(k VALUE v, ... [n ON NULL])`, `JSON_ARRAY(v, ... [n ON NULL])` | `JSON_OBJECT`(SYM n, k, v, ...), `JSON_ARRAY`(SYM n, v, ...), n: NULL, ABSENT (default: NULL for objects, ABSENT for arrays) |
//!
//! `CURRENT_DATE`, `LOCALTIME`, `CURRENT_TIMESTAMP`, `PROCTIME` and the like are functions without arguments. `COALESCE`, `NULLIF`,
//! `IF`, `IFNULL`, `GREATEST` and `LEAST` are functions; CASE, AND, OR and CAST are nodes of their own, typed by [`common_type`].

use irmak_common::types::{LogicalType, TypeKind};

use crate::error::SignatureError;
use crate::registry;
use crate::signature::Arg;

/// A call that can be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The function's own name, for [`irmak_common::expr::ExprNode::Call`].
    pub function: String,
    /// What each argument must be cast to (its own type where nothing is to be done). Kinds count: nullability is the argument's.
    pub casts: Vec<LogicalType>,
    /// The result's type.
    pub ty: LogicalType,
}

/// What the call of `name` on these arguments means. `name` in any case.
///
/// # Errors
/// When there is no such function, or none for these arguments: one sentence, and what would be accepted.
pub fn resolve(name: &str, args: &[Arg<'_>]) -> Result<Resolved, SignatureError> {
    let upper = name.to_uppercase();
    let Some(function) = registry::find(&upper) else {
        let error = SignatureError::new(format!("function `{upper}` does not exist"));
        return Err(match irmak_common::error::nearest(&upper, names()) {
            Some(near) => error.accepting(format!("did you mean `{}`?", near.to_uppercase())),
            None => error,
        });
    };
    let (casts, ty) = (function.signature)(args).map_err(|error| SignatureError {
        message: error.message.replace("{}", &described(function.name, args)),
        accepted: error.accepted,
    })?;
    Ok(Resolved { function: function.name.into(), casts, ty })
}

/// The names of all functions and aggregates that are called like functions, sorted, in lower case as `SHOW FUNCTIONS` lists them.
pub fn names() -> impl Iterator<Item = &'static str> {
    static NAMES: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let functions = registry::all().flat_map(|function| std::iter::once(function.name).chain(function.aliases.iter().copied()));
        let called = functions.filter(|name| name.starts_with(|first: char| first.is_ascii_alphabetic()) && !name.starts_with("IS "));
        let mut names: Vec<String> = called.chain(crate::aggregate::names()).map(str::to_ascii_lowercase).collect();
        names.sort_unstable();
        names.dedup();
        names
    });
    names.iter().map(String::as_str)
}

/// `'||' on (CHAR(1), INT)`, for error sentences.
fn described(function: &str, args: &[Arg<'_>]) -> String {
    let types = args.iter().filter(|arg| arg.ty.kind != TypeKind::Symbol).map(|arg| arg.ty.kind.to_string()).collect::<Vec<_>>();
    format!("`{function}` to ({})", types.join(", "))
}
