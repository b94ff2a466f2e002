//! `android-safetynet` (section 8.5).

use serde_json::{Map, Value, json};

use crate::algorithm::{Algorithm, Hash};
use crate::certificate::{COMMON_NAME, Extension, Leaf, name};
use crate::der;
use crate::encoding::base64;
use crate::error::Error;
use crate::jws;

use super::{Field, Maker, Subject};

const SUBJECT_ALTERNATIVE_NAME: &str = "2.5.29.17";

/// A signed message of the service, which holds a digest of what would be signed.
pub(super) fn statement(
    subject: &Subject<'_>,
    maker: &mut Maker<'_>,
) -> Result<Vec<(&'static str, Field)>, Error> {
    let lies = maker.lies;
    let profile = maker.profile;
    let key = maker.attestation_key(Algorithm::RS256)?;
    let host = lies
        .certificate
        .host
        .as_deref()
        .unwrap_or("attest.android.com");
    let mut extensions = Vec::new();
    if !lies.certificate.without_alternative_name {
        // GeneralNames with one dNSName [2].
        let names = der::sequence(&[der::tlv(0x82, host.as_bytes())]);
        extensions.push(Extension::new(SUBJECT_ALTERNATIVE_NAME, false, names));
    }
    let leaf = Leaf {
        subject: name(&[(COMMON_NAME, host)]),
        // id-kp-serverAuth
        extended_key_usage: vec!["1.3.6.1.5.5.7.3.1"],
        extensions,
    };
    let chain = &profile.chain;
    let certificates = maker
        .authorities
        .of(chain)?
        .certify(&key, &leaf, chain, lies)?;

    let nonce = base64(&Hash::Sha256.digest(&subject.signed_bytes()));
    let mut payload = Map::new();
    let mut say = |name: &str, value: Value| payload.insert(name.to_owned(), value);
    say(
        "nonce",
        lies.safetynet.nonce.clone().unwrap_or(nonce).into(),
    );
    say("timestampMs", profile.safetynet.timestamp_ms.into());
    say("apkPackageName", "com.google.android.gms".into());
    say("apkDigestSha256", base64(&[0x11; 32]).into());
    say("apkCertificateDigestSha256", json!([base64(&[0x22; 32])]));
    if !lies.safetynet.without_cts_profile_match {
        say(
            "ctsProfileMatch",
            profile.safetynet.cts_profile_match.into(),
        );
    }
    say("basicIntegrity", profile.safetynet.basic_integrity.into());
    let response = if let Some(other) = &lies.safetynet.response {
        other.clone()
    } else {
        let claimed = lies.safetynet.header_algorithm.as_deref();
        let shown: &[Vec<u8>] = if lies.safetynet.without_certificates {
            &[]
        } else {
            &certificates
        };
        let header = jws::header(&key, shown, claimed)?;
        let payload = Value::Object(payload).to_string();
        jws::compact(&key, &header, &payload, |signature| {
            lies.distort_signature(signature)
        })?
    };
    Ok(vec![
        ("ver", Field::Text(profile.safetynet.version.clone())),
        ("response", Field::Bytes(response.into_bytes())),
    ])
}
