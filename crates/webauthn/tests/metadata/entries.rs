//! What is kept of entries, how they are found, and what a history of statuses says at a moment.

use super::{DAY, NOW, accepted, of, status};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use testkit::metadata::{Blob, Entry, Status};
use webauthn::Reason;
use webauthn::UnixSeconds;
use webauthn::attestation::AttestationType;
use webauthn::attestation::{KNOWN_STATUSES, MetadataPolicy, REFUSED_STATUSES};
use webauthn::credential::Aaguid;
use webauthn::metadata::ModelError;
use webauthn::metadata::{MAX_NAMED, Metadata, Part, UNREADABLE_STATUS, provider_name};

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
    let found: Vec<_> = metadata.by_aaguid(Aaguid::new(MODEL)).collect();
    assert_eq!(found, [entry]);
    assert_eq!(metadata.by_aaguid(Aaguid::new([0xa2; 16])).next(), None);
    assert!(metadata.dropped().is_empty());
}

/// What is named of a kind: entry, model, place and fault.
fn named(metadata: &Metadata, part: Part) -> Vec<(usize, Option<&str>, &str, &str)> {
    let named = metadata.dropped().named(part).iter();
    named
        .map(|dropped| {
            (
                dropped.entry.unwrap(),
                dropped.model.as_deref(),
                dropped.place.as_str(),
                dropped.why,
            )
        })
        .collect()
}

#[test]
fn an_entry_that_names_no_model_loses_only_itself_and_is_named() {
    let reports = json!([{"status": "REVOKED"}]);
    let blob = raw(vec![
        json!(7),
        json!({"aaguid": 7, "statusReports": reports, "metadataStatement": {"description": "Seven"}}),
        json!({"aaguid": "a1", "statusReports": reports}),
        json!({"statusReports": reports, "metadataStatement": {"description": "Nobody"}}),
        json!({"attestationCertificateKeyIdentifiers": ["00"], "statusReports": reports}),
        json!({"aaguid": "00000000-0000-0000-0000-000000000000", "statusReports": reports}),
        json!({"aaguid": TEXT, "statusReports": reports}),
        json!({"aaid": "1234#5678", "statusReports": reports}),
        json!({"aaid": "1234#5679", "aaguid": 7, "statusReports": reports}),
    ]);
    let metadata = accepted(&blob);
    assert_eq!(only(&metadata).statuses()[0].status, "REVOKED");
    assert_eq!(metadata.uaf_entries(), 1);
    assert_eq!(metadata.dropped().count(Part::Entry), 7);
    let zeros = Some("00000000-0000-0000-0000-000000000000");
    assert_eq!(
        named(&metadata, Part::Entry),
        [
            (0, None, "", "it is not an object"),
            (1, Some("Seven"), "", "it is not a string"),
            (2, Some("a1"), "", "it is no AAGUID"),
            (3, Some("Nobody"), "", "it names no model"),
            (4, None, "", "it is not 40 hexadecimal digits"),
            (5, zeros, "", "it names no model"),
            (8, None, "", "it is not a string"),
        ]
    );
}

#[test]
fn an_entry_with_an_unreadable_history_is_kept_and_refuses_its_model() {
    let text = json!([{"status": "FIDO_CERTIFIED_L1"}]).to_string();
    let mut deep = json!(1);
    for _ in 0..200 {
        deep = json!([deep]);
    }
    let cases = [
        (json!({}), "statusReports", "it is not an array"),
        (json!(text), "statusReports", "it is not an array"),
        (Value::Null, "statusReports", "it is missing"),
        (
            json!(["REVOKED"]),
            "statusReports[0]",
            "it is not an object",
        ),
        (json!([{}]), "statusReports[0].status", "it is missing"),
        (
            json!([{"status": ""}]),
            "statusReports[0].status",
            "it is empty",
        ),
        (
            json!([{"status": "FIDO_CERTIFIED_L1"}, {"status": deep}]),
            "statusReports[1].status",
            "it is not a string",
        ),
    ];
    for (reports, place, why) in cases {
        let metadata = accepted(&raw(vec![
            json!({"aaguid": TEXT, "statusReports": reports}),
        ]));
        assert_eq!(
            named(&metadata, Part::StatusReport),
            [(0, Some(TEXT), place, why)]
        );
        let policy = MetadataPolicy::default();
        let refused = only(&metadata).refused_status(&[], &policy, NOW).unwrap();
        assert_eq!(refused.status, UNREADABLE_STATUS);
        // Who refuses no status is not concerned.
        let policy = MetadataPolicy {
            refused_statuses: vec![],
            ..policy
        };
        assert_eq!(only(&metadata).refused_status(&[], &policy, NOW), None);
    }
    // One that is over is over, whatever it said.
    let over = json!([{"status": 7, "sunsetDate": "2020-01-01"}]);
    let metadata = accepted(&raw(vec![json!({"aaguid": TEXT, "statusReports": over})]));
    let policy = MetadataPolicy::default();
    assert_eq!(only(&metadata).refused_status(&[], &policy, NOW), None);
}

#[test]
fn a_member_that_is_there_twice_says_nothing() {
    let report = "{\"status\":\"FIDO_CERTIFIED\"}";
    let twice = |members: &str| {
        let entry = format!("{{\"aaguid\":\"{TEXT}\",{members}}}");
        // Through the text, since a value of JSON has each member once.
        let payload = raw(vec![json!("ENTRY")])
            .payload()
            .to_string()
            .replace("\"ENTRY\"", &entry);
        let service = super::service();
        super::verify(&service, &service.sign_text(&payload).unwrap()).unwrap()
    };
    let reports = format!("\"statusReports\":[{report}],\"statusReports\":[{report}]");
    let metadata = twice(&reports);
    let there_twice = "it is there twice";
    assert_eq!(
        named(&metadata, Part::StatusReport),
        [(0, Some(TEXT), "statusReports", there_twice)]
    );
    let report = "{\"status\":\"REVOKED\",\"status\":\"FIDO_CERTIFIED\"}";
    let metadata = twice(&format!("\"statusReports\":[{report}]"));
    assert_eq!(only(&metadata).statuses()[0].status, UNREADABLE_STATUS);
    let statement = "{\"attestationRootCertificates\":[],\"attestationRootCertificates\":[]}";
    let metadata = twice(&format!(
        "\"statusReports\":[],\"metadataStatement\":{statement},\"\\ud800\":1"
    ));
    assert_eq!(only(&metadata).unreadable_roots(), 1);
}

#[test]
fn an_unreadable_aaguid_is_taken_from_the_statement() {
    for wrong in [json!(7), json!("a1"), json!([TEXT]), json!("")] {
        let blob = raw(vec![json!({
            "aaguid": wrong,
            "statusReports": [{"status": "REVOKED"}],
            "metadataStatement": {"aaguid": TEXT},
        })]);
        let metadata = accepted(&blob);
        assert_eq!(only(&metadata).aaguid(), Some(Aaguid::new(MODEL)));
        let [dropped] = metadata.dropped().named(Part::Aaguid) else {
            panic!()
        };
        assert_eq!(dropped.model.as_deref(), Some(TEXT));
        assert_eq!(metadata.dropped().count(Part::Entry), 0);
    }
    // Of two that can be read the entry's counts, and the other is named.
    let other = TEXT.replace("a1a1a1a1-", "b2b2b2b2-");
    let blob = raw(vec![json!({
        "aaguid": TEXT,
        "statusReports": [],
        "metadataStatement": {"aaguid": other},
    })]);
    let metadata = accepted(&blob);
    assert_eq!(only(&metadata).aaguid(), Some(Aaguid::new(MODEL)));
    assert_eq!(metadata.dropped().count(Part::Aaguid), 1);
}

#[test]
fn an_unreadable_key_identifier_is_taken_from_the_statement() {
    let (first, second) = ("01".repeat(20), "02".repeat(20));
    let blob = raw(vec![json!({
        "attestationCertificateKeyIdentifiers": [first, "zz"],
        "statusReports": [],
        "metadataStatement": {"attestationCertificateKeyIdentifiers": [first, second]},
    })]);
    let metadata = accepted(&blob);
    assert_eq!(only(&metadata).key_identifiers(), [[1; 20], [2; 20]]);
    assert_eq!(
        named(&metadata, Part::KeyIdentifier)[0].2,
        "attestationCertificateKeyIdentifiers[1]"
    );
}

#[test]
fn everything_that_is_dropped_is_counted_and_the_first_are_named() {
    let models = (0..30).map(|number| {
        json!({
            "aaguid": format!("{number:08}-0000-0000-0000-000000000001"),
            "statusReports": [{"status": "FIDO_CERTIFIED", "effectiveDate": 7, "sunsetDate": "soon"}],
            "rogueListURL": 7,
            "metadataStatement": {
                "description": 7,
                "attestationTypes": [7, "basic_full"],
                "authenticationAlgorithms": {},
                "attestationRootCertificates": ["AAAA", "*"],
                "keyProtection": [1, 2, 3],
                "isKeyRestricted": "no",
            },
        })
    });
    let metadata = accepted(&raw(models.collect()));
    for (part, of_each, place) in [
        (
            Part::RootCertificate,
            2,
            "metadataStatement.attestationRootCertificates[0]",
        ),
        (
            Part::AttestationType,
            1,
            "metadataStatement.attestationTypes[0]",
        ),
        (
            Part::Algorithm,
            1,
            "metadataStatement.authenticationAlgorithms",
        ),
        (Part::StatusDate, 2, "statusReports[0].effectiveDate"),
        (Part::Member, 6, "metadataStatement.description"),
    ] {
        assert_eq!(metadata.dropped().count(part), 30 * of_each, "{part:?}");
        let named = metadata.dropped().named(part);
        assert_eq!(named.len(), MAX_NAMED);
        assert_eq!(named[19].entry, Some(19));
        assert_eq!(
            named[19].model.as_deref(),
            Some("00000019-0000-0000-0000-000000000001")
        );
        assert_eq!(
            (named[19].place.as_str(), named[19].count),
            (place, of_each)
        );
    }
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
    assert_eq!(metadata.dropped().count(Part::Entry), 0);
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
    assert_eq!(entry.unreadable_roots(), 1);
}

#[test]
fn an_entry_without_a_statement_is_kept_and_vouches_for_no_attestation() {
    for entry in [
        json!({"aaguid": TEXT, "statusReports": []}),
        json!({"aaguid": TEXT, "statusReports": [], "metadataStatement": null}),
    ] {
        let metadata = accepted(&raw(vec![entry]));
        assert_eq!(metadata.dropped().count(Part::Statement), 1);
        let entry = only(&metadata);
        assert_eq!((entry.description(), entry.roots()), (None, &[][..]));
        assert_eq!(entry.current_status(NOW), None);
        let judge = |kind| entry.judge(kind, &[], &MetadataPolicy::default(), NOW);
        let reason = |kind| judge(kind).map(|_| ()).map_err(|error| error.reason());
        assert_eq!(
            reason(AttestationType::Basic),
            Err(Reason::MetadataRootsUnreadable)
        );
        assert_eq!(
            reason(AttestationType::SelfAttestation),
            Err(Reason::AttestationUntrusted)
        );
        assert_eq!(reason(AttestationType::None), Ok(()));
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
    let find = |byte| {
        let found = metadata.by_key_identifier(&[byte; 20]);
        found.collect::<Vec<_>>()
    };
    let entries = metadata.entries();
    assert_eq!(find(0xab), [&entries[0]]);
    assert_eq!(find(0), [&entries[0]]);
    assert_eq!(find(1), [&entries[1], &entries[2]]);
    assert_eq!(find(2), [&entries[2]]);
    let second = metadata.dropped().named(Part::SecondEntry);
    assert_eq!((second.len(), second[0].entry), (1, Some(2)));
    assert_eq!(metadata.by_aaguid(Aaguid::ZERO).next(), None);
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
    assert_eq!(error, Err(ModelError::AuthenticatorStatus { status }));
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
            Err(ModelError::CertificationLevel(_)) => false,
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
fn a_report_with_an_unreadable_date_counts_against_the_model_and_not_for_it() {
    let met = |reports: Value| {
        let blob = raw(vec![json!({"aaguid": TEXT, "statusReports": reports})]);
        let metadata = accepted(&blob);
        let policy = MetadataPolicy {
            refused_statuses: vec!["REVOKED".to_owned()],
            required_levels: vec!["FIDO_CERTIFIED_L1".into(), "FIDO_CERTIFIED_L2".into()],
            ..MetadataPolicy::default()
        };
        let judged = only(&metadata).judge(AttestationType::None, &[], &policy, NOW);
        let shown: Vec<_> = only(&metadata).certification_levels(NOW).collect();
        (judged.is_ok(), shown.join(" "))
    };
    let l1 = json!({"status": "FIDO_CERTIFIED_L1"});
    let none = json!({"status": "NOT_FIDO_CERTIFIED"});
    let unsure = |status: &str, date: &str| json!({"status": status, date: "soon"});
    let said = |met: bool, levels: &str| (met, levels.to_owned());
    assert_eq!(met(json!([l1])), said(true, "FIDO_CERTIFIED_L1"));
    for date in ["effectiveDate", "sunsetDate"] {
        let l2 = unsure("FIDO_CERTIFIED_L2", date);
        assert_eq!(met(json!([l2])), said(false, ""));
        assert_eq!(met(json!([none, l2])), said(false, ""));
        // Either is a level that will do.
        assert_eq!(met(json!([l1, l2])), said(true, ""));
        assert_eq!(met(json!([l2, l1])), said(true, "FIDO_CERTIFIED_L1"));
        assert_eq!(met(json!([l1, unsure("RETIRED", date)])), said(false, ""));
        assert!(!met(json!([l1, unsure("REVOKED", date)])).0);
        assert!(met(json!([l1, unsure("UPDATE_AVAILABLE", date)])).0);
    }
    // A readable date that rules the report out does so still.
    let over = json!({"status": "REVOKED", "effectiveDate": 7, "sunsetDate": "2025-01-01"});
    assert!(met(json!([l1, over])).0);
}

#[test]
fn what_is_of_no_certain_status_has_no_certain_level() {
    let met = |reports: Value| {
        let blob = raw(vec![json!({"aaguid": TEXT, "statusReports": reports})]);
        let metadata = accepted(&blob);
        let policy = MetadataPolicy {
            refused_statuses: vec![],
            required_levels: vec!["FIDO_CERTIFIED_L1".into(), "FIPS140_CERTIFIED_L1".into()],
            ..MetadataPolicy::default()
        };
        only(&metadata)
            .judge(AttestationType::None, &[], &policy, NOW)
            .is_ok()
    };
    for level in ["FIDO_CERTIFIED_L1", "FIPS140_CERTIFIED_L1"] {
        let level = json!({"status": level});
        assert!(met(json!([7, level])));
        assert!(!met(json!([level, 7])));
    }
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
