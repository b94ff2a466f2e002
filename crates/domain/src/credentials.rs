//! Credential records (WebAuthn L3 4, "credential record"), and what a user's owner does with them.

use webauthn::authentication::{SignCounter, StoredCredential};
use webauthn::cose::CoseAlgorithm;
use webauthn::credential::{Aaguid, CredentialId, UserHandle};
use webauthn::error::Reason;
use webauthn::extension::{AuthenticatorOutputs, ClientOutputs};
use webauthn::registration::VerifiedRegistration;

use serde::{Deserialize, Serialize};

use crate::Passkeys;
use crate::audit::{Actor, AuditEvent, AuditKind};
use crate::ceremony::{Ceremony, CeremonyKind, RegistrationAsked};
use crate::clock::Timestamp;
use crate::error::Refusal;
use crate::ids::{CredentialKey, RelyingPartyId, UserId};
use crate::policy::Selection;
use crate::storage::{CeremonyFilter, Order, Page, PageRequest};
use crate::users::User;

/// A credential of a user, as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct CredentialRecord {
    /// Its key, minted when the registration started.
    pub key: CredentialKey,
    /// Whose Relying Party it belongs to.
    pub relying_party: RelyingPartyId,
    /// Whose credential it is.
    pub user: UserId,
    /// The id that the authenticator chose.
    pub id: CredentialId,
    /// The public key, COSE, as the authenticator sent it.
    pub public_key: Vec<u8>,
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
    /// Backup eligibility; `None` when it was never learnt.
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
    /// A name for people.
    pub name: String,
    /// Settings it was registered under.
    pub selection: Selection,
    /// When the registration was started.
    pub created: Timestamp,
    /// When it was last changed by a person.
    pub updated: Timestamp,
    /// When it last signed in.
    pub last_used: Option<Timestamp>,
    /// What the browser or app that registered it said it was; at most
    /// [`MAX_USER_AGENT`](crate::audit::MAX_USER_AGENT) bytes.
    pub user_agent: Option<String>,
}

impl CredentialRecord {
    /// What is known of its signature counters.
    pub fn sign_counter(&self) -> SignCounter {
        SignCounter {
            highest: self.sign_count,
            since_fall: self.sign_count_since_fall,
        }
    }

    /// What the verifier needs of it.
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

/// What extensions answered at a registration. It informs and decides nothing later; members that join have defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExtensionOutputs {
    /// What the client said. Unsigned.
    pub client: ClientOutputs,
    /// What the authenticator said. Signed where the attestation is.
    pub authenticator: AuthenticatorOutputs,
}

/// What a registration brought besides the credential: large, hardly ever read, and never changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The attestation object as received, so that trust can be judged again.
    pub attestation_object: Vec<u8>,
    /// The client data as received.
    pub client_data_json: Vec<u8>,
    /// Extension outputs; `None` for a credential that was stored before they were kept.
    pub extensions: Option<ExtensionOutputs>,
}

/// A credential that came out of a successful verification and is about to be stored. It is made of a
/// [`VerifiedRegistration`], and of nothing else.
#[derive(Debug)]
pub struct NewCredential {
    record: CredentialRecord,
    verified: VerifiedRegistration,
}

impl NewCredential {
    /// The record of what a ceremony verified. Only the verifier makes a [`VerifiedRegistration`], so
    /// anybody may call this.
    pub fn new(
        ceremony: &Ceremony,
        asked: &RegistrationAsked,
        user: UserId,
        verified: VerifiedRegistration,
        now: Timestamp,
    ) -> Self {
        let record = CredentialRecord {
            key: ceremony.id.into(),
            relying_party: ceremony.relying_party,
            user,
            id: verified.credential_id().clone(),
            public_key: verified.public_key().to_vec(),
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
            name: asked.credential_name.clone(),
            selection: asked.selection.clone(),
            created: ceremony.created,
            updated: now,
            last_used: None,
            user_agent: None,
        };
        Self { record, verified }
    }

    /// Gives it the name that came with the answer, if one came, instead of the one from the start.
    #[must_use]
    pub fn named(mut self, name: Option<&str>) -> Self {
        if let Some(name) = name {
            name.clone_into(&mut self.record.name);
        }
        self
    }

    /// Notes with it the user agent of whoever registers it.
    #[must_use]
    pub fn registered_by(mut self, actor: &Actor) -> Self {
        self.record.user_agent = actor.user_agent().map(str::to_owned);
        self
    }

    /// The record to store.
    pub fn record(&self) -> &CredentialRecord {
        &self.record
    }

    /// What is kept beside the record.
    pub fn evidence(&self) -> Evidence {
        Evidence {
            attestation_object: self.verified.attestation_object().to_vec(),
            client_data_json: self.verified.client_data_json().to_vec(),
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

/// A credential, or the registration that has not led to one.
#[derive(Clone, Debug, PartialEq)]
pub enum Enrolment {
    /// Registered.
    Registered(Box<CredentialRecord>),
    /// Started and not (successfully) finished.
    Unfinished(Box<Ceremony>),
}

impl Enrolment {
    /// Key under which it is known.
    pub fn key(&self) -> CredentialKey {
        match self {
            Self::Registered(record) => record.key,
            Self::Unfinished(ceremony) => ceremony.id.into(),
        }
    }

    /// When the registration was started.
    pub fn created(&self) -> Timestamp {
        match self {
            Self::Registered(record) => record.created,
            Self::Unfinished(ceremony) => ceremony.created,
        }
    }
}

impl Passkeys {
    /// The credential with this key, and its owner.
    ///
    /// # Errors
    /// `credential_unknown`, also for a registration that is not finished.
    pub async fn credential(
        &self,
        rp: RelyingPartyId,
        key: CredentialKey,
    ) -> Result<(CredentialRecord, User), Refusal> {
        self.storage
            .credential(rp, key)
            .await?
            .ok_or_else(|| Reason::CredentialUnknown.into())
    }

    /// What the registration of this credential brought besides it.
    ///
    /// # Errors
    /// `credential_unknown`.
    pub async fn evidence(
        &self,
        rp: RelyingPartyId,
        key: CredentialKey,
    ) -> Result<Evidence, Refusal> {
        self.storage
            .evidence(rp, key)
            .await?
            .ok_or_else(|| Reason::CredentialUnknown.into())
    }

    /// The credential or unfinished registration of this user with this key.
    ///
    /// # Errors
    /// `credential_unknown`.
    pub async fn enrolment(&self, user: &User, key: CredentialKey) -> Result<Enrolment, Refusal> {
        if let Some((record, owner)) = self.storage.credential(user.relying_party, key).await? {
            return if owner.id == user.id {
                Ok(Enrolment::Registered(Box::new(record)))
            } else {
                Err(Reason::CredentialUnknown.into())
            };
        }
        self.storage
            .ceremony(user.relying_party, key.into())
            .await?
            .filter(|c| {
                c.kind() == CeremonyKind::Registration
                    && c.user == Some(user.id)
                    && c.state != crate::ceremony::CeremonyState::Succeeded
            })
            .map(|c| Enrolment::Unfinished(Box::new(c)))
            .ok_or_else(|| Reason::CredentialUnknown.into())
    }

    /// Credentials and unfinished registrations of a user, by the time they were started.
    pub async fn list_enrolments(
        &self,
        user: &User,
        page: PageRequest,
    ) -> Result<Page<Enrolment>, Refusal> {
        let rp = user.relying_party;
        let filter = CeremonyFilter {
            kind: CeremonyKind::Registration,
            standing: None,
            unfinished_only: true,
            credential: None,
            now: self.now(),
        };
        // Two sorted lists; each is asked for a whole page, so the merged page is complete.
        let registered = self.storage.list_credentials(rp, user.id, page).await?;
        let unfinished = self
            .storage
            .list_ceremonies(rp, user.id, filter, page)
            .await?;
        let more = registered.more || unfinished.more;
        let mut items: Vec<Enrolment> = registered
            .items
            .into_iter()
            .map(|r| Enrolment::Registered(Box::new(r)))
            .chain(
                unfinished
                    .items
                    .into_iter()
                    .map(|c| Enrolment::Unfinished(Box::new(c))),
            )
            .collect();
        items.sort_by_key(|e| (e.created(), e.key()));
        if page.order == Order::Descending {
            items.reverse();
        }
        let limit = page.limit as usize;
        let more = more || items.len() > limit;
        items.truncate(limit);
        Ok(Page { items, more })
    }

    /// Gives a credential or unfinished registration another name.
    ///
    /// # Errors
    /// `credential_unknown`.
    pub async fn rename_enrolment(
        &self,
        user: &User,
        key: CredentialKey,
        name: &str,
        by: &Actor,
    ) -> Result<Enrolment, Refusal> {
        let now = self.now();
        let rp = user.relying_party;
        let event = AuditEvent::new(self.draw(), AuditKind::CredentialRenamed, rp, now)
            .of(user)
            .credential(key)
            .by(by);
        if let Some(record) = self
            .storage
            .rename_credential(rp, user.id, key, name, &event)
            .await?
        {
            return Ok(Enrolment::Registered(Box::new(record)));
        }
        self.storage
            .rename_registration(rp, user.id, key.into(), name, now)
            .await?
            .map(|c| Enrolment::Unfinished(Box::new(c)))
            .ok_or_else(|| Reason::CredentialUnknown.into())
    }

    /// Deletes a credential or unfinished registration.
    ///
    /// # Errors
    /// `credential_unknown`.
    pub async fn delete_enrolment(
        &self,
        user: &User,
        key: CredentialKey,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let rp = user.relying_party;
        let event = AuditEvent::new(self.draw(), AuditKind::CredentialDeleted, rp, self.now())
            .of(user)
            .credential(key)
            .by(by);
        // The registration first: one that finishes in between leaves a credential, which the
        // second call removes.
        let pending = self
            .storage
            .delete_registration(rp, user.id, key.into())
            .await?;
        let registered = self
            .storage
            .delete_credential(rp, user.id, key, &event)
            .await?;
        if pending || registered {
            Ok(())
        } else {
            Err(Reason::CredentialUnknown.into())
        }
    }
}
