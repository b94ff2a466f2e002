use std::collections::VecDeque;
use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::header::{CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use domain::model::clock::SystemRandomness;
use http_body_util::BodyExt as _;
use hyper::body::Frame;
use serde_json::Value;
use tower::ServiceExt as _;

use super::*;
use crate::http::Entrance;

/// A body in pieces, which may never end.
struct Pieces {
    left: VecDeque<&'static str>,
    ends: bool,
}

impl axum::body::HttpBody for Pieces {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.left.pop_front() {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(piece.as_bytes()))))),
            None if self.ends => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

async fn panics() {
    panic!("canary-of-the-panic")
}

/// The words of a wire.
#[derive(Debug)]
struct Words;

impl Refusals for Words {
    fn refusal(&self, refusal: TransportRefusal, path: &str) -> Response {
        let text = format!("{path} is refused: {}", refusal.name());
        (refusal.status(), text).into_response()
    }
}

/// A wire's handler, which reads the body itself.
async fn echo(body: Body) -> Response {
    match LIMIT.read(body).await {
        Ok(body) => body.into_response(),
        Err(refusal) => {
            let mut response = Words.refusal(refusal, "/wire/echo");
            response.extensions_mut().insert(refusal);
            response
        }
    }
}

const LIMIT: BodyLimit = BodyLimit {
    bytes: 10,
    time: Duration::from_secs(1),
};

fn router() -> Entrance {
    let elsewhere = BodyLimit { bytes: 5, ..LIMIT };
    let wire = Area {
        name: "wire",
        prefixes: &["/wire"],
        words: Arc::new(Words),
    };
    let front = Front::new(4, elsewhere, vec![wire], &SystemRandomness);
    let routes = Router::new()
        .route("/wire/echo", post(echo))
        .route("/wire/unread", post(async || "unread"))
        .route("/echo", post(|body: Bytes| async { body }))
        .route("/wire/panic", get(panics))
        .route("/panic", get(panics));
    Entrance::new(front, routes)
}

async fn send(request: Request<Body>) -> (StatusCode, HeaderMap, Bytes) {
    let Ok(response) = router().oneshot(request).await;
    let (parts, body) = response.into_parts();
    (
        parts.status,
        parts.headers,
        body.collect().await.unwrap().to_bytes(),
    )
}

fn post_to(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).body(body.into()).unwrap()
}

#[tokio::test]
async fn a_body_at_its_limit_passes_whole() {
    let (status, _, body) = send(post_to("/wire/echo", "0123456789")).await;
    assert_eq!((status, body), (StatusCode::OK, Bytes::from("0123456789")));
    let (status, _, body) = send(post_to("/echo", "01234")).await;
    assert_eq!((status, body), (StatusCode::OK, Bytes::from("01234")));
}

#[tokio::test]
async fn a_body_over_its_limit_is_too_large_in_the_words_of_its_wire() {
    let (status, headers, body) = send(post_to("/wire/echo", "0123456789a")).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(headers[CONNECTION], "close");
    assert_eq!(body, "/wire/echo is refused: body_too_large");
    let (status, headers, body) = send(post_to("/echo", "012345")).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    let body: Value = serde_json::from_slice(&body).unwrap();
    let id = headers[REQUEST_ID].to_str().unwrap();
    assert_eq!(
        body,
        serde_json::json!({"error": "body_too_large", "request_id": id})
    );
}

#[tokio::test]
async fn a_body_in_pieces_is_joined_and_counted() {
    for (pieces, expected) in [
        (vec!["01", "23", "45", "6789"], StatusCode::OK),
        (
            vec!["01", "23", "45", "67890"],
            StatusCode::PAYLOAD_TOO_LARGE,
        ),
    ] {
        let body = Pieces {
            left: pieces.clone().into(),
            ends: true,
        };
        let (status, _, body) = send(post_to("/wire/echo", Body::new(body))).await;
        assert_eq!(status, expected);
        if status == StatusCode::OK {
            assert_eq!(body, Bytes::from(pieces.concat()));
        }
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_given_up() {
    let body = Pieces {
        left: ["0"].into(),
        ends: false,
    };
    let begun = tokio::time::Instant::now();
    let (status, headers, _) = send(post_to("/echo", Body::new(body))).await;
    assert_eq!(status, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(headers[CONNECTION], "close");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_compressed_body_is_refused_and_an_identity_one_is_not() {
    let with = |encoding: &str| {
        Request::post("/wire/echo")
            .header(CONTENT_ENCODING, encoding)
            .body(Body::from("x"))
            .unwrap()
    };
    for encoding in ["gzip", "br", "identity, gzip"] {
        let (status, _, body) = send(with(encoding)).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{encoding}");
        let expected = "/wire/echo is refused: content_encoding_not_supported";
        assert_eq!(body, expected);
    }
    assert_eq!(send(with("identity")).await.0, StatusCode::OK);
}

#[tokio::test]
async fn more_headers_than_allowed_are_refused() {
    let mut request = post_to("/wire/echo", "x");
    for name in ["a", "b", "c", "d"] {
        request
            .headers_mut()
            .append(CONTENT_LENGTH, HeaderValue::from_static("1"));
        request
            .headers_mut()
            .append(name, HeaderValue::from_static("1"));
    }
    assert_eq!(
        send(request).await.0,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
    );
}

#[tokio::test]
async fn a_panic_in_a_handler_is_an_error_of_the_wire_without_its_text() {
    for (path, expected) in [
        ("/wire/panic", "/wire/panic is refused: internal"),
        ("/panic", "\"error\":\"internal\""),
    ] {
        let (status, _, body) = send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains(expected), "{text}");
        assert!(!text.contains("canary"), "{text}");
    }
}

#[tokio::test]
async fn every_answer_has_a_request_id_of_its_own() {
    let mut seen = std::collections::HashSet::new();
    let router = router();
    for _ in 0..100 {
        let Ok(response) = router.clone().oneshot(post_to("/echo", "x")).await;
        assert!(seen.insert(response.headers()[REQUEST_ID].clone()));
    }
    let Ok(response) = router
        .oneshot(Request::get("/nowhere").body(Body::empty()).unwrap())
        .await;
    assert!(response.headers().contains_key(REQUEST_ID));
}

#[tokio::test]
async fn a_wire_gets_a_body_that_is_not_read_yet() {
    let body = Pieces {
        left: ["0"].into(),
        ends: false,
    };
    let (status, _, body) = send(post_to("/wire/unread", Body::new(body))).await;
    assert_eq!((status, body), (StatusCode::OK, Bytes::from("unread")));
}

#[test]
fn a_path_belongs_to_a_wire_by_whole_segments() {
    let wire = Area {
        name: "wire",
        prefixes: &["/v2", "/manage"],
        words: Arc::new(Words),
    };
    for own in ["/v2", "/v2/", "/v2/Services", "/manage/v1"] {
        assert!(wire.holds(own), "{own}");
    }
    for other in ["/v2x/Services", "/v", "/", "", "/V2"] {
        assert!(!wire.holds(other), "{other}");
    }
}
