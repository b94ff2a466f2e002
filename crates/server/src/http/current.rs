//! The request that a task serves: its id, and what is noted about it for its log line.

use domain::model::text::is_control;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::MatchedPath;
use axum::http::HeaderValue;
use domain::Reason;
use domain::model::audit::{Actor, ActorKind};
use domain::model::ids::{AccountId, ApiKeyId, CeremonyId, RelyingPartyId};
use domain::model::refusal::Refusal;
use parking_lot::Mutex;

use super::rates::{Gate, Limited};
use super::traces::{Trace, Work};

/// Most characters of what was found.
const MOST_FOUND: usize = 240;

/// The reasons whose sentence names what was found, where that is neither a secret nor the name of a user.
const TELLING: [Reason; 6] = [
    Reason::OriginNotAllowed,
    Reason::CrossOriginNotAllowed,
    Reason::TopOriginNotAllowed,
    Reason::RpIdHashMismatch,
    Reason::AlgorithmNotAllowed,
    Reason::SignCountNotIncreased,
];

tokio::task_local! {
    static CURRENT: Arc<Current>;
}

/// A request that is being served.
#[derive(Debug)]
pub(super) struct Current {
    id: HeaderValue,
    client: Option<IpAddr>,
    gate: Gate,
    trace: Option<Trace>,
    noted: Mutex<Noted>,
}

/// What is known about a request besides what was sent.
#[derive(Clone, Debug, Default)]
pub struct Noted {
    /// The account whose secret was shown, or who claims to be it.
    pub account: Option<AccountId>,
    /// The Relying Party that it is about.
    pub service: Option<RelyingPartyId>,
    /// The API key whose secret was shown.
    pub api_key: Option<ApiKeyId>,
    /// What kind of caller it is, once the caller is known.
    pub caller: Option<Caller>,
    /// The ceremony that it is about.
    pub ceremony: Option<CeremonyId>,
    /// Why a ceremony refused it.
    pub reason: Option<Reason>,
    /// A sentence with what was expected and what was found.
    pub found: Option<String>,
    /// The limit that it is over.
    pub limited: Option<Limited>,
    /// The template of its route.
    pub route: Option<MatchedPath>,
}

/// What a caller has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// The Auth Token of an account.
    Account,
    /// The secret of an API key.
    ApiKey,
    /// An access key of a Relying Party.
    AccessKey,
    /// A token for one ceremony, or a response to one: the user's browser or app.
    User,
}

impl Caller {
    /// Its name in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::ApiKey => "api_key",
            Self::AccessKey => "access_key",
            Self::User => "user",
        }
    }
}

impl Noted {
    /// A ceremony was not begun, or a response to one was refused.
    pub fn refused(&mut self, why: &Refusal) {
        self.reason = Some(why.reason);
        self.ceremony = self.ceremony.or(why.ceremony);
        if TELLING.contains(&why.reason) {
            let shown = why.message.chars().filter(|c| !is_control(*c));
            self.found = Some(shown.take(MOST_FOUND).collect());
        }
    }
}

impl Current {
    pub(super) fn new(
        id: HeaderValue,
        client: Option<IpAddr>,
        gate: Gate,
        trace: Option<Trace>,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            client,
            gate,
            trace,
            noted: Mutex::default(),
        })
    }

    /// What was noted.
    pub(super) fn noted(&self) -> Noted {
        std::mem::take(&mut *self.noted.lock())
    }

    pub(super) fn id(&self) -> &HeaderValue {
        &self.id
    }

    /// The address of the client.
    pub(super) fn client(&self) -> Option<IpAddr> {
        self.client
    }

    /// The trace that it belongs to.
    pub(super) fn trace(&self) -> Option<&Trace> {
        self.trace.as_ref()
    }
}

/// Answers a request. The future stays where it is: it is large, and this is on the way of every request.
pub(super) async fn scope<F: Future>(current: &Arc<Current>, mut answer: Pin<&mut F>) -> F::Output {
    std::future::poll_fn(|cx| CURRENT.sync_scope(Arc::clone(current), || answer.as_mut().poll(cx)))
        .await
}

/// The id of the request that this task answers; `None` outside of the front.
pub(super) fn id() -> Option<String> {
    CURRENT
        .try_with(|current| current.id.to_str().map(str::to_owned).ok())
        .ok()
        .flatten()
}

/// What the rate limits say to the request that this task answers. Outside of the front there is no limit.
pub(super) fn gate(asked: impl FnOnce(&Gate) -> Result<(), Limited>) -> Result<(), Limited> {
    CURRENT
        .try_with(|current| {
            asked(&current.gate).inspect_err(|limited| {
                current.noted.lock().limited = Some(*limited);
            })
        })
        .unwrap_or(Ok(()))
}

/// The address of the client whose request this task answers: that of its connection, or the one that a trusted proxy names. `None`
/// for a request from within the process.
pub fn client() -> Option<IpAddr> {
    CURRENT.try_with(|current| current.client).ok().flatten()
}

/// The actor, as the caller whose request this task answers: with the address of the client and the API key that was shown.
pub fn calling(actor: Actor) -> Actor {
    let known = CURRENT.try_with(|current| (current.client, current.noted.lock().api_key));
    let (client, key) = known.unwrap_or_default();
    actor.at(client).api_key(key)
}

/// The back end or person that administers an account over an API, as [`calling`] knows it.
pub fn administering(wire: &'static str) -> Actor {
    calling(Actor::new(ActorKind::Admin, wire))
}

/// Goes on under the request that this task answers, in a task of its own.
pub(super) fn carried<F: Future>(answer: F) -> impl Future<Output = F::Output> {
    let current = CURRENT.try_with(Arc::clone).ok();
    async move {
        match current {
            Some(current) => CURRENT.scope(current, answer).await,
            None => answer.await,
        }
    }
}

/// A part of the work on the request that this task answers is over, after this time.
pub fn part(work: Work, name: &'static str, took: Duration) {
    let _ = CURRENT.try_with(|current| {
        if let Some(trace) = current.trace() {
            trace.part(work, name, took);
        }
    });
}

/// Notes something about the request that this task answers. Outside of the front it has no effect.
pub fn note(change: impl FnOnce(&mut Noted)) {
    let _ = CURRENT.try_with(|current| change(&mut current.noted.lock()));
}
