//! Identifiers: of credentials, of authenticator models, of users.

use crate::base64url;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A byte string has a length that its kind does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{what} must have {least} to {most} bytes, not {found}")]
pub struct LengthError {
    /// What the bytes are.
    pub what: &'static str,
    /// Fewest bytes.
    pub least: usize,
    /// Most bytes.
    pub most: usize,
    /// Bytes found.
    pub found: usize,
}

/// Why a text does not decode to an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentifierError {
    /// Not base64url.
    #[error(transparent)]
    Base64(#[from] base64url::Base64Error),
    /// Wrong length.
    #[error(transparent)]
    Length(#[from] LengthError),
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $what:literal, $most:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Vec<u8>);

        impl $name {
            /// Most bytes allowed.
            pub const MAX: usize = $most;

            /// Takes bytes of an allowed length.
            ///
            /// # Errors
            /// [`LengthError`] when there are none or too many.
            pub fn new(bytes: Vec<u8>) -> Result<Self, LengthError> {
                if (1..=$most).contains(&bytes.len()) {
                    Ok(Self(bytes))
                } else {
                    Err(LengthError { what: $what, least: 1, most: $most, found: bytes.len() })
                }
            }

            /// Decodes the base64url text of an identifier.
            ///
            /// # Errors
            /// [`IdentifierError`]: not base64url, or a length that is not allowed.
            pub fn from_base64url(text: &str) -> Result<Self, IdentifierError> {
                Ok(Self::new(base64url::decode(text)?)?)
            }

            /// The bytes.
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// The bytes as base64url text.
            pub fn to_base64url(&self) -> String {
                base64url::encode(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.to_base64url())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.to_base64url())
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl TryFrom<Vec<u8>> for $name {
            type Error = LengthError;

            fn try_from(bytes: Vec<u8>) -> Result<Self, Self::Error> {
                Self::new(bytes)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdentifierError;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::from_base64url(&text)
            }
        }

        impl From<$name> for String {
            fn from(identifier: $name) -> Self {
                identifier.to_base64url()
            }
        }
    };
}

identifier! {
    /// A credential id: 1 to 1023 bytes chosen by the authenticator (WebAuthn 4 "Credential ID"). serde: base64url text.
    CredentialId, "a credential id", 1023
}

identifier! {
    /// A user handle: 1 to 64 bytes chosen by the Relying Party (WebAuthn 5.4.3). serde: base64url text.
    UserHandle, "a user handle", 64
}

/// The identifier of an authenticator model (WebAuthn 6.5.1). `Display` and serde: UUID text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(try_from = "String", into = "String")]
pub struct Aaguid([u8; 16]);

/// The text is not a UUID of 32 hexadecimal digits in the form 8-4-4-4-12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an AAGUID is written as 8-4-4-4-12 hexadecimal digits")]
pub struct AaguidError;

impl Aaguid {
    /// The AAGUID that says nothing about the model.
    pub const ZERO: Self = Self([0; 16]);

    /// Takes the 16 bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Whether it is all zeros and so names no model.
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }
}

impl fmt::Display for Aaguid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Aaguid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aaguid({self})")
    }
}

impl std::str::FromStr for Aaguid {
    type Err = AaguidError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape_ok = text.len() == 36
            && text.bytes().enumerate().all(|(at, b)| {
                if matches!(at, 8 | 13 | 18 | 23) {
                    b == b'-'
                } else {
                    b.is_ascii_hexdigit()
                }
            });
        if !shape_ok {
            return Err(AaguidError);
        }
        let number = u128::from_str_radix(&text.replace('-', ""), 16).map_err(|_| AaguidError)?;
        Ok(Self(number.to_be_bytes()))
    }
}

impl TryFrom<String> for Aaguid {
    type Error = AaguidError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Aaguid> for String {
    fn from(aaguid: Aaguid) -> Self {
        aaguid.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_id_has_1_to_1023_bytes_and_a_user_handle_1_to_64() {
        assert!(CredentialId::new(vec![]).is_err());
        assert!(CredentialId::new(vec![0]).is_ok());
        assert!(CredentialId::new(vec![0; 1023]).is_ok());
        assert!(CredentialId::new(vec![0; 1024]).is_err());
        assert!(UserHandle::new(vec![]).is_err());
        assert!(UserHandle::new(vec![0; 64]).is_ok());
        assert!(UserHandle::new(vec![0; 65]).is_err());
        assert!(serde_json::from_str::<UserHandle>("\"\"").is_err());
    }

    #[test]
    fn identifiers_travel_as_base64url_text() {
        let id = CredentialId::new(vec![0xfb, 0xff]).unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"-_8\"");
        assert_eq!(serde_json::from_str::<CredentialId>("\"-_8\"").unwrap(), id);
    }

    #[test]
    fn an_aaguid_travels_as_uuid_text() {
        let aaguid = Aaguid::new([
            0x84, 0x46, 0xcc, 0xb9, 0xab, 0x1d, 0xb3, 0x74, 0x75, 0x0b, 0x23, 0x67, 0xff, 0x6f,
            0x3a, 0x1f,
        ]);
        let text = "8446ccb9-ab1d-b374-750b-2367ff6f3a1f";
        assert_eq!(aaguid.to_string(), text);
        assert_eq!(text.parse::<Aaguid>(), Ok(aaguid));
        assert_eq!(format!("{aaguid:?}"), format!("Aaguid({text})"));
        assert_eq!(serde_json::to_value(aaguid).unwrap(), text);
        assert_eq!(
            serde_json::from_value::<Aaguid>(text.into()).unwrap(),
            aaguid
        );
        for wrong in [
            "",
            "8446ccb9ab1db374750b2367ff6f3a1f",
            "8446ccb9-ab1d-b374-750b-2367ff6f3a1",
            "+446ccb9-ab1d-b374-750b-2367ff6f3a1f",
        ] {
            assert!(wrong.parse::<Aaguid>().is_err(), "{wrong}");
        }
    }
}
