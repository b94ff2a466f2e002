//! Imports: credentials and users that came from a file, and from which product.

use crate::model::clock::Timestamp;
use crate::model::ids::{CredentialKey, ImportId, RelyingPartyId, UserId};

/// An import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// Its key.
    pub id: ImportId,
    /// Where the file came from: the name of a format.
    pub source: String,
    /// When it began.
    pub created: Timestamp,
}

/// A record that an import has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Imported {
    /// A credential of a user.
    Credential(RelyingPartyId, CredentialKey, UserId),
    /// A user.
    User(RelyingPartyId, UserId),
}

impl Imported {
    /// Its place in the list of an import: credentials first, then by Relying Party and key.
    pub fn place(self) -> ImportedPlace {
        match self {
            Self::Credential(rp, key, _) => (0, rp, key.0),
            Self::User(rp, user) => (1, rp, user.0),
        }
    }

    /// The user, or the owner of the credential.
    pub fn user(self) -> UserId {
        match self {
            Self::Credential(_, _, user) | Self::User(_, user) => user,
        }
    }
}

/// The place of a record in the list of an import.
pub type ImportedPlace = (u8, RelyingPartyId, [u8; 16]);
