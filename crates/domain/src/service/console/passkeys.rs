//! The passkeys of administrators.

use super::ConsoleRefusal;
use crate::model::audit::{Actor, AuditKind};
use crate::model::console::{CONSOLE_PARTY, ConsoleRecord};
use crate::model::credential::CredentialRecord;
use crate::model::ids::{CredentialKey, SessionId, UserId};
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

    /// Removes a passkey of an administrator, and ends what may have begun with it: the sessions of this administrator but for `kept`, and the
    /// invites and links that this administrator has made.
    ///
    /// # Errors
    /// [`ConsoleRefusal::Unknown`]; [`ConsoleRefusal::LastPasskey`] when administrators remove their own only one;
    /// [`ConsoleRefusal::LastOwner`] when no owner could sign in any more.
    pub async fn remove_console_passkey(
        &self,
        of: UserId,
        key: CredentialKey,
        kept: Option<SessionId>,
        by: &Actor,
    ) -> Result<(), ConsoleRefusal> {
        let _turn = self.administrators.lock().await;
        let administrator = self.administrator(of).await?;
        let (user, records) = self.passkeys_of(of).await?;
        if records.iter().all(|record| record.key != key) {
            return Err(ConsoleRefusal::Unknown);
        }
        if records.len() == 1 {
            if by.administrator == Some(of) {
                return Err(ConsoleRefusal::LastPasskey);
            }
            self.without_owner(&administrator).await?;
        }
        // Before the passkey, too: if this ends halfway, the passkey is still there to be removed again. After it no sign-in begins.
        self.end_what_began(of, kept, by).await?;
        self.delete_credential_or_registration(&user, key, by)
            .await?;
        self.end_what_began(of, kept, by).await
    }

    /// Ends the sessions of an administrator but for `kept`, and the invites and links that this administrator has made.
    async fn end_what_began(
        &self,
        of: UserId,
        kept: Option<SessionId>,
        by: &Actor,
    ) -> Result<(), ConsoleRefusal> {
        let administrator = self.administrator(of).await?;
        let event = self
            .console_event(AuditKind::SessionsEnded, by)
            .user(of)
            .user_name(&administrator.name);
        let record = ConsoleRecord::Administrator(administrator.without_sessions(kept));
        let replaced = self.storage.replace_console_record(&record, &event).await;
        if replaced.map_err(Refusal::from)? {
            Ok(())
        } else {
            Err(ConsoleRefusal::Unknown)
        }
    }
}
