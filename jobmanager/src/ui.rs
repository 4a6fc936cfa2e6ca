//! The page: the files of `dashboard/dist` as they were when this crate was compiled, or one page that says how to get them.
//!
//! Files under `assets/` carry a hash of their content in their name and never change; all others are asked for again each time.

use axum::body::Bytes;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY};
use axum::http::header::{X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::rest::refused::Refused;

/// A file of the page.
struct File {
    /// Its path below the root: `assets/index-De-b-kNN.css`.
    path: &'static str,
    /// Its content.
    bytes: &'static [u8],
}

// `const FILES: &[File]`, written by build.rs.
include!(concat!(env!("OUT_DIR"), "/page.rs"));

const NOT_BUILT: File = File {
    path: "index.html",
    bytes: b"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Irmak</title><h1>Irmak</h1>\
<p>This binary was built without its page: <code>make build</code> builds both. The same figures are in the REST API: \
<a href=\"overview\">/overview</a>, <a href=\"jobs/overview\">/jobs/overview</a>, <a href=\"taskmanagers\">/taskmanagers</a>.</p></html>\n",
};

/// Scripts and data from here only; styles may be inline (the graph places its nodes), pictures may be data.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `/`
pub(crate) async fn index(headers: HeaderMap) -> Response {
    let file = find("index.html").unwrap_or(&NOT_BUILT);
    answer(file, &headers)
}

/// Any other path that REST does not have.
pub(crate) async fn file(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path();
    match find(path.trim_start_matches('/')).filter(|_| matches!(method, Method::GET | Method::HEAD)) {
        Some(file) => answer(file, &headers),
        None => Refused::not_found(format!("there is nothing at {path}: the page is at /, REST has Flink's paths, such as /jobs/overview"))
            .into_response(),
    }
}

fn find(path: &str) -> Option<&'static File> {
    FILES.iter().find(|file| file.path == path)
}

fn answer(file: &'static File, asked: &HeaderMap) -> Response {
    let tag = format!("\"{:016x}\"", xxhash_rust::xxh3::xxh3_64(file.bytes));
    let kept = if file.path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = [
        (CONTENT_TYPE, content_type(file.path)),
        (CACHE_CONTROL, kept),
        (ETAG, tag.as_str()),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
    ];
    let known = asked.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
    if known.is_some_and(|tags| tags.split(',').any(|known| known.trim().trim_start_matches("W/") == tag)) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, Bytes::from_static(file.bytes)).into_response()
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" | "map" => "application/json",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(path: &str, headers: HeaderMap) -> Response {
        file(Method::GET, Uri::try_from(path).unwrap(), headers).await
    }

    fn header(response: &Response, name: axum::http::HeaderName) -> &str {
        response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[tokio::test]
    async fn the_page_is_html_that_no_other_site_may_frame_and_is_asked_for_again() {
        let page = index(HeaderMap::new()).await;
        assert_eq!(page.status(), StatusCode::OK);
        assert_eq!((header(&page, CONTENT_TYPE), header(&page, CACHE_CONTROL)), ("text/html; charset=utf-8", "no-cache"));
        assert!(header(&page, CONTENT_SECURITY_POLICY).starts_with("default-src 'self'; style-src 'self' 'unsafe-inline'"));
        let again = HeaderMap::from_iter([(IF_NONE_MATCH, page.headers()[ETAG].clone())]);
        assert_eq!(index(again).await.status(), StatusCode::NOT_MODIFIED);
    }

    #[tokio::test]
    async fn every_file_that_was_embedded_is_served_and_hashed_ones_are_kept() {
        for file in FILES {
            let served = get(&format!("/{}", file.path), HeaderMap::new()).await;
            assert_eq!(served.status(), StatusCode::OK, "{}", file.path);
            assert_ne!(header(&served, CONTENT_TYPE), "application/octet-stream", "{}", file.path);
            assert_eq!(header(&served, CACHE_CONTROL).contains("immutable"), file.path.starts_with("assets/"), "{}", file.path);
        }
    }

    #[tokio::test]
    async fn what_is_nowhere_is_not_found_in_words() {
        for path in ["/nope", "/assets/../Cargo.toml", "/assets/"] {
            assert_eq!(get(path, HeaderMap::new()).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}
