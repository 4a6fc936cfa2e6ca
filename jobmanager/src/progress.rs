//! Jobs as clients see them: progress, list entries, outcomes of statements.

use irmak_common::status::ExecutionState;
use irmak_proto::v1;
use irmak_proto::v1::statement_outcome::Outcome as Wire;

use crate::actor::View;
use crate::core::job::Job;
use crate::core::record::{Outcome, StatementOutcome};

/// Where a job stands.
pub(crate) fn progress(view: &View<'_>, job: &Job) -> v1::JobProgress {
    let of_sources = || {
        let of_source = |vertex| job.graph.vertex(vertex).is_some_and(|vertex| vertex.is_source());
        job.executions.iter().filter(move |(subtask, _)| of_source(subtask.vertex)).map(|(_, execution)| &execution.figures)
    };
    let all = || job.executions.values().map(|execution| &execution.figures);
    let failure = job.failures.back().map(|failure| failure.message.clone());
    let message = if job.status.is_terminal() { failure } else { job.message(view.now, view.core.cluster()) };
    v1::JobProgress {
        state: job.status.to_string(),
        message: message.unwrap_or_default(),
        records_in: of_sources().map(|figures| figures.metrics.records_in).sum(),
        records_out: all().map(|figures| figures.metrics.records_sent()).sum(),
        records_in_per_second: of_sources().map(|figures| figures.rates.records_in).sum(),
        checkpoints_completed: job.checkpoints.counts().completed,
        slots_required: job.graph.slots_required(),
        slots_available: view.core.cluster().slots_free(),
        restarts: job.attempt.unwrap_or(0),
        at: view.now,
        late_records: all().map(|figures| figures.metrics.late_records).sum(),
        skipped_records: all().map(|figures| figures.metrics.skipped_records).sum(),
    }
}

/// A line of `irmak list`.
pub(crate) fn entry(job: &Job) -> v1::JobEntry {
    let running = job.executions.values().filter(|execution| execution.state == ExecutionState::Running).count();
    v1::JobEntry {
        job_id: job.id.to_string(),
        name: job.graph.name.clone(),
        state: job.status.to_string(),
        start_time: job.submitted_at,
        end_time: job.ended_at().unwrap_or(-1),
        tasks_running: running as u32,
        tasks_total: job.graph.vertices.iter().map(|vertex| vertex.parallelism).sum(),
    }
}

/// What a submitted script came to.
pub(crate) fn response(outcomes: &[StatementOutcome]) -> v1::SubmitResponse {
    v1::SubmitResponse { outcomes: outcomes.iter().map(statement).collect() }
}

fn statement(statement: &StatementOutcome) -> v1::StatementOutcome {
    let column = |name: &str, ty: String| v1::Column { name: name.to_owned(), r#type: ty };
    let outcome = match &statement.outcome {
        Outcome::None => None,
        Outcome::Job { id, name, collect } => Some(Wire::Job(v1::SubmittedJob {
            job_id: id.to_string(),
            name: name.clone(),
            collect: collect.iter().flat_map(|schema| &schema.fields).map(|field| column(&field.name, field.ty.to_string())).collect(),
            collect_schema: collect.as_ref().and_then(|schema| serde_json::to_vec(schema).ok()).unwrap_or_default(),
        })),
        Outcome::Table { columns, rows, plain } => Some(Wire::Table(v1::ResultTable {
            columns: columns.iter().map(|(name, ty)| column(name, ty.clone())).collect(),
            rows: rows
                .iter()
                .map(|row| v1::ResultRow { cells: row.iter().map(|text| v1::Cell { text: text.clone() }).collect() })
                .collect(),
            plain: *plain,
        })),
    };
    v1::StatementOutcome { outcome, warnings: statement.warnings.clone() }
}
