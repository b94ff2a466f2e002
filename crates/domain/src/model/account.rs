//! Accounts, and the secrets by which they prove themselves.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::model::clock::{Randomness, Timestamp};
use crate::model::ids::{AccountId, ApiKeyId};

/// A secret text. It is wiped when dropped and prints as a placeholder.
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

    /// The secret itself, for the one moment in which it is shown or compared.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Its hash, which is all that is ever stored.
    ///
    /// A plain digest is enough: what it protects is random, never a password that somebody chose.
    pub fn hash(&self) -> SecretHash {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, self.0.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        SecretHash(bytes)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// SHA-256 of a [`Secret`]. Compared in constant time.
#[derive(Clone, Copy)]
pub struct SecretHash(pub [u8; 32]);

impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
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
    /// Whose it is.
    pub account: AccountId,
    /// A name for people.
    pub name: String,
    /// Hash of the secret.
    pub secret: SecretHash,
    /// When it was created.
    pub created: Timestamp,
}

/// A secret by which an account proves itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// The account's own token.
    Account(AccountId),
    /// One of its API keys.
    ApiKey(ApiKeyId),
}
