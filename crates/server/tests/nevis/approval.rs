//! `POST /api/v1/approval`.

use axum::http::Method;
use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

use crate::support::{Service, assertion, is_uuid, members};

const APPROVAL: &str = "/api/v1/approval";

#[tokio::test]
async fn an_approval_by_username_or_by_user_id_has_all_members() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    let enrolled = service.register("ada", &mut authenticator).await;
    let id = testkit::base64url(authenticator.credentials()[0].id());
    for who in [
        json!({"username": "ada"}),
        json!({"userId": enrolled["userId"]}),
        json!({"username": "ada", "userId": enrolled["userId"]}),
    ] {
        let mut body = who;
        body["channel"] = "fido2".into();
        // What other channels take is ignored.
        body["message"] = "Pay 5 EUR?".into();
        let approval = service.back_end().post(APPROVAL, &body).await.expect(201);
        assert_eq!(
            members(&approval),
            [
                "credentialRequestOptions",
                "statusToken",
                "transactionId",
                "userId"
            ]
        );
        assert!(is_uuid(&approval["transactionId"]));
        assert_eq!(approval["userId"], enrolled["userId"]);
        let options = &approval["credentialRequestOptions"];
        assert_eq!(
            members(options),
            [
                "allowCredentials",
                "challenge",
                "rpId",
                "timeout",
                "userVerification"
            ]
        );
        assert_eq!(options["rpId"], "acme.test");
        assert_eq!(options["timeout"], 60_000);
        assert_eq!(
            options["allowCredentials"],
            json!([{"type": "public-key", "id": id, "transports": ["internal", "hybrid"]}])
        );
        service.assert(&mut authenticator, &approval).await.token();
    }
}

#[tokio::test]
async fn a_misspelt_user_is_refused_and_begins_nothing_for_anybody() {
    let service = Service::new().await;
    for name in ["userName", "Username", "userid"] {
        let body = json!({"channel": "fido2", name: "ada"});
        let error = service.back_end().post(APPROVAL, &body).await.expect(422);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("misspelt: write user"), "{message}");
    }
}

#[tokio::test]
async fn an_approval_without_a_user_has_no_user_id_and_an_empty_allow_list() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    service.register("ada", &mut authenticator).await;
    let approval = service.approve(None).await;
    assert_eq!(
        members(&approval),
        ["credentialRequestOptions", "statusToken", "transactionId"]
    );
    assert_eq!(
        approval["credentialRequestOptions"]["allowCredentials"],
        json!([])
    );
    service.assert(&mut authenticator, &approval).await.token();
}

#[tokio::test]
async fn an_unknown_user_is_404_and_one_without_authenticators_422() {
    let service = Service::new().await;
    let enrolled = service.enroll("ada").await;
    let approve = async |mut body: Value| {
        body["channel"] = "fido2".into();
        service.back_end().post(APPROVAL, &body).await
    };
    for unknown in [
        json!({"username": "bob"}),
        json!({"username": "Ada"}),
        json!({"username": "a".repeat(5000)}),
        json!({"userId": "6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11"}),
    ] {
        assert_eq!(
            approve(unknown).await.refused(404)["reason"],
            "user_unknown"
        );
    }
    for known in [
        json!({"username": "ada"}),
        json!({"userId": enrolled["userId"]}),
    ] {
        let refused = approve(known).await.refused(422);
        assert_eq!(refused["reason"], "credential_unknown");
    }
    // An empty or malformed name is no missing name: it must not open an approval for anybody.
    for bad in [
        json!({"username": ""}),
        json!({"username": 1}),
        json!({"userId": ""}),
        json!({"userId": "ada"}),
    ] {
        approve(bad).await.refused(422);
    }
}

#[tokio::test]
async fn each_value_of_user_verification_is_echoed_and_preferred_is_the_default() {
    let service = Service::new().await;
    let approve = async |options: Value| {
        let body = json!({"channel": "fido2", "fido2Options": options});
        service.back_end().post(APPROVAL, &body).await
    };
    for value in ["preferred", "required", "discouraged"] {
        let approval = approve(json!({"userVerification": value}))
            .await
            .expect(201);
        assert_eq!(
            approval["credentialRequestOptions"]["userVerification"],
            value
        );
    }
    for absent in [json!({}), Value::Null, json!({"userVerification": null})] {
        let approval = approve(absent).await.expect(201);
        assert_eq!(
            approval["credentialRequestOptions"]["userVerification"],
            "preferred"
        );
    }
    for bad in [
        json!({"userVerification": "always"}),
        json!({"userVerification": true}),
        json!("x"),
    ] {
        approve(bad).await.refused(422);
    }
}

#[tokio::test]
async fn an_authenticator_id_allows_only_that_credential() {
    let service = Service::new().await;
    let (mut phone, mut key) = (Authenticator::default(), Authenticator::default());
    service.register("ada", &mut phone).await;
    service.register("ada", &mut key).await;
    let user = service.user("ada").await;
    let all = service.approve(Some("ada")).await;
    let listed = &all["credentialRequestOptions"]["allowCredentials"];
    assert_eq!(listed.as_array().unwrap().len(), 2);
    // The id under which this wire knows the credential of an authenticator.
    let id_of = |authenticator: &Authenticator| {
        let credential = testkit::base64url(authenticator.credentials()[0].id());
        let all = user["authenticators"].as_array().unwrap();
        let mut its = all
            .iter()
            .filter(|a| a["fido2"]["credentialId"] == credential);
        its.next().unwrap()["authenticatorId"].clone()
    };
    for authenticator in [&phone, &key] {
        let id = id_of(authenticator);
        for who in [json!({"username": "ada"}), json!({})] {
            let mut body = who;
            body["channel"] = "fido2".into();
            body["authenticatorId"] = id.clone();
            let approval = service.back_end().post(APPROVAL, &body).await.expect(201);
            assert_eq!(approval["userId"], user["userId"]);
            let listed = &approval["credentialRequestOptions"]["allowCredentials"];
            assert_eq!(
                listed,
                &json!([{"type": "public-key",
                         "id": testkit::base64url(authenticator.credentials()[0].id()),
                         "transports": ["internal", "hybrid"]}])
            );
        }
    }
    // The other credential of the same user is refused then.
    let body = json!({"username": "ada", "channel": "fido2",
                      "authenticatorId": id_of(&phone)});
    let approval = service.back_end().post(APPROVAL, &body).await.expect(201);
    let mut anything = approval.clone();
    anything["credentialRequestOptions"]["allowCredentials"] = json!([]);
    let answer = assertion(&mut key, &anything, &Lies::default());
    service
        .page()
        .post("/_app/assertion/result", &answer)
        .await
        .failed();

    service.register("bob", &mut Authenticator::default()).await;
    for (who, id, status) in [
        (
            "bob",
            user["authenticators"][0]["authenticatorId"].clone(),
            404,
        ),
        ("ada", json!("6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11"), 404),
        ("ada", json!("*"), 422),
        ("ada", json!(""), 422),
    ] {
        let body = json!({"username": who, "channel": "fido2", "authenticatorId": id});
        service
            .back_end()
            .post(APPROVAL, &body)
            .await
            .refused(status);
    }
}

#[tokio::test]
async fn an_intent_token_begins_one_approval_of_its_user() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    service.register("ada", &mut authenticator).await;
    service.register("bob", &mut Authenticator::default()).await;
    let with = async |token: &str, body: Value| {
        service
            .stranger()
            .request(Method::POST, APPROVAL)
            .bearer(token)
            .json(&body)
            .await
    };
    let token = service
        .intent(&json!({"username": "ada", "operation": "approve"}))
        .await;
    with(&token, json!({"username": "bob", "channel": "fido2"}))
        .await
        .refused(403);
    // The token names the user, so leaving the name out does not open an approval for anybody.
    let approval = with(&token, json!({"channel": "fido2"})).await.expect(201);
    service.assert(&mut authenticator, &approval).await.token();
    with(&token, json!({"channel": "fido2"})).await.refused(403);
    let token = service
        .intent(&json!({"username": "ada", "operation": "enroll"}))
        .await;
    with(&token, json!({"channel": "fido2"})).await.refused(403);
}

#[tokio::test]
async fn another_channel_than_fido2_is_422() {
    let service = Service::new().await;
    for channel in [
        json!("app"),
        json!("push"),
        json!("sms"),
        json!(""),
        json!(1),
    ] {
        service
            .back_end()
            .post(APPROVAL, &json!({"channel": channel}))
            .await
            .refused(422);
    }
}

#[tokio::test]
async fn a_missing_channel_is_told_as_missing() {
    let service = Service::new().await;
    for body in [
        json!({}),
        json!({"channel": null}),
        json!({"username": "ada"}),
    ] {
        let error = service.back_end().post(APPROVAL, &body).await.refused(422);
        assert_eq!(
            error["message"],
            r#"`channel` is missing: send "channel":"fido2""#
        );
    }
}
