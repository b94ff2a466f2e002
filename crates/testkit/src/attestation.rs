//! Attestation objects (section 6.5.4): what all formats share. Each statement format has a file of its own.

use std::convert::Infallible;

use minicbor::encode::{Encoder, Error as CborError};

use crate::algorithm::{Algorithm, Hash};
use crate::cbor;
use crate::certificate::{Authorities, Extension};
use crate::error::Error;
use crate::key::Key;
use crate::lies::{CertificateLies, Lies};
use crate::profile::{Format, Profile};

mod android_key;
mod android_safetynet;
mod apple;
mod fido_u2f;
mod packed;
mod tpm;

/// `id-fido-gen-ce-aaguid` (section 8.2.1).
const AAGUID_EXTENSION: &str = "1.3.6.1.4.1.45724.1.1.4";

/// What a statement is about.
pub(crate) struct Subject<'a> {
    pub(crate) authenticator_data: &'a [u8],
    pub(crate) client_data_json: &'a [u8],
    pub(crate) credential_id: &'a [u8],
    pub(crate) key: &'a Key,
    pub(crate) aaguid: [u8; 16],
}

impl Subject<'_> {
    fn client_data_hash(&self) -> Vec<u8> {
        Hash::Sha256.digest(self.client_data_json)
    }

    /// `authenticatorData || clientDataHash`, over which statements are signed.
    fn signed_bytes(&self) -> Vec<u8> {
        [self.authenticator_data, &self.client_data_hash()].concat()
    }
}

/// Who makes the statement: the authenticator as it is and as it lies.
struct Maker<'a> {
    profile: &'a Profile,
    authorities: &'a mut Authorities,
    lies: &'a Lies,
}

impl Maker<'_> {
    /// A fresh attestation key of the algorithm that the profile wants, or else of `usual`.
    fn attestation_key(&self, usual: Algorithm) -> Result<Key, Error> {
        Key::generate(self.profile.attestation_algorithm.unwrap_or(usual))
    }

    /// What stands under `alg` when `key` signs.
    fn statement_algorithm(&self, key: &Key) -> i64 {
        self.lies
            .statement_algorithm
            .unwrap_or(key.algorithm().cose())
    }

    /// The format's own certificate extension with `content`, or what the lies make of it.
    fn own_extension(&self, oid: &str, content: Vec<u8>) -> Vec<Extension> {
        if self.lies.without_attestation_extension {
            return Vec::new();
        }
        let content = match &self.lies.attestation_extension {
            Some(other) => other.clone(),
            None => content,
        };
        vec![Extension::new(oid, false, content)]
    }
}

/// A member of a statement.
enum Field {
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
    Chain(Vec<Vec<u8>>),
    /// What a lie puts there.
    Other(serde_json::Value),
}

impl Field {
    fn write(&self, out: &mut Encoder<Vec<u8>>) -> Result<(), CborError<Infallible>> {
        match self {
            Self::Integer(number) => out.i64(*number)?,
            Self::Text(text) => out.str(text)?,
            Self::Bytes(bytes) => out.bytes(bytes)?,
            Self::Other(value) => return cbor::value(out, value),
            Self::Chain(chain) => {
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

/// What stands under `attStmt`.
enum Statement {
    Map(Vec<(&'static str, Field)>),
    /// `compound`: format and statement of each.
    Array(Vec<(String, Statement)>),
}

impl Statement {
    fn write(&self, out: &mut Encoder<Vec<u8>>) -> Result<(), CborError<Infallible>> {
        match self {
            Self::Map(members) => {
                // CTAP2 canonical order: shorter names first, then bytewise.
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by_key(|(name, _)| (name.len(), *name));
                out.map(members.len() as u64)?;
                for (name, field) in members {
                    out.str(name)?;
                    field.write(out)?;
                }
            }
            Self::Array(statements) => {
                out.array(statements.len() as u64)?;
                for (format, statement) in statements {
                    out.map(2)?.str("fmt")?.str(format)?.str("attStmt")?;
                    statement.write(out)?;
                }
            }
        }
        Ok(())
    }
}

/// The attestation object for `subject` in the format of `profile`.
pub(crate) fn object(
    subject: &Subject<'_>,
    profile: &Profile,
    authorities: &mut Authorities,
    lies: &Lies,
) -> Result<Vec<u8>, Error> {
    let mut maker = Maker {
        profile,
        authorities,
        lies,
    };
    let (name, statement) = statement(profile.format, subject, &mut maker)?;
    let name = lies.format_name.as_deref().unwrap_or(name);
    let mut members = vec!["fmt", "attStmt", "authData"];
    members.retain(|member| lies.without_object_member.as_deref() != Some(member));
    Ok(cbor::encode(|out| {
        out.map(members.len() as u64)?;
        for member in members {
            out.str(member)?;
            match (lies.object_members.get(member), member) {
                (Some(other), _) => cbor::value(out, other)?,
                (None, "fmt") => {
                    out.str(name)?;
                }
                (None, "attStmt") => statement.write(out)?,
                (None, _) => {
                    out.bytes(subject.authenticator_data)?;
                }
            }
        }
        Ok(())
    }))
}

/// The statement in `format`, and that format's identifier.
fn statement(
    format: Format,
    subject: &Subject<'_>,
    maker: &mut Maker<'_>,
) -> Result<(&'static str, Statement), Error> {
    let (name, mut members) = match format {
        Format::None => ("none", Vec::new()),
        Format::PackedSelf => ("packed", packed::own(subject, maker)?),
        Format::PackedX5c => ("packed", packed::basic(subject, maker)?),
        Format::Tpm => ("tpm", tpm::statement(subject, maker)?),
        Format::AndroidKey => ("android-key", android_key::statement(subject, maker)?),
        Format::AndroidSafetynet => (
            "android-safetynet",
            android_safetynet::statement(subject, maker)?,
        ),
        Format::FidoU2f => ("fido-u2f", fido_u2f::statement(subject, maker)?),
        Format::Apple => ("apple", apple::statement(subject, maker)?),
        Format::Compound => return Ok(("compound", compound(subject, maker)?)),
    };
    if let Some(dropped) = &maker.lies.without_statement_member {
        members.retain(|(name, _)| name != dropped);
    }
    if maker.lies.empty_statement {
        members.clear();
    }
    for (name, field) in &mut members {
        if let Some(other) = maker.lies.statement_members.get(*name) {
            *field = Field::Other(other.clone());
        }
    }
    Ok((name, Statement::Map(members)))
}

/// Section 8.9. A `compound` within the list, which the specification forbids, holds two self attestations.
fn compound(subject: &Subject<'_>, maker: &mut Maker<'_>) -> Result<Statement, Error> {
    let honest = Lies::default();
    let mut statements = Vec::new();
    for (position, format) in maker.profile.compound.iter().enumerate() {
        let told = match maker.lies.only_sub_statement {
            Some(only) if only != position => &honest,
            _ => maker.lies,
        };
        let inner = Profile {
            compound: vec![Format::PackedSelf, Format::PackedSelf],
            ..maker.profile.clone()
        };
        let mut inner = Maker {
            profile: &inner,
            authorities: maker.authorities,
            lies: told,
        };
        let (name, statement) = statement(*format, subject, &mut inner)?;
        let name = told.sub_format_name.as_deref().unwrap_or(name);
        statements.push((name.to_owned(), statement));
    }
    Ok(Statement::Array(statements))
}

/// The AAGUID extension of section 8.2.1, as the lies want it.
fn aaguid_extension(aaguid: [u8; 16], lies: &CertificateLies) -> Option<Extension> {
    if lies.without_aaguid {
        return None;
    }
    let content = match &lies.malformed_aaguid {
        Some(other) => other.clone(),
        None => crate::der::octets(&lies.aaguid.unwrap_or(aaguid)),
    };
    let critical = lies.critical_aaguid;
    Some(Extension::new(AAGUID_EXTENSION, critical, content))
}
