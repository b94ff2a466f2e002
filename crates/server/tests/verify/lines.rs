//! Lines in, lines out: order, unreadable lines, bounds, files and exit codes.

use serde_json::{Value, json};

use crate::support::*;

fn good() -> Value {
    authentication(vector(&corpus(), "none-es256"))
}

fn bad() -> Value {
    let mut case = good();
    case["challenge"] = json!("AAAA");
    case
}

fn named(mut case: Value, name: &str) -> Value {
    case["name"] = json!(name);
    case
}

#[test]
fn the_exit_code_is_0_for_all_accepted_1_for_some_refused_and_2_for_some_unreadable() {
    assert_eq!(verify(&[]).code, Some(0));
    assert_eq!(verify(&[good(), good()]).code, Some(0));
    assert_eq!(verify(&[good(), bad(), good()]).code, Some(1));
    assert_eq!(verify(&[json!({}), bad(), good()]).code, Some(2));
    assert_eq!(verify(&[bad(), json!({})]).code, Some(2));
}

#[test]
fn verdicts_stand_in_the_order_of_the_lines_and_blank_lines_have_none() {
    let mut input = b"\n \t\r\n".to_vec();
    for (at, case) in [good(), bad(), json!({}), good()].into_iter().enumerate() {
        input.extend(named(case, &at.to_string()).to_string().into_bytes());
        input.extend(b"\r\n\n");
    }
    // The last line needs no end.
    input.extend(named(good(), "last").to_string().into_bytes());
    let run = run(&mut passkeyd(), input);
    let shown: Vec<_> = run
        .verdicts
        .iter()
        .map(|v| (v["name"].as_str().unwrap(), v["ok"] == true))
        .collect();
    assert_eq!(
        shown,
        [
            ("0", true),
            ("1", false),
            ("2", false),
            ("3", true),
            ("last", true)
        ]
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of lines")]
fn a_line_that_is_no_case_says_so_and_the_others_are_processed() {
    let without = |member: &str| {
        let mut case = good();
        case.as_object_mut().unwrap().remove(member);
        case.to_string()
    };
    let with = |member: &str, value: Value| {
        let mut case = good();
        case[member] = value;
        case.to_string()
    };
    let name = good()["name"].clone();
    let cases: Vec<(Vec<u8>, Value, &str)> = vec![
        (b"nonsense".into(), json!(null), "not a JSON object"),
        (b"{".into(), json!(null), "EOF"),
        (b"[]".into(), json!(null), "not a JSON object"),
        (b"{\"name\":17}".into(), json!(null), "expected a string"),
        (b"{} {}".into(), json!(null), ""),
        (vec![0xff, 0xfe], json!(null), ""),
        (vec![b'['; 10_000], json!(null), ""),
        (
            br#"{"name":"n","name":"m"}"#.into(),
            json!(null),
            "duplicate field `name`",
        ),
        (br#"{"name":"n"}"#.into(), json!("n"), "missing field"),
        (without("kind").into(), name.clone(), "missing field `kind`"),
        (
            without("rp_id").into(),
            name.clone(),
            "missing field `rp_id`",
        ),
        (
            without("origins").into(),
            name.clone(),
            "missing field `origins`",
        ),
        (
            without("challenge").into(),
            name.clone(),
            "missing field `challenge`",
        ),
        (
            without("credential").into(),
            name.clone(),
            "missing field `credential`",
        ),
        (
            without("credential_public_key").into(),
            name.clone(),
            "missing field `credential_public_key`",
        ),
        (
            with("name", json!(7)).into(),
            json!(null),
            "expected a string",
        ),
        (
            with("kind", json!("both")).into(),
            name.clone(),
            "unknown variant `both`",
        ),
        (
            with("challenge", json!("AA==")).into(),
            name.clone(),
            "base64url",
        ),
        (
            with("at", json!("yesterday")).into(),
            name.clone(),
            "RFC 3339",
        ),
        (
            with("trust_anchors", json!(["AAAA"])).into(),
            name.clone(),
            "PEM",
        ),
        (
            with("stored_sign_count", json!(-1)).into(),
            name.clone(),
            "u32",
        ),
        (
            with("stored_sign_count", json!(4_294_967_296_u64)).into(),
            name.clone(),
            "u32",
        ),
        (
            with("sign_count_policy", json!("refuse")).into(),
            name.clone(),
            "unknown variant",
        ),
        (
            with("compound_policy", json!("any")).into(),
            name.clone(),
            "unknown variant",
        ),
        (
            with("expected_user_handle", json!("")).into(),
            name.clone(),
            "user handle",
        ),
        (
            with("allow_credentials", json!([7])).into(),
            name,
            "expected a string",
        ),
        (
            with("name", json!("x".repeat(1024 * 1024))).into(),
            json!(null),
            "more than 1048576 bytes",
        ),
    ];
    let last = named(good(), "after").to_string().into_bytes();
    let mut lines: Vec<Vec<u8>> = cases.iter().map(|(line, ..)| line.clone()).collect();
    lines.push(last);
    let run = run(&mut passkeyd(), lines.join(&b'\n'));
    assert_eq!(run.code, Some(2));
    assert_eq!(run.verdicts.len(), cases.len() + 1);
    for ((line, name, message), verdict) in cases.iter().zip(&run.verdicts) {
        let start = String::from_utf8_lossy(&line[..line.len().min(80)]);
        let text = verdict["message"].as_str().unwrap();
        assert!(text.contains(message), "{start}: {text}");
        let expected = json!({"name": name, "ok": false, "reason": "request_invalid", "section": "-", "message": text});
        assert_eq!(*verdict, expected, "{start}");
    }
    assert_eq!(run.verdicts[cases.len()]["name"], "after");
    assert_eq!(run.verdicts[cases.len()]["ok"], true);
}

#[test]
fn a_credential_that_breaks_the_rules_of_its_json_is_a_refusal_and_not_an_unreadable_line() {
    let case = named(good(), "n");
    let credential = case["credential"].to_string();
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let wide = format!(r#"{{"id":"{}"}}"#, "A".repeat(100_000));
    let twice = credential.replacen('{', r#"{"id":"AAAA","#, 1);
    for (bent, reason) in [
        (deep, "json_too_deep"),
        (wide, "json_too_large"),
        (twice, "json_duplicate_member"),
        ("null".into(), "request_invalid"),
        ("\"text\"".into(), "request_invalid"),
    ] {
        let line = case.to_string().replace(&credential, &bent);
        let run = run(&mut passkeyd(), line.into_bytes());
        assert_eq!(run.code, Some(1), "{reason}");
        assert_eq!(run.verdicts[0]["name"], "n");
        assert_eq!(run.verdicts[0]["reason"], reason);
    }
}

#[test]
fn unknown_members_are_ignored_and_a_name_is_not_needed() {
    let mut case = good();
    case["comment"] = json!({"any": ["thing"]});
    case["name"] = json!(null);
    let verdict = verdict(&case);
    assert_eq!(verdict["ok"], true);
    assert_eq!(verdict["name"], json!(null));
}

#[test]
fn files_are_read_in_order_and_a_dash_is_the_standard_input() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("1"), folder.path().join("2"));
    std::fs::write(&first, text(&[named(good(), "first")])).unwrap();
    std::fs::write(&second, text(&[named(bad(), "second")])).unwrap();
    let input = text(&[named(good(), "input")]);
    let names = |run: &Run| -> Vec<String> {
        let names = run.verdicts.iter().map(|v| v["name"].as_str().unwrap());
        names.map(str::to_owned).collect()
    };

    let all = run(passkeyd().arg(&second).arg("-").arg(&first), input.clone());
    assert_eq!(names(&all), ["second", "input", "first"]);
    assert_eq!(all.code, Some(1));

    let missing = run(passkeyd().arg(folder.path().join("3")).arg(&first), input);
    assert_eq!(names(&missing), ["first"]);
    assert_eq!(missing.code, Some(2));
}

#[test]
fn each_verdict_is_written_before_the_next_case_is_read() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let mut child = passkeyd().spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    for name in ["a", "b"] {
        input.write_all(&text(&[named(good(), name)])).unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let verdict: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(verdict["name"], name);
    }
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
