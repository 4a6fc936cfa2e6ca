//! Who feeds whom in a document, and the order in which its operators can be built.

use std::collections::BTreeMap;

use irmak_common::error::nearest;
use irmak_common::job_spec::{JobSpec, OperatorKind};

use super::Built;
use super::expressions::Failure;
use crate::error::{Code, PlanError};

/// The operators' order, and who feeds whom.
pub(super) struct Order<'a> {
    /// Positions in the document, each behind its inputs.
    pub(super) operators: Vec<usize>,
    /// Who feeds an operator or sink, by its name.
    pub(super) inputs: BTreeMap<&'a str, Vec<String>>,
}

impl<'a> Order<'a> {
    /// The order of a document's operators.
    ///
    /// # Errors
    /// Names that stand twice or nowhere, edges from sinks or into sources, too few or too many inputs, a circle.
    pub(super) fn of(spec: &'a JobSpec) -> Built<Self> {
        let mut paths: BTreeMap<&str, String> = BTreeMap::new();
        let sources = spec.sources.iter().enumerate().map(|(at, table)| (table.name.as_str(), format!("sources[{at}]")));
        let operators = spec.operators.iter().enumerate().map(|(at, operator)| (operator.name.as_str(), format!("operators[{at}]")));
        let sinks = spec.sinks.iter().enumerate().map(|(at, table)| (table.name.as_str(), format!("sinks[{at}]")));
        for (name, path) in sources.chain(operators).chain(sinks) {
            if let Some(first) = paths.insert(name, path.clone()) {
                let message = format!("the name `{name}` is taken by {first}");
                return Err(Failure::at(format!("{path}.name"), PlanError::new(Code::Exists, message)));
            }
        }
        let mut inputs: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (at, edge) in spec.edges.iter().enumerate() {
            for (field, name) in [("from", edge.from.as_str()), ("to", edge.to.as_str())] {
                let path = paths.get(name);
                let fits = path.is_some_and(|path| if field == "from" { !path.starts_with("sinks") } else { !path.starts_with("sources") });
                if !fits {
                    return Err(Failure::at(format!("edges[{at}].{field}"), bad_end(field, name, path, &paths)));
                }
            }
            inputs.entry(edge.to.as_str()).or_default().push(edge.from.clone());
        }
        check_inputs(spec, &inputs)?;
        Ok(Self { operators: sorted(spec, &inputs)?, inputs })
    }
}

fn bad_end(field: &str, name: &str, path: Option<&String>, paths: &BTreeMap<&str, String>) -> PlanError {
    if let Some(path) = path {
        let message = if field == "from" { "a sink feeds nobody" } else { "a source is fed by nobody" };
        return PlanError::new(Code::UnknownField, format!("`{name}` is {path}: {message}"));
    }
    let error = PlanError::new(Code::UnknownField, format!("there is no source, operator or sink `{name}`"));
    match nearest(name, paths.keys().copied()) {
        Some(near) => error.label(format!("did you mean `{near}`?")),
        None => error.note(format!("there are {}", paths.keys().copied().collect::<Vec<_>>().join(", "))),
    }
}

fn check_inputs(spec: &JobSpec, inputs: &BTreeMap<&str, Vec<String>>) -> Built<()> {
    let count = |name: &str| inputs.get(name).map_or(0, Vec::len);
    let operators = spec
        .operators
        .iter()
        .enumerate()
        .map(|(at, operator)| (format!("operators[{at}]"), operator.name.as_str(), operator.kind == OperatorKind::Union));
    let sinks = spec.sinks.iter().enumerate().map(|(at, sink)| (format!("sinks[{at}]"), sink.name.as_str(), false));
    for (path, name, many) in operators.chain(sinks) {
        let message = match count(name) {
            0 => format!("no edge leads to `{name}`"),
            1 => continue,
            _ if many => continue,
            n => format!("{n} edges lead to `{name}`; only a union has several inputs"),
        };
        return Err(Failure::at(path, PlanError::new(Code::Document, message)));
    }
    if spec.sinks.is_empty() {
        return Err(Failure::at("sinks", PlanError::new(Code::Empty, "a job writes to at least one sink")));
    }
    Ok(())
}

/// Operators behind their inputs.
fn sorted(spec: &JobSpec, inputs: &BTreeMap<&str, Vec<String>>) -> Built<Vec<usize>> {
    let position = |name: &str| spec.operators.iter().position(|operator| operator.name == name);
    let mut order: Vec<usize> = Vec::new();
    while order.len() < spec.operators.len() {
        let ready = (0..spec.operators.len()).find(|at| {
            let from = inputs.get(spec.operators[*at].name.as_str());
            !order.contains(at) && from.into_iter().flatten().filter_map(|name| position(name)).all(|input| order.contains(&input))
        });
        match ready {
            Some(at) => order.push(at),
            None => {
                let around: Vec<&str> =
                    (0..spec.operators.len()).filter(|at| !order.contains(at)).map(|at| spec.operators[at].name.as_str()).collect();
                let message = format!("the edges lead in a circle: {}", around.join(", "));
                return Err(Failure::at("edges", PlanError::new(Code::Document, message)));
            }
        }
    }
    Ok(order)
}
