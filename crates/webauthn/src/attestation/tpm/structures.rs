//! `TPMT_PUBLIC` and `TPMS_ATTEST` (TPM 2.0 library, part 2, sections 12.2.4 and 10.12.12): all numbers big-endian, read to the
//! last byte. What no step asks for is skipped over and not judged.

use crate::attestation::TpmError;
use crate::cose::Curve;
use crate::hash::Hash;

const ALG_RSA: u16 = 0x0001;
const ALG_ECC: u16 = 0x0023;
const ALG_NULL: u16 = 0x0010;
/// Signing schemes whose details are one hash: RSASSA, RSAPSS, ECDSA, ECSCHNORR.
const SCHEMES_WITH_HASH: [u16; 4] = [0x0014, 0x0016, 0x0018, 0x001c];
const GENERATED_VALUE: u32 = 0xff54_4347;
const ST_ATTEST_CERTIFY: u16 = 0x8017;
/// An exponent of zero stands for this one.
const DEFAULT_EXPONENT: u32 = 65_537;

/// A cursor.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// TPM2B: two bytes of length, then so many bytes.
    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        let (taken, rest) = self.0.split_at_checked(usize::from(length))?;
        self.0 = rest;
        Some(taken)
    }

    /// A scheme and its details.
    fn skip_scheme(&mut self) -> Option<()> {
        match self.u16()? {
            ALG_NULL => Some(()),
            scheme if SCHEMES_WITH_HASH.contains(&scheme) => self.u16().map(|_| ()),
            _ => None,
        }
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The public key of a public area.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unique<'a> {
    Rsa {
        modulus: &'a [u8],
        exponent: u32,
    },
    Ec {
        curve: Curve,
        x: &'a [u8],
        y: &'a [u8],
    },
}

/// `TPMT_PUBLIC`, as far as it matters.
#[derive(Debug)]
pub(super) struct PublicArea<'a> {
    pub(super) name_algorithm: u16,
    pub(super) name_hash: Hash,
    pub(super) unique: Unique<'a>,
}

impl<'a> PublicArea<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, TpmError> {
        Self::read(bytes).ok_or(TpmError::Structure("`pubArea` is no TPMT_PUBLIC"))
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        let kind = reader.u16()?;
        let name_algorithm = reader.u16()?;
        let _attributes = reader.u32()?;
        let _policy = reader.sized()?;
        // A signing key encrypts nothing, so there is no symmetric algorithm with details of its own.
        if reader.u16()? != ALG_NULL {
            return None;
        }
        reader.skip_scheme()?;
        let unique = match kind {
            ALG_RSA => {
                let _bits = reader.u16()?;
                let exponent = match reader.u32()? {
                    0 => DEFAULT_EXPONENT,
                    exponent => exponent,
                };
                Unique::Rsa {
                    modulus: reader.sized()?,
                    exponent,
                }
            }
            ALG_ECC => {
                let curve = curve(reader.u16()?)?;
                // A key derivation scheme has the same shape as a signing scheme; none is in use.
                if reader.u16()? != ALG_NULL {
                    return None;
                }
                Unique::Ec {
                    curve,
                    x: reader.sized()?,
                    y: reader.sized()?,
                }
            }
            _ => return None,
        };
        reader.is_empty().then_some(Self {
            name_algorithm,
            name_hash: hash(name_algorithm)?,
            unique,
        })
    }
}

/// `TPMS_ATTEST` of a certification, as far as it matters.
#[derive(Debug)]
pub(super) struct Certification<'a> {
    pub(super) extra_data: &'a [u8],
    pub(super) name: &'a [u8],
}

impl<'a> Certification<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, TpmError> {
        let malformed = TpmError::Structure("`certInfo` is no TPMS_ATTEST");
        let mut reader = Reader(bytes);
        let magic = reader.u32().ok_or(malformed.clone())?;
        if magic != GENERATED_VALUE {
            return Err(TpmError::Magic(magic));
        }
        let kind = reader.u16().ok_or(malformed.clone())?;
        if kind != ST_ATTEST_CERTIFY {
            return Err(TpmError::Type(kind));
        }
        Self::read(reader).ok_or(malformed)
    }

    fn read(mut reader: Reader<'a>) -> Option<Self> {
        let _qualified_signer = reader.sized()?;
        let extra_data = reader.sized()?;
        let _clock_info: [u8; 17] = reader.array()?;
        let _firmware_version: [u8; 8] = reader.array()?;
        let name = reader.sized()?;
        let _qualified_name = reader.sized()?;
        reader.is_empty().then_some(Self { extra_data, name })
    }
}

/// `TPM_ALG_ID` of hashes.
fn hash(algorithm: u16) -> Option<Hash> {
    match algorithm {
        0x0004 => Some(Hash::Sha1),
        0x000b => Some(Hash::Sha256),
        0x000c => Some(Hash::Sha384),
        0x000d => Some(Hash::Sha512),
        _ => None,
    }
}

/// `TPM_ECC_CURVE`.
fn curve(id: u16) -> Option<Curve> {
    match id {
        0x0003 => Some(Curve::P256),
        0x0004 => Some(Curve::P384),
        0x0005 => Some(Curve::P521),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_null_or_have_a_hash() {
        let rest = |bytes: &'static [u8]| {
            let mut reader = Reader(bytes);
            reader.skip_scheme().map(|()| reader.0.len())
        };
        assert_eq!(rest(&[0, 0x10, 0, 0x0b]), Some(2));
        for scheme in [&[0, 0x14, 0, 0x0b][..], &[0, 0x18, 0, 0x0b]] {
            assert_eq!(rest(scheme), Some(0));
        }
        // ECDAA has a counter too, and the others are no signing schemes.
        assert_eq!(rest(&[0, 0x1a, 0, 0x0b, 0, 0]), None);
        assert_eq!(rest(&[0, 0x15, 0, 0x0b]), None);
        assert_eq!(rest(&[0, 0x14, 0]), None);
    }
}
