//! REST under Flink's paths.
use axum::Router;
use axum::routing::get;

use crate::actor::Handle;
use crate::config::JobManagerConfig;

/// The routes.
pub(crate) fn router(_actor: Handle, _config: &JobManagerConfig) -> Router {
    Router::new().route("/nope", get(|| async { "" }))
}
