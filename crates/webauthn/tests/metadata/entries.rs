//! What is kept of entries, how they are found, and what a history of statuses says at a moment.

use super::{DAY, NOW, accepted, of, status};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use testkit::metadata::{Blob, Entry, Status};
use webauthn::UnixSeconds;
use webauthn::attestation::AttestationType;
use webauthn::credential::Aaguid;
use webauthn::metadata::{
    KNOWN_STATUSES, Metadata, MetadataPolicy, REFUSED_STATUSES, provider_name,
};
use webauthn::trust::TrustError;

const MODEL: [u8; 16] = [0xa1; 16];
const TEXT: &str = "a1a1a1a1-a1a1-a1a1-a1a1-a1a1a1a1a1a1";

fn root() -> Vec<u8> {
    super::service().root().to_vec()
}

fn only(metadata: &Metadata) -> &webauthn::metadata::Entry {
    match metadata.entries() {
        [only] => only,
        other => panic!("{other:?}"),
    }
}

/// A BLOB with these elements as entries.
fn raw(raw_entries: Vec<Value>) -> Blob {
    Blob {
        raw_entries,
        ..Blob::default()
    }
}

/// A model with this history.
fn history(statuses: Vec<Status>) -> Metadata {
    of(vec![Entry::fido2(MODEL, root()).with_statuses(statuses)])
}

#[test]
fn an_entry_is_kept_with_what_it_says() {
    let root = root();
    let mut entry = Entry::fido2(MODEL, root.clone());
    entry.extra = json!({"rogueListURL": "https://x.example", "rogueListHash": "00"})
        .as_object()
        .unwrap()
        .clone();
    entry.extra_statement =
        json!({"isKeyRestricted": false, "multiDeviceCredentialSupport": "explicit"})
            .as_object()
            .unwrap()
            .clone();
    let metadata = of(vec![entry]);
    let entry = only(&metadata);
    assert_eq!(entry.aaguid(), Some(Aaguid::new(MODEL)));
    assert!(entry.key_identifiers().is_empty());
    assert_eq!(entry.description(), Some("passkeyd testkit"));
    assert_eq!(entry.attestation_types(), ["basic_full"]);
    assert_eq!(entry.roots(), [root]);
    assert_eq!(entry.unreadable_roots(), 0);
    assert_eq!(entry.key_protection(), ["hardware"]);
    assert_eq!(entry.is_key_restricted(), Some(false));
    assert_eq!(entry.multi_device_credential_support(), Some("explicit"));
    assert_eq!(entry.rogue_list(), (Some("https://x.example"), Some("00")));
    let [report] = entry.statuses() else { panic!() };
    assert_eq!(report.status, "FIDO_CERTIFIED_L1");
    assert_eq!(report.effective_from, Some(UnixSeconds(1_577_836_800)));
    assert_eq!(report.over_from, None);
    assert!(report.certificates.is_empty());
    assert_eq!(metadata.by_aaguid(Aaguid::new(MODEL)), Some(entry));
    assert_eq!(metadata.by_aaguid(Aaguid::new([0xa2; 16])), None);
}

#[test]
fn a_malformed_entry_loses_only_itself_and_is_named() {
    let mut deep = json!(1);
    for _ in 0..200 {
        deep = json!([deep]);
    }
    let reports = json!([{"status": "REVOKED"}]);
    let blob = raw(vec![
        json!(7),
        json!({"aaguid": 7, "statusReports": reports, "metadataStatement": {"description": "Seven"}}),
        json!({"aaguid": "a1", "statusReports": reports}),
        json!({"statusReports": reports, "metadataStatement": {"description": "Nobody"}}),
        json!({"aaguid": TEXT, "statusReports": {}}),
        json!({"aaguid": TEXT}),
        json!({"aaguid": TEXT, "statusReports": [{}]}),
        json!({"aaguid": TEXT, "statusReports": ["REVOKED"]}),
        json!({"attestationCertificateKeyIdentifiers": ["00"], "statusReports": reports}),
        json!({"aaguid": "00000000-0000-0000-0000-000000000000", "statusReports": reports}),
        json!({"aaguid": TEXT, "statusReports": reports, "deep": deep}),
        json!({"aaguid": TEXT, "statusReports": reports}),
        json!({"aaguid": TEXT, "statusReports": []}),
        json!({"aaid": "1234#5678", "statusReports": reports}),
        json!({"aaid": "1234#5679", "statusReports": reports}),
    ]);
    let metadata = accepted(&blob);
    assert_eq!(only(&metadata).statuses()[0].status, "REVOKED");
    assert_eq!(metadata.uaf_entries(), 2);
    let lost: Vec<_> = metadata
        .lost()
        .iter()
        .map(|lost| (lost.index, lost.name.as_deref(), lost.problem))
        .collect();
    let zeros = Some("00000000-0000-0000-0000-000000000000");
    assert_eq!(
        lost,
        [
            (0, None, "it is not an object"),
            (1, Some("Seven"), "`aaguid` is not a string"),
            (2, Some("a1"), "`aaguid` is none"),
            (3, Some("Nobody"), "it names no model"),
            (4, Some(TEXT), "`statusReports` is not an array"),
            (5, Some(TEXT), "`statusReports` is not an array"),
            (6, Some(TEXT), "a status report has no status"),
            (7, Some(TEXT), "a status report has no status"),
            (8, None, "it names no model"),
            (9, zeros, "it names no model"),
            (10, None, "it is not JSON"),
            (12, Some(TEXT), "another entry is about the same model"),
        ]
    );
}

#[test]
fn unknown_members_and_values_lose_nothing() {
    let blob = raw(vec![json!({
        "aaguid": TEXT,
        "new": {"member": [1]},
        "biometricStatusReports": 7,
        "timeOfLastStatusChange": null,
        "statusReports": [
            {"status": "BETTER_THAN_EVER", "effectiveDate": "whenever", "sunsetDate": 7, "new": []},
            {"status": "REVOKED", "effectiveDate": null, "certificate": null},
        ],
        "metadataStatement": {
            "description": "Model",
            "attestationTypes": ["telepathy", 7, "basic_full"],
            "attestationRootCertificates": "none",
            "isKeyRestricted": "no",
            "keyProtection": ["granite"],
        },
    })]);
    let metadata = accepted(&blob);
    assert!(metadata.lost().is_empty());
    let entry = only(&metadata);
    let statuses: Vec<_> = entry
        .in_effect(NOW)
        .map(|report| report.status.as_str())
        .collect();
    assert_eq!(statuses, ["BETTER_THAN_EVER", "REVOKED"]);
    assert_eq!(entry.attestation_types(), ["telepathy", "basic_full"]);
    assert_eq!(entry.key_protection(), ["granite"]);
    assert_eq!(entry.is_key_restricted(), None);
    assert!(entry.roots().is_empty());
}

#[test]
fn an_entry_may_come_without_a_statement() {
    let blob = raw(vec![json!({"aaguid": TEXT, "statusReports": []})]);
    let metadata = accepted(&blob);
    let entry = only(&metadata);
    assert_eq!((entry.description(), entry.roots()), (None, &[][..]));
    assert_eq!(entry.current_status(NOW), None);
    for any in [AttestationType::Basic, AttestationType::SelfAttestation] {
        let model = entry.judge(any, &[], &MetadataPolicy::default(), NOW);
        assert_eq!(model.unwrap().status, None);
    }
}

#[test]
fn roots_may_hold_white_space_and_lack_padding_and_unreadable_ones_are_counted() {
    let root = root();
    let padded = STANDARD.encode(&root);
    let (start, end) = padded.split_at(64);
    let mut entry = Entry::fido2(MODEL, vec![]);
    entry.extra_statement.insert(
        "attestationRootCertificates".into(),
        json!([
            format!(" {start}\r\n\t{end}\n"),
            STANDARD_NO_PAD.encode(&root),
            "AAAA",
            "*",
            7,
            STANDARD.encode(vec![0x30; 9000]),
        ]),
    );
    let metadata = of(vec![entry]);
    assert_eq!(only(&metadata).roots(), [root.clone(), root]);
    assert_eq!(only(&metadata).unreadable_roots(), 4);
}

#[test]
fn entries_are_found_by_aaguid_and_by_key_identifier() {
    let ids = |text: &str| {
        let signed = format!("{}+2", "02".repeat(19));
        vec!["00".repeat(20), text.to_owned(), "zz".repeat(20), signed]
    };
    let first = Entry::u2f(ids(&"Ab".repeat(20)), root());
    let second = Entry::u2f(vec!["01".repeat(20)], root());
    let third = Entry::u2f(vec!["02".repeat(20), "01".repeat(20)], root());
    let metadata = of(vec![first, second, third]);
    let find = |byte| metadata.by_key_identifier(&[byte; 20]);
    assert_eq!(find(0xab), Some(&metadata.entries()[0]));
    assert_eq!(find(0), Some(&metadata.entries()[0]));
    assert_eq!(find(1), Some(&metadata.entries()[1]));
    assert_eq!(find(2), None);
    assert_eq!(metadata.lost()[0].index, 2);
    assert_eq!(metadata.by_aaguid(Aaguid::ZERO), None);
}

#[test]
fn the_current_status_is_the_newest_that_is_in_effect() {
    let until = |name: &str, from: &str, end: &str| Status {
        sunset_date: Some(end.to_owned()),
        ..Status::new(name, from)
    };
    let metadata = history(vec![
        Status::new("FIDO_CERTIFIED", "2019-01-01"),
        until("FIDO_CERTIFIED_L2", "2020-01-01", "2026-01-01"),
        Status::new("FIDO_CERTIFIED_L3", "2026-01-02"),
    ]);
    let current = |at| {
        let report = only(&metadata).current_status(UnixSeconds(at));
        report.map(|report| report.status.clone())
    };
    assert_eq!(current(1_500_000_000), None);
    assert_eq!(current(NOW.0 - 1).as_deref(), Some("FIDO_CERTIFIED_L2"));
    assert_eq!(current(NOW.0).as_deref(), Some("FIDO_CERTIFIED"));
    assert_eq!(current(NOW.0 + DAY - 1).as_deref(), Some("FIDO_CERTIFIED"));
    assert_eq!(current(NOW.0 + DAY).as_deref(), Some("FIDO_CERTIFIED_L3"));
}

#[test]
fn bad_statuses_refuse_while_they_are_in_effect_however_old() {
    let refused = |statuses: Vec<Status>| {
        let metadata = history(statuses);
        let policy = MetadataPolicy::default();
        let report = only(&metadata).refused_status(&[], &policy, NOW);
        report.map(|report| report.status.clone())
    };
    for name in KNOWN_STATUSES {
        let bad = REFUSED_STATUSES.contains(&name);
        let newest = refused(vec![status("FIDO_CERTIFIED_L1"), status(name)]);
        assert_eq!(newest.is_some(), bad, "{name}");
        let older = refused(vec![status(name), status("FIDO_CERTIFIED_L1")]);
        assert_eq!(older.as_deref(), bad.then_some(name));
    }
    let later = Status::new("REVOKED", "2026-01-02");
    assert_eq!(refused(vec![later]), None);
    let today = Status::new("REVOKED", "2026-01-01");
    assert!(refused(vec![today.clone()]).is_some());
    let over = Status {
        sunset_date: Some("2026-01-01".to_owned()),
        ..status("REVOKED")
    };
    assert_eq!(refused(vec![over]), None);
    let metadata = history(vec![today, status("UPDATE_AVAILABLE")]);
    let policy = MetadataPolicy {
        refused_statuses: vec!["UPDATE_AVAILABLE".to_owned()],
        ..MetadataPolicy::default()
    };
    let error = only(&metadata).judge(AttestationType::Basic, &[], &policy, NOW);
    let status = "UPDATE_AVAILABLE".to_owned();
    assert_eq!(error, Err(TrustError::AuthenticatorStatus { status }));
}

#[test]
fn a_demanded_level_is_the_current_one_of_its_scale() {
    let met = |statuses: &[&str], required: &[&str]| {
        let metadata = history(statuses.iter().map(|name| status(name)).collect());
        let policy = MetadataPolicy {
            required_levels: required.iter().map(|&name| name.to_owned()).collect(),
            ..MetadataPolicy::default()
        };
        let judged = only(&metadata).judge(AttestationType::Basic, &[], &policy, NOW);
        match judged {
            Ok(_) => true,
            Err(TrustError::CertificationLevel(_)) => false,
            Err(other) => panic!("{other}"),
        }
    };
    let l1_or_l2 = &["FIDO_CERTIFIED_L1", "FIDO_CERTIFIED_L2"];
    assert!(met(&["FIDO_CERTIFIED_L1"], l1_or_l2));
    assert!(met(&["FIDO_CERTIFIED_L1", "FIDO_CERTIFIED_L2"], l1_or_l2));
    assert!(!met(&["FIDO_CERTIFIED_L1", "FIDO_CERTIFIED_L3"], l1_or_l2));
    assert!(!met(&["FIDO_CERTIFIED_L1", "NOT_FIDO_CERTIFIED"], l1_or_l2));
    assert!(!met(&["FIDO_CERTIFIED_L1", "RETIRED"], l1_or_l2));
    assert!(!met(&[], l1_or_l2));
    assert!(!met(&["FIDO_CERTIFIED_L1plus"], l1_or_l2));
    let l1 = &["FIDO_CERTIFIED_L1"];
    for aside in ["UPDATE_AVAILABLE", "FIPS140_CERTIFIED_L2", "LATER_STATUS"] {
        assert!(met(&["FIDO_CERTIFIED_L1", aside], l1), "{aside}");
    }
    let fips = &["FIPS140_CERTIFIED_L2"];
    assert!(met(&["FIPS140_CERTIFIED_L2", "FIDO_CERTIFIED_L1"], fips));
    assert!(!met(
        &["FIPS140_CERTIFIED_L2", "FIPS140_CERTIFIED_L3"],
        fips
    ));
    for aside in ["UPDATE_AVAILABLE", "LATER_STATUS"] {
        assert!(met(&["FIPS140_CERTIFIED_L2", aside], fips), "{aside}");
    }
    assert!(met(&[], &[]));
}

#[test]
fn the_levels_of_a_model_are_the_current_ones_of_both_scales() {
    let levels = |statuses: &[&str]| {
        let metadata = history(statuses.iter().map(|name| status(name)).collect());
        let levels = only(&metadata).certification_levels(NOW);
        levels.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        levels(&[
            "FIDO_CERTIFIED",
            "FIPS140_CERTIFIED_L1",
            "FIDO_CERTIFIED_L1plus",
            "UPDATE_AVAILABLE"
        ]),
        ["FIDO_CERTIFIED_L1plus", "FIPS140_CERTIFIED_L1"]
    );
    assert_eq!(levels(&["FIDO_CERTIFIED"]), ["FIDO_CERTIFIED"]);
    for none in ["NOT_FIDO_CERTIFIED", "REVOKED", "UPDATE_AVAILABLE"] {
        assert!(levels(&["FIDO_CERTIFIED_L1", "RETIRED", none]).is_empty());
    }
}

#[test]
fn a_provider_is_called_by_the_configured_name_or_the_description() {
    let metadata = of(vec![Entry::fido2(MODEL, root())]);
    let (model, other) = (Aaguid::new(MODEL), Aaguid::new([7; 16]));
    let named = |aaguid, name: &str| BTreeMap::from([(aaguid, name.to_owned())]);
    let none = BTreeMap::new();
    assert_eq!(provider_name(model, &none, None), None);
    assert_eq!(
        provider_name(model, &none, Some(&metadata)),
        Some("passkeyd testkit")
    );
    assert_eq!(
        provider_name(model, &named(model, "Ours"), Some(&metadata)),
        Some("Ours")
    );
    assert_eq!(
        provider_name(other, &named(other, "Vault"), None),
        Some("Vault")
    );
    assert_eq!(
        provider_name(other, &named(model, "Ours"), Some(&metadata)),
        None
    );
    assert_eq!(
        provider_name(Aaguid::ZERO, &named(Aaguid::ZERO, "Nil"), None),
        None
    );
}

#[test]
fn the_policy_travels_as_data_and_lacks_nothing() {
    let policy = MetadataPolicy::default();
    let mut text: Value = serde_json::to_value(&policy).unwrap();
    assert_eq!(
        text,
        json!({
            "unknown_models": "accept",
            "stale": "accept",
            "refused_statuses": REFUSED_STATUSES,
            "required_levels": [],
        })
    );
    assert_eq!(
        serde_json::from_value::<MetadataPolicy>(text.clone()).unwrap(),
        policy
    );
    text.as_object_mut().unwrap().remove("refused_statuses");
    assert!(serde_json::from_value::<MetadataPolicy>(text).is_err());
}
