//! What an attestation proves.

use serde::{Deserialize, Serialize};

/// The attestation types (WebAuthn 6.5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttestationType {
    /// No attestation.
    None,
    /// Signed by the credential's own key.
    #[serde(rename = "self")]
    SelfAttestation,
    /// Signed by a key of the authenticator model.
    Basic,
    /// Certified by an attestation CA.
    AttCa,
    /// Certified by an anonymisation CA.
    AnonCa,
    /// Several statements, each of a type of its own.
    Compound,
}

impl AttestationType {
    /// `none`, `self`, `basic`, `att_ca`, `anon_ca` or `compound`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::SelfAttestation => "self",
            Self::Basic => "basic",
            Self::AttCa => "att_ca",
            Self::AnonCa => "anon_ca",
            Self::Compound => "compound",
        }
    }
}
