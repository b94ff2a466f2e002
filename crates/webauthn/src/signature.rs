//! Signature checks. Only this module, the point checks of `cose` and `hash` use the cryptography libraries.

use crate::cose::{Curve, KeyMaterial, MlDsa, PublicKey, Scheme, check_ed448, check_ed25519};
use crate::hash::Hash;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    self as aws, EcdsaVerificationAlgorithm, ParsedPublicKey, PqdsaVerificationAlgorithm,
    RsaParameters, UnparsedPublicKey,
};

/// The signature does not verify. There is no further detail: the libraries give none, and callers need none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct SignatureInvalid;

/// Checks a signature with the algorithm that the key names; nothing in the response chooses it.
///
/// ECDSA signatures are strict DER (6.5.5), RSA signatures have the length of the modulus, PSS salts that of the hash.
///
/// # Errors
/// [`SignatureInvalid`].
pub fn verify(key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), SignatureInvalid> {
    verify_with(key.scheme(), key.material(), message, signature)
}

/// A key in the form of the library, made once to verify many signatures. `None` if the library has no such form of it, or if the key cannot
/// be used.
pub(crate) struct Ready(Option<ParsedPublicKey>);

impl Ready {
    /// Prepares a key. One that cannot be prepared is judged at each [`Self::verify`].
    pub(crate) fn new(key: &PublicKey) -> Self {
        let parsed = match (key.scheme(), key.material()) {
            (Scheme::Ecdsa(curve, hash), KeyMaterial::Ec(point)) => {
                ecdsa(curve, hash).and_then(|algorithm| ParsedPublicKey::new(algorithm, point).ok())
            }
            (Scheme::Ed25519, KeyMaterial::Ed25519(point)) => check_ed25519(point)
                .ok()
                .and_then(|_| ParsedPublicKey::new(&aws::ED25519, point).ok()),
            (Scheme::MlDsa(set), KeyMaterial::MlDsa(key)) => {
                ParsedPublicKey::new(ml_dsa(set), key).ok()
            }
            _ => None,
        };
        Self(parsed)
    }

    /// As [`verify`] with the key that this was made of.
    pub(crate) fn verify(
        &self,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureInvalid> {
        match &self.0 {
            Some(parsed) => parsed
                .verify_sig(message, signature)
                .map_err(|_| SignatureInvalid),
            None => verify(key, message, signature),
        }
    }
}

pub(crate) fn verify_with(
    scheme: Scheme,
    material: &KeyMaterial,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureInvalid> {
    let outcome = match (scheme, material) {
        (Scheme::Ecdsa(curve, hash), KeyMaterial::Ec(point)) => {
            let algorithm = ecdsa(curve, hash).ok_or(SignatureInvalid)?;
            UnparsedPublicKey::new(algorithm, point).verify(message, signature)
        }
        (Scheme::Ed25519, KeyMaterial::Ed25519(point)) => {
            // A stored key might not have come through a registration, and with a point of small order anyone can sign.
            check_ed25519(point).map_err(|_| SignatureInvalid)?;
            UnparsedPublicKey::new(&aws::ED25519, point).verify(message, signature)
        }
        (Scheme::Ed448, KeyMaterial::Ed448(point)) => {
            let key = check_ed448(point).map_err(|_| SignatureInvalid)?;
            let signature =
                ed448_goldilocks::Signature::from_slice(signature).map_err(|_| SignatureInvalid)?;
            return key
                .verify_raw(&signature, message)
                .map_err(|_| SignatureInvalid);
        }
        (Scheme::RsaPkcs1(hash), KeyMaterial::Rsa { modulus, exponent }) => PublicKeyComponents {
            n: modulus,
            e: exponent,
        }
        .verify(rsa_pkcs1(hash), message, signature),
        (Scheme::RsaPss(hash), KeyMaterial::Rsa { modulus, exponent }) => PublicKeyComponents {
            n: modulus,
            e: exponent,
        }
        .verify(rsa_pss(hash).ok_or(SignatureInvalid)?, message, signature),
        (Scheme::MlDsa(set), KeyMaterial::MlDsa(key)) => {
            UnparsedPublicKey::new(ml_dsa(set), key).verify(message, signature)
        }
        (
            _,
            KeyMaterial::Ec(_)
            | KeyMaterial::Ed25519(_)
            | KeyMaterial::Ed448(_)
            | KeyMaterial::Rsa { .. }
            | KeyMaterial::MlDsa(_),
        ) => {
            return Err(SignatureInvalid);
        }
    };
    outcome.map_err(|_| SignatureInvalid)
}

/// ES256 as JSON Web Signatures write it (RFC 7518 section 3.4): two numbers of fixed length instead of DER.
pub(crate) fn verify_es256_fixed(
    material: &KeyMaterial,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureInvalid> {
    match material {
        KeyMaterial::Ec(point) => UnparsedPublicKey::new(&aws::ECDSA_P256_SHA256_FIXED, point)
            .verify(message, signature)
            .map_err(|_| SignatureInvalid),
        _ => Err(SignatureInvalid),
    }
}

/// COSE fixes one hash for each curve; certificates also pair them otherwise.
fn ecdsa(curve: Curve, hash: Hash) -> Option<&'static EcdsaVerificationAlgorithm> {
    Some(match (curve, hash) {
        (Curve::P256, Hash::Sha256) => &aws::ECDSA_P256_SHA256_ASN1,
        (Curve::P256, Hash::Sha384) => &aws::ECDSA_P256_SHA384_ASN1,
        (Curve::P256, Hash::Sha512) => &aws::ECDSA_P256_SHA512_ASN1,
        (Curve::P384, Hash::Sha256) => &aws::ECDSA_P384_SHA256_ASN1,
        (Curve::P384, Hash::Sha384) => &aws::ECDSA_P384_SHA384_ASN1,
        (Curve::P384, Hash::Sha512) => &aws::ECDSA_P384_SHA512_ASN1,
        (Curve::P521, Hash::Sha256) => &aws::ECDSA_P521_SHA256_ASN1,
        (Curve::P521, Hash::Sha384) => &aws::ECDSA_P521_SHA384_ASN1,
        (Curve::P521, Hash::Sha512) => &aws::ECDSA_P521_SHA512_ASN1,
        (Curve::Secp256k1, Hash::Sha256) => &aws::ECDSA_P256K1_SHA256_ASN1,
        (Curve::Secp256k1, Hash::Sha384 | Hash::Sha512) | (_, Hash::Sha1) => return None,
    })
}

fn rsa_pkcs1(hash: Hash) -> &'static RsaParameters {
    match hash {
        Hash::Sha1 => &aws::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha256 => &aws::RSA_PKCS1_2048_8192_SHA256,
        Hash::Sha384 => &aws::RSA_PKCS1_2048_8192_SHA384,
        Hash::Sha512 => &aws::RSA_PKCS1_2048_8192_SHA512,
    }
}

fn rsa_pss(hash: Hash) -> Option<&'static RsaParameters> {
    match hash {
        Hash::Sha1 => None,
        Hash::Sha256 => Some(&aws::RSA_PSS_2048_8192_SHA256),
        Hash::Sha384 => Some(&aws::RSA_PSS_2048_8192_SHA384),
        Hash::Sha512 => Some(&aws::RSA_PSS_2048_8192_SHA512),
    }
}

fn ml_dsa(set: MlDsa) -> &'static PqdsaVerificationAlgorithm {
    match set {
        MlDsa::MlDsa44 => &aws::ML_DSA_44,
        MlDsa::MlDsa65 => &aws::ML_DSA_65,
        MlDsa::MlDsa87 => &aws::ML_DSA_87,
    }
}
