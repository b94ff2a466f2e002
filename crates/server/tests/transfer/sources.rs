//! One file of each product, made here in its shape: a dry run names what it leaves out, and the imported passkey signs in over
//! both wires.

use std::io::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::Passkeys;
use domain::model::credential::CredentialRecord;
use domain::model::ids::RelyingPartyId;
use serde_json::{Value, json};
use server::transfer::import::{ImportError, Mode, Report, Summary, import, look};
use server::transfer::source::{HandleRule, Source, Told};
use server::transfer::table::Csv;
use testkit::Authenticator;

use crate::support::*;

const UUID: &str = "6c2f0a4e-5d1b-4b7e-9f13-2a8c41d7e905";
const UUID_BYTES: [u8; 16] = [
    0x6c, 0x2f, 0x0a, 0x4e, 0x5d, 0x1b, 0x4b, 0x7e, 0x9f, 0x13, 0x2a, 0x8c, 0x41, 0xd7, 0xe9, 0x05,
];
/// A handle whose base64 differs from its base64url.
const HANDLE: &[u8] = &[0xfb, 0xff, 0xfe, 1, 2, 3];
const ANN: &str = "ann-0000001";

fn url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn standard(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// What an operator says of a table that another tool wrote by the rule.
pub fn table() -> Told {
    Told {
        csv: Some(Csv::Rfc4180),
        ..Told::default()
    }
}

pub struct Imported {
    pub summary: Summary,
    pub reports: Vec<Report>,
}

pub async fn run(
    service: &Service,
    text: &str,
    source: Source,
    told: Told,
    dry: bool,
) -> Result<Imported, ImportError> {
    run_on(
        &service.app.passkeys,
        service.id(),
        (text, source, told),
        (dry, false),
    )
    .await
}

/// A run of a file with what the operator says of it; whether it is dry, and whether it brings back what was deleted.
pub async fn run_on(
    passkeys: &Arc<Passkeys>,
    rp: RelyingPartyId,
    (text, source, told): (&str, Source, Told),
    (dry, with_deleted): (bool, bool),
) -> Result<Imported, ImportError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let looked = look(file.path(), source, &told)?;
    let target = passkeys.import_target(rp).await.unwrap();
    let target = target.with_deleted(with_deleted);
    let mode = if dry {
        Mode::DryRun
    } else {
        Mode::Write(passkeys.begin_import(&source.name()).await.unwrap())
    };
    let mut reports = Vec::new();
    let take = |report: &Report| reports.push(report.clone());
    let summary = import(passkeys, target, file.path(), &looked, mode, take).await?;
    Ok(Imported { summary, reports })
}

async fn stored(service: &Service, user: &str) -> CredentialRecord {
    let passkeys = &service.app.passkeys;
    let found = passkeys.user_with_credentials(service.id(), user).await;
    found.unwrap().1.remove(0)
}

/// Sees that a file of one passkey is foreseen with these notes, imported, and that the passkey signs in.
async fn signs_in(
    text: &str,
    source: Source,
    told: Told,
    mut authenticator: Authenticator,
    notes: &[&str],
) -> CredentialRecord {
    let service = Service::new().await;
    let foreseen = run(&service, text, source, told.clone(), true)
        .await
        .unwrap();
    assert_eq!(foreseen.reports.len(), 1, "{:?}", foreseen.reports);
    let report = &foreseen.reports[0];
    assert_eq!(report.outcome, "added", "{report:?}");
    for note in notes {
        assert!(
            report.notes.iter().any(|n| n.contains(note)),
            "{note}: {report:?}"
        );
    }
    let passkeys = &service.app.passkeys;
    assert!(passkeys.user(service.id(), ANN).await.is_err(), "it is dry");
    let done = run(&service, text, source, told, false).await.unwrap();
    assert_eq!(done.reports, foreseen.reports);
    let record = stored(&service, ANN).await;
    assert_eq!(record.id.as_bytes(), authenticator.credentials()[0].id());
    assert_eq!(
        (&*record.attestation_type, &*record.trust),
        ("none", "none")
    );
    for who in [Some(ANN), None] {
        service.sign_in(who, &mut authenticator).await;
        assert_eq!(service.sign_in_nevis(who, &mut authenticator).await, ANN);
    }
    let learned = stored(&service, ANN).await;
    assert!(learned.backup_eligible.is_some() && learned.backup_state.is_some());
    assert_eq!(learned.user_handle, record.user_handle);
    record
}

#[tokio::test]
async fn simplewebauthn() {
    let passkey = registered_elsewhere(HANDLE, -7);
    let credential = &passkey.credentials()[0];
    let csv = format!(
        "cred_id,cred_public_key,internal_user_id,webauthn_user_id,counter,backup_eligible,backup_status,transports,username\n\
         \"{}\",\"\\x{}\",\"{UUID}\",\"{}\",7,,,\"internal,hybrid\",\"{ANN}\"\n",
        url(credential.id()),
        hex::encode(credential.public_key()),
        url(HANDLE),
    );
    let record = signs_in(
        &csv,
        Source::Simplewebauthn,
        table(),
        passkey,
        &["backup flags are not known", "ever verified"],
    )
    .await;
    assert_eq!(record.user_handle.unwrap().as_bytes(), HANDLE);
    assert_eq!(record.sign_count, 7);
    assert_eq!(record.transports, ["internal", "hybrid"]);
    assert_eq!(record.backup_eligible, None);
    // The example of the library has an id of the user and no name. The summary says which member was taken.
    let service = Service::new().await;
    let column = |name| Told {
        user: Some(String::from(name)),
        ..table()
    };
    for (text, told, user, member) in [
        (csv.clone(), table(), ANN, "username"),
        (
            csv.replace(",username\n", ",note\n"),
            table(),
            UUID,
            "internaluserid",
        ),
        (csv, column("internal_user_id"), UUID, "internal_user_id"),
    ] {
        let seen = run(&service, &text, Source::Simplewebauthn, told, true);
        let seen = seen.await.unwrap();
        assert_eq!(seen.reports[0].user.as_deref(), Some(user));
        let said = format!("names of users: the member {member}");
        assert!(seen.summary.file.contains(&said), "{:?}", seen.summary.file);
    }

    let passkey = registered_elsewhere(HANDLE, -8);
    let credential = &passkey.credentials()[0];
    let key: serde_json::Map<String, Value> = credential
        .public_key()
        .iter()
        .enumerate()
        .map(|(n, b)| (n.to_string(), json!(b)))
        .collect();
    let line = json!({
        "id": url(credential.id()), "publicKey": key, "username": ANN, "userId": 12, "webAuthnUserID": url(HANDLE), "counter": 0,
        "deviceType": "multiDevice", "backedUp": true, "transports": ["hybrid"], "createdAt": "2025-03-01T10:00:00.000Z",
    });
    let record = signs_in(
        &line.to_string(),
        Source::Simplewebauthn,
        Told::default(),
        passkey,
        &[],
    )
    .await;
    assert_eq!(record.backup_eligible, Some(true));
    assert_eq!(record.created.0, 1_740_823_200_000);
}

/// A record of the PHP library web-auth, and a user whose name is in a column that the caller names.
#[tokio::test]
async fn web_auth() {
    let passkey = registered_elsewhere(HANDLE, -7);
    let credential = &passkey.credentials()[0];
    let line = json!({"customer_no": ANN, "credential": {
        "publicKeyCredentialId": url(credential.id()), "type": "public-key", "transports": [], "attestationType": "none",
        "trustPath": [], "aaguid": "00000000-0000-0000-0000-000000000000", "credentialPublicKey": url(&credential.public_key()),
        "userHandle": url(HANDLE), "counter": 0, "backupEligible": true, "backupStatus": true, "uvInitialized": true,
    }});
    let told = Told {
        user: Some("customer_no".to_owned()),
        ..Told::default()
    };
    let record = signs_in(
        &line.to_string(),
        Source::Simplewebauthn,
        told,
        passkey,
        &[],
    )
    .await;
    assert_eq!(record.backup_state, Some(true));
    assert!(record.uv_initialized);
}

/// The response of the My Account API of Auth0, with the user beside it.
#[tokio::test]
async fn auth0() {
    let passkey = registered_elsewhere(HANDLE, -7);
    let credential = &passkey.credentials()[0];
    let line = json!({
        "user": ANN, "id": "passkey|dev_x", "type": "passkey", "key_id": url(credential.id()),
        "public_key": url(&credential.public_key()), "user_handle": url(HANDLE), "relying_party_id": "acme.test",
        "credential_device_type": "multi_device", "credential_backed_up": true, "identity_user_id": "685d20bc",
        "transports": ["hybrid", "internal"], "created_at": "2025-03-01T10:00:00.000Z", "aaguid": UUID,
    });
    let source = Source::Simplewebauthn;
    let notes = ["counter is not known"];
    let record = signs_in(&line.to_string(), source, Told::default(), passkey, &notes).await;
    assert_eq!(record.backup_eligible, Some(true));
}

#[tokio::test]
async fn webauthn_rs() {
    let passkey = registered_elsewhere(&UUID_BYTES, -7);
    let credential = &passkey.credentials()[0];
    let key = credential.public_key();
    // A COSE key of P-256 has its coordinates at fixed places.
    let (x, y) = (&key[10..42], &key[45..77]);
    let cose = json!({"type_": "ES256", "key": {"EC_EC2": {"curve": "SECP256R1", "x": url(x), "y": url(y)}}});
    let line = json!({"username": ANN, "user_id": UUID, "passkey": {"cred": {
        "cred_id": url(credential.id()), "cred": cose, "counter": 0, "transports": null, "user_verified": true,
        "backup_eligible": false, "backup_state": false, "registration_policy": "required",
        "extensions": {}, "attestation": {"data": "None", "metadata": "None"}, "attestation_format": "None",
    }}});
    let record = signs_in(
        &line.to_string(),
        Source::WebauthnRs,
        Told::default(),
        passkey,
        &["16 bytes of the user's id", "webauthn-rs 0.3"],
    )
    .await;
    assert_eq!(record.backup_eligible, None);
    assert!(record.uv_initialized);

    // As 0.3 wrote it: neither flags nor transports, and the id as numbers.
    let passkey = registered_elsewhere(&UUID_BYTES, -7);
    let credential = &passkey.credentials()[0];
    let key = credential.public_key();
    let cose = json!({"type_": "ES256", "key": {"EC_EC2": {"curve": "SECP256R1", "x": &key[10..42], "y": &key[45..77]}}});
    let line = json!({"username": ANN, "user_id": UUID, "credential": {
        "cred_id": credential.id(), "cred": cose, "counter": 3, "verified": false, "registration_policy": "preferred",
    }});
    let notes = ["backup flags are not known", "transports are not known"];
    signs_in(
        &line.to_string(),
        Source::WebauthnRs,
        Told::default(),
        passkey,
        &notes,
    )
    .await;
}

#[tokio::test]
async fn go_webauthn() {
    let passkey = registered_elsewhere(HANDLE, -7);
    let credential = &passkey.credentials()[0];
    let line = json!({"user": ANN, "user_handle": standard(HANDLE), "credential": {
        "id": standard(credential.id()), "publicKey": standard(&credential.public_key()), "attestationType": "none",
        "attestationFormat": "packed", "transport": ["usb"],
        "flags": {"userPresent": true, "userVerified": true, "backupEligible": false, "backupState": false},
        "authenticator": {"AAGUID": standard(&[7; 16]), "signCount": 2, "cloneWarning": false, "attachment": "cross-platform"},
        "attestation": {"clientDataJSON": "", "object": ""},
    }});
    let record = signs_in(
        &line.to_string(),
        Source::GoWebauthn,
        Told::default(),
        passkey,
        &[],
    )
    .await;
    assert_eq!(record.aaguid.as_bytes(), &[7; 16]);
    assert_eq!(
        (record.backup_eligible, record.uv_initialized),
        (Some(false), true)
    );

    // The shape before there were flags, and a handle that the application made of the id.
    let passkey = registered_elsewhere(b"user 12", -7);
    let credential = &passkey.credentials()[0];
    let line = json!({"user": ANN, "user_id": "user 12", "credential": {
        "ID": standard(credential.id()), "PublicKey": standard(&credential.public_key()), "AttestationType": "packed",
        "Authenticator": {"AAGUID": standard(&[0; 16]), "SignCount": 0, "CloneWarning": true},
    }});
    let told = Told {
        handle: Some(HandleRule::IdText),
        ..Told::default()
    };
    let notes = [
        "letters of the user's id (member userid)",
        "has noticed a copy",
        "backup flags are not known",
        "transports are not known",
        "model of the authenticator",
    ];
    signs_in(&line.to_string(), Source::GoWebauthn, told, passkey, &notes).await;
    let service = Service::new().await;
    let refused = run(
        &service,
        &line.to_string(),
        Source::GoWebauthn,
        Told::default(),
        true,
    )
    .await
    .unwrap();
    assert!(
        refused.reports[0]
            .reason
            .as_ref()
            .unwrap()
            .contains("--user-handle")
    );
}

#[tokio::test]
async fn keycloak() {
    let passkey = registered_elsewhere(UUID.as_bytes(), -7);
    let credential = &passkey.credentials()[0];
    let data = json!({
        "aaguid": "00000000-0000-0000-0000-000000000000", "credentialId": standard(credential.id()), "counter": 1,
        "attestationStatement": null, "credentialPublicKey": url(&credential.public_key()),
        "attestationStatementFormat": "none", "transports": ["INTERNAL"],
    });
    let realm = |kind: &str| {
        json!({"realm": "acme", "users": [
            {"id": UUID, "username": ANN, "credentials": [
                {"type": "password", "secretData": "{}", "credentialData": "{}"},
                {"id": "x", "type": kind, "userLabel": "Phone", "createdDate": 1_740_823_200_000_i64,
                 "secretData": "{}", "credentialData": data.to_string()},
            ]},
            {"id": "another", "username": "bob"},
        ]})
    };
    let text = serde_json::to_string_pretty(&realm("webauthn")).unwrap();
    let service = Service::new().await;
    let refused = run(&service, &text, Source::Keycloak, Told::default(), true)
        .await
        .unwrap();
    assert!(
        refused.reports[0]
            .reason
            .as_ref()
            .unwrap()
            .contains("second factor")
    );
    // The policy of the realm says for which RP ID its passkeys were registered. An empty one says nothing.
    for (rp_id, admitted) in [("other.test", false), ("acme.test", true), ("", true)] {
        let mut realm = realm("webauthn-passwordless");
        realm["webAuthnPolicyPasswordlessRpId"] = json!(rp_id);
        realm["webAuthnPolicyRpId"] = json!("another.test");
        let text = realm.to_string();
        let seen = run(&service, &text, Source::Keycloak, Told::default(), true);
        let seen = seen.await.unwrap();
        let reason = seen.reports[0].reason.clone().unwrap_or_default();
        assert_eq!(reason.is_empty(), admitted, "{reason}");
        assert_eq!(reason.contains("RP ID other.test"), !admitted, "{reason}");
        let assumed = seen.summary.file.join("\n").contains("is assumed");
        assert_eq!(assumed, rp_id.is_empty(), "{:?}", seen.summary.file);
    }
    // Back ends that know users by the subject of a token know them by the id.
    let told = Told {
        user: Some("id".to_owned()),
        ..Told::default()
    };
    let text = realm("webauthn-passwordless").to_string();
    let seen = run(&service, &text, Source::Keycloak, told, true).await;
    assert_eq!(seen.unwrap().reports[0].user.as_deref(), Some(UUID));
    let text = serde_json::to_string_pretty(&realm("webauthn-passwordless")).unwrap();
    let notes = ["letters of the user's id", "backup flags are not known"];
    let record = signs_in(&text, Source::Keycloak, Told::default(), passkey, &notes).await;
    assert_eq!(
        (&*record.name, record.created.0),
        ("Phone", 1_740_823_200_000)
    );
    assert_eq!(record.transports, ["internal"]);
}

#[tokio::test]
async fn hanko() {
    let passkey = registered_elsewhere(&UUID_BYTES, -7);
    let credential = &passkey.credentials()[0];
    let line = |mfa: bool| {
        json!({
        "id": url(credential.id()), "user_id": UUID, "username": ANN, "public_key": url(&credential.public_key()),
        "attestation_type": "none", "aaguid": UUID, "sign_count": 0, "last_used_at": "2025-03-01 10:00:00", "created_at": "2025-02-01 10:00:00",
        "updated_at": "2025-02-01 10:00:00", "name": "Laptop", "backup_eligible": true, "backup_state": true, "mfa_only": mfa,
        "transports": "internal hybrid",
    }).to_string()
    };
    let service = Service::new().await;
    let refused = run(&service, &line(true), Source::Hanko, Told::default(), true)
        .await
        .unwrap();
    assert!(
        refused.reports[0]
            .reason
            .as_ref()
            .unwrap()
            .contains("second factor")
    );
    let text = line(false);
    let record = signs_in(
        &text,
        Source::Hanko,
        Told::default(),
        passkey,
        &["16 bytes of the user's id"],
    )
    .await;
    assert_eq!(record.last_used.unwrap().0, 1_740_823_200_000);

    // A user who came to Hanko from elsewhere has a handle in a table of its own, joined or as JSON. Its text is the handle.
    for (handle, transports) in [
        (json!("customer-4711"), json!("internal,hybrid")),
        (
            json!({"id": UUID, "user_id": UUID, "handle": "customer-4711"}),
            json!([{"name": "internal"}, {"Name": "hybrid"}]),
        ),
    ] {
        let passkey = registered_elsewhere(b"customer-4711", -7);
        let credential = &passkey.credentials()[0];
        let line = json!({
            "id": url(credential.id()), "user_id": UUID, "username": ANN, "public_key": url(&credential.public_key()), "aaguid": UUID,
            "sign_count": 0, "backup_eligible": true, "backup_state": true, "mfa_only": false, "transports": transports,
            "user_handle": handle,
        });
        // A rule is for users without a handle: the other ones keep theirs.
        let told = Told {
            handle: Some(HandleRule::IdText),
            ..Told::default()
        };
        let record = signs_in(&line.to_string(), Source::Hanko, told, passkey, &[]).await;
        assert_eq!(record.transports, ["internal", "hybrid"]);
    }
}

#[tokio::test]
async fn passwordless() {
    let passkey = registered_elsewhere(HANDLE, -257);
    let credential = &passkey.credentials()[0];
    let list = json!([{
        "descriptor": {"type": "public-key", "id": url(credential.id()), "transports": ["internal"]},
        "publicKey": standard(&credential.public_key()), "userHandle": standard(HANDLE), "signatureCounter": 4,
        "attestationFmt": "none", "createdAt": "2025-03-01T10:00:00Z", "aaGuid": UUID, "lastUsedAt": "2025-03-01T10:00:00Z",
        "rpid": "acme.test", "origin": ORIGIN, "nickname": "Key", "backupState": null, "isBackupEligible": null,
        "isDiscoverable": null, "userId": ANN,
    }]);
    let record = signs_in(
        &list.to_string(),
        Source::Passwordless,
        Told::default(),
        passkey,
        &["backup flags are not known"],
    )
    .await;
    assert_eq!(record.discoverable, None);
    assert_eq!(record.name, "Key");
    // As the API has it.
    let service = Service::new().await;
    let text = json!({"values": list}).to_string();
    let seen = run(&service, &text, Source::Passwordless, Told::default(), true);
    let seen = seen.await.unwrap();
    assert_eq!(seen.reports.len(), 1);
    assert_eq!(seen.reports[0].outcome, "added", "{:?}", seen.reports[0]);
    // As the table of a server that one runs oneself has it.
    let row = &list[0];
    let text = json!({
        "DescriptorId": row["descriptor"]["id"], "DescriptorType": 0, "DescriptorTransports": "0,4", "PublicKey": row["publicKey"],
        "UserHandle": row["userHandle"], "SignatureCounter": 4, "UserId": ANN, "Nickname": "Key", "RPID": "acme.test",
    });
    let text = text.to_string();
    let seen = run(&service, &text, Source::Passwordless, Told::default(), true);
    let seen = seen.await.unwrap();
    assert_eq!(seen.reports[0].outcome, "added", "{:?}", seen.reports[0]);
    // Of another RP ID.
    let service = Service::new().await;
    let text = list.to_string().replace("\"acme.test\"", "\"other.test\"");
    let refused = run(&service, &text, Source::Passwordless, Told::default(), true)
        .await
        .unwrap();
    assert!(
        refused.reports[0]
            .reason
            .as_ref()
            .unwrap()
            .contains("RP ID other.test")
    );
}

#[tokio::test]
async fn kratos() {
    let passkey = registered_elsewhere(HANDLE, -7);
    let credential = &passkey.credentials()[0];
    let identity = |kind: &str, passwordless: bool| {
        json!([{
        "id": UUID, "schema_id": "default", "traits": {"username": ANN, "email": "ann@acme.test"},
        "credentials": {kind: {"type": kind, "identifiers": ["x"], "config": {
            "user_handle": standard(HANDLE),
            "credentials": [{
                "id": standard(credential.id()), "public_key": standard(&credential.public_key()), "attestation_type": "none",
                "authenticator": {"aaguid": standard(&[7; 16]), "sign_count": 0, "clone_warning": false},
                "display_name": "Laptop", "added_at": "2025-03-01T10:00:00Z", "is_passwordless": passwordless,
            }],
        }}},
    }]).to_string()
    };
    let service = Service::new().await;
    let text = identity("webauthn", false);
    let refused = run(&service, &text, Source::Kratos, Told::default(), true)
        .await
        .unwrap();
    assert!(
        refused.reports[0]
            .reason
            .as_ref()
            .unwrap()
            .contains("second factor")
    );
    let text = identity("passkey", true);
    let record = signs_in(
        &text,
        Source::Kratos,
        Told::default(),
        passkey,
        &["backup flags are not known"],
    )
    .await;
    assert_eq!(record.name, "Laptop");
}

#[tokio::test]
async fn fusionauth() {
    let passkey = registered_elsewhere(HANDLE, -7);
    let credential = &passkey.credentials()[0];
    let point = [
        &[4][..],
        &credential.public_key()[10..42],
        &credential.public_key()[45..77],
    ]
    .concat();
    let mut spki = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
    spki.extend(&point);
    let text = |key: String| {
        json!({"credentials": [{
        "algorithm": "ES256", "attestationType": "none", "authenticatorSupportsUserVerification": true,
        "credentialId": url(credential.id()), "discoverable": true, "displayName": "ann", "name": "Laptop", "publicKey": key,
        "relyingPartyId": "acme.test", "signCount": 0, "tenantId": UUID, "transports": ["internal"], "userAgent": "x", "userId": ANN,
        "insertInstant": 1_740_823_200_000_i64, "userHandle": url(HANDLE),
    }], "validateDbConstraints": false}).to_string()
    };
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        standard(&spki)
    );
    let service = Service::new().await;
    for key in [pem, url(&point)] {
        let seen = run(
            &service,
            &text(key),
            Source::Fusionauth,
            Told::default(),
            true,
        )
        .await
        .unwrap();
        assert_eq!(seen.reports[0].outcome, "added", "{:?}", seen.reports);
    }
    let text = text(standard(&spki));
    let record = signs_in(
        &text,
        Source::Fusionauth,
        Told::default(),
        passkey,
        &["SubjectPublicKeyInfo"],
    )
    .await;
    assert!(record.uv_initialized);
}

#[tokio::test]
async fn aspnet() {
    let passkey = registered_elsewhere(UUID.as_bytes(), -7);
    let credential = &passkey.credentials()[0];
    let data = json!({
        "PublicKey": standard(&credential.public_key()), "Name": "Laptop", "CreatedAt": "2025-03-01T10:00:00.5226805+00:00", "SignCount": 0,
        "Transports": ["internal"], "IsUserVerified": true, "IsBackupEligible": true, "IsBackedUp": false,
        "AttestationObject": "", "ClientDataJson": "", "Aaguid": UUID,
    });
    let csv = format!(
        "CredentialId,UserId,UserName,Data\n\"0x{}\",\"{UUID}\",\"{ANN}\",\"{}\"\n",
        hex::encode(credential.id()),
        data.to_string().replace('"', "\"\""),
    );
    let record = signs_in(
        &csv,
        Source::Aspnet,
        table(),
        passkey,
        &["letters of the user's id"],
    )
    .await;
    assert_eq!(
        (record.backup_eligible, record.backup_state),
        (Some(true), Some(false))
    );
    assert_eq!(record.aaguid.to_string(), UUID);
    assert_eq!(record.created.0, 1_740_823_200_522);
}
