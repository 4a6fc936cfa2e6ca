//! Job specs: the document is read into `common::job_spec`, its expressions into syntax, and that is bound like SQL.
//!
//! An operator becomes a query over its inputs, so a spec and the SQL that says the same become the same job graph. An error names
//! its path in the document (`operators[0].where`) and, where the text can be found there, its line and column.

mod build;
mod expressions;
mod order;

use irmak_common::error::{Diagnostic, Position, nearest};
use irmak_common::job_graph::JobGraph;
use irmak_common::job_spec::JobSpec;
use irmak_common::limits;

use crate::error::{Code, PlanError};
use crate::{Format, Outcome, Request, Statement};

use expressions::{Expressions, Failure};

type Built<T> = Result<T, Failure>;

/// Plans a spec: one job.
#[allow(clippy::result_large_err)] // As the interface.
pub(crate) fn plan(request: &Request<'_>) -> Result<Vec<Statement>, Diagnostic> {
    if request.text.len() > limits::SCRIPT_BYTES_MAX {
        let message = format!("a job spec has at most {} bytes", limits::SCRIPT_BYTES_MAX);
        return Err(PlanError::new(Code::TooDeep, message).in_script(request.file, request.text));
    }
    let spec = read(request)?;
    let mut expressions = Expressions::default();
    let graph: JobGraph = build::graph(&spec, request, &mut expressions).map_err(|failure| expressions.diagnostic(failure, request))?;
    let warnings = graph.warnings.clone();
    Ok(vec![Statement { outcome: Outcome::Job(graph), warnings }])
}

/// The document, or where it is none.
#[allow(clippy::result_large_err)]
fn read(request: &Request<'_>) -> Result<JobSpec, Diagnostic> {
    match request.format {
        Format::Json => {
            let mut reader = serde_json::Deserializer::from_str(request.text);
            let spec = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
                let place = (error.inner().line(), error.inner().column());
                wrong(request, &error.path().to_string(), &error.inner().to_string(), Some(place))
            })?;
            reader.end().map_err(|error| wrong(request, ".", &error.to_string(), Some((error.line(), error.column()))))?;
            Ok(spec)
        }
        _ => {
            let reader = serde_yaml_ng::Deserializer::from_str(request.text);
            serde_path_to_error::deserialize(reader).map_err(|error| {
                let place = error.inner().location().map(|location| (location.line(), location.column()));
                wrong(request, &error.path().to_string(), &error.inner().to_string(), place)
            })
        }
    }
}

/// A document that is not of the shape: where, and what was meant.
fn wrong(request: &Request<'_>, path: &str, message: &str, place: Option<(usize, usize)>) -> Diagnostic {
    let message = message.split(" at line").next().unwrap_or(message);
    // Some readers put the path before the message themselves.
    let message = message.strip_prefix(&format!("{path}: ")).unwrap_or(message);
    let told = if path == "." || path.is_empty() { message.to_owned() } else { format!("{path}: {message}") };
    let mut diagnostic = Diagnostic::new(Code::Document.as_str(), told);
    if let Some((line, column)) = place.filter(|(line, _)| *line > 0) {
        diagnostic = diagnostic.at(request.text, Position { line: line as u32, column: column.max(1) as u32, length: 1 });
    }
    diagnostic.label = suggestion(message);
    diagnostic.file = Some(request.file.to_owned());
    diagnostic
}

/// "unknown field `a`, expected one of `b`, `c`": the nearest of those.
fn suggestion(message: &str) -> Option<String> {
    let rest = message.strip_prefix("unknown field ").or_else(|| message.strip_prefix("unknown variant "))?;
    let mut names = rest.split('`').skip(1).step_by(2);
    let unknown = names.next()?;
    nearest(unknown, names).map(|near| format!("did you mean `{near}`?"))
}
