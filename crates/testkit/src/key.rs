//! Key pairs of credentials and certificates: generation, signing, and the public half in its forms: COSE (RFC 9053, RFC
//! 8230, RFC 9964), `SubjectPublicKeyInfo` (RFC 5480, 8017, 8410, 9881).

use std::collections::BTreeMap;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256K1_SHA256_ASN1_SIGNING,
    ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, ML_DSA_44_SIGNING, ML_DSA_65_SIGNING,
    ML_DSA_87_SIGNING, PqdsaKeyPair, PqdsaSigningAlgorithm, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use num_bigint::BigUint;

use crate::algorithm::{Algorithm, Hash};
use crate::cbor;
use crate::der;
use crate::error::Error;
use crate::lies::CoseLies;
use crate::random::random_bytes;

/// An elliptic curve for ECDSA.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
    Secp256k1,
}

impl Curve {
    /// The COSE number (RFC 9053, table 18; RFC 8812).
    fn cose(self) -> i64 {
        match self {
            Self::P256 => 1,
            Self::P384 => 2,
            Self::P521 => 3,
            Self::Secp256k1 => 8,
        }
    }

    fn oid(self) -> &'static str {
        match self {
            Self::P256 => "1.2.840.10045.3.1.7",
            Self::P384 => "1.3.132.0.34",
            Self::P521 => "1.3.132.0.35",
            Self::Secp256k1 => "1.3.132.0.10",
        }
    }

    fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
            Self::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
            Self::P521 => &ECDSA_P521_SHA512_ASN1_SIGNING,
            Self::Secp256k1 => &ECDSA_P256K1_SHA256_ASN1_SIGNING,
        }
    }
}

/// COSE curve numbers of octet key pairs (RFC 9053, table 18).
const ED25519: i64 = 6;
const ED448: i64 = 7;

/// COSE key types (RFC 9053, table 17; RFC 8230; RFC 9964).
const OKP: i64 = 1;
const EC2: i64 = 2;
const RSA: i64 = 3;
const AKP: i64 = 7;

/// `rsaEncryption` (RFC 8017).
const RSA_ENCRYPTION: &str = "1.2.840.113549.1.1.1";

enum Secret {
    Ec(EcdsaKeyPair, Curve),
    Ed25519(Ed25519KeyPair),
    Ed448(Box<ed448_goldilocks::SigningKey>),
    Rsa(RsaKeyPair),
    MlDsa(PqdsaKeyPair),
}

/// The public half in its parts.
pub(crate) enum Public {
    /// Both coordinates have the width of the field.
    Ec {
        curve: Curve,
        x: Vec<u8>,
        y: Vec<u8>,
    },
    /// Modulus and exponent, big-endian, without leading zeros.
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// Every other key: the bytes as they are.
    Raw(Vec<u8>),
}

/// A key pair and the algorithm it is meant for.
pub(crate) struct Key {
    algorithm: Algorithm,
    secret: Secret,
}

impl Key {
    pub(crate) fn generate(algorithm: Algorithm) -> Result<Self, Error> {
        let ec = |curve: Curve| {
            EcdsaKeyPair::generate(curve.signing())
                .map(|pair| Secret::Ec(pair, curve))
                .map_err(Error::crypto)
        };
        let ml_dsa = |with: &'static PqdsaSigningAlgorithm| {
            PqdsaKeyPair::generate(with)
                .map(Secret::MlDsa)
                .map_err(Error::crypto)
        };
        let secret = match algorithm {
            Algorithm::ES256 | Algorithm::ESP256 => ec(Curve::P256)?,
            Algorithm::ES384 | Algorithm::ESP384 => ec(Curve::P384)?,
            Algorithm::ES512 | Algorithm::ESP512 => ec(Curve::P521)?,
            Algorithm::ES256K => ec(Curve::Secp256k1)?,
            Algorithm::EdDSA | Algorithm::Ed25519 => {
                Secret::Ed25519(Ed25519KeyPair::generate().map_err(Error::crypto)?)
            }
            Algorithm::Ed448 => {
                let seed = random_bytes(57)?;
                let key =
                    ed448_goldilocks::SigningKey::try_from(&seed[..]).map_err(Error::crypto)?;
                Secret::Ed448(Box::new(key))
            }
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512
            | Algorithm::RS1 => {
                Secret::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).map_err(Error::crypto)?)
            }
            Algorithm::MlDsa44 => ml_dsa(&ML_DSA_44_SIGNING)?,
            Algorithm::MlDsa65 => ml_dsa(&ML_DSA_65_SIGNING)?,
            Algorithm::MlDsa87 => ml_dsa(&ML_DSA_87_SIGNING)?,
        };
        Ok(Self { algorithm, secret })
    }

    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The private key of an elliptic-curve pair as PKCS #8, DER.
    pub(crate) fn pkcs8(&self) -> Result<Vec<u8>, Error> {
        match &self.secret {
            Secret::Ec(pair, _) => Ok(pair.to_pkcs8v1().map_err(Error::crypto)?.as_ref().to_vec()),
            _ => Err(Error::Unsupported(
                "private keys are given out for elliptic curves only",
            )),
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        self.sign_as(self.algorithm, message)
    }

    /// Signs with another algorithm of the same kind of key, which matters to RSA only.
    pub(crate) fn sign_as(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, Error> {
        if algorithm != self.algorithm && !matches!(self.secret, Secret::Rsa(_)) {
            return Err(Error::Unsupported(
                "only an RSA key signs with several algorithms",
            ));
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "the library signs with its own generator only"
        )]
        let random = SystemRandom::new();
        match &self.secret {
            Secret::Ec(pair, _) => Ok(pair
                .sign(&random, message)
                .map_err(Error::crypto)?
                .as_ref()
                .to_vec()),
            Secret::Ed25519(pair) => Ok(pair
                .try_sign(message)
                .map_err(Error::crypto)?
                .as_ref()
                .to_vec()),
            Secret::Ed448(key) => Ok(key.sign_raw(message).to_bytes().to_vec()),
            Secret::Rsa(pair) => {
                let encoding: &'static dyn RsaEncoding = match algorithm {
                    Algorithm::RS256 => &RSA_PKCS1_SHA256,
                    Algorithm::RS384 => &RSA_PKCS1_SHA384,
                    Algorithm::RS512 => &RSA_PKCS1_SHA512,
                    Algorithm::PS256 => &RSA_PSS_SHA256,
                    Algorithm::PS384 => &RSA_PSS_SHA384,
                    Algorithm::PS512 => &RSA_PSS_SHA512,
                    Algorithm::RS1 => return sign_with_sha1(pair, message),
                    _ => return Err(Error::Unsupported("an RSA key signs with RSA only")),
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut signature)
                    .map_err(Error::crypto)?;
                Ok(signature)
            }
            Secret::MlDsa(pair) => {
                let mut signature = vec![0; pair.algorithm().signature_len()];
                let length = pair.sign(message, &mut signature).map_err(Error::crypto)?;
                signature.truncate(length);
                Ok(signature)
            }
        }
    }

    pub(crate) fn public(&self) -> Public {
        match &self.secret {
            Secret::Ec(pair, curve) => {
                // The first byte of an uncompressed point is 4; both coordinates have the width of the field.
                let point = pair.public_key().as_ref();
                let (x, y) = point[1..].split_at(point.len() / 2);
                Public::Ec {
                    curve: *curve,
                    x: x.to_vec(),
                    y: y.to_vec(),
                }
            }
            Secret::Ed25519(pair) => Public::Raw(pair.public_key().as_ref().to_vec()),
            Secret::Ed448(key) => Public::Raw(key.verifying_key().to_bytes().to_vec()),
            Secret::Rsa(pair) => {
                // RSAPublicKey of RFC 8017: SEQUENCE of modulus and exponent.
                let parts = der::elements(pair.public_key().as_ref());
                let part = |at: usize| unsigned(parts.get(at).copied().unwrap_or_default());
                Public::Rsa {
                    n: part(0),
                    e: part(1),
                }
            }
            Secret::MlDsa(pair) => Public::Raw(pair.public_key().as_ref().to_vec()),
        }
    }

    /// The credential public key as it stands in attested credential data, in CTAP2 canonical order.
    pub(crate) fn cose(&self) -> Vec<u8> {
        self.cose_with(&CoseLies::default())
    }

    /// The same with faults.
    pub(crate) fn cose_with(&self, lies: &CoseLies) -> Vec<u8> {
        let mut members = vec![(3, Label::Number(self.algorithm.cose()))];
        match (self.public(), &self.secret) {
            (Public::Ec { curve, x, y }, _) => members.extend([
                (1, Label::Number(EC2)),
                (-1, Label::Number(curve.cose())),
                (-2, bent_x(x, lies)),
                (-3, bent_y(y, lies)),
            ]),
            (Public::Rsa { n, e }, _) => members.extend([
                (1, Label::Number(RSA)),
                (-1, Label::Bytes(n)),
                (-2, Label::Bytes(e)),
            ]),
            (Public::Raw(key), Secret::MlDsa(_)) => {
                members.extend([(1, Label::Number(AKP)), (-1, Label::Bytes(key))]);
            }
            (Public::Raw(key), secret) => {
                let curve = match secret {
                    Secret::Ed448(_) => ED448,
                    _ => ED25519,
                };
                members.extend([
                    (1, Label::Number(OKP)),
                    (-1, Label::Number(curve)),
                    (-2, Label::Bytes(key)),
                ]);
            }
        }
        let mut members: BTreeMap<i64, Label> = members.into_iter().collect();
        members.extend(
            lies.numbers
                .iter()
                .map(|(label, number)| (*label, Label::Number(*number))),
        );
        let strings = lies.bytes.iter();
        members.extend(strings.map(|(label, bytes)| (*label, Label::Bytes(bytes.0.clone()))));
        members.retain(|label, _| !lies.without.contains(label));

        // Canonical order: 0, 1, 2 ... and then -1, -2, -3 ...
        let mut members: Vec<(i64, Label)> = members.into_iter().collect();
        members.sort_by_key(|(label, _)| (*label < 0, label.unsigned_abs()));
        if lies.reversed {
            members.reverse();
        }
        cbor::encode(|out| {
            out.map(members.len() as u64)?;
            for (label, value) in &members {
                out.i64(*label)?;
                match value {
                    Label::Number(number) => out.i64(*number)?,
                    Label::Bytes(bytes) => out.bytes(bytes)?,
                    Label::Sign(odd) => out.bool(*odd)?,
                };
            }
            Ok(())
        })
    }

    /// The public key as `SubjectPublicKeyInfo` in DER, which `getPublicKey()` gives to pages and certificates carry.
    pub(crate) fn spki(&self) -> Vec<u8> {
        let (identifier, key) = match (self.public(), &self.secret) {
            (Public::Ec { curve, x, y }, _) => (
                vec![der::oid("1.2.840.10045.2.1"), der::oid(curve.oid())],
                [&[4], &x[..], &y].concat(),
            ),
            (Public::Rsa { n, e }, _) => (
                vec![der::oid(RSA_ENCRYPTION), der::null()],
                der::sequence(&[positive(&n), positive(&e)]),
            ),
            // RFC 8410 and RFC 9881: the same identifier for keys and signatures.
            (Public::Raw(key), _) => (vec![der::oid(signature_oid(self.algorithm))], key),
        };
        der::sequence(&[der::sequence(&identifier), der::bits(&key)])
    }
}

/// What stands under a label of a COSE key.
enum Label {
    Number(i64),
    Bytes(Vec<u8>),
    /// Of a compressed point: whether y is odd.
    Sign(bool),
}

fn bent_x(mut x: Vec<u8>, lies: &CoseLies) -> Label {
    if lies.padded {
        x.insert(0, 0);
    }
    Label::Bytes(if lies.stripped { unsigned(&x) } else { x })
}

fn bent_y(mut y: Vec<u8>, lies: &CoseLies) -> Label {
    let odd = y.last().is_some_and(|last| last % 2 == 1);
    if lies.compressed {
        return Label::Sign(odd);
    }
    if lies.off_curve
        && let Some(last) = y.last_mut()
    {
        *last ^= 1;
    }
    Label::Bytes(if lies.stripped { unsigned(&y) } else { y })
}

/// The `AlgorithmIdentifier` of signatures in certificates.
pub(crate) fn signature_identifier(algorithm: Algorithm) -> Vec<u8> {
    let mut parts = vec![der::oid(signature_oid(algorithm))];
    match algorithm {
        Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512 | Algorithm::RS1 => {
            parts.push(der::null());
        }
        Algorithm::PS256 => parts.push(pss_parameters(Hash::Sha256, 32)),
        Algorithm::PS384 => parts.push(pss_parameters(Hash::Sha384, 48)),
        Algorithm::PS512 => parts.push(pss_parameters(Hash::Sha512, 64)),
        _ => {}
    }
    der::sequence(&parts)
}

/// `RSASSA-PSS-params` (RFC 4055, section 3.1).
fn pss_parameters(hash: Hash, salt_length: i64) -> Vec<u8> {
    let hash = der::sequence(&[der::oid(hash.oid()), der::null()]);
    let mask = der::sequence(&[der::oid("1.2.840.113549.1.1.8"), hash.clone()]);
    der::sequence(&[
        der::explicit(0, &hash),
        der::explicit(1, &mask),
        der::explicit(2, &der::integer(salt_length)),
    ])
}

fn signature_oid(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::ES256 | Algorithm::ESP256 | Algorithm::ES256K => "1.2.840.10045.4.3.2",
        Algorithm::ES384 | Algorithm::ESP384 => "1.2.840.10045.4.3.3",
        Algorithm::ES512 | Algorithm::ESP512 => "1.2.840.10045.4.3.4",
        Algorithm::EdDSA | Algorithm::Ed25519 => "1.3.101.112",
        Algorithm::Ed448 => "1.3.101.113",
        Algorithm::RS1 => "1.2.840.113549.1.1.5",
        Algorithm::RS256 => "1.2.840.113549.1.1.11",
        Algorithm::RS384 => "1.2.840.113549.1.1.12",
        Algorithm::RS512 => "1.2.840.113549.1.1.13",
        Algorithm::PS256 | Algorithm::PS384 | Algorithm::PS512 => "1.2.840.113549.1.1.10",
        Algorithm::MlDsa44 => "2.16.840.1.101.3.4.3.17",
        Algorithm::MlDsa65 => "2.16.840.1.101.3.4.3.18",
        Algorithm::MlDsa87 => "2.16.840.1.101.3.4.3.19",
    }
}

/// The content of a DER INTEGER that is not negative, without the zero for the sign.
fn unsigned(content: &[u8]) -> Vec<u8> {
    let zeros = content.iter().take_while(|byte| **byte == 0).count();
    content.get(zeros..).unwrap_or_default().to_vec()
}

/// A DER INTEGER that is not negative.
fn positive(magnitude: &[u8]) -> Vec<u8> {
    match magnitude.first() {
        Some(first) if *first < 0x80 => der::tlv(2, magnitude),
        _ => der::tlv(2, &[&[0], magnitude].concat()),
    }
}

/// RSASSA-PKCS1-v1_5 with SHA-1 (RFC 8017, 8.2.1), in plain arithmetic, since the cryptography library makes none. Neither
/// fast nor constant in time: the keys here are worth nothing.
fn sign_with_sha1(pair: &RsaKeyPair, message: &[u8]) -> Result<Vec<u8>, Error> {
    let length = pair.public_modulus_len();
    let identifier = der::sequence(&[der::oid(Hash::Sha1.oid()), der::null()]);
    let digest_info = der::sequence(&[identifier, der::octets(&Hash::Sha1.digest(message))]);
    let mut block = vec![0xff; length - digest_info.len() - 3];
    block.splice(..0, [0, 1]);
    block.push(0);
    block.extend(digest_info);

    // PrivateKeyInfo (RFC 5958): version, algorithm, OCTET STRING with RSAPrivateKey: version, n, e, d, ...
    let info = pair.as_der().map_err(Error::crypto)?;
    let parts = der::elements(info.as_ref());
    let private = der::elements(parts.get(2).copied().unwrap_or_default());
    let number = |at: usize| BigUint::from_bytes_be(private.get(at).copied().unwrap_or_default());
    let signature = BigUint::from_bytes_be(&block)
        .modpow(&number(3), &number(1))
        .to_bytes_be();
    Ok([vec![0; length - signature.len()], signature].concat())
}
