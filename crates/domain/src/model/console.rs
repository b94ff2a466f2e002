//! The people who use the console: administrators, the invites by which they come in, and their sessions. Also the enrolment links that they
//! make for users.
//!
//! An administrator is a user of a Relying Party that is reserved for the console, and signs in with a passkey of it. What is kept here is
//! what a user of a Relying Party has not: a role, and sessions.

use serde::{Deserialize, Serialize};

use crate::model::account::Secret;
use crate::model::clock::{Randomness, Timestamp};
use crate::model::ids::{
    AccountId, CredentialKey, EnrolmentId, InviteId, RelyingPartyId, SessionId, UserId,
};

/// The account of the console's Relying Party. No row of it exists, so it has no secret, is never listed, and opens nothing.
pub const CONSOLE_ACCOUNT: AccountId = AccountId(*b"passkeyd console");

/// The Relying Party under which administrators sign in. No account owns it, so no wire lists or finds it.
pub const CONSOLE_PARTY: RelyingPartyId = RelyingPartyId(*b"passkeyd console");

/// What an administrator may do. Each role may do what the one before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Sees everything but secrets, and helps people with their passkeys.
    Support,
    /// Changes Services and their keys.
    Operator,
    /// Decides who else is an administrator.
    Owner,
}

impl Role {
    /// Every role, the one that may least first.
    pub const ALL: &'static [Self] = &[Self::Support, Self::Operator, Self::Owner];

    /// Stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Support => "support",
            Self::Operator => "operator",
            Self::Owner => "owner",
        }
    }

    /// The role with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.name() == name)
    }
}

/// A person who may use the console.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Administrator {
    /// The user of [`CONSOLE_PARTY`].
    pub id: UserId,
    /// The name of that user.
    pub name: String,
    /// What this person may do.
    pub role: Role,
    /// When this person came in.
    pub created: Timestamp,
    /// Rises when the role changes: invites and links that the person made before no longer work.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub generation: u32,
}

impl Administrator {
    /// A person who has just come in.
    pub fn new(id: UserId, name: String, role: Role, created: Timestamp) -> Self {
        Self {
            id,
            name,
            role,
            created,
            generation: 0,
        }
    }

    /// This person with another role: the invites and links that the person has made no longer work.
    #[must_use]
    pub fn with_role(self, role: Role) -> Self {
        let generation = self.generation.saturating_add(1);
        Self {
            role,
            generation,
            ..self
        }
    }
}

/// By which right an administrator does something: it ends with the passkey that the administrator signed in with, and with the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Who.
    pub administrator: UserId,
    /// [`Administrator::generation`] then.
    pub generation: u32,
    /// The passkey that began the session. `None` in records of versions that did not keep it: these no longer work.
    pub passkey: Option<CredentialKey>,
}

impl Standing {
    /// That of a record, if an administrator made it.
    fn of(by: Option<UserId>, generation: u32, passkey: Option<CredentialKey>) -> Option<Self> {
        by.map(|administrator| Self {
            administrator,
            generation,
            passkey,
        })
    }
}

/// A one-time right to register a passkey for the console. Its token is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    /// Its key, which the token leads to.
    pub id: InviteId,
    /// The role of the person who uses it.
    pub role: Role,
    /// The suggested name, or the name of the administrator who adds a passkey.
    pub name: String,
    /// The administrator who adds a passkey by it; `None` when a new one comes in.
    pub administrator: Option<UserId>,
    /// The administrator who made it. It works as long as this person may make one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// The generation of this person then.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub generation: u32,
    /// The passkey that this person had signed in with. Without it the record no longer works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passkey: Option<CredentialKey>,
    /// Whether it is for the first administrator: it works as long as there is none.
    #[serde(default, skip_serializing_if = "is_false")]
    pub first: bool,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it does not work.
    pub expires: Timestamp,
}

impl Invite {
    /// By which right it was made; `None` for one of the command line.
    pub fn made_by(&self) -> Option<Standing> {
        Standing::of(self.by, self.generation, self.passkey)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(value: &u32) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_false(value: &bool) -> bool {
    !value
}

/// A one-time right of a user of a Relying Party to register a passkey. Its token is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentLink {
    /// Its key: half of a keyed hash of the token.
    pub id: EnrolmentId,
    /// The Relying Party of the user.
    pub relying_party: RelyingPartyId,
    /// The user.
    pub user: UserId,
    /// The administrator who made it, if it was not a back end. It works as long as this person may make one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// The generation of this person then.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub generation: u32,
    /// The passkey that this person had signed in with. Without it the record no longer works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passkey: Option<CredentialKey>,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it does not work.
    pub expires: Timestamp,
}

impl EnrolmentLink {
    /// By which right it was made; `None` for one of a back end.
    pub fn made_by(&self) -> Option<Standing> {
        Standing::of(self.by, self.generation, self.passkey)
    }

    /// What the links of one user are found by. Users of two Relying Parties may have one key, so it is made of both keys.
    pub fn owner(relying_party: RelyingPartyId, user: UserId) -> [u8; 16] {
        let mut owner = [0; 16];
        let of = Secret::new(format!("enrolment:{relying_party}:{user}"));
        owner.copy_from_slice(&of.digest()[..16]);
        owner
    }
}

/// A browser in which an administrator is signed in. Its token is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its key, which the token leads to.
    pub id: SessionId,
    /// Who is signed in.
    pub administrator: UserId,
    /// Since when.
    pub created: Timestamp,
    /// When it was last used, or up to a minute earlier.
    pub seen: Timestamp,
    /// When it ends at the latest.
    pub expires: Timestamp,
    /// The user agent of the browser.
    pub user_agent: Option<String>,
    /// The passkey that began it. The session ends with it. Also one of a version that did not keep it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passkey: Option<CredentialKey>,
}

/// Bytes of a token.
const TOKEN: usize = 32;

/// The token of an invite or of a session: 256 random bits. Only the person has it; the store has a key that is half of its hash.
#[derive(Clone, Debug)]
pub struct Token(Secret);

impl Token {
    /// Draws a token.
    pub fn random(randomness: &dyn Randomness) -> Self {
        let mut bytes = [0; TOKEN];
        randomness.fill(&mut bytes);
        Self(Secret::new(hex::encode(bytes)))
    }

    /// Takes a text as a token, if it has the form of one.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == 2 * TOKEN && text.bytes().all(lower)).then(|| Self(Secret::new(text)))
    }

    /// The token itself.
    pub fn reveal(&self) -> &str {
        self.0.reveal()
    }

    /// A value that only a page of this session knows: it goes into its forms.
    pub fn form_token(&self) -> String {
        hex::encode(&Secret::new(format!("form:{}", self.reveal())).digest()[..16])
    }

    fn key(&self, of: &str) -> [u8; 16] {
        let digest = Secret::new(format!("{of}:{}", self.reveal())).digest();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        key
    }

    /// The key of the invite with this token.
    pub fn invite(&self) -> InviteId {
        InviteId(self.key("invite"))
    }

    /// The key of the session with this token.
    pub fn session(&self) -> SessionId {
        SessionId(self.key("session"))
    }
}

/// What a store keeps for the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsoleRecord {
    /// A person.
    Administrator(Administrator),
    /// An invite.
    Invite(Invite),
    /// A session.
    Session(Session),
    /// An enrolment link.
    Enrolment(EnrolmentLink),
}

/// The kinds of [`ConsoleRecord`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ConsoleKind {
    /// People.
    Administrator,
    /// Invites.
    Invite,
    /// Sessions.
    Session,
    /// Enrolment links.
    Enrolment,
}

impl ConsoleRecord {
    /// Its kind.
    pub fn kind(&self) -> ConsoleKind {
        match self {
            Self::Administrator(_) => ConsoleKind::Administrator,
            Self::Invite(_) => ConsoleKind::Invite,
            Self::Session(_) => ConsoleKind::Session,
            Self::Enrolment(_) => ConsoleKind::Enrolment,
        }
    }

    /// Its key among those of its kind.
    pub fn key(&self) -> [u8; 16] {
        match self {
            Self::Administrator(record) => record.id.0,
            Self::Invite(record) => record.id.0,
            Self::Session(record) => record.id.0,
            Self::Enrolment(record) => record.id.0,
        }
    }

    /// Whose it is: the key of an administrator, or [`EnrolmentLink::owner`].
    pub fn owner(&self) -> Option<[u8; 16]> {
        match self {
            Self::Administrator(_) => None,
            Self::Invite(record) => record.administrator.map(|administrator| administrator.0),
            Self::Session(record) => Some(record.administrator.0),
            Self::Enrolment(record) => {
                Some(EnrolmentLink::owner(record.relying_party, record.user))
            }
        }
    }

    /// The administrator without whom it is nothing.
    pub fn administrator_needed(&self) -> Option<[u8; 16]> {
        match self {
            Self::Enrolment(_) => None,
            _ => self.owner(),
        }
    }

    /// When it was made.
    pub fn created(&self) -> Timestamp {
        match self {
            Self::Administrator(record) => record.created,
            Self::Invite(record) => record.created,
            Self::Session(record) => record.created,
            Self::Enrolment(record) => record.created,
        }
    }

    /// When it ends by itself.
    pub fn expires(&self) -> Option<Timestamp> {
        match self {
            Self::Administrator(_) => None,
            Self::Invite(record) => Some(record.expires),
            Self::Session(record) => Some(record.expires),
            Self::Enrolment(record) => Some(record.expires),
        }
    }

    /// The administrator, if it is one.
    pub fn administrator(self) -> Option<Administrator> {
        match self {
            Self::Administrator(record) => Some(record),
            _ => None,
        }
    }

    /// The invite, if it is one.
    pub fn invite(self) -> Option<Invite> {
        match self {
            Self::Invite(record) => Some(record),
            _ => None,
        }
    }

    /// The enrolment link, if it is one.
    pub fn enrolment(self) -> Option<EnrolmentLink> {
        match self {
            Self::Enrolment(record) => Some(record),
            _ => None,
        }
    }

    /// The session, if it is one.
    pub fn session(self) -> Option<Session> {
        match self {
            Self::Session(record) => Some(record),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::SystemRandomness;

    #[test]
    fn a_token_leads_to_its_keys_and_does_not_show_in_them() {
        let token = Token::random(&SystemRandomness);
        let read = Token::parse(token.reveal()).unwrap();
        assert_eq!(read.session(), token.session());
        assert_eq!(read.invite(), token.invite());
        // A token of one kind opens nothing of the other.
        assert_ne!(token.session().0, token.invite().0);
        assert_ne!(token.form_token(), token.session().to_hex());
        assert!(!token.reveal().contains(&token.form_token()));
        for bad in ["", &"A".repeat(64), &"0".repeat(63), &"g".repeat(64)] {
            assert!(Token::parse(bad).is_none());
        }
    }

    #[test]
    fn each_role_may_do_what_the_one_before_may() {
        assert!(Role::Support < Role::Operator && Role::Operator < Role::Owner);
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(*role));
        }
        assert_eq!(Role::from_name("root"), None);
    }
}
