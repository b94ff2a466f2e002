//! Wishes about a ceremony in a request, and the ceremonies that are begun with them.

use std::sync::Arc;

use domain::model::ceremony::{Authentication, ChallengeForm};
use domain::model::policy::{Attachment, PartialSelection};
use domain::model::refusal::Refusal;
use domain::model::relying_party::RelyingParty;
use domain::model::user::UserRef;
use domain::service::authentication::{StartAuthentication, Who};
use domain::service::ceremony::Terms;
use domain::service::registration::{StartRegistration, StartedRegistration};
use domain::webauthn::json::Object;
use domain::webauthn::options::AttestationConveyance;
use domain::webauthn::options::ResidentKey;
use domain::webauthn::options::UserVerification;

use super::auth::Caller;
use super::error::ApiError;
use super::state::State;
use crate::api::selection::{self, SelectionCriteria, Words};
use crate::http::json::choice;

/// Name of a credential to which nobody has given one.
const UNNAMED: &str = "Passkey";

/// The words of a selection, as errors list them.
const WORDS: Words = Words {
    resident_key: [
        ("preferred", ResidentKey::Preferred),
        ("required", ResidentKey::Required),
        ("discouraged", ResidentKey::Discouraged),
    ],
    user_verification: [
        ("preferred", UserVerification::Preferred),
        ("required", UserVerification::Required),
        ("discouraged", UserVerification::Discouraged),
    ],
};

/// What a request wishes of a new credential; `None` for no wish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CreationWishes {
    /// How the authenticator is to be.
    pub selection: SelectionCriteria,
    /// Whether a statement about the authenticator is to be sent.
    pub attestation: Option<AttestationConveyance>,
    /// Whether the page asks for a credential without a dialog. Only a back end may wish it: it demands less.
    pub conditional: bool,
}

impl CreationWishes {
    /// Reads `authenticatorSelection` and `attestation` of an object, and our own member `mediation`.
    ///
    /// # Errors
    /// 422.
    pub fn read(object: &Object<'_>) -> Result<Self, ApiError> {
        let attestation = choice(
            object,
            "attestation",
            &[
                ("none", AttestationConveyance::None),
                ("indirect", AttestationConveyance::Indirect),
                ("direct", AttestationConveyance::Direct),
            ],
        )?;
        Ok(Self {
            selection: SelectionCriteria::read(object, &WORDS)?,
            attestation,
            conditional: choice(object, "mediation", &[("conditional", true)])?.unwrap_or(false),
        })
    }
}

/// Reads `userVerification` of an object.
///
/// # Errors
/// 422.
pub fn user_verification(object: &Object<'_>) -> Result<Option<UserVerification>, ApiError> {
    Ok(selection::user_verification(object, &WORDS)?)
}

/// A registration to begin for a user who is known or may be created.
#[derive(Clone, Copy, Debug)]
pub struct Enrolment<'a> {
    /// For whom.
    pub user: UserRef<'a>,
    /// The name to show; the user's name when `None`.
    pub display_name: Option<&'a str>,
    /// What is wished.
    pub wishes: CreationWishes,
}

/// Begins a registration.
///
/// # Errors
/// Those of [`domain::Passkeys::start_registration`].
pub async fn begin_registration(
    state: &State,
    caller: &Caller,
    enrolment: Enrolment<'_>,
) -> Result<StartedRegistration, Refusal> {
    let Enrolment {
        user,
        display_name,
        wishes:
            CreationWishes {
                selection: wishes,
                attestation,
                conditional,
            },
    } = enrolment;
    let own = &caller.rp.selection;
    let from_browser = caller.intent.is_some();
    let selection = PartialSelection {
        attachment: Some(match own.attachment {
            Some(fixed @ (Attachment::Platform | Attachment::CrossPlatform)) if from_browser => {
                fixed
            }
            configured => wishes.attachment.or(configured).unwrap_or(Attachment::Any),
        }),
        resident_key: Some(match own.resident_key {
            Some(ResidentKey::Required) if from_browser => ResidentKey::Required,
            configured => wishes
                .resident_key
                .or(configured)
                .unwrap_or(ResidentKey::Preferred),
        }),
        user_verification: Some(verification(caller, wishes.user_verification)),
        ..PartialSelection::default()
    };
    let attestation = attestation
        // A browser may ask for more than the policy does, and not for less.
        .filter(|asked| {
            !from_browser || weight(*asked) >= weight(caller.rp.policy.attestation.conveyance)
        });
    let terms = Terms {
        extensions: Some(serde_json::json!({"credProps": true})),
        ..terms(caller)
    };
    let start = StartRegistration {
        display_name,
        attestation,
        max_credentials: Some(most_authenticators(&caller.rp)),
        conditional_create: conditional && !from_browser,
        ..StartRegistration::new(user, UNNAMED, &selection, terms)
    };
    state.passkeys.start_registration(&caller.rp, start).await
}

/// Begins an authentication.
///
/// # Errors
/// Those of [`domain::Passkeys::start_authentication`].
pub async fn begin_authentication(
    state: &State,
    caller: &Caller,
    who: Who<'_>,
    asked: Option<UserVerification>,
) -> Result<Arc<Authentication>, Refusal> {
    let selection = PartialSelection {
        user_verification: Some(verification(caller, asked)),
        ..PartialSelection::default()
    };
    let start = StartAuthentication {
        selection: Some(&selection),
        credential_needed: true,
        ..StartAuthentication::new(who, terms(caller))
    };
    state.passkeys.start_authentication(&caller.rp, start).await
}

/// Most authenticators of a user on this wire; never more than the Relying Party allows anywhere.
fn most_authenticators(rp: &RelyingParty) -> u32 {
    rp.settings
        .nevis
        .max_authenticators
        .min(rp.policy.max_credentials_per_user)
}

/// The user verification of a ceremony. A back end holds the key of the Relying Party and may ask for anything; a browser
/// with an intent token may not ask for less than is configured.
fn verification(caller: &Caller, asked: Option<UserVerification>) -> UserVerification {
    match caller.rp.selection.user_verification {
        Some(UserVerification::Required) if caller.intent.is_some() => UserVerification::Required,
        configured => asked.or(configured).unwrap_or(UserVerification::Preferred),
    }
}

/// How much of a statement is asked for.
fn weight(conveyance: AttestationConveyance) -> u8 {
    match conveyance {
        AttestationConveyance::None => 0,
        AttestationConveyance::Indirect => 1,
        AttestationConveyance::Direct => 2,
        AttestationConveyance::Enterprise => 3,
    }
}

fn terms(caller: &Caller) -> Terms {
    let settings = &caller.rp.settings.nevis;
    Terms {
        timeout_ms: Some(settings.timeout_ms()),
        lifetime_ms: Some(settings.transaction_ms()),
        challenge: if settings.status_token_required {
            ChallengeForm::Timed
        } else {
            ChallengeForm::NamesRelyingParty
        },
        ..Terms::new(caller.actor.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::webauthn::json::{Limits, parse};

    fn read(text: &str) -> Result<CreationWishes, u16> {
        let value = parse(text.as_bytes(), &Limits::default()).unwrap();
        CreationWishes::read(value.as_object().unwrap()).map_err(|e| e.status().as_u16())
    }

    #[test]
    fn absent_and_null_members_are_no_wish() {
        for text in [
            "{}",
            r#"{"attestation":null,"authenticatorSelection":null}"#,
            r#"{"authenticatorSelection":{"residentKey":null,"requireResidentKey":null}}"#,
        ] {
            assert_eq!(read(text), Ok(CreationWishes::default()), "{text}");
        }
    }

    #[test]
    fn the_legacy_member_counts_only_alone() {
        let key = |members: &str| {
            read(&format!(r#"{{"authenticatorSelection":{{{members}}}}}"#))
                .unwrap()
                .selection
                .resident_key
        };
        assert_eq!(
            key(r#""requireResidentKey":true"#),
            Some(ResidentKey::Required)
        );
        assert_eq!(
            key(r#""requireResidentKey":false"#),
            Some(ResidentKey::Discouraged)
        );
        assert_eq!(
            key(r#""requireResidentKey":true,"residentKey":"preferred""#),
            Some(ResidentKey::Preferred)
        );
    }

    #[test]
    fn an_unknown_word_or_another_type_is_422() {
        for text in [
            r#"{"attestation":"enterprise"}"#,
            r#"{"attestation":"None"}"#,
            r#"{"attestation":1}"#,
            r#"{"mediation":"optional"}"#,
            r#"{"mediation":true}"#,
            r#"{"authenticatorSelection":[]}"#,
            r#"{"authenticatorSelection":{"userVerification":"always"}}"#,
            r#"{"authenticatorSelection":{"residentKey":true}}"#,
            r#"{"authenticatorSelection":{"requireResidentKey":"true"}}"#,
            r#"{"authenticatorSelection":{"authenticatorAttachment":"any"}}"#,
            r#"{"authenticatorSelection":{"authenticatorAttachment":""}}"#,
        ] {
            assert_eq!(read(text), Err(422), "{text}");
        }
    }
}
