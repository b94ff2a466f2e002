use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use crate::support::*;

const CANARY: &str = "canary";

#[test]
fn a_refusal_is_logged_once_with_its_reason_and_without_what_the_client_sent() {
    for level in ["info", "trace"] {
        let data = tempfile::tempdir().unwrap();
        let mut command = serve_known(data.path());
        let server = Server::start(command.env("PASSKEYD_LOG__LEVEL", level));
        let authorization = basic(SID, TOKEN);
        let service = {
            let answer = server.request(
                "POST",
                "/v2/Services",
                &[
                    &authorization,
                    "Content-Type: application/x-www-form-urlencoded",
                ],
                "FriendlyName=canary-name",
            );
            let at = answer.find("\"sid\":\"VA").unwrap() + 7;
            answer[at..at + 34].to_owned()
        };
        let entity = format!("/v2/Services/{service}/Entities/canary-identity?canary-query=1");
        assert_eq!(
            status(&server.request("GET", &entity, &[&authorization], "")),
            404
        );
        let path = format!("/v2/Services/{service}/Passkeys/VerifyFactor");
        let json = "Content-Type: application/json";
        let body = r#"{"id":"canary-id","rawId":"canary-id","response":{}}"#;
        let answer = server.request(
            "POST",
            &path,
            &[&authorization, json, "X-Other: canary-header"],
            body,
        );
        assert_eq!(status(&answer), 400, "{answer}");
        let wrong = basic("AC00000000000000000000000000000000", "canary-wrong-token");
        assert_eq!(
            status(&server.request("GET", "/v2/Services", &[&wrong], "")),
            401
        );
        let unrouted = "/prefix/canary-path/Services/canary?canary-query";
        assert_eq!(status(&server.request("GET", unrouted, &[], "")), 404);
        assert_eq!(status(&server.request("GET", "/livez", &[], "")), 200);
        let log = server.stop().log;

        let whole = log.join("\n");
        assert!(!whole.contains(CANARY), "{whole}");
        assert!(
            !whole.contains(authorization.split(' ').next_back().unwrap()),
            "{whole}"
        );
        let events: Vec<serde_json::Value> = log
            .iter()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let refused: Vec<_> = events
            .iter()
            .filter(|event| event["message"] == "refused")
            .collect();
        assert_eq!(refused.len(), 4, "{whole}");
        let verify = refused.iter().find(|e| e["status"] == 400).unwrap();
        assert_eq!(verify["method"], "POST");
        assert!(
            verify["route"]
                .as_str()
                .unwrap()
                .ends_with("/Passkeys/VerifyFactor"),
            "{verify}"
        );
        assert!(
            verify["route"].as_str().unwrap().contains('{'),
            "the template, not the path: {verify}"
        );
        assert!(verify["code"].is_u64(), "{verify}");
        assert!(verify["reason"].is_string(), "{verify}");
        assert_eq!(verify["request_id"].as_str().unwrap().len(), 16);
        assert!(
            refused
                .iter()
                .any(|e| e["status"] == 401 && e["reason"] == "access_denied")
        );
        // Who failed to authenticate, and a path that nothing serves: without what may be a name.
        let denied = refused.iter().find(|e| e["status"] == 401).unwrap();
        assert_eq!(denied["account"], "AC00000000000000000000000000000000");
        assert!(denied.get("actor").is_none(), "{denied}");
        let lost = refused.iter().find(|e| e["route"] == "-").unwrap();
        assert_eq!(lost["path"], "/prefix/*/Services/*");
        assert_eq!(lost["reason"], "not_found");
        assert!(refused.iter().all(|e| e["reason"].is_string()), "{whole}");
        let answered: Vec<_> = events
            .iter()
            .filter(|event| event["message"] == "answered")
            .collect();
        assert_eq!(
            answered.len(),
            1 + usize::from(level == "trace"),
            "one line for each request; checks of health are for debugging only"
        );
        let created = answered[0];
        assert_eq!(created["route"], "/v2/Services");
        assert_eq!(
            (&created["method"], &created["status"]),
            (&"POST".into(), &201.into())
        );
        assert_eq!(
            (&created["account"], &created["actor"]),
            (&SID.into(), &"account".into())
        );
        assert!(created["duration_ms"].is_number(), "{created}");
        assert_eq!(verify["service"], service.as_str());
    }
}

#[test]
fn the_request_id_of_the_answer_is_the_one_in_the_log() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&mut serve_known(data.path()));
    let answer = server.request("GET", "/v2/Services", &[], "");
    let id = answer
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("x-request-id: ")
                .map(str::to_owned)
        })
        .unwrap();
    let log = server.stop().log;
    assert!(
        log.iter()
            .any(|line| line.contains("refused") && line.contains(&id)),
        "{log:?}"
    );
}

#[test]
fn lines_of_successes_can_be_turned_off() {
    let data = tempfile::tempdir().unwrap();
    let mut command = serve_known(data.path());
    let server = Server::start(command.env("PASSKEYD_LOG__REQUESTS", "refused"));
    let known = basic(SID, TOKEN);
    assert_eq!(
        status(&server.request("GET", "/v2/Services", &[&known], "")),
        200
    );
    assert_eq!(status(&server.request("GET", "/v2/Services", &[], "")), 401);
    let log = server.stop().log.concat();
    assert!(
        !log.contains("answered") && log.contains("refused"),
        "{log}"
    );
}

/// Reads a line at a time, so that nothing is read ahead.
fn line(stream: &mut impl Read) -> String {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).unwrap() == 1 && byte[0] != b'\n' {
        bytes.push(byte[0]);
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn a_log_that_nobody_reads_does_not_stop_the_server_and_its_lost_lines_are_counted() {
    let data = tempfile::tempdir().unwrap();
    let mut command = serve_known(data.path());
    let mut child = command
        .env("PASSKEYD_METRICS__LISTEN", "127.0.0.1:0")
        .spawn()
        .unwrap();
    let mut log = child.stderr.take().unwrap();
    let mut address = || {
        loop {
            let line: serde_json::Value = serde_json::from_str(&line(&mut log)).unwrap();
            if let Some(address) = line["address"].as_str() {
                return address.to_owned();
            }
        }
    };
    let (metrics, server) = (address(), address());
    // From here on the pipe is not read. It takes 64 KiB, and a thousand lines wait.
    let mut stream = TcpStream::connect(server).unwrap();
    let time = Some(Duration::from_secs(20));
    stream.set_read_timeout(time).unwrap();
    let request = b"GET /v2 HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100);
    let mut buffer = vec![0; 1 << 16];
    for _ in 0..40 {
        stream.write_all(&request).unwrap();
        let mut all = Vec::new();
        while all.windows(9).filter(|w| w == b"HTTP/1.1 ").count() < 100 || !all.ends_with(b"}") {
            let read = stream.read(&mut buffer).unwrap();
            assert!(read > 0, "the server closed the connection");
            all.extend_from_slice(&buffer[..read]);
        }
    }
    let lost = (0..100).any(|_| {
        std::thread::sleep(Duration::from_millis(200));
        let mut stream = TcpStream::connect(&metrics).unwrap();
        let ask = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        stream.write_all(ask.as_bytes()).unwrap();
        let text = read_to_end(&mut stream);
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("passkeyd_log_lines_dropped_total "));
        line.unwrap().parse::<u64>().unwrap() > 0
    });
    assert!(lost, "no lost lines were counted");
    let pid = child.id().to_string();
    let done = Command::new("kill").arg(pid).status().unwrap();
    assert!(done.success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
