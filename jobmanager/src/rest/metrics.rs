//! Metrics over REST: names without `get`, values with it; of one thing as text, of many as minimum, maximum, average, sum and skew.

use std::collections::BTreeSet;

use irmak_common::job_graph::Vertex;
use serde_json::{Map, Value, json};

use super::asked::{Answer, Asked};
use super::measured::{self, Metric};
use super::refused::Refused;
use super::{flow, task_managers, vertices};
use crate::actor::View;
use crate::core::job::Job;

/// `/jobmanager/metrics`
pub(super) fn of_job_manager(view: &View<'_>, asked: &Asked) -> Answer {
    Ok(one(&measured::of_job_manager(view), asked))
}

/// `/jobs/:id/metrics`
pub(super) fn of_job(view: &View<'_>, asked: &Asked) -> Answer {
    Ok(one(&measured::of_job(view, asked.job(view)?), asked))
}

/// `/taskmanagers/:id/metrics`
pub(super) fn of_task_manager(view: &View<'_>, asked: &Asked) -> Answer {
    Ok(one(&measured::of_task_manager(task_managers::find(view, asked)?), asked))
}

/// `/jobs/:id/vertices/:vid/metrics`: of each subtask, as `0.numRecordsIn`.
pub(super) fn of_vertex(view: &View<'_>, asked: &Asked) -> Answer {
    let job = asked.job(view)?;
    let by_subtask = subtasks(job, asked.vertex(job)?);
    let all =
        by_subtask.into_iter().flat_map(|(index, metrics)| metrics.into_iter().map(move |(id, value)| (format!("{index}.{id}"), value)));
    Ok(one(&all.collect::<Vec<Metric>>(), asked))
}

/// `/jobs/:id/vertices/:vid/subtasks/:i/metrics`
pub(super) fn of_subtask(view: &View<'_>, asked: &Asked) -> Answer {
    let job = asked.job(view)?;
    let vertex = asked.vertex(job)?;
    let index = vertices::index(vertex, asked)?;
    let found = subtasks(job, vertex).into_iter().find(|(other, _)| *other == index);
    Ok(one(&found.map(|(_, metrics)| metrics).unwrap_or_default(), asked))
}

/// `/jobs/:id/vertices/:vid/jm-operator-metrics`: no operator has a part in the JobManager.
pub(super) fn of_coordinators(view: &View<'_>, asked: &Asked) -> Answer {
    asked.vertex(asked.job(view)?)?;
    Ok(json!([]))
}

/// `/jobs/:id/vertices/:vid/subtasks/metrics?get=&agg=&subtasks=0-2,5`
pub(super) fn over_subtasks(view: &View<'_>, asked: &Asked) -> Answer {
    let job = asked.job(view)?;
    let wanted = ranges(asked)?;
    let all = subtasks(job, asked.vertex(job)?).into_iter();
    let all = all.filter(|(index, _)| wanted.as_ref().is_none_or(|ranges| ranges.iter().any(|range| range.contains(index))));
    many(&all.map(|(_, metrics)| metrics).collect::<Vec<_>>(), asked)
}

/// `/jobs/metrics?get=&agg=&jobs=`
pub(super) fn over_jobs(view: &View<'_>, asked: &Asked) -> Answer {
    let wanted = asked.list("jobs");
    let jobs = view.core.jobs().filter(|job| wanted.as_ref().is_none_or(|ids| ids.contains(&job.id.to_string().as_str())));
    many(&jobs.map(|job| measured::of_job(view, job)).collect::<Vec<_>>(), asked)
}

/// `/taskmanagers/metrics?get=&agg=&taskmanagers=`
pub(super) fn over_task_managers(view: &View<'_>, asked: &Asked) -> Answer {
    let wanted = asked.list("taskmanagers");
    let managers = view.core.cluster().all();
    let managers = managers.filter(|manager| wanted.as_ref().is_none_or(|ids| ids.contains(&manager.id.0.as_str())));
    many(&managers.map(measured::of_task_manager).collect::<Vec<_>>(), asked)
}

fn subtasks(job: &Job, vertex: &Vertex) -> Vec<(u32, Vec<Metric>)> {
    let executions = flow::executions(job, vertex.id).into_iter();
    executions.map(|execution| (execution.subtask.index, measured::of_subtask(vertex, execution))).collect()
}

fn ranges(asked: &Asked) -> Result<Option<Vec<std::ops::RangeInclusive<u32>>>, Refused> {
    let read = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
    };
    let bad = |part: &str| Refused::bad(format!("subtasks is `{part}`: numbers and ranges such as 0-2,5 are expected"));
    asked.list("subtasks").map(|parts| parts.into_iter().map(|part| read(part).ok_or_else(|| bad(part))).collect()).transpose()
}

/// Values are texts, as in Flink.
fn one(metrics: &[Metric], asked: &Asked) -> Value {
    let Some(wanted) = asked.list("get") else {
        return metrics.iter().map(|(id, _)| json!({ "id": id })).collect();
    };
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let wanted = metrics.iter().filter(|(id, _)| wanted.contains(&id.as_str()));
    wanted.map(|(id, value)| json!({ "id": id, "value": text(value) })).collect()
}

fn many(metrics: &[Vec<Metric>], asked: &Asked) -> Answer {
    let names: BTreeSet<&str> = metrics.iter().flatten().map(|(id, _)| id.as_str()).collect();
    let Some(wanted) = asked.list("get") else {
        return Ok(names.into_iter().map(|id| json!({ "id": id })).collect());
    };
    let aggregations = asked.list("agg").unwrap_or_else(|| AGGREGATIONS.map(|(name, _)| name).to_vec());
    let of = |id: &str| {
        let values = metrics.iter().flatten().filter(|(name, _)| name == id).filter_map(|(_, value)| value.as_f64());
        aggregate(id, &values.collect::<Vec<f64>>(), &aggregations)
    };
    names.into_iter().filter(|id| wanted.contains(id)).map(of).collect()
}

type Aggregation = (&'static str, fn(&[f64]) -> f64);

const AGGREGATIONS: [Aggregation; 5] = [
    ("min", |values| values.iter().copied().fold(f64::INFINITY, f64::min)),
    ("max", |values| values.iter().copied().fold(f64::NEG_INFINITY, f64::max)),
    ("avg", mean),
    ("sum", |values| values.iter().sum()),
    ("skew", skew),
];

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Mean distance from the mean in percent of the mean, at most 100.
fn skew(values: &[f64]) -> f64 {
    let mean = mean(values);
    let distance = values.iter().map(|value| (value - mean).abs()).sum::<f64>() / values.len() as f64;
    if mean == 0.0 { 0.0 } else { (distance / mean.abs() * 100.0).min(100.0) }
}

fn aggregate(id: &str, values: &[f64], wanted: &[&str]) -> Answer {
    let mut entry = Map::from_iter([("id".to_owned(), json!(id))]);
    for name in wanted {
        let known = AGGREGATIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let (name, of) = known.ok_or_else(|| Refused::bad(format!("agg `{name}` is not known: min, max, avg, sum and skew are")))?;
        if !values.is_empty() {
            entry.insert((*name).to_owned(), json!(of(values)));
        }
    }
    Ok(entry.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_values_have_no_skew_and_lopsided_ones_have() {
        assert_eq!((skew(&[2.0, 2.0]), skew(&[0.0, 4.0]), skew(&[0.0, 0.0])), (0.0, 100.0, 0.0));
    }
}
