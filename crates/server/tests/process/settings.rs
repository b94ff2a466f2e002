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
        ("PASSKEYD_STORE", "postgres://db/passkeyd", "no PostgreSQL"),
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
