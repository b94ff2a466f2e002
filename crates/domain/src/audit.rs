//! The audit trail: one event for each thing that happened to a user's means of signing in, written
//! in the same transaction as the thing itself.

use webauthn::error::Reason;

use crate::clock::Timestamp;
use crate::ids::{CeremonyId, CredentialKey, EventId, RelyingPartyId, UserId};

macro_rules! audit_kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)+) => {
        /// What happened.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum AuditKind { $($(#[$doc])* $variant,)+ }

        impl AuditKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Stable name, as stored.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The kind with this name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

audit_kinds! {
    /// A Relying Party was created.
    RelyingPartyCreated = "relying_party_created",
    /// Settings or policy of a Relying Party changed.
    RelyingPartyUpdated = "relying_party_updated",
    /// A user was created.
    UserCreated = "user_created",
    /// A user was deleted, with everything that was theirs.
    UserDeleted = "user_deleted",
    /// A registration ceremony was started.
    RegistrationStarted = "registration_started",
    /// A credential was registered.
    CredentialRegistered = "credential_registered",
    /// A registration was refused.
    RegistrationRefused = "registration_refused",
    /// A user signed in with a credential.
    Authenticated = "authenticated",
    /// An authentication was refused.
    AuthenticationRefused = "authentication_refused",
    /// A credential was renamed.
    CredentialRenamed = "credential_renamed",
    /// A credential was deleted.
    CredentialDeleted = "credential_deleted",
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// Its key.
    pub id: EventId,
    /// What happened.
    pub kind: AuditKind,
    /// Whose it is.
    pub relying_party: RelyingPartyId,
    /// When.
    pub at: Timestamp,
    /// The user concerned.
    pub user: Option<UserId>,
    /// The credential concerned.
    pub credential: Option<CredentialKey>,
    /// The ceremony concerned.
    pub ceremony: Option<CeremonyId>,
    /// Why it was refused.
    pub reason: Option<Reason>,
    /// What the verifier noticed without refusing, as stable names separated by a space.
    pub signals: String,
}

impl AuditEvent {
    /// An event with nothing named yet.
    pub fn new(id: EventId, kind: AuditKind, relying_party: RelyingPartyId, at: Timestamp) -> Self {
        Self {
            id,
            kind,
            relying_party,
            at,
            user: None,
            credential: None,
            ceremony: None,
            reason: None,
            signals: String::new(),
        }
    }

    /// Names the user.
    #[must_use]
    pub fn user(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// Names the credential.
    #[must_use]
    pub fn credential(mut self, credential: CredentialKey) -> Self {
        self.credential = Some(credential);
        self
    }

    /// Names the ceremony.
    #[must_use]
    pub fn ceremony(mut self, ceremony: CeremonyId) -> Self {
        self.ceremony = Some(ceremony);
        self
    }

    /// Names the reason of a refusal.
    #[must_use]
    pub fn reason(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }
}
