//! Key pairs of credentials: generation, signing, and the COSE form of the public half (RFC 9053, RFC 8230).

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use serde::Deserialize;

use crate::cbor;
use crate::error::Error;

/// A signature algorithm, named as in the COSE registry. A further one gets a variant and an arm in each match here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// `EdDSA` on Ed25519.
    EdDSA,
    /// RSA PKCS#1 v1.5 with SHA-256, 2048 bits.
    RS256,
    /// RSA PSS with SHA-256, 2048 bits.
    PS256,
}

impl Algorithm {
    /// All of them, in the order in which the default profile likes them.
    pub const ALL: [Self; 6] = [
        Self::ES256,
        Self::EdDSA,
        Self::ES384,
        Self::ES512,
        Self::RS256,
        Self::PS256,
    ];

    /// The COSE number.
    pub fn cose(self) -> i64 {
        match self {
            Self::ES256 => -7,
            Self::ES384 => -35,
            Self::ES512 => -36,
            Self::EdDSA => -8,
            Self::RS256 => -257,
            Self::PS256 => -37,
        }
    }
}

/// COSE curve numbers (RFC 9053, table 18).
const P256: i64 = 1;
const P384: i64 = 2;
const P521: i64 = 3;
const ED25519: i64 = 6;

/// COSE key types (RFC 9053, table 17; RFC 8230).
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;

enum Secret {
    Ec(EcdsaKeyPair, i64),
    Ed(Ed25519KeyPair),
    Rsa(RsaKeyPair, &'static dyn RsaEncoding),
}

/// The key pair of one credential.
pub(crate) struct Key {
    algorithm: Algorithm,
    secret: Secret,
}

impl Key {
    pub(crate) fn generate(algorithm: Algorithm) -> Result<Self, Error> {
        let ec = |with: &'static EcdsaSigningAlgorithm, curve| {
            EcdsaKeyPair::generate(with)
                .map(|pair| Secret::Ec(pair, curve))
                .map_err(Error::crypto)
        };
        let rsa = |encoding: &'static dyn RsaEncoding| {
            RsaKeyPair::generate(KeySize::Rsa2048)
                .map(|pair| Secret::Rsa(pair, encoding))
                .map_err(Error::crypto)
        };
        let secret = match algorithm {
            Algorithm::ES256 => ec(&ECDSA_P256_SHA256_ASN1_SIGNING, P256)?,
            Algorithm::ES384 => ec(&ECDSA_P384_SHA384_ASN1_SIGNING, P384)?,
            Algorithm::ES512 => ec(&ECDSA_P521_SHA512_ASN1_SIGNING, P521)?,
            Algorithm::EdDSA => Secret::Ed(Ed25519KeyPair::generate().map_err(Error::crypto)?),
            Algorithm::RS256 => rsa(&RSA_PKCS1_SHA256)?,
            Algorithm::PS256 => rsa(&RSA_PSS_SHA256)?,
        };
        Ok(Self { algorithm, secret })
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let random = SystemRandom::new();
        match &self.secret {
            Secret::Ec(pair, _) => Ok(pair
                .sign(&random, message)
                .map_err(Error::crypto)?
                .as_ref()
                .to_vec()),
            Secret::Ed(pair) => Ok(pair
                .try_sign(message)
                .map_err(Error::crypto)?
                .as_ref()
                .to_vec()),
            Secret::Rsa(pair, encoding) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature)
                    .map_err(Error::crypto)?;
                Ok(signature)
            }
        }
    }

    /// The credential public key as it stands in attested credential data, in CTAP2 canonical order.
    pub(crate) fn cose(&self) -> Vec<u8> {
        let algorithm = self.algorithm.cose();
        cbor::encode(|out| {
            match &self.secret {
                Secret::Ec(pair, curve) => {
                    // The first byte of an uncompressed point is 4; both coordinates have the width of the field.
                    let point = pair.public_key().as_ref();
                    let (x, y) = point[1..].split_at(point.len() / 2);
                    out.map(5)?.i64(1)?.i64(EC2)?.i64(3)?.i64(algorithm)?;
                    out.i64(-1)?
                        .i64(*curve)?
                        .i64(-2)?
                        .bytes(x)?
                        .i64(-3)?
                        .bytes(y)?;
                }
                Secret::Ed(pair) => {
                    out.map(4)?.i64(1)?.i64(OKP)?.i64(3)?.i64(algorithm)?;
                    out.i64(-1)?
                        .i64(ED25519)?
                        .i64(-2)?
                        .bytes(pair.public_key().as_ref())?;
                }
                Secret::Rsa(pair, _) => {
                    // PKCS#1 in DER. With 2048 bits its layout is fixed: SEQUENCE (4), INTEGER (4), a zero, 256 bytes
                    // of modulus, INTEGER (2), exponent.
                    let public = pair.public_key().as_ref();
                    out.map(4)?.i64(1)?.i64(RSA)?.i64(3)?.i64(algorithm)?;
                    out.i64(-1)?
                        .bytes(&public[9..265])?
                        .i64(-2)?
                        .bytes(&public[267..])?;
                }
            }
            Ok(())
        })
    }

    /// The public key as `SubjectPublicKeyInfo` in DER, which `getPublicKey()` gives to pages.
    pub(crate) fn spki(&self) -> Result<Vec<u8>, Error> {
        let der = match &self.secret {
            Secret::Ec(pair, _) => pair.public_key().as_der(),
            Secret::Ed(pair) => pair.public_key().as_der(),
            Secret::Rsa(pair, _) => pair.public_key().as_der(),
        };
        Ok(der.map_err(Error::crypto)?.as_ref().to_vec())
    }
}
