//! The FIDO Alliance's REST binding, with which conformance tools talk to a server, and the dialect of it below
//! `/nevisfido/fido2`.
//!
//! In conformance mode anybody may register any name, and responses are judged as the tools want it, which is not everywhere
//! what Level 3 says: that is off unless configured, and serves one Relying Party, which should be a throw-away one. Outside
//! that mode both are judged as every wire is, and a caller that starts a ceremony shows the account's secret or an access
//! key; pages send the results.

mod cors;
mod inbound;
mod options;
pub mod reasons;
mod reply;
mod results;
mod session;
mod setup;
mod status;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, any, post};
use domain::Passkeys;
use domain::model::ids::RelyingPartyId;
use domain::webauthn::authentication::Rules;

use crate::api::auth::AccessKeys;

pub use reply::transport_refusal;
pub use setup::relying_party;

/// The name of this wire in the audit trail.
const WIRE: &str = "fido";
/// Where the dialect is.
pub const NEVISFIDO: &str = "/nevisfido/fido2";
/// Most bytes of a request body. The transport has the same limit in front; this one holds without it.
const MAX_BODY: usize = 64 * 1024;

/// What the handlers of both bindings share.
#[derive(Clone, Debug)]
pub struct Fido {
    passkeys: Arc<Passkeys>,
    relying_party: RelyingPartyId,
    /// It is for conformance tools: open to everybody, and judged as they want it.
    conformance: bool,
    /// The calls are served at the root.
    root: bool,
    /// The dialect is served.
    dialect: bool,
    /// Who recognises access keys. `None`: there are none.
    access_keys: Option<Arc<dyn AccessKeys>>,
}

impl Fido {
    /// The same, for back ends that show an access key.
    #[must_use]
    pub fn with_access_keys(mut self, access_keys: Arc<dyn AccessKeys>) -> Self {
        self.access_keys = Some(access_keys);
        self
    }

    fn rules(&self) -> Rules {
        if self.conformance {
            Rules::ConformanceTool
        } else {
            Rules::Level3
        }
    }
}

/// Which of the two ways to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// The FIDO Alliance's: a failure is a status of 4xx.
    Fido,
    /// Nevis's: a failure is an answer with 200; every answer names its session.
    Nevis,
}

/// State of the handlers.
#[derive(Clone, Debug)]
struct Wire {
    fido: Fido,
    dialect: Dialect,
}

/// All routes of this wire.
pub fn router(fido: &Fido) -> Router {
    let wire = |dialect| Wire {
        fido: fido.clone(),
        dialect,
    };
    let mut router = Router::new();
    if fido.dialect {
        let dialect = below(NEVISFIDO, false)
            .merge(route(
                &format!("{NEVISFIDO}/status"),
                &post(status::read).fallback(inbound::wrong_method),
            ))
            .route("/nevisfido", any(inbound::unknown_path))
            .route("/nevisfido/{*rest}", any(inbound::unknown_path));
        router = router.merge(dialect.with_state(wire(Dialect::Nevis)));
    }
    if fido.root {
        // Tools are no browsers, and what they register is no user's.
        let pages = !fido.conformance;
        router = router.merge(below("", pages).with_state(wire(Dialect::Fido)));
    }
    router.layer(DefaultBodyLimit::max(MAX_BODY))
}

/// The four calls below a prefix; `pages` of other origins may send the results.
fn below(prefix: &str, pages: bool) -> Router<Wire> {
    let result = |call: MethodRouter<Wire>| {
        if pages {
            call.options(cors::preflight)
        } else {
            call
        }
    };
    let calls: [(&str, MethodRouter<Wire>); 4] = [
        ("/attestation/options", post(options::attestation)),
        ("/attestation/result", result(post(results::attestation))),
        ("/assertion/options", post(options::assertion)),
        ("/assertion/result", result(post(results::assertion))),
    ];
    calls
        .into_iter()
        .fold(Router::new(), |router, (path, call)| {
            let call = call.fallback(inbound::wrong_method);
            router.merge(route(&format!("{prefix}{path}"), &call))
        })
}

/// A call with and without a slash at the end of its path.
fn route(path: &str, call: &MethodRouter<Wire>) -> Router<Wire> {
    Router::new()
        .route(path, call.clone())
        .route(&format!("{path}/"), call.clone())
}
