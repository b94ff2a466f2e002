use crate::support::*;

#[test]
fn a_flag_wins_over_the_environment_that_over_the_file_that_over_the_default() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("passkeyd.toml");
    std::fs::write(&file, "public_url = \"http://from-file\"\n").unwrap();
    let ready = |with_file: bool, variable: bool, flag: bool| {
        let mut command = serve(data.path());
        if with_file {
            command.arg("--config").arg(&file);
        }
        if variable {
            command.env("PASSKEYD_PUBLIC_URL", "http://from-environment");
        }
        if flag {
            command.args(["--public-url", "http://from-flag"]);
        }
        let mut server = Server::start(&mut command);
        let line = server.wait_for_line("\"ready\"");
        server.stop();
        line
    };
    assert!(ready(true, true, true).contains("http://from-flag"));
    assert!(ready(true, true, false).contains("http://from-environment"));
    assert!(ready(true, false, false).contains("http://from-file"));
    assert!(ready(false, false, false).contains("http://localhost:"));
}

#[test]
fn nested_keys_are_read_from_variables_with_two_underscores() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(serve(data.path()).env("PASSKEYD_LIMITS__BODY_BYTES", "1024"));
    let body = "x".repeat(1025);
    assert_eq!(
        status(&server.request("POST", "/v2/Services", &[], &body)),
        413
    );
}

#[test]
fn an_unknown_key_stops_the_start_and_is_named_with_its_source() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("passkeyd.toml");
    for (text, key) in [
        ("lisen = \"x\"", "lisen"),
        ("[limits]\nbody_bites = 1", "limits.body_bites"),
    ] {
        std::fs::write(&file, text).unwrap();
        let output = ended(serve(data.path()).arg("--config").arg(&file));
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(&format!("`{key}`")), "{message}");
        assert!(message.contains("passkeyd.toml"), "{message}");
    }
    for (variable, key) in [
        ("PASSKEYD_LISTN", "listn"),
        ("PASSKEYD_LOG__LEVLE", "log.levle"),
    ] {
        let output = ended(serve(data.path()).env(variable, "x"));
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(message.contains(&format!("`{key}`")), "{message}");
        assert!(message.contains("environment"), "{message}");
    }
}

#[test]
fn a_value_that_cannot_be_used_stops_the_start_and_names_its_key() {
    let data = tempfile::tempdir().unwrap();
    for (variable, value, named) in [
        ("PASSKEYD_LISTEN", "nowhere", "listen"),
        ("PASSKEYD_PUBLIC_URL", "passkeys.example.com", "public_url"),
        ("PASSKEYD_STORE", "postgres://db", "postgres://user@host"),
        ("PASSKEYD_STORE", "mysql://db/passkeyd", "store"),
        ("PASSKEYD_LOG__LEVEL", "loud", "log.level"),
        ("PASSKEYD_LIMITS__BODY_BYTES", "0", "limits.body_bytes"),
        ("PASSKEYD_LIMITS__BODY_BYTES", "many", "limits.body_bytes"),
        (
            "PASSKEYD_BOOTSTRAP_ACCOUNT_SID",
            SID,
            "PASSKEYD_BOOTSTRAP_AUTH_TOKEN",
        ),
        (
            "PASSKEYD_CONFIG",
            "/nowhere/passkeyd.toml",
            "/nowhere/passkeyd.toml",
        ),
    ] {
        let mut command = passkeyd();
        command
            .arg("serve")
            .env("PASSKEYD_DATA_DIR", data.path())
            .env(variable, value);
        let output = ended(&mut command);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            output.status.code(),
            Some(2),
            "{variable}={value}: {message}"
        );
        assert!(message.contains(named), "{variable}={value}: {message}");
    }
}

/// The lines that a start with these settings ends with.
fn complaint(file: Option<&str>, variables: &[(&str, &str)], flags: &[&str]) -> String {
    let data = tempfile::tempdir().unwrap();
    let mut command = passkeyd();
    command
        .args(["serve", "--data-dir"])
        .arg(data.path().join("store"));
    command.args(flags).envs(variables.iter().copied());
    if let Some(text) = file {
        let path = data.path().join("passkeyd.toml");
        std::fs::write(&path, text).unwrap();
        command.arg("--config").arg(path);
    }
    let output = ended(&mut command);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(!data.path().join("store").exists(), "nothing was made");
    message.replace(&format!("{}/", data.path().display()), "")
}

#[test]
fn everything_that_is_wrong_is_told_at_once_with_its_place_and_the_nearest_right_key() {
    let file = "lisen = \"127.0.0.1:1\"\nproduction = \"yes\"\n[limits]\nbody_bites = 1\nbody_bytes = \"many\"\nheader_count = -1\n\
                [lgo]\nlevel = \"info\"\n[zebra]\nstripes = 3\n";
    let told = complaint(
        Some(file),
        &[
            ("PASSKEYD_LISTN", "x"),
            ("PASSKEYD_LOG_LEVEL", "info"),
            ("PASSKEYD_LOG__FORMAT", "xml"),
            ("PASSKEYD_BOOTSTRAP_ACOUNT_SID", "x"),
            ("PASSKEYD_RETENTION__SWEEP_SECONDS", "0"),
            ("PASSKEYD_LIMITS", "none"),
        ],
        &["--public-url", "passkeys.example.com"],
    );
    let expected = [
        "`body_bites`",
        "unknown setting `lisen` (in passkeyd.toml); did you mean `listen`?",
        "unknown setting `limits.body_bites` (in passkeyd.toml); did you mean `limits.body_bytes`?",
        "unknown setting `lgo.level` (in passkeyd.toml); did you mean `log.level`?",
        "unknown setting `zebra.stripes` (in passkeyd.toml)\n",
        "unknown setting `listn` (environment variable PASSKEYD_LISTN); did you mean `PASSKEYD_LISTEN`?",
        "unknown setting `log_level` (environment variable PASSKEYD_LOG_LEVEL); did you mean `PASSKEYD_LOG__LEVEL`?",
        "(environment variable PASSKEYD_BOOTSTRAP_ACOUNT_SID); did you mean `PASSKEYD_BOOTSTRAP_ACCOUNT_SID`?",
        "`limits` (environment variable PASSKEYD_LIMITS) is a section, not a setting: its settings are `PASSKEYD_LIMITS__HEADER_BYTES`, ",
        "`production` (in passkeyd.toml): expected true or false, found \"yes\"",
        "`limits.body_bytes` (in passkeyd.toml): expected a whole number, 0 or more, found \"many\"",
        "`limits.header_count` (in passkeyd.toml): expected a whole number, 0 or more, found -1",
        "`log.format` (environment variable PASSKEYD_LOG__FORMAT): expected `json` or `text`, found \"xml\"",
        "`retention.sweep_seconds` (environment variable PASSKEYD_RETENTION__SWEEP_SECONDS): 0 is not between 1 and 86400",
        "`public_url` (--public-url): it does not begin with http:// or https://",
    ];
    for line in &expected[1..] {
        assert!(told.contains(line), "{line}\n--\n{told}");
    }
    assert!(told.starts_with("passkeyd: 14 things are wrong"), "{told}");
    assert_eq!(told.matches("\n  - ").count(), expected.len() - 1, "{told}");
}

#[test]
fn a_value_of_another_kind_is_told_in_plain_words() {
    for (file, told) in [
        (
            "listen = \"nowhere\"",
            "`listen` (in passkeyd.toml): expected an address and a port, for example 127.0.0.1:8080",
        ),
        (
            "listen = { a = 1 }",
            "`listen` (in passkeyd.toml): expected an address and a port",
        ),
        (
            "[metadata]\nroots_file = 7",
            "`metadata.roots_file` (in passkeyd.toml): expected a path, found 7",
        ),
        (
            "public_url = true",
            "`public_url` (in passkeyd.toml): expected a text, found true",
        ),
        (
            "log = \"text\"",
            "`log` (in passkeyd.toml) is a section, not a setting: its settings are `log.format`, `log.level`",
        ),
        (
            "[ceremonies]\nregistration_seconds = 5000000000",
            "expected a whole number from 0 to 4294967295, found 5000000000",
        ),
        (
            "[metadata]\nrevocation_list_files = \"/a\"",
            "expected a list of paths",
        ),
        ("listen = ", "cannot read passkeyd.toml as TOML: "),
    ] {
        let message = complaint(Some(file), &[], &[]);
        assert!(message.contains(told), "{file}: {message}");
        for jargon in [
            "unsigned",
            "signed int",
            "u64",
            "socket address",
            "expected string",
        ] {
            assert!(!message.contains(jargon), "{file}: {message}");
        }
    }
}

#[test]
fn a_production_system_has_a_public_url_of_https() {
    let told = complaint(
        Some("production = true\npublic_url = \"http://passkeys.example.com\"\n"),
        &[],
        &[],
    );
    assert!(
        told.contains("`public_url` (in passkeyd.toml): it begins with http://")
            && told.contains("Set the https:// address"),
        "{told}"
    );
    let told = complaint(Some("production = true\n"), &[], &[]);
    assert!(
        told.contains("`public_url`") && told.contains("it is not set"),
        "{told}"
    );
    let data = tempfile::tempdir().unwrap();
    let mut command = serve(data.path());
    command
        .env("PASSKEYD_PRODUCTION", "true")
        .args(["--public-url", "https://passkeys.example.com"]);
    Server::start(&mut command).stop();
}

#[test]
fn listening_for_other_machines_without_a_public_url_is_warned_about() {
    let warned = |listen: &str, more: &[&str]| {
        let data = tempfile::tempdir().unwrap();
        let mut command = passkeyd();
        command
            .args(["serve", "--listen", listen, "--data-dir"])
            .arg(data.path())
            .args(more);
        let stopped = Server::start(&mut command).stop();
        stopped.log.concat().contains("`public_url` is not set")
    };
    assert!(warned("0.0.0.0:0", &[]));
    assert!(!warned(
        "0.0.0.0:0",
        &["--public-url", "https://passkeys.example.com"]
    ));
    assert!(!warned("127.0.0.1:0", &[]));
}

#[test]
fn it_listens_at_a_host_name_and_at_a_port_alone_of_this_machine() {
    for listen in ["localhost:0", ":0", "0"] {
        let data = tempfile::tempdir().unwrap();
        let mut command = passkeyd();
        command
            .args(["serve", "--listen", listen, "--data-dir"])
            .arg(data.path());
        let server = Server::start(&mut command);
        assert!(
            server.address.ip().is_loopback() && server.address.is_ipv4(),
            "{listen}: {}",
            server.address
        );
        assert_eq!(
            status(&server.request("GET", "/livez", &[], "")),
            200,
            "{listen}"
        );
        server.stop();
    }
    let data = tempfile::tempdir().unwrap();
    let mut command = passkeyd();
    command
        .args([
            "serve",
            "--listen",
            "no-such-host.invalid:8080",
            "--data-dir",
        ])
        .arg(data.path());
    let output = ended(&mut command);
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("cannot listen on no-such-host.invalid:8080"),
        "{message}"
    );
}

#[test]
fn a_data_directory_that_is_a_file_is_named_as_what_it_is() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("file");
    std::fs::write(&file, "text").unwrap();
    for path in [file.clone(), file.join("below")] {
        let output = ended(&mut serve(&path));
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(
            message.contains(&format!("{} is not a directory", file.display())),
            "{message}"
        );
        assert!(!message.contains("os error"), "{message}");
    }
}
