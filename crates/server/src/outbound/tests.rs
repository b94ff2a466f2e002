use std::collections::BTreeSet;
use std::net::IpAddr;

use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use testkit::TlsIdentity;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

use super::*;

const LIMITS: Limits = Limits {
    time: Duration::from_mins(2),
    body: 100,
    redirects: 2,
    idle: Duration::ZERO,
};

/// Reads the head of a request and answers it.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, response: &[u8]) -> String {
    let mut request = vec![0; 1024];
    let length = stream.read(&mut request).await.unwrap_or_default();
    let _ = stream.write_all(response).await;
    let _ = stream.shutdown().await;
    request.truncate(length);
    String::from_utf8(request).unwrap()
}

/// A server on this machine that answers requests over TLS; its port.
async fn serve_tls(identity: &TlsIdentity) -> u16 {
    let chain = identity.certificates.iter().map(|one| one.clone().into());
    let key = PrivateKeyDer::Pkcs8(identity.private_key.clone().into());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.collect(), key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(stream).await {
                answer(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nblob").await;
            }
        }
    });
    port
}

/// A server on this machine that gives these answers, one for each connection; its port, and what was asked.
async fn serve(answers: &'static [&'static str]) -> (u16, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = tokio::spawn(async move {
        let mut asked = Vec::new();
        for response in answers {
            let (stream, _) = listener.accept().await.unwrap();
            asked.push(answer(stream, response.as_bytes()).await);
        }
        asked
    });
    (port, asked)
}

fn client(roots: RootCertStore, allowed: fn(IpAddr) -> bool) -> Client {
    Client::new(roots, allowed, LIMITS).unwrap()
}

fn open() -> Client {
    client(RootCertStore::empty(), |_| true)
}

async fn get(client: &Client, url: String) -> Result<Response<Bytes>, OutboundError> {
    client.get(&url.parse().unwrap(), None).await
}

fn roots(identity: &TlsIdentity) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(identity.root.clone().into()).unwrap();
    roots
}

#[tokio::test]
async fn over_https_the_server_must_be_who_the_address_says() {
    let identity = TlsIdentity::new("localhost").unwrap();
    let port = serve_tls(&identity).await;
    let url = format!("https://localhost:{port}/");
    let trusting = client(roots(&identity), |_| true);
    let response = get(&trusting, url.clone()).await.unwrap();
    assert_eq!(&**response.body(), b"blob");

    let other = TlsIdentity::new("localhost").unwrap();
    for (client, url) in [
        (trusting, format!("https://127.0.0.1:{port}/")),
        (client(roots(&other), |_| true), url.clone()),
        (open(), url),
    ] {
        let refused = get(&client, url).await;
        assert!(
            matches!(&refused, Err(OutboundError::Connection(why)) if why.contains("certificate")),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_or_speaks_no_tls_cannot_be_reached() {
    let (port, asked) = serve(&["HTTP/1.1 400 Bad Request\r\n\r\n"]).await;
    let url = format!("https://127.0.0.1:{port}/");
    for _ in 0..2 {
        let refused = get(&open(), url.clone()).await;
        assert!(
            matches!(refused, Err(OutboundError::Connection(_))),
            "{refused:?}"
        );
    }
    drop(asked);
}

#[tokio::test]
async fn no_connection_is_made_to_an_address_that_is_not_allowed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let outside = client(RootCertStore::empty(), |address| !address.is_loopback());
    for scheme in ["http", "https"] {
        let by_name = get(&outside, format!("{scheme}://localhost:{port}/")).await;
        assert!(
            matches!(&by_name, Err(OutboundError::Connection(why)) if why == address::REFUSED),
            "{by_name:?}"
        );
        for host in ["127.0.0.1", "[::1]"] {
            let by_number = get(&outside, format!("{scheme}://{host}:{port}/")).await;
            assert!(
                matches!(by_number, Err(OutboundError::Address(address::REFUSED))),
                "{by_number:?}"
            );
        }
    }
    // Other ways to write an address are names for the system, which may know them.
    for host in ["127.1", "2130706433", "0x7f000001"] {
        let refused = get(&outside, format!("https://{host}:{port}/")).await;
        assert!(
            matches!(refused, Err(OutboundError::Connection(_))),
            "{refused:?}"
        );
    }
    let waiting = tokio::select! {
        biased;
        came = listener.accept() => came.is_err(),
        () = std::future::ready(()) => true,
    };
    assert!(waiting, "somebody was called");
}

#[tokio::test]
async fn the_rule_about_addresses_holds_for_redirections() {
    let (port, _asked) = serve(&[
        "HTTP/1.1 302 Found\r\nLocation: https://127.0.0.2/\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\n\r\n",
    ])
    .await;
    let first_only = client(RootCertStore::empty(), |address| {
        address == IpAddr::from([127, 0, 0, 1])
    });
    for why in [address::REFUSED, "it begins neither"] {
        let refused = get(&first_only, format!("http://127.0.0.1:{port}/")).await;
        assert!(
            matches!(&refused, Err(OutboundError::Address(found)) if found.starts_with(why)),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn redirections_are_counted() {
    let (port, asked) = serve(&["HTTP/1.1 302 Found\r\nLocation: /next\r\n\r\n"; 3]).await;
    let refused = get(&open(), format!("http://127.0.0.1:{port}/first")).await;
    assert!(
        matches!(refused, Err(OutboundError::Redirects(2))),
        "{refused:?}"
    );
    let asked = asked.await.unwrap();
    let paths: Vec<_> = asked
        .iter()
        .filter_map(|head| head.split(' ').nth(1))
        .collect();
    assert_eq!(paths, ["/first", "/next", "/next"]);
}

#[tokio::test]
async fn a_response_is_read_up_to_the_limit() {
    let (port, _asked) = serve(&[
        // Says how long it is, and does not send it.
        "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\nabc",
        // Does not say it.
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n\
         0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789x\
         \r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nabc",
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 101\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\n\r\nto the end",
    ])
    .await;
    let url = format!("http://127.0.0.1:{port}/");
    let client = open();
    for _ in 0..2 {
        let refused = get(&client, url.clone()).await;
        assert!(
            matches!(refused, Err(OutboundError::TooLarge(100))),
            "{refused:?}"
        );
    }
    let refused = get(&client, url.clone()).await;
    assert!(matches!(refused, Err(OutboundError::Broken)), "{refused:?}");
    let response = get(&client, url.clone()).await.unwrap();
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    assert!(response.body().is_empty());
    let response = get(&client, url).await.unwrap();
    assert_eq!(&**response.body(), b"to the end");
}

#[tokio::test]
async fn what_is_not_http_is_said() {
    let (port, _asked) = serve(&["nonsense\r\n\r\n", ""]).await;
    for _ in 0..2 {
        let refused = get(&open(), format!("http://127.0.0.1:{port}/")).await;
        assert!(
            matches!(refused, Err(OutboundError::Http(_))),
            "{refused:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_when_its_time_is_over() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // The connection is made by the system, and nobody answers.
    let refused = get(&open(), format!("http://127.0.0.1:{port}/")).await;
    assert!(
        matches!(refused, Err(OutboundError::TooSlow(120))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn what_is_known_is_asked_for_on_condition() {
    let (port, asked) = serve(&["HTTP/1.1 304 Not Modified\r\n\r\n"]).await;
    let url: Uri = format!("http://127.0.0.1:{port}/a?b=c").parse().unwrap();
    let known = HeaderValue::from_static("\"one\"");
    let response = open().get(&url, Some(&known)).await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
    let asked = asked.await.unwrap().concat().to_lowercase();
    assert!(asked.starts_with("get /a?b=c http/1.1\r\n"), "{asked}");
    for header in [
        format!("host: 127.0.0.1:{port}"),
        "if-none-match: \"one\"".to_owned(),
        format!("user-agent: {AGENT}"),
    ] {
        assert!(asked.contains(&format!("\r\n{header}\r\n")), "{asked}");
    }
}

#[test]
fn urls_are_called_over_https_or_on_this_machine() {
    for good in [
        "https://mds3.fidoalliance.org/",
        "https://mds.example:8443/blob?x=y",
        "http://localhost:8080/blob",
        "http://127.0.0.1/blob",
        "http://[::1]:80/blob",
    ] {
        assert!(parse(good).is_ok(), "{good}");
    }
    for bad in [
        "",
        "/blob",
        "mds3.fidoalliance.org",
        "http://mds3.fidoalliance.org/",
        "http://192.168.0.1/",
        "http://localhost.example/",
        "ftp://localhost/",
        "https://user@mds.example/",
        "https://a b/",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}

/// A server on this machine that accepts calls without a response's body; how many connections it has accepted by each call.
async fn accepting() -> (u16, mpsc::UnboundedReceiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (called, calls) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for number in 1.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let called = called.clone();
            tokio::spawn(async move {
                let mut request = vec![0; 1024];
                while stream.read(&mut request).await.unwrap_or_default() > 0 {
                    let _ = called.send(number);
                    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                }
            });
        }
    });
    (port, calls)
}

/// Calls, one after the other.
const CALLS: usize = 20;

#[tokio::test]
async fn a_connection_that_may_wait_takes_the_next_call_and_another_is_closed() {
    for (idle, is_kept) in [(Duration::from_mins(1), true), (Duration::ZERO, false)] {
        let limits = Limits { idle, ..LIMITS };
        let client = Client::new(RootCertStore::empty(), |_| true, limits).unwrap();
        let (port, mut calls) = accepting().await;
        let url: Uri = format!("http://127.0.0.1:{port}/").parse().unwrap();
        let mut connections = BTreeSet::new();
        for _ in 0..CALLS {
            let sent = client.post(url.clone(), HeaderMap::new(), Bytes::new());
            assert_eq!(sent.await.unwrap().0, StatusCode::NO_CONTENT);
            connections.insert(calls.recv().await.unwrap());
        }
        // A call that comes before the connection is back makes a new one, so not every call need find it.
        assert_eq!(connections.len() < CALLS, is_kept, "{connections:?}");
    }
}
