//! The calls that change something: cancel and stop.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use irmak_common::id::JobId;
use irmak_common::status::JobStatus;
use serde_json::{Value, json};

use super::Rest;
use super::asked::{Asked, closing};
use super::guard::Body;
use super::refused::Refused;
use crate::actor::Message;
use crate::core::event::Event;
use crate::core::job::Job;

type Accepted = Result<(StatusCode, Json<Value>), Refused>;

/// `PATCH /jobs/:id?mode=cancel`: 202 at once; the job's state tells how far it is.
pub(super) async fn cancel(State(rest): State<Rest>, asked: Asked, Body(_): Body) -> Accepted {
    match asked.parameter("mode") {
        None => {}
        Some(mode) if mode.eq_ignore_ascii_case("cancel") => {}
        Some(mode) => return Err(Refused::bad(format!("mode `{mode}` is not known: `cancel` is; POST /jobs/:id/stop drains and stops"))),
    }
    let (job, status) = find(&rest, asked).await?;
    if status.is_terminal() && status != JobStatus::Canceled {
        return Err(over(job, status));
    }
    rest.actor.tell(Message::Event(Event::Cancel(job))).await;
    Ok((StatusCode::ACCEPTED, Json(json!({}))))
}

/// `POST /jobs/:id/stop`: the job drains, takes its final checkpoint and finishes.
pub(super) async fn stop(State(rest): State<Rest>, asked: Asked, Body(body): Body) -> Accepted {
    let wish: Value = if body.is_empty() { json!({}) } else { parse(&body)? };
    if wish.get("targetDirectory").is_some_and(|dir| !dir.is_null()) {
        return Err(Refused::bad("a savepoint cannot be taken here yet: leave `targetDirectory` out, and the job drains and finishes"));
    }
    let (job, status) = find(&rest, asked).await?;
    if status.is_terminal() {
        return Err(over(job, status));
    }
    if rest.actor.look(move |view| view.core.job(job).is_some_and(Job::is_batch)).await.map_err(|_| closing())? {
        return Err(Refused::new(
            StatusCode::CONFLICT,
            format!("{job} is a batch job: it says its answer at its end; let it end, or cancel it"),
        ));
    }
    rest.actor.tell(Message::Event(Event::Stop(job))).await;
    Ok((StatusCode::ACCEPTED, Json(json!({ "request-id": JobId::random().to_string() }))))
}

fn parse(body: &[u8]) -> Result<Value, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused::bad(format!("the body is not JSON: {error}")))
}

async fn find(rest: &Rest, asked: Asked) -> Result<(JobId, JobStatus), Refused> {
    let found = rest.actor.look(move |view| asked.job(view).map(|job| (job.id, job.status))).await;
    found.map_err(|_| closing())?
}

fn over(job: JobId, status: JobStatus) -> Refused {
    Refused::new(StatusCode::CONFLICT, format!("job {job} is {status} already"))
}
