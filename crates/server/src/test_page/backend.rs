//! The back end of the test page: what an application does that uses the Authentication Cloud API. It alone holds the access
//! key; the browser gets options with their status token, and brings the token of a success.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::InvalidHeaderValue;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use axum::routing::post;
use domain::Passkeys;
use domain::model::ids::RelyingPartyId;
use domain::webauthn::origin::Origin;
use http_body_util::BodyExt as _;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::http::Entrance;
use crate::page_backend::{Payload, exchange, read, respond};

/// The back end; cheap to clone.
#[derive(Clone)]
pub(super) struct Backend(Arc<Inner>);

struct Inner {
    api: Entrance,
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
        api: Entrance,
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
    async fn begin(&self, path: &'static str, request: Value, token: &str) -> Response {
        let authorization = if token.is_empty() {
            self.0.authorization.clone()
        } else if let Some(authorization) = self.authorization_of(token).await {
            authorization
        } else {
            let problem = "The token is not one of this Service, or it has expired.";
            return refuse((StatusCode::FORBIDDEN, problem));
        };
        self.call(path, Payload::Json(request), &authorization)
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
        self.call(
            "/api/v1/introspect",
            Payload::Form(form),
            &self.0.authorization,
        )
        .await
    }

    /// Sends one request to passkeyd; the answer for the page, with the exchange to show.
    async fn call(
        &self,
        path: &'static str,
        payload: Payload,
        authorization: &HeaderValue,
    ) -> Response {
        let done = exchange(
            &self.0.api,
            Some(authorization),
            Method::POST,
            path,
            Some(payload),
        )
        .await;
        let status = if done.status.is_success() {
            StatusCode::OK
        } else {
            done.status
        };
        respond(
            status,
            json!({"answer": done.body, "exchanges": [done.record]}),
        )
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
        Err(refusal) => return refuse(refusal),
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
    backend.begin(path, request, &person.token).await
}

async fn approve(State(backend): State<Backend>, headers: HeaderMap, body: Bytes) -> Response {
    let person: Person = match read(&headers, &body) {
        Ok(person) => person,
        Err(refusal) => return refuse(refusal),
    };
    let mut request = json!({"channel": "fido2"});
    if !person.username.is_empty() {
        request["username"] = person.username.into();
    }
    let path = "/api/v1/approval";
    backend.begin(path, request, &person.token).await
}

async fn introspect(State(backend): State<Backend>, headers: HeaderMap, body: Bytes) -> Response {
    let Presented { token } = match read(&headers, &body) {
        Ok(presented) => presented,
        Err(refusal) => return refuse(refusal),
    };
    backend.introspect(&token).await
}

/// Where an app that opened the page in a browser gets its result: the base of two URLs, of a success and of a failure. The
/// result holds a token, so it goes to an origin of the Relying Party only. An app is named by its URL scheme, which has to
/// be the bundle id of a configured origin.
async fn way_back(State(backend): State<Backend>, headers: HeaderMap, body: Bytes) -> Response {
    let WayBack { redirect_to } = match read(&headers, &body) {
        Ok(wanted) => wanted,
        Err(refusal) => return refuse(refusal),
    };
    let Inner { passkeys, rp, .. } = &*backend.0;
    let Ok(rp) = passkeys.relying_party_itself(*rp).await else {
        return refuse((
            StatusCode::SERVICE_UNAVAILABLE,
            "The Service cannot be read.",
        ));
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
            let body = json!({"answer": {"base": base}, "exchanges": []});
            respond(StatusCode::OK, body)
        }
        None => refuse((
            StatusCode::BAD_REQUEST,
            "redirectTo is not a configured origin of this Service, so nothing is sent there.",
        )),
    }
}

/// A refusal of the back end itself.
fn refuse((status, message): (StatusCode, &str)) -> Response {
    respond(
        status,
        json!({"answer": {"message": message}, "exchanges": []}),
    )
}

fn bearer(token: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {token}"))?;
    value.set_sensitive(true);
    Ok(value)
}
