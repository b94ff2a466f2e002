//! `/v2/Services/{VA}/Webhooks`.

use serde_json::json;

use crate::common::TestApp;

const WEBHOOK: &str = "FriendlyName=Audit&EventTypes=factor.verified&EventTypes=challenge.approved&WebhookUrl=https%3A%2F%2Facme.test%2Fhooks";

#[tokio::test]
async fn a_webhook_is_created_fetched_changed_listed_and_deleted() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let webhooks = format!("{service}/Webhooks");
    let webhook = account.post(&webhooks, WEBHOOK).await.expect(201);
    insta::assert_json_snapshot!(webhook);
    let url = webhook["url"].clone();
    assert_eq!(account.follow(&url).await.expect(200), webhook);

    let path = format!("{webhooks}/{}", webhook["sid"].as_str().unwrap());
    assert_eq!(
        account.post(&path, "").await.expect(200)["event_types"],
        webhook["event_types"]
    );
    let changed = account.post(&path, "Status=disabled&EventTypes=*&Version=v1&FriendlyName=Other&WebhookUrl=https%3A%2F%2Fx%2F").await.expect(200);
    assert_eq!(changed["status"], "disabled");
    assert_eq!(changed["event_types"], json!(["*"]));
    assert_eq!(changed["version"], "v1");
    assert_eq!(changed["friendly_name"], "Other");
    assert_eq!(changed["webhook_url"], "https://x/");
    let list = account.get(&webhooks).await.expect(200);
    assert_eq!(list["webhooks"], json!([changed]));
    assert_eq!(list["meta"]["key"], "webhooks");

    assert_eq!(account.delete(&path).await.status, 204);
    account.get(&path).await.refused(404, 20404);
    account
        .post(&path, "Status=enabled")
        .await
        .refused(404, 20404);
    account.delete(&path).await.refused(404, 20404);
}

#[tokio::test]
async fn a_bad_parameter_is_60306_and_a_missing_one_20001() {
    let account = TestApp::new().await.account();
    let webhooks = format!("{}/Webhooks", account.service().await);
    for (without, name) in [
        ("FriendlyName=Audit&", "FriendlyName"),
        (
            "EventTypes=factor.verified&EventTypes=challenge.approved&",
            "EventTypes",
        ),
        ("&WebhookUrl=https%3A%2F%2Facme.test%2Fhooks", "WebhookUrl"),
    ] {
        let error = account
            .post(&webhooks, &WEBHOOK.replace(without, ""))
            .await
            .refused(400, 20001);
        assert_eq!(
            error["message"],
            format!("Missing required parameter {name} in the post body")
        );
    }
    let good = format!("{WEBHOOK}&Status=DISABLED&Version=");
    let made = account.post(&webhooks, &good).await.expect(201);
    assert_eq!(made["status"], "disabled");
    assert_eq!(made["version"], "v2");
    let path = format!("{webhooks}/{}", made["sid"].as_str().unwrap());
    // Ruby's empty list.
    let kept = account.post(&path, "EventTypes=").await.expect(200);
    assert_eq!(kept["event_types"], made["event_types"]);
    account.delete(&path).await.expect(204);
    for bad in [
        "EventTypes=factor.renamed",
        "Status=on",
        "Version=v3",
        "FriendlyName=a%00b",
    ] {
        account
            .post(&webhooks, &format!("{WEBHOOK}&{bad}"))
            .await
            .refused(400, 60306);
    }
    // An address that is not public, a number that systems read as one, and what is no URL.
    for (url, why) in [
        ("https%3A%2F%2F169.254.169.254%2Flatest", "not public"),
        ("https%3A%2F%2F2130706433%2F", "a number"),
        ("acme.test", "an absolute http or https URL"),
        ("https%3A%2F%2Fu%3Ap%40acme.test", "without a user name"),
    ] {
        let form = WEBHOOK.replace("https%3A%2F%2Facme.test%2Fhooks", url);
        let refused = account.post(&webhooks, &form).await;
        assert!(refused.text().contains(why), "{}", refused.text());
        refused.refused(400, 60306);
    }
    assert_eq!(
        account.get(&webhooks).await.expect(200)["webhooks"],
        json!([])
    );
    account
        .get(&format!("{webhooks}/YW1"))
        .await
        .refused(404, 20404);
}
