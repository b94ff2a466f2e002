//! The steps that registrations (WebAuthn 7.1) and authentications (7.2) have in common. Each is written once; the two
//! procedures number it differently.

use crate::authenticator_data::{AuthenticatorData, AuthenticatorDataError};
use crate::client_data::{ClientData, ClientDataError, ClientDataType, CrossOrigin};
use crate::origin::Origin;
use crate::trace::{Check, Trace, ensure};

/// The number of each common step.
pub(crate) struct Numbers {
    client_data_type: &'static str,
    challenge: &'static str,
    origin: &'static str,
    embedding: &'static str,
    embedding_origin: &'static str,
    rp_id: &'static str,
    user_present: &'static str,
    user_verified: &'static str,
    backup_flags: &'static str,
}

/// The numbers of a registration.
pub(crate) const REGISTRATION: Numbers = Numbers {
    client_data_type: "7.1 step 7",
    challenge: "7.1 step 8",
    origin: "7.1 step 9",
    embedding: "7.1 step 10",
    embedding_origin: "7.1 step 11",
    rp_id: "7.1 step 14",
    user_present: "7.1 step 15",
    user_verified: "7.1 step 16",
    backup_flags: "7.1 step 17",
};

/// The numbers of an authentication.
pub(crate) const AUTHENTICATION: Numbers = Numbers {
    client_data_type: "7.2 step 10",
    challenge: "7.2 step 11",
    origin: "7.2 step 12",
    embedding: "7.2 step 13",
    embedding_origin: "7.2 step 14",
    rp_id: "7.2 step 15",
    user_present: "7.2 step 16",
    user_verified: "7.2 step 17",
    backup_flags: "7.2 step 18",
};

/// What the client data is verified against.
pub(crate) struct ExpectedClientData<'e> {
    pub(crate) kind: ClientDataType,
    pub(crate) challenge: &'e [u8],
    pub(crate) origins: &'e [Origin],
    pub(crate) cross_origin: &'e CrossOrigin,
}

impl ExpectedClientData<'_> {
    /// 7.1 steps 7 to 11, 7.2 steps 10 to 14, and 5.8.1.
    pub(crate) fn require<T: Trace>(
        &self,
        found: &ClientData,
        at: &Numbers,
        trace: &mut T,
    ) -> Result<(), ClientDataError> {
        let type_check = match self.kind {
            ClientDataType::Create => "client data type is webauthn.create",
            _ => "client data type is webauthn.get",
        };
        let outcome = found.require_type(&self.kind);
        trace.check_with(at.client_data_type, type_check, outcome, |()| {
            found.kind.as_str().to_owned()
        })?;

        let check = "challenge is the ceremony's";
        let outcome = found.require_challenge(self.challenge);
        trace.check_with(at.challenge, check, outcome, |()| {
            format!("{} bytes, as expected", found.challenge.len())
        })?;

        let outcome = found.require_origin(self.origins);
        trace.check_with(at.origin, "origin is allowed", outcome, |()| {
            found.origin_text(self.origins)
        })?;

        let outcome = found.require_cross_origin(self.cross_origin);
        trace.check_with(at.embedding, "embedding is allowed", outcome, |()| {
            found.embedding_text(self.cross_origin)
        })?;

        let check = "embedding origin is allowed";
        if let Some(top_origin) = &found.top_origin {
            let outcome = found.require_top_origin(self.cross_origin);
            trace.check_with(at.embedding_origin, check, outcome, |()| top_origin.clone())?;
        } else {
            trace.skip(at.embedding_origin, check, "there is no topOrigin");
        }

        // Level 2 had a step for token binding here. A claim that cannot be checked is refused.
        let check = "no token binding is claimed";
        trace.check("5.8.1", check, found.require_no_token_binding())
    }
}

/// What the authenticator data is verified against.
pub(crate) struct ExpectedAuthenticatorData<H> {
    pub(crate) rp_id_hash: [u8; 32],
    /// What was hashed.
    pub(crate) hashed: H,
    /// Whether the user must be present; otherwise why not.
    pub(crate) user_presence: Result<(), &'static str>,
    pub(crate) user_verification: bool,
}

impl<H: FnOnce() -> String> ExpectedAuthenticatorData<H> {
    /// 7.1 steps 14 to 17, 7.2 steps 15 to 18.
    pub(crate) fn require<T: Trace>(
        self,
        found: &AuthenticatorData<'_>,
        at: &Numbers,
        trace: &mut T,
    ) -> Result<(), AuthenticatorDataError> {
        let check = "RP ID hash is the expected one";
        let outcome = found.require_rp_id_hash(&self.rp_id_hash);
        trace.check_with(at.rp_id, check, outcome, |()| {
            format!("SHA-256 of {}", (self.hashed)())
        })?;

        let check = "user was present";
        if let Err(why) = self.user_presence {
            trace.skip(at.user_present, check, why);
        } else {
            let outcome = ensure(found.flags.user_present(), || {
                AuthenticatorDataError::UserNotPresent
            });
            trace.check_with(at.user_present, check, outcome, |()| {
                "the UP flag is set".to_owned()
            })?;
        }

        let check = "user was verified";
        if self.user_verification {
            let outcome = ensure(found.flags.user_verified(), || {
                AuthenticatorDataError::UserNotVerified
            });
            trace.check_with(at.user_verified, check, outcome, |()| {
                "the UV flag is set".to_owned()
            })?;
        } else {
            trace.skip(at.user_verified, check, "not demanded");
        }

        let check = "backup flags are possible";
        let outcome = found.require_backup_flags();
        trace.check_with(at.backup_flags, check, outcome, |()| {
            found.flags.backup_text()
        })
    }
}

/// What signatures of ceremonies cover: authenticator data as received, followed by the hash of the client data.
pub(crate) fn signed_data(authenticator_data: &[u8], client_data_hash: &[u8; 32]) -> Vec<u8> {
    let mut signed = Vec::with_capacity(authenticator_data.len() + client_data_hash.len());
    signed.extend_from_slice(authenticator_data);
    signed.extend_from_slice(client_data_hash);
    signed
}
