//! `POST /api/v1/users/enroll`.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

use crate::common::START;
use crate::support::{Service, attestation, claims, is_timestamp, is_uuid, members};

const ENROLL: &str = "/api/v1/users/enroll";

fn options(enrolled: &Value) -> &Value {
    &enrolled["enrollment"]["credentialCreationOptions"]
}

#[tokio::test]
async fn a_new_user_is_enrolled_with_all_members_and_is_new() {
    let service = Service::new().await;
    let reply = service
        .back_end()
        .post(
            ENROLL,
            &json!({"username": "cust-20417", "displayName": "Ada K.", "channel": "fido2"}),
        )
        .await;
    let enrolled = reply.expect(201);
    assert_eq!(
        members(&enrolled),
        [
            "authenticators",
            "createdAt",
            "enrollment",
            "status",
            "updatedAt",
            "userId",
            "username"
        ]
    );
    assert!(is_uuid(&enrolled["userId"]), "{enrolled}");
    assert_eq!(enrolled["username"], "cust-20417");
    assert_eq!(enrolled["status"], "new");
    assert_eq!(enrolled["authenticators"], json!([]));
    assert_eq!(enrolled["createdAt"], "2026-01-02T03:04:05Z");
    assert!(is_timestamp(&enrolled["updatedAt"]));
    let enrollment = &enrolled["enrollment"];
    assert_eq!(
        members(enrollment),
        ["credentialCreationOptions", "statusToken", "transactionId"]
    );
    assert!(is_uuid(&enrollment["transactionId"]));
    let options = options(&enrolled);
    assert_eq!(options["rp"], json!({"id": "acme.test", "name": "Acme"}));
    let hex = enrolled["userId"].as_str().unwrap().replace('-', "");
    let handle = URL_SAFE_NO_PAD.encode(format!("YE{hex}"));
    assert_eq!(
        options["user"],
        json!({"id": handle, "name": "cust-20417", "displayName": "Ada K."})
    );
    let challenge = URL_SAFE_NO_PAD
        .decode(options["challenge"].as_str().unwrap())
        .unwrap();
    assert!((16..=64).contains(&challenge.len()));
    let algorithms: Vec<i64> = options["pubKeyCredParams"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| {
            assert_eq!(p["type"], "public-key");
            p["alg"].as_i64().unwrap()
        })
        .collect();
    for algorithm in [-8, -7, -257] {
        assert!(algorithms.contains(&algorithm), "{algorithms:?}");
    }
    assert_eq!(options["timeout"], 60_000);
    assert_eq!(
        options["authenticatorSelection"],
        json!({"residentKey": "preferred", "requireResidentKey": false, "userVerification": "preferred"})
    );
    assert_eq!(options["attestation"], "none");
    assert_eq!(options["excludeCredentials"], json!([]));
    assert_eq!(options["extensions"], json!({"credProps": true}));
}

#[tokio::test]
async fn an_existing_user_is_enrolled_again_and_existing_credentials_are_excluded() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    let first = service.register("ada", &mut authenticator).await;
    let again = service.enroll("ada").await;
    assert_eq!(again["userId"], first["userId"]);
    assert_eq!(again["status"], "active");
    let id = testkit::base64url(authenticator.credentials()[0].id());
    let excluded = &options(&again)["excludeCredentials"];
    assert_eq!(
        excluded,
        &json!([{"type": "public-key", "id": id, "transports": ["internal", "hybrid"]}])
    );
    let user = service.user("ada").await;
    assert_eq!(
        again["authenticators"],
        json!([user["authenticators"][0]["authenticatorId"]])
    );
}

#[tokio::test]
async fn a_username_that_is_missing_too_long_or_of_other_characters_is_422() {
    let service = Service::new().await;
    let enroll = async |username: Value| {
        service
            .back_end()
            .post(ENROLL, &json!({"username": username, "channel": "fido2"}))
            .await
    };
    let missing = service
        .back_end()
        .post(ENROLL, &json!({"channel": "fido2"}))
        .await;
    assert_eq!(missing.refused(422)["error"], "Unprocessable Entity");
    for bad in [
        Value::Null,
        json!(""),
        json!("a".repeat(301)),
        json!("ada k"),
        json!("ada+k"),
        json!("ädä"),
        json!("ada\n"),
        json!("ada\u{0}"),
        json!(" ada"),
        json!(5),
        json!(["ada"]),
    ] {
        enroll(bad).await.refused(422);
    }
    enroll(json!("a".repeat(300))).await.expect(201);
    enroll(json!("Ada.K_2-x@example.test")).await.expect(201);
}

#[tokio::test]
async fn a_display_name_of_65_bytes_is_422_and_an_absent_one_is_the_username() {
    let service = Service::new().await;
    let enroll = async |name: Value| {
        let body = json!({"username": "ada", "displayName": name, "channel": "fido2"});
        service.back_end().post(ENROLL, &body).await
    };
    // 32 characters of two bytes, then one more byte.
    let longest = "ä".repeat(32);
    let enrolled = enroll(json!(longest)).await.expect(201);
    assert_eq!(options(&enrolled)["user"]["displayName"], longest);
    enroll(json!(format!("{longest}a"))).await.refused(422);
    enroll(json!("a\u{1b}[31m")).await.refused(422);
    enroll(json!(7)).await.refused(422);
    for absent in [Value::Null, json!("")] {
        let enrolled = enroll(absent).await.expect(201);
        assert_eq!(options(&enrolled)["user"]["displayName"], "ada");
    }
    let body = json!({"username": "ada", "channel": "fido2"});
    let enrolled = service.back_end().post(ENROLL, &body).await.expect(201);
    assert_eq!(options(&enrolled)["user"]["displayName"], "ada");
}

#[tokio::test]
async fn each_value_of_each_option_is_echoed_and_an_unknown_one_is_422() {
    let service = Service::new().await;
    let enroll = async |wishes: Value| {
        let body = json!({"username": "ada", "channel": "fido2", "fido2Options": wishes});
        service.back_end().post(ENROLL, &body).await
    };
    let selection = |name: &str, value: &str| json!({"authenticatorSelection": {name: value}});
    for (name, values) in [
        ("userVerification", ["preferred", "required", "discouraged"]),
        ("residentKey", ["preferred", "required", "discouraged"]),
        (
            "authenticatorAttachment",
            ["platform", "cross-platform", "platform"],
        ),
    ] {
        for value in values {
            let enrolled = enroll(selection(name, value)).await.expect(201);
            let chosen = &options(&enrolled)["authenticatorSelection"];
            assert_eq!(chosen[name], value);
            assert_eq!(
                chosen["requireResidentKey"],
                name == "residentKey" && value == "required"
            );
        }
        for unknown in ["", "always", "Required", "any"] {
            enroll(selection(name, unknown)).await.refused(422);
        }
    }
    for value in ["none", "indirect", "direct"] {
        let enrolled = enroll(json!({"attestation": value})).await.expect(201);
        assert_eq!(options(&enrolled)["attestation"], value);
    }
    for unknown in ["enterprise", "", "basic"] {
        enroll(json!({"attestation": unknown})).await.refused(422);
    }
    for (legacy, chosen) in [(true, "required"), (false, "discouraged")] {
        let wish = json!({"authenticatorSelection": {"requireResidentKey": legacy}});
        let enrolled = enroll(wish).await.expect(201);
        assert_eq!(
            options(&enrolled)["authenticatorSelection"]["residentKey"],
            chosen
        );
    }
    enroll(json!([])).await.refused(422);
    enroll(json!({"authenticatorSelection": "x"}))
        .await
        .refused(422);
}

#[tokio::test]
async fn an_option_that_cannot_be_read_is_named_with_what_it_may_be() {
    let service = Service::new().await;
    for (wishes, message) in [
        (json!("x"), "fido2Options is a string, not an object"),
        (
            json!({"attestation": 1}),
            "attestation must be one of: none, indirect, direct",
        ),
        (
            json!({"authenticatorSelection": []}),
            "authenticatorSelection is an array, not an object",
        ),
        (
            json!({"authenticatorSelection": {"residentKey": true}}),
            "residentKey must be one of: preferred, required, discouraged",
        ),
        (
            json!({"authenticatorSelection": {"requireResidentKey": "true"}}),
            "requireResidentKey is a string, not true or false",
        ),
        (
            json!({"authenticatorSelection": {"authenticatorAttachment": "any"}}),
            "authenticatorAttachment must be one of: platform, cross-platform",
        ),
        (
            json!({"authenticatorSelection": {"userVerification": "always"}}),
            "userVerification must be one of: preferred, required, discouraged",
        ),
    ] {
        let body = json!({"username": "ada", "channel": "fido2", "fido2Options": wishes});
        let refused = service.back_end().post(ENROLL, &body).await.expect(422);
        assert_eq!(refused["message"], message);
    }
    for (body, message) in [
        (
            json!({"channel": "fido2", "username": 7}),
            "username is a number, not a string",
        ),
        (
            json!({"channel": 7, "username": "ada"}),
            "channel is a number, not a string",
        ),
    ] {
        let refused = service.back_end().post(ENROLL, &body).await.expect(422);
        assert_eq!(refused["message"], message);
    }
    let refused = service
        .back_end()
        .post(ENROLL, &json!([]))
        .await
        .expect(400);
    assert_eq!(
        refused["message"],
        "The body is an array, not a JSON object."
    );
}

#[tokio::test]
async fn an_intent_token_enrols_its_user_once_within_ten_minutes() {
    let service = Service::new().await;
    let with = async |token: &str, body: Value| {
        service
            .stranger()
            .request(Method::POST, ENROLL)
            .bearer(token)
            .json(&body)
            .await
    };
    let ada = || json!({"username": "ada", "channel": "fido2"});
    let intent = async |operation: &str| {
        service
            .intent(&json!({"username": "ada", "operation": operation}))
            .await
    };
    // The right purpose and user; then replayed.
    let token = intent("enroll").await;
    let enrolled = with(&token, ada()).await.expect(201);
    assert_eq!(enrolled["username"], "ada");
    with(&token, ada()).await.refused(403);
    // The user may be left to the token.
    let token = intent("enroll").await;
    let enrolled = with(&token, json!({"channel": "fido2"})).await.expect(201);
    assert_eq!(enrolled["username"], "ada");
    // Another user, then the right one: a request that was refused for itself does not spend the token.
    let token = intent("enroll").await;
    with(&token, json!({"username": "bob", "channel": "fido2"}))
        .await
        .refused(403);
    let other = json!({"userId": "6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11", "channel": "fido2"});
    with(&token, other).await.refused(403);
    with(
        &token,
        json!({"username": "ada", "channel": "fido2", "displayName": 1}),
    )
    .await
    .refused(422);
    with(&token, ada()).await.expect(201);
    // Another purpose; an intent token for approvals exists only once the user does.
    let token = intent("approve").await;
    with(&token, ada()).await.refused(403);
    // Other channels.
    let token = service
        .intent(&json!({"username": "ada", "operation": "enroll", "channels": ["app", "sms"]}))
        .await;
    with(&token, ada()).await.refused(403);
    let token = service
        .intent(&json!({"username": "ada", "operation": "enroll", "channels": ["app", "fido2"]}))
        .await;
    with(&token, ada()).await.expect(201);
    // One second before the end, and at the end.
    let (early, late) = (intent("enroll").await, intent("enroll").await);
    service.app.clock.advance_millis(599_000);
    with(&early, ada()).await.expect(201);
    service.app.clock.advance_millis(1000);
    with(&late, ada()).await.refused(403);
}

#[tokio::test]
async fn an_intent_token_opens_nothing_but_enrolment_and_approval() {
    let service = Service::new().await;
    let user = service.enroll("ada").await["userId"]
        .as_str()
        .unwrap()
        .to_owned();
    let token = service
        .intent(&json!({"username": "ada", "operation": "enroll"}))
        .await;
    for (method, path, content_type, body) in crate::back_end::calls(&user) {
        if path == ENROLL {
            continue;
        }
        let call = service.stranger().request(method, &path).bearer(&token);
        call.body(content_type, body).await.refused(403);
    }
}

#[tokio::test]
async fn a_browser_with_an_intent_token_may_ask_for_more_than_is_configured_and_not_for_less() {
    let service = Service::new().await;
    let form = "Passkeys.UserVerification=required&Passkeys.DiscoverableCredentials=required\
                &Passkeys.AuthenticatorAttachment=platform";
    let configured = service
        .account()
        .request(Method::POST, &format!("/v2/Services/{}", service.sid))
        .body("application/x-www-form-urlencoded", form)
        .await;
    configured.expect(200);
    let wish = json!({"username": "ada", "channel": "fido2", "fido2Options": {"authenticatorSelection": {
        "userVerification": "discouraged", "residentKey": "discouraged", "authenticatorAttachment": "cross-platform"}}});
    let token = service
        .intent(&json!({"username": "ada", "operation": "enroll"}))
        .await;
    let enrolled = service
        .stranger()
        .request(Method::POST, ENROLL)
        .bearer(&token)
        .json(&wish)
        .await
        .expect(201);
    assert_eq!(
        options(&enrolled)["authenticatorSelection"],
        json!({"authenticatorAttachment": "platform", "residentKey": "required",
               "requireResidentKey": true, "userVerification": "required"})
    );
    // A back end decides for itself.
    let enrolled = service.back_end().post(ENROLL, &wish).await.expect(201);
    assert_eq!(
        options(&enrolled)["authenticatorSelection"],
        json!({"authenticatorAttachment": "cross-platform", "residentKey": "discouraged",
               "requireResidentKey": false, "userVerification": "discouraged"})
    );
}

#[tokio::test]
async fn the_11th_authenticator_is_409() {
    let service = Service::new().await;
    for _ in 0..10 {
        service.register("ada", &mut Authenticator::default()).await;
    }
    let body = json!({"username": "ada", "channel": "fido2"});
    let refused = service.back_end().post(ENROLL, &body).await.refused(409);
    assert_eq!(refused["error"], "Conflict");
    assert_eq!(refused["reason"], "too_many_credentials");
    // The number is the Service's to choose.
    service.choose(json!({"max_authenticators": 11})).await;
    service.register("ada", &mut Authenticator::default()).await;
    service.back_end().post(ENROLL, &body).await.refused(409);
    service
        .back_end()
        .post(ENROLL, &json!({"username": "bob", "channel": "fido2"}))
        .await
        .expect(201);
}

#[tokio::test]
async fn a_known_user_may_be_named_by_id() {
    let service = Service::new().await;
    let ada = service.enroll("ada").await;
    let by_id = service
        .back_end()
        .post(
            ENROLL,
            &json!({"userId": ada["userId"], "channel": "fido2"}),
        )
        .await
        .expect(201);
    assert_eq!(by_id["username"], "ada");
    let both = json!({"userId": ada["userId"], "username": "ada", "channel": "fido2"});
    service.back_end().post(ENROLL, &both).await.expect(201);
    let other = json!({"userId": ada["userId"], "username": "bob", "channel": "fido2"});
    service.back_end().post(ENROLL, &other).await.refused(422);
    let unknown = json!({"userId": "6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11", "channel": "fido2"});
    service.back_end().post(ENROLL, &unknown).await.refused(404);
    for bad in [
        json!("ada"),
        json!(""),
        json!(1),
        json!(ada["userId"].as_str().unwrap().replace('-', "")),
    ] {
        service
            .back_end()
            .post(ENROLL, &json!({"userId": bad, "channel": "fido2"}))
            .await
            .refused(422);
    }
}

#[tokio::test]
async fn another_channel_than_fido2_is_422() {
    let service = Service::new().await;
    for channel in [
        json!("app"),
        json!("push"),
        json!("sms"),
        json!("recovery"),
        json!("email"),
        json!("FIDO2"),
        json!(2),
    ] {
        let body = json!({"username": "ada", "displayName": "Ada", "channel": channel});
        service.back_end().post(ENROLL, &body).await.refused(422);
    }
}

#[tokio::test]
async fn a_missing_channel_is_told_as_missing() {
    let service = Service::new().await;
    for body in [
        json!({}),
        json!({"username": "ada"}),
        json!({"username": "ada", "channel": null}),
    ] {
        let error = service.back_end().post(ENROLL, &body).await.refused(422);
        assert_eq!(
            error["message"],
            r#"`channel` is missing: send "channel":"fido2""#
        );
    }
}

#[tokio::test]
async fn a_second_start_does_not_cancel_the_first() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    let first = service.enroll("ada").await;
    let second = service.enroll("ada").await;
    service.attest(&mut authenticator, &first).await.token();
    service
        .attest(&mut Authenticator::default(), &second)
        .await
        .token();
}

#[tokio::test]
async fn the_status_token_names_the_transaction_and_lives_as_long_as_the_service_chose() {
    let service = Service::new().await;
    let enrolled = service.enroll("ada").await;
    let token = claims(enrolled["enrollment"]["statusToken"].as_str().unwrap());
    assert_eq!(token["txn"], enrolled["enrollment"]["transactionId"]);
    assert_eq!(token["sub"], enrolled["userId"]);
    assert_eq!(token["scope"], "status");
    assert_eq!(token["iat"], START / 1000);
    assert_eq!(token["exp"], START / 1000 + 600);
}

#[tokio::test]
async fn a_service_may_take_names_of_any_characters() {
    let service = Service::new().await;
    let body = json!({"username": "ädä+k <x>", "channel": "fido2"});
    service.back_end().post(ENROLL, &body).await.refused(422);
    service.choose(json!({"username_rule": "relaxed"})).await;
    let enrolled = service.back_end().post(ENROLL, &body).await.expect(201);
    assert_eq!(enrolled["username"], "ädä+k <x>");
    // Who is there may be enrolled again, whatever the rule is now.
    service.choose(json!({"username_rule": "strict"})).await;
    let again = service.back_end().post(ENROLL, &body).await.expect(201);
    assert_eq!(again["userId"], enrolled["userId"]);
    let mut names = json!({"channel": "fido2"});
    for bad in ["a".repeat(301), "a\u{7}".to_owned()] {
        names["username"] = bad.into();
        service.choose(json!({"username_rule": "relaxed"})).await;
        service.back_end().post(ENROLL, &names).await.refused(422);
    }
}

#[tokio::test]
async fn a_service_without_an_rp_id_says_what_is_missing() {
    let service = Service::new().await;
    let bare = service
        .account()
        .request(Method::POST, "/v2/Services")
        .body("application/x-www-form-urlencoded", "FriendlyName=Bare")
        .await
        .expect(201);
    let mut other = service.clone();
    other.sid = bare["sid"].as_str().unwrap().to_owned();
    other.key = other.another_key("x").await["key"]
        .as_str()
        .unwrap()
        .to_owned();
    let refused = other
        .back_end()
        .post(ENROLL, &json!({"username": "ada", "channel": "fido2"}))
        .await
        .refused(422);
    assert_eq!(refused["reason"], "relying_party_incomplete");
}

#[tokio::test]
async fn only_a_back_end_may_ask_for_a_credential_without_a_dialog() {
    let service = Service::new().await;
    let silent = Lies {
        user_present: Some(false),
        user_verified: Some(false),
        ..Lies::default()
    };
    let body = json!({
        "username": "ada", "channel": "fido2", "fido2Options": {"mediation": "conditional"},
    });
    let enrolled = service
        .back_end()
        .post("/api/v1/users/enroll", &body)
        .await
        .expect(201);
    let result = attestation(&mut Authenticator::default(), &enrolled, &silent);
    let page = service.page();
    page.post("/_app/attestation/result", &result).await.token();

    let intent = service
        .intent(&json!({"username": "ada", "operation": "enroll"}))
        .await;
    let from_page = page
        .request(Method::POST, "/api/v1/users/enroll")
        .header("authorization", &format!("Bearer {intent}"));
    let enrolled = from_page.json(&body).await.expect(201);
    let result = attestation(&mut Authenticator::default(), &enrolled, &silent);
    page.post("/_app/attestation/result", &result)
        .await
        .failed();
}
