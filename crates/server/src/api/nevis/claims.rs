//! What the tokens of this wire say.

use domain::model::clock::Timestamp;
use serde::{Deserialize, Serialize};

use super::uuid::Uuid;

/// How far the clock of the node that made a token may be ahead of this one's, in seconds.
const CLOCK_SKEW: i64 = 60;

/// What a token is for. `scope` says so, and the MAC key proves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Held by a back end; opens everything of its Relying Party.
    Access,
    /// Opens one enrolment or approval of one user.
    Intent,
    /// Names a transaction.
    Status,
    /// Proves that a transaction succeeded.
    Transaction,
}

impl Kind {
    /// The kind of a token with this scope.
    pub(super) fn of_scope(scope: &str) -> Option<Self> {
        match scope {
            scope::API => Some(Self::Access),
            scope::ENROLL | scope::APPROVE => Some(Self::Intent),
            scope::STATUS => Some(Self::Status),
            scope::REGISTRATION | scope::AUTHENTICATION => Some(Self::Transaction),
            _ => None,
        }
    }
}

/// The values of `scope`.
pub mod scope {
    /// Of an access key.
    pub const API: &str = "api";
    /// Of an intent token that opens an enrolment.
    pub const ENROLL: &str = "enroll";
    /// Of an intent token that opens an approval.
    pub const APPROVE: &str = "approve";
    /// Of a status token.
    pub const STATUS: &str = "status";
    /// Of the transaction token of a registration.
    pub const REGISTRATION: &str = "registration";
    /// Of the transaction token of an authentication.
    pub const AUTHENTICATION: &str = "authentication";
}

/// What a token says. The order of the members is that of the JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Claims {
    /// Base URL of the passkeyd that made it.
    pub iss: String,
    /// The Relying Party.
    pub aud: Uuid,
    /// The user, where one is known; the key's own id in an access key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<Uuid>,
    /// The token's own id.
    pub jti: Uuid,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// From when on it is valid, in seconds since 1970.
    pub nbf: i64,
    /// From when on it is not valid any more, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
    /// What it is for: one of [`scope`].
    pub scope: String,
    /// The transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub txn: Option<Uuid>,
    /// Name of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The authenticator that was registered or used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authenticator_id: Option<Uuid>,
    /// How the transaction ended; always `succeeded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Channels that an intent token opens; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<String>>,
    /// The channel of the transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// When the transaction was begun and when it expires, where the store knows nothing of it while it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits: Option<Waits>,
}

/// From when to when a transaction waits, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waits {
    /// When it was begun.
    pub from: i64,
    /// When it expires.
    pub until: i64,
}

impl Claims {
    /// Claims that every token has.
    pub fn new(
        iss: &str,
        aud: Uuid,
        jti: Uuid,
        scope: &str,
        made: Timestamp,
        exp: Option<Timestamp>,
    ) -> Self {
        Self {
            iss: iss.to_owned(),
            aud,
            sub: None,
            jti,
            iat: made.seconds(),
            nbf: made.seconds(),
            exp: exp.map(Timestamp::seconds),
            scope: scope.to_owned(),
            txn: None,
            username: None,
            authenticator_id: None,
            status: None,
            channels: None,
            channel: None,
            waits: None,
        }
    }

    /// Whether the token is valid at this moment. The time of an access key counts for nothing: its record says until when it is
    /// valid, and a clock that was set back must not lock out a back end. Every other token has an end.
    pub(super) fn is_valid_at(&self, now: Timestamp) -> bool {
        let now = now.seconds();
        if self.scope == scope::API {
            return self.exp.is_none_or(|exp| now < exp);
        }
        self.nbf <= now.saturating_add(CLOCK_SKEW) && self.exp.is_some_and(|exp| now < exp)
    }
}
