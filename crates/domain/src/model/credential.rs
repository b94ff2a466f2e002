//! Credential records (WebAuthn L3 4, "credential record").

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use webauthn::authentication::{SignCounter, StoredCredential};
use webauthn::cose::{CoseAlgorithm, StoredKey};
use webauthn::credential::{Aaguid, CredentialId, UserHandle};
use webauthn::extension::{AuthenticatorOutputs, ClientOutputs};
use webauthn::registration::VerifiedRegistration;

use crate::model::audit::Actor;
use crate::model::ceremony::Registration;
use crate::model::clock::Timestamp;
use crate::model::ids::{CredentialKey, RelyingPartyId, UserId};
use crate::model::policy::Selection;
use crate::model::user::User;

/// Most characters of the name of a credential.
pub const MAX_CREDENTIAL_NAME: usize = 255;

/// A credential of a user, as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct CredentialRecord {
    /// Its key, drawn when the registration started.
    pub key: CredentialKey,
    /// The Relying Party.
    pub relying_party: RelyingPartyId,
    /// The user.
    pub user: UserId,
    /// The user handle that the authenticator has, where it is not [that of the user](UserId::user_handle): the credential was
    /// imported.
    pub user_handle: Option<UserHandle>,
    /// The id that the authenticator chose.
    pub id: CredentialId,
    /// The public key, COSE, as the authenticator sent it.
    pub public_key: StoredKey,
    /// Algorithm of that key.
    pub algorithm: CoseAlgorithm,
    /// The highest signature counter seen.
    pub sign_count: u32,
    /// The last signature counter seen, since one did not grow; see [`SignCounter`].
    pub sign_count_since_fall: Option<u32>,
    /// Whether the user was ever verified with it.
    pub uv_initialized: bool,
    /// How the authenticator can be reached.
    pub transports: Vec<String>,
    /// Backup eligibility; `None` if it is not known.
    pub backup_eligible: Option<bool>,
    /// Backup state as of the last ceremony.
    pub backup_state: Option<bool>,
    /// Model of the authenticator.
    pub aaguid: Aaguid,
    /// Attestation statement format.
    pub attestation_format: String,
    /// Attestation type that the statement had.
    pub attestation_type: String,
    /// How far the attestation is trusted.
    pub trust: String,
    /// Whether the client said that it is discoverable.
    pub discoverable: Option<bool>,
    /// A name, to be shown.
    pub name: String,
    /// Settings it was registered under.
    pub selection: Selection,
    /// When the registration was started.
    pub created: Timestamp,
    /// When it was last changed by a person.
    pub updated: Timestamp,
    /// When it last signed in.
    pub last_used: Option<Timestamp>,
    /// The user agent of the browser or app that registered it; at most
    /// [`MAX_USER_AGENT`](crate::model::audit::MAX_USER_AGENT) bytes.
    pub user_agent: Option<String>,
}

impl CredentialRecord {
    /// Its signature counters.
    pub fn sign_counter(&self) -> SignCounter {
        SignCounter {
            highest: self.sign_count,
            since_fall: self.sign_count_since_fall,
        }
    }

    /// The user handle that its authenticator has.
    pub fn user_handle(&self) -> UserHandle {
        let own = self.user_handle.as_ref();
        own.map_or_else(|| self.user.user_handle(), UserHandle::clone)
    }

    /// The members that the verifier needs.
    pub fn stored<'a>(&'a self, user_handle: &'a UserHandle) -> StoredCredential<'a> {
        StoredCredential {
            id: &self.id,
            public_key: &self.public_key,
            sign_count: self.sign_counter(),
            used: self.last_used.is_some(),
            backup_eligible: self.backup_eligible,
            backup_state: self.backup_state,
            user_handle,
        }
    }
}

/// When the user, who has these credentials, signed in last.
pub fn last_sign_in(user: &User, credentials: &[CredentialRecord]) -> Option<Timestamp> {
    credentials
        .iter()
        .map(|credential| credential.last_used)
        .fold(user.last_success, Option::max)
}

/// The outputs of extensions at the registration. They inform and decide nothing later. New members have defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExtensionOutputs {
    /// The client's outputs. Unsigned.
    pub client: ClientOutputs,
    /// The authenticator's outputs. Signed if the attestation is.
    pub authenticator: AuthenticatorOutputs,
}

/// The evidence of a registration: large, rarely read, and never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The attestation object as received, so that its trust can be checked again.
    pub attestation_object: Arc<[u8]>,
    /// The client data as received.
    pub client_data_json: Arc<[u8]>,
    /// Extension outputs; `None` for a credential that was stored before they were kept.
    pub extensions: Option<ExtensionOutputs>,
}

/// A verified credential that is about to be stored. It can only be made from a
/// [`VerifiedRegistration`].
#[derive(Debug)]
pub struct NewCredential {
    record: CredentialRecord,
    verified: VerifiedRegistration,
}

impl NewCredential {
    /// The record of a verified ceremony. Only the verifier makes a [`VerifiedRegistration`], so
    /// every caller may call this.
    pub fn new(ceremony: &Registration, verified: VerifiedRegistration, now: Timestamp) -> Self {
        let record = CredentialRecord {
            key: ceremony.id.into(),
            relying_party: ceremony.relying_party,
            user: ceremony.user,
            user_handle: None,
            id: verified.credential_id().clone(),
            public_key: verified.public_key().into(),
            algorithm: verified.algorithm(),
            sign_count: verified.sign_count(),
            sign_count_since_fall: None,
            uv_initialized: verified.user_verified(),
            transports: verified.transports().to_vec(),
            backup_eligible: Some(verified.backup_eligible()),
            backup_state: Some(verified.backup_state()),
            aaguid: verified.aaguid(),
            attestation_format: verified.format().to_string(),
            attestation_type: verified.attestation_type().as_str().to_owned(),
            trust: verified.trust().as_str().to_owned(),
            discoverable: verified.discoverable(),
            name: ceremony.asked.credential_name.clone(),
            selection: ceremony.policy.selection.clone(),
            created: ceremony.created,
            updated: now,
            last_used: None,
            user_agent: None,
        };
        Self { record, verified }
    }

    /// Replaces its name by the one in the response, if there is one.
    #[must_use]
    pub fn named(mut self, name: Option<&str>) -> Self {
        if let Some(name) = name {
            name.clone_into(&mut self.record.name);
        }
        self
    }

    /// Sets the user agent that registers it.
    #[must_use]
    pub fn registered_by(mut self, actor: &Actor) -> Self {
        self.record.user_agent = actor.user_agent().map(str::to_owned);
        self
    }

    /// The record to store.
    pub fn record(&self) -> &CredentialRecord {
        &self.record
    }

    /// The evidence to store with the record.
    pub fn evidence(&self) -> Evidence {
        Evidence {
            attestation_object: Arc::clone(self.verified.attestation_object()),
            client_data_json: Arc::clone(self.verified.client_data_json()),
            extensions: Some(ExtensionOutputs {
                client: self.verified.client_outputs().clone(),
                authenticator: self.verified.authenticator_outputs().clone(),
            }),
        }
    }

    pub(crate) fn into_record(self) -> CredentialRecord {
        self.record
    }
}
