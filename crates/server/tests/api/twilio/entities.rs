//! `/v2/Services/{VA}/Entities`.

use domain::model::audit::{Actor, ActorKind};
use domain::model::ids::RelyingPartyId;

use crate::common::{ACCOUNT, TestApp};

#[tokio::test]
async fn an_entity_is_created_fetched_and_deleted() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let entity = account
        .post(&format!("{service}/Entities"), "Identity=user-0001")
        .await
        .expect(201);
    insta::assert_json_snapshot!(entity);
    let url = entity["url"].clone();
    assert_eq!(account.follow(&url).await.expect(200), entity);
    let path = format!("{service}/Entities/user-0001");
    let reply = account.delete(&path).await;
    assert_eq!((reply.status, reply.bytes.len()), (204, 0));
    account.get(&path).await.refused(404, 20404);
    account.delete(&path).await.refused(404, 20404);
}

#[tokio::test]
async fn an_entity_that_exists_is_not_created_again() {
    let account = TestApp::new().await.account();
    let entities = format!("{}/Entities", account.service().await);
    account
        .post(&entities, "Identity=user-0001")
        .await
        .expect(201);
    account
        .post(&entities, "Identity=user-0001")
        .await
        .refused(409, 60301);
    // Case-sensitive and byte-exact.
    account
        .post(&entities, "Identity=USER-0001")
        .await
        .expect(201);
}

#[tokio::test]
async fn an_identity_against_the_rules_is_60306_and_a_missing_one_20001() {
    let account = TestApp::new().await.account();
    let entities = format!("{}/Entities", account.service().await);
    for bad in [
        "short",
        "user%40acme.test",
        "user+0001",
        "-user-001",
        "user--001",
        "%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4",
    ] {
        account
            .post(&entities, &format!("Identity={bad}"))
            .await
            .refused(400, 60306);
    }
    for missing in ["", "Identity=", "Other=1"] {
        let error = account.post(&entities, missing).await.refused(400, 20001);
        assert_eq!(
            error["message"],
            "Missing required parameter Identity in the post body"
        );
    }
    assert_eq!(
        account.get(&entities).await.expect(200)["entities"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}

#[tokio::test]
async fn a_user_of_another_wire_is_found_under_any_name() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let id = RelyingPartyId::from_hex(&service["/v2/Services/VA".len()..]).unwrap();
    let rp = account
        .app
        .passkeys
        .relying_party(ACCOUNT, id)
        .await
        .unwrap();
    for name in ["a+b@x.y", "ä/ö?", "x"] {
        account
            .app
            .passkeys
            .create_user(&rp, name, &Actor::new(ActorKind::Api, "test"))
            .await
            .unwrap();
    }
    // A plus is a plus in a path, and both SDKs send it as it is.
    for (segment, name) in [
        ("a+b@x.y", "a+b@x.y"),
        ("a%2Bb%40x.y", "a+b@x.y"),
        ("%C3%A4%2F%C3%B6%3F", "ä/ö?"),
        ("x", "x"),
    ] {
        let entity = account
            .get(&format!("{service}/Entities/{segment}"))
            .await
            .expect(200);
        assert_eq!(entity["identity"], name);
        assert_eq!(account.follow(&entity["url"]).await.expect(200), entity);
        account
            .follow(&entity["links"]["factors"])
            .await
            .expect(200);
    }
    account
        .get(&format!("{service}/Entities/a%20b@x.y"))
        .await
        .refused(404, 20404);
    assert_eq!(
        account
            .delete(&format!("{service}/Entities/a+b@x.y"))
            .await
            .status,
        204
    );
    assert_eq!(account.start(&service, "x").await["identity"], "x");
}

#[tokio::test]
async fn a_deleted_entity_takes_factors_and_challenges_and_comes_back_as_another() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let mut authenticator = testkit::Authenticator::default();
    let factor = account
        .register(&service, "user-0001", &mut authenticator)
        .await;
    let entity = format!("{service}/Entities/user-0001");
    assert_eq!(account.delete(&entity).await.status, 204);
    account.follow(&factor["url"]).await.refused(404, 20404);
    let again = account
        .post(&format!("{service}/Entities"), "Identity=user-0001")
        .await
        .expect(201);
    assert_ne!(again["sid"], factor["entity_sid"]);
    assert_eq!(
        account.get(&format!("{entity}/Factors")).await.expect(200)["factors"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}
