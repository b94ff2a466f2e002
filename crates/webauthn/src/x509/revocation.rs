//! Certificate revocation lists (RFC 5280 section 5) of those who issue certificates to signers of metadata.

use super::certificate::Certificate;
use super::der::{Der, GENERALIZED_TIME, INTEGER, SEQUENCE, UTC_TIME};
use super::name::Name;

/// A revocation list, borrowing from its bytes.
struct RevocationList<'a> {
    issuer: Name<'a>,
    /// `revokedCertificates`, unread.
    revoked: Der<'a>,
    signed: &'a [u8],
    /// Identifier and parameters.
    algorithm: Der<'a>,
    signature: &'a [u8],
}

impl<'a> RevocationList<'a> {
    /// Reads a DER `CertificateList`; `None` when it has not the form of one.
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut list = Der::new(bytes).inside(SEQUENCE)?;
        let signed = list.tagged(SEQUENCE)?;
        let algorithm = list.inside(SEQUENCE)?;
        let signature = list.signature_bits()?;

        let mut fields = Der::new(signed.content);
        fields.optional(INTEGER);
        fields.tagged(SEQUENCE)?;
        let issuer = Name::new(fields.tagged(SEQUENCE)?);
        // thisUpdate and nextUpdate: what was revoked stays so, and the operator keeps the lists fresh.
        let time = |fields: &mut Der<'a>| {
            let utc = fields.optional(UTC_TIME);
            utc.or_else(|| fields.optional(GENERALIZED_TIME))
        };
        time(&mut fields)?;
        time(&mut fields);
        let revoked = fields.optional(SEQUENCE);
        Some(Self {
            issuer,
            revoked: Der::new(revoked.map_or(&[], |element| element.content)),
            signed: signed.raw,
            algorithm,
            signature,
        })
    }

    /// Whether it names this serial number. An unreadable entry ends the list and counts as a match, because it may be one.
    fn names(&self, serial: &[u8]) -> bool {
        let mut rest = self.revoked;
        while !rest.is_empty() {
            let entry = rest.inside(SEQUENCE);
            match entry.and_then(|mut entry| entry.content(INTEGER)) {
                Some(revoked) if revoked != serial => {}
                Some(_) | None => return true,
            }
        }
        false
    }
}

/// Whether these bytes are a readable revocation list in DER.
pub fn is_revocation_list(bytes: &[u8]) -> bool {
    RevocationList::parse(bytes).is_some()
}

/// The place in `chain` (DER, the leaf first) of a certificate that its issuer has revoked, by one of `lists` (DER). The issuer
/// is another certificate of the chain or one of `roots`; lists that it did not sign say nothing.
pub(crate) fn revoked(chain: &[Vec<u8>], roots: &[Vec<u8>], lists: &[Vec<u8>]) -> Option<usize> {
    let lists: Vec<_> = lists
        .iter()
        .filter_map(|bytes| RevocationList::parse(bytes))
        .collect();
    let issuers: Vec<_> = chain
        .iter()
        .chain(roots)
        .filter_map(|bytes| Certificate::parse(bytes))
        .collect();
    chain.iter().position(|bytes| {
        let Some(certificate) = Certificate::parse(bytes) else {
            return false;
        };
        lists
            .iter()
            .filter(|list| list.issuer == certificate.issuer && list.names(&certificate.serial))
            .any(|list| {
                issuers.iter().any(|issuer| {
                    issuer.subject == list.issuer
                        && issuer.has_signed(list.algorithm, list.signed, list.signature)
                })
            })
    })
}
