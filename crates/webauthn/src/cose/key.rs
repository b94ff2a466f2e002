//! Public keys in COSE (RFC 9052 section 7).

use super::algorithm::{CoseAlgorithm, Scheme};
use super::error::CoseKeyError;
use super::point::{KeyMaterial, check_point, check_rsa};
use crate::cbor::{self, KeyOrder, Value};

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
        check_point(key.scheme, &key.material)?;
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

    #[expect(clippy::too_many_lines, reason = "one arm for each type of key")]
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
