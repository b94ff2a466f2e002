//! The `android-safetynet` format (WebAuthn 8.5). Google has withdrawn the service; old records can still be verified.

use super::certificate::leaf;
use super::{
    AttestationError, AttestationType, Attested, SafetyNetError, SafetyNetPolicy, Subject,
};
use crate::cbor::Value;
use crate::hash::sha256;
use crate::json::{self, Limits};
use crate::jws::{self, Jws};
use crate::limits::{MAX_CERTIFICATE, MAX_CERTIFICATES};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

pub(super) const FORMAT: &str = "android-safetynet";

/// The host name in the certificate of the service.
const HOST: &str = "attest.android.com";

/// Nothing in a response is nested or long, but for the certificates in base64.
const LIMITS: Limits = Limits {
    depth: 4,
    members: 32,
    string: MAX_CERTIFICATE.div_ceil(3) * 4,
    elements: 32,
};

pub(super) fn verify<'a>(subject: &Subject<'_, 'a>) -> Result<Attested<'a>, AttestationError> {
    // https://w3c.github.io/webauthn/#sctn-android-safetynet-attestation
    // Steps 1-2: the members. The version decides nothing, but it must be there.
    subject.require_map(FORMAT)?;
    let version = subject.statement.get("ver").and_then(Value::as_text);
    if version.is_none_or(str::is_empty) {
        return Err(SafetyNetError::Version.into());
    }
    let response = subject.bytes(FORMAT, "response", "`response` must be a byte string")?;
    let response = Jws::parse(response).map_err(SafetyNetError::Malformed)?;
    let header = json::parse(&response.header, &LIMITS)
        .map_err(|_| SafetyNetError::Malformed("its header is not JSON"))?;
    let header = header
        .as_object()
        .ok_or(SafetyNetError::Malformed("its header is not an object"))?;
    let payload = json::parse(&response.payload, &LIMITS)
        .map_err(|_| SafetyNetError::Malformed("its payload is not JSON"))?;
    let payload = payload
        .as_object()
        .ok_or(SafetyNetError::Malformed("its payload is not an object"))?;

    // Step 4, first half of the service's own procedure: who signed.
    let trust_path: Vec<_> = jws::certificates(header, MAX_CERTIFICATES)
        .map_err(SafetyNetError::Malformed)?
        .into_iter()
        .map(Cow::Owned)
        .collect();
    let leaf = leaf(FORMAT, &trust_path)?;
    if !leaf.is_for_host_or_named_so(HOST) {
        return Err(SafetyNetError::Host.into());
    }
    subject.passed("8.5 step 4", "certificate is the service's", || {
        leaf.common_name()
    });
    if !response.is_signed_by(&leaf, header) {
        return Err(AttestationError::SignatureInvalid { format: FORMAT });
    }
    subject.passed(
        "8.5 step 4",
        "signature verifies with the certificate's key",
        || leaf.common_name(),
    );

    // Step 3: the nonce, in standard base64.
    let text = |name| payload.get(name).and_then(json::Value::as_str);
    if text("nonce") != Some(STANDARD.encode(sha256(subject.signed)).as_str()) {
        return Err(SafetyNetError::Nonce.into());
    }
    subject.passed("8.5 step 3", "nonce is that of these data", String::new);

    // Step 4, second half: what the service says.
    if payload
        .get("ctsProfileMatch")
        .and_then(json::Value::as_bool)
        != Some(true)
    {
        return Err(SafetyNetError::CtsProfile.into());
    }
    subject.passed("8.5 step 4", "device matches a certified profile", || {
        "ctsProfileMatch is true".to_owned()
    });
    if let SafetyNetPolicy::Accepted {
        max_age_seconds: Some(max_age),
    } = subject.policy.android_safetynet
    {
        let time = payload.get("timestampMs").and_then(json::Value::as_i64);
        let time = time.ok_or(SafetyNetError::Timestamp("missing"))?;
        let now = subject.at.0.saturating_mul(1000);
        if time > now {
            return Err(SafetyNetError::Timestamp("in the future").into());
        }
        if now.saturating_sub(time) > i64::from(max_age) * 1000 {
            return Err(SafetyNetError::Timestamp("too long ago").into());
        }
    }
    Ok(Attested::new(AttestationType::Basic, trust_path))
}
