//! One HTTP/1.1 connection of a back end to a server on this machine.

use std::net::SocketAddr;

use base64::Engine;
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Content type of form bodies.
pub const FORM: &str = "application/x-www-form-urlencoded";
/// Content type of JSON bodies.
pub const JSON: &str = "application/json";

/// What may go wrong on a connection: the transport, or an answer that is not JSON.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The value of an `Authorization` header for a name and a secret.
pub fn basic(name: &str, secret: &str) -> String {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{secret}"));
    format!("Basic {pair}")
}

/// A kept-alive connection that authenticates every request.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    authorization: String,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens.
    #[expect(
        clippy::disallowed_methods,
        reason = "the load driver measures connections, so it makes them itself"
    )]
    pub async fn open(address: SocketAddr, authorization: &str) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self {
            sender,
            host: address.to_string(),
            authorization: authorization.to_owned(),
        })
    }

    /// Sends a request and gives the status and the JSON body; an empty body is null.
    ///
    /// # Errors
    /// When the connection breaks or the answer is not JSON.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        content_type: &str,
        body: String,
    ) -> Result<(StatusCode, Value), Failure> {
        let response = self.exchange(method, path, content_type, body).await?;
        let status = response.status();
        let body = response.into_body();
        let answer = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&body)?
        };
        Ok((status, answer))
    }

    /// Sends a request and gives the whole response.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        content_type: &str,
        body: String,
    ) -> Result<Response<Bytes>, Failure> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.host)
            .header(AUTHORIZATION, &self.authorization)
            .header(CONTENT_TYPE, content_type)
            .body(Full::new(Bytes::from(body)))?;
        self.sender.ready().await?;
        let (head, body) = self.sender.send_request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Response::from_parts(head, body))
    }

    /// Posts a body and gives the answer to a success.
    ///
    /// # Errors
    /// As [`send`](Self::send), and when the status is not a success.
    pub async fn post(
        &mut self,
        path: &str,
        content_type: &str,
        body: String,
    ) -> Result<Value, Failure> {
        let (status, answer) = self.send(Method::POST, path, content_type, body).await?;
        if status.is_success() {
            Ok(answer)
        } else {
            Err(format!("{path}: {status} {answer}").into())
        }
    }
}
