//! The records of the console as both SQL stores write them: a number for the kind, and JSON.

use domain::model::console::{ConsoleKind, ConsoleRecord};
use domain::store::Fault;

/// `console_records.kind` of an administrator.
pub(crate) const ADMINISTRATOR: i64 = 0;
/// `console_records.kind` of an invite.
pub(crate) const INVITE: i64 = 1;
/// `console_records.kind` of a session.
pub(crate) const SESSION: i64 = 2;
/// `console_records.kind` of an enrolment link.
const ENROLMENT: i64 = 3;

/// What the JSON of an administrator who is an owner has, and no other: quotation marks in a name are escaped.
pub(crate) const OWNER: &str = r#""role":"owner""#;

/// The kind in its column.
pub(crate) fn number(kind: ConsoleKind) -> i64 {
    match kind {
        ConsoleKind::Administrator => ADMINISTRATOR,
        ConsoleKind::Invite => INVITE,
        ConsoleKind::Session => SESSION,
        ConsoleKind::Enrolment => ENROLMENT,
    }
}

/// The record as JSON.
pub(crate) fn body(record: &ConsoleRecord) -> Result<String, Fault> {
    let text = match record {
        ConsoleRecord::Administrator(record) => serde_json::to_string(record),
        ConsoleRecord::Invite(record) => serde_json::to_string(record),
        ConsoleRecord::Session(record) => serde_json::to_string(record),
        ConsoleRecord::Enrolment(record) => serde_json::to_string(record),
    };
    text.map_err(|_| Fault::Fatal("a record of the console has no JSON form".to_owned()))
}

/// The record of JSON.
pub(crate) fn record(kind: ConsoleKind, text: &str) -> Result<ConsoleRecord, Fault> {
    let record = match kind {
        ConsoleKind::Administrator => serde_json::from_str(text).map(ConsoleRecord::Administrator),
        ConsoleKind::Invite => serde_json::from_str(text).map(ConsoleRecord::Invite),
        ConsoleKind::Session => serde_json::from_str(text).map(ConsoleRecord::Session),
        ConsoleKind::Enrolment => serde_json::from_str(text).map(ConsoleRecord::Enrolment),
    };
    record.map_err(|_| Fault::Unreadable("a record of the console".to_owned()))
}

#[cfg(test)]
mod tests {
    use domain::model::clock::Timestamp;
    use domain::model::console::{Administrator, Role};
    use domain::model::ids::UserId;

    use super::*;

    #[test]
    fn an_owner_is_known_by_the_text_whatever_the_name_is() {
        for role in Role::ALL {
            for name in ["ada", OWNER, r#"\"role":"owner""#, r#"","role":"owner"#] {
                let administrator =
                    Administrator::new(UserId([1; 16]), name.to_owned(), *role, Timestamp(1));
                let administrator = ConsoleRecord::Administrator(administrator);
                let text = body(&administrator).unwrap();
                assert_eq!(text.contains(OWNER), *role == Role::Owner, "{text}");
            }
        }
    }
}
