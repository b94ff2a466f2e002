//! What metadata do to a registration (7.1 steps 23-24, 3.1.4 of the metadata service).

use super::{NOW, accepted, of, status};
use serde_json::{Value, json};
use testkit::metadata::{Blob, Entry, Status};
use testkit::{
    Algorithm, Authenticator, Bytes, ExtraExtension, Format, Lies, Profile, base64url,
    certificate_key_identifier,
};
use webauthn::attestation::{AttestationPolicy, AttestationType, StatementPolicy};
use webauthn::attestation::{MetadataPolicy, StaleMetadata, UnknownModels};
use webauthn::cbor::{self, KeyOrder};
use webauthn::cose::CoseAlgorithm;
use webauthn::credential::Aaguid;
use webauthn::json::{Limits, parse};
use webauthn::metadata::ModelError;
use webauthn::metadata::{Metadata, Part};
use webauthn::origin::Origin;
use webauthn::registration::{BackupPolicy, CrossOrigin, RegistrationError};
use webauthn::relying_party::RpId;
use webauthn::response::{RegistrationResponse, ResponseForm};
use webauthn::signal::Signal;
use webauthn::trace::NoTrace;
use webauthn::trust::{Trust, TrustError, TrustFacts};
use webauthn::x509::ChainError;
use webauthn::{Reason, RegistrationExpectation, VerifiedRegistration, verify_registration};

const ORIGIN: &str = "https://example.org";

/// One response, to be judged in the light of several metadata.
pub(super) struct Answer {
    pub(super) response: RegistrationResponse,
    /// The root of the authenticator's chain.
    pub(super) root: Vec<u8>,
    pub(super) aaguid: [u8; 16],
    pub(super) expected: RegistrationExpectation,
}

pub(super) fn answer(format: Format) -> Answer {
    answer_of(Profile::security_key().with_format(format))
}

pub(super) fn answer_of(profile: Profile) -> Answer {
    answer_with(profile, &Lies::default())
}

/// A response whose attestation certificate has a further extension, not critical.
fn answer_with_extension(profile: Profile, oid: &str, value: Vec<u8>) -> Answer {
    let mut lies = Lies::default();
    lies.certificate.extra_extensions = vec![ExtraExtension {
        oid: oid.to_owned(),
        critical: false,
        value: Bytes(value),
    }];
    answer_with(profile, &lies)
}

fn answer_with(profile: Profile, lies: &Lies) -> Answer {
    let aaguid = profile.aaguid;
    let mut device = Authenticator::new(profile);
    let offered: Vec<Value> = Algorithm::ALL
        .iter()
        .map(|algorithm| json!({"type": "public-key", "alg": algorithm.cose()}))
        .collect();
    let options = json!({"publicKey": {
        "rp": {"id": "example.org", "name": "Example"},
        "user": {"id": base64url(b"ada"), "name": "ada", "displayName": "Ada"},
        "challenge": base64url(&[0x5a; 32]),
        "pubKeyCredParams": offered,
        "excludeCredentials": [],
    }});
    let credential = device.create(&options, ORIGIN, lies).unwrap();
    let text = credential.to_string();
    let value = parse(text.as_bytes(), &Limits::default()).unwrap();
    Answer {
        response: RegistrationResponse::from_json(&value, &ResponseForm::STRICT).unwrap(),
        root: device.attestation_root().unwrap(),
        aaguid,
        expected: RegistrationExpectation {
            challenge: vec![0x5a; 32],
            rp_id: RpId::parse("example.org").unwrap(),
            origins: vec![Origin::exact(ORIGIN)],
            cross_origin: CrossOrigin::Refused,
            algorithms: CoseAlgorithm::SUPPORTED.to_vec(),
            user_verification_required: false,
            conditional_create: false,
            attestation: AttestationPolicy {
                accept_test_tpm_vendor: true,
                ..AttestationPolicy::default()
            },
            backup: BackupPolicy::Any,
            min_credential_id_length: 16,
            credential_protection: None,
        },
    }
}

impl Answer {
    fn policy(mut self, change: impl FnOnce(&mut AttestationPolicy)) -> Self {
        change(&mut self.expected.attestation);
        self
    }

    fn known_models_only(self) -> Self {
        self.policy(|policy| policy.metadata.unknown_models = UnknownModels::Refuse)
    }

    fn level(self, level: &str) -> Self {
        self.policy(|policy| policy.metadata.required_levels = vec![level.to_owned()])
    }

    /// The entry that describes the authenticator truly, if its attestation is of this type.
    fn entry(&self, attestation_type: &str) -> Entry {
        let roots = match attestation_type {
            "basic_surrogate" => vec![],
            _ => vec![self.root.clone()],
        };
        Entry {
            attestation_types: vec![attestation_type.to_owned()],
            roots,
            ..Entry::fido2(self.aaguid, vec![])
        }
    }

    fn with(&self, metadata: Option<&Metadata>) -> Result<VerifiedRegistration, TrustError> {
        let facts = TrustFacts { metadata };
        let outcome =
            verify_registration(&self.expected, &self.response, &facts, NOW, &mut NoTrace);
        outcome.map_err(|error| match error {
            RegistrationError::Trust(error) => error,
            other => panic!("{other}"),
        })
    }

    fn described_by(&self, entry: Entry) -> Result<VerifiedRegistration, TrustError> {
        self.with(Some(&of(vec![entry])))
    }

    /// The certificates of the statement.
    pub(super) fn chain(&self) -> Vec<Vec<u8>> {
        let object = cbor::read(self.response.attestation_object(), KeyOrder::Any).unwrap();
        let x5c = object.get("attStmt").unwrap().get("x5c").unwrap();
        let elements = x5c.as_array().unwrap().iter();
        elements
            .map(|element| element.as_bytes().unwrap().to_vec())
            .collect()
    }
}

#[test]
fn a_statement_that_was_not_asked_for_counts_as_absent_where_metadata_are_missing() {
    let volunteered = |format| {
        answer(format)
            .known_models_only()
            .policy(|policy| policy.statement = StatementPolicy::Volunteered)
    };
    for format in [Format::PackedSelf, Format::PackedX5c, Format::Compound] {
        let answer = volunteered(format);
        for metadata in [None, Some(of(vec![]))] {
            let verified = answer.with(metadata.as_ref()).unwrap();
            assert_eq!(verified.trust(), Trust::None);
            assert_eq!(verified.attestation_types(), [AttestationType::None]);
            assert_eq!(verified.format(), answer_format(format));
            assert_eq!(verified.model(), None);
        }
    }

    // Metadata that know the model are used, for better and for worse.
    let packed = volunteered(Format::PackedX5c);
    let verified = packed.described_by(packed.entry("basic_full")).unwrap();
    assert_eq!(verified.trust(), Trust::Trusted);
    let mut foreign = packed.entry("basic_full");
    foreign.roots = vec![other_root()];
    assert_eq!(
        packed.described_by(foreign),
        Err(TrustError::Chain(ChainError::NoAnchor))
    );

    // What absent attestation does not get, this does not get either.
    let leveled = volunteered(Format::PackedX5c).level("FIDO_CERTIFIED_L1");
    let unproven = TrustError::Model(ModelError::CertificationLevel(
        "the attestation does not prove the model",
    ));
    assert_eq!(leveled.with(None), Err(unproven));
    let no_none = packed.policy(|policy| policy.allow_none = false);
    assert_eq!(no_none.with(None), Err(TrustError::PolicyRefused("none")));
}

#[test]
fn a_model_that_is_refused_by_stale_metadata_stays_refused_when_no_statement_was_asked_for() {
    let packed = answer(Format::PackedX5c).policy(|policy| {
        policy.statement = StatementPolicy::Volunteered;
        policy.metadata.stale = StaleMetadata::Refuse;
    });
    let stale = |entry| {
        accepted(&Blob {
            next_update: "2020-01-01".to_owned(),
            ..Blob::of(vec![entry])
        })
    };
    let entry = packed.entry("basic_full");
    let verified = packed.with(Some(&stale(entry.clone()))).unwrap();
    assert_eq!(verified.trust(), Trust::None);
    let revoked = entry.with_statuses(vec![Status::new("REVOKED", "2019-01-01")]);
    let error = packed.with(Some(&stale(revoked))).unwrap_err();
    assert_eq!(error.reason(), Reason::AuthenticatorStatusRefused);
}

fn answer_format(format: Format) -> &'static str {
    match format {
        Format::Compound => "compound",
        _ => "packed",
    }
}

pub(super) fn other_root() -> Vec<u8> {
    super::service().root().to_vec()
}

#[test]
fn the_anchors_of_the_model_are_trusted_and_no_others() {
    let packed = answer(Format::PackedX5c);
    assert_eq!(packed.with(None).unwrap().trust(), Trust::Unknown);
    assert_eq!(packed.with(None).unwrap().model(), None);
    let verified = packed.described_by(packed.entry("basic_full")).unwrap();
    assert_eq!(verified.trust(), Trust::Trusted);
    assert!(verified.signals().is_empty());
    let model = verified.model().unwrap();
    assert_eq!(model.description.as_deref(), Some("passkeyd testkit"));
    assert_eq!(model.status.as_deref(), Some("FIDO_CERTIFIED_L1"));
    assert!(!model.update_available);

    // Neither what the operator trusts for other models nor what another model has.
    let root = packed.root.clone();
    let configured = packed.policy(|policy| policy.trust_anchors = vec![root].into());
    assert_eq!(configured.with(None).unwrap().trust(), Trust::Trusted);
    let mut foreign = configured.entry("basic_full");
    foreign.roots = vec![other_root()];
    assert_eq!(
        configured.described_by(foreign),
        Err(TrustError::Chain(ChainError::NoAnchor))
    );
    let mut of_another_model = configured.entry("basic_full");
    of_another_model.aaguid = Some([9; 16]);
    let unconfigured = answer(Format::PackedX5c);
    let verified = unconfigured.described_by(of_another_model).unwrap();
    assert_eq!((verified.trust(), verified.model()), (Trust::Unknown, None));
}

#[test]
fn a_model_of_whose_roots_none_can_be_read_refuses_what_would_need_them() {
    let right = answer(Format::PackedX5c);
    let wrong = answer(Format::PackedX5c);
    let unreadable = |roots: Value| {
        let mut entry = right.entry("basic_full");
        let name = "attestationRootCertificates".to_owned();
        entry.extra_statement.insert(name, roots);
        entry
    };
    let mut without_statement = right.entry("basic_full");
    let name = "metadataStatement".to_owned();
    without_statement.extra.insert(name, json!("lost"));
    let cases = [
        (unreadable(json!(["AAAA"])), 1),
        (unreadable(json!(["AAAA", 7, ""])), 3),
        (unreadable(json!("none")), 1),
        (unreadable(json!({})), 1),
        (unreadable(Value::Null), 1),
        (without_statement, 1),
    ];
    for (entry, count) in cases {
        // Whatever else is trusted: the model's own roots are not known.
        for anchors in [vec![], vec![right.root.clone(), wrong.root.clone()]] {
            for device in [&right, &wrong] {
                let mut expected = device.expected.clone();
                expected.attestation.trust_anchors = anchors.clone().into();
                let metadata = of(vec![entry.clone()]);
                let facts = TrustFacts {
                    metadata: Some(&metadata),
                };
                let error =
                    verify_registration(&expected, &device.response, &facts, NOW, &mut NoTrace)
                        .unwrap_err();
                assert_eq!(error.reason(), Reason::MetadataRootsUnreadable);
                let model = Aaguid::new(right.aaguid);
                let message = format!(
                    "the metadata lists {count} attestation root certificates for the authenticator model {model}, and none \
                     of them can be read"
                );
                assert_eq!(error.to_string(), message);
            }
        }
    }
    // With one that can be read the right authority is trusted and another is not.
    let entry = unreadable(json!(["AAAA", base64_of(&right.root)]));
    let verified = right.described_by(entry.clone()).unwrap();
    assert_eq!(verified.trust(), Trust::Trusted);
    assert_eq!(
        wrong.described_by(entry),
        Err(TrustError::Chain(ChainError::NoAnchor))
    );
    // Absent attestation needs no roots.
    let none = answer(Format::None);
    assert!(none.described_by(unreadable(json!(["AAAA"]))).is_ok());
}

pub(super) fn base64_of(der: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(der)
}

#[test]
fn a_model_of_whose_types_none_can_be_read_refuses_attestation() {
    for format in [Format::PackedX5c, Format::PackedSelf] {
        let device = answer(format);
        for types in [json!([7]), json!("basic_full"), json!({}), Value::Null] {
            let mut entry = device.entry("basic_full");
            let name = "attestationTypes".to_owned();
            entry.extra_statement.insert(name, types.clone());
            let error = device.described_by(entry).unwrap_err();
            assert_eq!(error.reason(), Reason::AttestationUntrusted, "{types}");
            assert!(error.to_string().contains("none of them can be read"));
        }
        let mut entry = device.entry("basic_full");
        let name = "attestationTypes".to_owned();
        let types = json!([7, "basic_full", "basic_surrogate"]);
        entry.extra_statement.insert(name, types);
        assert!(device.described_by(entry).is_ok());
    }
}

#[test]
fn of_two_entries_about_a_model_the_stricter_counts() {
    let packed = answer(Format::PackedX5c);
    let good = packed.entry("basic_full");
    let revoked = good.clone().with_statuses(vec![status("REVOKED")]);
    let uncertified = good.clone().with_statuses(vec![]);
    let foreign = Entry {
        roots: vec![other_root()],
        ..good.clone()
    };
    let rootless = Entry {
        roots: vec![],
        ..good.clone()
    };
    let surrogate = packed.entry("basic_surrogate");
    let both = |second: &Entry| {
        let judged = |entries: Vec<Entry>| {
            packed
                .with(Some(&of(entries)))
                .map(|verified| verified.trust())
        };
        let outcome = judged(vec![good.clone(), second.clone()]);
        assert_eq!(judged(vec![second.clone(), good.clone()]), outcome);
        outcome
    };
    assert_eq!(both(&good), Ok(Trust::Trusted));
    assert_eq!(both(&rootless), Ok(Trust::Trusted));
    assert_eq!(both(&foreign), Err(TrustError::Chain(ChainError::NoAnchor)));
    let error = both(&revoked).unwrap_err();
    assert_eq!(error.reason(), Reason::AuthenticatorStatusRefused);
    assert!(both(&surrogate).is_err());
    let packed = answer_of(Profile::security_key()).level("FIDO_CERTIFIED_L1");
    let good = packed.entry("basic_full");
    assert!(packed.described_by(good.clone()).is_ok());
    let error = packed.with(Some(&of(vec![good, uncertified]))).unwrap_err();
    assert_eq!(error.reason(), Reason::AuthenticatorStatusRefused);
}

#[test]
fn a_u2f_key_is_judged_by_its_key_and_by_the_aaguid_that_it_claims() {
    let u2f = answer_of(Profile {
        aaguid: [9; 16],
        ..Profile::u2f()
    });
    let identifier = certificate_key_identifier(&u2f.chain()[0]).unwrap();
    let revoked = Entry::u2f(vec![identifier], u2f.root.clone());
    let revoked = revoked.with_statuses(vec![status("REVOKED")]);
    // The AAGUID of a U2F key is not signed.
    let claimed = Entry::fido2([9; 16], u2f.root.clone());
    assert!(u2f.described_by(claimed.clone()).is_ok());
    let error = u2f.with(Some(&of(vec![claimed, revoked]))).unwrap_err();
    assert_eq!(error.reason(), Reason::AuthenticatorStatusRefused);
}

#[test]
fn an_entry_whose_aaguid_cannot_be_read_is_found_by_the_key_of_the_certificate() {
    let packed = answer(Format::PackedX5c);
    let identifier = certificate_key_identifier(&packed.chain()[0]).unwrap();
    let mut entry = Entry {
        key_identifiers: vec![identifier],
        ..packed.entry("basic_full")
    };
    entry.extra.insert("aaguid".to_owned(), json!("damaged"));
    entry.extra_statement.insert("aaguid".to_owned(), json!(7));
    let verified = packed.described_by(entry.clone()).unwrap();
    assert!(verified.model().is_some());
    let revoked = entry.with_statuses(vec![status("REVOKED")]);
    let error = packed.described_by(revoked).unwrap_err();
    assert_eq!(error.reason(), Reason::AuthenticatorStatusRefused);
}

#[test]
fn the_configured_anchors_serve_a_model_without_its_own() {
    let packed = answer(Format::PackedX5c);
    let root = packed.root.clone();
    let packed = packed.policy(|policy| policy.trust_anchors = vec![root].into());
    let mut entry = packed.entry("basic_full");
    entry.roots = vec![];
    let verified = packed.described_by(entry).unwrap();
    assert_eq!(verified.trust(), Trust::Trusted);
    assert!(verified.model().is_some());
}

#[test]
fn an_anchor_may_be_the_attestation_certificate_itself() {
    let packed = answer(Format::PackedX5c);
    let mut entry = packed.entry("basic_full");
    entry.roots = vec![packed.chain()[0].clone()];
    let verified = packed.described_by(entry).unwrap();
    assert_eq!(verified.trust(), Trust::Trusted);
}

#[test]
fn u2f_models_are_found_by_the_key_of_their_certificate() {
    for aaguid in [[0; 16], [9; 16]] {
        let u2f = answer_of(Profile {
            aaguid,
            ..Profile::u2f()
        })
        .known_models_only();
        let identifier = certificate_key_identifier(&u2f.chain()[0]).unwrap();
        let entry = Entry::u2f(vec![identifier], u2f.root.clone());
        let verified = u2f.described_by(entry.clone()).unwrap();
        assert_eq!(verified.trust(), Trust::Trusted);
        let other = Entry::u2f(vec!["00".repeat(20)], u2f.root.clone());
        assert_eq!(
            u2f.described_by(other),
            Err(TrustError::AuthenticatorUnknown)
        );
        let revoked = entry.with_statuses(vec![status("REVOKED")]);
        assert!(u2f.described_by(revoked).is_err());
    }
}

#[test]
fn authenticators_without_an_aaguid_are_found_by_the_one_in_their_certificate() {
    let named = |value: Vec<u8>| {
        let u2f = answer_with_extension(Profile::u2f(), "1.3.6.1.4.1.45724.1.1.4", value);
        let entry = Entry::fido2([9; 16], u2f.root.clone());
        u2f.described_by(entry).unwrap().model().is_some()
    };
    assert!(named([&[4, 16][..], &[9; 16]].concat()));
    assert!(!named([&[4, 16][..], &[8; 16]].concat()));
    assert!(!named([&[4, 16][..], &[9; 16], &[0]].concat()));
    assert!(!named(vec![9; 16]));
}

#[test]
fn an_anchor_above_the_limit_of_certificates_is_left_out() {
    let readable = |length: usize| {
        let packed = answer_with_extension(Profile::security_key(), "1.2.3.4", vec![0; length]);
        let mut entry = packed.entry("basic_full");
        entry.roots = packed.chain();
        of(vec![entry]).entries()[0].roots().len()
    };
    assert_eq!((readable(4096), readable(8192)), (1, 0));
}

#[test]
fn packed_models_are_found_by_key_only_if_they_hide_their_aaguid() {
    let found = |aaguid| {
        let packed = answer_of(Profile {
            aaguid,
            ..Profile::security_key()
        });
        let identifier = certificate_key_identifier(&packed.chain()[0]).unwrap();
        let entry = Entry::u2f(vec![identifier], packed.root.clone());
        packed.described_by(entry).unwrap().model().is_some()
    };
    assert!(found([0; 16]));
    assert!(!found([9; 16]));
}

#[test]
fn an_entry_for_the_aaguid_of_zeros_matches_no_model() {
    let packed = answer_of(Profile {
        aaguid: [0; 16],
        ..Profile::security_key()
    })
    .known_models_only();
    let metadata = of(vec![packed.entry("basic_full")]);
    assert_eq!(metadata.dropped().count(Part::Entry), 1);
    assert_eq!(
        packed.with(Some(&metadata)),
        Err(TrustError::AuthenticatorUnknown)
    );
}

#[test]
fn unknown_models_are_judged_without_metadata_or_refused() {
    let empty = accepted(&Blob::default());
    for format in [Format::PackedX5c, Format::PackedSelf] {
        let lenient = answer(format);
        assert!(lenient.with(Some(&empty)).unwrap().model().is_none());
        let strict = lenient.known_models_only();
        let error = strict.with(Some(&empty)).unwrap_err();
        assert_eq!(error, TrustError::AuthenticatorUnknown);
        assert_eq!(error.reason(), Reason::AuthenticatorUnknown);
        let error = strict.with(None).unwrap_err();
        assert_eq!(error, TrustError::MetadataUnavailable);
        assert_eq!(error.reason(), Reason::MetadataUnavailable);
        let plain = verify_registration(
            &strict.expected,
            &strict.response,
            &TrustFacts::NO_METADATA,
            NOW,
            &mut NoTrace,
        );
        assert_eq!(plain.unwrap_err().reason(), Reason::MetadataUnavailable);
    }
    // Absent attestation is another policy's matter.
    let none = answer(Format::None).known_models_only();
    for metadata in [None, Some(&empty)] {
        assert_eq!(none.with(metadata).unwrap().trust(), Trust::None);
    }
}

#[test]
fn stale_metadata_count_unless_the_policy_demands_fresh_ones() {
    let due = |next_update: &str| {
        accepted(&Blob {
            next_update: next_update.to_owned(),
            ..Blob::default()
        })
    };
    // The day by which newer ones are due is 2026-01-01, which is today, or the day before.
    let (fresh, stale) = (due("2026-01-01"), due("2025-12-31"));
    for format in [Format::PackedX5c, Format::PackedSelf] {
        let lenient = answer(format);
        assert!(lenient.with(Some(&stale)).is_ok());
        let strict = lenient.policy(|policy| policy.metadata.stale = StaleMetadata::Refuse);
        assert!(strict.with(Some(&fresh)).is_ok());
        assert!(strict.with(None).is_ok());
        let error = strict.with(Some(&stale)).unwrap_err();
        assert_eq!(error, TrustError::MetadataStale);
        assert_eq!(error.reason(), Reason::MetadataStale);
    }
    let none = answer(Format::None);
    let none = none.policy(|policy| policy.metadata.stale = StaleMetadata::Refuse);
    assert_eq!(none.with(Some(&stale)).unwrap().trust(), Trust::None);
}

#[test]
fn a_model_with_a_bad_status_is_refused_whatever_its_attestation() {
    for (format, attestation_type) in [
        (Format::PackedX5c, "basic_full"),
        (Format::PackedSelf, "basic_surrogate"),
        (Format::None, "basic_full"),
    ] {
        let device = answer(format);
        let entry = device.entry(attestation_type);
        assert!(device.described_by(entry.clone()).is_ok());
        let history = vec![status("USER_VERIFICATION_BYPASS"), status("FIDO_CERTIFIED")];
        let error = device
            .described_by(entry.clone().with_statuses(history))
            .unwrap_err();
        assert_eq!(error.reason(), Reason::AuthenticatorStatusRefused);
        assert_eq!(
            error.to_string(),
            "the metadata reports USER_VERIFICATION_BYPASS of the authenticator model"
        );
        let later = vec![Status::new("REVOKED", "2026-01-02")];
        assert!(device.described_by(entry.with_statuses(later)).is_ok());
    }
}

#[test]
fn a_compromised_key_refuses_the_chains_through_the_certificate_it_names() {
    let mut profile = Profile::security_key();
    profile.chain.intermediates = 2;
    let packed = answer_of(profile);
    let chain = packed.chain();
    let compromised = |certificate: Option<Vec<u8>>| {
        let report = Status {
            certificate,
            ..status("ATTESTATION_KEY_COMPROMISE")
        };
        let entry = packed.entry("basic_full").with_statuses(vec![report]);
        packed.described_by(entry).map(|verified| verified.trust())
    };
    let refused = Err(TrustError::Model(ModelError::AuthenticatorStatus {
        status: "ATTESTATION_KEY_COMPROMISE".to_owned(),
    }));
    assert_eq!(compromised(None), refused);
    for certificate in chain.iter().chain([&packed.root]) {
        assert_eq!(compromised(Some(certificate.clone())), refused);
    }
    // A root with the same name and another key is another root.
    let other = answer(Format::PackedX5c);
    assert_eq!(compromised(Some(other.root)), Ok(Trust::Trusted));
    // When it is unknown which certificate is meant, any may be.
    assert_eq!(compromised(Some(vec![0x30, 0])), refused);

    // Nor is a report limited to the certificate that can be read.
    let text = base64_of(&other_root());
    let mut entry = packed.entry("basic_full");
    let report = json!({
        "status": "ATTESTATION_KEY_COMPROMISE", "certificate": text, "batchCertificate": [text, "AAAA"],
    });
    entry.extra.insert("statusReports".into(), json!([report]));
    assert!(packed.described_by(entry).is_err());

    // Other statuses are not limited by a certificate.
    let report = Status {
        certificate: Some(other_root()),
        ..status("REVOKED")
    };
    let entry = packed.entry("basic_full").with_statuses(vec![report]);
    assert!(packed.described_by(entry).is_err());

    // More names than are compared count as all.
    let mut entry = packed.entry("basic_full");
    let names = |count: usize| {
        use base64::Engine as _;
        let text = base64::engine::general_purpose::STANDARD.encode(other_root());
        json!([{"status": "ATTESTATION_KEY_COMPROMISE", "batchCertificate": vec![text; count]}])
    };
    entry.extra.insert("statusReports".into(), names(64));
    assert!(packed.described_by(entry.clone()).is_ok());
    entry.extra.insert("statusReports".into(), names(65));
    assert!(packed.described_by(entry).is_err());
}

#[test]
fn a_stored_credential_is_judged_again_without_its_chain() {
    let packed = answer(Format::PackedX5c);
    let limited = Status {
        certificate: Some(packed.root.clone()),
        ..status("ATTESTATION_KEY_COMPROMISE")
    };
    let policy = MetadataPolicy::default();
    for (reports, refused) in [(vec![limited], false), (vec![status("REVOKED")], true)] {
        let metadata = of(vec![packed.entry("basic_full").with_statuses(reports)]);
        let report = metadata.entries()[0].refused_status(&[], &policy, NOW);
        assert_eq!(report.is_some(), refused);
    }
}

#[test]
fn the_type_of_attestation_is_one_that_the_model_makes() {
    const TYPES: [&str; 6] = [
        "basic_full",
        "basic_surrogate",
        "attca",
        "anonca",
        "ecdaa",
        "none",
    ];
    for (format, fitting) in [
        (Format::PackedX5c, &["basic_full", "attca", "anonca"][..]),
        (Format::PackedSelf, &["basic_surrogate"]),
        (Format::Tpm, &["attca"]),
        (Format::Apple, &["anonca"]),
        (Format::None, &TYPES),
    ] {
        let device = answer(format);
        for listed in TYPES {
            let outcome = device.described_by(device.entry(listed));
            if fitting.contains(&listed) {
                assert!(outcome.is_ok(), "{format:?} {listed} {outcome:?}");
            } else {
                let error = outcome.unwrap_err();
                assert!(
                    matches!(
                        error,
                        TrustError::Model(ModelError::AttestationTypeNotListed(_))
                    ),
                    "{format:?} {listed} {error}"
                );
                assert_eq!(error.reason(), Reason::AttestationUntrusted);
            }
        }
    }
    let packed = answer(Format::PackedX5c);
    let several = Entry {
        attestation_types: vec!["basic_surrogate".into(), "basic_full".into()],
        ..packed.entry("basic_full")
    };
    assert!(packed.described_by(several).is_ok());
}

#[test]
fn a_demanded_level_is_proven_by_the_chain() {
    let packed = answer(Format::PackedX5c).level("FIDO_CERTIFIED_L1");
    let entry = packed.entry("basic_full");
    let verified = packed.described_by(entry.clone()).unwrap();
    assert_eq!(verified.trust(), Trust::Trusted);
    let error = packed
        .described_by(entry.with_statuses(vec![status("NOT_FIDO_CERTIFIED")]))
        .unwrap_err();
    assert_eq!(error.reason(), Reason::AuthenticatorStatusRefused);
    assert_eq!(packed.with(None), Err(TrustError::MetadataUnavailable));
    let unproven = TrustError::Model(ModelError::CertificationLevel(
        "the attestation does not prove the model",
    ));
    let empty = accepted(&Blob::default());
    assert_eq!(packed.with(Some(&empty)), Err(unproven.clone()));
    // Trusted by the operator's anchor, but of no known model.
    let root = packed.root.clone();
    let packed = packed.policy(|policy| policy.trust_anchors = vec![root].into());
    assert_eq!(packed.with(Some(&empty)), Err(unproven.clone()));
    for (format, attestation_type) in [
        (Format::PackedSelf, "basic_surrogate"),
        (Format::None, "basic_full"),
    ] {
        let device = answer(format).level("FIDO_CERTIFIED_L1");
        let entry = device.entry(attestation_type);
        assert_eq!(device.described_by(entry), Err(unproven.clone()));
    }
}

#[test]
fn an_available_update_is_told() {
    let packed = answer(Format::PackedX5c);
    let entry = packed
        .entry("basic_full")
        .with_statuses(vec![status("FIDO_CERTIFIED"), status("UPDATE_AVAILABLE")]);
    let verified = packed.described_by(entry).unwrap();
    assert_eq!(verified.signals(), [Signal::AuthenticatorUpdateAvailable]);
    assert_eq!(
        verified.signals()[0].name(),
        "authenticator_update_available"
    );
    let model = verified.model().unwrap();
    assert!(model.update_available);
    assert_eq!(model.status.as_deref(), Some("UPDATE_AVAILABLE"));
}

#[test]
fn each_statement_of_a_compound_one_is_of_a_type_that_the_model_makes() {
    let compound = answer(Format::Compound);
    let both = Entry {
        attestation_types: vec!["basic_full".into(), "basic_surrogate".into()],
        ..compound.entry("basic_full")
    };
    let verified = compound.described_by(both).unwrap();
    assert_eq!(verified.attestation_type(), AttestationType::Compound);
    assert_eq!(verified.trust(), Trust::Trusted);
    assert!(verified.model().is_some());
    let error = compound.described_by(compound.entry("basic_full"));
    assert_eq!(
        error,
        Err(TrustError::Model(ModelError::AttestationTypeNotListed(
            "self"
        )))
    );
}

#[test]
fn in_conformance_mode_the_statements_algorithm_must_be_one_of_the_models() {
    let es256 = "secp256r1_ecdsa_sha256_raw";
    for (algorithm, listed, verdict) in [
        (Algorithm::ES256, &[es256][..], None),
        (
            Algorithm::RS256,
            &[es256, "rsassa_pkcsv15_sha256_raw"],
            None,
        ),
        (Algorithm::RS256, &[], None),
        (
            Algorithm::RS256,
            &[es256],
            Some(Reason::AttestationAlgorithmMismatch),
        ),
        (
            Algorithm::RS256,
            &["nobody_knows_this"],
            Some(Reason::AttestationAlgorithmMismatch),
        ),
    ] {
        let answer = answer_of(Profile {
            attestation_algorithm: Some(algorithm),
            ..Profile::security_key()
        });
        let mut entry = answer.entry("basic_full");
        let name = "authenticationAlgorithms".to_owned();
        entry.extra_statement.insert(name, json!(listed));
        let metadata = of(vec![entry]);
        assert!(answer.with(Some(&metadata)).is_ok(), "only in that mode");
        let strict = answer.policy(|policy| policy.algorithm_must_be_listed = true);
        let found = strict.with(Some(&metadata)).err().map(|e| e.reason());
        assert_eq!(found, verdict, "{algorithm:?} {listed:?}");
    }
}
