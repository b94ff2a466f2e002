//! `/api/v1/authenticators/{authenticatorId}`.

use axum::http::Method;
use serde_json::{Value, json};
use testkit::Authenticator;

use crate::support::Service;

#[tokio::test]
async fn an_authenticator_is_renamed_and_deleted_and_an_unknown_one_is_404() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    service.register("ada", &mut authenticator).await;
    let before = service.user("ada").await["authenticators"][0].clone();
    let path = format!(
        "/api/v1/authenticators/{}",
        before["authenticatorId"].as_str().unwrap()
    );
    let rename = async |path: &str, body: Value| {
        service
            .back_end()
            .request(Method::PATCH, path)
            .json(&body)
            .await
    };
    service.app.clock.advance_millis(2000);
    for name in ["Phone \u{1f4f1}", &"ä".repeat(255)] {
        let renamed = rename(&path, json!({"name": name})).await.expect(200);
        let mut expected = before.clone();
        expected["name"] = name.into();
        expected["updatedAt"] = "2026-01-02T03:04:07Z".into();
        assert_eq!(renamed, expected);
        assert_eq!(service.user("ada").await["authenticators"][0], expected);
    }
    for bad in [
        json!({}),
        json!({"name": null}),
        json!({"name": ""}),
        json!({"name": "a".repeat(256)}),
        json!({"name": "a\u{0}"}),
        json!({"name": 1}),
    ] {
        rename(&path, bad).await.refused(422);
    }
    for unknown in [
        "/api/v1/authenticators/6f0e7c52-5a0b-4f0e-9f43-0a7f7b1c2d11",
        "/api/v1/authenticators/x",
    ] {
        rename(unknown, json!({"name": "x"})).await.refused(404);
        service.back_end().delete(unknown).await.refused(404);
    }
    let reply = service.back_end().delete(&path).await;
    assert_eq!((reply.status, reply.text()), (204, ""));
    service.back_end().delete(&path).await.refused(404);
    rename(&path, json!({"name": "x"})).await.refused(404);
    // When the last one goes, the user is new again, and cannot sign in.
    let user = service.user("ada").await;
    assert_eq!(user["status"], "new");
    assert_eq!(user["authenticators"], json!([]));
    let approval = service.approve(None).await;
    service.assert(&mut authenticator, &approval).await.failed();
}

#[tokio::test]
async fn the_id_of_a_pending_enrolment_is_no_authenticator() {
    let service = Service::new().await;
    let enrolled = service.enroll("ada").await;
    let id = enrolled["enrollment"]["transactionId"].as_str().unwrap();
    let path = format!("/api/v1/authenticators/{id}");
    service.back_end().delete(&path).await.refused(404);
    let renamed = service.back_end().request(Method::PATCH, &path);
    renamed.json(&json!({"name": "x"})).await.refused(404);
    service
        .attest(&mut Authenticator::default(), &enrolled)
        .await
        .token();
}
