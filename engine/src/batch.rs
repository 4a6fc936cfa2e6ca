//! Operators of batch mode: they keep what comes, and say the answer once when all of it has come, in rows that are only added.
//!
//! What they share: when they speak ([`at_end`]), how rows are kept and compared ([`held`]), and the order that Flink's sorter leaves
//! equal rows in ([`quick_sort`]). Their memory is bounded; nothing is written to disk. They have no state to restore: a batch job
//! takes no checkpoints.

pub(crate) mod aggregate;
pub(crate) mod at_end;
mod frames;
mod held;
mod numbers;
pub(crate) mod over;
mod piece;
mod quick_sort;
pub(crate) mod set_operation;
pub(crate) mod sort;
mod top;

use irmak_common::batch_spec::BatchSpec;
use irmak_common::types::Schema;

use crate::error::EngineError;
use crate::operator::Operator;
use at_end::AtEnd;

/// The operator of a batch spec over this input.
///
/// # Errors
/// A plan that contradicts its input.
pub(crate) fn build(spec: &BatchSpec, input: &Schema, output: &Schema) -> Result<Box<dyn Operator>, EngineError> {
    Ok(match spec {
        BatchSpec::Aggregate { keys, aggregates } => AtEnd::boxed(aggregate::BatchAggregate::new(keys, aggregates, input, output)?),
        BatchSpec::Sort { order_by, first } => AtEnd::boxed(sort::Sort::new(order_by, *first, input)?),
        BatchSpec::Over(spec) => AtEnd::boxed(over::BatchOver::new(spec, input, output)?),
        BatchSpec::SetOperation(spec) => AtEnd::boxed(set_operation::BatchSetOperation::new(*spec, input, output)?),
    })
}
