//! X.509 certificates as far as attestation needs them (RFC 5280), read in place. One that is kept owns its parts.
//!
//! Our own reader for two reasons: signatures are checked over the bytes received, never over a re-encoding, and certificates
//! in the field have odd parts (serial numbers, encoded defaults, broken policy extensions) that a reader of the whole
//! structure refuses. Only what is used is interpreted; the rest is skipped. Anchors, chains of statements and chains of
//! signers of metadata is read alike.

use super::curve::described;
use super::der::{
    BIT_STRING, BOOLEAN, Der, Element, GENERALIZED_TIME, INTEGER, OCTET_STRING, OID, SEQUENCE, SET,
    UTC_TIME, boolean, explicit, implicit,
};
use super::name::Name;
use super::oid;
use crate::cose::{Curve, KeyMaterial, MlDsa, PublicKey, Scheme, check_rsa};
use crate::credential::Aaguid;
use crate::hash::{Hash, digest, sha256};
use crate::signature;
use crate::time::UnixSeconds;
use std::borrow::Cow;

// Tags of `TBSCertificate` (RFC 5280 4.1).
const VERSION: u8 = explicit(0);
const ISSUER_UNIQUE_ID: u8 = implicit(1);
const SUBJECT_UNIQUE_ID: u8 = implicit(2);
const EXTENSIONS: u8 = explicit(3);
/// `dNSName` of `GeneralName` (RFC 5280 4.2.1.6).
const DNS_NAME: u8 = implicit(2);
// Tags of `RSASSA-PSS-params` (RFC 4055 section 3.1).
const PSS_HASH: u8 = explicit(0);
const PSS_MASK: u8 = explicit(1);
const PSS_SALT_LENGTH: u8 = explicit(2);

/// A certificate extension.
#[derive(Debug, Clone)]
pub(crate) struct Extension<'a> {
    pub(crate) id: Cow<'a, [u8]>,
    pub(crate) critical: bool,
    pub(crate) value: Cow<'a, [u8]>,
}

impl Extension<'_> {
    fn into_owned(self) -> Extension<'static> {
        Extension {
            id: owned(self.id),
            critical: self.critical,
            value: owned(self.value),
        }
    }
}

/// Basic Constraints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct BasicConstraints {
    pub(crate) ca: bool,
    pub(crate) path_length: Option<u8>,
}

/// An extension has not the form that it should have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unreadable;

impl BasicConstraints {
    fn parse(value: &[u8]) -> Option<Self> {
        let mut outer = Der::new(value);
        let mut fields = outer.inside(SEQUENCE)?;
        let ca = match fields.optional(BOOLEAN) {
            Some(element) => boolean(element.content)?,
            None => false,
        };
        let path_length = match fields.optional(INTEGER) {
            Some(element) => match element.content {
                [length] if *length < 0x80 => Some(*length),
                _ => return None,
            },
            None => None,
        };
        (outer.is_empty() && fields.is_empty()).then_some(Self { ca, path_length })
    }
}

/// A certificate. Its parts borrow from its bytes, unless they are [owned](Certificate::into_owned).
#[derive(Debug, Clone)]
pub(crate) struct Certificate<'a> {
    /// 0 is version 1.
    pub(crate) version: u8,
    /// The content of the INTEGER; any value occurs in the field.
    pub(crate) serial: Cow<'a, [u8]>,
    pub(crate) issuer: Name<'a>,
    pub(crate) subject: Name<'a>,
    pub(crate) not_before: UnixSeconds,
    pub(crate) not_after: UnixSeconds,
    pub(crate) extensions: Vec<Extension<'a>>,
    /// `None` for kinds of keys that nothing here can use.
    key: Option<KeyMaterial>,
    curve: Option<Curve>,
    /// The bits of `subjectPublicKey`.
    key_bits: Cow<'a, [u8]>,
    signed: Cow<'a, [u8]>,
    /// Identifier and parameters.
    signature_algorithm: Cow<'a, [u8]>,
    signature: Cow<'a, [u8]>,
}

impl<'a> Certificate<'a> {
    /// Reads a DER certificate; `None` when it has not the form of one.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut outer = Der::new(bytes);
        let mut certificate = outer.inside(SEQUENCE)?;
        let signed = certificate.tagged(SEQUENCE)?;
        let algorithm = certificate.tagged(SEQUENCE)?;
        let signature = certificate.signature_bits()?;
        if !outer.is_empty() || !certificate.is_empty() {
            return None;
        }

        let mut fields = Der::new(signed.content);
        let version = match fields.optional(VERSION) {
            None => 0,
            Some(explicit) => match Der::new(explicit.content).content(INTEGER)? {
                [version] => *version,
                _ => return None,
            },
        };
        let serial = fields.content(INTEGER)?;
        // RFC 5280 4.1.1.2: the same algorithm inside and outside the signature.
        if fields.tagged(SEQUENCE)?.raw != algorithm.raw {
            return None;
        }
        let issuer = Name::new(fields.tagged(SEQUENCE)?);
        let mut validity = fields.inside(SEQUENCE)?;
        let (not_before, not_after) = (time(validity.element()?)?, time(validity.element()?)?);
        let subject = Name::new(fields.tagged(SEQUENCE)?);
        let mut key_info = fields.inside(SEQUENCE)?;
        let (key, curve) = public_key(key_info)?;
        key_info.tagged(SEQUENCE)?;
        let key_bits = key_info.whole_bits()?;
        fields.optional(ISSUER_UNIQUE_ID);
        fields.optional(SUBJECT_UNIQUE_ID);
        let extensions = match fields.optional(EXTENSIONS) {
            None => Vec::new(),
            Some(explicit) => extensions(Der::new(explicit.content).inside(SEQUENCE)?)?,
        };
        if !fields.is_empty() {
            return None;
        }
        Some(Self {
            version,
            serial: Cow::Borrowed(serial),
            issuer,
            subject,
            not_before,
            not_after,
            extensions,
            key,
            curve,
            key_bits: Cow::Borrowed(key_bits),
            signed: Cow::Borrowed(signed.raw),
            signature_algorithm: Cow::Borrowed(algorithm.content),
            signature: Cow::Borrowed(signature),
        })
    }

    /// The same certificate with parts of its own, for those that are read once and used often.
    pub(crate) fn into_owned(self) -> Certificate<'static> {
        Certificate {
            version: self.version,
            serial: owned(self.serial),
            issuer: self.issuer.into_owned(),
            subject: self.subject.into_owned(),
            not_before: self.not_before,
            not_after: self.not_after,
            extensions: self
                .extensions
                .into_iter()
                .map(Extension::into_owned)
                .collect(),
            key: self.key,
            curve: self.curve,
            key_bits: owned(self.key_bits),
            signed: owned(self.signed),
            signature_algorithm: owned(self.signature_algorithm),
            signature: owned(self.signature),
        }
    }

    /// The extension with this id.
    pub(crate) fn extension(&self, id: &[u8]) -> Option<&Extension<'a>> {
        self.extensions.iter().find(|extension| extension.id == id)
    }

    /// Texts of the subject's attributes of this type, in the bytes of their encoding.
    pub(crate) fn subject_attributes(&self, id: &[u8]) -> Option<Vec<&[u8]>> {
        let mut values = Vec::new();
        let mut names = self.subject.relatives()?;
        while !names.is_empty() {
            let mut relative = names.inside(SET)?;
            while !relative.is_empty() {
                let mut attribute = relative.inside(SEQUENCE)?;
                let found = attribute.content(OID)?;
                let value = attribute.element()?.content;
                if found == id {
                    values.push(value);
                }
            }
        }
        Some(values)
    }

    /// The subject's common name for messages, cut to 64 characters.
    pub(crate) fn common_name(&self) -> String {
        let names = self.subject_attributes(oid::COMMON_NAME);
        match names.unwrap_or_default().first() {
            Some(name) => shown(name),
            None => "a subject without a common name".to_owned(),
        }
    }

    /// Version and the parts of the subject that attestation formats have rules about, for messages.
    pub(crate) fn subject_text(&self) -> String {
        let part = |name, id| {
            let values = self.subject_attributes(id).unwrap_or_default();
            let texts: Vec<_> = values.into_iter().map(shown).collect();
            (!texts.is_empty()).then(|| format!("{name} {}", texts.join(" and ")))
        };
        let parts = [
            Some(format!("version {}", u16::from(self.version) + 1)),
            part("C", oid::COUNTRY),
            part("O", oid::ORGANISATION),
            part("OU", oid::ORGANISATIONAL_UNIT),
            part("CN", oid::COMMON_NAME),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Basic Constraints, if there are any.
    pub(crate) fn basic_constraints(&self) -> Result<Option<BasicConstraints>, Unreadable> {
        let Some(extension) = self.extension(oid::BASIC_CONSTRAINTS) else {
            return Ok(None);
        };
        BasicConstraints::parse(&extension.value)
            .map(Some)
            .ok_or(Unreadable)
    }

    /// Whether Key Usage lets the key sign certificates.
    pub(crate) fn may_sign_certificates(&self) -> bool {
        match self.extension(oid::KEY_USAGE) {
            None => true,
            // keyCertSign is bit 5, counted from the highest.
            Some(usage) => {
                matches!(Der::new(&usage.value).content(BIT_STRING), Some([_, bits, ..]) if bits & 0x04 != 0)
            }
        }
    }

    /// Checks a signature made with the certificate's key by the algorithm that a statement names. The hash is the
    /// algorithm's; ECDSA keys of another curve than COSE pairs with it occur in the field.
    pub(crate) fn verify(
        &self,
        scheme: Scheme,
        fixed_curve: bool,
        message: &[u8],
        signature: &[u8],
    ) -> Option<bool> {
        let scheme = match (scheme, self.key.as_ref()?) {
            (Scheme::Ecdsa(curve, hash), KeyMaterial::Ec(_)) => {
                let own = self.curve?;
                // RFC 8812 section 3.2: keys on secp256k1 are for ES256K alone.
                if own != curve && (fixed_curve || own == Curve::Secp256k1) {
                    return None;
                }
                Scheme::Ecdsa(own, hash)
            }
            (Scheme::Ed25519, KeyMaterial::Ed25519(_))
            | (Scheme::Ed448, KeyMaterial::Ed448(_))
            | (Scheme::RsaPkcs1(_) | Scheme::RsaPss(_), KeyMaterial::Rsa { .. }) => scheme,
            (Scheme::MlDsa(set), KeyMaterial::MlDsa(key)) if key.len() == set.key_length() => {
                scheme
            }
            (
                _,
                KeyMaterial::Ec(_)
                | KeyMaterial::Ed25519(_)
                | KeyMaterial::Ed448(_)
                | KeyMaterial::Rsa { .. }
                | KeyMaterial::MlDsa(_),
            ) => return None,
        };
        Some(signature::verify_with(scheme, self.key.as_ref()?, message, signature).is_ok())
    }

    /// The curve of the key, for EC keys of a known one.
    pub(crate) fn curve(&self) -> Option<Curve> {
        self.curve
    }

    /// The key, if it is of a kind and size that can be used.
    pub(crate) fn key(&self) -> Option<&KeyMaterial> {
        self.key.as_ref()
    }

    /// SHA-1 of the key's bits (RFC 5280 section 4.2.1.2, method 1).
    pub(crate) fn key_identifier(&self) -> [u8; 20] {
        let mut identifier = [0; 20];
        let digest = digest(Hash::Sha1, &self.key_bits);
        // A SHA-1 digest has 20 bytes.
        for (to, from) in identifier.iter_mut().zip(digest.as_ref()) {
            *to = *from;
        }
        identifier
    }

    /// SHA-256 of the key's bits.
    pub(crate) fn key_digest(&self) -> [u8; 32] {
        sha256(&self.key_bits)
    }

    /// The AAGUID of the FIDO extension (WebAuthn 8.2.1), if it is there and well formed.
    pub(crate) fn fido_aaguid(&self) -> Option<Aaguid> {
        let mut value = Der::new(&self.extension(oid::FIDO_AAGUID)?.value);
        let bytes = value.content(OCTET_STRING)?.try_into().ok()?;
        value.is_empty().then(|| Aaguid::new(bytes))
    }

    /// Whether exactly this host name is among the Subject Alternative Names.
    pub(crate) fn is_for_host(&self, host: &str) -> bool {
        let Some(extension) = self.extension(oid::SUBJECT_ALTERNATIVE_NAME) else {
            return false;
        };
        let Some(mut names) = Der::new(&extension.value).inside(SEQUENCE) else {
            return false;
        };
        while let Some(name) = names.element() {
            if name.tag == DNS_NAME && name.content == host.as_bytes() {
                return true;
            }
        }
        false
    }

    /// The same, but where there are no Subject Alternative Names the only common name counts.
    pub(crate) fn is_for_host_or_named_so(&self, host: &str) -> bool {
        if self.extension(oid::SUBJECT_ALTERNATIVE_NAME).is_some() {
            return self.is_for_host(host);
        }
        let names = self.subject_attributes(oid::COMMON_NAME);
        names.is_some_and(|names| names == [host.as_bytes()])
    }

    /// Whether the certificate holds this credential's key.
    pub(crate) fn is_about(&self, key: &PublicKey) -> bool {
        let same_curve = match key.scheme() {
            Scheme::Ecdsa(curve, _) => self.curve == Some(curve),
            _ => self.curve.is_none(),
        };
        same_curve && self.key.as_ref() == Some(key.material())
    }

    /// Whether the issuer's key signed this certificate, by an algorithm that is still accepted.
    pub(crate) fn is_signed_by(&self, issuer: &Certificate<'_>) -> bool {
        let algorithm = Der::new(&self.signature_algorithm);
        issuer.has_signed(algorithm, &self.signed, &self.signature)
    }

    /// Whether this certificate's key made the signature, by an algorithm (identifier and parameters) that is still accepted.
    pub(crate) fn has_signed(
        &self,
        mut algorithm: Der<'_>,
        signed: &[u8],
        signature: &[u8],
    ) -> bool {
        let Some(key) = &self.key else {
            return false;
        };
        let Some(id) = algorithm.content(OID) else {
            return false;
        };
        // SHA-1 and older have no entry.
        let scheme = match key {
            KeyMaterial::Ed25519(_) => (id == oid::ED25519).then_some(Scheme::Ed25519),
            KeyMaterial::Ed448(_) => (id == oid::ED448).then_some(Scheme::Ed448),
            KeyMaterial::MlDsa(key) => ml_dsa(id)
                .filter(|set| set.key_length() == key.len())
                .map(Scheme::MlDsa),
            KeyMaterial::Ec(_) => {
                let hash = match id.strip_prefix(oid::ECDSA_WITH) {
                    Some([2]) => Some(Hash::Sha256),
                    Some([3]) => Some(Hash::Sha384),
                    Some([4]) => Some(Hash::Sha512),
                    _ => None,
                };
                self.curve
                    .zip(hash)
                    .map(|(curve, hash)| Scheme::Ecdsa(curve, hash))
            }
            KeyMaterial::Rsa { .. } => match id.strip_prefix(oid::RSA_WITH) {
                Some([10]) => pss_hash(algorithm).map(Scheme::RsaPss),
                Some([11]) => Some(Scheme::RsaPkcs1(Hash::Sha256)),
                Some([12]) => Some(Scheme::RsaPkcs1(Hash::Sha384)),
                Some([13]) => Some(Scheme::RsaPkcs1(Hash::Sha512)),
                _ => None,
            },
        };
        scheme.is_some_and(|scheme| signature::verify_with(scheme, key, signed, signature).is_ok())
    }
}

fn owned(bytes: Cow<'_, [u8]>) -> Cow<'static, [u8]> {
    Cow::Owned(bytes.into_owned())
}

/// The parameter set that an object identifier names (RFC 9881).
fn ml_dsa(id: &[u8]) -> Option<MlDsa> {
    match id.strip_prefix(oid::ML_DSA)? {
        [17] => Some(MlDsa::MlDsa44),
        [18] => Some(MlDsa::MlDsa65),
        [19] => Some(MlDsa::MlDsa87),
        _ => None,
    }
}

/// The hash that RSASSA-PSS parameters name (RFC 4055 section 3.1), if message, mask and salt length agree on one.
fn pss_hash(mut algorithm: Der<'_>) -> Option<Hash> {
    let hash = |mut identifier: Der<'_>| {
        let hash = match identifier.content(OID)?.strip_prefix(oid::SHA2)? {
            [1] => Hash::Sha256,
            [2] => Hash::Sha384,
            [3] => Hash::Sha512,
            _ => return None,
        };
        Some(hash)
    };
    let mut fields = algorithm.inside(SEQUENCE)?;
    let message = hash(fields.inside(PSS_HASH)?.inside(SEQUENCE)?)?;
    let mut mask = fields.inside(PSS_MASK)?.inside(SEQUENCE)?;
    if mask.content(OID)? != oid::MGF1 || hash(mask.inside(SEQUENCE)?)? != message {
        return None;
    }
    let salt: &[u8] = match message {
        Hash::Sha1 => return None,
        Hash::Sha256 => &[32],
        Hash::Sha384 => &[48],
        Hash::Sha512 => &[64],
    };
    (fields.inside(PSS_SALT_LENGTH)?.content(INTEGER)? == salt).then_some(message)
}

fn extensions<'a>(mut list: Der<'a>) -> Option<Vec<Extension<'a>>> {
    let mut extensions: Vec<Extension<'a>> = Vec::new();
    while !list.is_empty() {
        let mut fields = list.inside(SEQUENCE)?;
        let id = fields.content(OID)?;
        let critical = match fields.optional(BOOLEAN) {
            Some(element) => boolean(element.content)?,
            None => false,
        };
        let value = fields.content(OCTET_STRING)?;
        // RFC 5280 4.2: one of each kind, or two readers could see different ones.
        if !fields.is_empty() || extensions.iter().any(|known| known.id == id) {
            return None;
        }
        extensions.push(Extension {
            id: Cow::Borrowed(id),
            critical,
            value: Cow::Borrowed(value),
        });
    }
    Some(extensions)
}

/// The subject's key and, for EC keys, its curve; the outer `None` for a malformed one.
fn public_key(mut fields: Der<'_>) -> Option<(Option<KeyMaterial>, Option<Curve>)> {
    let mut algorithm = fields.inside(SEQUENCE)?;
    let kind = algorithm.content(OID)?;
    let bits = fields.whole_bits()?;
    match kind {
        oid::EC_PUBLIC_KEY => {
            let Some(curve) = curve(algorithm.element()?) else {
                return Some((None, None));
            };
            let uncompressed =
                bits.first() == Some(&4) && bits.len() == 1 + 2 * curve.coordinate_length();
            Some((
                uncompressed.then(|| KeyMaterial::Ec(bits.to_vec())),
                Some(curve),
            ))
        }
        oid::RSA => {
            let mut numbers = Der::new(bits).inside(SEQUENCE)?;
            let modulus = without_sign(numbers.content(INTEGER)?);
            let exponent = without_sign(numbers.content(INTEGER)?);
            let usable = check_rsa(modulus, exponent).is_ok();
            Some((
                usable.then(|| KeyMaterial::Rsa {
                    modulus: modulus.to_vec(),
                    exponent: exponent.to_vec(),
                }),
                None,
            ))
        }
        oid::ED25519 => Some((
            (bits.len() == 32).then(|| KeyMaterial::Ed25519(bits.to_vec())),
            None,
        )),
        oid::ED448 => Some((
            (bits.len() == 57).then(|| KeyMaterial::Ed448(bits.to_vec())),
            None,
        )),
        other => {
            let set = ml_dsa(other).filter(|set| set.key_length() == bits.len());
            Some((set.map(|_| KeyMaterial::MlDsa(bits.to_vec())), None))
        }
    }
}

/// The curve that the parameters of an EC key name or describe, if it is a known one.
fn curve(parameters: Element<'_>) -> Option<Curve> {
    match (parameters.tag, parameters.content) {
        (OID, oid::P256) => Some(Curve::P256),
        (OID, oid::P384) => Some(Curve::P384),
        (OID, oid::P521) => Some(Curve::P521),
        (OID, oid::SECP256K1) => Some(Curve::Secp256k1),
        (SEQUENCE, description) => described(Der::new(description)),
        _ => None,
    }
}

/// DER puts a zero before a positive number whose first bit is set.
fn without_sign(integer: &[u8]) -> &[u8] {
    match integer {
        [0, rest @ ..] => rest,
        other => other,
    }
}

/// `UTCTime` (years 1950 to 2049) or `GeneralizedTime`, in seconds and with `Z`.
fn time(element: Element<'_>) -> Option<UnixSeconds> {
    let digits = element.content.strip_suffix(b"Z")?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = |digits: &[u8]| {
        digits
            .iter()
            .fold(0i64, |number, digit| number * 10 + i64::from(digit - b'0'))
    };
    let (year, rest) = match (element.tag, digits.len()) {
        (UTC_TIME, 12) => {
            let (year, rest) = digits.split_at(2);
            let year = number(year);
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        (GENERALIZED_TIME, 14) => {
            let (year, rest) = digits.split_at(4);
            (number(year), rest)
        }
        _ => return None,
    };
    let mut pairs = rest.chunks_exact(2).map(number);
    let (month, day) = (pairs.next()?, pairs.next()?);
    let (hour, minute, second) = (pairs.next()?, pairs.next()?, pairs.next()?);
    UnixSeconds::of_civil([year, month, day], [hour, minute, second])
}

/// Text of a certificate for messages: what is not UTF-8 is replaced, and long text is cut.
fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().take(64).collect()
}

#[cfg(test)]
pub(super) mod tests;
