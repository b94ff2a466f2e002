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
        assert_eq!(status(&server.request("GET", "/canary-path", &[], "")), 404);
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
        let answered = events
            .iter()
            .filter(|event| event["message"] == "answered")
            .count();
        assert_eq!(
            answered,
            usize::from(level == "trace"),
            "access lines are for debugging only"
        );
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
