//! The syntax tree: what a script says, before anybody has asked what its names mean. Every node knows its place.

mod catalog;
mod expr;
pub(crate) mod pattern;
mod query;
mod statement;

pub(crate) use catalog::*;
pub(crate) use expr::*;
pub(crate) use query::*;
pub(crate) use statement::*;
