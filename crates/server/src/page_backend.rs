//! Shared by the back ends of the demo and of the test page: a request to passkeyd's own router, recorded for the page, and
//! reading requests of the page and responding to them.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use http_body_util::{BodyExt as _, Collected};
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::http::Entrance;

/// The body of a request.
pub(crate) enum Payload {
    /// `application/json`.
    Json(Value),
    /// `application/x-www-form-urlencoded`, encoded.
    Form(String),
}

/// A request and its response.
pub(crate) struct Exchange {
    /// The status of the response.
    pub(crate) status: StatusCode,
    /// Its body; `null` if it is not JSON.
    pub(crate) body: Value,
    /// Both, as the page shows them: without the secret.
    pub(crate) record: Value,
}

/// Sends one request to passkeyd; without authorization as the page would.
pub(crate) async fn exchange(
    api: &Entrance,
    authorization: Option<&HeaderValue>,
    method: Method,
    path: &str,
    payload: Option<Payload>,
) -> Exchange {
    let (content_type, body, shown) = match payload {
        Some(Payload::Json(value)) => (Some("application/json"), value.to_string(), value),
        Some(Payload::Form(form)) => (
            Some("application/x-www-form-urlencoded"),
            form.clone(),
            Value::String(form),
        ),
        None => (None, String::new(), Value::Null),
    };
    let mut request = Request::new(Body::from(body));
    *request.method_mut() = method.clone();
    let headers = request.headers_mut();
    if let Some(authorization) = authorization {
        headers.insert(AUTHORIZATION, authorization.clone());
    }
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    let (status, text) = match path.parse() {
        Ok(uri) => {
            *request.uri_mut() = uri;
            // A router cannot fail: its error type has no values.
            let Ok(response) = api.clone().oneshot(request).await;
            let status = response.status();
            let body = response.into_body().collect().await;
            (status, body.map(Collected::to_bytes).unwrap_or_default())
        }
        Err(_) => (StatusCode::BAD_REQUEST, Bytes::new()),
    };
    let scheme = authorization
        .and_then(|it| it.to_str().ok())
        .and_then(|it| it.split(' ').next());
    let record = json!({
        "method": method.as_str(),
        "path": path,
        "authorization": scheme.map(|scheme| format!("{scheme} ***")),
        "content_type": content_type,
        "request": shown,
        "status": status.as_u16(),
        // As text, so that the page shows the members in their order.
        "response": String::from_utf8_lossy(&text),
    });
    Exchange {
        status,
        body: serde_json::from_slice(&text).unwrap_or_default(),
        record,
    }
}

/// Reads a request of the page. The content type is required, because a form of another page cannot send it.
///
/// # Errors
/// The status and the sentence for the page.
pub(crate) fn read<T: for<'de> Deserialize<'de>>(
    headers: &HeaderMap,
    body: &[u8],
) -> Result<T, (StatusCode, &'static str)> {
    let json = headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if !json {
        return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "Send application/json."));
    }
    serde_json::from_slice(body).map_err(|_| (StatusCode::BAD_REQUEST, "The request is malformed."))
}

/// A response to the page.
pub(crate) fn respond(status: StatusCode, body: Value) -> Response {
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
