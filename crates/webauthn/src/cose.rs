//! COSE algorithms and public keys (WebAuthn 5.8.5, 6.5.1.1; RFC 9052, 9053, 8230, 8812, 9864, 9964).

use crate::Reason;
use crate::cbor::{self, CborError, KeyOrder, Value};
use crate::signature;
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
    const fn id(self) -> i128 {
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

/// A hash function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    /// Only in signatures of old attestation keys.
    Sha1,
    Sha256,
    Sha384,
    Sha512,
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
    const fn key_type(self) -> i128 {
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
    /// What is offered unless a Relying Party says otherwise, most wanted first (WebAuthn 5.4 recommends this set).
    pub const DEFAULT_OFFER: &'static [Self] = &[Self::EDDSA, Self::ES256, Self::RS256];

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

    /// Is the curve part of the algorithm also outside WebAuthn (RFC 9864)? ES256 and its kin fix only the hash there.
    pub(crate) const fn names_its_curve(self) -> bool {
        matches!(
            self,
            Self::ESP256 | Self::ESP384 | Self::ESP512 | Self::ES256K
        )
    }

    /// Is it one of the algorithms that withstand quantum computers and that few clients know yet?
    pub const fn is_post_quantum(self) -> bool {
        matches!(self.scheme(), Some(Scheme::MlDsa(_)))
    }

    /// Can signatures of this algorithm be verified?
    pub const fn is_supported(self) -> bool {
        self.scheme().is_some()
    }
}

impl fmt::Display for CoseAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.name())
    }
}

/// What is wrong with a COSE key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CoseKeyError {
    /// Not canonical CBOR.
    #[error("the COSE key is not canonical CBOR: {0}")]
    Cbor(CborError),
    /// CBOR, but not a map.
    #[error("the COSE key is not a map")]
    NotAMap,
    /// A label that must be there is not, or has another type.
    #[error("label {label} of the COSE key must be {expected}")]
    Label {
        /// The label.
        label: i8,
        /// What it must be.
        expected: &'static str,
    },
    /// A label that does not belong to the key type.
    #[error("the COSE key has a label that does not belong to its key type")]
    UnexpectedLabel,
    /// 7.1 step 20.
    #[error("the algorithm {found} is not one of those offered: {offered}")]
    AlgorithmNotAllowed {
        /// The key's algorithm.
        found: CoseAlgorithm,
        /// What was offered, for people.
        offered: String,
    },
    /// Nobody here can verify it.
    #[error("the algorithm {0} is not supported")]
    AlgorithmUnsupported(CoseAlgorithm),
    /// Key type or curve contradict the algorithm.
    #[error("{what} {found} does not belong to the algorithm {algorithm}")]
    AlgorithmMismatch {
        /// `key type` or `curve`.
        what: &'static str,
        /// The number found.
        found: i128,
        /// The key's algorithm.
        algorithm: CoseAlgorithm,
    },
    /// Not a usable point.
    #[error("the public key is not a valid point: {0}")]
    PointInvalid(&'static str),
    /// Not a usable RSA key.
    #[error("the RSA key is not acceptable: {0}")]
    RsaInvalid(&'static str),
}

impl CoseKeyError {
    /// The flat reason.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Cbor(_) | Self::NotAMap | Self::Label { .. } | Self::UnexpectedLabel => {
                Reason::CoseKeyMalformed
            }
            Self::AlgorithmNotAllowed { .. } => Reason::AlgorithmNotAllowed,
            Self::AlgorithmUnsupported(_) => Reason::AlgorithmUnsupported,
            Self::AlgorithmMismatch { .. } => Reason::CoseKeyAlgorithmMismatch,
            Self::PointInvalid(_) => Reason::CoseKeyPointInvalid,
            Self::RsaInvalid(_) => Reason::CoseKeyRsaInvalid,
        }
    }
}

/// The key's numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyMaterial {
    /// Uncompressed point: 4, x, y.
    Ec(Vec<u8>),
    /// Encoded point.
    Ed25519(Vec<u8>),
    /// Encoded point.
    Ed448(Vec<u8>),
    /// The bytes of FIPS 204.
    MlDsa(Vec<u8>),
    /// Modulus and exponent, big-endian without leading zeros.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
}

/// A public key whose type, curve and algorithm agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    algorithm: CoseAlgorithm,
    scheme: Scheme,
    material: KeyMaterial,
}

impl PublicKey {
    /// Reads a COSE key and checks everything about it: form, agreement of type, curve and algorithm, and that it is a usable
    /// point or RSA key.
    ///
    /// # Errors
    /// [`CoseKeyError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, CoseKeyError> {
        let key = Self::load(bytes, false)?;
        signature::check_point(key.scheme, &key.material)?;
        Ok(key)
    }

    /// As [`PublicKey::parse`], without the arithmetic on curve points that checking an ECDSA signature repeats anyway. For
    /// stored keys.
    pub(crate) fn load(bytes: &[u8], allow_rs1: bool) -> Result<Self, CoseKeyError> {
        CoseKey::read(bytes)?.into_public_key(allow_rs1)
    }

    /// The algorithm, as the key names it.
    pub fn algorithm(&self) -> CoseAlgorithm {
        self.algorithm
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(crate) fn material(&self) -> &KeyMaterial {
        &self.material
    }
}

/// A COSE key of which only type and algorithm have been read, so that the algorithm can be judged first (7.1 step 20).
pub(crate) struct CoseKey<'a> {
    key_type: i128,
    pub(crate) algorithm: CoseAlgorithm,
    map: Value<'a>,
}

impl<'a> CoseKey<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, CoseKeyError> {
        let map = cbor::read(bytes, KeyOrder::Canonical).map_err(CoseKeyError::Cbor)?;
        let entries = map.as_map().ok_or(CoseKeyError::NotAMap)?;
        let integer = |label: i8, expected| {
            let value = label_of(entries, label).and_then(Value::as_integer);
            value.ok_or(CoseKeyError::Label { label, expected })
        };
        let key_type = integer(1, "the key type, an integer")?;
        let algorithm = integer(3, "the algorithm, an integer")?;
        let algorithm = i64::try_from(algorithm).map_err(|_| CoseKeyError::Label {
            label: 3,
            expected: "an integer of 64 bits",
        })?;
        Ok(Self {
            key_type,
            algorithm: CoseAlgorithm(algorithm),
            map,
        })
    }

    pub(crate) fn into_public_key(self, allow_rs1: bool) -> Result<PublicKey, CoseKeyError> {
        let Self {
            key_type,
            algorithm,
            map,
        } = self;
        let entries = map.as_map().ok_or(CoseKeyError::NotAMap)?;
        let scheme = algorithm
            .scheme_with_rs1(allow_rs1)
            .ok_or(CoseKeyError::AlgorithmUnsupported(algorithm))?;
        if key_type != scheme.key_type() {
            return Err(CoseKeyError::AlgorithmMismatch {
                what: "key type",
                found: key_type,
                algorithm,
            });
        }
        let only = |labels: &[i128]| {
            let known = |key: &Value<'_>| {
                key.as_integer()
                    .is_some_and(|label| labels.contains(&label))
            };
            if entries.iter().all(|(key, _)| known(key)) {
                Ok(())
            } else {
                Err(CoseKeyError::UnexpectedLabel)
            }
        };
        let curve = |expected: i128| {
            let found =
                label_of(entries, -1)
                    .and_then(Value::as_integer)
                    .ok_or(CoseKeyError::Label {
                        label: -1,
                        expected: "the curve, an integer",
                    })?;
            if found == expected {
                Ok(())
            } else {
                Err(CoseKeyError::AlgorithmMismatch {
                    what: "curve",
                    found,
                    algorithm,
                })
            }
        };
        let bytes = |label: i8, expected: &'static str| {
            label_of(entries, label)
                .and_then(Value::as_bytes)
                .ok_or(CoseKeyError::Label { label, expected })
        };

        let material = match scheme {
            Scheme::Ecdsa(of, _) => {
                only(&[1, 3, -1, -2, -3])?;
                curve(of.id())?;
                if matches!(label_of(entries, -3), Some(Value::Bool(_))) {
                    return Err(CoseKeyError::PointInvalid("it is compressed"));
                }
                let x = bytes(-2, "the x coordinate, a byte string")?;
                let y = bytes(-3, "the y coordinate, a byte string")?;
                let length = of.coordinate_length();
                if x.len() != length || y.len() != length {
                    return Err(CoseKeyError::PointInvalid(
                        "a coordinate has not the length of the field",
                    ));
                }
                let mut point = Vec::with_capacity(1 + 2 * length);
                point.push(4);
                point.extend_from_slice(x);
                point.extend_from_slice(y);
                KeyMaterial::Ec(point)
            }
            Scheme::Ed25519 => {
                only(&[1, 3, -1, -2])?;
                curve(6)?;
                let x = bytes(-2, "the encoded point, a byte string")?;
                if x.len() != 32 {
                    return Err(CoseKeyError::PointInvalid("an Ed25519 key has 32 bytes"));
                }
                KeyMaterial::Ed25519(x.to_vec())
            }
            Scheme::Ed448 => {
                only(&[1, 3, -1, -2])?;
                curve(7)?;
                let x = bytes(-2, "the encoded point, a byte string")?;
                if x.len() != 57 {
                    return Err(CoseKeyError::PointInvalid("an Ed448 key has 57 bytes"));
                }
                KeyMaterial::Ed448(x.to_vec())
            }
            Scheme::MlDsa(set) => {
                only(&[1, 3, -1])?;
                let key = bytes(-1, "the public key, a byte string")?;
                if key.len() != set.key_length() {
                    return Err(CoseKeyError::Label {
                        label: -1,
                        expected: "a public key of the parameter set's length",
                    });
                }
                KeyMaterial::MlDsa(key.to_vec())
            }
            Scheme::RsaPkcs1(_) | Scheme::RsaPss(_) => {
                only(&[1, 3, -1, -2])?;
                let modulus = bytes(-1, "the modulus, a byte string")?;
                let exponent = bytes(-2, "the exponent, a byte string")?;
                check_rsa(modulus, exponent)?;
                KeyMaterial::Rsa {
                    modulus: modulus.to_vec(),
                    exponent: exponent.to_vec(),
                }
            }
        };
        Ok(PublicKey {
            algorithm,
            scheme,
            material,
        })
    }
}

fn label_of<'v, 'a>(entries: &'v [(Value<'a>, Value<'a>)], label: i8) -> Option<&'v Value<'a>> {
    entries
        .iter()
        .find_map(|(key, value)| (key.as_integer() == Some(i128::from(label))).then_some(value))
}

/// Fewest bits of an RSA modulus.
pub const MIN_RSA_BITS: usize = 2048;
/// Most bits of an RSA modulus: the time of a check grows with their square.
pub const MAX_RSA_BITS: usize = 4096;

/// [`MIN_RSA_BITS`] to [`MAX_RSA_BITS`], both numbers odd and without leading zeros, 65537 <= exponent < 2^32.
pub(crate) fn check_rsa(modulus: &[u8], exponent: &[u8]) -> Result<(), CoseKeyError> {
    let (Some(first), Some(last)) = (modulus.first(), modulus.last()) else {
        return Err(CoseKeyError::RsaInvalid("the modulus is empty"));
    };
    if *first == 0 || exponent.first() == Some(&0) {
        return Err(CoseKeyError::RsaInvalid("a number has leading zeros"));
    }
    let bits = modulus.len() * 8 - first.leading_zeros() as usize;
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
        return Err(CoseKeyError::RsaInvalid(
            "the modulus must have 2048 to 4096 bits",
        ));
    }
    if last % 2 == 0 {
        return Err(CoseKeyError::RsaInvalid("the modulus is even"));
    }
    if exponent.len() > 4 {
        return Err(CoseKeyError::RsaInvalid(
            "the exponent has more than 32 bits",
        ));
    }
    let number = exponent
        .iter()
        .fold(0u32, |number, byte| number << 8 | u32::from(*byte));
    if number < 65_537 || number % 2 == 0 {
        return Err(CoseKeyError::RsaInvalid(
            "the exponent must be odd and at least 65537",
        ));
    }
    Ok(())
}
