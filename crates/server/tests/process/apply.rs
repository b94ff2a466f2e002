//! `passkeyd apply`: the example file, beside a running server and on a stopped store.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use testkit::{Authenticator, Lies};

use crate::support::*;

/// The file that the documentation names.
const EXAMPLE: &str = include_str!("../../../../ops/services.toml");

fn apply(data: &Path, file: &Path, more: &[&str]) -> Output {
    let mut command = passkeyd();
    command.arg("apply").arg(file).args(more);
    ended(command.arg("--data-dir").arg(data))
}

fn applied(output: &Output) -> Value {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn complaint(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn body(answer: &str) -> Value {
    assert_eq!(status(answer), 200, "{answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// `kind name` of each difference.
fn names(result: &Value) -> Vec<String> {
    let differences = result["differences"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let name = |d: &Value| {
        format!(
            "{} {} {}",
            text(&d["action"]),
            text(&d["kind"]),
            text(&d["name"])
        )
    };
    differences.map(name).collect()
}

/// A file that gives a key of the store other scopes is refused.
fn known_keys_do_not_change(data: &Path, file: &Path) {
    let more = EXAMPLE.replace("\"enrol\", \"approve\"]", "\"approve\"]");
    assert_ne!(more, EXAMPLE);
    std::fs::write(file, more).unwrap();
    let told = complaint(&apply(data, file, &[]));
    assert!(told.contains("it may not do what the file says"), "{told}");
    std::fs::write(file, EXAMPLE).unwrap();
}

#[test]
fn the_example_is_applied_beside_a_server_and_a_change_of_it_on_the_stopped_store() {
    let data = tempfile::tempdir().unwrap();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("services.toml");
    std::fs::write(&file, EXAMPLE).unwrap();
    let server = Server::start(&mut serve_known(data.path()));
    let login = basic(SID, TOKEN);
    let get = |server: &Server, path: &str| body(&server.request("GET", path, &[&login], ""));

    // The difference changes nothing.
    let all = [
        "create service Shop",
        "create webhook orders",
        "create access_key back end",
        "create api_key deployment",
    ];
    let shown = applied(&apply(data.path(), &file, &["--dry-run", "--json"]));
    assert_eq!(names(&shown), all);
    assert_eq!(shown["applied"], false);
    assert_eq!(
        get(&server, "/v2/Services")["services"],
        Value::Array(vec![])
    );
    let told = apply(data.path(), &file, &["--dry-run"]);
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("rp_id: (none) -> shop.example"), "{told}");
    assert!(told.contains("name: (none) -> Shop"), "{told}");
    let granted =
        "scopes: [\"read\",\"enrol\",\"approve\",\"manage\"] -> [\"read\",\"enrol\",\"approve\"]";
    assert!(told.contains(granted), "{told}");
    assert!(
        told.contains("policy.limits.credentials_per_user: 50 -> 20"),
        "{told}"
    );

    // Through the control socket.
    let done = applied(&apply(data.path(), &file, &["--json"]));
    assert_eq!(
        (names(&done), &done["applied"]),
        (names(&shown), &Value::Bool(true))
    );
    assert!(!done.to_string().contains("secret\""), "{done}");
    let service = &get(&server, "/v2/Services")["services"][0];
    assert_eq!(service["passkeys"]["relying_party"]["id"], "shop.example");
    let sid = service["sid"].as_str().unwrap().to_owned();
    assert_eq!(done["services"][0]["sid"], sid, "{done}");
    let policy = get(&server, &format!("/manage/v1/services/{sid}/policy"));
    assert_eq!(policy["user_verification_required"], true);
    assert_eq!(policy["limits"]["credentials_per_user"], 20);
    let nevis = get(&server, &format!("/manage/v1/services/{sid}/nevis"));
    assert_eq!(nevis["timeout_seconds"], 120);
    let hooks = get(&server, &format!("/v2/Services/{sid}/Webhooks"));
    assert_eq!(
        hooks["webhooks"][0]["webhook_url"],
        "https://orders.shop.example/passkeys"
    );

    // The secrets are in files of the user, and work.
    let secret = |name: &str| {
        let path = place.path().join(name);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::read_to_string(path).unwrap().trim().to_owned()
    };
    let deployment = secret("deployment-api-key");
    let (id, key) = deployment.split_once(':').unwrap();
    let listed = server.request("GET", "/v2/Services", &[&basic(id, key)], "");
    assert_eq!(status(&listed), 200);
    let bearer = format!("Authorization: Bearer {}", secret("shop-access-key"));
    let users = server.request("GET", "/api/v1/users/nobody", &[&bearer], "");
    assert_eq!(status(&users), 404, "{users}");
    // The access key is for a back end, and manages nothing.
    let nobody = "/api/v1/users/00000000-0000-4000-8000-000000000000";
    let refused = server.request("DELETE", nobody, &[&bearer], "");
    assert_eq!(status(&refused), 403, "{refused}");
    let keys = get(&server, "/manage/v1/api-keys");
    assert_eq!(keys["api_keys"][0]["expires_at"], "2099-12-31T00:00:00Z");
    known_keys_do_not_change(data.path(), &file);
    let again = apply(data.path(), &file, &[]);
    let again = String::from_utf8(again.stdout).unwrap();
    assert!(again.contains("has all that the file declares"), "{again}");
    let log = server.stop().log.concat();
    assert!(!log.contains(key) && !log.contains(&secret("shop-access-key")));

    // On the stopped store.
    let changed = EXAMPLE
        .replace("credentials_per_user = 20", "credentials_per_user = 30")
        .replace("orders.shop.example/passkeys", "orders.shop.example/new");
    std::fs::write(&file, changed).unwrap();
    let done = applied(&apply(data.path(), &file, &["--json"]));
    assert_eq!(
        names(&done),
        ["change service Shop", "change webhook orders"]
    );
    let member = &done["differences"][0]["members"][0];
    assert_eq!(member["what"], "policy.limits.credentials_per_user");
    assert_eq!(
        (&member["old"], &member["new"]),
        (&"20".into(), &"30".into())
    );
    let server = Server::start(&mut serve_known(data.path()));
    let policy = get(&server, &format!("/manage/v1/services/{sid}/policy"));
    assert_eq!(policy["limits"]["credentials_per_user"], 30);
    // What the file does not name has stayed.
    assert_eq!(
        get(&server, "/v2/Services")["services"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn a_file_that_cannot_be_applied_says_where_and_changes_nothing() {
    let data = tempfile::tempdir().unwrap();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("services.toml");
    let server = Server::start(&mut serve_known(data.path()));
    let changed = |from: &str, to: &str| {
        assert!(EXAMPLE.contains(from), "{from}");
        EXAMPLE.replace(from, to)
    };
    for (text, why) in [
        ("[[services]".to_owned(), "cannot be read: TOML parse error"),
        (changed("rp_id =", "rpid ="), "unknown field `rpid`"),
        (changed("\"shop.example\"", "\"com\""), "Service \"Shop\""),
        (
            changed("https://www.shop.example", "https://www.shop.example/path"),
            "origins: https://www.shop.example/path",
        ),
        (
            changed("https://www.shop.example", "not an origin"),
            "origins: not an origin",
        ),
        (
            changed("credentials_per_user = 20", "credentials_per_user = 0"),
            "policy.limits.credentials_per_user",
        ),
        (
            changed("user_verification_required", "user_verified"),
            "policy.",
        ),
        (
            changed("timeout_seconds = 120", "timeout_seconds = 1"),
            "nevis",
        ),
        (
            changed("\"factor.verified\"", "\"factor.unknown\""),
            "event_types must be some of",
        ),
        (
            changed("https://orders.shop.example/passkeys", "ftp://x"),
            "url must be",
        ),
        (
            changed("\"deployment-api-key\"", "\"shop-access-key\""),
            "`secret_file` of its own",
        ),
        (
            changed("\"enrol\", \"approve\"]", "\"write\"]"),
            "key \"back end\": scopes is a list",
        ),
        (
            changed("2099-12-31T00:00:00Z", "2001-01-01T00:00:00Z"),
            "key \"deployment\": expires_at is in the past",
        ),
        (
            changed("name = \"orders\"", "name = \"\""),
            "a name has 1 to 128",
        ),
        (
            changed("# account = \"AC...\"", "account = \"AC12\""),
            "is not an Account SID",
        ),
        (
            format!("{EXAMPLE}\n[[services]]\nname = \"Shop\"\n"),
            "declares the Service \"Shop\" twice",
        ),
        (
            format!(
                "{EXAMPLE}\n[[services]]\nname = \"x\"\nsid = \"VA00000000000000000000000000000000\"\n"
            ),
            "has no Service VA0000",
        ),
    ] {
        std::fs::write(&file, &text).unwrap();
        let told = complaint(&apply(data.path(), &file, &[]));
        assert!(told.contains(why), "{why}: {told}");
    }
    // A secret file that is there is not overwritten.
    std::fs::write(&file, EXAMPLE).unwrap();
    std::fs::write(place.path().join("deployment-api-key"), "mine").unwrap();
    let told = complaint(&apply(data.path(), &file, &[]));
    assert!(told.contains("nothing was applied"), "{told}");
    assert!(!place.path().join("shop-access-key").exists());
    let services = server.request("GET", "/v2/Services", &[&basic(SID, TOKEN)], "");
    assert_eq!(body(&services)["services"], Value::Array(vec![]));
}

#[test]
fn a_key_whose_secret_was_lost_is_named_with_the_way_to_a_new_one() {
    let data = tempfile::tempdir().unwrap();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("services.toml");
    std::fs::write(&file, EXAMPLE).unwrap();
    Server::start(&mut serve_known(data.path())).stop();
    let done = applied(&apply(data.path(), &file, &["--json"]));
    assert_eq!(done["without_secret_file"], Value::Array(vec![]));
    let again = || {
        let told = apply(data.path(), &file, &[]);
        assert!(told.status.success());
        String::from_utf8(told.stdout).unwrap()
    };
    assert!(!again().contains('!'), "{}", again());

    // As if the command had been killed after the keys were made: one file is empty, and one is not there.
    let (access, api) = (
        place.path().join("shop-access-key"),
        place.path().join("deployment-api-key"),
    );
    std::fs::write(&access, "").unwrap();
    std::fs::remove_file(&api).unwrap();
    let told = again();
    let lost = [
        "! access key \"back end\" of Service \"Shop\" is in the store",
        "! API key \"deployment\" is in the store",
    ];
    for name in lost {
        assert!(told.contains(name), "{told}");
    }
    let shown = applied(&apply(data.path(), &file, &["--dry-run", "--json"]));
    assert_eq!(names_of_lost(&shown), ["back end", "deployment"]);

    // The commands that it names lead to new keys.
    let commands: Vec<_> = told
        .lines()
        .filter_map(|line| line.trim().strip_prefix("passkeyd "))
        .collect();
    assert_eq!(commands.len(), 2, "{told}");
    for command in commands {
        let mut revoke = passkeyd();
        revoke
            .args(command.split(' '))
            .arg("--data-dir")
            .arg(data.path());
        let revoked = ended(&mut revoke);
        assert!(revoked.status.success(), "{revoked:?}");
    }
    std::fs::remove_file(&access).unwrap();
    let done = applied(&apply(data.path(), &file, &["--json"]));
    assert_eq!(
        names(&done),
        ["create access_key back end", "create api_key deployment"]
    );
    for file in [access, api] {
        assert!(!std::fs::read_to_string(file).unwrap().trim().is_empty());
    }
}

fn names_of_lost(result: &Value) -> Vec<&str> {
    let lost = result["without_secret_file"].as_array().unwrap().iter();
    lost.map(|key| key["name"].as_str().unwrap()).collect()
}

/// Registers a passkey of a user of the Service of the example.
fn register(server: &Server, sid: &str, identity: &str) {
    let headers = [&*basic(SID, TOKEN), "Content-Type: application/json"];
    let call = |name: &str, body: &Value, expected: u16| {
        let path = format!("/v2/Services/{sid}/Passkeys/{name}");
        let answer = server.request("POST", &path, &headers, &body.to_string());
        assert_eq!(status(&answer), expected, "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str::<Value>(body).unwrap()
    };
    let body = json!({"friendly_name": "Phone", "identity": identity});
    let factor = call("Factors", &body, 201);
    let mut authenticator = Authenticator::default();
    let origin = "https://shop.example";
    let made = authenticator.create(&factor["options"]["publicKey"], origin, &Lies::default());
    call("VerifyFactor", &made.unwrap(), 200);
}

#[test]
fn a_change_of_the_rp_id_says_who_is_locked_out() {
    let data = tempfile::tempdir().unwrap();
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("services.toml");
    std::fs::write(&file, EXAMPLE).unwrap();
    let server = Server::start(&mut serve_known(data.path()));
    applied(&apply(data.path(), &file, &["--json"]));
    let services = server.request("GET", "/v2/Services", &[&basic(SID, TOKEN)], "");
    let sid = body(&services)["services"][0]["sid"].clone();
    let sid = sid.as_str().unwrap();

    let moved = EXAMPLE
        .replace("shop.example", "shop.test")
        .replace("\"sha256\" ", "\"sha1\" ");
    std::fs::write(&file, moved).unwrap();
    let dry = || {
        let shown = applied(&apply(data.path(), &file, &["--dry-run", "--json"]));
        let told = apply(data.path(), &file, &["--dry-run"]);
        (shown, String::from_utf8(told.stdout).unwrap())
    };
    // Nobody has a passkey yet.
    let (shown, told) = dry();
    assert_eq!(shown["warnings"], json!([]));
    assert!(!told.contains('!'), "{told}");
    // The members have the names of the file.
    assert!(
        told.contains("    signature_hash: sha256 -> sha1\n"),
        "{told}"
    );

    register(&server, sid, "ada-00001");
    let (shown, told) = dry();
    let warning = shown["warnings"][0].as_str().unwrap();
    let begins = "Service \"Shop\": rp_id changes from shop.example to shop.test, and 1 of 1 users have passkeys";
    assert!(warning.starts_with(begins), "{warning}");
    assert!(told.contains(&format!("! {warning}.\n")), "{told}");
    let done = applied(&apply(data.path(), &file, &["--json"]));
    assert_eq!(done["warnings"], shown["warnings"]);
}
