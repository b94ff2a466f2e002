//! The `compound` format (WebAuthn 8.9): several statements about one credential.

use super::{AttestationError, Attested, CompoundPolicy, Subject};
use crate::cbor::Value;

pub(super) const FORMAT: &str = "compound";

/// Most statements: each costs a signature check.
const MAX_STATEMENTS: usize = 8;

fn malformed(problem: &'static str) -> AttestationError {
    AttestationError::Malformed {
        format: FORMAT,
        problem,
    }
}

/// `verify_part` is the procedure of the format with that name.
pub(super) fn verify<'a>(
    subject: &Subject<'_, 'a>,
    verify_part: impl Fn(&str, &Subject<'_, 'a>) -> Result<Vec<Attested<'a>>, AttestationError>,
) -> Result<Vec<Attested<'a>>, AttestationError> {
    // https://w3c.github.io/webauthn/#sctn-compound-attestation
    // Step 1: at least two statements. The shape of all is judged before any of them runs.
    let elements = subject.statement.as_array();
    let elements = elements.ok_or(malformed("it must be an array"))?;
    if elements.len() < 2 {
        return Err(malformed("it must hold at least two statements"));
    }
    if elements.len() > MAX_STATEMENTS {
        return Err(malformed("it holds too many statements"));
    }
    let parts = elements.iter().map(part).collect::<Result<Vec<_>, _>>()?;
    if parts.iter().any(|(name, _)| *name == FORMAT) {
        return Err(malformed("compound statements must not be nested"));
    }
    subject.passed(
        "8.9 step 1",
        "there are two statements or more, none of them compound",
        || {
            parts
                .iter()
                .map(|(name, _)| *name)
                .collect::<Vec<_>>()
                .join(", ")
        },
    );

    // Step 2: each by its own procedure, over the same data. A format that is not supported is one that failed.
    let outcomes = parts.into_iter().map(|(name, statement)| {
        let part = Subject {
            statement,
            ..*subject
        };
        verify_part(name, &part)
    });

    // Step 3: how many must hold is the Relying Party's policy.
    match subject.policy.compound {
        CompoundPolicy::All => {
            let verified: Result<Vec<_>, _> = outcomes.collect();
            Ok(verified?.into_iter().flatten().collect())
        }
        CompoundPolicy::OneTrusted => {
            let (mut verified, mut first_error) = (Vec::new(), None);
            for outcome in outcomes {
                match outcome {
                    Ok(attested) => verified.extend(attested),
                    Err(error) => {
                        first_error.get_or_insert(error);
                    }
                }
            }
            match first_error {
                Some(error) if verified.is_empty() => Err(error),
                _ => Ok(verified),
            }
        }
    }
}

/// `{fmt, attStmt}`.
fn part<'v, 'a>(element: &'v Value<'a>) -> Result<(&'a str, &'v Value<'a>), AttestationError> {
    let name = element.get("fmt").and_then(Value::as_text);
    let name = name.ok_or(malformed("each statement must have a text `fmt`"))?;
    let statement = element.get("attStmt");
    let statement = statement.ok_or(malformed("each statement must have an `attStmt`"))?;
    if element.as_map().is_some_and(|entries| entries.len() != 2) {
        return Err(malformed("a statement has another member"));
    }
    Ok((name, statement))
}
