//! Group windows of processing time that speak before they are over (`table.exec.emit.early-fire.*`).
//!
//! A row is put into its window when it comes and is aggregated in the same call, so no window is over before its rows are in it. A clock that
//! is set back opens no window again. Source of the meaning: Flink's `ProcessingTimeTriggers.afterEndOfWindow().withEarlyFirings(...)`, each row a
//! firing.

use arrow::record_batch::RecordBatch;
use irmak_common::changelog_spec::GroupAggregateSpec;
use irmak_common::checkpoint::OperatorSnapshot;
use irmak_common::element::Element;
use irmak_common::operator_spec::WindowSpec;
use irmak_common::time::Millis;
use irmak_common::types::{Field, Schema, TypeKind};

use super::GroupAggregate;
use crate::environment::OperatorEnvironment;
use crate::error::EngineError;
use crate::operator::{Operator, OperatorContext, OperatorMetrics};
use crate::window::table_function::WindowAssign;

pub(crate) struct ByClock {
    assign: WindowAssign,
    aggregate: GroupAggregate,
}

impl ByClock {
    /// Over rows without windows; the keys of `spec` know the windows' columns behind those of `input`.
    pub(crate) fn new(
        spec: &GroupAggregateSpec,
        window: &WindowSpec,
        input: &Schema,
        output: &Schema,
        env: &OperatorEnvironment,
    ) -> Result<Self, EngineError> {
        let own = ["w$start", "w$end", "w$rowtime"].map(|name| Field::new(name, TypeKind::timestamp(3).not_null()));
        let assigned = Schema::new(input.fields.iter().cloned().chain(own).collect());
        let assign = WindowAssign::new(window, input, &assigned)?;
        Ok(Self { assign, aggregate: GroupAggregate::new(spec, &assigned, output, env)? })
    }

    fn never_back(&self, context: &OperatorContext) -> OperatorContext {
        let reached = self.aggregate.closing.as_ref().map_or(Millis::MIN, |closing| closing.reached());
        OperatorContext { now: context.now.max(reached.saturating_add(1)), ..*context }
    }
}

impl Operator for ByClock {
    fn on_batch(&mut self, context: &OperatorContext, input: usize, batch: RecordBatch, out: &mut Vec<Element>) -> Result<(), EngineError> {
        let context = self.never_back(context);
        let mut assigned = Vec::new();
        self.assign.on_batch(&context, input, batch, &mut assigned)?;
        for element in assigned {
            match element {
                Element::Batch(batch) => self.aggregate.on_batch(&context, input, batch, out)?,
                other => out.push(other),
            }
        }
        Ok(())
    }

    fn next_timer(&self) -> Option<Millis> {
        self.aggregate.next_timer()
    }

    fn on_timer(&mut self, context: &OperatorContext, out: &mut Vec<Element>) -> Result<(), EngineError> {
        self.aggregate.on_timer(context, out)
    }

    fn snapshot(&mut self) -> Result<OperatorSnapshot, EngineError> {
        self.aggregate.snapshot()
    }

    fn metrics(&self) -> OperatorMetrics {
        self.aggregate.metrics()
    }
}
