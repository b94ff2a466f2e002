//! `/manage/v1/metadata`, and what follows for registrations on a wire.

use axum::body::Body;
use axum::http::Method;
use base64::Engine as _;
use domain::Reason;
use domain::model::policy::AttestationRequirement;
use domain::service::metadata::MetadataTrust;
use serde_json::{Value, json};
use testkit::metadata::{Blob, BlobLies, Entry, Service, Status};
use testkit::{Algorithm, Authenticator, Chain, Lies, Profile, Validity};
use webauthn::attestation::{StaleMetadata, UnknownModels};
use webauthn::options::AttestationConveyance;

use super::cases::repeats;
use crate::common::{Answer, Client, TestApp};
use crate::support::create;

const PATH: &str = "/manage/v1/metadata";
const MODEL: [u8; 16] = [0x42; 16];
const AAGUID: &str = "42424242-4242-4242-4242-424242424242";

/// A metadata service, and the account of a passkeyd that believes it.
async fn believed() -> (Service, Client) {
    let service = Service::new(Algorithm::ES256).unwrap();
    let account = believing(&service).await;
    (service, account)
}

/// The account of a passkeyd that believes the metadata service.
async fn believing(service: &Service) -> Client {
    let trust = MetadataTrust {
        roots: vec![service.root().to_vec()],
        signer_name: Some("mds.fidoalliance.org".to_owned()),
        ..MetadataTrust::default()
    };
    TestApp::builder().metadata(trust).build().await.account()
}

fn blob(no: i64, entries: Vec<Entry>) -> Blob {
    Blob {
        no,
        ..Blob::of(entries)
    }
}

async fn put(account: &Client, blob: impl Into<Body>) -> Answer {
    account.request(Method::PUT, PATH).send(blob).await
}

fn security_key() -> Authenticator {
    Authenticator::new(Profile {
        aaguid: MODEL,
        ..Profile::security_key()
    })
}

fn revoked(root: Vec<u8>) -> Entry {
    Entry::fido2(MODEL, root).with_statuses(vec![
        Status::new("FIDO_CERTIFIED_L1", "2020-01-01"),
        Status::new("REVOKED", "2025-01-01"),
    ])
}

#[tokio::test]
async fn a_blob_is_imported_and_shown() {
    let (service, account) = believed().await;
    let nothing = json!({"in_use": null, "problem": null});
    assert_eq!(account.get(PATH).await.expect(200), nothing);

    let edition = Blob {
        raw_entries: vec![json!({"aaid": "1234#5678"}), json!({"aaguid": "nonsense"})],
        ..blob(7, vec![Entry::fido2(MODEL, service.root().to_vec())])
    };
    let signed = service.sign(&edition).unwrap();
    let in_use = json!({
        "no": 7,
        "next_update": "2099-12-31",
        "stale": false,
        "imported_at": "2026-01-02T03:04:05Z",
        "source": "management",
        "models": 1,
        "uaf_entries": 1,
        "dropped": [{
            "what": "entry",
            "count": 1,
            "named": [{
                "entry": 2, "model": "nonsense", "place": "", "why": "it is no AAGUID", "count": 1,
            }],
        }],
        "legal_header": "For tests only.",
    });
    let model = json!({"aaguid": AAGUID, "description": "passkeyd testkit"});
    assert_eq!(
        put(&account, signed.clone()).await.expect(200),
        json!({
            "new": true,
            "in_use": in_use,
            "changes": {"new_models": [model], "gone_models": [], "changed_statuses": []},
        })
    );
    let shown = json!({"in_use": in_use, "problem": null});
    assert_eq!(account.get(PATH).await.expect(200), shown);

    account.app.clock.advance_millis(60_000);
    assert_eq!(
        put(&account, signed).await.expect(200),
        json!({
            "new": false,
            "in_use": in_use,
            "changes": {"new_models": [], "gone_models": [], "changed_statuses": []},
        })
    );
    let eighth = service.sign(&blob(8, vec![revoked(vec![])])).unwrap();
    assert_eq!(
        put(&account, eighth).await.expect(200)["changes"],
        json!({
            "new_models": [],
            "gone_models": [],
            "changed_statuses": [{
                "model": model,
                "from": ["FIDO_CERTIFIED_L1"],
                "to": ["FIDO_CERTIFIED_L1", "REVOKED"],
            }],
        })
    );
}

#[tokio::test]
async fn a_model_with_unreadable_roots_is_named_by_the_import_and_refused_by_name() {
    let (service, account) = believed().await;
    let mut key = security_key();
    let root = key.attestation_root().unwrap();
    let with_roots = |no, roots: Value| {
        let mut entry = Entry::fido2(MODEL, vec![]);
        let name = "attestationRootCertificates".to_owned();
        entry.extra_statement.insert(name, roots);
        service.sign(&blob(no, vec![entry])).unwrap()
    };
    let imported = put(&account, with_roots(1, json!(["AAAA"]))).await;
    assert_eq!(
        imported.expect(200)["in_use"]["dropped"],
        json!([{
            "what": "root_certificate",
            "count": 1,
            "named": [{
                "entry": 0,
                "model": AAGUID,
                "place": "metadataStatement.attestationRootCertificates[0]",
                "why": "it is no X.509 certificate that can be read",
                "count": 1,
            }],
        }])
    );
    let model = account.get(&format!("{PATH}/models/{AAGUID}")).await;
    let model = model.expect(200);
    assert_eq!(model["metadata"]["attestation_roots"], 0);
    assert_eq!(model["metadata"]["unreadable_roots"], 1);
    let va = account.service().await;
    // The right authority and another.
    for (identity, key) in [("ada-0001", &mut key), ("ada-0002", &mut security_key())] {
        let why = refused(&account, &va, identity, key).await;
        assert_eq!(why, "metadata_roots_unreadable");
    }
    let readable = base64::engine::general_purpose::STANDARD.encode(&root);
    put(&account, with_roots(2, json!(["AAAA", readable])))
        .await
        .expect(200);
    account.register(&va, "ada-0003", &mut key).await;
    let why = refused(&account, &va, "ada-0004", &mut security_key()).await;
    assert_eq!(why, "attestation_untrusted");
}

#[tokio::test]
async fn what_does_not_verify_or_is_older_is_refused_and_changes_nothing() {
    let (service, account) = believed().await;
    put(&account, service.sign(&blob(5, vec![])).unwrap())
        .await
        .expect(200);
    let before = account.get(PATH).await.expect(200);
    let next = blob(6, vec![]);
    let tampered = BlobLies {
        tampered_signature: true,
        ..BlobLies::default()
    };
    let no_algorithm = BlobLies {
        header_algorithm: Some("none".to_owned()),
        ..BlobLies::default()
    };
    let stranger = Service::new(Algorithm::ES256).unwrap();
    for (body, status, error) in [
        (String::new(), 400, "metadata_malformed"),
        ("{}".to_owned(), 400, "metadata_malformed"),
        ("\u{0}..".to_owned(), 400, "metadata_malformed"),
        (
            service.sign_with_lies(&next, &no_algorithm).unwrap(),
            400,
            "metadata_malformed",
        ),
        (
            service.sign_with_lies(&next, &tampered).unwrap(),
            400,
            "metadata_untrusted",
        ),
        (stranger.sign(&next).unwrap(), 400, "metadata_untrusted"),
        (
            service.sign(&blob(4, vec![])).unwrap(),
            409,
            "metadata_rollback",
        ),
        (
            service.sign(&blob(5, vec![revoked(vec![])])).unwrap(),
            409,
            "metadata_rollback",
        ),
    ] {
        let refused = put(&account, body).await.expect(status);
        assert_eq!(refused["error"], error);
        // The particulars, not the general sentence of the reason.
        let general = error.parse::<Reason>().unwrap().what();
        assert!(refused["message"].is_string(), "{refused}");
        assert_ne!(refused["message"], general);
        assert_eq!(account.get(PATH).await.expect(200), before);
    }
}

#[tokio::test]
async fn after_a_removal_an_older_edition_is_taken_in() {
    let (service, account) = believed().await;
    account.delete(PATH).await.expect(404);
    put(&account, service.sign(&blob(5, vec![])).unwrap())
        .await
        .expect(200);
    let stranger = account.app.stranger();
    stranger.delete(PATH).await.expect(401);
    account.delete(PATH).await.expect(204);
    let nothing = json!({"in_use": null, "problem": null});
    assert_eq!(account.get(PATH).await.expect(200), nothing);
    let older = put(&account, service.sign(&blob(4, vec![])).unwrap()).await;
    assert_eq!(older.expect(200)["new"], true);
}

#[tokio::test]
async fn a_root_that_has_expired_vouches_for_nobody() {
    let chain = Chain {
        root: Validity {
            not_before: 1_577_836_800,
            // The day before the clock of the tests begins.
            not_after: 1_767_236_645,
        },
        ..Chain::default()
    };
    let service = Service::with_chain(Algorithm::ES256, chain).unwrap();
    let account = believing(&service).await;
    let refused = put(&account, service.sign(&Blob::default()).unwrap())
        .await
        .expect(400);
    assert_eq!(refused["error"], "metadata_untrusted");
}

#[tokio::test]
async fn without_configured_roots_nobody_is_believed() {
    let account = TestApp::new().await.account();
    let service = Service::new(Algorithm::ES256).unwrap();
    let refused = put(&account, service.sign(&Blob::default()).unwrap())
        .await
        .expect(400);
    assert_eq!(refused["error"], "metadata_untrusted");
}

#[tokio::test]
async fn metadata_are_for_known_callers() {
    let (service, account) = believed().await;
    let signed = service.sign(&Blob::default()).unwrap();
    let stranger = account.app.stranger();
    for path in [PATH.to_owned(), format!("{PATH}/models/{AAGUID}")] {
        stranger.get(&path).await.expect(401);
    }
    put(&stranger, signed).await.expect(401);
    assert_eq!(account.get(PATH).await.expect(200)["in_use"], Value::Null);
}

#[tokio::test]
async fn a_model_is_shown_with_its_history_and_levels() {
    let (service, account) = believed().await;
    let path = format!("{PATH}/models/{AAGUID}");
    account.get(&path).await.expect(404);
    let mut over = Status::new("FIPS140_CERTIFIED_L2", "2021-01-01");
    over.sunset_date = Some("2022-01-01".to_owned());
    let statuses = vec![
        Status::new("FIDO_CERTIFIED_L1", "2020-01-01"),
        over,
        Status::new("FIDO_CERTIFIED_L2", "2023-05-06"),
        Status::new("UPDATE_AVAILABLE", "2024-01-01"),
        Status::new("REVOKED", "2099-01-01"),
    ];
    let entry = Entry::fido2(MODEL, service.root().to_vec()).with_statuses(statuses);
    put(&account, service.sign(&blob(1, vec![entry])).unwrap())
        .await
        .expect(200);
    let report = |status: &str, in_effect: bool, from: &str, over: Option<&str>| {
        json!({
            "status": status,
            "in_effect": in_effect,
            "dates_unreadable": false,
            "effective_from": from,
            "over_from": over,
            "certificates": 0,
        })
    };
    assert_eq!(
        account.get(&path).await.expect(200),
        json!({
            "aaguid": AAGUID,
            "provider_name": "passkeyd testkit",
            "metadata": {
                "description": "passkeyd testkit",
                "status": "UPDATE_AVAILABLE",
                "certification_levels": ["FIDO_CERTIFIED_L2"],
                "statuses": [
                    report("FIDO_CERTIFIED_L1", true, "2020-01-01T00:00:00Z", None),
                    report("FIPS140_CERTIFIED_L2", false, "2021-01-01T00:00:00Z", Some("2022-01-01T00:00:00Z")),
                    report("FIDO_CERTIFIED_L2", true, "2023-05-06T00:00:00Z", None),
                    report("UPDATE_AVAILABLE", true, "2024-01-01T00:00:00Z", None),
                    report("REVOKED", false, "2099-01-01T00:00:00Z", None),
                ],
                "attestation_types": ["basic_full"],
                "key_protection": ["hardware"],
                "key_restricted": null,
                "multi_device_credential_support": null,
                "attestation_roots": 1,
                "unreadable_roots": 0,
            },
        })
    );
    let upper = format!("{PATH}/models/{}", AAGUID.to_uppercase());
    account.get(&upper).await.expect(200);
    for wrong in ["x", "00000000-0000-0000-0000-000000000000", "%00"] {
        let reply = account.get(&format!("{PATH}/models/{wrong}")).await;
        assert_eq!(reply.expect(404)["error"], "not_found", "{wrong}");
    }
}

#[tokio::test]
async fn a_revoked_model_registers_no_more_and_the_factor_says_why() {
    let (metadata, account) = believed().await;
    let service = account.service().await;
    let mut key = security_key();
    let root = key.attestation_root().unwrap();
    account.register(&service, "ada-0001", &mut key).await;
    let signed = metadata.sign(&blob(1, vec![revoked(root)])).unwrap();
    put(&account, signed).await.expect(200);
    let why = refused(&account, &service, "bob-0001", &mut key).await;
    assert_eq!(why, "authenticator_status_refused");
}

#[tokio::test]
async fn an_attestation_must_lead_to_the_anchors_that_the_blob_names() {
    let (metadata, account) = believed().await;
    let service = account.service().await;
    let mut key = security_key();
    let entry = Entry::fido2(MODEL, key.attestation_root().unwrap());
    put(&account, metadata.sign(&blob(1, vec![entry])).unwrap())
        .await
        .expect(200);
    account.register(&service, "ada-0001", &mut key).await;

    // Of the same model, if one believed it.
    let mut impostor = security_key();
    let why = refused(&account, &service, "bob-0001", &mut impostor).await;
    assert_eq!(why, "attestation_untrusted");
}

/// How the factor of a security key with another user is refused.
async fn refused(
    account: &Client,
    service: &str,
    identity: &str,
    key: &mut Authenticator,
) -> Value {
    let factor = account.start(service, identity).await;
    let credential = create(key, &factor, &Lies::default());
    account.app.clock.advance_millis(1);
    let refused = account.verify(service, &credential).await;
    // Of what metadata says, the kept case has enough to come to the same verdict.
    repeats(account, service).await;
    refused.refused(403, 60311)["details"]["reason"].clone()
}

#[tokio::test]
async fn where_attestation_must_be_trusted_the_anchors_of_the_blob_are_enough() {
    let (metadata, account) = believed().await;
    let service = account.service().await;
    let trusted = AttestationRequirement::Trusted;
    account
        .change(&service, |rp| rp.policy.attestation.requirement = trusted)
        .await;
    let mut key = security_key();
    let entry = Entry::fido2(MODEL, key.attestation_root().unwrap());
    let why = refused(&account, &service, "ada-0001", &mut key).await;
    assert_eq!(why, "attestation_policy_refused");
    put(&account, metadata.sign(&blob(1, vec![entry])).unwrap())
        .await
        .expect(200);
    account.register(&service, "ada-0002", &mut key).await;
    let mut passkey = Authenticator::new(Profile::default());
    let why = refused(&account, &service, "ada-0003", &mut passkey).await;
    assert_eq!(why, "attestation_policy_refused");
}

#[tokio::test]
async fn metadata_that_a_policy_demands_and_are_not_there_are_a_refusal_and_no_fault() {
    let (metadata, account) = believed().await;
    let service = account.service().await;
    account
        .change(&service, |rp| {
            rp.policy.attestation.conveyance = AttestationConveyance::Direct;
            rp.policy.attestation.metadata.unknown_models = UnknownModels::Refuse;
            rp.policy.attestation.metadata.stale = StaleMetadata::Refuse;
        })
        .await;
    let mut key = security_key();
    let entry = Entry::fido2(MODEL, key.attestation_root().unwrap());
    let why = refused(&account, &service, "ada-0001", &mut key).await;
    assert_eq!(why, "metadata_unavailable");

    put(&account, metadata.sign(&blob(1, vec![])).unwrap())
        .await
        .expect(200);
    let why = refused(&account, &service, "ada-0002", &mut key).await;
    assert_eq!(why, "authenticator_unknown");

    let stale = Blob {
        next_update: "2026-01-01".to_owned(),
        ..blob(2, vec![entry.clone()])
    };
    let imported = put(&account, metadata.sign(&stale).unwrap()).await;
    assert_eq!(imported.expect(200)["in_use"]["stale"], true);
    let why = refused(&account, &service, "ada-0003", &mut key).await;
    assert_eq!(why, "metadata_stale");

    put(&account, metadata.sign(&blob(3, vec![entry])).unwrap())
        .await
        .expect(200);
    account.register(&service, "ada-0004", &mut key).await;
}
