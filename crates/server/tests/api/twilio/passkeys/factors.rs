//! `Entities/{identity}/Factors`.

use serde_json::{Value, json};
use testkit::Authenticator;

use crate::common::{Client, TestApp};

async fn two_factors() -> (Client, String, Value, Value) {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let verified = account
        .register(&service, "user-0001", &mut Authenticator::default())
        .await;
    account.app.clock.advance_millis(1000);
    let started = account.start(&service, "user-0001").await;
    (
        account,
        format!("{service}/Entities/user-0001/Factors"),
        verified,
        started,
    )
}

/// A factor as it is shown after its creation.
fn later(factor: &Value) -> Value {
    let mut factor = factor.clone();
    testkit::json::without(&mut factor, "options");
    testkit::json::without(&mut factor, "binding");
    factor
}

#[tokio::test]
async fn the_list_shows_verified_and_unverified_factors_without_options() {
    let (account, factors, verified, started) = two_factors().await;
    let list = account.get(&factors).await.expect(200);
    assert_eq!(list["factors"], json!([verified, later(&started)]));
    assert_eq!(list["meta"]["key"], "factors");
    let first = account
        .get(&format!("{factors}?PageSize=1"))
        .await
        .expect(200);
    assert_eq!(first["factors"], json!([verified]));
    let second = account
        .follow(&first["meta"]["next_page_url"])
        .await
        .expect(200);
    assert_eq!(second["factors"], json!([later(&started)]));
    assert_eq!(second["meta"]["next_page_url"], Value::Null);
}

#[tokio::test]
async fn either_kind_is_fetched_renamed_and_deleted() {
    let (account, factors, verified, started) = two_factors().await;
    account.app.clock.advance_millis(1000);
    for factor in [&verified, &later(&started)] {
        let path = format!("{factors}/{}", factor["sid"].as_str().unwrap());
        assert_eq!(account.get(&path).await.expect(200), *factor);
        // The captured body; AuthPayload is push's and ignored beside a name.
        let renamed = account
            .post(&path, "AuthPayload=123456&FriendlyName=New")
            .await
            .expect(200);
        let mut expected = factor.clone();
        expected["friendly_name"] = json!("New");
        expected["date_updated"] = json!("2026-01-02T03:04:07Z");
        assert_eq!(renamed, expected);
        assert_eq!(
            account.post(&path, "Config.Alg=sha1").await.expect(200),
            expected
        );
        assert_eq!(account.get(&path).await.expect(200), expected);
        let reply = account.delete(&path).await;
        assert_eq!((reply.status, reply.bytes.len()), (204, 0));
        account.get(&path).await.refused(404, 20404);
        account.delete(&path).await.refused(404, 20404);
        account
            .post(&path, "FriendlyName=x")
            .await
            .refused(404, 20404);
    }
}

#[tokio::test]
async fn a_bad_name_is_60306_and_so_is_an_auth_payload_alone() {
    let (account, factors, verified, _) = two_factors().await;
    let path = format!("{factors}/{}", verified["sid"].as_str().unwrap());
    for bad in [
        "FriendlyName=",
        "FriendlyName=a%0A",
        &format!("FriendlyName={}", "x".repeat(65)),
        "AuthPayload=123456",
    ] {
        account.post(&path, bad).await.refused(400, 60306);
    }
    assert_eq!(account.get(&path).await.expect(200), verified);
}

#[tokio::test]
async fn a_factor_is_found_under_its_own_entity_only() {
    let (account, factors, verified, started) = two_factors().await;
    let service = factors.split("/Entities").next().unwrap();
    account
        .post(&format!("{service}/Entities"), "Identity=user-0002")
        .await
        .expect(201);
    for factor in [&verified, &started] {
        let path = format!(
            "{service}/Entities/user-0002/Factors/{}",
            factor["sid"].as_str().unwrap()
        );
        account.get(&path).await.refused(404, 20404);
        account
            .post(&path, "FriendlyName=x")
            .await
            .refused(404, 20404);
        account.delete(&path).await.refused(404, 20404);
    }
    account
        .get(&format!("{factors}/YF1"))
        .await
        .refused(400, 60362);
    account
        .get(&format!("{factors}/YF{}", "0".repeat(32)))
        .await
        .refused(404, 20404);
    account
        .get(&format!("{service}/Entities/user-0003/Factors"))
        .await
        .refused(404, 20404);
}
