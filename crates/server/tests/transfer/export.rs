use std::collections::BTreeSet;

use serde_json::Value;
use server::transfer::export::{ExportError, Lines, Wanted, export};
use testkit::Authenticator;

use crate::common::{TOKEN, TestApp};
use crate::support::*;

const HISTORY: Wanted = Wanted {
    relying_party: None,
    history: true,
};

fn members(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

/// The part of the schema that describes a line.
fn schema_of<'a>(schema: &'a Value, line: &Value) -> &'a Value {
    let kinds = schema["oneOf"].as_array().unwrap();
    kinds
        .iter()
        .find(|kind| kind["properties"]["record"]["const"] == line["record"])
        .unwrap()
}

#[tokio::test]
async fn an_export_has_a_header_each_record_and_a_manifest_that_matches() {
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    for name in ["ann-00001", "bob-00001", "cem-00001"] {
        service.register(name, &mut authenticator).await;
    }
    let bytes = exported(&service.app, HISTORY).await;
    let lines = json_lines(&bytes);
    assert_eq!(lines[0]["record"], "header");
    assert_eq!(lines[0]["version"], 2);
    let manifest = lines.last().unwrap();
    assert_eq!(manifest["record"], "manifest");
    for (member, record) in [
        ("accounts", "account"),
        ("relying_parties", "relying_party"),
        ("users", "user"),
        ("credentials", "credential"),
        ("events", "event"),
        ("imported", "imported"),
    ] {
        let count = lines.iter().filter(|l| l["record"] == record).count();
        assert_eq!(manifest["counts"][member], count, "{record}");
    }
    assert_eq!(manifest["counts"]["credentials"], 3);
    assert!(manifest["counts"]["events"].as_u64().unwrap() >= 6);
    let last = bytes[..bytes.len() - 1].iter().rposition(|&b| b == b'\n');
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes[..=last.unwrap()]);
    assert_eq!(manifest["sha256"], hex::encode(digest));
    // The secret of the account is not in it, nor its hash.
    let text = String::from_utf8(bytes).unwrap();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, TOKEN.as_bytes());
    assert!(!text.contains(TOKEN) && !text.contains(&hex::encode(hash)));
}

#[tokio::test]
async fn the_schema_describes_every_line() {
    let service = Service::new().await;
    service
        .register("ann-00001", &mut Authenticator::default())
        .await;
    let schema: Value = serde_json::from_str(&server::transfer::schema_json()).unwrap();
    for line in json_lines(&exported(&service.app, HISTORY).await) {
        let described = schema_of(&schema, &line);
        let mut known = members(&described["properties"]);
        let mut needed: BTreeSet<&str> = described["required"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        if let Some(definition) = described["$ref"].as_str() {
            let definition = &schema["$defs"][definition.rsplit('/').next().unwrap()];
            known.extend(members(&definition["properties"]));
            needed.extend(
                definition["required"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter_map(Value::as_str),
            );
        }
        assert!(known.is_superset(&members(&line)), "{line}: {known:?}");
        assert!(members(&line).is_superset(&needed), "{line}: {needed:?}");
    }
}

#[tokio::test]
async fn one_relying_party_is_exported_alone_and_an_unknown_one_is_refused() {
    let service = Service::new().await;
    let other = Service::of(&service.app).await;
    service
        .register("ann-00001", &mut Authenticator::default())
        .await;
    other
        .register("bob-00001", &mut Authenticator::default())
        .await;
    let wanted = Wanted {
        relying_party: Some(other.id()),
        history: false,
    };
    let lines = json_lines(&exported(&service.app, wanted).await);
    let names: Vec<&Value> = lines
        .iter()
        .filter(|l| l["record"] == "user")
        .map(|l| &l["name"])
        .collect();
    assert_eq!(names, ["bob-00001"]);
    assert_eq!(lines.last().unwrap()["counts"]["relying_parties"], 1);
    let empty = TestApp::new().await;
    let refused = export(&empty.passkeys, wanted, &mut Lines::new(Vec::new())).await;
    assert!(matches!(refused, Err(ExportError::RelyingPartyUnknown)));
}

#[tokio::test]
async fn more_users_than_a_page_has_are_all_exported_once_and_in_one_order() {
    let service = Service::new().await;
    for n in 0..450 {
        let name = format!("user-{n:04}");
        let path = format!("/v2/Services/{}/Entities", service.sid);
        let form = format!("Identity={name}");
        service.app.account().post(&path, &form).await.expect(201);
    }
    let bytes = exported(&service.app, HISTORY).await;
    let lines = json_lines(&bytes);
    let names: BTreeSet<&str> = lines
        .iter()
        .filter(|l| l["record"] == "user")
        .map(|l| l["name"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), 450);
    let events: BTreeSet<&str> = lines
        .iter()
        .filter(|l| l["record"] == "event")
        .map(|l| l["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        events.len() as u64,
        lines.last().unwrap()["counts"]["events"].as_u64().unwrap()
    );
    assert_eq!(exported(&service.app, HISTORY).await, bytes);
}
