//! `Entities/{identity}/Challenges`.

use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

use crate::common::TestApp;
use crate::support::get;

fn statuses(list: &Value) -> Vec<&str> {
    list["challenges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["status"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn challenges_are_listed_by_status_factor_and_order_without_options() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let mut authenticator = Authenticator::default();
    let factor = account
        .register(&service, "user-0001", &mut authenticator)
        .await;
    let wanted = json!({"identity": "user-0001"});
    account.challenge(&service, &wanted).await;
    account.app.clock.advance_millis(300_000);
    let denied = account.challenge(&service, &wanted).await;
    account.app.clock.advance_millis(1000);
    let approved = account
        .challenge(&service, &json!({"factor_sid": factor["sid"]}))
        .await;
    account.app.clock.advance_millis(1000);
    let pending = account.challenge(&service, &wanted).await;
    let lies = Lies {
        tampered_signature: true,
        ..Lies::default()
    };
    let credential = get(&mut authenticator, &denied, &lies);
    account
        .approve(&service, &credential)
        .await
        .refused(403, 60324);
    let credential = get(&mut authenticator, &approved, &Lies::default());
    account.approve(&service, &credential).await.expect(200);

    let list = format!("{service}/Entities/user-0001/Challenges");
    let all = account.get(&list).await.expect(200);
    assert_eq!(statuses(&all), ["expired", "denied", "approved", "pending"]);
    assert!(
        all["challenges"]
            .as_array()
            .unwrap()
            .iter()
            .all(|c| c.get("options").is_none())
    );
    let reversed = account.get(&format!("{list}?Order=desc")).await.expect(200);
    assert_eq!(
        statuses(&reversed),
        ["pending", "approved", "denied", "expired"]
    );
    for status in ["expired", "denied", "approved", "pending"] {
        let some = account
            .get(&format!("{list}?Status={status}"))
            .await
            .expect(200);
        assert_eq!(statuses(&some), [status]);
    }
    let captured = format!(
        "{list}?FactorSid={}&Status=approved&Order=desc&PageSize=1",
        factor["sid"].as_str().unwrap()
    );
    let some = account.get(&captured).await.expect(200);
    assert_eq!(some["challenges"][0]["sid"], approved["sid"]);
    assert_eq!(some["meta"]["next_page_url"], Value::Null);

    let path = format!("{list}/{}", pending["sid"].as_str().unwrap());
    let fetched = account.get(&path).await.expect(200);
    insta::assert_json_snapshot!(fetched);
    assert_eq!(account.follow(&fetched["url"]).await.expect(200), fetched);
    let denied = account
        .get(&format!("{list}/{}", denied["sid"].as_str().unwrap()))
        .await
        .expect(200);
    assert_eq!(denied["date_responded"], "2026-01-02T03:09:07Z");
}

#[tokio::test]
async fn a_bad_filter_is_refused() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    account
        .post(&format!("{service}/Entities"), "Identity=user-0001")
        .await
        .expect(201);
    let list = format!("{service}/Entities/user-0001/Challenges");
    for (filter, code) in [
        ("FactorSid=YF1", 60362),
        ("Status=open", 60306),
        ("Order=up", 60306),
        ("Status=%FF", 60306),
    ] {
        account
            .get(&format!("{list}?{filter}"))
            .await
            .refused(400, code);
    }
    account
        .get(&format!("{list}/YC1"))
        .await
        .refused(400, 60364);
    account
        .get(&format!("{list}/YC{}", "0".repeat(32)))
        .await
        .refused(404, 20404);
}

#[tokio::test]
async fn a_discoverable_challenge_belongs_to_no_entity_while_it_is_pending() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    account
        .register(&service, "user-0001", &mut Authenticator::default())
        .await;
    let challenge = account.challenge(&service, &json!({})).await;
    let path = format!("{service}/Entities/user-0001/Challenges");
    account
        .get(&format!("{path}/{}", challenge["sid"].as_str().unwrap()))
        .await
        .refused(404, 20404);
    assert_eq!(
        account.get(&path).await.expect(200)["challenges"],
        json!([])
    );
}
