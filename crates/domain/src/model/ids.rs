//! Keys of the domain: 128 random bits each, never issued twice.
//!
//! A wire writes them in its own form (a SID, a UUID). These forms are not known here, with one
//! exception: the [`user handle`](UserId::user_handle), which is the same on every wire, because
//! authenticators store it for ever.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use webauthn::credential::UserHandle;

use crate::model::clock::{Randomness, Timestamp};

/// The lower-case hex digits of 16 bytes, written without an allocation: keys are written several times in each request.
fn hex_digits<'a>(bytes: &[u8; 16], digits: &'a mut [u8; 32]) -> &'a str {
    // Two digits for each byte always fit, and digits are ASCII.
    let _ = hex::encode_to_slice(bytes, digits);
    std::str::from_utf8(digits).unwrap_or_default()
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            /// Draws a fresh key.
            pub fn random(randomness: &dyn Randomness) -> Self {
                let mut bytes = [0; 16];
                randomness.fill(&mut bytes);
                Self(bytes)
            }

            /// The 16 bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// 32 lower-case hex digits.
            pub fn to_hex(self) -> String {
                self.to_string()
            }

            /// Reads 32 hex digits of either case.
            pub fn from_hex(text: &str) -> Option<Self> {
                let mut bytes = [0; 16];
                hex::decode_to_slice(text, &mut bytes).ok()?;
                Some(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(hex_digits(&self.0, &mut [0; 32]))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(hex_digits(&self.0, &mut [0; 32]))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::from_hex(&text).ok_or_else(|| serde::de::Error::custom("not 32 hex digits"))
            }
        }
    };
}

id! {
    /// Owner of Relying Parties.
    AccountId
}

id! {
    /// Another secret of an account, which can be revoked separately.
    ApiKeyId
}

id! {
    /// A process that works on the store.
    NodeId
}

id! {
    /// A Relying Party of an account.
    RelyingPartyId
}

id! {
    /// A key for one Relying Party, which can be revoked separately.
    AccessKeyId
}

id! {
    /// A token that may be used once.
    TokenId
}

id! {
    /// A user of a Relying Party.
    UserId
}

id! {
    /// A registration or authentication ceremony.
    CeremonyId
}

id! {
    /// A credential record. It is the key of the registration ceremony that made it, so a wire can
    /// name the record before the credential exists.
    CredentialKey
}

id! {
    /// A webhook of a Relying Party.
    WebhookId
}

id! {
    /// One notice for one webhook.
    DeliveryId
}

id! {
    /// An import of credentials from a file.
    ImportId
}

id! {
    /// One attempt at a write. Sending the same attempt again gives the same outcome.
    AttemptId
}

id! {
    /// A one-time right to come into the console.
    InviteId
}

id! {
    /// A one-time right of a user to register a passkey.
    EnrolmentId
}

id! {
    /// A browser in which an administrator is signed in.
    SessionId
}

id! {
    /// An audit event.
    EventId
}

/// Bytes of the time in a challenge and in a key: milliseconds since 1970, the highest byte first.
pub(crate) const TIME_LENGTH: usize = 6;

/// Times with which a challenge may begin, in milliseconds since 1970: from the version that first drew such challenges to the year
/// 2109. One of an earlier version, which was all random, begins with such a time in one of a hundred cases.
const TIMES: Range<u64> = 1_795_000_000_000..1 << 42;

/// Characters of a challenge that begins with the time.
const TIMED: usize = 48;

/// Characters of the longest challenge that no ceremony is sealed into. Longer ones begin with the time.
pub(crate) const LONGEST_UNSEALED: usize = 64;

pub(crate) fn is_lower_case_hex(c: u8) -> bool {
    c.is_ascii_digit() || (b'a'..=b'f').contains(&c)
}

/// The time with which a challenge begins, if it is of that form.
fn time_of_challenge(challenge: &[u8]) -> Option<[u8; TIME_LENGTH]> {
    let timed = challenge.len() == TIMED || challenge.len() > LONGEST_UNSEALED;
    if !timed || !challenge.iter().copied().all(is_lower_case_hex) {
        return None;
    }
    let mut time = [0; 8];
    let (_, six) = time.split_at_mut(8 - TIME_LENGTH);
    hex::decode_to_slice(&challenge[..2 * TIME_LENGTH], six).ok()?;
    let six = six.try_into().ok()?;
    TIMES.contains(&u64::from_be_bytes(time)).then_some(six)
}

impl CeremonyId {
    /// The key under which a ceremony with this challenge is stored.
    ///
    /// A ceremony is found by its challenge, because no wire sends an id back. The key is a hash of
    /// the challenge, so the look-up needs no second index, and a reader of ceremony
    /// keys learns no challenge from them.
    ///
    /// Most challenges that passkeyd draws begin with the time. Then so does the key, and the rest of it is 80 bits of the
    /// hash: what is written at one time lies on neighbouring pages of a table. For any other challenge the key is 128 bits of
    /// the hash.
    pub fn of_challenge(challenge: &[u8]) -> Self {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, challenge);
        let mut bytes = [0; 16];
        let time = time_of_challenge(challenge);
        let time = time.as_ref().map_or(&[][..], |time| time);
        let (front, hash) = bytes.split_at_mut(time.len());
        front.copy_from_slice(time);
        hash.copy_from_slice(&digest.as_ref()[..hash.len()]);
        Self(bytes)
    }
}

impl CeremonyId {
    /// When the ceremony began, if its key begins with the time; some moment otherwise.
    pub fn begun(self) -> Timestamp {
        let bytes = self.0.iter().take(6);
        Timestamp(bytes.fold(0, |sum, byte| sum << 8 | i64::from(*byte)))
    }
}

impl From<CeremonyId> for CredentialKey {
    fn from(id: CeremonyId) -> Self {
        Self(id.0)
    }
}

impl From<CredentialKey> for CeremonyId {
    fn from(key: CredentialKey) -> Self {
        Self(key.0)
    }
}

/// Length of a user handle in bytes: two letters and 32 hex digits.
const USER_HANDLE_LENGTH: usize = 34;

impl UserId {
    /// The user handle (WebAuthn L3 5.4.3) of this user: `YE` and 32 lower-case hex digits, ASCII.
    ///
    /// It never changes: authenticators store it, and every wire uses it.
    ///
    /// # Panics
    /// Never: the length is within what a handle may have.
    #[expect(
        clippy::expect_used,
        reason = "34 bytes are always within the 64 that a handle may have"
    )]
    pub fn user_handle(self) -> UserHandle {
        let mut handle = Vec::with_capacity(USER_HANDLE_LENGTH);
        handle.extend_from_slice(b"YE");
        handle.extend_from_slice(hex_digits(&self.0, &mut [0; 32]).as_bytes());
        UserHandle::new(handle).expect("a handle of 34 bytes")
    }

    /// The user of a handle; `None` if passkeyd cannot have issued the handle.
    pub fn from_user_handle(handle: &UserHandle) -> Option<Self> {
        let text = std::str::from_utf8(handle.as_bytes()).ok()?;
        if text.len() != USER_HANDLE_LENGTH {
            return None;
        }
        let digits = text.strip_prefix("YE")?;
        // Only lower case, as issued: upper case would be a second handle for one user.
        let issued = digits.bytes().all(is_lower_case_hex);
        issued.then(|| Self::from_hex(digits)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::SystemRandomness;

    #[test]
    fn a_user_handle_leads_back_to_its_user_and_only_in_its_one_form() {
        let user = UserId([0xab; 16]);
        let handle = user.user_handle();
        assert_eq!(
            handle.as_bytes(),
            format!("YE{}", "ab".repeat(16)).as_bytes()
        );
        assert_eq!(UserId::from_user_handle(&handle), Some(user));
        let twin = format!("YE{}", "AB".repeat(16));
        for other in [
            twin.as_str(),
            "YE",
            "ye",
            &"ab".repeat(16),
            &format!("YE{}0", "ab".repeat(16)),
        ] {
            let other = UserHandle::new(other.as_bytes().to_vec()).unwrap();
            assert_eq!(UserId::from_user_handle(&other), None);
        }
    }

    #[test]
    fn a_ceremony_key_is_a_function_of_the_challenge_and_does_not_show_it() {
        let challenge = b"0123456789abcdef0123456789abcdef0123456789abcdef";
        let id = CeremonyId::of_challenge(challenge);
        assert_eq!(id, CeremonyId::of_challenge(challenge));
        assert_ne!(
            id,
            CeremonyId::of_challenge(b"0123456789abcdef0123456789abcdef0123456789abcdee")
        );
        assert!(!challenge.windows(16).any(|w| w == id.as_bytes()));
    }

    #[test]
    fn keys_drawn_one_after_the_other_differ() {
        let keys: std::collections::HashSet<_> = (0..1000)
            .map(|_| CeremonyId::random(&SystemRandomness))
            .collect();
        assert_eq!(keys.len(), 1000);
    }

    #[test]
    fn hex_of_either_case_and_nothing_else_is_read() {
        assert_eq!(UserId::from_hex(&"aB".repeat(16)), Some(UserId([0xab; 16])));
        for bad in [
            "",
            "ab",
            &"ab".repeat(17),
            &"ag".repeat(16),
            &" b".repeat(16),
        ] {
            assert_eq!(UserId::from_hex(bad), None, "{bad}");
        }
    }
}
