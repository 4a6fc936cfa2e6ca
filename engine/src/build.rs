//! From a plan's node to a running operator.

use irmak_common::job_graph::OperatorNode;
use irmak_common::operator_spec::{OperatorSpec, WindowKind};
use irmak_common::types::Schema;

use crate::changelog_normalize::{ChangelogNormalize, DropUpdateBefore};
use crate::deduplicate::Deduplicate;
use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::filter::Filter;
use crate::group_aggregate::GroupAggregate;
use crate::group_aggregate::by_clock::ByClock;
use crate::limit::Limit;
use crate::match_recognize::MatchRecognize;
use crate::operator::Operator;
use crate::ordered::over::Over;
use crate::ordered::temporal_sort::TemporalSort;
use crate::ordered::unnest::Unnest;
use crate::ordered::window_rank::WindowRank;
use crate::project::Project;
use crate::rank::Rank;
use crate::set_operation::SetOperation;
use crate::sink_materializer::SinkMaterializer;
use crate::union::Union;
use crate::watermark::WatermarkOperator;
use crate::window::aggregate::WindowAggregate;
use crate::window::changes::ChangesAggregate;
use crate::window::session::SessionAggregate;
use crate::window::session_changes::SessionChanges;
use crate::window::table_function::WindowAssign;

/// The operator that `node` describes, with its state restored. `input_schemas`: the columns of each logical input.
///
/// Sources, sinks, `Values` (see [`crate::values`]) and `Collect` are the task's own matter.
///
/// # Errors
/// [`EngineError::Unsupported`] for what this engine does not run, [`EngineError::Plan`] for a node that contradicts its input,
/// [`EngineError::State`] for state that another operator wrote.
pub fn build(node: &OperatorNode, input_schemas: &[Schema], env: &OperatorEnvironment) -> Result<Box<dyn Operator>, EngineError> {
    let input = input_schemas.first().ok_or_else(|| EngineError::plan(format!("operator `{}` has no input", node.name)))?;
    Ok(match &node.spec {
        OperatorSpec::Watermark(spec) => Box::new(WatermarkOperator::new(spec, input, env)?),
        OperatorSpec::Project { exprs } => Box::new(Project::new(exprs, &node.output, env)?),
        OperatorSpec::Filter { predicate } => Box::new(Filter::new(predicate, env)?),
        OperatorSpec::WindowAggregate(spec) => match spec.window.kind {
            WindowKind::Session { .. } if spec.retracts => Box::new(SessionChanges::new(spec, input, &node.output, env)?),
            _ if spec.retracts => Box::new(ChangesAggregate::new(spec, input, &node.output, env)?),
            WindowKind::Session { .. } => Box::new(SessionAggregate::new(spec, input, &node.output, env)?),
            _ => Box::new(WindowAggregate::new(spec, input, &node.output, env)?),
        },
        OperatorSpec::WindowAssign { window } => Box::new(WindowAssign::new(window, input, &node.output)?),
        OperatorSpec::Join(spec) => crate::join::build(spec, input_schemas, &node.output, env)?,
        OperatorSpec::Over(spec) => Box::new(Over::new(spec, input, &node.output, env)?),
        OperatorSpec::WindowRank(spec) => Box::new(WindowRank::new(spec, input, &node.output, env)?),
        OperatorSpec::TemporalSort { order_by, processing_time } => Box::new(TemporalSort::new(order_by, *processing_time, input, env)?),
        OperatorSpec::Match(spec) => Box::new(MatchRecognize::new(spec, input, &node.output, env)?),
        OperatorSpec::Unnest(spec) => Box::new(Unnest::new(spec, input, &node.output, env)?),
        OperatorSpec::Union => Box::new(Union),
        OperatorSpec::Limit { offset, count } => Box::new(Limit::new(*offset, *count, env)?),
        OperatorSpec::GroupAggregate(spec) => match spec.window_end.as_ref().and_then(|end| end.assign.as_ref()) {
            Some(window) => Box::new(ByClock::new(spec, window, input, &node.output, env)?),
            None => Box::new(GroupAggregate::new(spec, input, &node.output, env)?),
        },
        OperatorSpec::Rank(spec) => Box::new(Rank::new(spec, input, &node.output, env)?),
        OperatorSpec::Deduplicate(spec) => Box::new(Deduplicate::new(spec, input, &node.output, env)?),
        OperatorSpec::ChangelogNormalize(spec) => Box::new(ChangelogNormalize::new(spec, input, &node.output, env)?),
        OperatorSpec::SinkMaterializer(spec) => Box::new(SinkMaterializer::new(spec, input, &node.output, env)?),
        OperatorSpec::DropUpdateBefore => Box::new(DropUpdateBefore),
        OperatorSpec::SetOperation(spec) => Box::new(SetOperation::new(*spec, input, &node.output, env)?),
        OperatorSpec::Batch(spec) => crate::batch::build(spec, input, &node.output)?,
        OperatorSpec::Source(_) | OperatorSpec::Sink(_) | OperatorSpec::Values { .. } | OperatorSpec::Collect => {
            return Err(EngineError::plan(format!("operator `{}` is run by the task, not by the engine", node.name)));
        }
    })
}
