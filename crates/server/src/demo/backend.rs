//! The back end of the demo: what an application does that uses passkeyd. It alone holds the keys; the
//! browser gets options and gives credentials, and a cookie says who is signed in.

use domain::model::text::is_control;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use domain::model::account::Secret;
use domain::model::ids::{AccountId, RelyingPartyId};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::explain::{Explainer, Issued};
use super::sessions::Sessions;
use super::wire::{Calls, Finished, Log, Stop, Wire};
use crate::api::fido::Served;
use crate::app::App;
use crate::config::Limits;
use crate::page_backend::{Payload, read, respond};

/// Longest name of a user, in characters; it is the passkey's label too.
const MAX_NAME: usize = 64;

/// The back end; cheap to clone.
#[derive(Clone)]
pub(super) struct Backend(Arc<Inner>);

struct Inner {
    calls: Calls,
    sessions: Sessions,
    explainer: Explainer,
}

/// The back end, and the API that the page has chosen.
#[derive(Clone)]
struct On {
    backend: Arc<Inner>,
    wire: Wire,
}

const SIGN_IN_FIRST: (StatusCode, &str) = (StatusCode::UNAUTHORIZED, "Sign in first.");

impl Backend {
    /// Makes the Service that the demo uses and an access key for it; also the application that serves the FIDO binding of
    /// that Service.
    pub(super) async fn start(
        app: App,
        limits: &Limits,
        account: AccountId,
        token: &Secret,
        origin: &str,
    ) -> Result<(Self, App), String> {
        let mut basic = HeaderValue::from_str(&crate::http::auth::basic(account, token))
            .map_err(|error| error.to_string())?;
        basic.set_sensitive(true);
        let mut calls = Calls {
            api: crate::app::router(app.clone(), limits),
            bearer: basic.clone(),
            basic,
            service: String::new(),
        };
        let form = format!(
            "FriendlyName=passkeyd%20demo&Passkeys.RelyingParty.Id=localhost\
             &Passkeys.RelyingParty.Name=passkeyd%20demo&Passkeys.RelyingParty.Origins={}\
             &Passkeys.AuthenticatorAttachment=any&Passkeys.DiscoverableCredentials=required\
             &Passkeys.UserVerification=preferred",
            utf8_percent_encode(origin, NON_ALPHANUMERIC)
        );
        let created = calls
            .send(
                Some(&calls.basic),
                Method::POST,
                "/v2/Services",
                Some(Payload::Form(form)),
                &mut Log::default(),
            )
            .await;
        let sid = created.1["sid"].as_str().unwrap_or_default();
        let Some(relying_party) = sid.strip_prefix("VA").and_then(RelyingPartyId::from_hex) else {
            let (status, answer) = created;
            return Err(format!(
                "the demo's Service could not be made: {status} {answer}"
            ));
        };
        sid.clone_into(&mut calls.service);
        let path = format!("/manage/v1/services/{sid}/access-keys");
        let key = Some(Payload::Json(json!({ "name": "demo" })));
        let (status, answer) = calls
            .send(
                Some(&calls.basic),
                Method::POST,
                &path,
                key,
                &mut Log::default(),
            )
            .await;
        let Some(key) = answer["key"].as_str() else {
            return Err(format!("the demo's access key could not be made: {status}"));
        };
        calls.bearer =
            HeaderValue::from_str(&format!("Bearer {key}")).map_err(|error| error.to_string())?;
        calls.bearer.set_sensitive(true);
        let app = app.with_fido(Some(Served {
            relying_party,
            conformance: false,
            root: true,
            dialect: false,
        }));
        calls.api = crate::app::router(app.clone(), limits);
        let backend = Self(Arc::new(Inner {
            calls,
            sessions: Sessions::default(),
            explainer: Explainer::new(origin),
        }));
        Ok((backend, app))
    }

    /// The Service that the demo uses.
    pub(super) fn service(&self) -> Option<RelyingPartyId> {
        RelyingPartyId::from_hex(self.0.calls.service.strip_prefix("VA")?)
    }
}

impl Inner {
    fn signed_in(&self, headers: &HeaderMap) -> Result<String, Stop> {
        self.sessions
            .identity(headers)
            .ok_or_else(|| SIGN_IN_FIRST.into())
    }
}

/// The routes below `/demo/api`: those of each API below its name.
pub(super) fn router(backend: &Backend) -> Router {
    let routes = |wire| {
        Router::new()
            .route("/session", get(session))
            .route("/register/start", post(register_start))
            .route("/register/finish", post(register_finish))
            .route("/sign-in/start", post(sign_in_start))
            .route("/sign-in/finish", post(sign_in_finish))
            .route("/sign-out", post(sign_out))
            .route("/passkeys/{sid}", post(rename).delete(delete))
            .with_state(On {
                backend: Arc::clone(&backend.0),
                wire,
            })
    };
    Wire::ALL.into_iter().fold(Router::new(), |router, wire| {
        router.nest(&format!("/{}", wire.name()), routes(wire))
    })
}

/// What every handler gives back: the answer for the page, or why there is none; a cookie if the
/// session changed; and always the exchanges.
fn answer(result: Result<(Value, Option<HeaderValue>), Stop>, log: Log) -> Response {
    let (status, mut body, cookie) = match result {
        Ok((body, cookie)) => (StatusCode::OK, body, cookie),
        Err(Stop::Refused(status, envelope)) => {
            // Some calls refuse in the body of a 200.
            let status = if status.is_success() {
                StatusCode::BAD_REQUEST
            } else {
                status
            };
            (status, json!({ "refusal": envelope }), None)
        }
        Err(Stop::Own(status, message)) => (status, json!({ "message": message }), None),
    };
    body["exchanges"] = Value::Array(log.exchanges);
    let mut response = respond(status, body);
    if let Some(cookie) = cookie {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct MaybeNamed {
    #[serde(default)]
    name: String,
}

/// A credential, what the page got when its ceremony began, and from which challenge it comes.
#[derive(Deserialize)]
struct Sent {
    credential: Value,
    /// What the API wants back with the credential; empty if nothing.
    #[serde(default)]
    ceremony: String,
    #[serde(default)]
    issued: Issued,
}

/// The name as it counts: without spaces around it, 1 to 64 characters, none of them a control.
fn checked(name: &str) -> Result<&str, Stop> {
    let name = name.trim();
    if name.is_empty() {
        return Err(Stop::Own(StatusCode::BAD_REQUEST, "Type a name first."));
    }
    if name.chars().count() > MAX_NAME || name.chars().any(is_control) {
        return Err(Stop::Own(
            StatusCode::BAD_REQUEST,
            "A name has at most 64 characters.",
        ));
    }
    Ok(name)
}

/// The identity of a name: the wire takes letters, digits and dashes only, and no personal data.
fn identity_of(name: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, name.as_bytes());
    let half = digest.as_ref().get(..16).unwrap_or_default();
    format!("demo-{}", hex::encode(half))
}

async fn session(State(On { backend, wire }): State<On>, headers: HeaderMap) -> Response {
    let mut log = Log::default();
    let result = async {
        let Some(identity) = backend.sessions.identity(&headers) else {
            return Ok((json!({ "name": null, "passkeys": [] }), None));
        };
        let passkeys = wire.passkeys(&backend.calls, &identity, &mut log).await?;
        Ok((
            json!({ "name": backend.sessions.name(&identity), "passkeys": passkeys }),
            None,
        ))
    }
    .await;
    answer(result, log)
}

async fn register_start(
    State(On { backend, wire }): State<On>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut log = Log::default();
    let result = async {
        let Named { name } = read(&headers, &body)?;
        let name = checked(&name)?;
        let identity = identity_of(name);
        // A user who could add a passkey to another user's name could sign in as that user.
        if backend.sessions.has_passkey(&identity)
            && backend.sessions.identity(&headers).as_deref() != Some(&identity)
        {
            return Err(Stop::Own(
                StatusCode::CONFLICT,
                "This name has a passkey already. Sign in with it first, then you can add another one, or take another name.",
            ));
        }
        backend.sessions.named(&identity, name);
        let started = wire
            .start_registration(&backend.calls, &identity, name, &mut log)
            .await?;
        Ok((started, None))
    }
    .await;
    answer(result, log)
}

async fn register_finish(
    State(On { backend, wire }): State<On>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut log = Log::default();
    let result = async {
        let sent: Sent = read(&headers, &body)?;
        let finished = wire
            .finish_registration(&backend.calls, &sent.credential, &sent.ceremony, &mut log)
            .await;
        backend
            .explainer
            .registration(&sent.credential, &sent.issued, finished.is_ok(), &mut log);
        let Finished {
            identity,
            sid,
            passkeys,
        } = finished?;
        let identity = identity.as_str();
        if backend.sessions.has_passkey(identity)
            && backend.sessions.identity(&headers).as_deref() != Some(identity)
        {
            // Another user has taken the name since this registration started.
            if let Some(sid) = &sid {
                wire.delete(&backend.calls, identity, sid, &mut log).await?;
            }
            return Err(Stop::Own(
                StatusCode::CONFLICT,
                "The name was taken meanwhile.",
            ));
        }
        backend.sessions.registered(identity);
        let cookie = backend.sessions.sign_in(&headers, identity);
        let body = json!({
            "name": backend.sessions.name(identity),
            "sid": sid,
            "passkeys": passkeys,
        });
        Ok((body, Some(cookie)))
    }
    .await;
    answer(result, log)
}

async fn sign_in_start(
    State(On { backend, wire }): State<On>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut log = Log::default();
    let result = async {
        let MaybeNamed { name } = read(&headers, &body)?;
        let identity = if name.trim().is_empty() {
            None
        } else {
            let identity = identity_of(checked(&name)?);
            if !backend.sessions.has_passkey(&identity) {
                return Err(Stop::Own(
                    StatusCode::NOT_FOUND,
                    "This name has no passkey here. Register one first.",
                ));
            }
            Some(identity)
        };
        let started = wire
            .start_sign_in(&backend.calls, identity.as_deref(), &mut log)
            .await?;
        Ok((started, None))
    }
    .await;
    answer(result, log)
}

async fn sign_in_finish(
    State(On { backend, wire }): State<On>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut log = Log::default();
    let result = async {
        let sent: Sent = read(&headers, &body)?;
        let finished = wire
            .finish_sign_in(&backend.calls, &sent.credential, &sent.ceremony, &mut log)
            .await;
        backend
            .explainer
            .sign_in(&sent.credential, &sent.issued, &mut log);
        let Finished {
            identity,
            sid,
            passkeys,
        } = finished?;
        let cookie = backend.sessions.sign_in(&headers, &identity);
        let body = json!({
            "name": backend.sessions.name(&identity),
            "sid": sid,
            "passkeys": passkeys,
        });
        Ok((body, Some(cookie)))
    }
    .await;
    answer(result, log)
}

async fn sign_out(State(On { backend, .. }): State<On>, headers: HeaderMap) -> Response {
    let cookie = backend.sessions.sign_out(&headers);
    answer(Ok((json!({}), Some(cookie))), Log::default())
}

/// Whether this can be a factor's SID, so that it cannot be anything else in a path.
fn checked_sid(sid: &str) -> Result<&str, Stop> {
    let well_formed = sid.len() == 34
        && sid.starts_with("YF")
        && sid.bytes().skip(2).all(|byte| byte.is_ascii_hexdigit());
    if well_formed {
        Ok(sid)
    } else {
        Err(Stop::Own(
            StatusCode::NOT_FOUND,
            "There is no such passkey.",
        ))
    }
}

async fn rename(
    State(On { backend, wire }): State<On>,
    Path(sid): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut log = Log::default();
    let result = async {
        let identity = backend.signed_in(&headers)?;
        let Named { name } = read(&headers, &body)?;
        let (sid, name) = (checked_sid(&sid)?, checked(&name)?);
        let passkeys = wire
            .rename(&backend.calls, &identity, sid, name, &mut log)
            .await?;
        Ok((json!({ "passkeys": passkeys }), None))
    }
    .await;
    answer(result, log)
}

async fn delete(
    State(On { backend, wire }): State<On>,
    Path(sid): Path<String>,
    headers: HeaderMap,
) -> Response {
    let mut log = Log::default();
    let result = async {
        let identity = backend.signed_in(&headers)?;
        let passkeys = wire
            .delete(&backend.calls, &identity, checked_sid(&sid)?, &mut log)
            .await?;
        if passkeys.is_empty() {
            backend.sessions.without_passkeys(&identity);
        }
        Ok((json!({ "passkeys": passkeys }), None))
    }
    .await;
    answer(result, log)
}

#[cfg(test)]
mod tests;
