//! Relying Parties: who may take part in ceremonies, and under which policy.

use serde::{Deserialize, Serialize};
use webauthn::error::Reason;
use webauthn::options::UserVerification;
use webauthn::origin::Origin;
use webauthn::relying_party::RpId;

use crate::model::clock::Timestamp;
use crate::model::ids::{AccountId, RelyingPartyId};
use crate::model::policy::{PartialSelection, Policy, RelyingPartyOverride, Selection};
use crate::model::refusal::Refusal;
use crate::model::settings::WireSettings;

/// Most characters of the name of a Relying Party.
pub const MAX_RELYING_PARTY_NAME: usize = 256;

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
    /// What it has chosen for each wire.
    pub settings: WireSettings,
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
