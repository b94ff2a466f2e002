use crate::support::*;

const JSON: &str = "Content-Type: application/json";

/// The header of the response, and the member of its body.
fn request_ids(answer: &str, member: &str) -> (String, String) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let header = head
        .lines()
        .find_map(|line| line.strip_prefix("x-request-id: "))
        .unwrap_or_else(|| panic!("{answer}"));
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let id = body.pointer(member).and_then(serde_json::Value::as_str);
    (
        header.to_owned(),
        id.unwrap_or_else(|| panic!("{answer}")).to_owned(),
    )
}

#[test]
fn the_body_of_every_error_carries_the_id_of_the_request() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&mut serve_known(data.path()));
    let account = basic(SID, TOKEN);
    let large = "x".repeat(300_000);
    for (method, path, headers, body, member) in [
        ("GET", "/v2/Services", vec![], "", "/details/request_id"),
        (
            "GET",
            "/v2/Nothing",
            vec![&*account],
            "",
            "/details/request_id",
        ),
        (
            "POST",
            "/v2/Services",
            vec![&*account, JSON],
            "{}",
            "/details/request_id",
        ),
        (
            "POST",
            "/v2/Services",
            vec![&*account, JSON],
            &*large,
            "/details/request_id",
        ),
        // Under this header the call runs in a task of its own.
        (
            "POST",
            "/v2/Services",
            vec![&*account, JSON, "Idempotency-Key: one"],
            "{}",
            "/details/request_id",
        ),
        ("POST", "/api/v1/approval", vec![JSON], "{}", "/requestId"),
        ("GET", "/manage/v1/api-keys", vec![], "", "/request_id"),
        (
            "POST",
            "/manage/v1/api-keys",
            vec![&*account, JSON],
            "[]",
            "/request_id",
        ),
    ] {
        let answer = server.request(method, path, &headers, body);
        assert!(status(&answer) >= 400, "{answer}");
        let (header, id) = request_ids(&answer, member);
        assert_eq!(header, id, "{method} {path}");
        assert_eq!(id.len(), 16);
    }
    // Each request has its own.
    let ids: std::collections::HashSet<_> = (0..5)
        .map(|_| {
            request_ids(
                &server.request("GET", "/v2/Services", &[], ""),
                "/details/request_id",
            )
            .1
        })
        .collect();
    assert_eq!(ids.len(), 5);
}
