//! Calls over the router: statuses, guards, both prefixes.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use irmak_common::limits::SCRIPT_BYTES_MAX;
use irmak_runtime::shutdown::Shutdown;
use serde_json::Value;
use tower::ServiceExt;

use super::world::{config, registration, submission};
use crate::actor::{Handle, Message, start};
use crate::core::tests::setup::JOB;

pub(super) struct Site {
    router: Router,
    actor: Handle,
    shutdown: Shutdown,
    _dir: tempfile::TempDir,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.shutdown.trigger();
    }
}

pub(super) async fn site() -> Site {
    let dir = tempfile::tempdir().unwrap();
    let (config, shutdown) = (config(dir.path()), Shutdown::new());
    let actor = start(config.settings.clone(), config.heartbeat, dir.path(), &shutdown).unwrap();
    actor.tell(Message::Event(submission())).await;
    let router = crate::rest::router(actor.clone(), &config);
    Site { router, actor, shutdown, _dir: dir }
}

impl Site {
    async fn call(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Body) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let status = response.status();
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    pub(super) async fn get(&self, path: &str) -> (StatusCode, Value) {
        self.call("GET", path, &[], Body::empty()).await
    }

    async fn cancel(&self, headers: &[(&str, &str)]) -> (StatusCode, Value) {
        self.call("PATCH", &format!("/jobs/{JOB}?mode=cancel"), headers, Body::empty()).await
    }
}

fn sentence(answer: &Value) -> &str {
    let sentence = answer["errors"][0].as_str().unwrap_or_else(|| panic!("no error in {answer}"));
    assert!(!sentence.contains('\n') && !sentence.contains("java"), "{sentence}");
    sentence
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_is_there_with_and_without_its_version() {
    let site = site().await;
    let (status, plain) = site.get("/jobs").await;
    assert_eq!((status, &plain["jobs"][0]["status"]), (StatusCode::OK, &Value::from("CREATED")));
    assert_eq!(site.get("/v1/jobs").await, (StatusCode::OK, plain));
    assert_eq!(site.get(&format!("/v1/jobs/{JOB}")).await.0, StatusCode::OK);
    assert_eq!(site.get("/").await.0, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_is_told_with_flinks_statuses_and_a_sentence() {
    let site = site().await;
    let unknown = "00000000000000000000000000000000";
    for (path, expected, words) in [
        ("/jobs/xyz", StatusCode::BAD_REQUEST, "32 hexadecimal digits"),
        (&format!("/jobs/{unknown}"), StatusCode::NOT_FOUND, unknown),
        (&format!("/v1/jobs/{unknown}/checkpoints"), StatusCode::NOT_FOUND, unknown),
        (&format!("/jobs/{JOB}/checkpoints/details/x"), StatusCode::BAD_REQUEST, "`x`"),
        (&format!("/jobs/{JOB}/checkpoints/details/9"), StatusCode::NOT_FOUND, "checkpoint 9"),
        ("/taskmanagers/nobody", StatusCode::NOT_FOUND, "nobody"),
        ("/nope", StatusCode::NOT_FOUND, "/nope"),
        ("/v1/nope", StatusCode::NOT_FOUND, "/v1/nope"),
    ] {
        let (status, answer) = site.get(path).await;
        assert_eq!(status, expected, "{path}: {answer}");
        assert!(sentence(&answer).contains(words), "{path}: {answer}");
    }
    let (status, answer) = site.call("PUT", "/overview", &[("host", "localhost")], Body::empty()).await;
    assert_eq!((status, sentence(&answer)), (StatusCode::METHOD_NOT_ALLOWED, "PUT means nothing at /overview"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_caller_that_uses_our_name_and_no_foreign_page_may_cancel() {
    let site = site().await;
    for (headers, words) in [
        (vec![], "Host"),
        (vec![("host", "evil.example")], "evil.example"),
        (vec![("host", "localhost:8081"), ("origin", "http://evil.example")], "evil.example"),
        (vec![("host", "localhost:8081"), ("origin", "http://localhost:9999")], "localhost:9999"),
        (vec![("host", "localhost:8081"), ("origin", "null")], "null"),
    ] {
        let (status, answer) = site.cancel(&headers).await;
        assert!(status.is_client_error() && sentence(&answer).contains(words), "{headers:?}: {status} {answer}");
    }
    assert_eq!(site.get(&format!("/jobs/{JOB}")).await.1["state"], "CREATED");
    for headers in [
        vec![("host", "127.0.0.1:8081")],
        vec![("host", "[::1]:8081"), ("origin", "http://[::1]:8081")],
        vec![("host", "irmak.example"), ("origin", "https://irmak.example")],
    ] {
        assert_eq!(site.cancel(&headers).await, (StatusCode::ACCEPTED, serde_json::json!({})), "{headers:?}");
    }
    assert_eq!(site.get(&format!("/jobs/{JOB}")).await.1["state"], "CANCELED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_accepted_once_and_an_ended_job_is_told() {
    let site = site().await;
    let (job, here) = (format!("/jobs/{JOB}"), [("host", "localhost")]);
    let (status, answer) = site.call("PATCH", &format!("{job}?mode=stop"), &here, Body::empty()).await;
    assert!(status == StatusCode::BAD_REQUEST && sentence(&answer).contains("`stop`"));
    let (status, answer) = site.call("POST", &format!("{job}/stop"), &here, Body::from(r#"{"targetDirectory": "file:///s"}"#)).await;
    assert!(status == StatusCode::BAD_REQUEST && sentence(&answer).contains("savepoint"));
    let (status, answer) = site.call("POST", &format!("{job}/stop"), &here, Body::from(r#"{"drain": true}"#)).await;
    assert_eq!((status, answer["request-id"].as_str().map(str::len)), (StatusCode::ACCEPTED, Some(32)));
    let ended = site.get(&job).await.1["state"].clone();
    let (status, answer) = site.call("POST", &format!("{job}/stop"), &here, Body::empty()).await;
    assert!(status == StatusCode::CONFLICT && sentence(&answer).contains(ended.as_str().unwrap()), "{status} {answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_job_is_told_as_one_and_is_not_stopped_midway() {
    let site = site().await;
    let mut graph = super::world::job_graph();
    graph.options.configuration.insert("execution.runtime-mode".to_owned(), "Batch".to_owned());
    let id = irmak_common::id::JobId::random();
    let job = crate::core::record::NewJob { id, graph: std::sync::Arc::new(graph), after: None, restore_from: None };
    let submission = crate::core::record::Submission { id: "batch".to_owned(), jobs: vec![job], outcomes: Vec::new() };
    site.actor.tell(Message::Event(crate::core::event::Event::Submit(Box::new(submission)))).await;
    let details = site.get(&format!("/jobs/{id}")).await.1;
    assert_eq!((&details["job-type"], &details["isStoppable"]), (&Value::from("BATCH"), &Value::from(false)));
    let (status, answer) = site.call("POST", &format!("/jobs/{id}/stop"), &[("host", "localhost")], Body::empty()).await;
    assert!(status == StatusCode::CONFLICT && sentence(&answer).contains("is a batch job"), "{status} {answer}");
    assert_eq!(site.get(&format!("/jobs/{JOB}")).await.1["job-type"], "STREAMING");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_too_large_is_refused_in_words() {
    let site = site().await;
    let path = format!("/jobs/{JOB}/stop");
    let large = || vec![b' '; SCRIPT_BYTES_MAX + 1];
    let length = (SCRIPT_BYTES_MAX + 1).to_string();
    let (status, answer) = site.call("POST", &path, &[("host", "localhost"), ("content-length", &length)], Body::from(large())).await;
    assert!(status == StatusCode::PAYLOAD_TOO_LARGE && sentence(&answer).contains("larger than"));
    let (status, answer) = site.call("POST", &path, &[("host", "localhost")], Body::from(large())).await;
    assert!(status == StatusCode::PAYLOAD_TOO_LARGE && sentence(&answer).contains("larger than"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_manager_that_registers_is_seen() {
    let site = site().await;
    let (reply, answer) = tokio::sync::oneshot::channel();
    site.actor.tell(Message::Attach(Box::new(registration("tm:6121-7d10aa", 3)), reply)).await;
    let _stream = answer.await.unwrap();
    let (status, manager) = site.get("/taskmanagers/tm%3A6121-7d10aa").await;
    assert_eq!((status, &manager["slotsNumber"], &manager["dataPort"]), (StatusCode::OK, &Value::from(3), &Value::from(6121)));
    assert_eq!(site.get("/overview").await.1["slots-total"], 3);
}
