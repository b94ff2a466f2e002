use crate::support::*;

const JSON: &str = "Content-Type: application/json";

fn body(answer: &str) -> serde_json::Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
fn an_api_key_opens_every_wire_until_it_is_deleted() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&mut serve_known(data.path()));
    let account = basic(SID, TOKEN);
    let answer = server.request(
        "POST",
        "/manage/v1/api-keys",
        &[&account, JSON],
        r#"{"name":"CI"}"#,
    );
    assert_eq!(status(&answer), 201, "{answer}");
    let key = body(&answer);
    let (id, secret) = (key["id"].as_str().unwrap(), key["secret"].as_str().unwrap());
    assert_eq!(key["name"], "CI");
    assert!(key["created_at"].as_str().unwrap().ends_with('Z'));
    let with_key = basic(id, secret);
    assert_eq!(
        status(&server.request("GET", "/v2/Services", &[&with_key], "")),
        200
    );

    let list = server.request("GET", "/manage/v1/api-keys", &[&with_key], "");
    assert_eq!(body(&list)["api_keys"][0]["id"], id);
    assert!(!list.contains(secret), "the secret is shown once");

    let path = format!("/manage/v1/api-keys/{id}");
    assert_eq!(
        status(&server.request("DELETE", &path, &[&account], "")),
        204
    );
    assert_eq!(
        status(&server.request("GET", "/v2/Services", &[&with_key], "")),
        401
    );
    assert_eq!(
        status(&server.request("DELETE", &path, &[&account], "")),
        404
    );
    let log = server.stop().log.concat();
    assert!(!log.contains(secret));
}

#[test]
fn the_management_api_refuses_strangers_and_bodies_that_are_not_as_described() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&mut serve_known(data.path()));
    let account = basic(SID, TOKEN);
    for (method, path) in [
        ("POST", "/manage/v1/api-keys"),
        ("GET", "/manage/v1/api-keys"),
        (
            "DELETE",
            "/manage/v1/api-keys/SK00112233445566778899aabbccddeeff",
        ),
    ] {
        for headers in [
            vec![],
            vec![basic(SID, "not-the-token-of-it")],
            vec![account.clone(), account.clone()],
        ] {
            let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
            let answer = server.request(method, path, &headers, "");
            assert_eq!(status(&answer), 401, "{answer}");
            assert!(
                answer
                    .to_ascii_lowercase()
                    .contains("www-authenticate: basic"),
                "{answer}"
            );
        }
    }
    for (header, text, expected) in [
        ("Content-Type: text/plain", r#"{"name":"x"}"#, 415),
        (JSON, "", 400),
        (JSON, "[]", 400),
        (JSON, "{\"name\":\"\"}", 400),
        (JSON, "{\"name\":\"a\\u0007\"}", 400),
        (JSON, "{\"name\":1}", 400),
        (JSON, "{\"name\":\"x\",\"secret\":\"mine\"}", 400),
        (JSON, "{\"name\":\"x\",\"name\":\"y\"}", 400),
        (JSON, "{\"name\":\"\u{0}", 400),
    ] {
        let answer = server.request("POST", "/manage/v1/api-keys", &[&account, header], text);
        assert_eq!(status(&answer), expected, "{text}: {answer}");
        assert!(body(&answer)["error"].is_string(), "{answer}");
    }
    assert_eq!(
        body(&server.request("GET", "/manage/v1/api-keys", &[&account], ""))["api_keys"],
        serde_json::json!([])
    );
    assert_eq!(
        status(&server.request("GET", "/manage/v1/nothing", &[&account], "")),
        404
    );
    assert_eq!(
        status(&server.request("GET", "/manage/v1/openapi.json", &[], "")),
        200
    );
}
