//! The back end of the test page: what an application does that uses the Authentication Cloud API. It alone holds the access
//! key; the browser gets options with their status token, and brings the token of a success.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, InvalidHeaderValue};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use domain::Passkeys;
use domain::model::ids::RelyingPartyId;
use domain::webauthn::origin::Origin;
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
    passkeys: Arc<Passkeys>,
    rp: RelyingPartyId,
}

impl Backend {
    /// The back end of this Relying Party that calls `api` with this access key.
    ///
    /// # Errors
    /// The key is no text for a header.
    pub(super) fn new(
        api: Router,
        access_key: &str,
        passkeys: Arc<Passkeys>,
        rp: RelyingPartyId,
    ) -> Result<Self, String> {
        let authorization = bearer(access_key).map_err(|error| error.to_string())?;
        Ok(Self(Arc::new(Inner {
            api,
            authorization,
            passkeys,
            rp,
        })))
    }

    /// Begins a ceremony with the token that the page was opened with, or else with the access key.
    async fn begin(&self, path: &'static str, request: &Value, token: &str) -> Response {
        let authorization = if token.is_empty() {
            self.0.authorization.clone()
        } else if let Some(authorization) = self.authorization_of(token).await {
            authorization
        } else {
            let problem = "The token is not one of this Service, or it has expired.";
            return refuse(StatusCode::FORBIDDEN, problem);
        };
        let body = request.to_string();
        self.call(path, "application/json", body, authorization)
            .await
    }

    /// The header of a token, if it is one of this Relying Party: what comes of another one's must not be handed to this
    /// one's apps.
    async fn authorization_of(&self, token: &str) -> Option<HeaderValue> {
        let answer = self.introspect(token).await;
        let body = answer.into_body().collect().await.ok()?.to_bytes();
        let body: Value = serde_json::from_slice(&body).ok()?;
        if body["answer"]["active"] == true {
            bearer(token).ok()
        } else {
            None
        }
    }

    async fn introspect(&self, token: &str) -> Response {
        let form = format!("token={}", utf8_percent_encode(token, NON_ALPHANUMERIC));
        let content_type = "application/x-www-form-urlencoded";
        let authorization = self.0.authorization.clone();
        self.call("/api/v1/introspect", content_type, form, authorization)
            .await
    }

    /// Sends one request to passkeyd; the answer for the page, with the exchange to show.
    async fn call(
        &self,
        path: &'static str,
        content_type: &'static str,
        body: String,
        authorization: HeaderValue,
    ) -> Response {
        let shown: Value = serde_json::from_str(&body).unwrap_or_else(|_| body.clone().into());
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static(path);
        let headers = request.headers_mut();
        headers.insert(AUTHORIZATION, authorization);
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
        .route("/return", post(way_back))
        .with_state(backend)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Person {
    #[serde(default)]
    username: String,
    #[serde(default)]
    display_name: String,
    /// The token that the page was opened with.
    #[serde(default)]
    token: String,
}

#[derive(Deserialize)]
struct Presented {
    token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WayBack {
    redirect_to: String,
}

async fn enroll(State(backend): State<Backend>, headers: HeaderMap, body: Bytes) -> Response {
    let person: Person = match read(&headers, &body) {
        Ok(person) => person,
        Err(refusal) => return refusal,
    };
    let mut request = json!({
        "channel": "fido2",
        "fido2Options": {"authenticatorSelection": {"residentKey": "required"}},
    });
    // An intent token names the user by itself.
    if !person.username.is_empty() || person.token.is_empty() {
        request["username"] = person.username.into();
    }
    if !person.display_name.is_empty() {
        request["displayName"] = person.display_name.into();
    }
    let path = "/api/v1/users/enroll";
    backend.begin(path, &request, &person.token).await
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
    let path = "/api/v1/approval";
    backend.begin(path, &request, &person.token).await
}

async fn introspect(State(backend): State<Backend>, headers: HeaderMap, body: Bytes) -> Response {
    let Presented { token } = match read(&headers, &body) {
        Ok(presented) => presented,
        Err(refusal) => return refusal,
    };
    backend.introspect(&token).await
}

/// Where an app that opened the page in a browser gets its result: the base of two URLs, of a success and of a failure. The
/// result holds a token, so it goes to an origin of the Relying Party only. An app is named by its URL scheme, which has to
/// be the bundle id of a configured origin.
async fn way_back(State(backend): State<Backend>, headers: HeaderMap, body: Bytes) -> Response {
    let WayBack { redirect_to } = match read(&headers, &body) {
        Ok(wanted) => wanted,
        Err(refusal) => return refusal,
    };
    let Inner { passkeys, rp, .. } = &*backend.0;
    let Ok(rp) = passkeys.relying_party_itself(*rp).await else {
        return refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "The Service cannot be read.",
        );
    };
    let app = format!("ios:bundle-id:{redirect_to}");
    let origins = rp.selection.origins.iter().flatten();
    let base = origins.map(Origin::as_str).find_map(|origin| {
        if origin == app {
            Some(format!("{redirect_to}://"))
        } else {
            (origin == redirect_to && origin.contains("://")).then(|| format!("{origin}/"))
        }
    });
    match base {
        Some(base) => {
            finish(Json(json!({"answer": {"base": base}, "exchanges": []})).into_response())
        }
        None => refuse(
            StatusCode::BAD_REQUEST,
            "redirectTo is not a configured origin of this Service, so nothing is sent there.",
        ),
    }
}

/// Reads the body. The content type is demanded, for a form of another page cannot send it.
#[expect(
    clippy::result_large_err,
    reason = "a refusal is what the page gets, and is made once in a while"
)]
fn read<T: for<'de> Deserialize<'de>>(headers: &HeaderMap, body: &[u8]) -> Result<T, Response> {
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

/// A refusal of the back end itself.
fn refuse(status: StatusCode, message: &str) -> Response {
    let body = json!({"answer": {"message": message}, "exchanges": []});
    finish((status, Json(body)).into_response())
}

fn bearer(token: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))?;
    value.set_sensitive(true);
    Ok(value)
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
