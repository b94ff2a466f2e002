//! What a page cannot do, and the page that says so.

use axum::http::StatusCode;
use axum::response::Response;
use domain::Reason;
use domain::model::console::Role;
use domain::model::refusal::Refusal;
use domain::service::console::ConsoleRefusal;
use domain::webauthn::reason::Class;

use super::page::{self, Frame, Unrendered};
use super::state::State;
use crate::http::{RefusalInfo, TransportRefusal};

/// What a page cannot do.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nobody is signed in. The path to come back to.
    SignedOut(String),
    /// The administrator has not this role.
    Role(Role),
    /// The request does not come from a page of the console.
    Foreign,
    /// The form is one of another session.
    OldForm,
    /// Nothing is there.
    Absent(&'static str),
    /// The request is not one that a page of the console sends.
    Malformed(&'static str),
    /// The action is refused, with a message for people.
    Said(StatusCode, String),
    /// The transport refuses.
    Transport(TransportRefusal),
    /// The domain refuses.
    Refused(Refusal),
    /// A page could not be rendered.
    Unrendered,
}

impl From<Reason> for Failure {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason.into())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Unrendered> for Failure {
    fn from(_: Unrendered) -> Self {
        Self::Unrendered
    }
}

impl From<TransportRefusal> for Failure {
    fn from(refusal: TransportRefusal) -> Self {
        Self::Transport(refusal)
    }
}

impl From<ConsoleRefusal> for Failure {
    fn from(refusal: ConsoleRefusal) -> Self {
        match refusal {
            ConsoleRefusal::Domain(refusal) => Self::Refused(refusal),
            ConsoleRefusal::InviteUnknown => Self::Said(
                StatusCode::NOT_FOUND,
                "This link does not work. It may have been used or revoked, or be older than a day, or the person who made it has lost the role \
                 or the passkey of then. Ask an owner for another one, or run `passkeyd console invite` on the machine."
                    .to_owned(),
            ),
            ConsoleRefusal::NameInvalid => Self::Said(
                StatusCode::UNPROCESSABLE_ENTITY,
                NAME_INVALID.to_owned(),
            ),
            ConsoleRefusal::SignedOut => Self::SignedOut(String::new()),
            ConsoleRefusal::RoleLost(role) => Self::Role(role),
            ConsoleRefusal::RoleChanged => Self::Said(
                StatusCode::CONFLICT,
                "Somebody else has changed this role.".to_owned(),
            ),
            ConsoleRefusal::Unknown => Self::Absent("It is not there any more."),
            ConsoleRefusal::LastPasskey => Self::Said(
                StatusCode::CONFLICT,
                "This is your only passkey. Add another one first.".to_owned(),
            ),
            ConsoleRefusal::LastOwner => Self::Said(
                StatusCode::CONFLICT,
                "This is the last owner who can sign in. Make another administrator with a passkey an owner first.".to_owned(),
            ),
        }
    }
}

/// The message for an invalid name.
pub(super) const NAME_INVALID: &str = "Enter a name of 1 to 64 bytes without control characters.";

/// The HTTP status of what the domain refuses.
fn status_of(reason: Reason) -> StatusCode {
    match reason.class() {
        Class::Limited => StatusCode::TOO_MANY_REQUESTS,
        Class::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Class::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Class::Absent | Class::Ceremony => StatusCode::NOT_FOUND,
        Class::Forbidden => StatusCode::FORBIDDEN,
        Class::Conflict => StatusCode::CONFLICT,
        Class::Malformed | Class::Form | Class::Invalid | Class::Verdict | Class::Attestation => {
            StatusCode::UNPROCESSABLE_ENTITY
        }
    }
}

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::SignedOut(_) => StatusCode::UNAUTHORIZED,
            Self::Role(_) | Self::Foreign | Self::OldForm => StatusCode::FORBIDDEN,
            Self::Absent(_) => StatusCode::NOT_FOUND,
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::Said(status, _) => *status,
            Self::Transport(refusal) => refusal.status(),
            Self::Refused(refusal) => status_of(refusal.reason),
            Self::Unrendered => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A heading and a sentence.
    fn words(&self, state: &State) -> (&'static str, String) {
        match self {
            Self::SignedOut(_) => ("You are signed out", "Sign in again.".to_owned()),
            Self::Role(role) => (
                "Your role does not allow this",
                format!(
                    "It needs the role {}. An owner can change your role.",
                    role.name()
                ),
            ),
            Self::Foreign => (
                "This request did not come from the console",
                format!(
                    "Nothing was changed. Open the console at {} and try again.",
                    state.place.link("/")
                ),
            ),
            Self::OldForm => (
                "This form is too old",
                "Nothing was changed. Load the page again and repeat what you did.".to_owned(),
            ),
            Self::Absent(what) => ("Not found", (*what).to_owned()),
            Self::Malformed(what) => ("This request cannot be read", (*what).to_owned()),
            Self::Said(_, text) => ("Nothing was changed", text.clone()),
            Self::Transport(refusal) => {
                ("This request cannot be read", refusal.message().to_owned())
            }
            Self::Refused(refusal) => (
                "Nothing was changed",
                format!("{} ({})", refusal.message, refusal.reason.name()),
            ),
            Self::Unrendered => ("This page failed", "The log says more.".to_owned()),
        }
    }

    /// What tells the log why.
    fn info(&self) -> RefusalInfo {
        RefusalInfo {
            code: u32::from(self.status().as_u16()),
            reason: match self {
                Self::Refused(refusal) => Some(refusal.reason),
                Self::SignedOut(_) | Self::Role(_) | Self::Foreign | Self::OldForm => {
                    Some(Reason::AccessDenied)
                }
                _ => None,
            },
        }
    }

    /// The response for a script.
    pub(super) fn as_json(&self, state: &State) -> Response {
        let (_, text) = self.words(state);
        let mut response = page::json(self.status(), &serde_json::json!({"error": text}));
        response.extensions_mut().insert(self.info());
        response
    }

    /// The page.
    pub(super) fn as_page(&self, state: &State, frame: Option<Frame>) -> Response {
        if let Self::SignedOut(back) = self {
            return page::see_other(&format!(
                "{}?next={}",
                state.place.path("/sign-in"),
                page::in_query(back)
            ));
        }
        let (title, text) = self.words(state);
        let mut response = page::failure(self.status(), state, frame, title, &text);
        response.extensions_mut().insert(self.info());
        response
    }
}
