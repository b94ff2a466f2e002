use std::fmt::Write as _;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use crate::support::*;

fn server(settings: &[(&str, &str)]) -> (tempfile::TempDir, Server) {
    let data = tempfile::tempdir().unwrap();
    let mut command = serve_known(data.path());
    command.envs(settings.iter().copied());
    let server = Server::start(&mut command);
    (data, server)
}

/// It still answers, so whatever was done to it before has harmed nobody else.
fn still_serves(server: &Server) {
    assert_eq!(status(&server.request("GET", "/livez", &[], "")), 200);
}

#[test]
fn more_than_64_headers_or_16_kib_of_them_are_431_and_the_connection_is_closed() {
    let (_data, server) = server(&[]);
    let with = |count: usize| {
        let mut head = String::from("GET /livez HTTP/1.1\r\nHost: x\r\n");
        for number in 0..count {
            let _ = write!(head, "h{number}: x\r\n");
        }
        server.exchange(format!("{head}Connection: close\r\n\r\n").as_bytes())
    };
    assert_eq!(status(&with(62)), 200);
    assert_eq!(status(&with(63)), 431);
    assert_eq!(
        status(&with(98)),
        431,
        "also beyond what the HTTP library takes"
    );
    assert_eq!(status(&with(500)), 431);
    let long = |length: usize| {
        server.exchange(
            format!(
                "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\nh: {}\r\n\r\n",
                "x".repeat(length)
            )
            .as_bytes(),
        )
    };
    assert_eq!(status(&long(16_000)), 200);
    assert_eq!(status(&long(17_000)), 431);
    // Headers without an end are cut as soon as the limit is passed.
    let mut stream = server.connect();
    stream.write_all(b"GET /livez HTTP/1.1\r\n").unwrap();
    let mut sent = 0;
    while sent < 10_000_000 && stream.write_all(&[b'h'; 1000]).is_ok() {
        sent += 1000;
    }
    assert!(sent < 10_000_000, "the connection was closed");
    still_serves(&server);
}

#[test]
fn a_body_over_the_limit_is_413_before_the_rest_is_read() {
    let (_data, server) = server(&[]);
    for (path, limit, expected) in [
        ("/v2/Services", 262_144, "\"code\":20413"),
        ("/anything", 65_536, "body_too_large"),
    ] {
        // Announced and never sent.
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
            limit + 1
        );
        let answer = server.exchange(head.as_bytes());
        assert_eq!(status(&answer), 413, "{answer}");
        assert!(answer.contains(expected), "{answer}");
        // Not announced: chunks without an end, from a caller who is known.
        let mut stream = server.connect();
        let secret = basic(SID, TOKEN);
        stream
            .write_all(
                format!(
                    "POST {path} HTTP/1.1\r\nHost: x\r\n{secret}\r\nTransfer-Encoding: chunked\r\n\r\n"
                )
                .as_bytes(),
            )
            .unwrap();
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(65_536));
        for _ in 0..=(limit / 65_536) {
            let _ = stream.write_all(chunk.as_bytes());
        }
        assert_eq!(status(&read_to_end(&mut stream)), 413);
    }
    still_serves(&server);
}

/// A client whose writing fails throws the response away, although it has come.
#[test]
fn a_client_that_is_still_sending_is_not_reset_before_it_can_read_the_413() {
    let (_data, server) = server(&[]);
    let mut stream = server.connect();
    stream
        .write_all(b"POST /v2/Services HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).unwrap();
        if read == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..read]);
    }
    assert_eq!(status(&String::from_utf8(answer).unwrap()), 413);
    // The server has ended its side. What still comes is dropped, for a while.
    for _ in 0..4 {
        stream.write_all(&[b'x'; 16_384]).unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
    // Not for ever.
    let begun = Instant::now();
    while stream.write_all(&[b'x'; 1024]).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(50));
    }
    still_serves(&server);
}

#[test]
fn a_client_that_waits_for_100_continue_is_told_413_without_sending() {
    let (_data, server) = server(&[]);
    let answer = server.exchange(
        b"POST /v2/Services HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 999999\r\n\r\n",
    );
    assert_eq!(status(&answer), 413, "{answer}");
}

/// No limit stands in the code beside the configured one.
#[test]
fn a_raised_limit_lets_longer_bodies_pass_on_every_wire() {
    let long = " ".repeat(600_000);
    let posts = |server: &Server| {
        let secret = basic(SID, TOKEN);
        let json = "Content-Type: application/json";
        let form = "Content-Type: application/x-www-form-urlencoded";
        [
            server.request(
                "POST",
                "/v2/Services",
                &[&secret, form],
                &format!("FriendlyName=x&Unknown={long}"),
            ),
            server.request(
                "POST",
                "/manage/v1/api-keys",
                &[&secret, json],
                &format!("{{\"name\":\"x\"{long}}}"),
            ),
            server.request(
                "POST",
                "/api/v1/status",
                &[json],
                &format!("{{\"statusToken\":\"x\"{long}}}"),
            ),
            server.request(
                "POST",
                "/assertion/result",
                &[json],
                &format!("{{\"id\":\"x\"{long}}}"),
            ),
        ]
        .map(|answer| status(&answer))
    };
    let binding = ("PASSKEYD_FIDO__BINDING", "true");
    let (_data, as_it_is) = server(&[binding]);
    assert_eq!(posts(&as_it_is), [413; 4]);
    let (_data, raised) = server(&[
        binding,
        ("PASSKEYD_LIMITS__BODY_BYTES", "1048576"),
        ("PASSKEYD_LIMITS__BROWSER_BODY_BYTES", "1048576"),
    ]);
    assert_eq!(posts(&raised), [201, 201, 200, 400]);
}

/// A stranger cannot hold memory or a connection with a body that nobody will look at.
#[test]
fn a_stranger_is_refused_before_the_body_has_come() {
    let (_data, server) = server(&[
        ("PASSKEYD_LIMITS__BODY_READ_SECONDS", "300"),
        ("PASSKEYD_FIDO__BINDING", "true"),
        ("PASSKEYD_FIDO__NEVISFIDO", "true"),
    ]);
    let wrong = basic(SID, "a-wrong-token-0123456789");
    for (method, path, headers, expected) in [
        ("POST", "/v2/Services", "", 401),
        ("POST", "/v2/Services", wrong.as_str(), 401),
        ("POST", "/v2/nowhere", "", 401),
        ("POST", "/manage/v1/api-keys", "", 401),
        ("PUT", "/manage/v1/metadata", "", 401),
        ("POST", "/api/v1/users/enroll", "", 401),
        ("POST", "/api/v1/approval", "Authorization: Bearer x", 403),
        ("POST", "/api/v1/introspect", "", 401),
        ("POST", "/api/v1/intent", "", 401),
        ("POST", "/attestation/options", "", 401),
        ("POST", "/assertion/options", wrong.as_str(), 401),
        ("POST", "/nevisfido/fido2/attestation/options", "", 401),
        ("POST", "/nevisfido/fido2/status", "", 401),
    ] {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n");
        if !headers.is_empty() {
            let _ = write!(head, "{headers}\r\n");
        }
        head.push_str("Accept: application/json\r\nContent-Type: application/json\r\n\r\n");
        let answer = server.exchange(head.as_bytes());
        assert_eq!(status(&answer), expected, "{path}: {answer}");
        // The next request on it would begin in the middle of the body.
        assert!(answer.contains("connection: close\r\n"), "{path}: {answer}");
    }
    // A caller without credentials who sends the whole body with the head gets the response and can read it.
    let answer = server.request("POST", "/v2/Services", &[], "FriendlyName=x");
    assert_eq!(status(&answer), 401, "{answer}");
    still_serves(&server);
}

#[test]
fn a_compressed_body_is_415() {
    let (_data, server) = server(&[]);
    let answer = server.request("POST", "/v2/Services", &["Content-Encoding: gzip"], "xx");
    assert_eq!(status(&answer), 415, "{answer}");
    assert!(answer.contains("\"code\":"), "{answer}");
    still_serves(&server);
}

#[test]
fn slow_headers_close_the_connection_although_bytes_keep_coming() {
    let (_data, server) = server(&[("PASSKEYD_LIMITS__HEADER_READ_SECONDS", "1")]);
    let mut stream = server.connect();
    let begun = Instant::now();
    let mut buffer = [0; 1];
    stream
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nh: ").unwrap();
    loop {
        let _ = stream.write_all(b"x");
        match stream.read(&mut buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => break,
            Ok(_) => panic!("there is nothing to answer"),
        }
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
    assert!(
        begun.elapsed() >= Duration::from_millis(900),
        "{:?}",
        begun.elapsed()
    );
    still_serves(&server);
}

#[test]
fn a_slow_head_of_a_later_request_closes_the_connection_too() {
    let (_data, server) = server(&[("PASSKEYD_LIMITS__HEADER_READ_SECONDS", "1")]);
    let mut stream = server.connect();
    stream
        .write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    std::thread::sleep(Duration::from_millis(1500));
    // Silence between requests is not slowness.
    stream
        .write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    std::thread::sleep(Duration::from_millis(200));
    let begun = Instant::now();
    stream.write_all(b"GET /livez").unwrap();
    let answers = read_to_end(&mut stream);
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 2, "{answers}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_silent_connection_is_closed_after_the_idle_time() {
    let (_data, server) = server(&[("PASSKEYD_LIMITS__IDLE_SECONDS", "1")]);
    let begun = Instant::now();
    assert_eq!(
        read_to_end(&mut server.connect()),
        "",
        "before a first request"
    );
    let mut used = server.connect();
    used.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    assert_eq!(status(&read_to_end(&mut used)), 200, "and after one");
    assert!(begun.elapsed() < Duration::from_secs(15));
}

#[test]
fn a_slow_body_is_given_up() {
    let (_data, server) = server(&[("PASSKEYD_LIMITS__BODY_READ_SECONDS", "1")]);
    let secret = basic(SID, TOKEN);
    let head = format!("POST /v2/Services HTTP/1.1\r\nHost: x\r\n{secret}\r\nContent-Length: 10");
    let answer = server.exchange(format!("{head}\r\n\r\nhalf").as_bytes());
    assert!((400..500).contains(&status(&answer)), "{answer}");
    assert!(answer.contains("\"code\":60306"), "{answer}");
    still_serves(&server);
}

#[test]
fn one_address_has_a_limit_of_connections_and_gets_them_back() {
    let (_data, server) = server(&[("PASSKEYD_LIMITS__CONNECTIONS_PER_ADDRESS", "3")]);
    let held: Vec<_> = (0..3)
        .map(|_| {
            let mut stream = server.connect();
            stream
                .write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
                .unwrap();
            let mut buffer = [0; 12];
            stream.read_exact(&mut buffer).unwrap();
            stream
        })
        .collect();
    let refused = server.exchange(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(
        refused, "",
        "the fourth is closed, the first three are kept"
    );
    drop(held);
    let again = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        server
            .exchange(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .contains("200")
    });
    assert!(again);
}

/// A process with few descriptors takes as many connections as it can serve, closes further ones at once, and says so.
#[test]
fn more_connections_than_the_process_may_open_are_closed_and_not_left_waiting() {
    let data = tempfile::tempdir().unwrap();
    let known = serve_known(data.path());
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", "ulimit -n 160 && exec \"$0\" \"$@\""])
        .arg(known.get_program())
        .args(known.get_args())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    for (name, value) in known.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let mut server = Server::start(&mut command);
    server.wait_for_line("this process may open too few files");
    let request = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
    let (mut held, mut closed) = (Vec::new(), 0);
    for _ in 0..60 {
        let mut stream = server.connect();
        stream.write_all(request).unwrap();
        let mut buffer = [0; 12];
        match stream.read_exact(&mut buffer) {
            Ok(()) => held.push(stream),
            Err(_) => closed += 1,
        }
    }
    assert_eq!((held.len(), closed), (40, 20));
    // Who is connected is served.
    for stream in &mut held {
        stream.write_all(request).unwrap();
    }
    drop(held);
}

/// What could be read in two ways by a proxy and by us is refused or read in the safe way, and never
/// leaves bytes behind that would be taken for a second request.
#[test]
fn ambiguous_framing_is_refused() {
    let (_data, server) = server(&[]);
    let smuggled = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
    for head in [
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4, 5\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost : x\r\nContent-Length: 0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: x\r\n: x\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: x\r\nh: a\r\n folded\r\n\r\n",
        "POST /a HTTP/9.9\r\nHost: x\r\n\r\n",
        "\u{0}\u{1}\u{2}\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let answer = server.exchange(format!("{head}{smuggled}").as_bytes());
        assert!(
            !answer.contains("200 OK"),
            "{head:?} let a second request through: {answer}"
        );
    }
    // Both headers: the chunked framing holds (RFC 9112 6.3), the connection ends with the answer or
    // the request is refused.
    let both = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    let answer = server.exchange(
        format!("{both}GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes(),
    );
    assert!(matches!(status(&answer), 400 | 404), "{answer}");
    still_serves(&server);
}

/// RFC 9112, section 3.2. A proxy might take another of two hosts than we do, or put one where there is none.
#[test]
fn a_request_without_exactly_one_valid_host_is_400_in_the_words_of_the_wire_whose_path_it_is() {
    let (_data, server) = server(&[]);
    for hosts in [
        "",
        "Host: x\r\nHost: x\r\n",
        "Host: x\r\nHost: y\r\n",
        "Host: x\r\nhost: x\r\n",
        "Host:\r\n",
        "Host: a b\r\n",
        "Host: http://x\r\n",
        "Host: user@x\r\n",
        "Host: x:port\r\n",
        "Host: x:65536\r\n",
        "Host: [::1\r\n",
        "Host: x/y\r\n",
    ] {
        for (target, expected) in [
            ("/v2/Services", "\"code\":60306"),
            ("/v2", "\"code\":60306"),
            (
                "/api/v1/users?username=ada",
                "\"status\":400,\"error\":\"Bad Request\"",
            ),
            (
                "/_app/attestation/result",
                "\"status\":400,\"error\":\"Bad Request\"",
            ),
            (
                "/attestation/options",
                "\"status\":\"failed\",\"errorMessage\"",
            ),
            ("/manage/v1/services", "\"error\":\"host_invalid\""),
            ("/livez", "\"error\":\"host_invalid\""),
            ("/nowhere", "\"error\":\"host_invalid\""),
            ("http://x/v2/Services", "\"code\":60306"),
        ] {
            let head = format!("GET {target} HTTP/1.1\r\n{hosts}\r\n");
            let smuggled = "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n";
            let answer = server.exchange(format!("{head}{smuggled}").as_bytes());
            assert_eq!(status(&answer), 400, "{target} {hosts:?}: {answer}");
            assert!(answer.contains(expected), "{target} {hosts:?}: {answer}");
            // The connection ends with it.
            assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        }
    }
    for good in [
        "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /livez HTTP/1.1\r\nHost: [::1]:8080\r\nConnection: close\r\n\r\n",
        "GET http://elsewhere/livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /livez HTTP/1.0\r\n\r\n",
        "GET /livez HTTP/1.0\r\nHost: x\r\n\r\n",
    ] {
        assert_eq!(status(&server.exchange(good.as_bytes())), 200, "{good}");
    }
    let two = server.exchange(b"GET /livez HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n");
    assert_eq!(status(&two), 400, "{two}");
    still_serves(&server);
}
