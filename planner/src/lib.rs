//! Flink SQL, or a job spec in YAML or JSON, in; checked [`JobGraph`]s out.
//!
//! A script is planned statement by statement against a catalog that lives as long as the call: tables, views and settings of
//! earlier statements are there for later ones. Nothing runs here, and nothing is looked up outside the script: whether a topic or
//! a folder exists is the connectors' matter.
//!
//! Every refusal is a [`Diagnostic`] with a stable code and the position of the very token.

use std::collections::BTreeMap;

use irmak_common::error::Diagnostic;
use irmak_common::job_graph::JobGraph;
use irmak_common::limits;

use catalog::Catalog;
use earlier::Joined;
use error::{Code, PlanError, Planned};
use session::Session;
use settings::Settings;

mod advice;
mod algebra;
mod alter;
mod ast;
mod bind;
mod catalog;
mod chain;
mod changelog;
mod condition;
mod constraint;
mod databases;
mod ddl;
mod depth;
mod describe;
mod dialect;
mod earlier;
mod error;
pub mod explain;
mod formats;
mod join;
mod logical;
mod parse;
mod rewrite;
mod session;
mod settings;
mod show;
mod spec;
mod token;
mod tree;
mod unicode;

pub use earlier::Part;

/// How a script is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Flink SQL, statements ended by `;`.
    Sql,
    /// A job spec in YAML.
    Yaml,
    /// A job spec in JSON.
    Json,
}

/// What is to be planned.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The file's name, for messages; `-` for standard input.
    pub file: &'a str,
    /// Its text.
    pub text: &'a str,
    /// How it is written.
    pub format: Format,
    /// Flink's keys, of the cluster and the command line, later ones having won already. `SET` in the script wins over them.
    pub configuration: &'a BTreeMap<String, String>,
}

/// One statement, planned.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// What came of it.
    pub outcome: Outcome,
    /// What its author should know though it is accepted.
    pub warnings: Vec<String>,
}

/// What came of a statement.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)]
pub enum Outcome {
    /// A job to run. It streams rows to the terminal where [`JobGraph::collect`] says so.
    Job(JobGraph),
    /// An answer of the planner's own: SHOW, DESCRIBE, EXPLAIN.
    Table {
        /// Name and type of each column.
        columns: Vec<(String, String)>,
        /// Cells; `None` is NULL.
        rows: Vec<Vec<Option<String>>>,
        /// One text rather than a table (EXPLAIN, SHOW CREATE): printed without a frame.
        plain: bool,
    },
    /// Done, with nothing to show: CREATE, SET, DROP.
    None,
}

/// Plans a whole script, in order. The first error ends it: a script is accepted as a whole or not at all.
///
/// # Errors
/// A [`Diagnostic`] with code, position, snippet and what would be accepted.
#[allow(clippy::result_large_err)] // The interface says so; inside, errors are boxed.
pub fn plan(request: &Request<'_>) -> Result<Vec<Statement>, Diagnostic> {
    plan_in(&[], 1, request)
}

/// Reads a script without planning it; how many statements it has.
///
/// # Errors
/// As [`plan`], of syntax alone.
#[allow(clippy::result_large_err)]
pub fn read(file: &str, text: &str) -> Result<usize, Diagnostic> {
    parse::script(text).map(|statements| statements.len()).map_err(|error| error.in_script(file, text))
}

/// Plans a script in a session: `earlier` holds its statements that were accepted before and made tables, views or settings, in order.
/// They are planned again, their outcomes and warnings dropped. `line` is the line of the request's file that its text begins in. A job
/// spec knows no session.
///
/// # Errors
/// As [`plan`]; one that is about an earlier statement points into that.
#[allow(clippy::result_large_err)]
pub fn plan_in(earlier: &[Part<'_>], line: u32, request: &Request<'_>) -> Result<Vec<Statement>, Diagnostic> {
    match request.format {
        Format::Sql => {
            let joined = Joined::new(earlier, Part { file: request.file, text: request.text, line });
            sql(&joined, request.configuration).map_err(|error| joined.told(error))
        }
        Format::Yaml | Format::Json => spec::plan(request),
    }
}

fn sql(joined: &Joined<'_>, configuration: &BTreeMap<String, String>) -> Planned<Vec<Statement>> {
    if joined.text.len() > limits::SCRIPT_BYTES_MAX {
        return Err(PlanError::new(Code::TooDeep, format!("a script has at most {} bytes", limits::SCRIPT_BYTES_MAX)));
    }
    let statements = parse::script(&joined.text)?;
    let mut session = Session { catalog: Catalog::default(), settings: Settings::new(configuration), script: &joined.text };
    let mut planned = Vec::with_capacity(statements.len());
    for statement in &statements {
        let outcome = session.statement(statement)?;
        if joined.is_last(statement.span) {
            planned.push(outcome);
        }
    }
    Ok(planned)
}
