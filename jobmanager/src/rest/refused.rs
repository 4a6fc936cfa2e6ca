//! An answer that is no: Flink's statuses and its `{"errors": [...]}`, with a sentence instead of a stack trace.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// See the module's page.
#[derive(Debug, PartialEq)]
pub(crate) struct Refused {
    /// What kind of no.
    pub(crate) status: StatusCode,
    /// The sentence.
    pub(crate) message: String,
}

impl Refused {
    /// Any kind.
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// The question cannot be understood.
    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// What it asks for is not here.
    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "errors": [self.message] }))).into_response()
    }
}
