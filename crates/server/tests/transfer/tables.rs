//! Tables: nothing that people call themselves or their passkeys looks like another record.

use server::transfer::source::{Source, Told};

use crate::sources::{run, table};
use crate::support::*;

/// A table of passkeys with their users and labels.
struct Table {
    rows: Vec<[String; 4]>,
}

const COLUMNS: [&str; 6] = [
    "id",
    "publicKey",
    "webAuthnUserID",
    "counter",
    "username",
    "name",
];

impl Table {
    /// `rows` are names of users and labels.
    fn new(rows: &[(&str, &str)]) -> Self {
        let row = |(n, (user, label)): (u8, &(&str, &str))| {
            let passkey = registered_elsewhere(&[n], -7);
            let credential = &passkey.credentials()[0];
            let id = testkit::base64url(credential.id());
            let key = testkit::base64url(&credential.public_key());
            [id, key, (*user).to_owned(), (*label).to_owned()]
        };
        Self {
            rows: (0..).zip(rows).map(row).collect(),
        }
    }

    /// As a tool writes it that treats each text so.
    fn written(&self, between: &str, write: impl Fn(&str) -> String) -> String {
        let mut text = COLUMNS.join(between) + "\n";
        for (n, [id, key, user, label]) in (0..).zip(&self.rows) {
            let handle = testkit::base64url(&[n]);
            let texts = [id, key, &handle, user, label].map(|text| write(text));
            let [id, key, handle, user, label] = texts;
            let row = [id, key, handle, "0".to_owned(), user, label];
            text += &(row.join(between) + "\n");
        }
        text
    }
}

pub fn in_quotes(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// Quotes where they are needed, and doubled.
fn rfc4180(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) {
        return in_quotes(text);
    }
    text.to_owned()
}

/// What people may call themselves and their passkeys.
const CHOSEN: &[(&str, &str)] = &[
    ("bob-0000001", "y"),
    ("\"bob-0000001\"", "\"x"),
    ("bob, smith", "a label, and \"more\""),
    (
        "eve-0000001",
        "x\n\"AAAA\",\"AAAA\",\"AAAA\",0,\"bob-0000001\",\"x\"",
    ),
    ("eve\",\"bob-0000001", "NULL"),
    ("NULL", "\\N"),
    ("CORP\\tom", "x\ry"),
];

#[tokio::test]
async fn a_table_is_read_whatever_people_call_themselves_if_its_rule_is_stated() {
    let service = Service::new().await;
    let table_of = Table::new(CHOSEN);
    for (between, write) in [
        (",", &in_quotes as &dyn Fn(&str) -> String),
        (";", &in_quotes),
        ("\t", &in_quotes),
        (",", &rfc4180),
    ] {
        let text = table_of.written(between, write);
        let done = run(&service, &text, Source::Simplewebauthn, table(), true).await;
        let seen = done.unwrap().reports;
        assert_eq!(seen.len(), CHOSEN.len());
        for ((user, _), report) in CHOSEN.iter().zip(&seen) {
            // A word that is not in quotes is nothing.
            let is_nothing = *user == "NULL" && !text.contains("\"NULL\"");
            let read = (!is_nothing).then_some(*user);
            assert_eq!(report.user.as_deref(), read, "{report:?}");
        }
    }
}

/// `mysql -B`, `COPY ... TO` and `INTO OUTFILE` have other rules, and scripts none.
#[tokio::test]
async fn a_table_whose_rule_is_not_stated_is_not_read() {
    let service = Service::new().await;
    let none = |text: &str| format!("\"{text}\"");
    let people = [
        ("ann-0000001", "L"),
        (",\"bob-0000001", "x\""),
        ("bob-0000001", "L"),
    ];
    for (table, between) in [
        (Table::new(&people).written(",", none), ","),
        (Table::new(&people).written("\t", str::to_owned), "\t"),
        (Table::new(CHOSEN).written(",", in_quotes), ","),
    ] {
        let told = Told::default();
        let read = run(&service, &table, Source::Simplewebauthn, told, true).await;
        let refused = read.err().expect("the file is not read").to_string();
        assert!(refused.contains("is no JSON."), "{between}: {refused}");
        assert!(refused.contains("--csv rfc4180"), "{between}: {refused}");
    }
    // By the rule that is stated these are no CSV.
    for (text, why) in [
        ("\"x", "does not end with one"),
        ("\"x\"y", "something after the quote"),
        ("Bob \"work\" key", "has a quote in it"),
        ("\"x\",\"y\"", "it has 7 values"),
    ] {
        let write = |value: &str| match value {
            "label" => text.to_owned(),
            other => in_quotes(other),
        };
        let text = Table::new(&[("eve-0000001", "label")]).written(",", write);
        let read = run(&service, &text, Source::Simplewebauthn, table(), true).await;
        let refused = read.err().expect("the file is not read").to_string();
        assert!(refused.contains(why), "{why}: {refused}");
    }
}
