use crate::support::*;

/// Status, headers and body of a request with a key.
fn create(server: &Server, key: &str, body: &str) -> (u16, String, String) {
    let secret = basic(SID, TOKEN);
    let key = format!("Idempotency-Key: {key}");
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let answer = server.request("POST", "/v2/Services", &[&secret, kind, &key], body);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (status(&answer), head.to_lowercase(), body.to_owned())
}

#[test]
fn a_request_that_is_sent_again_after_a_crash_or_a_restart_gets_the_same_response() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&mut serve_known(data.path()));
    let (code, head, first) = create(&server, "retry-canary-0815", "FriendlyName=Acme");
    assert_eq!(code, 201);
    assert!(!head.contains("idempotent-replayed"));
    server.signal("KILL");
    server.wait();
    for _ in 0..2 {
        let server = Server::start(&mut serve_known(data.path()));
        let (code, head, again) = create(&server, "retry-canary-0815", "FriendlyName=Acme");
        assert_eq!((code, &again), (201, &first));
        assert!(head.contains("idempotent-replayed: true"), "{head}");
        let (code, ..) = create(&server, "retry-canary-0815", "FriendlyName=Other");
        assert_eq!(code, 409);
        server.stop();
    }
    // The key is not there as it was sent.
    let database = std::fs::read(data.path().join("passkeyd.db")).unwrap();
    let key = b"retry-canary-0815";
    assert!(!database.windows(key.len()).any(|bytes| bytes == key));
}
