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
