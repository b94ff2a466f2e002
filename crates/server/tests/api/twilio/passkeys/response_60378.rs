//! Error 60378: which members of a response are missing or invalid, and what the error says about each.

use serde_json::{Value, json};
use testkit::json::{flat, set, without};
use testkit::{Authenticator, Lies};

use crate::common::{Client, TestApp};
use crate::support::{create, get};

const TITLE: &str = "Authenticator response invalid or not provided";

struct Setting {
    account: Client,
    service: String,
    /// A good answer to an open registration.
    attestation: Value,
    /// A good answer to an open challenge.
    assertion: Value,
}

async fn setting() -> Setting {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let mut authenticator = Authenticator::default();
    account
        .register(&service, "user-0001", &mut authenticator)
        .await;
    let challenge = account
        .challenge(&service, &json!({"identity": "user-0001"}))
        .await;
    let assertion = get(&mut authenticator, &challenge, &Lies::default());
    let factor = account.start(&service, "user-0002").await;
    let attestation = create(&mut Authenticator::default(), &factor, &Lies::default());
    Setting {
        account,
        service,
        attestation,
        assertion,
    }
}

impl Setting {
    /// Sends the answer to the open registration, which must be refused with 60378; the error.
    async fn attestation_is_60378(&self, bad: &Value, members: &[&str], reason: &str) -> Value {
        let reply = self.account.verify(&self.service, bad).await;
        let error = reply.refused(400, 60378);
        assert_60378(&error, members, reason);
        error
    }

    /// The same with the answer to the open challenge.
    async fn assertion_is_60378(&self, bad: &Value, members: &[&str], reason: &str) -> Value {
        let reply = self.account.approve(&self.service, bad).await;
        let error = reply.refused(400, 60378);
        assert_60378(&error, members, reason);
        error
    }

    /// Both good answers are still taken: nothing before cost their ceremonies anything.
    async fn nothing_was_changed(&self) {
        self.account
            .verify(&self.service, &self.attestation)
            .await
            .expect(200);
        self.account
            .approve(&self.service, &self.assertion)
            .await
            .expect(200);
    }
}

fn changed(credential: &Value, path: &str, value: Option<Value>) -> Value {
    let mut credential = credential.clone();
    match value {
        Some(value) => set(&mut credential, path, value),
        None => {
            without(&mut credential, path);
        }
    }
    credential
}

/// The error must be 60378, name these members and have this reason and a help.
fn assert_60378(error: &Value, members: &[&str], reason: &str) {
    assert_eq!(error["message"], TITLE, "{error}");
    assert_eq!(error["details"]["reason"], reason, "{error}");
    assert_eq!(error["details"]["members"], json!(members), "{error}");
    assert!(
        error["details"]["help"]
            .as_str()
            .is_some_and(|help| help.len() > 20),
        "{error}"
    );
}

#[tokio::test]
async fn a_response_that_is_absent_null_or_no_object_is_60378() {
    let setting = setting().await;
    for value in [
        None,
        Some(Value::Null),
        Some(json!("x")),
        Some(json!([])),
        Some(json!(1)),
        Some(json!(true)),
    ] {
        let bad = changed(&setting.attestation, "response", value.clone());
        setting
            .attestation_is_60378(&bad, &["response"], "response_member_missing")
            .await;
        let bad = changed(&setting.assertion, "response", value);
        setting
            .assertion_is_60378(&bad, &["response"], "response_member_missing")
            .await;
    }
    setting.nothing_was_changed().await;
}

#[tokio::test]
async fn each_required_member_that_is_absent_null_empty_or_no_string_is_60378() {
    let setting = setting().await;
    for value in [
        None,
        Some(Value::Null),
        Some(json!("")),
        Some(json!(1)),
        Some(json!({})),
        Some(json!(["x"])),
    ] {
        for member in ["response.clientDataJSON", "response.attestationObject"] {
            let bad = changed(&setting.attestation, member, value.clone());
            setting
                .attestation_is_60378(&bad, &[member], "response_member_missing")
                .await;
        }
        for member in [
            "response.clientDataJSON",
            "response.authenticatorData",
            "response.signature",
        ] {
            let bad = changed(&setting.assertion, member, value.clone());
            setting
                .assertion_is_60378(&bad, &[member], "response_member_missing")
                .await;
        }
    }
    setting.nothing_was_changed().await;
}

#[tokio::test]
async fn all_missing_members_are_named_at_once() {
    let setting = setting().await;
    let only = |credential: &Value, keep: &[&str]| {
        let mut response = json!({});
        for name in keep {
            response[*name] = credential["response"][*name].clone();
        }
        changed(credential, "response", Some(response))
    };
    let bad = only(&setting.attestation, &[]);
    setting
        .attestation_is_60378(
            &bad,
            &["response.clientDataJSON", "response.attestationObject"],
            "response_member_missing",
        )
        .await;
    let bad = only(&setting.assertion, &["clientDataJSON"]);
    setting
        .assertion_is_60378(
            &bad,
            &["response.authenticatorData", "response.signature"],
            "response_member_missing",
        )
        .await;
    let bad = only(&setting.assertion, &[]);
    setting
        .assertion_is_60378(
            &bad,
            &[
                "response.clientDataJSON",
                "response.authenticatorData",
                "response.signature",
            ],
            "response_member_missing",
        )
        .await;

    // A member that is missing counts before one that cannot be decoded.
    let bad = changed(
        &only(&setting.assertion, &["authenticatorData"]),
        "response.clientDataJSON",
        Some(json!("=")),
    );
    setting
        .assertion_is_60378(&bad, &["response.signature"], "response_member_missing")
        .await;
    setting.nothing_was_changed().await;
}

#[tokio::test]
async fn the_response_of_the_other_ceremony_is_60378_and_the_help_says_where_it_belongs() {
    let setting = setting().await;
    let mut assertion = setting.assertion.clone();
    let error = setting
        .attestation_is_60378(
            &assertion,
            &["response.attestationObject"],
            "response_member_missing",
        )
        .await;
    assert!(
        error["details"]["help"]
            .as_str()
            .unwrap()
            .contains("ApproveChallenge"),
        "{error}"
    );

    // Browsers of today add authenticatorData to registrations; older ones do not.
    let mut attestation = setting.attestation.clone();
    for extra in ["authenticatorData", "publicKey", "publicKeyAlgorithm"] {
        without(&mut attestation, &format!("response.{extra}"));
        let error = setting
            .account
            .approve(&setting.service, &attestation)
            .await
            .refused(400, 60378);
        assert!(
            error["details"]["help"]
                .as_str()
                .unwrap()
                .contains("VerifyFactor"),
            "{error}"
        );
    }
    setting
        .assertion_is_60378(
            &attestation,
            &["response.authenticatorData", "response.signature"],
            "response_member_missing",
        )
        .await;
    without(&mut assertion, "response.clientDataJSON");
    setting
        .attestation_is_60378(
            &assertion,
            &["response.clientDataJSON", "response.attestationObject"],
            "response_member_missing",
        )
        .await;
    setting.nothing_was_changed().await;
}

#[tokio::test]
async fn the_flat_shape_is_60378_and_the_help_says_how_to_nest_it() {
    let setting = setting().await;
    let error = setting
        .attestation_is_60378(
            &flat(setting.attestation.clone()),
            &["response"],
            "response_member_missing",
        )
        .await;
    assert!(
        error["details"]["help"]
            .as_str()
            .unwrap()
            .contains("top level"),
        "{error}"
    );
    let error = setting
        .assertion_is_60378(
            &flat(setting.assertion.clone()),
            &["response"],
            "response_member_missing",
        )
        .await;
    assert!(
        error["details"]["help"]
            .as_str()
            .unwrap()
            .contains("top level"),
        "{error}"
    );
    setting.nothing_was_changed().await;
}

#[tokio::test]
async fn a_type_that_is_not_public_key_is_60378() {
    let setting = setting().await;
    for value in [
        json!("password"),
        json!("public-keys"),
        json!("public key"),
        json!(1),
        json!({}),
    ] {
        let bad = changed(&setting.attestation, "type", Some(value.clone()));
        setting
            .attestation_is_60378(&bad, &["type"], "credential_type_mismatch")
            .await;
        let bad = changed(&setting.assertion, "type", Some(value));
        setting
            .assertion_is_60378(&bad, &["type"], "credential_type_mismatch")
            .await;
    }
    // Whatever else is missing is named along.
    let mut bad = changed(&setting.attestation, "type", Some(json!("password")));
    without(&mut bad, "response.attestationObject");
    setting
        .attestation_is_60378(
            &bad,
            &["type", "response.attestationObject"],
            "credential_type_mismatch",
        )
        .await;
    let mut bad = changed(&setting.assertion, "type", Some(json!("password")));
    without(&mut bad, "response");
    setting
        .assertion_is_60378(&bad, &["type", "response"], "credential_type_mismatch")
        .await;
    setting.nothing_was_changed().await;
}

#[tokio::test]
async fn a_required_member_that_cannot_be_decoded_has_its_own_code() {
    let setting = setting().await;
    for bad in ["=", "a+b/", "AAA A", "A"] {
        for (member, code) in [
            ("response.clientDataJSON", 60380),
            ("response.attestationObject", 60386),
        ] {
            let bad = changed(&setting.attestation, member, Some(json!(bad)));
            setting
                .account
                .verify(&setting.service, &bad)
                .await
                .refused(400, code);
        }
        for (member, code) in [
            ("response.clientDataJSON", 60380),
            ("response.authenticatorData", 60379),
            ("response.signature", 60381),
        ] {
            let bad = changed(&setting.assertion, member, Some(json!(bad)));
            setting
                .account
                .approve(&setting.service, &bad)
                .await
                .refused(400, code);
        }
    }
    setting.nothing_was_changed().await;
}

#[tokio::test]
async fn the_order_of_checks_is_id_raw_id_attachment_response_client_data() {
    let setting = setting().await;
    // Everything is wrong at first; each step fixes what the last error named.
    let mut bad = json!({"id": "=", "rawId": "=", "authenticatorAttachment": [], "type": "other", "response": {}});
    let genuine = &setting.attestation;
    setting
        .account
        .verify(&setting.service, &json!([1]))
        .await
        .refused(400, 60306);
    for (code, path) in [
        (60375, "id"),
        (60376, "rawId"),
        (60377, "authenticatorAttachment"),
        (60378, "type"),
        (60378, "response"),
    ] {
        setting
            .account
            .verify(&setting.service, &bad)
            .await
            .refused(400, code);
        bad[path] = genuine[path].clone();
    }
    // Client data of the wrong kind, or that are no client data, before any record is looked for.
    for text in [
        &b"{}"[..],
        b"[]",
        b"\xff",
        br#"{"type":"webauthn.get","challenge":"AA","origin":"https://acme.test"}"#,
    ] {
        set(
            &mut bad,
            "response.clientDataJSON",
            testkit::base64url(text),
        );
        setting
            .account
            .verify(&setting.service, &bad)
            .await
            .refused(400, 60380);
    }
    let unknown = br#"{"type":"webauthn.create","challenge":"AAAA","origin":"https://evil.test"}"#;
    set(
        &mut bad,
        "response.clientDataJSON",
        testkit::base64url(unknown),
    );
    set(
        &mut bad,
        "response.attestationObject",
        testkit::base64url(b"no CBOR"),
    );
    setting
        .account
        .verify(&setting.service, &bad)
        .await
        .refused(404, 60390);
    setting.nothing_was_changed().await;
}

#[tokio::test]
async fn a_registrations_own_authenticator_data_do_not_make_it_a_sign_in() {
    let setting = setting().await;
    let bad = changed(&setting.attestation, "response.attestationObject", None);
    assert!(bad["response"]["authenticatorData"].is_string());
    let error = setting
        .account
        .verify(&setting.service, &bad)
        .await
        .refused(400, 60378);
    let help = error["details"]["help"].as_str().unwrap();
    assert!(
        help.contains("filtered") && !help.contains("sign-in"),
        "{help}"
    );
}

#[tokio::test]
async fn the_whole_answer_is_as_documented() {
    let setting = setting().await;
    let bad = changed(&setting.attestation, "response.attestationObject", None);
    let reply = setting.account.verify(&setting.service, &bad).await;
    let id = reply.header("x-request-id").expect("an id").to_owned();
    let mut error = reply.refused(400, 60378);
    let shown = std::mem::replace(&mut error["details"]["request_id"], "[request id]".into());
    assert_eq!(shown, id);
    insta::assert_json_snapshot!(error);
}
