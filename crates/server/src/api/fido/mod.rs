//! The FIDO Alliance's REST binding, with which conformance tools talk to a server, and the dialect of it below
//! `/nevisfido/fido2`.
//!
//! At the root anybody may register any name, and answers are judged as the tools want it, which is not everywhere what
//! Level 3 says: that is off unless configured, and serves one Relying Party, which should be a throw-away one. The dialect
//! can also be had alone: then answers are judged as on every wire, and who starts a ceremony shows the account's secret.

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
use domain::ids::RelyingPartyId;
use domain::webauthn::authentication::Rules;

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
    conformance: bool,
}

impl Fido {
    /// The binding of this Relying Party. For conformance tools it is open to everybody, and judges as they want it.
    pub fn new(passkeys: Arc<Passkeys>, relying_party: RelyingPartyId, conformance: bool) -> Self {
        Self {
            passkeys,
            relying_party,
            conformance,
        }
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
    let dialect = below(NEVISFIDO)
        .merge(route(
            &format!("{NEVISFIDO}/status"),
            &post(status::read).fallback(inbound::wrong_method),
        ))
        .route("/nevisfido", any(inbound::unknown_path))
        .route("/nevisfido/{*rest}", any(inbound::unknown_path))
        .with_state(wire(Dialect::Nevis));
    let router = if fido.conformance {
        dialect.merge(below("").with_state(wire(Dialect::Fido)))
    } else {
        dialect
    };
    router.layer(DefaultBodyLimit::max(MAX_BODY))
}

/// The four calls below a prefix.
fn below(prefix: &str) -> Router<Wire> {
    let calls: [(&str, MethodRouter<Wire>); 4] = [
        ("/attestation/options", post(options::attestation)),
        ("/attestation/result", post(results::attestation)),
        ("/assertion/options", post(options::assertion)),
        ("/assertion/result", post(results::assertion)),
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
