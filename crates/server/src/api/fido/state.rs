//! What the handlers of this wire share.

use std::sync::Arc;

use domain::Passkeys;
use domain::model::ids::RelyingPartyId;
use domain::webauthn::authentication::Rules;

use crate::http::BodyLimit;
use crate::http::auth::AccessKeys;

/// The name of this wire in the audit trail.
pub(super) const WIRE: &str = "fido";

/// Which of the two ways to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// The FIDO Alliance's: a failure is a status of 4xx.
    Fido,
    /// Nevis's: a failure is an answer with 200; every answer names its session.
    Nevis,
}

/// What is served of this wire, and for which Relying Party.
#[derive(Clone, Copy, Debug)]
pub struct Served {
    /// The Relying Party.
    pub relying_party: RelyingPartyId,
    /// It is for conformance tools: open to everybody, and judged as they want it.
    pub conformance: bool,
    /// The calls are served at the root.
    pub root: bool,
    /// The dialect is served.
    pub dialect: bool,
}

/// What this wire needs of the process.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The domain.
    pub passkeys: Arc<Passkeys>,
    /// Who recognises access keys.
    pub access_keys: Arc<dyn AccessKeys>,
    /// How long the body of a request may be.
    pub bodies: BodyLimit,
}

/// What the handlers of one dialect share; cheap to clone.
#[derive(Clone, Debug)]
pub struct State {
    /// The domain.
    pub(super) passkeys: Arc<Passkeys>,
    /// The Relying Party that is served.
    pub(super) relying_party: RelyingPartyId,
    /// It is for conformance tools.
    pub(super) conformance: bool,
    /// Which way to speak.
    pub(super) dialect: Dialect,
    /// Who recognises access keys.
    pub(super) access_keys: Arc<dyn AccessKeys>,
    /// How long the body of a request may be.
    pub(super) bodies: BodyLimit,
}

impl State {
    pub(super) fn new(parts: &Parts, served: Served, dialect: Dialect) -> Self {
        Self {
            passkeys: Arc::clone(&parts.passkeys),
            relying_party: served.relying_party,
            conformance: served.conformance,
            dialect,
            access_keys: Arc::clone(&parts.access_keys),
            bodies: parts.bodies,
        }
    }

    /// By which rules ceremonies are judged.
    pub(super) fn rules(&self) -> Rules {
        if self.conformance {
            Rules::ConformanceTool
        } else {
            Rules::Level3
        }
    }
}
