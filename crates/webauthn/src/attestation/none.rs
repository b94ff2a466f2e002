//! The `none` format (WebAuthn 8.7).

use super::{AttestationError, AttestationType, Attested, Subject};

pub(super) const FORMAT: &str = "none";

pub(super) fn verify<'a>(subject: &Subject<'_, 'a>) -> Result<Attested<'a>, AttestationError> {
    match subject.statement.as_map() {
        Some([]) => {
            subject.passed("8.7", "statement is empty", String::new);
            Ok(Attested::new(AttestationType::None, Vec::new()))
        }
        _ => Err(AttestationError::Malformed {
            format: FORMAT,
            problem: "it must be an empty map",
        }),
    }
}
