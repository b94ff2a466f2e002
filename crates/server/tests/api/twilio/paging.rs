//! Lists and pages.

use serde_json::Value;

use crate::common::{Client, PUBLIC_URL, TestApp};

async fn five_entities(account: &Client) -> String {
    let service = account.service().await;
    let entities = format!("{service}/Entities");
    for number in 1..=5 {
        account
            .post(&entities, &format!("Identity=user-000{number}"))
            .await
            .expect(201);
        // Some share a moment, so that ties are broken too.
        account
            .app
            .clock
            .advance_millis(if number % 2 == 0 { 1000 } else { 0 });
    }
    entities
}

fn identities(page: &Value) -> Vec<&str> {
    page["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["identity"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn a_list_says_which_page_it_is_and_where_the_others_are() {
    let account = TestApp::new().await.account();
    let entities = five_entities(&account).await;
    let page = account.get(&entities).await.expect(200);
    assert_eq!(identities(&page).len(), 5);
    insta::assert_json_snapshot!(page["meta"]);
    let empty = account
        .get(&format!(
            "{}/Webhooks",
            entities.strip_suffix("/Entities").unwrap()
        ))
        .await
        .expect(200);
    insta::assert_json_snapshot!(empty);
}

#[tokio::test]
async fn following_next_page_url_shows_every_row_once_and_previous_leads_back() {
    let account = TestApp::new().await.account();
    let entities = five_entities(&account).await;
    let all = account.get(&entities).await.expect(200);
    let first = account
        .get(&format!("{entities}?PageSize=2"))
        .await
        .expect(200);
    assert_eq!(first["meta"]["previous_page_url"], Value::Null);
    let second = account
        .follow(&first["meta"]["next_page_url"])
        .await
        .expect(200);
    let third = account
        .follow(&second["meta"]["next_page_url"])
        .await
        .expect(200);
    assert_eq!(third["meta"]["next_page_url"], Value::Null);
    assert_eq!(third["meta"]["page"], 2);
    let seen = [identities(&first), identities(&second), identities(&third)].concat();
    assert_eq!(seen, identities(&all));

    let back = account
        .follow(&third["meta"]["previous_page_url"])
        .await
        .expect(200);
    assert_eq!(identities(&back), identities(&second));
    assert_eq!(back["meta"]["page"], 1);
    let start = account
        .follow(&back["meta"]["previous_page_url"])
        .await
        .expect(200);
    assert_eq!(identities(&start), identities(&first));
    assert_eq!(start["meta"]["previous_page_url"], Value::Null);
    let again = account
        .follow(&start["meta"]["next_page_url"])
        .await
        .expect(200);
    assert_eq!(identities(&again), identities(&second));
    assert_eq!(
        account.follow(&second["meta"]["url"]).await.expect(200),
        second
    );
}

#[tokio::test]
async fn every_url_is_absolute_and_ours() {
    let account = TestApp::new().await.account();
    let entities = five_entities(&account).await;
    let page = account
        .get(&format!("{entities}?PageSize=2"))
        .await
        .expect(200);
    for name in ["first_page_url", "url", "next_page_url"] {
        let url = page["meta"][name].as_str().unwrap();
        assert!(
            url.starts_with(&format!("{PUBLIC_URL}{entities}?PageSize=2&Page=")),
            "{name}: {url}"
        );
    }
}

#[tokio::test]
async fn a_page_size_is_a_number_from_1_to_1000() {
    let account = TestApp::new().await.account();
    let entities = five_entities(&account).await;
    for (size, code) in [
        ("0", 60373),
        ("-1", 60373),
        ("x", 60373),
        ("1.5", 60373),
        ("1001", 20007),
        ("99999999999999999999", 20007),
    ] {
        account
            .get(&format!("{entities}?PageSize={size}"))
            .await
            .refused(400, code);
    }
    assert_eq!(
        account
            .get(&format!("{entities}?PageSize=1000"))
            .await
            .expect(200)["meta"]["page_size"],
        1000
    );
    // A client's own count: without a token it moves nothing.
    let page = account
        .get(&format!("{entities}?Page=7&PageSize="))
        .await
        .expect(200);
    assert_eq!(
        (&page["meta"]["page"], identities(&page).len()),
        (&Value::from(7), 5)
    );
    account
        .get(&format!("{entities}?Page=x"))
        .await
        .refused(400, 60306);
}

#[tokio::test]
async fn a_page_token_opens_only_the_list_that_it_was_made_for() {
    let account = TestApp::new().await.account();
    let entities = five_entities(&account).await;
    let page = account
        .get(&format!("{entities}?PageSize=2"))
        .await
        .expect(200);
    let next = page["meta"]["next_page_url"].as_str().unwrap();
    let token = next.split("PageToken=").nth(1).unwrap();
    let middle = token.len() / 2;
    let other = if token.as_bytes()[middle] == b'A' {
        "B"
    } else {
        "A"
    };
    let changed = format!("{}{other}{}", &token[..middle], &token[middle + 1..]);
    let turned = token.replacen("PA", "PB", 1);
    for bad in [
        changed.as_str(),
        &turned,
        &token[..token.len() - 1],
        "PA",
        "x",
        "PAäö",
    ] {
        let reply = account
            .get(&format!(
                "{entities}?PageSize=2&PageToken={}",
                bad.replace('ä', "%C3%A4").replace('ö', "%C3%B6")
            ))
            .await;
        reply.refused(400, 60374);
    }
    let service = entities.strip_suffix("/Entities").unwrap();
    for list in [
        "/v2/Services".to_owned(),
        format!("{service}/Webhooks"),
        format!("{service}/Entities/user-0001/Challenges"),
    ] {
        account
            .get(&format!("{list}?PageToken={token}"))
            .await
            .refused(400, 60374);
    }
}

#[tokio::test]
async fn filters_are_kept_in_the_urls_and_a_token_holds_for_the_same_ones_only() {
    let account = TestApp::new().await.account();
    let service = account.service().await;
    let mut authenticator = testkit::Authenticator::default();
    account
        .register(&service, "user-0001", &mut authenticator)
        .await;
    for _ in 0..3 {
        account
            .challenge(&service, &serde_json::json!({"identity": "user-0001"}))
            .await;
        account.app.clock.advance_millis(1000);
    }
    let list = format!("{service}/Entities/user-0001/Challenges?PageSize=2");
    let page = account
        .get(&format!("{list}&Status=pending&Order=desc"))
        .await
        .expect(200);
    let next = page["meta"]["next_page_url"].as_str().unwrap();
    assert!(
        next.contains("&Status=pending&Order=desc&PageToken=PA"),
        "{next}"
    );
    let rest = account
        .follow(&page["meta"]["next_page_url"])
        .await
        .expect(200);
    let moments = |page: &Value| -> Vec<String> {
        page["challenges"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["date_created"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        [moments(&page), moments(&rest)].concat(),
        [
            "2026-01-02T03:04:07Z",
            "2026-01-02T03:04:06Z",
            "2026-01-02T03:04:05Z"
        ]
    );
    let token = next.split("PageToken=").nth(1).unwrap();
    account
        .get(&format!("{list}&Status=pending&PageToken={token}"))
        .await
        .refused(400, 60374);
    account
        .get(&format!("{list}&PageToken={token}"))
        .await
        .refused(400, 60374);
}
