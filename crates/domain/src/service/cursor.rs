//! Opaque page tokens: a position in one list, authenticated so that a token cannot be forged or used
//! for another list.

use std::fmt;

use aws_lc_rs::hmac;
use webauthn::base64url;

use crate::model::clock::Timestamp;
use crate::model::page::Position;
use crate::service::Passkeys;

/// Bytes of the authentication tag in a token: 128 bits.
const TAG_LENGTH: usize = 16;

/// Creation time and key.
const POSITION_LENGTH: usize = 24;

/// Key of the page tokens of one store.
pub(crate) struct CursorKey(hmac::Key);

impl CursorKey {
    pub(crate) fn new(shared_secret: &[u8; 32]) -> Self {
        let base = hmac::Key::new(hmac::HMAC_SHA256, shared_secret);
        let derived = hmac::sign(&base, b"passkeyd page token v1");
        Self(hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref()))
    }

    fn message(list: &str, position: &[u8]) -> Vec<u8> {
        [position, list.as_bytes()].concat()
    }
}

impl fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorKey(..)")
    }
}

impl Passkeys {
    /// A token for the page after `position` of the list that `list` describes (tenant, path and
    /// filters).
    pub fn seal_cursor(&self, list: &str, position: Position) -> String {
        let mut bytes = Vec::with_capacity(POSITION_LENGTH + TAG_LENGTH);
        bytes.extend_from_slice(&position.created.0.to_be_bytes());
        bytes.extend_from_slice(&position.key);
        let tag = hmac::sign(&self.cursor_key.0, &CursorKey::message(list, &bytes));
        bytes.extend_from_slice(&tag.as_ref()[..TAG_LENGTH]);
        base64url::encode(&bytes)
    }

    /// The position in a token for the same list; `None` for any other text.
    pub fn open_cursor(&self, list: &str, token: &str) -> Option<Position> {
        let bytes = base64url::decode(token).ok()?;
        if bytes.len() != POSITION_LENGTH + TAG_LENGTH {
            return None;
        }
        let (position, tag) = bytes.split_at(POSITION_LENGTH);
        let expected = hmac::sign(&self.cursor_key.0, &CursorKey::message(list, position));
        let equal: bool =
            subtle::ConstantTimeEq::ct_eq(&expected.as_ref()[..TAG_LENGTH], tag).into();
        if !equal {
            return None;
        }
        let (created, key) = position.split_at(8);
        Some(Position {
            created: Timestamp(i64::from_be_bytes(created.try_into().ok()?)),
            key: key.try_into().ok()?,
        })
    }
}
