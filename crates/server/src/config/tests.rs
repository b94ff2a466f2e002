use super::*;

fn keys_of(value: &serde_json::Value, prefix: &str, out: &mut Vec<String>) {
    for (key, value) in value.as_object().unwrap() {
        let path = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        if value.is_object() {
            keys_of(value, &path, out);
        } else {
            out.push(path);
        }
    }
}

#[test]
fn the_reference_shows_the_true_defaults_of_every_key() {
    let defaults = serde_json::to_value(Settings::default()).unwrap();
    let mut keys = Vec::new();
    keys_of(&defaults, "", &mut keys);
    let reference = markdown();
    for key in keys {
        let variable = format!("`PASSKEYD_{}`", key.replace('.', "__").to_uppercase());
        assert!(reference.contains(&variable), "{variable} is not described");
        let value = &defaults
            .pointer(&format!("/{}", key.replace('.', "/")))
            .unwrap();
        if value.is_null() || key == "data_dir" {
            continue;
        }
        let shown = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let row = reference
            .lines()
            .find(|line| line.contains(&variable))
            .unwrap();
        assert!(row.contains(&format!("| `{shown}` |")), "{key}: {row}");
    }
}

#[test]
fn the_store_is_a_file_in_the_data_directory_unless_it_is_named() {
    let settings = Settings {
        data_dir: "/x".into(),
        ..Settings::default()
    };
    let file = |path: &str| StoreUrl::File(path.into());
    assert_eq!(settings.store_location().unwrap(), file("/x/passkeyd.db"));
    let named = Settings {
        store: Some("sqlite:/y/z.db".into()),
        ..settings.clone()
    };
    assert_eq!(named.store_location().unwrap(), file("/y/z.db"));
    for wrong in ["sqlite:", "mysql://x", "/y/z.db", "memory:", ""] {
        let error = Settings {
            store: Some(wrong.into()),
            ..settings.clone()
        }
        .store_location();
        assert!(
            error.unwrap_err().to_string().contains("`store`"),
            "{wrong}"
        );
    }
}

#[test]
fn a_postgres_store_takes_its_password_from_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, "hunter2\n").unwrap();
    let settings = Settings {
        store: Some("postgres://ann@db/passkeyd".into()),
        store_password_file: Some(file),
        ..Settings::default()
    };
    let location = settings.store_location().unwrap();
    assert_eq!(location.to_string(), "postgres://ann@db/passkeyd");
    let with_password = "postgres://ann@db/passkeyd"
        .parse::<storage::PostgresUrl>()
        .unwrap();
    let with_password = with_password.with_password(Some("hunter2"));
    assert_eq!(location, StoreUrl::Postgres(Box::new(with_password)));
    assert!(!format!("{location:?}").contains("hunter2"));
    // `passkeyd copy` names two stores, neither of which is that of the settings.
    let elsewhere = |text: &str| text.parse::<StoreUrl>().unwrap();
    let other = "postgres://ann@db2/copy";
    let with_password = other.parse::<storage::PostgresUrl>().unwrap();
    let with_password = with_password.with_password(Some("hunter2"));
    assert_eq!(
        settings.with_store_password(elsewhere(other)).unwrap(),
        StoreUrl::Postgres(Box::new(with_password))
    );
    let own = elsewhere("postgres://ann:own@db2/copy");
    assert_eq!(settings.with_store_password(own.clone()).unwrap(), own);
    let file = elsewhere("sqlite:copy.db");
    assert_eq!(settings.with_store_password(file.clone()).unwrap(), file);
    let settings = Settings {
        store_password_file: Some(directory.path().join("nothing")),
        ..settings
    };
    let message = settings.store_location().unwrap_err().to_string();
    assert!(message.contains("store_password_file"), "{message}");
}

#[test]
fn a_postgres_store_names_its_host_and_database() {
    for (url, why) in [
        ("postgres://db", "postgres://user@host"),
        ("postgres://db/passkeyd?sslmode=prefer", "sslmode"),
        ("postgresql://db/passkeyd?pool=0", "pool"),
    ] {
        let settings = Settings {
            store: Some(url.into()),
            ..Settings::default()
        };
        let message = settings.store_location().unwrap_err().to_string();
        assert!(message.contains(why), "{message}");
    }
}

#[test]
fn a_public_url_is_http_or_https_with_a_host_and_nothing_after_the_path() {
    for good in [
        "http://localhost:8080",
        "https://a.example/prefix",
        "https://[::1]:8080/",
    ] {
        check_public_url("public_url", good).unwrap();
    }
    for bad in [
        "localhost",
        "ftp://x",
        "https://",
        "https://:80",
        "https://x?y",
        "https://x#y",
        "https://u@x",
        "https://x y",
    ] {
        assert!(check_public_url("public_url", bad).is_err(), "{bad}");
    }
}

#[test]
fn the_first_account_is_given_whole_or_not_at_all() {
    let sid = "AC00112233445566778899aabbccddeeff";
    let token = "0123456789abcdef";
    let given = |sid: Option<&str>, token: Option<&str>| {
        let (sid, token) = (sid.map(str::to_owned), token.map(str::to_owned));
        bootstrap_account(move |name| match name {
            BOOTSTRAP_ACCOUNT_SID => sid.clone(),
            BOOTSTRAP_AUTH_TOKEN => token.clone(),
            _ => None,
        })
    };
    assert!(given(None, None).unwrap().is_none());
    let (id, secret) = given(Some(sid), Some(token)).unwrap().unwrap();
    assert_eq!((format!("AC{id}").as_str(), secret.reveal()), (sid, token));
    for (sid, token, named) in [
        (Some(sid), None, BOOTSTRAP_AUTH_TOKEN),
        (None, Some(token), BOOTSTRAP_ACCOUNT_SID),
        (Some("AC0011"), Some(token), BOOTSTRAP_ACCOUNT_SID),
        (
            Some("SK00112233445566778899aabbccddeeff"),
            Some(token),
            BOOTSTRAP_ACCOUNT_SID,
        ),
        (Some(sid), Some("too-short"), BOOTSTRAP_AUTH_TOKEN),
        (Some(sid), Some("0123456789 abcdef"), BOOTSTRAP_AUTH_TOKEN),
    ] {
        let message = given(sid, token).unwrap_err().to_string();
        assert!(message.contains(named), "{message}");
        assert!(
            !message.contains(token.unwrap_or("-none-")),
            "the token is not repeated"
        );
    }
}
