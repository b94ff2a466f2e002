//! The back end of the test page: what an application does that uses the Authentication Cloud API. It alone holds the access
//! key; the browser gets options with their status token, and brings the token of a success.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use http_body_util::BodyExt as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// The back end; cheap to clone.
#[derive(Clone)]
pub(super) struct Backend(Arc<Inner>);

struct Inner {
    api: Router,
    authorization: HeaderValue,
}

impl Backend {
    /// The back end that calls `api` with this access key.
    ///
    /// # Errors
    /// The key is no text for a header.
    pub(super) fn new(api: Router, access_key: &str) -> Result<Self, String> {
        let mut authorization = HeaderValue::from_str(&format!("Bearer {access_key}"))
            .map_err(|error| error.to_string())?;
        authorization.set_sensitive(true);
        Ok(Self(Arc::new(Inner { api, authorization })))
    }

    /// Sends one request to passkeyd; the answer for the page, with the exchange to show.
    async fn call(&self, path: &'static str, content_type: &'static str, body: String) -> Response {
        let shown: Value = serde_json::from_str(&body).unwrap_or_else(|_| body.clone().into());
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static(path);
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, self.0.authorization.clone());
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        // A router does not fail: its error type has no values.
        let Ok(response) = self.0.api.clone().oneshot(request).await;
        let status = response.status();
        let body = response.into_body().collect().await;
        let text = body
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        let answer: Value = serde_json::from_slice(&text).unwrap_or_default();
        let exchange = json!({
            "method": "POST",
            "path": path,
            "authorization": "Bearer ***",
            "content_type": content_type,
            "request": shown,
            "status": status.as_u16(),
            // As text: the page shows the members in the order in which they came.
            "response": String::from_utf8_lossy(&text),
        });
        let status = if status.is_success() {
            StatusCode::OK
        } else {
            status
        };
        let body = json!({"answer": answer, "exchanges": [exchange]});
        finish((status, Json(body)).into_response())
    }
}

/// The routes below `/fido2-test/api`.
pub(super) fn router(backend: Backend) -> Router {
    Router::new()
        .route("/enroll", post(enroll))
        .route("/approve", post(approve))
        .route("/introspect", post(introspect))
        .with_state(backend)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Person {
    #[serde(default)]
    username: String,
    #[serde(default)]
    display_name: String,
}

#[derive(Deserialize)]
struct Presented {
    token: String,
}

async fn enroll(State(backend): State<Backend>, headers: HeaderMap, body: Bytes) -> Response {
    let person: Person = match read(&headers, &body) {
        Ok(person) => person,
        Err(refusal) => return refusal,
    };
    let mut request = json!({
        "username": person.username,
        "channel": "fido2",
        "fido2Options": {"authenticatorSelection": {"residentKey": "required"}},
    });
    if !person.display_name.is_empty() {
        request["displayName"] = person.display_name.into();
    }
    let path = "/api/v1/users/enroll";
    let body = request.to_string();
    backend.call(path, "application/json", body).await
}

async fn approve(State(backend): State<Backend>, headers: HeaderMap, body: Bytes) -> Response {
    let person: Person = match read(&headers, &body) {
        Ok(person) => person,
        Err(refusal) => return refusal,
    };
    let mut request = json!({"channel": "fido2"});
    if !person.username.is_empty() {
        request["username"] = person.username.into();
    }
    let body = request.to_string();
    backend
        .call("/api/v1/approval", "application/json", body)
        .await
}

async fn introspect(State(backend): State<Backend>, headers: HeaderMap, body: Bytes) -> Response {
    let Presented { token } = match read(&headers, &body) {
        Ok(presented) => presented,
        Err(refusal) => return refusal,
    };
    let form = format!("token={}", utf8_percent_encode(&token, NON_ALPHANUMERIC));
    let content_type = "application/x-www-form-urlencoded";
    backend.call("/api/v1/introspect", content_type, form).await
}

/// Reads the body. The content type is demanded, for a form of another page cannot send it.
#[expect(
    clippy::result_large_err,
    reason = "a refusal is what the page gets, and is made once in a while"
)]
fn read<T: for<'de> Deserialize<'de>>(headers: &HeaderMap, body: &[u8]) -> Result<T, Response> {
    let refuse = |status: StatusCode, message: &str| {
        let body = json!({"answer": {"message": message}, "exchanges": []});
        finish((status, Json(body)).into_response())
    };
    let json = headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if !json {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(refuse(status, "Send application/json."));
    }
    serde_json::from_slice(body)
        .map_err(|_| refuse(StatusCode::BAD_REQUEST, "The request is not in form."))
}

fn finish(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        HeaderName::from_static("x-content-type-options"),
        HeaderValue::from_static("nosniff"),
    );
    response
}
