//! Opaque page tokens: a position in one list, authenticated so that a token cannot be forged or used
//! for another list.

use subtle::ConstantTimeEq;
use webauthn::base64url;

use crate::model::clock::Timestamp;
use crate::model::page::Position;
use crate::service::Passkeys;
use crate::service::keys::TAG_LENGTH;

/// Creation time and key.
const POSITION_LENGTH: usize = 24;

impl Passkeys {
    /// A token for the page after `position` of the list that `list` describes (tenant, path and
    /// filters).
    pub fn seal_cursor(&self, list: &str, position: Position) -> String {
        let mut bytes = Vec::with_capacity(POSITION_LENGTH + TAG_LENGTH);
        bytes.extend_from_slice(&position.created.0.to_be_bytes());
        bytes.extend_from_slice(&position.key);
        let tag = self.cursor_key.tag(list, &bytes);
        bytes.extend_from_slice(&tag);
        base64url::encode(&bytes)
    }

    /// The position in a token for the same list; `None` for any other text.
    pub fn open_cursor(&self, list: &str, token: &str) -> Option<Position> {
        let bytes = base64url::decode(token).ok()?;
        if bytes.len() != POSITION_LENGTH + TAG_LENGTH {
            return None;
        }
        let (position, tag) = bytes.split_at(POSITION_LENGTH);
        let equal: bool = self.cursor_key.tag(list, position).ct_eq(tag).into();
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
