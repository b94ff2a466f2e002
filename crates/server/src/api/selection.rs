//! `authenticatorSelection` in a request: what is wished of a new credential (WebAuthn L3 5.4.4).

use domain::model::policy::Attachment;
use domain::webauthn::json::Object;
use domain::webauthn::options::{ResidentKey, UserVerification};

use crate::http::json::{MemberError, boolean, choice, object};

/// The words of a member, and what they mean. An error lists them in this order, which differs between the wires.
#[derive(Clone, Copy, Debug)]
pub struct Words {
    /// Those of `residentKey`.
    pub resident_key: [(&'static str, ResidentKey); 3],
    /// Those of `userVerification`.
    pub user_verification: [(&'static str, UserVerification); 3],
}

/// What is wished of a new credential; `None` for no wish.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SelectionCriteria {
    /// Where the authenticator sits.
    pub attachment: Option<Attachment>,
    /// Whether the credential is to be discoverable.
    pub resident_key: Option<ResidentKey>,
    /// Whether the user is to be verified.
    pub user_verification: Option<UserVerification>,
}

impl SelectionCriteria {
    /// Reads the member `authenticatorSelection`.
    ///
    /// # Errors
    /// It is no object, or one of its members has another type or is an unknown word.
    pub fn read(parent: &Object<'_>, words: &Words) -> Result<Self, MemberError> {
        let Some(selection) = object(parent, "authenticatorSelection")? else {
            return Ok(Self::default());
        };
        let resident_key = choice(selection, "residentKey", &words.resident_key)?;
        // The member of Level 1 counts where that of Level 2 is absent.
        let legacy = boolean(selection, "requireResidentKey")?.map(|required| {
            if required {
                ResidentKey::Required
            } else {
                ResidentKey::Discouraged
            }
        });
        Ok(Self {
            attachment: choice(
                selection,
                "authenticatorAttachment",
                &[
                    ("platform", Attachment::Platform),
                    ("cross-platform", Attachment::CrossPlatform),
                ],
            )?,
            resident_key: resident_key.or(legacy),
            user_verification: user_verification(selection, words)?,
        })
    }
}

/// Reads the member `userVerification`.
///
/// # Errors
/// It has another type or is an unknown word.
pub fn user_verification(
    parent: &Object<'_>,
    words: &Words,
) -> Result<Option<UserVerification>, MemberError> {
    choice(parent, "userVerification", &words.user_verification)
}
