//! `/v2/Services/{VA}/Webhooks` (contract section 8.3).

use serde_json::json;

use crate::backend::Backend;

const WEBHOOK: &str = "FriendlyName=Audit&EventTypes=factor.verified&EventTypes=challenge.approved&WebhookUrl=https%3A%2F%2Facme.test%2Fhooks";

#[tokio::test]
async fn a_webhook_is_created_fetched_changed_listed_and_deleted() {
    let backend = Backend::new().await;
    let service = backend.service().await;
    let webhooks = format!("{service}/Webhooks");
    let webhook = backend.form(&webhooks, WEBHOOK).await.expect(201);
    insta::assert_json_snapshot!(webhook);
    let url = webhook["url"].clone();
    assert_eq!(backend.follow(&url).await.expect(200), webhook);

    let path = format!("{webhooks}/{}", webhook["sid"].as_str().unwrap());
    assert_eq!(
        backend.form(&path, "").await.expect(200)["event_types"],
        webhook["event_types"]
    );
    let changed = backend.form(&path, "Status=disabled&EventTypes=*&Version=v1&FriendlyName=Other&WebhookUrl=http%3A%2F%2Fx%2F").await.expect(200);
    assert_eq!(changed["status"], "disabled");
    assert_eq!(changed["event_types"], json!(["*"]));
    assert_eq!(changed["version"], "v1");
    assert_eq!(changed["friendly_name"], "Other");
    assert_eq!(changed["webhook_url"], "http://x/");
    let list = backend.get(&webhooks).await.expect(200);
    assert_eq!(list["webhooks"], json!([changed]));
    assert_eq!(list["meta"]["key"], "webhooks");

    assert_eq!(backend.delete(&path).await.status, 204);
    backend.get(&path).await.refused(404, 20404);
    backend
        .form(&path, "Status=enabled")
        .await
        .refused(404, 20404);
    backend.delete(&path).await.refused(404, 20404);
}

#[tokio::test]
async fn a_bad_parameter_is_60306_and_a_missing_one_20001() {
    let backend = Backend::new().await;
    let webhooks = format!("{}/Webhooks", backend.service().await);
    for (without, name) in [
        ("FriendlyName=Audit&", "FriendlyName"),
        (
            "EventTypes=factor.verified&EventTypes=challenge.approved&",
            "EventTypes",
        ),
        ("&WebhookUrl=https%3A%2F%2Facme.test%2Fhooks", "WebhookUrl"),
    ] {
        let error = backend
            .form(&webhooks, &WEBHOOK.replace(without, ""))
            .await
            .refused(400, 20001);
        assert_eq!(
            error["message"],
            format!("Missing required parameter {name} in the post body")
        );
    }
    let good = format!("{WEBHOOK}&Status=DISABLED&Version=");
    let made = backend.form(&webhooks, &good).await.expect(201);
    assert_eq!(made["status"], "disabled");
    assert_eq!(made["version"], "v2");
    let path = format!("{webhooks}/{}", made["sid"].as_str().unwrap());
    // Ruby's empty list.
    let kept = backend.form(&path, "EventTypes=").await.expect(200);
    assert_eq!(kept["event_types"], made["event_types"]);
    backend.delete(&path).await.expect(204);
    for bad in [
        "EventTypes=factor.renamed",
        "Status=on",
        "Version=v3",
        "WebhookUrl=acme.test",
        "WebhookUrl=https%3A%2F%2Fu%3Ap%40acme.test",
        "FriendlyName=a%00b",
    ] {
        backend
            .form(&webhooks, &format!("{WEBHOOK}&{bad}"))
            .await
            .refused(400, 60306);
    }
    assert_eq!(
        backend.get(&webhooks).await.expect(200)["webhooks"],
        json!([])
    );
    backend
        .get(&format!("{webhooks}/YW1"))
        .await
        .refused(404, 20404);
}
