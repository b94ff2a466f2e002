//! TLS in the process, HTTP/2, the PROXY protocol, and sockets of systemd.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use testkit::TlsIdentity;
use tokio_rustls::TlsConnector;

use crate::support::*;

type Secure = StreamOwned<ClientConnection, TcpStream>;

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    let lines: Vec<&str> = body
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

fn write_certificate(directory: &Path, identity: &TlsIdentity) {
    let chain: Vec<String> = identity
        .certificates
        .iter()
        .map(|one| pem("CERTIFICATE", one))
        .collect();
    std::fs::write(directory.join("tls.pem"), chain.concat()).unwrap();
}

fn write_key(directory: &Path, identity: &TlsIdentity) {
    let key = pem("PRIVATE KEY", &identity.private_key);
    std::fs::write(directory.join("tls.key"), key).unwrap();
}

/// The settings of a server with TLS whose files are in this directory.
fn secure<'a>(command: &'a mut Command, directory: &Path) -> &'a mut Command {
    command
        .env("PASSKEYD_TLS__CERTIFICATE_FILE", directory.join("tls.pem"))
        .env("PASSKEYD_TLS__KEY_FILE", directory.join("tls.key"))
}

fn server(settings: &[(&str, &str)]) -> (tempfile::TempDir, TlsIdentity, Server) {
    let data = tempfile::tempdir().unwrap();
    let identity = TlsIdentity::new("localhost").unwrap();
    write_certificate(data.path(), &identity);
    write_key(data.path(), &identity);
    let mut command = serve_known(data.path());
    secure(&mut command, data.path()).envs(settings.iter().copied());
    let server = Server::start(&mut command);
    (data, identity, server)
}

/// A client that trusts these servers and speaks these protocols.
fn client(identities: &[&TlsIdentity], protocols: &[&str]) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    for identity in identities {
        roots.add(identity.root.clone().into()).unwrap();
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols
        .iter()
        .map(|one| one.as_bytes().to_vec())
        .collect();
    Arc::new(config)
}

fn over(config: &Arc<ClientConfig>, stream: TcpStream) -> std::io::Result<Secure> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

fn connect(config: &Arc<ClientConfig>, address: SocketAddr) -> std::io::Result<Secure> {
    over(config, TcpStream::connect(address)?)
}

/// Everything until the end, however it ends.
fn rest(stream: &mut impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return all,
            Ok(n) => all.extend_from_slice(&buffer[..n]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                panic!("the server does not close the connection")
            }
            Err(_) => return all,
        }
    }
}

fn exchange(mut stream: Secure, bytes: &[u8]) -> String {
    stream.write_all(bytes).unwrap();
    String::from_utf8(rest(&mut stream)).unwrap()
}

fn still_serves(config: &Arc<ClientConfig>, server: &Server) {
    let asked = request("GET", "/livez", &[], "");
    let answer = exchange(connect(config, server.address).unwrap(), asked.as_bytes());
    assert_eq!(status(&answer), 200, "{answer}");
}

#[test]
fn http_1_is_served_over_tls_and_not_without() {
    let (_data, identity, server) = server(&[]);
    let config = client(&[&identity], &["http/1.1"]);
    let asked = request("GET", "/v2/Services", &[&basic(SID, TOKEN)], "");
    let answer = exchange(connect(&config, server.address).unwrap(), asked.as_bytes());
    assert_eq!(status(&answer), 200, "{answer}");
    assert!(
        answer.contains("\r\nstrict-transport-security: max-age=31536000\r\n"),
        "{answer}"
    );
    let links = format!("\"https://localhost:{}/v2/", server.address.port());
    assert!(answer.contains(&links), "{answer}");
    // Who names no protocol gets HTTP/1.1.
    still_serves(&client(&[&identity], &[]), &server);
    let mut plain = server.connect();
    plain.write_all(asked.as_bytes()).unwrap();
    assert!(!rest(&mut plain).starts_with(b"HTTP/"));
    let other = TlsIdentity::new("localhost").unwrap();
    assert!(connect(&client(&[&other], &[]), server.address).is_err());
}

#[test]
fn a_handshake_that_is_old_malformed_or_never_ends_is_closed() {
    let (_data, identity, server) = server(&[("PASSKEYD_LIMITS__HEADER_READ_SECONDS", "1")]);
    // TLS 1.1 with two suites of its time.
    let mut old = vec![0x16, 3, 1, 0, 47, 1, 0, 0, 43, 3, 2];
    old.extend([7; 32]);
    old.extend([0, 0, 4, 0, 0x2f, 0, 0x35, 1, 0]);
    for bytes in [
        &old[..],
        b"",
        b"\x16\x03\x01",
        b"\x16\x03\x01\xff\xff\x01\xff\xff\xff",
        b"\x15\x03\x03\x00\x02\x02\x28",
        &[0x80; 500],
        &vec![0; 70_000],
    ] {
        let mut stream = server.connect();
        let _ = stream.write_all(bytes);
        let answer = rest(&mut stream);
        // An alert or nothing; never a ServerHello.
        assert_ne!(answer.first(), Some(&0x16), "{answer:?}");
    }
    still_serves(&client(&[&identity], &[]), &server);
}

/// Whether a response of HTTP/1.1 has come to its end.
fn is_whole(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    body.len() == length.parse::<usize>().unwrap()
}

#[test]
fn a_certificate_is_replaced_and_no_request_fails() {
    let (data, first, mut server) = server(&[]);
    let second = TlsIdentity::new("localhost").unwrap();
    let both = client(&[&first, &second], &["http/1.1"]);
    let done = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU64::new(0));
    let address = server.address;
    let mut load: Vec<_> = (0..3)
        .map(|_| {
            let (done, answered, both) =
                (Arc::clone(&done), Arc::clone(&answered), Arc::clone(&both));
            std::thread::spawn(move || {
                let asked = request("GET", "/livez", &[], "");
                while !done.load(Ordering::Relaxed) {
                    let answer = exchange(connect(&both, address).unwrap(), asked.as_bytes());
                    assert_eq!(status(&answer), 200);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    // And on a connection that stays.
    load.push({
        let (done, both) = (Arc::clone(&done), Arc::clone(&both));
        std::thread::spawn(move || {
            let mut stream = connect(&both, address).unwrap();
            while !done.load(Ordering::Relaxed) {
                stream
                    .write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
                    .unwrap();
                let mut answer = String::new();
                let mut buffer = [0; 1024];
                while !is_whole(&answer) {
                    let read = stream.read(&mut buffer).unwrap();
                    assert_ne!(read, 0, "the connection was closed");
                    answer.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
                }
                assert_eq!(status(&answer), 200);
                std::thread::sleep(Duration::from_millis(5));
            }
        })
    });
    let presented = |identity: &TlsIdentity| {
        let only = client(&[identity], &["http/1.1"]);
        (0..1000).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            connect(&only, address).is_ok()
        })
    };
    for identity in [&second, &first, &second] {
        write_certificate(data.path(), identity);
        write_key(data.path(), identity);
        server.signal("HUP");
        assert!(presented(identity));
    }
    // A certificate without its key is not taken, and says so.
    write_certificate(data.path(), &first);
    server.signal("HUP");
    let told = server.wait_for_line("cannot be used");
    assert!(told.contains("tls.key_file"), "{told}");
    assert!(presented(&second));
    // The files alone are enough.
    write_key(data.path(), &first);
    assert!(presented(&first));
    done.store(true, Ordering::Relaxed);
    for one in load {
        one.join().unwrap();
    }
    assert!(answered.load(Ordering::Relaxed) > 0);
}

/// Sends these requests on one connection of HTTP/2, all at once, and returns the responses.
fn over_http2(
    identity: &TlsIdentity,
    address: SocketAddr,
    requests: Vec<hyper::Request<Empty<Bytes>>>,
) -> Vec<hyper::Response<Bytes>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let config = client(&[identity], &["h2"]);
    runtime.block_on(async move {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(config)
            .connect(name, stream)
            .await
            .unwrap();
        let io = TokioIo::new(stream);
        let (send, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        let asked: Vec<_> = requests
            .into_iter()
            .map(|request| {
                let mut send = send.clone();
                tokio::spawn(async move {
                    send.ready().await.unwrap();
                    let (parts, body) = send.send_request(request).await.unwrap().into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    hyper::Response::from_parts(parts, body)
                })
            })
            .collect();
        let mut responses = Vec::new();
        for one in asked {
            responses.push(one.await.unwrap());
        }
        responses
    })
}

fn get(path: &str) -> hyper::http::request::Builder {
    hyper::Request::get(format!("https://localhost{path}"))
}

#[test]
fn http_2_is_served_with_the_limits_of_http_1() {
    let (_data, identity, server) = server(&[]);
    let secret = basic(SID, TOKEN);
    let secret = secret.split_once(": ").unwrap().1;
    let with_secret = |path: &str| get(path).header("authorization", secret);
    let mut requests: Vec<_> = (0..300)
        .map(|_| with_secret("/v2/Services").body(Empty::new()).unwrap())
        .collect();
    let many = (0..70).fold(get("/livez"), |request, n| {
        request.header(format!("h{n}"), "x")
    });
    requests.push(many.body(Empty::new()).unwrap());
    let other_host = get("/livez").header("host", "other.example");
    requests.push(other_host.body(Empty::new()).unwrap());
    let long = get("/docs/configuration").body(Empty::new()).unwrap();
    requests.push(long);
    let responses = over_http2(&identity, server.address, requests);
    for response in &responses[..300] {
        assert_eq!(response.status(), 200);
        assert_eq!(
            response.headers()["strict-transport-security"],
            "max-age=31536000"
        );
        let list: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
        assert_eq!(list["services"].as_array().unwrap().len(), 0);
    }
    assert_eq!(responses[300].status(), 431);
    assert_eq!(responses[301].status(), 400);
    let long = &responses[302];
    assert_eq!(long.status(), 200);
    // More than one piece.
    assert!(long.body().len() > 20_000, "{}", long.body().len());
    assert!(long.body().ends_with(b"</html>\n") || long.body().ends_with(b"</html>"));
}

/// Frames of HTTP/2 (RFC 9113, section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
/// The error code that tells a client that it asks for too much.
const ENHANCE_YOUR_CALM: u32 = 11;

/// The preface of a connection, with these settings.
fn preface(settings: &[u8]) -> Vec<u8> {
    let begin = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    [&begin[..], &frame(SETTINGS, 0, 0, settings)].concat()
}

/// `GET /livez` as HPACK writes it without a table and without Huffman's code.
fn livez() -> Vec<u8> {
    let mut block = vec![0x82, 0x87, 0x04, 6];
    block.extend(b"/livez");
    block.extend([0x01, 9]);
    block.extend(b"localhost");
    block
}

/// The frames of some bytes: kind and payload.
fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(9) {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let Some((payload, after)) = rest.split_at_checked(length) else {
            break;
        };
        frames.push((head[3], payload.to_vec()));
        bytes = after;
    }
    frames
}

/// With which error the connection was ended.
fn goaway(bytes: &[u8]) -> Option<u32> {
    let frames = frames(bytes);
    let (_, payload) = frames.iter().find(|(kind, _)| *kind == GOAWAY)?;
    Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()))
}

#[test]
fn a_flood_of_http_2_ends_its_own_connection_only() {
    let (_data, identity, server) = server(&[]);
    let config = client(&[&identity], &["h2"]);
    let plain = client(&[&identity], &[]);
    // Rapid reset: each stream is reset at once, so that the limit of open streams never holds.
    let mut resets = preface(&[]);
    for number in 0..2000_u32 {
        let stream = 2 * number + 1;
        resets.extend(frame(HEADERS, 0x5, stream, &livez()));
        resets.extend(frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    // The server closes while this client still writes. The reset of the connection may then overtake the frame that says why.
    let why = (0..5).find_map(|_| {
        let mut stream = connect(&config, server.address).unwrap();
        let _ = stream.write_all(&resets);
        goaway(&rest(&mut stream))
    });
    assert_eq!(why, Some(ENHANCE_YOUR_CALM));
    still_serves(&plain, &server);
    // Headers without an end.
    let mut stream = connect(&config, server.address).unwrap();
    stream.write_all(&preface(&[])).unwrap();
    stream.write_all(&frame(HEADERS, 0x1, 1, &livez())).unwrap();
    let more = frame(
        CONTINUATION,
        0,
        1,
        &[b"\x00\x01a\x7f\x81\x07", &[b'x'; 1024][..]].concat(),
    );
    let sent = (0..20_000)
        .take_while(|_| {
            stream
                .write_all(&more)
                .and_then(|()| stream.flush())
                .is_ok()
        })
        .count();
    assert!(sent < 20_000, "the connection was closed");
    still_serves(&plain, &server);
}

#[test]
fn an_http_2_client_that_is_idle_or_reads_nothing_is_closed() {
    let (_data, identity, server) = server(&[
        ("PASSKEYD_LIMITS__IDLE_SECONDS", "1"),
        ("PASSKEYD_LIMITS__WRITE_SECONDS", "1"),
    ]);
    let config = client(&[&identity], &["h2"]);
    let mut idle = connect(&config, server.address).unwrap();
    idle.write_all(&preface(&[])).unwrap();
    assert_eq!(goaway(&rest(&mut idle)), Some(0));
    // The windows of all streams are closed: the response is never read.
    let mut unread = connect(&config, server.address).unwrap();
    let no_window = [0, 4, 0, 0, 0, 0];
    unread.write_all(&preface(&no_window)).unwrap();
    unread.write_all(&frame(HEADERS, 0x5, 1, &livez())).unwrap();
    let answer = frames(&rest(&mut unread));
    // Status 200, and no data.
    assert!(
        answer
            .iter()
            .any(|(kind, payload)| *kind == HEADERS && payload[0] == 0x88)
    );
    assert!(answer.iter().all(|(kind, _)| *kind != 0));
    still_serves(&client(&[&identity], &[]), &server);
}

/// Connects from this address of this machine.
fn from(source: &str, address: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket
            .bind(SocketAddr::new(source.parse().unwrap(), 0))
            .unwrap();
        socket.connect(address).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

#[test]
fn a_trusted_proxy_names_the_client_by_the_proxy_protocol() {
    let settings = [
        ("PASSKEYD_PROXY_PROTOCOL", "true"),
        ("PASSKEYD_TRUSTED_PROXIES", "[127.0.0.2]"),
    ];
    let (_data, identity, mut secure) = server(&settings);
    let data = tempfile::tempdir().unwrap();
    let mut command = serve_known(data.path());
    command.envs(settings);
    let mut plain = Server::start(&mut command);

    let first = b"PROXY TCP4 203.0.113.9 10.0.0.1 4660 443\r\n".to_vec();
    let mut second = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".to_vec();
    second.extend([203, 0, 113, 10, 10, 0, 0, 1, 1, 1, 1, 1]);
    // What the client says about itself has no effect.
    let asked = |id: &str| {
        request(
            "GET",
            &format!("/v2/{id}"),
            &["X-Forwarded-For: 198.51.100.1"],
            "",
        )
    };
    for (header, client) in [(&first, "203.0.113.9"), (&second, "203.0.113.10")] {
        let mut stream = from("127.0.0.2", plain.address);
        stream.write_all(header).unwrap();
        stream.write_all(asked("x").as_bytes()).unwrap();
        assert_eq!(status(&read_to_end(&mut stream)), 401);
        plain.wait_for_line(&format!("\"client\":\"{client}\""));
        // Before TLS, too.
        let mut stream = from("127.0.0.2", secure.address);
        stream.write_all(header).unwrap();
        let stream = over(&self::client(&[&identity], &[]), stream).unwrap();
        assert_eq!(status(&exchange(stream, asked("x").as_bytes())), 401);
        secure.wait_for_line(&format!("\"client\":\"{client}\""));
    }
    // Without a header, or with a wrong one, a proxy gets no answer.
    for header in ["", "PROXY TCP4 203.0.113.9 10.0.0.1 4660\r\n"] {
        let mut stream = from("127.0.0.2", plain.address);
        stream.write_all(header.as_bytes()).unwrap();
        let _ = stream.write_all(asked("x").as_bytes());
        assert!(rest(&mut stream).is_empty());
    }
    // Another peer speaks for itself, and may not name anyone.
    let mut stream = from("127.0.0.3", plain.address);
    stream.write_all(asked("x").as_bytes()).unwrap();
    assert_eq!(status(&read_to_end(&mut stream)), 401);
    plain.wait_for_line("\"client\":\"127.0.0.3\"");
    let mut stream = from("127.0.0.3", plain.address);
    stream.write_all(&first).unwrap();
    let _ = stream.write_all(asked("x").as_bytes());
    let answer = String::from_utf8(rest(&mut stream)).unwrap();
    assert_eq!(status(&answer), 400, "{answer}");
}

#[test]
fn sockets_of_systemd_are_told_apart_by_their_names() {
    let data = tempfile::tempdir().unwrap();
    let [console, main] = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let addresses = [&console, &main].map(|socket| socket.local_addr().unwrap());
    let wanted = serve_known(data.path());
    let started = |names: &str| {
        let mut command = Command::new("/bin/sh");
        let script = "exec 3<&0 4<&1 </dev/null >&2; LISTEN_PID=$$ LISTEN_FDS=2 exec \"$0\" \"$@\"";
        command
            .env_clear()
            .env("LISTEN_FDNAMES", names)
            .env("PASSKEYD_CONSOLE__ENABLED", "true")
            .env("PASSKEYD_CONSOLE__LISTEN", "127.0.0.1:0")
            .args(["-c", script])
            .arg(wanted.get_program())
            .args(wanted.get_args())
            .stdin(OwnedFd::from(console.try_clone().unwrap()))
            .stdout(OwnedFd::from(main.try_clone().unwrap()))
            .stderr(Stdio::piped());
        command
    };
    let refused = ended(&mut started("console:other"));
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("FileDescriptorName=main"), "{said}");

    let server = Server::start(&mut started("console:main"));
    assert_eq!(server.address, addresses[1]);
    let asked = |address, path: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        let text = request("GET", path, &[], "");
        stream.write_all(text.as_bytes()).unwrap();
        status(&read_to_end(&mut stream))
    };
    assert_eq!(asked(addresses[0], "/console/sign-in"), 200);
    assert_eq!(asked(addresses[1], "/console/sign-in"), 404);
    assert_eq!(asked(addresses[1], "/livez"), 200);
}

#[test]
fn a_socket_that_systemd_opened_is_used() {
    let data = tempfile::tempdir().unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    // It is there before the server is.
    let mut early = TcpStream::connect(address).unwrap();
    early
        .write_all(request("GET", "/livez", &[], "").as_bytes())
        .unwrap();
    let wanted = serve_known(data.path());
    let mut command = Command::new("/bin/sh");
    command
        .env_clear()
        .args([
            "-c",
            "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\"",
        ])
        .arg(wanted.get_program())
        .args(wanted.get_args())
        .stdin(OwnedFd::from(socket))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let server = Server::start(&mut command);
    assert_eq!(server.address, address);
    assert_eq!(status(&read_to_end(&mut early)), 200);
    assert_eq!(status(&server.request("GET", "/livez", &[], "")), 200);
}

#[test]
fn settings_of_tls_that_cannot_be_used_are_named() {
    let data = tempfile::tempdir().unwrap();
    let identities = [(); 2].map(|()| TlsIdentity::new("localhost").unwrap());
    write_certificate(data.path(), &identities[0]);
    write_key(data.path(), &identities[1]);
    let refused = |command: &mut Command| {
        let output = ended(command);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains("BEGIN PRIVATE KEY"));
        said
    };
    let said = refused(secure(&mut serve(data.path()), data.path()));
    assert!(
        said.contains("`tls.key_file`: it is not the key of the certificate"),
        "{said}"
    );
    std::fs::write(data.path().join("tls.key"), "nothing").unwrap();
    let said = refused(secure(&mut serve(data.path()), data.path()));
    assert!(said.contains("it holds no private key"), "{said}");
    std::fs::remove_file(data.path().join("tls.pem")).unwrap();
    let said = refused(secure(&mut serve(data.path()), data.path()));
    assert!(
        said.contains("tls.certificate_file") && said.contains("cannot read"),
        "{said}"
    );
    let said = refused(serve(data.path()).env("PASSKEYD_TLS__KEY_FILE", "/k"));
    assert!(said.contains("set both files or none"), "{said}");
    let said = refused(serve(data.path()).env("PASSKEYD_PROXY_PROTOCOL", "true"));
    assert!(said.contains("trusted_proxies"), "{said}");
}

#[test]
fn the_doctor_looks_at_the_certificate() {
    let data = tempfile::tempdir().unwrap();
    let identity = TlsIdentity::new("localhost").unwrap();
    write_certificate(data.path(), &identity);
    write_key(data.path(), &identity);
    let found = |public_url: &str| {
        let mut command = passkeyd();
        command
            .args(["doctor", "--json", "--offline", "--data-dir"])
            .arg(data.path());
        secure(&mut command, data.path()).env("PASSKEYD_LISTEN", "0.0.0.0:0");
        let output = ended(command.env("PASSKEYD_PUBLIC_URL", public_url));
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap().clone();
        let level = |check: &str| {
            let found = findings.iter().find(|finding| finding["check"] == check);
            found.map(|finding| finding["level"].as_str().unwrap().to_owned())
        };
        (level("tls"), level("open_without_tls"))
    };
    let own = "https://localhost:8443/passkeyd";
    assert_eq!(found(own), (Some("good".to_owned()), None));
    let other = "https://passkeys.acme.test";
    assert_eq!(found(other), (Some("warning".to_owned()), None));
    write_key(data.path(), &TlsIdentity::new("localhost").unwrap());
    assert_eq!(found(own), (Some("problem".to_owned()), None));
}

/// A container does not know its public name, and a certificate may be of a private authority.
#[test]
fn health_asks_the_own_listener_over_tls_and_as_a_proxy() {
    let proxied = [
        ("PASSKEYD_PROXY_PROTOCOL", "true"),
        ("PASSKEYD_TRUSTED_PROXIES", "[127.0.0.1]"),
    ];
    for settings in [&[][..], &proxied] {
        let (data, _, server) = server(settings);
        let health = |directory: &Path, settings: &[(&str, &str)]| {
            let mut command = passkeyd();
            secure(&mut command, directory).arg("health");
            command.env("PASSKEYD_LISTEN", server.address.to_string());
            command.env("PASSKEYD_PUBLIC_URL", "https://passkeys.invalid");
            let output = ended(command.envs(settings.iter().copied()));
            let said = String::from_utf8(output.stderr).unwrap();
            (output.status.success(), said)
        };
        let (ready, said) = health(data.path(), settings);
        assert!(ready, "{said}");
        // Another certificate than that of the server.
        let other = tempfile::tempdir().unwrap();
        let identity = TlsIdentity::new("localhost").unwrap();
        write_certificate(other.path(), &identity);
        write_key(other.path(), &identity);
        // The server may not have read it yet.
        let (ready, said) = health(other.path(), settings);
        assert!(ready, "{said}");
        let mut options = std::fs::File::options();
        let file = options
            .write(true)
            .open(other.path().join("tls.pem"))
            .unwrap();
        let long_ago = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        file.set_modified(long_ago).unwrap();
        let (ready, said) = health(other.path(), settings);
        assert!(!ready && said.contains("has another certificate"), "{said}");
        // A certificate that is of no use is not presented: the server keeps what it had.
        std::fs::write(other.path().join("tls.pem"), "no certificate").unwrap();
        let file = std::fs::File::options()
            .write(true)
            .open(other.path().join("tls.pem"));
        file.unwrap().set_modified(long_ago).unwrap();
        let (ready, said) = health(other.path(), settings);
        assert!(ready, "{said}");
        // The server demands the header of a proxy, and gets none.
        if !settings.is_empty() {
            let (ready, said) = health(data.path(), &[]);
            assert!(!ready, "{said}");
        }
        server.stop();
    }
}
