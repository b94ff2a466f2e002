//! Accounts, and the secrets with which they authenticate.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::model::clock::{Randomness, Timestamp};
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

    /// Its hash. Nothing else is stored.
    ///
    /// A plain digest is enough, because the secret is random and never a password that a person chose.
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
    /// The account.
    pub account: AccountId,
    /// A name, to be shown.
    pub name: String,
    /// Hash of the secret.
    pub secret: SecretHash,
    /// When it was created.
    pub created: Timestamp,
}

/// A secret with which an account authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// The account's own token.
    Account(AccountId),
    /// One of its API keys.
    ApiKey(ApiKeyId),
}
