//! `passkeyd doctor`, `health`, `completions` and `man`.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::*;

fn doctor(data: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = passkeyd();
    command
        .arg("doctor")
        .args(arguments)
        .arg("--data-dir")
        .arg(data)
        .envs(environment.iter().copied());
    ended(&mut command)
}

/// The findings of a check: level and text.
fn found(output: &Output, check: &str) -> Vec<(String, String)> {
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let findings = report["findings"].as_array().unwrap();
    for finding in findings {
        let wrong = finding["level"] != "good";
        assert_eq!(finding.get("why").is_some(), wrong, "{finding}");
        assert_eq!(finding.get("fix").is_some(), wrong, "{finding}");
    }
    findings
        .iter()
        .filter(|finding| finding["check"] == check)
        .map(|finding| {
            let text = |member: &str| finding[member].as_str().unwrap().to_owned();
            (text("level"), text("what"))
        })
        .collect()
}

fn level(output: &Output, check: &str) -> String {
    let found = found(output, check);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].0.clone()
}

#[test]
fn a_new_installation_has_no_problems_beside_a_server_and_without_one() {
    let directory = tempfile::tempdir().unwrap();
    // passkeyd makes it, for its user only.
    let data = directory.path().join("data");
    let server = Server::start(&mut serve_known(&data));
    for _ in 0..2 {
        let output = doctor(&data, &["--json"], &[]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        for check in ["public_url", "clock", "metadata", "disk"] {
            assert_eq!(level(&output, check), "good", "{check}");
        }
        server.signal("TERM");
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    let text = doctor(&data, &[], &[]);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("problems: 0, warnings: 0"), "{text}");
}

#[test]
fn the_public_url_is_judged_by_what_a_client_reaches_there() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&mut serve_known(data.path()));
    let reached = |url: &str| {
        let output = doctor(data.path(), &["--json"], &[("PASSKEYD_PUBLIC_URL", url)]);
        let found = found(&output, "proxy");
        assert_eq!(output.status.success(), found[0].0 == "good", "{found:?}");
        found[0].clone()
    };
    let port = server.address.port();
    assert_eq!(reached(&format!("http://127.0.0.1:{port}")).0, "good");
    // A proxy that leaves the prefix in the path.
    let (level, what) = reached(&format!("http://127.0.0.1:{port}/passkeys"));
    assert!(
        level == "problem" && what.contains("reaches passkeyd, which responds 404"),
        "{what}"
    );
    let (level, what) = reached("http://127.0.0.1:1");
    assert!(
        level == "problem" && what.contains("cannot be reached"),
        "{what}"
    );
}

#[test]
fn wrong_settings_modes_and_services_are_found_with_why_and_how_to_fix_them() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&mut serve_known(data.path()));
    let known = basic(SID, TOKEN);
    let form = "Content-Type: application/x-www-form-urlencoded";
    for origins in [
        "https%3A%2F%2Facme.test%2Chttps%3A%2F%2Facme.example",
        "https%3A%2F%2Facme.test",
    ] {
        let service = format!(
            "FriendlyName=x&Passkeys.RelyingParty.Id=acme.test&Passkeys.RelyingParty.Name=x&Passkeys.RelyingParty.Origins={origins}"
        );
        let created = server.request("POST", "/v2/Services", &[&known, form], &service);
        assert_eq!(status(&created), 201, "{created}");
    }
    let store = data.path().join("passkeyd.db");
    let mode = |mode| std::fs::set_permissions(&store, PermissionsExt::from_mode(mode)).unwrap();
    mode(0o644);
    let output = doctor(
        data.path(),
        &["--json", "--offline"],
        &[
            ("PASSKEYD_LISTEN", "0.0.0.0:8080"),
            ("PASSKEYD_METRICS__LISTEN", "0.0.0.0:9090"),
            ("PASSKEYD_PUBLIC_URL", "http://login.acme.test"),
            ("PASSKEYD_FIDO__TEST_PAGE", "true"),
        ],
    );
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    for (check, expected) in [
        ("public_url", "problem"),
        ("fido.test_page", "problem"),
        ("open_without_tls", "warning"),
        ("metrics_open", "warning"),
    ] {
        assert_eq!(level(&output, check), expected, "{check}");
    }
    let modes = found(&output, "permissions");
    assert!(
        modes
            .iter()
            .any(|(level, what)| level == "warning" && what.contains("644")),
        "{modes:?}"
    );
    mode(0o600);
    assert_eq!(level(&output, "relying_party"), "good");
    // Clients come through a proxy that is not named.
    let proxied = ("PASSKEYD_PUBLIC_URL", "https://login.acme.test");
    let offline = ["--json", "--offline"];
    let output = doctor(data.path(), &offline, &[proxied]);
    assert_eq!(level(&output, "trusted_proxies"), "warning");
    let named = ("PASSKEYD_TRUSTED_PROXIES", "[10.0.0.1]");
    let output = doctor(data.path(), &offline, &[proxied, named]);
    assert!(found(&output, "trusted_proxies").is_empty());
    for (networks, expected) in [
        ("[0.0.0.0/0]", "problem"),
        ("[0.0.0.0/1, 128.0.0.0/1]", "problem"),
        ("[10.0.0.0/8, fd00::/8]", "good"),
    ] {
        let output = doctor(
            data.path(),
            &offline,
            &[proxied, ("PASSKEYD_TRUSTED_PROXIES", networks)],
        );
        let found = found(&output, "trusted_proxies");
        let worst = found.first().map_or("good", |(level, _)| level);
        assert_eq!(worst, expected, "{networks}");
    }
    // As a browser would: there is no such host.
    let output = doctor(data.path(), &["--json"], &[]);
    assert_eq!(output.status.code(), Some(1));
    let files = found(&output, "well_known");
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(
        files[0]
            .1
            .starts_with("https://acme.test/.well-known/webauthn"),
        "{files:?}"
    );

    // The file itself, for the host that has to serve it.
    let printed = doctor(data.path(), &["--files"], &[]);
    assert!(printed.status.success(), "{printed:?}");
    let printed = String::from_utf8(printed.stdout).unwrap();
    let (address, content) = printed.split_once('\n').unwrap();
    assert!(
        address.starts_with("https://acme.test/.well-known/webauthn (VA"),
        "{printed}"
    );
    let content: serde_json::Value = serde_json::from_str(content).unwrap();
    assert_eq!(
        content,
        serde_json::json!({"origins": ["https://acme.example"]})
    );

    let wrong = doctor(data.path(), &["--json"], &[("PASSKEYD_LISTN", "x")]);
    assert_eq!(wrong.status.code(), Some(2));
    let nowhere = tempfile::tempdir().unwrap();
    let none = doctor(nowhere.path(), &["--json"], &[]);
    assert_eq!(none.status.code(), Some(1));
    assert_eq!(level(&none, "store"), "problem");
}

#[test]
fn health_says_by_its_exit_code_whether_a_server_is_ready() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(&mut serve_known(data.path()));
    let port = server.address.port().to_string();
    let health = |arguments: &[&str], listen: &str| {
        let mut command = passkeyd();
        command.arg("health").args(arguments);
        ended(command.env("PASSKEYD_LISTEN", listen))
    };
    let url = format!("http://127.0.0.1:{port}");
    let ready = health(&["--url", &url], "127.0.0.1:1");
    assert!(ready.status.success(), "{ready:?}");
    assert_eq!(ready.stdout, b"ready\n");
    // A server that listens on all addresses is asked on this machine.
    for listen in [format!("0.0.0.0:{port}"), format!("localhost:{port}")] {
        assert!(health(&[], &listen).status.success(), "{listen}");
    }
    let other = format!("{url}/nothing");
    let other = health(&["--url", &other], "127.0.0.1:1");
    assert_eq!(other.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&other.stderr).contains("responds 404"));
    server.stop();
    assert_eq!(
        health(&["--url", &url], "127.0.0.1:1").status.code(),
        Some(1)
    );
    assert_eq!(health(&["--no-such"], "127.0.0.1:1").status.code(), Some(2));
}

#[test]
fn completions_and_manual_pages_name_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let output = ended(passkeyd().args(["completions", shell]));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            text.contains("doctor") && text.contains("reset-token"),
            "{shell}"
        );
    }
    let directory = tempfile::tempdir().unwrap();
    let pages = directory.path().join("man1");
    let output = ended(passkeyd().arg("man").arg(&pages));
    assert!(output.status.success(), "{output:?}");
    for page in [
        "passkeyd.1",
        "passkeyd-doctor.1",
        "passkeyd-account-reset-token.1",
    ] {
        assert!(pages.join(page).is_file(), "{page}");
    }
}
