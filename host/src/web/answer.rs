//! Answers that are no files.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;

/// An answer with a body of some type.
pub(super) fn of(status: StatusCode, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// An answer in JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => of(status, "application/json", body),
        Err(error) => words(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
    }
}

/// Why there is no answer, for the page.
pub(super) fn error(status: StatusCode, why: impl std::fmt::Display) -> Response {
    json(status, &serde_json::json!({ "error": why.to_string() }))
}

/// An answer in plain words, for people.
pub(super) fn words(status: StatusCode, text: impl std::fmt::Display) -> Response {
    of(status, "text/plain; charset=utf-8", format!("{text}\n"))
}

/// There is nothing at this address.
pub(super) async fn nothing_here(uri: Uri) -> Response {
    nothing_at(uri.path())
}

/// There is nothing at this path.
pub(super) fn nothing_at(path: &str) -> Response {
    words(StatusCode::NOT_FOUND, format!("there is nothing at `{}`; the page is at `/`", path.escape_debug()))
}

/// What is at this address can't be used in this way.
pub(super) async fn wrong_method() -> Response {
    words(
        StatusCode::METHOD_NOT_ALLOWED,
        "this can only be read with GET, and the policy written with PUT to `/policy`",
    )
}
