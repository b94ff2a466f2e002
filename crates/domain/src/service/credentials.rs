//! Credentials and unfinished registrations: look up, list, rename, delete.

use webauthn::error::Reason;

use crate::model::audit::{Actor, AuditEvent, AuditKind};
use crate::model::ceremony::{Ceremony, CeremonyState, Registration};
use crate::model::clock::Timestamp;
use crate::model::credential::{CredentialRecord, Evidence};
use crate::model::ids::{CredentialKey, RelyingPartyId};
use crate::model::page::{Order, Page, PageRequest};
use crate::model::refusal::Refusal;
use crate::model::user::User;
use crate::service::Passkeys;
use crate::service::pending::Key;

/// A credential, or a registration without one.
#[derive(Clone, Debug, PartialEq)]
pub enum CredentialOrRegistration {
    /// Registered.
    Registered(Box<CredentialRecord>),
    /// Started, and not finished or refused.
    Unfinished(Box<Registration>),
}

impl CredentialOrRegistration {
    /// Its key.
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

    /// The evidence of this credential's registration.
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
    pub async fn credential_or_registration(
        &self,
        user: &User,
        key: CredentialKey,
    ) -> Result<CredentialOrRegistration, Refusal> {
        if let Some((record, owner)) = self.storage.credential(user.relying_party, key).await? {
            return if owner.id == user.id {
                Ok(CredentialOrRegistration::Registered(Box::new(record)))
            } else {
                Err(Reason::CredentialUnknown.into())
            };
        }
        self.storage
            .ceremony(user.relying_party, key.into())
            .await?
            .and_then(Ceremony::registration)
            .filter(|c| c.user == user.id && !matches!(c.state, CeremonyState::Succeeded { .. }))
            .map(|c| CredentialOrRegistration::Unfinished(Box::new(c)))
            .ok_or_else(|| Reason::CredentialUnknown.into())
    }

    /// Credentials and unfinished registrations of a user, in the order of their start.
    ///
    /// # Errors
    /// `store_unavailable`.
    pub async fn list_credentials_and_registrations(
        &self,
        user: &User,
        page: PageRequest,
    ) -> Result<Page<CredentialOrRegistration>, Refusal> {
        let rp = user.relying_party;
        // Two sorted lists. A whole page of each is read, so the merged page is complete.
        let registered = self.storage.list_credentials(rp, user.id, page).await?;
        let unfinished = self
            .storage
            .list_unfinished_registrations(rp, user.id, page)
            .await?;
        let more = registered.more || unfinished.more;
        let mut items: Vec<CredentialOrRegistration> = registered
            .items
            .into_iter()
            .map(|r| CredentialOrRegistration::Registered(Box::new(r)))
            .chain(
                unfinished
                    .items
                    .into_iter()
                    .map(|c| CredentialOrRegistration::Unfinished(Box::new(c))),
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

    /// Renames a credential or unfinished registration.
    ///
    /// # Errors
    /// `credential_unknown`.
    pub async fn rename_credential_or_registration(
        &self,
        user: &User,
        key: CredentialKey,
        name: &str,
        by: &Actor,
    ) -> Result<CredentialOrRegistration, Refusal> {
        let now = self.now();
        let rp = user.relying_party;
        let before = self.storage.credential(rp, key).await?;
        let before = before.map(|(record, _)| record.name);
        let before = before.as_deref().filter(|name| !name.is_empty());
        let event = AuditEvent::new(self.draw(), AuditKind::CredentialRenamed, rp, now, by)
            .of(user)
            .credential(key)
            .change("name", before, Some(name));
        if let Some(record) = self
            .storage
            .rename_credential(rp, user.id, key, name, &event)
            .await?
        {
            return Ok(CredentialOrRegistration::Registered(Box::new(record)));
        }
        self.storage
            .rename_registration(rp, user.id, key.into(), name, now)
            .await?
            .map(|c| CredentialOrRegistration::Unfinished(Box::new(c)))
            .ok_or_else(|| Reason::CredentialUnknown.into())
    }

    /// Deletes a credential or unfinished registration.
    ///
    /// # Errors
    /// `credential_unknown`.
    pub async fn delete_credential_or_registration(
        &self,
        user: &User,
        key: CredentialKey,
        by: &Actor,
    ) -> Result<(), Refusal> {
        let rp = user.relying_party;
        let event = AuditEvent::new(
            self.draw(),
            AuditKind::CredentialDeleted,
            rp,
            self.now(),
            by,
        )
        .of(user)
        .credential(key);
        let event = self.addressed(event).await?;
        // The registration first: if it finishes in between, it leaves a credential, which the
        // second call removes.
        let pending = self
            .storage
            .delete_registration(rp, user.id, key.into())
            .await?;
        let counted = Key::of_registration(rp, user.id, None);
        self.pending.end(Some(counted), key.into());
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
