//! Attestation objects (section 6.5.4), one function per statement format, and the authority behind `x5c`.

use std::convert::Infallible;

use aws_lc_rs::digest::{SHA256, digest};
use minicbor::encode::{Encoder, Error as CborError};
use rcgen::string::PrintableString;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SigningKey as _, date_time_ymd,
};

use crate::cbor;
use crate::error::Error;
use crate::key::{Algorithm, Key};
use crate::lies::{CertificateLies, Lies};
use crate::profile::Format;

/// `id-fido-gen-ce-aaguid` (section 8.2.1).
const AAGUID_EXTENSION: [u64; 10] = [1, 3, 6, 1, 4, 1, 45_724, 1, 1, 4];

/// What a statement is about.
pub(crate) struct Subject<'a> {
    pub(crate) authenticator_data: &'a [u8],
    pub(crate) client_data_json: &'a [u8],
    pub(crate) key: &'a Key,
    pub(crate) aaguid: [u8; 16],
}

impl Subject<'_> {
    /// `authenticatorData || clientDataHash`, over which the statement is signed.
    fn signed_bytes(&self) -> Vec<u8> {
        [
            self.authenticator_data,
            digest(&SHA256, self.client_data_json).as_ref(),
        ]
        .concat()
    }
}

/// A member of a statement, in canonical order within its map: shorter names first, then bytewise.
enum Member {
    Alg(i64),
    Sig(Vec<u8>),
    X5c(Vec<Vec<u8>>),
}

impl Member {
    fn name(&self) -> &'static str {
        match self {
            Self::Alg(_) => "alg",
            Self::Sig(_) => "sig",
            Self::X5c(_) => "x5c",
        }
    }

    fn write(&self, out: &mut Encoder<Vec<u8>>) -> Result<(), CborError<Infallible>> {
        out.str(self.name())?;
        match self {
            Self::Alg(number) => out.i64(*number)?,
            Self::Sig(bytes) => out.bytes(bytes)?,
            Self::X5c(chain) => {
                out.array(chain.len() as u64)?;
                for certificate in chain {
                    out.bytes(certificate)?;
                }
                out
            }
        };
        Ok(())
    }
}

/// The attestation object for `subject` in `format`.
pub(crate) fn object(
    format: Format,
    subject: &Subject<'_>,
    authority: &mut Option<Authority>,
    lies: &Lies,
) -> Result<Vec<u8>, Error> {
    let (name, mut statement) = match format {
        Format::None => ("none", Vec::new()),
        Format::PackedSelf => ("packed", packed_self(subject, lies)?),
        Format::PackedX5c => (
            "packed",
            packed_x5c(subject, Authority::of(authority)?, lies)?,
        ),
    };
    if let Some(dropped) = &lies.without_statement_member {
        statement.retain(|member| member.name() != dropped);
    }
    let name = lies.format_name.as_deref().unwrap_or(name);
    Ok(cbor::encode(|out| {
        out.map(3)?
            .str("fmt")?
            .str(name)?
            .str("attStmt")?
            .map(statement.len() as u64)?;
        for member in &statement {
            member.write(out)?;
        }
        out.str("authData")?.bytes(subject.authenticator_data)?;
        Ok(())
    }))
}

/// Self attestation: signed with the credential private key itself.
fn packed_self(subject: &Subject<'_>, lies: &Lies) -> Result<Vec<Member>, Error> {
    let signature = subject.key.sign(&subject.signed_bytes())?;
    let algorithm = lies
        .statement_algorithm
        .unwrap_or(subject.key.algorithm().cose());
    Ok(vec![
        Member::Alg(algorithm),
        Member::Sig(lies.distort_signature(signature)),
    ])
}

/// Basic attestation: signed with an attestation key whose certificate the authority vouches for.
fn packed_x5c(
    subject: &Subject<'_>,
    authority: &Authority,
    lies: &Lies,
) -> Result<Vec<Member>, Error> {
    let (key, certificate) = authority.issue(subject.aaguid, &lies.certificate)?;
    let signature = key.sign(&subject.signed_bytes()).map_err(Error::crypto)?;
    let algorithm = lies.statement_algorithm.unwrap_or(Algorithm::ES256.cose());
    Ok(vec![
        Member::Alg(algorithm),
        Member::Sig(lies.distort_signature(signature)),
        Member::X5c(vec![certificate]),
    ])
}

/// The maker's certification authority: a self-signed root that signs the leaf certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: Vec<u8>,
}

impl Authority {
    /// The authority in `slot`, which is founded at the first use.
    pub(crate) fn of(slot: &mut Option<Self>) -> Result<&Self, Error> {
        match slot {
            Some(authority) => Ok(authority),
            None => Ok(slot.insert(Self::found()?)),
        }
    }

    fn found() -> Result<Self, Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(Error::crypto)?;
        let mut params = CertificateParams::default();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2120, 1, 1);
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::OrganizationName, "passkeyd testkit");
        params
            .distinguished_name
            .push(DnType::CommonName, "passkeyd testkit attestation root");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let root = params
            .self_signed(&key)
            .map_err(Error::crypto)?
            .der()
            .to_vec();
        Ok(Self {
            issuer: Issuer::new(params, key),
            root,
        })
    }

    /// The root certificate, DER.
    pub(crate) fn root(&self) -> &[u8] {
        &self.root
    }

    /// A fresh attestation key and its certificate, which meets section 8.2.1 but for the lies.
    fn issue(&self, aaguid: [u8; 16], lies: &CertificateLies) -> Result<(KeyPair, Vec<u8>), Error> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(Error::crypto)?;
        let mut params = CertificateParams::default();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(if lies.expired { 2021 } else { 2120 }, 1, 1);
        params.use_authority_key_identifier_extension = true;
        params.is_ca = match (lies.authority, lies.without_basic_constraints) {
            (true, _) => IsCa::Ca(BasicConstraints::Unconstrained),
            (false, true) => IsCa::NoCa,
            (false, false) => IsCa::ExplicitNoCa,
        };

        let mut name = DistinguishedName::new();
        if !lies.without_country {
            let country = PrintableString::try_from("DE").map_err(Error::crypto)?;
            name.push(DnType::CountryName, DnValue::PrintableString(country));
        }
        if !lies.without_organization {
            name.push(DnType::OrganizationName, "passkeyd testkit");
        }
        let unit = lies
            .organizational_unit
            .as_deref()
            .unwrap_or("Authenticator Attestation");
        name.push(DnType::OrganizationalUnitName, unit);
        if !lies.without_common_name {
            name.push(DnType::CommonName, "passkeyd testkit attestation key");
        }
        params.distinguished_name = name;

        if !lies.without_aaguid {
            // The extension's content is an OCTET STRING of 16 bytes.
            let content = [&[0x04, 0x10], &lies.aaguid.unwrap_or(aaguid)[..]].concat();
            let mut extension = CustomExtension::from_oid_content(&AAGUID_EXTENSION, content);
            extension.set_criticality(lies.critical_aaguid);
            params.custom_extensions.push(extension);
        }

        let certificate = params
            .signed_by(&key, &self.issuer)
            .map_err(Error::crypto)?
            .der()
            .to_vec();
        Ok((key, certificate))
    }
}
