//! The `android-key` format (WebAuthn 8.4).

use super::certificate::leaf;
use super::{
    AndroidKeyError, AndroidKeyPolicy, AttestationError, AttestationType, Attested, Subject,
};
use crate::base64url;
use crate::x509::der::{
    BOOLEAN, Der, ENUMERATED, INTEGER, NULL, OCTET_STRING, SEQUENCE, SET, boolean,
};
use crate::x509::oid;

pub(super) const FORMAT: &str = "android-key";

/// `KM_ORIGIN_GENERATED`.
const GENERATED: u8 = 0;
/// `KM_PURPOSE_SIGN`.
const SIGN: u8 = 2;
/// `verifiedBootState` Verified.
const VERIFIED: u8 = 0;

/// The keys of Google's roots for hardware attestation, as SHA-256 of their bits: the RSA key of 2016, whose certificate was
/// renewed several times, and the key on P-384 of "Key Attestation CA1". Devices with keys from the factory write the leaf
/// themselves, with the dates of an unset clock, or from 1970 to 2048.
const GOOGLE_ROOT_KEYS: [[u8; 32]; 2] = [
    [
        0xbd, 0x54, 0x13, 0xbc, 0xa2, 0x43, 0xd3, 0xcc, 0x63, 0x01, 0x7d, 0x5a, 0xd7, 0x14, 0x7a,
        0x3a, 0xb9, 0xad, 0xcc, 0x2f, 0xe7, 0x2e, 0x1d, 0x91, 0xce, 0xf9, 0x7c, 0x9b, 0x9b, 0x2a,
        0x30, 0xb4,
    ],
    [
        0xad, 0xae, 0x55, 0xbe, 0xe3, 0xf4, 0xed, 0x85, 0xaf, 0x4d, 0x2d, 0xf3, 0xac, 0x1b, 0x90,
        0xc1, 0xba, 0xba, 0x0e, 0x66, 0xce, 0x4b, 0xa6, 0x0e, 0x8a, 0x48, 0x91, 0xbd, 0xb9, 0xc9,
        0x4e, 0x5c,
    ],
];

pub(super) fn verify<'a>(subject: &Subject<'_, 'a>) -> Result<Attested<'a>, AttestationError> {
    // https://w3c.github.io/webauthn/#sctn-android-key-attestation
    // Step 1: the members.
    subject.require_map(FORMAT)?;
    let algorithm = subject.algorithm(FORMAT)?;
    let sig = subject.signature(FORMAT)?;
    let trust_path = subject.chain(FORMAT)?;
    let leaf = leaf(FORMAT, &trust_path)?;

    // Step 2: the signature.
    let algorithm = subject.scheme(algorithm)?;
    algorithm.require_leaf_signature(FORMAT, &leaf, subject.signed, sig)?;
    subject.passed(
        "8.4 step 2",
        "signature verifies with the certificate's key",
        || leaf.common_name(),
    );

    // Step 3: the certificate is about the credential's key.
    if !leaf.is_about(subject.public_key) {
        return Err(AttestationError::KeyMismatch { format: FORMAT });
    }
    subject.passed(
        "8.4 step 3",
        "certificate is about the credential's key",
        || leaf.common_name(),
    );

    // Step 4: the challenge in the key description.
    let extension = leaf.extension(oid::ANDROID_KEY_DESCRIPTION);
    let extension = extension.ok_or(AndroidKeyError::Extension("it is missing"))?;
    let description = KeyDescription::parse(&extension.value)
        .ok_or(AndroidKeyError::Extension("it cannot be read"))?;
    if description.challenge != subject.client_data_hash {
        return Err(AndroidKeyError::Challenge.into());
    }
    subject.passed(
        "8.4 step 4",
        "attestation challenge is the hash of the client data",
        || base64url::encode(description.challenge),
    );

    // Step 5: what the lists say about the key.
    description.require(subject.policy.android_key)?;
    subject.passed("8.4 step 5", "authorization lists are acceptable", || {
        description.text()
    });
    Ok(Attested {
        dateless_below: if subject.policy.android_key.leaf_validity {
            &[]
        } else {
            &GOOGLE_ROOT_KEYS
        },
        ..Attested::new(AttestationType::Basic, trust_path)
    })
}

/// `KeyDescription` of the key store's attestation schema, as far as it matters.
struct KeyDescription<'a> {
    security_level: u8,
    challenge: &'a [u8],
    software: AuthorizationList,
    hardware: AuthorizationList,
}

impl<'a> KeyDescription<'a> {
    fn parse(value: &'a [u8]) -> Option<Self> {
        let mut outer = Der::new(value);
        let mut fields = outer.inside(SEQUENCE)?;
        fields.content(INTEGER)?; // Version of the schema.
        let security_level = number(fields.content(ENUMERATED)?)?;
        fields.content(INTEGER)?; // Version of the key store,
        fields.content(ENUMERATED)?; // and where that runs.
        let challenge = fields.content(OCTET_STRING)?;
        fields.content(OCTET_STRING)?; // A unique id, which nothing needs.
        let software = AuthorizationList::parse(fields.inside(SEQUENCE)?)?;
        let hardware = AuthorizationList::parse(fields.inside(SEQUENCE)?)?;
        (outer.is_empty() && fields.is_empty()).then_some(Self {
            security_level,
            challenge,
            software,
            hardware,
        })
    }

    /// For messages.
    fn text(&self) -> String {
        let list = |list: &AuthorizationList| {
            format!("origin {:?}, purposes {:?}", list.origin, list.purposes)
        };
        format!(
            "security level {}; hardware-enforced: {}; software-enforced: {}",
            self.security_level,
            list(&self.hardware),
            list(&self.software)
        )
    }

    fn require(&self, policy: AndroidKeyPolicy) -> Result<(), AndroidKeyError> {
        let both = [&self.hardware, &self.software];
        if both.iter().any(|list| list.all_applications) {
            return Err(AndroidKeyError::AllApplications);
        }
        // The lists that count: what software enforces is worth less, but a Relying Party may be content with it.
        let counted = if policy.trusted_environment {
            &both[..1]
        } else {
            &both[..]
        };

        let origins = counted.iter().filter_map(|list| list.origin);
        if origins.clone().next().is_none() {
            return Err(AndroidKeyError::Origin("its origin is missing"));
        }
        if !origins.clone().all(|origin| origin == GENERATED) {
            return Err(AndroidKeyError::Origin(
                "the key was not generated in the key store",
            ));
        }

        let purposes = counted.iter().filter_map(|list| list.purposes.as_deref());
        if purposes.clone().next().is_none() {
            return Err(AndroidKeyError::Purpose("its purpose is missing"));
        }
        if !purposes.clone().all(|set| set.contains(&SIGN)) {
            return Err(AndroidKeyError::Purpose("the key is not for signing"));
        }
        if policy.only_signing && !purposes.clone().all(|set| set == [SIGN]) {
            return Err(AndroidKeyError::Purpose("the key is not for signing only"));
        }

        if policy.trusted_environment && !matches!(self.security_level, 1 | 2) {
            return Err(AndroidKeyError::Policy("a key in a trusted environment"));
        }
        if policy.verified_boot && self.hardware.verified_boot != Some(true) {
            return Err(AndroidKeyError::Policy(
                "a locked device whose boot was verified",
            ));
        }
        Ok(())
    }
}

/// `AuthorizationList`, as far as it matters. Unknown elements are skipped; a known one must have its form and occur once.
#[derive(Default)]
struct AuthorizationList {
    purposes: Option<Vec<u8>>,
    all_applications: bool,
    origin: Option<u8>,
    /// Of `rootOfTrust`: the device is locked, and the state of its boot is Verified.
    verified_boot: Option<bool>,
}

impl AuthorizationList {
    fn parse(mut elements: Der<'_>) -> Option<Self> {
        let mut list = Self::default();
        while !elements.is_empty() {
            let (tag, mut value) = elements.context()?;
            let repeated = match tag {
                1 => list.purposes.replace(purposes(&mut value)?).is_some(),
                600 => {
                    value.content(NULL)?;
                    std::mem::replace(&mut list.all_applications, true)
                }
                702 => list
                    .origin
                    .replace(number(value.content(INTEGER)?)?)
                    .is_some(),
                704 => {
                    let verified = verified_boot(value).unwrap_or(false);
                    if list.verified_boot.replace(verified).is_some() {
                        return None;
                    }
                    continue;
                }
                _ => continue,
            };
            if repeated || !value.is_empty() {
                return None;
            }
        }
        Some(list)
    }
}

/// A small number that is not negative.
fn number(content: &[u8]) -> Option<u8> {
    match content {
        [number] if *number < 0x80 => Some(*number),
        _ => None,
    }
}

/// SET OF INTEGER.
fn purposes(value: &mut Der<'_>) -> Option<Vec<u8>> {
    let mut set = value.inside(SET)?;
    let mut purposes = Vec::new();
    while !set.is_empty() {
        purposes.push(number(set.content(INTEGER)?)?);
    }
    Some(purposes)
}

/// `RootOfTrust`: key, lock, state, and since version 3 a hash. `None` when something else stands here, as old key stores have it:
/// that proves no verified boot, and it matters only where one is demanded.
fn verified_boot(mut value: Der<'_>) -> Option<bool> {
    let mut fields = value.inside(SEQUENCE)?;
    fields.content(OCTET_STRING)?;
    let locked = boolean(fields.content(BOOLEAN)?)?;
    let state = number(fields.content(ENUMERATED)?)?;
    fields.optional(OCTET_STRING);
    let complete = fields.is_empty() && value.is_empty();
    complete.then_some(locked && state == VERIFIED)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::x509::Certificate;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn the_roots_of_google_are_known_by_their_keys() {
        let cases = include_str!("../../../../vectors/devices/go-webauthn.ndjson");
        let case = |name: &str| -> Vec<Vec<u8>> {
            let mut lines = cases
                .lines()
                .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            let case = lines.find(|case| case["name"] == name).unwrap();
            let anchors = case["trust_anchors"].as_array().unwrap().iter();
            anchors
                .map(|pem| {
                    let lines = pem.as_str().unwrap().lines();
                    let body: String = lines.filter(|line| !line.starts_with("-----")).collect();
                    STANDARD.decode(body).unwrap()
                })
                .collect()
        };
        let keys = |name: &str| -> Vec<[u8; 32]> {
            let anchors = case(name);
            let keys = anchors
                .iter()
                .map(|der| Certificate::parse(der).unwrap().key_digest());
            keys.collect()
        };
        // Two editions of the RSA root, and the newer root.
        let [rsa, ec] = GOOGLE_ROOT_KEYS;
        assert_eq!(keys("android-key-fake-2-google-anchors"), [rsa, rsa, ec]);
        // Software that calls itself Android.
        let software = keys("android-key-fake-2-anchored-at-intermediate");
        assert!(!GOOGLE_ROOT_KEYS.contains(&software[0]));
    }
}
