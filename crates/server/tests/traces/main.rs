//! Traces from the real binary, as a collector gets them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests may stop at the first surprise, and these measure real time"
)]

mod collector;
#[path = "../process/support.rs"]
#[expect(dead_code, reason = "the suite of the process uses all of it")]
mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

use crate::collector::{Collector, attribute};
use crate::support::*;

const JSON: &str = "Content-Type: application/json";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const ORIGIN: &str = "https://rp.test";
const IDENTITY: &str = "canary-identity";
const HEADER: &str = "canary-of-the-header";
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn traced(data: &Path, endpoint: &str) -> Command {
    let mut command = serve_known(data);
    command.env("PASSKEYD_TRACES__ENDPOINT", endpoint);
    command
}

fn body(answer: &str) -> Value {
    assert!((200..300).contains(&status(answer)), "{answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

fn traceparent(flags: &str) -> String {
    format!("traceparent: 00-{TRACE}-{SPAN}-{flags}")
}

fn id(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

/// A user with a passkey of a Service.
struct Site<'s> {
    server: &'s Server,
    service: String,
    authenticator: Authenticator,
    /// What was sent and issued on the way, and must not be in a span.
    secrets: Vec<String>,
}

impl<'s> Site<'s> {
    fn new(server: &'s Server) -> Self {
        let settings = "FriendlyName=canary-name&Passkeys.RelyingParty.Id=rp.test\
            &Passkeys.RelyingParty.Origins=https%3A%2F%2Frp.test&Passkeys.AuthenticatorAttachment=any\
            &Passkeys.DiscoverableCredentials=preferred&Passkeys.UserVerification=preferred";
        let login = basic(SID, TOKEN);
        let made = body(&server.request("POST", "/v2/Services", &[&login, FORM], settings));
        let mut site = Self {
            server,
            service: made["sid"].as_str().unwrap().to_owned(),
            authenticator: Authenticator::default(),
            secrets: vec![
                TOKEN.to_owned(),
                login.rsplit(' ').next().unwrap().to_owned(),
            ],
        };
        let named = json!({"identity": IDENTITY, "friendly_name": "canary-account"});
        let factor = body(&site.call("Factors", &named, &[]));
        let options = &factor["options"];
        site.keep(&options["publicKey"]["challenge"]);
        let made = site
            .authenticator
            .create(options, ORIGIN, &Lies::default())
            .unwrap();
        let made = json!(made);
        site.keep(&made["response"]["attestationObject"]);
        site.keep(&made["rawId"]);
        assert_eq!(
            body(&site.call("VerifyFactor", &made, &[]))["status"],
            "verified"
        );
        site
    }

    fn keep(&mut self, secret: &Value) {
        let secret = secret.as_str().unwrap();
        assert!(secret.len() > 15, "{secret}");
        self.secrets.push(secret.to_owned());
    }

    fn call(&self, name: &str, sent: &Value, headers: &[&str]) -> String {
        let path = format!(
            "/v2/Services/{}/Passkeys/{name}?canary-query=1",
            self.service
        );
        let login = basic(SID, TOKEN);
        let canary = format!("X-Canary: {HEADER}");
        let all = [&[login.as_str(), JSON, canary.as_str()], headers].concat();
        self.server.request("POST", &path, &all, &sent.to_string())
    }

    /// Signs in; the response to the last call.
    fn sign_in(&mut self, lies: &Lies, headers: &[&str]) -> String {
        let challenge = body(&self.call("Challenges", &json!({"identity": IDENTITY}), &[]));
        let options = &challenge["options"];
        self.keep(&options["publicKey"]["challenge"]);
        let made = json!(self.authenticator.get(options, ORIGIN, lies).unwrap());
        self.keep(&made["response"]["signature"]);
        self.call("ApproveChallenge", &made, headers)
    }
}

const APPROVE: &str = "POST /v2/Services/{service}/Passkeys/ApproveChallenge";

/// The names of the spans below this one.
fn parts(collector: &Collector, of: &Span) -> BTreeSet<String> {
    let spans = collector.received.iter().flat_map(collector::Post::spans);
    let parts = spans.filter(|span| span.parent_span_id == of.span_id);
    let mut ids = BTreeSet::new();
    let mut names = BTreeSet::new();
    for part in parts {
        assert_eq!(part.trace_id, of.trace_id);
        assert_eq!(part.kind(), SpanKind::Internal);
        assert!(part.start_time_unix_nano >= of.start_time_unix_nano);
        assert!(part.end_time_unix_nano <= of.end_time_unix_nano);
        assert!(ids.insert(part.span_id));
        names.insert(part.name);
    }
    names
}

#[test]
fn the_span_of_a_sign_in_has_its_parts_and_its_caller_and_no_secret() {
    let data = tempfile::tempdir().unwrap();
    let headers = data.path().join("headers");
    std::fs::write(&headers, "Authorization: Bearer key-of-the-collector\n").unwrap();
    let mut collector = Collector::start(Some(200));
    let mut command = traced(&data.path().join("data"), &collector.endpoint);
    let mut server = Server::start(command.env("PASSKEYD_TRACES__HEADERS_FILE", &headers));
    let mut site = Site::new(&server);
    let approved = site.sign_in(&Lies::default(), &[&traceparent("01")]);
    assert_eq!(body(&approved)["status"], "approved");
    let lies = Lies {
        origin: Some("https://canary-origin.test".to_owned()),
        ..Lies::default()
    };
    let refused = site.sign_in(&lies, &[]);
    assert_eq!(status(&refused), 403, "{refused}");
    let unrouted = site
        .server
        .request("CANARYMETHOD", "/canary-path?canary-query", &[], "");
    assert_eq!(status(&unrouted), 404);
    let (service, secrets) = (site.service, site.secrets);

    let spans = collector.wait_for(APPROVE, 2);
    let [of_approved, of_refused] = spans.as_slice() else {
        panic!("{spans:?}");
    };
    assert_eq!(id(&of_approved.trace_id), TRACE);
    assert_eq!(id(&of_approved.parent_span_id), SPAN);
    assert_eq!(of_approved.flags, 0x301);
    assert_eq!(of_approved.kind(), SpanKind::Server);
    let expected = [
        ("http.request.method", "POST"),
        (
            "http.route",
            "/v2/Services/{service}/Passkeys/ApproveChallenge",
        ),
        ("http.response.status_code", "200"),
        ("passkeyd.wire", "twilio"),
        ("passkeyd.account", SID),
        ("passkeyd.service", &service),
        ("passkeyd.reason", ""),
        ("error.type", ""),
    ];
    for (key, value) in expected {
        assert_eq!(attribute(of_approved, key), value, "{key}");
    }
    let request_id = attribute(of_approved, "passkeyd.request_id");
    assert!(
        approved.contains(&format!("x-request-id: {request_id}")),
        "{approved}"
    );
    let found = parts(&collector, of_approved);
    for part in [
        "ceremony.load",
        "ceremony.verify",
        "ceremony.write",
        "store.load_for_authentication",
        "store.finish_authentication",
    ] {
        assert!(found.contains(part), "{part}: {found:?}");
    }

    assert!(of_refused.parent_span_id.is_empty());
    assert_ne!(id(&of_refused.trace_id), TRACE);
    assert_eq!(
        attribute(of_refused, "passkeyd.reason"),
        "origin_not_allowed"
    );
    assert_eq!(attribute(of_refused, "passkeyd.ceremony").len(), 32);
    assert!(parts(&collector, of_refused).contains("store.refuse_ceremony"));
    let other = collector.wait_for("HTTP", 1);
    assert_eq!(attribute(&other[0], "http.request.method"), "_OTHER");

    // The log names the same traces.
    let line = server.wait_for_line(&request_id);
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["trace_id"], TRACE);
    assert!(server.stop().status.success());
    let posts = collector.all();
    for post in &posts {
        assert!(post.head.starts_with("post /v1/traces "), "{}", post.head);
        for header in [
            "content-type: application/x-protobuf",
            "authorization: bearer key-of-the-collector",
        ] {
            assert!(post.head.contains(header), "{}", post.head);
        }
        let shown = String::from_utf8_lossy(&post.body);
        for canary in secrets.iter().map(String::as_str).chain(["canary"]) {
            assert!(!shown.to_lowercase().contains(&canary.to_lowercase()));
        }
        let resource = post.decoded().resource_spans.remove(0).resource.unwrap();
        let named = resource.attributes.iter().map(|one| one.key.as_str());
        let expected = ["service.name", "service.version", "service.instance.id"];
        assert!(named.eq(expected));
    }
    assert!(secrets.len() > 6 && !posts.is_empty());
}

#[test]
fn a_collector_that_hangs_delays_no_request_and_not_the_end() {
    let data = tempfile::tempdir().unwrap();
    let collector = Collector::start(None);
    let server = Server::start(&mut traced(data.path(), &collector.endpoint));
    let known = basic(SID, TOKEN);
    let request = || server.request("GET", "/v2/Services", &[&known], "");
    assert_eq!(status(&request()), 200);
    let post = collector.next();
    assert!(!post.spans().is_empty());
    // From now on the exporter waits for a response that does not come. Sequential requests show that none of them waits for it.
    let begun = Instant::now();
    for _ in 0..200 {
        assert_eq!(status(&request()), 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(8));
    let begun = Instant::now();
    let stopped = server.stop();
    assert!(stopped.status.success());
    assert!(begun.elapsed() < Duration::from_secs(20));
    let said = |text: &str| stopped.log.iter().any(|line| line.contains(text));
    assert!(said("the last spans were dropped"), "{:?}", stopped.log);
}

#[test]
fn a_collector_that_refuses_is_named_in_the_log_once_in_a_minute() {
    let data = tempfile::tempdir().unwrap();
    let mut collector = Collector::start(Some(401));
    let mut server = Server::start(&mut traced(data.path(), &collector.endpoint));
    let known = basic(SID, TOKEN);
    for number in 1..=2 {
        assert_eq!(
            status(&server.request("GET", "/v2/Services", &[&known], "")),
            200
        );
        collector.wait_for("GET /v2/Services", number);
    }
    let line = server.wait_for_line("spans were dropped");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["error"], "the collector responds with 401", "{line}");
    assert!(line["spans"].as_u64().unwrap() >= 1, "{line}");
    let log = server.stop().log;
    let said = log
        .iter()
        .filter(|line| line.contains("spans were dropped"));
    assert_eq!(said.count(), 1, "{log:?}");
}

#[test]
fn what_waits_is_sent_at_a_graceful_end_and_probes_of_health_are_not_recorded() {
    let data = tempfile::tempdir().unwrap();
    let mut collector = Collector::start(Some(200));
    let server = Server::start(&mut traced(data.path(), &collector.endpoint));
    let known = basic(SID, TOKEN);
    assert_eq!(status(&server.request("GET", "/livez", &[], "")), 200);
    assert_eq!(
        status(&server.request("GET", "/v2/Services", &[&known], "")),
        200
    );
    assert!(server.stop().status.success());
    collector.wait_for("GET /v2/Services", 1);
    let posts = collector.all();
    let spans: Vec<_> = posts.iter().flat_map(collector::Post::spans).collect();
    assert!(spans.iter().all(|span| !span.name.contains("livez")));
}

#[test]
fn the_flag_of_an_outsider_records_nothing_beyond_the_ratio_and_that_of_a_trusted_caller_does() {
    let data = tempfile::tempdir().unwrap();
    let mut collector = Collector::start(Some(200));
    let mut command = traced(data.path(), &collector.endpoint);
    command
        .env("PASSKEYD_TRACES__SAMPLE_RATIO", "0")
        .env("PASSKEYD_TRUSTED_PROXIES", r#"["127.0.0.1"]"#)
        .env("PASSKEYD_TRACES__TRUSTED_PARENTS", r#"["10.0.0.0/8"]"#);
    let server = Server::start(&mut command);
    let known = basic(SID, TOKEN);
    let sampled = traceparent("01");
    let outsider = "X-Forwarded-For: 203.0.113.9";
    let back_end = "X-Forwarded-For: 10.1.2.3";
    for headers in [[outsider, &sampled], [back_end, &traceparent("00")]] {
        let headers = [&[known.as_str()], headers.as_slice()].concat();
        assert_eq!(
            status(&server.request("GET", "/v2/Services", &headers, "")),
            200
        );
    }
    let headers = [known.as_str(), back_end, &sampled];
    assert_eq!(
        status(&server.request("GET", "/v2/Services", &headers, "")),
        200
    );
    let stopped = server.stop();
    collector.wait_for("GET /v2/Services", 1);
    let posts = collector.all();
    let spans = posts.iter().flat_map(collector::Post::spans);
    assert_eq!(
        spans.filter(|span| span.kind() == SpanKind::Server).count(),
        1
    );
    // All three belong to the caller's trace, recorded here or not.
    let named = stopped.log.iter().filter(|line| line.contains(TRACE));
    assert_eq!(named.count(), 3, "{:?}", stopped.log);
}
