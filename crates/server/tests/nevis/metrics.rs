//! What the metrics say about ceremonies and requests, and that nothing that is sent makes a new label value.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::Request;
use server::metrics::table::{ALL, Kind};
use testkit::{Authenticator, Lies};

use crate::common::{Log, TestApp};
use crate::support::{Service, assertion};

/// Every sample: its name with its labels, and its value.
async fn samples(app: &TestApp) -> BTreeMap<String, f64> {
    let text = app.metrics.text(&app.passkeys, &app.lifecycle).await;
    let text = String::from_utf8(text.unwrap()).unwrap();
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        })
        .collect()
}

/// Name and labels of a sample.
fn parsed(sample: &str) -> (&str, Vec<(&str, &str)>) {
    let Some((name, labels)) = sample.split_once('{') else {
        return (sample, Vec::new());
    };
    let labels = labels.strip_suffix("\"}").unwrap().split("\",");
    let labels = labels.map(|label| label.split_once("=\"").unwrap());
    (name, labels.collect())
}

/// Every sample is in the table, with the labels and the values that the table has.
async fn are_as_the_table_says(app: &TestApp) {
    for sample in samples(app).await.keys() {
        let (name, mut labels) = parsed(sample);
        let metric = ALL.iter().find(|metric| match metric.kind {
            Kind::Histogram => ["_bucket", "_sum", "_count"]
                .iter()
                .any(|end| name.strip_suffix(end) == Some(metric.name)),
            Kind::Counter | Kind::Gauge => name == metric.name,
        });
        assert!(metric.is_some(), "{sample} is not in the table");
        let metric = metric.unwrap();
        labels.retain(|(label, _)| *label != "le");
        assert_eq!(labels.len(), metric.labels.len(), "{sample}");
        for (label, value) in labels {
            let known = metric.labels.iter().find(|known| known.name() == label);
            assert!(known.is_some(), "{sample} has another label");
            let known = known.unwrap();
            assert!(known.values().contains(&value), "{sample}");
        }
    }
}

#[tokio::test]
async fn ceremonies_are_counted_by_kind_wire_and_outcome() {
    let log = Log::new();
    let service = Service::new().await;
    let mut authenticator = Authenticator::default();
    service.register("ada", &mut authenticator).await;
    let approval = service.approve(Some("ada")).await;
    service.assert(&mut authenticator, &approval).await.token();
    let approval = service.approve(Some("ada")).await;
    let lies = Lies {
        origin: Some("https://elsewhere.example".to_owned()),
        ..Lies::default()
    };
    let answer = assertion(&mut authenticator, &approval, &lies);
    service.page().post("/_app/assertion/result", &answer).await;
    let samples = samples(&service.app).await;
    for (sample, count) in [
        (
            r#"passkeyd_ceremonies_total{kind="registration",outcome="started",wire="nevis"}"#,
            1.0,
        ),
        (
            r#"passkeyd_ceremonies_total{kind="registration",outcome="succeeded",wire="nevis"}"#,
            1.0,
        ),
        (
            r#"passkeyd_ceremonies_total{kind="authentication",outcome="started",wire="nevis"}"#,
            2.0,
        ),
        (
            r#"passkeyd_ceremonies_total{kind="authentication",outcome="succeeded",wire="nevis"}"#,
            1.0,
        ),
        (
            r#"passkeyd_ceremonies_total{kind="authentication",outcome="refused",wire="nevis"}"#,
            1.0,
        ),
        (
            r#"passkeyd_ceremonies_total{kind="authentication",outcome="refused",wire="twilio"}"#,
            0.0,
        ),
        (
            r#"passkeyd_ceremony_refusals_total{kind="authentication",reason="origin_not_allowed"}"#,
            1.0,
        ),
        (
            r#"passkeyd_refusals_total{reason="origin_not_allowed",wire="nevis"}"#,
            1.0,
        ),
        (
            r#"passkeyd_ceremony_phase_duration_seconds_count{kind="authentication",phase="write"}"#,
            1.0,
        ),
        ("passkeyd_ready", 1.0),
    ] {
        assert_eq!(samples.get(sample), Some(&count), "{sample}");
    }
    are_as_the_table_says(&service.app).await;
    // The line of the refused response says who, which ceremony, and what was found.
    let refused = log.with_message("refused");
    let line = refused
        .iter()
        .find(|line| line["reason"] == "origin_not_allowed");
    assert!(line.is_some(), "{refused:?}");
    let line = line.unwrap();
    assert!(
        line["found"]
            .as_str()
            .unwrap()
            .contains("https://elsewhere.example"),
        "{line}"
    );
    assert!(
        line["service"].as_str().unwrap().starts_with("VA"),
        "{line}"
    );
    assert_eq!(line["ceremony"].as_str().unwrap().len(), 32, "{line}");
    let approved = log.with_message("answered");
    let approved = approved
        .iter()
        .find(|line| line["route"] == "/api/v1/approval");
    assert_eq!(approved.unwrap()["actor"], "access_key");
}

#[tokio::test]
async fn no_request_makes_a_new_label_value() {
    let service = Service::new().await;
    for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
        for path in [
            "/",
            "/nothing",
            "/v2",
            "/v2/Services",
            "/v2/Services/VA00112233445566778899aabbccddeeff/Entities/%22%7D%0Apasskeyd_x%201",
            "/v2/Services/VA00112233445566778899aabbccddeeff/Passkeys/VerifyFactor",
            "/manage/v1/api-keys",
            "/manage/v1/%ff",
            "/api/v1/users/enroll",
            "/api/v1/%22",
            "/_app/assertion/result",
            "/_app/attestation/options",
            "/attestation/result",
            "/nevisfido/fido2/status",
            "/livez",
            "/docs/reasons/x",
        ] {
            for body in ["", "{}", "{\"reason\":\"new\"}", "\u{0}"] {
                let request = Request::builder()
                    .method(method)
                    .uri(path)
                    .header("content-type", "application/json")
                    .header("authorization", "Bearer a.b.c")
                    .header("user-agent", "passkeyd_x{a=\"b\"} 1")
                    .body(Body::from(body))
                    .unwrap();
                service.app.send(request).await;
            }
        }
    }
    are_as_the_table_says(&service.app).await;
    let refusals = samples(&service.app).await;
    let refusals = refusals
        .keys()
        .filter(|name| name.starts_with("passkeyd_refusals_total"));
    assert!(refusals.count() > 10);
}
