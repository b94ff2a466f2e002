//! What the event of a refusal keeps, as a case: with a name, and the moment of the verdict.

use domain::model::audit::AuditEvent;
use domain::model::ids::CeremonyId;
use serde_json::{Map, Value};

use crate::transfer::text::Moment;

/// The case that an event keeps, in one line; `None` if it keeps none.
pub(crate) fn exported(event: &AuditEvent) -> Option<String> {
    let case = event.details.as_ref()?.case.as_ref()?;
    let mut case: Map<String, Value> = serde_json::from_str(case).ok()?;
    let name = event.ceremony.map(CeremonyId::to_hex);
    case.insert("name".to_owned(), name.into());
    case.insert("at".to_owned(), Moment(event.at).to_string().into());
    serde_json::to_string(&case).ok()
}
