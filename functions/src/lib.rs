//! What an expression means: Flink's casts, operators and built-in functions over Arrow batches.
//!
//! Two sides. For the planner: [`resolve`] (which function, which implicit casts, which result type), [`common_type`], [`castable`],
//! [`aggregate_type`], [`names`], [`fold`] and [`simplified`]. For the engine: [`compile`] turns an [`irmak_common::expr::Expr`] into an [`Evaluator`],
//! which computes columns ([`Evaluator::evaluate`]) and selections ([`Evaluator::select`]).
//!
//! Knows nothing of SQL text, tasks, clocks or connectors: processing time arrives as an argument, the session's zone in the
//! [`Environment`]. Source of every rule: Flink 1.20.5, as recorded in `golden/`.

mod aggregate;
mod arithmetic;
mod cast;
mod cell;
mod collection;
mod column;
mod compare;
mod conditional;
mod constant;
mod constraint;
mod decimal;
mod encode;
mod environment;
mod error;
mod eval;
mod function;
mod json;
mod logic;
mod math;
mod merge;
mod pattern;
mod registry;
mod resolve;
mod signature;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod type_name;
mod types;
mod zone;

pub use aggregate::aggregate_type;
pub use cell::cell_text;
pub use environment::Environment;
pub use error::{EvalError, FunctionError, SignatureError};
pub use eval::{Evaluator, compile, fold, simplified};
pub use resolve::{Resolved, names, resolve};
pub use signature::Arg;
pub use types::{castable, common_type, implicitly_castable};
