//! Secret keys for tokens of a Relying Party. What a token looks like is the wire's business.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// What a token key is for. Each kind has a key of its own, so that a token of one kind is never taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenKind {
    /// Access keys of back ends.
    Access,
    /// One-time tokens that start a ceremony.
    Intent,
    /// Tokens that ask how a ceremony stands.
    Status,
    /// Tokens that prove how a ceremony ended.
    Transaction,
    /// The key pair of tokens that others can check.
    Signing,
    /// Seals authentications into their challenges.
    Sealing,
}

impl TokenKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Access,
        Self::Intent,
        Self::Status,
        Self::Transaction,
        Self::Signing,
        Self::Sealing,
    ];

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    /// Stable name, as stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Intent => "intent",
            Self::Status => "status",
            Self::Transaction => "transaction",
            Self::Signing => "signing",
            Self::Sealing => "sealing",
        }
    }
}

/// The kinds whose tokens carry a message authentication code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MacKind {
    /// Access keys of back ends.
    Access,
    /// One-time tokens that start a ceremony.
    Intent,
    /// Tokens that ask how a ceremony stands.
    Status,
    /// Tokens that prove how a ceremony ended.
    Transaction,
}

impl MacKind {
    /// Every one of them.
    pub const ALL: &'static [Self] = &[Self::Access, Self::Intent, Self::Status, Self::Transaction];
}

impl From<MacKind> for TokenKind {
    fn from(kind: MacKind) -> Self {
        match kind {
            MacKind::Access => Self::Access,
            MacKind::Intent => Self::Intent,
            MacKind::Status => Self::Status,
            MacKind::Transaction => Self::Transaction,
        }
    }
}

/// A secret key for tokens: 64 random bytes, or for [`TokenKind::Signing`] a P-256 key pair as PKCS#8 (RFC 5958).
///
/// It is wiped when dropped and prints as a placeholder.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct TokenKey(Vec<u8>);

impl TokenKey {
    /// Takes bytes as a key.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The key itself.
    pub fn reveal(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for TokenKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for TokenKey {}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(..)")
    }
}
