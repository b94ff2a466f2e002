//! Relying Parties: who may take part in ceremonies, and under which policy.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use webauthn::error::Reason;
use webauthn::options::UserVerification;
use webauthn::origin::Origin;
use webauthn::relying_party::RpId;

use crate::Passkeys;
use crate::audit::{Actor, ActorKind, AuditEvent, AuditKind};
use crate::clock::Timestamp;
use crate::error::Refusal;
use crate::ids::{AccountId, RelyingPartyId};
use crate::policy::{PartialSelection, Policy, RelyingPartyOverride, Selection};
use crate::storage::{Page, PageRequest, Update};

/// How often a versioned update is tried again after somebody else's.
const UPDATE_TRIES: u32 = 5;

/// Who makes and changes Relying Parties: whoever holds the account, on whichever wire.
const ADMIN: Actor = Actor::new(ActorKind::Admin, "");

/// A Relying Party of an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelyingParty {
    /// Its key.
    pub id: RelyingPartyId,
    /// Whose it is.
    pub account: AccountId,
    /// A name for people.
    pub name: String,
    /// Settings of ceremonies as far as they are configured.
    pub selection: PartialSelection,
    /// What it demands beyond that.
    pub policy: Policy,
    /// What a wire keeps with the Relying Party for itself; opaque here.
    pub attributes: serde_json::Value,
    /// Counts changes, from 1.
    pub version: u64,
    /// When it was created.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
}

impl RelyingParty {
    /// The RP ID, name and origins for a ceremony: those of the request, else the configured ones.
    ///
    /// # Errors
    /// `relying_party_incomplete`, naming what is in neither place or not allowed in a request.
    fn resolve_party(
        &self,
        asked: &PartialSelection,
    ) -> Result<(RpId, String, Vec<Origin>), Refusal> {
        let own = &self.selection;
        if self.policy.relying_party_override == RelyingPartyOverride::ConfiguredOnly {
            let mut foreign = Vec::new();
            if asked.rp_id.is_some() && asked.rp_id != own.rp_id {
                foreign.push("rp_id");
            }
            let known = own.origins.as_deref().unwrap_or_default();
            if asked
                .origins
                .iter()
                .flatten()
                .any(|origin| !known.contains(origin))
            {
                foreign.push("origins");
            }
            if !foreign.is_empty() {
                return Err(Refusal::new(
                    Reason::RelyingPartyIncomplete,
                    "the request names a relying party other than the configured one, and this Relying Party does not allow that",
                )
                .with_members(foreign));
            }
        }
        let rp_id = asked.rp_id.as_ref().or(own.rp_id.as_ref());
        let origins = asked
            .origins
            .as_ref()
            .or(own.origins.as_ref())
            .filter(|o| !o.is_empty());
        let (Some(rp_id), Some(origins)) = (rp_id, origins) else {
            let mut missing = Vec::new();
            if rp_id.is_none() {
                missing.push("rp_id");
            }
            if origins.is_none() {
                missing.push("origins");
            }
            return Err(Refusal::new(
                Reason::RelyingPartyIncomplete,
                "neither the request nor the Relying Party's settings say which RP ID and origins to use",
            )
            .with_members(missing));
        };
        let name = asked
            .rp_name
            .as_ref()
            .or(own.rp_name.as_ref())
            .unwrap_or(&self.name);
        Ok((rp_id.clone(), name.clone(), origins.clone()))
    }

    /// All settings for a new credential.
    ///
    /// # Errors
    /// `relying_party_incomplete` and `authenticator_criteria_missing`, each naming every setting
    /// that is neither in the request nor configured.
    pub fn resolve(&self, asked: &PartialSelection) -> Result<Selection, Refusal> {
        let (rp_id, rp_name, origins) = self.resolve_party(asked)?;
        let own = &self.selection;
        let attachment = asked.attachment.or(own.attachment);
        let resident_key = asked.resident_key.or(own.resident_key);
        let user_verification = self.user_verification(asked.user_verification);
        let (Some(attachment), Some(resident_key), Some(user_verification)) =
            (attachment, resident_key, user_verification)
        else {
            let mut missing = Vec::new();
            if attachment.is_none() {
                missing.push("attachment");
            }
            if resident_key.is_none() {
                missing.push("resident_key");
            }
            if user_verification.is_none() {
                missing.push("user_verification");
            }
            return Err(Refusal::new(
                Reason::AuthenticatorCriteriaMissing,
                "neither the request nor the Relying Party's settings say which authenticators are wanted",
            )
            .with_members(missing));
        };
        Ok(Selection {
            rp_id,
            rp_name,
            origins,
            attachment,
            resident_key,
            user_verification,
        })
    }

    /// The user verification of a ceremony: the demand of the policy, else the request's wish, else the configured one.
    pub(crate) fn user_verification(
        &self,
        asked: Option<UserVerification>,
    ) -> Option<UserVerification> {
        if self.policy.user_verification_required {
            return Some(UserVerification::Required);
        }
        asked.or(self.selection.user_verification)
    }

    /// RP ID and origins for an authentication.
    pub(crate) fn party(&self, asked: &PartialSelection) -> Result<(RpId, Vec<Origin>), Refusal> {
        let (rp_id, _, origins) = self.resolve_party(asked)?;
        Ok((rp_id, origins))
    }
}

impl Passkeys {
    /// Adds a Relying Party.
    ///
    /// # Errors
    /// `account_unknown`.
    pub async fn create_relying_party(
        &self,
        account: AccountId,
        name: &str,
        selection: PartialSelection,
        attributes: serde_json::Value,
    ) -> Result<RelyingParty, Refusal> {
        let now = self.now();
        let rp = RelyingParty {
            id: RelyingPartyId::random(&*self.randomness),
            account,
            name: name.to_owned(),
            selection,
            policy: self.default_policy.clone(),
            attributes,
            version: 1,
            created: now,
            updated: now,
        };
        let event =
            AuditEvent::new(self.draw(), AuditKind::RelyingPartyCreated, rp.id, now).by(&ADMIN);
        let created = self.storage.create_relying_party(&rp, &event).await?;
        self.directory.forget();
        if created {
            Ok(rp)
        } else {
            Err(Reason::AccountUnknown.into())
        }
    }

    /// The Relying Party with this key, if it belongs to the account.
    ///
    /// # Errors
    /// `relying_party_unknown`, the same whether it does not exist or is another account's.
    pub async fn relying_party(
        &self,
        account: AccountId,
        id: RelyingPartyId,
    ) -> Result<Arc<RelyingParty>, Refusal> {
        let found = self.relying_party_itself(id).await?;
        if found.account == account {
            Ok(found)
        } else {
            Err(Reason::RelyingPartyUnknown.into())
        }
    }

    /// The Relying Party with this key, for a caller who holds something of the Relying Party itself (an access key, a
    /// token, a challenge) instead of the account's secret.
    ///
    /// # Errors
    /// `relying_party_unknown`.
    pub async fn relying_party_itself(
        &self,
        id: RelyingPartyId,
    ) -> Result<Arc<RelyingParty>, Refusal> {
        self.relying_parties
            .get(id, self.now(), async || {
                Ok::<_, Refusal>(self.storage.relying_party(id).await?.map(Arc::new))
            })
            .await?
            .ok_or_else(|| Reason::RelyingPartyUnknown.into())
    }

    /// Relying Parties in the order of their creation.
    pub async fn list_relying_parties(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<RelyingParty>, Refusal> {
        Ok(self.storage.list_relying_parties(account, page).await?)
    }

    /// The Relying Party with this key as it is stored at this moment, for whoever is about to change it.
    ///
    /// # Errors
    /// `relying_party_unknown`, the same whether it does not exist or is another account's.
    pub async fn stored_relying_party(
        &self,
        account: AccountId,
        id: RelyingPartyId,
    ) -> Result<RelyingParty, Refusal> {
        let stored = self.storage.relying_party(id).await?;
        stored
            .filter(|rp| rp.account == account)
            .ok_or_else(|| Reason::RelyingPartyUnknown.into())
    }

    /// Replaces the policy of a Relying Party that was read before. Ceremonies that are pending are not touched: each is
    /// judged by the policy under which it began. `None`: somebody else changed the Relying Party meanwhile.
    ///
    /// # Errors
    /// `relying_party_unknown`.
    pub async fn replace_policy(
        &self,
        before: &RelyingParty,
        policy: Policy,
    ) -> Result<Option<RelyingParty>, Refusal> {
        let now = self.now();
        let rp = RelyingParty {
            policy,
            version: before.version + 1,
            updated: now,
            ..before.clone()
        };
        let event =
            AuditEvent::new(self.draw(), AuditKind::RelyingPartyUpdated, rp.id, now).by(&ADMIN);
        let outcome = self.storage.update_relying_party(&rp, &event).await;
        self.relying_parties.forget(&rp.id);
        match outcome? {
            Update::Done => Ok(Some(rp)),
            Update::Conflict => Ok(None),
            Update::Gone => Err(Reason::RelyingPartyUnknown.into()),
        }
    }

    /// Changes a Relying Party. `change` may run again when somebody else changed it meanwhile.
    ///
    /// # Errors
    /// `relying_party_unknown`; `store_unavailable` when others keep changing it.
    pub async fn update_relying_party(
        &self,
        account: AccountId,
        id: RelyingPartyId,
        change: impl Fn(&mut RelyingParty) + Send + Sync,
    ) -> Result<RelyingParty, Refusal> {
        for _ in 0..UPDATE_TRIES {
            let mut rp = self.stored_relying_party(account, id).await?;
            change(&mut rp);
            rp.version += 1;
            rp.updated = self.now();
            let event =
                AuditEvent::new(self.draw(), AuditKind::RelyingPartyUpdated, id, rp.updated)
                    .by(&ADMIN);
            let outcome = self.storage.update_relying_party(&rp, &event).await;
            self.relying_parties.forget(&id);
            self.directory.forget();
            match outcome? {
                Update::Done => return Ok(rp),
                Update::Conflict => {}
                Update::Gone => return Err(Reason::RelyingPartyUnknown.into()),
            }
        }
        Err(Refusal::new(
            Reason::StoreUnavailable,
            "the Relying Party is being changed by others",
        ))
    }

    /// Removes a Relying Party with its users, credentials, ceremonies and webhooks.
    ///
    /// # Errors
    /// `relying_party_unknown`.
    pub async fn delete_relying_party(
        &self,
        account: AccountId,
        id: RelyingPartyId,
    ) -> Result<(), Refusal> {
        self.relying_party(account, id).await?;
        let removed = self.storage.delete_relying_party(id).await;
        self.relying_parties.forget(&id);
        self.directory.forget();
        self.access_keys.clear();
        self.token_keys.clear();
        if removed? {
            Ok(())
        } else {
            Err(Reason::RelyingPartyUnknown.into())
        }
    }
}
