//! Authenticator data: what the authenticator signs (WebAuthn 6.1).

use crate::Reason;
use crate::cbor::{self, CborError, KeyOrder};
use crate::credential::{Aaguid, CredentialId};

/// The flags byte (WebAuthn 6.1). Reserved bits 1 and 5 are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flags(pub u8);

impl Flags {
    /// UP: the user made a gesture.
    pub const fn user_present(self) -> bool {
        self.0 & 0x01 != 0
    }

    /// UV: PIN, biometrics or the like were checked.
    pub const fn user_verified(self) -> bool {
        self.0 & 0x04 != 0
    }

    /// BE: the credential may be synced.
    pub const fn backup_eligible(self) -> bool {
        self.0 & 0x08 != 0
    }

    /// BS: the credential is synced now.
    pub const fn backup_state(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// AT: attested credential data follow.
    pub const fn attested_credential_data(self) -> bool {
        self.0 & 0x40 != 0
    }

    /// ED: an extension map follows.
    pub const fn extension_data(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// Both backup flags, for the recorded steps.
    pub(crate) fn backup_text(self) -> String {
        let (eligible, state) = (self.backup_eligible(), self.backup_state());
        format!("BE is {}, BS is {}", u8::from(eligible), u8::from(state))
    }
}

/// A new credential inside authenticator data (WebAuthn 6.5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttestedCredentialData<'a> {
    /// The authenticator model.
    pub aaguid: Aaguid,
    /// The credential id, 1 to 1023 bytes.
    pub credential_id: &'a [u8],
    /// The COSE key exactly as received.
    pub public_key: &'a [u8],
}

/// Parsed authenticator data, borrowing from the bytes received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthenticatorData<'a> {
    /// SHA-256 of the RP ID.
    pub rp_id_hash: &'a [u8],
    /// Flags.
    pub flags: Flags,
    /// Signature counter.
    pub sign_count: u32,
    /// Present exactly when AT is set.
    pub attested: Option<AttestedCredentialData<'a>>,
    /// Extension outputs, a map; present exactly when ED is set.
    pub extensions: Option<cbor::Value<'a>>,
}

/// What is wrong with authenticator data.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthenticatorDataError {
    /// The bytes end before a part that must be there.
    #[error("the authenticator data ({length} bytes) end inside {part}")]
    Truncated {
        /// Length of the whole.
        length: usize,
        /// The part that is cut.
        part: &'static str,
    },
    /// The attested credential id is empty.
    #[error("the attested credential id is empty")]
    CredentialIdEmpty,
    /// The attested credential id has more than 1023 bytes.
    #[error("the attested credential id has {found} bytes, more than 1023")]
    CredentialIdTooLong {
        /// Its length.
        found: usize,
    },
    /// The credential public key is no canonical CBOR item.
    #[error("the credential public key is not canonical CBOR: {0}")]
    PublicKey(CborError),
    /// The extension outputs are no strict CBOR map.
    #[error("the extension outputs are not a strict CBOR map: {0}")]
    Extensions(CborError),
    /// The extension outputs are CBOR, but not a map.
    #[error("the extension outputs are not a CBOR map")]
    ExtensionsNotAMap,
    /// Bytes are left over.
    #[error("{0} bytes follow after the authenticator data")]
    TrailingBytes(usize),
    /// 7.1 step 14, 7.2 step 15. Hashes in hexadecimal.
    #[error("the RP ID hash is {found}, not {expected}")]
    RpIdHashMismatch {
        /// The expected hash.
        expected: String,
        /// The hash found.
        found: String,
    },
    /// 7.1 step 15, 7.2 step 16.
    #[error("the user present flag is clear")]
    UserNotPresent,
    /// 7.1 step 16, 7.2 step 17.
    #[error("the user verified flag is clear although verification was demanded")]
    UserNotVerified,
    /// 7.1 step 17, 7.2 step 18.
    #[error("the backup state flag is set while the backup eligibility flag is clear")]
    BackupFlagsInvalid,
    /// 7.1 step 13: AT is clear at a registration.
    #[error("the authenticator data holds no attested credential data")]
    AttestedCredentialDataMissing,
    /// AT is set at an authentication.
    #[error("the authenticator data of an assertion holds attested credential data")]
    AttestedCredentialDataUnexpected,
}

impl AuthenticatorDataError {
    /// The offending value that was found, if there is one that may be shown and recorded.
    pub fn found(&self) -> Option<String> {
        match self {
            Self::RpIdHashMismatch { found, .. } => Some(found.clone()),
            _ => None,
        }
    }

    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::PublicKey(CborError::DuplicateKey)
            | Self::Extensions(CborError::DuplicateKey) => Reason::CborDuplicateKey,
            Self::Truncated { .. }
            | Self::CredentialIdEmpty
            | Self::PublicKey(_)
            | Self::Extensions(_)
            | Self::ExtensionsNotAMap => Reason::AuthenticatorDataMalformed,
            Self::CredentialIdTooLong { .. } => Reason::CredentialIdTooLong,
            Self::TrailingBytes(_) => Reason::TrailingBytes,
            Self::RpIdHashMismatch { .. } => Reason::RpIdHashMismatch,
            Self::UserNotPresent => Reason::UserNotPresent,
            Self::UserNotVerified => Reason::UserNotVerified,
            Self::BackupFlagsInvalid => Reason::BackupFlagsInvalid,
            Self::AttestedCredentialDataMissing => Reason::AttestedCredentialDataMissing,
            Self::AttestedCredentialDataUnexpected => Reason::AttestedCredentialDataUnexpected,
        }
    }
}

impl AuthenticatorData<'_> {
    /// Flags and counter, for the recorded steps.
    pub(crate) fn text(&self) -> String {
        let flags = self.flags;
        let names: Vec<_> = [
            (flags.user_present(), "UP"),
            (flags.user_verified(), "UV"),
            (flags.backup_eligible(), "BE"),
            (flags.backup_state(), "BS"),
            (flags.attested_credential_data(), "AT"),
            (flags.extension_data(), "ED"),
        ]
        .into_iter()
        .filter_map(|(set, name)| set.then_some(name))
        .collect();
        let (names, bits) = (names.join(" "), flags.0);
        format!("flags {names} ({bits:#04x}), signCount {}", self.sign_count)
    }
}

impl<'a> AuthenticatorData<'a> {
    /// Parses the bytes received; every length is checked against the rest, and nothing may be left over.
    ///
    /// # Errors
    /// [`AuthenticatorDataError`] for a layout that contradicts the flags or the length.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, AuthenticatorDataError> {
        let mut rest = bytes;
        let mut take = |length: usize, part: &'static str| match rest.split_at_checked(length) {
            Some((taken, after)) => {
                rest = after;
                Ok(taken)
            }
            None => Err(AuthenticatorDataError::Truncated {
                length: bytes.len(),
                part,
            }),
        };
        let rp_id_hash = take(32, "the RP ID hash")?;
        let flags = Flags(take(1, "the flags")?.first().copied().unwrap_or_default());
        let sign_count = big_endian(take(4, "the signature counter")?);

        let attested = if flags.attested_credential_data() {
            let mut aaguid = [0; 16];
            aaguid.copy_from_slice(take(16, "the AAGUID")?);
            let length = usize::try_from(big_endian(take(2, "the credential id length")?))
                .unwrap_or(usize::MAX);
            if length == 0 {
                return Err(AuthenticatorDataError::CredentialIdEmpty);
            }
            if length > CredentialId::MAX {
                return Err(AuthenticatorDataError::CredentialIdTooLong { found: length });
            }
            let credential_id = take(length, "the credential id")?;
            let (_, used) = cbor::read_first(rest, KeyOrder::Canonical)
                .map_err(AuthenticatorDataError::PublicKey)?;
            let (public_key, after) = rest.split_at(used);
            rest = after;
            Some(AttestedCredentialData {
                aaguid: Aaguid::new(aaguid),
                credential_id,
                public_key,
            })
        } else {
            None
        };

        let extensions = if flags.extension_data() {
            let (value, used) = cbor::read_first(rest, KeyOrder::Any)
                .map_err(AuthenticatorDataError::Extensions)?;
            if value.as_map().is_none() {
                return Err(AuthenticatorDataError::ExtensionsNotAMap);
            }
            rest = rest.split_at(used).1;
            Some(value)
        } else {
            None
        };

        if rest.is_empty() {
            Ok(Self {
                rp_id_hash,
                flags,
                sign_count,
                attested,
                extensions,
            })
        } else {
            Err(AuthenticatorDataError::TrailingBytes(rest.len()))
        }
    }

    /// 7.1 step 14, 7.2 step 15: the authenticator data is for the expected RP ID.
    pub(crate) fn require_rp_id_hash(
        &self,
        expected: &[u8; 32],
    ) -> Result<(), AuthenticatorDataError> {
        if self.rp_id_hash == expected {
            return Ok(());
        }
        Err(AuthenticatorDataError::RpIdHashMismatch {
            expected: hexadecimal(expected),
            found: hexadecimal(self.rp_id_hash),
        })
    }

    /// 7.1 step 17, 7.2 step 18: what is backed up must be eligible for it.
    pub(crate) fn require_backup_flags(&self) -> Result<(), AuthenticatorDataError> {
        if self.flags.backup_state() && !self.flags.backup_eligible() {
            Err(AuthenticatorDataError::BackupFlagsInvalid)
        } else {
            Ok(())
        }
    }
}

fn big_endian(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hash, flags, counter 1, then `rest` in hexadecimal.
    fn data(flags: u8, rest: &str) -> Vec<u8> {
        let mut bytes = vec![7; 32];
        bytes.extend([flags, 0, 0, 0, 1]);
        bytes.extend(hex::decode(rest).unwrap());
        bytes
    }

    fn attested(id_length: &str, id: &str, key: &str) -> String {
        format!("{}{id_length}{id}{key}", "00".repeat(16))
    }

    #[test]
    fn every_part_is_read() {
        let bytes = data(
            0xc1,
            &format!("{}a1616101", attested("0002", "aabb", "a10102")),
        );
        let parsed = AuthenticatorData::parse(&bytes).unwrap();
        assert_eq!(
            (parsed.rp_id_hash, parsed.flags, parsed.sign_count),
            (&[7u8; 32][..], Flags(0xc1), 1)
        );
        let credential = parsed.attested.unwrap();
        assert_eq!(
            (credential.credential_id, credential.public_key),
            (&[0xaa, 0xbb][..], &[0xa1, 1, 2][..])
        );
        assert_eq!(
            parsed.extensions.unwrap().get("a"),
            Some(&cbor::Value::Integer(1))
        );
    }

    #[test]
    fn every_truncation_and_every_added_byte_is_refused() {
        for (flags, rest) in [
            (0x01, String::new()),
            (0x41, attested("0002", "aabb", "a10102")),
            (
                0xc1,
                format!("{}a1616101", attested("0001", "aa", "a10102")),
            ),
        ] {
            let bytes = data(flags, &rest);
            assert!(AuthenticatorData::parse(&bytes).is_ok());
            for length in 0..bytes.len() {
                assert!(
                    AuthenticatorData::parse(&bytes[..length]).is_err(),
                    "{flags:x} cut at {length}"
                );
            }
            let longer = [&bytes[..], &[0]].concat();
            assert_eq!(
                AuthenticatorData::parse(&longer),
                Err(AuthenticatorDataError::TrailingBytes(1))
            );
        }
    }

    #[test]
    fn flags_and_layout_must_agree() {
        for (flags, rest, reason) in [
            (0x01, attested("0001", "aa", "a0"), Reason::TrailingBytes),
            (0x01, "a0".into(), Reason::TrailingBytes),
            (0x41, String::new(), Reason::AuthenticatorDataMalformed),
            (0x81, String::new(), Reason::AuthenticatorDataMalformed),
            (0x81, "80".into(), Reason::AuthenticatorDataMalformed),
            (0x81, "a2616100616100".into(), Reason::CborDuplicateKey),
            (
                0x41,
                attested("0001", "aa", "a10102a0"),
                Reason::TrailingBytes,
            ),
            (
                0x41,
                attested("0000", "", "a0"),
                Reason::AuthenticatorDataMalformed,
            ),
            (
                0x41,
                attested("ffff", "aa", "a0"),
                Reason::CredentialIdTooLong,
            ),
            (
                0x41,
                attested("0400", &"aa".repeat(1024), "a0"),
                Reason::CredentialIdTooLong,
            ),
            (
                0x41,
                attested("00ff", "aa", "a0"),
                Reason::AuthenticatorDataMalformed,
            ),
            (
                0x41,
                attested("0001", "aa", "a203000102"),
                Reason::AuthenticatorDataMalformed,
            ),
            (
                0x41,
                attested("0001", "aa", "a201000100"),
                Reason::CborDuplicateKey,
            ),
        ] {
            let error = AuthenticatorData::parse(&data(flags, &rest)).unwrap_err();
            assert_eq!(error.reason(), reason, "{flags:x} {rest}: {error}");
        }
        assert!(
            AuthenticatorData::parse(&data(0x41, &attested("03ff", &"aa".repeat(1023), "a0")))
                .is_ok()
        );
    }

    #[test]
    fn reserved_flag_bits_are_ignored() {
        assert!(AuthenticatorData::parse(&data(0x23, "")).is_ok());
    }
}
