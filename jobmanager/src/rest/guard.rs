//! Who may change something: a caller that reached this JobManager by its own name, and no page of another site.
//!
//! A browser sends `Origin` with every call that changes something, so a foreign page is told by it; a page whose name was pointed
//! here (DNS rebinding) is told by `Host`. Reading needs neither. Bodies are bounded for all.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::header::{CONTENT_LENGTH, HOST, ORIGIN};
use axum::http::{HeaderName, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use irmak_common::limits::SCRIPT_BYTES_MAX;

use super::Rest;
use super::refused::Refused;

/// Lets a request through, or says why not.
pub(super) async fn check(State(rest): State<Rest>, request: Request, next: Next) -> Result<Response, Refused> {
    let declared = header(&request, CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if declared.is_some_and(|bytes| bytes > SCRIPT_BYTES_MAX as u64) {
        return Err(too_large());
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS) {
        let host = request.uri().authority().map(|authority| authority.as_str()).or_else(|| header(&request, HOST));
        let host = host.ok_or_else(|| Refused::bad("a call that changes something needs a Host header"))?;
        if !rest.facts.is_own(host) {
            let words = format!("this JobManager is not called `{host}`: call it by its address, or set rest.address to that name");
            return Err(Refused::new(StatusCode::FORBIDDEN, words));
        }
        if let Some(origin) = header(&request, ORIGIN).filter(|origin| !same_host(origin, host)) {
            return Err(Refused::new(StatusCode::FORBIDDEN, format!("a page of `{origin}` may not change anything at `{host}`")));
        }
    }
    Ok(next.run(request).await)
}

/// For gRPC on the same port: its clients send no `Origin`, pages always do, also those whose name was pointed here.
pub(crate) async fn no_page(request: Request, next: Next) -> Result<Response, Refused> {
    match header(&request, ORIGIN) {
        Some(origin) => Err(Refused::new(StatusCode::FORBIDDEN, format!("a page (`{origin}`) may not use gRPC"))),
        None => Ok(next.run(request).await),
    }
}

fn header(request: &Request, name: HeaderName) -> Option<&str> {
    request.headers().get(name).and_then(|value| value.to_str().ok())
}

fn same_host(origin: &str, host: &str) -> bool {
    origin.split_once("://").is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(host))
}

fn too_large() -> Refused {
    let words = format!("the request's body is larger than {SCRIPT_BYTES_MAX} bytes; scripts are submitted with `irmak run`");
    Refused::new(StatusCode::PAYLOAD_TOO_LARGE, words)
}

/// A body within the bound.
pub(super) struct Body(pub(super) Bytes);

impl FromRequest<Rest> for Body {
    type Rejection = Refused;

    async fn from_request(request: Request, _: &Rest) -> Result<Self, Refused> {
        axum::body::to_bytes(request.into_body(), SCRIPT_BYTES_MAX).await.map(Self).map_err(|_| too_large())
    }
}
