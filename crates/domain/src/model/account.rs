//! Accounts, and the secrets with which they authenticate.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::model::clock::{Randomness, Timestamp};
use crate::model::grant::Grant;
use crate::model::ids::{AccountId, ApiKeyId};

/// A secret text. It is wiped when it is dropped, and prints as a placeholder.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Secret(String);

impl Secret {
    /// Takes a text as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Draws 128 random bits as 32 lower-case hex digits.
    pub fn random(randomness: &dyn Randomness) -> Self {
        let mut bytes = [0; 16];
        randomness.fill(&mut bytes);
        let text = hex::encode(bytes);
        bytes.zeroize();
        Self(text)
    }

    /// The secret itself. Use it only to show or compare it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// SHA-256 of it.
    pub fn digest(&self) -> [u8; 32] {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.0.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        bytes
    }

    /// What a store that is not sealed has of it.
    ///
    /// A plain digest is enough for a random secret, and too little for one that a person chose. A sealed store has
    /// [`SecretHash::Keyed`] instead.
    pub fn hash(&self) -> SecretHash {
        SecretHash::Plain(self.digest())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What is stored of a [`Secret`]. Compared in constant time.
#[derive(Clone, Copy)]
pub enum SecretHash {
    /// SHA-256 of it, in a store that is not sealed.
    Plain([u8; 32]),
    /// A code over its owner and its SHA-256, with a key of the [vault](crate::service::vault). Without the master key nobody can
    /// test guesses against it, and it is worth nothing in the row of another owner.
    Keyed([u8; 32]),
}

/// The first byte of a stored [`SecretHash::Keyed`].
const KEYED: u8 = 1;

impl SecretHash {
    /// The bytes to store: 32 of a plain one, 33 of a keyed one.
    pub fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::Plain(bytes) => bytes.to_vec(),
            Self::Keyed(bytes) => [&[KEYED][..], &bytes].concat(),
        }
    }

    /// Reads what [`Self::to_bytes`] wrote.
    pub fn from_bytes(stored: &[u8]) -> Option<Self> {
        if let Ok(bytes) = stored.try_into() {
            return Some(Self::Plain(bytes));
        }
        let (kind, bytes) = stored.split_first()?;
        let bytes = bytes.try_into().ok()?;
        (*kind == KEYED).then_some(Self::Keyed(bytes))
    }
}

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Plain(one), Self::Plain(other)) | (Self::Keyed(one), Self::Keyed(other)) => {
                one.ct_eq(other).into()
            }
            _ => false,
        }
    }
}

impl Eq for SecretHash {}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

/// An account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its key.
    pub id: AccountId,
    /// Hash of its token.
    pub token: SecretHash,
    /// When it was created.
    pub created: Timestamp,
}

/// A further secret of an account.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Its key.
    pub id: ApiKeyId,
    /// The account.
    pub account: AccountId,
    /// A name, to be shown.
    pub name: String,
    /// Hash of the secret.
    pub secret: SecretHash,
    /// When it was created.
    pub created: Timestamp,
    /// What it may be used for, and until when.
    pub grant: Grant,
    /// When it was used last, to a minute or so.
    pub used: Option<Timestamp>,
}

/// A secret with which an account authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// The account's own token.
    Account(AccountId),
    /// One of its API keys.
    ApiKey(ApiKeyId),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_reads_back_as_the_kind_that_it_is_and_prints_as_a_placeholder() {
        let (plain, keyed) = (SecretHash::Plain([7; 32]), SecretHash::Keyed([7; 32]));
        for hash in [plain, keyed] {
            assert_eq!(SecretHash::from_bytes(&hash.to_bytes()), Some(hash));
            assert_eq!(format!("{hash:?}"), "SecretHash(..)");
        }
        assert_ne!(plain, keyed);
        for wrong in [&[][..], &[7; 31], &[7; 33], &[1; 34]] {
            assert_eq!(SecretHash::from_bytes(wrong), None);
        }
    }
}
