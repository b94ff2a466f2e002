//! The audit trail: one event for each change of a user's credentials and for each sign-in, written
//! in the same transaction as the change itself. Changes of accounts and API keys have their event right after the change and
//! before the response.

pub mod case;
mod details;
mod telling;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use webauthn::error::Reason;

use self::details::kept;
pub use self::details::{
    Change, Details, MAX_CHANGES, MAX_FOUND, MAX_VALUE, More, Target, differences,
};
use crate::model::clock::Timestamp;
use crate::model::console::Standing;
use crate::model::ids::{
    AccessKeyId, AccountId, ApiKeyId, CeremonyId, CredentialKey, EventId, RelyingPartyId,
    SessionId, UserId,
};
use crate::model::user::User;
use crate::model::webhook::Subscriber;

/// Longest user agent that is kept, in bytes; the rest is cut off.
pub const MAX_USER_AGENT: usize = 512;

/// What kind of party did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// An event of an earlier passkeyd, which noted no actor. Nothing is done by an unknown party now.
    Unknown,
    /// A back end, with the secret of an account or a key of the Relying Party.
    Api,
    /// An operator of the Relying Party.
    Admin,
    /// The user, in a browser or app.
    User,
    /// passkeyd itself.
    Passkeyd,
}

impl ActorKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Unknown,
        Self::Api,
        Self::Admin,
        Self::User,
        Self::Passkeyd,
    ];

    /// Stable name, as stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Api => "api",
            Self::Admin => "admin",
            Self::User => "user",
            Self::Passkeyd => "passkeyd",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

/// Who did something, and through which API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// What kind of party.
    pub kind: ActorKind,
    /// The access key that it used, if it used one.
    pub access_key: Option<AccessKeyId>,
    /// The API key that it used, if it used one.
    pub api_key: Option<ApiKeyId>,
    /// The name of the administrator.
    pub name: Option<String>,
    /// By which right an administrator of the console calls, and in which session. An event keeps the name alone.
    pub standing: Option<(Standing, SessionId)>,
    /// Name of the wire; empty if there was none.
    pub wire: Cow<'static, str>,
    /// The address of the client that called.
    pub address: Option<IpAddr>,
    /// The user agent of the user's browser or app; at most [`MAX_USER_AGENT`] bytes.
    user_agent: Option<String>,
    /// Whether it did not show the token of the ceremony, where the Relying Party allows that. An event has it as a signal.
    unbound: bool,
}

/// The signal of an event whose actor did not show the token of the ceremony.
pub const UNBOUND: &str = "status_token_absent";

impl Actor {
    /// A party of this kind on this wire.
    pub const fn new(kind: ActorKind, wire: &'static str) -> Self {
        Self {
            kind,
            access_key: None,
            api_key: None,
            name: None,
            standing: None,
            wire: Cow::Borrowed(wire),
            unbound: false,
            address: None,
            user_agent: None,
        }
    }

    /// Notes that it did not show the token of the ceremony.
    #[must_use]
    pub fn unbound(mut self) -> Self {
        self.unbound = true;
        self
    }

    /// Sets the access key that was used.
    #[must_use]
    pub fn access_key(mut self, key: AccessKeyId) -> Self {
        self.access_key = Some(key);
        self
    }

    /// Sets the user agent. The text is untrusted: control characters are removed, and what is longer than
    /// [`MAX_USER_AGENT`] bytes is cut off.
    #[must_use]
    pub fn agent(mut self, text: &str) -> Self {
        self.user_agent = Some(kept(text, MAX_USER_AGENT)).filter(|kept| !kept.is_empty());
        self
    }

    /// Sets the API key that was used.
    #[must_use]
    pub fn api_key(mut self, key: Option<ApiKeyId>) -> Self {
        self.api_key = key;
        self
    }

    /// Sets the address of the client that called.
    #[must_use]
    pub fn at(mut self, address: Option<IpAddr>) -> Self {
        self.address = address;
        self
    }

    /// Sets the name of the administrator. It is kept as far as the value that was found would be.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(kept(name, MAX_FOUND));
        self
    }

    /// Sets by which right an administrator of the console calls, and in which session.
    #[must_use]
    pub fn standing(mut self, standing: Standing, session: SessionId) -> Self {
        self.standing = Some((standing, session));
        self
    }

    /// The user agent.
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }
}

/// The trail of an account: what happens to an account belongs to no Relying Party, and is stored under this key instead. Keys are random,
/// so it is that of no Relying Party.
pub fn trail_of(account: AccountId) -> RelyingPartyId {
    RelyingPartyId(account.0)
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditCategory {
    /// A new credential.
    Registration,
    /// A sign-in.
    Authentication,
    /// Records that were created, changed or removed.
    Management,
}

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
    /// A user was deleted, with all credentials and ceremonies.
    UserDeleted = "user_deleted",
    /// A registration ceremony was started.
    RegistrationStarted = "registration_started",
    /// A credential was registered.
    CredentialRegistered = "credential_registered",
    /// A registration was refused.
    RegistrationRefused = "registration_refused",
    /// An authentication ceremony was started. Written only where the operator wants it.
    AuthenticationStarted = "authentication_started",
    /// A user signed in with a credential.
    Authenticated = "authenticated",
    /// An authentication was refused.
    AuthenticationRefused = "authentication_refused",
    /// A credential was renamed.
    CredentialRenamed = "credential_renamed",
    /// A credential was imported from a file.
    CredentialImported = "credential_imported",
    /// A credential was deleted.
    CredentialDeleted = "credential_deleted",
    /// A one-time enrolment link was made for a user.
    EnrolmentLinkCreated = "enrolment_link_created",
    /// An enrolment link was revoked.
    EnrolmentLinkRevoked = "enrolment_link_revoked",
    /// Somebody was invited to the console.
    AdministratorInvited = "administrator_invited",
    /// An invite was revoked.
    InviteRevoked = "invite_revoked",
    /// Somebody became an administrator, or an administrator added a passkey, by an invite.
    InviteAccepted = "invite_accepted",
    /// An administrator got another role.
    AdministratorChanged = "administrator_changed",
    /// An administrator was removed.
    AdministratorDeleted = "administrator_deleted",
    /// An administrator signed in to the console.
    SessionStarted = "console_session_started",
    /// A session of the console was ended.
    SessionEnded = "console_session_ended",
    /// Sessions of an administrator, invites and links ended with a passkey. No longer written: each of them asks for its passkey itself.
    SessionsEnded = "console_sessions_ended",
    /// An access key was made.
    AccessKeyCreated = "access_key_created",
    /// An access key was revoked.
    AccessKeyDeleted = "access_key_deleted",
    /// A key for tokens was replaced, or old ones were retired.
    TokenKeyRotated = "token_key_rotated",
    /// A Relying Party was deleted.
    RelyingPartyDeleted = "relying_party_deleted",
    /// A webhook was created.
    WebhookCreated = "webhook_created",
    /// A webhook was changed.
    WebhookUpdated = "webhook_updated",
    /// A webhook was disabled, because its receiver failed for days or answered 410.
    WebhookDisabled = "webhook_disabled",
    /// A test event was sent to a webhook.
    WebhookTested = "webhook_tested",
    /// Deliveries to a webhook were sent again.
    WebhookRedelivered = "webhook_redelivered",
    /// A webhook was deleted.
    WebhookDeleted = "webhook_deleted",
    /// What was kept of a user was erased.
    UserErased = "user_erased",
    /// An account was created.
    AccountCreated = "account_created",
    /// An account was given a new token.
    AccountTokenReset = "account_token_reset",
    /// An API key was created.
    ApiKeyCreated = "api_key_created",
    /// An API key was revoked.
    ApiKeyDeleted = "api_key_deleted",
    /// A backup of the store was restored: what happened between the backup and this moment is not in the trail.
    StoreRestored = "store_restored",
}

impl AuditKind {
    /// Its category.
    pub fn category(self) -> AuditCategory {
        match self {
            Self::RegistrationStarted | Self::CredentialRegistered | Self::RegistrationRefused => {
                AuditCategory::Registration
            }
            Self::AuthenticationStarted | Self::Authenticated | Self::AuthenticationRefused => {
                AuditCategory::Authentication
            }
            Self::RelyingPartyCreated
            | Self::RelyingPartyUpdated
            | Self::UserCreated
            | Self::UserDeleted
            | Self::CredentialRenamed
            | Self::CredentialImported
            | Self::CredentialDeleted
            | Self::EnrolmentLinkCreated
            | Self::EnrolmentLinkRevoked
            | Self::AdministratorInvited
            | Self::InviteRevoked
            | Self::InviteAccepted
            | Self::AdministratorChanged
            | Self::AdministratorDeleted
            | Self::SessionStarted
            | Self::SessionEnded
            | Self::SessionsEnded
            | Self::AccessKeyCreated
            | Self::AccessKeyDeleted
            | Self::TokenKeyRotated
            | Self::RelyingPartyDeleted
            | Self::WebhookCreated
            | Self::WebhookUpdated
            | Self::WebhookDisabled
            | Self::WebhookTested
            | Self::WebhookRedelivered
            | Self::WebhookDeleted
            | Self::UserErased
            | Self::AccountCreated
            | Self::AccountTokenReset
            | Self::ApiKeyCreated
            | Self::ApiKeyDeleted
            | Self::StoreRestored => AuditCategory::Management,
        }
    }

    /// Whether something was refused.
    pub fn is_refusal(self) -> bool {
        matches!(
            self,
            Self::RegistrationRefused | Self::AuthenticationRefused
        )
    }
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// Its key.
    pub id: EventId,
    /// What happened.
    pub kind: AuditKind,
    /// The Relying Party.
    pub relying_party: RelyingPartyId,
    /// When.
    pub at: Timestamp,
    /// The user concerned.
    pub user: Option<UserId>,
    /// That user's name at the time.
    pub user_name: Option<String>,
    /// The credential concerned.
    pub credential: Option<CredentialKey>,
    /// The ceremony concerned.
    pub ceremony: Option<CeremonyId>,
    /// Why it was refused.
    pub reason: Option<Reason>,
    /// The signals of the verifier: stable names with spaces between them.
    pub signals: String,
    /// Who did it.
    pub actor: Actor,
    /// What few events have.
    pub details: Option<Box<Details>>,
    /// Who is to be told of it. A store does not keep this; it writes the [deliveries](AuditEvent::deliveries).
    pub subscribers: Option<Arc<[Subscriber]>>,
}

impl AuditEvent {
    /// An event that names only who did it. There is no event without an actor.
    pub fn new(
        id: EventId,
        kind: AuditKind,
        relying_party: RelyingPartyId,
        at: Timestamp,
        by: &Actor,
    ) -> Self {
        Self {
            id,
            kind,
            relying_party,
            at,
            user: None,
            user_name: None,
            credential: None,
            ceremony: None,
            reason: None,
            signals: if by.unbound { UNBOUND } else { "" }.to_owned(),
            actor: Actor {
                unbound: false,
                ..by.clone()
            },
            details: None,
            subscribers: None,
        }
    }

    /// Adds stable names of signals, with spaces between them.
    pub fn add_signals(&mut self, names: &str) {
        if !self.signals.is_empty() && !names.is_empty() {
            self.signals.push(' ');
        }
        self.signals.push_str(names);
    }

    /// Names the user.
    #[must_use]
    pub fn user(mut self, user: UserId) -> Self {
        self.user = Some(user);
        self
    }

    /// Names the user by key and name.
    #[must_use]
    pub fn of(self, user: &User) -> Self {
        self.user(user.id).user_name(&user.name)
    }

    /// Names the user by name.
    #[must_use]
    pub fn user_name(mut self, name: &str) -> Self {
        self.user_name = Some(name.to_owned());
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

    /// The event to write when a ceremony that was to succeed by this event is refused instead.
    #[must_use]
    pub fn refused(mut self, reason: Reason) -> Self {
        match self.kind.category() {
            AuditCategory::Registration => {
                self.kind = AuditKind::RegistrationRefused;
                // The credential was not created.
                self.credential = None;
            }
            AuditCategory::Authentication => self.kind = AuditKind::AuthenticationRefused,
            AuditCategory::Management => {}
        }
        self.signals.clear();
        self.reason(reason)
    }
}
