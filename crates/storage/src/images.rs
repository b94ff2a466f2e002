//! Images: hashes that stand for something longer in the keys of rows. The stores share them.

use aws_lc_rs::digest::{SHA256, digest};
use webauthn::credential::CredentialId;

/// The image of the id that an authenticator chose.
pub(crate) fn id_hash(id: &CredentialId) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, id.as_bytes()).as_ref());
    hash
}

/// The key of a text that many rows share: half of its SHA-256.
pub(crate) fn text_id(text: &str) -> [u8; 16] {
    let mut id = [0; 16];
    id.copy_from_slice(&digest(&SHA256, text.as_bytes()).as_ref()[..16]);
    id
}
