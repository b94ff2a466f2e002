//! `--explain`: every step, in the order of the specification.

use serde_json::{Value, json};

use crate::support::*;

/// The steps of one case, one line each.
fn explained(case: &Value) -> String {
    let run = run(
        passkeyd().arg("--explain"),
        text(std::slice::from_ref(case)),
    );
    let steps = run.verdicts[0]["steps"].as_array().unwrap();
    let line = |step: &Value| {
        let text = |member: &str| step[member].as_str().unwrap().to_owned();
        assert_eq!(step.as_object().unwrap().len(), 4);
        let line = format!(
            "{} | {} | {} | {}",
            text("section"),
            text("check"),
            text("result"),
            text("detail")
        );
        line.trim_end().to_owned()
    };
    steps.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_accepted_registration_shows_all_steps() {
    let corpus = corpus();
    let case = registration(&corpus, vector(&corpus, "packed-es256"));
    insta::assert_snapshot!(explained(&case));
}

#[test]
fn an_accepted_authentication_shows_all_steps() {
    let corpus = corpus();
    let mut case = authentication(vector(&corpus, "none-es256"));
    case["expected_user_handle"] = json!("AQ");
    insta::assert_snapshot!(explained(&case));
}

#[test]
fn a_refusal_ends_with_the_step_that_refused() {
    let corpus = corpus();
    let case = registration(&corpus, vector(&corpus, "android-key-es256"));
    insta::assert_snapshot!(explained(&case));
}

#[test]
fn what_cannot_be_read_is_a_step_too() {
    let corpus = corpus();
    let mut case = authentication(vector(&corpus, "none-es256"));
    case["credential"]["response"]["clientDataJSON"] = json!("AAAA");
    let client_data = explained(&case);
    case["credential"]["response"] = json!({});
    let form = explained(&case);
    case["credential"] = json!(vec![0; 2000]);
    let size = explained(&case);
    insta::assert_snapshot!(format!("{client_data}\n\n{form}\n\n{size}"));
}

#[test]
fn without_the_switch_there_are_no_steps() {
    let corpus = corpus();
    let case = authentication(vector(&corpus, "none-es256"));
    assert_eq!(verdict(&case).get("steps"), None);
}

#[test]
fn every_format_shows_the_checks_of_its_own_procedure() {
    let corpus = corpus();
    let names = [
        "none-es256",
        "packed-self-es256",
        "packed-es256",
        "tpm-es256",
        "android-key-es256",
        "apple-es256",
        "fido-u2f-es256",
    ];
    let shown = names.map(|name| {
        let steps = explained(&registration(&corpus, vector(&corpus, name)));
        let own: Vec<_> = steps.lines().filter(|l| l.starts_with("8.")).collect();
        format!("{name}\n{}", own.join("\n"))
    });
    insta::assert_snapshot!(shown.join("\n\n"));
}
