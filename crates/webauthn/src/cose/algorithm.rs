//! COSE algorithms: the table of those that can be verified (RFC 9053, 8230, 8812, 9864, 9964).

use crate::hash::Hash;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A COSE algorithm identifier, known or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CoseAlgorithm(pub i64);

/// An elliptic curve of COSE key type EC2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
    Secp256k1,
}

impl Curve {
    /// The COSE curve id.
    pub(super) const fn id(self) -> i128 {
        match self {
            Self::P256 => 1,
            Self::P384 => 2,
            Self::P521 => 3,
            Self::Secp256k1 => 8,
        }
    }

    /// Bytes of a coordinate.
    pub(crate) const fn coordinate_length(self) -> usize {
        match self {
            Self::P256 | Self::Secp256k1 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }
}

/// A parameter set of ML-DSA (FIPS 204).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MlDsa {
    MlDsa44,
    MlDsa65,
    MlDsa87,
}

impl MlDsa {
    /// Bytes of a public key.
    pub(crate) const fn key_length(self) -> usize {
        match self {
            Self::MlDsa44 => 1312,
            Self::MlDsa65 => 1952,
            Self::MlDsa87 => 2592,
        }
    }
}

/// What an algorithm identifier means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Ecdsa(Curve, Hash),
    Ed25519,
    Ed448,
    RsaPkcs1(Hash),
    RsaPss(Hash),
    MlDsa(MlDsa),
}

impl Scheme {
    /// The COSE key type that belongs to it.
    pub(super) const fn key_type(self) -> i128 {
        match self {
            Self::Ed25519 | Self::Ed448 => 1,
            Self::Ecdsa(..) => 2,
            Self::RsaPkcs1(_) | Self::RsaPss(_) => 3,
            Self::MlDsa(_) => 7,
        }
    }
}

macro_rules! algorithms {
    ($( $(#[$doc:meta])* $constant:ident = $id:literal, $name:literal, $scheme:expr; )+) => {
        impl CoseAlgorithm {
            $( $(#[$doc])* pub const $constant: Self = Self($id); )+

            /// Every algorithm that can be verified.
            pub const SUPPORTED: &'static [Self] = &[ $( Self::$constant, )+ ];

            /// The registered name, or `unknown`.
            pub const fn name(self) -> &'static str {
                match self.0 { $( $id => $name, )+ -65535 => "RS1", _ => "unknown" }
            }

            /// What the identifier means; `None` for unknown ones, which are never verified with a guess.
            pub(crate) const fn scheme(self) -> Option<Scheme> {
                use Curve::{P256, P384, P521, Secp256k1};
                use Hash::{Sha256, Sha384, Sha512};
                use MlDsa::{MlDsa44, MlDsa65, MlDsa87};
                use Scheme::{Ecdsa, Ed448, Ed25519, RsaPkcs1, RsaPss};
                match self.0 { $( $id => Some($scheme), )+ _ => None }
            }
        }
    };
}

algorithms! {
    /// ECDSA on P-256 with SHA-256.
    ES256 = -7, "ES256", Ecdsa(P256, Sha256);
    /// `EdDSA`; in WebAuthn always Ed25519.
    EDDSA = -8, "EdDSA", Ed25519;
    /// ECDSA on P-256 with SHA-256, fully specified id (RFC 9864).
    ESP256 = -9, "ESP256", Ecdsa(P256, Sha256);
    /// Ed25519, fully specified id (RFC 9864).
    ED25519 = -19, "Ed25519", Ed25519;
    /// ECDSA on P-384 with SHA-384.
    ES384 = -35, "ES384", Ecdsa(P384, Sha384);
    /// ECDSA on P-521 with SHA-512.
    ES512 = -36, "ES512", Ecdsa(P521, Sha512);
    /// RSASSA-PSS with SHA-256.
    PS256 = -37, "PS256", RsaPss(Sha256);
    /// RSASSA-PSS with SHA-384.
    PS384 = -38, "PS384", RsaPss(Sha384);
    /// RSASSA-PSS with SHA-512.
    PS512 = -39, "PS512", RsaPss(Sha512);
    /// ECDSA on secp256k1 with SHA-256 (RFC 8812).
    ES256K = -47, "ES256K", Ecdsa(Secp256k1, Sha256);
    /// ML-DSA-44 without context (RFC 9964).
    ML_DSA_44 = -48, "ML-DSA-44", Scheme::MlDsa(MlDsa44);
    /// ML-DSA-65 without context (RFC 9964).
    ML_DSA_65 = -49, "ML-DSA-65", Scheme::MlDsa(MlDsa65);
    /// ML-DSA-87 without context (RFC 9964).
    ML_DSA_87 = -50, "ML-DSA-87", Scheme::MlDsa(MlDsa87);
    /// ECDSA on P-384 with SHA-384, fully specified id (RFC 9864).
    ESP384 = -51, "ESP384", Ecdsa(P384, Sha384);
    /// ECDSA on P-521 with SHA-512, fully specified id (RFC 9864).
    ESP512 = -52, "ESP512", Ecdsa(P521, Sha512);
    /// `EdDSA` on Ed448 (RFC 9864).
    ED448 = -53, "Ed448", Ed448;
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256 = -257, "RS256", RsaPkcs1(Sha256);
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384 = -258, "RS384", RsaPkcs1(Sha384);
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512 = -259, "RS512", RsaPkcs1(Sha512);
}

impl CoseAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-1 (RFC 8812). Old TPMs sign attestation statements with it; only conformance tools make
    /// credentials for it, so it is not among [`CoseAlgorithm::SUPPORTED`].
    pub const RS1: Self = Self(-65535);

    /// What the identifier means where RS1 may be let through: in attestation statements, and with conformance tools.
    pub(crate) const fn scheme_with_rs1(self, allow_rs1: bool) -> Option<Scheme> {
        if allow_rs1 && self.0 == Self::RS1.0 {
            return Some(Scheme::RsaPkcs1(Hash::Sha1));
        }
        self.scheme()
    }

    /// Whether the curve is part of the algorithm also outside WebAuthn (RFC 9864). ES256, ES384 and ES512 fix only the hash there.
    pub(crate) const fn names_its_curve(self) -> bool {
        matches!(
            self,
            Self::ESP256 | Self::ESP384 | Self::ESP512 | Self::ES256K
        )
    }

    /// Whether the algorithm withstands quantum computers. Few clients know such algorithms yet.
    pub const fn is_post_quantum(self) -> bool {
        matches!(self.scheme(), Some(Scheme::MlDsa(_)))
    }

    /// Whether signatures of this algorithm can be verified.
    pub const fn is_supported(self) -> bool {
        self.scheme().is_some()
    }
}

impl fmt::Display for CoseAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.name())
    }
}
