//! What the app responds.

use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, response};
use domain::Reason;
use serde_json::Value;
use server::http::RefusalInfo;

use super::JSON;

/// A response, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
    /// Null when the body is empty or not JSON.
    pub json: Value,
    /// The reason of a refusal, as the log has it. The body may say less.
    pub reason: Option<Reason>,
}

impl Answer {
    pub(super) fn new(parts: response::Parts, bytes: Vec<u8>) -> Self {
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        if !json.is_null() {
            assert_eq!(parts.headers[CONTENT_TYPE], JSON, "{json}");
        }
        let refusal = parts.extensions.get::<RefusalInfo>();
        Self {
            status: parts.status.as_u16(),
            reason: refusal.and_then(|info| info.reason),
            headers: parts.headers,
            bytes,
            json,
        }
    }

    /// The body of a response that must have this status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json
    }

    /// The body, which must be text.
    #[track_caller]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).expect("UTF-8")
    }

    /// The text at this JSON pointer, which must be there.
    #[track_caller]
    pub fn text_at(&self, pointer: &str) -> &str {
        let value = self.json.pointer(pointer).and_then(Value::as_str);
        assert!(value.is_some(), "no text at {pointer}: {}", self.text());
        value.unwrap_or_default()
    }

    /// The value of a header, if it is there.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let value = self.headers.get(name)?;
        Some(value.to_str().expect("visible ASCII"))
    }
}
