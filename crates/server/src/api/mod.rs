//! The wire APIs. Each speaks its own words and touches neither storage nor another wire.

pub mod dates;
pub mod docs;
pub mod enrolment_link;
pub mod fido;
pub mod grants;
pub mod manage;
pub mod nevis;
pub mod reach;
pub mod selection;
pub mod signals;
pub mod twilio;
pub(crate) mod webhook_secrets;
pub mod well_known;

use domain::Reason;
#[cfg(test)]
use webauthn::error::Class;

/// What a wire says of a reason that it places elsewhere than the reason's class.
fn exception<T: Copy>(exceptions: &[(Reason, T)], reason: Reason) -> Option<T> {
    let found = exceptions.iter().find(|(named, _)| *named == reason);
    found.map(|(_, said)| *said)
}

/// Each reason is named once, and what is said of it differs from what the wire says of its class.
#[cfg(test)]
fn assert_exceptional<T: Copy + PartialEq + std::fmt::Debug>(
    exceptions: &[(Reason, T)],
    of_class: impl Fn(Class) -> T,
) {
    for (index, (reason, said)) in exceptions.iter().enumerate() {
        assert_ne!(
            of_class(reason.class()),
            *said,
            "{reason} needs no exception"
        );
        assert!(
            exceptions[..index].iter().all(|(other, _)| other != reason),
            "{reason} is there twice"
        );
    }
}
