//! The words of this wire for what the transport refuses before a request arrives.

use std::sync::Arc;
use std::time::Duration;

use axum::body::to_bytes;
use serde_json::Value;
use server::api::twilio::State;
use server::http::{BodyLimit, PublicUrl, RefusalInfo, Refusals as _, TransportRefusal};

use crate::common::{PUBLIC_URL, TestApp};

#[tokio::test]
async fn what_the_transport_refuses_has_the_same_envelope() {
    let app = TestApp::new().await;
    let words = State {
        webhook_networks: Arc::default(),
        passkeys: app.passkeys.clone(),
        public_url: Arc::new(PublicUrl::new(PUBLIC_URL)),
        bodies: BodyLimit {
            bytes: 1024,
            time: Duration::from_secs(1),
        },
    };
    for (kind, status, code) in [
        (TransportRefusal::BodyTooLarge, 413, 20413),
        (TransportRefusal::BodyEncoded, 415, 20415),
        (TransportRefusal::TooManyHeaders, 431, 20431),
        (TransportRefusal::HostInvalid, 400, 60306),
        (TransportRefusal::BodyTooSlow, 400, 60306),
        (TransportRefusal::BodyBroken, 400, 60306),
        (TransportRefusal::RateLimited, 429, 20429),
        (TransportRefusal::Panicked, 500, 20500),
    ] {
        let response = words.refusal(kind, "/v2/Services");
        assert_eq!(response.status().as_u16(), status, "{kind:?}");
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(
            response.extensions().get::<RefusalInfo>().unwrap().code,
            code
        );
        let retried = kind == TransportRefusal::RateLimited;
        assert_eq!(response.headers().contains_key("retry-after"), retried);
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let json: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(json["code"], code);
        assert_eq!(json["status"], status);
        assert_eq!(
            json["more_info"],
            format!("{PUBLIC_URL}/docs/errors/{code}")
        );
    }
}
