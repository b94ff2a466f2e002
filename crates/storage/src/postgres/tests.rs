//! What holds without a database: the catalogue of statements. The tests on a real engine are in `tests/postgres.rs`.

use super::migrate::{FOUNDATION, STEPS, statements};
use super::statements::Statement;

/// Words that are not in the part of SQL which the engines share.
const FORBIDDEN: &[&str] = &[
    "SERIAL",
    "BIGSERIAL",
    "IDENTITY",
    "SEQUENCE",
    "NEXTVAL",
    "REFERENCES",
    "FOREIGN",
    "TRIGGER",
    "FUNCTION",
    "PROCEDURE",
    "TEMP",
    "TEMPORARY",
    "TRUNCATE",
    "SAVEPOINT",
    "PARTITION",
    "LISTEN",
    "NOTIFY",
    "LOCK",
    "SHARE",
    "JSONB",
    "JSON",
    "TIMESTAMP",
    "TIMESTAMPTZ",
    "NOW",
    "CURRENT_TIMESTAMP",
    "PG_ADVISORY_LOCK",
    "PG_ADVISORY_XACT_LOCK",
    "SET_CONFIG",
    "PREPARE",
    "CURSOR",
    "GENERATED",
    "UNLOGGED",
    "TABLESPACE",
    "INHERITS",
    "EXCLUDE",
    "DEFAULT",
];

fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .map(str::to_ascii_uppercase)
}

#[test]
fn every_statement_is_inside_the_part_of_sql_that_the_engines_share() {
    let migrations = STEPS.iter().flat_map(|step| statements(step.sql));
    let foundation = FOUNDATION.iter().map(|text| (*text).to_owned());
    let catalogue = Statement::ALL.iter().map(|s| s.text().to_owned());
    let mut seen = 0;
    for text in catalogue.chain(migrations).chain(foundation) {
        seen += 1;
        // The engines share windows over groups of rows, but not tables in parts.
        for word in words(&text.replace("OVER (PARTITION BY", "")) {
            assert!(!FORBIDDEN.contains(&word.as_str()), "{word}: {text}");
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn every_table_of_a_statement_is_named_with_its_schema() {
    for statement in Statement::ALL {
        let text = statement.text();
        // A name without `@` behind these words is one that the statement makes itself.
        for before in ["FROM ", "JOIN ", "INTO ", "UPDATE "] {
            for (at, _) in text.match_indices(before) {
                let name = text[at + before.len()..]
                    .split([' ', ')', ','])
                    .next()
                    .unwrap_or_default();
                let table = [
                    "accounts",
                    "api_keys",
                    "relying_parties",
                    "origins",
                    "users",
                    "credentials",
                    "attestations",
                    "ceremonies",
                    "policies",
                    "events",
                    "webhooks",
                    "deliveries",
                    "access_keys",
                    "token_keys",
                    "used_tokens",
                    "answers",
                    "metadata",
                    "deletions",
                    "imports",
                    "imported",
                    "console_records",
                    "meta",
                    "leases",
                    "migrations",
                ]
                .contains(&name);
                assert!(!table, "{statement:?} names {name} without a schema");
            }
        }
    }
}

#[test]
fn every_parameter_of_a_statement_has_a_type() {
    for statement in Statement::ALL {
        let (text, types) = (statement.text(), statement.types());
        for n in 1..=types.len() {
            let used = text.match_indices(&format!("${n}")).any(|(at, found)| {
                !text[at + found.len()..].starts_with(|c: char| c.is_ascii_digit())
            });
            assert!(used, "{statement:?} does not use ${n}");
        }
        let beyond = format!("${}", types.len() + 1);
        assert!(!text.contains(&beyond), "{statement:?} uses {beyond}");
    }
}

#[test]
fn the_steps_of_the_schema_are_numbered_in_order_and_can_run_twice() {
    for (n, step) in (1..).zip(STEPS) {
        assert_eq!(step.number, n);
        for text in statements(step.sql) {
            let safe = ["IF NOT EXISTS", "IF EXISTS"]
                .iter()
                .any(|again| text.contains(again));
            assert!(safe || !text.starts_with("CREATE"), "{text}");
        }
    }
}
