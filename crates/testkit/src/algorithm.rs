//! Signature algorithms by their COSE names (RFC 9053, 8812, 8230, 9864, 9964).

use serde::Deserialize;

/// A signature algorithm, named as in the COSE registry. A further one gets a variant and an arm in each match here and
/// in `key.rs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// As `ES256`, under the number that names the curve too.
    ESP256,
    /// As `ES384`, under the number that names the curve too.
    ESP384,
    /// As `ES512`, under the number that names the curve too.
    ESP512,
    /// ECDSA on secp256k1 with SHA-256.
    ES256K,
    /// `EdDSA` on Ed25519.
    EdDSA,
    /// As `EdDSA`, under the number that names the curve too.
    Ed25519,
    /// `EdDSA` on Ed448.
    Ed448,
    /// RSA PKCS#1 v1.5 with SHA-256, 2048 bits.
    RS256,
    /// RSA PKCS#1 v1.5 with SHA-384, 2048 bits.
    RS384,
    /// RSA PKCS#1 v1.5 with SHA-512, 2048 bits.
    RS512,
    /// RSA PSS with SHA-256, 2048 bits.
    PS256,
    /// RSA PSS with SHA-384, 2048 bits.
    PS384,
    /// RSA PSS with SHA-512, 2048 bits.
    PS512,
    /// RSA PKCS#1 v1.5 with SHA-1, 2048 bits: for attestation keys and certificates of old, and for lying authenticators.
    RS1,
    /// ML-DSA-44 of FIPS 204.
    #[serde(rename = "ML-DSA-44")]
    MlDsa44,
    /// ML-DSA-65 of FIPS 204.
    #[serde(rename = "ML-DSA-65")]
    MlDsa65,
    /// ML-DSA-87 of FIPS 204.
    #[serde(rename = "ML-DSA-87")]
    MlDsa87,
}

/// The digest that goes with an algorithm, where one does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hash {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// The digest of `message`.
    pub(crate) fn digest(self, message: &[u8]) -> Vec<u8> {
        use aws_lc_rs::digest;
        let with = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(with, message).as_ref().to_vec()
    }

    /// `TPM_ALG_ID` of the TPM 2.0 library, part 2, section 6.3.
    pub(crate) fn tpm(self) -> u16 {
        match self {
            Self::Sha1 => 0x0004,
            Self::Sha256 => 0x000b,
            Self::Sha384 => 0x000c,
            Self::Sha512 => 0x000d,
        }
    }

    /// The dotted object identifier.
    pub(crate) fn oid(self) -> &'static str {
        match self {
            Self::Sha1 => "1.3.14.3.2.26",
            Self::Sha256 => "2.16.840.1.101.3.4.2.1",
            Self::Sha384 => "2.16.840.1.101.3.4.2.2",
            Self::Sha512 => "2.16.840.1.101.3.4.2.3",
        }
    }
}

impl Algorithm {
    /// All of them, in the order in which the default profile likes them.
    pub const ALL: [Self; 20] = [
        Self::ES256,
        Self::EdDSA,
        Self::ES384,
        Self::ES512,
        Self::RS256,
        Self::PS256,
        Self::ESP256,
        Self::ESP384,
        Self::ESP512,
        Self::Ed25519,
        Self::Ed448,
        Self::ES256K,
        Self::RS384,
        Self::RS512,
        Self::PS384,
        Self::PS512,
        Self::MlDsa44,
        Self::MlDsa65,
        Self::MlDsa87,
        Self::RS1,
    ];

    /// The COSE number.
    pub fn cose(self) -> i64 {
        match self {
            Self::ES256 => -7,
            Self::ES384 => -35,
            Self::ES512 => -36,
            Self::ESP256 => -9,
            Self::ESP384 => -51,
            Self::ESP512 => -52,
            Self::ES256K => -47,
            Self::EdDSA => -8,
            Self::Ed25519 => -19,
            Self::Ed448 => -53,
            Self::RS256 => -257,
            Self::RS384 => -258,
            Self::RS512 => -259,
            Self::PS256 => -37,
            Self::PS384 => -38,
            Self::PS512 => -39,
            Self::RS1 => -65_535,
            Self::MlDsa44 => -48,
            Self::MlDsa65 => -49,
            Self::MlDsa87 => -50,
        }
    }

    /// The digest of the message that is signed; `None` where the algorithm takes the message whole.
    pub fn hash(self) -> Option<Hash> {
        match self {
            Self::RS1 => Some(Hash::Sha1),
            Self::ES256 | Self::ESP256 | Self::ES256K | Self::RS256 | Self::PS256 => {
                Some(Hash::Sha256)
            }
            Self::ES384 | Self::ESP384 | Self::RS384 | Self::PS384 => Some(Hash::Sha384),
            Self::ES512 | Self::ESP512 | Self::RS512 | Self::PS512 => Some(Hash::Sha512),
            Self::EdDSA
            | Self::Ed25519
            | Self::Ed448
            | Self::MlDsa44
            | Self::MlDsa65
            | Self::MlDsa87 => None,
        }
    }
}
