//! Three nodes on one database are as one.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use serde_json::{Value, json};
use testkit::http::{FORM, JSON, basic};
use testkit::metadata::{Blob, Entry, Service as MetadataService};
use testkit::{Algorithm, Authenticator, Lies};
use tokio::task::JoinSet;

use crate::load::{self, ORIGIN};
use crate::node::{Node, account, address, expect, migrate, new_schema};
use crate::support::{Server, ended, passkeyd, serve, status};

/// The database.
const POSTGRES: &str = "TEST_POSTGRES";
/// How long another node may use settings that were changed.
const SETTINGS: Duration = Duration::from_secs(5);
/// How long another node may accept a key that was revoked.
const KEYS: Duration = Duration::from_secs(1);
/// How many requests finish one ceremony.
const FINISHES: usize = 100;

/// Three nodes with a Service.
struct Three {
    nodes: [Node; 3],
    service: String,
    /// The `Authorization` of an access key of it, and the path of the key.
    access_key: String,
    access_key_path: String,
}

impl Three {
    async fn start(name: &str) -> Self {
        Self::on(Node::three(&address(POSTGRES, &new_schema(name)), |_| {})).await
    }

    async fn on(nodes: [Node; 3]) -> Self {
        let service = load::new_service(&mut nodes[0].account().await).await;
        let keys = format!("/manage/v1/services/{service}/access-keys");
        let key = nodes[0].post(&keys, &json!({"name": "shop"}), 201).await;
        Self {
            nodes,
            access_key: format!("Bearer {}", key["key"].as_str().unwrap()),
            access_key_path: format!("{keys}/{}", key["id"].as_str().unwrap()),
            service,
        }
    }

    fn path(&self, rest: &str) -> String {
        format!("/v2/Services/{}/{rest}", self.service)
    }

    /// Registers a passkey of a user, the two requests on different nodes.
    async fn register(&self, user: &str, nodes: [usize; 2]) -> Authenticator {
        let mut authenticator = Authenticator::default();
        let named = json!({"friendly_name": "Key", "identity": user});
        let path = self.path("Passkeys/Factors");
        let factor = self.nodes[nodes[0]].post(&path, &named, 201).await;
        let options = &factor["options"]["publicKey"];
        let credential = authenticator
            .create(options, ORIGIN, &Lies::default())
            .unwrap();
        let path = self.path("Passkeys/VerifyFactor");
        let verified = self.nodes[nodes[1]].post(&path, &credential, 200);
        assert_eq!(verified.await["status"], "verified");
        authenticator
    }

    /// Sends one finish to all nodes in turn, many times at once; the bodies of the refusals. One must succeed.
    async fn finish_at_once(&self, path: &str, body: &Value) -> Vec<Value> {
        let body = Arc::new(body.to_string());
        let mut calls = JoinSet::new();
        for n in 0..FINISHES {
            let mut connection = self.nodes[n % 3].account().await;
            let (path, body) = (path.to_owned(), Arc::clone(&body));
            calls.spawn(async move {
                let sent = connection.send(Method::POST, &path, JSON, body.to_string());
                sent.await.unwrap()
            });
        }
        let mut refused = Vec::new();
        for (status, answer) in calls.join_all().await {
            if status != 200 {
                assert!(status.is_client_error(), "{status} {answer}");
                refused.push(answer);
            }
        }
        assert_eq!(refused.len(), FINISHES - 1);
        refused
    }

    /// `POST` with the access key, or without credentials.
    async fn nevis(&self, node: usize, path: &str, body: &Value, key: bool) -> (u16, Value) {
        let authorization = if key { self.access_key.as_str() } else { "" };
        let call = self.nodes[node].call(authorization, Method::POST, path, body);
        let response = call.await;
        let answer = serde_json::from_slice(response.body()).unwrap_or_default();
        (response.status().as_u16(), answer)
    }

    /// What a node says of a transaction token.
    async fn introspect(&self, node: usize, token: &str) -> Value {
        let mut connection = self.nodes[node].connect(&self.access_key).await;
        let body = format!("token={token}");
        let sent = connection.send(Method::POST, "/api/v1/introspect", FORM, body);
        let (status, answer) = sent.await.unwrap();
        assert_eq!(status, 200, "{answer}");
        answer
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_at_once_make_one_account_and_one_service_of_the_fido_binding() {
    let nodes = Node::three(&address(POSTGRES, &new_schema("start")), |_| {});
    for node in &nodes {
        let list = node.get("/v2/Services", 200).await;
        let names: Vec<&Value> = list["services"]
            .as_array()
            .unwrap()
            .iter()
            .map(|service| &service["friendly_name"])
            .collect();
        assert_eq!(names, ["FIDO binding"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_finishes_of_one_ceremony_on_three_nodes_one_succeeds() {
    let three = Three::start("finishes").await;
    let mut authenticator = three.register("mira-weber", [0, 1]).await;
    for node in 0..3 {
        let path = three.path("Passkeys/Challenges");
        let challenge = three.nodes[node].post(&path, &json!({}), 201).await;
        let options = &challenge["options"]["publicKey"];
        let assertion = authenticator.get(options, ORIGIN, &Lies::default());
        let path = three.path("Passkeys/ApproveChallenge");
        for refused in three.finish_at_once(&path, &assertion.unwrap()).await {
            assert_eq!(refused["code"], load::ALREADY_APPROVED, "{refused}");
        }
    }
    let named = json!({"friendly_name": "Key", "identity": "noor-haddad"});
    let path = three.path("Passkeys/Factors");
    let factor = three.nodes[0].post(&path, &named, 201).await;
    let options = &factor["options"]["publicKey"];
    let credential = Authenticator::default().create(options, ORIGIN, &Lies::default());
    let path = three.path("Passkeys/VerifyFactor");
    three.finish_at_once(&path, &credential.unwrap()).await;
    let factors = three.path("Entities/noor-haddad/Factors");
    let listed = three.nodes[2].get(&factors, 200).await;
    assert_eq!(listed["factors"].as_array().unwrap().len(), 1, "{listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nevis_transaction_goes_over_three_nodes_with_one_key_of_tokens_and_wakes_who_waits() {
    let three = Three::start("nevis").await;
    let mut authenticator = Authenticator::default();
    let user = json!({"username": "mira", "displayName": "Mira", "channel": "fido2"});
    let (code, enrolled) = three.nevis(0, "/api/v1/users/enroll", &user, true).await;
    assert_eq!(code, 201, "{enrolled}");
    let enrollment = &enrolled["enrollment"];
    let options = &enrollment["credentialCreationOptions"];
    let mut credential = authenticator
        .create(options, ORIGIN, &Lies::default())
        .unwrap();
    credential["statusToken"] = enrollment["statusToken"].clone();
    let finish = three.nevis(1, "/_app/attestation/result", &credential, true);
    let (_, done) = finish.await;
    let token = done["token"].as_str().unwrap_or_else(|| panic!("{done}"));
    for node in [2, 0] {
        let said = three.introspect(node, token).await;
        assert_eq!(said["active"], true, "{said}");
    }

    let (_, approval) = three.nevis(2, "/api/v1/approval", &user, true).await;
    let options = &approval["credentialRequestOptions"];
    let mut assertion = authenticator
        .get(options, ORIGIN, &Lies::default())
        .unwrap();
    assertion["statusToken"] = approval["statusToken"].clone();
    let asked = json!({"statusToken": approval["statusToken"]});
    let path = "/api/v1/status?wait=30";
    let ((_, here), (_, there), (_, done)) = tokio::join!(
        three.nevis(0, path, &asked, false),
        three.nevis(1, path, &asked, false),
        async {
            // Both wait already, most likely.
            tokio::time::sleep(Duration::from_millis(300)).await;
            three
                .nevis(1, "/_app/assertion/result", &assertion, false)
                .await
        }
    );
    // Nobody waited in vain for 30 seconds.
    assert_eq!(here["status"], "succeeded", "{here}");
    assert_eq!(there["status"], "succeeded", "{there}");
    let token = done["token"].as_str().unwrap_or_else(|| panic!("{done}"));
    let said = three.introspect(2, token).await;
    assert_eq!(said["active"], true, "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_nodes_sign_with_one_key_also_when_they_need_it_at_once() {
    let three = Three::start("keys").await;
    let path = format!("/manage/v1/services/{}/nevis", three.service);
    let change = json!({"transaction_token_algorithm": "ES256"});
    let changed = three.nodes[0].as_account(Method::PATCH, &path, &change);
    expect(200, &changed.await);
    tokio::time::sleep(SETTINGS).await;
    let key = three.access_key.strip_prefix("Bearer ").unwrap();
    let claims = testkit::from_base64url(key.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let path = format!("/api/v1/jwks/{}", claims["aud"].as_str().unwrap());
    let (a, b, c) = tokio::join!(
        three.nodes[0].get(&path, 200),
        three.nodes[1].get(&path, 200),
        three.nodes[2].get(&path, 200),
    );
    assert!(a["keys"][0]["x"].is_string(), "{a}");
    assert_eq!((&a, &a), (&b, &c));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fido_ceremony_goes_over_three_nodes() {
    let three = Three::start("fido").await;
    let [a, b, c] = &three.nodes;
    let user = json!({"username": "mira", "displayName": "Mira"});
    let mut authenticator = Authenticator::default();
    let options = a.post("/attestation/options", &user, 200).await;
    let credential = authenticator
        .create(&options, ORIGIN, &Lies::default())
        .unwrap();
    let finish = b.post("/attestation/result", &credential, 200);
    assert_eq!(finish.await["status"], "ok");
    let options = c.post("/assertion/options", &user, 200).await;
    let assertion = authenticator
        .get(&options, ORIGIN, &Lies::default())
        .unwrap();
    let finish = a.post("/assertion/result", &assertion, 200);
    assert_eq!(finish.await["status"], "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_settings_are_seen_on_other_nodes_within_five_seconds() {
    let three = Three::start("settings").await;
    let challenges = three.path("Passkeys/Challenges");
    let verification = async |node: usize| {
        let started = three.nodes[node].post(&challenges, &json!({}), 201).await;
        started["options"]["publicKey"]["userVerification"].clone()
    };
    for node in 0..3 {
        assert_eq!(verification(node).await, "preferred");
    }
    let mut connection = three.nodes[0].account().await;
    let path = format!("/v2/Services/{}", three.service);
    let change = "Passkeys.UserVerification=required".to_owned();
    connection.post(&path, FORM, change).await.unwrap();
    assert_eq!(verification(0).await, "required");
    tokio::time::sleep(SETTINGS).await;
    for node in 1..3 {
        assert_eq!(verification(node).await, "required", "node {node}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_key_is_refused_on_other_nodes_after_a_second() {
    let three = Three::start("revoked").await;
    let named = json!({"name": "x"});
    let api_key = three.nodes[0]
        .post("/manage/v1/api-keys", &named, 201)
        .await;
    let id = api_key["id"].as_str().unwrap();
    let api_key = basic(id, api_key["secret"].as_str().unwrap());
    let paths = [
        (&api_key, "/v2/Services?PageSize=1"),
        (&three.access_key, "/ping"),
    ];
    let expect_status = async |expected: [u16; 2]| {
        for node in &three.nodes {
            for ((key, path), expected) in paths.iter().zip(expected) {
                let response = node.call(key, Method::GET, path, &Value::Null).await;
                assert_eq!(response.status(), expected, "{path}");
            }
        }
    };
    expect_status([200, 200]).await;
    // The other nodes have read both just now.
    let revoked = [
        format!("/manage/v1/api-keys/{id}"),
        three.access_key_path.clone(),
    ];
    for path in &revoked {
        let done = three.nodes[0].as_account(Method::DELETE, path, &Value::Null);
        assert_eq!(done.await.status(), 204);
    }
    tokio::time::sleep(KEYS).await;
    expect_status([401, 403]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_and_repeated_requests_go_on_on_another_node() {
    let three = Three::start("lists").await;
    let authorization = format!("Authorization: {}", account());
    let form = format!("Content-Type: {FORM}");
    let headers = [
        &*authorization,
        &form,
        "Idempotency-Key: a-key-of-this-test",
    ];
    let create = |node: usize| {
        let server = &three.nodes[node].0;
        server.request("POST", "/v2/Services", &headers, "FriendlyName=Once")
    };
    let (first, again) = (create(0), create(1));
    assert_eq!((status(&first), status(&again)), (201, 201));
    assert!(again.contains("idempotent-replayed: true"), "{again}");
    let body = |answer: &str| answer.split("\r\n\r\n").nth(1).unwrap().to_owned();
    assert_eq!(body(&first), body(&again));

    let mut path = "/v2/Services?PageSize=1".to_owned();
    let mut seen = HashSet::new();
    for node in [0, 1, 2] {
        let page = three.nodes[node].get(&path, 200).await;
        let sid = page["services"][0]["sid"].as_str().unwrap().to_owned();
        assert!(seen.insert(sid), "{page}");
        let next = page["meta"]["next_page_url"].as_str().unwrap_or(ORIGIN);
        path = next.strip_prefix(ORIGIN).unwrap().to_owned();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imported_metadata_is_used_by_all_nodes_and_of_two_imports_at_once_the_newer_stays() {
    let place = tempfile::tempdir().unwrap();
    let roots = place.path().join("roots.pem");
    let service = MetadataService::new(Algorithm::ES256).unwrap();
    let root = STANDARD.encode(service.root());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{root}\n-----END CERTIFICATE-----\n");
    std::fs::write(&roots, pem).unwrap();
    let store = address(POSTGRES, &new_schema("metadata"));
    let nodes = Node::three(&store, |command| {
        command.env("PASSKEYD_METADATA__ROOTS_FILE", &roots);
    });
    let blob = |no: i64| {
        let entries = vec![Entry::fido2([0x42; 16], vec![])];
        service
            .sign(&Blob {
                no,
                ..Blob::of(entries)
            })
            .unwrap()
    };
    let path = "/manage/v1/metadata";
    let import = async |node: usize, blob: String| {
        let mut connection = nodes[node].account().await;
        let sent = connection.exchange(Method::PUT, path, "application/jwt", blob);
        sent.await.unwrap().status()
    };
    let (older, newer) = tokio::join!(import(0, blob(5)), import(1, blob(6)));
    assert!(newer.is_success(), "{newer}");
    assert!(older.is_success() || older == 409, "{older}");
    // A node looks for what others have imported every 30 seconds.
    for node in &nodes {
        let mut looks = 0;
        while node.get(path, 200).await["in_use"]["no"] != 6 {
            looks += 1;
            assert!(looks < 120, "the node does not use the metadata");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_sweeps_and_another_goes_on_when_it_dies() {
    let schema = new_schema("sweep");
    let store = address(POSTGRES, &schema);
    let nodes = Node::three(&store, |command| {
        command.env("PASSKEYD_RETENTION__SWEEP_SECONDS", "1");
    });
    let three = Three::on(nodes).await;
    let url = std::env::var(POSTGRES).unwrap();
    let (database, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    let rows = async |what: &str| -> i64 {
        let count = format!("SELECT count(*) FROM {schema}.{what}");
        database.query_one(&count, &[]).await.unwrap().get(0)
    };
    for victim in ["mira-weber", "noor-haddad", "ole-hansen"] {
        three.register(victim, [2, 2]).await;
        assert_eq!(rows("credentials").await, 1);
        let path = three.path(&format!("Entities/{victim}"));
        let deleted = three.nodes[2].as_account(Method::DELETE, &path, &Value::Null);
        assert_eq!(deleted.await.status(), 204);
        let mut looks = 0;
        while rows("credentials").await > 0 {
            looks += 1;
            assert!(looks < 200, "nobody sweeps");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(rows("leases WHERE name = 'sweep'").await, 1);
        // At last one node is left. A killed one keeps its lease until its time is over.
        if victim == "mira-weber" {
            three.nodes[0].0.signal("KILL");
        } else if victim == "noor-haddad" {
            three.nodes[1].0.signal("KILL");
        }
    }
}

/// The address on the command line has no password: other users of the machine see it there.
#[test]
fn a_store_is_copied_to_a_database_whose_password_is_in_the_environment_or_in_a_file() {
    let store = address(POSTGRES, &new_schema("copied"));
    migrate(&store);
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    Server::start(&mut serve(&data)).stop();
    let from = format!("sqlite:{}/passkeyd.db", data.display());
    let (base, hosts) = store.split_once('@').unwrap();
    let (user, password) = base.rsplit_once(':').unwrap();
    let copy = || {
        let mut command = passkeyd();
        let to = format!("{user}@{hosts}");
        command.args(["copy", "--from", &from, "--to", &to]);
        command
    };
    let said = |command: &mut std::process::Command| {
        let output = ended(command);
        let errors = String::from_utf8(output.stderr).unwrap();
        (output.status.code(), errors)
    };
    let (code, errors) = said(&mut copy());
    assert_eq!(code, Some(1));
    assert!(
        errors.contains("set PASSKEYD_STORE_PASSWORD or"),
        "{errors}"
    );
    let (code, errors) = said(copy().env("PASSKEYD_STORE_PASSWORD", password));
    assert_eq!(code, Some(0), "{errors}");
    let secret = place.path().join("password");
    std::fs::write(&secret, password).unwrap();
    let settings = place.path().join("passkeyd.toml");
    std::fs::write(&settings, format!("store_password_file = {secret:?}\n")).unwrap();
    let (code, errors) = said(copy().arg("--config").arg(&settings));
    assert_eq!(code, Some(0), "{errors}");
    assert!(
        errors.contains("Copied and compared: 1 account"),
        "{errors}"
    );
}
