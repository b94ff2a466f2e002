//! Why a store did not do its work.

use std::fmt;

/// A store did not do its work. Never used for absence or conflict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing happened; the same call may succeed later.
    Retryable(String),
    /// It may or may not have happened. Only operations with an attempt id may be sent again.
    Unknown(String),
    /// A record is there but cannot be read.
    Unreadable(String),
    /// The store is broken or the call is wrong; trying again does not help.
    Fatal(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retryable(why) => write!(f, "the store is not available: {why}"),
            Self::Unknown(why) => write!(f, "the outcome of a write is not known: {why}"),
            Self::Unreadable(why) => write!(f, "a stored record cannot be read: {why}"),
            Self::Fatal(why) => write!(f, "the store failed: {why}"),
        }
    }
}

impl std::error::Error for Fault {}
