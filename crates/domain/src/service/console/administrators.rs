//! Changes of administrators, which never leave the console without an owner who can sign in.

use super::ConsoleRefusal;
use crate::model::audit::{Actor, AuditKind};
use crate::model::console::{Administrator, CONSOLE_PARTY, ConsoleKind, ConsoleRecord, Role};
use crate::model::ids::UserId;
use crate::model::refusal::Refusal;
use crate::service::Passkeys;
use webauthn::error::Reason;

impl Passkeys {
    /// Sees whether the console can do without an administrator: somebody else is an owner, and has a passkey.
    ///
    /// # Errors
    /// [`ConsoleRefusal::LastOwner`]; faults of the store.
    pub(super) async fn without_owner(&self, of: &Administrator) -> Result<(), ConsoleRefusal> {
        if of.role != Role::Owner {
            return Ok(());
        }
        for other in self.administrators().await? {
            if other.id != of.id
                && other.role == Role::Owner
                && !self.passkeys_of(other.id).await?.1.is_empty()
            {
                return Ok(());
            }
        }
        Err(ConsoleRefusal::LastOwner)
    }

    /// Why the store has not changed an administrator: it refuses what would leave no owner.
    async fn why_unchanged(&self, id: UserId) -> ConsoleRefusal {
        match self.administrator(id).await {
            Ok(there) if there.role == Role::Owner => ConsoleRefusal::LastOwner,
            Ok(_) => ConsoleRefusal::Unknown,
            Err(refusal) => refusal,
        }
    }

    /// Gives an administrator another role, if the one of now is that which the caller has `seen`. Sessions go on with it at once. Invites
    /// and links that the person has made no longer work.
    ///
    /// # Errors
    /// [`ConsoleRefusal::RoleChanged`] when it is not the role that was seen;
    /// [`ConsoleRefusal::Unknown`], [`ConsoleRefusal::LastOwner`]; [`ConsoleRefusal::SignedOut`] or [`ConsoleRefusal::RoleLost`] when the caller
    /// has lost the right meanwhile.
    pub async fn set_role(
        &self,
        id: UserId,
        (seen, role): (Option<Role>, Role),
        by: &Actor,
    ) -> Result<Administrator, ConsoleRefusal> {
        let _turn = self.administrators.lock().await;
        self.must_still_be(by, Role::Owner).await?;
        let before = self.administrator(id).await?;
        if before.role == role {
            return Ok(before);
        }
        if seen.is_some_and(|seen| seen != before.role) {
            return Err(ConsoleRefusal::RoleChanged);
        }
        self.without_owner(&before).await?;
        let earlier = before.role;
        // Also of a higher role: links that ended with the right to make them must not come back with it.
        let after = before.with_role(role);
        let event = self
            .console_event(AuditKind::AdministratorChanged, by)
            .user(id)
            .user_name(&after.name)
            .change("role", Some(earlier.name()), Some(role.name()));
        let record = ConsoleRecord::Administrator(after.clone());
        let replaced = self.storage.replace_console_record(&record, &event).await;
        if replaced.map_err(Refusal::from)? {
            Ok(after)
        } else {
            Err(self.why_unchanged(id).await)
        }
    }

    /// Removes an administrator with all passkeys, invites and sessions.
    ///
    /// # Errors
    /// [`ConsoleRefusal::Unknown`], [`ConsoleRefusal::LastOwner`]; [`ConsoleRefusal::SignedOut`] or [`ConsoleRefusal::RoleLost`] when the caller
    /// has lost the right meanwhile.
    pub async fn remove_administrator(&self, id: UserId, by: &Actor) -> Result<(), ConsoleRefusal> {
        let _turn = self.administrators.lock().await;
        self.must_still_be(by, Role::Owner).await?;
        self.without_owner(&self.administrator(id).await?).await?;
        let kind = AuditKind::AdministratorDeleted;
        let removed = self.remove_console_record(ConsoleKind::Administrator, id.0, kind, by);
        match removed.await {
            Err(ConsoleRefusal::Unknown) => return Err(self.why_unchanged(id).await),
            removed => removed?,
        }
        match self.delete_user(CONSOLE_PARTY, id, by).await {
            Err(refusal) if refusal.reason != Reason::UserUnknown => Err(refusal.into()),
            _ => Ok(()),
        }
    }
}
