//! The passkeys of administrators.

use super::ConsoleRefusal;
use crate::model::audit::Actor;
use crate::model::console::{CONSOLE_PARTY, Role};
use crate::model::credential::CredentialRecord;
use crate::model::ids::{CredentialKey, UserId};
use crate::model::refusal::Refusal;
use crate::model::user::User;
use crate::service::Passkeys;

impl Passkeys {
    pub(super) async fn passkeys_of(
        &self,
        of: UserId,
    ) -> Result<(User, Vec<CredentialRecord>), ConsoleRefusal> {
        Ok(self.user_with_credentials(CONSOLE_PARTY, of).await?)
    }

    /// The passkeys of an administrator, the earliest first.
    ///
    /// # Errors
    /// [`ConsoleRefusal::Unknown`]; faults of the store.
    pub async fn console_passkeys(
        &self,
        of: UserId,
    ) -> Result<Vec<CredentialRecord>, ConsoleRefusal> {
        self.administrator(of).await?;
        let (_, records) = self.passkeys_of(of).await?;
        Ok(records)
    }

    /// Whether this is a passkey of this administrator. The key is drawn at a registration, so that it never comes back.
    pub(super) async fn is_passkey_of(
        &self,
        of: UserId,
        key: Option<CredentialKey>,
    ) -> Result<bool, Refusal> {
        let Some(key) = key else {
            return Ok(false);
        };
        let found = self.storage.credential(CONSOLE_PARTY, key).await?;
        Ok(found.is_some_and(|(record, _)| record.user == of))
    }

    /// Removes a passkey of an administrator. With it ends what began with it: sessions, and the invites and links that were made in them.
    /// All of these ask for the passkey when they are used, so that nothing has to be written for it.
    ///
    /// # Errors
    /// [`ConsoleRefusal::Unknown`]; [`ConsoleRefusal::LastPasskey`] when administrators remove their own only one;
    /// [`ConsoleRefusal::LastOwner`] when no owner could sign in any more; [`ConsoleRefusal::SignedOut`] or [`ConsoleRefusal::RoleLost`] when
    /// the caller has lost the right meanwhile.
    pub async fn remove_console_passkey(
        &self,
        of: UserId,
        key: CredentialKey,
        by: &Actor,
    ) -> Result<(), ConsoleRefusal> {
        let _turn = self.administrators.lock().await;
        let own = by
            .standing
            .is_some_and(|(standing, _)| standing.administrator == of);
        let least = if own { Role::Support } else { Role::Owner };
        self.must_still_be(by, least).await?;
        let administrator = self.administrator(of).await?;
        let (user, records) = self.passkeys_of(of).await?;
        if records.iter().all(|record| record.key != key) {
            return Err(ConsoleRefusal::Unknown);
        }
        if records.len() == 1 {
            if own {
                return Err(ConsoleRefusal::LastPasskey);
            }
            self.without_owner(&administrator).await?;
        }
        Ok(self
            .delete_credential_or_registration(&user, key, by)
            .await?)
    }
}
