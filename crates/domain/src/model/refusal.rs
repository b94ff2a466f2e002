//! Refusals: the error of every operation of the domain.

use std::fmt;

use webauthn::credential::Aaguid;
use webauthn::error::Reason;

use crate::model::ids::{CeremonyId, UserId};

/// Why an operation was refused. The reason decides the status and code on each wire. The rest
/// explains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The reason.
    pub reason: Reason,
    /// One sentence with details (what was expected, what was found). Without secrets.
    pub message: String,
    /// Names of the settings or members that are missing or wrong, in the domain's words; empty
    /// when the reason says it all.
    pub members: Vec<&'static str>,
    /// The value that led to it, such as the origin that was seen, where it may be recorded.
    pub found: Option<String>,
    /// The ceremony that was found for this attempt, if it came that far.
    pub ceremony: Option<CeremonyId>,
    /// The user who was found for this attempt, where a caller may go on with that.
    pub user: Option<UserId>,
    /// Whether that ceremony is an authentication that named no user and listed no credentials, so that the authenticator
    /// chose the credential by itself.
    pub any_credential_might_sign: bool,
    /// The model of the authenticator whose credential was found for this attempt. In a box, because a refusal is returned by many functions.
    pub model: Option<Box<Aaguid>>,
}

impl Refusal {
    /// A refusal with a sentence that explains it.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            members: Vec::new(),
            found: None,
            ceremony: None,
            user: None,
            any_credential_might_sign: false,
            model: None,
        }
    }

    /// Names the settings or members in question.
    #[must_use]
    pub fn with_members(mut self, members: Vec<&'static str>) -> Self {
        self.members = members;
        self
    }

    /// Names the value that led to it.
    #[must_use]
    pub fn with_found(mut self, found: Option<String>) -> Self {
        self.found = found;
        self
    }

    /// Names the ceremony in question.
    #[must_use]
    pub fn with_ceremony(mut self, ceremony: CeremonyId) -> Self {
        self.ceremony = Some(ceremony);
        self
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self::new(reason, reason.what())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.message)
    }
}

impl std::error::Error for Refusal {}
