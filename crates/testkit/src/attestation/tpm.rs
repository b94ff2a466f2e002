//! `tpm` (section 8.3): structures of the TPM 2.0 library, part 2, all numbers big-endian.

use crate::algorithm::{Algorithm, Hash};
use crate::certificate::{Extension, Leaf, attribute, name};
use crate::der;
use crate::error::Error;
use crate::key::{Curve, Key, Public};
use crate::lies::{Lies, TpmAttribute};
use crate::profile::Tpm;

use super::{Field, Maker, Subject, aaguid_extension};

const SUBJECT_ALTERNATIVE_NAME: &str = "2.5.29.17";
/// `tcg-kp-AIKCertificate`.
const AIK_CERTIFICATE: &str = "2.23.133.8.3";

const TPM_GENERATED_VALUE: u32 = 0xff54_4347;
const TPM_ST_ATTEST_CERTIFY: u16 = 0x8017;
const TPM_ALG_NULL: u16 = 0x0010;

/// A TPM's word, signed with its attestation identity key, that it holds the credential key.
pub(super) fn statement(
    subject: &Subject<'_>,
    maker: &mut Maker<'_>,
) -> Result<Vec<(&'static str, Field)>, Error> {
    let lies = maker.lies;
    let profile = &maker.profile.tpm;
    let key = maker.attestation_key(Algorithm::RS256)?;

    let other;
    let described = if lies.tpm.other_key {
        other = Key::generate(subject.key.algorithm())?;
        &other
    } else {
        subject.key
    };
    let public_area = match &lies.tpm.public_area {
        Some(other) => other.clone(),
        None => public_area(described, profile, lies)?,
    };
    let Some(hash) = key.algorithm().hash() else {
        return Err(Error::Unsupported("a TPM signs digests"));
    };
    let extra_data = match &lies.tpm.extra_data {
        Some(other) => other.clone(),
        None => hash.digest(&subject.signed_bytes()),
    };
    let info = match &lies.tpm.certificate_info {
        Some(other) => other.clone(),
        None => certificate_info(&public_area, &extra_data, profile.name_algorithm, lies),
    };
    let signature = key.sign(&info)?;

    let mut extensions = alternative_name(profile, lies);
    extensions.extend(aaguid_extension(subject.aaguid, &lies.certificate));
    let leaf = Leaf {
        subject: if lies.certificate.with_subject {
            name(&[(crate::certificate::COMMON_NAME, "an identity")])
        } else {
            name(&[])
        },
        extended_key_usage: vec![AIK_CERTIFICATE],
        extensions,
    };
    let version = lies.tpm.version.as_deref().unwrap_or("2.0").to_owned();
    let algorithm = maker.statement_algorithm(&key);
    let chain = &maker.profile.chain;
    let certificates = maker
        .authorities
        .of(chain)?
        .certify(&key, &leaf, chain, lies)?;
    Ok(vec![
        ("ver", Field::Text(version)),
        ("alg", Field::Integer(algorithm)),
        ("x5c", Field::Chain(certificates)),
        ("sig", Field::Bytes(lies.distort_signature(signature))),
        ("certInfo", Field::Bytes(info)),
        ("pubArea", Field::Bytes(public_area)),
    ])
}

/// A `TPM2B` structure: two bytes of length in front.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
    [&length.to_be_bytes(), bytes].concat()
}

/// `TPMT_PUBLIC` of a signing key.
fn public_area(key: &Key, profile: &Tpm, lies: &Lies) -> Result<Vec<u8>, Error> {
    let hash = key.algorithm().hash().unwrap_or(Hash::Sha256);
    let scheme = |scheme: u16| {
        if profile.scheme {
            [scheme.to_be_bytes(), hash.tpm().to_be_bytes()].concat()
        } else {
            TPM_ALG_NULL.to_be_bytes().to_vec()
        }
    };
    let coordinate = |bytes: &[u8]| {
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        let dropped = if profile.drop_leading_zeros { zeros } else { 0 };
        sized(&bytes[dropped..])
    };
    let (kind, parameters, unique): (u16, Vec<u8>, Vec<u8>) = match key.public() {
        Public::Rsa { n, e } => {
            let bits = u16::try_from(n.len() * 8).unwrap_or(u16::MAX);
            let truth = match e[..] {
                [1, 0, 1] if profile.explicit_exponent => 65_537,
                [1, 0, 1] => 0,
                _ => return Err(Error::Unsupported("TPM keys have the usual exponent here")),
            };
            let exponent = lies.tpm.exponent.unwrap_or(truth);
            let parameters = [
                &TPM_ALG_NULL.to_be_bytes()[..],
                &scheme(0x0014),
                &bits.to_be_bytes(),
                &exponent.to_be_bytes(),
            ];
            (0x0001, parameters.concat(), sized(&n))
        }
        Public::Ec { curve, x, y } => {
            let curve: u16 = match curve {
                Curve::P256 => 3,
                Curve::P384 => 4,
                Curve::P521 => 5,
                Curve::Secp256k1 => return Err(Error::Unsupported("TPMs have no secp256k1")),
            };
            let parameters = [
                &TPM_ALG_NULL.to_be_bytes()[..],
                &scheme(0x0018),
                &curve.to_be_bytes(),
                &TPM_ALG_NULL.to_be_bytes(),
            ];
            let unique = [coordinate(&x), coordinate(&y)].concat();
            (0x0023, parameters.concat(), unique)
        }
        Public::Raw(_) => {
            return Err(Error::Unsupported(
                "TPM keys are RSA or elliptic-curve keys",
            ));
        }
    };
    // fixedTPM, fixedParent, sensitiveDataOrigin, userWithAuth, noDA, sign
    let attributes: u32 = 0x0004_0472;
    Ok([
        &kind.to_be_bytes()[..],
        &profile.name_algorithm.tpm().to_be_bytes(),
        &attributes.to_be_bytes(),
        &sized(&Hash::Sha256.digest(b"policy")),
        &parameters,
        &unique,
        lies.tpm.trailing_public_area.as_deref().unwrap_or_default(),
    ]
    .concat())
}

/// `TPMS_ATTEST` of a certification of `public_area`.
fn certificate_info(public_area: &[u8], extra_data: &[u8], hash: Hash, lies: &Lies) -> Vec<u8> {
    let name = |area: &[u8]| [&hash.tpm().to_be_bytes()[..], &hash.digest(area)].concat();
    let attested = match &lies.tpm.name {
        Some(other) => other.clone(),
        None => name(public_area),
    };
    // clock, resetCount, restartCount, safe
    let clock = [
        &123_456_789_u64.to_be_bytes()[..],
        &7_u32.to_be_bytes(),
        &8_u32.to_be_bytes(),
        &[lies.tpm.clock_safe.unwrap_or(1)],
    ]
    .concat();
    let firmware: u64 = 0x0001_0002_0003_0004;
    [
        &lies.tpm.magic.unwrap_or(TPM_GENERATED_VALUE).to_be_bytes()[..],
        &lies
            .tpm
            .attest_type
            .unwrap_or(TPM_ST_ATTEST_CERTIFY)
            .to_be_bytes(),
        &sized(&name(b"signer")),
        &sized(extra_data),
        &clock,
        &firmware.to_be_bytes(),
        &sized(&attested),
        &sized(&name(b"qualified")),
        lies.tpm
            .trailing_certificate_info
            .as_deref()
            .unwrap_or_default(),
    ]
    .concat()
}

/// The subject alternative name of section 8.3.1: a directory name that says which TPM this is.
fn alternative_name(profile: &Tpm, lies: &Lies) -> Vec<Extension> {
    let lies = &lies.certificate;
    if lies.without_alternative_name {
        return Vec::new();
    }
    let attributes = [
        (
            TpmAttribute::Manufacturer,
            "2.23.133.2.1",
            &profile.manufacturer,
        ),
        (TpmAttribute::Model, "2.23.133.2.2", &profile.model),
        (TpmAttribute::Version, "2.23.133.2.3", &profile.version),
    ];
    let kept: Vec<Vec<u8>> = attributes
        .iter()
        .filter(|(which, _, _)| !lies.without_tpm_attributes.contains(which))
        .map(|(_, oid, value)| attribute(oid, value))
        .collect();
    let relative: Vec<Vec<u8>> = if profile.one_relative_name {
        vec![der::set(&kept)]
    } else {
        kept.into_iter().map(|one| der::set(&[one])).collect()
    };
    // GeneralNames with one directoryName [4].
    let names = der::sequence(&[der::explicit(4, &der::sequence(&relative))]);
    let critical = !lies.alternative_name_not_critical;
    vec![Extension::new(SUBJECT_ALTERNATIVE_NAME, critical, names)]
}
