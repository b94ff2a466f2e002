//! `POST Passkeys/Factors`.

use serde_json::{Value, json};
use testkit::Authenticator;

use crate::common::TestApp;
use crate::support::without_random;

const CONFIG: &str = r#"{"relying_party":{"id":"other.test","name":"Other","origins":["https://other.test"]},"authenticator_attachment":"platform","discoverable_credentials":"required","user_verification":"required"}"#;

#[tokio::test]
async fn a_started_factor_shows_every_member_of_the_contract() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    insta::assert_json_snapshot!(account.start(&service, "user-0001").await);
}

#[tokio::test]
async fn challenge_and_user_id_are_ascii_so_that_atob_decodes_them() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    for number in 0..50 {
        let factor = account.start(&service, &format!("user-{number:04}")).await;
        let options = &factor["options"]["publicKey"];
        for value in [&options["challenge"], &options["user"]["id"]] {
            assert!(
                !value.as_str().unwrap().contains(['-', '_', '=']),
                "{value}"
            );
        }
        let handle = testkit::from_base64url(options["user"]["id"].as_str().unwrap()).unwrap();
        assert_eq!(handle, factor["entity_sid"].as_str().unwrap().as_bytes());
    }
}

#[tokio::test]
async fn the_challenge_is_not_the_factor_sid() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let factor = account.start(&service, "user-0001").await;
    let challenge = factor["options"]["publicKey"]["challenge"]
        .as_str()
        .unwrap();
    let challenge = testkit::from_base64url(challenge).unwrap();
    assert_eq!(challenge.len(), 48);
    let sid = &factor["sid"].as_str().unwrap().as_bytes()[2..];
    assert!(!challenge.windows(sid.len()).any(|window| window == sid));
}

#[tokio::test]
async fn members_are_taken_in_snake_case_in_camel_case_and_mixed() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let snake: Value = serde_json::from_str(CONFIG).unwrap();
    let camel = json!({"relyingParty": snake["relying_party"], "authenticatorAttachment": "platform",
        "discoverableCredentials": "required", "userVerification": "required"});
    let mut shown = Vec::new();
    for (name, config) in [
        ("friendly_name", &snake),
        ("friendlyName", &camel),
        ("friendlyName", &snake),
    ] {
        let body = json!({name: "Phone", "identity": "user-0001", "config": config});
        let factor = account
            .post(&format!("{service}/Passkeys/Factors"), &body)
            .await
            .expect(201);
        assert_eq!(factor["friendly_name"], "Phone");
        assert_eq!(factor["config"], snake);
        let mut options = factor["options"]["publicKey"].clone();
        options["challenge"] = Value::Null;
        shown.push(options);
    }
    assert_eq!(shown[0], shown[1]);
    assert_eq!(shown[0], shown[2]);
    let selection = &shown[0]["authenticatorSelection"];
    assert_eq!(
        selection,
        &json!({"authenticatorAttachment": "platform", "residentKey": "required",
        "requireResidentKey": true, "userVerification": "required"})
    );
}

#[tokio::test]
async fn config_wins_member_by_member_and_null_counts_as_absent() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let body = json!({"friendly_name": "Phone", "identity": "user-0001", "unknown": 1,
        "config": {"relying_party": null, "authenticator_attachment": null, "user_verification": "required"}});
    let factor = account
        .post(&format!("{service}/Passkeys/Factors"), &body)
        .await
        .expect(201);
    assert_eq!(
        factor["config"],
        json!({
        "relying_party": {"id": "acme.test", "name": "Acme", "origins": ["https://acme.test"]},
        "authenticator_attachment": "any", "discoverable_credentials": "preferred", "user_verification": "required"})
    );
}

/// PHP encodes an object without members as a list, and Go sends one that is empty.
#[tokio::test]
async fn an_empty_list_and_an_empty_choice_count_as_absent() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let factors = format!("{service}/Passkeys/Factors");
    let of_the_service = account.start(&service, "user-0001").await["config"].clone();
    for config in [
        json!({}),
        json!([]),
        json!({"relying_party": []}),
        json!({"relying_party": {}}),
        json!({"relying_party": {"origins": []}}),
        json!({"relying_party": {"origins": ""}}),
        json!({"relyingParty": [], "authenticator_attachment": "", "discoverable_credentials": "",
            "user_verification": ""}),
    ] {
        let body =
            json!({"friendly_name": "Phone", "identity": "user-0001", "config": config.clone()});
        let factor = account.post(&factors, &body).await.expect(201);
        assert_eq!(factor["config"], of_the_service, "{config}");
    }
    // As the whole body it is an object without the members that must be there.
    let error = account.post(&factors, &json!([])).await.refused(400, 60388);
    assert_eq!(error["details"]["members"], json!(["friendly_name"]));
    for body in [json!([{}]), json!(null), json!("{}")] {
        account.post(&factors, &body).await.refused(400, 60306);
    }
}

#[tokio::test]
async fn an_identity_that_breaks_the_rule_is_told_which_rule_and_what_was_found() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    for (identity, found) in [
        (None, "`identity` is missing"),
        (Some(json!(7)), "`identity` is a number, not a string"),
        (
            Some(json!("")),
            "`identity` is empty; 8 to 64 characters are allowed",
        ),
        (
            Some(json!("7")),
            "`identity` has 1 character; 8 to 64 characters are allowed",
        ),
        (
            Some(json!("ada@example.com")),
            "`identity` holds '@' at position 4; ASCII letters, digits and single hyphens are allowed",
        ),
    ] {
        let mut body = json!({"friendly_name": "Phone"});
        if let Some(identity) = &identity {
            body["identity"] = identity.clone();
        }
        for path in ["Factors", "Challenges"] {
            if path == "Challenges" && identity.is_none() {
                continue;
            }
            let path = format!("{service}/Passkeys/{path}");
            let error = account.post(&path, &body).await.refused(400, 60367);
            assert_eq!(error["details"]["message"], found);
            assert_eq!(error["details"]["reason"], "request_invalid");
            assert_eq!(error["details"]["members"], json!(["identity"]));
        }
    }
}

#[tokio::test]
async fn a_body_that_was_stringified_twice_is_named() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let body = json!({"friendly_name": "Phone", "identity": "user-0001"}).to_string();
    for path in ["Factors", "VerifyFactor", "Challenges", "ApproveChallenge"] {
        let path = format!("{service}/Passkeys/{path}");
        let error = account.post(&path, &json!(body)).await.refused(400, 60306);
        let message = error["details"]["message"].as_str().unwrap();
        assert!(message.contains("stringified twice"), "{message}");
    }
    let response =
        json!({"id": "AAAA", "rawId": "AAAA", "response": "{\"attestationObject\":\"oA\"}"});
    let verify = format!("{service}/Passkeys/VerifyFactor");
    let error = account.post(&verify, &response).await.refused(400, 60378);
    for member in ["message", "help"] {
        let text = error["details"][member].as_str().unwrap();
        assert!(text.contains("stringified on its own"), "{text}");
    }
    let config = json!({"friendly_name": "Phone", "identity": "user-0001", "config": "{}"});
    let factors = format!("{service}/Passkeys/Factors");
    let error = account.post(&factors, &config).await.refused(400, 60370);
    let message = error["details"]["message"].as_str().unwrap();
    assert!(message.contains("stringified twice"), "{message}");
}

#[tokio::test]
async fn a_name_of_the_wire_keeps_its_spelling_in_a_message() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let factors = format!("{service}/Passkeys/Factors");
    let base = json!({"friendly_name": "Phone", "identity": "user-0001"});
    for (member, value, start) in [
        ("friendly_name", json!("x".repeat(65)), "friendly_name must"),
        ("config", json!(1), "`config` is a number"),
        (
            "config",
            json!({"relying_party": 1}),
            "`relying_party` is a number",
        ),
        (
            "config",
            json!({"authenticator_attachment": "x"}),
            "`authenticator_attachment` must",
        ),
    ] {
        let mut body = base.clone();
        body[member] = value;
        let error = account.post(&factors, &body).await.expect(400);
        let message = error["details"]["message"].as_str().unwrap();
        assert!(message.starts_with(start), "{message}");
    }
}

/// Java sends the names of its constants.
#[tokio::test]
async fn a_choice_is_read_in_any_spelling_and_shown_in_the_specifications() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let factors = format!("{service}/Passkeys/Factors");
    let body = json!({"friendly_name": "Phone", "identity": "user-0001", "config": {
        "authenticator_attachment": "CROSS_PLATFORM", "discoverable_credentials": "DISCOURAGED",
        "user_verification": "Required"}});
    let factor = account.post(&factors, &body).await.expect(201);
    let config = &factor["config"];
    assert_eq!(config["authenticator_attachment"], "cross-platform");
    assert_eq!(config["discoverable_credentials"], "discouraged");
    assert_eq!(config["user_verification"], "required");
    let selection = &factor["options"]["publicKey"]["authenticatorSelection"];
    assert_eq!(selection["authenticatorAttachment"], "cross-platform");

    let form = "Passkeys.AuthenticatorAttachment=PLATFORM&Passkeys.UserVerification=Discouraged";
    let changed = account.post(&service, form).await.expect(200);
    assert_eq!(changed["passkeys"]["authenticator_attachment"], "platform");
    assert_eq!(changed["passkeys"]["user_verification"], "discouraged");
}

#[tokio::test]
async fn what_is_set_nowhere_is_named_in_the_message_and_the_details() {
    let account = TestApp::new().await.account();
    let service = account
        .post("/v2/Services", "FriendlyName=Acme")
        .await
        .expect(201);
    let factors = format!(
        "/v2/Services/{}/Passkeys/Factors",
        service["sid"].as_str().unwrap()
    );
    let mut body = json!({"friendly_name": "Phone", "identity": "user-0001"});

    let error = account.post(&factors, &body).await.refused(400, 60371);
    assert_eq!(
        error["message"],
        "Relying party invalid or not provided: relying_party.id, relying_party.origins"
    );
    assert_eq!(
        error["details"]["members"],
        json!(["relying_party.id", "relying_party.origins"])
    );
    assert_eq!(error["details"]["reason"], "relying_party_incomplete");

    body["config"] = json!({"relying_party": {"id": "acme.test", "origins": ["https://acme.test"]}, "user_verification": "preferred"});
    let error = account.post(&factors, &body).await.refused(400, 60393);
    assert_eq!(
        error["message"],
        "Authenticator criteria are missing from the request: authenticator_attachment, discoverable_credentials"
    );
    assert_eq!(
        error["details"]["members"],
        json!(["authenticator_attachment", "discoverable_credentials"])
    );

    body["config"]["authenticator_attachment"] = json!("any");
    body["config"]["discoverable_credentials"] = json!("discouraged");
    let factor = account.post(&factors, &body).await.expect(201);
    // Named after the service when nobody says otherwise; `any` is no member of the options.
    assert_eq!(factor["config"]["relying_party"]["name"], "Acme");
    assert!(
        factor["options"]["publicKey"]["authenticatorSelection"]
            .get("authenticatorAttachment")
            .is_none()
    );
}

#[tokio::test]
async fn a_bad_member_has_its_code_and_creates_nobody() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let good = json!({"friendly_name": "Phone", "identity": "user-0001", "config": serde_json::from_str::<Value>(CONFIG).unwrap()});
    let long = "x".repeat(65);
    for (path, value, code) in [
        ("friendly_name", Value::Null, 60388),
        ("friendly_name", json!(""), 60388),
        ("friendly_name", json!(long), 60306),
        ("friendly_name", json!("a\u{0}b"), 60306),
        ("friendly_name", json!(1), 60306),
        ("identity", Value::Null, 60367),
        ("identity", json!(""), 60367),
        ("identity", json!("short"), 60367),
        ("identity", json!("user@acme.test"), 60367),
        ("identity", json!(long), 60367),
        ("identity", json!(["user-0001"]), 60367),
        ("config", json!("platform"), 60370),
        ("config", json!([{}]), 60370),
        ("config", json!({"user_verification": []}), 60370),
        ("config.authenticator_attachment", json!("both"), 60370),
        ("config.discoverable_credentials", json!(true), 60370),
        ("config.user_verification", json!("any"), 60370),
        ("config.relying_party", json!("acme.test"), 60371),
        ("config.relying_party", json!(["acme.test"]), 60371),
        ("config.relying_party.name", json!(5), 60371),
        ("config.relying_party.origins", json!({}), 60371),
        ("config.relying_party.origins", json!([1]), 60371),
        (
            "config.relying_party.origins",
            json!(["https://acme.test/login"]),
            60371,
        ),
        ("config.relying_party.id", json!(5), 60372),
        ("config.relying_party.id", json!(""), 60372),
        ("config.relying_party.id", json!("https://acme.test"), 60372),
        ("config.relying_party.id", json!("127.0.0.1"), 60372),
    ] {
        let mut body = good.clone();
        testkit::json::set(&mut body, path, value.clone());
        let reply = account
            .post(&format!("{service}/Passkeys/Factors"), &body)
            .await;
        assert_eq!(reply.json["code"], code, "{path} {value}: {}", reply.json);
        reply.refused(400, code);
    }
    let entities = account
        .get(&format!("{service}/Entities"))
        .await
        .expect(200);
    assert_eq!(entities["entities"], json!([]));
}

#[tokio::test]
async fn exclude_credentials_lists_the_passkeys_that_the_entity_has() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let mut authenticator = Authenticator::default();
    account
        .register(&service, "user-0001", &mut authenticator)
        .await;
    let factor = without_random(account.start(&service, "user-0001").await, &authenticator);
    assert_eq!(
        factor["options"]["publicKey"]["excludeCredentials"],
        json!([{"type": "public-key", "id": "[credential id]", "transports": ["internal", "hybrid"]}])
    );
}

#[tokio::test]
async fn an_entity_with_as_many_passkeys_as_allowed_gets_60315() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    account
        .change(&service, |rp| rp.policy.max_credentials_per_user = 1)
        .await;
    let waiting = account.start(&service, "user-0001").await;
    account
        .register(&service, "user-0001", &mut Authenticator::default())
        .await;
    let body = json!({"friendly_name": "Phone", "identity": "user-0001"});
    account
        .post(&format!("{service}/Passkeys/Factors"), &body)
        .await
        .refused(400, 60315);
    // One that was started before is judged at its end.
    let credential = crate::support::create(
        &mut Authenticator::default(),
        &waiting,
        &testkit::Lies::default(),
    );
    account
        .verify(&service, &credential)
        .await
        .refused(400, 60315);
}
