//! What passkeyd does not have: push, TOTP, access tokens, and the other products below `/v2`.

use axum::http::Method;

use crate::common::{ACCOUNT, TestApp, account_sid, basic};
use domain::model::audit::{Actor, ActorKind};
use domain::model::grant::Grant;

#[tokio::test]
async fn push_and_totp_factors_and_challenges_are_refused_with_60369() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let entity = format!("{service}/Entities/user-0001");
    account
        .post(&format!("{service}/Entities"), "Identity=user-0001")
        .await
        .expect(201);
    for form in [
        "FactorType=push&FriendlyName=x",
        "FactorType=totp&FriendlyName=x",
        "FactorType=passkeys&FriendlyName=x",
        "",
    ] {
        account
            .post(&format!("{entity}/Factors"), form)
            .await
            .refused(400, 60369);
        account
            .post(&format!("{entity}/Challenges"), form)
            .await
            .refused(400, 60369);
    }
    let sid = format!("YC{}", "0".repeat(32));
    account
        .post(&format!("{entity}/Challenges/{sid}"), "AuthPayload=123456")
        .await
        .refused(400, 60306);
    account
        .post(
            &format!("{entity}/Challenges/{sid}/Notifications"),
            "Ttl=60",
        )
        .await
        .refused(404, 20404);
}

#[tokio::test]
async fn access_tokens_are_refused_with_60305_and_never_found() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    account
        .post(
            &format!("{service}/AccessTokens"),
            "Identity=user-0001&FactorType=push",
        )
        .await
        .refused(400, 60305);
    account
        .get(&format!("{service}/AccessTokens/YK{}", "0".repeat(32)))
        .await
        .refused(404, 20404);
}

#[tokio::test]
async fn other_products_and_unknown_paths_are_20404() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    for path in [
        format!("{service}/Verifications"),
        format!("{service}/VerificationCheck"),
        format!("{service}/RateLimits"),
        format!("{service}/MessagingConfigurations"),
        "/v2/Templates".to_owned(),
        "/v2/Forms/forms".to_owned(),
        "/v2/SafeList/Numbers".to_owned(),
        "/v2/Attempts".to_owned(),
        "/v2".to_owned(),
        "/v2/".to_owned(),
        "/v2/services".to_owned(),
        format!("{service}/Entities/a/b"),
        format!("{service}/Nothing/"),
    ] {
        for method in [Method::GET, Method::POST] {
            let error = account
                .request(method, &path)
                .empty()
                .await
                .refused(404, 20404);
            // A slash at the end makes no other path.
            let path = path.trim_end_matches('/');
            assert_eq!(
                error["message"],
                format!("The requested resource {path} was not found")
            );
        }
    }
    // Nor does it lead to a redirect: both SDKs have them off.
    for path in [format!("{service}/"), format!("{service}/Entities/")] {
        account.get(&path).await.expect(200);
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_20004_with_allow() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    for method in [Method::PUT, Method::PATCH] {
        for (path, allowed) in [
            (service.clone(), "DELETE"),
            (format!("{service}/Passkeys/Factors"), "POST"),
        ] {
            let reply = account.request(method.clone(), &path).empty().await;
            let allow = reply.headers["allow"].to_str().unwrap().to_owned();
            assert!(allow.contains(allowed), "{allow}");
            reply.refused(405, 20004);
        }
    }
    account
        .get(&format!("{service}/Passkeys/Factors"))
        .await
        .refused(405, 20004);
    let reply = account.request(Method::OPTIONS, &service).empty().await;
    assert_eq!((reply.status, reply.bytes.len()), (204, 0));
    assert!(reply.headers["allow"].to_str().unwrap().contains("DELETE"));
    let reply = account.request(Method::HEAD, &service).empty().await;
    assert_eq!((reply.status, reply.bytes.len()), (200, 0));
}

#[tokio::test]
async fn without_good_credentials_everything_is_20003_and_nothing_is_told() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let unknown = format!("AC{}", "0".repeat(32));
    for value in [
        None,
        Some(basic(&account_sid(), "wrong")),
        Some(basic(&unknown, "a-token-for-tests")),
        Some(basic(
            "SK00000000000000000000000000000000",
            "a-token-for-tests",
        )),
        Some("Bearer a-token-for-tests".to_owned()),
        Some("Basic ???".to_owned()),
    ] {
        let stranger = match &value {
            None => account.app.stranger(),
            Some(value) => account.app.stranger().with("authorization", value),
        };
        for path in [
            "/v2/Services",
            service.as_str(),
            "/v2/Services/x",
            "/v2/nothing",
        ] {
            let reply = stranger.get(path).await;
            assert!(
                reply.headers["www-authenticate"]
                    .to_str()
                    .unwrap()
                    .starts_with("Basic realm=")
            );
            let error = reply.refused(401, 20003);
            assert_eq!(error["message"], "Authenticate", "{value:?}");
        }
        stranger
            .request(Method::PUT, &service)
            .empty()
            .await
            .refused(401, 20003);
    }
    account.get(&service).await.expect(200);
}

#[tokio::test]
async fn an_api_key_is_as_good_as_the_accounts_token_until_it_is_deleted() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let (key, secret) = account
        .app
        .passkeys
        .create_api_key(
            ACCOUNT,
            "test",
            Grant::EVERYTHING,
            &Actor::new(ActorKind::Admin, "test"),
        )
        .await
        .unwrap();
    let user = account.with_secret(&format!("SK{}", key.id), secret.reveal());
    assert_eq!(
        user.get(&service).await.expect(200)["account_sid"],
        account_sid()
    );
    account
        .app
        .passkeys
        .delete_api_key(ACCOUNT, key.id, &Actor::new(ActorKind::Admin, "test"))
        .await
        .unwrap();
    user.get(&service).await.refused(401, 20003);
}
