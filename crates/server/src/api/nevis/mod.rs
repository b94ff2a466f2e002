//! Nevis Authentication Cloud, its FIDO2 flows: `/api/v1/` for back ends, `/_app/` for pages, and what stands beside them.
//!
//! One file per resource. A transaction is a ceremony, an authenticator a credential record, and the words of this wire
//! (enrolment, approval, status token ...) end here. [`tokens`] makes and checks the four kinds of token, [`options`] turns
//! wishes in a request into a ceremony, [`reasons`] is the table of what can be refused.

pub mod access_keys;
mod approval;
mod auth;
mod authenticators;
mod client;
mod cors;
mod decoys;
mod enroll;
pub mod error;
mod inbound;
mod intent;
mod introspect;
mod jwks;
mod keys;
mod logs;
mod named;
mod options;
mod ping;
pub mod reasons;
mod results;
pub mod settings;
mod signing;
mod status;
mod tokens;
mod transactions;
mod users;
pub mod uuid;
mod waiters;
mod well_known;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, any, get, patch, post};

use crate::app::App;
use crate::config::Nevis;
pub use auth::Issued;
use waiters::Waiters;

/// The channel of this wire; the product's others are not passkeys.
const CHANNEL: &str = "fido2";
/// Most bytes of a request body. The transport has the same limit in front; this one holds without it.
const MAX_BODY: usize = 64 * 1024;

/// What the handlers of this wire share on one node.
#[derive(Debug, Default)]
pub struct Shared {
    settings: Nevis,
    waiters: Waiters,
}

impl Shared {
    /// With these settings.
    pub fn new(settings: Nevis) -> Self {
        Self {
            settings,
            waiters: Waiters::default(),
        }
    }
}

/// All routes of this wire, and its answers for everything else below `/api/v1` and `/_app`; none when it is switched off.
pub fn router(shared: &Shared) -> Router<App> {
    if !shared.settings.enabled {
        return Router::new();
    }
    // Where a browser calls, the page asks first.
    let browser = |call: MethodRouter<App>| {
        call.options(cors::preflight)
            .fallback(inbound::wrong_method_in_public)
    };
    let back_end = |call: MethodRouter<App>| call.fallback(inbound::wrong_method);
    // A page may call these with an intent token.
    let either = |call: MethodRouter<App>| back_end(call.options(cors::preflight));
    let routes: [(&str, MethodRouter<App>); 17] = [
        ("/ping", back_end(get(ping::read))),
        ("/api/v1/users/enroll", either(post(enroll::create))),
        ("/api/v1/approval", either(post(approval::create))),
        ("/api/v1/status", browser(post(status::read))),
        ("/api/v1/introspect", back_end(post(introspect::read))),
        ("/api/v1/intent", back_end(post(intent::create))),
        ("/api/v1/users", back_end(get(users::by_name))),
        (
            "/api/v1/users/{user}",
            back_end(get(users::by_id).delete(users::delete)),
        ),
        (
            "/api/v1/users/{user}/verification",
            back_end(post(users::verification)),
        ),
        ("/api/v1/aadb2c/users", back_end(get(users::b2c))),
        (
            "/api/v1/authenticators/{authenticator}",
            back_end(patch(authenticators::rename).delete(authenticators::delete)),
        ),
        ("/api/v1/jwks/{instance}", get(jwks::read)),
        ("/.well-known/assetlinks.json", get(well_known::android)),
        (
            "/.well-known/apple-app-site-association",
            get(well_known::apple),
        ),
        ("/api/v1/logs/export", back_end(get(logs::export))),
        (
            "/_app/attestation/result",
            browser(post(results::attestation)),
        ),
        ("/_app/assertion/result", browser(post(results::assertion))),
    ];
    let mut all = client::router();
    for (path, call) in routes {
        // Clients exist that end every path with a slash.
        all = all
            .route(path, call.clone())
            .route(&format!("{path}/"), call);
    }
    let elsewhere = [
        ("/api/v1", any(inbound::unknown_path)),
        ("/_app", any(inbound::unknown_path_in_public)),
    ];
    for (prefix, call) in elsewhere {
        all = all
            .route(prefix, call.clone())
            .route(&format!("{prefix}/"), call.clone())
            .route(&format!("{prefix}/{{*rest}}"), call);
    }
    all.layer(DefaultBodyLimit::max(MAX_BODY))
}
