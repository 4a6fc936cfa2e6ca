//! Text in, syntax tree out: a hand-written reader over sqlparser's tokens.
//!
//! Flink's grammar differs from every dialect of sqlparser in most places that matter here (computed and metadata columns, window
//! table functions, reserved words, JSON functions), and each node must keep its place for errors, so the reader is ours; see
//! the grammar of Flink 1.20's parser for the source. Recursion is bounded by `limits::SQL_DEPTH_MAX`.

pub(crate) mod alter;
pub(crate) mod call;
pub(crate) mod catalog;
pub(crate) mod ddl;
pub(crate) mod expr;
mod hint;
pub(crate) mod literal;
pub(crate) mod over;
pub(crate) mod pattern;
mod predicate;
mod primary;
mod quantified;
pub(crate) mod query;
pub(crate) mod show;
pub(crate) mod special;
pub(crate) mod statement;
pub(crate) mod table;
pub(crate) mod types;

use crate::ast::Statement;
use crate::error::{Code, PlanError, Planned};
use crate::token::{Cursor, tokenize};

/// All statements of a script.
pub(crate) fn script(text: &str) -> Planned<Vec<Statement>> {
    let mut cursor = Cursor::new(tokenize(text)?);
    let mut statements = Vec::new();
    loop {
        while cursor.eat_symbol(";") {}
        if cursor.at_end() {
            break;
        }
        statements.push(statement::statement(&mut cursor)?);
        if !cursor.at_end() && !cursor.eat_symbol(";") {
            return Err(cursor.unexpected(&["the end of the statement"]));
        }
    }
    if statements.is_empty() {
        return Err(PlanError::new(Code::Empty, "there is no statement in the script"));
    }
    Ok(statements)
}
