//! One request: its URL, headers and body.

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use domain::model::clock::Timestamp;
use domain::model::notice::Delivery;
use domain::model::webhook::{BodyFormat, SignatureHash, Webhook};
use domain::service::deliveries::Secrets;
use serde_json::{Map, Value};

use super::sign::{standard, twilio, with_body_hash};
use crate::api::dates::Date;
use crate::api::twilio::notice::parameters;
use crate::api::twilio::sid::Sid;
use crate::api::webhook_secrets::signing_token;

/// A delivery as it is sent.
pub(super) struct Message {
    pub(super) url: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

const TWILIO: HeaderName = HeaderName::from_static("x-twilio-signature");
const TWILIO_SETTINGS: HeaderName = HeaderName::from_static("x-twilio-webhooks-signature-settings");
const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

impl Message {
    /// The message of an attempt at this moment; `None` when the URL is none.
    pub(super) fn of(
        delivery: &Delivery,
        webhook: &Webhook,
        secrets: &Secrets,
        now: Timestamp,
    ) -> Option<Self> {
        let data = parameters(delivery);
        let mut all = data.clone();
        let timestamp = Date(delivery.notice.at).to_string();
        all.push(("timestamp", timestamp));
        let object = |pairs: &[(&'static str, String)]| -> Map<String, Value> {
            let pair = |(name, value): &(&str, String)| ((*name).to_owned(), value.clone().into());
            pairs.iter().map(pair).collect()
        };
        let base = webhook.url.split('#').next().unwrap_or_default();
        let (url, signed, body, content_type) = match webhook.format {
            BodyFormat::Form => {
                all.push(("data", Value::from(object(&data)).to_string()));
                let body = form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(&all)
                    .finish();
                let content_type = "application/x-www-form-urlencoded";
                (base.to_owned(), all, body, content_type)
            }
            BodyFormat::Json => {
                let mut members = object(&all);
                members.insert("data".to_owned(), object(&data).into());
                let body = Value::from(members).to_string();
                let url = with_body_hash(base, body.as_bytes());
                (url, Vec::new(), body, "application/json")
            }
        };
        // Validators of Twilio know one token: the one before, until the receiver has had time to learn the new one.
        let token = signing_token(secrets.previous.as_ref().unwrap_or(&secrets.current));
        let both: Vec<_> = [Some(secrets.current), secrets.previous]
            .into_iter()
            .flatten()
            .collect();
        let (id, seconds) = (delivery.id.to_hex(), now.seconds());
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let mut text = |name: HeaderName, value: String| {
            headers.insert(name, HeaderValue::from_str(&value).ok()?);
            Some(())
        };
        text(TWILIO, twilio(&token, webhook.hash, &url, &signed))?;
        if webhook.hash == SignatureHash::Sha256 {
            let settings = format!("key={},algorithm=HMAC_SHA256", Sid::of(&webhook.id));
            text(TWILIO_SETTINGS, settings)?;
        }
        text(SIGNATURE, standard(&both, &id, seconds, body.as_bytes()))?;
        text(ID, id)?;
        text(TIMESTAMP, seconds.to_string())?;
        Some(Self {
            url: url.parse().ok()?,
            headers,
            body: body.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use domain::model::ids::{AccountId, DeliveryId, EventId, RelyingPartyId, WebhookId};
    use domain::model::notice::{Notice, NoticeType};

    use super::*;

    fn message(format: BodyFormat, previous: Option<[u8; 32]>) -> Message {
        let rp = RelyingPartyId([2; 16]);
        let notice = Notice {
            what: NoticeType::Test,
            event: EventId([1; 16]),
            at: Timestamp(86_400_000),
            user: None,
            user_name: Some("ann & bob".to_owned()),
            credential: None,
            ceremony: None,
            reason: None,
        };
        let of = (AccountId([4; 16]), WebhookId([3; 16]));
        let delivery = Delivery::new(DeliveryId([1; 16]), rp, of, notice);
        let webhook = Webhook {
            id: WebhookId([3; 16]),
            relying_party: rp,
            name: String::new(),
            event_types: vec!["*".to_owned()],
            url: "https://a.example/x?y=z#part".to_owned(),
            enabled: true,
            version: "v2".to_owned(),
            revision: 1,
            format,
            hash: SignatureHash::Sha1,
            secret: 0,
            overlap: None,
            failing: None,
            created: Timestamp(0),
            updated: Timestamp(0),
        };
        let secrets = Secrets {
            current: [5; 32],
            previous,
        };
        Message::of(&delivery, &webhook, &secrets, Timestamp(99_000)).unwrap()
    }

    #[test]
    fn a_form_has_the_parameters_and_the_same_as_data() {
        let message = message(BodyFormat::Form, None);
        assert_eq!(message.url.to_string(), "https://a.example/x?y=z");
        let fields: std::collections::BTreeMap<_, _> =
            form_urlencoded::parse(&message.body).into_owned().collect();
        assert_eq!(fields["type"], "test");
        assert_eq!(fields["entity_identity"], "ann & bob");
        assert_eq!(fields["timestamp"], "1970-01-02T00:00:00Z");
        let data: Value = serde_json::from_str(&fields["data"]).unwrap();
        assert_eq!(data["entity_identity"], "ann & bob");
        assert_eq!(message.headers[ID], "01".repeat(16));
        assert_eq!(message.headers[TIMESTAMP], "99");
    }

    #[test]
    fn a_body_of_json_is_named_in_the_url() {
        let message = message(BodyFormat::Json, None);
        let query = message.url.query().unwrap();
        assert!(query.starts_with("y=z&bodySHA256="), "{query}");
        let body: Value = serde_json::from_slice(&message.body).unwrap();
        assert_eq!(body["type"], "test");
        assert_eq!(body["data"]["entity_identity"], "ann & bob");
    }

    #[test]
    fn both_secrets_sign_while_one_replaces_the_other() {
        let before = message(BodyFormat::Form, None);
        let during = message(BodyFormat::Form, Some([6; 32]));
        let signatures = |message: &Message| {
            let text = message.headers[SIGNATURE].to_str().unwrap();
            text.split(' ').count()
        };
        assert_eq!((signatures(&before), signatures(&during)), (1, 2));
        assert_ne!(before.headers[TWILIO], during.headers[TWILIO]);
    }
}
