//! The words of this wire for what the transport refuses before a request arrives.

use axum::body::to_bytes;
use serde_json::Value;
use server::api::RefusalInfo;
use server::api::twilio::error::{TransportRefusal, transport_refusal};
use server::app::PublicUrl;

#[tokio::test]
async fn what_the_transport_refuses_has_the_same_envelope() {
    let public_url = PublicUrl::new("https://passkeys.test/");
    for (kind, status, code) in [
        (TransportRefusal::TooLarge, 413, 20413),
        (TransportRefusal::UnsupportedEncoding, 415, 20415),
        (TransportRefusal::HeadersTooLarge, 431, 20431),
        (TransportRefusal::BodyUnreadable, 400, 60306),
        (TransportRefusal::TooManyRequests, 429, 20429),
        (TransportRefusal::Unavailable, 503, 20503),
        (TransportRefusal::Internal, 500, 20500),
    ] {
        let response = transport_refusal(kind, &public_url);
        assert_eq!(response.status().as_u16(), status, "{kind:?}");
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(
            response.extensions().get::<RefusalInfo>().unwrap().code,
            code
        );
        assert_eq!(
            response.headers().contains_key("retry-after"),
            [429, 503].contains(&status)
        );
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let json: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(json["code"], code);
        assert_eq!(json["status"], status);
        assert_eq!(
            json["more_info"],
            format!("https://passkeys.test/docs/errors/{code}")
        );
    }
}
