//! Keys that are derived from the secret which all nodes of a store share.

use std::fmt;

use aws_lc_rs::hmac;

use crate::model::ids::WebhookId;

/// Bytes of the authentication tag of a page token: 128 bits.
pub(crate) const TAG_LENGTH: usize = 16;

/// A key for one purpose, which its name says.
fn derive(shared_secret: &[u8; 32], purpose: &[u8]) -> hmac::Key {
    let base = hmac::Key::new(hmac::HMAC_SHA256, shared_secret);
    let derived = hmac::sign(&base, purpose);
    hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
}

/// Key from which the secrets of webhooks are derived.
pub(crate) struct WebhookKey(hmac::Key);

impl WebhookKey {
    pub(crate) fn new(shared_secret: &[u8; 32]) -> Self {
        Self(derive(shared_secret, b"passkeyd webhook secret v1"))
    }

    /// The secret of this number of a webhook.
    pub(crate) fn secret(&self, webhook: WebhookId, number: u32) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(&webhook.0);
        context.update(&number.to_be_bytes());
        let mut secret = [0; 32];
        secret.copy_from_slice(context.sign().as_ref());
        secret
    }
}

/// Key of the keyed hashes under which responses are kept.
pub(crate) struct AnswerKey(hmac::Key);

impl AnswerKey {
    pub(crate) fn new(shared_secret: &[u8; 32]) -> Self {
        Self(derive(shared_secret, b"passkeyd kept answer v1"))
    }

    /// A keyed hash of these parts. Each part is hashed with its length, so that different lists have different hashes.
    pub(crate) fn image(&self, purpose: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in std::iter::once(&purpose).chain(parts) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut image = [0; 32];
        image.copy_from_slice(context.sign().as_ref());
        image
    }
}

impl fmt::Debug for AnswerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnswerKey(..)")
    }
}

/// Key of the page tokens.
pub(crate) struct CursorKey(hmac::Key);

impl CursorKey {
    pub(crate) fn new(shared_secret: &[u8; 32]) -> Self {
        Self(derive(shared_secret, b"passkeyd page token v1"))
    }

    /// The tag of a position in a list.
    pub(crate) fn tag(&self, list: &str, position: &[u8]) -> [u8; TAG_LENGTH] {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(position);
        context.update(list.as_bytes());
        let mut tag = [0; TAG_LENGTH];
        tag.copy_from_slice(&context.sign().as_ref()[..TAG_LENGTH]);
        tag
    }
}

impl fmt::Debug for CursorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_tells_apart_how_its_parts_are_cut() {
        let key = AnswerKey::new(&[7; 32]);
        let image = |purpose: &[u8], parts: &[&[u8]]| key.image(purpose, parts);
        let base = image(b"key", &[b"ab", b"c"]);
        assert_eq!(base, image(b"key", &[b"ab", b"c"]));
        for other in [
            image(b"key", &[b"a", b"bc"]),
            image(b"key", &[b"abc"]),
            image(b"key", &[b"ab", b"c", b""]),
            image(b"content", &[b"ab", b"c"]),
            AnswerKey::new(&[8; 32]).image(b"key", &[b"ab", b"c"]),
        ] {
            assert_ne!(base, other);
        }
    }
}
