//! Imports: credentials and users that came from a file, and from which product.

use aws_lc_rs::digest::{Context, SHA256};

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

/// Not an import of its own: what is noted under this key came with an import that is no longer listed, or with one of another store.
/// [`Storage`](crate::store::Storage) lists what it has made, and does not list it among the imports.
pub const EARLIER: ImportId = ImportId([0; 16]);

/// Under which key the notes are that came in the file of an import: an export of passkeyd says what its store had imported.
pub fn told_by(import: ImportId) -> ImportId {
    ImportId(import.0.map(|byte| !byte))
}

/// [`Import::source`] of an export of passkeyd.
pub const OWN: &str = "passkeyd";

/// A record that an import has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Imported {
    /// A credential of a user.
    Credential(RelyingPartyId, CredentialKey, UserId),
    /// A user.
    User(RelyingPartyId, UserId),
    /// The [image](name_image) of the name of a user who got a credential. It outlives the user, so that a later import knows the name.
    Name(RelyingPartyId, [u8; 16]),
}

/// What a note keeps of a name.
pub fn name_image(rp: RelyingPartyId, name: &str) -> [u8; 16] {
    image("name of an imported user", rp, name.as_bytes())
}

/// What a note keeps of a value: half of a SHA-256.
pub(crate) fn image(what: &str, rp: RelyingPartyId, value: &[u8]) -> [u8; 16] {
    let mut context = Context::new(&SHA256);
    context.update(what.as_bytes());
    context.update(&rp.0);
    context.update(value);
    let mut image = [0; 16];
    image.copy_from_slice(&context.finish().as_ref()[..16]);
    image
}

impl Imported {
    /// Its place in the list of an import: credentials, then users, then names, each by Relying Party and key.
    pub fn place(self) -> ImportedPlace {
        match self {
            Self::Credential(rp, key, _) => (0, rp, key.0),
            Self::User(rp, user) => (1, rp, user.0),
            Self::Name(rp, image) => (2, rp, image),
        }
    }

    /// The user, or the owner of the credential; of a name its image.
    pub fn user(self) -> UserId {
        match self {
            Self::Credential(_, _, user) | Self::User(_, user) => user,
            Self::Name(_, image) => UserId(image),
        }
    }

    /// What the kind, the Relying Party, the key and the user of a stored note say.
    pub fn read(kind: i64, rp: RelyingPartyId, key: [u8; 16], user: UserId) -> Option<Self> {
        match kind {
            0 => Some(Self::Credential(rp, CredentialKey(key), user)),
            1 => Some(Self::User(rp, user)),
            2 => Some(Self::Name(rp, key)),
            _ => None,
        }
    }
}

/// The place of a record in the list of an import.
pub type ImportedPlace = (u8, RelyingPartyId, [u8; 16]);
