//! Relying Parties: create, look up, list, change, delete.

use std::sync::Arc;

use webauthn::error::Reason;

use crate::model::audit::{Actor, AuditEvent, AuditKind, trail_of};
use crate::model::console::CONSOLE_PARTY;
use crate::model::ids::{AccountId, RelyingPartyId};
use crate::model::page::{Page, PageRequest};
use crate::model::policy::{PartialSelection, Policy};
use crate::model::refusal::Refusal;
use crate::model::relying_party::RelyingParty;
use crate::model::settings::WireSettings;
use crate::service::deliveries::told_at_most;
use crate::service::prepared::Prepared;
use crate::service::{Passkeys, UPDATE_TRIES};
use crate::store::Update;

/// Members that change with every change.
const UNTOLD: &[&str] = &["version", "updated"];

impl Passkeys {
    /// Adds a Relying Party.
    ///
    /// # Errors
    /// `account_unknown`; those of [`PartialSelection::judge_reach`].
    pub async fn create_relying_party(
        &self,
        account: AccountId,
        name: &str,
        selection: PartialSelection,
        settings: WireSettings,
        by: &Actor,
    ) -> Result<RelyingParty, Refusal> {
        selection.judge_reach()?;
        let now = self.now();
        let rp = RelyingParty {
            id: RelyingPartyId::random(&*self.randomness),
            account,
            name: name.to_owned(),
            selection,
            policy: self.default_policy.clone(),
            settings,
            version: 1,
            created: now,
            updated: now,
        };
        let event = AuditEvent::new(self.draw(), AuditKind::RelyingPartyCreated, rp.id, now, by);
        let created = self.storage.create_relying_party(&rp, &event).await?;
        self.lookups.clear();
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
    ) -> Result<Arc<Prepared>, Refusal> {
        let found = self.relying_party_itself(id).await?;
        if found.account == account {
            Ok(found)
        } else {
            Err(Reason::RelyingPartyUnknown.into())
        }
    }

    /// The Relying Party with this key, for a caller who holds something of the Relying Party itself (an access key, a
    /// token, a challenge) instead of the account's secret. No caller finds the console's Relying Party.
    ///
    /// # Errors
    /// `relying_party_unknown`.
    pub async fn relying_party_itself(&self, id: RelyingPartyId) -> Result<Arc<Prepared>, Refusal> {
        if id == CONSOLE_PARTY {
            return Err(Reason::RelyingPartyUnknown.into());
        }
        self.any_relying_party(id).await
    }

    /// The Relying Party with this key, that of the console too.
    ///
    /// # Errors
    /// `relying_party_unknown`.
    pub(crate) async fn any_relying_party(
        &self,
        id: RelyingPartyId,
    ) -> Result<Arc<Prepared>, Refusal> {
        self.relying_parties
            .get(id, self.now(), async |before| {
                let Some(record) = self.storage.relying_party(id).await? else {
                    return Ok(None);
                };
                let webhooks = self.storage.list_webhooks(id, told_at_most()).await?;
                Ok::<_, Refusal>(Some(Prepared::after(before, record, &webhooks.items)))
            })
            .await?
            .ok_or_else(|| Reason::RelyingPartyUnknown.into())
    }

    /// Relying Parties in the order of their creation.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn list_relying_parties(
        &self,
        account: AccountId,
        page: PageRequest,
    ) -> Result<Page<RelyingParty>, Refusal> {
        Ok(self.storage.list_relying_parties(account, page).await?)
    }

    /// The Relying Party with this key as it is stored now, for a caller that is about to change it.
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
        by: &Actor,
    ) -> Result<Option<RelyingParty>, Refusal> {
        let now = self.now();
        let rp = RelyingParty {
            policy,
            version: before.version + 1,
            updated: now,
            ..before.clone()
        };
        let event = AuditEvent::new(self.draw(), AuditKind::RelyingPartyUpdated, rp.id, now, by)
            .changed(before, &rp, UNTOLD);
        let event = self.addressed(event).await?;
        let outcome = self.storage.update_relying_party(&rp, &event).await;
        self.relying_parties.forget(&rp.id);
        match outcome? {
            Update::Done => Ok(Some(rp)),
            Update::Conflict => Ok(None),
            Update::Gone => Err(Reason::RelyingPartyUnknown.into()),
        }
    }

    /// Changes a Relying Party. `change` runs again when somebody else changed it meanwhile. If `change` fails, nothing is
    /// changed.
    ///
    /// # Errors
    /// That of `change`; `relying_party_unknown`; those of [`PartialSelection::judge_reach`] if RP ID or origins change; `concurrent_changes`
    /// when others keep changing it.
    pub async fn update_relying_party<E: From<Refusal>>(
        &self,
        account: AccountId,
        id: RelyingPartyId,
        change: impl Fn(&mut RelyingParty) -> Result<(), E> + Send + Sync,
        by: &Actor,
    ) -> Result<RelyingParty, E> {
        for _ in 0..UPDATE_TRIES {
            let stored = self.stored_relying_party(account, id).await?;
            let mut rp = stored.clone();
            change(&mut rp)?;
            let (before, after) = (&stored.selection, &rp.selection);
            // What an earlier passkeyd accepted can still be changed in other ways.
            if (&before.rp_id, &before.origins) != (&after.rp_id, &after.origins) {
                after.judge_reach()?;
            }
            rp.version += 1;
            rp.updated = self.now();
            let event = AuditEvent::new(
                self.draw(),
                AuditKind::RelyingPartyUpdated,
                id,
                rp.updated,
                by,
            )
            .changed(&stored, &rp, UNTOLD);
            let event = self.addressed(event).await?;
            let outcome = self.storage.update_relying_party(&rp, &event).await;
            self.relying_parties.forget(&id);
            self.lookups.clear();
            match outcome.map_err(Refusal::from)? {
                Update::Done => return Ok(rp),
                Update::Conflict => {}
                Update::Gone => return Err(Refusal::from(Reason::RelyingPartyUnknown).into()),
            }
        }
        Err(Refusal::from(Reason::ConcurrentChanges).into())
    }

    /// Removes a Relying Party with its users, credentials, ceremonies and webhooks.
    ///
    /// # Errors
    /// `relying_party_unknown`.
    pub async fn delete_relying_party(
        &self,
        account: AccountId,
        id: RelyingPartyId,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let rp = self.relying_party(account, id).await?;
        let removed = self.storage.delete_relying_party(id, self.now()).await;
        self.relying_parties.forget(&id);
        self.lookups.clear();
        self.access_keys.clear();
        if !removed? {
            return Err(Reason::RelyingPartyUnknown.into());
        }
        // In the trail of the account: that of the Relying Party goes with it.
        let kind = AuditKind::RelyingPartyDeleted;
        let event = AuditEvent::new(self.draw(), kind, trail_of(account), self.now(), by).target(
            "service",
            &id.to_hex(),
            Some(&rp.name),
        );
        self.note(event).await
    }
}
