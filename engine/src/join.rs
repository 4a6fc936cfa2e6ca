//! Joins: rows of two inputs that belong together.
//!
//! All joins share one way of working. A batch's keys and rows are encoded at once; each row meets the kept rows of its key on the
//! other side ([`store`]); what the condition says of all those pairs is computed a batch at a time ([`side`]); then each row is decided on
//! in turn, and results are gathered as references to rows, decoded a column at a time ([`output`]). What differs is when rows meet:
//! always ([`regular`]), near in time ([`interval`]), in one window ([`window`]), or as of a time ([`version`]).

mod expiry;
mod interval;
mod output;
mod regular;
mod side;
mod state;
mod store;
mod version;
mod window;

use irmak_common::join_spec::{JoinSpec, JoinTiming};
use irmak_common::types::Schema;

use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::operator::Operator;

/// The operator of a join over these inputs.
///
/// # Errors
/// A plan that contradicts its inputs, or state of another join.
pub(crate) fn build(
    spec: &JoinSpec,
    inputs: &[Schema],
    output: &Schema,
    env: &OperatorEnvironment,
) -> Result<Box<dyn Operator>, EngineError> {
    let [left, right] = inputs else {
        return Err(EngineError::plan(format!("a join has two inputs, not {}", inputs.len())));
    };
    let inputs = [left, right];
    Ok(match &spec.timing {
        JoinTiming::Always => Box::new(regular::RegularJoin::new(spec, inputs, output, env)?),
        JoinTiming::Interval { .. } => Box::new(interval::IntervalJoin::new(spec, inputs, output, env)?),
        JoinTiming::Window { .. } | JoinTiming::AtEnd => Box::new(window::WindowJoin::new(spec, inputs, output, env)?),
        JoinTiming::Version { .. } => Box::new(version::VersionJoin::new(spec, inputs, output, env)?),
    })
}
