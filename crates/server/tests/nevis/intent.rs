//! `POST /api/v1/intent`.

use serde_json::{Value, json};
use testkit::Authenticator;

use crate::common::START;
use crate::support::{Service, claims, members};

const INTENT: &str = "/api/v1/intent";

#[tokio::test]
async fn an_intent_token_is_made_for_either_operation_and_channels_and_a_bad_operation_is_422() {
    let service = Service::new().await;
    let enrolled = service.register("ada", &mut Authenticator::default()).await;
    for operation in ["enroll", "approve"] {
        for who in [
            json!({"username": "ada"}),
            json!({"userId": enrolled["userId"]}),
        ] {
            let mut body = who;
            body["operation"] = operation.into();
            let reply = service.back_end().post(INTENT, &body).await.expect(200);
            assert_eq!(members(&reply), ["token"]);
            let said = claims(reply["token"].as_str().unwrap());
            assert_eq!(said["scope"], operation);
            assert_eq!(said["sub"], enrolled["userId"]);
            assert_eq!(said["username"], "ada");
            assert_eq!(said["exp"], START / 1000 + 600);
            assert!(said.get("channels").is_none());
        }
    }
    let body =
        json!({"username": "ada", "operation": "approve", "channels": ["fido2", "app", "fido2"]});
    let token = service.intent(&body).await;
    assert_eq!(claims(&token)["channels"], json!(["app", "fido2"]));
    // Somebody who is to be created by the enrolment.
    let token = service
        .intent(&json!({"username": "bob", "operation": "enroll"}))
        .await;
    assert!(claims(&token).get("sub").is_none());
    service
        .back_end()
        .get("/api/v1/users?username=bob")
        .await
        .refused(404);

    let with = async |change: Value| {
        let mut body = json!({"username": "ada", "operation": "approve"});
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        service.back_end().post(INTENT, &body).await
    };
    for bad in [
        json!({"operation": "login"}),
        json!({"operation": ""}),
        json!({"operation": null}),
        json!({"operation": 1}),
        json!({"channels": []}),
        json!({"channels": ["email"]}),
        json!({"channels": [1]}),
        json!({"channels": "fido2"}),
        json!({"username": null}),
        json!({"username": ""}),
        json!({"userId": "x"}),
        json!({"username": "a b", "operation": "enroll"}),
    ] {
        with(bad).await.refused(422);
    }
    with(json!({"username": "bob"})).await.refused(404);
    let unknown = json!({"username": null, "userId": "6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11"});
    with(unknown.clone()).await.refused(404);
    let mut enroll = unknown;
    enroll["operation"] = "enroll".into();
    with(enroll).await.refused(404);
}

#[tokio::test]
async fn of_many_uses_of_one_intent_token_at_once_one_is_good() {
    let service = Service::new().await;
    let token = service
        .intent(&json!({"username": "ada", "operation": "enroll"}))
        .await;
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (service, token) = (service.clone(), token.clone());
            tokio::spawn(async move {
                let call = service
                    .stranger()
                    .request(axum::http::Method::POST, "/api/v1/users/enroll");
                call.bearer(&token)
                    .json(&json!({"channel": "fido2"}))
                    .await
                    .status
            })
        })
        .collect();
    let mut good = 0;
    for task in tasks {
        match task.await.unwrap() {
            201 => good += 1,
            status => assert_eq!(status, 403),
        }
    }
    assert_eq!(good, 1);
}
