//! Bytes within other bytes.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes that are written and read as a whole. In postcard they have the form of a list of bytes, which is written one by one and takes ten times as long.
#[derive(Debug)]
pub(super) struct Bytes<'a>(Cow<'a, [u8]>);

impl<'a> Bytes<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self(bytes.into())
    }

    pub(super) fn owned(bytes: Vec<u8>) -> Self {
        Self(bytes.into())
    }

    pub(super) fn into_vec(self) -> Vec<u8> {
        self.0.into_owned()
    }

    /// The bytes of a key.
    pub(super) fn key(&self) -> Option<[u8; 16]> {
        self.0.as_ref().try_into().ok()
    }
}

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Bytes<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowed;

        impl<'de> Visitor<'de> for Borrowed {
            type Value = &'de [u8];

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_borrowed_bytes<E: Error>(self, bytes: &'de [u8]) -> Result<Self::Value, E> {
                Ok(bytes)
            }
        }

        deserializer.deserialize_bytes(Borrowed).map(Bytes::of)
    }
}
