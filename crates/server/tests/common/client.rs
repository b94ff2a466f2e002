//! Who calls the app, and a request on its way.

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Builder;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use serde_json::Value;
use server::http::Peer;

use super::{Answer, TestApp, basic};

/// The media type of JSON.
pub const JSON: &str = "application/json";
/// The media type of a form.
pub const FORM: &str = "application/x-www-form-urlencoded";
const MERGE_PATCH: &str = "application/merge-patch+json";

/// A caller. It sends the headers that make it what it is with each request.
#[derive(Clone)]
pub struct Client {
    pub app: TestApp,
    headers: HeaderMap,
    /// The address at the other end of its connection, if it has one.
    peer: Option<Peer>,
}

impl Client {
    pub(super) fn new(app: &TestApp) -> Self {
        Self {
            app: app.clone(),
            headers: HeaderMap::new(),
            peer: None,
        }
    }

    /// The same caller, who sends this header, too.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        let name: HeaderName = name.parse().expect("the name of a header");
        let value: HeaderValue = value.parse().expect("the value of a header");
        client.headers.insert(name, value);
        client
    }

    /// The same caller, whose connection comes from this address.
    #[must_use]
    pub fn at_address(&self, address: &str) -> Self {
        let peer = Some(Peer(address.parse().expect("an address")));
        Self {
            peer,
            ..self.clone()
        }
    }

    /// The same caller with another `Authorization: Basic`.
    #[must_use]
    pub fn with_secret(&self, name: &str, secret: &str) -> Self {
        self.with(AUTHORIZATION.as_str(), &basic(name, secret))
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path).empty().await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.request(Method::DELETE, path).empty().await
    }

    /// `POST` of a form, when the payload is a text, or of JSON, when it is a value.
    pub async fn post(&self, path: &str, payload: impl Into<Payload>) -> Answer {
        self.send(Method::POST, path, payload.into()).await
    }

    /// The same with `PUT`.
    pub async fn put(&self, path: &str, payload: impl Into<Payload>) -> Answer {
        self.send(Method::PUT, path, payload.into()).await
    }

    /// `PATCH` with a JSON merge patch (RFC 7396).
    pub async fn patch(&self, path: &str, change: &Value) -> Answer {
        let call = self.request(Method::PATCH, path);
        call.body(MERGE_PATCH, change.to_string()).await
    }

    async fn send(&self, method: Method, path: &str, payload: Payload) -> Answer {
        let call = self.request(method, path);
        call.body(payload.content_type, payload.text).await
    }

    /// Any other request.
    pub fn request(&self, method: Method, path: &str) -> Call {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(headers) = request.headers_mut() {
            headers.clone_from(&self.headers);
        }
        if let (Some(peer), Some(extensions)) = (self.peer, request.extensions_mut()) {
            extensions.insert(peer);
        }
        Call {
            app: self.app.clone(),
            request,
        }
    }
}

/// A body and its media type.
pub struct Payload {
    content_type: &'static str,
    text: String,
}

impl From<&Value> for Payload {
    fn from(json: &Value) -> Self {
        Self {
            content_type: JSON,
            text: json.to_string(),
        }
    }
}

impl From<&str> for Payload {
    fn from(form: &str) -> Self {
        Self {
            content_type: FORM,
            text: form.to_owned(),
        }
    }
}

impl From<&String> for Payload {
    fn from(form: &String) -> Self {
        Self::from(form.as_str())
    }
}

/// A request that is not sent yet.
pub struct Call {
    app: TestApp,
    request: Builder,
}

impl Call {
    /// One more header, beside those that are there.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// With this `Content-Type`, or none.
    pub fn content_type(self, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.header(CONTENT_TYPE.as_str(), value),
            None => self,
        }
    }

    pub async fn json(self, body: &Value) -> Answer {
        self.body(JSON, body.to_string()).await
    }

    pub async fn empty(self) -> Answer {
        self.send(Body::empty()).await
    }

    pub async fn body(self, content_type: &str, body: impl Into<Body>) -> Answer {
        self.header(CONTENT_TYPE.as_str(), content_type)
            .send(body)
            .await
    }

    /// Sends it with a body that has no media type.
    pub async fn send(self, body: impl Into<Body>) -> Answer {
        let request = self.request.body(body.into()).expect("a request");
        self.app.send(request).await
    }
}
