//! JSON: JSON_VALUE, JSON_QUERY, JSON_EXISTS, IS JSON read it; JSON_OBJECT, JSON_ARRAY, JSON_STRING write it.
//!
//! Source: Flink 1.20, `SqlJsonUtils`: a path without `lax` or `strict` is strict; JSON null counts as nothing.

mod build;
mod path;
mod query;
mod write;

pub(crate) use build::{builds, lower};

use crate::function::Function;

pub(crate) const FUNCTIONS: &[&[Function]] = &[query::FUNCTIONS, build::FUNCTIONS];
