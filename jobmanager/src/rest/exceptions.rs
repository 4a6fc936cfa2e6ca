//! What went wrong with a job, newest first: sentences where Flink has stack traces.

use serde_json::{Map, Value, json};

use super::asked::{Answer, Asked};
use super::refused::Refused;
use crate::actor::View;
use crate::core::record::Failure;

/// `/jobs/:id/exceptions?maxExceptions=`
pub(super) fn of_job(view: &View<'_>, asked: &Asked) -> Answer {
    let job = asked.job(view)?;
    let most = match asked.parameter("maxExceptions") {
        Some(text) => text.parse().map_err(|_| Refused::bad(format!("maxExceptions is `{text}`: a number is expected")))?,
        None => usize::MAX,
    };
    let newest: Vec<&Failure> = job.failures.iter().rev().take(most).collect();
    let truncated = newest.len() < job.failures.len();
    let root = job.failures.back();
    let of_tasks = newest.iter().filter(|failure| failure.task.is_some());
    Ok(json!({
        "root-exception": root.map(|failure| &failure.message),
        "timestamp": root.map(|failure| failure.at),
        "all-exceptions": of_tasks.map(|failure| task_failure(failure)).collect::<Vec<Value>>(),
        "truncated": truncated,
        "exceptionHistory": {
            "entries": newest.iter().map(|failure| entry(failure)).collect::<Vec<Value>>(),
            "truncated": truncated,
        },
    }))
}

fn task_failure(failure: &Failure) -> Value {
    json!({
        "exception": failure.message,
        "task": failure.task,
        "location": failure.location,
        "endpoint": failure.location,
        "timestamp": failure.at,
        "taskManagerId": failure.task_manager,
    })
}

/// Where nobody knows the place, its fields are absent, as in Flink.
fn entry(failure: &Failure) -> Value {
    let mut entry = Map::from_iter([
        ("exceptionName".to_owned(), json!(failure.name)),
        ("stacktrace".to_owned(), json!(failure.message)),
        ("timestamp".to_owned(), json!(failure.at)),
        ("failureLabels".to_owned(), json!({})),
    ]);
    let mut place = |name: &str, text: Option<String>| {
        if let Some(text) = text {
            entry.insert(name.to_owned(), json!(text));
        }
    };
    place("taskName", failure.task.as_ref().map(|task| format!("{task} - execution #{}", failure.attempt)));
    place("location", failure.location.clone());
    place("endpoint", failure.location.clone());
    place("taskManagerId", failure.task_manager.clone());
    entry.insert("concurrentExceptions".to_owned(), json!([]));
    entry.into()
}
