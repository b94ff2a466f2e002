//! `Entities/{identity}/Challenges` (contract section 8.2).

use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

use crate::backend::{Backend, get};

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
    let backend = Backend::new().await;
    let service = backend.service().await;
    let mut authenticator = Authenticator::default();
    let factor = backend
        .register(&service, "user-0001", &mut authenticator)
        .await;
    let wanted = json!({"identity": "user-0001"});
    backend.challenge(&service, &wanted).await;
    backend.clock.advance_millis(300_000);
    let denied = backend.challenge(&service, &wanted).await;
    backend.clock.advance_millis(1000);
    let approved = backend
        .challenge(&service, &json!({"factor_sid": factor["sid"]}))
        .await;
    backend.clock.advance_millis(1000);
    let pending = backend.challenge(&service, &wanted).await;
    let lies = Lies {
        tampered_signature: true,
        ..Lies::default()
    };
    let credential = get(&mut authenticator, &denied, &lies);
    backend
        .approve(&service, &credential)
        .await
        .refused(403, 60324);
    let credential = get(&mut authenticator, &approved, &Lies::default());
    backend.approve(&service, &credential).await.expect(200);

    let list = format!("{service}/Entities/user-0001/Challenges");
    let all = backend.get(&list).await.expect(200);
    assert_eq!(statuses(&all), ["expired", "denied", "approved", "pending"]);
    assert!(
        all["challenges"]
            .as_array()
            .unwrap()
            .iter()
            .all(|c| c.get("options").is_none())
    );
    let reversed = backend.get(&format!("{list}?Order=desc")).await.expect(200);
    assert_eq!(
        statuses(&reversed),
        ["pending", "approved", "denied", "expired"]
    );
    for status in ["expired", "denied", "approved", "pending"] {
        let some = backend
            .get(&format!("{list}?Status={status}"))
            .await
            .expect(200);
        assert_eq!(statuses(&some), [status]);
    }
    let captured = format!(
        "{list}?FactorSid={}&Status=approved&Order=desc&PageSize=1",
        factor["sid"].as_str().unwrap()
    );
    let some = backend.get(&captured).await.expect(200);
    assert_eq!(some["challenges"][0]["sid"], approved["sid"]);
    assert_eq!(some["meta"]["next_page_url"], Value::Null);

    let path = format!("{list}/{}", pending["sid"].as_str().unwrap());
    let fetched = backend.get(&path).await.expect(200);
    insta::assert_json_snapshot!(fetched);
    assert_eq!(backend.follow(&fetched["url"]).await.expect(200), fetched);
    let denied = backend
        .get(&format!("{list}/{}", denied["sid"].as_str().unwrap()))
        .await
        .expect(200);
    assert_eq!(denied["date_responded"], "2026-01-02T03:09:07Z");
}

#[tokio::test]
async fn a_bad_filter_is_refused() {
    let backend = Backend::new().await;
    let service = backend.service().await;
    backend
        .form(&format!("{service}/Entities"), "Identity=user-0001")
        .await
        .expect(201);
    let list = format!("{service}/Entities/user-0001/Challenges");
    for (filter, code) in [
        ("FactorSid=YF1", 60362),
        ("Status=open", 60306),
        ("Order=up", 60306),
        ("Status=%FF", 60306),
    ] {
        backend
            .get(&format!("{list}?{filter}"))
            .await
            .refused(400, code);
    }
    backend
        .get(&format!("{list}/YC1"))
        .await
        .refused(400, 60364);
    backend
        .get(&format!("{list}/YC{}", "0".repeat(32)))
        .await
        .refused(404, 20404);
}

#[tokio::test]
async fn a_discoverable_challenge_belongs_to_no_entity_while_it_is_pending() {
    let backend = Backend::new().await;
    let service = backend.service().await;
    backend
        .register(&service, "user-0001", &mut Authenticator::default())
        .await;
    let challenge = backend.challenge(&service, &json!({})).await;
    let path = format!("{service}/Entities/user-0001/Challenges");
    backend
        .get(&format!("{path}/{}", challenge["sid"].as_str().unwrap()))
        .await
        .refused(404, 20404);
    assert_eq!(
        backend.get(&path).await.expect(200)["challenges"],
        json!([])
    );
}
