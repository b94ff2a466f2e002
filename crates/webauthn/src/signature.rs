//! Signature checks and point checks: the only module that touches the cryptography libraries for keys.

use crate::cose::{CoseKeyError, Curve, Hash, KeyMaterial, PublicKey, Scheme};
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    self as aws, EcdsaVerificationAlgorithm, RsaParameters, UnparsedPublicKey,
};
use curve25519_dalek::constants::EIGHT_TORSION;
use curve25519_dalek::edwards::CompressedEdwardsY;
use std::sync::LazyLock;

/// The signature does not verify. No more is said: the libraries do not tell, and nobody outside should know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not verify")]
pub struct SignatureInvalid;

/// Checks a signature with the algorithm that the key names; nothing in the answer chooses it.
///
/// ECDSA signatures are strict DER (6.5.5), RSA signatures have the length of the modulus, PSS salts that of the hash.
///
/// # Errors
/// [`SignatureInvalid`].
pub fn verify(key: &PublicKey, message: &[u8], signature: &[u8]) -> Result<(), SignatureInvalid> {
    verify_with(key.scheme(), key.material(), message, signature)
}

pub(crate) fn verify_with(
    scheme: Scheme,
    material: &KeyMaterial,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureInvalid> {
    let outcome = match (scheme, material) {
        (Scheme::Ecdsa(curve, hash), KeyMaterial::Ec(point)) => {
            UnparsedPublicKey::new(ecdsa(curve, hash), point).verify(message, signature)
        }
        (Scheme::Ed25519, KeyMaterial::Ed25519(point)) => {
            // A stored key might not have come through a registration, and with a point of small order anyone can sign.
            check_ed25519(point).map_err(|_| SignatureInvalid)?;
            UnparsedPublicKey::new(&aws::ED25519, point).verify(message, signature)
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
        .verify(rsa_pss(hash), message, signature),
        (_, KeyMaterial::Ec(_) | KeyMaterial::Ed25519(_) | KeyMaterial::Rsa { .. }) => {
            return Err(SignatureInvalid);
        }
    };
    outcome.map_err(|_| SignatureInvalid)
}

/// COSE fixes one hash for each curve; certificates also pair them otherwise.
fn ecdsa(curve: Curve, hash: Hash) -> &'static EcdsaVerificationAlgorithm {
    match (curve, hash) {
        (Curve::P256, Hash::Sha256) => &aws::ECDSA_P256_SHA256_ASN1,
        (Curve::P256, Hash::Sha384) => &aws::ECDSA_P256_SHA384_ASN1,
        (Curve::P256, Hash::Sha512) => &aws::ECDSA_P256_SHA512_ASN1,
        (Curve::P384, Hash::Sha256) => &aws::ECDSA_P384_SHA256_ASN1,
        (Curve::P384, Hash::Sha384) => &aws::ECDSA_P384_SHA384_ASN1,
        (Curve::P384, Hash::Sha512) => &aws::ECDSA_P384_SHA512_ASN1,
        (Curve::P521, Hash::Sha256) => &aws::ECDSA_P521_SHA256_ASN1,
        (Curve::P521, Hash::Sha384) => &aws::ECDSA_P521_SHA384_ASN1,
        (Curve::P521, Hash::Sha512) => &aws::ECDSA_P521_SHA512_ASN1,
    }
}

fn rsa_pkcs1(hash: Hash) -> &'static RsaParameters {
    match hash {
        Hash::Sha256 => &aws::RSA_PKCS1_2048_8192_SHA256,
        Hash::Sha384 => &aws::RSA_PKCS1_2048_8192_SHA384,
        Hash::Sha512 => &aws::RSA_PKCS1_2048_8192_SHA512,
    }
}

fn rsa_pss(hash: Hash) -> &'static RsaParameters {
    match hash {
        Hash::Sha256 => &aws::RSA_PSS_2048_8192_SHA256,
        Hash::Sha384 => &aws::RSA_PSS_2048_8192_SHA384,
        Hash::Sha512 => &aws::RSA_PSS_2048_8192_SHA512,
    }
}

/// Is the key a usable point: coordinates below the prime, on the curve, not of small order (5.8.5, RFC 8032 section 5.1.3)?
pub(crate) fn check_point(scheme: Scheme, material: &KeyMaterial) -> Result<(), CoseKeyError> {
    match (scheme, material) {
        (Scheme::Ecdsa(curve, _), KeyMaterial::Ec(point)) => {
            let algorithm = match curve {
                Curve::P256 => &aws::ECDSA_P256_SHA256_ASN1,
                Curve::P384 => &aws::ECDSA_P384_SHA384_ASN1,
                Curve::P521 => &aws::ECDSA_P521_SHA512_ASN1,
            };
            let parsed = UnparsedPublicKey::new(algorithm, point).parse();
            parsed
                .map(|_| ())
                .map_err(|_| CoseKeyError::PointInvalid("it is not on the curve"))
        }
        (_, KeyMaterial::Ed25519(point)) => {
            let encoded = check_ed25519(point)?;
            let point = CompressedEdwardsY(encoded).decompress();
            point
                .map(|_| ())
                .ok_or(CoseKeyError::PointInvalid("it is not on the curve"))
        }
        // RSA numbers are checked while reading.
        (_, KeyMaterial::Rsa { .. } | KeyMaterial::Ec(_)) => Ok(()),
    }
}

/// The y coordinates of the eight points of small order, without the sign of x.
static SMALL_ORDER: LazyLock<[[u8; 32]; 8]> =
    LazyLock::new(|| EIGHT_TORSION.map(|point| without_sign(point.compress().to_bytes())));

/// Is the encoded point canonical and not of small order? That is decided by y alone and without arithmetic, so that it
/// can be asked before every signature check.
fn check_ed25519(encoded: &[u8]) -> Result<[u8; 32], CoseKeyError> {
    let encoded: [u8; 32] = encoded
        .try_into()
        .map_err(|_| CoseKeyError::PointInvalid("an Ed25519 key has 32 bytes"))?;
    let y = without_sign(encoded);
    if !is_below_prime(&y) {
        return Err(CoseKeyError::PointInvalid("it is not in canonical form"));
    }
    if SMALL_ORDER.contains(&y) {
        return Err(CoseKeyError::PointInvalid("it is of small order"));
    }
    Ok(encoded)
}

/// The highest bit of an encoded point is the sign of x (RFC 8032 section 5.1.2).
fn without_sign(mut encoded: [u8; 32]) -> [u8; 32] {
    encoded[31] &= 0x7f;
    encoded
}

/// Is the little-endian number below 2^255 - 19?
fn is_below_prime(y: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = y;
    !(*high == 0x7f && middle.iter().all(|byte| *byte == 0xff) && *low >= 0xed)
}
