//! A question: the parts of its path and query, and how they name things of the core.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::{MethodRouter, get};
use irmak_common::error::nearest;
use irmak_common::id::{JobId, ParseIdError, VertexId};
use irmak_common::job_graph::Vertex;
use serde_json::Value;

use super::Rest;
use super::facts::Facts;
use super::refused::Refused;
use crate::actor::View;
use crate::core::job::Job;

/// JSON, or a sentence why not.
pub(super) type Answer = Result<Value, Refused>;

/// A GET whose answer is a pure function of what the actor shows.
pub(super) fn read(answer: fn(&View<'_>, &Asked) -> Answer) -> MethodRouter<Rest> {
    get(move |State(rest): State<Rest>, asked: Asked| async move {
        let seen = rest.actor.look(move |view| answer(view, &asked)).await;
        seen.map_err(|_| closing())?.map(Json)
    })
}

/// The JobManager ends, and answers nothing more.
pub(super) fn closing() -> Refused {
    Refused::new(StatusCode::SERVICE_UNAVAILABLE, "the JobManager is shutting down")
}

/// See the module's page.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    path: BTreeMap<String, String>,
    query: BTreeMap<String, String>,
    /// What is known from the start.
    pub(super) facts: Arc<Facts>,
}

impl FromRequestParts<Rest> for Asked {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, rest: &Rest) -> Result<Self, Refused> {
        let path = match Path::<BTreeMap<String, String>>::from_request_parts(parts, rest).await {
            Ok(Path(path)) => path,
            Err(PathRejection::MissingPathParams(_)) => BTreeMap::new(),
            Err(error) => return Err(Refused::bad(format!("the path cannot be read: {}", error.body_text()))),
        };
        let query = Query::<BTreeMap<String, String>>::from_request_parts(parts, rest).await;
        let Query(query) = query.map_err(|error| Refused::bad(format!("the query cannot be read: {}", error.body_text())))?;
        Ok(Self { path, query, facts: Arc::clone(&rest.facts) })
    }
}

impl Asked {
    /// A part of the path.
    pub(super) fn part(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// A parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    /// The values of a parameter that is a list: `get=a,b`.
    pub(super) fn list(&self, name: &str) -> Option<Vec<&str>> {
        self.parameter(name).map(|list| list.split(',').map(str::trim).filter(|part| !part.is_empty()).collect())
    }

    /// A number of the path.
    pub(super) fn number<T: std::str::FromStr>(&self, name: &str) -> Result<T, Refused> {
        let text = self.part(name);
        text.parse().map_err(|_| Refused::bad(format!("`{text}` is not a {name} number")))
    }

    pub(super) fn job_id(&self) -> Result<JobId, Refused> {
        self.part("job").parse().map_err(|error: ParseIdError| Refused::bad(format!("job {error}")))
    }

    /// The job of the path.
    pub(super) fn job<'a>(&self, view: &View<'a>) -> Result<&'a Job, Refused> {
        let id = self.job_id()?;
        view.core.job(id).ok_or_else(|| {
            let ids: Vec<String> = view.core.jobs().map(|job| job.id.to_string()).collect();
            match nearest(&id.to_string(), ids.iter().map(String::as_str)) {
                Some(near) => Refused::not_found(format!("job {id} is not known; did you mean {near}?")),
                None => Refused::not_found(format!("job {id} is not known; GET /jobs lists all jobs")),
            }
        })
    }

    /// The vertex of the path.
    pub(super) fn vertex<'a>(&self, job: &'a Job) -> Result<&'a Vertex, Refused> {
        let id: VertexId = self.part("vertex").parse().map_err(|error: ParseIdError| Refused::bad(format!("vertex {error}")))?;
        job.graph
            .vertex(id)
            .ok_or_else(|| Refused::not_found(format!("job {} has no vertex {id}; GET /jobs/{} lists them", job.id, job.id)))
    }

    #[cfg(test)]
    pub(super) fn of(path: &[(&str, &str)], query: &[(&str, &str)], facts: Arc<Facts>) -> Self {
        let map = |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Self { path: map(path), query: map(query), facts }
    }
}
