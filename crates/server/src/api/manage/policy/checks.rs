//! A policy document becomes a policy of the domain, unless one of its values is not allowed.

use std::ops::RangeInclusive;

use domain::model::policy::{
    AttestationRequirement, AttestationSettings, ExtensionSettings, MAX_TIMEOUT_MS, Policy,
    ProtectionDemand,
};
use webauthn::attestation::{AndroidKeyPolicy, ModelPolicy, SafetyNetPolicy};
use webauthn::attestation::{KNOWN_STATUSES, MetadataPolicy};
use webauthn::base64url;
use webauthn::cose::CoseAlgorithm;
use webauthn::credential::Aaguid;
use webauthn::extension::{CredentialProtection, Prf, PrfInputs};
use webauthn::options::AttestationConveyance;
use webauthn::origin::Origin;
use webauthn::registration::CrossOrigin;
use webauthn::x509::is_certificate;

use super::document::{
    self, Attestation, Embedding, Extensions, Models, PolicyDocument, SafetyNet,
};
use crate::pem::Certificates;

/// Shortest time for a ceremony, in milliseconds.
const MIN_TIMEOUT_MS: u32 = 1000;
/// Most credentials or pending ceremonies of one user.
const MAX_PER_USER: u32 = 1000;
/// Most bytes of a credential id.
const MAX_CREDENTIAL_ID: u16 = 1023;
/// Most origins that may embed.
const MAX_ORIGINS: usize = 64;
/// Most AAGUIDs of a list.
const MAX_MODELS: usize = 256;
/// Most statuses, levels or vendors of a list.
const MAX_WORDS: usize = 64;
/// Most certificates of a list. Every ceremony stores them; import metadata for more models.
const MAX_CERTIFICATES: usize = 32;
/// Most bytes of all certificates of a list.
const MAX_CERTIFICATE_BYTES: usize = 64 * 1024;
/// Most characters of an `AppID`.
const MAX_APPID: usize = 512;
/// Most bytes of an input of `prf`.
const MAX_PRF_INPUT: usize = 1024;

/// A value that is not allowed.
#[derive(Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The member, as a path.
    pub member: String,
    /// Why it is not allowed.
    pub why: String,
}

impl Invalid {
    fn new(member: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            member: member.into(),
            why: why.into(),
        }
    }
}

impl TryFrom<PolicyDocument> for Policy {
    type Error = Invalid;

    fn try_from(document: PolicyDocument) -> Result<Self, Invalid> {
        let limits = document.limits;
        let times = MIN_TIMEOUT_MS..=MAX_TIMEOUT_MS;
        let per_user = 1..=MAX_PER_USER;
        Ok(Self {
            algorithms: algorithms(&document.algorithms)?,
            user_verification_required: document.user_verification_required,
            registration_timeout_ms: within(
                "registration_timeout_ms",
                document.registration_timeout_ms,
                &times,
            )?,
            authentication_timeout_ms: within(
                "authentication_timeout_ms",
                document.authentication_timeout_ms,
                &times,
            )?,
            allow_credentials: document.allow_credentials.into(),
            sign_count: document.sign_count.into(),
            backup_eligibility: document.backup.eligibility_change.into(),
            backup: document.backup.credentials.into(),
            cross_origin: cross_origin(&document.cross_origin)?,
            relying_party_override: document.relying_party_override.into(),
            max_credentials_per_user: within(
                "limits.credentials_per_user",
                limits.credentials_per_user,
                &per_user,
            )?,
            sealed_authentications: document.sealed_authentications,
            max_pending_per_user: within(
                "limits.pending_per_user",
                limits.pending_per_user,
                &per_user,
            )?,
            min_credential_id_length: within(
                "limits.min_credential_id_length",
                limits.min_credential_id_length,
                &(1..=MAX_CREDENTIAL_ID),
            )?,
            attestation: attestation(document.attestation)?,
            extensions: extensions(document.extensions)?,
        })
    }
}

fn within<T: PartialOrd + std::fmt::Display>(
    member: &str,
    value: T,
    range: &RangeInclusive<T>,
) -> Result<T, Invalid> {
    if range.contains(&value) {
        Ok(value)
    } else {
        let why = format!("it must be {} to {}", range.start(), range.end());
        Err(Invalid::new(member, why))
    }
}

/// Reads the elements of a list, of which there may be so many and none twice.
fn list<T: PartialEq>(
    member: &str,
    texts: &[String],
    most: usize,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, Invalid> {
    if texts.len() > most {
        return Err(Invalid::new(
            member,
            format!("it has at most {most} elements"),
        ));
    }
    let mut values = Vec::with_capacity(texts.len());
    for (index, text) in texts.iter().enumerate() {
        let at = || format!("{member}[{index}]");
        let value = read(text).map_err(|why| Invalid::new(at(), why))?;
        if values.contains(&value) {
            return Err(Invalid::new(at(), "it is already in the list"));
        }
        values.push(value);
    }
    Ok(values)
}

fn algorithms(names: &[String]) -> Result<Vec<CoseAlgorithm>, Invalid> {
    let known = CoseAlgorithm::SUPPORTED;
    let algorithms = list("algorithms", names, known.len(), |name| {
        if name == CoseAlgorithm::RS1.name() {
            return Err("RS1 signs with SHA-1 and is never offered".to_owned());
        }
        let found = known.iter().find(|algorithm| algorithm.name() == name);
        found.copied().ok_or_else(|| {
            let names: Vec<_> = known.iter().map(|algorithm| algorithm.name()).collect();
            format!("it must be one of: {}", names.join(", "))
        })
    })?;
    if algorithms.is_empty() {
        return Err(Invalid::new("algorithms", "it must name an algorithm"));
    }
    Ok(algorithms)
}

fn cross_origin(embedding: &Embedding) -> Result<CrossOrigin, Invalid> {
    let member = "cross_origin.top_origins";
    let top_origins =
        list(
            member,
            &embedding.top_origins,
            MAX_ORIGINS,
            |text| match Origin::parse_configured(text) {
                Ok(origin) if origin.is_native_app() => Err("an app embeds no page".to_owned()),
                Ok(origin) => Ok(origin.to_string()),
                Err(error) => Err(error.to_string()),
            },
        )?;
    match (embedding.allowed, top_origins.is_empty()) {
        (true, _) => Ok(CrossOrigin::Allowed { top_origins }),
        (false, true) => Ok(CrossOrigin::Refused),
        (false, false) => Err(Invalid::new(
            member,
            "it must be empty where `cross_origin.allowed` is false",
        )),
    }
}

fn attestation(document: Attestation) -> Result<AttestationSettings, Invalid> {
    let conveyance = document.conveyance.into();
    let requirement = document.requirement.into();
    if requirement == AttestationRequirement::Trusted && conveyance == AttestationConveyance::None {
        return Err(Invalid::new(
            "attestation.conveyance",
            "with `none` clients withhold the statement that `trusted` demands",
        ));
    }
    let metadata = MetadataPolicy {
        unknown_models: document.metadata.unknown_models.into(),
        stale: document.metadata.stale.into(),
        refused_statuses: statuses(
            "attestation.metadata.refused_statuses",
            &document.metadata.refused_statuses,
            |_| true,
        )?,
        required_levels: statuses(
            "attestation.metadata.required_levels",
            &document.metadata.required_levels,
            is_level,
        )?,
    };
    if requirement == AttestationRequirement::Ignore && !metadata.required_levels.is_empty() {
        return Err(Invalid::new(
            "attestation.metadata.required_levels",
            "a level is proven by a statement, which `ignore` does not judge",
        ));
    }
    let formats = document.formats;
    Ok(AttestationSettings {
        conveyance,
        requirement,
        trust_anchors: certificates("attestation.trust_anchors", &document.trust_anchors)?.into(),
        intermediates: certificates("attestation.intermediates", &document.intermediates)?.into(),
        models: models(&document.models)?,
        metadata,
        tpm_sha1: formats.tpm.sha1.into(),
        test_tpm_vendors: formats.tpm.test_vendors,
        tpm_vendors: list(
            "attestation.formats.tpm.vendors",
            &formats.tpm.vendors,
            MAX_WORDS,
            vendor,
        )?,
        android_key: AndroidKeyPolicy {
            trusted_environment: formats.android_key.trusted_environment,
            only_signing: formats.android_key.only_signing,
            verified_boot: formats.android_key.verified_boot,
            leaf_validity: formats.android_key.leaf_validity,
        },
        android_safetynet: safetynet(&formats.android_safetynet)?,
        compound: formats.compound.into(),
        refuse_root_in_path: formats.refuse_root_in_path,
        u2f_aaguid_must_be_zero: formats.u2f_aaguid_must_be_zero,
    })
}

fn certificates(member: &str, texts: &[String]) -> Result<Vec<Vec<u8>>, Invalid> {
    let certificates = list(member, texts, MAX_CERTIFICATES, |text| {
        let Certificates(found) =
            Certificates::try_from(text.to_owned()).map_err(|error| error.to_string())?;
        match <[Vec<u8>; 1]>::try_from(found) {
            Ok([der]) if is_certificate(&der) => Ok(der),
            Ok(_) => Err("it is no X.509 certificate of at most 8 KiB that can be read".to_owned()),
            Err(_) => Err("each element holds one certificate".to_owned()),
        }
    })?;
    if certificates.iter().map(Vec::len).sum::<usize>() > MAX_CERTIFICATE_BYTES {
        return Err(Invalid::new(
            member,
            format!("all certificates together have at most {MAX_CERTIFICATE_BYTES} bytes"),
        ));
    }
    Ok(certificates)
}

fn models(document: &Models) -> Result<ModelPolicy, Invalid> {
    let aaguid = |text: &str| text.parse::<Aaguid>().map_err(|error| error.to_string());
    let allowed = list(
        "attestation.models.allowed",
        &document.allowed,
        MAX_MODELS,
        aaguid,
    )?;
    let denied = list(
        "attestation.models.denied",
        &document.denied,
        MAX_MODELS,
        |text| {
            let model = aaguid(text)?;
            if allowed.contains(&model) {
                return Err("it is allowed, too".to_owned());
            }
            Ok(model)
        },
    )?;
    Ok(ModelPolicy { allowed, denied })
}

/// Statuses of the metadata standard that fit.
fn statuses(
    member: &str,
    texts: &[String],
    fits: fn(&str) -> bool,
) -> Result<Vec<String>, Invalid> {
    let known: Vec<_> = KNOWN_STATUSES
        .into_iter()
        .filter(|status| fits(status))
        .collect();
    list(member, texts, MAX_WORDS, |text| {
        if known.contains(&text) {
            Ok(text.to_owned())
        } else {
            Err(format!("it must be one of: {}", known.join(", ")))
        }
    })
}

fn is_level(status: &str) -> bool {
    status.contains("_CERTIFIED") && status != "NOT_FIDO_CERTIFIED"
}

fn vendor(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix("id:").unwrap_or_default();
    if digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(text.to_owned())
    } else {
        Err("it must be `id:` and eight hexadecimal digits".to_owned())
    }
}

fn safetynet(document: &SafetyNet) -> Result<SafetyNetPolicy, Invalid> {
    match (document.accepted, document.max_age_seconds) {
        (true, max_age_seconds) => Ok(SafetyNetPolicy::Accepted { max_age_seconds }),
        (false, None) => Ok(SafetyNetPolicy::Refused),
        (false, Some(_)) => Err(Invalid::new(
            "attestation.formats.android_safetynet.max_age_seconds",
            "it must be null where the format is not accepted",
        )),
    }
}

fn extensions(document: Extensions) -> Result<ExtensionSettings, Invalid> {
    Ok(ExtensionSettings {
        cred_props: document.cred_props,
        appid: application("extensions.appid", document.appid)?,
        appid_exclude: application("extensions.appid_exclude", document.appid_exclude)?,
        credential_protection: document.credential_protection.map(protection).transpose()?,
        min_pin_length: document.min_pin_length,
        large_blob: document.large_blob.map(Into::into),
        prf: document.prf.map(prf).transpose()?,
        uvm: document.uvm,
    })
}

fn application(member: &str, appid: Option<String>) -> Result<Option<String>, Invalid> {
    let well_formed = |text: &str| {
        text.len() <= MAX_APPID
            && text
                .strip_prefix("https://")
                .is_some_and(|rest| !rest.is_empty())
            && text.bytes().all(|byte| byte.is_ascii_graphic())
    };
    match appid {
        Some(text) if !well_formed(&text) => Err(Invalid::new(
            member,
            format!("it must be an https URL of at most {MAX_APPID} visible ASCII characters"),
        )),
        other => Ok(other),
    }
}

fn protection(document: document::Protection) -> Result<ProtectionDemand, Invalid> {
    let level = document.level.into();
    if document.enforce && level == CredentialProtection::UserVerificationOptional {
        return Err(Invalid::new(
            "extensions.credential_protection.enforce",
            "every credential has the level `user_verification_optional`: there is nothing to enforce",
        ));
    }
    Ok(ProtectionDemand {
        level,
        enforce: document.enforce,
    })
}

fn prf(document: document::Prf) -> Result<PrfInputs, Invalid> {
    for (member, input) in [("first", &document.first), ("second", &document.second)] {
        let Some(text) = input else { continue };
        let bytes = base64url::decode(text).map(|bytes| bytes.len());
        if !bytes.is_ok_and(|length| (1..=MAX_PRF_INPUT).contains(&length)) {
            return Err(Invalid::new(
                format!("extensions.prf.{member}"),
                format!("it must be 1 to {MAX_PRF_INPUT} bytes as base64url without padding"),
            ));
        }
    }
    match (document.first, document.second) {
        (Some(first), second) => Ok(PrfInputs::Evaluate(Prf { first, second })),
        (None, None) => Ok(PrfInputs::Probe),
        (None, Some(_)) => Err(Invalid::new(
            "extensions.prf.second",
            "there must be a first input before there is a second",
        )),
    }
}
