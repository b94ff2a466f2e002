//! Passkeys in an axum application. The browser talks to this server, and this server talks to passkeyd.

mod passkeyd;

use std::collections::HashMap;
use std::env;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::{DefaultBodyLimit, FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower_http::services::ServeDir;
use tower_sessions::cookie::SameSite;
use tower_sessions::{Expiry, MemoryStore, Session, SessionManagerLayer};
use uuid::Uuid;

use passkeyd::{Fault, Passkeyd, Started};

struct Site {
    origin: String,
    passkeyd: Passkeyd,
    // In memory. Keep yours in a database where names are unique.
    accounts: Mutex<Accounts>,
}

/// The identity is what passkeyd knows: it is random, never changes, and says nothing about the person.
#[derive(Default)]
struct Accounts {
    identities: HashMap<String, String>, // name -> identity
    names: HashMap<String, String>,      // identity -> name
}

impl Site {
    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name_of(&self, identity: &str) -> Option<String> {
        self.accounts().names.get(identity).cloned()
    }
}

type Answer = Result<Json<Value>, Refused>;

fn done() -> Answer {
    Ok(Json(json!({})))
}

struct Refused(StatusCode, &'static str, Option<&'static str>);

/// The same for a wrong passkey and for an account that does not exist.
const SIGN_IN_FAILED: Refused = Refused(StatusCode::UNAUTHORIZED, "The sign-in failed.", None);
const START_AGAIN: Refused = Refused(StatusCode::BAD_REQUEST, "Start again.", None);
const TAKEN: Refused = Refused(StatusCode::CONFLICT, "This name is taken. Sign in to add a passkey to it.", None);
const TRY_AGAIN: Refused = Refused(StatusCode::BAD_GATEWAY, "Something went wrong. Try again.", None);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1, "reason": self.2 }))).into_response()
    }
}

/// The page gets one sentence. The log gets what passkeyd said.
impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        let (Fault::NotAccepted(text) | Fault::Other(text)) = &fault;
        eprintln!("{text}");
        match fault {
            Fault::NotAccepted(_) => Self(StatusCode::BAD_REQUEST, "The request was not accepted.", None),
            Fault::Other(_) => TRY_AGAIN,
        }
    }
}

impl From<tower_sessions::session::Error> for Refused {
    fn from(error: tower_sessions::session::Error) -> Self {
        eprintln!("{error}");
        TRY_AGAIN
    }
}

/// The identity that is signed in.
struct SignedIn(String);

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let session = Session::from_request_parts(parts, state).await.map_err(|_| TRY_AGAIN)?;
        let identity = session.get("identity").await?;
        identity.map(Self).ok_or(Refused(StatusCode::UNAUTHORIZED, "Sign in first.", None))
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A new session id: who knew the old one is not signed in.
async fn sign_in(session: &Session, identity: &str) -> Answer {
    session.clear().await;
    session.cycle_id().await?;
    session.insert("identity", identity).await?;
    confirm(session).await
}

/// A sign-in or a step-up allows one change of the passkeys within five minutes.
async fn confirm(session: &Session) -> Answer {
    session.insert("confirmed_until", now() + 300).await?;
    done()
}

async fn use_confirmation(session: &Session) -> Result<(), Refused> {
    match session.remove::<u64>("confirmed_until").await? {
        Some(until) if until > now() => Ok(()),
        _ => Err(Refused(StatusCode::FORBIDDEN, "Confirm that it is you.", Some("step_up_required"))),
    }
}

/// The session remembers which ceremony it began, for what and for whom. Nothing of this comes from the page.
#[derive(Serialize, Deserialize)]
struct Pending {
    purpose: String,
    sid: String,
    identity: Option<String>,
    name: Option<String>,
}

async fn begin(
    session: &Session,
    purpose: &str,
    started: Started,
    identity: Option<String>,
    name: Option<String>,
) -> Answer {
    session.insert("pending", Pending { purpose: purpose.into(), sid: started.sid, identity, name }).await?;
    Ok(Json(started.options))
}

async fn begun(session: &Session, purpose: &str, refusal: Refused) -> Result<Pending, Refused> {
    let pending = session.remove::<Pending>("pending").await?;
    pending.filter(|pending| pending.purpose == purpose).ok_or(refusal)
}

fn name_in(body: &Value) -> Result<String, Refused> {
    let name = body["name"].as_str().unwrap_or_default().trim();
    if (1..=64).contains(&name.chars().count()) {
        Ok(name.to_owned())
    } else {
        Err(Refused(StatusCode::BAD_REQUEST, "A name has 1 to 64 characters.", None))
    }
}

async fn me(State(site): State<Arc<Site>>, session: Session) -> Answer {
    let Some(identity) = session.get::<String>("identity").await? else {
        return Ok(Json(json!({ "name": null })));
    };
    Ok(Json(json!({ "name": site.name_of(&identity), "passkeys": site.passkeyd.list(&identity).await? })))
}

// #region register
/// A new account gets a new identity. A name that exists is refused: its passkeys are added in its own session only.
async fn register_start(State(site): State<Arc<Site>>, session: Session, Json(body): Json<Value>) -> Answer {
    let name = name_in(&body)?.to_lowercase();
    if site.accounts().identities.contains_key(&name) {
        return Err(TAKEN);
    }
    let identity = format!("user-{}", Uuid::new_v4());
    let started = site.passkeyd.start_registration(&identity, &name).await?;
    begin(&session, "register", started, Some(identity), Some(name)).await
}

async fn register_finish(State(site): State<Arc<Site>>, session: Session, Json(body): Json<Value>) -> Answer {
    let Pending { sid, identity: Some(identity), name: Some(name), .. } =
        begun(&session, "register", START_AGAIN).await?
    else {
        return Err(START_AGAIN);
    };
    if site.passkeyd.finish_registration(&body, &sid).await? != identity {
        return Err(START_AGAIN);
    }
    {
        // Another registration may have taken the name meanwhile.
        let mut accounts = site.accounts();
        if accounts.identities.contains_key(&name) {
            return Err(TAKEN);
        }
        accounts.identities.insert(name.clone(), identity.clone());
        accounts.names.insert(identity.clone(), name);
    }
    sign_in(&session, &identity).await
}
// #endregion

// #region add
/// Another passkey: the identity is the one of the session, whatever the page sends.
async fn add_start(State(site): State<Arc<Site>>, session: Session, SignedIn(identity): SignedIn) -> Answer {
    use_confirmation(&session).await?;
    let name = site.name_of(&identity).unwrap_or_default();
    begin(&session, "add", site.passkeyd.start_registration(&identity, &name).await?, None, None).await
}

async fn add_finish(
    State(site): State<Arc<Site>>,
    session: Session,
    SignedIn(identity): SignedIn,
    Json(body): Json<Value>,
) -> Answer {
    let pending = begun(&session, "add", START_AGAIN).await?;
    if site.passkeyd.finish_registration(&body, &pending.sid).await? != identity {
        return Err(START_AGAIN);
    }
    done()
}
// #endregion

/// Every sign-in starts in the same way, with a name or without: its response cannot say which names exist.
async fn sign_in_start(State(site): State<Arc<Site>>, session: Session, Json(body): Json<Value>) -> Answer {
    let name = if body["name"].is_null() { None } else { Some(name_in(&body)?.to_lowercase()) };
    begin(&session, "sign-in", site.passkeyd.start_sign_in(None).await?, None, name).await
}

async fn sign_in_finish(State(site): State<Arc<Site>>, session: Session, Json(body): Json<Value>) -> Answer {
    let pending = begun(&session, "sign-in", SIGN_IN_FAILED).await?;
    let identity = match site.passkeyd.finish_sign_in(&body, &pending.sid).await {
        Err(Fault::NotAccepted(text)) => {
            eprintln!("/sign-in/finish: {text}");
            return Err(SIGN_IN_FAILED);
        }
        other => other?,
    };
    let name = site.name_of(&identity);
    if name.is_none() || pending.name.is_some() && pending.name != name {
        return Err(SIGN_IN_FAILED);
    }
    sign_in(&session, &identity).await
}

async fn step_up_start(State(site): State<Arc<Site>>, session: Session, SignedIn(identity): SignedIn) -> Answer {
    begin(&session, "step-up", site.passkeyd.start_sign_in(Some(&identity)).await?, None, None).await
}

async fn step_up_finish(
    State(site): State<Arc<Site>>,
    session: Session,
    SignedIn(identity): SignedIn,
    Json(body): Json<Value>,
) -> Answer {
    let pending = begun(&session, "step-up", START_AGAIN).await?;
    if site.passkeyd.finish_sign_in(&body, &pending.sid).await? != identity {
        return Err(Refused(StatusCode::UNAUTHORIZED, "This is another user's passkey.", None));
    }
    confirm(&session).await
}

/// The id comes from the page, so it must be one of the passkeys of this account. Returns it, and how many there are.
async fn own_passkey(site: &Site, identity: &str, body: &Value) -> Result<(String, usize), Refused> {
    let passkeys = site.passkeyd.list(identity).await?;
    let id = body["id"].as_str().filter(|id| passkeys.iter().any(|passkey| passkey["id"] == *id));
    let id = id.ok_or(Refused(StatusCode::NOT_FOUND, "There is no such passkey.", None))?;
    Ok((id.to_owned(), passkeys.len()))
}

async fn rename(State(site): State<Arc<Site>>, SignedIn(identity): SignedIn, Json(body): Json<Value>) -> Answer {
    let (id, _) = own_passkey(&site, &identity, &body).await?;
    site.passkeyd.rename(&identity, &id, &name_in(&body)?).await?;
    done()
}

async fn remove(
    State(site): State<Arc<Site>>,
    session: Session,
    SignedIn(identity): SignedIn,
    Json(body): Json<Value>,
) -> Answer {
    let (id, count) = own_passkey(&site, &identity, &body).await?;
    if count < 2 {
        return Err(Refused(StatusCode::CONFLICT, "This is your only passkey.", None));
    }
    use_confirmation(&session).await?;
    site.passkeyd.remove(&identity, &id).await?;
    done()
}

async fn sign_out(session: Session) -> Answer {
    session.flush().await?;
    done()
}

/// A page of another site can send requests with our cookie, but not with our origin.
async fn only_our_page(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(header::ORIGIN);
    let mut response = if request.method() != Method::GET && origin.is_none_or(|origin| origin != site.origin.as_str())
    {
        Refused(StatusCode::FORBIDDEN, "The request comes from another site.", None).into_response()
    } else {
        next.run(request).await
    };
    let policy = HeaderValue::from_static("default-src 'self'; frame-ancestors 'none'");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port = env::var("PORT").unwrap_or_else(|_| "3000".into());
    let origin = env::var("ORIGIN").unwrap_or_else(|_| format!("http://localhost:{port}"));
    let sessions = SessionManagerLayer::new(MemoryStore::default())
        .with_name("session")
        .with_same_site(SameSite::Lax)
        .with_secure(origin.starts_with("https:"))
        .with_expiry(Expiry::OnInactivity(Duration::from_secs(8 * 3600).try_into()?));
    println!("Open {origin}");
    let site = Arc::new(Site { origin, passkeyd: Passkeyd::from_environment()?, accounts: Mutex::default() });
    let app = Router::new()
        .route("/me", get(me))
        .route("/register/start", post(register_start))
        .route("/register/finish", post(register_finish))
        .route("/passkeys/start", post(add_start))
        .route("/passkeys/finish", post(add_finish))
        .route("/passkeys/rename", post(rename))
        .route("/passkeys/delete", post(remove))
        .route("/sign-in/start", post(sign_in_start))
        .route("/sign-in/finish", post(sign_in_finish))
        .route("/step-up/start", post(step_up_start))
        .route("/step-up/finish", post(step_up_finish))
        .route("/sign-out", post(sign_out))
        .fallback_service(ServeDir::new(env::var("WEB").unwrap_or_else(|_| "../web".into())))
        .layer(sessions)
        .layer(DefaultBodyLimit::max(64 * 1024))
        .layer(from_fn_with_state(site.clone(), only_our_page))
        .with_state(site);
    axum::serve(tokio::net::TcpListener::bind(format!("localhost:{port}")).await?, app).await?;
    Ok(())
}
