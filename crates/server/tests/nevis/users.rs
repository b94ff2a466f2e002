//! `/api/v1/users` and `/api/v1/aadb2c/users`.

use serde_json::{Value, json};
use testkit::Authenticator;

use crate::support::{Service, is_timestamp, is_uuid, members};

#[tokio::test]
async fn a_user_is_found_by_id_and_by_username_and_an_unknown_one_is_404() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    let enrolled = service.enroll("ada").await;
    let new = service.user("ada").await;
    assert_eq!(
        members(&new),
        [
            "authenticators",
            "createdAt",
            "status",
            "updatedAt",
            "userId",
            "username"
        ]
    );
    assert_eq!(new["status"], "new");
    assert_eq!(new["authenticators"], json!([]));
    service.attest(&mut authenticator, &enrolled).await.token();
    let by_name = service.user("ada").await;
    let id = enrolled["userId"].as_str().unwrap();
    let by_id = service
        .back_end()
        .get(&format!("/api/v1/users/{id}"))
        .await
        .expect(200);
    assert_eq!(by_id, by_name);
    assert_eq!(by_id["status"], "active");
    assert_eq!(by_id["userId"], enrolled["userId"]);
    let shown = &by_id["authenticators"][0];
    assert_eq!(
        members(shown),
        [
            "authenticatorId",
            "authenticatorType",
            "enrolledAt",
            "fido2",
            "name",
            "state",
            "updatedAt"
        ]
    );
    assert!(is_uuid(&shown["authenticatorId"]));
    assert_eq!(shown["authenticatorType"], "fido2");
    assert_eq!(shown["state"], "active");
    assert!(is_timestamp(&shown["enrolledAt"]) && is_timestamp(&shown["updatedAt"]));
    let fido2 = &shown["fido2"];
    assert_eq!(
        fido2["credentialId"],
        testkit::base64url(authenticator.credentials()[0].id())
    );
    assert_eq!(fido2["aaguid"], "70617373-6b65-7964-2d74-6573746b6974");
    assert_eq!(fido2["backupEligible"], true);
    assert_eq!(fido2["backupState"], true);
    assert_eq!(fido2["transports"], json!(["internal", "hybrid"]));

    service
        .back_end()
        .get(&format!("/api/v1/users/{}", id.to_uppercase()))
        .await
        .expect(200);
    for path in [
        "/api/v1/users?username=bob",
        "/api/v1/users?username=ADA",
        "/api/v1/users/6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11",
        "/api/v1/users/ada",
        "/api/v1/users/%00",
    ] {
        let refused = service.back_end().get(path).await.refused(404);
        assert_eq!(refused["error"], "Not Found", "{path}");
    }
    for path in [
        "/api/v1/users",
        "/api/v1/users?username=",
        "/api/v1/users?name=ada",
    ] {
        service.back_end().get(path).await.refused(422);
    }
    service
        .back_end()
        .get("/api/v1/users?username=%ff")
        .await
        .refused(400);
}

#[tokio::test]
async fn a_deleted_user_is_gone_with_all_credentials_and_the_second_time_404() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    let enrolled = service.register("ada", &mut authenticator).await;
    let user = service.user("ada").await;
    let (named, unnamed) = (
        service.approve(Some("ada")).await,
        service.approve(None).await,
    );
    let pending = service.enroll("ada").await;
    let path = format!("/api/v1/users/{}", enrolled["userId"].as_str().unwrap());
    let reply = service.back_end().delete(&path).await;
    assert_eq!((reply.status, reply.text()), (204, ""));
    service.back_end().delete(&path).await.refused(404);
    service.back_end().get(&path).await.refused(404);
    service
        .back_end()
        .get("/api/v1/users?username=ada")
        .await
        .refused(404);
    let id = user["authenticators"][0]["authenticatorId"]
        .as_str()
        .unwrap();
    service
        .back_end()
        .delete(&format!("/api/v1/authenticators/{id}"))
        .await
        .refused(404);
    // What was begun before ends nowhere.
    for approval in [&named, &unnamed] {
        service.assert(&mut authenticator, approval).await.failed();
    }
    service
        .attest(&mut Authenticator::default(), &pending)
        .await
        .failed();
    // The name is free, and the id is not handed out again.
    let again = service.enroll("ada").await;
    assert_ne!(again["userId"], enrolled["userId"]);
    assert_eq!(again["status"], "new");
}

#[tokio::test]
async fn the_b2c_lookup_answers_for_everybody_with_a_status() {
    let service = Service::new().await;
    let lookup = async |id: &str| {
        let path = format!("/api/v1/aadb2c/users?objectId={id}");
        service.back_end().get(&path).await.expect(200)
    };
    let enrolled = service.enroll("ada").await;
    let expected = |status: &str| json!({"status": status, "userId": enrolled["userId"]});
    assert_eq!(lookup("ada").await, expected("new"));
    service
        .attest(&mut Authenticator::default(), &enrolled)
        .await
        .token();
    assert_eq!(lookup("ada").await, expected("active"));
    assert_eq!(
        lookup(enrolled["userId"].as_str().unwrap()).await,
        expected("active")
    );
    for unknown in ["bob", "6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11"] {
        assert_eq!(lookup(unknown).await, json!({"status": "unknown"}));
    }
    service
        .back_end()
        .get("/api/v1/aadb2c/users")
        .await
        .refused(422);
}

#[tokio::test]
async fn codes_by_sms_and_recovery_codes_are_not_enabled() {
    let service = Service::new().await;
    let user = service.enroll("ada").await["userId"]
        .as_str()
        .unwrap()
        .to_owned();
    let body: Value = json!({"code": "123456", "statusToken": "x", "channel": "sms"});
    let path = format!("/api/v1/users/{user}/verification");
    service.back_end().post(&path, &body).await.refused(422);
    let unknown = "/api/v1/users/6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11/verification";
    service.back_end().post(unknown, &body).await.refused(404);
}
