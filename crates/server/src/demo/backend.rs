//! The back end of the demo: what an application does that uses passkeyd. It alone holds the token; the
//! browser gets options and gives credentials, and a cookie says who is signed in.

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

use super::sessions::Sessions;
use crate::page_backend::{Payload, exchange, read, respond};

/// Longest name of a user, in characters; it is the passkey's label too.
const MAX_NAME: usize = 64;
/// How many passkeys are shown.
const PAGE_SIZE: u32 = 50;

/// The back end; cheap to clone.
#[derive(Clone)]
pub(super) struct Backend(Arc<Inner>);

struct Inner {
    api: Router,
    authorization: HeaderValue,
    service: String,
    sessions: Sessions,
}

/// The exchanges that led to an answer, oldest first.
#[derive(Default)]
struct Log(Vec<Value>);

/// Why the back end does not go on.
enum Stop {
    /// passkeyd refused: its status and envelope.
    Refused(StatusCode, Value),
    /// The back end itself refuses.
    Own(StatusCode, &'static str),
}

impl From<(StatusCode, &'static str)> for Stop {
    fn from((status, message): (StatusCode, &'static str)) -> Self {
        Self::Own(status, message)
    }
}

const SIGN_IN_FIRST: (StatusCode, &str) = (StatusCode::UNAUTHORIZED, "Sign in first.");

impl Backend {
    /// Makes the Service that the demo uses.
    pub(super) async fn start(
        api: Router,
        account: AccountId,
        token: &Secret,
        origin: &str,
    ) -> Result<Self, String> {
        let mut authorization = HeaderValue::from_str(&crate::http::auth::basic(account, token))
            .map_err(|error| error.to_string())?;
        authorization.set_sensitive(true);
        let mut inner = Inner {
            api,
            authorization,
            service: String::new(),
            sessions: Sessions::default(),
        };
        let form = format!(
            "FriendlyName=passkeyd%20demo&Passkeys.RelyingParty.Id=localhost\
             &Passkeys.RelyingParty.Name=passkeyd%20demo&Passkeys.RelyingParty.Origins={}\
             &Passkeys.AuthenticatorAttachment=any&Passkeys.DiscoverableCredentials=required\
             &Passkeys.UserVerification=preferred",
            utf8_percent_encode(origin, NON_ALPHANUMERIC)
        );
        let (status, answer) = inner
            .send(
                Method::POST,
                "/v2/Services",
                Some(Payload::Form(form)),
                &mut Log::default(),
            )
            .await;
        match answer.get("sid").and_then(Value::as_str) {
            Some(sid) if status == StatusCode::CREATED => sid.clone_into(&mut inner.service),
            _ => {
                return Err(format!(
                    "the demo's Service could not be made: {status} {answer}"
                ));
            }
        }
        Ok(Self(Arc::new(inner)))
    }
}

impl Backend {
    /// The Service that the demo uses.
    pub(super) fn service(&self) -> Option<RelyingPartyId> {
        RelyingPartyId::from_hex(self.0.service.strip_prefix("VA")?)
    }
}

impl Inner {
    /// Sends one request to passkeyd and notes it with its answer.
    async fn send(
        &self,
        method: Method,
        path: &str,
        payload: Option<Payload>,
        log: &mut Log,
    ) -> (StatusCode, Value) {
        let done = exchange(&self.api, &self.authorization, method, path, payload).await;
        log.0.push(done.record);
        (done.status, done.body)
    }

    /// As [`send`](Self::send); a refusal ends the work.
    async fn call(
        &self,
        method: Method,
        below_service: &str,
        payload: Option<Payload>,
        log: &mut Log,
    ) -> Result<Value, Stop> {
        let path = format!("/v2/Services/{}{below_service}", self.service);
        let (status, answer) = self.send(method, &path, payload, log).await;
        if status.is_success() {
            Ok(answer)
        } else {
            Err(Stop::Refused(status, answer))
        }
    }

    async fn passkeys(&self, identity: &str, log: &mut Log) -> Result<Vec<Value>, Stop> {
        let path = format!("/Entities/{identity}/Factors?PageSize={PAGE_SIZE}");
        let list = self.call(Method::GET, &path, None, log).await?;
        let factors = list
            .get("factors")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        // A registration that was begun and not finished is no passkey.
        Ok(factors
            .into_iter()
            .filter(|f| f["status"] == "verified")
            .collect())
    }

    fn signed_in(&self, headers: &HeaderMap) -> Result<String, Stop> {
        self.sessions
            .identity(headers)
            .ok_or_else(|| SIGN_IN_FIRST.into())
    }
}

/// The routes below `/demo/api`.
pub(super) fn router(backend: Backend) -> Router {
    Router::new()
        .route("/session", get(session))
        .route("/register/start", post(register_start))
        .route("/register/finish", post(register_finish))
        .route("/sign-in/start", post(sign_in_start))
        .route("/sign-in/finish", post(sign_in_finish))
        .route("/sign-out", post(sign_out))
        .route("/passkeys/{sid}", post(rename).delete(delete))
        .with_state(backend)
}

/// What every handler gives back: the answer for the page, or why there is none; a cookie if the
/// session changed; and always the exchanges.
fn answer(result: Result<(Value, Option<HeaderValue>), Stop>, log: Log) -> Response {
    let (status, mut body, cookie) = match result {
        Ok((body, cookie)) => (StatusCode::OK, body, cookie),
        Err(Stop::Refused(status, envelope)) => (status, json!({ "refusal": envelope }), None),
        Err(Stop::Own(status, message)) => (status, json!({ "message": message }), None),
    };
    body["exchanges"] = Value::Array(log.0);
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

#[derive(Deserialize)]
struct WithCredential {
    credential: Value,
}

/// The name as it counts: without spaces around it, 1 to 64 characters, none of them a control.
fn checked(name: &str) -> Result<&str, Stop> {
    let name = name.trim();
    if name.is_empty() {
        return Err(Stop::Own(StatusCode::BAD_REQUEST, "Type a name first."));
    }
    if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
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

async fn session(State(Backend(backend)): State<Backend>, headers: HeaderMap) -> Response {
    let mut log = Log::default();
    let result = async {
        let Some(identity) = backend.sessions.identity(&headers) else {
            return Ok((json!({ "name": null, "passkeys": [] }), None));
        };
        let passkeys = backend.passkeys(&identity, &mut log).await?;
        Ok((
            json!({ "name": backend.sessions.name(&identity), "passkeys": passkeys }),
            None,
        ))
    }
    .await;
    answer(result, log)
}

async fn register_start(
    State(Backend(backend)): State<Backend>,
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
                "This name has a passkey already. Sign in with it first, then you can add another one.",
            ));
        }
        let payload = json!({ "friendly_name": name, "identity": identity });
        let factor = backend
            .call(Method::POST, "/Passkeys/Factors", Some(Payload::Json(payload)), &mut log)
            .await?;
        Ok((json!({ "options": factor["options"] }), None))
    }
    .await;
    answer(result, log)
}

async fn register_finish(
    State(Backend(backend)): State<Backend>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut log = Log::default();
    let result = async {
        let WithCredential { credential } = read(&headers, &body)?;
        let factor = backend
            .call(
                Method::POST,
                "/Passkeys/VerifyFactor",
                Some(Payload::Json(credential)),
                &mut log,
            )
            .await?;
        let identity = factor["identity"].as_str().unwrap_or_default();
        let name = factor["friendly_name"].as_str().unwrap_or_default();
        if backend.sessions.has_passkey(identity)
            && backend.sessions.identity(&headers).as_deref() != Some(identity)
        {
            // Another user has taken the name since this registration started.
            let sid = factor["sid"].as_str().unwrap_or_default();
            let path = format!("/Entities/{identity}/Factors/{sid}");
            backend.call(Method::DELETE, &path, None, &mut log).await?;
            return Err(Stop::Own(
                StatusCode::CONFLICT,
                "The name was taken meanwhile.",
            ));
        }
        backend.sessions.registered(identity, name);
        let cookie = backend.sessions.sign_in(&headers, identity);
        Ok((
            json!({ "name": backend.sessions.name(identity), "passkey": factor }),
            Some(cookie),
        ))
    }
    .await;
    answer(result, log)
}

async fn sign_in_start(
    State(Backend(backend)): State<Backend>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut log = Log::default();
    let result = async {
        let MaybeNamed { name } = read(&headers, &body)?;
        let payload = if name.trim().is_empty() {
            json!({})
        } else {
            let identity = identity_of(checked(&name)?);
            if !backend.sessions.has_passkey(&identity) {
                return Err(Stop::Own(
                    StatusCode::NOT_FOUND,
                    "This name has no passkey here. Register one first.",
                ));
            }
            json!({ "identity": identity })
        };
        let challenge = backend
            .call(
                Method::POST,
                "/Passkeys/Challenges",
                Some(Payload::Json(payload)),
                &mut log,
            )
            .await?;
        Ok((json!({ "options": challenge["options"] }), None))
    }
    .await;
    answer(result, log)
}

async fn sign_in_finish(
    State(Backend(backend)): State<Backend>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut log = Log::default();
    let result = async {
        let WithCredential { credential } = read(&headers, &body)?;
        let challenge = backend
            .call(
                Method::POST,
                "/Passkeys/ApproveChallenge",
                Some(Payload::Json(credential)),
                &mut log,
            )
            .await?;
        // Only this tells who signed in: not the name in the page, not the credential as sent.
        let identity = match challenge["identity"].as_str() {
            Some(identity) if challenge["status"] == "approved" => identity,
            _ => {
                return Err(Stop::Own(
                    StatusCode::BAD_GATEWAY,
                    "passkeyd did not say who signed in.",
                ));
            }
        };
        let passkeys = backend.passkeys(identity, &mut log).await?;
        let cookie = backend.sessions.sign_in(&headers, identity);
        let body = json!({
            "name": backend.sessions.name(identity),
            "factor_sid": challenge["factor_sid"],
            "passkeys": passkeys,
        });
        Ok((body, Some(cookie)))
    }
    .await;
    answer(result, log)
}

async fn sign_out(State(Backend(backend)): State<Backend>, headers: HeaderMap) -> Response {
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
    State(Backend(backend)): State<Backend>,
    Path(sid): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut log = Log::default();
    let result = async {
        let identity = backend.signed_in(&headers)?;
        let Named { name } = read(&headers, &body)?;
        let path = format!("/Entities/{identity}/Factors/{}", checked_sid(&sid)?);
        let form = format!(
            "FriendlyName={}",
            utf8_percent_encode(checked(&name)?, NON_ALPHANUMERIC)
        );
        let factor = backend
            .call(Method::POST, &path, Some(Payload::Form(form)), &mut log)
            .await?;
        Ok((json!({ "passkey": factor }), None))
    }
    .await;
    answer(result, log)
}

async fn delete(
    State(Backend(backend)): State<Backend>,
    Path(sid): Path<String>,
    headers: HeaderMap,
) -> Response {
    let mut log = Log::default();
    let result = async {
        let identity = backend.signed_in(&headers)?;
        let path = format!("/Entities/{identity}/Factors/{}", checked_sid(&sid)?);
        backend.call(Method::DELETE, &path, None, &mut log).await?;
        let passkeys = backend.passkeys(&identity, &mut log).await?;
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
